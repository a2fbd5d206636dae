//! CSV, compared with a second reader and, where both know what to do, with the crate `csv`: every
//! record is a row of exactly its cells or a reject with the right reason, in its right place.

use super::csv_oracle::{Record, records};
use super::reading::{Content, Found, Steps, read_all_ways};
use super::tape::Tape;
use byteair_sync::domain::Position;
use byteair_sync::input::{Compression, EmptyCells, Format, InputFault, InputSettings};
use serde_json::Value;
use std::collections::HashSet;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Five bytes of choices, then the content of a file.
pub(crate) fn check(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    let delimiter = tape.choose(&[None, Some(b';'), Some(b'|'), Some(b' '), Some(b'\t')]);
    let named = tape.choose(&[0, 1, 2]);
    let columns = ["a", "b \"蓝\"\\"].iter().take(named);
    let columns: Vec<String> = columns.map(ToString::to_string).collect();
    let settings = InputSettings {
        format: tape.choose(&[Format::Csv, Format::Tsv]),
        compression: Compression::None,
        delimiter: delimiter.map(|byte| char::from(byte).to_string()),
        columns: (named > 0).then_some(columns),
        empty: tape.choose(&[
            EmptyCells::Omit,
            EmptyCells::Null,
            EmptyCells::String,
            EmptyCells::Error,
        ]),
        max_row_bytes: tape.choose(&[1 << 20, 200, 30, 5, 1]),
        ..InputSettings::default()
    };
    let steps = Steps {
        bytes: tape.choose(&[7, 1, 2, 50]),
        records: tape.choose(&[2, 1, 5]),
    };
    let content = tape.rest();
    if is_marked(content) {
        return;
    }
    let expected = Expected::of(content, &settings);
    expected.check_with_csv_crate(content);
    let header = expected.header_problem(&settings);
    match (read_all_ways(content, &settings, steps), header) {
        (Ok(read), None) => {
            assert!(!expected.ends_open, "an open quote is noticed");
            expected.compare(&read, &settings);
        }
        (Err(error), header) => match error.fault {
            InputFault::Unsupported { .. } => {}
            InputFault::UnclosedQuote => {
                assert!(expected.ends_open);
                let last = expected.records.last().or(expected.header.as_ref());
                assert_eq!(error.line, last.map(|it| it.line));
            }
            _ => assert!(header.is_some(), "{error}"),
        },
        (Ok(_), Some(problem)) => panic!("a header with {problem} is taken"),
    }
}

/// UTF-16, whose ranges are those of the decoded text, or a first line that names the delimiter.
fn is_marked(content: &[u8]) -> bool {
    let text = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let text = text.strip_prefix(b"\"").unwrap_or(text);
    let key = text.get(..4).unwrap_or_default();
    let utf16 = content.starts_with(b"\xff\xfe") || content.starts_with(b"\xfe\xff");
    utf16 || key.eq_ignore_ascii_case(b"sep=")
}

/// Control characters, a second mark, or the beginning of a document.
fn is_no_name(name: &[u8]) -> bool {
    let is_control = |byte: &u8| matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 127);
    let text = String::from_utf8_lossy(name)
        .trim_start()
        .to_ascii_lowercase();
    let begins = |mark: &&str| text.starts_with(mark);
    name.starts_with(BOM)
        || name.iter().any(is_control)
        || is_json(&text)
        || ["<?xml", "<!doctype", "<html", "%pdf-"].iter().any(begins)
}

/// Whether a name in lower case is JSON.
fn is_json(name: &str) -> bool {
    let name = name.trim_matches(|c: char| c.is_ascii_whitespace());
    ["{", "["].contains(&name)
        || ['{', '['].into_iter().any(|open| {
            let rest = name.strip_prefix(open).unwrap_or_default();
            let next = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
            let marks = if open == '{' { "\"}'" } else { "{[\"" };
            next.starts_with(|c| marks.contains(c))
        })
}

