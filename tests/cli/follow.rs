//! Files that are followed while they are written, rotated and truncated, and the program is stopped
//! and killed: the sandbox has every row, and none twice.

use crate::platform::Platform;
use crate::recorder::{Recorder, eventually};
use crate::start::{Place, Ran, rows, signal};
use rustix::process::Signal;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const FOLLOW: &str = "write -t behavior -s incremental_sync_streaming --yes-i-mean streaming-only --linger 50ms --follow app.log";

/// A log file with its writer.
struct Log {
    path: PathBuf,
    file: File,
    rotated: usize,
    written: Vec<String>,
}

impl Log {
    fn new(place: &Place) -> Self {
        let path = place.path("app.log");
        Self {
            file: appended(&path),
            path,
            rotated: 0,
            written: Vec::new(),
        }
    }

    fn write(&mut self, count: usize) {
        let more = rows(self.written.len(), count);
        self.file.write_all(lines(&more).as_bytes()).unwrap();
        self.written.extend(more);
    }

    /// A file that comes and goes between two looks is seen by nobody, on a busy machine as well.
    fn wait_until_seen(&self, platform: &Platform) {
        let last = self.written.last().unwrap();
        eventually("the file seen", || platform.stored().contains(last));
    }

    fn text(&mut self, text: &str) {
        self.file.write_all(text.as_bytes()).unwrap();
    }

    /// The name that the log gets next when it is rotated.
    fn next_name(&mut self) -> PathBuf {
        self.rotated += 1;
        self.path
            .with_file_name(format!("app.log.{}", self.rotated))
    }

    /// Renames it and goes on with a new file; the old one is still open in what is returned.
    fn rename(&mut self) -> File {
        let name = self.next_name();
        std::fs::rename(&self.path, name).unwrap();
        std::mem::replace(&mut self.file, appended(&self.path))
    }

    fn copy_and_truncate(&mut self) {
        let name = self.next_name();
        std::fs::copy(&self.path, name).unwrap();
        self.file.set_len(0).unwrap();
    }
}

fn appended(path: &Path) -> File {
    let mut options = File::options();
    options.append(true).create(true).open(path).unwrap()
}

fn lines(rows: &[String]) -> String {
    rows.iter()
        .fold(String::new(), |text, row| text + row + "\n")
}

