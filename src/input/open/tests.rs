//! Formats and compressions are told by name and first bytes.

use super::*;
use crate::input::tests::{drain, gzip, read, settings, stream};
use crate::input::{Compression, RawRange, RowBoundary, Verifier, fingerprint_stdin, row_boundary};

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    bzip2::read::BzEncoder::new(bytes, bzip2::Compression::fast())
        .read_to_end(&mut packed)
        .unwrap();
    packed
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    liblzma::read::XzEncoder::new(bytes, 1)
        .read_to_end(&mut packed)
        .unwrap();
    packed
}

fn stdin(bytes: &[u8], settings: &InputSettings) -> Result<Box<dyn RowReader>, InputError> {
    open_stream(stream(bytes, 7), "standard input", settings, &[])
}

#[test]
fn a_format_is_told_by_its_name_or_an_opening_brace_and_never_guessed() {
    assert_eq!(format_of_name("a/b.CSV.gz"), Some(Format::Csv));
    assert_eq!(format_of_name("x.tsv.zst"), Some(Format::Tsv));
    assert_eq!(format_of_name("x.ndjson"), Some(Format::Jsonl));
    assert_eq!(format_of_name("part-00000"), None);
    let auto = InputSettings::default();
    let content = drain(stdin(b" \n {\"a\":1}", &auto).unwrap(), 1).unwrap();
    assert_eq!(content.texts(), [r#"{"a":1}"#]);
    let error = stdin(b"id,name\n1,2\n", &auto).err().unwrap();
    assert!(error.to_string().contains("--format"), "{error}");
}

#[test]
fn gzip_members_and_zstd_frames_read_as_one_input() {
    let (first, second) = (b"{\"a\":1}\n{\"a\"".as_slice(), b":2}\n".as_slice());
    let mut members = [gzip(first), gzip(second)].concat();
    members.extend_from_slice(&[0; 300]);
    let level = 1;
    let frame = |bytes| zstd::stream::encode_all(bytes, level).unwrap();
    let frames = [frame(first), frame(second)].concat();
    // As pzstd writes them, each behind its length.
    let passed_over = b"\x50\x2a\x4d\x18\x04\0\0\0\x11\0\0\0".to_vec();
    let behind = [
        passed_over.clone(),
        frame(first),
        passed_over,
        frame(second),
    ]
    .concat();
    let streams = [bzip2(first), bzip2(second)].concat();
    let padded = [xz(first), vec![0; 8], xz(second)].concat();
    for bytes in [members, frames, behind, streams, padded] {
        let content = read(&bytes, &InputSettings::default()).unwrap();
        assert_eq!(content.texts(), [r#"{"a":1}"#, r#"{"a":2}"#]);
    }
}

#[test]
fn a_compressed_stream_that_is_cut_anywhere_is_an_error() {
    let text = b"{\"a\":1}\n".repeat(50);
    let two_members = [gzip(&text), gzip(&text)].concat();
    let one_member = gzip(&text).len();
    let zstd = zstd::stream::encode_all(text.as_slice(), 1).unwrap();
    for (whole, compression) in [
        (two_members, Compression::Gzip),
        (zstd, Compression::Zstd),
        (bzip2(&text), Compression::Bzip2),
        (xz(&text), Compression::Xz),
    ] {
        let settings = InputSettings {
            compression,
            ..settings(Format::Jsonl)
        };
        assert!(read(&whole, &settings).is_ok());
        // A cut between two members leaves a whole file.
        for length in (1..whole.len()).filter(|length| *length != one_member) {
            let error = read(&whole[..length], &settings).unwrap_err();
            let truncated = matches!(error.fault, InputFault::Truncated { .. });
            assert!(truncated, "{compression:?} {length}: {error}");
        }
    }
}

#[test]
fn rubbish_behind_a_gzip_member_is_an_error() {
    let bytes = [gzip(b"{}\n"), b"rubbish and more rubbish".to_vec()].concat();
    let error = read(&bytes, &settings(Format::Jsonl)).unwrap_err();
    let ends_at = gzip(b"{}\n").len();
    assert!(
        error
            .to_string()
            .contains(&format!("ends at byte {ends_at},")),
        "{error}"
    );
}

#[test]
fn a_missing_file_is_told_apart_and_a_shrunken_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let settings = InputSettings::default();
    let error = open_file(&path, &settings, Start::BEGINNING).err().unwrap();
    assert!(error.is_missing() && error.is_io(), "{error}");
    let start = Start {
        offset: 9,
        record: 2,
        line: 2,
    };
    for bytes in [b"{}\n".to_vec(), gzip(b"{}\n")] {
        std::fs::write(&path, bytes).unwrap();
        let error = open_file(&path, &settings, start).err().unwrap();
        assert!(
            matches!(error.fault, InputFault::Shorter { offset: 9 }),
            "{error}"
        );
    }
}

#[test]
fn verifying_names_the_first_range_that_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let text = b"{\"a\":1}\n".repeat(9);
    std::fs::write(&path, &text).unwrap();
    let settings = InputSettings::default();
    let reader = open_file(&path, &settings, Start::BEGINNING).unwrap();
    let ranges: Vec<RawRange> = drain(reader, 3).unwrap().ranges;
    let verify =
        |ranges: &[RawRange]| Verifier::verify(&path, &settings, ranges.iter().copied()).unwrap();
    assert_eq!(verify(&ranges), None);
    let mut edited = text.clone();
    edited[30] = b'2';
    for changed in [edited, text[..31].to_vec()] {
        for bytes in [changed.clone(), gzip(&changed)] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(verify(&ranges), Some(ranges[1]));
        }
    }
}

#[test]
fn a_fingerprint_takes_nothing_from_the_stream() {
    let long = vec![b'x'; 200_000];
    let mut other = long.clone();
    other[199_999] = b'y';
    let mut digests = Vec::new();
    for bytes in [&long, &other, &b"short".to_vec()] {
        let (digest, mut stream) = fingerprint_stdin(stream(bytes, 1_000)).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        assert_eq!(&all, bytes);
        digests.push(digest);
    }
    assert_eq!(digests[0], digests[1]);
    assert_ne!(digests[0], digests[2]);
}

#[test]
fn what_follows_a_recorded_end_is_a_row_of_its_own_when_a_line_break_is_on_either_side() {
    let folder = tempfile::tempdir().unwrap();
    for (name, recorded, appended, boundary) in [
        ("a.jsonl", "{\"a\":1}\n", "{\"a\":2}\n", true),
        ("a.jsonl", "{\"a\":1}", "\n{\"a\":2}\n", true),
        ("a.jsonl", "{\"a\":1}", "\r\n{\"a\":2}", true),
        ("a.jsonl", "{\"a\":1}", "\r{\"a\":2}", false),
        ("a.jsonl", "{\"a\":1}\r", "{\"a\":2}", false),
        ("a.jsonl", "{\"a\":1}", "{\"a\":2}", false),
        ("a.jsonl", "{\"a\":1}", "", true),
        ("a.csv", "a,b\n1,2", "\n3,4", true),
        ("a.csv", "a,b\r1,2\r", "3,4", true),
        ("a.csv", "a,b\n1,2", "3\n", false),
        ("a.csv", "a,b\n1,\"2\"", "\"3\"\n", false),
        ("a.jsonl", "", "{}", true),
    ] {
        let whole = [recorded, appended].concat();
        let members = [gzip(recorded.as_bytes()), gzip(appended.as_bytes())].concat();
        let path = folder.path().join(name);
        let end = u64::try_from(recorded.len()).unwrap();
        for bytes in [whole.clone().into_bytes(), members] {
            std::fs::write(&path, bytes).unwrap();
            let settings = InputSettings::default();
            let found = row_boundary(&path, &settings, end).unwrap();
            assert_eq!(
                found == RowBoundary::Here,
                boundary,
                "{recorded:?} + {appended:?}"
            );
            let beyond = u64::try_from(whole.len()).unwrap() + 2;
            let error = row_boundary(&path, &settings, beyond).unwrap_err();
            assert!(error.is_changed(), "{error}");
        }
    }
}

#[test]
fn a_line_break_in_front_of_appended_rows_belongs_to_the_line_before() {
    let folder = tempfile::tempdir().unwrap();
    let settings = InputSettings::default();
    for (name, before, after) in [
        ("a.jsonl", "{\"a\":\"1\"}", "\n{\"a\":\"2\"}"),
        ("a.csv", "a\n1", "\r\n2"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, before).unwrap();
        let reader = open_file(&path, &settings, Start::BEGINNING).unwrap();
        let last = *drain(reader, 3).unwrap().ranges.last().unwrap();
        std::fs::write(&path, [before, after].concat()).unwrap();
        let rest = open_file(&path, &settings, Start::after(&last)).unwrap();
        let rest = drain(rest, 3).unwrap();
        assert_eq!(rest.texts(), [r#"{"a":"2"}"#]);
        assert_eq!(rest.rows[0].1.line, last.line + last.lines + 1);
    }
}
