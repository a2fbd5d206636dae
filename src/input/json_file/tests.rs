//! Arrays and sequences of JSON objects: rows, places, resumption, and files that are cut off.

use super::*;
use crate::input::tests::{Content, drain, read, settings, stream};
use crate::input::{Format, InputSettings, open_file, open_stream};

fn json() -> InputSettings {
    settings(Format::Json)
}

fn rows(text: &str) -> Content {
    read(text.as_bytes(), &json()).unwrap()
}

fn problem(text: &str) -> String {
    read(text.as_bytes(), &json()).unwrap_err().to_string()
}

#[test]
fn rows_of_an_array_arrive_as_their_bytes_with_their_places() {
    let text =
        "\u{feff} [\n  {\"a\": 1,\n   \"b\": [\"]\", \"}\"]},\n  {\"a\":2} , {\"a\":\"耳\"}\n]\n\n";
    for step in [1, 2, 7, 1000] {
        let reader = open_stream(stream(text.as_bytes(), step), "a", &json(), &[]).unwrap();
        let content = drain(reader, 2).unwrap();
        assert_eq!(
            content.texts(),
            [
                "{\"a\": 1,\n   \"b\": [\"]\", \"}\"]}",
                "{\"a\":2}",
                "{\"a\":\"耳\"}"
            ]
        );
        let lines: Vec<u64> = content.rows.iter().map(|row| row.1.line).collect();
        assert_eq!(lines, [2, 4, 4]);
        let at = u64::try_from(text.find("{\"a\":2}").unwrap()).unwrap();
        assert_eq!(content.rows[1].1.offset, at);
        let end = content.ranges.last().unwrap().end();
        assert_eq!(end, u64::try_from(text.len()).unwrap());
    }
    assert!(rows(" [ ] \n").rows.is_empty());
    assert!(rows("  ").rows.is_empty());
}

#[test]
fn objects_one_after_the_other_are_rows_with_or_without_line_ends() {
    let content = rows("{\"a\":\n1}{\"a\":2}\n\n {\"a\":3}");
    assert_eq!(content.texts(), ["{\"a\":\n1}", "{\"a\":2}", "{\"a\":3}"]);
    let commas = rows("{\"a\":1},\n{\"a\":2}");
    assert_eq!(commas.rows.len(), 2);
    assert_eq!(commas.codes(), [(1, "not_json")]);
}

#[test]
fn a_row_that_is_no_object_is_rejected_and_the_others_are_read() {
    let long = "x".repeat(300);
    let text = format!(
        "[{{\"a\":1}},\n5,\n[{{}}],\n{{\"a\":NaN}},\n\"x\",\n{{\"l\":\"{long}\"}},\n{{\"a\":1]\n,{{\"a\":2}}]"
    );
    let content = rows(&text);
    assert_eq!(content.texts(), [r#"{"a":1}"#, r#"{"a":2}"#]);
    assert_eq!(
        content.codes(),
        [
            (2, "not_object"),
            (3, "not_object"),
            (4, "not_json"),
            (5, "not_object"),
            (6, "too_long"),
            (7, "not_json")
        ]
    );
    let mut bad = b"[{\"a\":\"\xff\"},{\"a\":2}]".to_vec();
    assert_eq!(read(&bad, &json()).unwrap().codes(), [(1, "not_utf8")]);
    bad.truncate(5);
    assert!(read(&bad, &json()).is_err());
}

#[test]
fn an_array_that_is_cut_anywhere_is_an_error_and_also_when_it_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let text = "[{\"a\":1},\n [1], 22 , {\"a\":\"2\"} ]\n";
    let whole = rows(text).rows.len();
    assert_eq!(whole, 2);
    for length in 1..text.trim_end().len() {
        std::fs::write(&path, &text[..length]).unwrap();
        let mut reader = open_file(&path, &json(), Start::BEGINNING).unwrap();
        let (mut body, mut start) = (Vec::new(), Start::BEGINNING);
        let failed = loop {
            match reader.next(&mut body) {
                Ok(Next::End) => break false,
                Ok(_) => {
                    reader.accept();
                    start = Start::after(&reader.cut());
                }
                Err(_) => break true,
            }
        };
        assert!(failed, "{}", &text[..length]);
        let mut again = open_file(&path, &json(), start).unwrap();
        let outcome = std::iter::repeat_with(|| again.next(&mut body))
            .find(|next| !matches!(next, Ok(Next::Row { .. } | Next::Rejected(_))));
        assert!(matches!(outcome, Some(Err(_))), "{} again", &text[..length]);
    }
}

#[test]
fn reading_goes_on_where_any_range_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    for text in [
        "[\n{\"a\":1}\n,\n{\"a\":2},5,{\"a\":3}\n]\n",
        " {\"a\":1}{\"a\":2}\n\n{\"a\":3}\n",
    ] {
        std::fs::write(&path, text).unwrap();
        let all = drain(open_file(&path, &json(), Start::BEGINNING).unwrap(), 1).unwrap();
        for range in &all.ranges {
            let start = Start::after(range);
            let rest = drain(open_file(&path, &json(), start).unwrap(), 1).unwrap();
            let after =
                |row: &&(String, crate::domain::Position, u64)| row.1.offset >= start.offset;
            let expected: Vec<_> = all.rows.iter().filter(after).cloned().collect();
            assert_eq!(rest.rows, expected, "{text:?} from {start:?}");
        }
    }
}

#[test]
fn what_makes_the_rest_unreadable_is_an_error_with_its_line() {
    for (text, part) in [
        ("[{\"a\":1}\n{\"a\":2}]", "neither a comma"),
        ("[{\"a\":1},]", "no row follows the comma"),
        ("[,{\"a\":1}]", "a row is missing"),
        ("[{\"a\":1}] x", "something follows the end"),
        ("[] x", "something follows the end"),
        ("[{\"a\":1}][{\"a\":2}]", "something follows the end"),
        (
            "[\n{\"a\":\"x\ny\"},{\"a\":2}]",
            "a:2: bad JSON: a text in the row",
        ),
        ("[", "never closed"),
    ] {
        let reader = open_stream(stream(text.as_bytes(), 3), "a", &json(), &[]);
        let error = reader
            .and_then(|reader| drain(reader, 2))
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{text:?}: {error}");
    }
    assert!(problem("[{\"a\":1}").contains("truncated"));
}
