//! How an input is to be read, from the options that say so.
//!
//! Every command that reads rows takes the same options; only the topic, which decides about the
//! template of an industry, is each command's own.

use super::rules::row_rules;
use crate::cli::args::{CompressionName, EmptyName, FormatName, ReadingArgs, TimestampsName};
use crate::cli::error::UsageError;
use crate::domain::Topic;
use crate::input::{Compression, EmptyCells, Format, InputSettings, Stores, Timestamps};

/// How an input with rows of a topic is to be read.
pub fn input_settings(args: &ReadingArgs, topic: &Topic) -> Result<InputSettings, UsageError> {
    input_settings_of(args, Some(topic))
}

/// The same for rows whose topic need not be known.
pub(super) fn input_settings_of(
    args: &ReadingArgs,
    topic: Option<&Topic>,
) -> Result<InputSettings, UsageError> {
    Ok(InputSettings {
        shaped: true,
        format: match args.format {
            FormatName::Auto => Format::Auto,
            FormatName::Jsonl => Format::Jsonl,
            FormatName::Json => Format::Json,
            FormatName::Csv => Format::Csv,
            FormatName::Tsv => Format::Tsv,
            FormatName::Parquet => Format::Parquet,
        },
        compression: match args.compression {
            CompressionName::Auto => Compression::Auto,
            CompressionName::None => Compression::None,
            CompressionName::Gzip => Compression::Gzip,
            CompressionName::Zstd => Compression::Zstd,
            CompressionName::Bzip2 => Compression::Bzip2,
            CompressionName::Xz => Compression::Xz,
            CompressionName::Snappy => Compression::Snappy,
        },
        encoding: args.encoding.0,
        delimiter: args.delimiter.clone(),
        quote: args.quote.0,
        escape: args.escape.0,
        columns: (!args.columns.is_empty()).then(|| args.columns.clone()),
        empty: match args.empty {
            EmptyName::Omit => EmptyCells::Omit,
            EmptyName::Null => EmptyCells::Null,
            EmptyName::String => EmptyCells::String,
            EmptyName::Error => EmptyCells::Error,
        },
        null_strings: args.rules.null_strings.clone(),
        timestamps: match args.timestamps {
            TimestampsName::Text => Timestamps::Text,
            TimestampsName::Seconds => Timestamps::Seconds,
            TimestampsName::Milliseconds => Timestamps::Milliseconds,
        },
        rules: row_rules(args, topic)?,
        date_field: None,
        max_row_bytes: args.max_row_bytes.0,
        stores: Stores::default(),
    })
}
