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
        let doing = "look up how far a stream is settled";
        let unsettled: Option<i64> = self
            .db
            .prepare_cached(&format!(
                "SELECT min(first_record) FROM batch
                 WHERE first_input = ?2 AND partition = ?1 AND state IN {UNSETTLED}"
            ))
            .and_then(|mut query| query.query_row([partition.0, input.0], |row| row.get(0)))
            .map_err(failed(doing))?;
        // The stretch with the first row that is not settled, or else the place behind the last one.
        let (chosen, reached) = match unsettled {
            Some(record) => ("first_record <= ?2", (record, "line")),
            None => ("?2 = ?2", (0, "line + lines")),
        };
        let next: Option<i64> = self
            .db
            .prepare_cached(&format!(
                "SELECT {} FROM chunk WHERE input = ?1 AND {chosen}
                 ORDER BY byte_offset DESC LIMIT 1",
                reached.1
            ))
            .and_then(|mut query| {
                query
                    .query_row(params![input.0, reached.0], |row| row.get(0))
                    .optional()
            })
            .map_err(failed(doing))?;
        Ok(next.map(unsigned).and_then(|next| next.checked_sub(1)))
    }
}
