//! Rows of the records of a stream: each record is read as a file of its own, in any format that a file
//! may have.
//!
//! For the ledger a partition is one long input. The *line* of a row is the number of its record, so a
//! dead letter names it; the lines of a range are the records that are complete in it. When a range ends
//! inside a record, its digest, which nobody could compare with anything, says how many rows of that
//! record it has. A record that cannot be read becomes one dead letter.

use super::open::open_record;
use super::row::RowReader;

use super::window::wide;
use super::{
    Compression, InputError, InputFault, InputSettings, LocalReject, Next, RejectCode, RowWarning,
    Start, StreamRecord, shaped::shaped,
};
use crate::domain::{Position, RawRange};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Records of one partition on their way to a reader; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct RecordFeed(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    records: VecDeque<StreamRecord>,
    is_complete: bool,
}

impl RecordFeed {
    /// Adds records behind those that are there.
    pub fn push(&self, records: Vec<StreamRecord>) {
        self.waiting().records.extend(records);
    }

    /// Nothing more comes.
    pub fn complete(&self) {
        self.waiting().is_complete = true;
    }

    /// Whether all records were taken.
    pub fn is_empty(&self) -> bool {
        self.waiting().records.is_empty()
    }

    /// Whether a reader would learn something new.
    pub fn has_news(&self) -> bool {
        let waiting = self.waiting();
        waiting.is_complete || !waiting.records.is_empty()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the next range of a partition begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordStart {
    /// Its line is the number of the next record.
    pub start: Start,
    /// Rows of that record that were taken before.
    pub taken: u64,
}

impl RecordStart {
    /// The beginning of a partition of which nothing was read.
    pub const BEGINNING: Self = Self {
        start: Start {
            offset: 0,
            record: 1,
            line: 0,
        },
        taken: 0,
    };

    /// The place right after a recorded range.
    pub fn after(range: &RawRange) -> Self {
        Self {
            start: Start::after(range),
            taken: u64::try_from(range.digest).unwrap_or(u64::MAX),
        }
    }

    /// The same in the books, at the beginning of another record.
    #[must_use]
    pub const fn at(self, number: u64) -> Self {
        Self {
            start: Start {
                line: number,
                ..self.start
            },
            taken: 0,
        }
    }
}

/// Reads the rows of the records that a feed brings, from `start` on.
pub fn open_records(
    feed: &RecordFeed,
    name: &str,
    settings: &InputSettings,
    start: RecordStart,
) -> Box<dyn RowReader> {
    let reader = RecordReader {
        feed: feed.clone(),
        name: name.to_owned(),
        settings: settings.clone(),
        current: None,
        ahead: None,
        cursor: start,
        pending: None,
        range_start: start,
        consumed: 0,
    };
    shaped(Box::new(reader), settings)
}

struct RecordReader {
    feed: RecordFeed,
    name: String,
    settings: InputSettings,
    current: Option<Current>,
    /// What follows in the record, read to see whether anything does, with its bytes.
    ahead: Option<(Result<Next, InputError>, Vec<u8>)>,
    /// Behind what belongs to the current range.
    cursor: RecordStart,
    /// Behind the pending row.
    pending: Option<RecordStart>,
    range_start: RecordStart,
    consumed: u64,
}

/// The record that is being read.
struct Current {
    number: u64,
    data: Bytes,
    reader: Box<dyn RowReader>,
    /// Where it begins in the books.
    offset: u64,
    /// Ordinal of its first row.
    first_ordinal: u64,
}

impl RecordReader {
    /// Takes the next record; nothing when there is none yet, or none at all.
    fn take_record(&mut self) -> Option<Next> {
        let record = {
            let mut waiting = self.feed.waiting();
            match waiting.records.pop_front() {
                Some(record) => record,
                None if waiting.is_complete => return Some(Next::End),
                None => return Some(Next::NothingYet),
            }
        };
        self.consumed = self.consumed.saturating_add(wide(record.data.len()));
        if record.number != self.cursor.start.line {
            // Records in between are not there.
            let begins_here = self.range_start == self.cursor;
            self.cursor = self.cursor.at(record.number);
            if begins_here {
                self.range_start = self.cursor;
            }
        }
        let taken = self.cursor.taken;
        let name = format!("{}:{}", self.name, record.number);
        let mut reader = match open_record(record.data.clone(), &name, &self.settings) {
            Ok(reader) => reader,
            Err(error) => return Some(self.refuse(&record.data, record.number, &error)),
        };
        let mut passed = Vec::new();
        for _ in 0..taken {
            // An error shows again when the rest of the record is read.
            let _taken_before = reader.next(&mut passed);
            passed.clear();
        }
        self.current = Some(Current {
            number: record.number,
            reader,
            // A record that is read on begins where it was left; only that offsets grow matters.
            offset: self.cursor.start.offset,
            first_ordinal: self.cursor.start.record.saturating_sub(taken),
            data: record.data,
        });
        None
    }

    /// The dead letter of a record that cannot be read any further; it counts as read.
    fn refuse(&mut self, data: &Bytes, number: u64, error: &InputError) -> Next {
        let position = Position {
            ordinal: self.cursor.start.record,
            line: number,
            offset: self.cursor.start.offset,
        };
        // Blocks of snappy have no beginning by which they could be known.
        let advice = match error.fault {
            InputFault::UnknownFormat if self.settings.compression == Compression::Auto => {
                ", or with --compression snappy if that is how records are written"
            }
            _ => "",
        };
        let message = format!("the record cannot be read: {}{advice}", error.fault);
        let reject = LocalReject::new(position, data, RejectCode::BadRecord, message);
        self.cursor.start.record = self.cursor.start.record.saturating_add(1);
        self.complete_record(number, wide(data.len()));
        Next::Rejected(Box::new(reject))
    }

    /// The record is read to its end.
    fn complete_record(&mut self, number: u64, length: u64) {
        let Start { offset, record, .. } = self.cursor.start;
        self.cursor = RecordStart {
            start: Start {
                // A byte more, so that a record without any has a place of its own as well.
                offset: offset.saturating_add(length).saturating_add(1),
                record,
                line: number.saturating_add(1),
            },
            taken: 0,
        };
        self.current = None;
    }

    /// What comes next in the current record; nothing when it ends here.
    fn next_in_record(&mut self, body: &mut Vec<u8>) -> Option<Next> {
        let current = self.current.as_mut()?;
        let read = match self.ahead.take() {
            Some((read, bytes)) => {
                body.extend_from_slice(&bytes);
                read
            }
            None => current.reader.next(body),
        };
        let (number, length) = (current.number, wide(current.data.len()));
        let place = |position: Position| Position {
            ordinal: current
                .first_ordinal
                .saturating_add(position.ordinal)
                .saturating_sub(1),
            line: number,
            offset: current.offset.saturating_add(position.offset),
        };
        let behind = |position: Position, offset: u64| RecordStart {
            start: Start {
                offset: offset.saturating_add(1),
                record: position.ordinal.saturating_add(1),
                line: number,
            },
            taken: position
                .ordinal
                .saturating_add(1)
                .saturating_sub(current.first_ordinal),
        };
        match read {
            Ok(Next::Row {
                position,
                length: of_row,
            }) => {
                let position = place(position);
                self.pending = Some(behind(position, position.offset));
                Some(Next::Row {
                    position,
                    length: of_row,
                })
            }
            Ok(Next::Rejected(mut reject)) => {
                reject.position = place(reject.position);
                self.cursor = behind(reject.position, reject.position.offset);
                Some(Next::Rejected(reject))
            }
            Ok(Next::End | Next::NothingYet) => {
                self.complete_record(number, length);
                None
            }
            Err(error) => {
                let data = current.data.clone();
                Some(self.refuse(&data, number, &error))
            }
        }
    }

    /// Looks whether the record goes on behind what was taken of it; if not, it is complete.
    fn look_ahead(&mut self) {
        let Some(current) = self.current.as_mut() else {
            return;
        };
        if self.pending.is_some() || self.ahead.is_some() {
            return;
        }
        let mut bytes = Vec::new();
        match current.reader.next(&mut bytes) {
            Ok(Next::End) => {
                let (number, length) = (current.number, wide(current.data.len()));
                self.complete_record(number, length);
            }
            read => self.ahead = Some((read, bytes)),
        }
    }
}

impl RowReader for RecordReader {
    fn next(&mut self, body: &mut Vec<u8>) -> Result<Next, InputError> {
        self.accept();
        loop {
            if let Some(next) = self.next_in_record(body) {
                return Ok(next);
            }
            if let Some(next) = self.take_record() {
                return Ok(next);
            }
        }
    }

    fn accept(&mut self) {
        if let Some(behind) = self.pending.take() {
            self.cursor = behind;
        }
    }

    fn pending_record(&self) -> Option<&[u8]> {
        self.current.as_ref()?.reader.pending_record()
    }

    fn cut(&mut self) -> RawRange {
        self.look_ahead();
        let (from, to) = (self.range_start, self.cursor);
        self.range_start = to;
        RawRange {
            first_record: from.start.record,
            records: to.start.record.saturating_sub(from.start.record),
            offset: from.start.offset,
            length: to.start.offset.saturating_sub(from.start.offset),
            line: from.start.line,
            lines: to.start.line.saturating_sub(from.start.line),
            digest: u128::from(to.taken),
        }
    }

    fn consumed_bytes(&self) -> u64 {
        self.consumed
    }

    fn warnings(&mut self) -> Vec<RowWarning> {
        let Some(current) = &mut self.current else {
            return Vec::new();
        };
        let mut warnings = current.reader.warnings();
        for warning in &mut warnings {
            warning.first.line = current.number;
        }
        warnings
    }

    fn columns(&self) -> Vec<String> {
        self.current
            .as_ref()
            .map(|current| current.reader.columns())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
