//! Every kind of input: the rows that it has arrive once, what is no row becomes a dead letter with
//! its place, and a file that is not what it claims to be is left alone.

use crate::recorder::Recorder;
use crate::start::{Place, Ran, WRITE, fixture, rows};
use serde_json::{Map, Value};
use std::io::{Read, Write};

/// Uploads a fixture; the server and the end of the command.
fn upload(name: &str, options: &str) -> (Recorder, Place, Ran) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let ran = place.end(&format!("{WRITE} {options} {}", fixture(name)));
    (recorder, place, ran)
}

fn sorted(mut values: Vec<String>) -> Vec<String> {
    values.sort();
    values
}

/// What CSV of these bytes means, by a reader that is not the program's.
fn csv_rows(bytes: &[u8], delimiter: u8) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .from_reader(bytes);
    let names = reader.headers().unwrap().clone();
    let records = reader.records().map(|record| {
        let record = record.unwrap();
        let cells = names
            .iter()
            .zip(record.iter())
            .filter(|(_, cell)| !cell.is_empty());
        let row: Map<String, Value> = cells
            .map(|(name, cell)| (name.to_owned(), cell.into()))
            .collect();
        Value::Object(row).to_string()
    });
    sorted(records.collect())
}

fn canonical(rows: &[String]) -> Vec<String> {
    let values = rows
        .iter()
        .map(|row| serde_json::from_str::<Value>(row).unwrap().to_string());
    sorted(values.collect())
}

#[test]
fn every_good_jsonl_file_arrives_with_its_own_bytes() {
    for (name, expected) in [
        ("behavior.jsonl", 3_000),
        ("user.jsonl", 500),
        ("remarkable.jsonl", 5),
        ("crlf.jsonl", 3),
        ("bom.jsonl", 2),
        ("no_final_newline.jsonl", 2),
    ] {
        let (recorder, _, ran) = upload(name, "");
        ran.expect(0);
        let text = std::fs::read(fixture(name)).unwrap();
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        let text = std::str::from_utf8(text).unwrap();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let lines = sorted(lines.map(str::to_owned).collect());
        assert_eq!(lines.len(), expected, "{name}");
        assert_eq!(recorder.rows(), lines, "{name}");
        assert_eq!(recorder.dones().len(), 1, "{name}");
    }
}

