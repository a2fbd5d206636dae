//! What ends the reading of an input as a whole.
//!
//! A single bad row is no error but a reject; these are for inputs that cannot be read, are not
//! what they claim to be, or would be misread if one went on.

use super::{Location, StoreFault, StoreTrouble};
use std::{fmt, io};

/// Reading an input failed. The message names the input, and the line where there is one.
#[derive(Debug)]
pub struct InputError {
    /// Path of the file, or the name of the stream.
    pub input: String,
    /// 1-based line at which it was noticed.
    pub line: Option<u64>,
    /// What happened.
    pub fault: InputFault,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.input)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl std::error::Error for InputError {
    // The fault is part of the message, so the chain goes on behind it.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.fault)
    }
}

/// What can be wrong with an input as a whole.
#[derive(Debug, thiserror::Error)]
pub enum InputFault {
    /// The operating system refused.
    #[error("cannot {doing} the input; check that it exists and may be read")]
    Io {
        /// What was being done: open, read, seek.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A remote store did not give it.
    #[error(transparent)]
    Store(StoreFault),
    /// A compressed stream that ends too early.
    #[error(
        "the {format} stream ends early: the file is truncated; export or copy it again, or wait if \
         it is still being written"
    )]
    Truncated {
        /// gzip or zstd.
        format: &'static str,
    },
    /// A pipe that ends in the middle of a row.
    #[error(
        "the stream ended within this row, so whoever wrote it was probably interrupted; nothing of the \
         row was taken. Pipe in the same stream again, from its beginning to its end: what was \
         uploaded of it is passed over. If the row is meant to end so, end its line"
    )]
    CutOff,
    /// Something that is no part of a compressed stream follows it.
    #[error(
        "the {format} stream ends at byte {offset}, and what follows there is none; if those bytes \
         do not belong to the file, cut them off (head -c {offset}), else export it again"
    )]
    BehindEnd {
        /// gzip.
        format: &'static str,
        /// Byte of the file at which the rest begins.
        offset: u64,
    },
    /// A compressed stream that does not decode.
    #[error("the {format} stream is corrupt; export or copy the file again")]
    Corrupt {
        /// gzip or zstd.
        format: &'static str,
        /// What the decoder said.
        source: io::Error,
    },
    /// A CSV header that cannot name the columns.
    #[error("bad CSV header: {problem}")]
    BadHeader {
        /// What is wrong with it and what to do.
        problem: String,
    },
    /// JSON whose rows cannot be told apart from here on.
    #[error("bad JSON: {problem}")]
    BadJson {
        /// What is wrong, and with which row.
        problem: &'static str,
    },
    /// A Parquet file that cannot be read, or not to its end.
    #[error("this Parquet file cannot be read: {problem}")]
    BadParquet {
        /// What is wrong, and where.
        problem: String,
    },
    /// A file that has its end only once it is complete, and grows.
    #[error(
        "it is still being written ({before} bytes when it was begun, {now} now); when it is \
         complete, run the same command again"
    )]
    StillGrowing {
        /// Bytes when it was opened.
        before: u64,
        /// Bytes a moment later.
        now: u64,
    },
    /// A quoted CSV cell that is still open at the end.
    #[error(
        "the record that starts here has a quoted cell that is never closed; the file is \
         truncated or still being written, or a quote is not doubled"
    )]
    UnclosedQuote,
    /// The input is something else than what can be read.
    #[error("this is {what}; {advice}")]
    Unsupported {
        /// What it is.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// Neither the name nor the first byte tells the format.
    #[error(
        "cannot tell the format of the input; name it with --format jsonl, csv, tsv or parquet"
    )]
    UnknownFormat,
    /// An option that cannot be followed.
    #[error("{problem}")]
    BadOption {
        /// Which, and what to give instead.
        problem: String,
    },
    /// A stream that was piped in before is another one now.
    #[error(
        "{}",
        match how {
            StreamChange::Continued => format!("its last row was continued: what was uploaded of it broke off in the middle of line {line}; give that up with 'byteair-sync ledger drop-input' (what was accepted stays on the platform), then pipe in only the rest, which begins with that row ('tail -n +{line}' where rows are lines, and the header before it if there is one): of the whole stream behavior rows would be stored twice"),
            StreamChange::EndedEarly => format!("it ended after line {line}, before the end of what was uploaded of it; pipe in the whole stream again, from its beginning, or give a new one another --input-id"),
            StreamChange::Otherwise => format!("it differs from what was uploaded of it, from line {line} on; pipe in the same stream, or give the new one another --input-id"),
        }
    )]
    Changed {
        /// Line at which the difference was noticed at the latest, or the last one that is whole.
        line: u64,
        /// In which way.
        how: StreamChange,
    },
    /// The input ends before the place where reading should go on.
    #[error(
        "the input ends before byte {offset}, up to which it was read before; it was truncated or \
         replaced"
    )]
    Shorter {
        /// Where reading should have gone on.
        offset: u64,
    },
}

/// How a stream that is piped in again is another one than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamChange {
    /// All of what was uploaded is there, and its last row goes on.
    Continued,
    /// It broke off earlier than before.
    EndedEarly,
    /// It has other bytes.
    Otherwise,
}

impl InputFault {
    /// What the failure of a reader means, which may be one of a store.
    pub(super) fn of_io(doing: &'static str, source: io::Error) -> Self {
        match StoreFault::in_io(&source) {
            Some(fault) => Self::Store(fault),
            None => Self::Io { doing, source },
        }
    }
}

impl InputFault {
    /// What a failed read means.
    pub(super) fn of_reading(source: io::Error) -> Self {
        Self::of_io("read", source)
    }

    /// Whether there is nothing to read yet, of an input that others still write to.
    pub(super) fn is_nothing_yet(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::WouldBlock)
    }
}

impl InputError {
    /// An error about what is at a place.
    pub(super) fn of(location: &Location, fault: InputFault) -> Self {
        Self {
            input: location.to_string(),
            line: None,
            fault,
        }
    }

    /// What the trouble with a remote store is, if that is what ended the reading.
    pub const fn trouble(&self) -> Option<StoreTrouble> {
        match &self.fault {
            InputFault::Store(fault) => Some(fault.trouble),
            _ => None,
        }
    }

    /// Whether the input does not exist (any more).
    pub fn is_missing(&self) -> bool {
        matches!(&self.fault, InputFault::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
            || matches!(self.trouble(), Some(StoreTrouble::Missing))
    }

    /// Whether other options, not another input, are needed.
    pub const fn is_usage(&self) -> bool {
        matches!(self.fault, InputFault::BadOption { .. })
            || matches!(self.trouble(), Some(StoreTrouble::Usage))
    }

    /// Whether it is still being written.
    pub const fn is_growing(&self) -> bool {
        matches!(self.fault, InputFault::StillGrowing { .. })
    }

    /// Whether it is not what the ledger recorded.
    pub const fn is_changed(&self) -> bool {
        matches!(
            self.fault,
            InputFault::Changed { .. } | InputFault::Shorter { .. }
        ) || matches!(self.trouble(), Some(StoreTrouble::Replaced))
    }

    /// Whether it is compressed and ends before its end.
    pub const fn is_truncated(&self) -> bool {
        matches!(self.fault, InputFault::Truncated { .. })
    }

    /// Whether it is a pipe that ended within a row, of which nothing was taken.
    pub const fn is_cut_off(&self) -> bool {
        matches!(self.fault, InputFault::CutOff)
    }

    /// Whether the operating system refused, rather than the input being bad.
    pub const fn is_io(&self) -> bool {
        matches!(self.fault, InputFault::Io { .. })
    }
}
