//! `done`: once, after everything else, and what its answers mean.

use crate::recorder::{Received, Recorder, Reply};
use crate::start::{Place, WRITE};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Accepts rows; answers the n-th `done` so.
fn answering_done(script: impl Fn(usize) -> Reply + Send + Sync + 'static) -> (Recorder, Place) {
    let seen = AtomicUsize::new(0);
    let recorder = Recorder::answering(move |request: &Received, _| {
        if request.is_done() {
            script(seen.fetch_add(1, Ordering::Relaxed))
        } else {
            Reply::ok()
        }
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 10);
    (recorder, place)
}

#[test]
fn a_lost_reply_is_asked_again_under_the_same_id_and_three_answers_mean_it_got_through() {
    for (code, message) in [
        (409, "Duplicate submission with request-id: x."),
        (400, "Syncing or ack is not allowed when done."),
        (400, "Syncing is not allowed when acked."),
    ] {
        let (recorder, place) = answering_done(move |nth| match nth {
            0 => Reply::Cut,
            _ => Reply::code(200, code, message),
        });
        let summary = place
            .end(&format!("{WRITE} --json rows.jsonl"))
            .expect(0)
            .summary();
        assert_eq!(summary["dates"][0]["done"], "unconfirmed", "{summary}");
        let dones = recorder.dones();
        assert_eq!(dones.len(), 2);
        assert_eq!(dones[0].id(), dones[1].id());
        assert_eq!(dones[0].text, dones[1].text);
        place.end(&format!("{WRITE} rows.jsonl")).expect(0);
        assert_eq!(recorder.dones().len(), 2, "nothing is left to send");
    }
}

#[test]
fn a_refused_done_is_asked_again_under_a_new_id() {
    let (recorder, place) = answering_done(|nth| match nth {
        0 => Reply::code(429, 429, "slow down"),
        _ => Reply::ok(),
    });
    let summary = place
        .end(&format!("{WRITE} --json rows.jsonl"))
        .expect(0)
        .summary();
    assert_eq!(summary["dates"][0]["done"], "sent");
    let dones = recorder.dones();
    assert_eq!(dones.len(), 2);
    assert_ne!(dones[0].id(), dones[1].id());
}

#[test]
fn a_done_whose_outcome_stays_unknown_is_status_5_and_goes_on_with_the_same_id() {
    let (recorder, place) = answering_done(|_| Reply::bare(502));
    let summary = place
        .end(&format!("{WRITE} --json --retry-for 100ms rows.jsonl"))
        .expect(5)
        .summary();
    assert_eq!(summary["dates"][0]["done"], "unknown");
    assert_eq!(summary["retryable"], true);
    recorder.answer(|_, _| Reply::ok());
    let writes = recorder.writes().len();
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    let dones = recorder.dones();
    assert!(dones.iter().all(|done| done.id() == dones[0].id()));
    assert_eq!(recorder.writes().len(), writes);
    let sent = dones.len();
    place.end("done -d 2022-01-01").expect(0);
    assert_eq!(recorder.dones().len(), sent, "it was sent before");
}

#[test]
fn a_done_that_is_refused_for_the_state_of_the_date_is_status_6() {
    let (recorder, place) =
        answering_done(|_| Reply::code(200, 400, "Syncing or ack is not allowed when failed."));
    place
        .end(&format!("{WRITE} rows.jsonl"))
        .expect(6)
        .says("re-sync");
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_finished_command_sends_nothing_when_it_is_run_again() {
    let (recorder, place) = answering_done(|_| Reply::ok());
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    let before = recorder.requests().len();
    for words in [
        format!("{WRITE} rows.jsonl"),
        format!("{WRITE} --verify rows.jsonl"),
        "done -d 2022-01-01".to_owned(),
        "done --pending".to_owned(),
    ] {
        place.end(&words).expect(0);
    }
    assert_eq!(recorder.requests().len(), before);
    let summary = place
        .end(&format!("{WRITE} --json rows.jsonl"))
        .expect(0)
        .summary();
    assert_eq!(summary["dates"][0]["done"], "already");
    assert_eq!(summary["rows_accepted"], 10);
}
