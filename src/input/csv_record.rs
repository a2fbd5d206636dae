//! One CSV record at a time, with the exact bytes and lines it takes.
//!
//! csv-core does the parsing; this file feeds it, bounds its output by `--max-row-bytes`, and keeps
//! the count of bytes right where csv-core's own view differs: it reports a record before it has
//! seen the second half of a CRLF, passes over blank lines inside the next record, and takes an
//! open quote at the end of the input for a complete cell.

use super::csv_dialect::CsvDialect;
use super::csv_quotes::cell_with_text_behind_quote;
use super::csv_split::{ROOM, Splitter};
use super::row::keep_beginning;
use super::window::Window;
use super::{InputError, InputFault, LocalReject};
use crate::domain::Position;
use csv_core::ReadRecordResult;
use memchr::memchr_iter;

/// What the next record is.
pub(super) enum Record {
    /// There is none.
    End,
    /// So many cells. The record is still unread in the window.
    Cells(usize),
    /// More than a row may be. Its bytes are taken.
    TooLong(Box<LocalReject>),
}

/// Reads records out of a window.
pub(super) struct Records {
    core: Core,
    max_row_bytes: usize,
    /// Cells of the record, one behind the other.
    text: Vec<u8>,
    /// Bytes of `text` in use.
    text_length: usize,
    /// Ends of the cells in `text`, and how many of them are in use.
    ends: Vec<usize>,
    stored_ends: usize,
    /// Cells for whose ends there was no room left.
    surplus: usize,
    /// A record with more cells than this is ragged, so their ends are of no interest.
    most_ends: usize,
    /// Bytes of the record with and without its line end, and line ends in it.
    length: usize,
    content_length: usize,
    lines: u64,
    /// Whether a line end closed the record, not the end of the input.
    terminated: bool,
}

/// Ends of cells that are stored at first.
const FIRST_ENDS: usize = 64;
/// What divides records into cells.
enum Core {
    /// The fast one, with its delimiter and quote.
    Common(Box<csv_core::Reader>, u8, Option<u8>),
    Any(Splitter),
}

impl Core {
    fn new(dialect: &CsvDialect) -> Self {
        let Some(delimiter) = dialect.single_delimiter() else {
            return Self::Any(Splitter::new(dialect));
        };
        let mut core = csv_core::ReaderBuilder::new()
            .delimiter(delimiter)
            .quote(dialect.quote.unwrap_or(b'"'))
            .quoting(dialect.quote.is_some())
            .build();
        // A BOM is stripped once, by whoever opens the input. A reader that has read something
        // leaves alone what looks like one in front of a later record.
        core.read_record(b"\n", &mut [0; 2], &mut [0; 2]);
        Self::Common(Box::new(core), delimiter, dialect.quote)
    }
}

/// Bytes of cells that are stored at first.
const FIRST_TEXT_BYTES: usize = 16 << 10;

impl Records {
    pub(super) fn new(dialect: &CsvDialect, max_row_bytes: usize) -> Self {
        Self {
            core: Core::new(dialect),
            max_row_bytes,
            text: vec![0; FIRST_TEXT_BYTES],
            text_length: 0,
            ends: vec![0; FIRST_ENDS],
            stored_ends: 0,
            surplus: 0,
            most_ends: usize::MAX,
            length: 0,
            content_length: 0,
            lines: 0,
            terminated: false,
        }
    }

    /// Tells how many cells records should have.
    pub(super) fn expect_cells(&mut self, cells: usize) {
        // Two more, so that a good record never fills them.
        self.most_ends = cells.saturating_add(2);
        self.ends.resize(self.most_ends, 0);
    }

    /// The bytes of all cells of the record.
    pub(super) fn text(&self) -> &[u8] {
        self.text.get(..self.text_length).unwrap_or_default()
    }

    /// Where in [`text`](Self::text) the cells begin and end.
    pub(super) fn bounds(&self) -> impl Iterator<Item = (usize, usize)> {
        let ends = self.ends.get(..self.stored_ends).unwrap_or_default();
        let begins = std::iter::once(0).chain(ends.iter().copied());
        begins.zip(ends.iter().copied())
    }

    /// The 0-based number of the first cell of `record`, the one read last without its line end, that
    /// has text behind its closing quote.
    pub(super) fn broken_cell(&self, record: &[u8]) -> Option<usize> {
        match &self.core {
            Core::Common(_, delimiter, quote) => {
                quote.and_then(|quote| cell_with_text_behind_quote(record, *delimiter, quote))
            }
            Core::Any(splitter) => splitter.broken_cell(),
        }
    }

    /// Bytes of the record in the window, its line end included.
    pub(super) const fn length(&self) -> usize {
        self.length
    }

    /// Bytes of the record in the window without its line end.
    pub(super) const fn content_length(&self) -> usize {
        self.content_length
    }

    /// Line ends in the record.
    pub(super) const fn lines(&self) -> u64 {
        self.lines
    }

    /// Whether the record has a line end.
    pub(super) const fn is_terminated(&self) -> bool {
        self.terminated
    }

    /// Reads the record after the cursor; blank lines in front of it are taken.
    pub(super) fn next(&mut self, window: &mut Window) -> Result<Record, InputError> {
        if !skip_blank_lines(window)? {
            return Ok(Record::End);
        }
        self.begin();
        while !self.step(window, self.length)? {
            // The line end may be two bytes.
            if self.length > self.max_row_bytes.saturating_add(2) {
                return self.skip_long_record(window);
            }
        }
        self.finish(window)?;
        if self.content_length > self.max_row_bytes {
            let record = window.unread().get(..self.content_length);
            let mut raw = Vec::new();
            keep_beginning(&mut raw, record.unwrap_or_default());
            let reject = self.too_long(window.position(), raw, self.content_length);
            window.advance(self.length, self.lines);
            return Ok(reject);
        }
        Ok(Record::Cells(self.stored_ends.saturating_add(self.surplus)))
    }

