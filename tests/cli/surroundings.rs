//! Surroundings that do not help: connections that end, pipes that nobody reads, disks and streams
//! that give nothing, signals at any time.

use crate::recorder::{Recorder, Reply, eventually};
use crate::start::{Place, Ran, WRITE, rows, signal, wait_for_message};
use rustix::process::Signal;
use std::fs;
use std::io::{Read, Write};
use std::process::Command;

fn server() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 100);
    (recorder, place)
}

#[test]
fn a_server_that_ends_every_connection_gets_every_row_once() {
    let recorder = Recorder::answering(|_, _| Reply::OkThenCut);
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 200);
    place
        .end(&format!(
            "{WRITE} --batch-rows 10 --max-in-flight 2 rows.jsonl"
        ))
        .expect(0);
    assert_eq!(recorder.stored(), rows(0, 200));
    let dones = recorder.dones();
    assert!(dones.iter().all(|done| done.id() == dones[0].id()));
}

#[test]
fn a_row_larger_than_a_batch_is_sent_alone() {
    let (recorder, place) = server();
    let large = format!("{{\"id\":\"large\",\"text\":\"{}\"}}", "x".repeat(9_000));
    place.file(
        "rows.jsonl",
        [rows(0, 5), vec![large.clone()], rows(5, 5)]
            .concat()
            .join("\n"),
    );
    place
        .end(&format!("{WRITE} --batch-bytes 4KiB rows.jsonl"))
        .expect(0);
    let writes = recorder.writes();
    let alone = writes
        .iter()
        .find(|write| write.rows().contains(&large))
        .unwrap();
    assert_eq!(alone.rows().len(), 1);
    assert_eq!(recorder.rows().len(), 11);
}

#[test]
fn a_file_that_is_named_twice_is_read_once() {
    let (recorder, place) = server();
    std::os::unix::fs::symlink("rows.jsonl", place.path("link.jsonl")).unwrap();
    place
        .end(&format!(
            "{WRITE} rows.jsonl ./rows.jsonl *.jsonl link.jsonl"
        ))
        .expect(0);
    assert_eq!(recorder.rows(), rows(0, 100));
}

#[test]
fn a_signal_ends_a_long_wait_at_once() {
    let recorder = Recorder::answering(|_, _| Reply::bare(429).with("Retry-After", "600"));
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 100);
    let mut child = place.start(&format!("{WRITE} rows.jsonl"));
    wait_for_message(&mut child, "next try in");
    signal(&child, Signal::TERM);
    Ran::after(child).expect(143);
    recorder.answer(|_, _| Reply::ok());
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    assert_eq!(recorder.accepted(), rows(0, 100));
}

#[test]
fn a_signal_ends_a_run_that_waits_for_its_turn() {
    let (recorder, place) = server();
    let child = place.start(&format!("{WRITE} --batch-rows 1 --qps 1 rows.jsonl"));
    recorder.wait_for(1);
    signal(&child, Signal::INT);
    Ran::after(child).expect(130);
    assert!(recorder.dones().is_empty());
    place
        .end(&format!("{WRITE} --qps 1000 rows.jsonl"))
        .expect(0);
    assert_eq!(recorder.stored(), rows(0, 100));
}

#[test]
fn a_signal_ends_the_reading_of_a_stream_that_never_does() {
    let (recorder, place) = server();
    let words = format!("{WRITE} --input-id endless --format jsonl --batch-rows 500 -");
    let mut command = Command::new(env!("CARGO_BIN_EXE_byteair-sync"));
    command.args(words.split_whitespace());
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut child = place.spawn_reading(command, reader.into());
    let text = rows(0, 8_000).join("\n") + "\n";
    writer.write_all(text.as_bytes()).unwrap();
    recorder.wait_for(1);
    signal(&child, Signal::TERM);
    eventually("the end", || child.try_wait().unwrap().is_some());
    Ran::after(child).expect(143);
    drop(writer);
    place.end_with_stdin(&words, &text).expect(0);
    assert_eq!(recorder.stored(), rows(0, 8_000));
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_stream_without_a_row_is_status_8() {
    let (recorder, place) = server();
    place
        .end_with_stdin(&format!("{WRITE} --format jsonl -"), "")
        .expect(8);
    assert!(recorder.requests().is_empty());
}

#[test]
fn a_reader_of_the_output_that_goes_away_does_no_harm() {
    for words in ["--json", ""] {
        let (recorder, place) = server();
        let mut child = place.start(&format!("{WRITE} {words} --batch-rows 5 rows.jsonl"));
        drop(child.stdout.take());
        let mut errors = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut errors)
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{errors}");
        assert_eq!(recorder.rows(), rows(0, 100));
        assert_eq!(recorder.dones().len(), 1);
    }
}

