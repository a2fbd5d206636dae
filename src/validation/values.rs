//! The values of a field, counted: each of the first different ones exactly, all later ones together.
//!
//! A frequent value is among the first different ones of almost any file; where it is not, the count
//! of the others shows how much is not told. Long values are known by their beginning.

use super::distinct::Distinct;
use std::collections::HashMap;
use xxhash_rust::xxh3::{Xxh3Builder, xxh3_64};

/// Different values that are counted one by one.
pub const MAX_VALUES: usize = 200;
/// Bytes of a value that are looked at.
const MAX_VALUE_BYTES: usize = 64;

/// Counts of values.
#[derive(Debug, Clone, Default)]
pub struct Values {
    counts: HashMap<Box<[u8]>, u64, Xxh3Builder>,
    all: u64,
    others: u64,
    distinct: Distinct,
}

impl Values {
    pub(super) fn add(&mut self, value: &[u8]) {
        self.all = self.all.saturating_add(1);
        self.distinct.add(xxh3_64(value));
        let known = value.get(..MAX_VALUE_BYTES).unwrap_or(value);
        if let Some(count) = self.counts.get_mut(known) {
            *count = count.saturating_add(1);
        } else if self.counts.len() < MAX_VALUES {
            self.counts.insert(known.into(), 1);
        } else {
            self.others = self.others.saturating_add(1);
        }
    }

    /// The most frequent values among those that are counted one by one, as JSON writes them.
    pub fn most_frequent(&self, limit: usize) -> Vec<(String, u64)> {
        let mut all: Vec<(&[u8], u64)> = self
            .counts
            .iter()
            .map(|(value, count)| (&**value, *count))
            .collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let shown = |(value, count): &(&[u8], u64)| {
            let mut text = String::from_utf8_lossy(value).into_owned();
            if value.len() >= MAX_VALUE_BYTES {
                // A character may be cut in two at the bound.
                text.truncate(text.trim_end_matches('\u{fffd}').len());
                text.push('…');
            }
            (text, *count)
        };
        all.iter().take(limit).map(shown).collect()
    }

    /// Values that came after the first [`MAX_VALUES`] different ones and are none of them.
    pub const fn others(&self) -> u64 {
        self.others
    }

    /// How many different values there are: exactly up to [`MAX_VALUES`] short ones, else about.
    pub fn different(&self) -> (u64, bool) {
        let exact = self.others == 0
            && self
                .counts
                .keys()
                .all(|value| value.len() < MAX_VALUE_BYTES);
        if exact {
            (u64::try_from(self.counts.len()).unwrap_or(u64::MAX), true)
        } else {
            (self.distinct.estimate().min(self.all), false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_the_bound_are_counted_together() {
        let mut values = Values::default();
        for number in 0..1_000_u32 {
            values.add(b"\"a\"");
            values.add(number.to_string().as_bytes());
        }
        let first = values.most_frequent(2);
        assert_eq!(first, [("\"a\"".to_owned(), 1_000), ("0".to_owned(), 1)]);
        assert_eq!(values.others(), 1_000 - 199);
        let (different, exact) = values.different();
        assert!(!exact && different.abs_diff(1_001) < 100, "{different}");
    }

    #[test]
    fn few_short_values_are_counted_exactly_and_long_ones_are_cut_at_a_character() {
        let mut values = Values::default();
        values.add(b"1");
        values.add(b"1");
        assert_eq!(values.different(), (1, true));
        values.add("中".repeat(40).as_bytes());
        assert!(!values.different().1);
        let long = &values.most_frequent(2)[1].0;
        assert_eq!(*long, "中".repeat(21) + "…");
    }
}
