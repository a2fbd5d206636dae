//! `metadata sync` against a scripted server: what is sent, what is checked before, what each reply leads to.

use crate::huawei::{PROJECT, assert_signed, json, place_with};
use crate::recorder::{Latch, Received, Recorder, eventually};
use crate::reply::Reply;
use crate::start::{Place, Ran, signal};
use rustix::process::Signal;
use serde_json::Value;
use std::time::{Duration, Instant};

pub(crate) const SYNC: &str =
    "metadata sync --engine MRS --engine-version 3.1.2 --instance-id i-1 events.jsonl";
pub(crate) const TAKEN: &str = r#"{"success": true}"#;

fn taking() -> Recorder {
    Recorder::answering(|_, _| json(200, TAKEN))
}

/// An event that tells its number.
fn event(number: usize) -> String {
    format!(
        r#"{{"event_ts": {number}, "event_type": "AddPartitionEvent", "event_message": {{"n": 1.50}}}}"#
    )
}

pub(crate) fn events(numbers: std::ops::Range<usize>) -> String {
    numbers.map(|number| event(number) + "\n").collect()
}

/// Numbers of the events of a request.
fn numbers(request: &Received) -> Vec<u64> {
    let body: Value = serde_json::from_slice(&request.text).unwrap();
    let events = body["events"].as_array().unwrap();
    events
        .iter()
        .map(|event| event["event_ts"].as_u64().unwrap())
        .collect()
}

pub(crate) fn all_numbers(recorder: &Recorder) -> Vec<Vec<u64>> {
    recorder.everything().iter().map(numbers).collect()
}

