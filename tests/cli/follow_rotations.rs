//! Files that were rotated while nobody followed them, in every way and in ways that are mixed.

use crate::follow::{FOLLOW, Log, kill, terminate};
use crate::platform::Platform;
use crate::recorder::eventually;
use crate::start::{Place, Ran, signal};
use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Write};

/// Ways of rotating: renaming, or copying and truncating.
const WAYS: [fn(&mut Log); 2] = [|log| drop(log.rename()), |log| log.copy_and_truncate()];

#[test]
fn nothing_is_lost_however_a_file_was_rotated_while_nobody_looked() {
    for rotations in 1..=3_u32 {
        for ways in 0..2_usize.pow(rotations) {
            let platform = Platform::start();
            let place = platform.client();
            let mut log = Log::new(&place);
            log.write(100);
            let child = place.start(FOLLOW);
            eventually("the first rows", || platform.stored().len() == 100);
            kill(child);
            for step in 0..rotations {
                log.write(101);
                WAYS[(ways >> step) & 1](&mut log);
            }
            log.write(50);
            let child = place.start(FOLLOW);
            println!("{rotations} rotations, {ways:b}");
            platform.expect(log.written());
            terminate(child);
        }
    }
}

#[test]
fn a_log_that_was_empty_when_it_was_left_hides_no_other() {
    let platform = Platform::start();
    let place = platform.client();
    let mut log = Log::new(&place);
    let child = place.start(FOLLOW);
    eventually("the input in the ledger", || {
        let ledger = place.path(".local/state/byteair-sync/ledger.db");
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        rusqlite::Connection::open_with_flags(ledger, flags).is_ok_and(|db| {
            db.query_row("SELECT count(*) FROM input", [], |row| row.get::<_, i64>(0)) == Ok(1)
        })
    });
    kill(child);
    log.rename();
    log.write(100);
    log.rename();
    log.write(2);
    let child = place.start(FOLLOW);
    platform.expect(log.written());
    terminate(child);
}

/// Whoever reads that the upload begins may rotate the file from then on, whatever becomes of the run.
#[test]
fn a_log_is_on_record_before_the_upload_is_said_to_begin() {
    for _ in 0..8 {
        let platform = Platform::start();
        let place = platform.client();
        let mut log = Log::new(&place);
        log.write(500);
        let mut child = place.start(FOLLOW);
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap().starts_with("uploading")));
        kill(child);
        log.copy_and_truncate();
        log.write(5);
        let child = place.start(FOLLOW);
        platform.expect(log.written());
        terminate(child);
    }
}

/// Compresses a log that was rotated before, as `delaycompress` does.
fn compress(place: &Place, from: &str, to: &str) {
    let text = std::fs::read(place.path(from)).unwrap();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&text).unwrap();
    place.file(to, encoder.finish().unwrap());
    std::fs::remove_file(place.path(from)).unwrap();
}

#[test]
fn of_compressed_logs_only_rows_that_are_missing_are_warned_of() {
    let platform = Platform::start();
    let place = platform.client();
    let mut log = Log::new(&place);
    let child = place.start(FOLLOW);
    for round in 0..3 {
        log.write(50);
        platform.expect(log.written());
        if round > 0 {
            let packed = format!("app.log.{round}.gz");
            compress(&place, &format!("app.log.{round}"), &packed);
        }
        drop(log.rename());
    }
    log.write(20);
    platform.expect(log.written());
    signal(&child, Signal::TERM);
    let ran = Ran::after(child).expect(143);
    assert!(!ran.errors.contains("compressed while"), "{}", ran.errors);
    // Rows behind the last one that was read, of which a copy is kept that is compressed.
    log.write(5);
    drop(log.rename());
    compress(&place, "app.log.4", "app.log.4.gz");
    log.write(5);
    let child = place.start(FOLLOW);
    eventually("the rows behind", || platform.stored().len() == 175);
    signal(&child, Signal::TERM);
    Ran::after(child)
        .expect(143)
        .says("app.log.4.gz was written and compressed while nobody followed")
        .says("its rows before line 21 were uploaded");
}

#[test]
fn a_log_that_was_deleted_is_missed_once_and_goes_on_when_it_is_back() {
    let platform = Platform::start();
    let place = platform.client();
    let mut log = Log::new(&place);
    log.write(10);
    let child = place.start(FOLLOW);
    platform.expect(log.written());
    terminate(child);
    log.write(5);
    drop(log.rename());
    std::fs::create_dir(place.path("away")).unwrap();
    std::fs::rename(place.path("app.log.1"), place.path("away/app.log")).unwrap();
    for (is_told, stored) in [(true, 15), (false, 20)] {
        log.write(5);
        let child = place.start(FOLLOW);
        eventually("the new log", || platform.stored().len() == stored);
        signal(&child, Signal::TERM);
        let ran = Ran::after(child).expect(143);
        assert_eq!(
            ran.errors.contains("has vanished"),
            is_told,
            "{}",
            ran.errors
        );
    }
    let db = rusqlite::Connection::open(place.path(".local/state/byteair-sync/ledger.db")).unwrap();
    let open = "SELECT count(*) FROM input WHERE state = 'reading'";
    let open: i64 = db.query_row(open, [], |row| row.get(0)).unwrap();
    assert_eq!(open, 1, "the new log alone is owed");
    drop(db);
    std::fs::rename(place.path("away/app.log"), place.path("app.log")).unwrap();
    let child = place.start(FOLLOW);
    platform.expect(log.written());
    terminate(child);
}
