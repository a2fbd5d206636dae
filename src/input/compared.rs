//! A stream that is read again is compared with what was recorded of it, while it passes by. What
//! comes behind that has to begin with a row: a stream that broke off in the middle of one was
//! recorded as if the row ended there, and going on from there would make rows that nobody wrote.

use super::Format;
use super::error::StreamChange;
use crate::domain::RawRange;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use xxhash_rust::xxh3::Xxh3;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Decompressed bytes, compared with the recorded ranges at their beginning.
pub(super) struct Compared {
    bytes: Box<dyn Read + Send>,
    /// Ranges that are not passed yet, in order and without gaps from byte 0.
    ranges: VecDeque<RawRange>,
    /// Line on which the last range ends.
    last_line: u64,
    hasher: Xxh3,
    /// Line breaks of the first of these ranges so far.
    line_breaks: u64,
    offset: u64,
    border: Border,
    /// The first byte that means something was seen.
    has_begun: bool,
}

/// Where the recorded part ends and the rest begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Border {
    /// Not reached yet; the last byte so far.
    Ahead(u8),
    /// Whatever comes next has to begin a row, or end the last one.
    Here,
    /// Passed, or of no importance: the elements of a JSON array end by themselves.
    Passed,
}

/// The stream is not the one that was recorded.
#[derive(Debug)]
pub(super) struct Differs {
    /// Line on which the range that differs begins; of a stream that ended early its last whole line.
    pub(super) line: u64,
    /// In which way.
    pub(super) how: StreamChange,
}

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "differs from line {} on", self.line)
    }
}

impl std::error::Error for Differs {}

impl Compared {
    /// Rows end with their lines in every format but JSON; with [`Format::Auto`] a text that begins
    /// with `[` is JSON.
    pub(super) fn new(bytes: Box<dyn Read + Send>, recorded: &[RawRange], format: Format) -> Self {
        Self {
            bytes,
            last_line: recorded
                .last()
                .map_or(1, |last| last.line.saturating_add(last.lines)),
            ranges: recorded.iter().copied().collect(),
            hasher: Xxh3::new(),
            line_breaks: 0,
            offset: 0,
            // Where there was no row, none can have been cut off.
            border: if format != Format::Json && recorded.iter().any(|it| it.records > 0) {
                Border::Ahead(b'\n')
            } else {
                Border::Passed
            },
            has_begun: format != Format::Auto,
        }
    }

    /// Looks at bytes of which the first `recorded` were recorded.
    fn cross(&mut self, bytes: &[u8], recorded: usize) -> io::Result<()> {
        let (mine, rest) = bytes.split_at(recorded.min(bytes.len()));
        if !self.has_begun {
            let means_something = |byte: &&u8| !byte.is_ascii_whitespace() && !BOM.contains(byte);
            let first = mine.iter().find(means_something);
            self.has_begun = first.is_some();
            if first == Some(&b'[') {
                self.border = Border::Passed;
            }
        }
        if let (Border::Ahead(_), Some(last)) = (self.border, mine.last()) {
            self.border = Border::Ahead(*last);
        }
        if let (Border::Ahead(last), true) = (self.border, self.ranges.is_empty()) {
            self.border = if ends_a_row(last) {
                Border::Passed
            } else {
                Border::Here
            };
        }
        if let (Border::Here, Some(next)) = (self.border, rest.first()) {
            if !ends_a_row(*next) {
                return Err(io::Error::other(Differs {
                    line: self.last_line,
                    how: StreamChange::Continued,
                }));
            }
            self.border = Border::Passed;
        }
        Ok(())
    }

