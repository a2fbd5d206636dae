//! Rows with the same key: every one is found and none is reported that is none, in bounded memory.
//!
//! The key of each row is kept in a buffer, ordered by its hash; a full buffer goes to a temporary
//! file without a name, and at the end all of them are merged. Rows are only called the same when
//! their keys are, byte by byte; hashes decide about the order and nothing else. A key that is
//! longer than [`MAX_KEY_BYTES`] is not looked at, but counted.

use super::account::Spot;
use super::key_runs::{Entry, Runs};
use std::io;
use xxhash_rust::xxh3::xxh3_64;

/// Longest key that is compared.
pub(super) const MAX_KEY_BYTES: usize = 4 << 10;
/// Bytes of keys and places in memory, beside 16 bytes for each row in there.
const BUFFER_BYTES: usize = 16 << 20;
/// Rows in memory.
const BUFFER_ROWS: usize = 512 << 10;

/// A row with the key of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Duplicate {
    /// Number of the row among all rows.
    pub(super) ordinal: u64,
    pub(super) spot: Spot,
    /// The first row with this key.
    pub(super) first: Spot,
    /// Whether something else was wrong with the row.
    pub(super) bad: bool,
}

/// A row, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyedRow {
    pub(super) ordinal: u64,
    pub(super) spot: Spot,
    pub(super) bad: bool,
}

/// The keys of all rows so far.
pub(super) struct Keys {
    buffer: Vec<u8>,
    index: Vec<(u64, u32)>,
    runs: Runs,
    limit: (usize, usize),
    pub(super) rows: u64,
    pub(super) too_long: u64,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self::with_limit(BUFFER_BYTES, BUFFER_ROWS)
    }

    fn with_limit(bytes: usize, rows: usize) -> Self {
        Self {
            buffer: Vec::new(),
            index: Vec::new(),
            runs: Runs::default(),
            limit: (bytes, rows),
            rows: 0,
            too_long: 0,
        }
    }

    /// Takes the key of a row.
    pub(super) fn add(&mut self, key: &[u8], row: KeyedRow) -> io::Result<()> {
        if key.len() > MAX_KEY_BYTES {
            self.too_long = self.too_long.saturating_add(1);
            return Ok(());
        }
        self.rows = self.rows.saturating_add(1);
        if self.buffer.len() >= self.limit.0 || self.index.len() >= self.limit.1 {
            self.spill()?;
        }
        // The buffer has far less than 4 GiB.
        let at = u32::try_from(self.buffer.len()).unwrap_or(u32::MAX);
        let hash = xxh3_64(key);
        self.index.push((hash, at));
        Entry { hash, row, key }.push_to(&mut self.buffer);
        Ok(())
    }

    /// Calls `see` with each row that has the key of an earlier one; keys come in no order, rows of
    /// one key in theirs.
    pub(super) fn duplicates(mut self, see: &mut dyn FnMut(Duplicate)) -> io::Result<()> {
        let mut last = Same::default();
        if self.runs.is_empty() {
            self.sort();
            for (_, at) in &self.index {
                if let Some(entry) = entry_at(&self.buffer, *at) {
                    last.compare(&entry, see);
                }
            }
            return Ok(());
        }
        self.spill()?;
        self.runs.merged(&mut |entry| {
            last.compare(entry, see);
            Ok(())
        })
    }

    fn sort(&mut self) {
        let buffer = &self.buffer;
        self.index.sort_unstable_by(|a, b| {
            // Rows are in the buffer in their order.
            let by_key = || {
                entry_at(buffer, a.1)
                    .map(|it| it.key)
                    .cmp(&entry_at(buffer, b.1).map(|it| it.key))
            };
            a.0.cmp(&b.0).then_with(by_key).then(a.1.cmp(&b.1))
        });
    }

    fn spill(&mut self) -> io::Result<()> {
        self.sort();
        let entries = self
            .index
            .iter()
            .filter_map(|(_, at)| entry_at(&self.buffer, *at));
        self.runs.add(entries)?;
        self.buffer.clear();
        self.index.clear();
        Ok(())
    }
}

fn entry_at(buffer: &[u8], at: u32) -> Option<Entry<'_>> {
    let at = usize::try_from(at).ok()?;
    Entry::first_of(buffer.get(at..)?).map(|(entry, _)| entry)
}

/// The key before, and the first row that had it.
#[derive(Default)]
struct Same {
    key: Vec<u8>,
    first: Option<Spot>,
}

impl Same {
    fn compare(&mut self, entry: &Entry<'_>, see: &mut dyn FnMut(Duplicate)) {
        if let Some(first) = self.first
            && self.key == entry.key
        {
            see(Duplicate {
                ordinal: entry.row.ordinal,
                spot: entry.row.spot,
                first,
                bad: entry.row.bad,
            });
            return;
        }
        self.key.clear();
        self.key.extend_from_slice(entry.key);
        self.first = Some(entry.row.spot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn row(number: usize) -> KeyedRow {
        let ordinal = u64::try_from(number).unwrap();
        KeyedRow {
            ordinal,
            spot: Spot {
                input: number % 3,
                line: ordinal + 1,
            },
            bad: number.is_multiple_of(5),
        }
    }

    fn found(keys: &[Vec<u8>], limit: (usize, usize)) -> Vec<Duplicate> {
        let mut all = Keys::with_limit(limit.0, limit.1);
        for (number, key) in keys.iter().enumerate() {
            all.add(key, row(number)).unwrap();
        }
        let mut found = Vec::new();
        all.duplicates(&mut |it| found.push(it)).unwrap();
        found.sort_by_key(|it| it.ordinal);
        found
    }

    fn wanted(keys: &[Vec<u8>]) -> Vec<Duplicate> {
        let mut first = HashMap::new();
        let mut wanted = Vec::new();
        for (number, key) in keys.iter().enumerate() {
            let this = row(number);
            match first.get(key) {
                None => {
                    first.insert(key.clone(), this.spot);
                }
                Some(spot) => wanted.push(Duplicate {
                    ordinal: this.ordinal,
                    spot: this.spot,
                    first: *spot,
                    bad: this.bad,
                }),
            }
        }
        wanted
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn exactly_the_rows_with_an_earlier_key_are_found_whatever_fits_into_memory(
            keys in prop::collection::vec(prop::collection::vec(b'a'..b'd', 0..4), 0..300),
            rows in 1_usize..60,
        ) {
            prop_assert_eq!(found(&keys, (1 << 20, rows)), wanted(&keys));
        }
    }

    #[test]
    fn so_many_runs_that_they_are_merged_on_the_way_change_nothing() {
        let keys: Vec<Vec<u8>> = (0..600)
            .map(|n: u32| (n % 400).to_string().into_bytes())
            .collect();
        assert_eq!(found(&keys, (1 << 20, 1)), wanted(&keys));
    }

    #[test]
    fn a_key_that_is_too_long_is_counted_and_not_compared() {
        let mut keys = Keys::new();
        for number in 0..2 {
            keys.add(&vec![b'a'; MAX_KEY_BYTES + 1], row(number))
                .unwrap();
        }
        assert_eq!((keys.rows, keys.too_long), (0, 2));
        keys.duplicates(&mut |_| panic!("none was compared"))
            .unwrap();
    }
}
