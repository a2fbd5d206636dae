//! Small files that share a batch, one of which vanishes before the batch is settled: the others
//! are still sent, all of them, once.

use crate::recorder::{Latch, Received, Recorder, Reply};
use crate::start::{Place, WRITE};
use std::collections::BTreeSet;
use std::sync::Mutex;

const FILES: [&str; 3] = ["a", "b", "c"];

fn write() -> String {
    format!("{WRITE} --retry-for 1ms in/*.jsonl")
}

/// Three files whose rows are in one batch.
fn place_at(recorder: &Recorder) -> Place {
    let place = Place::with(recorder);
    for (index, name) in FILES.iter().enumerate() {
        place.rows(&format!("in/{name}.jsonl"), index * 10, 4);
    }
    place
}

/// A server that stores each Request-Id once and answers 409 to the second.
fn storing() -> impl Fn(&Received, usize) -> Reply + Send + Sync {
    let known: Mutex<BTreeSet<String>> = Mutex::default();
    move |request, _| {
        if known.lock().unwrap().insert(request.id()) {
            Reply::ok()
        } else {
            Reply::code(409, 409, "already received")
        }
    }
}

/// How the first request ended.
#[derive(Debug, Clone, Copy, PartialEq)]
enum First {
    Refused,
    /// Stored, or not, and the reply lost.
    Lost,
    NeverArrived,
    Killed,
}

/// Runs up to where the only batch is intended and not settled.
fn unsettled(place: &Place, recorder: &Recorder, first: First) {
    let words = write().replace("in/*.jsonl", "in/a.jsonl in/b.jsonl in/c.jsonl");
    match first {
        First::Refused => {
            recorder.answer(|_, _| Reply::bare(429));
            place.end(&words).expect(5);
        }
        First::Lost | First::NeverArrived => {
            recorder.answer(|_, _| Reply::Cut);
            place.end(&words).expect(5);
        }
        First::Killed => {
            let latch = Latch::default();
            let held = latch.clone();
            recorder.answer(move |_, _| {
                held.wait();
                Reply::Cut
            });
            let mut run = place.start(&words);
            recorder.wait_for(1);
            run.kill().unwrap();
            run.wait().unwrap();
            latch.open();
        }
    }
    assert_eq!(recorder.writes().len(), 1);
    assert_eq!(recorder.rows().len(), 12);
}

#[test]
fn rows_that_share_a_batch_with_a_vanished_file_are_sent_once_when_it_is_dropped() {
    for first in [
        First::Refused,
        First::Lost,
        First::NeverArrived,
        First::Killed,
    ] {
        for (index, gone) in FILES.iter().enumerate() {
            let recorder = Recorder::new();
            let place = place_at(&recorder);
            unsettled(&place, &recorder, first);
            let server = storing();
            let whole = recorder.writes()[0].clone();
            if matches!(first, First::Lost | First::Killed) {
                server(&whole, 0);
            }
            recorder.answer(server);
            std::fs::remove_file(place.path(&format!("in/{gone}.jsonl"))).unwrap();
            let rest: Vec<&str> = FILES.iter().copied().filter(|it| it != gone).collect();
            let words = format!("{WRITE} in/{}.jsonl in/{}.jsonl", rest[0], rest[1]);
            let ran = place.end(&words).expect(7);
            // The message names the way out.
            let drop = format!(
                "ledger drop-input {}",
                place.path(&format!("in/{gone}.jsonl")).display()
            );
            let drop = ran.says(&drop);
            assert_eq!(
                recorder.requests().len(),
                1,
                "{first:?} {gone}: {}",
                drop.output
            );
            place
                .end(&format!("ledger drop-input in/{gone}.jsonl"))
                .expect(0);
            let summary = place.end(&format!("{words} --json")).expect(0).summary();
            let writes = recorder.writes();
            assert_eq!(writes.len(), 2, "{first:?} {gone}");
            // Whether the whole was stored or not, the rest is, and under one id if it may have been.
            let left: Vec<String> = (0..3)
                .filter(|file| *file != index)
                .flat_map(|file| crate::start::rows(file * 10, 4))
                .collect();
            assert_eq!(writes[1].rows(), left, "{first:?} {gone}");
            assert_eq!(writes[1].id() == whole.id(), first != First::Refused);
            let stored = if matches!(first, First::Lost | First::Killed) {
                "rows_unconfirmed"
            } else {
                "rows_accepted"
            };
            assert_eq!(summary[stored], 8, "{first:?} {gone}: {summary}");
            assert_eq!(summary["rows_pending"], 0);
            assert_eq!(recorder.dones().len(), 1);
            assert!(recorder.requests().last().unwrap().is_done());
        }
    }
}

