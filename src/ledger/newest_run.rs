//! The newest run that wrote to the ledger, noted beside it.
//!
//! SQLite takes a database without its log, or with a damaged one, for a whole one that is older.
//! What the log held would be unknown then, and sent again under new ids. A note of the newest run in
//! a file of its own shows that something is missing. It is written after the commit and not waited
//! for: at worst it is older than the ledger, which is no reason to complain.

use super::error::LedgerError;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// Name of the file in the state directory.
const FILE: &str = "ledger.run";

/// The note.
pub(super) struct NewestRun {
    path: PathBuf,
    noted: i64,
}

impl NewestRun {
    /// Reads the note and holds the ledger against it.
    ///
    /// # Errors
    /// Fails when the ledger does not know the run, so that a part of it is missing.
    pub(super) fn check(state_dir: &Path, db: &Connection) -> Result<Self, LedgerError> {
        let path = state_dir.join(FILE);
        // Without a note, or with one that cannot be read, there is nothing to compare.
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let noted = text.trim().parse().unwrap_or(0);
        if noted > newest(db)? {
            return Err(LedgerError::PartMissing { run: noted, path });
        }
        Ok(Self { path, noted })
    }

    /// Notes the newest run after a commit that is on disk.
    pub(super) fn note(&mut self, db: &Connection) {
        let Ok(newest) = newest(db) else { return };
        if newest > self.noted && std::fs::write(&self.path, format!("{newest}\n")).is_ok() {
            self.noted = newest;
        }
    }
}

fn newest(db: &Connection) -> Result<i64, LedgerError> {
    db.query_row("SELECT coalesce(max(id), 0) FROM run", [], |row| row.get(0))
        .map_err(|e| LedgerError::database("look up the newest run", e))
}
