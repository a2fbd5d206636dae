//! Files that are followed while they are written, rotated and truncated, and the program is stopped
//! and killed: the sandbox has every row, and none twice.

use crate::platform::Platform;
use crate::recorder::eventually;
use crate::start::{Place, Ran, rows, signal};
use rustix::process::Signal;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

pub(crate) const FOLLOW: &str = "write -t behavior -s incremental_sync_streaming --yes-i-mean streaming-only --linger 50ms --follow app.log";

/// A log file with its writer.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    rotated: usize,
    written: Vec<String>,
}

impl Log {
    pub(crate) fn new(place: &Place) -> Self {
        let path = place.path("app.log");
        Self {
            file: appended(&path),
            path,
            rotated: 0,
            written: Vec::new(),
        }
    }

    pub(crate) fn write(&mut self, count: usize) {
        let more = rows(self.written.len(), count);
        self.file.write_all(lines(&more).as_bytes()).unwrap();
        self.written.extend(more);
    }

    /// All rows so far.
    pub(crate) fn written(&self) -> Vec<String> {
        self.written.clone()
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
    pub(crate) fn rename(&mut self) -> File {
        let name = self.next_name();
        std::fs::rename(&self.path, name).unwrap();
        std::mem::replace(&mut self.file, appended(&self.path))
    }

    pub(crate) fn copy_and_truncate(&mut self) {
        let name = self.next_name();
        std::fs::copy(&self.path, name).unwrap();
        self.file.set_len(0).unwrap();
    }
}

fn appended(path: &Path) -> File {
    let mut options = File::options();
    options.append(true).create(true).open(path).unwrap()
}

pub(crate) fn lines(rows: &[String]) -> String {
    rows.iter()
        .fold(String::new(), |text, row| text + row + "\n")
}

pub(crate) fn terminate(child: Child) {
    signal(&child, Signal::TERM);
    let ran = Ran::after(child).expect(143);
    assert!(!ran.errors.contains("rejected /"), "{}", ran.errors);
}

pub(crate) fn kill(mut child: Child) {
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

pub(crate) fn spooled(place: &Place) -> Vec<PathBuf> {
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
