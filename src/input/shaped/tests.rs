//! Typed and renamed rows come out value by value as Python's csv and json would have them, and what
//! breaks the rules is kept as the file had it.

use crate::input::tests::{read, settings};
use crate::input::{Format, InputSettings};
use crate::schema::{FieldType, RowRules, UnknownFields};

fn typed(types: &[(&str, &str)]) -> RowRules {
    let one = |(name, of): &(&str, &str)| ((*name).to_owned(), FieldType::parse(of).unwrap());
    RowRules {
        types: types.iter().map(one).collect(),
        ..RowRules::default()
    }
}

fn with(format: Format, rules: RowRules) -> InputSettings {
    InputSettings {
        rules,
        ..settings(format)
    }
}

/// One CSV cell of a type: the value that is sent, or the code of the reject.
fn cell(text: &str, of: &str) -> Result<String, &'static str> {
    let csv = format!("id,v\n007,\"{}\"\n", text.replace('"', "\"\""));
    let content = read(csv.as_bytes(), &with(Format::Csv, typed(&[("v", of)]))).unwrap();
    if let Some(reject) = content.rejects.first() {
        return Err(reject.code.as_str());
    }
    let value = content.texts()[0].strip_prefix(r#"{"id":"007","v":"#);
    Ok(value.unwrap().strip_suffix('}').unwrap().to_owned())
}

