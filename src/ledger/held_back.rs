//! Dates whose `done` waits until a person names them: `--no-done` asked for it, or an answer that only
//! the console explains.

use super::audit::record_event;
use super::error::LedgerError;
use super::id::{PartitionId, RunId};
use rusqlite::Connection;

/// Holds `done` back until a person names the date.
pub(super) fn hold(
    db: &Connection,
    id: PartitionId,
    run: RunId,
    why: &str,
) -> Result<(), LedgerError> {
    db.execute("UPDATE partition SET held_back = 1 WHERE id = ?1", [id.0])
        .map_err(|e| LedgerError::database("hold a date back", e))?;
    record_event(db, Some(id), Some(run), "held_back", why)
}

/// Lifts the hold.
pub(super) fn release(db: &Connection, id: PartitionId, run: RunId) -> Result<(), LedgerError> {
    db.execute("UPDATE partition SET held_back = 0 WHERE id = ?1", [id.0])
        .map_err(|e| LedgerError::database("release a hold", e))?;
    record_event(db, Some(id), Some(run), "hold_released", "")
}
