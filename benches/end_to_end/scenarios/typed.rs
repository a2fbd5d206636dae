//! Rows with a schema of twenty fields: CSV that is typed by it beside JSON lines that are sent as they
//! are, and `validate` by itself.

use crate::cost::Cpus;
use crate::data::{self, Form};
use crate::rows::{SCHEMA, Shape};
use crate::sink::{Sink, SinkOptions};
use crate::table::{Line, median, megabytes, real};
use crate::uploader::{program, write};
use crate::workbench::Workbench;
use std::path::Path;

/// Runs the scenario.
pub(super) fn run(bench: &Workbench) -> Vec<Line> {
    let rows = bench.options.rows;
    let dir = bench.options.data.as_deref().unwrap_or(bench.path());
    let [json, csv] =
        [Form::Jsonl, Form::Csv].map(|form| data::file(dir, Shape::Typed, rows, form));
    let schema = bench.path().join("schema.json");
    std::fs::write(&schema, SCHEMA).unwrap();
    let (mut plain, mut typed, mut checked) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.options.runs {
        plain.push(upload(bench, &json, None));
        typed.push(upload(bench, &csv, Some(&schema)));
        let state = bench.scratch();
        let mut validate = program(bench, state.path());
        validate
            .arg("validate")
            .arg("--schema")
            .arg(&schema)
            .arg(&json);
        checked.push(bench.measure(&validate, Cpus::All).cpu());
    }
    let ratio = median(plain.iter().zip(&typed).map(|(json, csv)| json / csv));
    let bytes = std::fs::metadata(&json).unwrap().len();
    let rate = megabytes(bytes) / median(checked);
    let per_second = |costs: Vec<f64>| format!("{:.0}", real(rows) / median(costs));
    vec![
        Line::new(
            "rows a CPU second, 20 fields, JSON lines",
            per_second(plain),
            "",
        ),
        Line::new(
            "rows a CPU second, 20 fields, CSV with a schema",
            per_second(typed),
            "",
        ),
        Line::new(
            "CSV / JSON lines, typed by a schema",
            format!("{ratio:.2}"),
            "≥ 0.45",
        ),
        Line::new(
            "validate with a schema, MB a CPU second",
            format!("{rate:.0}"),
            "≥ 250",
        ),
    ]
}

fn upload(bench: &Workbench, file: &Path, schema: Option<&Path>) -> f64 {
    let state = bench.scratch();
    let sink = Sink::start(SinkOptions::default(), bench.path());
    let mut command = write(bench, &sink, state.path());
    command.args(["--date", "2022-01-01"]);
    if let Some(schema) = schema {
        command.arg("--schema").arg(schema);
    }
    command.arg(file);
    let cost = bench.measure(&command, Cpus::All).cpu();
    sink.finish();
    cost
}
