//! `ledger drop-input` and `drop-event`: dates no longer wait for an input that will never be complete, or
//! for a catalog that nobody will tell.
//!
//! What was stored of it stays on the platform. An input with rows of several dates is given up for
//! all of them at once, and only by a command that means them all.

use super::last_line::succeed;
use super::ledger::{nothing, one_or_more, open, say, selected};
use super::running::ledger_failure;
use super::{Failure, Outcome, Session};
use crate::cli::args::{OnePartitionArgs, SelectionArgs};
use crate::huawei::Expected;
use crate::ledger::{KnownInput, KnownPartition, LedgerReader, PartitionId};
use crate::upload::report::Status;
use std::collections::BTreeSet;
use std::path::Path;

/// Most dates that are named one by one.
const MAX_NAMED: usize = 3;

/// Runs `ledger drop-input`.
pub(super) async fn drop_input(
    session: &Session,
    place: &Path,
    file: &Path,
    args: &SelectionArgs,
) -> Outcome {
    let (reader, dates) = selected(session, place, args)?;
    let Some(reader) = reader else {
        return Err(nothing(place));
    };
    // As the ledger names files; streams have names of their own.
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let names = [file.to_string_lossy(), absolute.to_string_lossy()];
    let selected_dates: Vec<PartitionId> = dates.iter().map(|date| date.id).collect();
    let mut found = Vec::new();
    for date in dates {
        let inputs = reader.inputs(date.id).map_err(ledger_failure)?;
        let named = |input: &KnownInput| names.iter().any(|name| *name == input.name);
        // A file that replaced its own rejected rows is there twice: the replay is given up first.
        if let Some(input) = inputs.into_iter().rev().find(named) {
            found.push((date, input));
        }
    }
    if found.is_empty() {
        return Err(Failure::new(
            Status::Nothing,
            anyhow::anyhow!(
                "the ledger knows no input {}; 'byteair-sync ledger show' lists the inputs with their paths",
                file.display()
            ),
        ));
    }
    let ledger = open(session, place)?;
    let mut dropped = BTreeSet::new();
    for (date, input) in found {
        // A file with rows of several dates is dropped for all of them at once.
        if !dropped.insert(input.id) {
            continue;
        }
        let dates = dates_of(&reader, &date, &input)?;
        let of_input = reader.dates_of(input.id).map_err(ledger_failure)?;
        if !of_input.iter().all(|date| selected_dates.contains(date)) {
            return Err(of_unnamed_dates(&input, &dates));
        }
        let on_platform = ledger
            .drop_input(date, input.id, input.name.clone())
            .committed()
            .await
            .map_err(ledger_failure)?;
        say(
            session,
            &format!("{dates}: no longer waits for {}; {on_platform}", input.name),
        );
    }
    Ok(succeed(session))
}

/// Runs `ledger drop-event`.
pub(super) async fn drop_event(
    session: &Session,
    place: &Path,
    args: &OnePartitionArgs,
) -> Outcome {
    let (reader, dates) = one_or_more(session, place, args)?;
    let expected = Expected::read(&reader).map_err(ledger_failure)?;
    let ledger = open(session, place)?;
    let mut all = 0_usize;
    for date in dates {
        let given_up = expected.give_up(&ledger, &date).await;
        let given_up = given_up.map_err(ledger_failure)?;
        if given_up > 0 {
            let text = format!(
                "{}: its on_done event is given up; nothing tells the catalog of it, unless a job that has [on_done] is run for it again",
                date.partition
            );
            say(session, &text);
        }
        all = all.saturating_add(given_up);
    }
    if all > 0 {
        return Ok(succeed(session));
    }
    Err(Failure::new(
        Status::Nothing,
        anyhow::anyhow!(
            "no on_done event is owed for that; 'byteair-sync status' shows what is owed"
        ),
    ))
}

/// The dates that were not named would get their `done` without the rest of the input.
fn of_unnamed_dates(input: &KnownInput, dates: &str) -> Failure {
    Failure::new(
        Status::Usage,
        anyhow::anyhow!(
            "{} may hold rows of {dates}, and not all of these were named; it can only be given up for all of its dates: name them all, or none",
            input.name
        ),
    )
}

/// The dates that an input may hold rows of, for people.
fn dates_of(
    reader: &LedgerReader,
    date: &KnownPartition,
    input: &KnownInput,
) -> Result<String, Failure> {
    let ids = reader.dates_of(input.id).map_err(ledger_failure)?;
    if ids.len() < 2 {
        return Ok(date.partition.to_string());
    }
    let mut names = Vec::new();
    for target in reader.targets().map_err(ledger_failure)? {
        let dates = reader.partitions(&target).map_err(ledger_failure)?;
        let of_input = dates.into_iter().filter(|it| ids.contains(&it.id));
        names.extend(of_input.map(|it| it.partition.to_string()));
    }
    Ok(match names.as_slice() {
        [first, .., last] if names.len() > MAX_NAMED => {
            format!("{first} to {last} ({} dates)", names.len())
        }
        few => few.join(", "),
    })
}
