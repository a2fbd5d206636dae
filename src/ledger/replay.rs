//! Replaying: the rows of an input of corrected rows take the places of dead letters.
//!
//! The letters are claimed in the transaction that registers the input, so that a replay that was
//! cut off goes on with the same ones and no file can ever replace letters of another replay. They
//! stay open until all of the input is settled. Rows of it that are refused again are dead letters
//! of their own, which keep the gate closed; so every letter is replaced by a row or by a letter.

use super::audit::record_event;
use super::error::LedgerError;
use super::id::{InputId, PartitionId, RunId};
use super::query::unsigned;
use super::register::{HeldInput, RegisteredPartition};
use super::rejects::CONCERNING;
use crate::text::grouped;
use rusqlite::{Connection, OptionalExtension, params};

/// What an input of corrected rows is to replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayIntent {
    /// Numbers of the dead letters; empty for all open ones of the date.
    pub letters: Vec<i64>,
    /// Rows that the input has. Without `letters` there must be as many of them as open ones.
    pub rows: u64,
}

/// An input of corrected rows that is uploaded.
#[derive(Debug, Clone, Copy)]
pub struct Replay {
    /// The date.
    pub partition: PartitionId,
    /// The input.
    pub input: InputId,
    /// Rows that it must have had.
    pub rows: u64,
}

/// Claims the dead letters for the only input of a registration, unless it has claimed some before.
pub(super) fn claim(
    db: &Connection,
    run: RunId,
    partitions: &[RegisteredPartition],
    inputs: &[HeldInput],
    intent: &ReplayIntent,
) -> Result<(), LedgerError> {
    let ([date], [input]) = (partitions, inputs) else {
        return Err(LedgerError::Nonsense {
            what: "a replay of other than one input for one date".to_owned(),
        });
    };
    let (partition, input) = (date.id, input.id);
    let name = name_of(db, input)?;
    if count(db, "replayed_by = ?1", input.0)? > 0 {
        return Ok(());
    }
    if rows_read(db, input)? > 0 {
        return Err(LedgerError::Forbidden(format!(
            "{name} itself was uploaded for {} before and not all of its rows were rejected, so they replace no dead letters; give another file that holds nothing but the corrected rows",
            date.partition
        )));
    }
    let claimed = if intent.letters.is_empty() {
        claim_all(db, partition, input)?
    } else {
        claim_named(db, partition, input, &intent.letters)?
    };
    if claimed == 0 || (intent.letters.is_empty() && claimed != intent.rows) {
        return Err(LedgerError::Forbidden(format!(
            "{name} has {} row(s) for {} open dead letter(s) of {}; name those that it replaces with --id",
            grouped(intent.rows),
            grouped(claimed),
            date.partition
        )));
    }
    let why = format!("{claimed} dead letters, by {} rows of {name}", intent.rows);
    record_event(db, Some(partition), Some(run), "replay_begun", &why)
}

fn claim_all(db: &Connection, partition: PartitionId, input: InputId) -> Result<u64, LedgerError> {
    db.execute(
        &format!(
            "UPDATE reject AS r SET replayed_by = ?2
             WHERE {CONCERNING} AND state = 'open' AND replayed_by IS NULL
               AND blocks <> 'nothing'"
        ),
        [partition.0, input.0],
    )
    .map(|claimed| u64::try_from(claimed).unwrap_or(u64::MAX))
    .map_err(failed)
}

fn claim_named(
    db: &Connection,
    partition: PartitionId,
    input: InputId,
    letters: &[i64],
) -> Result<u64, LedgerError> {
    let mut claimed = 0_u64;
    for id in letters {
        let changed = db
            .prepare_cached(&format!(
                "UPDATE reject AS r SET replayed_by = ?3
                     WHERE {CONCERNING} AND id = ?2 AND state = 'open' AND replayed_by IS NULL
                       AND blocks <> 'nothing'"
            ))
            .and_then(|mut update| update.execute(params![partition.0, id, input.0]))
            .map_err(failed)?;
        if changed != 1 {
            return Err(LedgerError::Forbidden(format!(
                "the dead letter {id} is not an open one of this date, or another file replaces it already; see 'byteair-sync rejects list'"
            )));
        }
        claimed = claimed.saturating_add(1);
    }
    Ok(claimed)
}