    fn begin(&mut self) {
        self.text_length = 0;
        self.stored_ends = 0;
        self.surplus = 0;
        self.length = 0;
    }

    /// Feeds csv-core the unread bytes from `from` on; whether the record is complete.
    fn step(&mut self, window: &mut Window, from: usize) -> Result<bool, InputError> {
        if window.unread().len() <= from && !window.at_end() {
            window.fill()?;
        }
        self.make_room();
        let unread = window.unread().get(from..).unwrap_or_default();
        let ended = unread.is_empty() && window.at_end();
        // A line end closes every record but one with an open quote; csv-core's own end of input
        // closes that as well.
        let input: &[u8] = if ended { b"\n" } else { unread };
        if input.is_empty() {
            return Ok(false);
        }
        let text = self.text.get_mut(self.text_length..).unwrap_or_default();
        let ends = self.ends.get_mut(self.stored_ends..).unwrap_or_default();
        let (result, read, written, cells) = match &mut self.core {
            Core::Common(core, ..) => core.read_record(input, text, ends),
            Core::Any(splitter) => splitter.read_record(input, text, ends),
        };
        self.text_length = self.text_length.saturating_add(written);
        self.stored_ends = self.stored_ends.saturating_add(cells);
        let complete = matches!(result, ReadRecordResult::Record);
        self.terminated = !ended;
        if !ended {
            self.length = self.length.saturating_add(read);
        } else if !complete {
            let line = window.position().line;
            return Err(window.error(Some(line), InputFault::UnclosedQuote));
        }
        Ok(complete)
    }

    /// Sees to it that there is room for what one byte of input may need, and for one cell.
    fn make_room(&mut self) {
        if self.text.len().saturating_sub(self.text_length) < ROOM {
            self.text.resize(self.text.len().saturating_mul(2), 0);
        }
        if self.ends.len().saturating_sub(self.stored_ends) < 2 {
            if self.ends.len() < self.most_ends {
                let doubled = self.ends.len().saturating_mul(2);
                self.ends.resize(doubled.min(self.most_ends), 0);
            } else {
                self.surplus = self.surplus.saturating_add(self.stored_ends);
                self.stored_ends = 0;
            }
        }
    }

    /// Completes the line end and counts lines.
    fn finish(&mut self, window: &mut Window) -> Result<(), InputError> {
        let line_end = usize::from(self.terminated);
        self.content_length = self.length.saturating_sub(line_end);
        let last = window
            .unread()
            .get(self.content_length..)
            .and_then(<[u8]>::first);
        let mut lone_return = false;
        if self.terminated && last == Some(&b'\r') {
            if window.unread().len() == self.length && !window.at_end() {
                window.fill()?;
            }
            let has_newline = window.unread().get(self.length) == Some(&b'\n');
            self.length = self.length.saturating_add(usize::from(has_newline));
            lone_return = !has_newline;
        }
        let record = window.unread().get(..self.length).unwrap_or_default();
        self.lines = count_newlines(record).saturating_add(u64::from(lone_return));
        Ok(())
    }

    /// Reads on to the end of a record that is too long, keeping nothing but its beginning.
    fn skip_long_record(&mut self, window: &mut Window) -> Result<Record, InputError> {
        let position = window.position();
        let mut raw = Vec::new();
        let mut passed = 0_usize;
        loop {
            let taken = window.unread().get(..self.length).unwrap_or_default();
            let lines = count_newlines(taken);
            keep_beginning(&mut raw, taken);
            passed = passed.saturating_add(self.length);
            window.advance(self.length, lines);
            self.begin();
            let complete = match self.step(window, 0) {
                Ok(complete) => complete,
                Err(error) => {
                    let line = Some(position.line);
                    return Err(InputError { line, ..error });
                }
            };
            if complete {
                break;
            }
        }
        self.finish(window)?;
        let taken = window.unread().get(..self.content_length);
        keep_beginning(&mut raw, taken.unwrap_or_default());
        window.advance(self.length, self.lines);
        Ok(self.too_long(position, raw, passed.saturating_add(self.content_length)))
    }

    fn too_long(&self, position: Position, raw: Vec<u8>, length: usize) -> Record {
        let reject = LocalReject::too_long(position, raw, length, self.max_row_bytes);
        Record::TooLong(Box::new(reject))
    }
}

/// Takes line ends up to the next record; false at the end of the input.
fn skip_blank_lines(window: &mut Window) -> Result<bool, InputError> {
    loop {
        let unread = window.unread();
        match (unread.first(), unread.get(1)) {
            (Some(b'\r'), Some(b'\n')) => window.advance(2, 1),
            (Some(b'\r'), None) if !window.at_end() => window.fill()?,
            (Some(b'\n' | b'\r'), _) => window.advance(1, 1),
            (Some(_), _) => return Ok(true),
            (None, _) if window.at_end() => return Ok(false),
            (None, _) => window.fill()?,
        }
    }
}

fn count_newlines(bytes: &[u8]) -> u64 {
    super::window::wide(memchr_iter(b'\n', bytes).count())
}

/// The bytes of the record that was read last, without its line end.
pub(super) fn raw_record<'w>(window: &'w Window, records: &Records) -> &'w [u8] {
    let record = window.unread().get(..records.content_length());
    record.unwrap_or_default()
}
