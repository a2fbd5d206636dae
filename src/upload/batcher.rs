//! From inputs to batches, on one blocking thread.
//!
//! Rows are appended to the body as the reader gives them; nothing is allocated for a row. A batch
//! may span several small inputs of one date. Whatever is consumed from an input travels with the
//! batch made of it, so that the ledger records both in one transaction or neither.

use super::cut::{Cut, CutKind, Message};
use super::event::Gauges;
use super::memory::{Budget, Share};
use super::places::RowPlaces;
use super::report::Status;
use super::spool::Spooled;
use super::work::{InputWork, Place, Work};
use crate::domain::{Position, RawRange};
use crate::input::{InputSettings, LocalReject, Next, RowReader, open_file};
use crate::ledger::{DeadLetter, InputId, Piece, RejectSource};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Dead letters that end a batch early, so that they stay bounded like everything else.
const MAX_REJECTS_IN_BATCH: usize = 1_000;

/// Bytes of dead letters that do the same.
const MAX_REJECT_BYTES_IN_BATCH: usize = 1 << 20;

/// Bytes of dead letters that end a batch even before its input has been judged.
const MAX_UNJUDGED_REJECT_BYTES: usize = 8 << 20;

/// An input whose first so many rows are all bad is not what it claims to be.
const ALL_BAD_ROWS: u64 = 1_000;

/// Room for one row more than fits, so that bodies are not moved while they grow.
const BODY_HEADROOM: usize = 64 << 10;

/// What the reading thread works with.
pub(super) struct Batcher {
    pub(super) settings: InputSettings,
    /// Most rows and bytes of a batch at this moment; both shrink when the platform asks for less.
    pub(super) limits: Arc<dyn Fn() -> (u32, usize) + Send + Sync>,
    pub(super) budget: Budget,
    pub(super) runtime: Handle,
    pub(super) messages: mpsc::Sender<Message>,
    pub(super) gauges: Arc<Gauges>,
    /// Whether a date was stopped, so that reading on is useless.
    pub(super) is_stopped: Arc<dyn Fn(usize) -> bool + Send + Sync>,
    /// Rejected rows of the run, and how many end it.
    pub(super) rejected: Arc<AtomicU64>,
    pub(super) stop_after_errors: u64,
    pub(super) spool_dir: PathBuf,
}

/// Why reading ended early.
pub(super) enum Halt {
    /// Nobody takes batches any more.
    Closed,
    /// This date cannot be read to its end; the others can.
    Partition(Status, String),
    /// The date was stopped by an answer; who stopped it says why.
    Stopped,
    /// Too many bad rows; nothing more is read.
    TooManyErrors(String),
}

impl Batcher {
    /// Reads all work in order. Ends early when the receiver is gone.
    pub(super) fn run(&self, work: Vec<Work>) {
        for item in work {
            let partition = item.partition;
            let outcome = self.read_partition(item);
            let message = match outcome {
                Ok(()) => Message::PartitionRead(partition),
                Err(Halt::Closed) => return,
                Err(Halt::Stopped) => continue,
                Err(Halt::Partition(status, problem)) => Message::PartitionFailed {
                    partition,
                    status,
                    problem,
                },
                Err(Halt::TooManyErrors(problem)) => {
                    let _ = self.messages.blocking_send(Message::PartitionFailed {
                        partition,
                        status: Status::RowsRejected,
                        problem,
                    });
                    return;
                }
            };
            if self.messages.blocking_send(message).is_err() {
                return;
            }
        }
    }

    fn read_partition(&self, work: Work) -> Result<(), Halt> {
        super::redo::resend_intended(self, &work)?;
        let mut open = OpenBatch::new(self, work.partition)?;
        for input in work.inputs {
            self.read_input(input, &mut open)?;
        }
        open.finish()
    }

