//! How far a partition of a stream is settled: the number up to which its checkpoint may be committed.
//!
//! For such an input the lines of a stretch are the numbers of its records. Whatever is not known to be
//! settled holds the number back, so it may be too low and is never too high.

use super::LedgerReader;
use super::error::LedgerError;
use super::id::{InputId, PartitionId};
use super::query::{failed, unsigned};
use rusqlite::{OptionalExtension, params};

/// States of batches that may still be sent, or of which nobody knows what became of their rows.
const UNSETTLED: &str = "('intended', 'foreign', 'undetermined')";

impl LedgerReader {
    /// The number of the last record of which all rows, and those of all records before it, are accepted
    /// or dead letters; `None` when there is none.
    pub fn settled_number(
        &self,
        partition: PartitionId,
        input: InputId,
    ) -> Result<Option<u64>, LedgerError> {
        // One statement, so that no batch is intended between one look and another. What comes next is
        // the record of the first row that is not settled, or the one behind the last stretch; before
        // the first stretch nothing is this ledger's.
        let next: Option<i64> = self
            .db
            .prepare_cached(&format!(
                "WITH
                   open AS (SELECT min(first_record) AS record FROM batch
                            WHERE first_input = ?2 AND partition = ?1 AND state IN {UNSETTLED}),
                   reached AS (SELECT c.byte_offset,
                                 CASE WHEN o.record IS NULL THEN c.line + c.lines ELSE c.line END AS next
                               FROM chunk c, open o
                               WHERE c.input = ?2
                                 AND (o.record IS NULL OR c.first_record <= o.record))
                 SELECT next FROM reached
                 WHERE next > (SELECT line FROM chunk WHERE input = ?2 ORDER BY byte_offset LIMIT 1)
                 ORDER BY byte_offset DESC LIMIT 1"
            ))
            .and_then(|mut query| {
                query
                    .query_row(params![partition.0, input.0], |row| row.get(0))
                    .optional()
            })
            .map_err(failed("look up how far a stream is settled"))?;
        Ok(next.map(unsigned).and_then(|next| next.checked_sub(1)))
    }
}