#[test]
fn files_that_share_a_batch_may_vanish_one_after_the_other() {
    let recorder = Recorder::new();
    let place = place_at(&recorder);
    unsettled(&place, &recorder, First::NeverArrived);
    recorder.answer(storing());
    for gone in ["a", "c"] {
        std::fs::remove_file(place.path(&format!("in/{gone}.jsonl"))).unwrap();
        place
            .end(&format!("ledger drop-input in/{gone}.jsonl"))
            .expect(0);
    }
    place.end(&format!("{WRITE} in/b.jsonl")).expect(0);
    let writes = recorder.writes();
    assert_eq!(writes[1].rows(), crate::start::rows(10, 4));
    assert_eq!(writes[1].id(), writes[0].id());
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_batch_that_a_run_is_sending_is_not_taken_apart() {
    let recorder = Recorder::new();
    let place = place_at(&recorder);
    unsettled(&place, &recorder, First::Killed);
    let latch = Latch::default();
    let held = latch.clone();
    recorder.answer(move |_, _| {
        held.wait();
        Reply::ok()
    });
    // It resumes the batch although it names one of the files only.
    let mut run = place.start(&format!("{WRITE} in/a.jsonl"));
    recorder.wait_for(2);
    place.end("ledger drop-input in/b.jsonl").expect(11);
    latch.open();
    run.wait().unwrap();
    assert_eq!(recorder.writes().len(), 2);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_batch_that_begins_with_a_file_that_is_not_named_is_finished_by_the_command_that_is() {
    let recorder = Recorder::new();
    let place = place_at(&recorder);
    unsettled(&place, &recorder, First::Refused);
    recorder.answer(storing());
    let words = format!("{WRITE} in/b.jsonl in/c.jsonl --json");
    let summary = place.end(&words).expect(7).summary();
    let next = summary["next_command"].as_str().unwrap();
    assert!(next.contains("/in/a.jsonl"), "{next}");
    place
        .end(next.trim_start_matches("byteair-sync "))
        .expect(0);
    assert_eq!(recorder.dones().len(), 1);
    assert_eq!(recorder.writes().len(), 2);
}

#[test]
fn a_refusal_that_was_seen_of_a_shared_batch_blocks_done_also_when_a_file_is_dropped() {
    let broken = "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{\"status\":{\"code\":1001},\"err";
    let recorder = Recorder::answering(move |_, _| Reply::raw(broken));
    let place = place_at(&recorder);
    let words = write().replace("in/*.jsonl", "in/a.jsonl in/b.jsonl in/c.jsonl");
    place.end(&words).expect(5);
    place.end("ledger drop-input in/a.jsonl").expect(0);
    recorder.answer(|request, _| {
        if request.is_done() {
            Reply::ok()
        } else {
            Reply::code(409, 409, "already received")
        }
    });
    let words = format!("{WRITE} in/b.jsonl in/c.jsonl");
    place
        .end(&words)
        .expect(7)
        .says("does not say which of their rows are stored");
    assert_eq!(recorder.writes()[0].id(), recorder.writes()[1].id());
    assert!(recorder.dones().is_empty());
}
