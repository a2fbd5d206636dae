//! The options of `write`, one struct for each subject with its own heading in the help.

use super::dis::DisArgs;
use super::names::{
    CompressionName, DoneFormatName, EmptyName, FormatName, TimestampsName, UnconfirmedName,
};
use super::part::PartArgs;
use super::rules::RulesArgs;
use super::stores::with_stores;
use super::write_examples::EXAMPLES;
use crate::cli::dates::{DateSpec, date_spec};
use crate::cli::value::{
    ByteSize, CharOrNone, EncodingName, RateShare, at_least, byte_size, date_format, day_pattern,
    delimiter, duration, fewest_rows, files_or_none, in_flight, marker_or_none, percent_or_none,
    quote, rate_share, stages, text_encoding, within,
};
use crate::domain::{ErrorBudget, GuardChange, StageKind, Topic};
use crate::input::DayPattern;
use clap::Args;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

/// Options of `write`.
#[derive(Debug, Args)]
#[command(after_long_help = with_stores(EXAMPLES))]
pub struct WriteArgs {
    /// Which partition.
    #[command(flatten)]
    pub target: TargetArgs,
    /// How inputs say the day of their rows.
    #[command(flatten)]
    pub dates: DateSourceArgs,
    /// What to read.
    #[command(flatten)]
    pub input: InputArgs,
    /// How rows become batches.
    #[command(flatten)]
    pub batch: BatchArgs,
    /// How fast.
    #[command(flatten)]
    pub rate: RateArgs,
    /// How failures are met.
    #[command(flatten)]
    pub retry: RetryArgs,
    /// How many bad rows are tolerable.
    #[command(flatten)]
    pub errors: ErrorArgs,
    /// What has to hold before `done`.
    #[command(flatten)]
    pub guards: GuardArgs,
    /// How the run behaves.
    #[command(flatten)]
    pub run: RunArgs,
    /// A stream as the source.
    #[command(flatten)]
    pub dis: DisArgs,
    /// What it is a part of.
    #[command(flatten)]
    pub part: PartArgs,
}

/// Which partition the rows belong to.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Target")]
pub struct TargetArgs {
    /// Topic: item, user, behavior, or another one of your application [default: none, must be given]
    #[arg(short, long, value_name = "TOPIC")]
    pub topic: Option<Topic>,

    /// Stage: `pre_sync`, `history_sync`, `incremental_sync_daily` or `incremental_sync_streaming` [default: none, must be given]
    #[arg(short, long, value_name = "STAGE", value_parser = stages(), hide_possible_values = true)]
    pub stage: Option<StageKind>,

    /// Day of the rows: 2022-01-01, several with commas, A..B with both ends, today, yesterday [default: none; an offline stage needs days]
    #[arg(short, long, value_name = "DATES", value_delimiter = ',', value_parser = date_spec)]
    pub date: Vec<DateSpec>,

    /// Take these hosts for the target that the ledger knows under other hosts
    #[arg(long)]
    pub same_target: bool,
}

/// How inputs say the day of their rows.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Target")]
pub struct DateSourceArgs {
    /// The day of a file is in the names of its folders, such as dt=%Y-%m-%d [default: all rows are of --date]
    ///
    /// As many names in a row as the pattern has: year=%Y/month=%m/day=%d; %-m and %-d are numbers
    /// without zeros in front, as in month=1. A file whose path says
    /// no day, or two, is an error (status 4) and nothing is sent. With --date, files of other days
    /// are left unread and counted; only the days that --date names get done. Without it all files
    /// are uploaded and no day gets done by itself.
    #[arg(long, value_name = "PATTERN", value_parser = day_pattern, conflicts_with = "date_from_field")]
    pub date_from_path: Option<DayPattern>,

    /// The day of a row is in this field of it, as the input names it [default: all rows are of --date]
    ///
    /// Without --date-format, integers of at most 11 digits are seconds and those of 13 are
    /// milliseconds since 1970, texts are 2022-01-01 or RFC 3339. An instant counts for the day on
    /// which it falls in --timezone. A row without a date that can be used is rejected
    /// (`date_missing`), and every day of its file waits for it. With --date, rows of other days are
    /// rejected (`date_outside`), no day waits for these, and only the days that --date names get
    /// done. Without it the files are read once beforehand to learn their days, all rows are
    /// uploaded but those before 2000 or after 2099 (`date_missing`), and no day gets done by itself. More --memory makes fuller requests of files in
    /// which many days are mixed.
    #[arg(long, value_name = "FIELD")]
    pub date_from_field: Option<String>,

    /// How that field is written, such as %Y%m%d, %Y/%m/%d %H:%M:%S, or %s for seconds since 1970 [default: as below]
    #[arg(long, value_name = "FORMAT", value_parser = date_format, requires = "date_from_field")]
    pub date_format: Option<String>,
}

