//! Sorted runs of keys in temporary files, and their merge.
//!
//! Runs of one level that have become [`FAN_IN`] are merged into one of the next level, so that at
//! any time few files are open and each key is written a few times at most, however many there are.
//! The files have no name: the system takes them back however the process ends.

use super::account::Spot;
use super::duplicates::KeyedRow;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

/// Runs that are merged at a time.
const FAN_IN: usize = 32;
/// Bytes of an entry before its key: hash, ordinal, input, line, mark, length of the key.
const HEAD_BYTES: usize = 8 + 8 + 4 + 8 + 1 + 4;

/// A key and its row. Entries are ordered by hash, key and row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'k> {
    pub(super) hash: u64,
    pub(super) row: KeyedRow,
    pub(super) key: &'k [u8],
}

impl<'k> Entry<'k> {
    pub(super) fn push_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.head());
        bytes.extend_from_slice(self.key);
    }

    fn head(&self) -> [u8; HEAD_BYTES] {
        let mut head = [0; HEAD_BYTES];
        // Names of that many inputs would not fit into memory, and keys have a bound.
        let input = u32::try_from(self.row.spot.input).unwrap_or(u32::MAX);
        let length = u32::try_from(self.key.len()).unwrap_or(u32::MAX);
        let parts: [&[u8]; 6] = [
            &self.hash.to_le_bytes(),
            &self.row.ordinal.to_le_bytes(),
            &input.to_le_bytes(),
            &self.row.spot.line.to_le_bytes(),
            &[u8::from(self.row.bad)],
            &length.to_le_bytes(),
        ];
        let all = parts.into_iter().flatten();
        for (place, byte) in head.iter_mut().zip(all) {
            *place = *byte;
        }
        head
    }

    /// The entry that the bytes begin with, and how many bytes it has.
    pub(super) fn first_of(bytes: &'k [u8]) -> Option<(Self, usize)> {
        let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
        let (row, hash, length) = read_head(head)?;
        let key = rest.get(..length)?;
        Some((Self { hash, row, key }, HEAD_BYTES.saturating_add(length)))
    }
}

fn read_head(head: &[u8]) -> Option<(KeyedRow, u64, usize)> {
    let (hash, rest) = head.split_first_chunk::<8>()?;
    let (ordinal, rest) = rest.split_first_chunk::<8>()?;
    let (input, rest) = rest.split_first_chunk::<4>()?;
    let (line, rest) = rest.split_first_chunk::<8>()?;
    let ([bad], rest) = rest.split_first_chunk::<1>()?;
    let (length, _) = rest.split_first_chunk::<4>()?;
    let row = KeyedRow {
        ordinal: u64::from_le_bytes(*ordinal),
        spot: Spot {
            input: usize::try_from(u32::from_le_bytes(*input)).ok()?,
            line: u64::from_le_bytes(*line),
        },
        bad: *bad != 0,
    };
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    Some((row, u64::from_le_bytes(*hash), length))
}

/// Runs by level; those of a level have about the same length.
#[derive(Default)]
pub(super) struct Runs {
    levels: Vec<Vec<File>>,
}

impl Runs {
    pub(super) fn is_empty(&self) -> bool {
        self.levels.iter().all(Vec::is_empty)
    }

    /// Takes a run, which is in order.
    pub(super) fn add<'k>(&mut self, entries: impl Iterator<Item = Entry<'k>>) -> io::Result<()> {
        let mut writer = BufWriter::new(tempfile::tempfile()?);
        for entry in entries {
            write(&mut writer, &entry)?;
        }
        self.put(0, finished(writer)?)
    }

    fn put(&mut self, level: usize, run: File) -> io::Result<()> {
        if self.levels.len() <= level {
            self.levels.push(Vec::new());
        }
        let Some(runs) = self.levels.get_mut(level) else {
            return Ok(());
        };
        runs.push(run);
        if runs.len() < FAN_IN {
            return Ok(());
        }
        let full = std::mem::take(runs);
        let mut writer = BufWriter::new(tempfile::tempfile()?);
        merge(full, &mut |entry| write(&mut writer, entry))?;
        self.put(level.saturating_add(1), finished(writer)?)
    }

    /// Calls `see` with the entries of all runs in order.
    pub(super) fn merged(
        self,
        see: &mut dyn FnMut(&Entry<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        merge(self.levels.into_iter().flatten().collect(), see)
    }
}

fn write(writer: &mut BufWriter<File>, entry: &Entry<'_>) -> io::Result<()> {
    writer.write_all(&entry.head())?;
    writer.write_all(entry.key)
}

fn finished(writer: BufWriter<File>) -> io::Result<File> {
    let mut file = writer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}

/// The next entry of a run.
#[derive(PartialEq, Eq)]
struct Cursor {
    run: usize,
    hash: u64,
    row: KeyedRow,
    key: Vec<u8>,
}

impl Cursor {
    /// Reads the next entry over this one; false at the end of the run.
    fn advance(&mut self, reader: &mut BufReader<File>) -> io::Result<bool> {
        let mut head = [0; HEAD_BYTES];
        if let Err(error) = reader.read_exact(&mut head) {
            let ended = error.kind() == io::ErrorKind::UnexpectedEof;
            return if ended { Ok(false) } else { Err(error) };
        }
        let (row, hash, length) = read_head(&head).ok_or(io::ErrorKind::InvalidData)?;
        self.hash = hash;
        self.row = row;
        self.key.resize(length, 0);
        reader.read_exact(&mut self.key)?;
        Ok(true)
    }

    fn order(&self) -> (u64, &[u8], u64) {
        (self.hash, &self.key, self.row.ordinal)
    }
}

impl Ord for Cursor {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Cursor {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn merge(runs: Vec<File>, see: &mut dyn FnMut(&Entry<'_>) -> io::Result<()>) -> io::Result<()> {
    let mut readers: Vec<BufReader<File>> = runs.into_iter().map(BufReader::new).collect();
    let mut next = BinaryHeap::new();
    let nowhere = KeyedRow {
        ordinal: 0,
        spot: Spot { input: 0, line: 0 },
        bad: false,
    };
    for (run, reader) in readers.iter_mut().enumerate() {
        let mut cursor = Cursor {
            run,
            hash: 0,
            row: nowhere,
            key: Vec::new(),
        };
        if cursor.advance(reader)? {
            next.push(Reverse(cursor));
        }
    }
    while let Some(Reverse(mut cursor)) = next.pop() {
        see(&Entry {
            hash: cursor.hash,
            row: cursor.row,
            key: &cursor.key,
        })?;
        if let Some(reader) = readers.get_mut(cursor.run)
            && cursor.advance(reader)?
        {
            next.push(Reverse(cursor));
        }
    }
    Ok(())
}
