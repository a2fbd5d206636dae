//! Whether the platform has anything of a date.

use super::LedgerReader;
use super::error::LedgerError;
use super::known::KnownPartition;
use super::query::failed;

impl LedgerReader {
    /// Whether the platform has taken rows of a date, or its `done`.
    pub fn has_stored_rows(&self, known: &KnownPartition) -> Result<bool, LedgerError> {
        if known.gate.is_done() {
            return Ok(true);
        }
        self.db
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM batch WHERE partition = ?1
                   AND state IN ('accepted', 'unconfirmed', 'part_refused'))",
                [known.id.0],
                |row| row.get(0),
            )
            .map_err(failed("look for stored rows"))
    }
}
