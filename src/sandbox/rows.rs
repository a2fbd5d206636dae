//! The accepted rows of each partition: in memory up to a bound and beyond it in a nameless
//! temporary file, or in one JSONL file a partition.
//!
//! Rows stay the bytes that arrived, so a test can compare them with its file, and none is ever left
//! out. This module does not know why rows were accepted, and in a directory it trusts the journal
//! about how many there are.

use crate::domain::Partition;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most bytes of rows kept in memory by one sandbox; those beyond it go to a temporary file.
pub(super) const MAX_ROW_MEMORY_BYTES: usize = 256 * 1024 * 1024;

/// Ends the names of row files.
const EXTENSION: &str = "rows.jsonl";

/// Where rows are.
#[derive(Debug)]
pub(super) enum Rows {
    /// In this process, or in a file that ends with it.
    Own(OwnRows),
    /// In files of this directory.
    Directory(PathBuf),
}

/// Rows that no other sandbox will read.
#[derive(Debug)]
pub(super) struct OwnRows {
    /// Pieces in the order of arrival; each ends with a line break.
    pieces: BTreeMap<Partition, Vec<Piece>>,
    /// Bytes in memory, and how many there may be.
    in_memory: usize,
    most_in_memory: usize,
    /// The temporary file and its length; none until memory is full.
    spill: Option<(Arc<File>, u64)>,
}

/// Rows to be read back.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    /// Bytes that share memory with the store.
    Memory(Bytes),
    /// A stretch of an open file.
    Stretch {
        /// Shared with whoever reads and writes other stretches.
        file: Arc<File>,
        /// First byte.
        from: u64,
        /// Byte behind the last.
        end: u64,
    },
    /// The beginning of a file that is not open yet.
    File {
        /// Where.
        path: PathBuf,
        /// Byte behind the last that counts.
        end: u64,
    },
}

impl Rows {
    /// Rows that end with this process, of which so many bytes stay in memory.
    pub(super) const fn own(most_in_memory: usize) -> Self {
        Self::Own(OwnRows {
            pieces: BTreeMap::new(),
            in_memory: 0,
            most_in_memory,
            spill: None,
        })
    }

    /// Appends the rows of a request; `end` is how long the partition was before. Fails when the
    /// disk is full or broken; then nothing was appended.
    pub(super) fn append(
        &mut self,
        partition: &Partition,
        end: u64,
        lines: Bytes,
    ) -> io::Result<()> {
        match self {
            Self::Own(rows) => rows.append(partition, lines),
            Self::Directory(directory) => {
                let path = row_file(directory, partition);
                let mut file = OpenOptions::new().create(true).append(true).open(path)?;
                // A request that failed half-way, or a kill, may have left more than was counted.
                if file.metadata()?.len() != end {
                    file.set_len(end)?;
                }
                file.write_all(&lines)
            }
        }
    }

    /// The rows of a partition, of which the first `end` bytes count.
    pub(super) fn of(&self, partition: &Partition, end: u64) -> Vec<Piece> {
        match self {
            Self::Own(rows) => rows.pieces.get(partition).cloned().unwrap_or_default(),
            Self::Directory(directory) => {
                let path = row_file(directory, partition);
                vec![Piece::File { path, end }]
            }
        }
    }

    /// Whether a partition that should have so many bytes has them.
    pub(super) fn holds(&self, partition: &Partition, end: u64) -> bool {
        match self {
            Self::Own(_) => true,
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
            Self::Own(rows) => *self = Self::own(rows.most_in_memory),
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

impl OwnRows {
    fn append(&mut self, partition: &Partition, lines: Bytes) -> io::Result<()> {
        let total = self.in_memory.saturating_add(lines.len());
        if total <= self.most_in_memory {
            self.in_memory = total;
            let pieces = self.pieces.entry(partition.clone()).or_default();
            pieces.push(Piece::Memory(lines));
            return Ok(());
        }
        let (file, from) = match &self.spill {
            Some((file, length)) => (Arc::clone(file), *length),
            None => (Arc::new(tempfile::tempfile()?), 0),
        };
        file.write_all_at(&lines, from)?;
        let end = from.saturating_add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        self.spill = Some((Arc::clone(&file), end));
        let pieces = self.pieces.entry(partition.clone()).or_default();
        match pieces.last_mut() {
            // One partition is mostly written at a time, and a stretch takes memory too.
            Some(Piece::Stretch { end: before, .. }) if *before == from => *before = end,
            _ => pieces.push(Piece::Stretch { file, from, end }),
        }
        Ok(())
    }
}

impl Piece {
    /// The next bytes, at most `most` of those in a file, and the piece that is left. Blocks.
    pub(super) fn read(self, most: usize) -> io::Result<(Bytes, Option<Self>)> {
        match self {
            Self::Memory(bytes) => Ok((bytes, None)),
            Self::File { path, end } => {
                let file = Arc::new(File::open(path)?);
                Self::Stretch { file, from: 0, end }.read(most)
            }
            Self::Stretch { file, from, end } => {
                let left = usize::try_from(end.saturating_sub(from)).unwrap_or(usize::MAX);
                let mut bytes = vec![0; left.min(most)];
                file.read_exact_at(&mut bytes, from)?;
                let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                let from = from.saturating_add(read);
                let rest = (from < end).then_some(Self::Stretch { file, from, end });
                Ok((bytes.into(), rest))
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::journal::PartitionName;

    fn partition(topic: &str) -> Partition {
        PartitionName {
            tenant: "1".into(),
            application: "2".into(),
            topic: topic.into(),
            stage: "history_sync".into(),
            date: Some("2022-01-01".into()),
        }
        .to_partition()
        .unwrap()
    }

    fn text(rows: &Rows, partition: &Partition) -> String {
        let mut text = Vec::new();
        for piece in rows.of(partition, 0) {
            let mut left = Some(piece);
            while let Some(piece) = left {
                let (bytes, rest) = piece.read(5).unwrap();
                text.extend_from_slice(&bytes);
                left = rest;
            }
        }
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn rows_beyond_the_bound_are_kept_in_order_outside_of_memory() {
        let mut rows = Rows::own(30);
        let topics = [partition("item"), partition("user")];
        let mut expected = [String::new(), String::new()];
        for number in 0..100 {
            // Runs of one topic and alternating ones.
            let topic = usize::from(number % 3 == 0);
            let line = format!("{{\"id\":{number}}}\n");
            expected[topic].push_str(&line);
            rows.append(&topics[topic], 0, line.into()).unwrap();
        }
        for (topic, expected) in topics.iter().zip(expected) {
            assert_eq!(text(&rows, topic), expected);
        }
        let Rows::Own(own) = &rows else { panic!() };
        assert!(own.in_memory <= 30);
        // Rows that follow one another are one stretch.
        assert!(own.pieces[&topics[0]].len() <= 37);
        rows.clear().unwrap();
        assert_eq!(text(&rows, &topics[0]), "");
        rows.append(&topics[0], 0, "{}\n".into()).unwrap();
        assert_eq!(text(&rows, &topics[0]), "{}\n");
    }

    #[test]
    fn a_file_that_lost_rows_is_an_error_and_no_short_dump() {
        let directory = tempfile::tempdir().unwrap();
        let mut rows = Rows::Directory(directory.path().to_owned());
        let item = partition("item");
        rows.append(&item, 0, "{}\n".into()).unwrap();
        let piece = rows.of(&item, 4).remove(0);
        assert!(piece.read(9).is_err());
    }
}