#[test]
fn a_ledger_that_cannot_be_is_status_2_and_nothing_is_sent() {
    let (recorder, place) = server();
    place.file("file", "not a directory");
    place
        .end(&format!("{WRITE} --state-dir file rows.jsonl"))
        .expect(2)
        .says("file");
    place.file(
        "state/ledger.db",
        "this is no database, whatever its name says".repeat(40),
    );
    place
        .end(&format!("{WRITE} --state-dir state rows.jsonl"))
        .expect(2)
        .says("ledger.db");
    assert!(recorder.requests().is_empty());
    let kept = std::fs::read(place.path("state/ledger.db")).unwrap();
    assert!(
        kept.starts_with(b"this is no database"),
        "it is left as it was"
    );
}

#[test]
fn a_ledger_of_a_newer_version_is_refused() {
    let (recorder, place) = server();
    place
        .end(&format!("{WRITE} --no-done rows.jsonl"))
        .expect(0);
    let ledger =
        rusqlite::Connection::open(place.path(".local/state/byteair-sync/ledger.db")).unwrap();
    ledger.pragma_update(None, "user_version", 9_999).unwrap();
    drop(ledger);
    let before = recorder.requests().len();
    place.end("done -d 2022-01-01").expect(2).says("newer");
    assert_eq!(recorder.requests().len(), before);
}

/// SQLite calls a file whole whose list of tables has lost an entry.
#[test]
fn a_ledger_that_lost_a_table_is_damaged() {
    let (recorder, place) = server();
    place
        .end(&format!("{WRITE} --no-done rows.jsonl"))
        .expect(0);
    let ledger =
        rusqlite::Connection::open(place.path(".local/state/byteair-sync/ledger.db")).unwrap();
    ledger
        .execute_batch("PRAGMA foreign_keys = OFF; DROP TABLE piece")
        .unwrap();
    drop(ledger);
    place
        .end("done -d 2022-01-01")
        .expect(2)
        .says("the ledger is damaged (piece")
        .says("restore");
    assert!(recorder.dones().is_empty());
}

/// SQLite takes a ledger without its log, or an older copy, for a whole one.
#[test]
fn a_ledger_that_does_not_know_the_last_run_is_refused_until_that_is_meant() {
    let (recorder, place) = server();
    let write = format!("{WRITE} --state-dir st --no-done");
    place.end(&format!("{write} rows.jsonl")).expect(0);
    let ledger = place.path("st/ledger.db");
    rusqlite::Connection::open(&ledger)
        .unwrap()
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    place.rows("more.jsonl", 10, 5);
    place.end(&format!("{write} more.jsonl")).expect(0);
    let sent = recorder.requests().len();
    fs::remove_file(place.path("st/ledger.db-wal")).unwrap();
    for command in [
        format!("{write} more.jsonl"),
        "done --state-dir st -d 2022-01-01".to_owned(),
    ] {
        place
            .end(&command)
            .expect(2)
            .says("does not know run 2")
            .says("remove ");
    }
    assert_eq!(recorder.requests().len(), sent);
    fs::remove_file(place.path("st/ledger.run")).unwrap();
    place.end(&format!("{write} more.jsonl")).expect(0);
}

#[test]
fn an_empty_directory_and_a_glob_without_a_file_are_status_10() {
    let (recorder, place) = server();
    std::fs::create_dir(place.path("empty")).unwrap();
    for path in ["empty", "empty/*.jsonl"] {
        place.end(&format!("{WRITE} {path}")).expect(10);
    }
    assert!(recorder.requests().is_empty());
}

