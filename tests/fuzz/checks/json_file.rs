//! JSON arrays and JSON objects one after the other, compared with a parser: a valid array gives its
//! elements as they stand, and what is read without a complaint is valid.

use super::reading::{Content, Found, Steps, read_all_ways};
use super::tape::Tape;
use byteair_sync::input::{Compression, Format, InputFault, InputSettings, MAX_DEPTH};
use serde_json::value::RawValue;

/// Three bytes of choices, then the content of a file.
pub(crate) fn check(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    let settings = InputSettings {
        format: Format::Json,
        compression: Compression::None,
        max_row_bytes: tape.choose(&[1 << 20, 200, 40, 8, 1]),
        ..InputSettings::default()
    };
    let steps = Steps {
        bytes: tape.choose(&[7, 1, 2, 50]),
        records: tape.choose(&[2, 1, 5]),
    };
    let content = tape.rest();
    if content.starts_with(b"\xff\xfe") || content.starts_with(b"\xfe\xff") {
        return;
    }
    let text = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let values = values_of(text);
    match read_all_ways(content, &settings, steps) {
        Ok(read) => compare(&read, values.as_deref(), settings.max_row_bytes),
        Err(error) => match error.fault {
            InputFault::Unsupported { .. } => {}
            InputFault::BadJson { problem } => {
                // White space is bounded too.
                assert!(
                    values.is_none() || problem.contains("white space"),
                    "{error}"
                );
            }
            _ => panic!("{error}"),
        },
    }
}

/// The values of a file, if all of it is valid.
fn values_of(text: &[u8]) -> Option<Vec<Box<RawValue>>> {
    if text.trim_ascii_start().first() == Some(&b'[') {
        return serde_json::from_slice(text).ok();
    }
    let values = serde_json::Deserializer::from_slice(text).into_iter();
    values.collect::<Result<_, _>>().ok()
}

fn compare(read: &Content, values: Option<&[Box<RawValue>]>, max_row_bytes: usize) {
    let Some(values) = values else {
        let rejected = |found: &Found| matches!(found, Found::Rejected(_));
        let empty = read.records.is_empty();
        assert!(
            empty || read.records.iter().any(rejected),
            "taken for valid"
        );
        return;
    };
    assert_eq!(read.records.len(), values.len());
    for (found, value) in read.records.iter().zip(values) {
        let text = value.get();
        match found {
            Found::Row(row, ..) => {
                assert_eq!(String::from_utf8_lossy(row), text);
                assert!(text.starts_with('{') && text.len() <= max_row_bytes);
            }
            Found::Rejected(reject) => {
                let deep = text.matches(['{', '[']).count() > MAX_DEPTH;
                let allowed = !text.starts_with('{') || text.len() > max_row_bytes || deep;
                assert!(allowed, "{reject:?}");
            }
        }
    }
}