    fn read_input(&self, input: InputWork, open: &mut OpenBatch<'_>) -> Result<(), Halt> {
        if input.read_to_end {
            return Ok(());
        }
        let (id, name) = (input.id, input.name.clone());
        let (mut reader, spooled) = match input.place {
            Place::File(path) => (self.open(&path, input.resume)?, false),
            Place::Stream(open_stream) => (open_stream().map_err(|e| halt(&e))?, true),
        };
        open.begin_input(id, spooled);
        let mut progress = Progress::default();
        loop {
            match open.next_row(reader.as_mut())? {
                Next::Row { .. } => progress.good = progress.good.saturating_add(1),
                Next::Rejected(reject) => {
                    progress.bad = progress.bad.saturating_add(1);
                    if progress.good == 0
                        && progress.bad == ALL_BAD_ROWS
                        && input.resume.record == 1
                    {
                        return Err(Halt::Partition(Status::BadInput, all_bad(&name, &reject)));
                    }
                    self.count_reject(&name)?;
                    open.add_reject(reader.as_mut(), *reject, progress.good > 0)?;
                }
                Next::End => break,
            }
            for warning in reader.warnings() {
                self.tell(Message::Warning(format!(
                    "{name}:{}: {} in {} row(s), sent as they are",
                    warning.first.line,
                    warning.kind.as_str(),
                    warning.count
                )))?;
            }
        }
        open.end_input(reader.as_mut());
        Ok(())
    }

    pub(super) fn open(
        &self,
        path: &Path,
        start: crate::input::Start,
    ) -> Result<Box<dyn RowReader>, Halt> {
        open_file(path, &self.settings, start).map_err(|error| halt(&error))
    }

    fn count_reject(&self, name: &str) -> Result<(), Halt> {
        let rejected = self
            .rejected
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        if rejected > self.stop_after_errors {
            return Err(Halt::TooManyErrors(format!(
                "{name}: more than {} rejected rows (--stop-after-errors); reading stopped",
                self.stop_after_errors
            )));
        }
        Ok(())
    }

    pub(super) fn tell(&self, message: Message) -> Result<(), Halt> {
        self.messages
            .blocking_send(message)
            .map_err(|_| Halt::Closed)
    }
}

/// Rows of one input seen so far.
#[derive(Default)]
struct Progress {
    good: u64,
    bad: u64,
}

/// Turns the failure of an input into the failure of its date.
pub(super) fn halt(error: &crate::input::InputError) -> Halt {
    let status = if error.is_usage() {
        Status::Usage
    } else if error.is_changed() {
        Status::InputChanged
    } else if error.is_missing() {
        Status::Unfinished
    } else {
        Status::BadInput
    };
    Halt::Partition(status, super::explain::with_causes(error))
}

fn all_bad(name: &str, last: &LocalReject) -> String {
    let guess = match last.code.as_str() {
        "not_json" => "it does not look like JSON lines; if it is CSV, say --format csv",
        "not_object" => "its lines are JSON, but not objects",
        "not_utf8" => "its text is not UTF-8",
        "ragged" => {
            "its rows have another number of cells than its header; check --delimiter and --columns"
        }
        "too_long" => "it may have no line breaks; check the format and --max-row-bytes",
        _ => "check the format of the file",
    };
    format!(
        "{name}: the first {ALL_BAD_ROWS} rows are all bad ({}): {guess}. Nothing of this input was recorded",
        last.message
    )
}

/// The batch that is being filled.
pub(super) struct OpenBatch<'a> {
    batcher: &'a Batcher,
    partition: usize,
    body: Vec<u8>,
    rows: u32,
    pieces: Vec<Piece>,
    places: RowPlaces,
    chunks: Vec<(InputId, RawRange, u64)>,
    rejects: Vec<DeadLetter>,
    reject_bytes: usize,
    finished: Vec<InputId>,
    source_bytes: u64,
    share: Option<Share>,
    input: InputId,
    spooled: bool,
    invalid: u64,
    consumed: u64,
    max_rows: u32,
    max_bytes: usize,
}

