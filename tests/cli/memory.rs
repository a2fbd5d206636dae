//! Memory is bounded by `--memory`, not by the input.

use crate::recorder::Recorder;
use crate::start::{Place, WRITE};
use crate::watched::watched;
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

#[test]
fn the_memory_of_a_run_does_not_grow_with_its_input() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let text = wide_rows(250_000);
    assert!(text.len() > 64 << 20, "more than any buffer holds");
    place.file("rows.jsonl", &text);
    let (ran, peak) = watched(&place, &format!("{WRITE} --no-rate-limit rows.jsonl"));
    ran.expect(0);
    println!("peak: {} MiB", peak >> 20);
    // 46 MiB on a quiet machine, of which the program without optimisation is a third.
    assert!(peak < 64 << 20, "{} MiB", peak >> 20);
}
