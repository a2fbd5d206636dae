//! Rejected rows written as the rows of their input: JSON lines as their bytes, CSV records as they
//! stood in the file, and rows that left as JSON as records under the header of their file.
//!
//! Memory is bounded by a page of rows. Nothing is corrected here.

use crate::input::{CsvDialect, InputSettings, MAX_REJECT_RAW_BYTES, RejectCode};
use crate::ledger::{InputId, LedgerReader, PartitionId, RejectRow};
use anyhow::Context;
use serde_json::Value;
use std::io::Write;
use std::path::Path;

/// Rows that are looked up at a time.
const PAGE: u32 = 500;

/// How rows are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// As they are, one a line.
    JsonLines,
    /// As JSON lines, with what is no JSON in an object with its place.
    Wrapped,
    /// As CSV records.
    Csv {
        /// What divides the cells.
        dialect: CsvDialect,
        /// What the cells are.
        columns: Vec<String>,
        /// What the cells are in a row that was sent.
        sent: Sent,
        /// Whether the columns are named by the first record.
        has_header: bool,
    },
}

/// What cells become in a row that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    /// The name of each column in the row.
    names: Vec<String>,
    /// The cell that becomes `null`.
    null: String,
}

impl Sent {
    /// What the cells of these columns become.
    pub(super) fn of(columns: &[String], settings: &InputSettings) -> Self {
        let renames = &settings.rules.renames;
        let sent_as = |column: &String| {
            let renamed = renames.iter().find(|(from, _)| from == column);
            renamed.map_or_else(|| column.clone(), |(_, to)| to.clone())
        };
        Self {
            names: columns.iter().map(sent_as).collect(),
            null: settings.null_strings.first().cloned().unwrap_or_default(),
        }
    }
}

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Numbers of the rows.
    pub(super) ids: Vec<i64>,
    /// Places of rows that are not kept whole.
    pub(super) cut_off: Vec<String>,
}

impl Form {
    /// Of a file that holds such rows.
    pub(super) fn extension(&self) -> &'static str {
        match self {
            Self::JsonLines | Self::Wrapped => "jsonl",
            Self::Csv { dialect, .. } if dialect.delimiter == "\t" => "tsv",
            Self::Csv { .. } => "csv",
        }
    }

    /// The options with which a file of such rows is read, each after a space.
    pub(super) fn options(&self, path: &Path) -> String {
        let mut options = String::new();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if extension != Some(self.extension()) {
            options.push_str(" --format ");
            options.push_str(self.extension());
        }
        let Self::Csv {
            dialect,
            columns,
            has_header,
            ..
        } = self
        else {
            return options;
        };
        let mut option = |name: &str, value: &str| {
            // A quote in quotes of the shell is written outside of them; what is typed back must
            // also survive a terminal.
            let value = value.replace('\'', r"'\''");
            options.extend([" ", name, " '", &value, "'"]);
        };
        match dialect.delimiter.as_str() {
            "," | "\t" => {}
            one => match one.as_bytes() {
                [byte] if byte.is_ascii_control() => {
                    option("--delimiter", &format!("\\x{byte:02x}"));
                }
                _ => option("--delimiter", one),
            },
        }
        let character =
            |byte: Option<u8>| byte.map_or("none".to_owned(), |byte| char::from(byte).to_string());
        if dialect.quote != Some(b'"') {
            option("--quote", &character(dialect.quote));
        }
        if dialect.escape.is_some() {
            option("--escape", &character(dialect.escape));
        }
        if !has_header {
            options.extend([" --columns '", &columns.join(","), "'"]);
        }
        options
    }

    /// Writes what stands before the rows.
    pub(super) fn write_header(&self, out: &mut dyn Write) -> Result<(), anyhow::Error> {
        match self {
            Self::Csv {
                dialect,
                columns,
                has_header: true,
                ..
            } => write_record(out, dialect, columns),
            _ => Ok(()),
        }
    }

    fn write_row(
        &self,
        row: &RejectRow,
        raw: &[u8],
        out: &mut dyn Write,
    ) -> Result<(), anyhow::Error> {
        let from_server = row.source == "server";
        match self {
            Self::Csv { dialect, sent, .. } if from_server => {
                let cells = cells_of(raw, sent)
                    .with_context(|| format!("the rejected row {} is no JSON object", row.id))?;
                return write_record(out, dialect, &cells);
            }
            Self::Wrapped if !from_server => {
                let mut object = serde_json::json!({"file": row.file, "line": row.line});
                if let Some(fields) = object.as_object_mut() {
                    match std::str::from_utf8(raw) {
                        Ok(text) => fields.insert("raw".to_owned(), text.into()),
                        Err(_) => fields.insert("raw_hex".to_owned(), hex::encode(raw).into()),
                    };
                }
                out.write_all(object.to_string().as_bytes())?;
            }
            Self::Csv { .. } => out.write_all(raw)?,
            // A row of a JSON array may go over several lines; its line ends are white space.
            _ => {
                let line: Vec<u8> = raw
                    .iter()
                    .map(|byte| if *byte == b'\n' { b' ' } else { *byte })
                    .collect();
                out.write_all(&line)?;
            }
        }
        out.write_all(b"\n")?;
        Ok(())
    }
}

