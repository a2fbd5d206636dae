//! Whoever writes a file seldom stops between two rows: what a run finds may end with half of one.
//! Half a row that was rejected is read again with the rest; one that passed for a row is told.

use crate::recorder::{Latch, Recorder, Reply};
use crate::start::{Place, Ran, WRITE, rows};

const HALF: usize = 17;

/// Rows as lines, the last of them cut in the middle.
fn torn(count: usize) -> String {
    let mut text = rows(0, count).join("\n");
    let last = rows(count - 1, 1).concat().len();
    text.truncate(text.len() - last + HALF);
    text
}

fn whole(count: usize) -> String {
    rows(0, count).join("\n") + "\n"
}

fn write(place: &Place) -> Ran {
    place.end(&format!("{WRITE} --batch-rows 10 rows.jsonl"))
}

#[test]
fn half_a_row_of_a_growing_file_is_read_again_with_the_rest() {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |_, number| {
        if number == 0 {
            held.wait();
        }
        Reply::ok()
    });
    let place = Place::with(&recorder);
    place.file("rows.jsonl", torn(15));
    let child = place.start(&format!("{WRITE} --batch-rows 10 rows.jsonl"));
    recorder.wait_for(1);
    place.file("rows.jsonl", whole(25));
    latch.open();
    Ran::after(child)
        .expect(10)
        .says("still growing")
        .says("the rest is sent");
    assert!(recorder.dones().is_empty());
    write(&place).expect(0);
    assert_eq!(recorder.accepted(), rows(0, 25));
    assert_eq!(recorder.dones().len(), 1);
    // The letter about half a row is gone, and the audit trail says why.
    place.end("rejects list").expect(0).says("no rejected rows");
    place
        .end("ledger show -t item -s history_sync -d 2022-01-01")
        .expect(0)
        .says("rows.jsonl:15 was half written");
}

#[test]
fn half_a_row_may_be_all_that_there_was_and_more_than_one_run_may_find_one() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("rows.jsonl", torn(1));
    write(&place).expect(3);
    for count in [2, 12] {
        place.file("rows.jsonl", torn(count));
        write(&place).expect(3);
        assert!(recorder.dones().is_empty());
    }
    place.file("rows.jsonl", whole(12));
    write(&place).expect(0);
    assert_eq!(recorder.accepted(), rows(0, 12));
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn half_a_csv_row_that_lacks_cells_is_read_again() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let words = format!("{WRITE} rows.csv");
    for half in [
        "id,title\n1",
        "id,title\n1,a\n2",
        "id,title\n1,a\n2,\"b\nb\"\n3",
    ] {
        place.file("rows.csv", half);
        place.end(&words).expect(3);
    }
    place.file("rows.csv", "id,title\n1,a\n2,\"b\nb\"\n3,c\n");
    place.end(&words).expect(0);
    let sent = [
        r#"{"id":"1","title":"a"}"#,
        r#"{"id":"2","title":"b\nb"}"#,
        r#"{"id":"3","title":"c"}"#,
    ];
    assert_eq!(recorder.accepted(), sent);
}

#[test]
fn half_a_row_that_was_sent_or_given_up_is_no_longer_read_again() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    // Nobody can see that the second row is not complete.
    place.file("rows.csv", "id,title\n1,a\n2,bb");
    let words = format!("{WRITE} rows.csv");
    place.end(&format!("{words} --no-done")).expect(0);
    place.file("rows.csv", "id,title\n1,a\n2,bbb\n");
    place
        .end(&words)
        .expect(9)
        .says("its last row was continued");

    let place = Place::with(&recorder);
    place.file("rows.jsonl", torn(3));
    write(&place).expect(3);
    place
        .end("rejects waive -t item -s history_sync -d 2022-01-01")
        .expect(0);
    place.file("rows.jsonl", whole(3));
    write(&place).expect(9).says("its last row was continued");
    assert!(recorder.dones().is_empty());
}

#[test]
fn a_growing_file_whose_last_row_was_sent_half_written_says_so() {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |_, _| {
        held.wait();
        Reply::ok()
    });
    let place = Place::with(&recorder);
    place.file("rows.csv", "id,title\n1,a\n2,bb");
    let child = place.start(&format!("{WRITE} rows.csv"));
    recorder.wait_for(1);
    place.file("rows.csv", "id,title\n1,a\n2,bbb\n");
    latch.open();
    Ran::after(child)
        .expect(10)
        .says("Its last row (line 3) was not complete when it was read")
        .says("ledger drop-input");
    assert!(recorder.dones().is_empty());
}

#[test]
fn a_run_that_died_behind_half_a_row_is_not_continued_in_the_middle_of_it() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("rows.csv", "id,title\n1,a\n2,bb");
    let words = format!("{WRITE} --batch-rows 2 rows.csv");
    place.end(&format!("{words} --no-done")).expect(0);
    // As a kill leaves it between the last batch and the end of the file.
    let ledger = place.path(".local/state/byteair-sync/ledger.db");
    let db = rusqlite::Connection::open(ledger).unwrap();
    db.execute("UPDATE input SET state = 'reading'", [])
        .unwrap();
    drop(db);
    place.file("rows.csv", "id,title\n1,a\n2,bb,x\n3,c\n");
    place
        .end(&words)
        .expect(9)
        .says("its last row was continued");
    place.file("rows.csv", "id,title\n1,a\n2,bb\n3,c\n");
    place.end(&format!("{words} --no-done")).expect(0);
    assert_eq!(recorder.accepted().len(), 3);
}

/// What had come until its end was reached was read, and then the same command said that the file was
/// not uploaded to its end.
#[test]
fn a_file_that_grew_while_it_was_read_is_finished_once_nothing_follows() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("rows.jsonl", whole(20));
    place
        .end(&format!("{WRITE} --no-done rows.jsonl"))
        .expect(0);
    // As if the last bytes had come between the look at the file and the end of its reading.
    let ledger = place.path(".local/state/byteair-sync/ledger.db");
    let db = rusqlite::Connection::open(ledger).unwrap();
    db.execute("UPDATE input SET size = size - 9, mtime_ns = 0", [])
        .unwrap();
    drop(db);
    let requests = recorder.requests().len();
    write(&place).expect(7).says("held back");
    place
        .end("done -t item -s history_sync -d 2022-01-01")
        .expect(0);
    assert_eq!(recorder.requests().len(), requests + 1);
    assert_eq!(recorder.accepted(), rows(0, 20));
}
