//! Opening the ledger file: where it may lie, what is in it, which version it has.
//!
//! A newer schema, a file that is no ledger and a damaged file are refused by name; nothing is
//! ever repaired by guessing. An older schema is upgraded in one transaction after a copy was kept.

use super::error::{LedgerError, in_database, in_file};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// Marks the file as a ledger of this program (`PRAGMA application_id`): `ByAr`.
const APPLICATION_ID: i32 = 0x4279_4172;

/// The schema that this program writes (`PRAGMA user_version`).
pub(super) const SCHEMA_VERSION: i32 = 5;

/// How long one process waits for another one's commit before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The tables. Dates are `YYYY-MM-DD` (empty when streaming), instants are seconds since 1970,
/// digests are XXH3 with 128 bits, records and lines count from 1, offsets from 0 in the
/// decompressed input.
pub(super) const SCHEMA: &str = "
CREATE TABLE target (
  id INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL, application TEXT NOT NULL, platform TEXT NOT NULL,
  hosts TEXT NOT NULL,                       -- JSON array of host[:port]
  UNIQUE (tenant, application, platform)
) STRICT;
CREATE TABLE partition (
  id INTEGER PRIMARY KEY AUTOINCREMENT,      -- never reused: the audit trail outlives the date
  target INTEGER NOT NULL REFERENCES target,
  topic TEXT NOT NULL, stage TEXT NOT NULL, date TEXT NOT NULL,
  epoch BLOB NOT NULL,                       -- 16 random bytes, part of every Request-Id
  gate TEXT NOT NULL,                        -- open, sealed, done, done_unconfirmed, refused
  held_back INTEGER NOT NULL,                -- 1: --no-done
  guards TEXT NOT NULL,                      -- JSON object
  done_generation INTEGER NOT NULL, done_unknown INTEGER NOT NULL,
  sealed_at INTEGER, done_at INTEGER,
  totals TEXT,                               -- JSON object of row counts, set when sealed
  UNIQUE (target, topic, stage, date)
) STRICT;
CREATE TABLE input (
  id INTEGER PRIMARY KEY AUTOINCREMENT,      -- never reused: it is part of every Request-Id
  target INTEGER NOT NULL REFERENCES target,
  topic TEXT NOT NULL, stage TEXT NOT NULL,
  kind TEXT NOT NULL,                        -- file, object, stdin, followed, dis
  name TEXT NOT NULL,
  device INTEGER, inode INTEGER, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, etag TEXT,
  row_options BLOB NOT NULL,                 -- digest of the options that change rows
  date_options BLOB,                         -- digest of how rows say their dates, if they do
  read_options TEXT,                         -- JSON object: how stored bytes become a stream
  state TEXT NOT NULL,                       -- reading, read, dropped
  verified INTEGER NOT NULL,                 -- 0: must be compared with what was recorded first
  run INTEGER REFERENCES run                 -- the run that holds it; left over after a crash
) STRICT;
CREATE INDEX input_by_place ON input (device, inode);
CREATE TABLE scope (
  input INTEGER NOT NULL REFERENCES input, partition INTEGER NOT NULL REFERENCES partition,
  PRIMARY KEY (input, partition)
) STRICT, WITHOUT ROWID;
CREATE INDEX scope_by_partition ON scope (partition);
CREATE TABLE chunk (
  input INTEGER NOT NULL REFERENCES input,
  first_record INTEGER NOT NULL, records INTEGER NOT NULL, invalid INTEGER NOT NULL,
  byte_offset INTEGER NOT NULL, byte_length INTEGER NOT NULL, line INTEGER NOT NULL,
  lines INTEGER NOT NULL, digest BLOB NOT NULL,
  PRIMARY KEY (input, byte_offset)
) STRICT, WITHOUT ROWID;
CREATE TABLE batch (
  id INTEGER PRIMARY KEY,
  partition INTEGER NOT NULL REFERENCES partition,
  first_input INTEGER NOT NULL REFERENCES input,
  first_record INTEGER NOT NULL, last_record INTEGER NOT NULL, rows INTEGER NOT NULL,
  digest BLOB NOT NULL,                      -- of the uncompressed JSON body
  generation INTEGER NOT NULL,
  unknown INTEGER NOT NULL,                  -- 1: an attempt of unknown outcome, 2: rows of it
                                             -- were refused (1001) and which is not recorded
  state TEXT NOT NULL,                       -- intended, accepted, unconfirmed, part_refused,
                                             -- refused, split, foreign, undetermined, dropped
  accepted INTEGER NOT NULL, unconfirmed INTEGER NOT NULL, refused INTEGER NOT NULL,
  parent INTEGER REFERENCES batch
) STRICT;
CREATE INDEX batch_by_partition ON batch (partition, state);
CREATE INDEX batch_by_input ON batch (first_input);
CREATE INDEX batch_by_parent ON batch (parent) WHERE parent IS NOT NULL;
CREATE TABLE piece (                         -- only for batches over several inputs
  batch INTEGER NOT NULL REFERENCES batch, seq INTEGER NOT NULL,
  input INTEGER NOT NULL REFERENCES input,
  first_record INTEGER NOT NULL, last_record INTEGER NOT NULL, rows INTEGER NOT NULL,
  PRIMARY KEY (batch, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX piece_by_input ON piece (input);
CREATE TABLE reject (
  id INTEGER PRIMARY KEY,
  input INTEGER NOT NULL REFERENCES input, partition INTEGER NOT NULL REFERENCES partition,
  batch INTEGER REFERENCES batch,
  record INTEGER NOT NULL, line INTEGER NOT NULL, byte_offset INTEGER NOT NULL,
  column_name TEXT, code TEXT NOT NULL, message TEXT NOT NULL,
  source TEXT NOT NULL,                      -- local, server
  request_id TEXT,
  file_offset INTEGER NOT NULL, file_length INTEGER NOT NULL, -- line in rejects/<partition>.jsonl
  state TEXT NOT NULL,                       -- open, replayed, waived
  replayed_by INTEGER REFERENCES input,      -- the input whose rows replace it, if any
  blocks TEXT NOT NULL DEFAULT 'date'        -- date; scope: every date of its input; nothing
) STRICT;
CREATE INDEX reject_by_partition ON reject (partition, state);
CREATE INDEX reject_by_input ON reject (input);
CREATE INDEX reject_by_batch ON reject (batch) WHERE batch IS NOT NULL;
CREATE INDEX reject_by_replay ON reject (replayed_by) WHERE replayed_by IS NOT NULL;
CREATE INDEX reject_of_any_date ON reject (input) WHERE blocks = 'scope';
CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  started INTEGER NOT NULL, ended INTEGER, pid INTEGER NOT NULL, host TEXT NOT NULL,
  command TEXT NOT NULL, exit_status INTEGER
) STRICT;
CREATE TABLE delivery (                      -- what is sent in order and has no date
  kind TEXT NOT NULL, key TEXT NOT NULL,     -- metadata; service, source and file
                                             -- dis_begin, dis_commit; epoch and partition
  records INTEGER NOT NULL, digest BLOB NOT NULL, -- settled, from the first on
  rejected INTEGER NOT NULL,                 -- of these
  in_doubt INTEGER NOT NULL,                 -- 1: what follows may have been sent
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE event (                         -- the audit trail
  id INTEGER PRIMARY KEY,
  partition INTEGER, at INTEGER NOT NULL, run INTEGER, what TEXT NOT NULL, why TEXT NOT NULL
) STRICT;
";

/// What version 2 has that version 1 had not.
const FROM_1_TO_2: &str = "
ALTER TABLE reject ADD COLUMN replayed_by INTEGER REFERENCES input;
CREATE INDEX reject_by_replay ON reject (replayed_by) WHERE replayed_by IS NOT NULL;
";

/// What version 3 has that version 2 had not: inputs with rows of several dates.
const FROM_2_TO_3: &str = "
ALTER TABLE input ADD COLUMN date_options BLOB;
ALTER TABLE reject ADD COLUMN blocks TEXT NOT NULL DEFAULT 'date';
CREATE INDEX reject_of_any_date ON reject (input) WHERE blocks = 'scope';
";

/// What version 4 has that version 3 had not.
const FROM_3_TO_4: &str = "ALTER TABLE input ADD COLUMN read_options TEXT;";

/// What version 5 has that version 4 had not: what is sent in order and has no date.
const FROM_4_TO_5: &str = "
CREATE TABLE delivery (
  kind TEXT NOT NULL, key TEXT NOT NULL,
  records INTEGER NOT NULL, digest BLOB NOT NULL,
  rejected INTEGER NOT NULL,
  in_doubt INTEGER NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
";

/// The steps from version 1 on, one for each version.
const UPGRADES: [&str; 4] = [FROM_1_TO_2, FROM_2_TO_3, FROM_3_TO_4, FROM_4_TO_5];

/// Pages that a connection for reading keeps; the system keeps the file in memory anyway.
const READER_CACHE_KIB: i32 = 256;

/// Opens the ledger for writing and brings its schema up to date.
pub(super) fn open_for_writing(path: &Path) -> Result<Connection, LedgerError> {
    if size_of(path)?.is_none() {
        create(path)?;
    }
    let mut db = Connection::open(path).map_err(in_database("open the ledger", path))?;
    configure(&db, path)?;
    // Whatever is no ledger of ours is refused before anything about it is changed.
    version(&db, path)?;
    let doing = in_database("set up the ledger", path);
    let mode: String = db
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(in_database("set up the ledger", path))?;
    if mode != "wal" {
        return Err(LedgerError::NoWriteAheadLog {
            path: path.to_owned(),
        });
    }
    db.pragma_update(None, "synchronous", "FULL")
        .map_err(&doing)?;
    migrate(&mut db, path)?;
    Ok(db)
}

/// Opens the ledger for reading only; `None` when there is none yet.
pub(super) fn open_for_reading(path: &Path) -> Result<Option<Connection>, LedgerError> {
    match open_as_it_is(path)? {
        None | Some((_, 0)) => Ok(None),
        Some((db, SCHEMA_VERSION)) => Ok(Some(db)),
        Some((_, found)) => Err(LedgerError::OtherVersion {
            path: path.to_owned(),
            found,
            supported: SCHEMA_VERSION,
        }),
    }
}

/// Opens a ledger of any version for reading only, and tells its version.
pub(super) fn open_as_it_is(path: &Path) -> Result<Option<(Connection, i32)>, LedgerError> {
    if size_of(path)?.is_none() {
        return Ok(None);
    }
    // Read-write access to the file lets SQLite recover a log left by a crash; `query_only` keeps
    // this connection from changing anything.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db =
        Connection::open_with_flags(path, flags).map_err(in_database("open the ledger", path))?;
    configure(&db, path)?;
    db.pragma_update(None, "query_only", true)
        // Many dates are finished at one time, each with a connection of its own.
        .and_then(|()| db.pragma_update(None, "cache_size", -READER_CACHE_KIB))
        .map_err(in_database("open the ledger", path))?;
    let version = version(&db, path)?;
    Ok(Some((db, version)))
}

/// Whether there is a ledger of an older version, which has to be upgraded before it can be read.
pub(super) fn is_older(path: &Path) -> Result<bool, LedgerError> {
    if !path
        .try_exists()
        .map_err(in_file("look for the ledger", path))?
    {
        return Ok(false);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db =
        Connection::open_with_flags(path, flags).map_err(in_database("open the ledger", path))?;
    configure(&db, path)?;
    Ok((1..SCHEMA_VERSION).contains(&version(&db, path)?))
}

/// Bytes of the ledger; `None` when there is none yet. A ledger that was there and has lost its content
/// is an error: a new one in its place would send everything again.
fn size_of(path: &Path) -> Result<Option<u64>, LedgerError> {
    let emptied = |what| LedgerError::Emptied {
        path: path.to_owned(),
        what,
    };
    let size = |path: &Path| match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(in_file("look for the ledger", path)(error)),
    };
    match size(path)? {
        Some(0) => Err(emptied("empty")),
        Some(bytes) => Ok(Some(bytes)),
        None => match size(&path.with_extension("db-wal"))? {
            None | Some(0) => Ok(None),
            Some(_) => Err(emptied("missing while its log is there")),
        },
    }
}

/// Makes a new ledger under another name first: whatever happens on the way, there is a whole one or
/// none. Only one process at a time comes here.
fn create(path: &Path) -> Result<(), LedgerError> {
    let unfinished = path.with_extension("db.new");
    let doing = in_file("create the ledger", &unfinished);
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(doing(error)),
        _ => {}
    }
    create_private(&unfinished);
    let mut db =
        Connection::open(&unfinished).map_err(in_database("create the ledger", &unfinished))?;
    migrate(&mut db, &unfinished)?;
    db.close()
        .map_err(|(_, error)| in_database("create the ledger", &unfinished)(error))?;
    std::fs::rename(&unfinished, path).map_err(in_file("create the ledger", path))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(in_file("create the ledger", path))
}

/// Makes a missing file for its owner alone; SQLite gives its companions the same mode. Where that
/// fails, opening it says why.
fn create_private(path: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    let created = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    drop(created);
}

fn configure(db: &Connection, path: &Path) -> Result<(), LedgerError> {
    // The log stays beside the file when the last process closes it: copying it over would cost a
    // small run more than all that it wrote, and the next one makes use of it.
    db.busy_timeout(BUSY_TIMEOUT)
        .and_then(|()| db.pragma_update(None, "foreign_keys", true))
        .and_then(|()| db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true))
        .map(drop)
        .map_err(in_database("open the ledger", path))
}

/// The version, read in one transaction: another process may be creating the tables right now.
fn version(db: &Connection, path: &Path) -> Result<i32, LedgerError> {
    let doing = in_database("read the version of the ledger", path);
    let alone = if db.is_autocommit() {
        Some(db.unchecked_transaction().map_err(&doing)?)
    } else {
        None
    };
    let tables: i64 = db
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(&doing)?;
    let pragma = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let version = pragma("user_version").map_err(&doing)?;
    let application = pragma("application_id").map_err(&doing)?;
    if let Some(transaction) = alone {
        transaction.finish().map_err(&doing)?;
    }
    if (version != 0 || tables != 0) && application != APPLICATION_ID {
        return Err(LedgerError::NotALedger {
            path: path.to_owned(),
        });
    }
    if version == 0 && tables != 0 {
        // Tables and version come in one transaction.
        return Err(LedgerError::Damaged {
            found: "it has tables and no version".to_owned(),
        });
    }
    Ok(version)
}

fn migrate(db: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    match version(db, path)? {
        SCHEMA_VERSION => return Ok(()),
        0 => {}
        older if older < SCHEMA_VERSION && older > 0 => keep_copy(db, path, older)?,
        other => {
            return Err(LedgerError::OtherVersion {
                path: path.to_owned(),
                found: other,
                supported: SCHEMA_VERSION,
            });
        }
    }
    let doing = in_database("create or upgrade the ledger", path);
    let transaction = db
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(&doing)?;
    // Another process may have done it while this one waited for the write lock.
    let found = version(&transaction, path)?;
    let statements = match usize::try_from(found) {
        Ok(0) => SCHEMA.to_owned(),
        Ok(older) => UPGRADES
            .get(older.saturating_sub(1)..)
            .unwrap_or_default()
            .concat(),
        Err(_) => String::new(),
    };
    if !statements.is_empty() {
        transaction.execute_batch(&statements).map_err(&doing)?;
        transaction
            .pragma_update(None, "application_id", APPLICATION_ID)
            .and_then(|()| transaction.pragma_update(None, "user_version", SCHEMA_VERSION))
            .map_err(&doing)?;
    }
    transaction.commit().map_err(&doing)
}

/// Keeps the ledger as it was beside the one that is upgraded, for whoever has to go back.
fn keep_copy(db: &Connection, path: &Path, version: i32) -> Result<(), LedgerError> {
    let copy = path.with_extension(format!("db.version-{version}"));
    // Left over when an earlier upgrade was cut off: that one may be half a copy.
    match std::fs::remove_file(&copy) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(in_file("replace the copy of the ledger", &copy)(error));
        }
        _ => {}
    }
    db.execute("VACUUM INTO ?1", [copy.to_string_lossy()])
        .map(drop)
        .map_err(in_database("copy the ledger before its upgrade", &copy))
}