/// Whether a name is a number, so that the header is a row.
fn is_number(name: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    name.iter().any(is_digit) && name.iter().all(|it| is_digit(it) || b"+-.".contains(it))
}

/// What the oracle makes of a file.
struct Expected {
    delimiter: u8,
    columns: Vec<Vec<u8>>,
    /// Without the header.
    records: Vec<Record>,
    header: Option<Record>,
    ends_open: bool,
}

impl Expected {
    fn of(content: &[u8], settings: &InputSettings) -> Self {
        let own = if settings.format == Format::Tsv {
            b'\t'
        } else {
            b','
        };
        let given = settings.delimiter.as_ref().and_then(|it| it.bytes().next());
        let delimiter = given.unwrap_or(own);
        let from = if content.starts_with(b"\xef\xbb\xbf") {
            3
        } else {
            0
        };
        let mut records = records(content, from, delimiter);
        let ends_open = records.last().is_some_and(|it| it.is_open);
        let header = match settings.columns {
            None if !records.is_empty() => Some(records.remove(0)),
            _ => None,
        };
        let named = settings.columns.iter().flatten();
        let columns = match &header {
            Some(header) => header.cells.clone(),
            None => named.map(|name| name.as_bytes().to_vec()).collect(),
        };
        Self {
            delimiter,
            columns,
            records,
            header,
            ends_open,
        }
    }

