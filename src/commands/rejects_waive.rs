//! `rejects waive`: a person accepts the loss of rejected rows. Sends nothing; the ledger keeps who
//! did it, when, and how many rows it was.

use super::last_line::succeed;
use super::ledger::{nothing, open, say, selected};
use super::rejects_replay::arguments_of;
use super::running::ledger_failure;
use super::{Failure, Outcome, Session};
use crate::cli::args::{WaiveArgs, ids_of};
use crate::cli::error::UsageError;
use crate::cli::figure::grouped;
use crate::domain::StageKind;
use crate::ledger::{KnownPartition, LedgerReader, Waiver};
use crate::upload::report::Status;
use crate::upload::{
    HELD_BACK, HELD_FOR_OTHERS, OTHER_REPORTS, carried_options, why_held_for_others,
};
use std::path::Path;

/// Runs `rejects waive`.
pub(super) async fn waive(session: &Session, place: &Path, args: &WaiveArgs) -> Outcome {
    let streaming = args.selection.stage == [StageKind::IncrementalSyncStreaming];
    if args.selection.date.is_empty() && args.id.is_empty() && !streaming {
        return Err(Failure::from(UsageError::new(
            "rows are given up only by name: give --date, or their numbers with --id",
        )));
    }
    let (reader, dates) = selected(session, place, &args.selection)?;
    let Some(reader) = reader.filter(|_| !dates.is_empty()) else {
        return Err(nothing(place));
    };
    let ids = ids_of(&args.id);
    require_known(&reader, &dates, &ids)?;
    let ledger = open(session, place)?;
    let run = ledger.begin_run().committed().await;
    let run = run.map_err(ledger_failure)?;
    for date in &dates {
        let of_date = ids_in(&reader, date, &ids)?;
        if of_date.is_empty() && !ids.is_empty() {
            continue;
        }
        let waiver = Waiver {
            partition: date.id,
            run: Some(run),
            ids: of_date,
            why: session.invocation.command_line.clone(),
        };
        let waived = ledger.waive_rejects(waiver).committed().await;
        tell(session, &reader, date, waived.map_err(ledger_failure)?)?;
    }
    let ended = ledger.end_run(run, Status::Success.code()).committed();
    ended.await.map_err(ledger_failure)?;
    Ok(succeed(session))
}

fn require_known(
    reader: &LedgerReader,
    dates: &[KnownPartition],
    ids: &[i64],
) -> Result<(), Failure> {
    for id in ids {
        let found = reader.reject(*id).map_err(ledger_failure)?;
        if !found.is_some_and(|row| dates.iter().any(|date| date.id == row.partition())) {
            return Err(Failure::new(
                Status::Nothing,
                anyhow::anyhow!(
                    "there is no rejected row {id} in the dates that were named; nothing was waived; 'byteair-sync rejects list' shows them"
                ),
            ));
        }
    }
    Ok(())
}

fn ids_in(reader: &LedgerReader, date: &KnownPartition, ids: &[i64]) -> Result<Vec<i64>, Failure> {
    let mut inside = Vec::new();
    for id in ids {
        let found = reader.reject(*id).map_err(ledger_failure)?;
        if found.is_some_and(|row| row.partition() == date.id) {
            inside.push(*id);
        }
    }
    Ok(inside)
}

/// An input for which `done` would wait.
fn unfinished(reader: &LedgerReader, date: &KnownPartition) -> Result<Option<String>, Failure> {
    let inputs = reader.inputs(date.id).map_err(ledger_failure)?;
    let mut inputs = inputs.into_iter();
    let unfinished = inputs.find(|input| !input.is_finished());
    Ok(unfinished.map(|input| input.name))
}

/// The `done` of the date; of one that is held back, with what else it is that it does.
fn done_of(
    reader: &LedgerReader,
    date: &KnownPartition,
    arguments: &str,
) -> Result<String, Failure> {
    let done = format!("byteair-sync done {arguments}");
    let for_others = why_held_for_others(reader, date).map_err(ledger_failure)?;
    Ok(if for_others.is_some() {
        format!("{done}{OTHER_REPORTS}  # {HELD_FOR_OTHERS}")
    } else if date.held_back {
        format!("{done}  # {HELD_BACK}")
    } else {
        done
    })
}

fn tell(
    session: &Session,
    reader: &LedgerReader,
    date: &KnownPartition,
    waived: u64,
) -> Result<(), Failure> {
    let left = reader.open_rejects(date.id).map_err(ledger_failure)?;
    let left: u64 = left.iter().map(|input| input.count).sum();
    let carried = carried_options(&session.invocation.command_line);
    let arguments = format!("{}{carried}", arguments_of(&date.partition));
    let next = if left > 0 {
        format!(
            "; {} still open: byteair-sync rejects list {arguments}",
            grouped(left)
        )
    } else if date.gate.is_done() || date.partition.date().is_none() {
        String::new()
    } else if let Some(input) = unfinished(reader, date)? {
        format!("; {input} is not uploaded to its end: byteair-sync ledger show {arguments}")
    } else {
        format!("; next: {}", done_of(reader, date, &arguments)?)
    };
    say(
        session,
        &format!(
            "{}: {} rejected row(s) waived{next}",
            date.partition,
            grouped(waived)
        ),
    );
    Ok(())
}
