//! Files that were rotated while nobody followed them, in every way and in ways that are mixed.

use crate::follow::{FOLLOW, Log, kill, terminate};
use crate::platform::Platform;
use crate::recorder::eventually;

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
