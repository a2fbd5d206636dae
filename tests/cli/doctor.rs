//! `doctor` on this machine: settings, directory, disk, ledger. Each broken set-up is made for real.

use crate::disk::Disk;
use crate::recorder::{APPLICATION, Recorder, SECRET_KEY, TENANT};
use crate::start::{Place, Ran, WRITE};
use std::os::unix::fs::FileExt;

const STATE: &str = ".local/state/byteair-sync";

/// The lines of a failed check: cause and cure.
#[track_caller]
pub(crate) fn failure(ran: &Ran, name: &str) -> String {
    let mut lines = ran.output.lines();
    let is_it =
        |line: &&str| line.starts_with("FAILED") && line[6..].trim_start().starts_with(name);
    let first = lines.find(is_it).expect(&ran.output);
    let rest = lines.take_while(|line| line.starts_with(' '));
    let lines: Vec<&str> = std::iter::once(first).chain(rest).collect();
    assert!(lines.len() <= 3, "{lines:?}");
    lines.join("\n")
}

/// Fails unless the check failed alone, and says all of that.
#[track_caller]
pub(crate) fn fails(ran: Ran, status: i32, name: &str, says: &[&str]) {
    let ran = ran.expect(status);
    let text = failure(&ran, name);
    for words in says {
        assert!(text.contains(words), "no '{words}' in\n{text}");
    }
    assert!(
        ran.output.contains(&format!("checks failed: {name}\n")),
        "{}",
        ran.output
    );
    assert!(!ran.output.contains(SECRET_KEY));
}

/// What a list of operations gets.
fn asked(recorder: &Recorder) -> usize {
    let requests = recorder.everything();
    for request in &requests {
        assert_eq!(request.path, format!("/data/api/{APPLICATION}/operation"));
        assert_eq!(request.query, "method=list");
    }
    requests.len()
}

#[test]
fn a_set_up_that_works_is_0_and_nothing_is_stored_or_left_behind() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let ran = place.end("doctor").expect(0);
    for words in [
        "host             127.0.0.1:",
        "environment BYTEAIR_HOST",
        "access key       ***",
        "ok       credentials",
        &format!("accepts them for tenant {TENANT}, application {APPLICATION}"),
        "the first run makes it",
        "100 requests and 50,000 rows in any second",
        "nothing would keep an upload from working",
    ] {
        assert!(
            ran.output.contains(words),
            "no '{words}' in\n{}",
            ran.output
        );
    }
    assert!(!ran.output.contains(SECRET_KEY) && ran.errors.is_empty());
    assert_eq!(asked(&recorder), 1);
    assert!(!place.path(".local").exists());
    let ran = place.end("doctor -q").expect(0);
    assert_eq!((ran.output.as_str(), ran.errors.as_str()), ("", ""));
}

#[test]
fn programs_get_each_setting_and_each_check_as_an_object() {
    let recorder = Recorder::new();
    let mut place = Place::with(&recorder);
    let lines = place.end("doctor --json").expect(0).lines();
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
    assert!(of("setting") > 15 && of("check") == 12, "{lines:#?}");
    assert!(lines.iter().all(|line| line["state"] != "failed"));
    place.set("BYTEAIR_TENANT_ID", "");
    let ran = place
        .end("doctor --json")
        .expect(2)
        .says("BYTEAIR_TENANT_ID");
    let failed: Vec<_> = ran
        .lines()
        .into_iter()
        .filter(|it| it["state"] == "failed")
        .collect();
    assert_eq!(
        (failed.len(), &failed[0]["name"]),
        (1, &"configuration".into())
    );
    assert_eq!(ran.summary()["problems"].as_array().unwrap().len(), 1);
}

#[test]
fn a_misspelt_variable_is_noticed_and_fails_only_for_what_is_missing() {
    let recorder = Recorder::new();
    let mut place = Place::with(&recorder);
    place.set("BYTEAIR_BATCHROWS", "7");
    let ran = place.end("doctor").expect(0);
    ran.says("the variable BYTEAIR_BATCHROWS is not read")
        .says("did you mean BYTEAIR_BATCH_ROWS?");
    place.set("BYTEAIR_HOST", "");
    place.set("BYTEAIR_HOTS", "127.0.0.1:1");
    let ran = place.end("doctor").expect(2);
    ran.says("BYTEAIR_HOTS is not read")
        .says("did you mean BYTEAIR_HOST?");
}

#[test]
fn a_ledger_in_use_is_read_to_its_end_and_stays_as_it_is() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 100);
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    // SQLite's index of the log (ledger.db-shm) is made anew by whoever opens the ledger.
    let bytes = || {
        ["ledger.db", "ledger.db-wal", "reserve"]
            .map(|name| std::fs::read(place.path(STATE).join(name)).unwrap())
    };
    let before = bytes();
    place.end("doctor").expect(0).says("1 date, 1 of them done");
    assert!(before == bytes(), "doctor has changed the ledger");
}

