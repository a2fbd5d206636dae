//! Signals that come before a run has begun, and to commands that only read.

use crate::recorder::Recorder;
use crate::start::{Place, Ran, signal};
use rustix::process::Signal;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const FILE: &str = r#"
[defaults]
stage = "history_sync"

[[job]]
name = "item"
topic = "item"
paths = ["{date}/item.jsonl"]

[[job]]
name = "behavior"
topic = "behavior"
paths = ["{date}/behavior.jsonl"]
"#;

/// Waits until the process has taken SIGTERM over from the system.
fn wait_for_handler(child: &Child) {
    let path = format!("/proc/{}/status", child.id());
    for _ in 0..6000 {
        let status = std::fs::read_to_string(&path).unwrap();
        let caught = status.lines().find_map(|it| it.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
        if caught & (1 << 14) != 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("SIGTERM is not handled");
}

#[test]
fn a_signal_while_the_days_are_planned_ends_with_the_whole_story() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("jobs.toml", FILE);
    let options = "--report report.json --metrics-textfile m.prom";
    let child = place.start(&format!(
        "run jobs.toml --backfill 2017-01-01..2026-01-01 {options}"
    ));
    wait_for_handler(&child);
    signal(&child, Signal::TERM);
    Ran::after(child)
        .expect(143)
        .says("interrupted while the days were planned")
        .says("jobs.toml --date 2017-01-01..2026-01-01");
    let report = std::fs::read_to_string(place.path("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["exit_status"], 143, "{report}");
    let metrics = std::fs::read_to_string(place.path("m.prom")).unwrap();
    for topic in ["item", "behavior"] {
        let label = format!("topic=\"{topic}\"");
        assert!(metrics.contains(&label), "{topic}: {metrics}");
    }
    assert!(recorder.requests().is_empty());
}

#[test]
fn a_signal_ends_validate_with_its_status_and_a_summary() {
    for (sent, status) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let place = Place::new();
        let mut command = Command::new(env!("CARGO_BIN_EXE_byteair-sync"));
        command.args(["validate", "--json", "-"]);
        let mut child = place.spawn_reading(command, Stdio::piped());
        // The pipe stays open, so that it has something to wait for.
        let pipe = child.stdin.take();
        wait_for_handler(&child);
        signal(&child, sent);
        let ran = Ran::after(child).expect(status);
        drop(pipe);
        assert_eq!(ran.summary()["exit_status"], status);
    }
}
