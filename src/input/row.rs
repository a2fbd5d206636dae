//! What a reader gives: rows, rejected rows and warnings, and the trait that all readers share.
//!
//! The trait keeps rows and byte ranges in step: a record is *pending* until it is accepted, so
//! that whoever fills batches can end a range before a row that no longer fits. It says nothing
//! about batches themselves.

use super::window::wide;
use super::{CsvDialect, InputError, RawRange};
use crate::domain::{DataDate, Position};
use crate::schema::ViolationKind;

/// Most bytes of a rejected row that are kept.
pub const MAX_REJECT_RAW_BYTES: usize = 64 << 10;

/// Deepest nesting of a row; the row itself is level 1.
pub const MAX_DEPTH: usize = 127;

/// What came next in an input.
#[derive(Debug)]
pub enum Next {
    /// A row; its JSON object was appended to the body.
    Row {
        /// Where it starts, white space around it not counted.
        position: Position,
        /// Bytes it has in the decompressed input.
        length: u64,
    },
    /// Something that is a record but no row. It belongs to the current range already.
    Rejected(Box<LocalReject>),
    /// Nothing yet: others still write to the input, and what there is of its next row is not whole.
    NothingYet,
    /// The input is read to its end.
    End,
}

impl Next {
    /// Where the record begins, if it is one.
    pub const fn position(&self) -> Option<Position> {
        match self {
            Self::Row { position, .. } => Some(*position),
            Self::Rejected(reject) => Some(reject.position),
            Self::NothingYet | Self::End => None,
        }
    }
}

/// A record that is not sent, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalReject {
    /// Where it starts.
    pub position: Position,
    /// Bytes it has in the decompressed input.
    pub length: u64,
    /// The column at fault, where one is.
    pub column: Option<String>,
    /// Reason for programs.
    pub code: RejectCode,
    /// Reason for people, one sentence without the row itself.
    pub message: String,
    /// Its first bytes, at most [`MAX_REJECT_RAW_BYTES`].
    pub raw: Vec<u8>,
    /// Whether `raw` is less than the whole record.
    pub raw_truncated: bool,
    /// The day that the row says itself, where rows do and this one could be read so far.
    pub day: Option<DataDate>,
}

impl LocalReject {
    /// The reject of a record that is whole in memory.
    pub(super) fn new(
        position: Position,
        record: &[u8],
        code: RejectCode,
        message: String,
    ) -> Self {
        let kept = record.get(..MAX_REJECT_RAW_BYTES).unwrap_or(record);
        Self {
            position,
            length: wide(record.len()),
            column: None,
            code,
            message,
            raw: kept.to_vec(),
            raw_truncated: kept.len() < record.len(),
            day: None,
        }
    }

    /// The reject of a record that is longer than a row may be and begins with `raw`.
    pub(super) fn too_long(
        position: Position,
        mut raw: Vec<u8>,
        length: usize,
        max_row_bytes: usize,
    ) -> Self {
        raw.truncate(length);
        Self {
            position,
            length: wide(length),
            column: None,
            code: RejectCode::TooLong,
            message: format!("{length} bytes; --max-row-bytes allows {max_row_bytes}"),
            raw_truncated: raw.len() < length,
            day: None,
            raw,
        }
    }
}

/// Adds to the kept beginning of a record, as far as it goes.
pub(super) fn keep_beginning(raw: &mut Vec<u8>, more: &[u8]) {
    let room = MAX_REJECT_RAW_BYTES.saturating_sub(raw.len());
    raw.extend_from_slice(more.get(..room).unwrap_or(more));
}

/// What the reject of a text says whose UTF-8 is broken at a byte of the decompressed input.
pub(super) fn not_utf8_at(offset: u64) -> String {
    format!(
        "not UTF-8 at byte offset {offset} of the (decompressed) file; if it has another encoding, give it, for example with --encoding gbk"
    )
}

/// Why a record is no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectCode {
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// Bytes that are not text in the encoding of the input, which is another than UTF-8.
    NotDecodable,
    /// Not one JSON value.
    NotJson,
    /// JSON, but not an object.
    NotObject,
    /// More bytes than `--max-row-bytes`.
    TooLong,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// A quoted CSV cell with text behind its closing quote, which RFC 4180 does not know.
    BadQuotes,
    /// A CSV record with more or fewer cells than there are columns.
    Ragged,
    /// A CSV record that is the header once more.
    RepeatedHeader,
    /// A row of which nothing is left to send: every CSV cell is empty and left out, or every field is
    /// dropped (`--unknown-fields drop`).
    EmptyRow,
    /// An empty CSV cell where none may be (`--empty error`).
    EmptyCell,
    /// A row that does not say its day in a way that can be used (`--date-from-field`).
    DateMissing,
    /// A row of a day that nobody asked for (`--date` with `--date-from-field`).
    DateOutside,
    /// A record of a stream that cannot be read: damaged, or in another format.
    BadRecord,
    /// A value that JSON does not have: NaN, bytes that are no text.
    NoJsonValue,
    /// A row that breaks the rules it was to be shaped by; which one is the kind.
    Rule(ViolationKind),
}

