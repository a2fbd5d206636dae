//! From a place to rows: bytes are fetched, inflated, checked for what they are, and handed to the
//! reader of their format.
//!
//! Alone to know all layers: place, compression, kind of content, format. A further one is one more step.

use super::columnar::{ColumnarReader, ENCRYPTED_MAGIC, MAGIC, row_lines};
use super::csv::CsvReader;
use super::csv_dialect::dialect;
use super::dated::dated;
use super::decompress::{Source, read_up_to};
use super::encoding::decoded;
use super::growing::GrowingFile;
use super::json_file::JsonReader;
use super::jsonl::JsonlReader;
use super::location::Stored;
use super::shaped::shaped;
use super::snappy::compression_of_record;
use super::window::Window;
use super::{Format, InputError, InputFault, InputSettings, Location, RawRange, RowReader, Start};
use bytes::Bytes;
use std::io::{Cursor, Read};
use std::path::Path;

/// Bytes in which something other than white space has to be seen.
const SNIFFED_BYTES: usize = 4 << 10;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Opens a file or object for reading rows from `start`. A plain one is read from there; a
/// compressed one is inflated from its beginning. The header of a CSV is read in any case.
pub fn open_file(
    location: impl Into<Location>,
    settings: &InputSettings,
    start: Start,
) -> Result<Box<dyn RowReader>, InputError> {
    let location = location.into();
    let source = stored_source(&location, settings)?;
    open(source, &location.to_string(), settings, start).map(|reader| finished(reader, settings))
}

/// Opens a file that others still write to, known in messages as `name`, for reading rows from
/// `start`. Its first line has to be whole. Only JSON lines can be read while they are written: a
/// compressed file or a table has no end before its writer has made one.
pub fn open_growing(
    file: &GrowingFile,
    name: &str,
    settings: &InputSettings,
    start: Start,
) -> Result<Box<dyn RowReader>, InputError> {
    let opened = || {
        let mut stored = Stored::Growing(file.clone());
        let mut head = Vec::new();
        read_up_to(&mut stored, &mut head, SNIFFED_BYTES).map_err(InputFault::of_reading)?;
        stored.go_to(0).map_err(InputFault::of_reading)?;
        let is_parquet = head.starts_with(MAGIC) || head.starts_with(ENCRYPTED_MAGIC);
        let source = Source::of_stored(stored, settings.compression)?;
        let source = decoded(source, settings.encoding)?;
        let is_plain = matches!(source, Source::Plain(_)) && !is_parquet;
        if is_plain && resolve_format(&head, name, settings)? == Format::Jsonl {
            return Ok(source);
        }
        Err(InputFault::Unsupported {
            what: "no file of JSON lines in UTF-8",
            advice: "only such a file can be read while it is written (--follow); upload others \
                     when they are complete, without --follow",
        })
    };
    let source = opened().map_err(|fault| error(name, fault))?;
    open(source, name, settings, start).map(|reader| finished(reader, settings))
}

/// Opens a stream, known in messages as `name`, for reading rows after what was recorded of it
/// before, which is compared while it passes by. An extension of the name counts as that of a file.
pub fn open_stream(
    stream: Box<dyn Read + Send>,
    name: &str,
    settings: &InputSettings,
    recorded: &[RawRange],
) -> Result<Box<dyn RowReader>, InputError> {
    let window = Window::new(name.to_owned(), passing(stream, name, settings, recorded)?);
    let start = recorded.last().map_or(Start::BEGINNING, Start::after);
    open_window(window, name, settings, start).map(|reader| finished(reader, settings))
}

/// The same of a pipe, whose writer may have died: a last line that breaks off within a row is an error,
/// and nothing of it is taken.
pub fn open_pipe(
    pipe: Box<dyn Read + Send>,
    name: &str,
    settings: &InputSettings,
    recorded: &[RawRange],
) -> Result<Box<dyn RowReader>, InputError> {
    let window = Window::of_pipe(name.to_owned(), passing(pipe, name, settings, recorded)?);
    let start = recorded.last().map_or(Start::BEGINNING, Start::after);
    open_window(window, name, settings, start).map(|reader| finished(reader, settings))
}

/// The text of a stream, which is compared with what was recorded of it.
fn passing(
    stream: Box<dyn Read + Send>,
    name: &str,
    settings: &InputSettings,
    recorded: &[RawRange],
) -> Result<Source, InputError> {
    let source = Source::of_stream(stream, settings.compression)
        .and_then(|source| decoded(source, settings.encoding))
        .map_err(|fault| error(name, fault))?;
    Ok(source.compared_with(recorded, format_for_rows(name, settings)))
}

