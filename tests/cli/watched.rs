//! A run whose memory is watched from outside while it lasts.
//!
//! The system forgets a peak with the process, so it is looked at again and again; what a process
//! takes in its last milliseconds may be missed.

use crate::start::{Place, Ran};
use std::time::Duration;

/// Distance between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// Runs the binary to its end; also tells the peak of its memory in bytes.
#[track_caller]
pub(crate) fn watched(place: &Place, words: &str) -> (Ran, u64) {
    let run = place.start(words);
    let pid = run.id();
    let watcher = std::thread::spawn(move || {
        let mut peak = 0;
        while let Some(seen) = peak_of(pid) {
            peak = peak.max(seen);
            std::thread::sleep(LOOK);
        }
        peak
    });
    let ran = Ran::after(run);
    let peak = watcher.join().unwrap();
    assert!(peak > 0, "nothing was measured");
    (ran, peak)
}

/// The peak of a process's memory in bytes; `None` when it has ended.
fn peak_of(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
