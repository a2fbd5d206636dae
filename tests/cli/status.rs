//! `status`: the calendar, what is owed, and the check for monitoring.

use crate::recorder::{Recorder, Reply};
use crate::start::{Place, Ran, WRITE, signal};

#[test]
fn the_calendar_shows_each_day_and_what_is_owed_with_its_command() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.end("status").expect(8);
    for day in ["2022-01-01", "2022-01-02", "2022-01-04"] {
        place.rows(&format!("{day}.jsonl"), 0, 3);
    }
    place
        .end("write -t item -s history_sync -d 2022-01-01 2022-01-01.jsonl")
        .expect(0);
    place
        .end("write -t item -s history_sync -d 2022-01-02 --no-done 2022-01-02.jsonl")
        .expect(0);
    place.file("bad.jsonl", "{\"id\":1}\nnot json\n");
    place
        .end("write -t item -s history_sync -d 2022-01-04 bad.jsonl")
        .expect(3);
    let ran = place.end("status").expect(0);
    assert_eq!(
        ran.output,
        "item history_sync: 4 days, 1 done, 1 uploaded, 1 rejected, 1 missing; 7 rows accepted, 1 rejected\n  \
         2022-01  #u.r\n\
         \n# done   u uploaded   p partial   r rejected   x refused   . missing\n\
         \ndone\n  \
         item history_sync 2022-01-01: 3 read, 3 accepted\n\
         \nowed\n  \
         item history_sync 2022-01-02 uploaded: done is held back (--no-done) or was answered 409 before\n    \
         3 read, 3 accepted\n    \
         byteair-sync done --topic item --stage history_sync --date 2022-01-02  # sends the done that is held back; \
         of several machines, when all are finished\n  \
         item history_sync 2022-01-03 missing: nothing is known of it\n  \
         item history_sync 2022-01-04 rejected: 1 row(s) are rejected and --max-errors allows 0\n    \
         2 read, 1 accepted, 1 rejected\n    \
         byteair-sync rejects list --topic item --stage history_sync --date 2022-01-04\n"
    );
    // The command that it names does what it says.
    place
        .end("done --topic item --stage history_sync --date 2022-01-02")
        .expect(0);
    place
        .end("status --date 2022-01-01,2022-01-02")
        .expect(0)
        .says("2 done");
}

#[test]
fn gaps_are_status_7_and_a_complete_calendar_is_0() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let wanted = "status --gaps -q -t item -s history_sync -d 2022-01-01..2022-01-02";
    place
        .end(wanted)
        .expect(7)
        .says("item history_sync 2022-01-01 is missing");
    place.rows("a.jsonl", 0, 3);
    place.rows("b.jsonl", 3, 3);
    place.end(&format!("{WRITE} a.jsonl")).expect(0);
    place.end(wanted).expect(7).says("2022-01-02 is missing");
    place.end("status --gaps -q").expect(0);
    place
        .end("write -t item -s history_sync -d 2022-01-02 b.jsonl")
        .expect(0);
    let ran = place.end(wanted).expect(0);
    assert_eq!((ran.output.as_str(), ran.errors.as_str()), ("", ""));
}

#[test]
fn the_daily_stage_is_expected_up_to_yesterday() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let zone = chrono::FixedOffset::east_opt(8 * 3600).unwrap();
    let day = (chrono::Utc::now().with_timezone(&zone) - chrono::TimeDelta::days(3)).date_naive();
    place.rows("a.jsonl", 0, 3);
    let write = format!("write -t item -s incremental_sync_daily -d {day} a.jsonl");
    place.end(&write).expect(0);
    let next = day.succ_opt().unwrap();
    place
        .end("status --gaps")
        .expect(7)
        .says(&format!("{next} is missing"));
}

#[test]
fn a_topic_that_is_missing_on_the_day_that_is_asked_for_is_a_gap() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 3);
    place.rows("b.jsonl", 3, 3);
    let write = |topic: &str, stage: &str, day: &str, file: &str| {
        let words = format!("write -t {topic} -s incremental_sync_{stage} -d {day} {file}.jsonl");
        place
            .end(&words.replace("incremental_sync_history", "history"))
            .expect(0);
    };
    write("item", "daily", "2022-01-01", "a");
    write("item", "daily", "2022-01-03", "b");
    write("behavior", "daily", "2022-01-01", "a");
    write("user", "history_sync", "2022-01-01", "a");
    place
        .end("status --gaps --date 2022-01-03")
        .expect(7)
        .says("behavior incremental_sync_daily 2022-01-03 is missing");
    // Of every topic, and the history that has ended is not waited for.
    let ran = place.end("status --gaps --date 2022-01-02").expect(7);
    assert!(
        ran.output
            .contains("item incremental_sync_daily: 1 day, 1 missing"),
        "{}",
        ran.output
    );
    assert!(!ran.output.contains("history_sync"), "{}", ran.output);
    place.end("status --gaps --date 2022-01-01").expect(0);
    place.end("status --gaps --date 2021-12-31").expect(8);
}

