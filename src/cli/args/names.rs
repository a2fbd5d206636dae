//! The words that options of `write` and its neighbours take, as types. What a word means is decided
//! where it is resolved.

use clap::ValueEnum;

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum FormatName {
    Auto,
    Jsonl,
    Json,
    Csv,
    Tsv,
    Parquet,
}

/// `--timestamps`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TimestampsName {
    Text,
    Seconds,
    Milliseconds,
}

/// `--compression`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum CompressionName {
    Auto,
    None,
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Snappy,
}

/// `--empty`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum EmptyName {
    Omit,
    Null,
    String,
    Error,
}

/// `--unconfirmed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum UnconfirmedName {
    Accept,
    Hold,
}

/// `--done-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum DoneFormatName {
    Protobuf,
    Json,
}
