//! Rows from CSV: each record becomes a JSON object of strings, in the order of the columns.
//!
//! Nothing is guessed: every cell is a string, and an empty cell or one of `--null-strings`, quoted
//! or not, is what the options say; types are the business of [`super::shaped`]. Records are parsed by csv-core in [`super::csv_record`]; here they are
//! named, judged and encoded.

use super::csv_dialect::CsvDialect;
use super::csv_header::{check_delimiter, check_no_row, problem_with, read_header};
use super::csv_record::{Record, Records, raw_record};
use super::row::{RejectCode, RowReader};
use super::window::{Window, wide};
use super::{
    EmptyCells, InputError, InputFault, InputSettings, LocalReject, Next, RawRange, RowWarning,
    Start,
};

pub(super) struct CsvReader {
    window: Window,
    records: Records,
    columns: Vec<Column>,
    dialect: CsvDialect,
    /// Whether the columns were named by an option.
    named: bool,
    empty: EmptyCells,
    null_strings: Vec<String>,
    pending: bool,
}

struct Column {
    name: String,
    /// The name as a JSON key with its colon.
    key: Vec<u8>,
    /// Whether it is left out of what is sent, so that no cell of it can be at fault.
    dropped: bool,
}

impl CsvReader {
    /// Reads the header from the cursor of a window, unless the columns are named, and rows from
    /// `start` on.
    pub(super) fn new(
        mut window: Window,
        settings: &InputSettings,
        dialect: CsvDialect,
        start: Start,
    ) -> Result<Self, InputError> {
        let mut records = Records::new(&dialect, settings.max_row_bytes);
        let names = match &settings.columns {
            Some(names) => names.clone(),
            None => read_header(&mut window, &mut records)?,
        };
        if let Some(problem) = problem_with(&names) {
            let fault = match settings.columns {
                Some(_) => InputFault::BadOption { problem },
                None => InputFault::BadHeader { problem },
            };
            return Err(window.error(Some(1), fault));
        }
        if settings.columns.is_none() {
            check_no_row(&window, &names)?;
            if settings.delimiter.is_none() {
                check_delimiter(&window, &names, &dialect.delimiter)?;
            }
        }
        settings
            .check_renames(|name| names.iter().any(|it| it == name))
            .map_err(|fault| window.error(Some(1), fault))?;
        if start != Start::BEGINNING {
            window.jump(start)?;
        }
        records.expect_cells(names.len());
        let dropped = settings.dropped();
        let column = |name: String| Column::new(dropped(&name), name);
        Ok(Self {
            window,
            records,
            columns: names.into_iter().map(column).collect(),
            dialect,
            named: settings.columns.is_some(),
            empty: settings.empty,
            null_strings: settings.null_strings.clone(),
            pending: false,
        })
    }

    /// Judges the record that was read and appends its object to `body`.
    fn encode(&self, cells: usize, body: &mut Vec<u8>) -> Result<(), Fault> {
        self.check_quotes()?;
        let text = simdutf8::basic::from_utf8(self.records.text()).ok();
        if cells != self.columns.len() {
            let message = format!("{cells} cells, but {} columns", self.columns.len());
            // Half a character may look like a delimiter, or have taken one with it.
            return Err(match text {
                Some(_) => Fault::new(RejectCode::Ragged, message),
                None => Fault::new(RejectCode::NotUtf8, String::new()),
            });
        }
        text.map_or(Ok(()), |text| self.check_header(text))?;
        body.push(b'{');
        let mut first = true;
        for (column, (from, to)) in self.columns.iter().zip(self.records.bounds()) {
            // Two cells may be broken and yet make sense one after the other.
            let cell = match text {
                Some(text) => text.get(from..to),
                None => self.cell(from, to),
            };
            let Some(cell) = cell.or(column.dropped.then_some("")) else {
                // Where it is broken is told by who knows where the record is.
                return Err(Fault::new(RejectCode::NotUtf8, String::new()).at(column));
            };
            if cell.is_empty() && (column.dropped || self.empty == EmptyCells::Omit) {
                continue;
            }
            if cell.is_empty() && self.empty == EmptyCells::Error {
                let message = "an empty cell (--empty error)".to_owned();
                return Err(Fault::new(RejectCode::EmptyCell, message).at(column));
            }
            if !first {
                body.push(b',');
            }
            first = false;
            body.extend_from_slice(&column.key);
            if self.is_null(cell) {
                body.extend_from_slice(b"null");
            } else {
                push_json(body, cell);
            }
        }
        if first {
            let message = "every cell is empty, so nothing is left to send".to_owned();
            return Err(Fault::new(RejectCode::EmptyRow, message));
        }
        body.push(b'}');
        Ok(())
    }

    /// A header among the rows is where another file was put behind the first one.
    fn check_header(&self, text: &str) -> Result<(), Fault> {
        // A column alone may well have a value that is its name.
        if self.named || self.columns.len() < 2 {
            return Ok(());
        }
        let mut cells = self.columns.iter().zip(self.records.bounds());
        let is_name = |(column, (from, to)): (&Column, (usize, usize))| {
            let cell = text.get(from..to).unwrap_or_default();
            cell.strip_prefix('\u{feff}').unwrap_or(cell) == column.name
        };
        if !cells.all(is_name) {
            return Ok(());
        }
        let message = "the header once more; were several files put together?".to_owned();
        Err(Fault::new(RejectCode::RepeatedHeader, message))
    }

