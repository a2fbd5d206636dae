//! The ways out that messages name lead out, and none of them loses an input on the way.

use crate::recorder::{Latch, Recorder, Reply};
use crate::start::{Place, Ran, WRITE, rows};
use std::fs;

const DATE: &str = "-t item -s history_sync -d 2022-01-01";

/// A date that is done with 100 rows in batches of 10.
fn done() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("in/a.jsonl", 0, 100);
    place
        .end(&format!("{WRITE} --batch-rows 10 in/a.jsonl"))
        .expect(0);
    (recorder, place)
}

#[test]
fn a_reopened_date_waits_for_every_input_of_before() {
    let (recorder, place) = done();
    place.rows("late.jsonl", 100, 5);
    place
        .end(&format!("{WRITE} late.jsonl"))
        .expect(6)
        .says("ledger reopen");
    place.end(&format!("ledger reopen {DATE}")).expect(0);
    place
        .end(&format!("{WRITE} late.jsonl"))
        .expect(7)
        .says("a.jsonl");
    assert_eq!(recorder.dones().len(), 1);
    place
        .end(&format!("{WRITE} in/a.jsonl late.jsonl"))
        .expect(0);
    assert_eq!(recorder.dones().len(), 2);
}

#[test]
fn starting_over_with_another_file_still_waits_for_the_first_one() {
    let recorder = Recorder::answering(|_, number| match number {
        0 => Reply::ok(),
        _ => Reply::bare(429),
    });
    let place = Place::with(&recorder);
    place.rows("first.jsonl", 0, 30);
    place.rows("other.jsonl", 30, 5);
    place
        .end(&format!(
            "{WRITE} --batch-rows 10 --max-in-flight 1 --retry-for 1ms first.jsonl"
        ))
        .expect(5);
    recorder.answer(|_, _| Reply::ok());
    place
        .end(&format!("{WRITE} --restart other.jsonl"))
        .expect(7)
        .says("first.jsonl");
    assert!(recorder.dones().is_empty());
    place.end("ledger drop-input first.jsonl").expect(0);
    place.end(&format!("{WRITE} other.jsonl")).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_date_is_not_forced_under_the_hands_of_a_run() {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |request, _| {
        if !request.is_done() {
            held.wait();
        }
        Reply::ok()
    });
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 10);
    let run = place.start(&format!("{WRITE} a.jsonl"));
    recorder.wait_for(1);
    place
        .end("done -d 2022-01-01 --force --yes-i-mean 2022-01-01")
        .expect(11)
        .says("a.jsonl");
    assert!(recorder.dones().is_empty());
    latch.open();
    Ran::after(run).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn an_input_of_which_nothing_was_recorded_may_be_read_with_other_options() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let lines: Vec<String> = (0..1_100).map(|n| format!("{n},title {n}")).collect();
    place.file("rows.jsonl", format!("id,title\n{}\n", lines.join("\n")));
    place
        .end(&format!("{WRITE} rows.jsonl"))
        .expect(4)
        .says("--format csv");
    place
        .end(&format!("{WRITE} --format csv rows.jsonl"))
        .expect(0);
    assert_eq!(recorder.rows().len(), 1_100);
}

#[test]
fn an_edit_anywhere_in_the_file_of_a_done_date_is_status_6() {
    let (recorder, place) = done();
    let path = place.path("in/a.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    for line in [0, 45, 99] {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[line] = lines[line].replace("0000", "9999");
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        place
            .end(&format!("{WRITE} --batch-rows 10 in/a.jsonl"))
            .expect(6)
            .says("late_input");
    }
    assert_eq!(recorder.dones().len(), 1);
    // What was done stays done, whatever becomes of the file.
    place.end("done -d 2022-01-01").expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn what_was_moved_away_after_it_was_done_is_fine_under_every_name() {
    let (recorder, place) = done();
    fs::remove_file(place.path("in/a.jsonl")).unwrap();
    for pattern in ["in/a.jsonl", "in", "in/*.jsonl"] {
        place.end(&format!("{WRITE} {pattern}")).expect(0);
    }
    assert_eq!(recorder.dones().len(), 1);
    place.end(&format!("{WRITE} in/b.jsonl")).expect(10);
}

#[test]
fn the_rejects_that_stopped_a_run_can_be_looked_at() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let good = rows(0, 3).join("\n");
    place.file("rows.jsonl", format!("{good}\nbad\nworse\n{good}\n"));
    place
        .end(&format!("{WRITE} --stop-after-errors 1 rows.jsonl"))
        .expect(3);
    let listed = place.end("rejects list --json").expect(0);
    assert_eq!(listed.lines()[0]["line"], 4);
    assert_eq!(listed.lines()[1]["line"], 5);
}
