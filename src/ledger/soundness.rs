//! Whether the file of the ledger is whole: looked at when a small one is opened, and in any case
//! before the first `done` of a process.
//!
//! SQLite notices damage in what it reads, and a run reads little of a large ledger. A page that
//! lost what it held, or an index that lost an entry, could hide a batch that is not settled from
//! the gate. The look costs about 3 ms for each MB of the ledger.

use super::error::LedgerError;
use super::schema::SCHEMA;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

/// Pages of 4 KiB that are looked through in about 25 ms.
const MAX_SMALL_PAGES: i64 = 2_048;

/// Remembers that the look was taken.
#[derive(Debug, Default)]
pub(super) struct Soundness(AtomicBool);

impl Soundness {
    /// Looks through a file that takes no time to speak of, as almost every ledger does.
    ///
    /// # Errors
    /// Fails when the file is damaged or cannot be read.
    pub(super) fn assure_of_small(&self, db: &Connection) -> Result<(), LedgerError> {
        let pages: i64 = db
            .query_row("PRAGMA page_count", [], |row| row.get(0))
            .map_err(|e| LedgerError::database("look through the ledger", e))?;
        if pages > MAX_SMALL_PAGES {
            return Ok(());
        }
        self.assure(db)
    }

    /// Looks through the whole file, unless this was done before.
    ///
    /// # Errors
    /// Fails when the file is damaged or cannot be read.
    pub(super) fn assure(&self, db: &Connection) -> Result<(), LedgerError> {
        if self.0.load(Ordering::Relaxed) {
            return Ok(());
        }
        let damage = damage(db).map_err(|e| LedgerError::database("look through the ledger", e))?;
        if let Some(found) = damage {
            return Err(LedgerError::Damaged { found });
        }
        self.0.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// What is wrong with the file, if anything is.
fn damage(db: &Connection) -> rusqlite::Result<Option<String>> {
    let found: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Ok(Some(found));
    }
    // A list of the tables that lost an entry is as whole as one that never had it.
    let whole = Connection::open_in_memory()?;
    whole.execute_batch(SCHEMA)?;
    let there = names(db)?;
    let lost = names(&whole)?
        .into_iter()
        .find(|name| !there.contains(name));
    Ok(lost.map(|name| format!("{name} is missing")))
}

/// The tables and indexes of a database.
fn names(db: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    let mut names = db.prepare("SELECT name FROM sqlite_schema")?;
    let names = names.query_map([], |row| row.get(0))?;
    names.collect()
}
