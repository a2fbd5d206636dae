//! Parquet files of pyarrow and Spark: every value arrives as pyarrow reads it, a killed upload goes
//! on, and a damaged file ends with a message.
//!
//! The files and the expected rows are made by fixtures/parquet/make.py.

use crate::recorder::{Latch, Received, Recorder, Reply};
use crate::rejects::letters;
use crate::start::{Place, WRITE};
use byteair_sync::input::{InputError, InputSettings, Next, Start, open_file};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::fs;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/parquet")
}

fn expected(name: &str) -> Vec<String> {
    let text = fs::read_to_string(folder().join(format!("{name}.jsonl"))).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Uploads a file of the folder; what arrived.
fn sent(name: &str, options: &str) -> Vec<String> {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let path = folder().join(format!("{name}.parquet"));
    let words = format!("{WRITE} --max-in-flight 1 {options} {}", path.display());
    place.end(&words).expect(0);
    let writes = recorder.writes();
    writes.iter().flat_map(Received::rows).collect()
}

fn assert_same(name: &str, sent: &[String], expected: &[String]) {
    for (number, (sent, expected)) in sent.iter().zip(expected).enumerate() {
        assert_eq!(sent, expected, "{name}, row {}", number + 1);
    }
    assert_eq!(sent.len(), expected.len(), "{name}");
}

#[test]
fn every_value_of_every_type_arrives_as_pyarrow_reads_it() {
    for name in [
        "types",
        "int96",
        "nested",
        "nested_pages",
        "spark",
        "spark_int96",
    ] {
        assert_same(name, &sent(name, "--batch-rows 500"), &expected(name));
    }
}

/// Of a float of 32 bits the shortest text is another double than the one that it is.
#[test]
fn floats_arrive_as_the_numbers_of_the_file_also_typed_and_in_lists() {
    let rows = expected("floats");
    assert_same("floats", &sent("floats", ""), &rows);
    let is_lossless = |row: &String| row.contains(r#""v":-860870.875,"list":[-860870.875,"#);
    assert!(rows.iter().any(is_lossless));
    for kind in ["double", "float"] {
        let options = format!("--types v={kind} --unknown-fields keep");
        assert_same("floats", &sent("floats", &options), &rows);
    }
}

#[test]
fn the_rows_are_the_same_in_every_codec_and_version_of_pages() {
    let expected = expected("items");
    for codec in ["none", "snappy", "gzip", "zstd", "lz4", "brotli"] {
        let name = format!("items_{codec}");
        assert_same(&name, &sent(&name, ""), &expected);
    }
}

#[test]
fn values_that_json_does_not_have_make_dead_letters_that_name_the_column() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let path = folder().join("faulty.parquet");
    place
        .end(&format!("{WRITE} {}", path.display()))
        .expect(3)
        .says("NaN or an infinity");
    let found: Vec<String> = letters(&place)
        .iter()
        .map(|letter| format!("{} {} {}", letter["line"], letter["code"], letter["column"]))
        .collect();
    assert_eq!(
        found,
        [
            r#"2 "no_json_value" "price""#,
            r#"3 "no_json_value" "raw""#,
            r#"4 "no_json_value" "price""#,
            r#"5 "no_json_value" "tags""#,
            r#"7 "empty_row" null"#,
        ]
    );
    assert_eq!(
        recorder.rows(),
        [
            r#"{"id":"0","price":1.5,"raw":"ok","tags":[1.0]}"#,
            r#"{"id":"5","price":4.5,"raw":"ok"}"#
        ]
    );
}

#[test]
fn what_is_dropped_is_no_fault_of_a_row_whatever_it_is() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let path = folder().join("faulty.parquet");
    let rules = "--types id=string,tags=array --unknown-fields drop";
    place
        .end(&format!("{WRITE} {rules} {}", path.display()))
        .expect(3);
    let found: Vec<String> = letters(&place)
        .iter()
        .map(|letter| format!("{} {} {}", letter["line"], letter["code"], letter["column"]))
        .collect();
    assert_eq!(
        found,
        [r#"5 "no_json_value" "tags""#, r#"7 "empty_row" null"#]
    );
    let ids = |row: &String| row.split('"').nth(3).unwrap().to_owned();
    let sent: Vec<String> = recorder.rows().iter().map(ids).collect();
    assert_eq!(sent, ["0", "1", "2", "3", "5"]);
    place
        .end(&format!("validate {rules} {}", path.display()))
        .expect(3)
        .says("5 fine, 2 with errors");
    // Neither does a column stand in the way that has no value that could be sent.
    let rules = "--types id=string --unknown-fields drop --timestamps seconds";
    let path = folder().join("int96.parquet");
    place
        .end(&format!("validate {rules} {}", path.display()))
        .expect(0);
}

#[test]
fn timestamps_become_numbers_only_where_nothing_is_lost_or_guessed() {
    let seconds = sent("items_zstd", "--timestamps seconds");
    assert!(
        seconds[1].ends_with(r#""seen_at":1640995201}"#),
        "{}",
        seconds[1]
    );
    let millis = sent("items_zstd", "--timestamps milliseconds");
    assert!(
        millis[1].ends_with(r#""seen_at":1640995201000}"#),
        "{}",
        millis[1]
    );
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let write = |options: &str, name: &str| {
        let path = folder().join(name);
        place.end(&format!(
            "{WRITE} --max-errors 100% {options} {}",
            path.display()
        ))
    };
    write("--timestamps seconds", "int96.parquet")
        .expect(2)
        .says("column 'int96' has timestamps without a time zone");
    write("--timestamps seconds", "spark.parquet")
        .expect(3)
        .says("more digits than --timestamps keeps");
    assert!(recorder.rows().is_empty());
}

#[test]
fn a_killed_upload_of_a_parquet_file_goes_on_in_the_middle_of_a_row_group() {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |_, number| {
        if number == 5 {
            held.wait();
        }
        Reply::ok()
    });
    let place = Place::with(&recorder);
    let path = folder().join("items_zstd.parquet");
    let words = format!(
        "{WRITE} --batch-rows 70 --max-in-flight 1 {}",
        path.display()
    );
    let mut child = place.start(&words);
    recorder.wait_for(6);
    child.kill().unwrap();
    child.wait().unwrap();
    latch.open();
    place.end(&words).expect(0);
    place.end(&format!("{words} --verify")).expect(0);
    let mut expected = expected("items");
    expected.sort_unstable();
    assert_same("resumed", &recorder.stored(), &expected);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_row_that_is_too_long_as_json_is_a_dead_letter_and_the_others_go_out() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let path = folder().join("nested.parquet");
    let words = format!(
        "{WRITE} --max-row-bytes 200 --max-errors 1 {}",
        path.display()
    );
    place.end(&words).expect(0);
    let letter = &letters(&place)[0];
    assert_eq!(
        (&letter["code"], &letter["line"]),
        (&"too_long".into(), &1.into())
    );
    assert_same("short ones", &recorder.rows(), &expected("nested")[1..]);
}

#[test]
fn a_parquet_file_is_read_as_nothing_else_and_nothing_else_as_parquet() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let bytes = fs::read(folder().join("items_zstd.parquet")).unwrap();
    place.file("rows.jsonl", &bytes);
    place.file("text.parquet", "{\"id\":1}\n");
    place.file("cut.parquet", &bytes[..bytes.len() / 2]);
    for (words, status, says) in [
        ("rows.jsonl", 4, "give --format parquet"),
        ("text.parquet", 4, "its name says Parquet"),
        ("cut.parquet", 4, "it has no footer at its end"),
        (
            "--format parquet text.parquet",
            4,
            "it does not begin as one",
        ),
    ] {
        place
            .end(&format!("{WRITE} {words}"))
            .expect(status)
            .says(says);
    }
    assert!(recorder.requests().is_empty());
    let other = Place::with(&recorder);
    other.file("rows.jsonl", &bytes);
    other
        .end(&format!("{WRITE} --format parquet rows.jsonl"))
        .expect(0);
    assert_eq!(recorder.rows().len(), 2000);
}

#[test]
fn parquet_on_standard_input_or_compressed_as_a_whole_is_refused_with_the_way_out() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let bytes = fs::read(folder().join("items_zstd.parquet")).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &bytes).unwrap();
    place.file("rows.parquet.gz", packed.finish().unwrap());
    place
        .end(&format!("{WRITE} rows.parquet.gz"))
        .expect(4)
        .says("name the file itself");
    place
        .end_with_stdin(&format!("{WRITE} --format jsonl -"), "PAR1 and more")
        .expect(4)
        .says("name the file itself");
}

