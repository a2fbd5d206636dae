//! Records become rows whatever they hold, and reading goes on from any cut without losing or repeating one.

use super::*;
use crate::input::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::Write;

const NAME: &str = "dis://orders/app/shardId-0000000000";

fn record(number: u64, data: impl Into<Vec<u8>>) -> StreamRecord {
    StreamRecord {
        number,
        data: Bytes::from(data.into()),
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn feed_of(records: Vec<StreamRecord>) -> RecordFeed {
    let feed = RecordFeed::default();
    feed.push(records);
    feed
}

/// All that is there: rows and rejects as their texts and places.
fn all(reader: &mut dyn RowReader) -> Vec<(String, Position)> {
    let mut seen = Vec::new();
    loop {
        let mut body = Vec::new();
        match reader.next(&mut body).unwrap() {
            Next::Row { position, .. } => seen.push((String::from_utf8(body).unwrap(), position)),
            Next::Rejected(reject) => {
                assert!(body.is_empty());
                seen.push((reject.code.as_str().to_owned(), reject.position));
            }
            Next::NothingYet | Next::End => return seen,
        }
    }
}

fn texts(records: Vec<StreamRecord>, settings: &InputSettings) -> Vec<(u64, String)> {
    let feed = feed_of(records);
    let mut reader = open_records(&feed, NAME, settings, RecordStart::BEGINNING);
    let seen = all(reader.as_mut()).into_iter();
    seen.map(|(text, position)| (position.line, text)).collect()
}

#[test]
fn a_record_holds_rows_in_any_format_and_compression() {
    let framed = {
        let mut encoder = snap::write::FrameEncoder::new(Vec::new());
        encoder.write_all(b"{\"a\":5}").unwrap();
        encoder.into_inner().unwrap()
    };
    let seen = texts(
        vec![
            record(7, "{\"a\":1}"),
            record(8, "{\"a\":2}\n\n{\"a\":3}\n"),
            record(9, gzip("{\"a\":4}\n")),
            record(10, framed),
            record(11, "[{\"a\":6},\n {\"a\":7}]"),
            record(12, ""),
            record(14, "{\"a\":8}"),
        ],
        &InputSettings::default(),
    );
    let wanted = [
        (7, 1),
        (8, 2),
        (8, 3),
        (9, 4),
        (10, 5),
        (11, 6),
        (11, 7),
        (14, 8),
    ];
    let wanted = wanted.map(|(number, a)| (number, format!("{{\"a\":{a}}}")));
    assert_eq!(seen, wanted);
    let raw = snap::raw::Encoder::new()
        .compress_vec(b"{\"a\":9}")
        .unwrap();
    let settings = InputSettings {
        compression: Compression::Snappy,
        ..InputSettings::default()
    };
    assert_eq!(
        texts(vec![record(1, raw)], &settings),
        [(1, "{\"a\":9}".to_owned())]
    );
    let settings = InputSettings {
        format: crate::input::Format::Csv,
        columns: Some(vec!["a".to_owned(), "b".to_owned()]),
        ..InputSettings::default()
    };
    let seen = texts(vec![record(1, "1,x\n2,y")], &settings);
    let rows = [r#"{"a":"1","b":"x"}"#, r#"{"a":"2","b":"y"}"#];
    assert_eq!(seen, rows.map(|row| (1, row.to_owned())));
}

#[test]
fn a_record_that_cannot_be_read_is_one_dead_letter_with_its_number() {
    let mut broken = gzip("{\"a\":1}\n{\"a\":2}\n");
    broken.truncate(broken.len() - 9);
    let seen = texts(
        vec![
            record(1, broken),
            record(2, "what is this"),
            record(3, "PK\x03\x04 an archive"),
            record(4, "{\"a\":1}\nno\n{\"a\":2}"),
        ],
        &InputSettings::default(),
    );
    let last = seen
        .iter()
        .rev()
        .take(3)
        .map(|(number, text)| (*number, text.as_str()));
    let wanted = [(4, "{\"a\":2}"), (4, "not_json"), (4, "{\"a\":1}")];
    assert_eq!(last.collect::<Vec<_>>(), wanted);
    for number in 1..=3 {
        let bad = seen
            .iter()
            .filter(|(of, text)| *of == number && text == "bad_record");
        assert_eq!(bad.count(), 1, "{seen:?}");
    }
}

#[test]
fn the_last_row_of_a_record_completes_it_as_soon_as_a_range_ends_there() {
    let feed = feed_of(vec![
        record(3, "{\"a\":1}\n{\"a\":2}"),
        record(4, "{\"a\":3}"),
    ]);
    let mut reader = open_records(
        &feed,
        NAME,
        &InputSettings::default(),
        RecordStart::BEGINNING.at(3),
    );
    let mut body = Vec::new();
    reader.next(&mut body).unwrap();
    reader.accept();
    let inside = reader.cut();
    assert_eq!((inside.line, inside.lines, inside.digest), (3, 0, 1));
    reader.next(&mut body).unwrap();
    reader.accept();
    let complete = reader.cut();
    assert_eq!((complete.line, complete.lines, complete.digest), (3, 1, 0));
    assert_eq!(RecordStart::after(&complete).start.line, 4);
    assert!(matches!(reader.next(&mut body).unwrap(), Next::Row { .. }));
    // The pending row is none of the range.
    let nothing = reader.cut();
    assert_eq!((nothing.records, nothing.length), (0, 0));
}

/// Records with numbers from 5 on, some of which have gaps before them.
fn records() -> impl Strategy<Value = Vec<StreamRecord>> {
    let line = prop_oneof![
        5 => (0..1000_u32).prop_map(|n| format!("{{\"n\":{n}}}\n")),
        1 => Just("bad\n".to_owned()),
        1 => Just("\n".to_owned()),
    ];
    let lines = prop::collection::vec(line, 0..5);
    let one = (
        lines,
        any::<bool>(),
        prop_oneof![8 => Just(1_u64), 1 => 2..4_u64],
    );
    prop::collection::vec(one, 1..12).prop_map(|records| {
        let mut number = 4;
        records
            .into_iter()
            .map(|(lines, packed, step)| {
                number += step;
                // So that the first byte says what it is.
                let text = format!("{{\"r\":{number}}}\n{}", lines.concat());
                record(
                    number,
                    if packed {
                        gzip(&text)
                    } else {
                        text.into_bytes()
                    },
                )
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn reading_goes_on_from_any_cut_as_if_there_had_been_none(
        records in records(), cut_after in 1..20_usize, accepted: bool
    ) {
        let settings = InputSettings::default();
        let begin = RecordStart::BEGINNING.at(5);
        let whole = all(open_records(&feed_of(records.clone()), NAME, &settings, begin).as_mut());
        let mut reader = open_records(&feed_of(records.clone()), NAME, &settings, begin);
        let mut seen = 0;
        let mut body = Vec::new();
        for _ in 0..cut_after {
            match reader.next(&mut body).unwrap() {
                Next::NothingYet => break,
                Next::Row { .. } if !accepted && seen + 1 == cut_after => {}
                _ => seen += 1,
            }
        }
        if accepted {
            reader.accept();
        }
        let range = reader.cut();
        prop_assert_eq!(range.records, u64::try_from(seen).unwrap());
        let start = RecordStart::after(&range);
        // What the service gives from that number on.
        let rest = records.iter().filter(|it| it.number >= start.start.line).cloned();
        let mut again = open_records(&feed_of(rest.collect()), NAME, &settings, start);
        let rest: Vec<_> = all(again.as_mut()).into_iter().map(|(text, place)| (text, place.ordinal, place.line)).collect();
        let wanted: Vec<_> = whole.into_iter().skip(seen).map(|(text, place)| (text, place.ordinal, place.line)).collect();
        prop_assert_eq!(rest, wanted);
        // Whatever lies before the place is complete.
        let following = reader.cut();
        prop_assert_eq!(following.offset, range.end());
    }
}
