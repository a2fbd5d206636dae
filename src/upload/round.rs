//! The batches that are being filled when rows say their own dates: one of each date.
//!
//! A round is a stretch of the inputs with all batches that its rows make. It ends when its rows
//! take a quarter of the memory (the rest is for making bodies of the round before, and for what is
//! in flight): then all batches are sent, full or not, and the ledger records them with the stretch
//! in one transaction. With many dates mixed in one file more memory means fuller requests. Within a
//! round a batch that is full makes way for another one of its date. The rows of all dates lie in one
//! buffer, however many dates there are.

use super::batcher::{Batcher, Gathering, Halt, halt};
use super::cut::{Message, Round, RoundPart};
use super::intake::Reading;
use super::memory::Share;
use super::places::RowPlaces;
use super::report::Status;
use super::small_requests::SmallRequests;
use crate::domain::{DataDate, Position};
use crate::input::{LocalReject, Next, RejectCode, RowReader};
use crate::ledger::{Blocks, InputId, IntendedBatch, Piece};
use std::collections::BTreeMap;
use std::ops::Range;

/// Least memory that a round begins with, and by which it grows.
const GRANT: usize = 1 << 20;

/// The rows of a round, those of the next one, and one body with its compressed form.
const SHARES_OF_MEMORY: usize = 4;

/// Memory that a row takes besides its bytes: where it is, and where it is from.
const BYTES_BESIDE_ROW: usize = 48;

/// The round that is being filled.
pub(super) struct OpenRound<'a> {
    batcher: &'a Batcher,
    days: &'a BTreeMap<DataDate, usize>,
    rows: Vec<u8>,
    /// The batches that take more rows, by their dates.
    open: BTreeMap<usize, RoundPart>,
    full: Vec<RoundPart>,
    reading: Reading,
    homes: Vec<usize>,
    share: Option<Share>,
    max_rows: u32,
    max_bytes: usize,
    /// Rows in all batches.
    count: usize,
    granted: usize,
    small: SmallRequests,
}

impl RoundPart {
    /// An empty batch.
    pub(super) fn new(partition: usize, redo: Option<IntendedBatch>) -> Self {
        Self {
            partition,
            redo,
            pieces: Vec::new(),
            rows: Vec::new(),
            bytes: 2,
            places: RowPlaces::default(),
            source_bytes: 0,
        }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: Range<usize>, input: InputId, position: Position) {
        self.bytes = self.bytes_with(&row);
        match self.pieces.last_mut() {
            Some(piece) if piece.input == input => {
                piece.last_record = position.ordinal;
                piece.rows = piece.rows.saturating_add(1);
            }
            _ => self.pieces.push(Piece {
                input,
                first_record: position.ordinal,
                last_record: position.ordinal,
                rows: 1,
            }),
        }
        let piece = u32::try_from(self.pieces.len().saturating_sub(1)).unwrap_or(u32::MAX);
        self.places.push(piece, position);
        self.rows.push(row);
    }

    /// Bytes of the body with one more row.
    fn bytes_with(&self, row: &Range<usize>) -> usize {
        let comma = usize::from(!self.rows.is_empty());
        self.bytes.saturating_add(row.len()).saturating_add(comma)
    }
}

impl<'a> OpenRound<'a> {
    pub(super) fn new(
        batcher: &'a Batcher,
        days: &'a BTreeMap<DataDate, usize>,
    ) -> Result<Self, Halt> {
        let mut open = Self {
            batcher,
            days,
            rows: Vec::new(),
            open: BTreeMap::new(),
            full: Vec::new(),
            reading: Reading::default(),
            homes: Vec::new(),
            share: None,
            max_rows: 0,
            max_bytes: 0,
            count: 0,
            granted: 0,
            small: SmallRequests::default(),
        };
        open.renew()?;
        Ok(open)
    }

