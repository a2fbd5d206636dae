//! Rows as they are to be sent: what a reader gives, renamed, cast and checked.
//!
//! Wraps the reader of any format. A row that needs no change keeps its bytes; one that breaks the
//! rules becomes a reject with the record that the input had, not what was made of it, so that a
//! person corrects what the export wrote.

use super::{
    InputError, InputSettings, LocalReject, Next, RawRange, RejectCode, RowReader, RowWarning,
};
use crate::domain::{DataDate, Position};
use crate::schema::{Shaped, Shaper, Violation};

/// Most faults of a row that its message tells.
const MAX_TOLD: usize = 8;
/// Longest name of a field in a reject, in characters; it may be anything that a row has.
const MAX_NAME_CHARS: usize = 120;
/// What is said of a row of which every field is dropped; its code is [`RejectCode::EmptyRow`].
pub const NOTHING_IS_LEFT: &str =
    "every field is dropped, so nothing is left to send (--unknown-fields)";

struct ShapedReader {
    reader: Box<dyn RowReader>,
    shaper: Shaper,
}

/// A reader whose rows keep the rules, if they are to be shaped.
pub(super) fn shaped(reader: Box<dyn RowReader>, settings: &InputSettings) -> Box<dyn RowReader> {
    let rules = &settings.rules;
    if !settings.shaped || rules.is_nothing() {
        return reader;
    }
    Box::new(ShapedReader {
        reader,
        shaper: Shaper::new(rules),
    })
}

/// Why a row is not sent.
struct Fault {
    code: RejectCode,
    column: Option<String>,
    message: String,
}

impl ShapedReader {
    /// The pending row, which is not sent and belongs to the current range from now on.
    fn refuse(&mut self, fault: Fault, row: &[u8], place: (Position, u64)) -> Next {
        let raw = self.reader.pending_record().unwrap_or(row);
        let (position, length) = place;
        let reject = LocalReject {
            column: fault.column,
            length,
            day: self.reader.day(),
            ..LocalReject::new(position, raw, fault.code, fault.message)
        };
        self.reader.accept();
        Next::Rejected(Box::new(reject))
    }
}

impl RowReader for ShapedReader {
    fn next(&mut self, body: &mut Vec<u8>) -> Result<Next, InputError> {
        let before = body.len();
        let next = self.reader.next(body)?;
        let Next::Row { position, length } = next else {
            return Ok(next);
        };
        let row = body.get(before..).unwrap_or_default();
        let fault = match self.shaper.shape(row) {
            Shaped::AsItIs => return Ok(next),
            Shaped::Rewritten(b"{}") => Fault {
                code: RejectCode::EmptyRow,
                column: None,
                message: NOTHING_IS_LEFT.to_owned(),
            },
            Shaped::Rewritten(row) => {
                body.truncate(before);
                body.extend_from_slice(row);
                return Ok(next);
            }
            Shaped::Refused(violations) => fault_of(violations),
        };
        let refused = self.refuse(fault, row, (position, length));
        body.truncate(before);
        Ok(refused)
    }

    fn accept(&mut self) {
        self.reader.accept();
    }

    fn pending_record(&self) -> Option<&[u8]> {
        self.reader.pending_record()
    }

    fn cut(&mut self) -> RawRange {
        self.reader.cut()
    }

    fn consumed_bytes(&self) -> u64 {
        self.reader.consumed_bytes()
    }

    fn warnings(&mut self) -> Vec<RowWarning> {
        self.reader.warnings()
    }

    fn columns(&self) -> Vec<String> {
        self.reader.columns()
    }

    fn unused(&self) -> Vec<(String, &'static str)> {
        // A column without a value in it is there all the same.
        let columns = self.reader.columns();
        let owned = |(field, option): (&str, _)| (field.to_owned(), option);
        let unused = self.shaper.unused().map(owned);
        unused
            .filter(|(field, _)| !columns.contains(field))
            .collect()
    }

    fn day(&self) -> Option<DataDate> {
        self.reader.day()
    }
}

/// The first fault decides about code and column; the message tells of all.
fn fault_of(violations: &[Violation]) -> Fault {
    let mut message = String::new();
    for (index, violation) in violations.iter().take(MAX_TOLD).enumerate() {
        if index > 0 {
            message.push_str("; ");
            message.push_str(&name_of(violation));
            message.push_str(": ");
        }
        message.push_str(&violation.message);
    }
    let untold = violations.len().saturating_sub(MAX_TOLD);
    if untold > 0 {
        message.extend(["; and ", &untold.to_string(), " more"]);
    }
    Fault {
        // A refused row has a violation.
        code: violations
            .first()
            .map_or(RejectCode::NotObject, |it| RejectCode::Rule(it.kind)),
        column: violations.first().map(name_of),
        message,
    }
}

fn name_of(violation: &Violation) -> String {
    violation.field.chars().take(MAX_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests;
