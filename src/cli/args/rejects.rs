//! The options of `rejects export`, `replay` and `waive`.

use super::ledger::SelectionArgs;
use super::names::DoneFormatName;
use super::write::{BatchArgs, RateArgs, ReadingArgs, RetryArgs, TargetArgs};
use clap::Args;
use std::path::PathBuf;
use std::str::FromStr;

const ABOUT_REPLAY: &str = "\
FILE takes the places of rejected rows: of all open ones of the date, or of
those that --id names. Without --id it must have as many rows as there are open
ones, so that none is lost unnoticed; with --id any number, such as two rows for
one that should have been two. The rejected rows stay open until the outcome of
every row of FILE is known. What is refused again is a new rejected row, with
its place in FILE; correct it in another file. Running the same command again
resumes, and sends FILE once more when every row of it was refused again. Rows
that were refused for a wrong schema in the console may come unchanged, from an
export or from the file itself if none of it was stored.

Example:
  byteair-sync rejects export -d 2022-01-01 --output fix.jsonl
  (correct fix.jsonl)
  byteair-sync rejects replay fix.jsonl \\
      -t item -s history_sync -d 2022-01-01";

/// Options of `rejects export`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Example:\n  byteair-sync rejects export -d 2022-01-01 --output fix.jsonl"
)]
pub struct ExportArgs {
    /// Which partition; only one may have open rejected rows.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// File that is made, or an existing directory that gets one file for each input; - is standard output
    #[arg(long, value_name = "FILE|DIR|-", default_value = "-")]
    pub output: PathBuf,

    /// How the inputs were read; as for `write`.
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// Options of `rejects replay`.
#[derive(Debug, Args)]
#[command(after_long_help = ABOUT_REPLAY)]
pub struct ReplayArgs {
    /// Which partition.
    #[command(flatten)]
    pub target: TargetArgs,

    /// File with the corrected rows and nothing else
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Rejected rows that FILE replaces: 7, several with commas, 7..12 [default: all open ones of the date]
    #[arg(
        long,
        value_name = "IDS",
        value_delimiter = ',',
        help_heading = "Input"
    )]
    pub id: Vec<IdRange>,

    /// How to read it.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// How rows become batches.
    #[command(flatten)]
    pub batch: BatchArgs,
    /// How fast.
    #[command(flatten)]
    pub rate: RateArgs,
    /// How failures are met.
    #[command(flatten)]
    pub retry: RetryArgs,

    /// Form of the done request
    #[arg(long, value_enum, default_value_t = DoneFormatName::Protobuf, help_heading = "Done")]
    pub done_format: DoneFormatName,
}

/// Options of `rejects waive`.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  byteair-sync rejects waive -d 2022-01-01 --id 7..12")]
pub struct WaiveArgs {
    /// Which partitions.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// Only these rejected rows: 7, several with commas, 7..12 [default: all open ones of --date]
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    pub id: Vec<IdRange>,
}

/// Numbers of rejected rows from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdRange {
    first: i64,
    last: i64,
}

/// Most numbers of one range; more is a typing error.
const MAX_RANGE: i64 = 1_000_000;

impl FromStr for IdRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || "write the number of a rejected row such as 7, or 7..12".to_owned();
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let number = |text: &str| text.trim().parse::<i64>().map_err(|_| wanted());
        let (first, last) = (number(first)?, number(last)?);
        if first < 1 || last < first || last.saturating_sub(first) >= MAX_RANGE {
            return Err(wanted());
        }
        Ok(Self { first, last })
    }
}

/// The numbers in ascending order, each once.
pub fn ids_of(ranges: &[IdRange]) -> Vec<i64> {
    let mut ids: Vec<i64> = ranges
        .iter()
        .flat_map(|range| range.first..=range.last)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ranges_are_taken_once_and_in_order() {
        let ranges: Vec<IdRange> = ["9", "3..5", "4"]
            .iter()
            .map(|t| t.parse().unwrap())
            .collect();
        assert_eq!(ids_of(&ranges), [3, 4, 5, 9]);
    }

    #[test]
    fn what_is_no_range_of_numbers_is_refused() {
        for text in ["", "0", "-1", "a", "5..3", "1..", "1..9999999999"] {
            assert!(text.parse::<IdRange>().is_err(), "{text}");
        }
    }
}
