//! How soon a killed upload goes on: the program is killed when nine tenths of a file are settled,
//! then the same command is run again.

use crate::data::Form;
use crate::sink::{Sink, SinkOptions, now};
use crate::table::Line;
use crate::uploader::write;
use crate::workbench::Workbench;
use crate::{cost::Cpus, roles};
use std::path::Path;
use std::process::Stdio;

/// Most rows and bytes of a batch.
const BATCH_ROWS: u64 = 10_000;
const BATCH_BYTES: u64 = 8 << 20;

/// Runs the scenario.
pub(super) fn run(bench: &Workbench) -> Vec<Line> {
    let rows = bench.options.rows * if bench.options.large { 10 } else { 1 };
    let plain = bench.file(rows, Form::Jsonl);
    let size = std::fs::metadata(&plain).unwrap().len();
    let count = u64::try_from(rows).unwrap();
    let batches = count.div_ceil(BATCH_ROWS).max(size.div_ceil(BATCH_BYTES));
    let settled = batches * 9 / 10;
    let first = resume(bench, &plain, settled);
    let gzip = bench.file(rows, Form::Gzip);
    let zipped = resume(bench, &gzip, settled);
    let mut inflate = roles::command("inflate");
    inflate.arg(&gzip);
    let inflating = bench.measure(&inflate, Cpus::All).wall * 0.9;
    vec![
        Line::new(
            format!("resume at 90 % of {rows} rows, first new batch"),
            format!("{first:.2} s"),
            "≤ 0.5 s for 10000000 rows",
        ),
        Line::new(
            "the same, gzip",
            format!("{zipped:.2} s, inflating alone {inflating:.2} s"),
            "inflate speed",
        ),
    ]
}

/// Seconds from the start of the second run until its first new batch has arrived.
fn resume(bench: &Workbench, file: &Path, settled: u64) -> f64 {
    let state = bench.scratch();
    let options = SinkOptions {
        answers: Some(settled),
        ..SinkOptions::default()
    };
    let mut sink = Sink::start(options, bench.path());
    let mut first = write(bench, &sink, state.path());
    first.args(["--date", "2022-01-01"]).arg(file);
    first.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = first.spawn().unwrap();
    sink.wait_until_full();
    child.kill().unwrap();
    child.wait().unwrap();
    // A server at another port would be another target.
    let port = sink.port();
    sink.finish();
    let in_doubt = in_doubt(state.path());
    let options = SinkOptions {
        port,
        ..SinkOptions::default()
    };
    let sink = Sink::start(options, bench.path());
    let mut second = write(bench, &sink, state.path());
    second.args(["--date", "2022-01-01"]).arg(file);
    let begun = now();
    bench.measure(&second, Cpus::All);
    let seen = sink.finish();
    assert!(seen.writes < settled, "it began at the beginning");
    let first_new = seen.arrivals.get(in_doubt);
    first_new.expect("more rows leave something new to send") - begun
}

/// Batches whose outcome the ledger does not know; they are sent before any new one.
fn in_doubt(state: &Path) -> usize {
    let ledger = rusqlite::Connection::open(state.join("ledger.db")).unwrap();
    let count = "SELECT count(*) FROM batch WHERE state = 'intended'";
    let count: u32 = ledger.query_row(count, [], |row| row.get(0)).unwrap();
    usize::try_from(count).unwrap()
}