fn terminate(child: Child) {
    signal(&child, Signal::TERM);
    let ran = Ran::after(child).expect(143);
    assert!(!ran.errors.contains("rejected /"), "{}", ran.errors);
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

#[test]
fn every_row_is_sent_once_through_renames_under_load() {
    let platform = Platform::start();
    let place = platform.client();
    let mut log = Log::new(&place);
    let child = place.start(FOLLOW);
    for round in 0..40 {
        log.write(1 + round * 7 % 90);
        if round % 8 == 3 {
            log.wait_until_seen(&platform);
            log.write(30);
            let mut old = log.rename();
            // A writer that was not told yet goes on with the old file.
            log.write(5);
            let late = rows(log.written.len(), 5);
            old.write_all(lines(&late).as_bytes()).unwrap();
            log.written.extend(late);
        }
        pause();
    }
    platform.expect(log.written);
    terminate(child);
}

#[test]
fn every_row_is_sent_once_when_the_file_is_copied_and_truncated() {
    let platform = Platform::start();
    let place = platform.client();
    let mut log = Log::new(&place);
    let child = place.start(FOLLOW);
    for round in 0..30 {
        log.write(1 + round * 7 % 50);
        if round % 6 == 5 {
            log.wait_until_seen(&platform);
            log.write(30);
            log.copy_and_truncate();
        }
        pause();
    }
    platform.expect(log.written);
    terminate(child);
}

#[test]
fn what_was_not_read_before_a_truncation_comes_from_the_copy() {
    let platform = Platform::start();
    let place = platform.client();
    let mut log = Log::new(&place);
    log.write(100);
    let child = place.start(FOLLOW);
    eventually("the first rows", || platform.stored().len() == 100);
    signal(&child, Signal::STOP);
    log.write(50);
    log.copy_and_truncate();
    // As long as before by the time the program looks: only the content tells.
    log.write(400);
    signal(&child, Signal::CONT);
    platform.expect(log.written);
    terminate(child);
}

#[test]
fn a_file_that_vanishes_and_comes_back_goes_on() {
    let platform = Platform::start();
    let place = platform.client();
    let child = place.start(FOLLOW);
    let mut log = Log::new(&place);
    log.write(10);
    eventually("the first rows", || platform.stored().len() == 10);
    // Away and back, the same file.
    std::fs::rename(&log.path, place.path("elsewhere")).unwrap();
    log.write(10);
    eventually("the file without its name", || {
        platform.stored().len() == 20
    });
    std::fs::rename(place.path("elsewhere"), &log.path).unwrap();
    log.write(10);
    eventually("the file with its name", || platform.stored().len() == 30);
    // Removed, then another one.
    std::fs::remove_file(&log.path).unwrap();
    pause();
    log.file = appended(&log.path);
    log.write(10);
    platform.expect(log.written);
    terminate(child);
}

#[test]
fn a_stopped_run_goes_on_where_it_was_also_in_files_that_were_rotated_meanwhile() {
    let platform = Platform::start();
    let place = platform.client();
    let mut log = Log::new(&place);
    log.write(120);
    let child = place.start(FOLLOW);
    eventually("the first rows", || platform.stored().len() == 120);
    terminate(child);
    log.write(30);
    log.rename();
    log.write(40);
    log.rename();
    log.write(50);
    // The file between was never seen under its name, and was written since.
    let child = place.start(FOLLOW);
    platform.expect(log.written);
    terminate(child);
}

#[test]
fn a_truncation_while_nobody_looked_is_recognised() {
    let platform = Platform::start();
    let place = platform.client();
    let mut log = Log::new(&place);
    log.write(120);
    let child = place.start(FOLLOW);
    eventually("the first rows", || platform.stored().len() == 120);
    terminate(child);
    log.write(30);
    log.copy_and_truncate();
    log.write(300);
    let child = place.start(FOLLOW);
    platform.expect(log.written);
    terminate(child);
}

#[test]
fn a_killed_run_goes_on_with_every_row_once() {
    let platform = Platform::start();
    let place = platform.client();
    let mut log = Log::new(&place);
    log.write(10);
    for round in 0..6 {
        let child = place.start(&format!("{FOLLOW} --batch-rows 10"));
        if round == 0 {
            // Of what came and went before the first run nobody knows.
            log.wait_until_seen(&platform);
        }
        for step in 0..6 {
            log.write(23);
            if step == round {
                drop(log.rename());
            }
            std::thread::sleep(Duration::from_millis(60));
        }
        kill(child);
    }
    let child = place.start(FOLLOW);
    log.write(5);
    platform.expect(log.written);
    terminate(child);
    assert!(
        spooled(&place).is_empty(),
        "what is settled leaves the spool"
    );
}

fn spooled(place: &Place) -> Vec<PathBuf> {
    let spool = walkdir::WalkDir::new(place.path(".local/state/byteair-sync/spool"));
    let files = spool.into_iter().filter_map(Result::ok);
    let files = files.filter(|entry| entry.file_type().is_file());
    files.map(walkdir::DirEntry::into_path).collect()
}

#[test]
fn a_server_that_is_away_is_waited_for() {
    let mut platform = Platform::start();
    let place = platform.client();
    let mut log = Log::new(&place);
    log.write(50);
    let mut child = place.start(FOLLOW);
    eventually("the first rows", || platform.stored().len() == 50);
    platform.go_away();
    for _ in 0..100 {
        log.write(20);
        pause();
    }
    log.rename();
    log.write(20);
    assert!(child.try_wait().unwrap().is_none(), "it gave up");
    platform.come_back();
    platform.expect(log.written);
    terminate(child);
}

#[test]
fn a_stop_while_the_server_is_away_loses_nothing() {
    let mut platform = Platform::start();
    let place = platform.client();
    let mut log = Log::new(&place);
    log.write(50);
    let child = place.start(FOLLOW);
    eventually("the first rows", || platform.stored().len() == 50);
    platform.go_away();
    log.write(500);
    eventually("batches in the spool", || !spooled(&place).is_empty());
    terminate(child);
    log.rename();
    log.write(10);
    platform.come_back();
    let child = place.start(FOLLOW);
    platform.expect(log.written);
    terminate(child);
}

#[test]
fn a_row_waits_for_its_newline_or_for_the_end_of_its_file() {
    let platform = Platform::start();
    let place = platform.client();
    let mut log = Log::new(&place);
    let child = place.start(FOLLOW);
    log.text(r#"{"id":"#);
    std::thread::sleep(Duration::from_millis(300));
    log.text("\"a\"}\n{\"id\":");
    eventually("the whole row", || platform.stored().len() == 1);
    // Stopped in the middle of a row, it reads all of it again.
    terminate(child);
    let child = place.start(FOLLOW);
    std::thread::sleep(Duration::from_millis(300));
    log.text("\"b\"}\n{\"id\":\"c\"}");
    eventually("the next row", || platform.stored().len() == 2);
    log.rename();
    log.text("{\"id\":\"d\"}\n");
    let expected = ["a", "b", "c", "d"].map(|id| format!("{{\"id\":\"{id}\"}}"));
    platform.expect(expected.to_vec());
    terminate(child);
}

#[test]
fn several_paths_are_followed_at_once() {
    let platform = Platform::start();
    let place = platform.client();
    let names: Vec<String> = (0..30).map(|number| format!("{number}.log")).collect();
    let child = place.start(&format!(
        "{} {}",
        FOLLOW.trim_end_matches(" app.log"),
        names.join(" ")
    ));
    let mut expected = Vec::new();
    for round in 0..10 {
        for (number, name) in names.iter().enumerate() {
            let more = rows(number * 1_000 + round * 3, 3);
            let mut file = appended(&place.path(name));
            file.write_all(lines(&more).as_bytes()).unwrap();
            expected.extend(more);
        }
        pause();
    }
    platform.expect(expected);
    terminate(child);
}

#[test]
fn a_followed_path_has_one_follower_and_is_not_read_in_another_way() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let mut log = Log::new(&place);
    log.write(10);
    let child = place.start(FOLLOW);
    recorder.wait_for(1);
    place.end(FOLLOW).expect(11).says("another run follows");
    terminate(child);
    let once = FOLLOW
        .replace("--follow ", "")
        .replace("--linger 50ms ", "");
    place.end(&once).expect(2).says("was read with --follow");
    assert_eq!(recorder.rows(), rows(0, 10));
}

#[test]
fn what_was_uploaded_before_is_not_sent_again_when_it_is_followed() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let mut log = Log::new(&place);
    log.write(10);
    let once = FOLLOW
        .replace("--follow ", "")
        .replace("--linger 50ms ", "");
    place.end(&once).expect(0);
    log.write(10);
    let child = place.start(FOLLOW);
    recorder.wait_for(2);
    terminate(child);
    assert_eq!(recorder.rows(), rows(0, 20));
}

