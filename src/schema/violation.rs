//! What is wrong with a field of a row, in a word for programs and a sentence for people.

use std::fmt;
use std::sync::Arc;

/// Kinds of faults, the key by which reports group them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ViolationKind {
    /// A mandatory field is absent, null or empty.
    Missing,
    /// The value is of another type and cannot be cast.
    WrongType,
    /// A number outside the range of its type.
    Overflow,
    /// A value that is not among the allowed ones.
    NotAllowed,
    /// A number outside the allowed ranges.
    OutOfRange,
    /// No plausible point in time.
    Datetime,
    /// Categories that are not structured as the platform wants them.
    Categories,
    /// A control character where the platform takes none.
    ControlCharacter,
    /// Chinese characters in an identifier.
    ChineseCharacters,
    /// A field that the schema does not know (`--unknown-fields error`).
    UnknownField,
    /// A field that would occur twice after renaming.
    DuplicateField,
}

impl ViolationKind {
    /// The word in dead letters and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing_field",
            Self::WrongType => "wrong_type",
            Self::Overflow => "overflow",
            Self::NotAllowed => "not_allowed",
            Self::OutOfRange => "out_of_range",
            Self::Datetime => "bad_datetime",
            Self::Categories => "bad_categories",
            Self::ControlCharacter => "control_character",
            Self::ChineseCharacters => "chinese_characters",
            Self::UnknownField => "unknown_field",
            Self::DuplicateField => "duplicate_field",
        }
    }
}

impl fmt::Display for ViolationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One fault of one field of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field, by the name that the row is sent with.
    pub field: Arc<str>,
    /// What kind of fault.
    pub kind: ViolationKind,
    /// One sentence; quotes at most [`MAX_QUOTED_CHARS`] of the value.
    pub message: String,
}

/// Most characters of a value that a message quotes.
pub const MAX_QUOTED_CHARS: usize = 60;

/// A value as a message shows it: bounded, on one line, without control characters.
pub(super) fn quoted(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value.get(..MAX_QUOTED_CHARS * 4).unwrap_or(value));
    let mut shown: String = text
        .chars()
        .take(MAX_QUOTED_CHARS)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if shown.len() < value.len() && text.chars().count() > MAX_QUOTED_CHARS {
        shown.push('…');
    }
    shown
}
