//! `rejects replay` of rows that nobody changed: after the platform's schema was put right, the rows
//! that it refused are sent again as they were.

use crate::recorder::{Received, Recorder, Reply};
use crate::rejects::{DATE, refusing, states};
use crate::start::{Place, WRITE};

fn replay(file: &str) -> String {
    format!("rejects replay {file} {DATE}")
}

/// A date of which the platform refused every row of one file and took one of another.
fn refused_file() -> (Recorder, Place) {
    let recorder = refusing("poison");
    let place = Place::with(&recorder);
    place.file("good.jsonl", "{\"id\":\"1\"}\n");
    place.file(
        "rows.jsonl",
        "{\"id\":\"poison 2\"}\n{\"id\":\"poison 3\"}\n",
    );
    let words = format!("{WRITE} --batch-rows 2 good.jsonl rows.jsonl");
    place.end(&words).expect(3);
    (recorder, place)
}

#[test]
fn rows_that_were_refused_are_sent_again_unchanged_from_an_export_and_from_their_own_file() {
    for own in [false, true] {
        let (recorder, place) = refused_file();
        let file = if own {
            "rows.jsonl"
        } else {
            place.end("rejects export --output fix.jsonl").expect(0);
            let read = |name| std::fs::read(place.path(name)).unwrap();
            assert_eq!(read("fix.jsonl"), read("rows.jsonl"));
            "fix.jsonl"
        };
        // Refused once more: new rejected rows, which the same file may replace again.
        place.end(&replay(file)).expect(3);
        assert_eq!(states(&place), ["replayed", "replayed", "open", "open"]);
        recorder.answer(|_, _| Reply::ok());
        place.end(&replay(file)).expect(0);
        assert_eq!(states(&place), ["replayed"; 4]);
        assert_eq!(recorder.dones().len(), 1);
        let ids: std::collections::BTreeSet<String> =
            recorder.writes().iter().map(Received::id).collect();
        assert_eq!(ids.len(), recorder.writes().len());
        // Nothing is left to do for any of them.
        let requests = recorder.requests().len();
        place.end(&replay(file)).expect(0);
        let words = format!("{WRITE} good.jsonl rows.jsonl");
        place.end(&words).expect(0);
        assert_eq!(recorder.requests().len(), requests);
    }
}

#[test]
fn a_copy_of_rows_that_were_stored_replaces_others_because_somebody_says_so() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("good.jsonl", "{\"id\":\"1\"}\n");
    place.file("bad.jsonl", "{\"id\":\"1\",}\n");
    place
        .end(&format!("{WRITE} good.jsonl bad.jsonl"))
        .expect(3);
    place.file("fix.jsonl", "{\"id\":\"1\"}\n");
    place.end(&replay("fix.jsonl")).expect(0);
    assert_eq!(recorder.rows().len(), 2);
    assert_eq!(states(&place), ["replayed"]);
}

#[test]
fn a_replay_of_the_file_itself_that_was_cut_off_is_finished_or_given_up() {
    for way in ["replay", "write", "drop", "reopen"] {
        let (recorder, place) = refused_file();
        recorder.answer(|_, _| Reply::bare(429));
        place
            .end(&format!("{} --retry-for 1ms", replay("rows.jsonl")))
            .expect(5);
        recorder.answer(|_, _| Reply::ok());
        let before = recorder.writes().len();
        let write = format!("{WRITE} good.jsonl rows.jsonl");
        match way {
            "replay" => place.end(&replay("rows.jsonl")).expect(0),
            "write" => place.end(&write).expect(0),
            "drop" => {
                place.end("ledger drop-input rows.jsonl").expect(0);
                assert_eq!(states(&place), ["open", "open"]);
                place.end(&replay("rows.jsonl")).expect(0)
            }
            _ => {
                place.end(&format!("ledger reopen {DATE}")).expect(0);
                place.end(&write).expect(0)
            }
        };
        let sent: usize = recorder.writes()[before..]
            .iter()
            .map(|write| write.rows().len())
            .sum();
        // Everything comes again only when it was asked for.
        assert_eq!(sent, if way == "reopen" { 3 } else { 2 }, "{way}");
        assert_eq!(recorder.dones().len(), 1, "{way}");
        let requests = recorder.requests().len();
        place.end(&write).expect(0);
        assert_eq!(recorder.requests().len(), requests, "{way}");
    }
}
