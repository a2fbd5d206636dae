//! Divides CSV that csv-core cannot: delimiters of several bytes, and escapes outside of quotes as
//! databases write them.
//!
//! It is fed and asked like csv-core's reader, so [`super::csv_record`] can use either. An escape
//! makes the next character literal, but for `\n`, `\r` and `\t`, which are the control characters,
//! and `\N` at the beginning of a cell, which stays as it is for `--null-strings`.

use super::csv_dialect::{CsvDialect, MAX_DELIMITER_BYTES};
use csv_core::ReadRecordResult;

/// Room that a single byte of input may need in the output.
pub(super) const ROOM: usize = MAX_DELIMITER_BYTES + 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing of the cell was seen.
    Begin,
    Plain,
    Quoted,
    /// Behind a quote that closes the cell unless another one follows.
    Closed,
}

/// Divides records into cells.
pub(super) struct Splitter {
    delimiter: Vec<u8>,
    quote: Option<u8>,
    escape: Option<u8>,
    state: State,
    /// The escape was seen, not what follows it.
    escaping: bool,
    /// Bytes of the delimiter that were seen.
    matched: usize,
    /// Bytes of the record's cells.
    written: usize,
    cell: usize,
    /// The first cell with text behind its closing quote, of this record and the one before.
    broken: Option<usize>,
    last_broken: Option<usize>,
}

impl Splitter {
    pub(super) fn new(dialect: &CsvDialect) -> Self {
        Self {
            delimiter: dialect.delimiter.clone().into_bytes(),
            quote: dialect.quote,
            escape: dialect.escape,
            state: State::Begin,
            escaping: false,
            matched: 0,
            written: 0,
            cell: 0,
            broken: None,
            last_broken: None,
        }
    }

    /// The first cell of the last record with text behind its closing quote, from 0.
    pub(super) const fn broken_cell(&self) -> Option<usize> {
        self.last_broken
    }

    /// Goes on with a record: what became of it, bytes read, bytes of cells and ends of cells written.
    /// Ends count from the beginning of the record.
    pub(super) fn read_record(
        &mut self,
        input: &[u8],
        text: &mut [u8],
        ends: &mut [usize],
    ) -> (ReadRecordResult, usize, usize, usize) {
        let mut out = Out {
            text,
            written: 0,
            ends,
            cells: 0,
        };
        let before = self.written;
        for (read, byte) in input.iter().enumerate() {
            if out.text.len().saturating_sub(out.written) < ROOM {
                return (ReadRecordResult::OutputFull, read, out.written, out.cells);
            }
            if out.cells >= out.ends.len() {
                return (
                    ReadRecordResult::OutputEndsFull,
                    read,
                    out.written,
                    out.cells,
                );
            }
            let ended = self.take(*byte, &mut out);
            self.written = before.saturating_add(out.written);
            if self.matched == self.delimiter.len() || ended {
                out.end(self.written);
                self.begin_cell();
            }
            if ended {
                self.last_broken = self.broken.take();
                self.written = 0;
                self.cell = 0;
                let read = read.saturating_add(1);
                return (ReadRecordResult::Record, read, out.written, out.cells);
            }
        }
        (
            ReadRecordResult::InputEmpty,
            input.len(),
            out.written,
            out.cells,
        )
    }

    fn begin_cell(&mut self) {
        self.matched = 0;
        self.state = State::Begin;
        self.cell = self.cell.saturating_add(1);
    }

    /// Takes one byte; whether it ends the record.
    fn take(&mut self, byte: u8, out: &mut Out<'_>) -> bool {
        if std::mem::take(&mut self.escaping) {
            self.unescape(byte, out);
            return false;
        }
        match self.state {
            State::Quoted => {
                if Some(byte) == self.escape {
                    self.escaping = true;
                } else if Some(byte) == self.quote {
                    self.state = State::Closed;
                } else {
                    out.push(byte);
                }
                return false;
            }
            State::Closed if self.matched == 0 && Some(byte) == self.quote => {
                out.push(byte);
                self.state = State::Quoted;
                return false;
            }
            State::Begin if self.matched == 0 && Some(byte) == self.quote => {
                self.state = State::Quoted;
                return false;
            }
            State::Begin | State::Plain | State::Closed => {}
        }
        self.take_outside(byte, out)
    }

    /// Takes a byte outside of quotes.
    fn take_outside(&mut self, byte: u8, out: &mut Out<'_>) -> bool {
        while self.matched > 0 && self.delimiter.get(self.matched) != Some(&byte) {
            // What looked like the delimiter was text, at least its beginning.
            let seen = self.delimiter.get(..self.matched).unwrap_or_default();
            let is_border = |length: &usize| {
                let begin = seen.get(..*length).unwrap_or_default();
                seen.ends_with(begin)
            };
            let kept = (0..self.matched).rev().find(is_border).unwrap_or(0);
            let text = seen.get(..self.matched.saturating_sub(kept));
            out.extend(text.unwrap_or_default());
            self.matched = kept;
            self.note_text();
        }
        if self.delimiter.get(self.matched) == Some(&byte) {
            self.matched = self.matched.saturating_add(1);
            return false;
        }
        if matches!(byte, b'\r' | b'\n') {
            return true;
        }
        self.escaping = Some(byte) == self.escape;
        let at_begin = self.state == State::Begin;
        self.note_text();
        if !self.escaping {
            out.push(byte);
        } else if at_begin {
            self.state = State::Begin;
        }
        false
    }

