//! Standard output and standard error that end early, are closed from the start, or take nothing.
//!
//! Whoever reads a run's output has no say in the run: the upload is completed, the ledger is right,
//! and the exit status is that of the upload.

use crate::recorder::{Recorder, Reply};
use crate::start::{Place, WRITE, rows, signal};
use rustix::process::Signal;
use std::io::Read;
use std::process::{Child, Command};

/// Rows enough for more output than a pipe holds, each refused row being a line of `--json`.
const BAD_ROWS: usize = 2_000;

fn place(recorder: &Recorder) -> Place {
    let place = Place::with(recorder);
    let bad = "not json\n".repeat(BAD_ROWS);
    place.file("rows.jsonl", rows(0, 100).join("\n") + "\n" + &bad);
    place
}

/// Starts a line of shell in which `RUN` stands for the upload; its own status goes to a file.
fn shell(place: &Place, line: &str, options: &str) -> Child {
    let program = env!("CARGO_BIN_EXE_byteair-sync");
    let run = format!("{program} {WRITE} --max-errors 99% --batch-rows 5 {options} rows.jsonl");
    let mut command = Command::new("sh");
    command.arg("-c").arg(line.replace("RUN", &run));
    place.spawn(command)
}

#[track_caller]
fn complete(place: &Place, recorder: &Recorder, status: &str, what: &str) {
    let ended = std::fs::read_to_string(place.path("status")).unwrap();
    assert_eq!(ended.trim(), status, "{what}");
    assert_eq!(recorder.rows(), rows(0, 100), "{what}");
    assert_eq!(recorder.dones().len(), 1, "{what}");
    let before = recorder.requests().len();
    let words = format!("{WRITE} --max-errors 99% --json rows.jsonl");
    let summary = place.end(&words).expect(0).summary();
    assert_eq!(summary["rows_accepted"], 100, "{what}");
    assert_eq!(summary["rows_rejected"], BAD_ROWS, "{what}");
    assert_eq!(recorder.requests().len(), before, "{what}");
}

#[test]
fn streams_that_are_closed_or_full_or_end_early_change_nothing() {
    for line in [
        "(RUN; echo $? > status) | head -1",
        "(RUN 2>&1; echo $? > status) | head -1",
        "(RUN 2>&1 >/dev/null; echo $? > status) | head -1",
        "(RUN; echo $? > status) | true",
        "RUN >&-; echo $? > status",
        "RUN 2>&-; echo $? > status",
        "RUN >&- 2>&-; echo $? > status",
        "RUN <&- >&- 2>&-; echo $? > status",
        "RUN >/dev/full; echo $? > status",
        "RUN 2>/dev/full; echo $? > status",
        "RUN >/dev/full 2>/dev/full; echo $? > status",
    ] {
        for options in ["", "--json", "-v --log-format json"] {
            let recorder = Recorder::new();
            let place = place(&recorder);
            let what = format!("{line} with {options}");
            let ran = crate::start::Ran::after(shell(&place, line, options));
            assert!(
                !ran.errors.contains("this is a bug"),
                "{what}: {}",
                ran.errors
            );
            // Who asked for output and did not get it has to hear of it.
            let status = if line.starts_with("RUN >/dev/full") {
                "5"
            } else {
                "0"
            };
            complete(&place, &recorder, status, &what);
        }
    }
}

#[test]
fn a_failure_keeps_its_status_when_nobody_reads() {
    for line in [
        "(RUN; echo $? > status) | true",
        "RUN >&- 2>&-; echo $? > status",
    ] {
        let recorder = Recorder::answering(|_, _| Reply::code(401, 401, "Auth fail, no"));
        let place = place(&recorder);
        crate::start::Ran::after(shell(&place, line, "--json"));
        let ended = std::fs::read_to_string(place.path("status")).unwrap();
        assert_eq!(ended.trim(), "12", "{line}");
    }
}

#[test]
fn no_file_of_a_run_takes_the_place_of_a_closed_stream() {
    let recorder = Recorder::new();
    let place = place(&recorder);
    let line = "RUN <&- >&- 2>&-; echo $? > status";
    crate::start::Ran::after(shell(&place, line, "--json --report report.json"));
    complete(&place, &recorder, "0", line);
    // Output that went into the file which happened to get the free number would spoil it.
    place.end("ledger show").expect(0);
    let report = std::fs::read(place.path("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["exit_status"], 0);
}

#[test]
fn a_status_line_that_nobody_reads_does_no_harm() {
    let latch = crate::recorder::Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |_, _| {
        held.wait();
        Reply::ok()
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 100);
    let mut child = place.start(&format!("{WRITE} rows.jsonl"));
    recorder.wait_for(1);
    drop(child.stderr.take());
    for _ in 0..100 {
        signal(&child, Signal::USR1);
    }
    latch.open();
    let mut output = String::new();
    let stdout = child.stdout.as_mut().unwrap();
    stdout.read_to_string(&mut output).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(output.contains("accepted     100"), "{output}");
    assert_eq!(recorder.dones().len(), 1);
}
