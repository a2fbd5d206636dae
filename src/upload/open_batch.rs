//! The batch that is being filled.
//!
//! Rows are appended to the body as the reader gives them; nothing is allocated for a row. A batch
//! may span several small inputs of one date. Whatever is consumed from an input travels with the
//! batch made of it, so that the ledger records both in one transaction or neither.

use super::batcher::{Batcher, Halt, halt};
use super::cut::{Cut, CutKind, Message};
use super::event::Gauges;
use super::memory::Share;
use super::places::RowPlaces;
use super::spool::Spooled;
use crate::domain::{Position, RawRange};
use crate::input::{LocalReject, Next, RowReader};
use crate::ledger::{DeadLetter, InputId, Piece, RejectSource};

/// Dead letters that end a batch early, so that they stay bounded like everything else.
const MAX_REJECTS_IN_BATCH: usize = 1_000;

/// Bytes of dead letters that do the same.
const MAX_REJECT_BYTES_IN_BATCH: usize = 1 << 20;

/// Bytes of dead letters that end a batch even before its input has been judged.
const MAX_UNJUDGED_REJECT_BYTES: usize = 8 << 20;

/// Least memory that a body begins with, and by which it grows.
const LEAST_GRANT: usize = 1 << 20;

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
    /// Bytes of the body for which there is memory in the share.
    granted: usize,
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
            granted: 0,
        };
        open.renew()?;
        Ok(open)
    }

    /// Memory and limits for the next batch.
    fn renew(&mut self) -> Result<(), Halt> {
        (self.max_rows, self.max_bytes) = (self.batcher.limits)();
        // The next batch is probably as large as the last one; if not, it takes more on the way.
        let likely = self.granted.max(LEAST_GRANT).min(self.max_bytes);
        let budget = &self.batcher.budget;
        let (body, share) = budget
            .take_body_blocking(&self.batcher.runtime, likely)
            .ok_or(Halt::Closed)?;
        (self.body, self.share, self.granted) = (body, Some(share), likely);
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
    pub(super) fn next_row(&mut self, reader: &mut dyn RowReader) -> Result<Next, Halt> {
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
        self.grow()?;
        if self.rows >= self.max_rows {
            reader.accept();
            self.cut_input(reader);
            self.send()?;
        }
        Ok(next)
    }

    /// Takes memory for what the body has grown to.
    fn grow(&mut self) -> Result<(), Halt> {
        if self.body.len() <= self.granted {
            return Ok(());
        }
        self.granted = self.body.len().saturating_add(LEAST_GRANT);
        if let Some(share) = &mut self.share {
            self.batcher
                .budget
                .resize_blocking(&self.batcher.runtime, share, self.granted)
                .ok_or(Halt::Closed)?;
        }
        Ok(())
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
    pub(super) fn add_reject(
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

    pub(super) fn end_input(&mut self, reader: &mut dyn RowReader) {
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

    pub(super) fn finish(mut self) -> Result<(), Halt> {
        if self.rows > 0 || !self.chunks.is_empty() || !self.finished.is_empty() {
            self.dispatch()?;
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), Halt> {
        self.dispatch()?;
        self.renew()
    }

    /// Sends off what was read so far although the batch is not full.
    pub(super) fn flush(&mut self, reader: &mut dyn RowReader) -> Result<(), Halt> {
        self.cut_input(reader);
        self.send()
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
        let budget = &self.batcher.budget;
        let needed = body
            .len()
            .saturating_add(budget.spare().likely_compressed(body.len()))
            .saturating_add(places.memory_bytes());
        budget
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
            spare: self.batcher.budget.spare().clone(),
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
