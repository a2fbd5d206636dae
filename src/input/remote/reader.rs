//! The bytes of an object, as a file gives them.
//!
//! An object is fetched by ranges of a few MiB, each bound to the version that was found: whoever
//! replaces it in between ends the reading, and a connection that breaks costs at most the rest of
//! one range. No connection stays open while the platform is waited for.

use super::{RemoteObject, StoreFault, StoreTrouble, Stores};
use crate::domain::ObjectIdentity;
use crate::input::remote::ObjectUrl;
use bytes::Bytes;
use std::io::{self, Read};

/// Bytes of the first range after opening and after each jump: enough to tell format and
/// compression, after which reading often goes on elsewhere.
const FIRST_BYTES: u64 = 64 << 10;
/// Bytes of every further range: the memory that a reader takes.
const RANGE_BYTES: u64 = 4 << 20;

/// An object that is open.
pub(in crate::input) struct ObjectReader {
    stores: Stores,
    url: ObjectUrl,
    identity: ObjectIdentity,
    /// Where the next byte is read.
    offset: u64,
    /// What was fetched last, and the offset of its first byte.
    fetched: Bytes,
    fetched_from: u64,
    next_length: u64,
    /// Up to where bytes are wanted, when that is known.
    stop: Option<u64>,
}

impl ObjectReader {
    /// Opens an object; asks the store about it only when it is not known yet.
    pub(in crate::input) fn open(
        stores: &Stores,
        object: &RemoteObject,
    ) -> Result<Self, StoreFault> {
        let identity = match &object.identity {
            Some(identity) => identity.clone(),
            None => stores.stat(&object.url)?.ok_or_else(|| {
                StoreFault::new(
                    StoreTrouble::Missing,
                    "the object does not exist; check the name",
                )
            })?,
        };
        Ok(Self {
            stores: stores.clone(),
            url: object.url.clone(),
            identity,
            offset: 0,
            fetched: Bytes::new(),
            fetched_from: 0,
            next_length: FIRST_BYTES,
            stop: None,
        })
    }

    /// Its length in bytes.
    pub(in crate::input) const fn len(&self) -> u64 {
        self.identity.size
    }

    /// Goes to a byte.
    pub(in crate::input) fn seek(&mut self, offset: u64) {
        self.offset = offset;
        self.stop = None;
    }

    /// Says up to where bytes are wanted from here; a range of the store ends there.
    pub(in crate::input) fn stop_at(&mut self, end: u64) {
        self.stop = Some(end);
    }

    /// What was fetched from the current byte on.
    fn at_hand(&self) -> &[u8] {
        self.offset
            .checked_sub(self.fetched_from)
            .and_then(|skip| usize::try_from(skip).ok())
            .and_then(|skip| self.fetched.get(skip..))
            .unwrap_or_default()
    }

    fn fetch(&mut self) -> Result<(), StoreFault> {
        let end = self
            .fetched_from
            .saturating_add(u64::try_from(self.fetched.len()).unwrap_or(u64::MAX));
        if self.offset != end {
            self.next_length = FIRST_BYTES;
        }
        // Let go before as much is asked for.
        self.fetched = Bytes::new();
        self.fetched_from = self.offset;
        let wanted = match self.stop.and_then(|end| end.checked_sub(self.offset)) {
            Some(wanted @ 1..) => wanted.min(RANGE_BYTES),
            _ => self.next_length,
        };
        let length = wanted.min(self.len().saturating_sub(self.offset));
        self.fetched = self
            .stores
            .read_at(&self.url, &self.identity, self.offset, length)?;
        self.next_length = RANGE_BYTES;
        Ok(())
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.offset >= self.len() {
            return Ok(0);
        }
        if self.at_hand().is_empty() {
            self.fetch().map_err(StoreFault::into_io)?;
        }
        let read = self.at_hand().read(buffer)?;
        let bytes = u64::try_from(read).unwrap_or(u64::MAX);
        self.offset = self.offset.saturating_add(bytes);
        Ok(read)
    }
}
