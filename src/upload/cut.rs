//! What the reading thread hands over.

use super::intake::Intake;
use super::memory::{Share, SpareBodies};
use super::places::RowPlaces;
use super::report::Status;
use crate::domain::{BatchIdentity, Generation, RawRange};
use crate::ledger::{BatchId, DeadLetter, InputId, IntendedBatch, Piece};
use std::ops::Range;

/// A batch in plain JSON, with everything that was consumed to make it.
pub(super) struct Cut {
    /// Index of the date in the run.
    pub(super) partition: usize,
    /// New, or intended earlier.
    pub(super) kind: CutKind,
    /// Where the rows come from; empty when there is no valid row.
    pub(super) pieces: Vec<Piece>,
    /// Rows in the body.
    pub(super) rows: u32,
    /// A JSON array.
    pub(super) body: Vec<u8>,
    /// Where each row comes from.
    pub(super) places: RowPlaces,
    /// Bytes of the sources (as stored) consumed since the last cut.
    pub(super) source_bytes: u64,
    /// The source cannot be read twice: the body lies, or has to lie, in the spool.
    pub(super) spooled: bool,
    /// Memory that the buffers take.
    pub(super) share: Share,
    /// Where the body's buffer goes when it is not needed any more.
    pub(super) spare: SpareBodies,
}

/// Batches of several dates in plain JSON, with everything that was consumed to make them.
pub(super) struct Round {
    /// The rows of all dates, in the order in which they were read.
    pub(super) rows: Vec<u8>,
    /// The batches.
    pub(super) parts: Vec<RoundPart>,
    /// What was consumed.
    pub(super) intake: Intake,
    /// Index of the date with which each dead letter of it lies.
    pub(super) homes: Vec<usize>,
    /// The source cannot be read twice.
    pub(super) spooled: bool,
    /// Memory that the buffers take.
    pub(super) share: Share,
    /// Where the buffer of the rows goes when it is not needed any more.
    pub(super) spare: SpareBodies,
}

/// One batch of a round.
pub(super) struct RoundPart {
    /// Index of the date in the run.
    pub(super) partition: usize,
    /// Set when an earlier run intended it.
    pub(super) redo: Option<IntendedBatch>,
    /// Where the rows come from.
    pub(super) pieces: Vec<Piece>,
    /// Where its rows are in those of the round.
    pub(super) rows: Vec<Range<usize>>,
    /// Bytes of its body: the rows, commas and brackets.
    pub(super) bytes: usize,
    /// Where each row comes from.
    pub(super) places: RowPlaces,
    /// Bytes of the sources (as stored) that count as settled with a batch that is sent again; of a new
    /// one they are not known before the round ends.
    pub(super) source_bytes: u64,
}

/// Whether the ledger has to hear of a cut, or told us of it.
pub(super) enum CutKind {
    /// Not in the ledger yet.
    Fresh {
        /// Stretches of the inputs, with the invalid records in each.
        chunks: Vec<(InputId, RawRange, u64)>,
        /// Rows that are not sent.
        rejects: Vec<DeadLetter>,
        /// Inputs that end here.
        finished: Vec<InputId>,
    },
    /// Intended by an earlier run, to be sent as it was.
    Redo {
        /// Its number.
        id: BatchId,
        /// Its generation.
        generation: Generation,
        /// Whether an attempt has an unknown outcome.
        unknown: bool,
        /// Whether the platform said that rows of it were refused, and which is not recorded.
        refusal_seen: bool,
        /// What the digest of the body has to be.
        digest: u128,
        /// The batch under whose id these rows are sent, when others of it were given up.
        whole: Option<BatchIdentity>,
    },
}

/// From the reading thread to the engine.
pub(super) enum Message {
    /// A batch.
    Cut(Box<Cut>),
    /// A stretch with batches of several dates.
    Round(Box<Round>),
    /// What is followed is on record.
    Begun,
    /// All inputs of a date are read to their ends.
    PartitionRead(usize),
    /// A date cannot be read to its end.
    PartitionFailed {
        /// Index of the date in the run.
        partition: usize,
        /// What that means for the exit status.
        status: Status,
        /// For people.
        problem: String,
    },
    /// Something to notice.
    Warning(String),
}
