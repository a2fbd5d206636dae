//! From a place to rows: bytes are fetched, inflated, checked for what they are, and handed to the
//! reader of their format.
//!
//! This is the only file that knows all layers: place, compression, kind of content, format. A
//! further one (an encoding, a remote store, a columnar format) is one more step here.

use super::csv::CsvReader;
use super::decompress::{Source, read_up_to, with_head};
use super::jsonl::JsonlReader;
use super::shaped::shaped;
use super::window::Window;
use super::{Format, InputError, InputFault, InputSettings, RawRange, RowReader, Start};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_128;

/// Bytes of a stream that tell it from other streams.
const FINGERPRINT_BYTES: usize = 64 << 10;
/// Bytes in which something other than white space has to be seen.
const SNIFFED_BYTES: usize = 4 << 10;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Opens a file for reading rows from `start`. A plain file is read from there; a compressed one is
/// inflated from its beginning. The header of a CSV is read in any case.
pub fn open_file(
    path: &Path,
    settings: &InputSettings,
    start: Start,
) -> Result<Box<dyn RowReader>, InputError> {
    let source = file_source(path, settings)?;
    open(source, &path.display().to_string(), settings, start)
        .map(|reader| shaped(reader, &settings.rules))
}

/// Opens a stream, known in messages as `name`, for reading rows after what was recorded of it
/// before, which is compared while it passes by. An extension of the name counts as that of a file.
pub fn open_stream(
    stream: Box<dyn Read + Send>,
    name: &str,
    settings: &InputSettings,
    recorded: &[RawRange],
) -> Result<Box<dyn RowReader>, InputError> {
    let source = Source::of_stream(stream, settings.compression)
        .map_err(|fault| error(name, fault))?
        .compared_with(recorded);
    let start = recorded.last().map_or(Start::BEGINNING, Start::after);
    open(source, name, settings, start).map(|reader| shaped(reader, &settings.rules))
}

/// The digest (XXH3, 128 bits) of a stream's first 64 KiB, by which a stream without a name is
/// known again, and the stream with those bytes put back.
pub fn fingerprint_stdin(
    mut stream: Box<dyn Read + Send>,
) -> Result<(u128, Box<dyn Read + Send>), InputError> {
    let mut head = Vec::with_capacity(FINGERPRINT_BYTES);
    let doing = "read";
    read_up_to(&mut stream, &mut head, FINGERPRINT_BYTES)
        .map_err(|source| error("standard input", InputFault::Io { doing, source }))?;
    let digest = xxh3_128(&head);
    Ok((digest, Box::new(with_head(head, stream))))
}

/// The decompressed bytes of a file.
pub(super) fn file_source(path: &Path, settings: &InputSettings) -> Result<Source, InputError> {
    let name = path.display().to_string();
    let doing = "open";
    let file = File::open(path).map_err(|source| error(&name, InputFault::Io { doing, source }))?;
    Source::of_file(file, settings.compression).map_err(|fault| error(&name, fault))
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
    let mut window = Window::new(name.to_owned(), source);
    while window.unread().len() < SNIFFED_BYTES && !window.at_end() {
        window.fill()?;
    }
    let resolved = resolve_format(window.unread(), name, settings)
        .and_then(|format| Ok((format, delimiter(format, settings)?)));
    let (format, delimiter) = resolved.map_err(|fault| error(name, fault))?;
    if window.unread().starts_with(BOM) {
        window.advance(BOM.len(), 0);
    }
    if format == Format::Jsonl {
        if start != Start::BEGINNING {
            window.jump(start)?;
        }
        return Ok(Box::new(JsonlReader::new(window, settings.max_row_bytes)));
    }
    Ok(Box::new(CsvReader::new(
        window, settings, delimiter, start,
    )?))
}

/// The format of the content, never [`Format::Auto`].
fn resolve_format(head: &[u8], name: &str, settings: &InputSettings) -> Result<Format, InputFault> {
    if let Some(fault) = foreign_content(head) {
        return Err(fault);
    }
    if settings.format != Format::Auto {
        return Ok(settings.format);
    }
    let text = head.strip_prefix(BOM).unwrap_or(head).trim_ascii_start();
    let by_name = format_of_name(name);
    if text.first() == Some(&b'[') && by_name.is_none_or(|format| format == Format::Jsonl) {
        return Err(InputFault::Unsupported {
            what: "a JSON array",
            advice: "only one object a line can be read yet; convert it, for example with \
                     jq -c '.[]', or force it with --format jsonl",
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
    let name = name.to_ascii_lowercase();
    let plain = [".gz", ".gzip", ".zst", ".zstd"]
        .iter()
        .find_map(|extension| name.strip_suffix(extension))
        .unwrap_or(&name);
    match Path::new(plain).extension()?.to_str()? {
        "jsonl" | "json" | "ndjson" => Some(Format::Jsonl),
        "csv" => Some(Format::Csv),
        "tsv" => Some(Format::Tsv),
        _ => None,
    }
}

/// What an input is that no format option can help with.
fn foreign_content(head: &[u8]) -> Option<InputFault> {
    let utf16 = "convert it to UTF-8, for example with iconv -f UTF-16 -t UTF-8; this encoding \
                 cannot be read yet (--encoding)";
    let (what, advice) = match head {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => ("UTF-16 text", utf16),
        [b'P', b'K', 3, 4, ..] => (
            "an Excel workbook (.xlsx) or another zip archive",
            "save the sheet as CSV UTF-8, or unpack the archive",
        ),
        [b'P', b'A', b'R', b'1', ..] => (
            "a Parquet file",
            "it cannot be read yet; export it as JSON lines",
        ),
        [b'O', b'b', b'j', 1, ..] => ("an Avro file", "it cannot be read; export it as JSON lines"),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => (
            "an old Excel workbook (.xls)",
            "save the sheet as CSV UTF-8",
        ),
        _ => return None,
    };
    Some(InputFault::Unsupported { what, advice })
}

pub(super) fn delimiter(format: Format, settings: &InputSettings) -> Result<u8, InputFault> {
    let own = if format == Format::Tsv { b'\t' } else { b',' };
    let delimiter = settings.delimiter.unwrap_or(own);
    if !delimiter.is_ascii() || matches!(delimiter, b'"' | b'\r' | b'\n') {
        let problem = "a CSV delimiter is one ASCII character other than a quote or a line end; \
                       give another --delimiter"
            .to_owned();
        return Err(InputFault::BadOption { problem });
    }
    Ok(delimiter)
}

#[cfg(test)]
mod tests;
