//! Inputs that were uploaded and are looked at again by a command that does not read them: `done`, or
//! the upload of another file.

use crate::recorder::{Recorder, Reply};
use crate::start::{Place, WRITE, rows};

#[test]
fn a_longer_file_in_the_place_of_one_that_was_read_is_not_called_growing() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 200);
    place.end(&format!("{WRITE} --no-done a.jsonl")).expect(0);
    place.rows("a.jsonl", 5_000, 300);
    let done = "done -t item -s history_sync -d 2022-01-01";
    let changed = place
        .end(done)
        .expect(9)
        .says("was changed after it was read");
    assert!(!changed.errors.contains("still growing"));
    place.rows("b.jsonl", 900, 5);
    place.end(&format!("{WRITE} b.jsonl")).expect(9);
    assert!(recorder.dones().is_empty());
    // As it was, with more behind it.
    place.rows("a.jsonl", 0, 250);
    place.end(done).expect(10).says("still growing");
    place.end(&format!("{WRITE} a.jsonl")).expect(0);
    let mut all = rows(0, 250);
    all.extend(rows(900, 5));
    let mut accepted = recorder.accepted();
    accepted.sort();
    assert_eq!(accepted, all);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_hold_is_released_by_a_done_that_cannot_send_yet() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 20);
    place.end(&format!("{WRITE} --no-done a.jsonl")).expect(0);
    place.rows("a.jsonl", 0, 30);
    place.end("done -d 2022-01-01").expect(10);
    assert!(recorder.dones().is_empty());
    place.end(&format!("{WRITE} a.jsonl")).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_file_of_corrections_that_was_changed_is_no_reason_to_start_the_date_over() {
    let recorder = Recorder::answering(|request, _| {
        let bad = |row: &String| row.contains("\"000003\"") && !row.contains("mended");
        let listed: Vec<String> = request.rows().into_iter().filter(bad).collect();
        match listed.first() {
            Some(row) if !request.is_done() => {
                Reply::refused_rows(200, 1001, "part", &[("bad", row)])
            }
            _ => Reply::ok(),
        }
    });
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 20);
    place.end(&format!("{WRITE} a.jsonl")).expect(3);
    let exported = place
        .end("rejects export -t item -s history_sync -d 2022-01-01 --output fix.jsonl --host 127.0.0.1:1")
        .expect(0);
    // What it names works without the environment of the test.
    exported.says("--host 127.0.0.1:1");
    place.file("fix.jsonl", "{\"id\":\"000003\",\"mended\":1}\n");
    recorder.answer(|_, _| Reply::bare(429));
    let replay = "rejects replay fix.jsonl -t item -s history_sync -d 2022-01-01 --retry-for 1ms";
    place.end(replay).expect(5);
    place.file("fix.jsonl", "{\"id\":\"000003\",\"mended\":2}\n");
    recorder.answer(|_, _| Reply::ok());
    let changed = place
        .end(replay)
        .expect(9)
        .says("corrections of rejected rows");
    assert!(!changed.errors.contains("--restart"), "{}", changed.errors);
    assert!(!changed.output.contains("--restart"), "{}", changed.output);
}

#[test]
fn rows_of_the_streaming_stage_that_are_rejected_are_told_by_every_run() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("a.jsonl", "{\"id\":\"1\"}\nbad\n{\"id\":\"2\"}\n");
    let write = "write -t item -s incremental_sync_streaming --yes-i-mean streaming-only a.jsonl";
    for _ in 0..2 {
        let ran = place.end(write).expect(3).says("--max-errors allows 0");
        let ran = ran.says("byteair-sync rejects waive");
        assert!(!ran.errors.contains("accept-rejects"), "{}", ran.errors);
    }
    place.end(&format!("{write} --max-errors 1")).expect(0);
    place.end(&format!("{write} --max-errors 0")).expect(3);
    let of_stage = "-t item -s incremental_sync_streaming";
    place.end(&format!("rejects waive {of_stage}")).expect(0);
    place.end(write).expect(0);
    assert_eq!(recorder.rows().len(), 2);
}

#[test]
fn a_batch_of_the_streaming_stage_of_which_nobody_knows_is_told_by_every_run() {
    let recorder = Recorder::answering(|_, _| Reply::refused_rows(200, 1001, "part", &[]));
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 10);
    let write = "write -t item -s incremental_sync_streaming --yes-i-mean streaming-only a.jsonl";
    for _ in 0..2 {
        place.end(write).expect(7);
    }
}

#[test]
fn a_restart_that_was_interrupted_goes_on_without_being_a_restart_again() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 60);
    let write = format!("{WRITE} --batch-rows 10 --max-in-flight 1 --no-done a.jsonl");
    place.end(&write).expect(0);
    let before = recorder.requests().len();
    recorder.answer(move |_, number| {
        if number < before + 2 {
            Reply::ok()
        } else {
            Reply::bare(429)
        }
    });
    let restart = format!("{write} --restart --retry-for 1ms");
    let ran = place.end(&restart).expect(5);
    let ran = ran.says("--restart sends everything again");
    let next = ran.output.lines().find(|line| line.contains("  next  "));
    assert!(!next.unwrap().contains("--restart"), "{}", ran.output);
    recorder.answer(|_, _| Reply::ok());
    place.end(&write).expect(0);
    // Everything twice and nothing three times.
    let mut stored = recorder.accepted();
    stored.sort();
    let mut twice = [rows(0, 60), rows(0, 60)].concat();
    twice.sort();
    assert_eq!(stored, twice);
}
