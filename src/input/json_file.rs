//! Rows from one JSON array of objects, or from JSON objects one after the other, laid out across
//! lines as they like. Each row is sent as the bytes that the file had.
//!
//! Memory is bounded by `--max-row-bytes`: rows are read one by one. A row of an array is given only
//! when what follows it was seen, the next row or the end of the array and of the file; so every
//! range ends in front of a row or at the end, and a file that was cut off is never taken for whole.
//! A row that is no JSON but whose end is clear is rejected; when its end is not clear, nothing
//! behind it can be told, and that is an error of the file.

use super::json::{JsonCheck, Remarks};
use super::json_scan::{Scan, Scanner};
use super::row::{RejectCode, RowReader, Warnings, keep_beginning};
use super::window::{Window, wide};
use super::{InputError, InputFault, LocalReject, Next, RawRange, RowWarning, Start};

pub(super) struct JsonReader {
    window: Window,
    max_row_bytes: usize,
    check: JsonCheck,
    warnings: Warnings,
    is_array: bool,
    /// Whether reading began where a range ended, which is in front of a row or at the end.
    resumed: bool,
    /// Whether the array and the input are at their end.
    closed: bool,
    /// Bytes of the pending row with what follows it, up to the next row.
    pending: Option<usize>,
}

impl JsonReader {
    /// Reads the beginning of an array from the cursor of a window, if there is one, and rows from
    /// `start` on.
    pub(super) fn new(
        window: Window,
        max_row_bytes: usize,
        start: Start,
    ) -> Result<Self, InputError> {
        let mut reader = Self {
            window,
            max_row_bytes,
            check: JsonCheck::new(),
            warnings: Warnings::default(),
            is_array: false,
            resumed: start != Start::BEGINNING,
            closed: false,
            pending: None,
        };
        reader.skip_space()?;
        if reader.window.unread().first() == Some(&b'[') {
            reader.is_array = true;
            reader.window.advance(1, 0);
        }
        if start != Start::BEGINNING {
            reader.window.jump(start)?;
        }
        Ok(reader)
    }

    /// Takes white space into the range; the first byte behind it.
    fn skip_space(&mut self) -> Result<Option<u8>, InputError> {
        loop {
            let unread = self.window.unread();
            let space = unread.iter().take_while(|byte| is_space(**byte)).count();
            let lines = newlines(unread.get(..space).unwrap_or_default());
            let next = unread.get(space).copied();
            self.window.advance(space, lines);
            if next.is_some() || self.window.at_end() {
                return Ok(next);
            }
            self.window.fill()?;
        }
    }

    fn bad(&self, problem: &'static str) -> InputError {
        let line = Some(self.window.position().line);
        self.window.error(line, InputFault::BadJson { problem })
    }

    fn unclosed(&self) -> InputError {
        self.bad(
            "what starts here is never closed; the file is truncated or still being written, or a \
             quote or bracket is missing",
        )
    }

    /// Bytes of the value at the cursor; `None` when it is longer than a row may be. The scanner then
    /// has seen all that is unread.
    fn measure(&mut self, scanner: &mut Scanner) -> Result<Option<usize>, InputError> {
        let mut scanned = 0;
        loop {
            let unread = self.window.unread();
            match scanner.scan(unread.get(scanned..).unwrap_or_default()) {
                Scan::End(at) => return Ok(Some(scanned.saturating_add(at))),
                Scan::BrokenString => return Err(self.broken_string()),
                Scan::More => scanned = unread.len(),
            }
            if scanned > self.max_row_bytes {
                return Ok(None);
            }
            self.more(scanner)?;
            if self.window.at_end() && self.window.unread().len() == scanned {
                return Ok(Some(scanned));
            }
        }
    }

