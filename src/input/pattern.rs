//! Paths as users write them: plain, a directory, a glob, with `{date}` in them.
//!
//! A pattern is parsed once and resolved for each day; looking at the file system is the business
//! of [`super::discover`].

use super::dated_text::{DatedText, InvalidDatedText, Piece};
use super::{InvalidUrl, ObjectUrl};
use crate::domain::DataDate;
use std::fmt;

/// A path argument: a plain path, a directory, a glob (`*`, `?`, `[…]`, `{a,b}`, `**`), any of them
/// with `{date}` (`%Y-%m-%d`) or `{date:FORMAT}` placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    dated: DatedText,
}

/// A pattern in which every placeholder has been replaced.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResolvedPattern(pub(super) String);

/// Why a text is no path pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// Nothing was given.
    #[error("an empty path names no file")]
    Empty,
    /// A placeholder that means no day.
    #[error(transparent)]
    Placeholder(#[from] InvalidDatedText),
    /// Braces around one word: no list of names, and no placeholder that there is.
    #[error(
        "'{text}': there is no placeholder {{{word}}}; {} (a list of names has commas, {{a,b}}; a \
         brace that belongs to a name is written [{{] or [}}])",
        meant(word)
    )]
    UnknownPlaceholder {
        /// The path as given.
        text: String,
        /// What is in the braces.
        word: String,
    },
    /// A glob that globset does not understand.
    #[error("'{0}' is no valid glob; put a literal [ in brackets: [[]")]
    BadGlob(String),
    /// A URL of nothing that can be read.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
}

impl PathPattern {
    /// Parses a path argument.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        if text.is_empty() {
            return Err(InvalidPattern::Empty);
        }
        // First, because the others repeat the text.
        ObjectUrl::parse(text).transpose()?;
        let pattern = Self {
            text: text.to_owned(),
            dated: DatedText::parse(text)?,
        };
        if let Some(word) = pattern.unknown_placeholder() {
            let (text, word) = (text.to_owned(), word.to_owned());
            return Err(InvalidPattern::UnknownPlaceholder { text, word });
        }
        if !pattern.is_sound() {
            return Err(InvalidPattern::BadGlob(text.to_owned()));
        }
        Ok(pattern)
    }

    /// The path of something that is there, whatever its name looks like: `a[.jsonl`.
    pub fn literal(path: &str) -> Self {
        Self {
            text: path.to_owned(),
            dated: DatedText(vec![Piece::Text(path.to_owned())]),
        }
    }

    /// A word in braces that would only stand for itself, so that something else was meant.
    fn unknown_placeholder(&self) -> Option<&str> {
        self.dated.0.iter().find_map(|piece| match piece {
            Piece::Text(text) => text.split('{').skip(1).find_map(|rest| {
                let (inside, _) = rest.split_once('}')?;
                is_placeholder(inside).then_some(inside)
            }),
            Piece::Date(_) => None,
        })
    }

    /// Whether it is a valid glob on every day, if it is a glob at all.
    fn is_sound(&self) -> bool {
        let probe = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            // Fine as a name; in brackets, where a day might do harm, a range that runs backwards.
            // What the format has of a glob makes one of the whole.
            Piece::Date(format) => {
                let wild: String = format.matches(['*', '?']).collect();
                format!("zz-a{wild}")
            }
        };
        let text: String = self.dated.0.iter().map(probe).collect();
        !has_glob(&text) || glob(&text).is_some()
    }

    /// Whether it names other files on other days.
    pub fn has_date(&self) -> bool {
        let mut pieces = self.dated.0.iter();
        pieces.any(|piece| matches!(piece, Piece::Date(_)))
    }

    /// Whether it may name several files, or other ones on other days.
    pub fn is_glob(&self) -> bool {
        has_glob(&self.text)
    }

    /// The pattern for one day. Without a day, placeholders stay as they were written; a caller
    /// that has no day refuses patterns with [`has_date`](Self::has_date).
    pub fn for_date(&self, date: Option<DataDate>) -> ResolvedPattern {
        let Some(date) = date else {
            return ResolvedPattern(self.text.clone());
        };
        ResolvedPattern(self.dated.for_date(date))
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Display for ResolvedPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether something in braces looks like a placeholder: a word, perhaps with a format.
fn is_placeholder(inside: &str) -> bool {
    let (word, format) = inside.split_once(':').unwrap_or((inside, ""));
    word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && !format.contains([',', '{'])
}

/// The placeholder that may have been meant: there is but one, with or without a format.
fn meant(word: &str) -> String {
    match word.split_once(':') {
        Some((_, format)) if format.contains('%') => format!("did you mean {{date:{format}}}?"),
        _ => "did you mean {date} or {date:%Y%m%d}?".to_owned(),
    }
}

/// Whether a path has characters that only a glob means.
pub(super) fn has_glob(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

/// Whether a path, resolved for its day, names a file: as itself, as a folder above it, or as a glob
/// that matches it. Looks at names only, so it also speaks of files that are gone.
pub fn covers(pattern: &str, file: &str) -> bool {
    let folder = pattern.trim_end_matches('/');
    file == pattern
        || file
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
        || (has_glob(pattern) && glob(pattern).is_some_and(|glob| glob.is_match(file)))
}

/// The matcher of a glob; `*` does not cross folders, `**` does.
pub(super) fn glob(path: &str) -> Option<globset::GlobMatcher> {
    let glob = globset::GlobBuilder::new(path)
        .literal_separator(true)
        .build();
    glob.ok().map(|glob| glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str) -> String {
        let pattern = PathPattern::parse(text).unwrap();
        pattern.for_date("2022-01-09".parse().ok()).to_string()
    }

    #[test]
    fn placeholders_are_replaced_and_other_braces_stay() {
        assert_eq!(resolve("a/{date}/b.csv"), "a/2022-01-09/b.csv");
        assert_eq!(resolve("{date:%Y/%m}/{date:%d}"), "2022/01/09");
        assert_eq!(resolve("{data,date}/x"), "{data,date}/x");
        assert_eq!(resolve("{dates,days}[{]x[}]"), "{dates,days}[{]x[}]");
        assert_eq!(resolve("{a,{date}}[0-9]*"), "{a,2022-01-09}[0-9]*");
        assert_eq!(resolve("x/{date:%Y-*}/y?"), "x/2022-*/y?");
        assert!(!PathPattern::parse("{data,date}/x").unwrap().has_date());
        assert!(PathPattern::parse("x{date}").unwrap().has_date());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for bad in [
            "",
            "{date",
            "{date:%Y",
            "{date:}",
            "{date:day}",
            "{date:%Q}",
            "{date:%H}",
            "a[",
            "{a",
            "[{date}]",
            "[!-{date:%d}]/x",
            "{{date}",
            "a[/{date}",
            "{date:[%d-%m]}",
            "}/{date:%d?}",
            "{dat}/x",
            "a/dt={day:%Y%m%d}",
            "{a,{topic}}",
            "{date}/{hour}/*",
        ] {
            assert!(PathPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
