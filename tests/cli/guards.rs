//! What has to hold before `done`: guards, holds, the day's end, and the command `done`.

use crate::recorder::{Recorder, Reply};
use crate::start::{Place, WRITE, rows};
use chrono::{Days, Utc};
use std::fs;

fn server() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 10);
    (recorder, place)
}

#[test]
fn fewer_rows_or_files_than_expected_are_status_4_until_they_are_there() {
    let (recorder, place) = server();
    place
        .end(&format!("{WRITE} --min-rows 12 rows.jsonl"))
        .expect(4)
        .says("--min-rows");
    assert_eq!((recorder.writes().len(), recorder.dones().len()), (1, 0));
    // The guard is stored with the date.
    place.end("done -d 2022-01-01").expect(4).says("--min-rows");
    place.rows("more.jsonl", 10, 2);
    place
        .end(&format!("{WRITE} rows.jsonl more.jsonl"))
        .expect(0);
    assert_eq!(recorder.rows(), rows(0, 12));

    let (recorder, place) = server();
    place
        .end(&format!("{WRITE} --expect-files 2 rows.jsonl"))
        .expect(4)
        .says("--expect-files");
    assert!(recorder.dones().is_empty());
    place.rows("more.jsonl", 10, 1);
    place
        .end(&format!("{WRITE} --expect-files 2 rows.jsonl more.jsonl"))
        .expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_day_that_is_far_smaller_than_the_one_before_is_status_4() {
    let (recorder, place) = server();
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    place.rows("small.jsonl", 100, 6);
    let second = "write -t item -s history_sync -d 2022-01-02 small.jsonl";
    place
        .end(&format!("{second} --max-drop 30%"))
        .expect(4)
        .says(" for the last completed date, 2022-01-01: more than the 30% that --max-drop allows");
    assert_eq!(recorder.dones().len(), 1);
    place.end(&format!("{second} --max-drop 50%")).expect(0);
    assert_eq!(recorder.dones().len(), 2);
}

#[test]
fn rejected_rows_within_the_budget_do_not_hold_done_back() {
    for (budget, status) in [("0", 3), ("1", 3), ("2", 0), ("5%", 3), ("20%", 0)] {
        let (recorder, place) = server();
        let text = rows(0, 10).join("\n") + "\nnot json\n[]\n";
        place.file("rows.jsonl", text);
        place
            .end(&format!("{WRITE} --max-errors {budget} rows.jsonl"))
            .expect(status);
        assert_eq!(recorder.rows(), rows(0, 10));
        assert_eq!(recorder.dones().len(), usize::from(status == 0), "{budget}");
    }
}

#[test]
fn a_date_of_which_every_row_was_rejected_is_not_done_whatever_the_budget() {
    let (recorder, place) = server();
    place.file("rows.jsonl", "no json\n[2]\n");
    place
        .end(&format!("{WRITE} --max-errors 100% rows.jsonl"))
        .expect(3);
    assert!(recorder.requests().is_empty());
}

#[test]
fn accepting_the_loss_of_rejected_rows_opens_the_gate() {
    let (recorder, place) = server();
    place.file("rows.jsonl", "{\"id\":\"1\"}\nnot json\n");
    place.end(&format!("{WRITE} rows.jsonl")).expect(3);
    place.end("done -d 2022-01-01").expect(3);
    place.end("done -d 2022-01-01 --accept-rejects").expect(0);
    assert_eq!(recorder.dones().len(), 1);
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
}

#[test]
fn reading_stops_after_so_many_rejected_rows() {
    let (recorder, place) = server();
    let mut text = rows(0, 50).join("\n") + "\n";
    text += &"not json\n".repeat(30);
    text += &rows(50, 50).join("\n");
    place.file("rows.jsonl", text);
    place
        .end(&format!("{WRITE} --stop-after-errors 10 rows.jsonl"))
        .expect(3)
        .says("--stop-after-errors");
    assert!(recorder.dones().is_empty());
}

#[test]
fn a_held_date_waits_for_a_done_that_names_it() {
    let (recorder, place) = server();
    place
        .end(&format!("{WRITE} --no-done rows.jsonl"))
        .expect(0)
        .says("byteair-sync done");
    assert_eq!((recorder.writes().len(), recorder.dones().len()), (1, 0));
    // Neither the same command without the option nor --pending lifts the hold.
    place
        .end(&format!("{WRITE} rows.jsonl"))
        .expect(7)
        .says("--no-done");
    place.end("done --pending").expect(0);
    assert!(recorder.dones().is_empty());
    place.end("done -d 2022-01-01").expect(0);
    assert_eq!(recorder.dones().len(), 1);
    assert_eq!(recorder.dones()[0].day().as_deref(), Some("2022-01-01"));
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    assert_eq!(recorder.requests().len(), 2);
}

#[test]
fn a_share_of_the_rate_holds_done_back() {
    let (recorder, place) = server();
    place
        .end(&format!("{WRITE} --rate-share 1/2 rows.jsonl"))
        .expect(0);
    assert!(recorder.dones().is_empty());
}

#[test]
fn a_hold_for_other_machines_is_told_and_its_command_sends_nothing_without_their_reports() {
    let (recorder, place) = server();
    let command = "byteair-sync done --topic item --stage history_sync --date 2022-01-01 \
                   --require-report REPORT...";
    let write = format!("{WRITE} --rate-share 1/2 rows.jsonl");
    place.end(&write).expect(0).says(command);
    place.end(&write).expect(0).says(command);
    let status = place.end("status").expect(0);
    status
        .says("done is held back (--rate-share 1/2: other machines have rows of it too)")
        .says(command);
    let words = command.strip_prefix("byteair-sync ").unwrap();
    place.end(words).expect(7).says("--require-report");
    assert!(recorder.dones().is_empty());
    let trail = place.end("ledger show").expect(0).output;
    assert_eq!(trail.matches("held_back").count(), 1, "{trail}");
}

#[test]
fn pending_finishes_every_date_that_a_failure_left_behind() {
    let recorder = Recorder::answering(|request, _| {
        if request.is_done() {
            Reply::bare(429)
        } else {
            Reply::ok()
        }
    });
    let place = Place::with(&recorder);
    for day in 1..=2 {
        place.rows(&format!("2022-01-0{day}.jsonl"), day * 100, 5);
    }
    place
        .end("write -t item -s history_sync -d 2022-01-01..2022-01-02 --retry-for 1ms {date}.jsonl")
        .expect(5);
    recorder.answer(|_, _| Reply::ok());
    let before = recorder.requests().len();
    place.end("done --pending").expect(0);
    let mut days: Vec<_> = recorder.requests()[before..]
        .iter()
        .map(|done| done.day().unwrap())
        .collect();
    days.sort();
    assert_eq!(days, ["2022-01-01", "2022-01-02"]);
}

#[test]
fn bare_done_is_about_the_previous_day_and_names_other_dates_as_a_hint() {
    let (recorder, place) = server();
    place
        .end(&format!("{WRITE} --no-done rows.jsonl"))
        .expect(0);
    place.end("done").expect(8).says("2022-01-01");
    // In Shanghai, wherever this machine is.
    let here = Utc::now()
        .with_timezone(&chrono_tz::Asia::Shanghai)
        .date_naive();
    let previous = here.checked_sub_days(Days::new(1)).unwrap();
    place.rows("new.jsonl", 50, 5);
    place
        .end("write -t user -s incremental_sync_daily -d yesterday --no-done new.jsonl")
        .expect(0);
    place
        .end("done")
        .expect(0)
        .says("done --topic item --stage history_sync --date 2022-01-01 releases it");
    let dones = recorder.dones();
    assert_eq!(dones.len(), 1);
    assert_eq!(dones[0].day().unwrap(), previous.to_string());
}

#[test]
fn a_day_that_is_not_over_gets_no_done() {
    let (recorder, place) = server();
    place
        .end("write -t item -s incremental_sync_daily -d today rows.jsonl")
        .expect(7)
        .says("the day is not over");
    assert_eq!((recorder.writes().len(), recorder.dones().len()), (1, 0));
}

/// The zone was forgotten with the run, and `done --pending` sent it hours before the end of the day.
#[test]
fn a_day_ends_in_the_zone_that_it_was_uploaded_with_also_for_a_later_done() {
    let (recorder, mut place) = server();
    place
        .end("write -t item -s history_sync -d today --timezone Pacific/Pago_Pago rows.jsonl")
        .expect(7)
        .says("the day is not over");
    let day = recorder.writes()[0].day().unwrap();
    // Where it is over whenever it is today there.
    place.set("BYTEAIR_TIMEZONE", "Pacific/Kiritimati");
    place
        .end("done --pending")
        .says("the day is not over in Pacific/Pago_Pago");
    place
        .end(&format!("done -d {day}"))
        .expect(7)
        .says("00:00 Pacific/Pago_Pago");
    place.end("status").says("the day is not over");
    place
        .end("write -t item -s history_sync -d 2022-01-01 rows.jsonl")
        .expect(0);
    assert_eq!(recorder.dones().len(), 1);
    place
        .end(&format!("done -d {day} --timezone Pacific/Kiritimati"))
        .expect(0);
    assert_eq!(recorder.dones().len(), 2);
}

#[test]
fn an_expected_topic_that_is_absent_is_status_7_and_nothing_is_sent() {
    let (recorder, place) = server();
    place
        .end(&format!("{WRITE} --no-done rows.jsonl"))
        .expect(0);
    place
        .end("done -d 2022-01-01 --expect-topics item,user")
        .expect(7)
        .says("user");
    assert!(recorder.dones().is_empty());
    place
        .end("done -d 2022-01-01 --expect-topics item")
        .expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn done_for_a_date_that_nobody_uploaded_is_status_8() {
    let (recorder, place) = server();
    place.end("done -d 2021-12-31").expect(8).says("nothing");
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    place.end("done -d 2021-12-31").expect(8);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn forcing_done_needs_the_date_twice_and_leaves_a_trace() {
    let (recorder, place) = server();
    place.file("rows.jsonl", "{\"id\":\"1\"}\nnot json\n");
    place.end(&format!("{WRITE} rows.jsonl")).expect(3);
    place
        .end("done -d 2022-01-01 --force")
        .expect(2)
        .says("--yes-i-mean 2022-01-01");
    assert!(recorder.dones().is_empty());
    place
        .end("done -d 2022-01-01 --force --yes-i-mean 2022-01-01")
        .expect(0);
    assert_eq!(recorder.dones().len(), 1);
    place.end("ledger show").expect(0).says("forced");
}

/// A remembered guard could only be made another one, never be taken back.
#[test]
fn each_remembered_guard_can_be_taken_back() {
    for (guard, back) in [
        ("--min-rows 100", "--min-rows 0"),
        ("--min-rows 100", "--min-rows none"),
        ("--expect-files 2", "--expect-files none"),
        ("--unconfirmed hold --expect-files 2", "--expect-files none"),
    ] {
        let (recorder, place) = server();
        place.rows("rows.jsonl", 0, 10);
        let write = format!("{WRITE} rows.jsonl");
        place.end(&format!("{write} {guard}")).expect(4);
        place.end(&write).expect(4);
        place.end(&format!("{write} {back}")).expect(0);
        assert_eq!(recorder.dones().len(), 1, "{back}");
    }
    let (recorder, place) = server();
    place.rows("in/rows.jsonl", 0, 10);
    let write = format!("{WRITE} --no-done in");
    place
        .end(&format!("{write} --require-marker _SUCCESS"))
        .expect(10);
    place.file("in/_SUCCESS", "");
    place
        .end(&format!("{write} --require-marker _SUCCESS"))
        .expect(0);
    fs::remove_file(place.path("in/_SUCCESS")).unwrap();
    place.end(&write).expect(10);
    place
        .end(&format!("{write} --require-marker none"))
        .expect(0);
    place.end(&write).expect(0);
    assert!(recorder.dones().is_empty());
}

#[test]
fn the_guards_against_a_fall_and_an_empty_date_can_be_taken_back() {
    let (recorder, place) = server();
    place.rows("first.jsonl", 0, 100);
    place.rows("second.jsonl", 0, 10);
    place.end(&format!("{WRITE} first.jsonl")).expect(0);
    let second = "write -t item -s history_sync -d 2022-01-02 second.jsonl";
    place.end(&format!("{second} --max-drop 50%")).expect(4);
    place.end(second).expect(4);
    place.end(&format!("{second} --max-drop none")).expect(0);
    assert_eq!(recorder.dones().len(), 2);

    place.file("none.jsonl", "");
    let empty = "write -t item -s history_sync -d 2022-01-03 none.jsonl";
    place
        .end(&format!("{empty} --allow-empty --no-done"))
        .expect(0);
    // Held back besides.
    place.end(&format!("{empty} --no-allow-empty")).expect(7);
    place.end("done -d 2022-01-03").expect(8);
    assert_eq!(recorder.dones().len(), 2);
}
