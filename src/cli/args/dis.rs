//! The options of `write` for a DIS stream as its source.

use super::huawei::HuaweiPlaceArgs;
use crate::cli::value::stream_from;
use crate::protocol::huawei::AppName;
use crate::upload::StreamFrom;
use clap::{Args, ValueEnum};

/// How a stream is read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Huawei DIS")]
pub struct DisArgs {
    /// App that reads `dis://STREAM`: its checkpoints say how far [default: none; such a PATH needs one]
    ///
    /// A checkpoint is committed when the platform has accepted everything up to it, and never goes back.
    /// One run reads all partitions of the stream.
    #[arg(long, value_name = "APP")]
    pub dis_app: Option<AppName>,

    /// Where a partition begins that this ledger has not read yet: checkpoint, oldest, latest, or a time such as 2022-01-01T00:00:00+08:00
    ///
    /// A partition that has no checkpoint begins at its oldest record. The other words count even where
    /// there is a checkpoint, which stays where it is until it is passed. A partition that was read
    /// before goes on where that ended.
    #[arg(long, value_name = "PLACE", default_value = "checkpoint", value_parser = stream_from)]
    pub from: StreamFrom,

    /// When records to be read next were deleted by the service: fail, or go on with the oldest or latest and say how many are lost
    ///
    /// With latest, a later run goes on where the first one did that missed them, until something was
    /// read. What is kept and was written before that is not read, nor counted as lost.
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = OutOfRangeName::Fail)]
    pub out_of_range: OutOfRangeName,

    /// Create the app when there is none
    #[arg(long)]
    pub create_app: bool,

    /// End when nothing more comes, instead of waiting for it
    ///
    /// The end is where all records are read that there were when the run began, and a few looks in a row
    /// into every partition brought nothing more. Records that there are and that do not come within a
    /// minute are status 5.
    #[arg(long)]
    pub until_end: bool,

    /// Where the stream is.
    #[command(flatten)]
    pub place: HuaweiPlaceArgs,
}

impl DisArgs {
    /// Of a command that reads no stream.
    pub const fn none() -> Self {
        Self {
            dis_app: None,
            from: StreamFrom::Checkpoint,
            out_of_range: OutOfRangeName::Fail,
            create_app: false,
            until_end: false,
            place: HuaweiPlaceArgs {
                project_id: None,
                huawei_region: None,
                endpoint: None,
            },
        }
    }
}

/// `--out-of-range`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum OutOfRangeName {
    Fail,
    Oldest,
    Latest,
}
