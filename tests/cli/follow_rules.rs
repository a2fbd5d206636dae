//! What may be followed, by whom, and together with what.

use crate::follow::{FOLLOW, Log, terminate};
use crate::recorder::Recorder;
use crate::start::{Place, rows};

#[test]
fn a_followed_path_has_one_follower_and_is_not_read_in_another_way() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let mut log = Log::new(&place);
    log.write(10);
    let child = place.start(FOLLOW);
    recorder.wait_for(1);
    place.end(FOLLOW).expect(11).says("another run follows");
    terminate(child);
    let once = FOLLOW
        .replace("--follow ", "")
        .replace("--linger 50ms ", "");
    place.end(&once).expect(2).says("was read with --follow");
    assert_eq!(recorder.rows(), rows(0, 10));
}

#[test]
fn what_was_uploaded_before_is_not_sent_again_when_it_is_followed() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let mut log = Log::new(&place);
    log.write(10);
    let once = FOLLOW
        .replace("--follow ", "")
        .replace("--linger 50ms ", "");
    place.end(&once).expect(0);
    log.write(10);
    let child = place.start(FOLLOW);
    recorder.wait_for(2);
    terminate(child);
    assert_eq!(recorder.rows(), rows(0, 20));
}

#[test]
fn what_cannot_be_followed_is_refused_before_anything_is_sent() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 3);
    place.file("table.csv", "id,title\n1,a\n");
    let follow = "write -t item -s incremental_sync_streaming --yes-i-mean streaming-only --follow";
    for (words, status, expected) in [
        (
            "write -t item -s history_sync -d 2022-01-01 --follow rows.jsonl".to_owned(),
            2,
            "a day of history_sync ends",
        ),
        (
            "write -t item -s history_sync -d 2022-01-01 --linger 2s rows.jsonl".to_owned(),
            2,
            "--linger is for",
        ),
        (format!("{follow} -"), 2, "needs files"),
        (format!("{follow} *.jsonl"), 2, "single files"),
        (format!("{follow} ."), 2, "single files"),
        (format!("{follow} --dry-run rows.jsonl"), 2, "has no end"),
        (
            format!("{follow} --format csv table.csv"),
            2,
            "reads JSON lines",
        ),
        (format!("{follow} table.csv"), 4, "no file of JSON lines"),
    ] {
        place.end(&words).expect(status).says(expected);
    }
    assert_eq!(recorder.requests().len(), 0);
}
