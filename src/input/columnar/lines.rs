//! The stream of lines: row group after row group, a few rows at a time.

use super::bounds::check_schema;
use super::contain::contained;
use super::cursor::{Cursor, damaged};
use super::faults::Faults;
use super::pages::page_reader;
use super::schema::{Field, fields_of};
use super::stored::Ranges;
use super::write::RowWriter;
use super::{ENCRYPTED_MAGIC, RowLines};
use crate::input::location::Stored;
use crate::input::remote::StoreFault;
use crate::input::{InputFault, InputSettings};
use parquet::basic::Compression as Codec;
use parquet::column::reader::get_column_reader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::reader::Length;
use std::io::{self, Read};

/// Bytes of lines written before they are handed on.
const WANTED_BYTES: usize = 64 << 10;
/// Rows written before they are handed on.
const WANTED_ROWS: u64 = 1024;
/// Bytes of a Parquet file that has nothing in it: two magics and a length.
const LEAST_BYTES: u64 = 12;
/// Bytes at the end of the file: the length of the footer and a magic.
const TAIL_BYTES: u64 = 8;

struct Lines {
    ranges: Ranges,
    metadata: ParquetMetaData,
    fields: Vec<Field>,
    max_row_bytes: usize,
    /// The row group being read, and its columns.
    group: usize,
    cursors: Vec<Cursor>,
    /// Rows of it that were read, and that it has.
    passed: u64,
    rows: u64,
    /// Ordinal of the next row of the file.
    next_row: u64,
    out: Vec<u8>,
    handed_on: usize,
    faults: Faults,
    failed: bool,
}

/// Opens a Parquet file as lines.
pub(in crate::input) fn row_lines(
    stored: Stored,
    settings: &InputSettings,
) -> std::result::Result<Box<dyn RowLines>, InputFault> {
    let ranges = Ranges::new(stored).map_err(reading)?;
    let footer = footer_place(&ranges)?;
    let opened = contained(|| {
        let footer = ranges.bytes(footer.0, footer.1)?;
        check_schema(&footer).map_err(damaged)?;
        checked(ParquetMetaDataReader::decode_metadata(&footer)?)
    });
    let metadata = opened
        .unwrap_or_else(|| Err(panicked()))
        .map_err(fault_of)?;
    let schema = metadata.file_metadata().schema_descr();
    let fields = fields_of(schema, settings.timestamps, &settings.dropped())?;
    if fields.is_empty() {
        return Err(bad("it has no columns"));
    }
    settings.check_renames(|name| fields.iter().any(|it| it.name.as_ref() == name))?;
    Ok(Box::new(Lines {
        ranges,
        metadata,
        fields,
        max_row_bytes: settings.max_row_bytes,
        group: 0,
        cursors: Vec::new(),
        passed: 0,
        rows: 0,
        next_row: 1,
        out: Vec::new(),
        handed_on: 0,
        faults: Faults::default(),
        failed: false,
    }))
}

/// Where the footer is and how long, by the last bytes, without which nothing of a Parquet file can
/// be read.
fn footer_place(ranges: &Ranges) -> std::result::Result<(u64, usize), InputFault> {
    let size = ranges.len();
    let mut tail = Vec::new();
    if size >= LEAST_BYTES {
        let end = size.saturating_sub(TAIL_BYTES);
        tail = ranges.bytes(end, 8).map_err(fault_of)?;
    }
    let (length, magic) = tail.split_at_checked(4).unwrap_or_default();
    match magic {
        ENCRYPTED_MAGIC => Err(encrypted()),
        super::MAGIC => {
            let length = length.try_into().map_or(u32::MAX, u32::from_le_bytes);
            let place = size
                .checked_sub(TAIL_BYTES.saturating_add(u64::from(length)))
                .ok_or_else(|| bad("its footer is longer than the file"))?;
            Ok((place, usize::try_from(length).unwrap_or(usize::MAX)))
        }
        _ => Err(match ranges.grown().map_err(reading)? {
            Some(now) => InputFault::StillGrowing { before: size, now },
            None => bad(
                "it has no footer at its end, so it is cut off or still being written; export or \
                 copy it again, or wait until it is complete",
            ),
        }),
    }
}

