//! Places at which reading begins.
//!
//! The ranges of one reader tile its decompressed input without gaps, so reading can go on where
//! any of them ended, and a file whose ranges all have their digests is the file that was read.

use crate::domain::RawRange;

/// Where to begin reading: a place at which an earlier range ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Byte of the decompressed input.
    pub offset: u64,
    /// 1-based ordinal of the next record.
    pub record: u64,
    /// 1-based line at that byte.
    pub line: u64,
}

impl Start {
    /// The beginning of an input.
    pub const BEGINNING: Self = Self {
        offset: 0,
        record: 1,
        line: 1,
    };

    /// The place at which a recorded range begins.
    pub const fn before(range: &RawRange) -> Self {
        Self {
            offset: range.offset,
            record: range.first_record,
            line: range.line,
        }
    }

    /// The place right after a recorded range.
    pub const fn after(range: &RawRange) -> Self {
        Self {
            offset: range.end(),
            record: range.first_record.saturating_add(range.records),
            line: range.line.saturating_add(range.lines),
        }
    }
}
