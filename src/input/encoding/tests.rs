//! Text in other encodings reads as the same text in UTF-8 does, and what does not decode is found.

use super::*;
use crate::input::tests::{drain, gzip, read, settings, stream};
use crate::input::{Format, InputSettings, Start, Verifier, open_file, open_stream};

fn named(label: &str, format: Format) -> InputSettings {
    InputSettings {
        encoding: TextEncoding::for_label(label),
        ..settings(format)
    }
}

fn encode(text: &str, label: &str) -> Vec<u8> {
    match label {
        "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => {
            let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
            encoding.encode(text).0.into_owned()
        }
    }
}

#[test]
fn the_rows_are_those_of_the_same_text_in_utf8() {
    // Second bytes of these characters are a bar, a backslash and a bracket in GBK.
    let csv = "编号|标题\n1|\"文|本\n誠\"\n2|乗俓\n";
    let lines = "{\"标题\":\"乗\"}\r\n\n{\"标题\":\"俓\"}";
    let bar = |settings| InputSettings {
        delimiter: Some("|".to_owned()),
        ..settings
    };
    for label in ["gbk", "gb18030", "utf-16le", "utf-16be", "utf-8"] {
        for (text, options) in [
            (csv, bar(named(label, Format::Csv))),
            (lines, named(label, Format::Jsonl)),
        ] {
            let plain = InputSettings {
                encoding: None,
                ..options.clone()
            };
            let expected = read(text.as_bytes(), &plain).unwrap();
            let bytes = encode(text, label);
            for bytes in [bytes.clone(), gzip(&bytes)] {
                for step in [1, 3, 100] {
                    let reader = open_stream(stream(&bytes, step), "a", &options, &[]).unwrap();
                    let content = drain(reader, 3).unwrap();
                    assert_eq!(content, expected, "{label} by {step}");
                    assert!(content.rejects.is_empty(), "{:?}", content.codes());
                }
            }
            if label.starts_with("utf-16") {
                let marked = encode(&format!("\u{feff}{text}"), label);
                assert_eq!(read(&marked, &plain).unwrap(), expected, "{label}");
                assert_eq!(read(&marked, &options).unwrap(), expected, "{label}");
            }
        }
    }
}

#[test]
fn bytes_that_do_not_decode_spoil_their_own_row_and_their_place_is_named() {
    let mut bytes = encode("{\"标\":\"一\"}\n{\"标\":\"", "gbk");
    let place = bytes.len();
    bytes.extend_from_slice(b"\x81\x20\"}\n");
    bytes.extend(encode("{\"标\":\"三\"}\n", "gbk"));
    for step in [1, 100] {
        let options = named("gbk", Format::Jsonl);
        let reader = open_stream(stream(&bytes, step), "a", &options, &[]).unwrap();
        let content = drain(reader, 3).unwrap();
        assert_eq!(content.rows.len(), 2);
        assert_eq!(content.codes(), [(2, "not_decodable")]);
        let message = &content.rejects[0].message;
        let wanted = format!("not GBK at byte offset {place} of");
        assert!(message.contains(&wanted), "{message}");
    }
    // An odd byte at the end of UTF-16, and half of a pair of surrogates.
    let mut odd = encode("a\n1\n2", "utf-16le");
    odd.push(0);
    let content = read(&odd, &named("utf-16le", Format::Csv)).unwrap();
    assert_eq!(
        (content.rows.len(), content.codes()),
        (1, vec![(3, "not_decodable")])
    );
    let half: Vec<u8> = [0x61, 10, 0xd800, 10, 0x62]
        .iter()
        .flat_map(|unit: &u16| unit.to_be_bytes())
        .collect();
    let content = read(&half, &named("utf-16be", Format::Csv)).unwrap();
    assert_eq!(
        (content.rows.len(), content.codes()),
        (1, vec![(2, "not_decodable")])
    );
    let message = &content.rejects[0].message;
    assert!(message.contains("byte offset 4 "), "{message}");
}

#[test]
fn a_file_is_resumed_and_verified_as_it_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let rows: Vec<String> = (0..300).map(|row| format!("{row},耳机{row}\n")).collect();
    let text = rows.concat();
    std::fs::write(&path, encode(&format!("编号,标题\n{text}"), "gbk")).unwrap();
    let options = named("gbk", Format::Csv);
    let all = drain(open_file(&path, &options, Start::BEGINNING).unwrap(), 100).unwrap();
    let start = Start::after(&all.ranges[1]);
    let rest = drain(open_file(&path, &options, start).unwrap(), 100).unwrap();
    let after = |row: &&crate::input::tests::Row| row.1.offset >= start.offset;
    let expected: Vec<_> = all.rows.iter().filter(after).cloned().collect();
    assert_eq!(rest.rows, expected);
    assert!(expected.len() > 50 && expected.len() < 250);
    let changed = Verifier::verify(&path, &options, all.ranges.clone()).unwrap();
    assert_eq!(changed, None);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 2;
    bytes[last] = b'x';
    std::fs::write(&path, &bytes).unwrap();
    let changed = Verifier::verify(&path, &options, all.ranges.clone()).unwrap();
    assert!(changed.is_some());
}

#[test]
fn a_mark_that_contradicts_the_option_and_utf32_are_refused() {
    let error = read(b"\xef\xbb\xbfa\n1\n", &named("gbk", Format::Csv)).unwrap_err();
    assert!(
        error.is_usage() && error.to_string().contains("--encoding says GBK"),
        "{error}"
    );
    let error = read(b"\xff\xfe\0\0a\0\0\0", &settings(Format::Csv)).unwrap_err();
    assert!(error.to_string().contains("UTF-32"), "{error}");
    let error = read(b"a\0,\0b\0\n\0", &settings(Format::Csv)).unwrap_err();
    assert!(error.to_string().contains("--encoding utf-16le"), "{error}");
    assert!(TextEncoding::for_label("no such").is_none());
}
