//! What holds for every reader: rows, positions and ranges fit together, from any start.

use super::*;
use crate::domain::Position;
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::{Cursor, Read, Write};
use xxhash_rust::xxh3::xxh3_128;

/// A row as read: its JSON, where it was, how long it was there.
pub(super) type Row = (String, Position, u64);

/// Everything that a reader gives.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Content {
    pub(super) rows: Vec<Row>,
    pub(super) rejects: Vec<LocalReject>,
    pub(super) ranges: Vec<RawRange>,
}

impl Content {
    pub(super) fn texts(&self) -> Vec<&str> {
        self.rows.iter().map(|row| row.0.as_str()).collect()
    }

    pub(super) fn codes(&self) -> Vec<(u64, &'static str)> {
        let code = |reject: &LocalReject| (reject.position.line, reject.code.as_str());
        self.rejects.iter().map(code).collect()
    }
}

/// Reads to the end, ending a range after every so many records.
pub(super) fn drain(mut reader: Box<dyn RowReader>, records: u64) -> Result<Content, InputError> {
    let mut content = Content::default();
    let mut body = Vec::new();
    let mut seen = 0;
    loop {
        let before = body.len();
        match reader.next(&mut body)? {
            Next::Row { position, length } => {
                let text = String::from_utf8(body[before..].to_vec()).unwrap();
                content.rows.push((text, position, length));
                // Both ways of ending a range: before a pending row, and after an accepted one.
                if seen % 2 == 0 {
                    reader.accept();
                }
            }
            Next::Rejected(reject) => content.rejects.push(*reject),
            Next::NothingYet | Next::End => break,
        }
        seen += 1;
        if seen % records == 0 {
            content.ranges.push(reader.cut());
        }
    }
    content.ranges.push(reader.cut());
    Ok(content)
}

/// Gives one byte after the other some of the time, as pipes do.
struct Dribble<R>(R, usize);

impl<R: Read> Read for Dribble<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let limit = buffer.len().min(self.1);
        self.0.read(&mut buffer[..limit])
    }
}

pub(super) fn stream(bytes: &[u8], step: usize) -> Box<dyn Read + Send> {
    Box::new(Dribble(Cursor::new(bytes.to_vec()), step))
}

pub(super) fn settings(format: Format) -> InputSettings {
    InputSettings {
        format,
        max_row_bytes: 200,
        ..InputSettings::default()
    }
}

