//! Memory is bounded by `--memory`, not by the input.

use crate::recorder::Recorder;
use crate::start::{Place, Ran, WRITE};
use std::fmt::Write;

/// Rows of about 300 bytes, which do not compress to nothing.
fn wide_rows(count: u64) -> String {
    let mut text = String::new();
    for n in 0..count {
        let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let filler = format!("{mixed:016x}").repeat(16);
        writeln!(text, r#"{{"goods_id":"g{n:09}","title":"{filler}"}}"#).unwrap();
    }
    text
}

/// The peak of a process's memory in bytes, as far as it was seen before the end.
fn peak_of(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[test]
fn the_memory_of_a_run_does_not_grow_with_its_input() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let text = wide_rows(250_000);
    assert!(text.len() > 64 << 20, "more than any buffer holds");
    place.file("rows.jsonl", &text);
    let mut run = place.start(&format!("{WRITE} --no-rate-limit rows.jsonl"));
    let mut peak = 0;
    while run.try_wait().unwrap().is_none() {
        peak = peak_of(run.id()).unwrap_or(0).max(peak);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Ran::after(run).expect(0);
    println!("peak: {} MiB", peak >> 20);
    assert!(peak > 0, "nothing was measured");
    assert!(peak < 56 << 20, "{} MiB", peak >> 20);
}
