//! Inputs that are whole and are not read as they are: the message says what they are and which way in
//! there is.

use crate::recorder::Recorder;
use crate::start::{Place, WRITE};
use std::path::Path;

/// A zstd frame of one stored block, whose header asks for a window of 2^`log` bytes.
fn frame(log: u8, content: &[u8]) -> Vec<u8> {
    let last_and_raw = u32::try_from(content.len() << 3).unwrap() | 1;
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0, (log - 10) << 3];
    frame.extend_from_slice(&last_and_raw.to_le_bytes()[..3]);
    frame.extend_from_slice(content);
    frame
}

#[test]
fn a_zstd_window_that_is_too_large_is_called_so_and_not_corrupt() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let row = b"{\"id\":\"1\"}\n";
    for log in 28..=31 {
        place.file("rows.jsonl.zst", frame(log, row));
        let ran = place.end(&format!("{WRITE} rows.jsonl.zst")).expect(4);
        assert!(!ran.errors.contains("corrupt"), "{}", ran.errors);
        ran.says("a window of more than 128 MiB (made with --long=28 or more)")
            .says("zstd -dc --long=31 OLD.zst | zstd --long=27 -o NEW.zst");
    }
    assert!(recorder.requests().is_empty());
    place.file("rows.jsonl.zst", frame(27, row));
    place
        .end(&format!("{WRITE} --restart rows.jsonl.zst"))
        .expect(0);
    assert_eq!(recorder.rows(), [r#"{"id":"1"}"#]);
}

#[test]
fn the_help_of_memory_says_what_the_windows_of_compressed_inputs_add() {
    let help = Place::new().end("write --help").output;
    let (_, memory) = help.split_once("--memory <SIZE>").unwrap();
    let (memory, _) = memory.split_once("[default: 32MiB]").unwrap();
    assert!(memory.contains("128 MiB of zstd --long=27"), "{memory}");
}

#[test]
fn quotes_behind_a_backslash_are_read_with_the_option_that_the_message_names() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("spark.csv", "id,title\n1,\"a \\\"b\\\" c\"\n");
    place
        .end(&format!("{WRITE} spark.csv"))
        .expect(3)
        .says(r#"or say --escape '\' if \" is one"#);
    place.file("other.csv", "id,title\n1,\"a \"b\" c\"\n");
    let other = place.end("validate other.csv").expect(3).output;
    assert!(other.contains("bad_quotes") && !other.contains("--escape"));
    let escaped = format!("{WRITE} --restart --escape \\ spark.csv");
    place.end(&escaped).expect(0);
    assert_eq!(recorder.rows(), [r#"{"id":"1","title":"a \"b\" c"}"#]);
}

/// Spark writes UTC there, and the day of a row is one of another zone: it would have been the wrong one.
#[test]
fn timestamps_without_a_zone_say_no_day_and_the_message_names_the_setting_of_spark() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let int96 = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parquet/int96.parquet");
    place
        .end(&format!(
            "{WRITE} --date-from-field int96 {}",
            int96.display()
        ))
        .expect(3)
        .says("is a time without a time zone, so on which day it falls is not known")
        .says("spark.sql.parquet.outputTimestampType=TIMESTAMP_MICROS")
        .says(
            "only if it is already local time in --timezone, say --date-format %Y-%m-%dT%H:%M:%S",
        );
    assert!(recorder.requests().is_empty());
}

#[test]
fn objects_over_several_lines_are_read_with_the_option_that_the_message_names() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("pretty.jsonl", "{\n \"id\":\"1\"\n}\n{\n \"id\":\"2\"\n}\n");
    place
        .end(&format!("{WRITE} pretty.jsonl"))
        .expect(3)
        .says("a row goes over several lines, which --format json reads");
    place
        .end(&format!("{WRITE} --restart --format json pretty.jsonl"))
        .expect(0);
    assert_eq!(recorder.accepted().len(), 2);
}

/// The second byte of a character of GBK may be the delimiter, and half a character of UTF-16 have taken
/// one with it: then the number of cells was blamed.
#[test]
fn bytes_that_do_not_decode_are_told_with_their_offset_whatever_the_number_of_cells() {
    let place = Place::new();
    place.file("gbk.csv", b"id|title\n1|\x81\x7c\n2|b\n");
    let told = place.end("validate --delimiter | gbk.csv").expect(3).output;
    assert!(told.contains("not UTF-8 at byte"), "{told}");
    assert!(!told.contains("ragged"), "{told}");
    let mut text: Vec<u8> = "\u{feff}id,title\n1,a\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let whole = text.len();
    text.push(b'2');
    place.file("cut.csv", text);
    let told = place.end("validate --json cut.csv").expect(3).output;
    assert!(told.contains(r#""code":"not_decodable""#), "{told}");
    assert!(told.contains(&format!("at byte offset {whole} ")), "{told}");
}
