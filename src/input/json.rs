//! Whether a piece of a line is one JSON object, and what is remarkable about it.
//!
//! `serde_json` checks the grammar without building a value or changing a byte. Depth and the
//! remarkable things are looked for only in rows that can have them, so that plain rows cost one
//! pass; the duplicate keys of rows are found by it in [`super::key_order`]. Bytes are taken for UTF-8; whoever
//! calls has checked that.

use super::key_order::KeyOrder;
use super::nested_keys;
use super::row::{MAX_DEPTH, RejectCode, WarningKind};
use crate::schema::{has_infinity, outside_strings};
use memchr::memchr;
use memchr::memmem::Finder;
use serde::de::IgnoredAny;

/// What rows of a block may have, found out for many rows at once.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Suspicions {
    surrogates: bool,
    exponents: bool,
}

/// Checks rows; keeps its buffers from row to row.
pub(super) struct JsonCheck {
    escapes: [Finder<'static>; 2],
    keys: KeyOrder,
}

/// Why a row is rejected.
#[derive(Debug)]
pub(super) struct BadJson {
    pub(super) code: RejectCode,
    pub(super) message: String,
}

/// The remarkable things about a row that is sent.
pub(super) type Remarks = [Option<WarningKind>; 3];

impl JsonCheck {
    pub(super) fn new() -> Self {
        Self {
            escapes: [Finder::new(br"\ud"), Finder::new(br"\uD")],
            keys: KeyOrder::default(),
        }
    }

    /// Looks through many rows for what single rows then have to be searched for.
    pub(super) fn suspect(&self, rows: &[u8]) -> Suspicions {
        Suspicions {
            surrogates: self
                .escapes
                .iter()
                .any(|escape| escape.find(rows).is_some()),
            exponents: may_have_large_exponent(rows),
        }
    }

    /// Whether a row, which has no white space around it, is a JSON object with nothing remarkable
    /// about it that is seen at a glance; any other has to be [`check`](Self::check)ed.
    pub(super) fn is_plain(&self, row: &[u8]) -> bool {
        self.keys.is_plain(row)
    }

    /// Checks one row, which has no white space around it.
    pub(super) fn check(&mut self, row: &[u8], suspicions: Suspicions) -> Result<Remarks, BadJson> {
        if row.first() != Some(&b'{') {
            return Err(not_an_object(row));
        }
        let duplicates = self.keys.check(row).map_err(|error| not_json(&error))?;
        if may_be_deep(row) && depth(row) > MAX_DEPTH {
            return Err(BadJson {
                code: RejectCode::TooDeep,
                message: format!("nested deeper than {MAX_DEPTH} levels"),
            });
        }
        let duplicates = duplicates || nested_keys::are_twice(row);
        let surrogate = suspicions.surrogates && has_lone_surrogate(row);
        let infinite = suspicions.exponents && may_have_large_exponent(row) && has_infinity(row);
        Ok([
            duplicates.then_some(WarningKind::DuplicateKey),
            surrogate.then_some(WarningKind::LoneSurrogate),
            infinite.then_some(WarningKind::NumberRange),
        ])
    }
}

fn not_an_object(row: &[u8]) -> BadJson {
    match serde_json::from_slice::<IgnoredAny>(row) {
        Ok(IgnoredAny) => BadJson {
            code: RejectCode::NotObject,
            message: "a JSON value, but not an object: each line must be one {…}".to_owned(),
        },
        Err(error) => not_json(&error),
    }
}

fn not_json(error: &serde_json::Error) -> BadJson {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default();
    let advice = if error.is_eof() {
        "; it is cut off, or a row goes over several lines, which --format json reads"
    } else {
        ""
    };
    BadJson {
        code: RejectCode::NotJson,
        message: format!(
            "not one JSON object: {reason} at byte {}{advice}",
            error.column()
        ),
    }
}

/// Whether a row has enough opening brackets to be nested too deeply.
fn may_be_deep(row: &[u8]) -> bool {
    // Each level takes at least an opening and a closing bracket.
    row.len() > 2 * MAX_DEPTH
        && row
            .chunks(128)
            .map(|chunk| {
                let brackets = chunk.iter().map(|byte| u8::from(byte & 0xdf == b'['));
                usize::from(brackets.fold(0_u8, u8::wrapping_add))
            })
            .sum::<usize>()
            > MAX_DEPTH
}

/// Deepest nesting of valid JSON.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    outside_strings(json, |byte, _| match byte {
        b'{' | b'[' => {
            depth = depth.saturating_add(1);
            deepest = deepest.max(depth);
        }
        b'}' | b']' => depth = depth.saturating_sub(1),
        _ => {}
    });
    deepest
}

/// Whether a digit, an `e` and three places of an exponent stand in a row somewhere. Without
/// branches, so that it compiles to vector instructions: keys and identifiers are full of the
/// letter.
fn may_have_large_exponent(rows: &[u8]) -> bool {
    let digit = |byte: u8| u8::from(byte.wrapping_sub(b'0') < 10);
    let is = |byte: u8, other: u8| u8::from(byte == other);
    let second = rows.get(1..).unwrap_or_default();
    let third = rows.get(2..).unwrap_or_default();
    let fourth = rows.get(3..).unwrap_or_default();
    let fifth = rows.get(4..).unwrap_or_default();
    let windows = rows.iter().zip(second).zip(third.iter().zip(fourth));
    let found = windows.zip(fifth).fold(0, |found, (((a, b), (c, d)), e)| {
        let exponent = (digit(*c) | is(*c, b'+')) & digit(*d) & digit(*e);
        found | (digit(*a) & is(b | 0x20, b'e') & exponent)
    });
    found != 0
}

/// Whether valid JSON has an escape of half a surrogate pair without the other half.
fn has_lone_surrogate(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = memchr(b'\\', rest) {
        rest = rest.get(at..).unwrap_or_default();
        let length = match surrogate(rest) {
            None => 2,
            Some(0xd800..=0xdbff) => {
                let partner = rest.get(6..).and_then(surrogate);
                if !matches!(partner, Some(0xdc00..=0xdfff)) {
                    return true;
                }
                12
            }
            Some(_) => return true,
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    false
}

/// The surrogate that a text begins with as an escape.
fn surrogate(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(br"\u")?.get(..4)?;
    let code = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (0xd800..=0xdfff).contains(&code).then_some(code)
}

#[cfg(test)]
mod tests;