impl<'a> OpenBatch<'a> {
    pub(super) fn new(batcher: &'a Batcher, partition: usize) -> Result<Self, Halt> {
        let mut open = Self {
            batcher,
            partition,
            body: Vec::new(),
            rows: 0,
            pieces: Vec::new(),
            places: RowPlaces::default(),
            chunks: Vec::new(),
            rejects: Vec::new(),
            reject_bytes: 0,
            finished: Vec::new(),
            source_bytes: 0,
            share: None,
            input: InputId(0),
            spooled: false,
            invalid: 0,
            consumed: 0,
            max_rows: 0,
            max_bytes: 0,
        };
        open.renew()?;
        Ok(open)
    }

    /// Memory and limits for the next batch.
    fn renew(&mut self) -> Result<(), Halt> {
        (self.max_rows, self.max_bytes) = (self.batcher.limits)();
        self.share = self
            .batcher
            .budget
            .take_blocking(&self.batcher.runtime, self.max_bytes);
        if self.share.is_none() {
            return Err(Halt::Closed);
        }
        self.body = Vec::with_capacity(self.max_bytes.saturating_add(BODY_HEADROOM));
        self.body.push(b'[');
        Ok(())
    }

    pub(super) fn begin_input(&mut self, input: InputId, spooled: bool) {
        self.input = input;
        self.spooled = spooled;
        self.invalid = 0;
        self.consumed = 0;
    }

    /// Reads the next record; a row is taken into the batch, which is sent off when it is full.
    fn next_row(&mut self, reader: &mut dyn RowReader) -> Result<Next, Halt> {
        let before = self.body.len();
        if self.rows > 0 {
            self.body.push(b',');
        }
        let start = self.body.len();
        let next = reader.next(&mut self.body).map_err(|error| halt(&error))?;
        let Next::Row { position, .. } = next else {
            self.body.truncate(before);
            return Ok(next);
        };
        // One byte more for the closing bracket.
        if self.rows > 0 && self.body.len() >= self.max_bytes {
            let row = self.body.split_off(start);
            self.body.truncate(before);
            self.cut_input(reader);
            self.send()?;
            self.body.extend_from_slice(&row);
        }
        self.add_row(position);
        if self.rows >= self.max_rows {
            reader.accept();
            self.cut_input(reader);
            self.send()?;
        }
        Ok(next)
    }

    pub(super) fn add_row(&mut self, position: Position) {
        match self.pieces.last_mut() {
            Some(piece) if piece.input == self.input => {
                piece.last_record = position.ordinal;
                piece.rows = piece.rows.saturating_add(1);
            }
            _ => self.pieces.push(Piece {
                input: self.input,
                first_record: position.ordinal,
                last_record: position.ordinal,
                rows: 1,
            }),
        }
        let piece = u32::try_from(self.pieces.len().saturating_sub(1)).unwrap_or(u32::MAX);
        self.places.push(piece, position);
        self.rows = self.rows.saturating_add(1);
    }

    /// Notes a bad row. Many of them end the batch, but not before the input has shown a good one
    /// or enough bad ones to judge it.
    fn add_reject(
        &mut self,
        reader: &mut dyn RowReader,
        reject: LocalReject,
        judged: bool,
    ) -> Result<(), Halt> {
        self.invalid = self.invalid.saturating_add(1);
        self.reject_bytes = self.reject_bytes.saturating_add(reject.raw.len());
        self.rejects.push(DeadLetter {
            input: self.input,
            position: reject.position,
            column: reject.column,
            code: reject.code.as_str().to_owned(),
            message: reject.message,
            raw: reject.raw,
            source: RejectSource::Local,
        });
        let many = self.rejects.len() >= MAX_REJECTS_IN_BATCH
            || self.reject_bytes >= MAX_REJECT_BYTES_IN_BATCH;
        if many && (judged || self.reject_bytes >= MAX_UNJUDGED_REJECT_BYTES) {
            self.cut_input(reader);
            self.send()?;
        }
        Ok(())
    }

