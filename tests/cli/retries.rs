//! What is tried again, and under which Request-Id (`byteair-api.md` 6.2).

use crate::recorder::{Received, Recorder, Reply};
use crate::start::{Place, WRITE};
use std::net::TcpListener;
use std::time::Duration;

/// Uploads ten rows against a server that answers so; the requests, and the summary.
fn upload(
    words: &str,
    script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static,
) -> (Vec<Received>, serde_json::Value) {
    let recorder = Recorder::answering(script);
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 10);
    let ran = place.end(&format!("{WRITE} --json {words} rows.jsonl"));
    (recorder.requests(), ran.summary())
}

fn first(reply: fn() -> Reply) -> impl Fn(&Received, usize) -> Reply + Send + Sync {
    move |_, number| if number == 0 { reply() } else { Reply::ok() }
}

#[test]
fn an_unknown_outcome_is_asked_again_under_the_same_id_with_the_same_rows() {
    let unknown: [fn() -> Reply; 9] = [
        || Reply::Cut,
        || Reply::bare(500),
        || Reply::bare(502),
        || Reply::bare(503),
        || Reply::bare(504),
        || Reply::bare(408),
        || Reply::bare(200),
        || Reply::http(200, "application/json", "{}"),
        // A gateway speaks for itself even when it repeats a status object.
        || Reply::code(502, 429, "busy"),
    ];
    for (nth, reply) in unknown.into_iter().enumerate() {
        let (requests, summary) = upload("", first(reply));
        assert_eq!(summary["exit_status"], 0, "{nth}: {summary}");
        assert_eq!(requests.len(), 3, "{nth}: two writes and done");
        assert_eq!(requests[0].id(), requests[1].id(), "{nth}");
        assert_eq!(requests[0].text, requests[1].text, "{nth}");
        assert_eq!(summary["rows_accepted"], 10);
        assert_eq!(summary["retries"], 1);
    }
}

#[test]
fn a_time_out_is_an_unknown_outcome() {
    let (requests, summary) = upload("--timeout 300ms", |_, number| {
        if number == 0 {
            std::thread::sleep(Duration::from_secs(3));
        }
        Reply::ok()
    });
    assert_eq!(summary["exit_status"], 0, "{summary}");
    assert_eq!(requests[0].id(), requests[1].id());
    assert_eq!(requests[0].text, requests[1].text);
}

#[test]
fn a_definite_refusal_is_asked_again_under_a_new_id() {
    let definite: [fn() -> Reply; 4] = [
        || Reply::bare(429),
        || Reply::code(200, 429, "slow down"),
        || Reply::code(200, 500, "Internal error encountered."),
        || Reply::code(500, 500, "Internal error encountered."),
    ];
    for (nth, reply) in definite.into_iter().enumerate() {
        let (requests, summary) = upload("", first(reply));
        assert_eq!(summary["exit_status"], 0, "{nth}: {summary}");
        assert_ne!(requests[0].id(), requests[1].id(), "{nth}");
        assert_eq!(requests[0].text, requests[1].text, "{nth}");
        assert_eq!(summary["rows_accepted"], 10);
    }
}

#[test]
fn after_an_unknown_outcome_a_refusal_does_not_change_the_id() {
    let (requests, summary) = upload("", |_, number| match number {
        0 => Reply::Cut,
        1 => Reply::code(429, 429, "slow down"),
        2 => Reply::code(200, 500, "Internal error encountered."),
        _ => Reply::ok(),
    });
    assert_eq!(summary["exit_status"], 0, "{summary}");
    assert_eq!(requests.len(), 5);
    for again in &requests[1..4] {
        assert_eq!(again.id(), requests[0].id());
    }
}

#[test]
fn retry_after_is_the_least_wait_in_both_of_its_forms() {
    let in_seconds: fn() -> Reply = || Reply::bare(429).with("Retry-After", "2");
    // A date relative to the server's own clock, which is far from ours.
    let as_date: fn() -> Reply = || {
        Reply::code(200, 500, "busy")
            .with("Date", "Sat, 01 Jan 2022 00:00:00 GMT")
            .with("Retry-After", "Sat, 01 Jan 2022 00:00:02 GMT")
    };
    for reply in [in_seconds, as_date] {
        let (requests, summary) = upload("", first(reply));
        assert_eq!(summary["exit_status"], 0, "{summary}");
        let waited = requests[1].at.duration_since(requests[0].at);
        assert!(waited >= Duration::from_millis(1_950), "{waited:?}");
    }
}

