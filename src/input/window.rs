//! The stretch of an input that is in memory, and the range of records that is being read.
//!
//! Bytes before the cursor belong to the current range and are hashed in long stretches, when the
//! buffer is about to lose them or the range ends; bytes behind it stay until a reader has taken
//! them. Memory is one buffer, which grows only for a row that is longer.

use super::decompress::Source;
use super::row::not_utf8_at;
use super::{InputError, InputFault, RawRange, RejectCode, Start};
use crate::domain::Position;
use std::io;
use xxhash_rust::xxh3::Xxh3;

/// Bytes read at a time; 128 KiB to 1 MiB are equally fast.
const BUFFER_BYTES: usize = 256 << 10;

pub(super) struct Window {
    name: String,
    source: Source,
    buffer: Vec<u8>,
    /// End of the bytes in the buffer.
    filled: usize,
    /// End of what belongs to the current range.
    cursor: usize,
    /// End of what is in the hash of the current range already.
    hashed: usize,
    /// Byte of the input at the beginning of the buffer.
    base: u64,
    /// The same of the input as stored, when that is something else.
    released: u64,
    ended: bool,
    /// There is nothing more to read yet.
    dry: bool,
    /// Waits until there is.
    waits: bool,
    failed: bool,
    /// Its end may be where its writer died.
    may_be_cut_off: bool,
    hasher: Box<Xxh3>,
    range_start: Start,
    /// The cursor's line and the ordinal of the next record.
    line: u64,
    record: u64,
}

impl Window {
    pub(super) fn new(name: String, source: Source) -> Self {
        Self::with_room(name, source, BUFFER_BYTES)
    }

    /// A window for an input of about so many bytes.
    pub(super) fn with_room(name: String, source: Source, room: usize) -> Self {
        Self {
            name,
            source,
            buffer: vec![0; room.min(BUFFER_BYTES)],
            filled: 0,
            cursor: 0,
            hashed: 0,
            base: 0,
            released: 0,
            ended: false,
            dry: false,
            waits: false,
            failed: false,
            may_be_cut_off: false,
            hasher: Box::new(Xxh3::new()),
            range_start: Start::BEGINNING,
            line: 1,
            record: 1,
        }
    }

    /// A window for a pipe, which ends the same whether its writer has finished or has died.
    pub(super) fn of_pipe(name: String, source: Source) -> Self {
        Self {
            may_be_cut_off: true,
            ..Self::new(name, source)
        }
    }

    /// Whether a last record without its line end may be half of one.
    pub(super) const fn may_be_cut_off(&self) -> bool {
        self.may_be_cut_off
    }

    /// What is said of half a record at the end of a pipe, on a line of it. It stays unread.
    pub(super) fn cut_off(&self, line: u64) -> InputError {
        self.error(Some(line), InputFault::CutOff)
    }

    /// What was read and not taken.
    pub(super) fn unread(&self) -> &[u8] {
        self.buffer
            .get(self.cursor..self.filled)
            .unwrap_or_default()
    }

    /// Whether nothing follows the unread bytes.
    pub(super) const fn at_end(&self) -> bool {
        self.ended
    }

    /// Whether there was nothing more to read when it was last tried, and may be later.
    pub(super) const fn is_dry(&self) -> bool {
        self.dry
    }

    /// From now on reading waits until there is something to read: for formats whose rows can only be
    /// read as a whole.
    pub(super) const fn wait_for_more(&mut self) {
        self.waits = true;
    }

    /// Byte of the input at the cursor.
    pub(super) fn offset(&self) -> u64 {
        self.base.saturating_add(wide(self.cursor))
    }

    /// The place of a record that starts at the cursor.
    pub(super) fn position(&self) -> Position {
        Position {
            ordinal: self.record,
            line: self.line,
            offset: self.offset(),
        }
    }

    /// Bytes consumed of the input as stored. Of what is stored otherwise than it is read, what lies
    /// in the buffer is taken to shrink evenly.
    pub(super) fn consumed(&self) -> u64 {
        let Some(fetched) = self.source.fetched() else {
            return self.offset();
        };
        if self.ended && self.unread().is_empty() {
            return fetched;
        }
        let ahead = u128::from(fetched.saturating_sub(self.released));
        let taken = ahead * u128::from(wide(self.cursor));
        let taken = taken
            .checked_div(u128::from(wide(self.filled)))
            .unwrap_or(0);
        self.released
            .saturating_add(u64::try_from(taken).unwrap_or(u64::MAX))
    }

    /// Takes bytes and line ends into the current range.
    pub(super) fn advance(&mut self, bytes: usize, lines: u64) {
        self.cursor = self.cursor.saturating_add(bytes).min(self.filled);
        self.line = self.line.saturating_add(lines);
    }

    /// Counts a record whose bytes were taken.
    pub(super) fn count_record(&mut self) {
        self.record = self.record.saturating_add(1);
    }

