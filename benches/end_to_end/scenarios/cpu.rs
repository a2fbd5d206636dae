//! CPU of a whole upload beside that of the floor, taken in turns so that both meet the same noise.

use crate::cost::Cost;
use crate::data::{self, Form};
use crate::table::{Line, mebibytes, median, megabytes, real};
use crate::uploader::{Upload, upload};
use crate::workbench::Workbench;

/// Runs the scenario.
pub(super) fn run(bench: &Workbench) -> Vec<Line> {
    let rows = bench.options.rows;
    let file = bench.file(rows, Form::Jsonl);
    let (mut floors, mut writes, mut seen) = (Vec::new(), Vec::new(), None);
    for _ in 0..bench.options.runs {
        floors.push(bench.floor(&file));
        let uploaded = upload(bench, &file, Upload::default());
        writes.push(uploaded.cost);
        seen = Some(uploaded.seen);
    }
    let seen = seen.expect("at least one run");
    let ratio = median(writes.iter().zip(&floors).map(|(w, f)| w.cpu() / f.cpu()));
    let (floor, write) = (Cost::median_of(&floors), Cost::median_of(&writes));
    let size = std::fs::metadata(&file).unwrap().len();
    let shown = |cost: &Cost| {
        format!(
            "{:.2} s CPU ({:.2} user, {:.2} system), {:.2} s wall, {:.1} MiB",
            cost.cpu(),
            cost.user,
            cost.system,
            cost.wall,
            mebibytes(cost.peak)
        )
    };
    let sent = format!(
        "{:.1} MB in {} requests, {:.0} bytes a row",
        megabytes(seen.bytes),
        seen.writes,
        real(seen.bytes) / real(rows)
    );
    let name = data::name_of(bench.options.shape);
    vec![
        Line::new(
            format!("file: {rows} rows ({name})"),
            format!("{:.1} MB", megabytes(size)),
            "",
        ),
        Line::new("floor, level 1", shown(&floor), ""),
        Line::new("`write`", shown(&write), ""),
        Line::new("`write` / floor, CPU", format!("{ratio:.2}"), "≤ 1.25"),
        Line::new("sent by `write`", sent, ""),
    ]
}
