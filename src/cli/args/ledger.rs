//! The commands that look at what is on disk: `rejects` and `ledger`.

use super::rejects::{ExportArgs, ReplayArgs, WaiveArgs};
use crate::cli::dates::{DateSpec, date_spec};
use crate::cli::value::{duration, stages};
use crate::domain::{StageKind, Topic};
use clap::{Args, Subcommand};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// Commands about rejected rows.
#[derive(Debug, Subcommand)]
pub enum RejectsCommand {
    /// List rejected rows, oldest first
    #[command(after_long_help = "Example:\n  byteair-sync rejects list -t item -d 2022-01-01")]
    List {
        /// Which ones.
        #[command(flatten)]
        selection: SelectionArgs,
        /// Most rows to list
        #[arg(long, value_name = "ROWS", default_value = "50")]
        limit: NonZeroUsize,
    },
    /// Show rejected rows in full, with the row itself
    #[command(after_long_help = "Example:\n  byteair-sync rejects show 7 8")]
    Show {
        /// Numbers from `rejects list`
        #[arg(value_name = "ID", required = true)]
        ids: Vec<i64>,
    },
    /// Write the open rejected rows of one date in the format of their input, for repair by hand
    Export(Box<ExportArgs>),
    /// Upload a file of corrected rows in place of rejected ones, then send `done` for the date
    Replay(Box<ReplayArgs>),
    /// Accept the loss of rejected rows, on the record; `done` then no longer waits for them
    Waive(WaiveArgs),
}

/// Commands about the ledger.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// List what the ledger knows, one line a date
    #[command(after_long_help = "Example:\n  byteair-sync ledger list")]
    List {
        /// Which partitions.
        #[command(flatten)]
        selection: SelectionArgs,
    },
    /// Show the inputs, batches and history of a date
    #[command(
        after_long_help = "Example:\n  byteair-sync ledger show -t item -s history_sync -d 2022-01-01"
    )]
    Show {
        /// Which partitions.
        #[command(flatten)]
        selection: SelectionArgs,
    },
    /// Open a date again after a re-sync in the console: all its inputs will be sent again
    #[command(
        after_long_help = "Example:\n  byteair-sync ledger reopen -t item -s history_sync -d 2022-01-01"
    )]
    Reopen {
        /// Which partition.
        #[command(flatten)]
        partition: OnePartitionArgs,
    },
    /// Forget an unfinished input; what was accepted from it stays on the platform
    #[command(
        after_long_help = "Example:\n  byteair-sync ledger drop-input export/part-7.csv -d 2022-01-01"
    )]
    DropInput {
        /// The file as `ledger show` spells it
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only in these partitions.
        #[command(flatten)]
        selection: SelectionArgs,
    },
    /// Give up the `on_done` events that dates owe a catalog, when no job tells it any more
    #[command(
        after_long_help = "Example:\n  byteair-sync ledger drop-event -t item -s history_sync -d 2022-01-01"
    )]
    DropEvent {
        /// Which partition.
        #[command(flatten)]
        partition: OnePartitionArgs,
    },
    /// Forget a date altogether, as if it had never been uploaded from here
    #[command(
        after_long_help = "Example:\n  byteair-sync ledger forget -t item -s history_sync -d 2022-01-01"
    )]
    Forget {
        /// Which partition.
        #[command(flatten)]
        partition: OnePartitionArgs,
        /// Confirm that a date which is done may be uploaded a second time, with the date [default: none]
        #[arg(long, value_name = "DATE")]
        yes_i_mean: Option<String>,
    },
    /// Forget the details of dates that were done long ago
    #[command(
        after_long_help = "Example:\n  byteair-sync ledger prune --older-than 180d --dry-run"
    )]
    Prune {
        /// How long ago
        #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = duration)]
        older_than: Duration,
        /// Say what would be forgotten; forget nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Which partitions to look at; empty means all.
#[derive(Debug, Args)]
pub struct SelectionArgs {
    /// Only these topics [default: all]
    #[arg(short, long, value_name = "TOPIC", value_delimiter = ',')]
    pub topic: Vec<Topic>,

    /// Only these stages [default: all]
    #[arg(short, long, value_name = "STAGE", value_delimiter = ',', value_parser = stages(), hide_possible_values = true)]
    pub stage: Vec<StageKind>,

    /// Only these days: 2022-01-01, several with commas, A..B, today, yesterday [default: all]
    #[arg(short, long, value_name = "DATES", value_delimiter = ',', value_parser = date_spec)]
    pub date: Vec<DateSpec>,

    /// Only this target, as `ledger list` spells it: tenant/application@platform [default: all]
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
}

/// The partitions of one topic and stage that a command changes; nothing is implied.
#[derive(Debug, Args)]
pub struct OnePartitionArgs {
    /// Topic [default: none, must be given]
    #[arg(short, long, value_name = "TOPIC")]
    pub topic: Option<Topic>,

    /// Stage [default: none, must be given]
    #[arg(short, long, value_name = "STAGE", value_parser = stages(), hide_possible_values = true)]
    pub stage: Option<StageKind>,

    /// Days, as for `write` [default: none, must be given unless the stage is streaming]
    #[arg(short, long, value_name = "DATES", value_delimiter = ',', value_parser = date_spec)]
    pub date: Vec<DateSpec>,

    /// The target, where the ledger knows several: tenant/application@platform, as `ledger list` spells it [default: the only one]
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
}
