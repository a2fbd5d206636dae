//! How the records of an input are written, for writing some of them again in the same way.
//!
//! A CSV without named columns has its header in the file alone, so the file is opened for it; for
//! everything else the name and the options are enough, also when the file is gone. No record is
//! judged here.

use super::csv_dialect::dialect;
use super::open::{format_of_name, open_file};
use super::{CsvDialect, Format, InputError, InputSettings, Location, Next, Start};
use std::path::Path;

/// How records are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// One JSON object a line.
    JsonLines,
    /// Cells, perhaps quoted.
    Csv {
        /// What divides the cells.
        dialect: CsvDialect,
        /// What the cells are.
        columns: Vec<String>,
        /// Whether the columns are named by the first record.
        has_header: bool,
    },
}

/// How the records of an input are written that is read with these settings; fails when that stands
/// in a file that cannot be read.
pub fn layout(name: &str, settings: &InputSettings) -> Result<Layout, InputError> {
    let format = match settings.format {
        // Without an extension nothing but JSON lines is read.
        Format::Auto => format_of_name(name).unwrap_or(Format::Jsonl),
        named => named,
    };
    if matches!(format, Format::Jsonl | Format::Json | Format::Parquet) {
        return Ok(Layout::JsonLines);
    }
    let told = dialect(format, settings, b"").map_err(|fault| InputError {
        input: name.to_owned(),
        line: None,
        fault,
    })?;
    let (columns, own) = if let Some(columns) = &settings.columns {
        (columns.clone(), None)
    } else {
        let reader = open_file(Location::of_name(name), settings, Start::BEGINNING)?;
        (reader.columns(), reader.dialect())
    };
    Ok(Layout::Csv {
        dialect: own.unwrap_or(told.dialect),
        columns,
        has_header: settings.columns.is_none(),
    })
}

/// Counts the records of a file, good and bad ones.
pub fn count_records(path: &Path, settings: &InputSettings) -> Result<u64, InputError> {
    let mut reader = open_file(path, settings, Start::BEGINNING)?;
    let (mut records, mut body) = (0_u64, Vec::new());
    loop {
        body.clear();
        match reader.next(&mut body)? {
            Next::NothingYet | Next::End => return Ok(records),
            Next::Row { .. } | Next::Rejected(_) => records = records.saturating_add(1),
        }
    }
}
