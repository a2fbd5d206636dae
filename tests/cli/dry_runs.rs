//! `--dry-run` of one upload: what it counts, and what it foresees.

use crate::recorder::{Recorder, Reply};
use crate::start::{Place, WRITE};

fn server() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 10);
    (recorder, place)
}

#[test]
fn a_dry_run_sends_nothing_and_leaves_nothing() {
    let (recorder, place) = server();
    place
        .end(&format!("{WRITE} --dry-run rows.jsonl"))
        .expect(0);
    assert!(recorder.requests().is_empty());
    assert!(!place.path(".local").exists());
}

#[test]
fn a_dry_run_counts_what_the_ledger_has_and_what_waits_to_be_sent_again() {
    let recorder = Recorder::answering(|_, _| Reply::bare(503));
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 1_200);
    let write = format!("{WRITE} --batch-rows 1000");
    place
        .end(&format!("{write} --retry-for 0s rows.jsonl"))
        .expect(5);
    place
        .end(&format!("{write} --dry-run rows.jsonl"))
        .expect(0)
        .says("dry run: 1,200 rows in 2 requests would be sent, 0 rejected")
        .says("read         1,200")
        .says("a dry run; 1 input(s) would be uploaded");
    recorder.answer(|_, _| Reply::ok());
    place
        .end(&format!("{write} --no-done rows.jsonl"))
        .expect(0);
    place
        .end(&format!("{write} --dry-run --no-done rows.jsonl"))
        .expect(0)
        .says("accepted     1,200")
        .says("a dry run; all rows are uploaded; done would be withheld: done is held back")
        .says("dry run: 0 rows in 0 requests would be sent");
    place
        .end(&format!("{write} --dry-run rows.jsonl"))
        .expect(7)
        .says("a dry run; all rows are uploaded; done would be withheld: done is held back");
    place.end("done -d 2022-01-01").expect(0);
    let anew = format!("{write} --dry-run --restart rows.jsonl");
    place.end(&anew).expect(6);
}

/// It ended with 0 where the upload would end with 3, 4, 7 or 8, and said that nothing but done is left.
#[test]
fn a_dry_run_foresees_what_will_keep_done_back() {
    let (recorder, place) = server();
    let bad = "{\"id\":\"1\"}\nnot json\n";
    place.file("bad.jsonl", bad);
    place.file("empty.jsonl", "");
    for (words, status, why) in [
        ("bad.jsonl", 3, "1 row(s) are rejected"),
        ("--max-errors 1 bad.jsonl", 0, "would be uploaded"),
        (
            "--min-rows 1000000 rows.jsonl",
            4,
            "--min-rows expects 1,000,000",
        ),
        ("--expect-files 2 rows.jsonl", 4, "--expect-files expects 2"),
        ("-d today rows.jsonl", 7, "the day is not over"),
        ("-d today --no-done rows.jsonl", 0, "the day is not over"),
        ("empty.jsonl", 8, "done would be withheld"),
        ("--allow-empty empty.jsonl", 0, "would be uploaded"),
    ] {
        let write = match words.strip_prefix("-d today") {
            Some(rest) => format!("write -t item -s history_sync -d today --dry-run{rest}"),
            None => format!("{WRITE} --dry-run {words}"),
        };
        place.end(&write).expect(status).says(why);
    }
    assert!(recorder.requests().is_empty());
    // The same of what is uploaded: the words of the upload, and its status.
    place.end(&format!("{WRITE} bad.jsonl")).expect(3);
    place
        .end(&format!("{WRITE} --dry-run bad.jsonl"))
        .expect(3)
        .says("all rows are uploaded; done would be withheld: 1 row(s) are rejected");
    // Against a day that is known by its rows alone.
    place.rows("many.jsonl", 0, 100);
    let other = "write -t item -s history_sync -d 2022-01-02";
    place.end(&format!("{other} many.jsonl")).expect(0);
    let fewer = "write -t item -s history_sync -d 2022-01-03 --dry-run --max-drop 50%";
    place.rows("few.jsonl", 0, 3);
    place
        .end(&format!("{fewer} few.jsonl"))
        .expect(4)
        .says("100 for the last completed date, 2022-01-02");
}
