//! The disk is full just where the rejected rows are kept.
//!
//! A row counts as rejected when its dead letter is on disk, and not before. A small file system in
//! memory stands for the disk; mounting one takes the rights of root, and without them this test says
//! so and leaves it at that.

use std::collections::BTreeSet;

use crate::disk::Disk;
use crate::recorder::{Received, Recorder, Reply};
use crate::start::{Place, WRITE};

const BAD_ROWS: usize = 300;

/// Refuses the rows that say so.
fn refusing(request: &Received) -> Reply {
    if request.is_done() {
        return Reply::ok();
    }
    let rows = request.rows();
    let bad = rows.iter().filter(|row| row.contains("bad"));
    let errors: Vec<(&str, &str)> = bad.map(|row| ("no", row.as_str())).collect();
    if errors.is_empty() {
        return Reply::ok();
    }
    Reply::refused_rows(200, 1001, "part", &errors)
}

/// The whole lines of all files of rejected rows; the others.
fn kept_lines(disk: &Disk) -> (usize, Vec<String>) {
    let mut whole = 0;
    let mut broken = Vec::new();
    for file in std::fs::read_dir(&disk.0).unwrap() {
        let path = file.unwrap().path();
        if path.ends_with("filler") {
            continue;
        }
        for line in std::fs::read_to_string(path).unwrap().lines() {
            match serde_json::from_str::<serde_json::Value>(line) {
                Ok(_) => whole += 1,
                Err(_) => broken.push(line.to_owned()),
            }
        }
    }
    (whole, broken)
}

#[test]
fn a_row_is_not_rejected_before_its_dead_letter_is_on_disk() {
    for (free, bad) in [
        (0, "not json at all {n}"),
        (12 << 10, "not json at all {n}"),
        (0, r#"{"id":"{n}","bad":true}"#),
        (12 << 10, r#"{"id":"{n}","bad":true}"#),
    ] {
        let recorder = Recorder::answering(|request, _| refusing(request));
        let place = Place::with(&recorder);
        let rows = (0..BAD_ROWS).map(|number| {
            let number = number.to_string();
            format!(
                "{{\"id\":\"good {number}\"}}\n{}\n",
                bad.replace("{n}", &number)
            )
        });
        place.file("rows.jsonl", rows.collect::<String>());
        let state = ".local/state/byteair-sync";
        let Some(disk) = Disk::mount(place.path(&format!("{state}/rejects"))) else {
            return;
        };
        disk.fill(free);
        let words = format!("{WRITE} --json --batch-rows 20 --max-errors 60% rows.jsonl");
        let ran = place
            .end(&words)
            .expect(5)
            .says("the disk is full")
            .says("rejects");
        let settled = usize::try_from(ran.summary()["rows_rejected"].as_u64().unwrap()).unwrap();
        let (whole, broken) = kept_lines(&disk);
        assert!(settled <= whole, "{settled} rows with {whole} dead letters");
        assert!(settled < BAD_ROWS, "the disk was not full");
        assert_eq!(broken, [""; 0]);
        assert!(recorder.dones().is_empty());
        std::fs::remove_file(disk.0.join("filler")).unwrap();
        let summary = place.end(&words).expect(0).summary();
        assert_eq!(summary["rows_rejected"], BAD_ROWS, "{summary}");
        let mut letters = place
            .end("rejects list --json --limit 1000")
            .expect(0)
            .lines();
        letters.pop();
        let mut lines: Vec<u64> = letters
            .iter()
            .map(|it| it["line"].as_u64().unwrap())
            .collect();
        lines.sort_unstable();
        let expected: Vec<u64> = (1..).map(|number| number * 2).take(BAD_ROWS).collect();
        assert_eq!(lines, expected);
        assert_eq!(recorder.dones().len(), 1);
    }
}

/// The log of the ledger took all of a small disk, and no later run came any further.
#[test]
fn a_disk_that_is_small_for_the_ledger_is_enough_after_some_runs() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let Some(_disk) = Disk::mount(place.path(".local/state/byteair-sync")) else {
        return;
    };
    place.rows("rows.jsonl", 0, 2_000);
    let write = format!("{WRITE} --batch-rows 20 --max-in-flight 4 rows.jsonl");
    let mut statuses = Vec::new();
    while statuses.last() != Some(&0) && statuses.len() < 12 {
        statuses.push(place.end(&write).status);
    }
    assert_eq!(statuses.last(), Some(&0), "{statuses:?}");
    // What was answered on a full disk is asked again under its id, `done` as well.
    let mut accepted = recorder.accepted();
    accepted.sort();
    accepted.dedup();
    assert_eq!(accepted.len(), 2_000);
    let dones: BTreeSet<String> = recorder.dones().iter().map(Received::id).collect();
    assert_eq!(dones.len(), 1, "{statuses:?}");
}
