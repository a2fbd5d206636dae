//! The options of `checkpoint`, and those of every command that asks Huawei's services.

use super::write::RetryArgs;
use crate::cli::value::{Endpoint, endpoint};
use crate::protocol::huawei::{
    AppName, CheckpointMetadata, PartitionId, ProjectId, RegionId, SequenceNumber, StreamName,
};
use clap::{Args, Subcommand, ValueEnum};

const SECRETS: &str = "\
Credentials come from the environment: HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK (with temporary keys also
HUAWEICLOUD_SDK_SECURITY_TOKEN), or CLOUD_SDK_AK and CLOUD_SDK_SK, or an IAM token in HUAWEICLOUD_SDK_TOKEN,
which counts when no access key is set. Each of the first and last also as ..._FILE naming a file.";

const COMMIT_HELP: &str = "\
The checkpoint is looked at first. When it is there already nothing is sent; when it is further, nothing is
committed and the status is 6, unless --allow-rewind. Running the same command again is always safe.
";

/// Where one of Huawei's services is, and whose project it is about.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Huawei Cloud")]
pub struct HuaweiArgs {
    /// Project id, from My Credentials in the console
    #[arg(long, value_name = "ID")]
    pub project_id: Option<ProjectId>,

    /// Region, such as cn-north-4; it says which host is asked
    #[arg(long, value_name = "REGION")]
    pub huawei_region: Option<RegionId>,

    /// Host to ask, instead of --huawei-region; http only to this machine unless --allow-plain-http
    #[arg(long, value_name = "URL", value_parser = endpoint)]
    pub endpoint: Option<Endpoint>,

    /// How often and how long.
    #[command(flatten)]
    pub retry: RetryArgs,
}

/// Whose checkpoint.
#[derive(Debug, Clone, Args)]
pub struct ConsumerArgs {
    /// Stream
    #[arg(long, value_name = "STREAM")]
    pub stream: StreamName,

    /// App: the consumer's name
    #[arg(long, value_name = "APP")]
    pub app: AppName,

    /// Partition of the stream: 0 and shardId-0000000000 are the same
    #[arg(long, value_name = "PARTITION")]
    pub partition: PartitionId,

    /// Type of checkpoint
    #[arg(id = "type", long = "type", value_enum, value_name = "TYPE", default_value_t = CheckpointType::LastRead)]
    pub checkpoint_type: CheckpointType,

    /// Where the stream is.
    #[command(flatten)]
    pub huawei: HuaweiArgs,
}

/// `--type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckpointType {
    /// The service keeps the number of the last record that was read.
    #[value(name = "LAST_READ")]
    LastRead,
}

/// Options of `checkpoint commit`.
#[derive(Debug, Clone, Args)]
pub struct CommitArgs {
    /// Whose.
    #[command(flatten)]
    pub consumer: ConsumerArgs,

    /// Sequence number of the last record that was dealt with
    #[arg(long, value_name = "N")]
    pub sequence: SequenceNumber,

    /// Free text of at most 1,000 characters that goes with it
    #[arg(long, value_name = "TEXT")]
    pub metadata: Option<CheckpointMetadata>,

    /// Move the checkpoint back when it is further already
    #[arg(long)]
    pub allow_rewind: bool,

    /// Create the app when there is none
    #[arg(long)]
    pub create_app: bool,
}

/// Commands about checkpoints.
#[derive(Debug, Subcommand)]
pub enum CheckpointCommand {
    /// Record that everything up to a sequence number is dealt with; never goes back by itself
    #[command(after_long_help = format!("{COMMIT_HELP}{SECRETS}"))]
    Commit(Box<CommitArgs>),
    /// Print the checkpoint; status 8 when there is none
    #[command(after_long_help = SECRETS)]
    Get(Box<ConsumerArgs>),
    /// Remove the checkpoint of one partition
    #[command(after_long_help = SECRETS)]
    Delete(Box<ConsumerArgs>),
}
