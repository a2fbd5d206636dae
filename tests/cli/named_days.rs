//! Rows that say their own date, and days that are named anew by each command: what an input was
//! begun for stays its own, and whatever else is named is read beside it.

use crate::dates_from_field::{FIELD, by_day, done_days, expected, mixed, server, text};
use crate::recorder::{Recorder, Reply};
use crate::start::Place;
use std::fmt::Write as _;

const JOBS: &str = "[[job]]\nname = 'item'\ntopic = 'item'\nstage = 'history_sync'\n\
                    date = 'yesterday'\npaths = ['in/*.jsonl']\ndate_from_field = 'day'\n";

/// A day so many days ago, where the platform is.
fn day(back: i64) -> String {
    let zone = chrono::FixedOffset::east_opt(8 * 3600).unwrap();
    let day = chrono::Utc::now().with_timezone(&zone) - chrono::TimeDelta::days(back);
    day.format("%Y-%m-%d").to_string()
}

/// A file with three rows of each of these days.
fn export(place: &Place, name: &str, back: &[i64]) {
    let mut rows = String::new();
    for back in back {
        for number in 0..3 {
            let day = day(*back);
            writeln!(rows, "{{\"id\":\"{name}{number}\",\"day\":\"{day}\"}}").unwrap();
        }
    }
    place.file(&format!("in/{name}.jsonl"), rows);
}

/// Runs a command that has nothing to send.
fn idle(recorder: &Recorder, place: &Place, words: &str, status: i32) {
    let before = recorder.requests().len();
    place.end(words).expect(status);
    assert_eq!(recorder.requests().len(), before, "{words}");
}

fn jobs() -> (Recorder, Place) {
    let (recorder, place) = server();
    place.file("jobs.toml", JOBS);
    (recorder, place)
}

#[test]
fn catching_up_again_finds_nothing_late_when_every_row_is_stored() {
    let (recorder, place) = jobs();
    export(&place, "a", &[1, 2]);
    place.end("run -q jobs.toml --catch-up 2").expect(0);
    assert_eq!(done_days(&recorder), [day(2), day(1)]);
    idle(&recorder, &place, "run -q jobs.toml --catch-up 2", 0);
    idle(&recorder, &place, "run -q jobs.toml", 0);
    // Of the day before there is no row.
    idle(&recorder, &place, "run -q jobs.toml --catch-up 3", 8);
    idle(
        &recorder,
        &place,
        "run -q jobs.toml --dry-run --catch-up 3",
        8,
    );
    assert_eq!(recorder.rows().len(), 6);
}

#[test]
fn a_day_whose_rows_come_later_is_caught_up_with() {
    let (recorder, place) = jobs();
    export(&place, "a", &[2, 3]);
    place.end("run -q jobs.toml --catch-up 3").expect(8);
    assert_eq!(done_days(&recorder), [day(3), day(2)]);
    idle(&recorder, &place, "run -q jobs.toml --catch-up 3", 8);
    export(&place, "b", &[1]);
    place.end("run -q jobs.toml --catch-up 3").expect(0);
    assert_eq!(done_days(&recorder).len(), 3);
    assert_eq!(recorder.rows().len(), 9);
    idle(&recorder, &place, "run -q jobs.toml --catch-up 3", 0);
    by_day(&recorder);
}

#[test]
fn rows_of_a_day_that_nobody_had_named_are_read_once_it_is_named() {
    let (recorder, place) = jobs();
    export(&place, "a", &[1, 2]);
    place.end("run -q jobs.toml").expect(0);
    assert_eq!(done_days(&recorder), [day(1)]);
    place.end("run -q jobs.toml --catch-up 2").expect(0);
    assert_eq!(done_days(&recorder), [day(2), day(1)]);
    assert_eq!(recorder.rows().len(), 6);
    by_day(&recorder);
    for words in ["", "--catch-up 2", "--backfill"] {
        let days = format!(" {}..{}", day(2), day(1));
        let days = if words == "--backfill" { &days } else { "" };
        idle(
            &recorder,
            &place,
            &format!("run -q jobs.toml {words}{days}"),
            0,
        );
    }
    // A file that is new may have rows of a day that is done.
    export(&place, "b", &[1, 2]);
    let late = place.end(&format!("run jobs.toml --date {},{}", day(2), day(1)));
    late.expect(6).says("late_input");
}

