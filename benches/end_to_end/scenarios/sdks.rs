//! The official SDKs on the same rows against the same sink.
//!
//! They run where their paths are given: `BYTEAIR_PYTHON_SDK` is the folder of the Python SDK's
//! sources (`BYTEAIR_PYTHON` an interpreter that has its requirements), `BYTEAIR_GO_SDK` the program
//! built from `go_sdk.go`. Without them there is nothing to show.

use crate::cost::{Cost, Cpus};
use crate::data::Form;
use crate::sink::{Sink, SinkOptions};
use crate::table::{Line, mebibytes, median, megabytes};
use crate::uploader::{Upload, upload};
use crate::workbench::Workbench;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

const PYTHON_DRIVER: &str = "benches/end_to_end/python_sdk.py";
/// Goroutines of the Go program.
const GOROUTINES: [&str; 2] = ["1", "4"];

/// A program to compare with.
struct Rival {
    name: String,
    command: Command,
    wanted: &'static str,
}

/// Runs the scenario.
pub(super) fn run(bench: &Workbench) -> Vec<Line> {
    let rivals = rivals();
    let file = bench.file(bench.options.rows, Form::Jsonl);
    let mut lines = Vec::new();
    for rival in rivals {
        let (mut theirs, mut ours, mut bytes) = (Vec::new(), Vec::new(), 0);
        for _ in 0..bench.options.runs {
            let (cost, sent) = run_rival(bench, &rival, &file);
            theirs.push(cost);
            bytes = sent;
            ours.push(upload(bench, &file, Upload::default()).cost);
        }
        let ratio = median(theirs.iter().zip(&ours).map(|(t, o)| t.cpu() / o.cpu()));
        let cost = Cost::median_of(&theirs);
        let figure = format!(
            "{:.2} s CPU, {:.2} s wall, {:.0} MiB, {:.1} MB sent",
            cost.cpu(),
            cost.wall,
            mebibytes(cost.peak),
            megabytes(bytes)
        );
        lines.push(Line::new(rival.name.clone(), figure, ""));
        let what = format!("{} / `write`, CPU", rival.name);
        lines.push(Line::new(what, format!("{ratio:.1}"), rival.wanted));
    }
    lines
}

fn rivals() -> Vec<Rival> {
    let mut rivals = Vec::new();
    if let Some(sources) = std::env::var_os("BYTEAIR_PYTHON_SDK") {
        let python = std::env::var_os("BYTEAIR_PYTHON");
        let mut command = Command::new(python.unwrap_or(OsString::from("python3")));
        command.env("PYTHONPATH", sources);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(PYTHON_DRIVER));
        rivals.push(Rival {
            name: "Python SDK".to_owned(),
            command,
            wanted: "≥ 15",
        });
    }
    if let Some(program) = std::env::var_os("BYTEAIR_GO_SDK") {
        for goroutines in GOROUTINES {
            let mut command = Command::new(&program);
            command.arg(goroutines);
            rivals.push(Rival {
                name: format!("Go SDK, {goroutines} goroutine(s)"),
                command,
                wanted: "≥ 10",
            });
        }
    }
    rivals
}

/// What the rival cost, and the bytes that it sent.
fn run_rival(bench: &Workbench, rival: &Rival, file: &Path) -> (Cost, u64) {
    let sink = Sink::start(SinkOptions::default(), bench.path());
    let mut command = Command::new(rival.command.get_program());
    for (name, value) in rival.command.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command.args(rival.command.get_args());
    command.arg(sink.host()).arg(file);
    let cost = bench.measure(&command, Cpus::All);
    (cost, sink.finish().bytes)
}
