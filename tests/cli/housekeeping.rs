//! `ledger`: what is known, and starting dates over.

use crate::recorder::{Received, Recorder, Reply};
use crate::start::{Place, WRITE, rows};
use serde_json::Value;

const DATE: &str = "-t item -s history_sync -d 2022-01-01";

/// A date that is done.
fn done() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 10);
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    (recorder, place)
}

#[test]
fn the_ledger_lists_its_dates_for_people_and_for_machines() {
    let (_, place) = done();
    place
        .end("ledger list")
        .expect(0)
        .says("2022-01-01")
        .says("done");
    let listed = place.end("ledger list --json").expect(0);
    listed.summary();
    let date = &listed.lines()[0];
    assert_eq!(
        (&date["gate"], &date["rows_accepted"]),
        (&"done".into(), &10.into())
    );
    place
        .end("ledger show")
        .expect(0)
        .says("rows.jsonl: finished");
    place.end("ledger list -t user").expect(8);
}

#[test]
fn of_several_targets_in_one_ledger_one_can_be_named() {
    let (_recorder, place) = done();
    let upload = format!("{WRITE} --application-id 77 rows.jsonl");
    let planned = place.end(&format!("{upload} --dry-run --json")).expect(0);
    assert_eq!(planned.summary()["target"]["application"], "77");
    place.end(&upload).expect(0);
    let listed = place.end("ledger list --json").expect(0);
    let name = |date: &Value| date["target"].as_str().map(str::to_owned);
    let names = listed.lines().iter().filter_map(name).collect::<Vec<_>>();
    let other = names.iter().find(|name| name.contains("/77@")).unwrap();
    assert_eq!(names.len(), 2);
    place
        .end(&format!("ledger reopen {DATE}"))
        .expect(2)
        .says("name one of them with --target");
    place
        .end(&format!("ledger reopen {DATE} --target {other}"))
        .expect(0);
    for name in &names {
        let shown = place.end(&format!("ledger show --json --target {name}"));
        let lines = shown.expect(0).lines();
        let dates: Vec<&Value> = lines.iter().filter(|line| line["type"] == "date").collect();
        assert_eq!(dates.len(), 1);
        let gate = if name == other { "open" } else { "done" };
        assert_eq!(
            (&dates[0]["target"], &dates[0]["gate"]),
            (&name.as_str().into(), &gate.into())
        );
    }
    place.end("ledger show --target 1/2@cn").expect(8);
}

#[test]
fn an_empty_state_directory_knows_nothing() {
    let place = Place::new();
    for words in [
        "ledger list",
        "ledger show",
        "rejects list",
        "rejects show 1",
    ] {
        place.end(words).expect(8);
    }
    assert!(
        !place.path(".local").exists(),
        "looking leaves nothing behind"
    );
}

#[test]
fn a_reopened_date_is_sent_again_under_new_ids_with_everything_new() {
    let (recorder, place) = done();
    place
        .end(&format!("ledger reopen {DATE}"))
        .expect(0)
        .says("write");
    place.rows("late.jsonl", 10, 5);
    let before = recorder.requests();
    place
        .end(&format!("{WRITE} rows.jsonl late.jsonl"))
        .expect(0);
    let after = &recorder.requests()[before.len()..];
    let mut sent: Vec<String> = after
        .iter()
        .filter(|r| !r.is_done())
        .flat_map(Received::rows)
        .collect();
    sent.sort();
    assert_eq!(sent, rows(0, 15));
    assert!(after.last().unwrap().is_done());
    assert!(
        after
            .iter()
            .all(|new| before.iter().all(|old| old.id() != new.id()))
    );
    place.end("ledger show").expect(0).says("reopened");
    let told = place.end("ledger show --json").expect(0).lines();
    let events = told[0]["events"].as_array().unwrap();
    let reopened = |event: &&Value| event.as_str().is_some_and(|it| it.contains(" reopened "));
    assert_eq!(events.iter().filter(reopened).count(), 1, "{events:?}");
}