    fn pass(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while let (Some(range), false) = (self.ranges.front().copied(), bytes.is_empty()) {
            let left =
                usize::try_from(range.end().saturating_sub(self.offset)).unwrap_or(usize::MAX);
            let (mine, rest) = bytes.split_at(left.min(bytes.len()));
            self.hasher.update(mine);
            let breaks = memchr::memchr_iter(b'\n', mine).count();
            let breaks = u64::try_from(breaks).unwrap_or(u64::MAX);
            self.line_breaks = self.line_breaks.saturating_add(breaks);
            self.offset = self
                .offset
                .saturating_add(u64::try_from(mine.len()).unwrap_or(u64::MAX));
            bytes = rest;
            if self.offset < range.end() {
                continue;
            }
            if self.hasher.digest128() != range.digest {
                return Err(io::Error::other(Differs {
                    line: range.line,
                    how: StreamChange::Otherwise,
                }));
            }
            self.line_breaks = 0;
            self.hasher.reset();
            self.ranges.pop_front();
        }
        Ok(())
    }
}

impl Read for Compared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        let Some(bytes) = buffer.get(..read) else {
            return Ok(read);
        };
        let before = self.offset;
        self.pass(bytes)?;
        let recorded = usize::try_from(self.offset.saturating_sub(before)).unwrap_or(usize::MAX);
        self.cross(bytes, recorded)?;
        match self.ranges.front() {
            Some(range) if read == 0 && !buffer.is_empty() => Err(io::Error::other(Differs {
                line: range
                    .line
                    .saturating_sub(1)
                    .saturating_add(self.line_breaks),
                how: StreamChange::EndedEarly,
            })),
            _ => Ok(read),
        }
    }
}

/// A line break, of a CSV also a lone carriage return.
const fn ends_a_row(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;
    use xxhash_rust::xxh3::xxh3_128;

    fn recorded(parts: &[&str]) -> Vec<RawRange> {
        let mut offset = 0;
        parts
            .iter()
            .map(|part| {
                let length = u64::try_from(part.len()).unwrap();
                let range = RawRange {
                    first_record: 1,
                    records: 1,
                    offset,
                    length,
                    line: offset + 1,
                    lines: 1,
                    digest: xxh3_128(part.as_bytes()),
                };
                offset += length;
                range
            })
            .collect()
    }

    fn read(text: &'static str, parts: &[&str]) -> io::Result<String> {
        let mut all = String::new();
        Compared::new(Box::new(Cursor::new(text)), &recorded(parts), Format::Auto)
            .read_to_string(&mut all)?;
        Ok(all)
    }

    #[test]
    fn only_the_recorded_beginning_has_to_be_the_same() {
        assert_eq!(read("a\nb\ncc", &["a\n", "b\n"]).unwrap(), "a\nb\ncc");
        assert_eq!(read("aabb", &["aa", "bb"]).unwrap(), "aabb");
        assert!(read("aaXb", &["aa", "bb"]).is_err());
        assert!(read("aab", &["aa", "bb"]).is_err());
        assert!(read("", &["aa"]).is_err());
    }

    #[test]
    fn what_follows_begins_a_row_or_the_last_one_was_cut_off() {
        for rest in ["", "\ncc", "\r\ncc"] {
            let text: &'static str = Box::leak(format!("aabb{rest}").into_boxed_str());
            assert!(read(text, &["aa", "bb"]).is_ok(), "{rest}");
        }
        assert!(read("aabbcc", &["aa", "bb"]).is_err());
        assert!(read("aabb cc", &["aa", "bb"]).is_err());
        // Elements of an array end by themselves.
        assert!(read(" [1,2,3]", &[" [1,", "2"]).is_ok());
    }

    #[test]
    fn the_border_is_seen_however_the_bytes_come() {
        /// One byte at a time.
        struct Slow(Cursor<&'static str>);
        impl Read for Slow {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let one = buffer.len().min(1);
                self.0.read(buffer.get_mut(..one).unwrap())
            }
        }
        let slow = |text: &'static str| {
            let bytes = Box::new(Slow(Cursor::new(text)));
            let mut all = String::new();
            Compared::new(bytes, &recorded(&["aa", "bb"]), Format::Auto).read_to_string(&mut all)
        };
        assert!(slow("aabb\ncc").is_ok());
        assert!(slow("aabbc").is_err());
    }
}
