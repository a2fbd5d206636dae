//! Whether the file of the ledger is whole: looked at when a small one is opened, and of a large one
//! before the first `done` after a boot of the machine, and then of each day.
//!
//! SQLite notices damage in what it reads, and a run reads little of a large ledger. A page that
//! lost what it held, or an index that lost an entry, could hide a batch that is not settled from
//! the gate. The look costs about 10 ms for each MB of the ledger, so a file beside it says when it was
//! taken last: a run of ten rows is not to take a second for what a run an hour ago has seen.

use super::LEDGER_FILE;
use super::boot::boot;
use super::error::LedgerError;
use super::schema::SCHEMA;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Pages of 4 KiB that are looked through in about 25 ms.
const MAX_SMALL_PAGES: i64 = 2_048;

/// Name of the file that remembers the look.
const FILE: &str = "ledger.sound";
/// For how long a look is enough.
const ENOUGH: Duration = Duration::from_secs(24 * 3600);

/// Remembers that the look was taken.
#[derive(Debug)]
pub(super) struct Soundness {
    note: PathBuf,
    ledger: PathBuf,
    taken: AtomicBool,
}

impl Soundness {
    /// Of the ledger in a state directory.
    pub(super) fn of(state_dir: &Path) -> Self {
        Self {
            note: state_dir.join(FILE),
            ledger: state_dir.join(LEDGER_FILE),
            taken: AtomicBool::new(false),
        }
    }

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
        self.look(db)
    }

    /// Looks through the whole file, unless this was done not long ago.
    ///
    /// # Errors
    /// Fails when the file is damaged or cannot be read.
    pub(super) fn assure(&self, db: &Connection) -> Result<(), LedgerError> {
        if self.taken.load(Ordering::Relaxed) || self.was_noted() {
            return Ok(());
        }
        self.look(db)?;
        if let Some(now) = self.present() {
            // Without a note the next run looks again.
            let _looks_again = std::fs::write(&self.note, now);
        }
        Ok(())
    }

    fn look(&self, db: &Connection) -> Result<(), LedgerError> {
        let damage = damage(db).map_err(|e| LedgerError::database("look through the ledger", e))?;
        if let Some(found) = damage {
            return Err(LedgerError::Damaged { found });
        }
        self.taken.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether this file was looked through in this boot of the machine and within a day.
    fn was_noted(&self) -> bool {
        let age = std::fs::metadata(&self.note)
            .and_then(|noted| noted.modified())
            .map(|at| at.elapsed());
        let is_fresh = matches!(age, Ok(Ok(age)) if age < ENOUGH);
        is_fresh && std::fs::read(&self.note).ok() == self.present()
    }

    /// The boot of the machine and the place of the file, as they are noted.
    fn present(&self) -> Option<Vec<u8>> {
        let place = std::fs::metadata(&self.ledger).ok()?;
        let boot = hex::encode(boot()?);
        Some(format!("{boot} {} {}\n", place.dev(), place.ino()).into_bytes())
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::time::SystemTime;

    #[test]
    fn a_look_is_enough_for_a_day_in_one_boot_and_of_one_file() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = dir.path().join(LEDGER_FILE);
        let sound = Connection::open(&ledger).unwrap();
        sound.execute_batch(SCHEMA).unwrap();
        // What is looked at shows whether it is.
        let damaged = Connection::open_in_memory().unwrap();
        let looks = || Soundness::of(dir.path()).assure(&damaged).is_err();
        assert!(looks());
        Soundness::of(dir.path()).assure(&sound).unwrap();
        assert!(!looks());

        let note = dir.path().join(FILE);
        let noted = std::fs::read_to_string(&note).unwrap();
        std::fs::write(
            &note,
            noted.replacen(|c: char| c.is_ascii_hexdigit(), "x", 1),
        )
        .unwrap();
        assert!(looks());
        std::fs::write(&note, &noted).unwrap();
        assert!(!looks());
        let yesterday = SystemTime::now() - ENOUGH;
        File::open(&note).unwrap().set_modified(yesterday).unwrap();
        assert!(looks());
        std::fs::write(&note, &noted).unwrap();
        std::fs::copy(&ledger, dir.path().join("copy")).unwrap();
        std::fs::rename(dir.path().join("copy"), &ledger).unwrap();
        assert!(looks());
    }
}
