//! The rows of a compressed body, one by one.
//!
//! A reply may name any row of a batch whose rows are no longer in memory. The body is inflated in
//! small steps and taken apart on the way, so that looking for rows costs the room of one row.

use super::parcel::PackError;
use flate2::read::GzDecoder;
use std::io::Read;

/// Bytes that are inflated at a time.
const STEP_BYTES: usize = 64 << 10;

/// The rows of a body that this program made: one JSON array of objects, gzipped.
pub(super) struct PackedRows<'b> {
    inflated: GzDecoder<&'b [u8]>,
    buffer: Vec<u8>,
    /// Where in the buffer the unread part begins.
    from: usize,
    end: Ending,
}

/// How far into its last value a text goes.
#[derive(Default)]
struct Ending {
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl<'b> PackedRows<'b> {
    pub(super) fn of(body: &'b [u8]) -> Self {
        Self {
            inflated: GzDecoder::new(body),
            buffer: Vec::new(),
            from: 0,
            end: Ending::default(),
        }
    }

    /// The next row as it was sent; `None` behind the last one.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, PackError> {
        // An opening bracket stands in front of the first row, a comma in front of the others.
        let Some(separator) = self.byte()? else {
            return Err(PackError::Unreadable);
        };
        if separator == b']' {
            return Ok(None);
        }
        if !matches!(separator, b'[' | b',') {
            return Err(PackError::Unreadable);
        }
        let mut length = 0_usize;
        loop {
            let unread = self.buffer.get(self.from..).unwrap_or_default();
            let fresh = unread.get(length..).unwrap_or_default();
            if let Some(more) = self.end.find(fresh) {
                let begin = self.from;
                self.from = begin.saturating_add(length).saturating_add(more);
                return Ok(self.buffer.get(begin..self.from));
            }
            length = unread.len();
            if !self.inflate()? {
                return Err(PackError::Unreadable);
            }
        }
    }

    fn byte(&mut self) -> Result<Option<u8>, PackError> {
        if self.from == self.buffer.len() && !self.inflate()? {
            return Ok(None);
        }
        let byte = self.buffer.get(self.from).copied();
        self.from = self.from.saturating_add(1);
        Ok(byte)
    }

    /// Inflates a step more; false at the end.
    fn inflate(&mut self) -> Result<bool, PackError> {
        self.buffer.drain(..self.from);
        self.from = 0;
        let limit = u64::try_from(STEP_BYTES).unwrap_or(u64::MAX);
        let mut step = (&mut self.inflated).take(limit);
        let read = step.read_to_end(&mut self.buffer);
        Ok(read.map_err(|_| PackError::Unreadable)? > 0)
    }
}

impl Ending {
    /// Bytes up to the end of the object that the text belongs to, if it ends in the text.
    fn find(&mut self, text: &[u8]) -> Option<usize> {
        for (at, byte) in text.iter().enumerate() {
            if self.in_string {
                self.in_string = self.escaped || *byte != b'"';
                self.escaped = !self.escaped && *byte == b'\\';
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth = self.depth.saturating_add(1),
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at.saturating_add(1));
                    }
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Gzip;
    use proptest::prelude::*;

    fn rows_of(body: &[u8]) -> Result<Vec<String>, PackError> {
        let packed = Gzip::new(1).compress(body);
        let mut rows = PackedRows::of(&packed);
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(String::from_utf8(row.to_vec()).unwrap());
        }
        Ok(found)
    }

    #[test]
    fn rows_come_as_they_were_sent_however_long_they_are() {
        let long = format!(
            r#"{{"t":"{}\\","n":[{{}},"]}}"]}}"#,
            "长\\\"".repeat(40_000)
        );
        let rows = [r#"{"a":1}"#, &long, "{}", r#"{ "b" : [ ] }"#];
        let body = format!("[{}]", rows.join(","));
        assert_eq!(rows_of(body.as_bytes()).unwrap(), rows);
    }

    #[test]
    fn what_is_no_body_of_ours_is_unreadable() {
        for body in ["", "[", "[{}", "[{},", "x", "{}"] {
            assert!(rows_of(body.as_bytes()).is_err(), "{body}");
        }
        let mut cut = Gzip::new(1).compress(b"[{},{}]");
        cut.truncate(cut.len() - 9);
        let mut rows = PackedRows::of(&cut);
        assert!(
            std::iter::repeat_with(|| rows.next().map(|row| row.is_some()))
                .take(4)
                .any(|it| it.is_err())
        );
    }

    proptest! {
        #[test]
        fn any_rows_come_back(texts in prop::collection::vec(any::<String>(), 1..40)) {
            let rows: Vec<String> = texts.iter().map(|text| serde_json::json!({"k": [text]}).to_string()).collect();
            let body = format!("[{}]", rows.join(","));
            prop_assert_eq!(rows_of(body.as_bytes()).unwrap(), rows);
        }
    }
}
