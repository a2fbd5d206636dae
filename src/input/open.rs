//! From a place to rows: bytes are fetched, inflated, checked for what they are, and handed to the
//! reader of their format.
//!
//! This is the only file that knows all layers. A further layer (another encoding, another store)
//! is one more step here.

use super::{InputError, InputSettings, RawRange, RowReader, Start};
use std::io::Read;
use std::path::Path;

/// Opens a file for reading rows from `start`. A plain file is read from there; a compressed one is
/// inflated from its beginning.
pub fn open_file(
    _path: &Path,
    _settings: &InputSettings,
    _start: Start,
) -> Result<Box<dyn RowReader>, InputError> {
    unimplemented!()
}

/// Opens a stream, known in messages as `name`, for reading rows from `start`; what lies before is
/// read and passed over.
pub fn open_stream(
    _stream: Box<dyn Read + Send>,
    _name: &str,
    _settings: &InputSettings,
    _start: Start,
) -> Result<Box<dyn RowReader>, InputError> {
    unimplemented!()
}

/// Compares a file with ranges that were read from it before.
#[derive(Debug)]
pub struct Verifier {}

impl Verifier {
    /// Reads and hashes `ranges`, in ascending order, and returns the first that is no longer what
    /// it was; one that the file no longer reaches counts as changed.
    pub fn verify(
        _path: &Path,
        _settings: &InputSettings,
        _ranges: impl IntoIterator<Item = RawRange>,
    ) -> Result<Option<RawRange>, InputError> {
        unimplemented!()
    }
}

/// The digest (XXH3, 128 bits) of a stream's first 64 KiB, by which a stream without a name is
/// known again, and the stream with those bytes put back.
pub fn fingerprint_stdin(
    _stream: Box<dyn Read + Send>,
) -> Result<(u128, Box<dyn Read + Send>), InputError> {
    unimplemented!()
}
