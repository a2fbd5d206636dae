//! `done`: tell the platform that dates are complete, or say what is missing.

use super::done_hints::{Wait, is_owed, owed_elsewhere, passed_over, reason_to_wait};
use super::last_line::succeed;
use super::ledger::say;
use super::other_reports::Wanted;
use super::running::{Means, Running, ledger_failure};
use super::unknown_topic::unknown_topic;
use super::{Failure, Outcome, Session};
use crate::cli::args::DoneArgs;
use crate::cli::printer::Level;
use crate::cli::settings::{DoneDates, DoneOptions};
use crate::domain::{Partition, Target};
use crate::ledger::{KnownPartition, LedgerReader};
use crate::upload::report::Status;
use crate::upload::{FinishRequest, share_of_hold};
use std::sync::Arc;

/// Runs `done`.
pub(super) async fn run(session: &Session, args: &DoneArgs) -> Outcome {
    let options = DoneOptions::resolve(session.context(), args)?;
    let (target, known) = known_dates(&options)?;
    let chosen = choose(&options, &known);
    require_topics(&options, &chosen)?;
    let done_elsewhere = require_reports(&options, &target, &chosen)?;
    require_confirmation(&options)?;
    let passed_over = passed_over(&options, &known)?;
    for note in owed_elsewhere(&options, &known)?.iter().chain(&passed_over) {
        session.printer.message(Level::Info, note);
    }
    if chosen.is_empty() {
        let misspelt = unknown_topic(&options.state_dir, &options.selection.topics, &known);
        if let Some(failure) = misspelt {
            return Err(failure);
        }
        return nothing_chosen(session, &options, passed_over.is_empty());
    }
    let command = options.command.clone();
    let request = FinishRequest {
        dates: chosen,
        release_hold: !matches!(options.dates, DoneDates::Pending),
        force: options.force,
        accept_rejects: options.accept_rejects,
        done_elsewhere,
        zone: options.zone,
        zone_is_named: options.zone_is_named,
        retry: options.retry,
        format: options.done_format,
        state_dir: options.state_dir.clone(),
        stores: options.stores.clone(),
    };
    let means = Means {
        connection: &options.connection,
        rate: &options.rate,
        quota_service: None,
        state_dir: &options.state_dir,
        command: &options.command,
        throw_away: false,
    };
    let running = Running::start(session, &means, || Ok(target))?;
    let engine = Box::pin(crate::upload::finish(
        request,
        running.services.clone(),
        command,
    ));
    let book = Arc::clone(&running.book);
    let engine = book.watch_done(engine);
    Ok(running.finish(engine).await)
}

fn known_dates(options: &DoneOptions) -> Result<(Target, Vec<KnownPartition>), Failure> {
    let settings = &options.connection;
    let nothing = (settings.target.clone(), Vec::new());
    let Some(reader) = LedgerReader::open(&options.state_dir).map_err(ledger_failure)? else {
        return Ok(nothing);
    };
    let found = reader
        .find_target(&settings.target, &settings.hosts, options.same_target)
        .map_err(ledger_failure)?;
    match found {
        None => Ok(nothing),
        Some(target) => {
            let known = reader.partitions(&target).map_err(ledger_failure)?;
            Ok((target.target, known))
        }
    }
}

/// The dates that the command is about, whatever their state.
fn choose(options: &DoneOptions, known: &[KnownPartition]) -> Vec<KnownPartition> {
    known
        .iter()
        .filter(|date| is_selected(options, date))
        .filter(|date| match (&options.dates, date.partition.date()) {
            (DoneDates::Named(days), Some(day)) => days.contains(&day),
            (DoneDates::PreviousDay(previous), Some(day)) => *previous == day,
            (DoneDates::Pending, Some(day)) => {
                is_owed(date) && reason_to_wait(options, date, day) == Wait::No
            }
            (_, None) => false,
        })
        .cloned()
        .collect()
}

pub(super) fn is_selected(options: &DoneOptions, date: &KnownPartition) -> bool {
    let partition = &date.partition;
    partition.date().is_some() && options.selection.matches(partition)
}

