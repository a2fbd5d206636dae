//! From a file to a body: lines are split, checked and put behind each other as a JSON array.
//!
//! The file lies in the page cache. Splitting alone is measured beside it, as the least that
//! reading could cost.

use crate::SHAPES;
use crate::rows::{Rows, Shape};
use byteair_sync::input::{InputSettings, Next, Start, open_file};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use std::path::Path;
use tempfile::NamedTempFile;

/// Bytes of a file.
const FILE_BYTES: usize = 16 << 20;
/// Rows of a batch.
const BATCH_ROWS: usize = 10_000;

/// A file of rows, and how many there are.
fn file(shape: Shape, suffix: &str) -> (NamedTempFile, usize) {
    let mut rows = Rows::new(shape);
    let mut text = Vec::new();
    let mut count = 0;
    while text.len() < FILE_BYTES {
        if suffix == ".csv" {
            rows.push_csv(&mut text);
        } else {
            rows.push_json(&mut text);
            text.push(b'\n');
        }
        count += 1;
    }
    let file = tempfile::Builder::new().suffix(suffix).tempfile().unwrap();
    std::fs::write(file.path(), &text).unwrap();
    (file, count)
}

/// Reads all rows into bodies of 10,000.
fn read(path: &Path, body: &mut Vec<u8>) -> usize {
    let mut reader = open_file(path, &InputSettings::default(), Start::BEGINNING).unwrap();
    let mut rows = 0;
    loop {
        if rows % BATCH_ROWS == 0 {
            body.clear();
            black_box(reader.cut());
        }
        body.push(if body.is_empty() { b'[' } else { b',' });
        match reader.next(body).unwrap() {
            Next::Row { .. } => rows += 1,
            Next::Rejected(reject) => assert_eq!(reject.message, "", "a row is bad"),
            Next::NothingYet | Next::End => return rows,
        }
    }
}

fn measure(bencher: Bencher<'_, '_>, shape: Shape, suffix: &str) {
    let (file, rows) = file(shape, suffix);
    let bytes = std::fs::metadata(file.path()).unwrap().len();
    let mut body = Vec::new();
    bencher
        .counter(BytesCount::new(bytes))
        .counter(ItemsCount::new(rows))
        .bench_local(|| assert_eq!(read(file.path(), &mut body), rows));
}

#[divan::bench(args = SHAPES, sample_count = 20)]
fn json_lines(bencher: Bencher<'_, '_>, shape: Shape) {
    measure(bencher, shape, ".jsonl");
}

#[divan::bench(args = SHAPES, sample_count = 20)]
fn csv(bencher: Bencher<'_, '_>, shape: Shape) {
    measure(bencher, shape, ".csv");
}

#[divan::bench(args = SHAPES, sample_count = 20)]
fn splitting_alone(bencher: Bencher<'_, '_>, shape: Shape) {
    let (file, rows) = file(shape, ".jsonl");
    let text = std::fs::read(file.path()).unwrap();
    bencher
        .counter(BytesCount::of_slice(&text))
        .counter(ItemsCount::new(rows))
        .bench_local(|| assert_eq!(memchr::memchr_iter(b'\n', black_box(&text)).count(), rows));
}
