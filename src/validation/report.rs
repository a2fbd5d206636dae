//! What a validation came to, ready to be shown; no text for a screen is made here.

use super::profile::Profile;
use crate::input::{DayPattern, DiscoverError, InputError, NoDay};

/// A place in an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the input.
    pub input: String,
    /// 1-based line.
    pub line: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.input, self.line)
    }
}

/// Rows with the same kind of fault in the same field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The word for the kind, as in dead letters.
    pub kind: &'static str,
    /// The field, by the name that it is sent with; empty where the row as a whole is at fault.
    pub field: String,
    /// How many rows; exact.
    pub rows: u64,
    /// What is said of the first of them.
    pub message: String,
    /// The first of them.
    pub places: Vec<Place>,
}

/// A row with many faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Where it is.
    pub place: Place,
    /// Field, kind and message of each fault that is kept.
    pub faults: Vec<(String, &'static str, String)>,
    /// How many faults it has.
    pub count: usize,
    /// Its beginning, as the input has it.
    pub raw: String,
    /// Whether it goes on.
    pub cut_off: bool,
}

/// An input that could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A path that names no file.
    #[error("input {0}; check the path")]
    Missing(String),
    /// A path that could not be looked at.
    #[error(transparent)]
    Unreachable(#[from] DiscoverError),
    /// A file whose path says no day, or two.
    #[error(
        "{file}: {why} '{pattern}' (--date-from-path); name only files of such folders, or correct the pattern"
    )]
    NoDay {
        /// The file.
        file: String,
        /// What is wrong with its path.
        why: NoDay,
        /// How a day should be written on it.
        pattern: DayPattern,
    },
    /// An input that is not what it should be.
    #[error(transparent)]
    Unreadable(#[from] InputError),
}

impl Failure {
    /// Whether other options, not another input, are needed.
    pub const fn is_usage(&self) -> bool {
        match self {
            Self::Unreadable(error) => error.is_usage(),
            Self::Missing(_) | Self::Unreachable(_) | Self::NoDay { .. } => false,
        }
    }
}

/// Whether rows with the same key were looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyCheck {
    /// The fields of the key; none when nothing was looked for.
    pub fields: Vec<String>,
    /// Rows whose key was compared with those of all other rows of the same date.
    pub rows: u64,
    /// Rows whose key is too long to be compared.
    pub too_long: u64,
}

/// What a validation came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Names of the inputs that were read, also of those that failed on the way.
    pub inputs: Vec<String>,
    /// Files that were left unread, because their path says a day that nobody named.
    pub unread: u64,
    /// Rows read, bad ones included.
    pub rows: u64,
    /// Rows with at least one error.
    pub bad_rows: u64,
    /// Bytes read of the inputs as stored.
    pub bytes: u64,
    /// Errors, most frequent first.
    pub errors: Vec<Group>,
    /// What is remarkable about rows that would be sent, most frequent first.
    pub warnings: Vec<Group>,
    /// Inputs that could not be read.
    pub failures: Vec<Failure>,
    /// Rows with the most faults, worst first.
    pub worst: Vec<BadRow>,
    /// About duplicates.
    pub key: KeyCheck,
    /// Whether all values come from cells, which have no types of their own.
    pub cells: bool,
    /// What the fields hold, when that was asked for.
    pub profile: Option<Profile>,
}