#[test]
fn a_missing_credential_names_its_variable_and_the_rest_is_looked_at_all_the_same() {
    let recorder = Recorder::new();
    let mut place = Place::with(&recorder);
    place.set("BYTEAIR_SK", "");
    let ran = place.end("doctor");
    assert!(ran.output.contains("ok       tcp"), "{}", ran.output);
    fails(
        ran,
        2,
        "configuration",
        &["the secret key is missing", "set BYTEAIR_SK"],
    );
    assert_eq!(asked(&recorder), 0);
}

#[test]
fn a_file_of_a_secret_that_is_not_there_is_named() {
    let recorder = Recorder::new();
    let mut place = Place::with(&recorder);
    place.set("BYTEAIR_SK", "");
    place.set("BYTEAIR_SK_FILE", "no-such-file");
    fails(
        place.end("doctor"),
        2,
        "configuration",
        &["no-such-file", "BYTEAIR_SK_FILE"],
    );
}

#[test]
fn several_missing_settings_are_named_together() {
    let place = Place::new();
    let ran = place.end("doctor");
    let says = [
        "--region cn",
        "BYTEAIR_TENANT_ID",
        "BYTEAIR_APPLICATION_ID",
        "BYTEAIR_AK",
    ];
    fails(ran, 2, "configuration", &says);
}

#[test]
fn an_unknown_profile_names_those_that_there_are() {
    let place = Place::new();
    place.file("c.toml", "[profile.default]\n[profile.staging]\n");
    let ran = place.end("doctor --config c.toml --profile prod").expect(2);
    assert_eq!(
        ran.errors,
        "error: config file c.toml has no profile 'prod'; it has: default, staging\n"
    );
}

#[test]
fn a_ca_file_that_holds_no_certificate_is_named() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("key.pem", "not a certificate");
    let ran = place.end("doctor --ca-cert key.pem");
    fails(
        ran,
        2,
        "configuration",
        &["key.pem holds no PEM certificate"],
    );
}

#[test]
fn a_state_directory_that_is_read_only_is_named() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let Some(disk) = Disk::mount(place.path(STATE)) else {
        return;
    };
    disk.make_read_only();
    let says = [
        STATE,
        "ead-only file system",
        "make it writable for this user",
    ];
    fails(place.end("doctor"), 2, "state directory", &says);
}

#[test]
fn a_state_directory_that_is_a_file_is_named() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("file", "");
    let ran = place.end("doctor --state-dir file");
    fails(ran, 2, "state directory", &["a part of the path is a file"]);
}

#[test]
fn a_full_disk_is_named_and_can_be_cured() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let Some(disk) = Disk::mount(place.path(STATE)) else {
        return;
    };
    disk.fill(0);
    fails(place.end("doctor"), 5, "disk", &["is full", "make room"]);
}

/// A place whose ledger knows a date, with all of it in one file.
fn with_ledger(recorder: &Recorder) -> (Place, std::path::PathBuf) {
    let place = Place::with(recorder);
    place.rows("rows.jsonl", 0, 2_000);
    let words = format!("{WRITE} --batch-rows 10 --qps 1000 --no-done rows.jsonl");
    place.end(&words).expect(0);
    let path = place.path(STATE).join("ledger.db");
    let db = rusqlite::Connection::open(&path).unwrap();
    let busy: i64 = db
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .unwrap();
    assert_eq!(busy, 0);
    (place, path)
}

#[test]
fn a_ledger_that_is_damaged_in_its_middle_is_found_although_it_opens() {
    let recorder = Recorder::new();
    let (place, path) = with_ledger(&recorder);
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    // The last page is one of the batches; what opens a ledger lies at its beginning.
    let last = file.metadata().unwrap().len() - 4096;
    file.write_all_at(&[0xff; 512], last).unwrap();
    place.end("rejects list --date 2022-01-01").expect(0);
    let says = ["damaged", "restore", "backup"];
    fails(place.end("doctor"), 2, "ledger", &says);
}

#[test]
fn a_file_that_is_no_ledger_is_named() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file(
        &format!("{STATE}/ledger.db"),
        "no database at all ".repeat(100),
    );
    fails(
        place.end("doctor"),
        2,
        "ledger",
        &["ledger.db", "damaged", "restore it from a backup"],
    );
}

#[test]
fn a_ledger_of_a_newer_version_names_both_versions() {
    let recorder = Recorder::new();
    let (place, path) = with_ledger(&recorder);
    let db = rusqlite::Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 9_999).unwrap();
    drop(db);
    let says = [
        "version 9999",
        "use the version of byteair-sync that wrote it",
    ];
    fails(place.end("doctor"), 2, "ledger", &says);
}

#[test]
fn a_ledger_of_an_older_version_is_looked_at_and_not_upgraded() {
    let recorder = Recorder::new();
    let (place, path) = with_ledger(&recorder);
    let db = rusqlite::Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 2).unwrap();
    drop(db);
    place
        .end("doctor")
        .expect(0)
        .says("the next run upgrades it");
    let db = rusqlite::Connection::open(&path).unwrap();
    let version: i32 = db
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 2);
}
