//! Killed, interrupted and run again: nothing is lost, and what may be stored already is sent again
//! only under the Request-Id that it had.

use crate::recorder::{Latch, Received, Recorder, Reply};
use crate::start::{Place, Ran, WRITE, rows, signal, wait_for_message};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::process::Child;

const FIVE_BATCHES: &str = "--batch-rows 20 --max-in-flight 1 rows.jsonl";

/// A server that keeps its n-th request waiting, counted from 0.
fn holding(nth: usize) -> (Recorder, Latch) {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |_, number| {
        if number == nth {
            held.wait();
        }
        Reply::ok()
    });
    (recorder, latch)
}

/// A place with 100 rows, and a run of five batches that waits for the answer to the n-th request.
fn waiting(nth: usize, options: &str) -> (Recorder, Latch, Place, Child) {
    let (recorder, latch) = holding(nth);
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 100);
    let child = place.start(&format!("{WRITE} {options} {FIVE_BATCHES}"));
    recorder.wait_for(nth + 1);
    (recorder, latch, place, child)
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// No two bodies under one id.
fn assert_ids_name_bodies(requests: &[Received]) {
    let mut bodies = BTreeMap::new();
    for request in requests {
        let body = bodies
            .entry(request.id())
            .or_insert_with(|| request.text.clone());
        assert_eq!(*body, request.text, "{}", request.id());
    }
}

#[test]
fn a_killed_upload_goes_on_where_it_was_with_the_batch_in_flight_under_its_id() {
    for nth in [0, 1, 4] {
        let (recorder, latch, place, child) = waiting(nth, "");
        kill(child);
        latch.open();
        let in_flight = recorder.requests()[nth].clone();
        place.end(&format!("{WRITE} {FIVE_BATCHES}")).expect(0);
        assert_ids_name_bodies(&recorder.requests());
        assert_eq!(recorder.stored(), rows(0, 100), "{nth}");
        let again = recorder.requests()[nth + 1..]
            .iter()
            .filter(|request| request.id() == in_flight.id())
            .count();
        assert_eq!(again, 1, "{nth}: the batch in flight is sent again, once");
        assert_eq!(
            recorder.writes().len(),
            6,
            "{nth}: what was accepted is not sent again"
        );
        assert_eq!(recorder.dones().len(), 1);
    }
}

#[test]
fn a_batch_that_was_stored_before_the_kill_is_unconfirmed() {
    let (recorder, latch, place, child) = waiting(2, "");
    kill(child);
    latch.open();
    let stored = recorder.requests()[2].id();
    recorder.answer(move |request, _| {
        if request.id() == stored {
            Reply::bare(409)
        } else {
            Reply::ok()
        }
    });
    let summary = place
        .end(&format!("{WRITE} --json {FIVE_BATCHES}"))
        .expect(0)
        .summary();
    assert_eq!(
        (&summary["rows_accepted"], &summary["rows_unconfirmed"]),
        (&80.into(), &20.into())
    );
    assert_eq!(recorder.stored(), rows(0, 100));
}

#[test]
fn several_batches_in_flight_at_a_kill_keep_their_ids() {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |_, number| {
        // The first one is answered, so that the others follow side by side.
        if number > 0 {
            held.wait();
        }
        Reply::ok()
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 100);
    let words = format!("{WRITE} --batch-rows 20 --max-in-flight 4 rows.jsonl");
    let child = place.start(&words);
    recorder.wait_for(5);
    kill(child);
    recorder.answer(|_, _| Reply::ok());
    latch.open();
    place.end(&words).expect(0);
    assert_ids_name_bodies(&recorder.requests());
    assert_eq!(recorder.stored(), rows(0, 100));
    assert_eq!((recorder.writes().len(), recorder.dones().len()), (9, 1));
}

#[test]
fn a_kill_during_done_asks_again_under_its_id() {
    let replies: [fn() -> Reply; 2] = [Reply::ok, || {
        Reply::code(200, 400, "Syncing is not allowed when acked.")
    }];
    for reply in replies {
        let (recorder, latch, place, child) = waiting(5, "");
        kill(child);
        recorder.answer(move |_, _| reply());
        latch.open();
        place.end(&format!("{WRITE} {FIVE_BATCHES}")).expect(0);
        let dones = recorder.dones();
        assert_eq!(dones.len(), 2);
        assert_eq!(dones[0].id(), dones[1].id());
        assert_eq!(recorder.writes().len(), 5);
    }
}