    /// Memory and limits for the next round.
    fn renew(&mut self) -> Result<(), Halt> {
        (self.max_rows, self.max_bytes) = (self.batcher.limits)(None);
        let most = self.most_bytes();
        let likely = self.granted.max(GRANT).min(most.max(GRANT));
        let budget = &self.batcher.budget;
        let (rows, share) = self
            .batcher
            .waiting(|| budget.take_body_blocking(&self.batcher.runtime, likely))
            .ok_or(Halt::Closed)?;
        (self.rows, self.share, self.granted, self.count) = (rows, Some(share), likely, 0);
        Ok(())
    }

    /// Bytes of memory after which a round ends.
    fn most_bytes(&self) -> usize {
        self.batcher.budget.total_bytes() / SHARES_OF_MEMORY
    }

    /// Bytes of memory that it takes now.
    fn bytes(&self) -> usize {
        let beside = self.count.saturating_mul(BYTES_BESIDE_ROW);
        self.rows.len().saturating_add(beside)
    }

    /// The date of the row at hand.
    fn partition_of(&self, day: Option<DataDate>) -> Result<usize, Halt> {
        let known = day.and_then(|day| self.days.get(&day));
        known.copied().ok_or_else(|| {
            let field = self.batcher.settings.date_field.as_ref();
            let is_named = field.is_some_and(|field| field.wanted.is_some());
            let day = day.map(|day| day.to_string()).unwrap_or_default();
            if is_named {
                let why = format!(
                    "late_input: {day} is already done, and an input has more rows of it. Re-sync the date in the platform's console, then 'byteair-sync ledger reopen' for it, then write again"
                );
                return Halt::Partition(Status::Refused, why);
            }
            Halt::Partition(
                Status::NotReady,
                format!(
                    "an input has rows of {day} that it had not when it was looked at; it is still growing. When it is complete, run the same command again"
                ),
            )
        })
    }

    fn add_row(&mut self, partition: usize, row: Range<usize>, position: Position) {
        let new = || RoundPart::new(partition, None);
        let part = self.open.entry(partition).or_insert_with(new);
        let rows = u32::try_from(part.rows.len()).unwrap_or(u32::MAX);
        let too_large = part.bytes_with(&row) > self.max_bytes;
        if rows >= self.max_rows || (rows > 0 && too_large) {
            self.full.push(std::mem::replace(part, new()));
        }
        part.add(row, self.reading.input, position);
        self.count = self.count.saturating_add(1);
    }

    /// The buffer for rows of batches that an earlier run intended.
    pub(super) const fn rows_mut(&mut self) -> &mut Vec<u8> {
        &mut self.rows
    }

    /// Sends batches that an earlier run intended, whose rows are in the buffer.
    pub(super) fn resend(mut self, parts: Vec<RoundPart>) -> Result<(), Halt> {
        self.count = parts.iter().map(|part| part.rows.len()).sum();
        self.full = parts;
        self.grow()?;
        self.dispatch()
    }

    /// Takes memory for what the buffers have grown to.
    fn grow(&mut self) -> Result<(), Halt> {
        let bytes = self.bytes();
        if bytes <= self.granted {
            return Ok(());
        }
        self.granted = bytes.saturating_add(GRANT);
        self.hold(self.granted)
    }

    fn hold(&mut self, bytes: usize) -> Result<(), Halt> {
        let Some(share) = &mut self.share else {
            return Err(Halt::Closed);
        };
        let budget = &self.batcher.budget;
        let held = self
            .batcher
            .waiting(|| budget.resize_blocking(&self.batcher.runtime, share, bytes));
        held.ok_or(Halt::Closed)
    }

