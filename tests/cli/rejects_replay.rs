//! `rejects replay`: corrected rows take the places of rejected ones, exactly once, and no rejected
//! row is ever lost on the way.

use crate::recorder::{Latch, Recorder, Reply};
use crate::rejects::{DATE, letters, refusing, states, two_bad_lines};
use crate::start::{Place, Ran, WRITE};

/// Corrected rows for [`two_bad_lines`].
const FIXED: &str = "{\"id\":\"2\"}\n{\"id\":\"4\"}\n";

fn replay(file: &str) -> String {
    format!("rejects replay {file} {DATE}")
}

#[test]
fn corrected_rows_take_the_places_and_done_follows_once() {
    let (recorder, place) = two_bad_lines();
    place.file("fix.jsonl", FIXED);
    place.end(&replay("fix.jsonl")).expect(0);
    let expected: Vec<String> = (1..=4).map(|n| format!("{{\"id\":\"{n}\"}}")).collect();
    assert_eq!(recorder.rows(), expected);
    assert_eq!(recorder.dones().len(), 1);
    assert!(recorder.requests().last().unwrap().is_done());
    assert_eq!(states(&place), ["replayed", "replayed"]);
    place
        .end("ledger show")
        .expect(0)
        .says("replayed 2 dead letters, by 2 rows of");
    // All that was asked is true: again is nothing to do, for both files.
    let requests = recorder.requests().len();
    place.end(&replay("fix.jsonl")).expect(0);
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    assert_eq!(recorder.requests().len(), requests);
}

