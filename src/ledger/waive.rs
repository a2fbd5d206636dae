//! Waiving: a person accepts the loss of dead letters, and the audit trail says who and how many.
//!
//! A waived dead letter no longer counts against the budget of its date; its row stays in the file
//! under `rejects/`. Nothing is sent here.

use super::audit::record_event;
use super::error::LedgerError;
use super::id::{PartitionId, RunId};
use super::rejects::CONCERNING;
use rusqlite::{Connection, params};

/// Which dead letters a person gives up, and how.
#[derive(Debug, Clone)]
pub struct Waiver {
    /// The date.
    pub partition: PartitionId,
    /// The run that does it; its row in the ledger has the process and the command.
    pub run: Option<RunId>,
    /// Their numbers; empty for all open ones of the date.
    pub ids: Vec<i64>,
    /// What the audit trail says.
    pub why: String,
}

pub(super) fn waive(db: &Connection, waiver: &Waiver) -> Result<u64, LedgerError> {
    let failed = |e| LedgerError::database("waive dead letters", e);
    let mut waived = 0;
    if waiver.ids.is_empty() {
        waived = db
            .execute(
                &format!(
                    "UPDATE reject AS r SET state = 'waived' WHERE {CONCERNING} AND state = 'open'"
                ),
                [waiver.partition.0],
            )
            .map_err(failed)?;
    }
    for id in &waiver.ids {
        let changed = db
            .prepare_cached(&format!(
                "UPDATE reject AS r SET state = 'waived'
                 WHERE {CONCERNING} AND id = ?2 AND state = 'open'"
            ))
            .and_then(|mut update| update.execute(params![waiver.partition.0, id]))
            .map_err(failed)?;
        waived = waived.saturating_add(changed);
    }
    if waived > 0 {
        let what = format!("{waived} dead letters; {}", waiver.why);
        record_event(db, Some(waiver.partition), waiver.run, "waived", &what)?;
    }
    Ok(u64::try_from(waived).unwrap_or(u64::MAX))
}
