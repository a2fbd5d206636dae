//! Lines become rows with exact places, whatever the line ends and the bytes are.

use crate::input::tests::{read, settings, stream};
use crate::input::{Format, InputSettings, Next, WarningKind, open_stream};

#[test]
fn a_line_of_exactly_the_limit_is_a_row_whatever_its_line_end() {
    let settings = InputSettings {
        max_row_bytes: 8,
        ..settings(Format::Jsonl)
    };
    let content = read(
        b"{\"a\":12}\r\n{\"a\":12}\n{\"a\":123}\r\n{\"a\":12}",
        &settings,
    )
    .unwrap();
    assert_eq!(content.rows.len(), 3);
    assert_eq!(content.codes(), [(3, "too_long")]);
}

#[test]
fn an_overlong_line_keeps_its_beginning_and_its_true_length() {
    let mut text = b"{\"a\":1}\n".to_vec();
    text.resize(3 << 20, b'x');
    text.extend_from_slice(b"\r\n{\"a\":2}\n");
    let content = read(&text, &settings(Format::Jsonl)).unwrap();
    assert_eq!(content.texts(), [r#"{"a":1}"#, r#"{"a":2}"#]);
    assert_eq!(content.rows[1].1.line, 3);
    let reject = &content.rejects[0];
    assert_eq!(reject.length, (3 << 20) - 8);
    assert_eq!(
        (
            reject.position.line,
            reject.position.ordinal,
            reject.position.offset
        ),
        (2, 2, 8)
    );
    assert_eq!(reject.raw.len(), 64 << 10);
    assert!(reject.raw_truncated);
}

#[test]
fn a_range_ends_before_a_pending_row_and_after_an_accepted_one() {
    let text = b"{\"a\":1}\n {\"a\":2}\n\n";
    let source = stream(text, 4);
    let settings = settings(Format::Jsonl);
    let mut reader = open_stream(source, "input", &settings, &[]).unwrap();
    let mut body = Vec::new();
    assert!(matches!(reader.next(&mut body).unwrap(), Next::Row { .. }));
    assert!(matches!(reader.next(&mut body).unwrap(), Next::Row { .. }));
    let first = reader.cut();
    assert_eq!((first.first_record, first.records, first.length), (1, 1, 9));
    reader.accept();
    let second = reader.cut();
    assert_eq!(
        (second.first_record, second.records, second.line),
        (2, 1, 2)
    );
    assert!(matches!(reader.next(&mut body).unwrap(), Next::End));
    let last = reader.cut();
    assert_eq!((last.first_record, last.records, last.length), (3, 0, 1));
    assert_eq!(reader.consumed_bytes(), 18);
}

#[test]
fn warnings_are_counted_by_kind_with_the_first_place_and_taken_once() {
    let text = br#"{"a":1}
{"a":1,"a":2}
{"a":"\ud800","a":1e999}
"#;
    let settings = settings(Format::Jsonl);
    let mut reader = open_stream(stream(text, 99), "input", &settings, &[]).unwrap();
    let mut body = Vec::new();
    while !matches!(reader.next(&mut body).unwrap(), Next::End) {}
    let warnings = reader.warnings();
    let seen: Vec<_> = warnings
        .iter()
        .map(|w| (w.kind, w.count, w.first.line))
        .collect();
    assert_eq!(
        seen,
        [
            (WarningKind::DuplicateKey, 2, 2),
            (WarningKind::LoneSurrogate, 1, 3),
            (WarningKind::NumberRange, 1, 3)
        ]
    );
    assert!(reader.warnings().is_empty());
}

#[test]
fn bytes_that_are_not_utf8_spoil_their_own_line_only() {
    let content = read(
        b"{\"a\":1}\n{\"a\":\"\xff\"}\n{\"a\":3}\n",
        &settings(Format::Jsonl),
    )
    .unwrap();
    assert_eq!(content.texts(), [r#"{"a":1}"#, r#"{"a":3}"#]);
    assert_eq!(content.codes(), [(2, "not_utf8")]);
    assert!(
        content.rejects[0]
            .message
            .contains("not UTF-8 at byte offset 14 "),
        "{}",
        content.rejects[0].message
    );
}
