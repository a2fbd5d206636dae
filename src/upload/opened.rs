//! A reader that was opened to send batches again and may go on with the rows behind them: what is
//! compressed is then inflated once.

use crate::input::{RowReader, Start};
use crate::ledger::InputId;

/// Records in front of the next one that are read again rather than sought: seeking in what is
/// compressed inflates it from its beginning.
const FEW_RECORDS: u64 = 100_000;

/// A reader that stands behind some record.
pub(super) struct Opened {
    pub(super) input: InputId,
    pub(super) reader: Box<dyn RowReader>,
    /// The last record that was read.
    pub(super) last_record: u64,
}

impl Opened {
    /// The reader, if it can be taken to this place of its input, with its next range beginning there.
    pub(super) fn go_on(self, place: Start) -> Option<Box<dyn RowReader>> {
        let Self {
            mut reader,
            mut last_record,
            ..
        } = self;
        let between = place.record.checked_sub(last_record.checked_add(1)?)?;
        if between > FEW_RECORDS {
            return None;
        }
        let mut passed = Vec::new();
        while last_record.saturating_add(1) < place.record {
            let next = reader.next(&mut passed).ok()?;
            passed.clear();
            last_record = next.position()?.ordinal;
        }
        reader.accept();
        // They were told of when these rows were read first.
        let _told_before = reader.warnings();
        (Start::after(&reader.cut()) == place).then_some(reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Format, InputSettings, Next, open_stream};
    use std::io::Cursor;

    /// A reader that has read the first rows of a text.
    fn behind(rows: u64, text: &str) -> Opened {
        let settings = InputSettings {
            format: Format::Jsonl,
            ..InputSettings::default()
        };
        let bytes = Box::new(Cursor::new(text.to_owned().into_bytes()));
        let mut reader = open_stream(bytes, "rows", &settings, &[]).unwrap();
        for _ in 0..rows {
            reader.next(&mut Vec::new()).unwrap();
        }
        Opened {
            input: InputId(1),
            reader,
            last_record: rows,
        }
    }

    fn next(reader: &mut dyn RowReader) -> (u64, String) {
        let mut body = Vec::new();
        let Next::Row { position, .. } = reader.next(&mut body).unwrap() else {
            panic!("no row");
        };
        (position.line, String::from_utf8(body).unwrap())
    }

    const TEXT: &str = "{\"n\":1}\nbad\n{\"n\":3}\n\n{\"n\":4}\n";

    #[test]
    fn it_goes_on_with_the_next_row_of_the_next_range() {
        let second = Start {
            offset: 8,
            record: 2,
            line: 2,
        };
        let third = Start {
            offset: 12,
            record: 3,
            line: 3,
        };
        let mut reader = behind(1, TEXT).go_on(third).unwrap();
        assert_eq!(next(reader.as_mut()), (3, "{\"n\":3}".to_owned()));
        reader.accept();
        assert_eq!(Start::before(&reader.cut()), third);
        assert!(behind(1, TEXT).go_on(second).is_some());
    }

    #[test]
    fn it_does_not_go_back_nor_to_where_no_range_can_begin() {
        let behind_the_blank_line = Start {
            offset: 21,
            record: 4,
            line: 5,
        };
        assert!(behind(1, TEXT).go_on(behind_the_blank_line).is_none());
        assert!(behind(1, TEXT).go_on(Start::BEGINNING).is_none());
        let far = Start {
            record: 9,
            ..behind_the_blank_line
        };
        assert!(behind(1, TEXT).go_on(far).is_none());
    }
}