    /// Reads more of a value; at the end of the input it has to be complete.
    fn more(&mut self, scanner: &Scanner) -> Result<(), InputError> {
        let before = self.window.unread().len();
        if !self.window.at_end() {
            self.window.fill()?;
        }
        let ended = self.window.at_end() && self.window.unread().len() == before;
        if ended && (self.is_array || !scanner.may_end()) {
            return Err(self.unclosed());
        }
        Ok(())
    }

    fn broken_string(&self) -> InputError {
        self.bad(
            "a text in the row that starts here has a line break or lacks its closing quote, so \
             nobody can tell where the row ends",
        )
    }

    /// Where the next row begins behind a row of so many bytes, all of it unread.
    fn find_next(&mut self, row: usize) -> Result<usize, InputError> {
        if !self.is_array {
            return Ok(row);
        }
        let (at, byte) = self.behind_space(row)?;
        let after = at.saturating_add(1);
        match byte {
            Some(b',') => match self.behind_space(after)? {
                (next, Some(byte)) if !matches!(byte, b',' | b']' | b'}') => Ok(next),
                (_, None) => Err(self.unclosed_array()),
                _ => Err(self.bad("no row follows the comma behind the row that starts here")),
            },
            Some(b']') => {
                let (end, None) = self.behind_space(after)? else {
                    return Err(self.bad(
                        "something follows the end of the array, which is behind the row that \
                         starts here",
                    ));
                };
                self.closed = true;
                Ok(end)
            }
            Some(_) => Err(self
                .bad("neither a comma nor the end of the array follows the row that starts here")),
            None => Err(self.unclosed_array()),
        }
    }

    fn unclosed_array(&self) -> InputError {
        self.bad("the array is never closed; the file is truncated or still being written")
    }

    /// The first byte that is no white space, from one of the unread bytes on, and where it is.
    fn behind_space(&mut self, mut at: usize) -> Result<(usize, Option<u8>), InputError> {
        let most = at.saturating_add(self.max_row_bytes);
        loop {
            let rest = self.window.unread().get(at..).unwrap_or_default();
            let space = rest.iter().take_while(|byte| is_space(**byte)).count();
            let found = rest.get(space).copied();
            at = at.saturating_add(space);
            if at > most {
                return Err(self.bad("more white space than --max-row-bytes follows this row"));
            }
            if found.is_some() || self.window.at_end() {
                return Ok((at, found));
            }
            self.window.fill()?;
        }
    }

    /// Takes a row of so many bytes, and `whole` with what follows it.
    fn take_row(&mut self, length: usize, whole: usize, body: &mut Vec<u8>) -> Next {
        let position = self.window.position();
        let row = self.window.unread().get(..length).unwrap_or_default();
        match judge(&mut self.check, row) {
            Ok(remarks) => {
                body.extend_from_slice(row);
                self.warnings.note(remarks, position);
                self.pending = Some(whole);
                Next::Row {
                    position,
                    length: wide(length),
                }
            }
            Err(reason) => {
                let (code, message) = self.window.explained(length, reason);
                let row = self.window.unread().get(..length).unwrap_or_default();
                let reject = LocalReject::new(position, row, code, message);
                self.take(whole);
                Next::Rejected(Box::new(reject))
            }
        }
    }

    fn take(&mut self, whole: usize) {
        let lines = newlines(self.window.unread().get(..whole).unwrap_or_default());
        self.window.advance(whole, lines);
        self.window.count_record();
    }