#[test]
fn a_forgotten_date_begins_anew_under_new_ids() {
    let (recorder, place) = done();
    place
        .end(&format!("ledger forget {DATE}"))
        .expect(2)
        .says("--yes-i-mean 2022-01-01");
    place.end("ledger list").expect(0);
    place
        .end(&format!("ledger forget {DATE} --yes-i-mean 2022-01-01"))
        .expect(0);
    place.end("ledger list").expect(8);
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    let requests = recorder.requests();
    assert_eq!(requests.len(), 4);
    assert_eq!(requests[0].text, requests[2].text);
    assert_ne!(requests[0].id(), requests[2].id());
    assert_ne!(requests[1].id(), requests[3].id());
}

#[test]
fn a_date_that_is_done_is_not_started_over_by_restart() {
    let (recorder, place) = done();
    place
        .end(&format!("{WRITE} --restart rows.jsonl"))
        .expect(6)
        .says("ledger reopen");
    assert_eq!(recorder.requests().len(), 2);
}

#[test]
fn a_pruned_date_stays_known_as_done() {
    let (recorder, place) = done();
    place.end("ledger prune").expect(0).says("0 done date(s)");
    place
        .end("ledger prune --older-than 0s --dry-run")
        .expect(0);
    // Older than a moment means a second later at the latest.
    crate::recorder::eventually("the date is old enough", || {
        let ran = place.end("ledger prune --older-than 0s");
        ran.errors.contains("1 done date(s)") || ran.output.contains("1 done date(s)")
    });
    let ran = place.end("ledger list --json").expect(0);
    assert_eq!(ran.lines()[0]["gate"], "done");
    place.end("done -d 2022-01-01").expect(0);
    assert_eq!(recorder.requests().len(), 2);
}

#[test]
fn housekeeping_of_what_is_unknown_is_status_8() {
    let (_, place) = done();
    place
        .end("ledger drop-input none.jsonl")
        .expect(8)
        .says("ledger show");
    place
        .end("ledger forget -t item -s history_sync -d 2021-01-01")
        .expect(8);
    place
        .end("ledger reopen -t user -s history_sync -d 2022-01-01")
        .expect(8);
}

#[test]
fn hosts_that_share_nothing_with_the_ledger_are_another_target() {
    let (_, mut place) = done();
    let other = Recorder::new();
    place.set("BYTEAIR_HOST", &other.address.to_string());
    // Named by its address: a test against it cannot make the first one look done.
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    assert_eq!(other.rows(), rows(0, 10));
    assert_eq!(other.dones().len(), 1);
}

#[test]
fn a_reopened_date_waits_for_every_input_that_it_had() {
    let (recorder, place) = done();
    place.end(&format!("ledger reopen {DATE}")).expect(0);
    place.rows("late.jsonl", 10, 5);
    place
        .end(&format!("{WRITE} late.jsonl"))
        .expect(7)
        .says("rows.jsonl");
    assert_eq!(recorder.dones().len(), 1);
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    assert_eq!(recorder.dones().len(), 2);
}

#[test]
fn a_date_that_is_not_done_is_begun_anew_with_a_word_about_its_rows() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 10);
    for command in ["reopen", "forget"] {
        place.end(&format!("{WRITE} --no-done a.jsonl")).expect(0);
        place
            .end(&format!("ledger {command} {DATE}"))
            .expect(0)
            .says(
                "warning: item history_sync 2022-01-01: it is not done; 10 row(s) of it are stored",
            )
            .says("stored twice");
    }
    recorder.answer(|_, _| {
        Reply::code(
            200,
            400,
            "Syncing is end or not start in stage(history_sync)",
        )
    });
    place.end(&format!("{WRITE} a.jsonl")).expect(6);
    // A done that was sent needs no such word.
    place
        .end("ledger forget -t item -s history_sync -d 2022-01-01")
        .expect(0);
    recorder.answer(|_, _| Reply::ok());
    place.end(&format!("{WRITE} a.jsonl")).expect(0);
    // Who reopens a date that is done has had it re-synced.
    let ran = place.end(&format!("ledger reopen {DATE}")).expect(0);
    assert!(!ran.errors.contains("warning"), "{}", ran.errors);
}