    fn is_null(&self, cell: &str) -> bool {
        (cell.is_empty() && self.empty == EmptyCells::Null)
            || self.null_strings.iter().any(|null| null == cell)
    }

    fn check_quotes(&self) -> Result<(), Fault> {
        let record = raw_record(&self.window, &self.records);
        let Some(cell) = self.records.broken_cell(record) else {
            return Ok(());
        };
        let number = cell.saturating_add(1);
        let mut message =
            format!("text behind the closing quote of cell {number}; write quotes in a cell twice");
        // Spark writes quotes so unless it is told otherwise.
        if record.windows(2).any(|pair| pair == br#"\""#) {
            message.push_str(r#", or say --escape '\' if \" is one"#);
        }
        let fault = Fault::new(RejectCode::BadQuotes, message);
        Err(match self.columns.get(cell) {
            Some(column) => fault.at(column),
            None => fault,
        })
    }

    /// A cell of a record that is not UTF-8 as a whole.
    fn cell(&self, from: usize, to: usize) -> Option<&str> {
        std::str::from_utf8(self.records.text().get(from..to)?).ok()
    }

    /// Whether the cells of the record are the names of the columns.
    fn repeats_names(&self) -> bool {
        let cells = self
            .records
            .bounds()
            .map(|(from, to)| self.records.text().get(from..to));
        cells.eq(self
            .columns
            .iter()
            .map(|column| Some(column.name.as_bytes())))
    }

    fn take_record(&mut self) {
        self.window
            .advance(self.records.length(), self.records.lines());
        self.window.count_record();
    }
}

impl RowReader for CsvReader {
    fn next(&mut self, body: &mut Vec<u8>) -> Result<Next, InputError> {
        self.accept();
        let record = self.records.next(&mut self.window)?;
        let position = self.window.position();
        let cells = match record {
            Record::End => return Ok(Next::End),
            Record::TooLong(reject) => {
                self.window.count_record();
                return Ok(Next::Rejected(reject));
            }
            Record::Cells(cells) => cells,
        };
        if self.named && position.ordinal == 1 && self.repeats_names() {
            let problem = "the first record repeats the names of --columns, so the file has a \
                           header; leave --columns out"
                .to_owned();
            let fault = InputFault::BadHeader { problem };
            return Err(self.window.error(Some(position.line), fault));
        }
        let before = body.len();
        match self.encode(cells, body) {
            Ok(()) => {
                self.pending = true;
                Ok(Next::Row {
                    position,
                    length: wide(self.records.content_length()),
                })
            }
            Err(fault) => {
                body.truncate(before);
                if !self.records.is_terminated() && self.window.may_be_cut_off() {
                    return Err(self.window.cut_off(position.line));
                }
                let raw = raw_record(&self.window, &self.records);
                let reason = (fault.code, fault.message);
                let (code, message) = self.window.explained(raw.len(), reason);
                let mut reject = LocalReject::new(position, raw, code, message);
                reject.column = fault.column;
                self.take_record();
                Ok(Next::Rejected(Box::new(reject)))
            }
        }
    }

    fn accept(&mut self) {
        if std::mem::take(&mut self.pending) {
            self.take_record();
        }
    }

    fn pending_record(&self) -> Option<&[u8]> {
        self.pending
            .then(|| raw_record(&self.window, &self.records))
    }

    fn cut(&mut self) -> RawRange {
        self.window.cut()
    }

    fn consumed_bytes(&self) -> u64 {
        self.window.consumed()
    }

    fn warnings(&mut self) -> Vec<RowWarning> {
        // Every cell is a string and every key occurs once.
        Vec::new()
    }

    fn columns(&self) -> Vec<String> {
        self.columns.iter().map(|it| it.name.clone()).collect()
    }

    fn dialect(&self) -> Option<CsvDialect> {
        Some(self.dialect.clone())
    }
}

impl Column {
    fn new(dropped: bool, name: String) -> Self {
        let mut key = Vec::with_capacity(name.len().saturating_add(3));
        push_json(&mut key, &name);
        key.push(b':');
        Self { name, key, dropped }
    }
}

/// Why a record is no row.
struct Fault {
    code: RejectCode,
    column: Option<String>,
    message: String,
}

impl Fault {
    const fn new(code: RejectCode, message: String) -> Self {
        Self {
            code,
            column: None,
            message,
        }
    }

    fn at(self, column: &Column) -> Self {
        Self {
            column: Some(column.name.clone()),
            ..self
        }
    }
}

fn push_json(json: &mut Vec<u8>, text: &str) {
    let begun = json.len();
    if serde_json::to_writer(&mut *json, text).is_err() {
        // Writing a text to memory does not fail; half a value must not stay if it ever does.
        json.truncate(begun);
        json.extend_from_slice(b"null");
    }
}

#[cfg(test)]
mod tests;
