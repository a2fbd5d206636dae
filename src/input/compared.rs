//! A stream that is read again is compared with what was recorded of it, while it passes by.

use crate::domain::RawRange;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use xxhash_rust::xxh3::Xxh3;

/// Decompressed bytes, compared with the recorded ranges at their beginning.
pub(super) struct Compared {
    bytes: Box<dyn Read + Send>,
    /// Ranges that are not passed yet, in order and without gaps from byte 0.
    ranges: VecDeque<RawRange>,
    hasher: Xxh3,
    offset: u64,
}

/// The stream is not the one that was recorded.
#[derive(Debug)]
pub(super) struct Differs {
    /// Line on which the range that differs begins.
    pub(super) line: u64,
}

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "differs from line {} on", self.line)
    }
}

impl std::error::Error for Differs {}

impl Compared {
    pub(super) fn new(bytes: Box<dyn Read + Send>, recorded: &[RawRange]) -> Self {
        Self {
            bytes,
            ranges: recorded.iter().copied().collect(),
            hasher: Xxh3::new(),
            offset: 0,
        }
    }

    fn pass(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while let (Some(range), false) = (self.ranges.front().copied(), bytes.is_empty()) {
            let left =
                usize::try_from(range.end().saturating_sub(self.offset)).unwrap_or(usize::MAX);
            let (mine, rest) = bytes.split_at(left.min(bytes.len()));
            self.hasher.update(mine);
            self.offset = self
                .offset
                .saturating_add(u64::try_from(mine.len()).unwrap_or(u64::MAX));
            bytes = rest;
            if self.offset < range.end() {
                continue;
            }
            if self.hasher.digest128() != range.digest {
                return Err(io::Error::other(Differs { line: range.line }));
            }
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
        self.pass(bytes)?;
        match self.ranges.front() {
            Some(range) if read == 0 && !buffer.is_empty() => {
                Err(io::Error::other(Differs { line: range.line }))
            }
            _ => Ok(read),
        }
    }
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
        Compared::new(Box::new(Cursor::new(text)), &recorded(parts)).read_to_string(&mut all)?;
        Ok(all)
    }

    #[test]
    fn only_the_recorded_beginning_has_to_be_the_same() {
        assert_eq!(read("aabbcc", &["aa", "bb"]).unwrap(), "aabbcc");
        assert_eq!(read("aabb", &["aa", "bb"]).unwrap(), "aabb");
        assert!(read("aaXb", &["aa", "bb"]).is_err());
        assert!(read("aab", &["aa", "bb"]).is_err());
        assert!(read("", &["aa"]).is_err());
    }
}
