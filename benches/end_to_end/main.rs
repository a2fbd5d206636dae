//! What an upload costs, end to end: the program is run against a sink that costs almost nothing,
//! beside a floor program that only does what cannot be left out.
//!
//! `cargo bench --bench end_to_end -- --help` shows the scenarios and options. The sink, the floor
//! and the measuring run as processes of their own, which are this program again under other names
//! (see [`roles`]). Everything is written below a temporary directory and removed.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that cannot go on has to stop"
)]

mod cost;
mod data;
mod floor;
mod roles;
#[path = "../hot_parts/rows.rs"]
mod rows;
mod scenarios;
mod sink;
mod table;
mod uploader;
mod workbench;

use clap::Parser;
use rows::Shape;
use scenarios::SCENARIOS;
use std::path::PathBuf;
use workbench::Workbench;

/// What to measure, and how often.
#[derive(Debug, Parser)]
#[command(about = "Measures byteair-sync end to end", after_help = scenarios::list())]
pub(crate) struct Options {
    /// Scenarios to run [default: all]
    names: Vec<String>,
    /// Rows of the file
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
    /// What the rows look like
    #[arg(long, value_enum, default_value_t = Shape::Item)]
    shape: Shape,
    /// Runs of which the median is taken
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Ten times the rows as well, where growth is measured
    #[arg(long)]
    large: bool,
    /// Directory for data and state [default: the system's temporary directory]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Directory in which generated files are kept for the next time [default: they are removed]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Measure this program instead of the one built along
    #[arg(long)]
    program: Option<PathBuf>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    if roles::play() {
        return;
    }
    let options = Options::parse();
    for name in &options.names {
        let known = SCENARIOS.iter().any(|scenario| scenario.name == name);
        assert!(known, "there is no scenario '{name}'; --help lists them");
    }
    let bench = Workbench::new(options);
    let mut lines = Vec::new();
    for scenario in SCENARIOS {
        let wanted = &bench.options.names;
        if wanted.is_empty() || wanted.iter().any(|name| name == scenario.name) {
            println!("{}: {}", scenario.name, scenario.about);
            let measured = (scenario.run)(&bench);
            for line in &measured {
                println!("  {line}");
            }
            lines.extend(measured);
        }
    }
    println!("\n{}", table::markdown(&lines));
}
