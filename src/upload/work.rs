//! What is left to read, as the plan hands it to the reading thread.

use crate::input::{InputError, RowReader, Start};
use crate::ledger::{InputId, IntendedBatch, PartitionId};
use crate::domain::RawRange;
use std::collections::HashMap;
use std::path::PathBuf;

/// One date's worth of reading.
pub(super) struct Work {
    /// Index of the date in the run.
    pub(super) partition: usize,
    /// The same in the ledger.
    pub(super) partition_id: PartitionId,
    /// Batches that earlier runs intended and did not settle, in the order of their inputs.
    pub(super) intended: Vec<IntendedBatch>,
    /// What the intended batches are read from: every input that they touch.
    pub(super) sources: HashMap<InputId, Source>,
    /// Inputs in order.
    pub(super) inputs: Vec<InputWork>,
}

/// An input with what the ledger recorded of it.
pub(super) struct Source {
    /// Path, or the name of a stream.
    pub(super) name: String,
    /// `None` for what cannot be read twice: its batches lie in the spool.
    pub(super) path: Option<PathBuf>,
    /// Stretches recorded, in order.
    pub(super) chunks: Vec<RawRange>,
}

/// An input to read from where the ledger stopped.
pub(super) struct InputWork {
    /// Its number.
    pub(super) id: InputId,
    /// For people.
    pub(super) name: String,
    /// Where it is.
    pub(super) place: Place,
    /// Where to go on.
    pub(super) resume: Start,
    /// Whether nothing new is to be read.
    pub(super) read_to_end: bool,
}

/// Opens a stream and passes over what the ledger has of it.
pub(super) type OpenStream = Box<dyn FnOnce(Start) -> Result<Box<dyn RowReader>, InputError> + Send>;

/// Where an input is.
pub(super) enum Place {
    /// A file, which can be read again.
    File(PathBuf),
    /// Standard input, which cannot.
    Stream(OpenStream),
}
