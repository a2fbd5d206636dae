//! Replays what the fuzzer found worth keeping: every file of `fixtures/fuzz` goes through the checks
//! of its target. `tests/fuzz/run TARGET SECONDS` looks for more; a finding is put beside the others
//! when it is fixed, so that it stays fixed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a check that does not hold has to fail"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

#[path = "fuzz/checks/mod.rs"]
mod checks;

/// Most files and bytes of one corpus: what replays in seconds and does not swell the repository.
const MAX_FILES: usize = 300;
const MAX_BYTES: usize = 300_000;

fn replay(target: &str, check: fn(&[u8])) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz");
    let mut files: Vec<_> = std::fs::read_dir(fixtures.join(target))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let (mut size, mut failed) = (0, Vec::new());
    for file in &files {
        let bytes = std::fs::read(file).unwrap();
        size += bytes.len();
        if catch_unwind(AssertUnwindSafe(|| check(&bytes))).is_err() {
            failed.push(file.display().to_string());
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    assert!((1..=MAX_FILES).contains(&files.len()) && size <= MAX_BYTES);
}

#[test]
fn csv_of_any_bytes_is_read_as_a_second_reader_reads_it() {
    replay("csv", checks::csv::check);
}

#[test]
fn json_arrays_of_any_bytes_are_read_as_a_parser_reads_them() {
    replay("json_file", checks::json_file::check);
}

#[test]
fn json_lines_of_any_bytes_are_read_as_a_second_reader_reads_them() {
    replay("jsonl", checks::jsonl::check);
}

#[test]
fn path_patterns_of_any_text_are_refused_or_resolve_to_valid_globs() {
    replay("patterns", checks::patterns::check);
}

#[test]
fn replies_of_any_bytes_are_never_taken_for_more_than_they_say() {
    replay("reply", checks::reply::check);
}

#[test]
fn settings_of_any_text_are_refused_or_read_back_as_they_are_printed() {
    replay("settings", checks::settings::check);
}

#[test]
fn job_files_of_any_text_are_refused_or_mean_the_same_when_written_anew() {
    replay("job_file", checks::job_file::check);
}
