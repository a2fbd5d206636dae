//! Whether the file of the ledger is whole: looked at when a small one is opened, and of a large one
//! before the first `done` of a process, unless that was done before and nobody else has touched it.
//!
//! SQLite notices damage in what it reads, and a run reads little of a large ledger. A page that
//! lost what it held, or an index that lost an entry, could hide a batch that is not settled from
//! the gate. The look costs about 10 ms for each MB of the ledger, so a file beside it says how the last
//! run left it: a run of ten rows is not to take a second for what was looked at an hour ago.

use super::LEDGER_FILE;
use super::boot::boot;
use super::error::LedgerError;
use super::schema::SCHEMA;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Pages of 4 KiB that are looked through in about 25 ms.
const MAX_SMALL_PAGES: i64 = 2_048;

/// Name of the file that remembers the look.
const FILE: &str = "ledger.sound";
/// For how long a look is enough: a disk may lose what nobody writes.
const ENOUGH: Duration = Duration::from_secs(24 * 3600);

/// Remembers that the look was taken, and notes it beside the ledger when it is dropped, which has to be
/// after the ledger was closed.
#[derive(Debug)]
pub(super) struct Soundness {
    note: PathBuf,
    ledger: PathBuf,
    is_large: AtomicBool,
    /// When the file was looked through.
    looked: Mutex<Option<SystemTime>>,
}

impl Soundness {
    /// Of the ledger in a state directory, before anything is written to it.
    pub(super) fn of(state_dir: &Path) -> Self {
        let (note, ledger) = (state_dir.join(FILE), state_dir.join(LEDGER_FILE));
        let looked = Mutex::new(noted(&note, &ledger));
        Self {
            note,
            ledger,
            is_large: AtomicBool::new(false),
            looked,
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
            self.is_large.store(true, Ordering::Relaxed);
            return Ok(());
        }
        self.look(db)
    }

    /// Looks through the whole file, unless this was done before.
    ///
    /// # Errors
    /// Fails when the file is damaged or cannot be read.
    pub(super) fn assure(&self, db: &Connection) -> Result<(), LedgerError> {
        let is_looked_at = self.looked().is_some();
        if is_looked_at {
            return Ok(());
        }
        self.look(db)
    }

    fn look(&self, db: &Connection) -> Result<(), LedgerError> {
        let damage = damage(db).map_err(|e| LedgerError::database("look through the ledger", e))?;
        if let Some(found) = damage {
            return Err(LedgerError::Damaged { found });
        }
        *self.looked() = Some(SystemTime::now());
        Ok(())
    }

    fn looked(&self) -> MutexGuard<'_, Option<SystemTime>> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Soundness {
    fn drop(&mut self) {
        let at = self
            .looked()
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        if let (true, Some(at), Some(left)) = (
            self.is_large.load(Ordering::Relaxed),
            at,
            as_left(&self.ledger),
        ) {
            // Without a note the next run looks again.
            let _looks_again = std::fs::write(&self.note, format!("{left} {}\n", at.as_secs()));
        }
    }
}

/// When the file was looked through, if nobody has touched it since a run left it, the machine has not
/// been started again, and it was not too long ago.
fn noted(note: &Path, ledger: &Path) -> Option<SystemTime> {
    let note = std::fs::read_to_string(note).ok()?;
    let (left, at) = note.trim_end().rsplit_once(' ')?;
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(at.parse().ok()?))?;
    let is_fresh = at.elapsed().is_ok_and(|age| age < ENOUGH);
    (is_fresh && as_left(ledger)? == left).then_some(at)
}

/// The boot of the machine and what changes with everything that is written to the file.
fn as_left(ledger: &Path) -> Option<String> {
    let file = std::fs::metadata(ledger).ok()?;
    Some(format!(
        "{} {} {} {} {}.{:09} {}.{:09}",
        hex::encode(boot()?),
        file.dev(),
        file.ino(),
        file.size(),
        file.mtime(),
        file.mtime_nsec(),
        file.ctime(),
        file.ctime_nsec()
    ))
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
    use std::fs::{File, OpenOptions};
    use std::os::unix::fs::FileExt;

    /// A sound ledger that counts as a large one.
    fn opened(dir: &Path) -> Soundness {
        let soundness = Soundness::of(dir);
        soundness.is_large.store(true, Ordering::Relaxed);
        soundness
    }

    #[test]
    fn a_look_is_enough_for_a_day_of_one_boot_while_nobody_else_touches_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = dir.path().join(LEDGER_FILE);
        let sound = Connection::open(&ledger).unwrap();
        sound.execute_batch(SCHEMA).unwrap();
        // What is looked at shows whether it is.
        let damaged = Connection::open_in_memory().unwrap();
        let looks = || opened(dir.path()).assure(&damaged).is_err();
        assert!(looks());
        opened(dir.path()).assure(&sound).unwrap();
        assert!(!looks() && !looks());

        let note = dir.path().join(FILE);
        let noted = std::fs::read_to_string(&note).unwrap();
        let (left, at) = noted.trim_end().rsplit_once(' ').unwrap();
        let other_boot = noted.replacen(|c: char| c.is_ascii_hexdigit(), "x", 1);
        let yesterday = at.parse::<u64>().unwrap() - ENOUGH.as_secs();
        let tomorrow = at.parse::<u64>().unwrap() + ENOUGH.as_secs();
        for other in [
            other_boot,
            format!("{left} {yesterday}\n"),
            format!("{left} {tomorrow}\n"),
            String::new(),
            "nonsense".to_owned(),
        ] {
            std::fs::write(&note, &other).unwrap();
            assert!(looks(), "{other}");
        }
        std::fs::write(&note, &noted).unwrap();
        assert!(!looks());

        // A byte that is written in place, although the time is put back.
        let modified = std::fs::metadata(&ledger).unwrap().modified().unwrap();
        let file = OpenOptions::new().write(true).open(&ledger).unwrap();
        file.write_all_at(b"S", 0).unwrap();
        file.set_modified(modified).unwrap();
        assert!(looks());
    }

    #[test]
    fn of_a_small_ledger_nothing_is_noted() {
        let dir = tempfile::tempdir().unwrap();
        let sound = Connection::open(dir.path().join(LEDGER_FILE)).unwrap();
        sound.execute_batch(SCHEMA).unwrap();
        Soundness::of(dir.path()).assure_of_small(&sound).unwrap();
        assert!(File::open(dir.path().join(FILE)).is_err());
    }
}
