//! What is written to a name that is no file, and to a standard output that takes nothing.

use crate::recorder::{Recorder, Reply, eventually};
use crate::start::{Place, Ran, WRITE};
use serde_json::Value;
use std::os::unix::fs::{FileTypeExt, symlink};

fn server() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 3);
    (recorder, place)
}

/// A date with a dead letter.
fn with_letter() -> (Recorder, Place) {
    let (recorder, place) = server();
    place.file("rows.jsonl", "{\"id\":\"1\"}\nno json\n");
    place.end(&format!("{WRITE} rows.jsonl")).expect(3);
    (recorder, place)
}

/// A shell runs the binary as `$B`.
fn shell(place: &Place, line: &str) -> Ran {
    let mut command = std::process::Command::new("sh");
    let line = line.replace("$B", env!("CARGO_BIN_EXE_byteair-sync"));
    command.args(["-c", &line]);
    Ran::after(place.spawn(command))
}

/// The binary with a standard output that takes nothing.
fn into_full(place: &Place, words: &str) -> Ran {
    shell(place, &format!("$B {words} > /dev/full"))
}

#[track_caller]
fn expect_device(path: &str) {
    let kind = std::fs::symlink_metadata(path).unwrap().file_type();
    assert!(kind.is_char_device(), "{path} was replaced");
}

#[test]
fn a_report_to_a_device_that_takes_nothing_is_an_error_and_the_device_stays() {
    let (recorder, place) = server();
    let ran = place
        .end(&format!("{WRITE} --report /dev/full rows.jsonl"))
        .expect(5);
    assert!(ran.errors.contains("error: the report /dev/full"));
    assert_eq!(recorder.dones().len(), 1);
    expect_device("/dev/full");
    place
        .end(&format!("{WRITE} --report /dev/null rows.jsonl"))
        .expect(0);
    expect_device("/dev/null");
}

#[test]
fn a_report_that_is_lost_does_not_hide_how_the_upload_ended() {
    let (_recorder, place) = with_letter();
    let ran = place.end(&format!("{WRITE} --json --report /dev/full rows.jsonl"));
    let summary = ran.expect(3).summary();
    assert_eq!(summary["retryable"], true);
    assert!(summary["problems"].to_string().contains("/dev/full"));
}

#[test]
fn a_report_goes_through_a_pipe_and_through_standard_output() {
    let (_recorder, place) = server();
    let report = |text: &str| serde_json::from_str::<Value>(text).unwrap()["exit_status"].clone();
    // Nobody reads: no wait without end.
    shell(&place, "mkfifo pipe").expect(0);
    place
        .end(&format!("{WRITE} --report pipe rows.jsonl"))
        .expect(5)
        .says("error: the report pipe");
    let line = format!("cat pipe & $B {WRITE} -q --report pipe rows.jsonl; wait");
    assert_eq!(report(&shell(&place, &line).expect(0).output), 0);
    let line = format!("$B {WRITE} -q --report /dev/stdout rows.jsonl | cat");
    assert_eq!(report(&shell(&place, &line).expect(0).output), 0);
    // To a file: neither the report nor the lines after it are lost.
    let line = format!("$B {WRITE} --json --report /dev/stdout rows.jsonl > out && cat out");
    let lines = shell(&place, &line).expect(0).lines();
    let ends = lines.iter().filter(|line| line["type"] == "summary");
    assert_eq!(ends.count(), 2);
    assert!(
        place
            .path("pipe")
            .symlink_metadata()
            .unwrap()
            .file_type()
            .is_fifo()
    );
}

#[test]
fn a_link_that_a_report_is_written_to_stays() {
    let (_recorder, place) = server();
    place.file("deep/old.json", "old");
    symlink("deep/old.json", place.path("link")).unwrap();
    place
        .end(&format!("{WRITE} --report link rows.jsonl"))
        .expect(0);
    assert!(place.path("link").is_symlink());
    let text = std::fs::read_to_string(place.path("deep/old.json")).unwrap();
    assert!(text.contains("exit_status"), "{text}");
}

#[test]
fn rejected_rows_are_exported_through_what_is_no_file() {
    let (_recorder, place) = with_letter();
    let through = shell(&place, "$B rejects export --output /dev/stdout | cat").expect(0);
    assert_eq!(through.output, "no json\n");
    let full = place.end("rejects export --output /dev/full").expect(5);
    assert!(full.errors.contains("No space left"), "{}", full.errors);
    expect_device("/dev/full");
}

#[test]
fn the_port_file_of_a_sandbox_may_be_a_link_or_a_device() {
    let place = Place::new();
    symlink("port", place.path("link")).unwrap();
    for name in ["/dev/null", "link"] {
        let words = format!("sandbox --listen 127.0.0.1:0 --port-file {name}");
        let mut sandbox = place.start(&words);
        let mut announced = [0];
        let output = sandbox.stdout.as_mut().unwrap();
        std::io::Read::read_exact(output, &mut announced).unwrap();
        if name == "link" {
            eventually("the port", || place.path("port").exists());
        }
        crate::start::signal(&sandbox, rustix::process::Signal::TERM);
        assert!(sandbox.wait().unwrap().success());
    }
    expect_device("/dev/null");
    assert!(place.path("link").is_symlink());
    assert!(!place.path("port").exists());
}

#[test]
fn a_result_that_cannot_be_written_is_no_success() {
    let (_recorder, place) = with_letter();
    for words in [
        "rejects export",
        "rejects list",
        "rejects list --json",
        "rejects show 1",
        "ledger list",
        "ledger show",
        "ledger list --json",
        "config show",
        "config show --json",
        "completions bash",
        "man pages",
        "--help",
        "--version",
        "write --help",
    ] {
        let ran = into_full(&place, words).expect(5);
        let told = "error: cannot write to standard output";
        assert_eq!(
            ran.errors.matches(told).count(),
            1,
            "{words}: {}",
            ran.errors
        );
        assert!(!ran.errors.contains("written;"), "{words}: {}", ran.errors);
        let head = format!("$B {words} | true; $B {words} | head -c 1 > /dev/null");
        let head = shell(&place, &head).expect(0);
        assert!(!head.errors.contains("standard output"), "{}", head.errors);
    }
}

#[test]
fn an_upload_whose_summary_is_lost_says_so_and_keeps_its_own_status() {
    let (recorder, place) = server();
    into_full(&place, &format!("{WRITE} rows.jsonl"))
        .expect(5)
        .says("error: cannot write to standard output");
    assert_eq!(recorder.dones().len(), 1);
    into_full(&place, &format!("{WRITE} --json --dry-run rows.jsonl")).expect(5);
    recorder.answer(|_, _| Reply::code(401, 401, "no"));
    let other = WRITE.replace("01-01", "01-02");
    into_full(&place, &format!("{other} --json rows.jsonl")).expect(12);
}

#[test]
fn standard_output_that_is_closed_early_changes_no_upload() {
    let (recorder, place) = server();
    let mut run = place.start(&format!("{WRITE} --json rows.jsonl"));
    drop(run.stdout.take());
    assert!(run.wait().unwrap().success());
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_path_that_is_there_is_taken_by_its_name_even_if_it_is_no_valid_glob() {
    let (recorder, place) = server();
    std::fs::create_dir(place.path("br[]k")).unwrap();
    place.rows("br[]k/a{.jsonl", 0, 3);
    place.end(&format!("{WRITE} br[]k/a{{.jsonl")).expect(0);
    assert_eq!(recorder.dones().len(), 1);
    place
        .end(&format!("{WRITE} br[]k/b{{.jsonl"))
        .expect(2)
        .says("no valid glob");
}