#[test]
fn what_cannot_be_followed_is_refused_before_anything_is_sent() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 3);
    place.file("table.csv", "id,title\n1,a\n");
    let follow = "write -t item -s incremental_sync_streaming --yes-i-mean streaming-only --follow";
    for (words, status, expected) in [
        (
            "write -t item -s history_sync -d 2022-01-01 --follow rows.jsonl".to_owned(),
            2,
            "a day of history_sync ends",
        ),
        (
            "write -t item -s history_sync -d 2022-01-01 --linger 2s rows.jsonl".to_owned(),
            2,
            "--linger is for",
        ),
        (format!("{follow} -"), 2, "needs files"),
        (format!("{follow} *.jsonl"), 2, "single files"),
        (format!("{follow} ."), 2, "single files"),
        (format!("{follow} --dry-run rows.jsonl"), 2, "has no end"),
        (
            format!("{follow} --format csv table.csv"),
            2,
            "reads JSON lines",
        ),
        (format!("{follow} table.csv"), 4, "no file of JSON lines"),
    ] {
        place.end(&words).expect(status).says(expected);
    }
    assert_eq!(recorder.requests().len(), 0);
}

/// The program with a pipe as its standard input.
fn piped(place: &Place, options: &str) -> (Child, std::process::ChildStdin) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_byteair-sync"));
    let words = format!(
        "write -t behavior -s incremental_sync_streaming --yes-i-mean streaming-only {options} -"
    );
    command.args(words.split_whitespace());
    let mut child = place.spawn_reading(command, Stdio::piped());
    let stdin = child.stdin.take().unwrap();
    (child, stdin)
}

