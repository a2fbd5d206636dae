//! Whether a row costs the same in a large file.

use crate::data::Form;
use crate::table::{Line, median, real};
use crate::uploader::{Upload, upload};
use crate::workbench::Workbench;

/// Runs the scenario: the chosen number of rows against a tenth of it, or with `--large` ten times
/// as many against the chosen number.
pub(super) fn run(bench: &Workbench) -> Vec<Line> {
    let rows = bench.options.rows;
    let sizes = if bench.options.large {
        [rows, rows * 10]
    } else {
        [rows / 10, rows]
    };
    let costs = sizes.map(|rows| {
        let file = bench.file(rows, Form::Jsonl);
        let runs = 0..bench.options.runs;
        let cpu = median(runs.map(|_| upload(bench, &file, Upload::default()).cost.cpu()));
        cpu / real(rows)
    });
    let what = format!("CPU a row, {} rows / {} rows", sizes[1], sizes[0]);
    let figure = format!(
        "{:.2} ({:.2} µs, {:.2} µs)",
        costs[1] / costs[0],
        costs[1] * 1e6,
        costs[0] * 1e6
    );
    vec![Line::new(what, figure, "≤ 1.05 for 10000000 / 1000000")]
}
