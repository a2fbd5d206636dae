//! The audit trail: what happened to a date besides its rows, and why.

use super::error::LedgerError;
use super::id::{PartitionId, RunId};
use rusqlite::{Connection, params};

/// Adds a line to the audit trail.
pub(super) fn record_event(
    db: &Connection,
    partition: Option<PartitionId>,
    run: Option<RunId>,
    what: &str,
    why: &str,
) -> Result<(), LedgerError> {
    db.execute(
        "INSERT INTO event (partition, at, run, what, why) VALUES (?1, unixepoch(), ?2, ?3, ?4)",
        params![partition.map(|p| p.0), run.map(|r| r.0), what, why],
    )
    .map_err(|e| LedgerError::database("write the audit trail", e))?;
    Ok(())
}

/// Notes why a batch blocks the `done` of a date, once in a run: the others would say the same.
pub(super) fn note_blocked(
    db: &Connection,
    partition: PartitionId,
    run: RunId,
    why: &str,
) -> Result<(), LedgerError> {
    db.execute(
        "INSERT INTO event (partition, at, run, what, why)
         SELECT ?1, unixepoch(), ?2, 'blocked', ?3
         WHERE NOT EXISTS (SELECT 1 FROM event WHERE partition = ?1 AND run = ?2 AND what = 'blocked')",
        params![partition.0, run.0, why],
    )
    .map_err(|e| LedgerError::database("write the audit trail", e))?;
    Ok(())
}
