//! What is settled of an input without end becomes one stretch and one batch, so that the ledger does
//! not grow with time.
//!
//! Only sums are kept of them. The last stretch stays as it is, since the file is known again by it,
//! and so does every batch that anything else speaks of.

use super::error::LedgerError;
use super::id::{InputId, PartitionId};
use super::{Ledger, Pending};
use rusqlite::{Connection, params};

impl Ledger {
    /// Nothing more of an input without end is going to be read. Should it come back, it is read on.
    pub fn end_input(&self, input: InputId) -> Pending<()> {
        self.writer.submit(move |session| {
            let ended = "UPDATE input SET state = 'read' WHERE id = ?1 AND state = 'reading'";
            let ended = session.db.execute(ended, [input.0]);
            ended
                .map(drop)
                .map_err(|error| LedgerError::database("end an input", error))
        })
    }
}

/// Accepted batches of one input alone, whole and never taken apart.
const SETTLED: &str = "partition = ?1 AND first_input = ?2 AND state = ?3 AND parent IS NULL
   AND NOT EXISTS (SELECT 1 FROM piece p WHERE p.batch = batch.id)
   AND NOT EXISTS (SELECT 1 FROM reject r WHERE r.batch = batch.id)";

/// Joins what is settled of an input.
pub(super) fn condense(
    db: &Connection,
    partition: PartitionId,
    input: InputId,
) -> Result<(), LedgerError> {
    let failed = |e| LedgerError::database("join what is settled", e);
    for state in ["accepted", "unconfirmed"] {
        let statements = [
            format!(
                "UPDATE batch SET (last_record, rows, accepted, unconfirmed) = (
                   SELECT max(last_record), sum(rows), sum(accepted), sum(unconfirmed)
                   FROM batch WHERE {SETTLED})
                 WHERE id = (SELECT min(id) FROM batch WHERE {SETTLED})"
            ),
            format!(
                "DELETE FROM batch WHERE {SETTLED}
                   AND id > (SELECT min(id) FROM batch WHERE {SETTLED})"
            ),
        ];
        for statement in statements {
            db.prepare_cached(&statement)
                .and_then(|mut joining| joining.execute(params![partition.0, input.0, state]))
                .map_err(failed)?;
        }
    }
    // The digest of several stretches is that of none.
    for statement in [
        "UPDATE chunk SET (records, invalid, byte_length, lines, digest) = (
           SELECT sum(records), sum(invalid), sum(byte_length), sum(lines), zeroblob(16)
           FROM chunk WHERE input = ?1
             AND byte_offset < (SELECT max(byte_offset) FROM chunk WHERE input = ?1))
         WHERE input = ?1 AND byte_offset = (SELECT min(byte_offset) FROM chunk WHERE input = ?1)
           AND (SELECT count(*) FROM chunk WHERE input = ?1) > 2",
        "DELETE FROM chunk WHERE input = ?1
           AND byte_offset > (SELECT min(byte_offset) FROM chunk WHERE input = ?1)
           AND byte_offset < (SELECT max(byte_offset) FROM chunk WHERE input = ?1)",
    ] {
        db.prepare_cached(statement)
            .and_then(|mut joining| joining.execute([input.0]))
            .map_err(failed)?;
    }
    Ok(())
}
