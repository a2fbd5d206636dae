//! CSV records become rows, with the lines and offsets of the file.

use crate::input::tests::{read, settings};
use crate::input::{EmptyCells, Format, InputSettings};

fn csv() -> InputSettings {
    settings(Format::Csv)
}

#[test]
fn delimiters_quotes_and_escapes_of_other_programs_mean_what_they_do_there() {
    for (text, delimiter, quote, escape, expected) in [
        (
            "a||b\n1||x|y\n",
            Some("||"),
            Some(b'"'),
            None,
            r#"{"a":"1","b":"x|y"}"#,
        ),
        (
            "a,b\n1,'x,''y'\n",
            None,
            Some(b'\''),
            None,
            r#"{"a":"1","b":"x,'y"}"#,
        ),
        (
            "a,b\n\"1,\"x\"\n",
            None,
            None,
            None,
            r#"{"\"a":"\"1","b":"\"x\""}"#,
        ),
        (
            "a,b\n1,x\\,\\\"y\n",
            None,
            Some(b'"'),
            Some(b'\\'),
            r#"{"a":"1","b":"x,\"y"}"#,
        ),
        (
            "a\u{1}b\n1\u{1}\\N\n",
            Some("\u{1}"),
            Some(b'"'),
            Some(b'\\'),
            r#"{"a":"1","b":"\\N"}"#,
        ),
        (
            "sep=;\na;b\n1;2\n",
            None,
            Some(b'"'),
            None,
            r#"{"a":"1","b":"2"}"#,
        ),
        (
            "a，b\n1，2\n",
            Some("，"),
            Some(b'"'),
            None,
            r#"{"a":"1","b":"2"}"#,
        ),
    ] {
        let text = if quote.is_none() {
            text.replacen('a', "\"a", 1)
        } else {
            text.to_owned()
        };
        let settings = InputSettings {
            delimiter: delimiter.map(str::to_owned),
            quote,
            escape,
            ..csv()
        };
        let content = read(text.as_bytes(), &settings).unwrap();
        assert_eq!(content.texts(), [expected], "{text}");
        assert_eq!(content.codes(), [], "{text}");
        let ends = content.ranges.last().unwrap().end();
        assert_eq!(ends, u64::try_from(text.len()).unwrap());
    }
}

#[test]
fn a_header_in_a_file_whose_columns_are_named_is_not_taken_for_a_row() {
    let columns = Some(vec!["id".to_owned(), "title".to_owned()]);
    let named = InputSettings { columns, ..csv() };
    let error = read(b"id,title\n1,a\n", &named).unwrap_err();
    assert!(error.to_string().contains("leave --columns out"), "{error}");
    assert_eq!(read(b"1,a\nid,title\n", &named).unwrap().rows.len(), 2);
}

