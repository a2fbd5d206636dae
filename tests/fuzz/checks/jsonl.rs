//! JSON lines, compared with a second reader: every line is a row, a reject with the right reason, or
//! blank; rows are the bytes of the file, and what is remarkable about them is counted.

use super::json_oracle::facts;
use super::reading::{Content, Found, Steps, read_all_ways};
use super::tape::Tape;
use byteair_sync::domain::Position;
use byteair_sync::input::{
    Compression, Format, InputFault, InputSettings, LocalReject, MAX_DEPTH, WarningKind,
};
use std::collections::BTreeMap;

/// Three bytes of choices, then the content of a file.
pub(crate) fn check(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    let settings = InputSettings {
        format: Format::Jsonl,
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
        // UTF-16: the ranges are those of the decoded text.
        return;
    }
    match read_all_ways(content, &settings, steps) {
        Ok(read) => compare(&read, content, settings.max_row_bytes),
        Err(error) => assert!(
            matches!(error.fault, InputFault::Unsupported { .. }),
            "{error}"
        ),
    }
}

/// What the oracle makes of a line.
enum Line {
    Blank,
    Row(Vec<WarningKind>),
    Rejected(&'static str),
}

fn judge(content: &[u8], row: &[u8], max_row_bytes: usize) -> Line {
    if content.len() > max_row_bytes {
        return Line::Rejected("too_long");
    }
    if row.is_empty() {
        return Line::Blank;
    }
    if std::str::from_utf8(row).is_err() {
        return Line::Rejected("not_utf8");
    }
    let Some(facts) = facts(row) else {
        return Line::Rejected("not_json");
    };
    if !facts.is_object {
        return Line::Rejected("not_object");
    }
    if facts.depth > MAX_DEPTH {
        return Line::Rejected("too_deep");
    }
    let remarks = [
        (facts.duplicate_key, WarningKind::DuplicateKey),
        (facts.lone_surrogate, WarningKind::LoneSurrogate),
        (facts.infinite, WarningKind::NumberRange),
    ];
    let remarks = remarks.into_iter().filter(|(is_so, _)| *is_so);
    Line::Row(remarks.map(|(_, kind)| kind).collect())
}

fn compare(read: &Content, bytes: &[u8], max_row_bytes: usize) {
    let mut found = read.records.iter();
    let mut warnings: BTreeMap<WarningKind, (u64, Position)> = BTreeMap::new();
    let mut offset = if bytes.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    let (mut number, mut ordinal) = (1, 1);
    while offset < bytes.len() {
        let rest = &bytes[offset..];
        let length = rest.iter().position(|byte| *byte == b'\n');
        let content = &rest[..length.unwrap_or(rest.len())];
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        let space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r');
        let before = content.iter().take_while(space).count();
        let after = content[before..].iter().rev().take_while(space).count();
        let row = &content[before..content.len() - after];
        let at = |within: usize| Position {
            ordinal,
            line: number,
            offset: u64::try_from(offset + within).unwrap(),
        };
        match judge(content, row, max_row_bytes) {
            Line::Blank => {}
            Line::Row(remarks) => {
                let length = u64::try_from(row.len()).unwrap();
                let expected = Found::Row(row.to_vec(), at(before), length);
                assert_eq!(found.next(), Some(&expected));
                check_with_serde(row, &remarks);
                for kind in remarks {
                    warnings.entry(kind).or_insert((0, at(before))).0 += 1;
                }
                ordinal += 1;
            }
            Line::Rejected(code) => {
                let (raw, within) = match code {
                    "too_long" => (content, 0),
                    _ => (row, before),
                };
                check_reject(found.next(), code, at(within), raw);
                ordinal += 1;
            }
        }
        offset += length.map_or(rest.len(), |length| length + 1);
        number += 1;
    }
    assert_eq!(found.next(), None, "nothing else is read");
    let mut seen = read.warnings.clone();
    seen.sort_by_key(|(kind, ..)| *kind);
    let expected = warnings
        .into_iter()
        .map(|(kind, (count, first))| (kind, count, first));
    assert_eq!(seen, expected.collect::<Vec<_>>());
}

/// A value can be made of every row in which nothing is remarkable that a value cannot hold.
fn check_with_serde(row: &[u8], remarks: &[WarningKind]) {
    let value = serde_json::from_slice::<serde_json::Value>(row);
    let holds = !remarks
        .iter()
        .any(|kind| *kind != WarningKind::DuplicateKey);
    let is_object = match value {
        Ok(value) => value.is_object(),
        // A number of hundreds of digits is infinite without an exponent.
        Err(error) => row.len() > 300 && error.to_string().contains("out of range"),
    };
    let text = String::from_utf8_lossy(row);
    assert!(!holds || is_object, "{text:?}");
}

fn check_reject(found: Option<&Found>, code: &str, position: Position, raw: &[u8]) {
    let Some(Found::Rejected(reject)) = found else {
        panic!(
            "{found:?} instead of {code} {:?}",
            String::from_utf8_lossy(raw)
        );
    };
    let LocalReject {
        message,
        raw_truncated,
        length,
        column,
        ..
    } = reject;
    assert_eq!(
        (reject.code.as_str(), reject.position),
        (code, position),
        "{reject:?}"
    );
    assert_eq!(*length, u64::try_from(raw.len()).unwrap());
    assert!(!raw_truncated && reject.raw == raw && column.is_none());
    assert!(
        !message.is_empty() && !message.contains(char::is_control),
        "{message:?}"
    );
}
