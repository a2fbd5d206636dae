//! Streams in partitions whose records are numbered, as whoever reads them sees them.
//!
//! Which service keeps the stream, and how it is asked, is [`RecordStream`]'s business; whoever reads
//! says from where and how far it came. Numbers grow within a partition, one by one. Nothing here does
//! anything.

use super::RecordForm;
use bytes::Bytes;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// An answer that takes its time.
pub type StreamAnswer<T> = Pin<Box<dyn Future<Output = Result<T, StreamFault>> + Send>>;

/// A record as the service keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRecord {
    /// Its number in the partition.
    pub number: u64,
    /// What the producer wrote: one row or more.
    pub data: Bytes,
}

/// What one look into a partition brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Records in order; there may be none yet.
    pub records: Vec<StreamRecord>,
    /// Whether nothing follows, now or later.
    pub ended: bool,
}

/// A partition of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPartition {
    /// As the service names it.
    pub name: String,
    /// The partitions that it was split off or merged from: their records come before its own.
    pub parents: Vec<String>,
    /// Numbers of its oldest and its newest record, as far as the service tells. Whether the newest one
    /// is there or still to come is not documented.
    pub range: Option<(u64, u64)>,
}

/// The partitions of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// All that can be read.
    pub partitions: Vec<StreamPartition>,
    /// When that was, by the clock of the service, milliseconds since 1970.
    pub at: i64,
    /// What the stream says of its records.
    pub form: RecordForm,
}

/// Where reading a partition begins or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamPlace {
    /// At the oldest record that is kept.
    Oldest,
    /// At the first record that was written then or later, milliseconds since 1970.
    Time(i64),
    /// At the record of this number.
    At(u64),
    /// Behind the record of this number.
    After(u64),
}

impl StreamPlace {
    /// The number of the record that is wanted next, where that is known.
    pub const fn next_number(self) -> Option<u64> {
        match self {
            Self::Oldest | Self::Time(_) => None,
            Self::At(number) => Some(number),
            Self::After(number) => Some(number.saturating_add(1)),
        }
    }
}

/// What became of a checkpoint that was to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointState {
    /// It is where it was wanted.
    Committed,
    /// It is at this number already, which is further; it stays.
    Further(u64),
}

/// What kind of trouble a stream has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamTrouble {
    /// Another try may help.
    Temporary,
    /// The credentials, or their rights.
    Unauthorized,
    /// The service says no.
    Refused,
}

/// Why a stream did not give what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// What is wanted is not kept any more, or not there yet.
    #[error("no record of the partition has the number that is to be read next")]
    OutOfRange {
        /// Number of the oldest record that is kept; `None` when there is none.
        oldest: Option<u64>,
    },
    /// The partition is gone.
    #[error("the partition is not kept any more")]
    Gone,
    /// Everything else, in words.
    #[error("{1}")]
    Other(StreamTrouble, String),
}

/// Keeps others on this machine from reading the same stream as the same consumer, for as long as it is held.
pub type StreamHold = Box<dyn Send>;

/// A stream.
pub trait RecordStream: Debug + Send + Sync {
    /// By which people and the ledger know the stream and its consumer.
    fn name(&self) -> &str;

    /// Why the service was last asked again, for whoever waits for an answer.
    fn trouble(&self) -> Option<String>;

    /// Takes the stream for this process; `None` when another one has it.
    fn hold(&self) -> Result<Option<StreamHold>, StreamFault>;

    /// Its partitions.
    fn partitions(self: Arc<Self>) -> StreamAnswer<Listing>;

    /// How far the consumer has come in a partition: the number of the last record that was dealt with.
    fn checkpoint(self: Arc<Self>, partition: String) -> StreamAnswer<Option<u64>>;

    /// Looks for records of a partition, about so many bytes of them.
    fn fetch(
        self: Arc<Self>,
        partition: String,
        place: StreamPlace,
        bytes: usize,
    ) -> StreamAnswer<Fetched>;

    /// Notes that all records up to a number are dealt with. Never goes back. Out of range is a number whose
    /// record the service has deleted.
    fn commit(self: Arc<Self>, partition: String, number: u64) -> StreamAnswer<CheckpointState>;
}