    fn end_input(&mut self, reader: &mut dyn RowReader) {
        self.cut_input(reader);
        self.finished.push(self.input);
    }

    /// Takes what was consumed of the current input into the batch.
    fn cut_input(&mut self, reader: &mut dyn RowReader) {
        let range = reader.cut();
        if range.length > 0 {
            self.chunks.push((self.input, range, self.invalid));
        }
        self.invalid = 0;
        let consumed = reader.consumed_bytes();
        let fresh = consumed.saturating_sub(self.consumed);
        self.source_bytes = self.source_bytes.saturating_add(fresh);
        self.consumed = consumed;
        let gauges = &self.batcher.gauges;
        Gauges::add(&gauges.bytes_read, fresh);
        Gauges::add(&gauges.rows_read, range.records);
    }

    fn finish(mut self) -> Result<(), Halt> {
        if self.rows > 0 || !self.chunks.is_empty() || !self.finished.is_empty() {
            self.dispatch()?;
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), Halt> {
        self.dispatch()?;
        self.renew()
    }

    fn dispatch(&mut self) -> Result<(), Halt> {
        let kind = CutKind::Fresh {
            chunks: std::mem::take(&mut self.chunks),
            rejects: std::mem::take(&mut self.rejects),
            finished: std::mem::take(&mut self.finished),
        };
        self.dispatch_as(kind)
    }

    /// Closes the body and hands everything over.
    pub(super) fn dispatch_as(&mut self, kind: CutKind) -> Result<(), Halt> {
        self.body.push(b']');
        if (self.batcher.is_stopped)(self.partition) {
            return Err(Halt::Stopped);
        }
        let body = std::mem::take(&mut self.body);
        let places = std::mem::take(&mut self.places);
        let Some(mut share) = self.share.take() else {
            return Err(Halt::Closed);
        };
        // The body and, for a moment, its compressed form beside it.
        let needed = body
            .len()
            .saturating_mul(2)
            .saturating_add(places.memory_bytes());
        self.batcher
            .budget
            .resize_blocking(&self.batcher.runtime, &mut share, needed)
            .ok_or(Halt::Closed)?;
        let cut = Cut {
            partition: self.partition,
            kind,
            pieces: std::mem::take(&mut self.pieces),
            rows: std::mem::take(&mut self.rows),
            body,
            places,
            source_bytes: std::mem::take(&mut self.source_bytes),
            spooled: self.spooled,
            share,
        };
        self.reject_bytes = 0;
        self.batcher.tell(Message::Cut(Box::new(cut)))
    }

    /// Takes a whole body that was spooled.
    pub(super) fn take_spooled(&mut self, spooled: Spooled, piece: Piece) {
        self.body = spooled.body;
        // The closing bracket comes back when the batch is handed over.
        self.body.pop();
        self.places = spooled.places;
        self.rows = piece.rows;
        self.pieces = vec![piece];
        self.spooled = true;
    }

    /// Adds a row of an intended batch that is sent again.
    pub(super) fn add_intended_row(
        &mut self,
        reader: &mut dyn RowReader,
        wanted: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<u64>, Halt> {
        let before = self.body.len();
        if self.rows > 0 {
            self.body.push(b',');
        }
        let next = reader.next(&mut self.body).map_err(|error| halt(&error))?;
        match next {
            Next::Row { position, .. } if wanted.contains(&position.ordinal) => {
                self.add_row(position);
                Ok(Some(position.ordinal))
            }
            Next::Row { position, .. } => {
                self.body.truncate(before);
                Ok(Some(position.ordinal))
            }
            Next::Rejected(reject) => {
                self.body.truncate(before);
                Ok(Some(reject.position.ordinal))
            }
            Next::End => {
                self.body.truncate(before);
                Ok(None)
            }
        }
    }
}
