//! The options of `run`, which takes the rest of its options from the job file.

use crate::cli::dates::{DateSpec, date_spec};
use crate::cli::value::{duration, within};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Relative paths in the file are relative to the file. Its keys are the long
options of `write` with underscores; --print-schema prints its JSON Schema for
editors.

Examples:
  Every job of the file for yesterday, from cron every hour:
    byteair-sync run -q jobs.toml
  A quarter of history, day by day, one job only:
    byteair-sync run jobs.toml item --backfill 2022-01-01..2022-03-31
  The same, and what is left of the last two weeks:
    byteair-sync run -q jobs.toml --catch-up 14
  What would be done, with rows, requests and time at the quota:
    byteair-sync run jobs.toml --dry-run";

/// Options of `run`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct JobsArgs {
    /// Job file
    #[arg(value_name = "JOBS.toml", required_unless_present = "print_schema")]
    pub file: Option<PathBuf>,

    /// Only these jobs [default: all of the file]
    #[arg(value_name = "JOB")]
    pub jobs: Vec<String>,

    /// Days, instead of those in the file: 2022-01-01, several with commas, A..B, today, yesterday [default: those of the file]
    #[arg(short, long, value_name = "DATES", value_delimiter = ',', value_parser = date_spec, help_heading = "Days")]
    pub date: Vec<DateSpec>,

    /// All days from A to B, one after the other, with the time left [default: none]
    #[arg(long, value_name = "A..B", value_parser = date_spec, help_heading = "Days")]
    pub backfill: Option<DateSpec>,

    /// Besides the days in the file, all of the last DAYS days that are not done [default: none]
    ///
    /// For jobs with date = "yesterday" or another relative day: each of these days of each job that
    /// is not done is gone through, also one of which nothing is known yet because its export was
    /// late or it waited for another job; without an export it is status 10 until it is older. A
    /// fresh installation has no history, so it goes through all of them: give no more days than it
    /// is to upload. A job with days of its own only finishes those of them that were begun.
    ///
    /// Of a job with `date_from_field` or `date_from_path` these days are named to its one upload, as
    /// --date would: their rows are taken and each gets its `done`. One that the inputs say nothing
    /// of has no row (status 8) or no file (status 10), and keeps none of the others back.
    #[arg(long, value_name = "DAYS", value_parser = within(1_u32, 3653), help_heading = "Days")]
    pub catch_up: Option<u32>,

    /// Say what would be done; send nothing, record nothing
    #[arg(long, help_heading = "Run")]
    pub dry_run: bool,

    /// Stop after this long, resumable [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Run")]
    pub max_duration: Option<Duration>,

    /// Print the JSON Schema of job files and end
    #[arg(long, help_heading = "Run", conflicts_with_all = ["file", "jobs"])]
    pub print_schema: bool,
}