/// Rows, good and bad ones, that are read from a file.
fn rows_of(path: &std::path::Path) -> Result<u64, InputError> {
    let mut reader = open_file(path, &InputSettings::default(), Start::BEGINNING)?;
    let (mut rows, mut body) = (0, Vec::new());
    loop {
        body.clear();
        match reader.next(&mut body)? {
            Next::NothingYet | Next::End => return Ok(rows),
            Next::Row { .. } | Next::Rejected(_) => rows += 1,
        }
    }
}

#[test]
fn a_damaged_file_gives_all_its_rows_or_an_error_and_never_a_panic() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("damaged.parquet");
    let mut random = StdRng::seed_from_u64(60);
    for name in [
        "types",
        "nested",
        "faulty",
        "spark",
        "items_snappy",
        "items_brotli",
    ] {
        let whole = fs::read(folder().join(format!("{name}.parquet"))).unwrap();
        fs::write(&path, &whole).unwrap();
        let rows = rows_of(&path).unwrap();
        for _ in 0..400 {
            let mut bytes = whole.clone();
            for _ in 0..random.random_range(1..4) {
                // The footer is small and decides everything, so half of the damage goes there.
                let from = if random.random() {
                    bytes.len() * 3 / 4
                } else {
                    4
                };
                let at = random.random_range(from..bytes.len() - 4);
                bytes[at] = random.random();
            }
            if random.random_range(0..8) == 0 {
                bytes.drain(..random.random_range(1..bytes.len() / 2));
                bytes.splice(..4, *b"PAR1");
            }
            fs::write(&path, &bytes).unwrap();
            if let Ok(found) = rows_of(&path) {
                assert_eq!(found, rows, "{name}");
            }
        }
    }
}