#[test]
fn an_upload_that_was_cut_short_is_gone_on_with_for_its_own_days() {
    let recorder = Recorder::answering(|_, number| match number {
        0..3 => Reply::ok(),
        _ => Reply::bare(429),
    });
    let place = Place::with(&recorder);
    let days = [1, 2, 3, 4];
    let rows = mixed(4_000, &days);
    place.file("all.jsonl", text(&rows));
    let write =
        |days: &str| format!("{FIELD} -d {days} --batch-rows 100 --retry-for 1ms all.jsonl");
    place.end(&write("2022-01-01..2022-01-03")).expect(5);
    recorder.answer(|_, _| Reply::ok());
    let others = write("2022-01-02..2022-01-04");
    let foretold = place.end(&format!("{others} --dry-run")).expect(0);
    foretold.says("rows in");
    place.end(&others).expect(0);
    assert_eq!(by_day(&recorder), expected(&rows, &days));
    // The day that is not named any more has its rows, and waits for somebody to name it.
    assert_eq!(
        done_days(&recorder),
        ["2022-01-02", "2022-01-03", "2022-01-04"]
    );
    place.end("done -d 2022-01-01").expect(0);
    idle(&recorder, &place, &others, 0);
    idle(&recorder, &place, &write("2022-01-01..2022-01-04"), 0);
}

#[test]
fn rows_that_are_appended_are_taken_for_the_days_that_are_named_and_open() {
    let (recorder, place) = server();
    let days = [1, 2];
    let rows = mixed(10, &days);
    place.file("all.jsonl", text(&rows));
    let write = |days: &str| format!("{FIELD} -d {days} all.jsonl");
    place.end(&write("2022-01-01..2022-01-03")).expect(8);
    assert_eq!(done_days(&recorder).len(), 2);
    let more: Vec<String> = mixed(20, &[3, 4]).split_off(10);
    place.file("all.jsonl", text(&rows) + &text(&more));
    place.end(&write("2022-01-03,2022-01-04")).expect(0);
    let mut wanted = expected(&rows, &days);
    wanted.extend(expected(&more, &[3, 4]));
    assert_eq!(by_day(&recorder), wanted);
    assert_eq!(done_days(&recorder).len(), 4);
    idle(&recorder, &place, &write("2022-01-03,2022-01-04"), 0);
    // Rows of a day that is done are late when it is named.
    let late: Vec<String> = mixed(24, &[1, 3]).split_off(20);
    place.file("all.jsonl", text(&rows) + &text(&more) + &text(&late));
    let ran = place.end(&write("2022-01-01,2022-01-03")).expect(6);
    ran.says("late_input");
    assert_eq!(by_day(&recorder), wanted);
}

#[test]
fn two_readings_of_one_file_are_gone_on_with_together_also_under_another_name() {
    // Some batches of the first reading and some of the second get through.
    let recorder = Recorder::answering(|_, number| match number {
        0..3 | 20..26 => Reply::ok(),
        _ => Reply::Cut,
    });
    let place = Place::with(&recorder);
    let days = [1, 2, 3, 4];
    let rows = mixed(4_000, &days);
    place.file("all.jsonl", text(&rows));
    let write = |days: &str, name: &str| {
        format!("{FIELD} -d {days} --batch-rows 100 --retry-for 1ms {name}")
    };
    for days in ["2022-01-01..2022-01-02", "2022-01-02..2022-01-04"] {
        place.end(&write(days, "all.jsonl")).expect(5);
    }
    place
        .end(&write("2022-01-01..2022-01-04", "all.jsonl"))
        .expect(5);
    std::fs::rename(place.path("all.jsonl"), place.path("other.jsonl")).unwrap();
    recorder.answer(|_, _| Reply::ok());
    let all = write("2022-01-01..2022-01-04", "other.jsonl");
    place.end(&all).expect(0);
    assert_eq!(by_day(&recorder), expected(&rows, &days));
    assert_eq!(done_days(&recorder).len(), 4);
    idle(&recorder, &place, &all, 0);
    // Rotated: another file has the name now, and this one is the input still.
    let more = mixed(8, &[5]);
    place.file("all.jsonl", text(&more));
    let both = write("2022-01-04..2022-01-05", "other.jsonl");
    place.end(&both).expect(8);
    let newer = write("2022-01-05", "all.jsonl");
    place.end(&newer).expect(0);
    assert_eq!(by_day(&recorder)["2022-01-05"].len(), 8);
    idle(&recorder, &place, &newer, 0);
}
