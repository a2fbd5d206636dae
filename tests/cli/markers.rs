//! `--require-marker`: what an export writes last lies in each folder, or nothing is read and no `done`
//! sent.

use crate::recorder::Recorder;
use crate::start::{Place, WRITE, finish, rows};
use std::fs;

fn server() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    (recorder, place)
}

#[test]
fn a_missing_marker_is_status_10_and_nothing_is_read() {
    let (recorder, place) = server();
    place.rows("in/rows.jsonl", 0, 5);
    let words = format!("{WRITE} --require-marker _SUCCESS in");
    place.end(&words).expect(10).says("_SUCCESS");
    assert!(recorder.requests().is_empty());
    place.file("in/_SUCCESS", "");
    place.end(&words).expect(0);
    assert_eq!(recorder.rows(), rows(0, 5));
}

#[test]
fn a_marker_that_cannot_be_looked_for_is_refused() {
    let (recorder, place) = server();
    let mut unset = place.run(&format!("{WRITE} rows.jsonl"));
    let (_, told, status) = finish(unset.args(["--require-marker", ""]));
    assert!(
        status == 2 && told.contains("an empty name marks nothing"),
        "{told}"
    );
    let piped = rows(0, 3).join("\n");
    place
        .end_with_stdin(
            &format!("{WRITE} --format jsonl --require-marker _SUCCESS -"),
            &piped,
        )
        .expect(2)
        .says("standard input has no folder to look in");
    assert!(recorder.requests().is_empty());
}

#[test]
fn a_remembered_marker_is_not_passed_by_a_pipe() {
    let (recorder, place) = server();
    place.rows("in/rows.jsonl", 0, 5);
    place.file("in/_SUCCESS", "");
    place
        .end(&format!("{WRITE} --no-done --require-marker _SUCCESS in"))
        .expect(0);
    place
        .end_with_stdin(&format!("{WRITE} --format jsonl -"), &rows(5, 3).join("\n"))
        .expect(2)
        .says("remembers --require-marker _SUCCESS");
    assert_eq!(recorder.rows(), rows(0, 5));
}

/// `done` sent, although `write` with the same files waited for the marker again.
#[test]
fn a_remembered_marker_holds_for_done_too() {
    let (recorder, place) = server();
    place.rows("in/below/rows.jsonl", 0, 5);
    place.file("in/_SUCCESS", "");
    let write = format!("{WRITE} --no-done --require-marker _SUCCESS in");
    place.end(&write).expect(0);
    let done = "done -t item -s history_sync -d 2022-01-01";
    fs::remove_file(place.path("in/_SUCCESS")).unwrap();
    place
        .end(done)
        .expect(10)
        .says("/in/below any more, which this date remembers (--require-marker)");
    assert!(recorder.dones().is_empty());
    // Whoever moves a finished export away takes its marker along.
    fs::rename(place.path("in"), place.path("archive")).unwrap();
    place.end(done).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_marker_that_was_there_all_the_time_holds_nothing_back() {
    let (recorder, place) = server();
    place.rows("in/a/rows.jsonl", 0, 5);
    place.file("in/_SUCCESS", "");
    let write = format!("{WRITE} --no-done --require-marker _SUCCESS in");
    place.end(&write).expect(0);
    place
        .end("done -t item -s history_sync -d 2022-01-01")
        .expect(0);
    assert_eq!(recorder.dones().len(), 1);
}
