//! `metadata sync` when the service does not take the events: what is said, what is kept secret, and what the
//! next run does.

use crate::huawei::{ACCESS_KEY, SECRET_KEY, json, place_with};
use crate::metadata_replies::{SYNC, TAKEN, all_numbers, events};
use crate::recorder::{Received, Recorder};

#[test]
fn what_a_refusal_says_is_shown_and_decides_the_status() {
    for (http, body, status, said) in [
        (
            400,
            r#"{"error_code":"DS.6001","error_msg":"bad event"}"#,
            6,
            "DS.6001: bad event",
        ),
        (
            401,
            r#"{"error_code":"APIGW.0301","error_msg":"m"}"#,
            12,
            "check the access key",
        ),
        (
            403,
            r#"{"error":{"code":"APIGW.0302","message":"m"}}"#,
            12,
            "lacks a right",
        ),
        (
            404,
            r#"{"error_code":"APIGW.0101","error_msg":"m"}"#,
            6,
            "--huawei-region",
        ),
        (302, "", 6, "HTTP 302"),
    ] {
        let recorder =
            Recorder::answering(move |_, _| json(http, body).with("X-Request-Id", "req-0816"));
        let place = place_with(&recorder);
        place.file("events.jsonl", events(0..2));
        place
            .end(SYNC)
            .expect(status)
            .says(said)
            .says("req-0816")
            .says("did not take the events of lines 1 to 2");
    }
}

#[test]
fn an_event_that_the_service_refuses_keeps_no_other_back() {
    let refusing = |request: &Received, _| {
        let is_bad = String::from_utf8_lossy(&request.text).contains("\"event_ts\": 37,");
        if is_bad {
            json(400, r#"{"error_code":"DS.6001","error_msg":"bad event"}"#)
        } else {
            json(200, TAKEN)
        }
    };
    let recorder = Recorder::answering(refusing);
    let place = place_with(&recorder);
    place.file("events.jsonl", events(0..60));
    let ran = place
        .end(SYNC)
        .expect(3)
        .says("59 accepted, 1 rejected")
        .says("1 event refused, first ")
        .says("events.jsonl:38")
        .says("DS.6001: bad event");
    assert!(recorder.everything().len() < 15, "{}", ran.output);
    let summary = place.end(&format!("{SYNC} --json")).expect(3).summary();
    assert_eq!(summary["rejects"][0]["code"], "refused", "{summary}");
    assert_eq!(summary["rejects"][0]["rows"], 1, "{summary}");
    place
        .end("rejects list")
        .expect(0)
        .says("rejected metadata events are in ");
    // All events that were taken before show that a later one by itself is at fault.
    place.file("events.jsonl", events(0..60) + &events(37..38));
    place.end(SYNC).expect(3).says("59 accepted, 2 rejected");
    let beside: Vec<_> = std::fs::read_dir(place.path(".local/state/byteair-sync/rejects"))
        .unwrap()
        .collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
}

#[test]
fn a_success_of_200_that_does_not_say_so_is_a_failure() {
    for body in [r#"{"success":false}"#, "{}", r#"{"success":"true"}"#] {
        let recorder = Recorder::answering(move |_, number| match number {
            0 => json(200, TAKEN),
            _ => json(200, body),
        });
        let place = place_with(&recorder);
        place.file("events.jsonl", events(0..4));
        let sync = format!("{SYNC} --batch-events 2");
        place
            .end(&sync)
            .expect(6)
            .says("the service did not take the events of lines 3 to 4")
            .says("success is not true")
            .says("--batch-events 1");
        recorder.answer(|_, _| json(200, TAKEN));
        let ran = place.end(&sync).expect(0).says("2 settled before");
        assert!(!ran.errors.contains("twice"), "{}", ran.errors);
        assert_eq!(all_numbers(&recorder), [[0, 1], [2, 3], [2, 3]]);
    }
    for body in ["", "<html>", "[]"] {
        let recorder = Recorder::answering(move |_, _| json(200, body));
        let place = place_with(&recorder);
        place.file("events.jsonl", events(0..1));
        place
            .end(&format!("{SYNC} --retry-for 2s"))
            .expect(5)
            .says("it is unknown whether the service took the events of lines 1 to 1");
        assert!(recorder.everything().len() > 1);
        recorder.answer(|_, _| json(200, TAKEN));
        place
            .end(SYNC)
            .expect(0)
            .says("1 batch may have been applied twice");
    }
}

#[test]
fn secrets_that_the_service_quotes_are_hidden() {
    let recorder = Recorder::answering(|request, _| {
        let quoted = request.header("authorization").unwrap_or_default();
        json(
            401,
            &serde_json::json!({"code": "APIGW.0301", "message": quoted}).to_string(),
        )
    });
    let place = place_with(&recorder);
    place.file("events.jsonl", events(0..1));
    let ran = place.end(&format!("{SYNC} -v --json")).expect(12);
    let state = String::from_utf8_lossy(&place.state_bytes()).into_owned();
    for secret in [ACCESS_KEY, SECRET_KEY, "Signature="] {
        for text in [&ran.errors, &ran.output, &state] {
            assert!(!text.contains(secret), "{ran:?}");
        }
    }
}
