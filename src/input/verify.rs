//! Whether a file still has the bytes that were read from it.
//!
//! Only reads and hashes; what the bytes mean is not looked at, so this runs as fast as the disk or
//! the decompressor does.

use super::decompress::Source;
use super::open::{resolve_format, stored_source};
use super::{Format, InputError, InputFault, InputSettings, Location, RawRange, Start};
use xxhash_rust::xxh3::Xxh3;

/// Bytes read at a time.
const BUFFER_BYTES: usize = 512 << 10;
/// Bytes that tell the format of an input.
const FORMAT_BYTES: usize = 4 << 10;

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
    /// Opens a file or object for verifying.
    pub fn open(
        location: impl Into<Location>,
        settings: &InputSettings,
    ) -> Result<Self, InputError> {
        let location = location.into();
        Ok(Self {
            name: location.to_string(),
            source: stored_source(&location, settings)?,
            offset: 0,
            buffer: vec![0; BUFFER_BYTES],
        })
    }

    /// Reads and hashes `ranges`, in ascending order, and returns the first that is no longer what
    /// it was; one that the file no longer reaches counts as changed.
    pub fn verify(
        location: impl Into<Location>,
        settings: &InputSettings,
        ranges: impl IntoIterator<Item = RawRange>,
    ) -> Result<Option<RawRange>, InputError> {
        let mut verifier = Self::open(location, settings)?;
        for range in ranges {
            if !verifier.holds(&range)? {
                return Ok(Some(range));
            }
        }
        Ok(None)
    }

    /// Whether the file still has a range. Ranges of a compressed file come in ascending order.
    pub fn holds(&mut self, range: &RawRange) -> Result<bool, InputError> {
        Ok(self.digest(range)? == Some(range.digest))
    }

    /// Digest of the bytes that lie where a range is, whatever its own is; `None` when the file ends
    /// before. Ranges of a compressed file come in ascending order.
    pub fn digest(&mut self, range: &RawRange) -> Result<Option<u128>, InputError> {
        match self.source.go_to_row(Start::before(range)) {
            Ok(true) => self.offset = range.offset,
            Ok(false) if self.go_to(range.offset)? => {}
            Ok(false) | Err(InputFault::Shorter { .. }) => return Ok(None),
            Err(fault) => return Err(self.error(fault)),
        }
        let mut hasher = Xxh3::new();
        let complete = self.read(range.length, Some(&mut hasher))?;
        Ok(complete.then(|| hasher.digest128()))
    }

    /// Goes to a byte that is not before the one that was reached; false when the input ends before.
    fn go_to(&mut self, offset: u64) -> Result<bool, InputError> {
        match self.source.seek(offset) {
            Ok(true) => self.offset = offset,
            Ok(false) => {
                let Some(before) = offset.checked_sub(self.offset) else {
                    let problem = "ranges of a compressed file were not in order".to_owned();
                    return Err(self.error(InputFault::BadOption { problem }));
                };
                return self.read(before, None);
            }
            Err(InputFault::Shorter { .. }) => return Ok(false),
            Err(fault) => return Err(self.error(fault)),
        }
        Ok(true)
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

    /// Reads up to so many bytes, fewer only at the end of the input.
    fn read_into(&mut self, bytes: &mut Vec<u8>, most: usize) -> Result<(), InputError> {
        while bytes.len() < most {
            let mut byte = [0];
            match self.source.read(&mut byte) {
                Ok(0) => break,
                Ok(_) => bytes.extend_from_slice(&byte),
                Err(fault) => return Err(self.error(fault)),
            }
        }
        Ok(())
    }

    fn error(&self, fault: InputFault) -> InputError {
        InputError {
            input: self.name.clone(),
            line: None,
            fault,
        }
    }
}

/// Digest of all that a file holds, decompressed.
pub fn content_digest(location: &Location, settings: &InputSettings) -> Result<u128, InputError> {
    let mut hasher = Xxh3::new();
    Verifier::open(location, settings)?.read(u64::MAX, Some(&mut hasher))?;
    Ok(hasher.digest128())
}

/// Bytes that tell most files from each other.
pub const HEAD_BYTES: u64 = 64 << 10;

/// Digests of the beginnings of a file, decompressed, for ascending lengths; the last of them is
/// that of all, with its length, if the file ends before. What cannot be read ends them too: that is
/// told when the file is uploaded.
pub fn prefix_digests(
    location: &Location,
    settings: &InputSettings,
    lengths: impl IntoIterator<Item = u64>,
) -> Vec<(u64, u128)> {
    let mut digests = Vec::new();
    let Ok(mut verifier) = Verifier::open(location, settings) else {
        return digests;
    };
    let mut hasher = Xxh3::new();
    for length in lengths {
        let more = length.saturating_sub(verifier.offset);
        match verifier.read(more, Some(&mut hasher)) {
            Ok(is_there) => {
                digests.push((verifier.offset, hasher.digest128()));
                if !is_there {
                    break;
                }
            }
            Err(_) => break,
        }
    }
    digests
}

/// Whether two files begin alike, decompressed, as far as that can be read.
pub fn begin_alike(one: &Location, other: &Location, settings: &InputSettings) -> bool {
    let head = |location| prefix_digests(location, settings, [HEAD_BYTES]);
    let head_of_one = head(one);
    !head_of_one.is_empty() && head_of_one == head(other)
}

/// What stands at a byte of the decompressed input at which a recorded stretch ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowBoundary {
    /// A line break right before it or right at it, or nothing follows. A file that had no line break
    /// behind its last row is appended to with one in front of the next row.
    Here,
    /// More of the row in front of it.
    Within,
    /// More, in a format whose rows do not end with their lines.
    NoLines,
}

/// Whether a row ended at a byte of the decompressed input, so that what follows it there is no
/// continuation. Fails when the input cannot be read or is shorter than `end`.
pub fn row_boundary(
    location: impl Into<Location>,
    settings: &InputSettings,
    end: u64,
) -> Result<RowBoundary, InputError> {
    let Some(before) = end.checked_sub(1) else {
        return Ok(RowBoundary::Here);
    };
    let location = location.into();
    let mut head = Vec::new();
    Verifier::open(&location, settings)?.read_into(&mut head, FORMAT_BYTES)?;
    let mut verifier = Verifier::open(&location, settings)?;
    let mut around = Vec::new();
    if verifier.go_to(before)? {
        verifier.read_into(&mut around, 3)?;
    }
    let format = resolve_format(&head, &verifier.name, settings).unwrap_or(settings.format);
    Ok(match (around.as_slice(), format) {
        ([], _) => return Err(verifier.error(InputFault::Shorter { offset: end })),
        ([_], _) => RowBoundary::Here,
        (_, Format::Json | Format::Parquet) => RowBoundary::NoLines,
        // A lone carriage return ends a CSV record, but is white space between JSON rows.
        ([b'\n', ..] | [_, b'\n', ..] | [_, b'\r', b'\n'], _)
        | ([b'\r', ..] | [_, b'\r', ..], Format::Csv | Format::Tsv) => RowBoundary::Here,
        _ => RowBoundary::Within,
    })
}