/// Refuses what the metadata shows to be unreadable.
fn checked(metadata: ParquetMetaData) -> Result<ParquetMetaData> {
    let mut rows = 0_i64;
    for group in metadata.row_groups() {
        if group.num_rows() < 0 || group.num_columns() != group.schema_descr().num_columns() {
            return Err(damaged("a row group does not fit the schema"));
        }
        rows = rows
            .checked_add(group.num_rows())
            .ok_or_else(|| damaged("too many rows"))?;
        for column in group.columns() {
            let codec = column.compression();
            if codec == Codec::LZO {
                return Err(ParquetError::NYI(format!(
                    "its column '{}' is compressed with LZO, which cannot be read; use zstd, snappy, gzip, lz4 or brotli",
                    column.column_path().string()
                )));
            }
        }
    }
    if rows != metadata.file_metadata().num_rows() {
        return Err(damaged(
            "its row groups have other numbers of rows than the file as a whole",
        ));
    }
    Ok(metadata)
}

const ENCRYPTED: &str = "it is encrypted, which cannot be read; export it without encryption";

impl Lines {
    /// Opens the columns of the row group that is next.
    fn open_group(&mut self) -> Result<()> {
        let group = self.metadata.row_groups().get(self.group);
        let group = group.ok_or_else(|| damaged("a row group is missing"))?;
        self.rows = rows_of(group);
        self.passed = 0;
        let rows = usize::try_from(self.rows).map_err(|_| damaged("too many rows"))?;
        self.cursors.clear();
        for column in group.columns() {
            let described = column.column_descr();
            let levels = (described.max_def_level(), described.max_rep_level());
            let values = u64::try_from(column.num_values())
                .unwrap_or_default()
                .max(1);
            let bytes = u64::try_from(column.uncompressed_size()).unwrap_or_default();
            let pages = page_reader(self.ranges.pages(column), column, rows)?;
            let reader = get_column_reader(column.column_descr_ptr(), pages);
            let cursor = Cursor::new(reader, levels, bytes / values);
            self.cursors.push(cursor);
        }
        Ok(())
    }

    /// Writes the next lines; none at the end.
    fn write_some(&mut self) -> Result<()> {
        self.out.clear();
        if self.out.capacity() > WANTED_BYTES.saturating_mul(4) {
            self.out = Vec::new();
        }
        self.handed_on = 0;
        let mut written = 0_u64;
        while self.out.len() < WANTED_BYTES && written < WANTED_ROWS {
            if self.passed == self.rows {
                if !self.next_group()? {
                    return Ok(());
                }
                continue;
            }
            self.write_row()?;
            written = written.saturating_add(1);
        }
        Ok(())
    }

    /// Begins the next row group; false when there is none.
    fn next_group(&mut self) -> Result<bool> {
        if !self.cursors.is_empty() {
            for cursor in &mut self.cursors {
                if !cursor.is_at_end()? {
                    return Err(damaged("a column has more rows than its row group"));
                }
            }
            self.cursors.clear();
            self.group = self.group.saturating_add(1);
        }
        if self.group >= self.metadata.num_row_groups() {
            (self.rows, self.passed) = (0, 0);
            return Ok(false);
        }
        self.open_group()?;
        Ok(true)
    }

    fn write_row(&mut self) -> Result<()> {
        for cursor in &mut self.cursors {
            cursor.begin_row()?;
        }
        let writer = RowWriter {
            cursors: &mut self.cursors,
            begin: self.out.len(),
            out: &mut self.out,
            max_row_bytes: self.max_row_bytes,
            dropped: 0,
            fault: None,
        };
        if let Some(fault) = writer.row(&self.fields)? {
            self.faults.note(self.next_row, fault);
        }
        self.passed = self.passed.saturating_add(1);
        self.next_row = self.next_row.saturating_add(1);
        Ok(())
    }

