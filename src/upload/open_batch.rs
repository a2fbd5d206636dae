//! The batch that is being filled.
//!
//! Rows are appended to the body as the reader gives them; nothing is allocated for a row. A batch
//! may span several small inputs of one date. Whatever is consumed from an input travels with the
//! batch made of it, so that the ledger records both in one transaction or neither.

use super::batcher::{Batcher, Gathering, Halt, halt};
use super::cut::{Cut, CutKind, Message};
use super::intake::Reading;
use super::memory::Share;
use super::places::RowPlaces;
use super::spool::Spooled;
use crate::domain::{Position, RawRange};
use crate::input::{LocalReject, Next, RowReader};
use crate::ledger::{Blocks, InputId, Piece};
use std::time::Instant;

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
    reading: Reading,
    share: Option<Share>,
    max_rows: u32,
    max_bytes: usize,
    /// Rows of the size of the last batch's that would be as many bytes as a batch may have.
    fitting: Option<u32>,
    /// Bytes of the body for which there is memory in the share.
    granted: usize,
    /// When it leaves at the latest, once something is in it and its rows wait for others.
    due: Option<Instant>,
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
            reading: Reading::default(),
            share: None,
            max_rows: 0,
            max_bytes: 0,
            fitting: None,
            granted: 0,
            due: None,
        };
        open.renew()?;
        Ok(open)
    }

    /// Memory and limits for the next batch.
    fn renew(&mut self) -> Result<(), Halt> {
        self.due = None;
        (self.max_rows, self.max_bytes) = (self.batcher.limits)(self.fitting);
        // The next batch is probably as large as the last one; if not, it takes more on the way.
        let likely = self.granted.max(LEAST_GRANT).min(self.max_bytes);
        let budget = &self.batcher.budget;
        let (body, share) = self
            .batcher
            .waiting(|| budget.take_body_blocking(&self.batcher.runtime, likely))
            .ok_or(Halt::Closed)?;
        (self.body, self.share, self.granted) = (body, Some(share), likely);
        self.body.push(b'[');
        Ok(())
    }

    /// Takes memory for what the body has grown to.
    fn grow(&mut self) -> Result<(), Halt> {
        if self.body.len() <= self.granted {
            return Ok(());
        }
        self.granted = self.body.len().saturating_add(LEAST_GRANT);
        if let Some(share) = &mut self.share {
            let (budget, runtime) = (&self.batcher.budget, &self.batcher.runtime);
            self.batcher
                .waiting(|| budget.resize_blocking(runtime, share, self.granted))
                .ok_or(Halt::Closed)?;
        }
        Ok(())
    }

    pub(super) fn add_row(&mut self, position: Position) {
        self.begin_to_wait();
        match self.pieces.last_mut() {
            Some(piece) if piece.input == self.reading.input => {
                piece.last_record = position.ordinal;
                piece.rows = piece.rows.saturating_add(1);
            }
            _ => self.pieces.push(Piece {
                input: self.reading.input,
                first_record: position.ordinal,
                last_record: position.ordinal,
                rows: 1,
            }),
        }
        let piece = u32::try_from(self.pieces.len().saturating_sub(1)).unwrap_or(u32::MAX);
        self.places.push(piece, position);
        self.rows = self.rows.saturating_add(1);
    }

    fn begin_to_wait(&mut self) {
        if let (None, Some(linger)) = (self.due, self.batcher.linger) {
            self.due = Instant::now().checked_add(linger);
        }
    }

    /// Whether it has waited for long enough.
    pub(super) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| Instant::now() >= due)
    }

    /// The last stretch of its input that left with a batch.
    pub(super) const fn last(&self) -> Option<RawRange> {
        self.reading.last()
    }

    /// Gives the memory of an empty batch back.
    pub(super) fn give_back(self) {
        if let Some(share) = self.share {
            self.batcher.budget.spare().put(self.body, share);
        }
    }

    /// Takes what was consumed of the current input into the batch.
    pub(super) fn cut_input(&mut self, reader: &mut dyn RowReader) {
        self.reading.cut(reader, &self.batcher.gauges);
    }

    pub(super) fn finish(mut self) -> Result<(), Halt> {
        if self.rows > 0 || !self.reading.is_empty() {
            self.dispatch()?;
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), Halt> {
        self.dispatch()?;
        self.renew()
    }

    fn dispatch(&mut self) -> Result<(), Halt> {
        let intake = self.reading.take();
        self.hand_over(
            CutKind::Fresh {
                chunks: intake.chunks,
                rejects: intake.rejects,
                finished: intake.finished,
            },
            intake.source_bytes,
        )
    }

    /// Sends off a batch that the ledger knows already; so many bytes as stored count as settled with
    /// it.
    pub(super) fn dispatch_as(&mut self, kind: CutKind, source_bytes: u64) -> Result<(), Halt> {
        self.hand_over(kind, source_bytes)
    }

    /// Closes the body and hands everything over.
    fn hand_over(&mut self, kind: CutKind, source_bytes: u64) -> Result<(), Halt> {
        self.body.push(b']');
        self.fitting = fitting(self.rows, self.body.len(), self.max_bytes);
        if self.is_stopped() {
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
        self.batcher
            .waiting(|| budget.resize_blocking(&self.batcher.runtime, &mut share, needed))
            .ok_or(Halt::Closed)?;
        let cut = Cut {
            partition: self.partition,
            kind,
            pieces: std::mem::take(&mut self.pieces),
            rows: std::mem::take(&mut self.rows),
            body,
            places,
            source_bytes,
            spooled: self.reading.spooled,
            share,
            spare: self.batcher.budget.spare().clone(),
        };
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
        self.reading.spooled = true;
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
            Next::NothingYet | Next::End => {
                self.body.truncate(before);
                Ok(None)
            }
        }
    }
}

