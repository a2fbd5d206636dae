//! What the machine lacks or gets wrong is called by its name: open files, a version, a proxy.

use crate::recorder::Recorder;
use crate::start::{Place, Ran, WRITE};
use std::process::Command;

fn server() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 10);
    (recorder, place)
}

#[test]
fn too_few_open_files_are_told_before_anything_is_sent() {
    let (recorder, place) = server();
    for limit in [8, 16, 63] {
        let program = env!("CARGO_BIN_EXE_byteair-sync");
        let script = format!("ulimit -n {limit}; exec {program} {WRITE} rows.jsonl");
        let mut shell = Command::new("/bin/bash");
        shell.args(["-c", &script]);
        Ran::after(place.spawn(shell))
            .expect(2)
            .says(&format!("may have {limit} files open"))
            .says("ulimit -n");
    }
    assert!(recorder.requests().is_empty());
}

#[test]
fn a_ledger_whose_version_is_lost_is_refused_in_one_sentence() {
    let (recorder, place) = server();
    place
        .end(&format!("{WRITE} --no-done rows.jsonl"))
        .expect(0);
    let path = place.path(".local/state/byteair-sync/ledger.db");
    let ledger = rusqlite::Connection::open(path).unwrap();
    ledger.pragma_update(None, "user_version", 0).unwrap();
    drop(ledger);
    let before = recorder.writes().len();
    let write = format!("{WRITE} rows.jsonl");
    for words in [write.as_str(), "done -d 2022-01-01", "status"] {
        let ran = place.end(words).expect(2);
        let ran = ran.says("it has tables and no version");
        assert!(!ran.errors.contains("CREATE TABLE"), "{}", ran.errors);
    }
    assert_eq!(
        (recorder.writes().len(), recorder.dones().len()),
        (before, 0)
    );
}

#[test]
fn a_proxy_that_is_down_is_named_and_its_password_is_not() {
    let (recorder, place) = server();
    // Nobody listens there once it is gone.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let proxy = listener.local_addr().unwrap();
    drop(listener);
    let write = format!("{WRITE} --retry-for 1ms --proxy http://me:hidden@{proxy} rows.jsonl");
    let ran = place
        .end(&write)
        .expect(5)
        .says(&format!("by way of the proxy http://{proxy} (see --proxy)"));
    assert!(!(ran.output + &ran.errors).contains("hidden"));
    // A host that is named as an exception is reached without it.
    let mut place = place;
    place.set("NO_PROXY", "127.0.0.1");
    place.end(&write).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}
