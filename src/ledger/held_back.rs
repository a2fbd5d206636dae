//! Dates whose `done` waits until a person names them: `--no-done` asked for it, or an answer that only
//! the console explains.

use super::audit::record_event;
use super::error::LedgerError;
use super::id::{PartitionId, RunId};
use super::reader::LedgerReader;
use rusqlite::{Connection, OptionalExtension};

/// Holds `done` back until a person names the date. A reason that stands already is not told again.
pub(super) fn hold(
    db: &Connection,
    id: PartitionId,
    run: RunId,
    why: &str,
) -> Result<(), LedgerError> {
    db.execute("UPDATE partition SET held_back = 1 WHERE id = ?1", [id.0])
        .map_err(|e| LedgerError::database("hold a date back", e))?;
    if reason(db, id)?.is_some_and(|known| known == why) {
        return Ok(());
    }
    record_event(db, Some(id), Some(run), "held_back", why)
}

/// Why the last hold was asked for, unless it was lifted since.
fn reason(db: &Connection, id: PartitionId) -> Result<Option<String>, LedgerError> {
    let last = db
        .query_row(
            "SELECT what, why FROM event
             WHERE partition = ?1 AND what IN ('held_back', 'hold_released')
             ORDER BY id DESC LIMIT 1",
            [id.0],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
        )
        .optional()
        .map_err(|e| LedgerError::database("read the audit trail", e))?;
    Ok(last.and_then(|(what, why)| (what == "held_back").then_some(why)))
}

impl LedgerReader {
    /// Why `done` of a date is held back, where that is on record.
    pub fn hold_reason(&self, date: PartitionId) -> Result<Option<String>, LedgerError> {
        reason(&self.db, date)
    }
}

/// Lifts the hold.
pub(super) fn release(db: &Connection, id: PartitionId, run: RunId) -> Result<(), LedgerError> {
    db.execute("UPDATE partition SET held_back = 0 WHERE id = ?1", [id.0])
        .map_err(|e| LedgerError::database("release a hold", e))?;
    record_event(db, Some(id), Some(run), "hold_released", "")
}