/// What to read and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Input")]
pub struct InputArgs {
    /// Files, directories, quoted globs, or - for standard input; {date} or {date:%Y%m%d} stands for the day
    ///
    /// Instead of them, `dis://STREAM` is a stream of Huawei DIS.
    #[cfg_attr(
        feature = "remote",
        doc = " Or in remote stores, such as `s3://BUCKET/KEY`: see below."
    )]
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,

    /// File with one more PATH on each line [default: none]
    #[arg(long, value_name = "FILE")]
    pub files_from: Option<PathBuf>,

    /// Name of standard input for the ledger [default: the digest of its first 64 KiB]
    #[arg(long, value_name = "NAME")]
    pub input_id: Option<String>,

    /// How to read it.
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// How rows are written in an input.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Input")]
pub struct ReadingArgs {
    /// Format; auto goes by extension, then by the first bytes
    #[arg(long, value_enum, default_value_t = FormatName::Auto)]
    pub format: FormatName,

    /// Compression; auto goes by the first bytes
    #[arg(long, value_enum, default_value_t = CompressionName::Auto)]
    pub compression: CompressionName,

    /// Encoding of the text, such as gbk, gb18030 or utf-16le; auto is UTF-8, and UTF-16 if a byte order mark says so
    #[arg(long, value_name = "LABEL", default_value = "auto", value_parser = text_encoding)]
    pub encoding: EncodingName,

    /// Between CSV cells, one character or several; \t for tab, \x01 for a control character [default: the file's line sep=, or a comma, or tab for tsv]
    #[arg(long, value_name = "CHARS", value_parser = delimiter)]
    pub delimiter: Option<String>,

    /// Around CSV cells that hold delimiters or line ends; none if quotes are text
    #[arg(long, value_name = "CHAR", default_value = "\"", value_parser = quote)]
    pub quote: CharOrNone,

    /// In front of a CSV character that is meant literally, as \ in exports of databases; \n, \r and \t are then control characters, and \N alone stays
    #[arg(long, value_name = "CHAR", default_value = "none", value_parser = quote)]
    pub escape: CharOrNone,

    /// Column names of a CSV file without a header row [default: the header row]
    #[arg(long, value_name = "A,B,...", value_delimiter = ',')]
    pub columns: Vec<String>,

    /// What an empty CSV cell becomes: no key, null, "", or a rejected row
    ///
    /// The platform keeps what it has stored for a field that is null or not sent at all, and
    /// overwrites it with nothing for "". So omit and null change nothing, string erases.
    #[arg(long, value_enum, default_value_t = EmptyName::Omit)]
    pub empty: EmptyName,

    /// What timestamps of a Parquet file become: text as RFC 3339 has it, or a number since 1970
    ///
    /// Instants are written in UTC with a Z, timestamps without a time zone without one. As numbers
    /// only instants can be read, and one with more digits than the number keeps is a rejected row.
    #[arg(long, value_enum, default_value_t = TimestampsName::Text)]
    pub timestamps: TimestampsName,

    /// Longest row, in bytes
    #[arg(long, value_name = "SIZE", default_value = "4MiB", value_parser = byte_size)]
    pub max_row_bytes: ByteSize,

    /// What rows are made to be.
    #[command(flatten)]
    pub rules: RulesArgs,
}

/// How rows become batches.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Batches")]
pub struct BatchArgs {
    /// Most rows in a request, 1 to 10000 [default: 10000, streaming 1000]
    #[arg(long, value_name = "ROWS", value_parser = within(1_u32, 10_000))]
    pub batch_rows: Option<u32>,

    /// Most bytes of JSON in a request, before compression
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = byte_size)]
    pub batch_bytes: ByteSize,

    /// How hard requests are compressed, 1 (least CPU time) to 12 (fewest bytes); 6 suits a slow uplink
    #[arg(long, value_name = "LEVEL", default_value = "1", value_parser = within(1_i32, 12))]
    pub compression_level: i32,

    /// Bytes of all buffers together
    ///
    /// The window of a compressed input comes on top: up to 128 MiB of zstd --long=27, 65 MiB of
    /// xz -9.
    #[arg(long, value_name = "SIZE", default_value = "32MiB", value_parser = byte_size)]
    pub memory: ByteSize,

    /// Most requests at one time, 1 to 1000, or auto
    ///
    /// auto is as many as the memory holds, at most 256. When requests are not answered within --timeout there are
    /// fewer, whatever this says, until the server keeps up again.
    #[arg(long, value_name = "N", default_value = "auto", value_parser = in_flight)]
    pub max_in_flight: crate::cli::value::InFlight,

    /// How long a row of the streaming stage waits for others of its request
    ///
    /// For standard input, followed files and streams. A request leaves when it is full (--batch-rows) or
    /// when its first row has waited for so long, whichever comes first.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration)]
    pub linger: Duration,
}

