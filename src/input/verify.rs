//! Whether a file still has the bytes that were read from it.
//!
//! Only reads and hashes; what the bytes mean is not looked at, so this runs as fast as the disk or
//! the decompressor does.

use super::decompress::Source;
use super::open::file_source;
use super::{InputError, InputFault, InputSettings, RawRange};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// Bytes read at a time.
const BUFFER_BYTES: usize = 512 << 10;

/// Compares a file with ranges that were read from it before. Ranges of a plain file are read each
/// from its place; a compressed file is inflated once, from its beginning to the last range.
pub struct Verifier {
    name: String,
    source: Source,
    /// Byte of the decompressed input at which the source stands.
    offset: u64,
    buffer: Vec<u8>,
}

impl Verifier {
    /// Opens a file for verifying.
    pub fn open(path: &Path, settings: &InputSettings) -> Result<Self, InputError> {
        Ok(Self {
            name: path.display().to_string(),
            source: file_source(path, settings)?,
            offset: 0,
            buffer: vec![0; BUFFER_BYTES],
        })
    }

    /// Reads and hashes `ranges`, in ascending order, and returns the first that is no longer what
    /// it was; one that the file no longer reaches counts as changed.
    pub fn verify(
        path: &Path,
        settings: &InputSettings,
        ranges: impl IntoIterator<Item = RawRange>,
    ) -> Result<Option<RawRange>, InputError> {
        let mut verifier = Self::open(path, settings)?;
        for range in ranges {
            if !verifier.holds(&range)? {
                return Ok(Some(range));
            }
        }
        Ok(None)
    }

    /// Whether the file still has a range. Ranges of a compressed file come in ascending order.
    pub fn holds(&mut self, range: &RawRange) -> Result<bool, InputError> {
        match self.source.seek(range.offset) {
            Ok(true) => self.offset = range.offset,
            Ok(false) => {
                let Some(before) = range.offset.checked_sub(self.offset) else {
                    let problem = "ranges of a compressed file were not in order".to_owned();
                    return Err(self.error(InputFault::BadOption { problem }));
                };
                if !self.read(before, None)? {
                    return Ok(false);
                }
            }
            Err(InputFault::Shorter { .. }) => return Ok(false),
            Err(fault) => return Err(self.error(fault)),
        }
        let mut hasher = Xxh3::new();
        let complete = self.read(range.length, Some(&mut hasher))?;
        Ok(complete && hasher.digest128() == range.digest)
    }

    /// Reads so many bytes; false when the input ends before.
    fn read(&mut self, mut bytes: u64, mut hasher: Option<&mut Xxh3>) -> Result<bool, InputError> {
        while bytes > 0 {
            let most = usize::try_from(bytes).unwrap_or(usize::MAX);
            let most = most.min(self.buffer.len());
            let free = self.buffer.get_mut(..most).unwrap_or_default();
            let read = match self.source.read(free) {
                Ok(0) => return Ok(false),
                Ok(read) => read,
                Err(fault) => return Err(self.error(fault)),
            };
            if let Some(hasher) = hasher.as_deref_mut() {
                hasher.update(free.get(..read).unwrap_or_default());
            }
            let read = super::window::wide(read);
            self.offset = self.offset.saturating_add(read);
            bytes = bytes.saturating_sub(read);
        }
        Ok(true)
    }

    fn error(&self, fault: InputFault) -> InputError {
        InputError {
            input: self.name.clone(),
            line: None,
            fault,
        }
    }
}