#[test]
fn a_piped_stream_that_was_killed_goes_on_when_it_is_piped_in_again() {
    let (recorder, latch) = holding(1);
    let place = Place::with(&recorder);
    let text = rows(0, 100).join("\n");
    place.file("stream", &text);
    let words =
        format!("{WRITE} --input-id nightly --format jsonl --batch-rows 20 --max-in-flight 1 -");
    let mut command = std::process::Command::new("sh");
    let script = format!(
        "exec {} {words} < stream",
        env!("CARGO_BIN_EXE_byteair-sync")
    );
    command.arg("-c").arg(script);
    let child = place.spawn(command);
    recorder.wait_for(2);
    kill(child);
    latch.open();
    place.end_with_stdin(&words, &text).expect(0);
    assert_ids_name_bodies(&recorder.requests());
    assert_eq!(recorder.stored(), rows(0, 100));
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn the_first_signal_lets_requests_in_flight_finish_and_settles_them() {
    for (sent, status) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let (recorder, latch, place, mut child) = waiting(1, "");
        signal(&child, sent);
        wait_for_message(&mut child, "stopping");
        latch.open();
        Ran::after(child).expect(status);
        assert_eq!(recorder.requests().len(), 2, "nothing new is sent");
        let summary = place
            .end(&format!("{WRITE} --json {FIVE_BATCHES}"))
            .expect(0)
            .summary();
        assert_eq!(summary["rows_accepted"], 100);
        assert_eq!(summary["rows_unconfirmed"], 0);
        assert_eq!((recorder.writes().len(), recorder.dones().len()), (5, 1));
        assert_eq!(recorder.rows(), rows(0, 100));
    }
}

#[test]
fn what_outlasts_the_grace_period_is_unknown_and_keeps_its_id() {
    let (recorder, latch, place, child) = waiting(1, "--grace 100ms");
    signal(&child, Signal::TERM);
    Ran::after(child).expect(143).says("byteair-sync write");
    latch.open();
    place.end(&format!("{WRITE} {FIVE_BATCHES}")).expect(0);
    assert_ids_name_bodies(&recorder.requests());
    assert_eq!(recorder.stored(), rows(0, 100));
    assert_eq!(recorder.writes().len(), 6);
}

#[test]
fn a_second_signal_leaves_at_once_and_loses_nothing() {
    let (recorder, latch, place, mut child) = waiting(1, "");
    signal(&child, Signal::INT);
    wait_for_message(&mut child, "stopping");
    std::thread::sleep(std::time::Duration::from_millis(500));
    signal(&child, Signal::INT);
    Ran::after(child).expect(130).says("left at once");
    latch.open();
    place.end(&format!("{WRITE} {FIVE_BATCHES}")).expect(0);
    assert_ids_name_bodies(&recorder.requests());
    assert_eq!(recorder.stored(), rows(0, 100));
    assert_eq!(recorder.dones().len(), 1);
}

/// `timeout` signals the process, and then its group, which the process is in.
#[test]
fn a_signal_that_comes_twice_at_once_is_one() {
    let (recorder, latch, place, mut child) = waiting(1, "");
    signal(&child, Signal::TERM);
    signal(&child, Signal::TERM);
    wait_for_message(&mut child, "stopping");
    signal(&child, Signal::TERM);
    latch.open();
    let ran = Ran::after(child).expect(143);
    assert!(!ran.errors.contains("left at once"), "{}", ran.errors);
    place.end(&format!("{WRITE} {FIVE_BATCHES}")).expect(0);
    assert_eq!(recorder.writes().len(), 5);
}

#[test]
fn a_run_that_may_not_take_longer_is_status_5_and_goes_on_later() {
    let (recorder, latch, place, child) = waiting(1, "--max-duration 5s --grace 100ms");
    Ran::after(child).expect(5);
    latch.open();
    place.end(&format!("{WRITE} {FIVE_BATCHES}")).expect(0);
    assert_ids_name_bodies(&recorder.requests());
    assert_eq!(recorder.stored(), rows(0, 100));
}

#[test]
fn however_often_and_whenever_it_is_killed_every_row_is_stored_once() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    for part in 0..20 {
        place.rows(&format!("parts/{part:02}.jsonl"), part * 30, 30);
    }
    let words = format!("{WRITE} --batch-rows 7 --max-in-flight 4 parts");
    for round in 0..8 {
        let before = recorder.requests().len();
        let mut child = place.start(&words);
        crate::recorder::eventually("some requests, or the end", || {
            recorder.requests().len() > before + round || child.try_wait().unwrap().is_some()
        });
        kill(child);
    }
    place.end(&words).expect(0);
    assert_ids_name_bodies(&recorder.requests());
    assert_eq!(recorder.stored(), rows(0, 600));
    let dones = recorder.dones();
    assert!(dones.iter().all(|done| done.id() == dones[0].id()) && !dones.is_empty());
    let before = recorder.requests().len();
    place.end(&words).expect(0);
    assert_eq!(recorder.requests().len(), before);
}

#[test]
fn a_compressed_file_goes_on_in_the_middle() {
    let (recorder, latch) = holding(2);
    let place = Place::with(&recorder);
    place.file(
        "rows.jsonl.zst",
        zstd::encode_all(rows(0, 100).join("\n").as_bytes(), 3).unwrap(),
    );
    let words = format!("{WRITE} --batch-rows 20 --max-in-flight 1 rows.jsonl.zst");
    let child = place.start(&words);
    recorder.wait_for(3);
    kill(child);
    latch.open();
    place.end(&words).expect(0);
    assert_ids_name_bodies(&recorder.requests());
    assert_eq!(recorder.stored(), rows(0, 100));
    assert_eq!(recorder.writes().len(), 6);
}

#[test]
fn a_status_line_can_be_asked_for_by_signal() {
    let (recorder, latch, _place, mut child) = waiting(1, "");
    signal(&child, Signal::USR1);
    wait_for_message(&mut child, "accepted");
    latch.open();
    Ran::after(child).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}
