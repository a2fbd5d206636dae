//! Ranges of records with the digest of the bytes they were read from, and places to start at.
//!
//! The ranges of one reader tile its decompressed input without gaps, so a file whose ranges all
//! have their digests is the file that was read, byte for byte.

/// A stretch of an input that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawRange {
    /// 1-based ordinal of the first record in it; of the next record when it holds none.
    pub first_record: u64,
    /// Records in it, rejected ones included.
    pub records: u64,
    /// Byte of the decompressed input at which it starts.
    pub offset: u64,
    /// Bytes of the decompressed input.
    pub length: u64,
    /// 1-based line on which it starts.
    pub line: u64,
    /// XXH3 (128 bits) of its bytes.
    pub digest: u128,
}

impl RawRange {
    /// The byte after its last.
    pub const fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}

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