    /// Passes over a value that is longer than a row may be, of which the unread bytes are scanned.
    fn skip_long_row(&mut self, scanner: &mut Scanner) -> Result<Next, InputError> {
        let position = self.window.position();
        let mut raw = Vec::new();
        let mut length = self.pass(self.window.unread().len(), &mut raw);
        let rest = loop {
            if let Err(error) = self.more(scanner) {
                let line = Some(position.line);
                return Err(InputError { line, ..error });
            }
            let unread = self.window.unread();
            match scanner.scan(unread) {
                Scan::End(at) => break at,
                Scan::BrokenString => {
                    let line = Some(position.line);
                    return Err(InputError {
                        line,
                        ..self.broken_string()
                    });
                }
                Scan::More if unread.is_empty() => break 0,
                Scan::More => {
                    let passed = self.pass(unread.len(), &mut raw);
                    length = length.saturating_add(passed);
                }
            }
        };
        length = length.saturating_add(self.pass(rest, &mut raw));
        let behind = self.find_next(0)?;
        self.take(behind);
        let reject = LocalReject::too_long(position, raw, length, self.max_row_bytes);
        Ok(Next::Rejected(Box::new(reject)))
    }

    /// Takes bytes, and keeps them as far as rejects are kept.
    fn pass(&mut self, bytes: usize, raw: &mut Vec<u8>) -> usize {
        let passed = self.window.unread().get(..bytes).unwrap_or_default();
        keep_beginning(raw, passed);
        let lines = newlines(passed);
        self.window.advance(bytes, lines);
        bytes
    }

    /// The place of the first row, which an empty array does not have.
    fn close_empty(&mut self) -> Result<Next, InputError> {
        let (end, behind) = self.behind_space(1)?;
        if behind.is_some() {
            return Err(self.bad("something follows the end of the array"));
        }
        let lines = newlines(self.window.unread().get(..end).unwrap_or_default());
        self.window.advance(end, lines);
        self.closed = true;
        Ok(Next::End)
    }
}

impl RowReader for JsonReader {
    fn next(&mut self, body: &mut Vec<u8>) -> Result<Next, InputError> {
        self.accept();
        if self.closed {
            return Ok(Next::End);
        }
        let first = self.window.position().ordinal == 1;
        match self.skip_space()? {
            None if self.is_array && first && !self.resumed => return Err(self.unclosed_array()),
            // Where a range ended, a row begins or the input is at its end.
            None => return Ok(Next::End),
            Some(b']') if self.is_array && first => return self.close_empty(),
            Some(b',' | b'}' | b']') if self.is_array => {
                return Err(self.bad("a row is missing in front of what stands here"));
            }
            Some(_) => {}
        }
        let mut scanner = Scanner::default();
        let Some(length) = self.measure(&mut scanner)? else {
            return self.skip_long_row(&mut scanner);
        };
        // Between values of a sequence a bracket or comma that belongs to none is a bad row.
        let length = length.max(1);
        if length > self.max_row_bytes {
            let position = self.window.position();
            let mut raw = Vec::new();
            self.pass(length, &mut raw);
            let behind = self.find_next(0)?;
            self.take(behind);
            let reject = LocalReject::too_long(position, raw, length, self.max_row_bytes);
            return Ok(Next::Rejected(Box::new(reject)));
        }
        let whole = self.find_next(length)?;
        Ok(self.take_row(length, whole, body))
    }

    fn accept(&mut self) {
        if let Some(whole) = self.pending.take() {
            self.take(whole);
        }
    }

    fn cut(&mut self) -> RawRange {
        self.window.cut()
    }

    fn consumed_bytes(&self) -> u64 {
        self.window.consumed()
    }

    fn warnings(&mut self) -> Vec<RowWarning> {
        self.warnings.take()
    }
}

fn judge(check: &mut JsonCheck, row: &[u8]) -> Result<Remarks, (RejectCode, String)> {
    // Where it is broken is told by who knows where the row is.
    if simdutf8::basic::from_utf8(row).is_err() {
        return Err((RejectCode::NotUtf8, String::new()));
    }
    if check.is_plain(row) {
        return Ok(Remarks::default());
    }
    let suspicions = check.suspect(row);
    check
        .check(row, suspicions)
        .map_err(|bad| (bad.code, bad.message))
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn newlines(bytes: &[u8]) -> u64 {
    wide(memchr::memchr_iter(b'\n', bytes).count())
}

#[cfg(test)]
mod tests;
