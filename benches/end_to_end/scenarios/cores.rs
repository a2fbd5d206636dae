//! How well reading, compressing and sending overlap: wall time on one core against all cores.

use crate::cost::{Cost, Cpus};
use crate::data::Form;
use crate::table::{Line, median};
use crate::uploader::{Upload, upload};
use crate::workbench::Workbench;

/// Runs the scenario.
pub(super) fn run(bench: &Workbench) -> Vec<Line> {
    let file = bench.file(bench.options.rows, Form::Jsonl);
    let (mut ones, mut alls) = (Vec::new(), Vec::new());
    for _ in 0..bench.options.runs {
        let on = |cpus| {
            let how = Upload {
                cpus,
                ..Upload::default()
            };
            upload(bench, &file, how).cost
        };
        ones.push(on(Cpus::One));
        alls.push(on(Cpus::All));
    }
    let gain = median(ones.iter().zip(&alls).map(|(one, all)| one.wall / all.wall));
    let (one, all) = (Cost::median_of(&ones), Cost::median_of(&alls));
    let cores = std::thread::available_parallelism().unwrap();
    vec![
        Line::new("wall time on one core", format!("{:.2} s", one.wall), ""),
        Line::new(
            format!("wall time on {cores} cores"),
            format!("{:.2} s", all.wall),
            "",
        ),
        Line::new(
            "throughput, all cores / one core",
            format!("{gain:.2}"),
            "≥ 1.7 with two cores free",
        ),
    ]
}
