//! The bytes of a file or object as the decoder asks for them: by ranges.
//!
//! Those of a column are pages. The decoder asks for the header of each first, so that is where a
//! page which claims too much is refused.

use super::bounds::{PAGE_HEADER_BYTES, PageClaim, claim_of, too_long};
use crate::input::location::Stored;
use bytes::Bytes;
use parquet::basic::Compression as Codec;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, Length};
use std::io::{self, BufReader, Cursor, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Enough for the header of a page; what follows it is read in one go.
const HEADER_BYTES: usize = 8 << 10;
/// Bytes of a remote object that are fetched with a header: most pages are no longer.
const FETCHED_BYTES: u64 = 64 << 10;

/// How often it is looked whether a file without an end grows, and how far apart.
const LOOKS: u32 = 6;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

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

    /// The size by now, if the file is seen growing: somebody writes it then.
    pub(super) fn grown(&self) -> io::Result<Option<u64>> {
        for _ in 0..LOOKS {
            let stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
            if matches!(*stored, Stored::Object(_)) {
                return Ok(None);
            }
            let now = stored.size()?;
            if now != self.size {
                return Ok(Some(now));
            }
            drop(stored);
            std::thread::sleep(BETWEEN_LOOKS);
        }
        Ok(None)
    }

    /// The pages of a column of a row group.
    pub(super) fn pages(&self, column: &ColumnChunkMetaData) -> Pages {
        Pages {
            ranges: Self {
                stored: Arc::clone(&self.stored),
                size: self.size,
            },
            codec: column.compression(),
            has_lists: column.column_descr().max_rep_level() > 0,
            claims: Arc::default(),
        }
    }

    /// The bytes of a part; those behind it are not fetched on purpose.
    fn from(&self, start: u64, length: u64) -> From {
        From {
            stored: Arc::clone(&self.stored),
            offset: start,
            end: start.saturating_add(length),
        }
    }

    /// Exactly so many bytes.
    pub(super) fn bytes(&self, start: u64, length: usize) -> Result<Vec<u8>> {
        let wanted = u64::try_from(length).unwrap_or(u64::MAX);
        if start.saturating_add(wanted) > self.size {
            return Err(ParquetError::EOF("a part lies behind the end".to_owned()));
        }
        let mut bytes = Vec::with_capacity(length);
        let read = self
            .from(start, wanted)
            .take(wanted)
            .read_to_end(&mut bytes)?;
        if read < length {
            return Err(ParquetError::EOF("the file ends early".to_owned()));
        }
        Ok(bytes)
    }
}

impl Length for Ranges {
    fn len(&self) -> u64 {
        self.size
    }
}

/// The pages of a column of a row group, none of which takes more memory than is allowed.
pub(super) struct Pages {
    ranges: Ranges,
    codec: Codec,
    has_lists: bool,
    claims: Arc<Mutex<Claims>>,
}

impl Pages {
    /// What the header of the page said whose content was handed on last.
    pub(super) fn handed_on(&self) -> Option<PageClaim> {
        self.claims().handed_on
    }

    fn claims(&self) -> MutexGuard<'_, Claims> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What headers said, and where each stands: that of the dictionary, whose content may be asked for
/// later, and the last one; and that of the content which was asked for last.
#[derive(Default)]
pub(super) struct Claims {
    dictionary: Option<(u64, PageClaim)>,
    last: Option<(u64, PageClaim)>,
    handed_on: Option<PageClaim>,
}

impl Claims {
    /// The claim of the page whose content is at a place.
    fn of_content(&self, start: u64) -> Option<PageClaim> {
        let claims = [self.last, self.dictionary].into_iter().flatten();
        let mut before = claims.filter(|(header, _)| *header < start);
        before.next().map(|(_, claim)| claim)
    }
}

impl Length for Pages {
    fn len(&self) -> u64 {
        self.ranges.len()
    }
}

impl ChunkReader for Pages {
    type T = BufReader<Header>;

    /// The header of a page, and what follows it.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        let header = Header {
            start,
            rest: self.ranges.from(start, FETCHED_BYTES),
            head: None,
            has_lists: self.has_lists,
            claims: Arc::clone(&self.claims),
        };
        Ok(BufReader::with_capacity(HEADER_BYTES, header))
    }

    /// The content of a page.
    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = Bytes::from(self.ranges.bytes(start, length)?);
        let mut claims = self.claims();
        let stored = u64::try_from(length).unwrap_or(u64::MAX);
        let claim = claims.of_content(start);
        claims.handed_on = claim.filter(|claim| claim.stored == stored);
        match claims.handed_on {
            Some(claim) if !claim.is_kept(&bytes, self.codec) => Err(too_long()),
            _ => Ok(bytes),
        }
    }
}

/// The header of a page and what follows it. Looked at as soon as some of it is read: the decoder also
/// opens places where it knows the header already.
pub(super) struct Header {
    start: u64,
    rest: From,
    head: Option<Cursor<Vec<u8>>>,
    has_lists: bool,
    claims: Arc<Mutex<Claims>>,
}

impl Header {
    fn look(&mut self) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        let rest = self.rest.by_ref();
        rest.take(PAGE_HEADER_BYTES).read_to_end(&mut head)?;
        let claim = claim_of(&head, self.has_lists).map_err(io::Error::other)?;
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        claims.last = Some((self.start, claim));
        if claim.is_dictionary {
            claims.dictionary = claims.last;
        }
        Ok(head)
    }
}

impl Read for Header {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.head.is_none() {
            self.head = Some(Cursor::new(self.look()?));
        }
        match &mut self.head {
            Some(head) => head.chain(&mut self.rest).read(buffer),
            None => Ok(0),
        }
    }
}

/// The stored bytes from a place on.
pub(super) struct From {
    stored: Arc<Mutex<Stored>>,
    offset: u64,
    end: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        stored.go_to_part(self.offset..self.end)?;
        let read = stored.read(buffer)?;
        let passed = u64::try_from(read).unwrap_or(u64::MAX);
        self.offset = self.offset.saturating_add(passed);
        Ok(read)
    }
}
