//! The options of `checkpoint`, and those of every command that asks Huawei's services.

use super::write::RetryArgs;
use crate::cli::value::{Endpoint, duration, endpoint};
use crate::domain::ErrorBudget;
use crate::protocol::huawei::{
    AppName, CheckpointMetadata, Engine, InstanceId, PartitionId, ProjectId, RegionId,
    SequenceNumber, StreamName,
};
use clap::{Args, Subcommand, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

const SECRETS: &str = "\
Credentials come from the environment: HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK
(with temporary keys also HUAWEICLOUD_SDK_SECURITY_TOKEN), or CLOUD_SDK_AK and
CLOUD_SDK_SK, or an IAM token in HUAWEICLOUD_SDK_TOKEN, which counts when no
access key is set. Each of the first and last also as ..._FILE naming a file.";

const COMMIT_HELP: &str = "\
The checkpoint is looked at first. When it is there already nothing is sent;
when it is further, nothing is committed and the status is 6, unless
--allow-rewind. Running the same command again is always safe.

";

// Clap does not wrap a usage.
const USAGE_OF_COMMIT: &str = "byteair-sync checkpoint commit --stream <STREAM> --app <APP>
       --partition <PARTITION> --sequence <N> [OPTIONS]";
const USAGE_OF_GET: &str = "byteair-sync checkpoint get --stream <STREAM> --app <APP>
       --partition <PARTITION> [OPTIONS]";
const USAGE_OF_DELETE: &str = "byteair-sync checkpoint delete --stream <STREAM> --app <APP>
       --partition <PARTITION> [OPTIONS]";

const COMMIT_EXAMPLE: &str = "\n
Example:
  byteair-sync checkpoint commit --stream orders --app uploader \\
      --partition 0 --sequence 41";

const GET_EXAMPLE: &str = "\n
Example:
  byteair-sync checkpoint get --stream orders --app uploader \\
      --partition 0";

const DELETE_EXAMPLE: &str = "\n
Example:
  byteair-sync checkpoint delete --stream orders --app uploader \\
      --partition 0";

const SYNC_EXAMPLE: &str = "\n
Example:
  byteair-sync metadata sync --engine MRS --engine-version 3.1.2 \\
      --instance-id i-1 events.jsonl";

/// Where one of Huawei's services is, and whose project it is about.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Huawei Cloud")]
pub struct HuaweiPlaceArgs {
    /// Project id, from My Credentials in the console [default: none, must be given]
    #[arg(long, value_name = "ID")]
    pub project_id: Option<ProjectId>,

    /// Region, such as cn-north-4; it says which host is asked [default: none; this or --endpoint must be given]
    #[arg(long, value_name = "REGION")]
    pub huawei_region: Option<RegionId>,

    /// Host to ask, instead of --huawei-region; http only to this machine unless --allow-plain-http [default: that of the region]
    #[arg(long, value_name = "URL", value_parser = endpoint)]
    pub endpoint: Option<Endpoint>,
}

/// How one of Huawei's services is asked.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Huawei Cloud")]
pub struct HuaweiArgs {
    /// Where it is.
    #[command(flatten)]
    pub place: HuaweiPlaceArgs,

    /// How often and how long.
    #[command(flatten)]
    pub retry: RetryArgs,
}

impl HuaweiArgs {
    /// Where the service is, and how often and how long it is asked.
    pub const fn parts(&self) -> (&HuaweiPlaceArgs, &RetryArgs) {
        (&self.place, &self.retry)
    }
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

    /// Free text of at most 1,000 characters that goes with it [default: none]
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
    #[command(override_usage = USAGE_OF_COMMIT, after_long_help = format!("{COMMIT_HELP}{SECRETS}{COMMIT_EXAMPLE}"))]
    Commit(Box<CommitArgs>),
    /// Print the checkpoint; status 8 when there is none
    #[command(override_usage = USAGE_OF_GET, after_long_help = format!("{SECRETS}{GET_EXAMPLE}"))]
    Get(Box<ConsumerArgs>),
    /// Remove the checkpoint of one partition
    #[command(override_usage = USAGE_OF_DELETE, after_long_help = format!("{SECRETS}{DELETE_EXAMPLE}"))]
    Delete(Box<ConsumerArgs>),
}

const SYNC_HELP: &str = "\
Each line is an event with exactly these fields, and one of the 31 types that
the service knows:
  {\"event_ts\": 1700000000000, \"event_type\": \"CreateTableEvent\",
   \"event_message\": {\"table\": {\"tableName\": \"t1\"}}}
Events are sent in the order of files and lines, in requests of at most 12 MB,
one after the other. Bad ones become dead letters (status 3, unless --max-errors
allows for them); the others go on. Running the same command again goes on where
it was, and sends what was appended. The service cannot recognise a repetition:
a batch of unknown outcome is sent again and may be applied twice, and the
command says so.

";

/// Options of `metadata sync`.
#[derive(Debug, Clone, Args)]
pub struct SyncArgs {
    /// Files of events, one JSON object a line; may be compressed
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,

    /// Whose metadata it is: MRS, DWS or DLI
    #[arg(long, value_name = "ENGINE")]
    pub engine: Engine,

    /// Version of the engine, such as 3.1.2 [default: none]
    #[arg(long, value_name = "VERSION")]
    pub engine_version: Option<String>,

    /// Id of the cluster; needed for MRS and DWS [default: none]
    #[arg(long, value_name = "ID")]
    pub instance_id: Option<InstanceId>,

    /// Most events of one request
    #[arg(long, value_name = "EVENTS", default_value = "1000")]
    pub batch_events: NonZeroUsize,

    /// Rejected events that a file may have without status 3: a number, or a share such as 0.1%
    #[arg(long, value_name = "N|P%", default_value = "0")]
    pub max_errors: ErrorBudget,

    /// How long a request in flight may take after Ctrl-C
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub grace: Duration,

    /// Send all events again, also those that were sent before
    #[arg(long)]
    pub restart: bool,

    /// Where the service is.
    #[command(flatten)]
    pub huawei: HuaweiArgs,
}

/// Commands about metadata.
#[derive(Debug, Subcommand)]
pub enum MetadataCommand {
    /// Send events from files, checked, in order, resumable
    #[command(after_long_help = format!("{SYNC_HELP}{SECRETS}{SYNC_EXAMPLE}"))]
    Sync(Box<SyncArgs>),
}
