//! Is the ledger whole? A look at all of it, which ordinary runs have no time for.
//!
//! Nothing is changed, upgraded or repaired; uploads may go on meanwhile.

use super::LEDGER_FILE;
use super::error::{LedgerError, in_database};
use super::place::must_be_local;
use super::query::unsigned;
use super::schema::{SCHEMA_VERSION, open_as_it_is};
use rusqlite::Connection;
use std::path::Path;

/// Most lines of damage that are told.
const MAX_DAMAGES: u32 = 3;

/// A ledger of any version up to this program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Its schema.
    pub version: i32,
    /// The next run upgrades it, and keeps a copy.
    pub is_older: bool,
    /// Bytes of the file and of its log.
    pub bytes: u64,
    /// Dates that it knows.
    pub dates: u64,
    /// Of these, with `done`.
    pub dates_done: u64,
    /// What SQLite finds wrong; empty when it is whole.
    pub damages: Vec<String>,
    /// Open dead letters whose rows are not in their files any more.
    pub rejects_lost: u64,
}

/// Reads the whole ledger of a state directory (`PRAGMA quick_check`); `None` when there is none yet.
/// Fails on a directory or a file that no run could use.
pub fn examine(state_dir: &Path) -> Result<Option<Health>, LedgerError> {
    let path = state_dir.join(LEDGER_FILE);
    if !state_dir.exists() {
        return Ok(None);
    }
    must_be_local(state_dir)?;
    let Some((db, version)) = open_as_it_is(&path)? else {
        return Ok(None);
    };
    if !(1..=SCHEMA_VERSION).contains(&version) {
        return Err(LedgerError::OtherVersion {
            path,
            found: version,
            supported: SCHEMA_VERSION,
        });
    }
    let failed = in_database("examine the ledger", &path);
    let damages = damages(&db).map_err(&failed)?;
    let count = |condition: &str| {
        let query = format!("SELECT count(*) FROM partition {condition}");
        db.query_row(&query, [], |row| row.get(0).map(unsigned))
    };
    // What is damaged may not be countable.
    let (dates, dates_done) = if damages.is_empty() {
        let done = "WHERE gate IN ('done', 'done_unconfirmed')";
        (count("").map_err(&failed)?, count(done).map_err(&failed)?)
    } else {
        (0, 0)
    };
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |it| it.len());
    Ok(Some(Health {
        version,
        is_older: version < SCHEMA_VERSION,
        bytes: size(&path).saturating_add(size(&path.with_extension("db-wal"))),
        dates,
        dates_done,
        rejects_lost: if damages.is_empty() && version == SCHEMA_VERSION {
            rejects_lost(&db, state_dir).map_err(&failed)?
        } else {
            0
        },
        damages,
    }))
}

/// Rows of which the file is gone or too short.
fn rejects_lost(db: &Connection, state_dir: &Path) -> rusqlite::Result<u64> {
    let mut files = db.prepare(
        "SELECT partition, max(file_offset + file_length), count(*) FROM reject
         WHERE state = 'open' GROUP BY partition",
    )?;
    let all = files.query_map([], |row| {
        let (partition, end, count): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let file = state_dir.join("rejects").join(format!("{partition}.jsonl"));
        let there = std::fs::metadata(file).map_or(0, |it| it.len());
        Ok(if there < unsigned(end) {
            unsigned(count)
        } else {
            0
        })
    })?;
    all.sum()
}

fn damages(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut check = db.prepare(&format!("PRAGMA quick_check({MAX_DAMAGES})"))?;
    let lines = check.query_map([], |row| row.get::<_, String>(0))?;
    let lines: Vec<String> = lines.collect::<Result<_, _>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}
