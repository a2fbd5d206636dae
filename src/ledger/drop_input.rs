//! `ledger drop-input`: a person gives up what was not sent of an input.

use super::audit::record_event;
use super::error::LedgerError;
use super::gate::Gate;
use super::housekeeping::dates_of;
use super::id::InputId;
use super::known::KnownPartition;
use super::{Ledger, Pending, inputs, lock, query, remainder};
use crate::text::grouped;
use rusqlite::Connection;
use std::fmt;
use std::path::Path;

/// What is on the platform of an input that was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// Rows that are there, as far as can be known.
    pub stored: u64,
    /// Rows of which no answer says whether they are.
    pub unknown: u64,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stored, unknown } = self;
        write!(f, "{} of its rows stay on the platform", grouped(*stored))?;
        if *unknown > 0 {
            let unknown = grouped(*unknown);
            write!(
                f,
                ", and {unknown} more may be there: no answer to them was recorded"
            )?;
        }
        Ok(())
    }
}

impl Ledger {
    /// Lets a date no longer wait for an input; tells how many of its rows stay on the platform.
    pub fn drop_input(
        &self,
        known: KnownPartition,
        input: InputId,
        name: String,
    ) -> Pending<Dropped> {
        let state_dir = self.state_dir.clone();
        self.writer
            .submit(move |session| drop_input(session.db, &state_dir, &known, input, &name))
    }
}

/// `ledger drop-input`: the dates of this input no longer wait for it. What was stored of it stays on
/// the platform and in the counts; what was not sent is given up. Rows of others in the same batch are
/// still sent.
fn drop_input(
    db: &Connection,
    state_dir: &Path,
    known: &KnownPartition,
    input: InputId,
    name: &str,
) -> Result<Dropped, LedgerError> {
    let dates = dates_of(db, input, known)?;
    if let Some(closed) = dates
        .iter()
        .find(|date| date.gate.is_done() || date.gate == Gate::Sealed)
    {
        return Err(LedgerError::Forbidden(format!(
            "{} is {}; its inputs cannot be dropped any more",
            closed.partition,
            closed.gate.as_str()
        )));
    }
    let Some(_lock) = lock::try_lock(state_dir, &lock::of_input(input))? else {
        return Err(inputs::busy(db, input, name)?);
    };
    let unknown = unknown_rows_of(db, input)?;
    remainder::take_out(db, state_dir, input, name)?;
    let dropped = Dropped {
        stored: stored_rows_of(db, input)?,
        unknown,
    };
    for statement in [
        "UPDATE batch SET state = 'dropped' WHERE first_input = ?1
           AND state IN ('intended', 'foreign', 'undetermined')",
        "UPDATE input SET state = 'dropped', run = NULL WHERE id = ?1",
        "UPDATE reject SET state = 'waived' WHERE input = ?1 AND state = 'open'",
        // What it was to replace is lost again, unless a person gave it up.
        "UPDATE reject SET state = 'open', replayed_by = NULL
           WHERE replayed_by = ?1 AND state IN ('open', 'replayed')",
    ] {
        db.execute(statement, [input.0]).map_err(failed)?;
    }
    let why = format!("{name}; {dropped}");
    for date in &dates {
        record_event(db, Some(date.id), None, "input_dropped", &why)?;
    }
    Ok(dropped)
}

/// Rows of an input that may be on the platform without an answer that says so. What a run that was
/// killed had intended may have left.
fn unknown_rows_of(db: &Connection, input: InputId) -> Result<u64, LedgerError> {
    db.query_row(
        "SELECT coalesce(sum(rows), 0) FROM batch WHERE first_input = ?1
           AND (state IN ('foreign', 'undetermined')
             OR (state = 'intended'
               AND (unknown > 0 OR (SELECT run FROM input WHERE id = ?1) IS NOT NULL)))",
        [input.0],
        |row| row.get(0).map(query::unsigned),
    )
    .map_err(failed)
}

/// Rows of an input that are on the platform, as far as can be known.
fn stored_rows_of(db: &Connection, input: InputId) -> Result<u64, LedgerError> {
    db.query_row(
        "SELECT
           (SELECT coalesce(sum(b.accepted + b.unconfirmed), 0) FROM batch b
            WHERE b.first_input = ?1 AND NOT EXISTS (SELECT 1 FROM piece p WHERE p.batch = b.id))
         + (SELECT coalesce(sum(p.rows - (SELECT count(*) FROM reject r
                                          WHERE r.batch = b.id AND r.input = ?1)), 0)
            FROM piece p JOIN batch b ON b.id = p.batch
            WHERE p.input = ?1 AND b.accepted + b.unconfirmed > 0)",
        [input.0],
        |row| row.get(0).map(query::unsigned),
    )
    .map_err(failed)
}

fn failed(error: rusqlite::Error) -> LedgerError {
    LedgerError::database("drop an input", error)
}