/// Writes the open rejected rows that came from an input.
pub(super) fn write_rows(
    reader: &LedgerReader,
    (partition, input): (PartitionId, InputId),
    form: &Form,
    out: &mut dyn Write,
    written: &mut Written,
) -> Result<(), anyhow::Error> {
    let mut after: Option<RejectRow> = None;
    loop {
        let mut page = reader.open_rejects_of(partition, input, after.as_ref(), PAGE)?;
        for row in &page {
            let raw = raw_of(reader, row)?;
            if is_cut_off(row, &raw) {
                written.cut_off.push(format!("{}:{}", row.file, row.line));
                continue;
            }
            form.write_row(row, &raw, out)?;
            written.ids.push(row.id);
        }
        after = page.pop();
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Rows that were refused before sending are kept up to a size; the platform's refusals are whole.
fn is_cut_off(row: &RejectRow, raw: &[u8]) -> bool {
    row.code == RejectCode::TooLong.as_str()
        || (row.source == "local" && raw.len() >= MAX_REJECT_RAW_BYTES)
}

fn raw_of(reader: &LedgerReader, row: &RejectRow) -> Result<Vec<u8>, anyhow::Error> {
    let damaged = || format!("the rejected row {} cannot be read back", row.id);
    let line = reader.raw_line(row)?;
    let fields: Value = serde_json::from_slice(&line).with_context(damaged)?;
    if let Some(text) = fields.get("raw").and_then(Value::as_str) {
        return Ok(text.as_bytes().to_vec());
    }
    let digits = fields.get("raw_hex").and_then(Value::as_str);
    hex::decode(digits.with_context(damaged)?).with_context(damaged)
}

/// The cells of a row that left as JSON; what it does not have is empty.
fn cells_of(raw: &[u8], sent: &Sent) -> Option<Vec<String>> {
    let row: Value = serde_json::from_slice(raw).ok()?;
    let row = row.as_object()?;
    let cells = sent.names.iter().map(|name| match row.get(name) {
        None => String::new(),
        Some(Value::Null) => sent.null.clone(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    });
    Some(cells.collect())
}

/// Writes cells so that a reader of this dialect has them back.
fn write_record(
    out: &mut dyn Write,
    dialect: &CsvDialect,
    cells: &[String],
) -> Result<(), anyhow::Error> {
    let mut record = String::new();
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            record.push_str(&dialect.delimiter);
        }
        let special = |c: char| {
            let byte = u8::try_from(c).ok();
            matches!(c, '\r' | '\n')
                || (byte.is_some() && (byte == dialect.quote || byte == dialect.escape))
        };
        // The only cell of a record, if empty, would be a blank line.
        let is_blank = cells.len() == 1 && cell.is_empty();
        let divides = cell.contains(&dialect.delimiter) || cell.contains(special) || is_blank;
        match dialect.quote.map(char::from) {
            Some(quote) if divides => {
                let lead = dialect.escape.map_or(quote, char::from);
                record.push(quote);
                for c in cell.chars() {
                    if c == quote || Some(c) == dialect.escape.map(char::from) {
                        record.push(lead);
                    }
                    record.push(c);
                }
                record.push(quote);
            }
            None if divides && dialect.escape.is_some() => escape_into(&mut record, cell, dialect),
            None if divides && !is_blank => anyhow::bail!(
                "a cell of a refused row holds a delimiter or a line end, which cannot be written without quotes; replay that row as JSON"
            ),
            _ => record.push_str(cell),
        }
    }
    record.push('\n');
    out.write_all(record.as_bytes())?;
    Ok(())
}

/// Writes a cell without quotes.
fn escape_into(record: &mut String, cell: &str, dialect: &CsvDialect) {
    let escape = dialect.escape.map(char::from);
    for c in cell.chars() {
        if matches!(c, '\r' | '\n') || dialect.delimiter.contains(c) || Some(c) == escape {
            record.extend(escape);
        }
        record.push(c);
    }
}
