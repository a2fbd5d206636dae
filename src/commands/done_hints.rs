//! `done`, what it says of dates that it passes over: why they wait, and what to type for them.

use super::Failure;
use super::done::is_selected;
use super::running::ledger_failure;
use crate::cli::settings::{DoneDates, DoneOptions};
use crate::domain::{DataDate, Zone};
use crate::huawei::Expected;
use crate::ledger::{Gate, KnownPartition, LedgerReader};
use crate::upload::{OTHER_REPORTS, carried_options, why_held_for_others};
use chrono::Utc;
use std::collections::BTreeMap;

/// Whether the platform has not got the `done` of a date.
pub(super) const fn is_owed(date: &KnownPartition) -> bool {
    matches!(date.gate, Gate::Open | Gate::Sealed)
}

/// Why a date that is owed is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// It is not.
    No,
    /// Its day is not over in this zone.
    Day(Zone),
    /// It is held back until somebody names it.
    Held,
}

/// Why `--pending` passes over a date that is owed. Once a `done` may have gone out nothing is waited
/// for any more.
pub(super) fn reason_to_wait(options: &DoneOptions, date: &KnownPartition, day: DataDate) -> Wait {
    if date.gate == Gate::Sealed {
        return Wait::No;
    }
    let zone = if options.zone_is_named {
        options.zone
    } else {
        date.guards.zone_or(options.zone)
    };
    if !zone.is_over(day, Utc::now()) {
        return Wait::Day(zone);
    }
    if date.held_back { Wait::Held } else { Wait::No }
}

/// What `--pending` says of the dates that it passes over, and of events that are owed.
pub(super) fn passed_over(
    options: &DoneOptions,
    known: &[KnownPartition],
) -> Result<Vec<String>, Failure> {
    let reader = LedgerReader::open(&options.state_dir).map_err(ledger_failure)?;
    let Some(reader) = reader.filter(|_| options.dates == DoneDates::Pending) else {
        return Ok(Vec::new());
    };
    let mut told = Vec::new();
    for date in known
        .iter()
        .filter(|date| is_selected(options, date) && is_owed(date))
    {
        let Some(day) = date.partition.date() else {
            continue;
        };
        match reason_to_wait(options, date, day) {
            Wait::No => {}
            Wait::Day(zone) => {
                told.push(format!("{}: the day is not over in {zone}", date.partition));
            }
            Wait::Held => told.push(held_back(options, &reader, date, day)?),
        }
    }
    told.extend(owed_events(options, &reader, known)?);
    Ok(told)
}

/// What is said of a date that is held back: naming it sends its `done`, and that may be too early.
fn held_back(
    options: &DoneOptions,
    reader: &LedgerReader,
    date: &KnownPartition,
    day: DataDate,
) -> Result<String, Failure> {
    let partition = &date.partition;
    let command = done_of(options, date, day);
    let for_others = why_held_for_others(reader, date).map_err(ledger_failure)?;
    Ok(match for_others {
        Some(why) => format!(
            "{partition}: done is held back ({why}); {command}{OTHER_REPORTS} sends it, if the --report of each other machine agrees"
        ),
        None => format!(
            "{partition}: done is held back; {command} releases it, of several machines when all are finished (--require-report)"
        ),
    })
}

/// The `done` of one date.
fn done_of(options: &DoneOptions, date: &KnownPartition, day: DataDate) -> String {
    format!(
        "byteair-sync done --topic {} --stage {} --date {day}{}",
        date.partition.topic,
        date.partition.stage.kind(),
        carried_options(&options.command)
    )
}

/// The dates that are done and whose catalogs have not heard of it, with who tells them.
fn owed_events(
    options: &DoneOptions,
    reader: &LedgerReader,
    known: &[KnownPartition],
) -> Result<Vec<String>, Failure> {
    let expected = Expected::read(reader).map_err(ledger_failure)?;
    let owed = known
        .iter()
        .filter(|date| is_selected(options, date) && expected.owes(date));
    let told = owed.map(|date| {
        format!(
            "{}: it is done, and its on_done event is owed; any run of its job file sends it, or, when no job has [on_done] any more, 'byteair-sync ledger drop-event' gives it up",
            date.partition
        )
    });
    Ok(told.collect())
}

/// What is said of the days that wait for `done` although the bare command is not about them. A
/// command that names a whole day would release the holds of it.
pub(super) fn owed_elsewhere(
    options: &DoneOptions,
    known: &[KnownPartition],
) -> Result<Vec<String>, Failure> {
    let DoneDates::PreviousDay(previous) = options.dates else {
        return Ok(Vec::new());
    };
    let Some(reader) = LedgerReader::open(&options.state_dir).map_err(ledger_failure)? else {
        return Ok(Vec::new());
    };
    let mut days: BTreeMap<DataDate, Vec<&KnownPartition>> = BTreeMap::new();
    for date in known.iter().filter(|date| is_owed(date)) {
        if let Some(day) = date.partition.date().filter(|day| *day != previous) {
            days.entry(day).or_default().push(date);
        }
    }
    let mut hints = Vec::new();
    for (day, dates) in days {
        if !dates.iter().any(|date| date.held_back) {
            let carried = carried_options(&options.command);
            hints.push(format!(
                "owed as well: byteair-sync done --date {day}{carried}"
            ));
            continue;
        }
        for date in dates {
            let hint = if date.held_back {
                held_back(options, &reader, date, day)?
            } else {
                done_of(options, date, day)
            };
            hints.push(format!("owed as well: {hint}"));
        }
    }
    Ok(hints)
}
