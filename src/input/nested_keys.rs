//! Whether an object inside of a row has a key twice. The row's own keys are seen to elsewhere.

use super::key_order::key_hash;
use crate::schema::{Elements, Members};
use memchr::memchr;

/// Whether a member of a row, a valid JSON object of bounded depth, has a key twice in it.
pub(super) fn are_twice(row: &[u8]) -> bool {
    let has_more = |rest| memchr(b'{', rest).is_some();
    row.get(1..).is_some_and(has_more) && Members::of(row).any(|member| has_twice(member.value))
}

fn has_twice(value: &[u8]) -> bool {
    match value.first() {
        Some(b'{') => {
            let mut keys = Vec::new();
            let inside = Members::of(value).any(|member| {
                keys.push(key_hash(member.key));
                has_twice(member.value)
            });
            keys.sort_unstable();
            inside || keys.windows(2).any(|pair| pair.first() == pair.last())
        }
        Some(b'[') => memchr(b'{', value).is_some() && Elements::of(value).any(has_twice),
        _ => false,
    }
}