    fn note_text(&mut self) {
        if self.state == State::Closed {
            self.broken.get_or_insert(self.cell);
        }
        self.state = State::Plain;
    }

    fn unescape(&mut self, byte: u8, out: &mut Out<'_>) {
        match byte {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'N' if self.state == State::Begin => {
                out.extend(self.escape.as_slice());
                out.push(byte);
            }
            literal => out.push(literal),
        }
        if self.state == State::Begin {
            self.state = State::Plain;
        }
    }
}

/// Where cells go.
struct Out<'a> {
    text: &'a mut [u8],
    written: usize,
    ends: &'a mut [usize],
    cells: usize,
}

impl Out<'_> {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.text.get_mut(self.written) {
            *place = byte;
            self.written = self.written.saturating_add(1);
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.push(*byte);
        }
    }

    fn end(&mut self, at: usize) {
        if let Some(place) = self.ends.get_mut(self.cells) {
            *place = at;
            self.cells = self.cells.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(
        dialect: &CsvDialect,
        input: &str,
        step: usize,
    ) -> (Vec<Vec<String>>, Vec<Option<usize>>) {
        let mut splitter = Splitter::new(dialect);
        let (mut records, mut broken) = (Vec::new(), Vec::new());
        let (mut text, mut ends) = ([0; 500], [0; 50]);
        let (mut begin, mut cells, mut from) = (0, 0, 0);
        while from < input.len() {
            let to = input.len().min(from + step);
            let piece = &input.as_bytes()[from..to];
            let (result, read, written, more) =
                splitter.read_record(piece, &mut text[begin..], &mut ends[cells..]);
            (from, begin, cells) = (from + read, begin + written, cells + more);
            if result == ReadRecordResult::Record {
                let starts = std::iter::once(0).chain(ends);
                let cell = |(from, to): (usize, usize)| {
                    String::from_utf8(text[from..to].to_vec()).unwrap()
                };
                records.push(starts.zip(ends).take(cells).map(cell).collect());
                broken.push(splitter.broken_cell());
                (begin, cells) = (0, 0);
            }
        }
        (records, broken)
    }

    fn dialect(delimiter: &str, escape: Option<u8>) -> CsvDialect {
        CsvDialect {
            delimiter: delimiter.to_owned(),
            quote: Some(b'"'),
            escape,
        }
    }

    #[test]
    fn cells_are_divided_escaped_and_quoted_however_the_bytes_come() {
        for (delimiter, escape, input, expected) in [
            ("||", None, "a||b|c||\n", vec![vec!["a", "b|c", ""]]),
            ("||", None, "a|||b\n", vec![vec!["a", "|b"]]),
            ("aab", None, "1aaab2\n", vec![vec!["1a", "2"]]),
            (
                "|",
                None,
                "\"a\"\"b\"|\"c\nd\"\r|x\r",
                vec![vec!["a\"b", "c\nd"], vec!["", "x"]],
            ),
            ("，", None, "耳，机\n", vec![vec!["耳", "机"]]),
            (
                ",",
                Some(b'\\'),
                "a\\,b,\\\\,\\\"q,\\nx\n",
                vec![vec!["a,b", "\\", "\"q", "\nx"]],
            ),
            (
                ",",
                Some(b'\\'),
                "\"a\\\"b\",\"x\"\"y\"\n",
                vec![vec!["a\"b", "x\"y"]],
            ),
            (
                ",",
                Some(b'\\'),
                "\\N,x\\N,a\\\nb\n",
                vec![vec!["\\N", "xN", "a\nb"]],
            ),
            (
                "\u{1}",
                Some(b'\\'),
                "a\u{1}\u{1}b\n",
                vec![vec!["a", "", "b"]],
            ),
        ] {
            for step in [1, 2, 3, 1000] {
                let (records, broken) = split(&dialect(delimiter, escape), input, step);
                assert_eq!(records, expected, "{input:?} by {step}");
                assert!(broken.iter().all(Option::is_none), "{input:?}");
            }
        }
    }

    #[test]
    fn text_behind_a_closing_quote_is_noticed() {
        let (_, broken) = split(&dialect("||", None), "a||\"x\"y\n\"x\"|y\n\"x\"||\"\"\n", 1);
        assert_eq!(broken, [Some(1), Some(0), None]);
    }
}
