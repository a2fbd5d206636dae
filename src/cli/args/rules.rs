//! The options that say what rows are made to be: types, names, which fields, what stands for null.
//!
//! Part of how an input is read, so every command that reads rows takes them. Whether they agree
//! with one another is seen to in `settings`.

use crate::cli::value::{Renaming, TypedField, renaming, typed_field};
use crate::schema::INDUSTRIES;
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What rows are made to be.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Types")]
pub struct RulesArgs {
    /// File with fields, types and checks; a row that breaks them is rejected [default: none]
    ///
    /// One schema (an object with "fields", or a schema file of the vendor's `air_api_tool`) and any
    /// number of the vendor's checker files; repeat the option for each. Values are cast to the type of
    /// their field, exactly or not at all: int32, int64, float, double, string, `json_string`, bool
    /// (sent as 1 or 0), array and object (sent as a JSON string).
    #[arg(long, value_name = "FILE")]
    pub schema: Vec<PathBuf>,

    /// Template of the platform for the topic, in place of a schema of your own [default: none]
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(INDUSTRIES))]
    pub industry: Option<String>,

    /// Types of fields, such as price=double,status=int32; they go before those of a schema [default: none]
    #[arg(long, value_name = "FIELD=TYPE,...", value_delimiter = ',', value_parser = typed_field)]
    pub types: Vec<TypedField>,

    /// Send a field under another name, such as goods=`goods_id`; types and checks go by the new name [default: none]
    #[arg(long, value_name = "FROM=TO,...", value_delimiter = ',', value_parser = renaming)]
    pub map: Vec<Renaming>,

    /// Fields that neither a schema nor --types names: send them, leave them out, or reject the row
    #[arg(long, value_enum, default_value_t = UnknownName::Keep)]
    pub unknown_fields: UnknownName,

    /// CSV cells that stand for null, such as NULL,\N; to the letter, quoted or not [default: none]
    ///
    /// The platform takes null as "leave the stored value as it is", and so does --empty for empty
    /// cells, where "" would overwrite it. In JSON, null stays null whatever this says.
    #[arg(long, value_name = "TEXT,...", value_delimiter = ',')]
    pub null_strings: Vec<String>,
}

/// `--unknown-fields`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum UnknownName {
    Keep,
    Drop,
    Error,
}
