//! What the ledger knows, as types: targets, dates, inputs and unfinished batches.

use super::gate::{Gate, RowCounts};
use super::id::{BatchId, InputId, PartitionId};
use crate::domain::{
    BatchIdentity, DataDate, Epoch, Generation, Guards, InputIdentity, Partition, Target,
};
use std::collections::BTreeSet;

/// Where an input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputKind {
    /// A file on this machine.
    File,
    /// An object of a remote store.
    Object,
    /// Standard input, spooled.
    Stdin,
    /// A file that was read while it grew, spooled: it may have another name by now.
    Followed,
    /// A partition of a DIS stream with its consumer, spooled.
    Dis,
}

impl InputKind {
    /// The word in the ledger.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Object => "object",
            Self::Stdin => "stdin",
            Self::Followed => "followed",
            Self::Dis => "dis",
        }
    }

    /// Whether it can be read again from where it was.
    pub const fn is_stored(self) -> bool {
        matches!(self, Self::File | Self::Object)
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        let all = [
            Self::File,
            Self::Object,
            Self::Stdin,
            Self::Followed,
            Self::Dis,
        ];
        all.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A target's row.
#[derive(Debug, Clone)]
pub struct KnownTarget {
    /// Its number.
    pub id: i64,
    /// As the ledger spells it.
    pub target: Target,
    /// Its hosts.
    pub hosts: Vec<String>,
}

/// A partition's row.
#[derive(Debug, Clone)]
pub struct KnownPartition {
    /// Its number.
    pub id: PartitionId,
    /// Which it is.
    pub partition: Partition,
    /// Its epoch.
    pub epoch: Epoch,
    /// State of its gate.
    pub gate: Gate,
    /// Whether `done` is held back.
    pub held_back: bool,
    /// Its guards.
    pub guards: Guards,
    /// Generation of the `done` request.
    pub done_generation: Generation,
    /// Whether an attempt of `done` has an unknown outcome.
    pub done_unknown: bool,
    /// When `done` was acknowledged, seconds since 1970.
    pub done_at: Option<i64>,
    /// Row counts at the time of sealing.
    pub totals: Option<RowCounts>,
}

/// An input's row.
#[derive(Debug, Clone)]
pub struct KnownInput {
    /// Its number.
    pub id: InputId,
    /// Where it comes from.
    pub kind: InputKind,
    /// Path or stream name.
    pub name: String,
    /// What the file system or the store said when it was read.
    pub identity: Option<InputIdentity>,
    /// Digest of the options that change rows.
    pub row_options: u128,
    /// Digest of how its rows say their dates; `None` when all of them are of one date.
    pub date_options: Option<u128>,
    /// The days that were named for its rows, once a plan has found that it may go on with these
    /// whatever days are named now.
    pub read_for: Option<BTreeSet<DataDate>>,
    /// How its bytes became the stream that was recorded, as a JSON object; `None` for inputs of
    /// earlier versions.
    pub read_options: Option<String>,
    /// Whether it was read to its end.
    pub read_to_end: bool,
    /// Whether batches of it are not settled.
    pub unsettled: bool,
    /// Whether it was compared with what was recorded.
    pub verified: bool,
}

impl KnownInput {
    /// Whether nothing is left to do for it.
    pub const fn is_finished(&self) -> bool {
        self.read_to_end && !self.unsettled && self.verified
    }
}

/// Column `unknown`: an attempt has an unknown outcome.
pub(super) const UNKNOWN: u8 = 1;

/// Column `unknown`: an answer said that not all of it may be stored, and what is not recorded.
pub(super) const REFUSAL_SEEN: u8 = 2;

/// A batch that was intended and is not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntendedBatch {
    /// Its number.
    pub id: BatchId,
    /// Its generation.
    pub generation: Generation,
    /// Whether an attempt has an unknown outcome.
    pub unknown: bool,
    /// Whether an answer said that not all of it may be stored, and what is not recorded.
    pub refusal_seen: bool,
    /// Its rows.
    pub rows: u32,
    /// Digest of its uncompressed body.
    pub digest: u128,
    /// Where its rows come from, in order.
    pub pieces: Vec<Piece>,
    /// The batch of which these are the rows that were not given up: it is sent under the id of that
    /// one, and the digest is that of its body.
    pub whole: Option<BatchIdentity>,
}

/// Rows of one input in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The input.
    pub input: InputId,
    /// Ordinal of the first record.
    pub first_record: u64,
    /// Ordinal of the last record.
    pub last_record: u64,
    /// Rows among them that belong to the batch.
    pub rows: u32,
}
