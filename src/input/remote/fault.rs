//! What a store did not give, in words of this program.
//!
//! The library's own errors hold whole URLs, headers and replies, with signatures in them; none of
//! their text gets here but causes that are known to be harmless.

use std::io;

/// Why a store could not be asked or did not answer. Cloned out of the I/O errors that carry it
/// through decompressors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct StoreFault {
    /// What follows from it.
    pub trouble: StoreTrouble,
    /// What happened and what to do; goes on behind the URL.
    pub problem: String,
}

/// What follows from a fault of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreTrouble {
    /// The object is not there (any more).
    Missing,
    /// The object is another one than the one that was found.
    Replaced,
    /// The store is not set up, or not as it should be.
    Usage,
    /// The store does not take the credentials.
    Refused,
    /// Another try may help.
    Temporary,
    /// The run was told to stop.
    Stopped,
    /// Anything else.
    Other,
}

impl StoreFault {
    pub(super) fn new(trouble: StoreTrouble, problem: impl Into<String>) -> Self {
        Self {
            trouble,
            problem: problem.into(),
        }
    }

    /// As the error of a reader.
    pub(super) fn into_io(self) -> io::Error {
        io::Error::other(self)
    }

    /// The fault in the error of a reader.
    pub(in crate::input) fn in_io(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref::<Self>().cloned()
    }
}
