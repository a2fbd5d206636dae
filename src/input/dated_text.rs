//! Texts with `{date}` or `{date:FORMAT}` in them, as users write them in paths and elsewhere.
//!
//! A text is parsed once and resolved for each day. A format that could not show a day is refused at once.

use crate::domain::DataDate;
use chrono::format::{Item, StrftimeItems};

/// A text with placeholders for a day: `{date}` (`%Y-%m-%d`) or `{date:FORMAT}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatedText(pub(super) Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// A chrono format that was checked.
    Date(String),
}

/// Why a text is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDatedText {
    /// A placeholder without its closing brace.
    #[error("'{0}': a {{date placeholder is not closed; write {{date}} or {{date:%Y%m%d}}")]
    Unclosed(String),
    /// A placeholder whose format chrono does not know, or that holds no part of a date.
    #[error(
        "'{text}': '{format}' is no date format; use %Y, %m and %d, for example {{date:%Y%m%d}}"
    )]
    BadFormat {
        /// The text as given.
        text: String,
        /// The format in it.
        format: String,
    },
}

impl DatedText {
    /// Parses a text.
    pub fn parse(text: &str) -> Result<Self, InvalidDatedText> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = split_placeholder(rest) {
            let Some((inside, behind)) = after.split_once('}') else {
                return Err(InvalidDatedText::Unclosed(text.to_owned()));
            };
            let format = inside.strip_prefix(':').unwrap_or("%Y-%m-%d");
            if !is_date_format(format) {
                return Err(InvalidDatedText::BadFormat {
                    text: text.to_owned(),
                    format: format.to_owned(),
                });
            }
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Date(format.to_owned()));
            rest = behind;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// The text for one day.
    pub fn for_date(&self, date: DataDate) -> String {
        let resolve = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Date(format) => date.as_naive().format(format).to_string(),
        };
        self.0.iter().map(resolve).collect()
    }
}

/// Splits at the first `{date}` or `{date:`; `{data,date}` stays a glob.
fn split_placeholder(text: &str) -> Option<(&str, &str)> {
    text.match_indices("{date").find_map(|(at, found)| {
        let after = text.get(at.saturating_add(found.len())..)?;
        let ours = after.is_empty() || after.starts_with(['}', ':']);
        ours.then(|| text.get(..at)).flatten().map(|b| (b, after))
    })
}

fn is_date_format(format: &str) -> bool {
    // A day between such characters could be a glob on one day and none on another.
    if format.contains(['[', ']', '{', '\\']) {
        return false;
    }
    let mut parts = 0_usize;
    for item in StrftimeItems::new(format) {
        match item {
            Item::Error => return false,
            Item::Numeric(..) => parts = parts.saturating_add(1),
            _ => {}
        }
    }
    // A format with a time of day panics when a day is formatted with it.
    parts > 0 && formats_a_day(format)
}

fn formats_a_day(format: &str) -> bool {
    use std::fmt::Write;
    let mut text = String::new();
    write!(text, "{}", chrono::NaiveDate::MIN.format(format)).is_ok()
}
