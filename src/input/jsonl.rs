//! Rows from JSON lines: one object a line, sent as the bytes that the line had.
//!
//! Lines are split and checked for UTF-8 and for remarkable things in blocks of many rows; a block
//! with a fault in it is checked line by line. A bad line is rejected and the rest goes on; memory
//! is bounded by `--max-row-bytes`, whatever the length of a line.

use super::json::{JsonCheck, Remarks, Suspicions};
use super::row::{RejectCode, RowReader, Warnings, keep_beginning};
use super::window::{Window, wide};
use super::{InputError, LocalReject, Next, RawRange, RowWarning};
use crate::domain::Position;
use memchr::{memchr, memrchr};

pub(super) struct JsonlReader {
    window: Window,
    max_row_bytes: usize,
    check: JsonCheck,
    warnings: Warnings,
    /// Bytes of the pending row, and of all that is left of its line.
    pending: Option<(usize, usize)>,
    /// Unread bytes in which there is no line end.
    searched: usize,
    /// The line that is passed over because it is too long, if its end was not there yet.
    long: Option<LongLine>,
    block: Block,
}

/// What is known about a stretch of whole lines.
#[derive(Default)]
struct Block {
    /// Byte of the input behind it.
    end: u64,
    is_utf8: bool,
    /// Looked for when the first row comes that is not plain.
    suspicions: Option<Suspicions>,
}

/// As much as was seen of a line that is longer than a row may be.
struct LongLine {
    position: Position,
    raw: Vec<u8>,
    length: usize,
    last: u8,
}

/// Where the unread line ends.
enum LineEnd {
    /// Behind so many bytes comes its newline.
    Newline(usize),
    /// Not in memory, because the line is too long or the input is at its end.
    Elsewhere,
    /// It is still to be written.
    NotYet,
}

/// A line in the window: white space in front, the row, everything up to the next line.
struct Line {
    before: usize,
    row: usize,
    whole: usize,
    ends_in_newline: bool,
}

impl JsonlReader {
    /// Reads rows from the cursor of a window on.
    pub(super) fn new(window: Window, max_row_bytes: usize) -> Self {
        Self {
            window,
            max_row_bytes,
            check: JsonCheck::new(),
            warnings: Warnings::default(),
            pending: None,
            searched: 0,
            long: None,
            block: Block::default(),
        }
    }

    fn find_line(&mut self) -> Result<LineEnd, InputError> {
        loop {
            let unread = self.window.unread();
            let rest = unread.get(self.searched..).unwrap_or_default();
            if let Some(at) = memchr(b'\n', rest) {
                return Ok(LineEnd::Newline(self.searched.saturating_add(at)));
            }
            self.searched = unread.len();
            // One byte more than the limit may be a carriage return.
            if self.window.at_end() || unread.len() > self.max_row_bytes.saturating_add(1) {
                return Ok(LineEnd::Elsewhere);
            }
            self.window.fill()?;
            if self.window.is_dry() {
                return Ok(LineEnd::NotYet);
            }
        }
    }

    fn examine_block(&mut self) {
        if self.window.offset() < self.block.end {
            return;
        }
        let unread = self.window.unread();
        let length = memrchr(b'\n', unread).map_or(unread.len(), |at| at.saturating_add(1));
        let rows = unread.get(..length).unwrap_or_default();
        self.block = Block {
            end: self.window.offset().saturating_add(wide(length)),
            is_utf8: simdutf8::basic::from_utf8(rows).is_ok(),
            suspicions: None,
        };
    }

    /// Whether more of a line, which has no end, could make a row of it.
    fn is_half_a_row(&self, line: &Line) -> bool {
        let unread = self.window.unread().get(line.before..).unwrap_or_default();
        let row = unread.get(..line.row).unwrap_or_default();
        !row.is_empty() && serde_json::from_slice::<serde::de::IgnoredAny>(row).is_err()
    }

    /// Takes a whole line; `None` for a blank one.
    fn take_line(&mut self, line: &Line, body: &mut Vec<u8>) -> Option<Next> {
        let lines = u64::from(line.ends_in_newline);
        if line.row == 0 {
            self.window.advance(line.whole, lines);
            return None;
        }
        self.examine_block();
        self.window.advance(line.before, 0);
        let position = self.window.position();
        let left = line.whole.saturating_sub(line.before);
        let row = self.window.unread().get(..line.row).unwrap_or_default();
        let plain = self.block.is_utf8 && self.check.is_plain(row);
        let judged = if plain {
            Ok(Remarks::default())
        } else {
            let left = self.block.end.saturating_sub(self.window.offset());
            let unread = self.window.unread();
            let rest = usize::try_from(left)
                .ok()
                .and_then(|left| unread.get(..left));
            judge(
                &mut self.check,
                &mut self.block,
                rest.unwrap_or(unread),
                row,
            )
        };
        match judged {
            Ok(remarks) => {
                body.extend_from_slice(row);
                self.warnings.note(remarks, position);
                self.pending = Some((row.len(), left));
                Some(Next::Row {
                    position,
                    length: wide(row.len()),
                })
            }
            Err(reason) => {
                let (code, message) = self.window.explained(line.row, reason);
                let row = self.window.unread().get(..line.row).unwrap_or_default();
                let reject = LocalReject::new(position, row, code, message);
                self.window.advance(left, lines);
                self.window.count_record();
                Some(Next::Rejected(Box::new(reject)))
            }
        }
    }