#[test]
fn every_good_csv_file_means_what_another_reader_says() {
    for (name, options, delimiter) in [
        ("item.csv", "", b','),
        ("user.csv", "", b','),
        ("user.csv.zst", "", b','),
        ("behavior.tsv", "", b'\t'),
        ("crlf.csv", "", b','),
        ("quotes.csv", "", b','),
        ("semicolon.csv", "--delimiter ;", b';'),
    ] {
        let (recorder, _, ran) = upload(name, options);
        ran.expect(0);
        let plain = std::fs::read(fixture(name.trim_end_matches(".zst"))).unwrap();
        assert_eq!(
            canonical(&recorder.rows()),
            csv_rows(&plain, delimiter),
            "{name}"
        );
        assert_eq!(recorder.dones().len(), 1, "{name}");
    }
    let (recorder, _, ran) = upload("bom.csv", "");
    ran.expect(0);
    assert_eq!(recorder.rows(), [r#"{"goods_id":"1","title":"耳机"}"#]);
    let (recorder, _, ran) = upload("no_header.csv", "--columns goods_id,title");
    ran.expect(0);
    let expected = [
        r#"{"goods_id":"1","title":"a"}"#,
        r#"{"goods_id":"2","title":"b"}"#,
    ];
    assert_eq!(recorder.rows(), expected);
}

#[test]
fn what_spreadsheets_databases_and_other_packers_write_arrives_as_it_is_meant() {
    let gbk = encoding_rs::GBK
        .encode("编号,标题\r\n1,耳机\r\n")
        .0
        .into_owned();
    let utf16 = "\u{feff}编号\t标题\r\n1\t耳机\r\n".encode_utf16();
    let utf16: Vec<u8> = utf16.flat_map(u16::to_le_bytes).collect();
    let mut bzip2 = Vec::new();
    bzip2::read::BzEncoder::new("编号,标题\n1,耳机\n".as_bytes(), bzip2::Compression::fast())
        .read_to_end(&mut bzip2)
        .unwrap();
    let mut xz = Vec::new();
    liblzma::read::XzEncoder::new("编号,标题\n1,耳机\n".as_bytes(), 1)
        .read_to_end(&mut xz)
        .unwrap();
    let row = r#"{"编号":"1","标题":"耳机"}"#;
    for (name, bytes, options) in [
        ("gbk.csv", gbk, "--encoding gbk"),
        ("unicode_text.tsv", utf16, ""),
        ("sep.csv", "sep=;\n编号;标题\n1;耳机\n".into(), ""),
        ("mysql.tsv", "编号\t标题\n1\t耳\\机\n".into(), "--escape \\"),
        ("bars.csv", "编号||标题\n1||耳机\n".into(), "--delimiter ||"),
        (
            "hive.csv",
            "编号\u{1}标题\n1\u{1}耳机\n".into(),
            "--delimiter \\x01",
        ),
        ("a.csv.bz2", bzip2, ""),
        ("a.csv.xz", xz, ""),
        ("array.json", format!("[\n{row}\n]\n").into(), ""),
        ("objects.json", row.into(), "--format json"),
    ] {
        let recorder = Recorder::new();
        let place = Place::with(&recorder);
        place.file(name, bytes);
        place.end(&format!("{WRITE} {options} {name}")).expect(0);
        assert_eq!(recorder.rows(), [row], "{name}");
        assert_eq!(recorder.dones().len(), 1, "{name}");
        // The second time there is nothing left to do.
        let before = recorder.requests().len();
        place.end(&format!("{WRITE} {options} {name}")).expect(0);
        assert_eq!(recorder.requests().len(), before, "{name}");
    }
}

#[test]
fn directories_globs_lists_and_gzip_of_several_members_are_read() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let mut expected = place.rows("in/a.jsonl", 0, 30);
    let mut members = Vec::new();
    for member in rows(30, 40).chunks(20) {
        let mut gzip = flate2::write::GzEncoder::new(members, flate2::Compression::fast());
        gzip.write_all((member.join("\n") + "\n").as_bytes())
            .unwrap();
        members = gzip.finish().unwrap();
    }
    // The content tells the compression, not the name.
    place.file("in/deep/b.jsonl", members);
    expected.extend(rows(30, 40));
    place.file(
        "in/deep/c.json.zst",
        zstd::encode_all(rows(70, 5).join("\n").as_bytes(), 1).unwrap(),
    );
    for (day, path) in [("2022-01-01", "in"), ("2022-01-02", "in/**/*.jsonl")] {
        let before = recorder.rows().len();
        place
            .end(&format!(
                "write -t item -s history_sync -d {day} --format jsonl {path}"
            ))
            .expect(0);
        let sent = recorder.rows().len() - before;
        assert_eq!(sent, if path == "in" { 75 } else { 70 }, "{path}");
    }
    place.file("list", "in/a.jsonl\nin/deep/b.jsonl\n");
    place
        .end("write -t item -s history_sync -d 2022-01-03 --files-from list")
        .expect(0);
    let of_third: Vec<String> = recorder
        .writes()
        .iter()
        .filter(|write| write.day().as_deref() == Some("2022-01-03"))
        .flat_map(crate::recorder::Received::rows)
        .collect();
    assert_eq!(sorted(of_third), expected);
}

#[test]
fn each_date_gets_its_own_files_and_its_done_after_its_last_write() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    for day in 1..=3 {
        place.rows(&format!("export/dt=2022010{day}/x.jsonl"), day * 100, 25);
    }
    place
        .end("write -t item -s history_sync -d 2022-01-01..2022-01-03 --batch-rows 10 export/dt={date:%Y%m%d}")
        .expect(0);
    let requests = recorder.requests();
    for day in 1..=3 {
        let day_text = format!("2022-01-0{day}");
        let of_day: Vec<_> = requests
            .iter()
            .filter(|request| request.day().as_deref() == Some(day_text.as_str()))
            .collect();
        let sent = of_day
            .iter()
            .filter(|r| !r.is_done())
            .flat_map(|r| r.rows())
            .collect();
        assert_eq!(sorted(sent), rows(day * 100, 25), "{day_text}");
        assert_eq!(of_day.iter().filter(|r| r.is_done()).count(), 1);
        assert!(of_day.last().unwrap().is_done());
    }
    let ran =
        place.end("write -t item -s history_sync -d 2022-01-01,2022-01-02 export/dt=20220101");
    ran.expect(2).says("{date}");
}

#[test]
fn standard_input_arrives_and_the_same_stream_again_sends_nothing() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let rows = rows(0, 2_000);
    let text = rows.join("\n");
    let words = format!("{WRITE} --input-id export-7 --format jsonl --batch-rows 300 -");
    place.end_with_stdin(&words, &text).expect(0);
    assert_eq!(recorder.rows(), rows);
    let before = recorder.requests().len();
    place.end_with_stdin(&words, &text).expect(0);
    assert_eq!(recorder.requests().len(), before);
    // Another stream under the same name is late input for a date that is done.
    place
        .end_with_stdin(&words, &format!("{text}\n{{\"id\":\"x\"}}"))
        .expect(6);
    assert_eq!(recorder.requests().len(), before);
}

