//! A ledger with a million settled batches: how large it is, and how soon it is read.
//!
//! A real upload makes the ledger; its batches are then multiplied in the database, where uploading
//! them would take hours.

use crate::cost::{Cost, Cpus};
use crate::data::Form;
use crate::sink::{Sink, SinkOptions};
use crate::table::{Line, real};
use crate::uploader::{program, write};
use crate::workbench::Workbench;
use rusqlite::Connection;
use std::path::Path;

const BATCHES: u32 = 1_000_000;
/// Rows of the real upload, and how many of them are a batch.
const ROWS: usize = 100_000;
const BATCH_ROWS: &str = "50";

/// Runs the scenario.
pub(super) fn run(bench: &Workbench) -> Vec<Line> {
    let state = bench.scratch();
    let sink = Sink::start(SinkOptions::default(), bench.path());
    let mut upload = write(bench, &sink, state.path());
    upload.args([
        "--date",
        "2022-01-01",
        "--no-done",
        "--batch-rows",
        BATCH_ROWS,
    ]);
    upload.arg(bench.file(ROWS, Form::Jsonl));
    bench.measure(&upload, Cpus::All);
    let batches = sink.finish().writes;
    let grown = checkpointed(state.path());
    let each = grown.checked_div(batches).unwrap_or_default();
    multiply(state.path());
    let size = checkpointed(state.path());
    let read = |arguments: &[&str]| {
        let mut command = program(bench, state.path());
        command.args(arguments);
        let runs = (0..bench.options.runs).map(|_| bench.measure(&command, Cpus::All));
        Cost::median_of(&runs.collect::<Vec<_>>()).wall
    };
    let list = read(&["status"]);
    let show = read(&["ledger", "show", "--topic", "item"]);
    let small = small_write(bench, state.path());
    vec![
        Line::new(
            format!("growth of the ledger, upload of {batches} batches"),
            format!("{each} bytes a batch"),
            "≤ 200",
        ),
        Line::new(
            format!("size of the ledger, {BATCHES} settled batches"),
            format!("{:.0} bytes a batch", real(size) / f64::from(BATCHES)),
            "≤ 200",
        ),
        Line::new("the same, `status`", format!("{list:.3} s"), "< 0.3 s"),
        Line::new("the same, `ledger show`", format!("{show:.3} s"), ""),
        Line::new(
            "the same, `write` of 10 rows of another date",
            format!("{small:.3} s"),
            "",
        ),
    ]
}

fn small_write(bench: &Workbench, state: &Path) -> f64 {
    let sink = Sink::start(SinkOptions::default(), bench.path());
    let mut write = write(bench, &sink, state);
    write
        .args(["--date", "2022-02-01"])
        .arg(bench.file(10, Form::Jsonl));
    bench.measure(&write, Cpus::All).wall
}

/// Size of the ledger after everything has reached the database itself.
fn checkpointed(state: &Path) -> u64 {
    let path = state.join("ledger.db");
    let ledger = Connection::open(&path).unwrap();
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    ledger.query_row(checkpoint, [], |_| Ok(())).unwrap();
    std::fs::metadata(path).unwrap().len()
}

/// Adds batches and chunks like the last ones.
fn multiply(state: &Path) {
    let ledger = Connection::open(state.join("ledger.db")).unwrap();
    let have: u32 = ledger
        .query_row("SELECT count(*) FROM batch", [], |row| row.get(0))
        .unwrap();
    let more = BATCHES - have;
    let statements = format!(
        "BEGIN;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {more}),
          last AS (SELECT * FROM chunk ORDER BY byte_offset DESC LIMIT 1)
        INSERT INTO chunk SELECT input, first_record + i * records, records, 0,
          byte_offset + i * byte_length, byte_length, line + i * lines, lines, randomblob(16)
          FROM last, n;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {more}),
          last AS (SELECT * FROM batch ORDER BY id DESC LIMIT 1)
        INSERT INTO batch SELECT id + i, partition, first_input, first_record + i * rows,
          last_record + i * rows, rows, randomblob(16), 0, 0, state, accepted, unconfirmed,
          refused, parent FROM last, n;
        COMMIT;"
    );
    ledger.execute_batch(&statements).unwrap();
}
