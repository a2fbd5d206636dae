//! The bytes of a file or object as the decoder asks for them: by ranges.

use crate::input::location::Stored;
use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};
use std::io::{self, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// Enough for the header of a page; what follows it is read in one go.
const HEADER_BYTES: usize = 8 << 10;

/// Ranges of stored bytes.
pub(super) struct Ranges {
    stored: Arc<Mutex<Stored>>,
    size: u64,
}

impl Ranges {
    pub(super) fn new(stored: Stored) -> io::Result<Self> {
        let size = stored.size()?;
        Ok(Self {
            stored: Arc::new(Mutex::new(stored)),
            size,
        })
    }
}

impl Length for Ranges {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Ranges {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        let from = From {
            stored: Arc::clone(&self.stored),
            offset: start,
        };
        Ok(BufReader::with_capacity(HEADER_BYTES, from))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let wanted = u64::try_from(length).unwrap_or(u64::MAX);
        if start.saturating_add(wanted) > self.size {
            return Err(ParquetError::EOF("a part lies behind the end".to_owned()));
        }
        let mut bytes = Vec::with_capacity(length);
        let read = self.get_read(start)?.take(wanted).read_to_end(&mut bytes)?;
        if read < length {
            return Err(ParquetError::EOF("the file ends early".to_owned()));
        }
        Ok(bytes.into())
    }
}

/// The stored bytes from a place on.
pub(super) struct From {
    stored: Arc<Mutex<Stored>>,
    offset: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        stored.go_to(self.offset)?;
        let read = stored.read(buffer)?;
        let passed = u64::try_from(read).unwrap_or(u64::MAX);
        self.offset = self.offset.saturating_add(passed);
        Ok(read)
    }
}
