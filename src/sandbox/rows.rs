//! The accepted rows of each partition: in memory up to a bound, or in one JSONL file a partition.
//!
//! Rows stay the bytes that arrived, so a test can compare them with its file. This module does not
//! know why rows were accepted, and in a directory it trusts the journal about how many there are.

use crate::domain::Partition;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Most bytes of rows kept in memory by one sandbox; beyond it only counts are kept.
pub(super) const MAX_ROW_MEMORY_BYTES: usize = 256 * 1024 * 1024;

/// Ends the names of row files.
const EXTENSION: &str = "rows.jsonl";

/// Where rows are.
#[derive(Debug)]
pub(super) enum Rows {
    /// In memory, one chunk a request.
    Memory {
        /// Chunks in the order of arrival; each ends with a line break.
        chunks: BTreeMap<Partition, Vec<Bytes>>,
        /// Bytes in all chunks.
        bytes: usize,
    },
    /// In files of this directory.
    Directory(PathBuf),
}

/// Rows to be read back.
#[derive(Debug)]
pub(super) enum StoredRows {
    /// Chunks that share memory with the store.
    Chunks(Vec<Bytes>),
    /// A file, and how much of it counts.
    File(PathBuf, u64),
}

impl Rows {
    /// Appends the rows of a request; `end` is how long the partition was before. Says whether they
    /// were kept.
    pub(super) fn append(
        &mut self,
        partition: &Partition,
        end: u64,
        lines: Bytes,
    ) -> io::Result<bool> {
        match self {
            Self::Memory { chunks, bytes } => {
                let total = bytes.saturating_add(lines.len());
                if total > MAX_ROW_MEMORY_BYTES {
                    return Ok(false);
                }
                *bytes = total;
                chunks.entry(partition.clone()).or_default().push(lines);
                Ok(true)
            }
            Self::Directory(directory) => {
                let path = row_file(directory, partition);
                let mut file = OpenOptions::new().create(true).append(true).open(path)?;
                // A request that failed half-way, or a kill, may have left more than was counted.
                if file.metadata()?.len() != end {
                    file.set_len(end)?;
                }
                file.write_all(&lines)?;
                Ok(true)
            }
        }
    }

    /// The rows of a partition, of which the first `end` bytes count.
    pub(super) fn of(&self, partition: &Partition, end: u64) -> StoredRows {
        match self {
            Self::Memory { chunks, .. } => {
                StoredRows::Chunks(chunks.get(partition).cloned().unwrap_or_default())
            }
            Self::Directory(directory) => StoredRows::File(row_file(directory, partition), end),
        }
    }

    /// Whether a partition that should have so many bytes has them.
    pub(super) fn holds(&self, partition: &Partition, end: u64) -> bool {
        match self {
            Self::Memory { .. } => true,
            Self::Directory(directory) => {
                let length = File::open(row_file(directory, partition))
                    .and_then(|file| file.metadata())
                    .map_or(0, |metadata| metadata.len());
                length >= end
            }
        }
    }

    /// Forgets every row.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        match self {
            Self::Memory { chunks, bytes } => {
                chunks.clear();
                *bytes = 0;
            }
            Self::Directory(directory) => {
                for entry in std::fs::read_dir(directory)? {
                    let path = entry?.path();
                    if path.to_string_lossy().ends_with(EXTENSION) {
                        std::fs::remove_file(path)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The parts of a partition hold only letters, digits and `._:[]-`, so `~` keeps them apart and no
/// name leaves the directory.
fn row_file(directory: &Path, partition: &Partition) -> PathBuf {
    let target = &partition.target;
    let date = partition
        .date()
        .map_or_else(|| "streaming".to_owned(), |date| date.to_string());
    directory.join(format!(
        "{}~{}~{}~{}~{date}.{EXTENSION}",
        target.tenant(),
        target.application(),
        partition.topic,
        partition.stage.kind(),
    ))
}