    pub(super) fn finish(mut self) -> Result<(), Halt> {
        if !self.open.is_empty() || !self.full.is_empty() || !self.reading.is_empty() {
            self.dispatch()?;
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), Halt> {
        self.dispatch()?;
        self.renew()
    }

    fn dispatch(&mut self) -> Result<(), Halt> {
        if self.is_stopped() {
            return Err(Halt::Stopped);
        }
        let mut parts = std::mem::take(&mut self.full);
        parts.extend(std::mem::take(&mut self.open).into_values());
        let spare = self.batcher.budget.spare().clone();
        // Beside the rows there is one body at a time, and the compressed forms of all.
        let sizes = || parts.iter().map(|part| part.bytes);
        let compressed: usize = sizes().map(|bytes| spare.likely_compressed(bytes)).sum();
        let body = sizes().max().unwrap_or(0);
        let needed = self.bytes().saturating_add(body).saturating_add(compressed);
        self.hold(needed)?;
        let Some(share) = self.share.take() else {
            return Err(Halt::Closed);
        };
        self.batcher.tell(Message::Round(Box::new(Round {
            rows: std::mem::take(&mut self.rows),
            parts,
            intake: self.reading.take(),
            homes: std::mem::take(&mut self.homes),
            spooled: self.reading.spooled,
            share,
            spare,
        })))
    }

    /// Looks whether what the memory holds makes small requests.
    fn note_small(&mut self) -> Result<(), Halt> {
        let requests = self.open.len().saturating_add(self.full.len());
        let sizes = (requests, self.open.len());
        match self.small.note(sizes, self.count, self.rows.len()) {
            Some(text) => self.batcher.tell(Message::Warning(text)),
            None => Ok(()),
        }
    }

    /// Where a dead letter lies, and which dates wait for it. A row whose date is not known may be
    /// of any date of its input.
    fn home_of(&self, reject: &LocalReject) -> (usize, Blocks) {
        if let Some(date) = reject.day.and_then(|day| self.days.get(&day)) {
            return (*date, Blocks::Date);
        }
        let first = self.days.values().next().copied().unwrap_or(0);
        let is_of_no_date = reject.code == RejectCode::DateOutside;
        let blocks = if is_of_no_date {
            Blocks::Nothing
        } else {
            Blocks::Scope
        };
        (first, blocks)
    }
}

impl Gathering for OpenRound<'_> {
    fn begin_input(&mut self, input: InputId, spooled: bool, consumed: u64) {
        self.reading.begin(input, spooled, consumed);
    }

    fn next_row(&mut self, reader: &mut dyn RowReader) -> Result<Next, Halt> {
        let start = self.rows.len();
        let next = reader.next(&mut self.rows).map_err(|error| halt(&error))?;
        let Next::Row { position, .. } = next else {
            self.rows.truncate(start);
            return Ok(next);
        };
        let partition = self.partition_of(reader.day())?;
        self.add_row(partition, start..self.rows.len(), position);
        reader.accept();
        self.grow()?;
        if self.bytes() >= self.most_bytes() {
            self.note_small()?;
            self.flush(reader)?;
        }
        Ok(next)
    }

    fn add_reject(
        &mut self,
        reader: &mut dyn RowReader,
        reject: LocalReject,
        judged: bool,
    ) -> Result<(), Halt> {
        let (home, blocks) = self.home_of(&reject);
        self.homes.push(home);
        self.reading.reject(reject, blocks);
        if self.reading.has_many_rejects(judged) {
            self.flush(reader)?;
        }
        Ok(())
    }

    /// Rows that say their dates are of stages whose inputs are complete, so they do not wait.
    fn flush_if_due(&mut self, _reader: &mut dyn RowReader) -> Result<(), Halt> {
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn is_stopped(&self) -> bool {
        let mut dates = self.days.values();
        dates.all(|date| (self.batcher.is_stopped)(*date))
    }

    fn flush(&mut self, reader: &mut dyn RowReader) -> Result<(), Halt> {
        self.reading.cut(reader, &self.batcher.gauges);
        self.send()
    }

    fn end_input(&mut self, reader: &mut dyn RowReader) {
        self.reading.cut(reader, &self.batcher.gauges);
        self.reading.end();
    }
}
