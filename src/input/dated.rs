//! Rows that say their own day: what a reader gives, each row with its day.
//!
//! Wraps the reader of any format, beneath whatever makes rows what they are to be, so that the day
//! comes from the row as the input has it. A row without a usable day, or of a day that nobody asked
//! for, becomes a reject.

use super::date_field::{DateField, is_far};
use super::{
    CsvDialect, InputError, LocalReject, Next, RawRange, RejectCode, RowReader, RowWarning,
};
use crate::domain::{DataDate, Position};
use std::sync::Arc;

struct DatedReader {
    reader: Box<dyn RowReader>,
    field: Arc<DateField>,
    day: Option<DataDate>,
}

/// A reader whose rows have days, if a field is to say them.
pub(super) fn dated(
    reader: Box<dyn RowReader>,
    field: Option<&Arc<DateField>>,
) -> Box<dyn RowReader> {
    match field {
        None => reader,
        Some(field) => Box::new(DatedReader {
            reader,
            field: Arc::clone(field),
            day: None,
        }),
    }
}

impl DatedReader {
    /// The pending row, which is not sent and belongs to the current range from now on.
    fn refuse(&mut self, row: &[u8], place: (Position, u64), why: (RejectCode, String)) -> Next {
        let raw = self.reader.pending_record().unwrap_or(row);
        let (position, length) = place;
        let reject = LocalReject {
            column: Some(self.field.name.clone()),
            length,
            day: self.day,
            ..LocalReject::new(position, raw, why.0, why.1)
        };
        self.reader.accept();
        Next::Rejected(Box::new(reject))
    }
}

/// Why a day that nobody named is taken for a mistake: a partition that is begun for it stays.
fn far_day(day: DataDate) -> String {
    format!(
        "{day} is hardly the day that is meant: are these seconds or milliseconds, is --date-format right? If it is the day, name it with --date"
    )
}

impl RowReader for DatedReader {
    fn next(&mut self, body: &mut Vec<u8>) -> Result<Next, InputError> {
        let before = body.len();
        self.day = None;
        let next = self.reader.next(body)?;
        let Next::Row { position, length } = next else {
            return Ok(next);
        };
        let row = body.get(before..).unwrap_or_default();
        let why = match self.field.day_of(row) {
            Err(why) => (RejectCode::DateMissing, why),
            Ok(day) if self.field.wanted.is_none() && is_far(day) => {
                (RejectCode::DateMissing, far_day(day))
            }
            Ok(day) => {
                self.day = Some(day);
                let wanted = self.field.wanted.as_ref();
                if wanted.is_none_or(|days| days.binary_search(&day).is_ok()) {
                    return Ok(next);
                }
                // The ledger finds the day in this text again.
                let why = format!("the row is of {day}, which --date does not name");
                (RejectCode::DateOutside, why)
            }
        };
        let refused = self.refuse(row, (position, length), why);
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
        self.reader.unused()
    }

    fn dialect(&self) -> Option<CsvDialect> {
        self.reader.dialect()
    }

    fn day(&self) -> Option<DataDate> {
        self.day
    }
}
