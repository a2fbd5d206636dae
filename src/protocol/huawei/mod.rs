//! Wire forms of the Huawei Cloud services that rows may come from or be told to: DIS, a stream whose
//! consumers record how far they have come, and `DataArts` Studio, a catalog of metadata.
//!
//! Facts carry their source as in `huawei.md`: V3 is the current Python SDK, JD and PD the older ones.
//! Nothing here knows the platform's own protocol.

mod call;
mod credentials;
mod events;
mod names;
mod refusal;
mod sign;
mod stream;

pub use call::{
    Checkpoint, Consumer, HUAWEI_CONTENT_TYPE, HuaweiCall, LAST_READ, UnreadableReply,
    decode_checkpoint, metadata_success,
};
pub use credentials::HuaweiCredentials;
pub use events::{
    EVENT_TYPES, Engine, EventSource, InvalidEngine, InvalidEvent, InvalidSource,
    MAX_GATEWAY_BYTES, check_event,
};
pub use names::{
    AppName, CheckpointMetadata, InstanceId, InvalidName, MAX_CHECKPOINT_METADATA, PartitionId,
    ProjectId, RegionId, SequenceNumber, StreamName,
};
pub use refusal::{Refusal, RefusalKind};
pub use sign::{CLOCK_WINDOW, HuaweiKey, HuaweiRequest, sign, verify};
pub use stream::{
    ListedPartition, ListedPartitions, Records, StreamCursor, decode_cursor, decode_partitions,
    decode_records,
};