/// The dead letters of a place with one file of them.
pub(crate) fn dead_letters(place: &Place) -> Vec<Value> {
    let folder = place.path(".local/state/byteair-sync/rejects");
    let mut files = std::fs::read_dir(folder).unwrap();
    let text = std::fs::read_to_string(files.next().unwrap().unwrap().path()).unwrap();
    assert!(files.next().is_none());
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_request_is_as_documented_and_carries_the_bytes_of_the_file() {
    let recorder = taking();
    let place = place_with(&recorder);
    place.file("events.jsonl", events(0..2));
    place
        .end(SYNC)
        .expect(0)
        .says("2 events read, 2 accepted, 0 rejected, 0 settled before, 1 request sent");
    let requests = recorder.everything();
    let [request] = requests.as_slice() else {
        panic!("{requests:#?}")
    };
    assert_signed(request);
    assert_eq!(request.method, "POST");
    assert_eq!(request.path, format!("/v1/{PROJECT}/metadata/async-bulk"));
    assert_eq!(
        String::from_utf8(request.text.clone()).unwrap(),
        format!(
            r#"{{"engine":"MRS","engine_version":"3.1.2","instance_id":"i-1","events":[{},{}]}}"#,
            event(0),
            event(1)
        )
    );
    let dli = "metadata sync --engine DLI events.jsonl --json";
    let summary = place.end(dli).expect(0).summary();
    assert_eq!(summary["rows_accepted"], 2, "{summary}");
    let body: Value = serde_json::from_slice(&recorder.everything()[1].text).unwrap();
    assert_eq!(
        (
            &body["engine"],
            &body["project_id"],
            body.get("instance_id")
        ),
        (&"DLI".into(), &PROJECT.into(), None)
    );
}

#[test]
fn what_the_engine_needs_is_checked_before_anything_is_sent() {
    let recorder = taking();
    let place = place_with(&recorder);
    place.file("events.jsonl", events(0..1));
    for (words, said) in [
        ("--engine MRS", "--instance-id"),
        ("--engine DWS --engine-version 8.1", "--instance-id"),
        ("--engine DLI --instance-id i", "leave --instance-id out"),
        ("--engine HIVE --instance-id i", "DLI, DWS and MRS"),
        ("--instance-id i", "--engine"),
        ("--engine MRS --instance-id a/b", "an instance"),
        ("--engine MRS --instance-id i --engine-version=", "3.1.2"),
        (
            "--engine MRS --instance-id i --batch-events 0",
            "--batch-events",
        ),
        ("--engine MRS --instance-id i --project-id a/b", "a project"),
        (
            "--engine MRS --instance-id i --endpoint http://192.0.2.1",
            "plain http",
        ),
    ] {
        place
            .end(&format!("metadata sync {words} events.jsonl"))
            .expect(2)
            .says(said);
    }
    place
        .end("metadata sync --engine MRS --instance-id i")
        .expect(2)
        .says("PATH");
    place
        .end("metadata sync --engine MRS --instance-id i missing.jsonl")
        .expect(10)
        .says("missing.jsonl");
    place.file("empty.jsonl", "\n\n");
    place
        .end("metadata sync --engine MRS --instance-id i empty.jsonl")
        .expect(8)
        .says("there is no event in it");
    assert!(recorder.everything().is_empty());
}

#[test]
fn bad_events_become_dead_letters_and_the_others_go_on() {
    let recorder = taking();
    let place = place_with(&recorder);
    let bad = [
        "no json",
        r#"{"event_ts":1,"event_type":"AlterFunctionEvent","event_message":{}}"#,
        r#"{"event_ts":-1,"event_type":"AddIndexEvent","event_message":{}}"#,
        r#"{"event_ts":1,"event_type":"AddIndexEvent","event_message":[]}"#,
        r#"{"event_ts":1,"event_type":"AddIndexEvent","event_message":{},"more":1}"#,
    ];
    let text = format!(
        "{}\n\n{}\n{}{}\n",
        bad[0],
        bad[1..].join("\n"),
        events(0..2),
        bad[1]
    );
    place.file("events.jsonl", text);
    let ran = place.end(&format!("{SYNC} --batch-events 2")).expect(3);
    let ran = ran
        .says("8 events read, 2 accepted, 6 rejected")
        .says("6 events were rejected");
    assert!(
        ran.errors
            .contains(".local/state/byteair-sync/rejects/metadata-")
    );
    let letters = dead_letters(&place);
    let places: Vec<(u64, u64, &str)> = letters
        .iter()
        .map(|letter| {
            (
                letter["line"].as_u64().unwrap(),
                letter["record"].as_u64().unwrap(),
                letter["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        places[1..],
        [
            (3, 2, "event_type"),
            (4, 3, "event_ts"),
            (5, 4, "event_message"),
            (6, 5, "event_form"),
            (9, 8, "event_type"),
        ]
    );
    assert_eq!((places[0].0, places[0].1), (1, 1));
    assert_eq!(letters[1]["raw"], bad[1]);
    assert!(
        letters[1]["file"]
            .as_str()
            .unwrap()
            .ends_with("/events.jsonl")
    );
    assert_eq!(all_numbers(&recorder), [[0, 1]]);
    // The same state has the same status, unless the loss is accepted.
    place.end(SYNC).expect(3);
    place.end(&format!("{SYNC} --max-errors 6")).expect(0);
    assert_eq!(recorder.everything().len(), 1);
    assert_eq!(dead_letters(&place).len(), 6);
}

#[test]
fn events_go_in_order_and_a_file_that_grows_sends_what_is_new() {
    let recorder = taking();
    let place = place_with(&recorder);
    place.file("events.jsonl", events(0..5));
    let sync = format!("{SYNC} --batch-events 2");
    place.end(&sync).expect(0).says("3 requests sent");
    assert_eq!(all_numbers(&recorder), [vec![0, 1], vec![2, 3], vec![4]]);
    place
        .end(&sync)
        .expect(0)
        .says("5 settled before, 0 requests sent");
    place.file("events.jsonl", events(0..6));
    place.end(&sync).expect(0).says("6 events read, 6 accepted");
    assert_eq!(all_numbers(&recorder)[3..], [[5]]);
    // Another instance has heard of nothing.
    place.end(&sync.replace("i-1", "i-2")).expect(0);
    assert_eq!(recorder.everything().len(), 7);
    place.file("events.jsonl", events(1..7));
    place.end(&sync).expect(9).says("--restart");
    place.file("events.jsonl", events(0..3));
    place.end(&sync).expect(9).says("the first 6 events");
    assert_eq!(recorder.everything().len(), 7);
    place.end(&format!("{sync} --restart")).expect(0);
    assert_eq!(all_numbers(&recorder)[7..], [vec![0, 1], vec![2]]);
    let mut place = place;
    place.set("BYTEAIR_RESTART", "true");
    place.end(&sync).expect(0).says("0 requests sent");
}

#[test]
fn throttling_is_waited_out_and_only_an_unknown_outcome_may_be_a_repetition() {
    for (reply, may_be_twice) in [
        ((429, "{}"), false),
        ((400, r#"{"errorCode":"DIS.4303","message":"m"}"#), false),
        (
            (400, r#"{"error_code":"APIGW.0308","error_msg":"m"}"#),
            false,
        ),
        ((500, r#"{"error_code":"DS.6000","error_msg":"m"}"#), false),
        ((502, "<html>"), true),
        ((504, ""), true),
        ((0, ""), true),
    ] {
        let (status, body) = reply;
        let recorder = Recorder::answering(move |_, number| match (number, status) {
            (2.., _) => json(200, TAKEN),
            (_, 0) => Reply::Cut,
            _ => json(status, body),
        });
        let place = place_with(&recorder);
        place.file("events.jsonl", events(0..1));
        let ran = place.end(SYNC).expect(0).says("3 requests sent");
        assert_eq!(
            ran.errors.contains("applied twice"),
            may_be_twice,
            "{status} {ran:?}"
        );
    }
}

#[test]
fn a_request_that_is_too_large_is_halved_and_one_event_that_is_becomes_a_dead_letter() {
    let recorder = Recorder::answering(|request, _| match numbers(request).as_slice() {
        [_] if numbers(request) != [3] => json(200, TAKEN),
        _ => json(
            413,
            r#"{"error_code":"APIGW.0201","error_msg":"too large"}"#,
        ),
    });
    let place = place_with(&recorder);
    place.file("events.jsonl", events(0..5));
    place
        .end(SYNC)
        .expect(3)
        .says("5 events read, 4 accepted, 1 rejected");
    let letters = dead_letters(&place);
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (
            &letters[0]["line"],
            &letters[0]["source"],
            &letters[0]["raw"]
        ),
        (&4.into(), &"server".into(), &event(3).into())
    );
    let alone: Vec<u64> = all_numbers(&recorder)
        .into_iter()
        .filter(|numbers| numbers.len() == 1)
        .flatten()
        .collect();
    assert_eq!(alone, [0, 1, 2, 3, 4]);
}

#[test]
fn halves_that_were_taken_are_not_sent_again_by_the_next_run() {
    let recorder = Recorder::answering(|request, _| match numbers(request).as_slice() {
        [0, 1] => json(200, TAKEN),
        [2, 3] => json(403, r#"{"error_code":"APIGW.0302","error_msg":"m"}"#),
        _ => json(413, ""),
    });
    let place = place_with(&recorder);
    place.file("events.jsonl", events(0..4));
    place.end(SYNC).expect(12).says("of lines 3 to 4");
    recorder.answer(|_, _| json(200, TAKEN));
    place.end(SYNC).expect(0).says("2 settled before");
    assert_eq!(all_numbers(&recorder).last().unwrap(), &[2, 3]);
}

#[test]
fn a_signal_ends_the_wait_for_a_service_that_is_away_and_nothing_is_lost() {
    let recorder = Recorder::answering(|_, number| match number {
        0 => json(200, TAKEN),
        _ => Reply::bare(503),
    });
    let mut place = place_with(&recorder);
    place.set("BYTEAIR_RETRY_MAX_DELAY", "60s");
    place.file("events.jsonl", events(0..4));
    let sync = format!("{SYNC} --batch-events 2");
    let child = place.start(&sync);
    eventually("a refused request", || recorder.everything().len() > 1);
    signal(&child, Signal::TERM);
    Ran::after(child).expect(143).says("interrupted");
    let sent = recorder.everything().len();
    recorder.answer(|_, _| json(200, TAKEN));
    place.end(&sync).expect(0).says("2 settled before");
    assert_eq!(all_numbers(&recorder)[sent..], [[2, 3]]);
}

/// A service manager waits for so long and no longer, whatever --timeout says.
#[test]
fn a_signal_ends_a_request_that_hangs_within_the_grace_and_the_outcome_is_unknown() {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |_, number| {
        if number == 1 {
            held.wait();
        }
        json(200, TAKEN)
    });
    let place = place_with(&recorder);
    place.file("events.jsonl", events(0..6));
    let sync = format!("{SYNC} --batch-events 2");
    let child = place.start(&format!("{sync} --grace 200ms --json"));
    eventually("a request that hangs", || recorder.everything().len() == 2);
    let begun = Instant::now();
    signal(&child, Signal::TERM);
    let ran = Ran::after(child).expect(143);
    assert!(begun.elapsed() < Duration::from_secs(15));
    let summary = ran.summary();
    assert_eq!(summary["rows_accepted"], 2, "{summary}");
    assert_eq!(summary["requests"], 2, "{summary}");
    let problems = summary["problems"].to_string();
    assert!(
        problems.contains("unknown whether the service took the events of lines 3 to 4"),
        "{problems}"
    );
    latch.open();
    place
        .end(&sync)
        .expect(0)
        .says("2 settled before")
        .says("1 batch may have been applied twice");
    assert_eq!(all_numbers(&recorder)[2..], [[2, 3], [4, 5]]);
}

#[test]
fn what_was_sent_before_the_service_refused_is_told() {
    let recorder = Recorder::answering(|_, number| match number {
        0 => json(200, TAKEN),
        _ => json(403, r#"{"error_code":"APIGW.0302","error_msg":"no"}"#),
    });
    let place = place_with(&recorder);
    place.file("events.jsonl", events(0..6));
    let ran = place.end(&format!("{SYNC} --batch-events 2 --json"));
    let summary = ran.expect(12).summary();
    assert_eq!(summary["rows_accepted"], 2, "{summary}");
}
