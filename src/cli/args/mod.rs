//! What can be typed: the commands, and the options that every command takes.
//!
//! These are the arguments as typed. They never leave `cli`: `settings` resolves and checks them
//! together with the profile. Environment variables are not declared here one by one; `command`
//! derives `BYTEAIR_<FLAG>` for every long option, so that none can be forgotten.

mod command;
mod connection;
mod dis;
mod doctor;
mod done;
mod global;
mod huawei;
mod ledger;
mod names;
mod part;
mod quota;
mod rejects;
mod rules;
mod run;
mod sandbox;
mod status;
mod stores;
mod validate;
mod write;
mod write_examples;

pub use command::{SAFEGUARDS, command, environment_name};
pub use connection::{AuthMode, GlobalArgs, LogFormat, ProgressMode, RegionName, SchemeName, When};
pub use dis::{DisArgs, OutOfRangeName};
pub use doctor::DoctorArgs;
pub use done::DoneArgs;
pub use global::{GlobalOption, global_options, is_global};
pub use huawei::{
    CheckpointCommand, CommitArgs, ConsumerArgs, HuaweiArgs, HuaweiPlaceArgs, MetadataCommand,
    SyncArgs,
};
pub use ledger::{LedgerCommand, OnePartitionArgs, RejectsCommand, SelectionArgs};
pub use names::{
    CompressionName, DoneFormatName, EmptyName, FormatName, TimestampsName, UnconfirmedName,
};
pub use part::PartArgs;
pub use quota::{QuotaCommand, QuotaServeArgs};
pub use rejects::{ExportArgs, IdRange, ReplayArgs, WaiveArgs, ids_of};
pub use rules::{RulesArgs, UnknownName};
pub use run::JobsArgs;
pub use sandbox::SandboxArgs;
pub use status::StatusArgs;
pub use validate::{InferArgs, SchemaCommand, ValidateArgs};
pub use write::{
    BatchArgs, DateSourceArgs, ErrorArgs, GuardArgs, InputArgs, RateArgs, ReadingArgs, RetryArgs,
    RunArgs, TargetArgs, WriteArgs,
};

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Exit statuses as `--help` shows them (`cli.md` section 3).
pub(super) const EXIT_STATUSES: &str = "\
Exit statuses:
    0  all that was asked is true now, also when nothing was left to do
    1  unexpected error, a bug: report it
    2  usage or configuration; nothing was sent: fix it
    3  rows were rejected beyond --max-errors; done withheld: look at the rejects
    4  input is not what it claims to be; done withheld: fix the export
    5  temporary (network, throttling, data cleaning, ...): run it again
    6  the platform refuses: the message names the action
    7  done withheld: of that date something is unfinished or held back, or the
       day is not over
    8  there was no row to send, or nothing is known: check the export
    9  the input differs from what the ledger has partly uploaded: the message
       names the ways out
   10  input not ready: run again later
   11  another run is uploading exactly this input: normal overlap
   12  credentials or clock rejected; everything resumable: rotate, or fix the
       clock
  130, 143  interrupted; state saved: run it again
Treat an unknown status as a failure.";

/// Where settings come from, as `--help` of the program and every manual page say it.
pub(super) const VARIABLES: &str = "\
Every long option can come from the environment as BYTEAIR_<OPTION>, or from a
profile in the config file (see `config init`); a flag wins over both. Options
that override a safeguard can only be typed. Secrets have no option: BYTEAIR_AK
and BYTEAIR_SK, or BYTEAIR_TOKEN, each also as ..._FILE naming a file. NO_COLOR
switches colours off.";

const EXAMPLES: &str = "\
Examples:
  Try it without an account, against a built-in server:
    byteair-sync write --sandbox -t item -s history_sync \\
      -d 2022-01-01 item.jsonl
  Upload a day, then see what is owed:
    byteair-sync write -t item -s history_sync -d 2022-01-01 item.jsonl
    byteair-sync status";

/// Bulk uploader for the data API of Volcengine's recommendation platform (ByteAir).
///
/// `write` uploads files and sends `done` for each date whose rows are all in. Running the same
/// command again resumes.
#[derive(Debug, Parser)]
#[command(
    name = "byteair-sync",
    version,
    after_long_help = format!("{VARIABLES}\n\n{EXAMPLES}"),
    subcommand_required = true,
    arg_required_else_help = true,
    propagate_version = false
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands, named as in `cli.md` section 1.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Upload rows, then send `done` for each date that is complete
    Write(Box<WriteArgs>),
    /// Send `done` for complete dates; of others say what is missing
    Done(Box<DoneArgs>),
    /// Report every error of every row, without sending any
    Validate(Box<ValidateArgs>),
    /// Show built-in schemas, propose one from data, or check a file
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// Upload the topics and days that a job file names; for cron
    Run(JobsArgs),
    /// Show what is uploaded and done, and what is owed next
    Status(StatusArgs),
    /// Look for what would keep an upload from working
    Doctor(DoctorArgs),
    /// Look at refused rows, send corrected ones, or give them up
    #[command(subcommand)]
    Rejects(RejectsCommand),
    /// Look at and tidy up the record of what was uploaded
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Commit, get or delete the checkpoint of a consumer of a Huawei DIS stream
    #[command(subcommand)]
    Checkpoint(CheckpointCommand),
    /// Tell the catalog of Huawei DataArts Studio of metadata events
    #[command(subcommand)]
    Metadata(MetadataCommand),
    /// Share this machine's quota with uploads on other machines
    #[command(subcommand)]
    Quota(QuotaCommand),
    /// Run a local ByteAir server to try things, with faults if wanted
    Sandbox(SandboxArgs),
    /// Show where settings come from, or write a first config file
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a completion script for a shell
    #[command(
        after_long_help = "Examples:\n  byteair-sync completions bash > ~/.local/share/bash-completion/completions/byteair-sync\n  byteair-sync completions zsh > ~/.zfunc/_byteair-sync\n  byteair-sync completions fish > ~/.config/fish/completions/byteair-sync.fish"
    )]
    Completions {
        /// Which shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a directory
    #[command(after_long_help = "Example:\n  byteair-sync man ~/.local/share/man/man1")]
    Man {
        /// Directory that receives one file a command; made when it does not exist
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

/// Commands about the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print each setting, its value and where it came from; secrets are masked
    #[command(after_long_help = "Example:\n  byteair-sync config show --profile default")]
    Show,
    /// Write a commented config file; never overwrites one
    #[command(after_long_help = "Example:\n  byteair-sync config init --config byteair.toml")]
    Init,
    /// Print the JSON Schema of the lines of --json, of which the file of --report is one
    #[command(after_long_help = "Example:\n  byteair-sync config schema > lines.schema.json")]
    Schema,
}
