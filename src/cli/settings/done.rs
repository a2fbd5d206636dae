//! Everything that `done` needs, from its options.

use super::rate::RateSettings;
use super::write::done_format;
use super::{Connection, Context, Selection};
use crate::cli::args::DoneArgs;
use crate::cli::dates::{ranges, resolve_dates};
use crate::cli::error::UsageError;
use crate::cli::invocation::Origin;
use crate::domain::{DataDate, Topic, Zone};
use crate::http::ConnectionSettings;
use crate::input::Stores;
use crate::protocol::DoneFormat;
use crate::upload::{RetrySettings, with_absolute_days};
use std::path::PathBuf;

/// Which days `done` is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DoneDates {
    /// These; naming a day releases its hold.
    Named(Vec<DataDate>),
    /// The day before today, as the API defines it for an empty list; releases its hold.
    PreviousDay(DataDate),
    /// Every day whose gate opens and that is not held back.
    Pending,
}

/// What `done` was asked to do.
#[derive(Debug, Clone)]
pub struct DoneOptions {
    /// For the client; the target is in it.
    pub connection: ConnectionSettings,
    /// For the limiter.
    pub rate: RateSettings,
    /// How failures are met.
    pub retry: RetrySettings,
    /// Form of the request.
    pub done_format: DoneFormat,
    /// Take hosts that share nothing with those the ledger knows for the target.
    pub same_target: bool,
    /// The zone in which days end.
    pub zone: Zone,
    /// Whether it was typed; otherwise a date keeps the one that it was uploaded with.
    pub zone_is_named: bool,
    /// Topics and stages; its days are empty, see `dates`.
    pub selection: Selection,
    /// Days.
    pub dates: DoneDates,
    /// Topics that each day must have.
    pub expect_topics: Vec<Topic>,
    /// Reports of other machines that must agree.
    pub require_reports: Vec<PathBuf>,
    /// Waive open dead letters.
    pub accept_rejects: bool,
    /// Open the gate by hand.
    pub force: bool,
    /// `--yes-i-mean` given with this word.
    pub confirmed: Option<String>,
    /// Directory of the ledger.
    pub state_dir: PathBuf,
    /// By which inputs in remote stores are looked at.
    pub stores: Stores,
    /// The command line for the ledger's `run` row, without secrets.
    pub command: String,
}

/// What was typed, with its days as they are now.
fn command_again(context: Context<'_>, args: &DoneArgs, dates: &DoneDates) -> String {
    let typed = &context.invocation.command_line;
    match dates {
        DoneDates::Named(days) if args.date.iter().any(|spec| spec.is_relative()) => {
            with_absolute_days(typed, &ranges(&days.iter().copied().collect()))
        }
        _ => typed.clone(),
    }
}

impl DoneOptions {
    /// Resolves and checks the options of `done`.
    pub fn resolve(context: Context<'_>, args: &DoneArgs) -> Result<Self, UsageError> {
        if let Some(stage) = args.stage.iter().find(|stage| !stage.is_offline()) {
            return Err(UsageError::new(format!(
                "stage {stage} has no done; leave it out"
            )));
        }
        if args.pending && !args.date.is_empty() {
            return Err(UsageError::new(
                "--pending is about all days; leave out --date, or --pending",
            ));
        }
        if args.force && args.date.is_empty() {
            return Err(UsageError::new(
                "--force opens the gate by hand, so the day must be named with --date",
            ));
        }
        let rate = RateSettings::resolve(&args.rate)?;
        let connection = Connection::resolve(context, args.retry.timeout, None)?;
        let dates = Self::dates(context, args, connection.zone)?;
        Ok(Self {
            rate,
            retry: RetrySettings {
                retry_for: args.retry.retry_for,
                max_delay: args.retry.retry_max_delay,
            },
            done_format: done_format(args.done_format),
            same_target: args.same_target,
            zone: connection.zone,
            zone_is_named: context.invocation.origin("timezone") == Origin::Flag,
            selection: Selection {
                topics: args.topic.clone(),
                stages: args.stage.clone(),
                dates: Vec::new(),
                target: None,
            },
            command: command_again(context, args, &dates),
            dates,
            expect_topics: args.expect_topics.clone(),
            require_reports: args.require_report.clone(),
            accept_rejects: args.accept_rejects,
            force: args.force,
            confirmed: args.yes_i_mean.clone(),
            state_dir: connection.state_dir,
            stores: connection.stores,
            connection: connection.settings,
        })
    }

    fn dates(context: Context<'_>, args: &DoneArgs, zone: Zone) -> Result<DoneDates, UsageError> {
        if args.pending {
            return Ok(DoneDates::Pending);
        }
        if args.date.is_empty() {
            return zone
                .day_of(context.now)
                .previous()
                .map(DoneDates::PreviousDay)
                .ok_or_else(|| UsageError::new("there is no day before today; give --date"));
        }
        resolve_dates(&args.date, zone, context.now)
            .map(DoneDates::Named)
            .map_err(|error| UsageError::new(error.of("--date")))
    }
}