    /// Passes over a line that is longer than a row may be, as far as there is more of it.
    fn skip_long_line(&mut self) -> Result<Next, InputError> {
        let mut long = self.long.take().unwrap_or_else(|| LongLine {
            position: self.window.position(),
            raw: Vec::new(),
            length: 0,
            last: 0,
        });
        loop {
            let unread = self.window.unread();
            let newline = memchr(b'\n', unread);
            let content = unread.get(..newline.unwrap_or(unread.len()));
            let content = content.unwrap_or_default();
            long.length = long.length.saturating_add(content.len());
            long.last = content.last().copied().unwrap_or(long.last);
            keep_beginning(&mut long.raw, content);
            let taken = content.len();
            self.window.advance(taken, 0);
            if newline.is_some() {
                self.window.advance(1, 1);
                break;
            }
            if self.window.at_end() {
                break;
            }
            self.window.fill()?;
            if self.window.is_dry() {
                self.long = Some(long);
                return Ok(Next::NothingYet);
            }
        }
        self.window.count_record();
        let length = long.length.saturating_sub(usize::from(long.last == b'\r'));
        let reject = LocalReject::too_long(long.position, long.raw, length, self.max_row_bytes);
        Ok(Next::Rejected(Box::new(reject)))
    }
}

impl RowReader for JsonlReader {
    fn next(&mut self, body: &mut Vec<u8>) -> Result<Next, InputError> {
        self.accept();
        if self.long.is_some() {
            return self.skip_long_line();
        }
        loop {
            let found = self.find_line()?;
            if matches!(found, LineEnd::NotYet) {
                return Ok(Next::NothingYet);
            }
            self.searched = 0;
            let unread = self.window.unread();
            let (length, ends_in_newline) = match found {
                LineEnd::Newline(length) => (length, true),
                _ if unread.is_empty() => return Ok(Next::End),
                _ => (unread.len(), false),
            };
            let content = unread.get(..length).unwrap_or_default();
            let content = content.strip_suffix(b"\r").unwrap_or(content);
            if content.len() > self.max_row_bytes {
                return self.skip_long_line();
            }
            let line = trim(content, length, ends_in_newline);
            if !ends_in_newline && self.window.may_be_cut_off() && self.is_half_a_row(&line) {
                return Err(self.window.cut_off(self.window.position().line));
            }
            if let Some(next) = self.take_line(&line, body) {
                return Ok(next);
            }
        }
    }

    fn accept(&mut self) {
        if let Some((_, length)) = self.pending.take() {
            let unread = self.window.unread().get(..length).unwrap_or_default();
            let lines = u64::from(unread.last() == Some(&b'\n'));
            self.window.advance(length, lines);
            self.window.count_record();
        }
    }

    fn pending_record(&self) -> Option<&[u8]> {
        let (row, _) = self.pending?;
        self.window.unread().get(..row)
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

/// Finds the row in a line: what JSON calls white space around it is left out (RFC 8259).
fn trim(content: &[u8], length: usize, ends_in_newline: bool) -> Line {
    let space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r');
    let before = content.iter().take_while(space).count();
    let rest = content.get(before..).unwrap_or_default();
    let after = rest.iter().rev().take_while(space).count();
    Line {
        before,
        row: rest.len().saturating_sub(after),
        whole: length.saturating_add(usize::from(ends_in_newline)),
        ends_in_newline,
    }
}

/// Looks closer at a row, the first one of what is left of its block.
fn judge(
    check: &mut JsonCheck,
    block: &mut Block,
    rest: &[u8],
    row: &[u8],
) -> Result<Remarks, (RejectCode, String)> {
    if !block.is_utf8
        // Where it is broken is told by who knows where the row is.
        && simdutf8::basic::from_utf8(row).is_err()
    {
        return Err((RejectCode::NotUtf8, String::new()));
    }
    let suspicions = *block.suspicions.get_or_insert_with(|| check.suspect(rest));
    check
        .check(row, suspicions)
        .map_err(|bad| (bad.code, bad.message))
}

#[cfg(test)]
mod tests;
