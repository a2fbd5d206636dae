//! Whether a row has a top-level key twice, told by the order in which rows have their keys.
//!
//! Rows of one input mostly have the same keys in the same order, some of them left out. Keys that
//! come in the order of a list without duplicates have none either, and comparing a key with the
//! next one of the list costs little; only other rows are read again and searched. The answer is
//! exact but for collisions of 64-bit hashes, which can only warn of a row for nothing.

use super::plain_row::is_plain;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::fmt;
use xxhash_rust::xxh3::xxh3_64;

/// Most keys that are remembered; rows with more are searched one by one.
const MAX_KEYS: usize = 256;
/// Longest key that is remembered.
const MAX_KEY_BYTES: usize = 1 << 10;

/// Keys that are all different, in the order in which rows have them.
#[derive(Default)]
pub(super) struct KeyOrder {
    keys: Vec<Box<[u8]>>,
    /// Those that are written without escapes, as they stand in front of their values.
    written: Vec<Box<[u8]>>,
}

impl KeyOrder {
    /// Whether a row is one plain JSON object, without a key twice and without anything remarkable.
    pub(super) fn is_plain(&self, row: &[u8]) -> bool {
        is_plain(row, &self.written)
    }

    /// Checks that a row is one JSON object and nothing else; whether it has a key twice.
    pub(super) fn check(&mut self, row: &[u8]) -> Result<bool, serde_json::Error> {
        let mut json = serde_json::Deserializer::from_slice(row);
        let in_order = json.deserialize_map(Ordered(&self.keys))?;
        json.end()?;
        if in_order {
            return Ok(false);
        }
        // Keys read as bytes may hold raw control characters, which JSON forbids.
        serde_json::from_slice::<IgnoredAny>(row)?;
        let mut keys = Keys::default();
        serde_json::Deserializer::from_slice(row).deserialize_map(&mut keys)?;
        let duplicates = keys.have_duplicates();
        if !duplicates {
            self.learn(keys);
        }
        Ok(duplicates)
    }

    /// Takes over the order of a row without duplicates.
    fn learn(&mut self, row: Keys) {
        if !row.all_kept {
            return;
        }
        if !self.merge(&row.kept) || self.keys.len() > MAX_KEYS {
            self.keys = row.kept;
        }
        self.written = self.keys.iter().filter_map(|key| written(key)).collect();
    }

    /// Puts new keys where the row has them; false when it has known ones in another order.
    fn merge(&mut self, keys: &[Box<[u8]>]) -> bool {
        let mut next = 0_usize;
        for key in keys {
            match self.keys.iter().position(|known| known == key) {
                Some(at) if at < next => return false,
                Some(at) => next = at.saturating_add(1),
                None => {
                    self.keys.insert(next, key.clone());
                    next = next.saturating_add(1);
                }
            }
        }
        true
    }
}

/// A key with its quotes and its colon; `None` for one that cannot be written without an escape.
fn written(key: &[u8]) -> Option<Box<[u8]>> {
    let escaped = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    (!key.iter().any(escaped)).then(|| [b"\"", key, b"\":"].concat().into_boxed_slice())
}

/// Visits an object: its values are only checked. Tells whether its keys come in the known order.
struct Ordered<'k>(&'k [Box<[u8]>]);

impl<'de> Visitor<'de> for Ordered<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        let mut known = self.0.iter();
        let mut in_order = true;
        // The iterator goes on behind the key that was found.
        while let Some(found) =
            members.next_key_seed(Key(|key: &[u8]| known.any(|known| **known == *key)))?
        {
            in_order &= found;
            members.next_value::<IgnoredAny>()?;
        }
        Ok(in_order)
    }
}

/// The keys of one row.
struct Keys {
    hashes: Vec<u64>,
    kept: Vec<Box<[u8]>>,
    /// Whether all of them can be remembered: not too many, none too long or with a control
    /// character.
    all_kept: bool,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            hashes: Vec::new(),
            kept: Vec::new(),
            all_kept: true,
        }
    }
}

impl Keys {
    fn have_duplicates(&mut self) -> bool {
        self.hashes.sort_unstable();
        let mut pairs = self.hashes.windows(2);
        pairs.any(|pair| pair.first() == pair.last())
    }