/// Opens a record of a stream, known in messages as `name`, for reading its rows as it has them.
pub(super) fn open_record(
    data: Bytes,
    name: &str,
    settings: &InputSettings,
) -> Result<Box<dyn RowReader>, InputError> {
    let room = data.len().saturating_add(1); // to see the end without growing
    let stored = compression_of_record(settings.compression, &data);
    let source = Source::of_stream(Box::new(Cursor::new(data)), stored)
        .and_then(|source| decoded(source, settings.encoding))
        .map_err(|fault| error(name, fault))?;
    open_window(
        Window::with_room(name.to_owned(), source, room),
        name,
        settings,
        Start::BEGINNING,
    )
}

/// The format as far as it is known before the first byte: a CSV may begin with `[` as well.
fn format_for_rows(name: &str, settings: &InputSettings) -> Format {
    match (settings.format, format_of_name(name)) {
        (Format::Auto, Some(by_name @ (Format::Csv | Format::Tsv))) => by_name,
        (given, _) => given,
    }
}

/// Rows with their days, as they are to be sent.
fn finished(reader: Box<dyn RowReader>, settings: &InputSettings) -> Box<dyn RowReader> {
    let reader = dated(reader, settings.date_field.as_ref());
    shaped(reader, settings)
}

/// The decompressed bytes of a file or object.
pub(super) fn stored_source(
    location: &Location,
    settings: &InputSettings,
) -> Result<Source, InputError> {
    let source = || {
        let mut stored = location.open(&settings.stores)?;
        if is_parquet(&mut stored, &location.to_string(), settings)? {
            return row_lines(stored, settings).map(Source::Rows);
        }
        decoded(
            Source::of_stored(stored, settings.compression)?,
            settings.encoding,
        )
    };
    source().map_err(|fault| InputError::of(location, fault))
}

/// Whether this is a Parquet file that is to be read as one.
fn is_parquet(
    stored: &mut Stored,
    name: &str,
    settings: &InputSettings,
) -> Result<bool, InputFault> {
    let mut head = Vec::new();
    let reading = |error| InputFault::of_io("read", error);
    read_up_to(stored, &mut head, MAGIC.len()).map_err(reading)?;
    stored.go_to(0).map_err(reading)?;
    let has_magic = head == MAGIC || head == ENCRYPTED_MAGIC;
    let by_name = format_of_name(name);
    let is_named =
        name.to_ascii_lowercase() == plain_name(name) && by_name == Some(Format::Parquet);
    let problem = match settings.format {
        Format::Parquet | Format::Auto if has_magic && !is_other(by_name, settings) => {
            return Ok(true);
        }
        _ if has_magic => {
            return Err(InputFault::Unsupported {
                what: "a Parquet file, though its name or --format says something else",
                advice: "give --format parquet",
            });
        }
        Format::Parquet => "it does not begin as one",
        Format::Auto if is_named => "its name says Parquet, but it does not begin as such a file",
        _ => return Ok(false),
    };
    Err(InputFault::BadParquet {
        problem: problem.to_owned(),
    })
}

/// Whether a name says something else than Parquet, and no option says Parquet.
fn is_other(by_name: Option<Format>, settings: &InputSettings) -> bool {
    settings.format == Format::Auto && by_name.is_some_and(|format| format != Format::Parquet)
}

fn error(name: &str, fault: InputFault) -> InputError {
    InputError {
        input: name.to_owned(),
        line: None,
        fault,
    }
}

fn open(
    source: Source,
    name: &str,
    settings: &InputSettings,
    start: Start,
) -> Result<Box<dyn RowReader>, InputError> {
    let faults = match &source {
        Source::Rows(lines) => Some(lines.faults()),
        _ => None,
    };
    let mut window = Window::new(name.to_owned(), source);
    if let Some(faults) = faults {
        if start != Start::BEGINNING {
            window.jump(start)?;
        }
        let lines = JsonlReader::new(window, settings.max_row_bytes);
        return Ok(Box::new(ColumnarReader::new(lines, faults)));
    }
    open_window(window, name, settings, start)
}

/// The reader of text in a window.
fn open_window(
    mut window: Window,
    name: &str,
    settings: &InputSettings,
    start: Start,
) -> Result<Box<dyn RowReader>, InputError> {
    while window.unread().len() < SNIFFED_BYTES && !window.at_end() {
        window.fill()?;
        // More than the first line may be a long time coming.
        if window.is_dry() && window.unread().contains(&b'\n') {
            break;
        }
    }
    let format = resolve_format(window.unread(), name, settings);
    let format = format.map_err(|fault| error(name, fault))?;
    if window.unread().starts_with(BOM) {
        window.advance(BOM.len(), 0);
    }
    if format == Format::Jsonl {
        if start != Start::BEGINNING {
            window.jump(start)?;
        }
        return Ok(Box::new(JsonlReader::new(window, settings.max_row_bytes)));
    }
    window.wait_for_more();
    if format == Format::Json {
        let reader = JsonReader::new(window, settings.max_row_bytes, start)?;
        return Ok(Box::new(reader));
    }
    let found = dialect(format, settings, window.unread()).map_err(|fault| error(name, fault))?;
    window.advance(found.sep_bytes, u64::from(found.sep_bytes > 0));
    let reader = CsvReader::new(window, settings, found.dialect, start)?;
    Ok(Box::new(reader))
}