/// How many rows would be `max_bytes` if so many rows are so many bytes.
fn fitting(rows: u32, bytes: usize, max_bytes: usize) -> Option<u32> {
    let rows = usize::try_from(rows).ok().filter(|rows| *rows > 0)?;
    let most = max_bytes.saturating_mul(rows).checked_div(bytes)?;
    Some(u32::try_from(most.max(1)).unwrap_or(u32::MAX))
}

impl Gathering for OpenBatch<'_> {
    fn begin_input(&mut self, input: InputId, spooled: bool, consumed: u64) {
        self.reading.begin(input, spooled, consumed);
    }

    fn next_row(&mut self, reader: &mut dyn RowReader) -> Result<Next, Halt> {
        let before = self.body.len();
        if self.rows > 0 {
            self.body.push(b',');
        }
        let start = self.body.len();
        let next = match reader.next(&mut self.body) {
            Ok(next) => next,
            Err(error) => {
                self.body.truncate(before);
                if error.is_cut_off() {
                    self.flush(reader)?;
                }
                return Err(halt(&error));
            }
        };
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

    fn add_reject(
        &mut self,
        reader: &mut dyn RowReader,
        reject: LocalReject,
        judged: bool,
    ) -> Result<(), Halt> {
        self.begin_to_wait();
        self.reading.reject(reject, Blocks::Date);
        if self.reading.has_many_rejects(judged) {
            self.cut_input(reader);
            self.send()?;
        }
        Ok(())
    }

    fn end_input(&mut self, reader: &mut dyn RowReader) {
        self.cut_input(reader);
        self.reading.end();
    }

    fn flush_if_due(&mut self, reader: &mut dyn RowReader) -> Result<(), Halt> {
        if self.is_due() {
            self.flush(reader)?;
        }
        Ok(())
    }

    /// Whether there is nothing in it that the ledger would have to hear of soon.
    fn is_empty(&self) -> bool {
        self.rows == 0 && !self.reading.has_rejects()
    }

    fn is_stopped(&self) -> bool {
        (self.batcher.is_stopped)(self.partition)
    }

    fn flush(&mut self, reader: &mut dyn RowReader) -> Result<(), Halt> {
        if self.is_empty() {
            return Ok(());
        }
        reader.accept();
        self.cut_input(reader);
        self.send()
    }
}
