//! CSV beside JSON lines: the same cells, so that rows for each second of CPU can be compared.

use crate::data::Form;
use crate::table::{Line, median, real};
use crate::uploader::{Upload, upload};
use crate::workbench::Workbench;

/// Runs the scenario.
pub(super) fn run(bench: &Workbench) -> Vec<Line> {
    let rows = bench.options.rows;
    let files = [Form::Jsonl, Form::Csv].map(|form| bench.file(rows, form));
    let mut costs = [Vec::new(), Vec::new()];
    for _ in 0..bench.options.runs {
        for (file, costs) in files.iter().zip(&mut costs) {
            costs.push(upload(bench, file, Upload::default()).cost.cpu());
        }
    }
    let [lines, columns] = costs;
    let ratio = median(lines.iter().zip(&columns).map(|(json, csv)| json / csv));
    let per_second = |costs: Vec<f64>| format!("{:.0}", real(rows) / median(costs));
    vec![
        Line::new("rows a CPU second, JSON lines", per_second(lines), ""),
        Line::new("rows a CPU second, CSV", per_second(columns), ""),
        Line::new("CSV / JSON lines, untyped", format!("{ratio:.2}"), "≥ 0.60"),
    ]
}
