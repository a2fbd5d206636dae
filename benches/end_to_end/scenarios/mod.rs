//! The scenarios, one file each: what is run, how often, and which figures come of it.

mod columns;
mod cores;
mod cpu;
mod growth;
mod ledger;
mod memory;
mod resume;
mod sdks;
mod start;
mod tls;
mod typed;

use crate::table::Line;
use crate::workbench::Workbench;

/// Something to measure.
pub(crate) struct Scenario {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) about: &'static str,
    /// Runs it.
    pub(crate) run: fn(&Workbench) -> Vec<Line>,
}

/// All of them, in the order of the table.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "cpu",
        about: "CPU of a write beside the floor program",
        run: cpu::run,
    },
    Scenario {
        name: "sdks",
        about: "the official SDKs on the same rows, where their paths are given",
        run: sdks::run,
    },
    Scenario {
        name: "cores",
        about: "wall time on one core and on all",
        run: cores::run,
    },
    Scenario {
        name: "tls",
        about: "CPU over TLS beside plain HTTP",
        run: tls::run,
    },
    Scenario {
        name: "memory",
        about: "peak memory by rows, form, dates and refusals",
        run: memory::run,
    },
    Scenario {
        name: "columns",
        about: "rows of CSV for each second of CPU beside JSON lines",
        run: columns::run,
    },
    Scenario {
        name: "typed",
        about: "CSV that is typed by a schema beside JSON lines, and validate",
        run: typed::run,
    },
    Scenario {
        name: "resume",
        about: "time to the first batch after a kill at 90 %",
        run: resume::run,
    },
    Scenario {
        name: "ledger",
        about: "a ledger with a million settled batches",
        run: ledger::run,
    },
    Scenario {
        name: "start",
        about: "small runs, and the size of the program",
        run: start::run,
    },
    Scenario {
        name: "growth",
        about: "CPU for each row as the file grows",
        run: growth::run,
    },
];

/// Names and purposes, for the help.
pub(crate) fn list() -> String {
    let lines = SCENARIOS
        .iter()
        .map(|scenario| format!("  {:<9}{}", scenario.name, scenario.about));
    format!("Scenarios:\n{}", lines.collect::<Vec<_>>().join("\n"))
}
