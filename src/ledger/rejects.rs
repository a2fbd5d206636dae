//! Dead letters: rows that were refused, with their place, the reason and the row itself.
//!
//! The ledger holds the facts, one file per partition under `rejects/` holds the raw rows as JSON
//! lines that people and programs can read. A line is on disk before the ledger points to it; a
//! line that nothing points to (a crash came between) is ignored.

use super::error::{LedgerError, in_file};
use super::id::{BatchId, InputId, PartitionId};
use super::writer::Session;
use crate::domain::{Partition, Position, RequestId};
use rusqlite::params;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A row that will not be sent, or was refused by the platform.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The input it came from.
    pub input: InputId,
    /// Its place there.
    pub position: Position,
    /// The column or field at fault, when one is.
    pub column: Option<String>,
    /// Machine-readable reason.
    pub code: String,
    /// Reason for people.
    pub message: String,
    /// The row as the input had it (bounded by the reader).
    pub raw: Vec<u8>,
    /// Which dates wait for it.
    pub blocks: Blocks,
}

/// Which dates a dead letter counts for at the gate. It lies with one date in any case, so that the
/// counts of all dates add up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Blocks {
    /// The date that it lies with.
    #[default]
    Date,
    /// Every date that its input may hold rows of: nobody knows to which of them the row belongs.
    Scope,
    /// None: the row belongs to a date that nobody asked for.
    Nothing,
}

impl Blocks {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Scope => "scope",
            Self::Nothing => "nothing",
        }
    }
}

/// Dead letters `r` that lie with the date ?1 or count for it.
pub(super) const CONCERNING: &str = "(r.partition = ?1 OR (r.blocks = 'scope'
   AND r.input IN (SELECT input FROM scope WHERE partition = ?1)))";

/// Who refused a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RejectSource {
    /// This program, before sending.
    Local,
    /// The platform, in the answer to this batch.
    Server {
        /// The batch.
        batch: BatchId,
        /// The Request-Id under which it was refused.
        request_id: RequestId,
    },
}

/// The files under `rejects/`, owned by the writer thread.
pub(super) struct RejectFiles {
    dir: PathBuf,
    /// Files written since the last synchronisation, with the length that is committed.
    open: HashMap<i64, (File, bool)>,
}

/// Where a dead letter's line lies in its file.
struct Place {
    offset: u64,
    length: u64,
}

impl RejectFiles {
    /// Files under the state directory; nothing is created before the first dead letter.
    pub(super) fn new(state_dir: &std::path::Path) -> Self {
        Self {
            dir: state_dir.join("rejects"),
            open: HashMap::new(),
        }
    }

    fn append(&mut self, partition: PartitionId, line: &[u8]) -> Result<Place, LedgerError> {
        let path = self.dir.join(format!("{}.jsonl", partition.0));
        if !self.open.contains_key(&partition.0) {
            std::fs::create_dir_all(&self.dir).map_err(in_file("create", &self.dir))?;
            let file = open_file(&self.dir, &path).map_err(in_file("open", &path))?;
            self.open.insert(partition.0, (file, false));
        }
        let Some((file, dirty)) = self.open.get_mut(&partition.0) else {
            return Err(LedgerError::Closed);
        };
        let doing = in_file("write the dead letters to", &path);
        let offset = file.seek(SeekFrom::End(0)).map_err(&doing)?;
        if let Err(error) = file.write_all(line) {
            // What was written of it would be the beginning of the next line. If it stays, nothing
            // points to it.
            let _stays = file.set_len(offset);
            return Err(doing(error));
        }
        *dirty = true;
        Ok(Place {
            offset,
            length: u64::try_from(line.len()).unwrap_or(u64::MAX),
        })
    }