#[test]
fn corrected_records_of_a_csv_are_sent_like_those_of_the_first_file() {
    let recorder = refusing("poison");
    let place = Place::with(&recorder);
    place.file("rows.csv", "id,title\n1,one\n2,\"po\nison\",x\n3,poison\n");
    place.end(&format!("{WRITE} rows.csv")).expect(3);
    place.end("rejects export --output fix.csv").expect(0);
    let text = std::fs::read_to_string(place.path("fix.csv")).unwrap();
    let text = text.replace("\",x", "\"").replace("poison", "cured");
    place.file("fix.csv", text);
    place.end(&replay("fix.csv")).expect(0);
    let sent = recorder.writes().last().unwrap().rows();
    assert_eq!(
        sent,
        [
            r#"{"id":"2","title":"po\nison"}"#,
            r#"{"id":"3","title":"cured"}"#
        ]
    );
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_row_that_is_refused_again_is_a_new_rejected_row_and_keeps_the_gate_closed() {
    let recorder = refusing("poison");
    let place = Place::with(&recorder);
    place.file(
        "rows.jsonl",
        "{\"id\":\"1\"}\n{\"id\":\"poison 2\"}\n{\"id\":\"poison 3\"}\n",
    );
    place.end(&format!("{WRITE} rows.jsonl")).expect(3);
    place.file("fix.jsonl", "{\"id\":\"2\"}\n{\"id\":\"poison 4\"}\n");
    place.end(&replay("fix.jsonl")).expect(3);
    assert_eq!(states(&place), ["replayed", "replayed", "open"]);
    let last = letters(&place).pop().unwrap();
    assert!(last["file"].as_str().unwrap().ends_with("fix.jsonl"));
    assert_eq!(last["line"], 2);
    assert!(recorder.dones().is_empty());
    place.file("again.jsonl", "{\"id\":\"3\"}\n");
    place.end(&replay("again.jsonl")).expect(0);
    assert_eq!(states(&place), ["replayed"; 3]);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn another_number_of_rows_is_refused_before_anything_is_sent_unless_rows_are_named() {
    let (recorder, place) = two_bad_lines();
    let sent = recorder.requests().len();
    for (name, text, status) in [
        ("one.jsonl", "{\"id\":\"2\"}\n", 2),
        (
            "three.jsonl",
            "{\"id\":\"2\"}\n{\"id\":\"3\"}\n{\"id\":\"4\"}\n",
            2,
        ),
        ("none.jsonl", "\n", 8),
    ] {
        place.file(name, text);
        place.end(&replay(name)).expect(status);
    }
    place.end(&replay("missing.jsonl")).expect(10);
    place
        .end(&format!("{} --id 99", replay("one.jsonl")))
        .expect(2)
        .says("99");
    assert_eq!(recorder.requests().len(), sent);
    assert_eq!(states(&place), ["open", "open"]);
    let ids: Vec<i64> = letters(&place)
        .iter()
        .map(|letter| letter["id"].as_i64().unwrap())
        .collect();
    place
        .end(&format!("{} --id {}", replay("one.jsonl"), ids[0]))
        .expect(3);
    assert_eq!(states(&place), ["replayed", "open"]);
    place
        .end(&format!(
            "{} --id {}..{}",
            replay("three.jsonl"),
            ids[1],
            ids[1]
        ))
        .expect(0);
    assert_eq!(states(&place), ["replayed", "replayed"]);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_done_date_takes_no_corrected_rows() {
    let (recorder, place) = two_bad_lines();
    place
        .end(&format!("{WRITE} --max-errors 2 rows.jsonl"))
        .expect(0);
    place.file("fix.jsonl", FIXED);
    let sent = recorder.requests().len();
    place
        .end(&replay("fix.jsonl"))
        .expect(6)
        .says("ledger reopen");
    assert_eq!(recorder.requests().len(), sent);
}

#[test]
fn a_file_that_was_uploaded_before_replaces_nothing() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("good.jsonl", FIXED);
    place.file("bad.jsonl", "bad\nworse\n");
    place
        .end(&format!("{WRITE} good.jsonl bad.jsonl"))
        .expect(3);
    place
        .end(&replay("good.jsonl"))
        .expect(6)
        .says("was uploaded");
    // Nor does one that has replaced others.
    place.file("fix.jsonl", "{\"id\":\"7\"}\n{\"id\":\"8\"}\n");
    place
        .end(&format!("{WRITE} --no-done good.jsonl bad.jsonl"))
        .expect(3);
    place.end(&replay("fix.jsonl")).expect(7);
    place.file("late.jsonl", "bad\nworse\n{\"id\":\"9\"}\n");
    place.end(&format!("{WRITE} late.jsonl")).expect(3);
    place.end(&replay("fix.jsonl")).expect(3);
    assert_eq!(states(&place), ["replayed", "replayed", "open", "open"]);
    assert!(recorder.dones().is_empty());
}

#[test]
fn a_replay_that_was_killed_goes_on_under_its_ids() {
    for nth in [0, 1, 2] {
        let (recorder, place) = two_bad_lines();
        let before = recorder.requests().len();
        let latch = Latch::default();
        let held = latch.clone();
        recorder.answer(move |_, number| {
            if number == before + nth {
                held.wait();
            }
            Reply::ok()
        });
        place.file("fix.jsonl", FIXED);
        let words = format!("{} --batch-rows 1 --max-in-flight 1", replay("fix.jsonl"));
        let mut run = place.start(&words);
        recorder.wait_for(before + nth + 1);
        run.kill().unwrap();
        run.wait().unwrap();
        latch.open();
        if nth < 2 {
            // Neither a bare done nor the other file's upload passes over what is unfinished.
            assert_eq!(states(&place), ["open", "open"]);
            let next = format!("byteair-sync rejects replay {DATE} ");
            let ran = place.end(&format!("done {DATE}")).expect(3);
            let next = next.replace("-t ", "--topic ").replace("-s ", "--stage ");
            ran.says(&next.replace("-d ", "--date "));
            assert!(recorder.dones().is_empty());
        }
        let cut = recorder.requests()[before + nth].clone();
        place.end(&words).expect(0);
        let again = &recorder.requests()[before + nth + 1..];
        assert_eq!(again[0].id(), cut.id(), "{nth}");
        assert_eq!(recorder.stored().len(), 3 + 1, "{nth}");
        assert_eq!(states(&place), ["replayed", "replayed"]);
        let dones = recorder.dones();
        assert!(dones.iter().all(|done| done.id() == dones[0].id()));
        assert_eq!(dones.len(), if nth == 2 { 2 } else { 1 });
    }
}

#[test]
fn what_a_file_began_to_replace_no_other_file_takes_until_it_is_dropped() {
    let (recorder, place) = two_bad_lines();
    recorder.answer(|_, _| Reply::bare(429));
    place.file("fix.jsonl", FIXED);
    place
        .end(&format!("{} --retry-for 1ms", replay("fix.jsonl")))
        .expect(5);
    place.file("other.jsonl", "{\"id\":\"5\"}\n{\"id\":\"6\"}\n");
    place
        .end(&replay("other.jsonl"))
        .expect(7)
        .says("fix.jsonl, which is not sent to its end")
        .says("drop-input");
    recorder.answer(|_, _| Reply::ok());
    place.end("ledger drop-input fix.jsonl").expect(0);
    place.end(&replay("other.jsonl")).expect(0);
    assert_eq!(states(&place), ["replayed", "replayed"]);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn what_a_refused_replay_replaced_is_open_again_once_its_file_is_dropped() {
    let (recorder, place) = two_bad_lines();
    place.file("fix.jsonl", FIXED);
    recorder.answer(|request, _| {
        let rows = request.rows();
        let errors: Vec<(&str, &str)> = rows.iter().map(|row| ("no", row.as_str())).collect();
        Reply::refused_rows(200, 1001, "part", &errors)
    });
    place.end(&replay("fix.jsonl")).expect(3);
    assert_eq!(states(&place), ["replayed", "replayed", "open", "open"]);
    recorder.answer(|_, _| Reply::ok());
    place.end("ledger drop-input fix.jsonl").expect(0);
    assert_eq!(states(&place), ["open", "open", "waived", "waived"]);
    place.end(&format!("done {DATE}")).expect(3);
    assert!(recorder.dones().is_empty());
    place.file("other.jsonl", FIXED);
    place.end(&replay("other.jsonl")).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn the_guards_of_the_date_do_not_mistake_corrected_rows_for_a_file_of_the_export() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("in/rows.jsonl", "{\"id\":\"1\"}\nbad\n");
    place.file("in/_SUCCESS", "");
    place
        .end(&format!(
            "{WRITE} --expect-files 1 --require-marker _SUCCESS in/*.jsonl"
        ))
        .expect(3);
    place.file("fix.jsonl", "{\"id\":\"2\"}\n");
    place.end(&replay("fix.jsonl")).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_held_date_stays_held_after_a_replay() {
    let (recorder, place) = two_bad_lines();
    place
        .end(&format!("{WRITE} --no-done rows.jsonl"))
        .expect(3);
    place.file("fix.jsonl", FIXED);
    place.end(&replay("fix.jsonl")).expect(7);
    assert_eq!(states(&place), ["replayed", "replayed"]);
    assert!(recorder.dones().is_empty());
    place.end(&format!("done {DATE}")).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_replay_is_about_one_file_for_one_date() {
    let (_, place) = two_bad_lines();
    place
        .end("rejects replay - -t item -s history_sync -d 2022-01-01")
        .expect(2);
    place.file("fix.jsonl", FIXED);
    place
        .end("rejects replay fix.jsonl -t item -s history_sync")
        .expect(2);
    place
        .end("rejects replay fix.jsonl -t item -s history_sync -d 2021-01-01")
        .expect(8);
    let twice: Ran = place.end("rejects replay fix.jsonl fix.jsonl -t item -s history_sync");
    twice.expect(2);
}

#[test]
fn a_replay_that_an_upload_finished_is_completed_by_itself() {
    let (recorder, place) = two_bad_lines();
    recorder.answer(|_, _| Reply::bare(429));
    place.file("fix.jsonl", FIXED);
    place
        .end(&format!("{} --retry-for 1ms", replay("fix.jsonl")))
        .expect(5)
        .says("rejects replay fix.jsonl");
    recorder.answer(|_, _| Reply::ok());
    let begun = letters(&place)[0]["replayed_by"].clone();
    assert!(begun.as_str().unwrap().ends_with("fix.jsonl"), "{begun}");
    place
        .end("rejects list")
        .expect(0)
        .says("fix.jsonl has begun to replace it");
    // Without the file nothing is known of its rows.
    place.end(&format!("{WRITE} rows.jsonl")).expect(3);
    assert_eq!(states(&place), ["open", "open"]);
    place
        .end(&format!("{WRITE} rows.jsonl fix.jsonl"))
        .expect(0);
    assert_eq!(states(&place), ["replayed", "replayed"]);
    place.end("rejects list").expect(0).says("replayed by");
    let sent = recorder.requests().len();
    place.end(&replay("fix.jsonl")).expect(0);
    place.end(&format!("done {DATE}")).expect(0);
    assert_eq!(recorder.requests().len(), sent);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_replay_by_number_that_an_upload_finished_waits_for_its_own_command() {
    let (recorder, place) = two_bad_lines();
    recorder.answer(|_, _| Reply::bare(429));
    // Three rows for two: the upload cannot know that this is what was meant.
    place.file("fix.jsonl", format!("{FIXED}{{\"id\":\"5\"}}\n"));
    let ids: Vec<String> = letters(&place)
        .iter()
        .map(|letter| letter["id"].to_string())
        .collect();
    let words = format!("{} --id {}", replay("fix.jsonl"), ids.join(","));
    place.end(&format!("{words} --retry-for 1ms")).expect(5);
    recorder.answer(|_, _| Reply::ok());
    place
        .end(&format!("{WRITE} rows.jsonl fix.jsonl"))
        .expect(3);
    assert_eq!(states(&place), ["open", "open"]);
    place.end(&words).expect(0);
    assert_eq!(states(&place), ["replayed", "replayed"]);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_reopened_date_waits_for_the_corrected_rows_and_takes_them_again() {
    let (recorder, place) = two_bad_lines();
    place.file("fix.jsonl", FIXED);
    place.end(&replay("fix.jsonl")).expect(0);
    place.end(&format!("ledger reopen {DATE}")).expect(0);
    place
        .end(&format!("{WRITE} --max-errors 2 rows.jsonl"))
        .expect(7)
        .says("fix.jsonl");
    place.end(&replay("fix.jsonl")).expect(0);
    assert_eq!(states(&place), ["replayed", "replayed"]);
    assert_eq!(recorder.dones().len(), 2);
}

#[test]
fn streaming_rows_are_replayed_without_date_and_done() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let stage = "-t item -s incremental_sync_streaming";
    place.file("rows.jsonl", "{\"id\":\"1\"}\nbad\n");
    place.end(&format!(
        "write {stage} --yes-i-mean streaming-only rows.jsonl"
    ));
    place.file("fix.jsonl", "{\"id\":\"2\"}\n");
    place
        .end(&format!("rejects replay fix.jsonl {stage}"))
        .expect(0);
    assert_eq!(recorder.rows().len(), 2);
    assert_eq!(states(&place), ["replayed"]);
    assert!(recorder.dones().is_empty());
}
