//! How an input is to be read, as resolved from the command line.
//!
//! Only some of these options change the rows that come out; those make up the digest by which the
//! ledger notices that a half-uploaded file is now read differently. Nothing here opens a file.

use super::{DateField, InputFault, Stores, TextEncoding};
use crate::schema::{RowRules, Shaper};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// What the rows of an input are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// By extension, then by the first byte; never a guess.
    Auto,
    /// One JSON object a line.
    Jsonl,
    /// One array of JSON objects, or JSON objects one after the other, across lines as they like.
    Json,
    /// Comma-separated values.
    Csv,
    /// Tab-separated values, quoted as CSV.
    Tsv,
    /// Apache Parquet.
    Parquet,
}

/// What timestamps of a Parquet file become (`--timestamps`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Timestamps {
    /// Text as RFC 3339 has it, with `Z` where the file has instants.
    Text,
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
}

/// How an input is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// By its magic bytes.
    Auto,
    /// As it is.
    None,
    /// gzip, one or many members (RFC 1952).
    Gzip,
    /// Zstandard, one or many frames (RFC 8878).
    Zstd,
    /// bzip2, one or many streams.
    Bzip2,
    /// xz, one or many streams.
    Xz,
    /// Snappy: the framing format, or one raw block.
    Snappy,
}

/// What an empty CSV cell becomes (`--empty`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EmptyCells {
    /// The row has no such key.
    Omit,
    /// The key with `null`.
    Null,
    /// The key with `""`.
    String,
    /// The row is rejected.
    Error,
}

/// How to read an input.
#[derive(Debug, Clone)]
pub struct InputSettings {
    /// What the rows are written in.
    pub format: Format,
    /// How the input is stored.
    pub compression: Compression,
    /// Encoding of the text; `None` is UTF-8, or UTF-16 by its byte order mark.
    pub encoding: Option<TextEncoding>,
    /// CSV delimiter, one character or more; `None` is the file's own (`sep=;`) or the format's.
    pub delimiter: Option<String>,
    /// Around CSV cells, one ASCII byte; `None` when quotes are text.
    pub quote: Option<u8>,
    /// In front of literal characters in CSV, one ASCII byte.
    pub escape: Option<u8>,
    /// Names of the columns of a CSV without a header row.
    pub columns: Option<Vec<String>>,
    /// What an empty CSV cell becomes.
    pub empty: EmptyCells,
    /// CSV cells that stand for `null` (`--null-strings`), quoted or not: exports quote at will.
    pub null_strings: Vec<String>,
    /// What timestamps of a Parquet file become.
    pub timestamps: Timestamps,
    /// What the rows are made to be before they are sent.
    pub rules: RowRules,
    /// Whether they are made so when they are read; who looks at the rows as they are does it himself.
    pub shaped: bool,
    /// The field by which rows say their day; `None` when all of an input are of one day. It has a
    /// digest of its own.
    pub date_field: Option<Arc<DateField>>,
    /// Longest row in bytes, as written in the input, with white space around it but without its
    /// line end; a longer one is rejected.
    pub max_row_bytes: usize,
    /// By which objects of remote stores are reached.
    pub stores: Stores,
}

impl InputSettings {
    /// Default of `--max-row-bytes`: 4 MiB.
    pub const DEFAULT_MAX_ROW_BYTES: usize = 4 << 20;

    /// The same for reading rows as they are.
    #[must_use]
    pub fn unshaped(&self) -> Self {
        Self {
            shaped: false,
            ..self.clone()
        }
    }

    /// Whether a field is left out of rows and nothing hangs on it, by its name.
    pub(super) fn dropped(&self) -> impl Fn(&str) -> bool {
        let shaper = Shaper::new(&self.rules);
        // The day of a row is read before anything is dropped.
        let says_day = |name: &str| self.date_field.as_ref().is_some_and(|it| it.name == name);
        move |name| shaper.drops(name) && !says_day(name)
    }

    /// The fault of `--map` that gives two columns of an input one name: no row that has both could be
    /// sent.
    pub(super) fn check_renames(&self, has: impl Fn(&str) -> bool) -> Result<(), InputFault> {
        let mut taken = self.rules.renames.iter();
        let Some((from, to)) = taken.find(|(from, to)| has(from) && has(to)) else {
            return Ok(());
        };
        let problem = format!(
            "--map {from}={to}, but there is a column '{to}' already, and both would be sent as one \
             field; nothing was read. Give it another name (--map {from}=OTHER), or leave one of the \
             two out of the export"
        );
        Err(InputFault::BadOption { problem })
    }

