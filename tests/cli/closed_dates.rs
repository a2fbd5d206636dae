//! Dates whose `done` was forced, or is under way, and inputs that are not what it stands for.

use crate::dates_from_field::{FIELD, by_day, expected, mixed, text};
use crate::recorder::{Latch, Received, Recorder, Reply, eventually};
use crate::start::{Place, Ran, WRITE, rows};
use std::fs;

const SMALL: &str = "--batch-rows 10 --max-in-flight 1 --retry-for 1ms";

fn append(place: &Place, first: usize, count: usize) {
    let path = place.path("rows.jsonl");
    let text = fs::read_to_string(&path).unwrap() + &rows(first, count).join("\n") + "\n";
    fs::write(path, text).unwrap();
}

/// `write` called the date complete although most of it had been given up.
#[test]
fn a_date_that_was_forced_without_its_rows_is_never_called_complete() {
    let recorder = Recorder::answering(|_, number| match number {
        0 | 1 => Reply::ok(),
        _ => Reply::bare(429),
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 300);
    let write = format!("{WRITE} {SMALL} rows.jsonl");
    place.end(&write).expect(5);
    recorder.answer(|_, _| Reply::ok());
    place
        .end("done -d 2022-01-01 --force --yes-i-mean 2022-01-01")
        .expect(0)
        .says("2022-01-01: done was forced")
        .says("(not known to be on the platform)");
    let requests = recorder.requests().len();
    let tell = |write: &str| {
        place
            .end(write)
            .expect(6)
            .says("late_input")
            .says("was forced")
            .says("rows.jsonl (")
            .says("row(s) in batches that were not settled")
            .says("which was never read")
            .says("ledger reopen");
    };
    tell(&write);
    tell(&format!("{write} --dry-run"));
    place.rows("other.jsonl", 900, 5);
    tell(&format!("{WRITE} other.jsonl"));
    append(&place, 300, 10);
    tell(&write);
    fs::remove_file(place.path("rows.jsonl")).unwrap();
    tell(&write);
    assert_eq!(recorder.requests().len(), requests);
    place.rows("rows.jsonl", 0, 300);
    place
        .end("ledger reopen --topic item --stage history_sync --date 2022-01-01")
        .expect(0);
    place.end(&write).expect(0);
    let mut stored = recorder.accepted();
    stored.dedup();
    assert_eq!(stored, rows(0, 300));
}

#[test]
fn a_date_that_was_forced_with_all_its_rows_is_complete() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 30);
    let write = format!("{WRITE} --min-rows 100 rows.jsonl");
    place.end(&write).expect(4);
    place
        .end("done -d 2022-01-01 --force --yes-i-mean 2022-01-01")
        .expect(0);
    place.end(&write).expect(0);
}

/// A server that takes rows and of whose `done` nobody knows what became.
fn silent_about_done() -> Recorder {
    Recorder::answering(|request: &Received, _| {
        if request.is_done() {
            Reply::bare(502)
        } else {
            Reply::ok()
        }
    })
}

/// A date whose rows are all stored and whose `done` got no answer; then everything is well again.
fn done_unknown() -> (Recorder, Place) {
    let recorder = silent_about_done();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 30);
    place.end(&format!("{WRITE} {SMALL} rows.jsonl")).expect(5);
    recorder.answer(|_, _| Reply::ok());
    (recorder, place)
}

fn change(place: &Place, how: &str) {
    match how {
        "appended" => append(place, 30, 5),
        "edited" => drop(place.rows("rows.jsonl", 500, 30)),
        "cut" => drop(place.rows("rows.jsonl", 0, 3)),
        _ => fs::remove_file(place.path("rows.jsonl")).unwrap(),
    }
}

fn is_asked_again_under_its_id(recorder: &Recorder, before: usize) {
    let dones = recorder.dones();
    assert_eq!(dones.len(), before + 1);
    assert!(dones.iter().all(|done| done.id() == dones[0].id()));
    assert_eq!(recorder.accepted(), rows(0, 30));
}