fn require_topics(options: &DoneOptions, chosen: &[KnownPartition]) -> Result<(), Failure> {
    let absent: Vec<String> = options
        .expect_topics
        .iter()
        .filter(|topic| !chosen.iter().any(|date| date.partition.topic == **topic))
        .map(ToString::to_string)
        .collect();
    if absent.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Status::Unfinished,
        anyhow::anyhow!(
            "--expect-topics: the ledger knows nothing of {} for {}; no done was sent",
            absent.join(", "),
            days_of(options)
        ),
    ))
}

fn require_reports(
    options: &DoneOptions,
    target: &Target,
    chosen: &[KnownPartition],
) -> Result<Vec<Partition>, Failure> {
    let own = crate::ledger::name_of(&options.state_dir).map_err(ledger_failure)?;
    let dates: Vec<Partition> = chosen.iter().map(|date| date.partition.clone()).collect();
    let wanted = Wanted {
        target,
        own_ledger: own.as_deref(),
        dates: &dates,
    };
    let objections = wanted.objections(&options.require_reports);
    if !objections.is_empty() {
        return Err(Failure::new(
            Status::Unfinished,
            anyhow::anyhow!(
                "--require-report: {}; no done was sent",
                objections.join("; ")
            ),
        ));
    }
    let elsewhere = wanted.done_elsewhere(&options.require_reports);
    require_all_machines(options, chosen, &elsewhere)?;
    Ok(elsewhere)
}

/// An equal share of the rate tells how many machines there are.
fn require_all_machines(
    options: &DoneOptions,
    chosen: &[KnownPartition],
    elsewhere: &[Partition],
) -> Result<(), Failure> {
    let given = options.require_reports.len();
    let is_confirmed = options.confirmed.as_deref() == Some(given.to_string().as_str());
    let reader = LedgerReader::open(&options.state_dir).map_err(ledger_failure)?;
    let Some(reader) = reader.filter(|_| given > 0 && !is_confirmed) else {
        return Ok(());
    };
    for date in chosen.iter().filter(|date| date.held_back) {
        let why = reader.hold_reason(date.id).map_err(ledger_failure)?;
        let share = why.as_deref().and_then(share_of_hold).unwrap_or_default();
        let machines = share.strip_prefix("1/").and_then(|it| it.parse().ok());
        let others = machines.map_or(1, |machines: usize| machines.saturating_sub(1));
        if given >= others || elsewhere.contains(&date.partition) {
            continue;
        }
        return Err(Failure::new(
            Status::Unfinished,
            anyhow::anyhow!(
                "--require-report: {} was uploaded with --rate-share {share}, so {others} other machines should have \
                 rows of it, and {given} of their reports {} given; no done was sent. Name the others too, or, if \
                 there are no more, add --yes-i-mean {given}",
                date.partition,
                if given == 1 { "is" } else { "are" }
            ),
        ));
    }
    Ok(())
}

fn require_confirmation(options: &DoneOptions) -> Result<(), Failure> {
    let (true, DoneDates::Named(days)) = (options.force, &options.dates) else {
        return Ok(());
    };
    let confirmed = days
        .iter()
        .all(|day| options.confirmed.as_deref() == Some(day.to_string().as_str()));
    if confirmed {
        return Ok(());
    }
    Err(Failure::new(
        Status::Usage,
        anyhow::anyhow!(
            "--force sends done although something is missing, and the platform then takes no more data for the date; name it again with --yes-i-mean {}",
            days_of(options)
        ),
    ))
}

fn days_of(options: &DoneOptions) -> String {
    match &options.dates {
        DoneDates::Named(days) => {
            let days: Vec<String> = days.iter().map(ToString::to_string).collect();
            days.join(",")
        }
        DoneDates::PreviousDay(day) => day.to_string(),
        DoneDates::Pending => "any date".to_owned(),
    }
}

fn nothing_chosen(session: &Session, options: &DoneOptions, nothing_waits: bool) -> Outcome {
    if options.dates == DoneDates::Pending {
        let text = if nothing_waits {
            "nothing is owed: no date waits for its done"
        } else {
            "nothing is owed but what is named above"
        };
        say(session, text);
        return Ok(succeed(session));
    }
    Err(Failure::new(
        Status::Nothing,
        anyhow::anyhow!(
            "the ledger {} knows nothing for {} of {}; nothing was sent. 'byteair-sync ledger list' shows what it knows",
            options.state_dir.display(),
            days_of(options),
            options.connection.target
        ),
    ))
}