/// A run reads little of a ledger, so damage elsewhere went unnoticed, and `done` went out.
#[test]
fn no_done_is_sent_from_a_ledger_of_which_any_page_is_damaged() {
    let (recorder, place) = server();
    let settled = format!("{WRITE} --state-dir st --batch-rows 1");
    place.end(&format!("{settled} rows.jsonl")).expect(0);
    place.rows("more.jsonl", 0, 10);
    let other_date = settled.replace("01-01", "01-02");
    place
        .end(&format!("{other_date} --no-done more.jsonl"))
        .expect(0);
    let ledger = place.path("st/ledger.db");
    let database = rusqlite::Connection::open(&ledger).unwrap();
    database
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    let page_bytes: u16 = database
        .query_row("PRAGMA page_size", [], |row| row.get(0))
        .unwrap();
    let page_bytes = usize::from(page_bytes);
    drop(database);
    let whole = fs::read(&ledger).unwrap();
    let dones = recorder.dones().len();
    for page in 1..whole.len() / page_bytes {
        let mut damaged = whole.clone();
        damaged[page * page_bytes..(page + 1) * page_bytes].fill(0);
        fs::write(&ledger, damaged).unwrap();
        // The log of the run before holds pages that are whole.
        let _ = fs::remove_file(place.path("st/ledger.db-wal"));
        let ran = place.end("done --state-dir st -d 2022-01-02");
        assert_ne!(ran.status, 0, "page {page}: {}", ran.errors);
        ran.says("damaged");
        assert_eq!(recorder.dones().len(), dones, "page {page}");
        let before = recorder.requests().len();
        place.end(&format!("{other_date} more.jsonl")).expect(2);
        assert_eq!(recorder.requests().len(), before, "page {page}");
    }
    fs::write(&ledger, whole).unwrap();
    place.end("done --state-dir st -d 2022-01-02").expect(0);
    assert_eq!(recorder.dones().len(), dones + 1);
}

/// A large ledger is not looked through again by each run, unless something happened to it.
#[test]
fn a_large_ledger_that_is_damaged_after_it_was_looked_through_sends_no_done() {
    let (recorder, place) = server();
    let write = format!("{WRITE} --state-dir st");
    place.end(&format!("{write} rows.jsonl")).expect(0);
    let ledger = place.path("st/ledger.db");
    let database = rusqlite::Connection::open(&ledger).unwrap();
    database
        .execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
             INSERT INTO event (at, what, why) SELECT i, 'test', hex(zeroblob(500)) FROM n",
        )
        .unwrap();
    drop(database);
    let day = |day: &str| write.replace("01-01", day);
    place.rows("more.jsonl", 0, 10);
    place.end(&format!("{} more.jsonl", day("01-02"))).expect(0);
    assert!(place.path("st/ledger.sound").exists());
    place.rows("third.jsonl", 20, 10);
    place
        .end(&format!("{} third.jsonl", day("01-03")))
        .expect(0);
    let dones = recorder.dones().len();

    let middle = fs::metadata(&ledger).unwrap().len() / 2 / 4096 * 4096;
    let file = fs::OpenOptions::new().write(true).open(&ledger).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0; 4096], middle).unwrap();
    place.rows("fourth.jsonl", 40, 10);
    let ran = place.end(&format!("{} fourth.jsonl", day("01-04")));
    assert_ne!(ran.status, 0, "{}", ran.errors);
    ran.says("damaged");
    assert_eq!(recorder.dones().len(), dones);
}

/// It was status 2, which says that nothing was sent.
#[test]
fn an_input_of_no_known_format_is_status_4() {
    let (_recorder, place) = server();
    place.file("notes.txt", "Read me first\n");
    place
        .end(&format!("{WRITE} rows.jsonl notes.txt"))
        .expect(4)
        .says("cannot tell the format");
}

#[test]
fn a_gateway_that_is_no_url_is_refused_before_anything_is_sent() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 1);
    let ran = place
        .end(&format!("{WRITE} a.jsonl --metrics-push me:geheim@gateway"))
        .expect(2)
        .says("--metrics-push (BYTEAIR_METRICS_PUSH): it is no URL");
    assert!(!ran.output.contains("geheim"), "{}", ran.output);
    assert!(recorder.requests().is_empty());
}
