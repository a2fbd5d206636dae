//! Replies with code 1001 and lists that no platform would send: millions of entries, entries of
//! megabytes, entries that speak of the same row. Memory stays bounded, and nothing is guessed.

use crate::hostile_streams::{MAX_PEAK_BYTES, is_harmless};
use crate::recorder::{Received, Recorder, Reply};
use crate::start::{Place, Ran, WRITE};
use crate::watched::watched;
use byteair_sync::protocol::messages::{DataError, Status, WriteResponse};
use prost::Message;

/// What the allocator may keep of lists that are gone: each thread has a part of its own, and a list
/// that one of them has read is not given back before another one reads the next.
const MAX_KEPT_BYTES: u64 = 50 << 20;

/// Uploads rows to a server that answers every `write` so, and looks at the memory.
#[track_caller]
fn upload(
    rows: &[String],
    options: &str,
    reply: impl Fn(&Received) -> Reply + Send + Sync + 'static,
) -> (Place, Ran) {
    let recorder = Recorder::answering(move |request, _| {
        if request.is_done() {
            Reply::ok()
        } else {
            reply(request)
        }
    });
    let place = Place::with(&recorder);
    place.file("rows.jsonl", rows.join("\n"));
    let (ran, peak) = watched(&place, &format!("{WRITE} --json {options} rows.jsonl"));
    assert!(
        peak < MAX_PEAK_BYTES + MAX_KEPT_BYTES,
        "{} MiB\n{}{}",
        peak >> 20,
        ran.errors,
        ran.output
    );
    is_harmless(&ran.errors);
    (place, ran)
}

fn rows(count: usize) -> Vec<String> {
    crate::start::rows(0, count)
}

/// As protobuf: an entry, and how often it comes.
fn protobuf(entry: &DataError, times: usize) -> Reply {
    let status = Status {
        code: 1001,
        message: "part".to_owned(),
        success: false,
    };
    let head = WriteResponse {
        status: Some(status),
        errors: Vec::new(),
    };
    let one = WriteResponse {
        status: None,
        errors: vec![entry.clone()],
    };
    let body = [head.encode_to_vec(), one.encode_to_vec().repeat(times)].concat();
    Reply::http(200, "application/x-protobuf", body)
}

/// As JSON: an entry, and how often it comes.
fn json(entry: &str, times: usize) -> Reply {
    let list = format!("{entry},").repeat(times);
    let list = list.trim_end_matches(',');
    let body = format!(r#"{{"status":{{"code":1001,"message":"part"}},"errors":[{list}]}}"#);
    Reply::http(200, "application/json", body)
}

fn error(message: &str, data: &str) -> DataError {
    DataError {
        message: message.to_owned(),
        data: data.to_owned(),
    }
}

#[test]
fn millions_of_refused_rows_are_never_guessed_and_take_little_memory() {
    let replies: [fn(&Received) -> Reply; 5] = [
        |_| protobuf(&error("", ""), 8_000_000),
        |_| protobuf(&error("bad", &rows(1)[0]), 300_000),
        |_| json("{}", 5_000_000),
        |_| json("null", 3_000_000),
        |_| json(r#"{"data":{"id":"1"}}"#, 800_000),
    ];
    for reply in replies {
        let (_, ran) = upload(&rows(10), "", reply);
        let summary = ran.expect(7).summary();
        assert_eq!(summary["rows_accepted"], 0, "{summary}");
        assert_eq!(summary["rows_rejected"], 0, "{summary}");
    }
}

#[test]
fn many_replies_of_many_megabytes_at_once_are_read_one_after_the_other() {
    let (_, ran) = upload(&rows(12), "--batch-rows 1", |request| {
        let row = &request.rows()[0];
        protobuf(&error("bad", &format!("{row}{}", " ".repeat(350))), 30_000)
    });
    let summary = ran.expect(3).summary();
    assert_eq!(summary["rows_rejected"], 12, "{summary}");
}

#[test]
fn entries_of_many_megabytes_are_bounded_on_the_screen_and_in_the_ledger() {
    let (place, ran) = upload(&rows(10), "--batch-rows 1", |request| {
        let long = "\u{1b}[2J\r\nwarning: forged ".repeat(500_000);
        protobuf(&error(&long, &request.rows()[0]), 1)
    });
    let summary = ran.expect(3).summary();
    assert_eq!(summary["rows_rejected"], 10, "{summary}");
    let reserve = std::fs::metadata(place.path(".local/state/byteair-sync/reserve")).unwrap();
    let kept = place.state_bytes().len() - usize::try_from(reserve.len()).unwrap();
    assert!(kept < 2 << 20, "{kept} bytes");
    let shown = place.end("rejects list").expect(0);
    is_harmless(&(shown.output + &shown.errors));
}

#[test]
fn entries_that_are_no_rows_are_not_taken_apart() {
    let replies: [fn(&Received) -> Reply; 4] = [
        // As values these would take hundreds of megabytes.
        |_| protobuf(&error("bad", &format!("[{}0]", "0,".repeat(7_000_000))), 1),
        |_| protobuf(&error("bad", &"[".repeat(10 << 20)), 1),
        |_| protobuf(&error("bad", &format!("[{}0]", "0,".repeat(3_000_000))), 2),
        |_| {
            json(
                &format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)),
                100,
            )
        },
    ];
    for reply in replies {
        upload(&rows(10), "", reply).1.expect(7);
    }
}

#[test]
fn equal_rows_that_are_all_refused_many_times_are_matched_in_time() {
    let rows = vec![r#"{"id":"1"}"#.to_owned(); 10_000];
    let (_, ran) = upload(&rows, "", |_| {
        protobuf(&error("bad", r#"{ "id":"1"}"#), 100_000)
    });
    let summary = ran.expect(3).summary();
    assert_eq!(summary["rows_rejected"], 10_000, "{}", summary["problems"]);
}
