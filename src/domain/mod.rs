//! Names and invariants of the product: what a target, a partition, a batch and a verdict are.
//!
//! Floor 0. Nothing here does I/O, looks at a clock, rolls dice or knows the network or the
//! terminal. Whatever is built from these types has been checked by their constructors.

mod batch;
mod date;
mod guards;
mod partition;
mod position;
mod request_id;
mod secret;
mod source;
mod stage;
mod target;
mod topic;
mod verdict;

pub use batch::{BatchSize, InvalidBatchSize, MAX_BATCH_ROWS};
pub use date::{DataDate, DateRange, InvalidDate, InvalidZone, Zone};
pub(crate) use guards::as_float;
pub use guards::{
    ErrorBudget, GuardChange, GuardChanges, Guards, InvalidErrorBudget, UnconfirmedPolicy,
};
pub use partition::{Epoch, Partition};
pub use position::Position;
pub use request_id::{BatchIdentity, Generation, RequestId, done_request_id, probe_request_id};
pub use secret::Secret;
pub use source::{FileIdentity, InputIdentity, ObjectIdentity, RawRange};
pub use stage::{InvalidStage, Stage, StageKind};
pub use target::{InvalidTarget, Target};
pub use topic::{InvalidTopic, Topic};
pub use verdict::{DateState, Judged, RowError, SetupFault, Verdict};