impl RejectCode {
    /// The word in dead letters and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::NotDecodable => "not_decodable",
            Self::NotJson => "not_json",
            Self::NotObject => "not_object",
            Self::TooLong => "too_long",
            Self::TooDeep => "too_deep",
            Self::BadQuotes => "bad_quotes",
            Self::Ragged => "ragged",
            Self::RepeatedHeader => "repeated_header",
            Self::EmptyRow => "empty_row",
            Self::EmptyCell => "empty_cell",
            Self::DateMissing => "date_missing",
            Self::DateOutside => "date_outside",
            Self::BadRecord => "bad_record",
            Self::NoJsonValue => "no_json_value",
            Self::Rule(kind) => kind.as_str(),
        }
    }
}

/// Rows that were sent as they are although something about them is remarkable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowWarning {
    /// What is remarkable.
    pub kind: WarningKind,
    /// How many rows since the warnings were last taken.
    pub count: u64,
    /// The first of them.
    pub first: Position,
}

/// What is remarkable about a row that is sent all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WarningKind {
    /// A key occurs twice in one object; which one counts is up to the platform.
    DuplicateKey,
    /// A `\ud800` to `\udfff` escape without its partner: no character.
    LoneSurrogate,
    /// A number such as 1e400 that is infinite as a double. Only exponents of three digits are looked
    /// at: hundreds of digits without one, which are as infinite, are not worth every row's time.
    NumberRange,
}

impl WarningKind {
    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DuplicateKey => "duplicate_key",
            Self::LoneSurrogate => "lone_surrogate",
            Self::NumberRange => "number_range",
        }
    }
}

/// Warnings that were not taken yet.
#[derive(Default)]
pub(super) struct Warnings(Vec<RowWarning>);

impl Warnings {
    /// Counts what is remarkable about a row.
    pub(super) fn note(&mut self, kinds: [Option<WarningKind>; 3], position: Position) {
        for kind in kinds.into_iter().flatten() {
            match self.0.iter_mut().find(|warning| warning.kind == kind) {
                Some(warning) => warning.count = warning.count.saturating_add(1),
                None => self.0.push(RowWarning {
                    kind,
                    count: 1,
                    first: position,
                }),
            }
        }
    }

    pub(super) fn take(&mut self) -> Vec<RowWarning> {
        std::mem::take(&mut self.0)
    }
}

/// A source of rows.
///
/// The ranges that [`cut`](Self::cut) returns tile the decompressed input from where the reader
/// started: each begins where the one before ended, and after [`Next::End`] a last cut takes what
/// follows the last record.
pub trait RowReader: Send {
    /// Reads the next record and, when it is a row, appends its JSON object to `body`, without a
    /// comma. The row is then pending; a row that is pending when this is called is accepted.
    /// After [`Next::End`] the end is returned again, after an error another error.
    fn next(&mut self, body: &mut Vec<u8>) -> Result<Next, InputError>;

    /// Takes the pending row into the current range.
    fn accept(&mut self);

    /// The pending row as the input has it, as far as that is more than its JSON object.
    fn pending_record(&self) -> Option<&[u8]> {
        None
    }

    /// Ends the current range: before the pending row if there is one, else after the last record.
    /// The next range starts there, and with it a pending row.
    fn cut(&mut self) -> RawRange;

    /// Bytes of the source as stored (compressed bytes of a compressed one) consumed so far.
    fn consumed_bytes(&self) -> u64;

    /// The warnings since this was last called, at most one of each kind.
    fn warnings(&mut self) -> Vec<RowWarning>;

    /// The names of the columns, where records have columns.
    fn columns(&self) -> Vec<String> {
        Vec::new()
    }

    /// The fields that options name and no row so far had, each with the option.
    fn unused(&self) -> Vec<(String, &'static str)> {
        Vec::new()
    }

    /// The day that the record last given says itself, where rows do.
    fn day(&self) -> Option<DataDate> {
        None
    }

    /// What divides the records into cells, where something does.
    fn dialect(&self) -> Option<CsvDialect> {
        None
    }
}
