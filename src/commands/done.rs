//! `done`: tell the platform that dates are complete, or say what is missing.

use super::other_reports::objection;
use super::running::{Means, Running, ledger_failure};
use super::{Failure, Outcome, Session};
use crate::cli::args::DoneArgs;
use crate::cli::printer::Level;
use crate::cli::settings::{DoneDates, DoneOptions};
use crate::domain::{DataDate, Partition, Target};
use crate::ledger::{Gate, KnownPartition, LedgerReader};
use crate::upload::FinishRequest;
use crate::upload::report::Status;

/// Runs `done`.
pub(super) async fn run(session: &Session, args: &DoneArgs) -> Outcome {
    let options = DoneOptions::resolve(session.context(), args)?;
    let (target, known) = known_dates(&options)?;
    let chosen = choose(&options, &known);
    require_topics(&options, &chosen)?;
    require_reports(&options, &chosen)?;
    require_confirmation(&options)?;
    for date in owed_elsewhere(&options, &known) {
        let hint = format!("owed as well: byteair-sync done --date {date}");
        session.printer.message(Level::Info, &hint);
    }
    if chosen.is_empty() {
        return nothing_known(&options);
    }
    let command = options.command.clone();
    let request = FinishRequest {
        dates: chosen,
        release_hold: !matches!(options.dates, DoneDates::Pending),
        force: options.force,
        accept_rejects: options.accept_rejects,
        zone: options.zone,
        retry: options.retry,
        format: options.done_format,
        state_dir: options.state_dir.clone(),
    };
    let means = Means {
        connection: &options.connection,
        rate: &options.rate,
        state_dir: &options.state_dir,
        command: &options.command,
        throw_away: false,
    };
    let running = Running::start(session, &means, || Ok(target))?;
    let engine = crate::upload::finish(request, running.services.clone(), command);
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
        .filter(|date| date.partition.date().is_some())
        .filter(|date| {
            options
                .selection
                .matches(&date.partition.topic, date.partition.stage)
        })
        .filter(|date| match (&options.dates, date.partition.date()) {
            (DoneDates::Named(days), Some(day)) => days.contains(&day),
            (DoneDates::PreviousDay(previous), Some(day)) => *previous == day,
            (DoneDates::Pending, _) => {
                matches!(date.gate, Gate::Open | Gate::Sealed) && !date.held_back
            }
            (_, None) => false,
        })
        .cloned()
        .collect()
}

/// Dates that wait for `done` although the bare command is not about them.
fn owed_elsewhere(options: &DoneOptions, known: &[KnownPartition]) -> Vec<DataDate> {
    let DoneDates::PreviousDay(previous) = options.dates else {
        return Vec::new();
    };
    let mut days: Vec<DataDate> = known
        .iter()
        .filter(|date| matches!(date.gate, Gate::Open | Gate::Sealed))
        .filter_map(|date| date.partition.date())
        .filter(|day| *day != previous)
        .collect();
    days.sort_unstable();
    days.dedup();
    days
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

fn require_reports(options: &DoneOptions, chosen: &[KnownPartition]) -> Result<(), Failure> {
    let dates: Vec<Partition> = chosen.iter().map(|date| date.partition.clone()).collect();
    let objections: Vec<String> = options
        .require_reports
        .iter()
        .filter_map(|path| objection(path, &dates))
        .collect();
    if objections.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Status::Unfinished,
        anyhow::anyhow!(
            "--require-report: {}; no done was sent",
            objections.join("; ")
        ),
    ))
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

fn nothing_known(options: &DoneOptions) -> Outcome {
    if matches!(options.dates, DoneDates::Pending) {
        return Ok(Status::Success);
    }
    Err(Failure::new(
        Status::Nothing,
        anyhow::anyhow!(
            "the ledger {} knows nothing for {} of {}; nothing was sent",
            options.state_dir.display(),
            days_of(options),
            options.connection.target
        ),
    ))
}