/// `done` said for ever that the file was growing, and `write` that the date was done already.
#[test]
fn a_done_that_is_under_way_is_asked_again_whatever_became_of_the_files() {
    for how in ["appended", "edited", "cut", "vanished"] {
        let (recorder, place) = done_unknown();
        let before = recorder.dones().len();
        change(&place, how);
        place.end("done -d 2022-01-01").expect(0);
        is_asked_again_under_its_id(&recorder, before);
        let ran = place.end(&format!("{WRITE} {SMALL} rows.jsonl"));
        if how == "vanished" {
            ran.expect(0);
        } else {
            ran.expect(6).says("late_input");
        }
        is_asked_again_under_its_id(&recorder, before);
    }
}

#[test]
fn an_upload_asks_a_done_that_is_under_way_before_it_calls_rows_late() {
    for how in ["appended", "edited", "cut"] {
        let (recorder, place) = done_unknown();
        let before = recorder.dones().len();
        change(&place, how);
        let write = format!("{WRITE} {SMALL} rows.jsonl");
        place.end(&write).expect(6).says("late_input");
        is_asked_again_under_its_id(&recorder, before);
        place.end(&write).expect(6).says("late_input");
        place.end("done -d 2022-01-01").expect(0);
        is_asked_again_under_its_id(&recorder, before);
    }
}

#[test]
fn rows_are_not_called_late_while_nobody_knows_whether_done_got_through() {
    let (recorder, place) = done_unknown();
    recorder.answer(|_, _| Reply::bare(502));
    append(&place, 30, 5);
    place.end(&format!("{WRITE} {SMALL} rows.jsonl")).expect(5);
}

/// Its rows were called late for ever, and the `done` was never asked again.
#[test]
fn a_done_that_is_under_way_is_asked_again_when_its_file_has_another_name() {
    for (renamed, named) in [
        (true, "other.jsonl"),
        (false, "*.jsonl"),
        (false, "other.jsonl"),
    ] {
        let (recorder, place) = done_unknown();
        let before = recorder.dones().len();
        place.rows("other.jsonl", 0, 30);
        if renamed {
            fs::rename(place.path("rows.jsonl"), place.path("other.jsonl")).unwrap();
        }
        for _ in 0..2 {
            place.end(&format!("{WRITE} {SMALL} {named}")).expect(0);
            is_asked_again_under_its_id(&recorder, before);
        }
    }
}

/// A file of several dates, each of which has a `done` of its own under way.
#[test]
fn every_done_of_a_shared_file_that_is_under_way_is_asked_again_before_rows_are_late() {
    let recorder = silent_about_done();
    let place = Place::with(&recorder);
    let all = mixed(25, &[1, 2]);
    place.file("all.jsonl", text(&all[..20]));
    let write = format!("{FIELD} -d 2022-01-01,2022-01-02 --retry-for 1ms all.jsonl");
    place.end(&write).expect(5);
    place.file("all.jsonl", text(&all));
    place.end(&write).expect(5);
    recorder.answer(|_, _| Reply::ok());
    place.end(&write).expect(6).says("late_input");
    for day in ["2022-01-01", "2022-01-02"] {
        let mut dones = recorder.dones();
        dones.retain(|done| done.day().as_deref() == Some(day));
        assert!(dones.len() > 2, "{dones:?}");
        assert!(dones.iter().all(|done| done.id() == dones[0].id()));
    }
    let dones = recorder.dones().len();
    place.end(&write).expect(6).says("late_input");
    place.end("done -d 2022-01-01,2022-01-02").expect(0);
    assert_eq!(recorder.dones().len(), dones);
    assert_eq!(by_day(&recorder), expected(&all[..20], &[1, 2]));
}