    /// Reads more behind the unread bytes; afterwards there are more, or the input is at its end, or
    /// it is dry.
    pub(super) fn fill(&mut self) -> Result<(), InputError> {
        if self.failed {
            let source = io::Error::other("an earlier read failed");
            return Err(self.error(
                None,
                InputFault::Io {
                    doing: "go on reading",
                    source,
                },
            ));
        }
        self.release();
        if self.filled == self.buffer.len() {
            let doubled = self.buffer.len().saturating_mul(2).max(BUFFER_BYTES);
            self.buffer.resize(doubled, 0);
        }
        let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
        loop {
            match self.source.read(free) {
                Ok(read) => {
                    self.filled = self.filled.saturating_add(read);
                    (self.ended, self.dry) = (read == 0, false);
                    return Ok(());
                }
                // Such a source waits a while by itself.
                Err(fault) if fault.is_nothing_yet() && self.waits => {}
                Err(fault) if fault.is_nothing_yet() => {
                    self.dry = true;
                    return Ok(());
                }
                Err(fault) => {
                    self.failed = true;
                    return Err(self.error(Some(self.line), fault));
                }
            }
        }
    }

    /// Gives the room of the taken bytes back, and that of an overlong row.
    fn release(&mut self) {
        self.released = self.consumed();
        self.hash_taken();
        let kept = self.filled.saturating_sub(self.cursor);
        self.buffer.copy_within(self.cursor..self.filled, 0);
        self.base = self.offset();
        self.filled = kept;
        self.cursor = 0;
        self.hashed = 0;
        if self.buffer.len() > BUFFER_BYTES && kept < BUFFER_BYTES / 2 {
            self.buffer.truncate(BUFFER_BYTES);
            self.buffer.shrink_to_fit();
        }
    }

    fn hash_taken(&mut self) {
        let taken = self.buffer.get(self.hashed..self.cursor);
        self.hasher.update(taken.unwrap_or_default());
        self.hashed = self.cursor;
    }

    /// Ends the current range at the cursor and begins the next one there.
    pub(super) fn cut(&mut self) -> RawRange {
        self.hash_taken();
        let range = RawRange {
            first_record: self.range_start.record,
            records: self.record.saturating_sub(self.range_start.record),
            offset: self.range_start.offset,
            length: self.offset().saturating_sub(self.range_start.offset),
            line: self.range_start.line,
            lines: self.line.saturating_sub(self.range_start.line),
            digest: self.hasher.digest128(),
        };
        self.begin_range();
        range
    }

    fn begin_range(&mut self) {
        self.hasher.reset();
        self.range_start = Start {
            offset: self.offset(),
            record: self.record,
            line: self.line,
        };
    }

    /// Goes to a place that is not before the cursor, and begins a range there.
    pub(super) fn jump(&mut self, start: Start) -> Result<(), InputError> {
        let sought = match self.source.go_to_row(start) {
            Ok(false) => self.source.seek(start.offset),
            other => other,
        };
        if sought.map_err(|fault| self.error(None, fault))? {
            self.released = self.source.fetched().unwrap_or(0);
            self.base = start.offset;
            self.filled = 0;
            self.cursor = 0;
            self.ended = false;
        } else {
            self.pass_over(start.offset)?;
        }
        self.hashed = self.cursor;
        self.line = start.line;
        self.record = start.record;
        self.begin_range();
        Ok(())
    }

    fn pass_over(&mut self, offset: u64) -> Result<(), InputError> {
        if self.offset() > offset {
            let problem = format!("no record starts at byte {offset}; begin at an earlier range");
            return Err(self.error(None, InputFault::BadOption { problem }));
        }
        while self.offset() < offset {
            let missing = offset.saturating_sub(self.offset());
            let here = usize::try_from(missing).unwrap_or(usize::MAX);
            if self.unread().is_empty() {
                if self.at_end() {
                    return Err(self.error(None, InputFault::Shorter { offset }));
                }
                self.fill()?;
            }
            self.advance(here, 0);
            // Nothing of this belongs to a range.
            self.hashed = self.cursor;
        }
        Ok(())
    }

    /// The reason why the record of `length` bytes at the cursor is rejected, with the place in the
    /// file where it does not decode.
    pub(super) fn explained(
        &self,
        length: usize,
        (code, message): (RejectCode, String),
    ) -> (RejectCode, String) {
        if code != RejectCode::NotUtf8 {
            return (code, message);
        }
        let record = self.unread().get(..length).unwrap_or_default();
        if let Some(undecodable) = self.source.undecodable() {
            return undecodable.explain(self.offset(), record);
        }
        let broken = simdutf8::compat::from_utf8(record).err();
        let before = broken.map_or(0, |error| error.valid_up_to());
        (
            code,
            not_utf8_at(self.offset().saturating_add(wide(before))),
        )
    }

    /// The encoding of the input.
    pub(super) fn encoding(&self) -> &'static str {
        self.source
            .undecodable()
            .map_or("UTF-8", super::encoding::Undecodable::encoding)
    }

    /// An error about this input.
    pub(super) fn error(&self, line: Option<u64>, fault: InputFault) -> InputError {
        InputError {
            input: self.name.clone(),
            line,
            fault,
        }
    }
}

/// A number of bytes in memory as a number of bytes in an input.
pub(super) fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
