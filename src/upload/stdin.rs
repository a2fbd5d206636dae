//! Standard input as an input: known by the name given to it, or by its first 64 KiB.
//!
//! A live one is read as its rows come and not waited for. It cannot be read twice, so its bodies are spooled; and when it is piped in again, what the
//! ledger has of it is compared while it is passed over.

use super::plan::{PlannedInput, PlannedPlace};
use crate::domain::{RawRange, StageKind};
use crate::input::{
    InputError, InputSettings, Next, RowReader, Start, fingerprint_live, fingerprint_stdin,
    open_pipe, open_stream,
};
use crate::ledger::{InputKind, KnownInput, LedgerError, LedgerReader};
use std::io::Read;
use std::time::Duration;

/// A stream that is about to be read.
pub struct StdinInput {
    name: String,
    stream: Box<dyn Read + Send>,
    recorded: Vec<RawRange>,
    /// Its rows are sent as they come: half a row at its end is not taken.
    live: bool,
}

impl StdinInput {
    /// Takes a stream; reads its first 64 KiB when it has no name.
    pub fn new(stream: Box<dyn Read + Send>, input_id: Option<&str>) -> Result<Self, InputError> {
        let (name, stream) = if let Some(id) = input_id {
            (format!("stdin:{id}"), stream)
        } else {
            let (digest, stream) = fingerprint_stdin(stream)?;
            (format!("stdin:{digest:032x}"), stream)
        };
        Ok(Self {
            name,
            stream,
            recorded: Vec::new(),
            live: false,
        })
    }

    /// Takes a stream whose rows are sent as they come. Without a name it is known by its first 64 KiB
    /// if these come within `patience`; a slower one could not be piped in again, and gets a name
    /// that no other has.
    pub fn live(
        stream: Box<dyn Read + Send>,
        input_id: Option<&str>,
        patience: Duration,
    ) -> Result<Self, InputError> {
        // What has a name need not be recognised.
        let patience = input_id.map_or(patience, |_| Duration::ZERO);
        let (digest, stream) = fingerprint_live(stream, patience)?;
        let name = match (input_id, digest) {
            (Some(id), _) => format!("stdin:{id}"),
            (None, Some(digest)) => format!("stdin:{digest:032x}"),
            (None, None) => format!("{LIVE}{:032x}", rand::random::<u128>()),
        };
        Ok(Self {
            name,
            stream,
            recorded: Vec::new(),
            live: true,
        })
    }

    /// Its name in the ledger.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Remembers what the ledger has of it.
    pub(super) fn resuming(self, recorded: Vec<RawRange>) -> Self {
        Self { recorded, ..self }
    }

    /// Opens it after what was recorded, comparing that on the way.
    pub(super) fn open(self, settings: &InputSettings) -> Result<Box<dyn RowReader>, InputError> {
        let open = if self.live { open_pipe } else { open_stream };
        open(self.stream, &self.name, settings, &self.recorded)
    }
}

/// How the names of streams begin that nobody named and that cannot come again.
const LIVE: &str = "stdin:live-";

/// What is left of other streams of earlier runs: batches that nobody else may come to send. Whatever is
/// piped in now, theirs were taken from a pipe that may not come again; what is still to be read of a
/// stream with a name stays open.
pub(super) fn left_in_the_spool(
    ledger: &LedgerReader,
    inputs: &[KnownInput],
    piped_in: &str,
    stage: StageKind,
) -> Result<Vec<PlannedInput>, LedgerError> {
    let mut left = Vec::new();
    for input in inputs {
        let is_live = input.name.starts_with(LIVE);
        let is_meant = is_live || (!stage.is_offline() && input.name != piped_in);
        let is_left = input.kind == InputKind::Stdin && input.unsettled;
        if !is_left || !is_meant || ledger.is_held(input.id)? {
            continue;
        }
        left.push(PlannedInput {
            name: input.name.clone(),
            place: PlannedPlace::Spool,
            known: Some(input.id),
            resume: Start::BEGINNING,
            read_to_end: is_live || input.read_to_end,
            finished: false,
            unverified: Vec::new(),
            torn_end: None,
        });
    }
    Ok(left)
}

/// Whether a stream has more rows than were recorded of it.
pub(super) fn rest_after(
    input: StdinInput,
    settings: &InputSettings,
    recorded: Vec<RawRange>,
) -> Result<bool, InputError> {
    let mut reader = input.resuming(recorded).open(settings)?;
    let next = reader.next(&mut Vec::new())?;
    Ok(!matches!(next, Next::End))
}