/// The date was sealed when the file was called late, and open again when it was to be sealed.
#[test]
fn a_date_that_is_open_again_is_not_done_without_a_file_that_was_late_for_it() {
    let (answered, written) = (Latch::default(), Latch::default());
    let (done, write) = (answered.clone(), written.clone());
    let recorder = Recorder::answering(move |request: &Received, _| {
        if request.day().as_deref() == Some("2022-01-02") && request.is_done() {
            done.wait();
            return Reply::bare(429);
        }
        if request.day().as_deref() == Some("2022-01-01") {
            write.wait();
        }
        Reply::ok()
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 30);
    place.rows("in-2022-01-01.jsonl", 100, 600);
    place.rows("in-2022-01-02.jsonl", 900, 30);
    let write = |dates: &str, file: &str| {
        format!("write -t item -s history_sync -d {dates} {SMALL} {file}")
    };
    let first = place.start(&write("2022-01-02", "rows.jsonl"));
    eventually("a done", || !recorder.dones().is_empty());
    let both = write("2022-01-01,2022-01-02", "in-{date}.jsonl");
    let second = place.start(&both);
    let first_day = |it: &Received| it.day().as_deref() == Some("2022-01-01");
    eventually("a write", || recorder.writes().iter().any(first_day));
    answered.open();
    Ran::after(first).expect(5);
    recorder.answer(|_, _| Reply::ok());
    written.open();
    Ran::after(second)
        .expect(5)
        .says("run the same command again");
    assert!(recorder.dones().iter().skip(1).all(first_day));
    place.end(&both).expect(0);
    assert_eq!(recorder.accepted().len(), 660);
    assert_eq!(recorder.dones().len(), 3);
}

#[test]
fn rows_of_which_nobody_knows_the_fate_are_named_after_a_force() {
    let recorder = Recorder::answering(|_, number| match number {
        1 => Reply::code(200, 1001, "some rows are bad"),
        _ => Reply::ok(),
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 30);
    let write = format!("{WRITE} {SMALL} rows.jsonl");
    place.end(&write).expect(7);
    place
        .end("done -d 2022-01-01 --force --yes-i-mean 2022-01-01")
        .expect(0);
    place
        .end(&write)
        .expect(6)
        .says("rows.jsonl (10 row(s) in batches that were not settled)");
}

/// One date of a shared file is forced without its rows; the other one goes on.
#[test]
fn a_forced_date_of_a_shared_file_does_not_pass_for_complete() {
    let recorder = Recorder::answering(|request: &Received, _| {
        if request.day().as_deref() == Some("2022-01-02") {
            Reply::bare(429)
        } else {
            Reply::ok()
        }
    });
    let place = Place::with(&recorder);
    place.file("all.jsonl", text(&mixed(20, &[1, 2])));
    let write = format!("{FIELD} -d 2022-01-01,2022-01-02 --retry-for 1ms all.jsonl");
    place.end(&write).expect(5);
    recorder.answer(|_, _| Reply::ok());
    place
        .end("done -d 2022-01-02 --force --yes-i-mean 2022-01-02")
        .expect(0);
    place
        .end(&write)
        .expect(6)
        .says("was forced")
        .says("10 row(s)");
    place.end("done -d 2022-01-01").expect(0);
    place.end(&write).expect(6).says("was forced");
    assert_eq!(recorder.dones().len(), 2);
}

/// The same for a stream, which is known by its name.
#[test]
fn a_done_that_is_under_way_is_asked_again_when_a_stream_has_more_rows() {
    let recorder = silent_about_done();
    let place = Place::with(&recorder);
    let write = format!("{WRITE} {SMALL} --input-id k -");
    let lines = |count: usize| rows(0, count).join("\n") + "\n";
    place.end_with_stdin(&write, &lines(30)).expect(5);
    let before = recorder.dones().len();
    recorder.answer(|_, _| Reply::ok());
    place
        .end_with_stdin(&write, &lines(40))
        .expect(6)
        .says("late_input");
    is_asked_again_under_its_id(&recorder, before);
    place.end_with_stdin(&write, &lines(30)).expect(0);
    place
        .end_with_stdin(&write, &lines(40))
        .expect(6)
        .says("late_input");
    is_asked_again_under_its_id(&recorder, before);
}