/// Marks the letters that an input claimed as replayed, when all of it is settled.
pub(super) fn settle(db: &Connection, run: RunId, replay: Replay) -> Result<u64, LedgerError> {
    let open = count(db, "replayed_by = ?1 AND state = 'open'", replay.input.0)?;
    if open == 0 || !is_settled(db, replay.input)? {
        return Ok(0);
    }
    let name = name_of(db, replay.input)?;
    let rows = rows_read(db, replay.input)?;
    if rows != replay.rows {
        return Err(LedgerError::Forbidden(format!(
            "{name} had {} row(s) when it was looked at and {} when it was uploaded; its dead letters stay open: name them with --id and another file, or waive them",
            grouped(replay.rows),
            grouped(rows)
        )));
    }
    db.execute(
        "UPDATE reject SET state = 'replayed' WHERE replayed_by = ?1 AND state = 'open'",
        [replay.input.0],
    )
    .map_err(failed)?;
    let again = count(db, "input = ?1", replay.input.0)?;
    let why =
        format!("{open} dead letters, by {rows} rows of {name}, {again} of them rejected again");
    record_event(db, Some(replay.partition), Some(run), "replayed", &why)?;
    Ok(open)
}

/// Marks the letters of every replay of a date as replayed whose file is settled by now, whoever
/// uploaded the rest of it. A file that replaces another number of letters than it has rows was given
/// them by `--id`, with a count that only its own command knows: that command ends it.
pub(super) fn settle_all(
    db: &Connection,
    run: RunId,
    partition: PartitionId,
) -> Result<u64, LedgerError> {
    let mut statement = db
        .prepare_cached(&format!(
            "SELECT replayed_by, count(*) FROM reject r
                 WHERE {CONCERNING} AND replayed_by IS NOT NULL
                 GROUP BY replayed_by HAVING sum(state = 'open') > 0"
        ))
        .map_err(failed)?;
    let claims: Vec<(InputId, u64)> = statement
        .query_map([partition.0], |row| {
            Ok((InputId(row.get(0)?), unsigned(row.get(1)?)))
        })
        .and_then(Iterator::collect)
        .map_err(failed)?;
    let mut settled = 0_u64;
    for (input, rows) in claims {
        if rows_read(db, input)? == rows {
            let replay = Replay {
                partition,
                input,
                rows,
            };
            settled = settled.saturating_add(settle(db, run, replay)?);
        }
    }
    Ok(settled)
}

/// Inputs of a date that replace dead letters.
pub(super) fn inputs(db: &Connection, partition: PartitionId) -> Result<u64, LedgerError> {
    db.prepare_cached(
        "SELECT count(*) FROM scope s JOIN input i ON i.id = s.input
         WHERE s.partition = ?1 AND i.state <> 'dropped'
           AND EXISTS (SELECT 1 FROM reject r WHERE r.replayed_by = i.id)",
    )
    .and_then(|mut count| count.query_row([partition.0], |row| row.get(0).map(unsigned)))
    .map_err(failed)
}

/// Whether an input was read to its end and the outcome of every batch of it is known.
fn is_settled(db: &Connection, input: InputId) -> Result<bool, LedgerError> {
    db.query_row(
        "SELECT state = 'read'
           AND NOT EXISTS (SELECT 1 FROM batch WHERE first_input = ?1
                           AND state IN ('intended', 'foreign', 'undetermined'))
           AND NOT EXISTS (SELECT 1 FROM piece p JOIN batch b ON b.id = p.batch
                           WHERE p.input = ?1
                             AND b.state IN ('intended', 'foreign', 'undetermined'))
         FROM input WHERE id = ?1",
        [input.0],
        |row| row.get(0),
    )
    .optional()
    .map(|settled| settled.unwrap_or(false))
    .map_err(failed)
}

fn rows_read(db: &Connection, input: InputId) -> Result<u64, LedgerError> {
    db.query_row(
        "SELECT coalesce(sum(records), 0) FROM chunk WHERE input = ?1",
        [input.0],
        |row| row.get(0).map(unsigned),
    )
    .map_err(failed)
}

fn name_of(db: &Connection, input: InputId) -> Result<String, LedgerError> {
    db.query_row("SELECT name FROM input WHERE id = ?1", [input.0], |row| {
        row.get(0)
    })
    .map_err(failed)
}

fn count(db: &Connection, condition: &str, id: i64) -> Result<u64, LedgerError> {
    db.query_row(
        &format!("SELECT count(*) FROM reject WHERE {condition}"),
        [id],
        |row| row.get(0).map(unsigned),
    )
    .map_err(failed)
}

fn failed(source: rusqlite::Error) -> LedgerError {
    LedgerError::database("replay dead letters", source)
}
