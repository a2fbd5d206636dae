//! Huawei Cloud beside the upload: streams and checkpoints of DIS consumers, metadata events for `DataArts` Studio.
//!
//! Floor 3. [`Service`] asks and asks again; each of the other files is one thing that can be done with
//! it. What goes over the wire is `protocol::huawei`. Nothing here knows the platform or its `done`.

mod announce;
mod checkpoint;
mod dead_letters;
mod dispatch;
mod event_reader;
mod fault;
mod look;
mod metadata;
mod service;
mod split;
mod stream;

pub use announce::{AnnounceFault, Announced, Announcer, CompleteDate, Expected};
pub use checkpoint::{CommitFault, Committed, Wish, commit, delete, get, lock_name};
pub use dead_letters::BadGroup;
pub use event_reader::BadEvent;
pub use fault::{Cause, Fault};
pub use metadata::{Halting, MetadataSync, SyncFault, Synced};
pub use service::Service;
pub use stream::{DisConsumer, DisStream};
