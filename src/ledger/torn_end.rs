//! A last row that was half written when its file was read.
//!
//! Such a row is a dead letter like any other bad one. When the file goes on right there, the letter
//! turns out to be about a row that nobody wrote: it is taken back together with the end of the
//! recorded stretch, and reading goes on where that row begins. Only a row that was not sent can be
//! taken back, and whether it still can is asked again in the transaction that does it.

use super::audit::record_event;
use super::error::LedgerError;
use super::id::{InputId, PartitionId, RunId};
use super::query::{failed, unsigned};
use super::rejects::number;
use crate::domain::{Position, RawRange};
use rusqlite::{Connection, OptionalExtension, params};

/// What is on record of the end of an input, and what of it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TornEnd {
    /// The last recorded stretch; its last record is the half-written row.
    pub recorded: RawRange,
    /// The same stretch without that row; it may be empty.
    pub kept: RawRange,
}

/// A dead letter that was not sent, nor replaced or given up.
const UNSENT: &str = "input = ?1 AND record = ?2 AND source = 'local' AND state = 'open'
   AND replayed_by IS NULL";

/// Where a record begins that was rejected before sending, if it is an open dead letter.
pub(super) fn unsent_row(
    db: &Connection,
    input: InputId,
    record: u64,
) -> Result<Option<Position>, LedgerError> {
    db.query_row(
        &format!("SELECT line, byte_offset FROM reject WHERE {UNSENT}"),
        params![input.0, number(record)],
        |row| {
            Ok(Position {
                ordinal: record,
                line: unsigned(row.get(0)?),
                offset: unsigned(row.get(1)?),
            })
        },
    )
    .optional()
    .map_err(failed("look up a dead letter"))
}

/// Takes the dead letter and the end of the stretch back.
pub(super) fn take_back(
    db: &Connection,
    run: RunId,
    (input, name): (InputId, &str),
    torn: &TornEnd,
) -> Result<(), LedgerError> {
    let failed = |e| LedgerError::database("take back a half-written row", e);
    let TornEnd { recorded, kept } = torn;
    let record = kept.first_record.saturating_add(kept.records);
    let partition: Option<i64> = db
        .query_row(
            &format!("DELETE FROM reject WHERE {UNSENT} RETURNING partition"),
            params![input.0, number(record)],
            |row| row.get(0),
        )
        .optional()
        .map_err(failed)?;
    let of_chunk = params![
        input.0,
        number(recorded.offset),
        recorded.digest.to_be_bytes(),
        number(kept.length),
        number(kept.lines),
        kept.digest.to_be_bytes()
    ];
    let shortened = db
        .execute(
            "UPDATE chunk SET records = records - 1, invalid = invalid - 1, byte_length = ?4,
               lines = ?5, digest = ?6
             WHERE input = ?1 AND byte_offset = ?2 AND digest = ?3
               AND byte_offset = (SELECT max(byte_offset) FROM chunk WHERE input = ?1)",
            of_chunk,
        )
        .map_err(failed)?;
    let (Some(partition), 1) = (partition, shortened) else {
        return Err(LedgerError::Outdated {
            input: name.to_owned(),
        });
    };
    if kept.length == 0 {
        db.execute(
            "DELETE FROM chunk WHERE input = ?1 AND byte_offset = ?2",
            params![input.0, number(recorded.offset)],
        )
        .map_err(failed)?;
    }
    let line = recorded.line.saturating_add(kept.lines);
    let what = format!("{name}:{line} was half written when it was read; it is read again");
    let partition = Some(PartitionId(partition));
    record_event(db, partition, Some(run), "taken back", &what)
}
