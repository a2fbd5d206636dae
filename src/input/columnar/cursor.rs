//! A column of a row group, read a few rows at a time.
//!
//! A column is a sequence of triples: a repetition level (0 begins a row), a definition level (how
//! much of the path is there), and a value when all of it is. Byte strings are slices of their page or
//! dictionary, so that repeated values cost nothing.

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray, Int96};
use parquet::errors::{ParquetError, Result};

/// Most rows read at a time.
const MAX_ROWS: usize = 1024;
/// Bytes of values wanted at a time.
const WANTED_BYTES: u64 = 1 << 20;
/// Triples wanted at a time of a column with lists.
const WANTED_TRIPLES: usize = 8 << 10;

/// A value of a column.
pub(super) enum Value<'a> {
    Bool(bool),
    Int32(i32),
    Int64(i64),
    Int96(&'a Int96),
    Float(f32),
    Double(f64),
    Bytes(&'a [u8]),
}

/// Values that were read.
enum Values {
    Bool(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Int96(Vec<Int96>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

/// The place in a column.
pub(super) struct Cursor {
    reader: ColumnReader,
    max_definition: i16,
    has_lists: bool,
    /// Rows to read next time.
    rows: usize,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    values: Values,
    /// Triples that were read, and how many of them and of their values are passed.
    triples: usize,
    at: usize,
    value_at: usize,
}

impl Cursor {
    /// At the beginning of a column whose values take so many bytes each as stored.
    pub(super) fn new(reader: ColumnReader, levels: (i16, i16), value_bytes: u64) -> Self {
        let values = match &reader {
            ColumnReader::BoolColumnReader(_) => Values::Bool(Vec::new()),
            ColumnReader::Int32ColumnReader(_) => Values::Int32(Vec::new()),
            ColumnReader::Int64ColumnReader(_) => Values::Int64(Vec::new()),
            ColumnReader::Int96ColumnReader(_) => Values::Int96(Vec::new()),
            ColumnReader::FloatColumnReader(_) => Values::Float(Vec::new()),
            ColumnReader::DoubleColumnReader(_) => Values::Double(Vec::new()),
            ColumnReader::ByteArrayColumnReader(_) => Values::Bytes(Vec::new()),
            ColumnReader::FixedLenByteArrayColumnReader(_) => Values::Fixed(Vec::new()),
        };
        let rows = WANTED_BYTES.checked_div(value_bytes).unwrap_or(u64::MAX);
        let most = if levels.1 > 0 { 16 } else { MAX_ROWS };
        Self {
            reader,
            max_definition: levels.0,
            has_lists: levels.1 > 0,
            rows: usize::try_from(rows).unwrap_or(MAX_ROWS).clamp(1, most),
            definitions: Vec::new(),
            repetitions: Vec::new(),
            values,
            triples: 0,
            at: 0,
            value_at: 0,
        }
    }

    /// Passes over rows that were not begun.
    pub(super) fn skip(&mut self, rows: usize) -> Result<()> {
        let skipped = match &mut self.reader {
            ColumnReader::BoolColumnReader(it) => it.skip_records(rows),
            ColumnReader::Int32ColumnReader(it) => it.skip_records(rows),
            ColumnReader::Int64ColumnReader(it) => it.skip_records(rows),
            ColumnReader::Int96ColumnReader(it) => it.skip_records(rows),
            ColumnReader::FloatColumnReader(it) => it.skip_records(rows),
            ColumnReader::DoubleColumnReader(it) => it.skip_records(rows),
            ColumnReader::ByteArrayColumnReader(it) => it.skip_records(rows),
            ColumnReader::FixedLenByteArrayColumnReader(it) => it.skip_records(rows),
        }?;
        if skipped == rows {
            Ok(())
        } else {
            Err(damaged("a column has fewer rows than its row group"))
        }
    }

    /// Makes sure that the next row is in memory.
    pub(super) fn begin_row(&mut self) -> Result<()> {
        if self.at < self.triples {
            return match self.repetitions.get(self.at) {
                None | Some(0) => Ok(()),
                Some(_) => Err(damaged(
                    "a row has more list elements in one column than in others",
                )),
            };
        }
        self.read_some()
    }

    /// Whether nothing follows the rows that were read.
    pub(super) fn is_at_end(&mut self) -> Result<bool> {
        if self.at < self.triples {
            return Ok(false);
        }
        self.rows = 1;
        let before = self.fetch()?;
        Ok(before == 0)
    }

    fn read_some(&mut self) -> Result<()> {
        if self.fetch()? == 0 {
            return Err(damaged("a column has fewer rows than its row group"));
        }
        if self.has_lists {
            if self.triples > WANTED_TRIPLES {
                self.rows = (self.rows / 4).max(1);
            } else if self.triples < WANTED_TRIPLES / 4 {
                self.rows = self.rows.saturating_mul(2).min(MAX_ROWS);
            }
        }
        Ok(())
    }

    /// Reads the next rows; how many there were.
    fn fetch(&mut self) -> Result<usize> {
        self.definitions.clear();
        self.repetitions.clear();
        (self.at, self.value_at) = (0, 0);
        let levels = (&mut self.definitions, &mut self.repetitions);
        let (rows, triples) = match (&mut self.reader, &mut self.values) {
            (ColumnReader::BoolColumnReader(it), Values::Bool(to)) => {
                read(it, self.rows, levels, to)
            }
            (ColumnReader::Int32ColumnReader(it), Values::Int32(to)) => {
                read(it, self.rows, levels, to)
            }
            (ColumnReader::Int64ColumnReader(it), Values::Int64(to)) => {
                read(it, self.rows, levels, to)
            }
            (ColumnReader::Int96ColumnReader(it), Values::Int96(to)) => {
                read(it, self.rows, levels, to)
            }
            (ColumnReader::FloatColumnReader(it), Values::Float(to)) => {
                read(it, self.rows, levels, to)
            }
            (ColumnReader::DoubleColumnReader(it), Values::Double(to)) => {
                read(it, self.rows, levels, to)
            }
            (ColumnReader::ByteArrayColumnReader(it), Values::Bytes(to)) => {
                read(it, self.rows, levels, to)
            }
            (ColumnReader::FixedLenByteArrayColumnReader(it), Values::Fixed(to)) => {
                read(it, self.rows, levels, to)
            }
            _ => Err(damaged("a column changed its type")),
        }?;
        self.triples = triples;
        Ok(rows)
    }

    /// The definition level of the next triple of this row.
    pub(super) fn definition(&self) -> Result<i16> {
        if self.at >= self.triples {
            return Err(damaged(
                "a row has fewer list elements in one column than in others",
            ));
        }
        // Without levels every value is there.
        let level = self.definitions.get(self.at).copied();
        Ok(level.unwrap_or(self.max_definition))
    }

    /// Whether the next triple goes on with a list of this level in the same row.
    pub(super) fn repeats(&self, level: i16) -> bool {
        self.at < self.triples && self.repetitions.get(self.at) == Some(&level)
    }

    /// Passes over a triple without a value.
    pub(super) fn pass(&mut self) -> Result<()> {
        if self.definition()? == self.max_definition {
            self.value_at = self.value_at.saturating_add(1);
        }
        self.at = self.at.saturating_add(1);
        Ok(())
    }

    /// Takes the next triple, which has a value.
    pub(super) fn take(&mut self) -> Result<Value<'_>> {
        if self.definition()? != self.max_definition {
            return Err(damaged("a value is missing where there must be one"));
        }
        let at = self.value_at;
        self.value_at = at.saturating_add(1);
        self.at = self.at.saturating_add(1);
        let value = match &self.values {
            Values::Bool(it) => it.get(at).map(|it| Value::Bool(*it)),
            Values::Int32(it) => it.get(at).map(|it| Value::Int32(*it)),
            Values::Int64(it) => it.get(at).map(|it| Value::Int64(*it)),
            Values::Int96(it) => it.get(at).map(Value::Int96),
            Values::Float(it) => it.get(at).map(|it| Value::Float(*it)),
            Values::Double(it) => it.get(at).map(|it| Value::Double(*it)),
            Values::Bytes(it) => it.get(at).map(|it| Value::Bytes(it.data())),
            Values::Fixed(it) => it.get(at).map(|it| Value::Bytes(it.data())),
        };
        value.ok_or_else(|| damaged("a page has fewer values than it says"))
    }
}

fn read<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    (definitions, repetitions): (&mut Vec<i16>, &mut Vec<i16>),
    values: &mut Vec<T::T>,
) -> Result<(usize, usize)> {
    values.clear();
    let (rows, _, triples) =
        reader.read_records(rows, Some(definitions), Some(repetitions), values)?;
    Ok((rows, triples))
}

pub(super) fn damaged(problem: &str) -> ParquetError {
    ParquetError::General(problem.to_owned())
}
