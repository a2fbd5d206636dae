//! Dates with rejected rows, for the tests of the commands that end them, and `rejects waive`.

use crate::recorder::{Recorder, Reply};
use crate::start::{Place, WRITE};
use serde_json::Value;

/// The options that name the date of [`WRITE`].
pub(crate) const DATE: &str = "-t item -s history_sync -d 2022-01-01";

/// A server that refuses rows in which a word stands, and accepts the others.
pub(crate) fn refusing(word: &'static str) -> Recorder {
    Recorder::answering(move |request, _| {
        if request.is_done() {
            return Reply::ok();
        }
        let rows = request.rows();
        let refused: Vec<(&str, &str)> = rows
            .iter()
            .filter(|row| row.contains(word))
            .map(|row| ("no such word", row.as_str()))
            .collect();
        if refused.is_empty() {
            return Reply::ok();
        }
        Reply::refused_rows(200, 1001, "part", &refused)
    })
}

/// A date of two good rows and two that are refused before sending, in lines 2 and 4.
pub(crate) fn two_bad_lines() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file(
        "rows.jsonl",
        "{\"id\":\"1\"}\n{\"id\":2,}\n{\"id\":\"3\"}\n  [4]\n",
    );
    place.end(&format!("{WRITE} rows.jsonl")).expect(3);
    assert!(recorder.dones().is_empty());
    (recorder, place)
}

/// The states of all rejected rows in order of their numbers.
pub(crate) fn states(place: &Place) -> Vec<String> {
    letters(place)
        .iter()
        .map(|letter| letter["state"].as_str().unwrap().to_owned())
        .collect()
}

/// All rejected rows in order of their numbers.
pub(crate) fn letters(place: &Place) -> Vec<Value> {
    let mut lines = place.end("rejects list --json").expect(0).lines();
    lines.pop();
    lines
}

#[test]
fn waived_rows_let_done_follow_and_the_record_says_so() {
    let (recorder, place) = two_bad_lines();
    place.end(&format!("rejects waive {DATE}")).expect(0).says(
        "2 rejected row(s) waived; next: byteair-sync done -t item -s history_sync -d 2022-01-01",
    );
    assert_eq!(states(&place), ["waived", "waived"]);
    place
        .end("ledger show")
        .expect(0)
        .says("waived 2 dead letters; byteair-sync rejects waive");
    place.end(&format!("done {DATE}")).expect(0);
    assert_eq!(recorder.dones().len(), 1);
    // Nothing is left to waive, and a done date stays as it is.
    place
        .end(&format!("rejects waive {DATE}"))
        .expect(0)
        .says("0 rejected row(s) waived");
}

#[test]
fn rows_are_waived_by_number_and_the_others_still_close_the_gate() {
    let (recorder, place) = two_bad_lines();
    let second = letters(&place)[1]["id"].as_i64().unwrap();
    place
        .end(&format!("rejects waive --id {second}"))
        .expect(0)
        .says("1 still open");
    assert_eq!(states(&place), ["open", "waived"]);
    place.end(&format!("done {DATE}")).expect(3);
    place
        .end(&format!("rejects waive --id 1,{}", second + 9))
        .expect(8)
        .says("nothing was waived");
    assert_eq!(states(&place), ["open", "waived"]);
    assert!(recorder.dones().is_empty());
}

#[test]
fn nothing_is_waived_that_was_not_named() {
    let (_, place) = two_bad_lines();
    for words in ["rejects waive", "rejects waive -t item -s history_sync"] {
        place.end(words).expect(2).says("--id");
    }
    place.end("rejects waive -d 2022-01-02").expect(8);
    assert_eq!(states(&place), ["open", "open"]);
}

#[test]
fn rejected_rows_that_are_kept_nowhere_any_more_are_told_with_the_way_out() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("a.jsonl", "{\"id\":\"1\"}\nbad\n");
    place.end(&format!("{WRITE} a.jsonl")).expect(3);
    let rejects = place.path(".local/state/byteair-sync/rejects");
    std::fs::remove_dir_all(rejects).unwrap();
    // An upload would work all the same.
    place
        .end("doctor")
        .expect(0)
        .says("1 rejected row cannot be shown or exported")
        .says("restore that directory from a backup");
    place
        .end("rejects show 1")
        .expect(2)
        .says("restore it from a backup")
        .says("give these up with 'rejects waive'");
}