#[test]
fn a_409_after_an_unknown_attempt_is_accepted_unconfirmed() {
    let (requests, summary) = upload("", |_, number| match number {
        0 => Reply::Cut,
        1 => Reply::code(409, 409, "Duplicate submission with request-id: x."),
        _ => Reply::ok(),
    });
    assert_eq!(summary["exit_status"], 0, "{summary}");
    assert_eq!(summary["rows_unconfirmed"], 10);
    assert_eq!(summary["rows_accepted"], 0);
    assert_eq!(requests.len(), 3);
    assert!(requests[2].is_done());
}

#[test]
fn unconfirmed_rows_hold_done_back_when_that_is_asked_for() {
    let (requests, summary) = upload("--unconfirmed hold", |_, number| match number {
        0 => Reply::bare(502),
        _ => Reply::bare(409),
    });
    assert_eq!(summary["exit_status"], 7, "{summary}");
    assert_eq!(summary["dates"][0]["done"], "withheld");
    assert!(requests.iter().all(|request| !request.is_done()));
}

#[test]
fn a_409_without_an_earlier_attempt_blocks_done() {
    let (requests, summary) = upload("", |_, _| Reply::code(409, 409, "Duplicate submission"));
    assert_eq!(summary["exit_status"], 7, "{summary}");
    assert_eq!(requests.len(), 1);
    let why = summary["dates"][0]["why"].as_str().unwrap();
    assert!(why.contains("--restart"), "{why}");
}

#[test]
fn when_the_time_to_retry_is_used_up_the_next_run_goes_on_with_the_same_id() {
    let recorder = Recorder::answering(|_, _| Reply::bare(503));
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 10);
    let ran = place.end(&format!("{WRITE} --json --retry-for 100ms rows.jsonl"));
    let summary = ran.expect(5).summary();
    assert_eq!(summary["retryable"], true);
    assert_eq!(summary["rows_pending"], 10);
    assert!(
        summary["next_command"].as_str().unwrap().contains("write"),
        "{summary}"
    );
    // Another file of the date, and a person's wish, do not open the gate either.
    recorder.answer(|_, _| Reply::ok());
    let before = recorder.writes().len();
    place.rows("other.jsonl", 50, 10);
    place
        .end(&format!("{WRITE} other.jsonl"))
        .expect(7)
        .says("not settled");
    place
        .end("done -d 2022-01-01")
        .expect(7)
        .says("not settled");
    assert!(recorder.dones().is_empty());
    assert_eq!(recorder.writes().len(), before + 1);
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    let mut writes = recorder.writes();
    writes.remove(before);
    assert!(writes.iter().all(|write| write.id() == writes[0].id()));
    assert!(writes.iter().all(|write| write.text == writes[0].text));
    assert_eq!(writes.len(), before + 1);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Recorder::new();
    let there = format!("http://{}/data/api/1/item", elsewhere.address);
    for status in [301, 307, 308] {
        let there = there.clone();
        let (requests, summary) =
            upload("", move |_, _| Reply::bare(status).with("Location", &there));
        assert_eq!(summary["exit_status"], 6, "{summary}");
        assert_eq!(requests.len(), 1);
    }
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn when_the_first_host_is_closed_the_second_is_used() {
    let closed = TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let recorder = Recorder::new();
    let mut place = Place::with(&recorder);
    place.set("BYTEAIR_HOST", &format!("{closed},{}", recorder.address));
    let rows = place.rows("rows.jsonl", 0, 10);
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    assert_eq!(recorder.rows(), rows);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_host_that_nobody_answers_is_temporary_and_nothing_is_unknown() {
    let closed = TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let place = Place::at(closed);
    place.rows("rows.jsonl", 0, 10);
    let ran = place.end(&format!("{WRITE} --json --retry-for 100ms rows.jsonl"));
    let summary = ran.expect(5).summary();
    assert_eq!(summary["rows_pending"], 10);
    assert_eq!(summary["dates"][0]["done"], "withheld");
}

/// What was remembered of one huge row was one row a request, for the rest of the run.
#[test]
fn a_single_huge_row_does_not_make_the_batches_after_it_small() {
    let recorder = Recorder::answering(|request, _| {
        let bytes = |request: &Received| request.rows().iter().map(String::len).sum::<usize>();
        if !request.is_done() && bytes(request) > 30_000 {
            Reply::bare(413)
        } else {
            Reply::ok()
        }
    });
    let place = Place::with(&recorder);
    let mut all = crate::start::rows(0, 4_000);
    all[150] = format!("{{\"id\":\"huge\",\"text\":\"{}\"}}", "x".repeat(40_000));
    place.file("rows.jsonl", all.join("\n"));
    place
        .end("write -t item -s history_sync -d 2022-01-01 --batch-rows 500 --max-in-flight 1 --max-errors 1 rows.jsonl")
        .expect(0);
    let writes = recorder.writes().len();
    assert!(writes <= 60, "{writes} requests");
    assert_eq!(recorder.accepted().len(), 3_999);
}