/// The shortest text of a double has other digits than its number, and those were sent as an integer.
#[test]
fn a_double_becomes_no_integer_with_other_digits() {
    assert_eq!(
        sent("doubles", ""),
        [
            r#"{"id":"a","v":243198187464380128.0,"f":1234567936.0}"#,
            r#"{"id":"b","v":-365299890889188736.0,"f":16777216.0}"#,
            r#"{"id":"c","v":2.5,"f":0.10000000149011612}"#,
        ]
    );
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let file = folder().join("doubles.parquet");
    place.file("d.parquet", std::fs::read(file).unwrap());
    for column in ["v", "f"] {
        place
            .end(&format!(
                "{WRITE} --restart --types {column}=int64 d.parquet"
            ))
            .expect(3);
    }
    assert!(recorder.accepted().is_empty());
}

#[test]
fn a_column_renamed_to_one_of_the_schema_is_refused_before_any_row() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let path = folder().join("items_none.parquet");
    for command in [WRITE, "validate"] {
        place
            .end(&format!("{command} --map kind=price {}", path.display()))
            .expect(2)
            .says("--map kind=price, but there is a column 'price' already");
    }
    assert!(recorder.requests().is_empty());
    let renamed = sent("items_none", "--map kind=colour");
    assert!(renamed.iter().all(|row| row.contains(r#""colour":""#)));
}

/// Its footer comes last, so that it ends in the middle of something until then.
#[test]
fn a_file_that_is_being_written_is_waited_for() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("g.parquet", b"PAR1 and the first pages");
    let path = place.path("g.parquet");
    let stopped = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stop = std::sync::Arc::clone(&stopped);
    let writer = std::thread::spawn(move || {
        use std::io::Write;
        let mut file = fs::File::options().append(true).open(path).unwrap();
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            file.write_all(&[0; 100]).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    });
    let ran = place.end(&format!("{WRITE} g.parquet"));
    stopped.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
    ran.expect(10).says("still being written");
    place
        .end(&format!("{WRITE} --restart g.parquet"))
        .expect(4)
        .says("or wait until it is complete");
    assert!(recorder.requests().is_empty());
}