    /// Brings all that was appended to disk; called before the ledger commits.
    pub(super) fn synchronise(&mut self) -> Result<(), LedgerError> {
        for (partition, (file, dirty)) in &mut self.open {
            if *dirty {
                let path = self.dir.join(format!("{partition}.jsonl"));
                file.sync_data()
                    .map_err(in_file("write the dead letters to", &path))?;
                *dirty = false;
            }
        }
        Ok(())
    }

    /// After a failed commit the lines stay as unreferenced text; files are opened anew.
    pub(super) fn forget_uncommitted(&mut self) {
        self.open.clear();
    }
}

/// Opens a file for appending. Its name is on disk before anything can point into it, and what a
/// crash cut off becomes a line of its own.
fn open_file(dir: &Path, path: &Path) -> Result<File, std::io::Error> {
    let existed = path.exists();
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        // Rows are for the eyes of their owner, also in a state directory that others may enter.
        .mode(0o600)
        .open(path)?;
    if !existed {
        File::open(dir)?.sync_all()?;
    }
    let length = file.seek(SeekFrom::End(0))?;
    if let Some(last) = length.checked_sub(1) {
        let mut byte = [0];
        file.read_exact_at(&mut byte, last)?;
        if byte != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

/// Records dead letters of one partition.
pub(super) fn record(
    session: &mut Session<'_>,
    partition_id: PartitionId,
    partition: &Partition,
    letters: &[DeadLetter],
    source: RejectSource,
) -> Result<(), LedgerError> {
    let (batch, request_id, refused_by) = match source {
        RejectSource::Local => (None, None, "local"),
        RejectSource::Server { batch, request_id } => {
            (Some(batch.0), Some(request_id.to_string()), "server")
        }
    };
    for letter in letters {
        let name: String = session
            .db
            .query_row(
                "SELECT name FROM input WHERE id = ?1",
                [letter.input.0],
                |row| row.get(0),
            )
            .map_err(|e| LedgerError::database("record a dead letter", e))?;
        let by = (refused_by, request_id.as_deref());
        let line = line_of(letter, partition, &name, by);
        let place = session.rejects.append(partition_id, &line)?;
        session
            .db
            .prepare_cached(
                "INSERT INTO reject (input, partition, batch, record, line, byte_offset,
                   column_name, code, message, source, request_id, file_offset, file_length,
                   blocks, state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 'open')",
            )
            .and_then(|mut insert| {
                insert.execute(params![
                    letter.input.0,
                    partition_id.0,
                    batch,
                    number(letter.position.ordinal),
                    number(letter.position.line),
                    number(letter.position.offset),
                    letter.column,
                    letter.code,
                    letter.message,
                    refused_by,
                    request_id,
                    number(place.offset),
                    number(place.length),
                    letter.blocks.as_str(),
                ])
            })
            .map_err(|e| LedgerError::database("record a dead letter", e))?;
    }
    Ok(())
}

fn line_of(
    letter: &DeadLetter,
    partition: &Partition,
    input: &str,
    (refused_by, request_id): (&str, Option<&str>),
) -> Vec<u8> {
    let mut object = serde_json::json!({
        "file": input,
        "line": letter.position.line,
        "byte_offset": letter.position.offset,
        "record": letter.position.ordinal,
        "topic": partition.topic.as_str(),
        "stage": partition.stage.kind().as_str(),
        "date": partition.date().map(|date| date.to_string()),
        "column": letter.column,
        "code": letter.code,
        "message": letter.message,
        "source": refused_by,
        "request_id": request_id,
    });
    if let Some(fields) = object.as_object_mut() {
        match std::str::from_utf8(&letter.raw) {
            Ok(text) => fields.insert("raw".to_owned(), text.into()),
            // Bytes that are no text keep their exact values.
            Err(_) => fields.insert("raw_hex".to_owned(), hex::encode(&letter.raw).into()),
        };
    }
    let mut line = object.to_string().into_bytes();
    line.push(b'\n');
    line
}

/// SQLite's integers are signed; positions never come near the sign bit.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
