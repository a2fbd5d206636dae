//! Small runs: how long the program takes to start, and to upload next to nothing.

use crate::cost::Cpus;
use crate::data::{self, Form};
use crate::sink::{Sink, SinkOptions};
use crate::table::{Line, mebibytes, median, megabytes};
use crate::uploader::{program, write};
use crate::workbench::Workbench;

/// These runs are short, so there are more of them for each that is asked for.
const TIMES: usize = 4;

/// Runs the scenario.
pub(super) fn run(bench: &Workbench) -> Vec<Line> {
    let runs = bench.options.runs * TIMES;
    let state = bench.scratch();
    let mut version = program(bench, state.path());
    version.arg("--version");
    let versions: Vec<_> = (0..runs)
        .map(|_| bench.measure(&version, Cpus::All))
        .collect();
    let sink = Sink::start(SinkOptions::default(), bench.path());
    let writes: Vec<_> = (0..=runs)
        .map(|run| {
            // Another file for another day, so that each run uploads and sends `done`.
            let file = state.path().join(format!("{run}.jsonl"));
            data::write(&file, bench.options.shape, 10 + run, Form::Jsonl);
            let day = format!("2022-{:02}-{:02}", 1 + run / 28, 1 + run % 28);
            let mut write = write(bench, &sink, state.path());
            write.args(["--date", &day]).arg(file);
            bench.measure(&write, Cpus::All)
        })
        .skip(1) // It makes the ledger.
        .collect();
    sink.finish();
    let size = std::fs::metadata(bench.program()).unwrap().len();
    let peak = writes.iter().map(|run| run.peak).max().unwrap_or_default();
    let milliseconds = |walls: Vec<f64>| format!("{:.1} ms", median(walls) * 1e3);
    let wall = |runs: &[crate::cost::Cost]| runs.iter().map(|run| run.wall).collect();
    vec![
        Line::new("`--version`", milliseconds(wall(&versions)), "< 10 ms"),
        Line::new(
            "`write` of 10 rows with `done`",
            format!(
                "{}, {:.1} MiB",
                milliseconds(wall(&writes)),
                mebibytes(peak)
            ),
            "< 60 ms",
        ),
        Line::new(
            "size of the program",
            format!("{:.1} MB", megabytes(size)),
            "< 25 MB",
        ),
    ]
}
