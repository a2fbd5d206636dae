//! The options of `status`.

use super::SelectionArgs;
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  A calendar of everything, and what is owed next:
    byteair-sync status
  For monitoring: status 7 when a day of the last month is not done:
    byteair-sync status -q --gaps -s incremental_sync_daily --date 2022-02-01..2022-02-28";

/// Options of `status`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES, after_help = "--help also shows examples.")]
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
}