#[test]
fn an_unfinished_day_names_the_command_that_goes_on() {
    let recorder = Recorder::answering(|_, _| Reply::code(200, 429, "slow down"));
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 3);
    place
        .end(&format!("{WRITE} --retry-for 10ms a.jsonl"))
        .expect(5);
    place
        .end("status")
        .expect(0)
        .says("partial: 1 batch(es) are not settled")
        .says(&format!("byteair-sync {WRITE} --retry-for 10ms a.jsonl"));
    let lines = place.end("status --json").expect(0).lines();
    assert_eq!(lines[0]["type"], "day");
    assert_eq!(lines[0]["state"], "partial");
    assert_eq!(lines[0]["rows_pending"], 3);
    let summary = place.end("status --json").expect(0).summary();
    assert_eq!(summary["rows_pending"], 3);
    assert_eq!(summary["dates"][0]["done"], "withheld");
}

#[test]
fn a_day_whose_run_was_killed_names_the_command_that_goes_on() {
    let recorder = Recorder::answering(|_, _| Reply::code(200, 429, "slow down"));
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 3);
    let child = place.start(&format!("{WRITE} a.jsonl"));
    recorder.wait_for(1);
    signal(&child, rustix::process::Signal::KILL);
    Ran::after(child).expect(-9);
    place
        .end("status")
        .expect(0)
        .says(&format!("byteair-sync {WRITE} a.jsonl"));
}

#[test]
fn a_streaming_stage_has_no_days_and_owes_nothing() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 3);
    place
        .end("write -t item -s incremental_sync_streaming --yes-i-mean streaming-only a.jsonl")
        .expect(0);
    let ran = place.end("status --gaps").expect(0);
    assert_eq!(
        ran.output,
        "item incremental_sync_streaming: 3 rows accepted\n"
    );
}

#[test]
fn a_day_that_a_guard_keeps_back_is_uploaded_and_not_rejected() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 10);
    place.rows("b.jsonl", 10, 3);
    place.end(&format!("{WRITE} a.jsonl")).expect(0);
    let second = "write -t item -s history_sync -d 2022-01-02 --max-drop 50% b.jsonl";
    place.end(second).expect(4);
    place
        .end("status")
        .expect(0)
        .says("2 days, 1 done, 1 uploaded")
        .says("item history_sync 2022-01-02 uploaded: 3 row(s) were stored, 10 for")
        .says("--max-drop 50% b.jsonl  # when the export is right");
}

#[test]
fn a_guard_is_no_question_while_rows_are_pending() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 10);
    place.rows("b.jsonl", 10, 10);
    place.end(&format!("{WRITE} a.jsonl")).expect(0);
    recorder.answer(|_, _| Reply::code(200, 429, "slow down"));
    let second = "write -t item -s history_sync -d 2022-01-02 --max-drop 50% --min-rows 5 \
                  --retry-for 10ms b.jsonl";
    place.end(second).expect(5);
    let ran = place.end("done -t item -d 2022-01-02").expect(7);
    let told = ran.output + &ran.errors + &place.end("status").expect(0).output;
    assert!(
        !told.contains("--max-drop allows") && !told.contains("--min-rows expects"),
        "{told}"
    );
    recorder.answer(|_, _| Reply::ok());
    place.end(second).expect(0);
}

#[test]
fn a_date_that_the_platform_closed_says_so_and_how_it_is_opened() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 10);
    let write = format!("{WRITE} --batch-rows 5 --max-in-flight 1 a.jsonl");
    recorder.answer(|_, earlier| match earlier {
        0 => Reply::ok(),
        _ => Reply::code(200, 400, "Syncing is not allowed when acked."),
    });
    place.end(&write).expect(6);
    place.end(&write).expect(6);
    place
        .end("status")
        .expect(0)
        .says("1 refused")
        .says("item history_sync 2022-01-01 refused: ")
        .says("done was received for this date")
        .says("byteair-sync ledger reopen --topic item --stage history_sync --date 2022-01-01  # after");
    let shown = place.end("ledger show").expect(0).output;
    assert_eq!(shown.matches("stopped").count(), 1, "{shown}");
}

/// At 3 a.m. "no rejected rows" of a topic that nobody knows reads as all clear.
#[test]
fn a_misspelt_topic_gets_the_one_that_the_ledger_knows() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 5);
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    for command in [
        "status -t itm",
        "status -t itm -d 2022-01-01",
        "ledger show -t itm",
        "rejects list -t itm",
        "done -t itm -d 2022-01-01",
        "done -t itm --pending",
    ] {
        place
            .end(command)
            .expect(8)
            .says("knows nothing of topic itm; did you mean item?");
    }
    place
        .end("rejects list -t weather")
        .expect(8)
        .says("knows nothing of topic weather; it knows item");
    place.end("rejects list -t item").expect(0);
}

/// Such a day is owed its done, and nothing said how it gets it.
#[test]
fn a_day_that_is_uploaded_and_not_over_names_its_done_and_from_when_on() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 5);
    place
        .end("write -t item -s incremental_sync_daily -d today rows.jsonl")
        .expect(7);
    let zone = chrono::FixedOffset::east_opt(8 * 3600).unwrap();
    let today = chrono::Utc::now().with_timezone(&zone).format("%Y-%m-%d");
    place
        .end("status")
        .expect(0)
        .says(&format!(
            "byteair-sync done --topic item --stage incremental_sync_daily --date {today}  # after "
        ))
        .says("00:00 Asia/Shanghai");
}