/// The format of the content, never [`Format::Auto`].
pub(super) fn resolve_format(
    head: &[u8],
    name: &str,
    settings: &InputSettings,
) -> Result<Format, InputFault> {
    if let Some(fault) = foreign_content(head) {
        return Err(fault);
    }
    if settings.format != Format::Auto {
        return Ok(settings.format);
    }
    let text = head.strip_prefix(BOM).unwrap_or(head).trim_ascii_start();
    let by_name = format_of_name(name);
    if text.first() == Some(&b'[') && by_name.is_none_or(|format| format == Format::Jsonl) {
        if by_name.is_none() || has_extension(name, "json") {
            return Ok(Format::Json);
        }
        return Err(InputFault::Unsupported {
            what: "a JSON array, though its name says one object a line",
            advice: "give --format json, or --format jsonl if only its first line is an array",
        });
    }
    match (by_name, text.first()) {
        (Some(format), _) => Ok(format),
        // An input without a row has no format to mistake.
        (None, Some(b'{') | None) => Ok(Format::Jsonl),
        (None, Some(_)) => Err(InputFault::UnknownFormat),
    }
}

/// The format that an extension stands for; one of a compression in front of it is ignored.
pub(super) fn format_of_name(name: &str) -> Option<Format> {
    match Path::new(&plain_name(name)).extension()?.to_str()? {
        "jsonl" | "json" | "ndjson" => Some(Format::Jsonl),
        "csv" => Some(Format::Csv),
        "tsv" => Some(Format::Tsv),
        "parquet" | "parq" | "pq" => Some(Format::Parquet),
        _ => None,
    }
}

/// Whether a byte of what is read is a byte of the file, going by the name: neither compressed nor
/// Parquet. For progress alone; what is in a file is told by its content.
pub fn is_stored_as_read(name: &str) -> bool {
    let plain = plain_name(name);
    plain.len() == name.len() && format_of_name(name) != Some(Format::Parquet)
}

/// Whether a name ends so, but for the extension of a compression.
fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(&plain_name(name))
        .extension()
        .is_some_and(|it| it == extension)
}

/// A name in lower case, without the extension of a compression.
fn plain_name(name: &str) -> String {
    let mut name = name.to_ascii_lowercase();
    let compressions = [".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz"];
    let packed = compressions.iter().find(|ending| name.ends_with(*ending));
    name.truncate(
        name.len()
            .saturating_sub(packed.map_or(0, |ending| ending.len())),
    );
    name
}

/// What an input is that no format option can help with.
fn foreign_content(head: &[u8]) -> Option<InputFault> {
    let (what, advice) = match head {
        [1..=255, 0, 1..=255, 0, ..] => (
            "UTF-16 text without a byte order mark",
            "give --encoding utf-16le",
        ),
        [0, 1..=255, 0, 1..=255, ..] => (
            "UTF-16 text without a byte order mark",
            "give --encoding utf-16be",
        ),
        [b'P', b'K', 3, 4, ..] => (
            "an Excel workbook (.xlsx) or another zip archive",
            "save the sheet as CSV UTF-8, or unpack the archive",
        ),
        [b'P', b'A', b'R', b'1', ..] => (
            "a Parquet file in a stream",
            "Parquet is read from its end, so it can come neither from standard input nor \
             compressed as a whole; name the file itself",
        ),
        [b'O', b'b', b'j', 1, ..] => ("an Avro file", "it cannot be read; export it as JSON lines"),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => (
            "an old Excel workbook (.xls)",
            "save the sheet as CSV UTF-8",
        ),
        [0x1f, 0x8b, ..]
        | [0x28, 0xb5, 0x2f, 0xfd, ..]
        | [0xfd, b'7', b'z', b'X', b'Z', 0, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', b'&', ..] => (
            "compressed where rows should begin",
            "if it was compressed twice, unpack it once; otherwise leave --compression out",
        ),
        [b'7', b'z', 0xbc, 0xaf, ..] => ("a 7-Zip archive", "unpack it"),
        [b'S', b'Q', b'L', b'i', b't', b'e', b' ', ..] => {
            ("an SQLite database", "export its rows as JSON lines")
        }
        [b'O', b'R', b'C', 0..=8 | 14..=31 | 128..=255, ..] => {
            ("an ORC file", "it cannot be read; export it as JSON lines")
        }
        [b'%', b'P', b'D', b'F', b'-', ..] => ("a PDF document", "export the rows as JSON lines"),
        _ => return None,
    };
    Some(InputFault::Unsupported { what, advice })
}

#[cfg(test)]
mod tests;
