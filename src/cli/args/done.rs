//! The options of `done`.

use super::names::DoneFormatName;
use super::write::{RateArgs, RetryArgs};
use crate::cli::dates::{DateSpec, date_spec};
use crate::cli::value::stages;
use crate::domain::{StageKind, Topic};
use clap::Args;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  Everything of the previous day that is complete:
    byteair-sync done
  A date whose done was held back:
    byteair-sync done -t item -s history_sync -d 2022-01-01
  The same on one of two machines, with the report of the other one's upload:
    byteair-sync done -d 2022-01-01 --require-report b.json --report done.json
  Then on that other machine, which records that it was sent:
    byteair-sync done -d 2022-01-01 --require-report done.json
  From monitoring: status 7 unless all three topics are there:
    byteair-sync done -d yesterday --expect-topics item,user,behavior";

/// Options of `done`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct DoneArgs {
    /// Only these topics [default: all that the ledger knows]
    #[arg(
        short,
        long,
        value_name = "TOPIC",
        value_delimiter = ',',
        help_heading = "Target"
    )]
    pub topic: Vec<Topic>,

    /// Only these stages [default: all that the ledger knows]
    #[arg(short, long, value_name = "STAGE", value_delimiter = ',', value_parser = stages(), hide_possible_values = true, help_heading = "Target")]
    pub stage: Vec<StageKind>,

    /// Days: 2022-01-01, several with commas, A..B, today, yesterday [default: the previous day]
    #[arg(short, long, value_name = "DATES", value_delimiter = ',', value_parser = date_spec, help_heading = "Target")]
    pub date: Vec<DateSpec>,

    /// Every date that is complete and not held back, instead of --date
    #[arg(long, help_heading = "Target")]
    pub pending: bool,

    /// Take these hosts for the target that the ledger knows under other hosts
    #[arg(long, help_heading = "Target")]
    pub same_target: bool,

    /// Topics that each date must have [default: no check]
    #[arg(
        long,
        value_name = "TOPICS",
        value_delimiter = ',',
        help_heading = "Done"
    )]
    pub expect_topics: Vec<Topic>,

    /// Reports (--report) of other machines that must say the same [default: none]
    ///
    /// Of machines that upload parts of the same dates (--rate-share), one sends `done` with the
    /// reports of the uploads of all others. Each of the others then runs it with the report of that
    /// `done`, which puts on record there that it was sent.
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Done")]
    pub require_report: Vec<PathBuf>,

    /// Accept the loss of the rows that were rejected
    #[arg(long, help_heading = "Done")]
    pub accept_rejects: bool,

    /// Send done although something is missing; recorded
    #[arg(long, help_heading = "Done")]
    pub force: bool,

    /// Confirm what a message asked to be confirmed, with the word it named [default: none]
    #[arg(long, value_name = "WORD", help_heading = "Done")]
    pub yes_i_mean: Option<String>,

    /// Form of the done request
    #[arg(long, value_enum, default_value_t = DoneFormatName::Protobuf, help_heading = "Done")]
    pub done_format: DoneFormatName,

    /// How fast.
    #[command(flatten)]
    pub rate: RateArgs,
    /// How failures are met.
    #[command(flatten)]
    pub retry: RetryArgs,
}