    /// XXH3 (128 bits) of the options that change what rows an input gives; part of the identity of
    /// an input in the ledger. How the input is stored is not among them: the rows are the same.
    pub fn row_options_digest(&self) -> u128 {
        let mut hasher = Xxh3::new();
        let mut field = |name: &str, value: &[u8]| {
            hasher.update(name.as_bytes());
            // Lengths keep neighbouring values apart.
            hasher.update(&u64::try_from(value.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(value);
        };
        let format: &[u8] = match self.format {
            Format::Auto => b"auto",
            Format::Jsonl => b"jsonl",
            Format::Json => b"json",
            Format::Csv => b"csv",
            Format::Tsv => b"tsv",
            Format::Parquet => b"parquet",
        };
        let empty: &[u8] = match self.empty {
            EmptyCells::Omit => b"omit",
            EmptyCells::Null => b"null",
            EmptyCells::String => b"string",
            EmptyCells::Error => b"error",
        };
        field("format", format);
        field("empty", empty);
        if let Some(delimiter) = &self.delimiter {
            field("delimiter", delimiter.as_bytes());
        }
        // What is as before is left out, so that inputs of earlier versions are known again.
        if self.quote != Some(b'"') {
            field("quote", self.quote.as_slice());
        }
        if let Some(escape) = self.escape {
            field("escape", &[escape]);
        }
        if let Some(encoding) = self.encoding {
            field("encoding", encoding.name().as_bytes());
        }
        for column in self.columns.iter().flatten() {
            field("column", column.as_bytes());
        }
        let mut nulls: Vec<&String> = self.null_strings.iter().collect();
        nulls.sort_unstable();
        for null in nulls {
            field("null_string", null.as_bytes());
        }
        match self.timestamps {
            Timestamps::Text => {}
            Timestamps::Seconds => field("timestamps", b"seconds"),
            Timestamps::Milliseconds => field("timestamps", b"milliseconds"),
        }
        // Nothing is added for no rules, so that ledgers from before there were any stay valid.
        if !self.rules.is_nothing() {
            field("rules", &self.rules.canonical());
        }
        let limit = u64::try_from(self.max_row_bytes).unwrap_or(u64::MAX);
        field("max_row_bytes", &limit.to_le_bytes());
        hasher.digest128()
    }
}

impl Default for InputSettings {
    /// The defaults of the command line.
    fn default() -> Self {
        Self {
            format: Format::Auto,
            compression: Compression::Auto,
            encoding: None,
            delimiter: None,
            quote: Some(b'"'),
            escape: None,
            columns: None,
            empty: EmptyCells::Omit,
            null_strings: Vec::new(),
            timestamps: Timestamps::Text,
            rules: RowRules::default(),
            shaped: true,
            date_field: None,
            max_row_bytes: Self::DEFAULT_MAX_ROW_BYTES,
            stores: Stores::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_changes_with_every_option_that_changes_rows_and_no_other() {
        let base = InputSettings::default();
        let same = InputSettings {
            compression: Compression::Gzip,
            ..base.clone()
        };
        assert_eq!(base.row_options_digest(), same.row_options_digest());
        let columns = |names: &[&str]| InputSettings {
            columns: Some(names.iter().map(ToString::to_string).collect()),
            ..base.clone()
        };
        let others = [
            InputSettings {
                format: Format::Csv,
                ..base.clone()
            },
            InputSettings {
                delimiter: Some(";".to_owned()),
                ..base.clone()
            },
            InputSettings {
                empty: EmptyCells::Null,
                ..base.clone()
            },
            InputSettings {
                quote: None,
                ..base.clone()
            },
            InputSettings {
                escape: Some(b'\\'),
                ..base.clone()
            },
            InputSettings {
                encoding: TextEncoding::for_label("gbk"),
                ..base.clone()
            },
            InputSettings {
                max_row_bytes: 1,
                ..base.clone()
            },
            columns(&["ab", "c"]),
            InputSettings {
                null_strings: vec!["NULL".to_owned()],
                ..base.clone()
            },
            InputSettings {
                rules: RowRules {
                    renames: vec![("a".to_owned(), "b".to_owned())],
                    ..RowRules::default()
                },
                ..base.clone()
            },
            columns(&["a", "bc"]),
            InputSettings {
                timestamps: Timestamps::Seconds,
                ..base.clone()
            },
            InputSettings {
                timestamps: Timestamps::Milliseconds,
                ..base.clone()
            },
        ];
        let mut digests: Vec<u128> = others
            .iter()
            .map(InputSettings::row_options_digest)
            .collect();
        digests.push(base.row_options_digest());
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), others.len() + 1);
    }
}