#[test]
fn rows_of_a_pipe_are_sent_while_it_is_open() {
    for options in ["", "--input-id events", "--format csv --columns id,title"] {
        let recorder = Recorder::new();
        let place = Place::with(&recorder);
        let (child, mut stdin) = piped(&place, &format!("--linger 100ms {options}"));
        let (first, second) = if options.contains("csv") {
            ("1,a\n2,b\n", "3,c\n")
        } else {
            ("{\"id\":1}\n{\"id\":2}\n", "{\"id\":3}\n")
        };
        stdin.write_all(first.as_bytes()).unwrap();
        if !options.contains("csv") {
            recorder.wait_for(1);
            assert_eq!(recorder.rows().len(), 2, "{options}");
        }
        stdin.write_all(second.as_bytes()).unwrap();
        drop(stdin);
        Ran::after(child).expect(0);
        assert_eq!(recorder.rows().len(), 3, "{options}");
        assert_eq!(recorder.dones().len(), 0);
    }
}

#[test]
fn a_full_batch_does_not_wait() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let (child, mut stdin) = piped(&place, "--linger 1d --input-id events");
    stdin.write_all(lines(&rows(0, 2_500)).as_bytes()).unwrap();
    recorder.wait_for(2);
    let counts: Vec<usize> = recorder
        .requests()
        .iter()
        .map(|one| one.rows().len())
        .collect();
    assert_eq!(counts, [1_000, 1_000]);
    drop(stdin);
    Ran::after(child).expect(0);
    assert_eq!(recorder.rows(), rows(0, 2_500));
}

#[test]
fn a_stream_that_comes_at_once_is_known_again() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let words = "write -t behavior -s incremental_sync_streaming --yes-i-mean streaming-only -";
    let text = lines(&rows(0, 50));
    place.end_with_stdin(words, &text).expect(0);
    place.end_with_stdin(words, &text).expect(0);
    assert_eq!(recorder.rows(), rows(0, 50));
}

#[test]
fn what_a_killed_run_had_taken_from_a_pipe_is_sent_by_the_next() {
    let mut platform = Platform::start();
    let place = platform.client();
    let (child, mut stdin) = piped(&place, "--linger 50ms");
    stdin.write_all(lines(&rows(0, 10)).as_bytes()).unwrap();
    eventually("the first rows", || platform.stored().len() == 10);
    platform.go_away();
    stdin.write_all(lines(&rows(10, 10)).as_bytes()).unwrap();
    eventually("a batch in the spool", || !spooled(&place).is_empty());
    // The file is there before the ledger knows of it.
    std::thread::sleep(Duration::from_millis(500));
    kill(child);
    platform.come_back();
    let (child, mut stdin) = piped(&place, "--linger 50ms");
    stdin.write_all(lines(&rows(20, 5)).as_bytes()).unwrap();
    drop(stdin);
    Ran::after(child).expect(0);
    platform.expect(rows(0, 25));
}
