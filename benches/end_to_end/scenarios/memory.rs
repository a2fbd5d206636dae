//! Peak memory at the default settings: it depends neither on the rows nor on their form.

use crate::data::{self, Form};
use crate::sink::SinkOptions;
use crate::table::{Line, mebibytes};
use crate::uploader::{Upload, upload};
use crate::workbench::Workbench;
use std::path::Path;

const WANTED: &str = "≤ 48 MiB, ± 10 %";
/// Days of January with a file each.
const DAYS: usize = 31;

/// Runs the scenario.
pub(super) fn run(bench: &Workbench) -> Vec<Line> {
    let mut lines = Vec::new();
    let largest = bench.options.large.then_some(10_000_000);
    for rows in [100_000, 1_000_000].into_iter().chain(largest) {
        for form in [Form::Jsonl, Form::Csv, Form::Gzip] {
            let file = bench.file(rows, form);
            let what = format!("{rows} rows, {}", form.extension());
            lines.push(line(bench, &what, &file, Upload::default()));
            if rows > 1_000_000 && bench.options.data.is_none() {
                std::fs::remove_file(&file).unwrap();
            }
        }
    }
    let dir = bench.scratch();
    for day in 1..=DAYS {
        let path = dir.path().join(format!("2022-01-{day:02}.jsonl"));
        data::write(&path, bench.options.shape, 20_000, Form::Jsonl);
    }
    let dates = Upload {
        arguments: &["--date", "2022-01-01..2022-01-31"],
        ..Upload::default()
    };
    let pattern = dir.path().join("{date}.jsonl");
    let what = format!("{DAYS} dates of 20000 rows");
    lines.push(line(bench, &what, &pattern, dates));
    let slow = Upload {
        sink: SinkOptions {
            latency: 1_000,
            ..SinkOptions::default()
        },
        ..Upload::default()
    };
    let file = bench.file(1_000_000, Form::Jsonl);
    lines.push(line(bench, "1000000 rows, answers after 1 s", &file, slow));
    let refusing = Upload {
        sink: SinkOptions {
            refuses: true,
            ..SinkOptions::default()
        },
        arguments: &["--date", "2022-01-01", "--max-errors", "10%"],
        ..Upload::default()
    };
    lines.push(line(
        bench,
        "1000000 rows, a 1001 for each batch",
        &file,
        refusing,
    ));
    lines
}

fn line(bench: &Workbench, what: &str, source: &Path, how: Upload) -> Line {
    let peak = upload(bench, source, how).cost.peak;
    let figure = format!("{:.1} MiB", mebibytes(peak));
    Line::new(format!("peak memory, {what}"), figure, WANTED)
}
