//! Ranges of records with the digest of the bytes they were read from, and places to start at.
//!
//! The ranges of one reader tile its decompressed input without gaps, so a file whose ranges all
//! have their digests is the file that was read, byte for byte.

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
}