pub(super) fn read(bytes: &[u8], settings: &InputSettings) -> Result<Content, InputError> {
    let source = stream(bytes, usize::MAX);
    drain(open_stream(source, "input", settings, &[])?, 3)
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn fixture(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/input")
        .join(name)
}

pub(super) fn read_fixture(name: &str) -> Result<Content, InputError> {
    let settings = InputSettings::default();
    drain(open_file(&fixture(name), &settings, Start::BEGINNING)?, 500)
}

fn check_tiles(content: &Content, bytes: &[u8], start: Start) {
    let (mut offset, mut record, mut line) = (start.offset, start.record, start.line);
    for range in &content.ranges {
        assert_eq!(
            (range.offset, range.first_record, range.line),
            (offset, record, line)
        );
        let from = usize::try_from(range.offset).unwrap();
        let to = usize::try_from(range.end()).unwrap();
        assert_eq!(range.digest, xxh3_128(&bytes[from..to]));
        offset = range.end();
        record += range.records;
        line += range.lines;
    }
    assert_eq!(offset, u64::try_from(bytes.len()).unwrap());
    let records = content.rows.len() + content.rejects.len();
    assert_eq!(record - start.record, u64::try_from(records).unwrap());
}

fn check_positions(content: &Content, bytes: &[u8]) {
    for (_, position, length) in &content.rows {
        let from = usize::try_from(position.offset).unwrap();
        assert!(from + usize::try_from(*length).unwrap() <= bytes.len());
        let newlines = memchr::memchr_iter(b'\n', &bytes[..from]).count();
        let lone = |pair: &&[u8]| pair[0] == b'\r' && pair[1] != b'\n';
        if !bytes.windows(2).any(|pair| lone(&pair)) && bytes.last() != Some(&b'\r') {
            assert_eq!(position.line, u64::try_from(newlines).unwrap() + 1);
        }
    }
}

/// Reads `bytes` in all ways and from all ranges; all must agree.
fn check_all_ways(bytes: &[u8], settings: &InputSettings, step: usize) -> Option<Content> {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    std::fs::write(&plain, bytes).unwrap();
    let packed = folder.path().join("packed");
    std::fs::write(&packed, gzip(bytes)).unwrap();
    let from_file = |path, start| drain(open_file(path, settings, start)?, 3);

    let content = match from_file(&plain, Start::BEGINNING) {
        Ok(content) => content,
        Err(error) => {
            let other = from_file(&packed, Start::BEGINNING).unwrap_err();
            assert_eq!(error.fault.to_string(), other.fault.to_string());
            return None;
        }
    };
    check_tiles(&content, bytes, Start::BEGINNING);
    check_positions(&content, bytes);
    assert_eq!(from_file(&packed, Start::BEGINNING).unwrap(), content);
    let dribbled = open_stream(stream(bytes, step), "input", settings, &[]);
    assert_eq!(drain(dribbled.unwrap(), 3).unwrap(), content);
    let unchanged = Verifier::verify(&plain, settings, content.ranges.clone());
    assert_eq!(unchanged.unwrap(), None);
    let unchanged = Verifier::verify(&packed, settings, content.ranges.clone());
    assert_eq!(unchanged.unwrap(), None);

    for range in &content.ranges {
        let start = Start {
            offset: range.offset,
            record: range.first_record,
            line: range.line,
        };
        for path in [&plain, &packed] {
            let rest = from_file(path, start).unwrap();
            check_tiles(&rest, bytes, start);
            let rows = content
                .rows
                .iter()
                .filter(|row| row.1.ordinal >= start.record);
            assert_eq!(rest.rows, rows.cloned().collect::<Vec<_>>());
            let rejects = content.rejects.iter();
            let rejects = rejects.filter(|reject| reject.position.ordinal >= start.record);
            assert_eq!(rest.rejects, rejects.cloned().collect::<Vec<_>>());
        }
    }
    Some(content)
}

fn json_rows() -> impl Strategy<Value = Vec<String>> {
    let value = prop_oneof![
        "[a-z]{0,9}",
        "[蓝牙\"\\\\\n\t]{0,5}",
        "x{150,180}",
        "x{192,400}"
    ];
    prop::collection::vec(value, 0..20).prop_map(|values| {
        let row = |value: &String| serde_json::json!({ "id": value }).to_string();
        values.iter().map(row).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_rows_come_out_of_json_lines_as_they_went_in(
        rows in json_rows(),
        ends in prop::collection::vec(prop::sample::select(vec!["\n", "\r\n", " \n\n", "\n \t\r\n"]), 20),
        begin in prop::sample::select(vec!["", "\u{feff}", "\n  "]),
        step in 1_usize..50,
    ) {
        let mut text = begin.to_owned();
        for (row, end) in rows.iter().zip(&ends) {
            text.push_str(row);
            text.push_str(end);
        }
        let content = check_all_ways(text.as_bytes(), &settings(Format::Jsonl), step).unwrap();
        let good: Vec<&String> = rows.iter().filter(|row| row.len() <= 200).collect();
        prop_assert_eq!(content.texts(), good);
        prop_assert_eq!(content.rejects.len(), rows.iter().filter(|row| row.len() > 200).count());
        for (row, position, length) in &content.rows {
            let from = usize::try_from(position.offset).unwrap();
            prop_assert_eq!(&text[from..from + usize::try_from(*length).unwrap()], row);
        }
    }

    #[test]
    fn any_cells_come_out_of_csv_as_they_went_in(
        cells in prop::collection::vec(("[a-z,]{1,9}", "[蓝牙\"\\\\\r\n\t,]{0,5}"), 0..20),
        line_end in prop::sample::select(vec![::csv::Terminator::CRLF, ::csv::Terminator::Any(b'\n')]),
        step in 1_usize..50,
    ) {
        let mut writer = ::csv::WriterBuilder::new().terminator(line_end).from_writer(Vec::new());
        writer.write_record(["goods_id", "ti\"tle"]).unwrap();
        for (first, second) in &cells {
            writer.write_record([first, second]).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let settings = InputSettings { empty: EmptyCells::String, ..settings(Format::Csv) };
        let content = check_all_ways(&bytes, &settings, step).unwrap();
        prop_assert!(content.rejects.is_empty());
        prop_assert_eq!(content.rows.len(), cells.len());
        for ((row, _, _), (first, second)) in content.rows.iter().zip(&cells) {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            prop_assert_eq!(row, serde_json::json!({ "goods_id": first, "ti\"tle": second }));
        }
    }

    #[test]
    fn arbitrary_bytes_are_read_without_panic_and_every_byte_is_covered(
        noise in prop::collection::vec(prop::sample::select(
            b"{}[]\"\\,:;\n\n\r\r a1e9\xe8\x93\x00\xef\xbb\xbf".to_vec()), 0..700),
        format in prop::sample::select(vec![Format::Jsonl, Format::Csv, Format::Tsv]),
        named in any::<bool>(),
        max_row_bytes in prop::sample::select(vec![1_usize, 5, 60]),
        step in 1_usize..50,
    ) {
        let columns = named.then(|| vec!["a".to_owned(), "b".to_owned()]);
        check_all_ways(&noise, &InputSettings { columns, max_row_bytes, ..settings(format) }, step);
    }
}

#[test]
fn the_good_fixtures_are_read_whole() {
    for (name, rows) in [
        ("item.jsonl", 2_000),
        ("item.jsonl.gz", 2_000),
        ("item.csv", 2_000),
        ("user.jsonl", 500),
        ("user.csv", 500),
        ("user.csv.zst", 500),
        ("behavior.jsonl", 3_000),
        ("behavior.tsv", 3_000),
        ("10001_rows.jsonl.gz", 10_001),
        ("zero_padded.jsonl.gz", 1),
        ("bom.jsonl", 2),
        ("bom.csv", 1),
        ("crlf.jsonl", 3),
        ("crlf.csv", 3),
        ("quotes.csv", 3),
        ("no_final_newline.jsonl", 2),
        ("empty.jsonl", 0),
        ("empty.csv", 0),
        ("blank_lines.jsonl", 0),
    ] {
        let content = read_fixture(name).unwrap();
        assert_eq!(content.rows.len(), rows, "{name}");
        assert_eq!(content.codes(), [], "{name}");
    }
    let plain = read_fixture("item.jsonl").unwrap();
    assert_eq!(read_fixture("item.jsonl.gz").unwrap(), plain);
    let lines = std::fs::read_to_string(fixture("item.jsonl")).unwrap();
    assert_eq!(plain.texts(), lines.lines().collect::<Vec<_>>());
}

#[test]
fn each_bad_record_of_the_fixtures_is_rejected_in_its_place_and_the_rest_is_read() {
    for (name, rows, codes) in [
        ("torn_last_line.jsonl", 2, vec![(3, "not_json")]),
        ("bad_utf8.jsonl", 2, vec![(2, "not_utf8")]),
        ("bad_utf8.csv", 2, vec![(3, "not_utf8")]),
        ("ragged.csv", 2, vec![(3, "ragged"), (4, "ragged")]),
        ("empty_row.csv", 2, vec![(3, "empty_row")]),
        ("array_line.jsonl", 2, vec![(2, "not_object")]),
        ("two_objects.jsonl", 2, vec![(2, "not_json")]),
        ("too_deep.jsonl", 2, vec![(2, "too_deep")]),
        ("nul_bytes.jsonl", 2, vec![(2, "not_json")]),
        ("long_line.jsonl.gz", 2, vec![(2, "too_long")]),
        (
            "nan.jsonl",
            2,
            vec![(2, "not_json"), (3, "not_json"), (4, "not_json")],
        ),
    ] {
        let content = read_fixture(name).unwrap();
        assert_eq!(content.rows.len(), rows, "{name}");
        assert_eq!(content.codes(), codes, "{name}");
    }
    let log = read_fixture("log_text.jsonl").unwrap();
    assert_eq!((log.rows.len(), log.rejects.len()), (0, 1_200));
}

#[test]
fn an_input_that_is_not_what_it_claims_to_be_is_an_error_that_says_so() {
    for (name, part) in [
        (
            "unclosed_quote.csv",
            "unclosed_quote.csv:3: the record that starts here",
        ),
        ("gbk_header.csv", "--encoding gbk"),
        ("duplicate_header.csv", "two columns are named 'goods_id'"),
        ("empty_header_name.csv", "column 2 has no name"),
        ("semicolon.csv", "--delimiter"),
        ("truncated_gzip.jsonl.gz", "the gzip stream ends early"),
        ("corrupt_gzip.jsonl.gz", "the gzip stream is corrupt"),
        ("truncated_zstd.jsonl.zst", "the zstd stream ends early"),
        ("excel.csv", "Excel"),
        ("parquet.jsonl", "Parquet"),
    ] {
        let error = read_fixture(name)
            .map(|content| content.codes().len())
            .unwrap_err();
        assert!(error.to_string().contains(part), "{name}: {error}");
        assert!(
            !error.is_missing() && !error.is_usage() && !error.is_io(),
            "{name}"
        );
    }
}
