//! The batches that are being filled when rows say their own dates: one of each date.
//!
//! A round is a stretch of the inputs with all batches that its rows make. It ends when its buffers
//! take a third of the memory (the other thirds are for compressing the one before and for what is
//! in flight): then all batches are sent, full or not, and the ledger records them with the stretch
//! in one transaction. With many dates mixed in one file more memory means fuller requests. Within a
//! round a batch that is full makes way for another one of its date.

use super::batcher::{Batcher, Gathering, Halt, halt};
use super::cut::{Message, Round, RoundPart};
use super::intake::{Intake, Reading};
use super::memory::Share;
use super::places::RowPlaces;
use super::report::Status;
use crate::domain::{DataDate, Position};
use crate::input::{LocalReject, Next, RejectCode, RowReader};
use crate::ledger::{Blocks, InputId, IntendedBatch, Piece};
use std::collections::BTreeMap;

/// By which the memory of a round grows.
const GRANT: usize = 1 << 20;

/// One body, its compressed form and what is in flight share the memory.
const SHARES_OF_MEMORY: usize = 3;

/// The round that is being filled.
pub(super) struct OpenRound<'a> {
    batcher: &'a Batcher,
    days: &'a BTreeMap<DataDate, usize>,
    /// The row at hand.
    row: Vec<u8>,
    /// The batches that take more rows, by their dates.
    open: BTreeMap<usize, RoundPart>,
    full: Vec<RoundPart>,
    reading: Reading,
    homes: Vec<usize>,
    share: Option<Share>,
    max_rows: u32,
    max_bytes: usize,
    /// Bytes of all buffers.
    bytes: usize,
    granted: usize,
}

impl RoundPart {
    /// An empty batch.
    pub(super) fn new(partition: usize, redo: Option<IntendedBatch>) -> Self {
        Self {
            partition,
            redo,
            pieces: Vec::new(),
            rows: 0,
            body: Vec::new(),
            places: RowPlaces::default(),
        }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: &[u8], input: InputId, position: Position) {
        self.body.push(if self.rows == 0 { b'[' } else { b',' });
        self.body.extend_from_slice(row);
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
        self.rows = self.rows.saturating_add(1);
    }

    fn memory_bytes(&self) -> usize {
        self.body
            .capacity()
            .saturating_add(self.places.memory_bytes())
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
            row: Vec::new(),
            open: BTreeMap::new(),
            full: Vec::new(),
            reading: Reading::default(),
            homes: Vec::new(),
            share: None,
            max_rows: 0,
            max_bytes: 0,
            bytes: 0,
            granted: 0,
        };
        open.renew()?;
        Ok(open)
    }

    /// Memory and limits for the next round.
    fn renew(&mut self) -> Result<(), Halt> {
        (self.max_rows, self.max_bytes) = (self.batcher.limits)();
        (self.bytes, self.granted) = (0, GRANT);
        let budget = &self.batcher.budget;
        let share = budget.take_blocking(&self.batcher.runtime, self.granted);
        self.share = Some(share.ok_or(Halt::Closed)?);
        Ok(())
    }

    /// The date of the row at hand.
    fn partition_of(&self, day: Option<DataDate>) -> Result<usize, Halt> {
        let known = day.and_then(|day| self.days.get(&day));
        known.copied().ok_or_else(|| {
            let day = day.map(|day| day.to_string()).unwrap_or_default();
            Halt::Partition(
                Status::NotReady,
                format!(
                    "an input has rows of {day} that it had not when it was looked at; it is still growing. When it is complete, run the same command again"
                ),
            )
        })
    }

    fn add_row(&mut self, partition: usize, position: Position) {
        let new = || RoundPart::new(partition, None);
        let part = self.open.entry(partition).or_insert_with(new);
        // A comma and the closing bracket.
        let bytes = part
            .body
            .len()
            .saturating_add(self.row.len())
            .saturating_add(2);
        if part.rows >= self.max_rows || (part.rows > 0 && bytes > self.max_bytes) {
            self.full.push(std::mem::replace(part, new()));
        }
        let before = part.memory_bytes();
        part.add(&self.row, self.reading.input, position);
        let grown = part.memory_bytes().saturating_sub(before);
        self.bytes = self.bytes.saturating_add(grown);
    }

    /// Takes batches that an earlier run intended.
    pub(super) fn take_redone(&mut self, parts: Vec<RoundPart>) -> Result<(), Halt> {
        self.bytes = parts.iter().map(RoundPart::memory_bytes).sum();
        self.grow()?;
        self.full = parts;
        self.send()
    }

    /// Takes memory for what the buffers have grown to.
    fn grow(&mut self) -> Result<(), Halt> {
        if self.bytes <= self.granted {
            return Ok(());
        }
        self.granted = self.bytes.saturating_add(GRANT);
        self.hold(self.granted)
    }

    fn hold(&mut self, bytes: usize) -> Result<(), Halt> {
        let Some(share) = &mut self.share else {
            return Err(Halt::Closed);
        };
        let budget = &self.batcher.budget;
        let held = budget.resize_blocking(&self.batcher.runtime, share, bytes);
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
        if self
            .days
            .values()
            .all(|date| (self.batcher.is_stopped)(*date))
        {
            return Err(Halt::Stopped);
        }
        let mut parts = std::mem::take(&mut self.full);
        parts.extend(std::mem::take(&mut self.open).into_values());
        let spare = self.batcher.budget.spare().clone();
        for part in &mut parts {
            part.body.push(b']');
        }
        // The bodies and their compressed forms beside them.
        let sizes = parts
            .iter()
            .map(|part| spare.likely_compressed(part.body.len()));
        let needed = self.bytes.saturating_add(sizes.sum());
        self.hold(needed)?;
        let Some(share) = self.share.take() else {
            return Err(Halt::Closed);
        };
        let intake: Intake = self.reading.take();
        self.batcher.tell(Message::Round(Box::new(Round {
            parts,
            intake,
            homes: std::mem::take(&mut self.homes),
            spooled: self.reading.spooled,
            share,
            spare,
        })))
    }

    /// Where a dead letter lies, and which dates wait for it. A row whose date is not known may be
    /// of any date of its input.
    fn home_of(&self, reject: &LocalReject) -> (usize, Blocks) {
        let own = reject.day.and_then(|day| self.days.get(&day));
        match own {
            Some(date) => (*date, Blocks::Date),
            None => {
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
    }
}

impl Gathering for OpenRound<'_> {
    fn begin_input(&mut self, input: InputId, spooled: bool) {
        self.reading.begin(input, spooled);
    }

    fn next_row(&mut self, reader: &mut dyn RowReader) -> Result<Next, Halt> {
        self.row.clear();
        let next = reader.next(&mut self.row).map_err(|error| halt(&error))?;
        let Next::Row { position, .. } = next else {
            return Ok(next);
        };
        let partition = self.partition_of(reader.day())?;
        self.add_row(partition, position);
        reader.accept();
        self.grow()?;
        let most = self.batcher.budget.total_bytes() / SHARES_OF_MEMORY;
        if self.bytes >= most {
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

    fn flush(&mut self, reader: &mut dyn RowReader) -> Result<(), Halt> {
        self.reading.cut(reader, &self.batcher.gauges);
        self.send()
    }

    fn end_input(&mut self, reader: &mut dyn RowReader) {
        self.reading.cut(reader, &self.batcher.gauges);
        self.reading.end();
    }
}