/// How fast to send.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rate")]
pub struct RateArgs {
    /// Most requests in any second, 1 to 1000
    #[arg(long, value_name = "REQUESTS", default_value = "100", value_parser = within(1_u32, 1000))]
    pub qps: u32,

    /// Most rows in any second
    #[arg(long, value_name = "ROWS", default_value = "50000", value_parser = at_least(NonZeroU32::MIN))]
    pub rows_per_second: NonZeroU32,

    /// This machine's share of both, when several upload; other than 1/1 it implies --no-done
    #[arg(long, value_name = "A/B", default_value = "1/1", value_parser = rate_share)]
    pub rate_share: RateShare,

    /// Time added to each second, against a jittery network path
    #[arg(long, value_name = "DURATION", default_value = "10ms", value_parser = duration)]
    pub rate_guard: Duration,

    /// Send as fast as the server takes it: private deployments and benchmarks only
    #[arg(long)]
    pub no_rate_limit: bool,
}

/// How failures are met.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Retries")]
pub struct RetryArgs {
    /// Longest time for one request and its reply
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub timeout: Duration,

    /// How long to go on trying one batch
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = duration)]
    pub retry_for: Duration,

    /// Longest wait between two tries
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    pub retry_max_delay: Duration,
}

/// How many bad rows are tolerable.
#[derive(Debug, Args)]
#[command(next_help_heading = "Errors")]
pub struct ErrorArgs {
    /// Rejected rows that a date may have and still get done: a number, or a share such as 0.1%
    #[arg(long, value_name = "N|P%", default_value = "0")]
    pub max_errors: ErrorBudget,

    /// Stop reading after so many rejected rows
    #[arg(long, value_name = "ROWS", default_value = "100000", value_parser = at_least(NonZeroU64::MIN))]
    pub stop_after_errors: NonZeroU64,

    /// Whether rows that are probably stored, but not confirmed, hold done back
    #[arg(long, value_enum, default_value_t = UnconfirmedName::Accept)]
    pub unconfirmed: UnconfirmedName,
}

/// What has to hold before `done`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Done")]
pub struct GuardArgs {
    /// Do not send done; remembered with the date until `done` is run for it
    #[arg(long)]
    pub no_done: bool,

    /// Form of the done request
    #[arg(long, value_enum, default_value_t = DoneFormatName::Protobuf)]
    pub done_format: DoneFormatName,

    /// Fewest rows of a date; 0 or none takes a remembered one back [default: no check]
    #[arg(long, value_name = "ROWS", value_parser = fewest_rows)]
    pub min_rows: Option<GuardChange<u64>>,

    /// Exact number of input files of a date, those with the same content counted once; none takes a remembered one back [default: no check]
    #[arg(long, value_name = "N", value_parser = files_or_none)]
    pub expect_files: Option<GuardChange<u64>>,

    /// Largest fall of the row count against the last completed date, such as 30%; none takes a remembered one back [default: no check]
    #[arg(long, value_name = "P%", value_parser = percent_or_none)]
    pub max_drop: Option<GuardChange<f64>>,

    /// File that must lie in each input directory before anything is read, such as _SUCCESS; none takes a remembered one back [default: none]
    #[arg(long, value_name = "NAME", value_parser = marker_or_none)]
    pub require_marker: Option<GuardChange<String>>,

    /// Send done for a date without any row
    #[arg(long)]
    pub allow_empty: bool,

    /// Take a remembered --allow-empty back
    #[arg(long)]
    pub no_allow_empty: bool,
}

/// How the run behaves.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub struct RunArgs {
    /// Say what would be done; send nothing, record nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Send everything again, also what was accepted; behavior rows will be stored twice
    #[arg(long)]
    pub restart: bool,

    /// Read again what is recorded as read, even when the file looks untouched
    #[arg(long)]
    pub verify: bool,

    /// Read files while they are written, for ever: as tail -F does, from their first row on
    ///
    /// For files of JSON lines and the stage `incremental_sync_streaming`. A file that is renamed is
    /// read to its end before the new one under its name is begun; of one that is copied and
    /// truncated, what was not read yet is read from the copy. A file that does not exist yet is
    /// waited for. While the server is away nothing is given up, unless --retry-for says so. The
    /// same command goes on where the last one was stopped or killed.
    #[arg(long)]
    pub follow: bool,

    /// Stop after this long, resumable [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub max_duration: Option<Duration>,

    /// How long requests in flight may take after Ctrl-C
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub grace: Duration,

    /// Confirm what a message asked to be confirmed, with the word it named [default: none]
    #[arg(long, value_name = "WORD")]
    pub yes_i_mean: Option<String>,

    /// Upload to a built-in server with a dummy identity and throw-away state, and show what it received
    #[arg(long)]
    pub sandbox: bool,
}