#[test]
fn cells_become_strings_and_empty_ones_what_was_asked_for() {
    let text = b"id,name,n\n1,,2\n";
    for (empty, expected) in [
        (EmptyCells::Omit, r#"{"id":"1","n":"2"}"#),
        (EmptyCells::Null, r#"{"id":"1","name":null,"n":"2"}"#),
        (EmptyCells::String, r#"{"id":"1","name":"","n":"2"}"#),
    ] {
        let content = read(text, &InputSettings { empty, ..csv() }).unwrap();
        assert_eq!(content.texts(), [expected]);
    }
    let strict = InputSettings {
        empty: EmptyCells::Error,
        ..csv()
    };
    let content = read(text, &strict).unwrap();
    assert_eq!(content.codes(), [(2, "empty_cell")]);
    assert_eq!(content.rejects[0].column.as_deref(), Some("name"));
}

#[test]
fn lines_are_counted_inside_quotes_and_offsets_are_those_of_the_file() {
    let text = b"id,t\r\n1,\"a\r\nb\"\r\n\r\n\n2,c\r3,d";
    let content = read(text, &csv()).unwrap();
    let places: Vec<_> = content
        .rows
        .iter()
        .map(|(_, p, length)| (p.ordinal, p.line, p.offset, *length))
        .collect();
    assert_eq!(places, [(1, 2, 6, 8), (2, 6, 19, 3), (3, 7, 23, 3)]);
}

#[test]
fn named_columns_make_the_first_line_a_row() {
    let columns = Some(vec!["a".to_owned(), "b".to_owned()]);
    let content = read(
        b"\xef\xbb\xbf1;2\n",
        &InputSettings {
            columns,
            delimiter: Some(";".to_owned()),
            ..csv()
        },
    );
    assert_eq!(content.unwrap().texts(), [r#"{"a":"1","b":"2"}"#]);
    let columns = Some(vec!["a".to_owned(), "a".to_owned()]);
    let error = read(b"1,2\n", &InputSettings { columns, ..csv() }).unwrap_err();
    assert!(error.is_usage(), "{error}");
}

#[test]
fn a_ragged_record_says_how_many_cells_it_has() {
    let text = format!("a,b\n1,2\n1{}\n1\n", ",".repeat(150));
    let content = read(text.as_bytes(), &csv()).unwrap();
    assert_eq!(content.rows.len(), 1);
    let messages: Vec<_> = content.rejects.iter().map(|r| r.message.as_str()).collect();
    assert_eq!(
        messages,
        ["151 cells, but 2 columns", "1 cells, but 2 columns"]
    );
}

#[test]
fn a_broken_character_is_rejected_even_where_two_cells_join_into_a_whole_one() {
    let content = read(b"a,b\n\xe4,\xb8\xad\nx,\xff\n", &csv()).unwrap();
    assert_eq!(content.codes(), [(2, "not_utf8"), (3, "not_utf8")]);
    for (reject, place) in content.rejects.iter().zip([4, 11]) {
        let wanted = format!("not UTF-8 at byte offset {place} ");
        assert!(reject.message.starts_with(&wanted), "{}", reject.message);
    }
    let columns: Vec<_> = content
        .rejects
        .iter()
        .map(|r| r.column.as_deref())
        .collect();
    assert_eq!(columns, [Some("a"), Some("b")]);
}

#[test]
fn a_record_over_the_limit_is_rejected_and_an_open_quote_at_the_end_is_an_error() {
    let text = format!("a,b\n1,\"{}\n\"\n2,x\n", "y\n".repeat(900_000));
    let content = read(text.as_bytes(), &csv()).unwrap();
    assert_eq!(content.texts(), [r#"{"a":"2","b":"x"}"#]);
    assert_eq!(content.codes(), [(2, "too_long")]);
    assert_eq!(content.rejects[0].length, 1_800_005);
    assert_eq!(content.rows[0].1.line, 900_004);
    let open = format!("a,b\n0,0\n1,\"{}", "y\n".repeat(900_000));
    let error = read(open.as_bytes(), &csv()).unwrap_err();
    assert_eq!(error.line, Some(3));
    assert!(error.to_string().contains("never closed"), "{error}");
}

#[test]
fn text_behind_a_closing_quote_is_rejected_and_never_joined() {
    let text = b"a,b\n1,\"x\"y\n\"say \"hi\", ok\",2\r\n3\"4,\"5\"\r\n6,7,\"8\"9\n";
    let content = read(text, &csv()).unwrap();
    assert_eq!(content.texts(), [r#"{"a":"3\"4","b":"5"}"#]);
    let codes = [(2, "bad_quotes"), (3, "bad_quotes"), (5, "bad_quotes")];
    assert_eq!(content.codes(), codes);
    let columns: Vec<_> = content
        .rejects
        .iter()
        .map(|r| r.column.as_deref())
        .collect();
    assert_eq!(columns, [Some("b"), Some("a"), None]);
    let error = read(b"a,\"b\"c\n1,2\n", &csv()).unwrap_err();
    assert!(error.to_string().contains("closing quote"), "{error}");
}
