//! Request bodies: read within bounds, split into rows without rewriting them.
//!
//! Rows keep their bytes; only line breaks between the tokens of a row become blanks, so that a row
//! is one line of the store. Whether a row is good is the schema's question.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Deserializer;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// Most bytes of a body, as sent and again after inflating it. The platform publishes no limit.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// Longest wait for a whole body.
const MAX_BODY_WAIT: Duration = Duration::from_secs(120);

/// Why a body is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFault {
    /// The client stopped sending, or took too long.
    Broken,
    /// More than [`MAX_BODY_BYTES`].
    TooLarge,
}

/// Reads a body to its end.
pub(super) async fn read(body: Incoming) -> Result<Bytes, BodyFault> {
    tokio::time::timeout(MAX_BODY_WAIT, read_frames(body))
        .await
        .unwrap_or(Err(BodyFault::Broken))
}

async fn read_frames(mut body: Incoming) -> Result<Bytes, BodyFault> {
    let mut whole = BytesMut::new();
    let mut too_large = false;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyFault::Broken)?.into_data() else {
            continue;
        };
        // The rest of an oversized body is read and thrown away, so that the refusal can arrive.
        too_large = too_large || whole.len().saturating_add(data.len()) > MAX_BODY_BYTES;
        if !too_large {
            whole.extend_from_slice(&data);
        }
    }
    if too_large {
        return Err(BodyFault::TooLarge);
    }
    Ok(whole.freeze())
}

/// The rows of a write body.
#[derive(Debug, Default)]
pub(super) struct RowList<'a> {
    /// The first rows, up to the bound that was asked for.
    pub(super) rows: Vec<&'a str>,
    /// How many there were.
    pub(super) count: u64,
}

/// Splits a JSON array of objects into its rows; keeps at most `keep` of them and counts all.
/// `None` when the body is anything else. An empty body is an empty list.
pub(super) fn split_rows(body: &[u8], keep: usize) -> Option<RowList<'_>> {
    let text = std::str::from_utf8(body).ok()?;
    if text.trim_ascii().is_empty() {
        return Some(RowList::default());
    }
    let mut parser = serde_json::Deserializer::from_str(text);
    let list = parser.deserialize_seq(RowVisitor { keep }).ok()?;
    parser.end().ok()?;
    list.rows
        .iter()
        .all(|row| row.starts_with('{'))
        .then_some(list)
}

/// A row as one line.
pub(super) fn as_line(row: &str) -> Cow<'_, str> {
    if row.contains(['\n', '\r']) {
        // Inside strings JSON escapes control characters, so these are blanks between tokens.
        Cow::Owned(row.replace(['\n', '\r'], " "))
    } else {
        Cow::Borrowed(row)
    }
}

struct RowVisitor {
    keep: usize,
}

impl<'de> Visitor<'de> for RowVisitor {
    type Value = RowList<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RowList<'de>, A::Error> {
        let mut found = RowList::default();
        while found.rows.len() < self.keep {
            let Some(row) = list.next_element::<&RawValue>()? else {
                return Ok(found);
            };
            found.rows.push(row.get());
            found.count = found.count.saturating_add(1);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            found.count = found.count.saturating_add(1);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_bytes_and_the_rest_is_counted() {
        let body = br#" [ {"a": 9007199254740993, "b":1.50}, {"a":"\n"} ,{}] "#;
        let list = split_rows(body, 2).unwrap();
        assert_eq!(
            list.rows,
            [r#"{"a": 9007199254740993, "b":1.50}"#, r#"{"a":"\n"}"#]
        );
        assert_eq!(list.count, 3);
    }

    #[test]
    fn what_is_no_array_of_objects_is_refused() {
        for bad in ["{}", "[1]", "[{}", "[{}]x", "[{},]", "[{}][]", "\u{feff}[]"] {
            assert!(split_rows(bad.as_bytes(), 10).is_none(), "{bad}");
        }
        assert!(split_rows(b"[{\"a\":\"\xff\"}]", 10).is_none());
        for empty in ["", " \n", "[]"] {
            assert_eq!(split_rows(empty.as_bytes(), 10).unwrap().count, 0);
        }
    }

    #[test]
    fn a_row_over_several_lines_becomes_one() {
        assert_eq!(as_line("{\"a\":\r\n1}"), "{\"a\":  1}");
    }
}