#[test]
fn cells_become_the_values_that_their_types_say() {
    for (text, of, value) in [
        ("5", "int32", "5"),
        ("-2147483648", "int32", "-2147483648"),
        ("007", "int32", "7"),
        ("1e3", "int64", "1000"),
        ("9007199254740993", "int64", "9007199254740993"),
        ("-9223372036854775808", "int64", "-9223372036854775808"),
        ("1.50", "double", "1.50"),
        ("0.1", "float", "0.1"),
        ("1e5", "double", "1e5"),
        ("007", "string", "\"007\""),
        ("1e400", "string", "\"1e400\""),
        ("耳机\t\"x\"", "string", r#""耳机\t\"x\"""#),
        ("TRUE", "bool", "1"),
        ("false", "bool", "0"),
        ("0", "bool", "0"),
        (r#"["a","b"]"#, "array", r#""[\"a\",\"b\"]""#),
        (r#"{"k":[1]}"#, "object", r#""{\"k\":[1]}""#),
        ("[1,2]", "json_string", "\"[1,2]\""),
    ] {
        assert_eq!(cell(text, of).as_deref(), Ok(value), "{text} as {of}");
    }
}

#[test]
fn cells_that_are_no_such_value_are_rejected() {
    for (text, of, code) in [
        ("2147483648", "int32", "overflow"),
        ("9223372036854775808", "int64", "overflow"),
        ("1.0", "int64", "wrong_type"),
        (" 5", "int64", "wrong_type"),
        ("1,5", "double", "wrong_type"),
        ("NaN", "double", "wrong_type"),
        ("Infinity", "double", "wrong_type"),
        ("-inf", "float", "wrong_type"),
        ("1e39", "float", "overflow"),
        ("1e400", "double", "overflow"),
        ("yes", "bool", "wrong_type"),
        ("[1,]", "array", "wrong_type"),
        ("{}", "array", "wrong_type"),
    ] {
        assert_eq!(cell(text, of), Err(code), "{text} as {of}");
    }
}

#[test]
fn a_rejected_row_is_kept_as_the_file_had_it_and_says_all_that_is_wrong() {
    let rules = typed(&[("n", "int32"), ("p", "double")]);
    let text = b"n,p,t\r\n1,2,a\r\nx,\"y\",\"two\r\nlines\"\r\n3,4,b\r\n";
    let content = read(text, &with(Format::Csv, rules.clone())).unwrap();
    assert_eq!(
        content.texts(),
        [r#"{"n":1,"p":2,"t":"a"}"#, r#"{"n":3,"p":4,"t":"b"}"#]
    );
    let reject = &content.rejects[0];
    assert_eq!(reject.raw, b"x,\"y\",\"two\r\nlines\"");
    assert_eq!((reject.length, reject.raw_truncated), (18, false));
    assert_eq!((reject.position.ordinal, reject.position.line), (2, 3));
    assert_eq!(reject.column.as_deref(), Some("n"));
    assert!(reject.message.contains("is no int32"), "{reject:?}");
    assert!(reject.message.contains("; p: "), "{reject:?}");

    let text = b"  {\"n\": \"x\"}  \r\n\n{\"n\":\"2\"}";
    let content = read(text, &with(Format::Jsonl, rules)).unwrap();
    assert_eq!(content.rejects[0].raw, b"{\"n\": \"x\"}");
    assert_eq!(content.rejects[0].position.offset, 2);
    assert_eq!(content.texts(), [r#"{"n":2}"#]);
}

#[test]
fn ranges_cover_every_byte_whatever_becomes_of_the_rows() {
    let lines: Vec<String> = (0..50)
        .map(|n| match n % 3 {
            0 => format!("{{\"n\":{n}}}"),
            1 => format!("{{\"n\":\"{n}\"}}"),
            _ => format!("{{\"n\":\"x{n}\"}}"),
        })
        .collect();
    let text = lines.join("\n");
    let plain = read(text.as_bytes(), &settings(Format::Jsonl)).unwrap();
    let rules = typed(&[("n", "int64")]);
    let content = read(text.as_bytes(), &with(Format::Jsonl, rules)).unwrap();
    assert_eq!((content.rows.len(), content.rejects.len()), (34, 16));
    let end = content.ranges.iter().map(|range| range.length).sum::<u64>();
    assert_eq!(end, u64::try_from(text.len()).unwrap());
    let records = |ranges: &[crate::domain::RawRange]| -> u64 {
        ranges.iter().map(|range| range.records).sum()
    };
    assert_eq!(records(&content.ranges), records(&plain.ranges));
}

#[test]
fn a_row_that_needs_no_change_keeps_its_bytes() {
    let text = b"{ \"n\" : 1.0e2 , \"x\":[ ] }\n";
    let content = read(text, &with(Format::Jsonl, typed(&[("n", "double")]))).unwrap();
    assert_eq!(content.texts(), ["{ \"n\" : 1.0e2 , \"x\":[ ] }"]);
}

#[test]
fn fields_are_renamed_and_dropped_and_a_row_without_any_left_is_rejected() {
    let rules = RowRules {
        renames: vec![("goods".to_owned(), "goods_id".to_owned())],
        unknown: UnknownFields::Drop,
        ..typed(&[("goods_id", "string"), ("n", "int32")])
    };
    let text =
        b"{\"goods\":\"1\",\"n\":2,\"x\":3}\n{\"x\":1}\n{\"goods\":\"1\",\"goods_id\":\"2\"}\n";
    let content = read(text, &with(Format::Jsonl, rules)).unwrap();
    assert_eq!(content.texts(), [r#"{"goods_id":"1","n":2}"#]);
    assert_eq!(content.codes(), [(2, "empty_row"), (3, "duplicate_field")]);
    assert_eq!(content.rejects[0].raw, b"{\"x\":1}");
}

#[test]
fn cells_that_stand_for_null_are_null_whatever_their_type() {
    let settings = InputSettings {
        null_strings: vec!["NULL".to_owned(), "\\N".to_owned()],
        ..with(Format::Csv, typed(&[("n", "int32")]))
    };
    let text = b"id,n,t\n1,NULL,\"NULL\"\n2,\\N,null\n3,,NULLS\n";
    let content = read(text, &settings).unwrap();
    assert_eq!(
        content.texts(),
        [
            r#"{"id":"1","n":null,"t":null}"#,
            r#"{"id":"2","n":null,"t":"null"}"#,
            r#"{"id":"3","t":"NULLS"}"#
        ]
    );
}

#[test]
fn an_endless_name_of_a_field_and_many_faults_stay_short() {
    let rules = RowRules {
        unknown: UnknownFields::Error,
        ..typed(&[("n", "int32")])
    };
    let members: Vec<String> = (0..100)
        .map(|n| format!("\"{}{n}\":1", "k".repeat(5_000)))
        .collect();
    let text = format!("{{{}}}\n", members.join(","));
    let settings = InputSettings {
        rules,
        ..InputSettings::default()
    };
    let content = read(text.as_bytes(), &settings).unwrap();
    let reject = &content.rejects[0];
    assert_eq!(reject.code.as_str(), "unknown_field");
    assert_eq!(reject.column.as_ref().map(String::len), Some(120));
    assert!(reject.message.len() < 2_000 && reject.message.ends_with("; and 92 more"));
    assert!(reject.raw_truncated);
}
