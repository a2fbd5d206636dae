//! What reaches a neutral server: every row once and unchanged, in the requests that the
//! platform's documents describe. The recorder itself checks signature and headers of each.

use crate::recorder::{Recorder, TOKEN};
use crate::start::{Place, WRITE, fixture};

fn sorted_lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn a_file_arrives_row_by_row_with_its_own_bytes_and_then_done_once() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    for name in ["item.jsonl", "item.jsonl.gz"] {
        let before = recorder.requests().len();
        let day = if name.ends_with("gz") {
            "2022-01-02"
        } else {
            "2022-01-01"
        };
        place
            .end(&format!(
                "write -t item -s history_sync -d {day} {}",
                fixture(name)
            ))
            .expect(0);
        let requests = &recorder.requests()[before..];
        assert_eq!(requests.len(), 2, "one batch, one done");
        let mut rows = requests[0].rows();
        rows.sort();
        assert_eq!(
            rows,
            sorted_lines(&std::fs::read(fixture("item.jsonl")).unwrap())
        );
        assert_eq!(requests[0].path, "/data/api/20013144/item");
        assert_eq!(requests[0].query, "method=write&stage=history_sync");
        assert_eq!(requests[0].header("content-type"), Some("application/json"));
        assert_eq!(requests[1].path, "/data/api/20013144/done");
        assert_eq!(requests[1].query, "topic=item&stage=history_sync");
        assert_eq!(
            requests[1].header("content-type"),
            Some("application/x-protobuf")
        );
        assert_eq!(requests[1].day().as_deref(), Some(day));
    }
}

#[test]
fn big_integers_decimals_key_order_and_escapes_arrive_unchanged() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let rows = [
        r#"{"z":123456789012345678901234567890,"a":0.10000000000000000000001,"z2":1e400}"#,
        r#"{ "id" : "\u8033\u673a" , "t":"a\/b", "d":{"b":1,"a":[ 1.0, 1.00 ]} }"#,
        r#"{"id":"2","id":"3","x":-0}"#,
    ];
    place.file(
        "rows.jsonl",
        format!("{}\n  {}\t\r\n\n{}", rows[0], rows[1], rows[2]),
    );
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    assert_eq!(recorder.writes()[0].rows(), rows);
}

#[test]
fn every_offline_stage_carries_its_date_and_streaming_neither_date_nor_done() {
    for stage in ["pre_sync", "history_sync", "incremental_sync_daily"] {
        let recorder = Recorder::new();
        let place = Place::with(&recorder);
        place.rows("rows.jsonl", 0, 3);
        place
            .end(&format!("write -t user -s {stage} -d 20220131 rows.jsonl"))
            .expect(0);
        let requests = recorder.requests();
        assert_eq!(requests.len(), 2, "{stage}");
        assert_eq!(requests[0].header("content-date"), Some("2022-01-31"));
        assert_eq!(requests[1].day().as_deref(), Some("2022-01-31"));
        assert_eq!(requests[1].query, format!("topic=user&stage={stage}"));
    }
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let rows = place.rows("rows.jsonl", 0, 2_500);
    place
        .end("write -t user -s incremental_sync_streaming --yes-i-mean streaming-only rows.jsonl")
        .expect(0);
    assert_eq!(recorder.rows(), rows);
    assert_eq!((recorder.writes().len(), recorder.dones().len()), (3, 0));
}

#[test]
fn a_request_has_at_most_ten_thousand_rows_and_batch_bytes() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place
        .end(&format!("{WRITE} {}", fixture("10001_rows.jsonl.gz")))
        .expect(0);
    let mut sizes: Vec<usize> = recorder
        .writes()
        .iter()
        .map(|write| write.rows().len())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 10_000]);
    assert!(recorder.requests().last().unwrap().is_done());

    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let rows = place.rows("rows.jsonl", 0, 500);
    place
        .end(&format!("{WRITE} --batch-bytes 4KiB rows.jsonl"))
        .expect(0);
    assert_eq!(recorder.rows(), rows);
    let writes = recorder.writes();
    assert!(writes.iter().all(|write| write.text.len() <= 4096));
    assert!(writes.len() < 10, "{} requests", writes.len());
}

#[test]
fn a_higher_level_of_compression_sends_the_same_rows_in_fewer_bytes() {
    let mut sent = Vec::new();
    for (option, variable) in [("", "1"), ("--compression-level 6", "1"), ("", "12")] {
        let recorder = Recorder::new();
        let mut place = Place::with(&recorder);
        place.set("BYTEAIR_COMPRESSION_LEVEL", variable);
        place
            .end(&format!("{WRITE} {option} {}", fixture("item.jsonl")))
            .expect(0);
        let lengths = recorder.writes().into_iter().map(|write| {
            let length = write.header("content-length").unwrap();
            length.parse::<usize>().unwrap()
        });
        sent.push((lengths.sum::<usize>(), recorder.rows()));
    }
    let [(fast, rows), (small, as_well), (smallest, too)] = &sent[..] else {
        panic!("three uploads");
    };
    assert!(rows == as_well && rows == too);
    assert!(
        fast > small && small > smallest,
        "{fast} {small} {smallest}"
    );
}

#[test]
fn the_old_signature_by_token_holds_too() {
    let recorder = Recorder::new();
    let mut place = Place::with(&recorder);
    for name in ["BYTEAIR_AK", "BYTEAIR_SK"] {
        place.set(name, "");
    }
    place.set("BYTEAIR_TOKEN", TOKEN);
    place.rows("rows.jsonl", 0, 10);
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    let requests = recorder.requests();
    assert_eq!(requests.len(), 2);
    assert!(
        requests
            .iter()
            .all(|request| request.header("tenant-signature").is_some())
    );
}

#[test]
fn done_can_be_sent_as_json() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 1);
    place
        .end(&format!("{WRITE} --done-format json rows.jsonl"))
        .expect(0);
    let done = &recorder.dones()[0];
    assert_eq!(done.text, br#"[{"partition_date":"20220101"}]"#);
    assert_eq!(done.header("content-type"), Some("application/json"));
}
