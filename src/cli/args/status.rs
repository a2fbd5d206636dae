//! The options of `status`.

use super::SelectionArgs;
use clap::Args;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  A calendar of everything, and what is owed next:
    byteair-sync status
  For monitoring: status 7 when a day of the last month is not done:
    byteair-sync status -q --gaps -s incremental_sync_daily \\
      --date 2022-02-01..2022-02-28
  One page to look at, or to send to a colleague:
    byteair-sync status --html status.html";

/// Options of `status`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct StatusArgs {
    /// Which partitions.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// End with status 7 when a day is not done
    ///
    /// Days from the first one that is known (for `incremental_sync_daily` up to yesterday) or
    /// those of --date are looked at; with --topic and --stage also when nothing of them is known.
    #[arg(long)]
    pub gaps: bool,

    /// Write one page for a browser: calendar, rows per day, rejects, runs [default: none]
    ///
    /// It stands by itself and asks nothing of the network. It names files, topics and reasons, but
    /// shows no row.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}