    fn add(&mut self, key: &[u8]) {
        self.hashes.push(xxh3_64(key));
        // A key with an escaped control character is not known, lest it be taken for a raw one.
        self.all_kept &= self.kept.len() < MAX_KEYS
            && key.len() <= MAX_KEY_BYTES
            && !key.iter().any(u8::is_ascii_control);
        if self.all_kept {
            self.kept.push(key.into());
        }
    }
}

impl<'de> Visitor<'de> for &mut Keys {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members
            .next_key_seed(Key(|key: &[u8]| self.add(key)))?
            .is_some()
        {
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// What a key is told by, which is given as it is written between its quotes.
pub(super) fn key_hash(written: &[u8]) -> u64 {
    if memchr::memchr(b'\\', written).is_none() {
        return xxh3_64(written);
    }
    let quoted = [b"\"", written, b"\""].concat();
    let mut json = serde_json::Deserializer::from_slice(&quoted);
    // Whoever calls has checked the grammar.
    Key(xxh3_64).deserialize(&mut json).unwrap_or_default()
}

/// A key, read as bytes because a key may hold a lone surrogate, which no `str` can.
struct Key<F>(F);

impl<'de, T, F: FnOnce(&[u8]) -> T> DeserializeSeed<'de> for Key<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<T, D::Error> {
        key.deserialize_bytes(self)
    }
}

impl<T, F: FnOnce(&[u8]) -> T> Visitor<'_> for Key<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E>(self, key: &[u8]) -> Result<T, E> {
        Ok((self.0)(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn row(keys: &[&str]) -> String {
        let members: Vec<String> = keys.iter().map(|key| format!("\"{key}\":[1]")).collect();
        format!("{{{}}}", members.join(","))
    }

    proptest! {
        #[test]
        fn exactly_the_rows_with_a_key_twice_are_told_whatever_came_before(
            rows in prop::collection::vec(
                prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "d", "e", "蓝"]), 0..5),
                0..40,
            ),
        ) {
            let mut order = KeyOrder::default();
            for keys in rows {
                let distinct: HashSet<&str> = keys.iter().copied().collect();
                let found = order.check(row(&keys).as_bytes()).unwrap();
                prop_assert_eq!(found, distinct.len() < keys.len(), "{:?}", keys);
            }
        }
    }

    #[test]
    fn a_raw_control_character_in_a_key_is_no_json_whatever_came_before() {
        let mut order = KeyOrder::default();
        let escaped = br#"{"a":1,"b\tc":2}"#;
        for _ in 0..2 {
            assert!(order.check(b"{\"a\":1,\"b\tc\":2}").is_err());
            assert!(!order.check(escaped).unwrap());
        }
    }

    #[test]
    fn rows_that_leave_keys_out_keep_to_the_order_and_are_not_searched() {
        let mut order = KeyOrder::default();
        for keys in [&["a", "c"][..], &["a", "b", "c"], &["c", "d"], &["d"], &[]] {
            assert!(!order.check(row(keys).as_bytes()).unwrap());
        }
        let known: Vec<&[u8]> = order.keys.iter().map(AsRef::as_ref).collect();
        assert_eq!(known, [b"a", b"b", b"c", b"d"]);
        // Another order takes the place of the old one.
        assert!(!order.check(row(&["d", "a"]).as_bytes()).unwrap());
        assert_eq!(order.keys.len(), 2);
    }

    #[test]
    fn a_row_with_more_keys_than_are_remembered_is_searched_all_the_same() {
        let names: Vec<String> = (0..2 * MAX_KEYS).map(|n| n.to_string()).collect();
        let mut keys: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut order = KeyOrder::default();
        assert!(!order.check(row(&keys).as_bytes()).unwrap());
        for half in keys.chunks(MAX_KEYS) {
            assert!(!order.check(row(half).as_bytes()).unwrap());
            assert!(order.keys.len() <= MAX_KEYS);
        }
        keys.push("7");
        assert!(order.check(row(&keys).as_bytes()).unwrap());
    }
}