    /// Why the columns cannot be named.
    fn header_problem(&self, settings: &InputSettings) -> Option<&'static str> {
        let distinct: HashSet<&Vec<u8>> = self.columns.iter().collect();
        let Some(header) = self.header.as_ref() else {
            let first = self.records.first()?;
            let fits = !first.is_open && first.length <= settings.max_row_bytes;
            return (fits && first.cells == self.columns).then_some("the names of --columns");
        };
        let problems = [
            (header.is_open, "an open quote"),
            (header.length > settings.max_row_bytes, "too many bytes"),
            (header.bad_quotes.is_some(), "text behind a quote"),
            (distinct.len() < self.columns.len(), "a name twice"),
            (distinct.contains(&Vec::new()), "an empty name"),
            (
                self.columns.iter().any(|it| is_no_name(it)),
                "what no column is called",
            ),
            (
                !self.columns.is_empty() && self.columns.iter().all(|name| is_number(name)),
                "numbers for names",
            ),
        ];
        let utf8 = |name: &Vec<u8>| std::str::from_utf8(name).is_ok();
        let problems = problems.into_iter().find(|(is_so, _)| *is_so);
        let text = (!self.columns.iter().all(utf8)).then_some("bad UTF-8");
        let single = self.columns.len() == 1 && settings.delimiter.is_none();
        // The delimiter itself stands in a name that is quoted with the others.
        let wide = single && String::from_utf8_lossy(&self.columns[0]).contains('，');
        let divided = wide || single && (b";\t|,".iter()).any(|it| self.columns[0].contains(it));
        let divided = divided.then_some("another delimiter");
        problems.map(|(_, what)| what).or(text).or(divided)
    }

    /// The crate knows neither bad quotes nor open ones; otherwise it has to agree.
    fn check_with_csv_crate(&self, content: &[u8]) {
        let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
        // It would strip another one.
        if self.ends_open || content.starts_with(b"\xef\xbb\xbf") {
            return;
        }
        let mut reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.delimiter)
            .from_reader(content);
        let mut theirs = reader.byte_records();
        for ours in self.header.iter().chain(&self.records) {
            let theirs = theirs.next().unwrap().unwrap();
            assert!(theirs.iter().eq(&ours.cells), "{theirs:?} {ours:?}");
        }
        assert!(theirs.next().is_none());
    }

    fn compare(&self, read: &Content, settings: &InputSettings) {
        assert_eq!(read.records.len(), self.records.len());
        assert!(read.warnings.is_empty());
        for (ordinal, (found, record)) in (1..).zip(read.records.iter().zip(&self.records)) {
            let place = Position {
                ordinal,
                line: record.line,
                offset: u64::try_from(record.offset).unwrap(),
            };
            assert_eq!(found.position(), place, "{record:?}");
            let length = u64::try_from(record.length).unwrap();
            match (found, self.judge(record, settings)) {
                (Found::Row(row, _, found), Ok(json)) => {
                    assert_eq!(
                        (String::from_utf8_lossy(row), *found),
                        (json.into(), length)
                    );
                    self.check_cells(row, record);
                }
                (Found::Rejected(reject), Err(codes)) => {
                    assert!(
                        codes.contains(&reject.code.as_str()),
                        "{codes:?} {reject:?}"
                    );
                    assert_eq!(reject.length, length);
                }
                (found, expected) => panic!("{found:?} instead of {expected:?}"),
            }
        }
    }

    /// The row, or the reasons that may be given for there being none.
    fn judge(
        &self,
        record: &Record,
        settings: &InputSettings,
    ) -> Result<String, Vec<&'static str>> {
        if record.length > settings.max_row_bytes {
            return Err(vec!["too_long"]);
        }
        if record.bad_quotes.is_some() {
            return Err(vec!["bad_quotes"]);
        }
        if record.cells.len() != self.columns.len() {
            // Cells that are broken each may make sense one after the other.
            let broken = |cell: &Vec<u8>| std::str::from_utf8(cell).is_err();
            let broken = record.cells.iter().any(broken);
            let codes = [
                broken.then_some("not_utf8"),
                std::str::from_utf8(&record.cells.concat())
                    .is_ok()
                    .then_some("ragged"),
            ];
            return Err(codes.into_iter().flatten().collect());
        }
        let empty = record.cells.iter().any(Vec::is_empty);
        let empty_is_bad = empty && settings.empty == EmptyCells::Error;
        let texts: Vec<_> = record
            .cells
            .iter()
            .map(|it| std::str::from_utf8(it))
            .collect();
        if texts.iter().any(Result::is_err) {
            let codes = [Some("not_utf8"), empty_is_bad.then_some("empty_cell")];
            return Err(codes.into_iter().flatten().collect());
        }
        if self.is_header(record) {
            return Err(vec!["repeated_header"]);
        }
        if empty_is_bad {
            return Err(vec!["empty_cell"]);
        }
        let names = self
            .columns
            .iter()
            .map(|it| std::str::from_utf8(it).unwrap());
        let members = names
            .zip(texts.into_iter().flatten())
            .filter_map(|(name, cell)| {
                let value = match (cell, settings.empty) {
                    ("", EmptyCells::Omit) => return None,
                    ("", EmptyCells::Null) => Value::Null,
                    (cell, _) => Value::from(cell),
                };
                Some(format!("{}:{value}", Value::from(name)))
            });
        let members: Vec<String> = members.collect();
        if members.is_empty() {
            return Err(vec!["empty_row"]);
        }
        Ok(format!("{{{}}}", members.join(",")))
    }

    /// Whether a record is the header once more, perhaps behind the mark of another file.
    fn is_header(&self, record: &Record) -> bool {
        let unmarked = |cell: &Vec<u8>| cell.strip_prefix(BOM).unwrap_or(cell).to_vec();
        let cells: Vec<Vec<u8>> = record.cells.iter().map(unmarked).collect();
        self.header.is_some() && self.columns.len() > 1 && cells == self.columns
    }

    /// The JSON that was made reads back as the cells.
    fn check_cells(&self, row: &[u8], record: &Record) {
        let row: Value = serde_json::from_slice(row).unwrap();
        for (name, cell) in self.columns.iter().zip(&record.cells) {
            let name = std::str::from_utf8(name).unwrap();
            let value = row.get(name).and_then(Value::as_str).unwrap_or_default();
            assert_eq!(value.as_bytes(), cell);
        }
    }
}
