//! The options of `validate` and of `schema`: what to read, as for `write`, and what to say of it.

use super::stores::with_stores;
use super::write::{DateSourceArgs, InputArgs};
use crate::cli::dates::{DateSpec, date_spec};
use crate::domain::Topic;
use clap::{Args, Subcommand};
use std::num::NonZeroU64;
use std::path::PathBuf;

const EXAMPLES: &str = "\
What differs from air_api_tool on purpose: an int32 or float outside its range,
\"\" for a number, NaN and infinities, a control character in a JSON string, a
second value behind an object, and a line longer than 4 MiB are errors here; CSV
cells may hold line breaks; decimals in an enum are compared as numbers, not as
Go prints them.

Examples:
  Rows of a template of the platform:
    byteair-sync validate -t item --industry ecommerce item.jsonl
  A month by a schema of your own, with a page to send to a colleague:
    byteair-sync validate -d 2022-01-01..2022-01-31 --schema item.json \\
      --html item.html 'item/{date}'
  By the schema and the checkers of the vendor's air_api_tool:
    byteair-sync validate --schema default_saas_retail_user_schema.json \\
      --schema default_saas_retail_user_checker.json user.csv";

/// Options of `validate`.
#[derive(Debug, Args)]
#[command(after_long_help = with_stores(EXAMPLES))]
pub struct ValidateArgs {
    /// Topic of the rows; decides about the template of --industry [default: none]
    #[arg(short, long, value_name = "TOPIC")]
    pub topic: Option<Topic>,

    /// Days that {date} in a PATH stands for: 2022-01-01, several with commas, A..B, today, yesterday [default: none]
    #[arg(short, long, value_name = "DATES", value_delimiter = ',', value_parser = date_spec)]
    pub date: Vec<DateSpec>,

    /// How inputs say the day of their rows.
    #[command(flatten)]
    pub dates: DateSourceArgs,

    /// Fields by which rows of one day are the same thing; a second one is an error [default: the schema's key]
    ///
    /// Only validate looks for them: `write` sends every row, and which one counts is up to the platform.
    /// Every such row is found, and only such rows: keys are compared byte by byte, whatever their
    /// number. They lie in memory up to 24 MiB, then in a temporary file. A key longer than 4 KiB is
    /// counted and not compared. In fields that a schema has as key, as built-in templates of user and
    /// item do, this is done without the option.
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',')]
    pub key: Vec<String>,

    /// Also write a page for a browser, with what the fields hold and the worst rows [default: none]
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// What to read.
    #[command(flatten)]
    pub input: InputArgs,
}

/// Commands about schemas.
#[derive(Debug, Subcommand)]
pub enum SchemaCommand {
    /// List the built-in templates, or print one as a file for --schema
    #[command(after_long_help = "Example:\n  byteair-sync schema show ecommerce/item")]
    Show {
        /// Such as ecommerce/item; an industry alone lists its topics
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
    /// Propose a schema from data, with the evidence for each type; nothing is applied
    Infer(Box<InferArgs>),
    /// Say whether schema files are right, where they are not, and what their rules mean
    #[command(
        after_long_help = "Checks of a field: required, enums, ranges, datetime, categories, no_chinese.\n\nExample:\n  byteair-sync schema check item.json"
    )]
    Check {
        /// Files for --schema: schemas of ours, schemas and checkers of `air_api_tool`
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
}

/// Options of `schema infer`.
#[derive(Debug, Args)]
#[command(
    after_long_help = with_stores("Example:\n  byteair-sync schema infer -t item --sample 1000 item.jsonl")
)]
pub struct InferArgs {
    /// Topic that the proposed schema is for [default: none]
    #[arg(short, long, value_name = "TOPIC")]
    pub topic: Option<Topic>,

    /// Days that {date} in a PATH stands for [default: none]
    #[arg(short, long, value_name = "DATES", value_delimiter = ',', value_parser = date_spec)]
    pub date: Vec<DateSpec>,

    /// Look at so many rows from the beginning [default: all]
    #[arg(long, value_name = "ROWS")]
    pub sample: Option<NonZeroU64>,

    /// What to read.
    #[command(flatten)]
    pub input: InputArgs,
}
