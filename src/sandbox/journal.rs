//! The journals of a data directory: one JSON line for each thing that the sandbox must not forget.
//!
//! It is append-only and written before the answer goes out, so a sandbox that is killed and started
//! again knows every id and state that a client may have been told of. It is handed to the kernel,
//! not to the disk: a power cut is not what the sandbox is for. A last line that was cut short by a
//! kill was never answered and is dropped.

use super::SandboxError;
use crate::domain::{DataDate, Partition, Stage, Target};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::path::Path;

/// Name of the data API's journal in its directory.
pub(super) const FILE_NAME: &str = "journal.jsonl";

/// Platform part of every target here: all of them live on this one sandbox.
const PLATFORM: &str = "sandbox";

/// Something to remember.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Entry {
    /// A write was accepted.
    Write {
        /// Where the rows went.
        partition: PartitionName,
        /// The id that the request now occupies.
        request_id: String,
        /// Rows stored.
        rows: u64,
        /// Bytes appended to the partition.
        bytes: u64,
    },
    /// A `done` was accepted for all of these.
    Done {
        /// Partitions that are now acknowledged; all of one tenant and application.
        partitions: Vec<PartitionName>,
        /// Tenant of the caller, as there may be no partition.
        tenant: String,
        /// Application of the caller.
        application: String,
        /// The id that the request now occupies.
        request_id: String,
        /// When, RFC 3339.
        at: String,
    },
    /// A request was refused because of its id.
    Duplicate {
        /// Where it wanted to go.
        partition: PartitionName,
    },
    /// A refused request occupies its id.
    Refused {
        /// Tenant of the caller.
        tenant: String,
        /// Application of the caller.
        application: String,
        /// The id.
        request_id: String,
    },
}

/// A partition as text.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PartitionName {
    pub(super) tenant: String,
    pub(super) application: String,
    pub(super) topic: String,
    pub(super) stage: String,
    pub(super) date: Option<String>,
}

impl From<&Partition> for PartitionName {
    fn from(partition: &Partition) -> Self {
        Self {
            tenant: partition.target.tenant().to_owned(),
            application: partition.target.application().to_owned(),
            topic: partition.topic.to_string(),
            stage: partition.stage.kind().to_string(),
            date: partition.date().map(|date| date.to_string()),
        }
    }
}

impl PartitionName {
    /// The partition of that name; `None` when some part is not well-formed.
    pub(super) fn to_partition(&self) -> Option<Partition> {
        let date = match &self.date {
            Some(date) => Some(date.parse::<DataDate>().ok()?),
            None => None,
        };
        Some(Partition {
            target: target(&self.tenant, &self.application)?,
            topic: self.topic.parse().ok()?,
            stage: Stage::new(self.stage.parse().ok()?, date).ok()?,
        })
    }
}

/// The target of a caller; `None` when an id holds characters that no id has.
pub(super) fn target(tenant: &str, application: &str) -> Option<Target> {
    Target::new(tenant, application, PLATFORM).ok()
}

/// A journal of entries of one kind, open and locked by this process.
#[derive(Debug)]
pub(super) struct Journal<E> {
    file: File,
    end: u64,
    entries: PhantomData<fn(E)>,
}

impl<E: Serialize + DeserializeOwned> Journal<E> {
    /// Opens or creates the journal of this name in a directory and reads what it holds.
    ///
    /// Fails when another sandbox uses the directory or a line before the last one is damaged.
    pub(super) fn open(directory: &Path, name: &str) -> Result<(Self, Vec<E>), SandboxError> {
        let failed = |source| SandboxError::DataDirectory {
            path: directory.to_owned(),
            source,
        };
        std::fs::create_dir_all(directory).map_err(failed)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(directory.join(name))
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(SandboxError::DataDirectoryInUse(directory.to_owned()));
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed)?;
        let whole = text
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |last| last + 1);
        let mut entries = Vec::new();
        for (index, line) in text
            .get(..whole)
            .unwrap_or_default()
            .split(|b| *b == b'\n')
            .enumerate()
        {
            if !line.is_empty() {
                let entry = serde_json::from_slice(line);
                entries.push(entry.map_err(|source| SandboxError::Journal {
                    path: directory.join(name),
                    line: index + 1,
                    source,
                })?);
            }
        }
        let end = u64::try_from(whole).unwrap_or(u64::MAX);
        let mut journal = Self {
            file,
            end,
            entries: PhantomData,
        };
        journal.cut_to(end).map_err(failed)?;
        Ok((journal, entries))
    }

    /// Appends an entry. After an error the journal is as it was.
    pub(super) fn append(&mut self, entry: &E) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            self.cut_to(self.end)?;
            return Err(error);
        }
        self.end = self
            .end
            .saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.cut_to(0)
    }

    fn cut_to(&mut self, end: u64) -> io::Result<()> {
        self.file.set_len(end)?;
        self.file.seek(SeekFrom::Start(end))?;
        self.end = end;
        Ok(())
    }
}
