//! Usage and configuration: status 2, before anything is sent or recorded. The other exit statuses
//! are reached where their causes are tested.

use crate::recorder::Recorder;
use crate::start::{Place, WRITE};

#[test]
fn what_is_wrong_with_the_command_is_status_2_and_nothing_is_sent() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 1);
    for (words, expected) in [
        ("write -t item -s history_sync rows.jsonl", "--date"),
        ("write -s history_sync -d 2022-01-01 rows.jsonl", "--topic"),
        ("write -t item -d 2022-01-01 rows.jsonl", "--stage"),
        (
            "write -t item -s history_sync -d 2022-01-01",
            "there is nothing to read",
        ),
        (
            "write -t item -s history_sync -d 2022-02-30 rows.jsonl",
            "2022-02-30",
        ),
        (
            "write -t item -s incremental_sync_streaming -d 2022-01-01 rows.jsonl",
            "streaming",
        ),
        (
            "write -t item -s incremental_sync_streaming --min-rows 3 rows.jsonl",
            "streaming",
        ),
        ("write -t item -s trial -d 2022-01-01 rows.jsonl", "trial"),
        (
            "write -t item -s history_sync -d 2022-01-01..2022-01-03 rows.jsonl",
            "{date}",
        ),
        (
            "write -t item -s history_sync -d 2022-01-01 --batch-rows 10001 rows.jsonl",
            "10000",
        ),
        (
            "write -t item -s history_sync -d 2022-01-01 --host api.example.com rows.jsonl",
            "https",
        ),
    ] {
        place.end(words).expect(2).says(expected);
    }
    assert!(recorder.requests().is_empty());
    assert!(!place.path(".local").exists());
}

#[test]
fn what_is_missing_from_the_configuration_is_named_with_its_variable() {
    let recorder = Recorder::new();
    for (variable, expected) in [
        ("BYTEAIR_HOST", "--host"),
        ("BYTEAIR_TENANT_ID", "--tenant-id"),
        ("BYTEAIR_APPLICATION_ID", "--application-id"),
        ("BYTEAIR_AK", "BYTEAIR_AK"),
        ("BYTEAIR_SK", "BYTEAIR_SK"),
    ] {
        let mut place = Place::with(&recorder);
        place.rows("rows.jsonl", 0, 1);
        place.set(variable, "");
        place
            .end(&format!("{WRITE} rows.jsonl"))
            .expect(2)
            .says(expected);
    }
    assert!(recorder.requests().is_empty());
}

#[test]
fn without_a_home_there_is_no_place_for_the_ledger() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 1);
    let mut command = place.run(&format!("{WRITE} rows.jsonl"));
    let (_, errors, status) = crate::start::finish(command.env_remove("HOME"));
    assert_eq!(status, 2);
    assert!(errors.contains("--state-dir"), "{errors}");
    assert!(recorder.requests().is_empty());
}
