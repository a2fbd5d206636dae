//! Which characters divide a CSV: what stands between cells, around them and in front of characters
//! that are meant literally, as told by options, by the format, or by a first line `sep=;` as Excel
//! writes and reads it. Nothing is guessed from the content.

use super::{Format, InputFault, InputSettings};

/// Longest delimiter in bytes.
pub(super) const MAX_DELIMITER_BYTES: usize = 16;

/// The characters that divide a CSV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvDialect {
    /// Between cells, one character or more.
    pub delimiter: String,
    /// Around cells; `None` when quotes are text like any other.
    pub quote: Option<u8>,
    /// In front of a character that is meant literally, inside quotes and outside.
    pub escape: Option<u8>,
}

impl CsvDialect {
    /// The delimiter when csv-core can read this dialect, whose escapes count in quotes only.
    pub(super) fn single_delimiter(&self) -> Option<u8> {
        match (self.delimiter.as_bytes(), self.escape) {
            ([delimiter], None) => Some(*delimiter),
            _ => None,
        }
    }
}

/// A dialect, and the bytes of the line that named its delimiter.
pub(super) struct Found {
    pub(super) dialect: CsvDialect,
    pub(super) sep_bytes: usize,
}

/// The dialect of a CSV that begins with these bytes.
pub(super) fn dialect(
    format: Format,
    settings: &InputSettings,
    head: &[u8],
) -> Result<Found, InputFault> {
    let own = if format == Format::Tsv { "\t" } else { "," };
    let (named, sep_bytes) = sep_line(head).unzip();
    let delimiter = match (&settings.delimiter, named) {
        (Some(given), Some(named)) if *given != named => {
            let problem = format!(
                "its first line says sep={named}, but --delimiter is {given}; leave --delimiter out"
            );
            return Err(InputFault::BadOption { problem });
        }
        (Some(given), _) => given.clone(),
        (None, Some(named)) => named,
        (None, None) => own.to_owned(),
    };
    let dialect = CsvDialect {
        delimiter,
        quote: settings.quote,
        // A quote that escapes a quote is what doubling means.
        escape: settings
            .escape
            .filter(|_| settings.escape != settings.quote),
    };
    match problem_with(&dialect) {
        Some(problem) => Err(InputFault::BadOption {
            problem: problem.to_owned(),
        }),
        None => Ok(Found {
            dialect,
            sep_bytes: sep_bytes.unwrap_or(0),
        }),
    }
}

fn problem_with(dialect: &CsvDialect) -> Option<&'static str> {
    let delimiter = dialect.delimiter.as_bytes();
    let ends_lines = |byte: &u8| matches!(byte, b'\r' | b'\n');
    if delimiter.is_empty() || delimiter.len() > MAX_DELIMITER_BYTES {
        return Some("a CSV delimiter has 1 to 16 bytes; give another --delimiter");
    }
    if delimiter.iter().any(ends_lines) {
        return Some("a CSV delimiter holds no line end; give another --delimiter");
    }
    let own: Vec<u8> = dialect.quote.into_iter().chain(dialect.escape).collect();
    if own.iter().any(|byte| !byte.is_ascii() || ends_lines(byte)) {
        return Some(
            "a CSV quote or escape is one ASCII character that ends no line; give another \
             --quote or --escape",
        );
    }
    if own.iter().any(|byte| delimiter.contains(byte)) {
        return Some(
            "the CSV delimiter holds the quote or the escape; give another --delimiter, --quote \
             or --escape",
        );
    }
    None
}

/// The delimiter in a first line `sep=;`, and the bytes of that line.
fn sep_line(head: &[u8]) -> Option<(String, usize)> {
    let end = head.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let line = head.get(..end)?;
    let line = line
        .strip_prefix(b"\"")
        .and_then(|line| line.strip_suffix(b"\""))
        .unwrap_or(line);
    let (key, delimiter) = line.split_at_checked(4)?;
    if !key.eq_ignore_ascii_case(b"sep=") {
        return None;
    }
    let delimiter = std::str::from_utf8(delimiter).ok()?;
    // A column may be named like this; Excel takes exactly one character.
    if delimiter.chars().count() != 1 {
        return None;
    }
    let is_crlf = head.get(end..)?.starts_with(b"\r\n");
    let length = end.saturating_add(if is_crlf { 2 } else { 1 });
    Some((delimiter.to_owned(), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(
        options: (Option<&str>, Option<u8>, Option<u8>),
        head: &str,
    ) -> Option<(String, usize)> {
        let (delimiter, quote, escape) = options;
        let settings = InputSettings {
            delimiter: delimiter.map(str::to_owned),
            quote,
            escape,
            ..InputSettings::default()
        };
        let found = dialect(Format::Csv, &settings, head.as_bytes()).ok()?;
        Some((found.dialect.delimiter, found.sep_bytes))
    }

    #[test]
    fn a_first_line_of_sep_names_the_delimiter_and_contradicts_no_option() {
        let plain = (None, Some(b'"'), None);
        for (head, delimiter, bytes) in [
            ("sep=;\na;b\n", ";", 6),
            ("SEP=\t\r\na\tb", "\t", 7),
            ("\"sep=|\"\na|b", "|", 8),
            ("sep=\na,b", ",", 0),
            ("sep=ab\n1", ",", 0),
            ("sep=;", ",", 0),
            ("a,b\n", ",", 0),
        ] {
            assert_eq!(
                found(plain, head),
                Some((delimiter.to_owned(), bytes)),
                "{head:?}"
            );
        }
        assert!(found((Some(";"), None, None), "sep=;\n").is_some());
        assert!(found((Some(","), None, None), "sep=;\n").is_none());
    }

    #[test]
    fn characters_that_cannot_be_told_apart_are_refused() {
        for (delimiter, quote, escape) in [
            ("", Some(b'"'), None),
            ("\n", Some(b'"'), None),
            ("\"", Some(b'"'), None),
            ("a\\", Some(b'"'), Some(b'\\')),
            (",", Some(0xe4), None),
            (",", Some(b'"'), Some(b'\n')),
            ("12345678901234567", None, None),
        ] {
            assert_eq!(
                found((Some(delimiter), quote, escape), ""),
                None,
                "{delimiter}"
            );
        }
        assert!(found((Some("\""), None, None), "").is_some());
        assert!(found((Some("||"), Some(b'"'), Some(b'"')), "").is_some());
    }
}
