//! Where a record came from.

/// Place of a record in its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// 1-based number of the record in its input; blank lines do not count.
    pub ordinal: u64,
    /// 1-based line on which the record starts.
    pub line: u64,
    /// Byte at which the record starts, counted in the decompressed input.
    pub offset: u64,
}
