//! Rows from the JSON lines of a columnar file: those with a fault are rejected with its reason.

use super::faults::{Faults, RowFault};
use crate::input::jsonl::JsonlReader;
use crate::input::{InputError, LocalReject, Next, RawRange, RejectCode, RowReader, RowWarning};

pub(in crate::input) struct ColumnarReader {
    lines: JsonlReader,
    faults: Faults,
}

impl ColumnarReader {
    /// Reads rows from lines whose faults are known.
    pub(in crate::input) const fn new(lines: JsonlReader, faults: Faults) -> Self {
        Self { lines, faults }
    }
}

impl RowReader for ColumnarReader {
    fn next(&mut self, body: &mut Vec<u8>) -> Result<Next, InputError> {
        let before = body.len();
        match self.lines.next(body)? {
            Next::Row { position, length } => {
                let row = body.get(before..).unwrap_or_default();
                let fault = self.faults.of_row(position.ordinal);
                let Some(fault) = fault.or_else(|| (row == b"{}").then(nothing_to_send)) else {
                    return Ok(Next::Row { position, length });
                };
                let mut reject = LocalReject::new(position, row, fault.code, String::new());
                explain(&mut reject, fault);
                body.truncate(before);
                self.lines.accept();
                Ok(Next::Rejected(Box::new(reject)))
            }
            Next::Rejected(mut reject) => {
                if let Some(fault) = self.faults.of_row(reject.position.ordinal) {
                    explain(&mut reject, fault);
                }
                Ok(Next::Rejected(reject))
            }
            end @ (Next::NothingYet | Next::End) => Ok(end),
        }
    }

    fn accept(&mut self) {
        self.lines.accept();
    }

    fn cut(&mut self) -> RawRange {
        self.lines.cut()
    }

    fn consumed_bytes(&self) -> u64 {
        self.lines.consumed_bytes()
    }

    fn warnings(&mut self) -> Vec<RowWarning> {
        self.lines.warnings()
    }
}

fn explain(reject: &mut LocalReject, fault: RowFault) {
    reject.code = fault.code;
    reject.column = fault.column.map(|name| name.to_string());
    reject.message = fault.message;
    if let Some(length) = fault.length {
        reject.length = length;
        reject.raw_truncated = true;
    }
}

fn nothing_to_send() -> RowFault {
    RowFault {
        code: RejectCode::EmptyRow,
        column: None,
        message: "every column is null, so nothing is left to send".to_owned(),
        length: None,
    }
}