    /// Goes to a row, passing over whole row groups and over the pages in front of it.
    fn seek(&mut self, row: u64) -> Result<bool> {
        let mut left = row.saturating_sub(1);
        self.faults.clear();
        self.cursors.clear();
        self.out.clear();
        (self.handed_on, self.group, self.rows, self.passed) = (0, 0, 0, 0);
        self.next_row = row;
        for group in self.metadata.row_groups() {
            if left < rows_of(group) {
                break;
            }
            left = left.saturating_sub(rows_of(group));
            self.group = self.group.saturating_add(1);
        }
        if left > 0 {
            if self.group >= self.metadata.num_row_groups() {
                return Ok(false);
            }
            self.open_group()?;
            let rows = usize::try_from(left).map_err(|_| damaged("too many rows"))?;
            self.cursors
                .iter_mut()
                .try_for_each(|cursor| cursor.skip(rows))?;
            self.passed = left;
        }
        Ok(true)
    }

    /// Runs a step of decoding; after a failed one every further one fails.
    fn attempt<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.failed {
            return Err(damaged("an earlier part could not be read"));
        }
        self.failed = true;
        let outcome = contained(|| step(self)).unwrap_or_else(|| Err(panicked()));
        self.failed = outcome.is_err();
        outcome
    }
}

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.handed_on == self.out.len() {
            let row = self.next_row;
            self.attempt(Self::write_some).map_err(|error| {
                let group = self.group.saturating_add(1);
                carried(error, &format!("in row group {group}, from row {row} on: "))
            })?;
        }
        let ready = self.out.get(self.handed_on..).unwrap_or_default();
        let length = ready.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(ready) {
            *to = *from;
        }
        self.handed_on = self.handed_on.saturating_add(length);
        Ok(length)
    }
}

impl RowLines for Lines {
    fn go_to_row(&mut self, row: u64) -> std::result::Result<bool, InputFault> {
        self.attempt(|it| it.seek(row)).map_err(fault_of)
    }

    fn consumed(&self) -> u64 {
        let groups = self.metadata.row_groups();
        let size = |group: &RowGroupMetaData| u64::try_from(group.compressed_size()).unwrap_or(0);
        let before: u64 = groups
            .iter()
            .take(self.group)
            .map(size)
            .fold(0, u64::saturating_add);
        let here = groups.get(self.group).map_or(0, size);
        let share = u128::from(here) * u128::from(self.passed) / u128::from(self.rows.max(1));
        before.saturating_add(u64::try_from(share).unwrap_or(u64::MAX))
    }

    fn faults(&self) -> Faults {
        self.faults.clone()
    }
}

fn rows_of(group: &RowGroupMetaData) -> u64 {
    u64::try_from(group.num_rows()).unwrap_or_default()
}

fn panicked() -> ParquetError {
    damaged("its content makes no sense to the decoder")
}

fn encrypted() -> InputFault {
    bad(ENCRYPTED)
}

fn bad(problem: &str) -> InputFault {
    InputFault::BadParquet {
        problem: problem.to_owned(),
    }
}

fn reading(error: io::Error) -> InputFault {
    InputFault::of_io("read", error)
}

/// The error of the store or the system in an error of the decoder.
fn io_cause(error: ParquetError) -> std::result::Result<io::Error, ParquetError> {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) if StoreFault::in_io(&cause).is_some() || cause.raw_os_error().is_some() => {
                Ok(*cause)
            }
            Ok(cause) => Err(damaged(&cause.to_string())),
            Err(cause) => Err(damaged(&cause.to_string())),
        },
        other => Err(other),
    }
}

fn fault_of(error: ParquetError) -> InputFault {
    match io_cause(error) {
        Ok(cause) => reading(cause),
        Err(error) => bad(&told(&error)),
    }
}

/// An error on its way through [`Read`].
fn carried(error: ParquetError, place: &str) -> io::Error {
    io_cause(error).unwrap_or_else(|error| {
        let problem = format!("{place}{}", told(&error));
        io::Error::other(InputFault::BadParquet { problem })
    })
}

fn told(error: &ParquetError) -> String {
    match error {
        ParquetError::General(problem)
        | ParquetError::NYI(problem)
        | ParquetError::EOF(problem) => problem.clone(),
        other => other.to_string(),
    }
}