#[test]
fn every_row_that_is_none_becomes_a_dead_letter_with_its_place_and_its_reason() {
    for (name, good, bad) in [
        ("torn_last_line.jsonl", 2, &[(3, "not_json")][..]),
        ("bad_utf8.jsonl", 2, &[(2, "not_utf8")]),
        ("array_line.jsonl", 2, &[(2, "not_object")]),
        ("two_objects.jsonl", 2, &[(2, "not_json")]),
        ("nul_bytes.jsonl", 2, &[(2, "not_json")]),
        (
            "nan.jsonl",
            2,
            &[(2, "not_json"), (3, "not_json"), (4, "not_json")],
        ),
        ("too_deep.jsonl", 2, &[(2, "too_deep")]),
        ("long_line.jsonl.gz", 2, &[(2, "too_long")]),
        ("ragged.csv", 2, &[(3, "ragged"), (4, "ragged")]),
        ("empty_row.csv", 2, &[(3, "empty_row")]),
        ("bad_utf8.csv", 2, &[(3, "not_utf8")]),
    ] {
        let (recorder, place, ran) = upload(name, "");
        ran.expect(3).says("rejects list");
        assert_eq!(recorder.rows().len(), good, "{name}");
        assert!(recorder.dones().is_empty(), "{name}");
        let listed = place.end("rejects list --json").expect(0);
        assert_eq!(listed.summary()["rows_rejected"], bad.len(), "{name}");
        let known = place.end("ledger list --json").expect(0).summary();
        assert_eq!(known["rows_rejected"], bad.len(), "{name}");
        assert_eq!(known["rows_accepted"], good, "{name}");
        let mut letters = listed.lines();
        letters.pop();
        let found: Vec<(u64, &str)> = letters
            .iter()
            .map(|letter| {
                (
                    letter["line"].as_u64().unwrap(),
                    letter["code"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(found, bad, "{name}");
        for letter in &letters {
            assert_eq!(letter["file"], fixture(name), "{letter}");
            assert_eq!(letter["source"], "local");
            assert_eq!(letter["state"], "open");
            assert!(letter["message"].as_str().unwrap().len() > 10, "{letter}");
        }
        // The platform never has to be asked again, and the status stays.
        let before = recorder.requests().len();
        place.end(&format!("{WRITE} {}", fixture(name))).expect(3);
        assert_eq!(recorder.requests().len(), before, "{name}");
        place
            .end(&format!(
                "{WRITE} --max-errors {} {}",
                bad.len(),
                fixture(name)
            ))
            .expect(0);
        assert_eq!(recorder.dones().len(), 1, "{name}");
    }
}

#[test]
fn a_dead_letter_shows_the_row_itself_and_where_it_came_from() {
    let (_, place, _) = upload("bad_utf8.csv", "");
    let shown = place.end("rejects show 1 --json").expect(0);
    let letter = &shown.lines()[0];
    for name in [
        "file",
        "line",
        "byte_offset",
        "record",
        "topic",
        "stage",
        "date",
        "column",
        "code",
        "message",
        "source",
        "request_id",
        "raw_hex",
    ] {
        assert!(letter.get(name).is_some(), "{name} is missing in {letter}");
    }
    assert_eq!(letter["byte_offset"], 20);
    // Bytes that are no text are shown as they are.
    assert_eq!(letter["raw_hex"], "322cb6fabbfa");
    place.end("rejects show 99").expect(8).says("rejects list");
}

#[test]
fn a_file_that_is_not_what_it_claims_to_be_is_status_4_with_a_guess_at_the_cause() {
    for (name, guess) in [
        ("log_text.jsonl", "does not look like JSON lines"),
        ("parquet.jsonl", "Parquet"),
        ("excel.csv", "Excel"),
        ("truncated_gzip.jsonl.gz", "truncated"),
        ("truncated_zstd.jsonl.zst", "truncated"),
        ("corrupt_gzip.jsonl.gz", "corrupt"),
        ("duplicate_header.csv", "two columns are named 'goods_id'"),
        ("empty_header_name.csv", "column 2 has no name"),
        ("unclosed_quote.csv", "never closed"),
        ("gbk_header.csv", "UTF-8"),
    ] {
        let (recorder, place, ran) = upload(name, "");
        ran.expect(4).says(guess).says(name);
        assert!(recorder.dones().is_empty(), "{name}");
        let listed = place.end("rejects list").expect(0);
        assert!(
            listed.output.starts_with("no rejected rows"),
            "{name}: {}",
            listed.output
        );
    }
}

#[test]
fn an_input_without_a_row_is_status_8_until_empty_is_allowed() {
    for name in ["empty.jsonl", "empty.csv", "blank_lines.jsonl"] {
        let (recorder, place, ran) = upload(name, "");
        ran.expect(8).says("--allow-empty");
        assert!(recorder.requests().is_empty());
        place
            .end(&format!("{WRITE} --allow-empty {}", fixture(name)))
            .expect(0);
        assert_eq!((recorder.writes().len(), recorder.dones().len()), (0, 1));
    }
}

#[cfg(not(feature = "remote"))]
#[test]
fn a_build_without_remote_stores_says_how_to_get_one_with_them() {
    let place = Place::with(&Recorder::new());
    place
        .end(&format!("{WRITE} s3://bucket/rows.jsonl"))
        .expect(2)
        .says("--features full");
}

#[test]
fn a_column_renamed_to_one_that_is_there_is_refused_before_any_row() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("rows.csv", "a,d\n1,2\n");
    place
        .end(&format!("{WRITE} --map a=d rows.csv"))
        .expect(2)
        .says("there is a column 'd' already");
    assert!(recorder.requests().is_empty());
    place.end(&format!("{WRITE} --map a=e rows.csv")).expect(0);
    assert_eq!(recorder.rows(), [r#"{"e":"1","d":"2"}"#]);
}
