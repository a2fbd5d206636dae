//! Parquet files as a stream of JSON lines, one line a row, the same for the same file and options.
//!
//! Everything above treats this stream as it treats a decompressed one: places, digests, resuming.
//! What JSON cannot say (NaN, bytes that are no text) stands in the line as it is, and the line's
//! fault says why it is no row. Row groups are decoded page by page, never loaded as a whole.

#[cfg(not(feature = "parquet"))]
mod absent;
#[cfg(feature = "parquet")]
mod bounds;
#[cfg(feature = "parquet")]
mod contain;
#[cfg(feature = "parquet")]
mod cursor;
#[cfg(feature = "parquet")]
mod decimal;
mod faults;
#[cfg(feature = "parquet")]
mod lines;
#[cfg(feature = "parquet")]
mod pages;
mod rows;
#[cfg(feature = "parquet")]
mod schema;
#[cfg(feature = "parquet")]
mod stored;
#[cfg(feature = "parquet")]
mod thrift;
#[cfg(feature = "parquet")]
mod time;
#[cfg(feature = "parquet")]
mod value;
#[cfg(feature = "parquet")]
mod write;

#[cfg(not(feature = "parquet"))]
pub(super) use absent::row_lines;
#[cfg(feature = "parquet")]
pub use contain::is_contained;
#[cfg(feature = "parquet")]
pub(super) use lines::row_lines;
pub(super) use rows::ColumnarReader;

use super::InputFault;
use faults::Faults;
use std::io::Read;

/// The first and last bytes of a Parquet file.
pub(super) const MAGIC: &[u8] = b"PAR1";
/// The same of one whose footer is encrypted.
pub(super) const ENCRYPTED_MAGIC: &[u8] = b"PARE";

/// Rows of a columnar file as JSON lines.
pub(super) trait RowLines: Read + Send {
    /// Goes on with a row, counted from 1; false when there are fewer rows.
    fn go_to_row(&mut self, row: u64) -> Result<bool, InputFault>;

    /// Bytes of the file that belong to the rows that were read.
    fn consumed(&self) -> u64;

    /// The faults of rows that were read.
    fn faults(&self) -> Faults;
}

/// Whether the panic of this thread is one of a decoder, which is caught and becomes an error.
#[cfg(not(feature = "parquet"))]
pub const fn is_contained() -> bool {
    false
}
