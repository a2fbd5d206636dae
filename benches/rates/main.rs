//! The rates of the release binary as an independent receiver sees them.
//!
//! `cargo bench --bench rates -- [full] [sharing] [throttling] [--runs N] [--only TEXT]
//! [--program PATH] [--rows N] [--guard D] [--drop-at S] [--watched S] [--curves]`. Without a name all three are
//! run; `--curves` also prints what happened second by second, and kills sooner. It generates its
//! data in a temporary directory, starts uploads against a server of its own on loopback and prints
//! a table; figures are medians with the least and the most of all runs, and `load` says how busy
//! the machine was.

#![allow(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for measuring prints, and stops where it cannot go on"
)]

mod arrivals;
mod full_rate;
mod receiver;
mod sharing;
mod throttling;
mod upload;

use arrivals::{Arrival, Spread, stretch};
use std::io;
use std::path::PathBuf;
use upload::Place;

/// How many servers that throttle are tried at a time: uploads mostly wait.
const BESIDE_EACH_OTHER: usize = 4;

struct Options {
    names: Vec<String>,
    only: String,
    program: PathBuf,
    runs: usize,
    rows: u32,
    guard: String,
    drop_at: f64,
    watched: f64,
    curves: bool,
}

impl Options {
    fn parse() -> Self {
        let mut options = Self {
            names: Vec::new(),
            only: String::new(),
            program: env!("CARGO_BIN_EXE_byteair-sync").into(),
            runs: 3,
            rows: 3_000_000,
            guard: "10ms".to_owned(),
            drop_at: 60.0,
            watched: 120.0,
            curves: false,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_default();
            match word.as_str() {
                "--only" => options.only = value(),
                "--program" => options.program = value().into(),
                "--runs" => options.runs = value().parse().unwrap(),
                "--rows" => options.rows = value().parse().unwrap(),
                "--guard" => options.guard = value(),
                "--drop-at" => options.drop_at = value().parse().unwrap(),
                "--watched" => options.watched = value().parse().unwrap(),
                "--curves" => options.curves = true,
                // Cargo's own.
                "--bench" => {}
                _ => options.names.push(word),
            }
        }
        options
    }

    fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| wanted == name)
    }

    fn chosen<'a, C>(&self, cases: &'a [C], name: fn(&C) -> &'static str) -> Vec<&'a C> {
        let chosen = |case: &&C| name(case).contains(&self.only);
        cases.iter().filter(chosen).collect()
    }
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    let place = Place::new(options.program.clone())?;
    if options.wants("full") {
        full_rate(&options, &place)?;
    }
    if options.wants("sharing") {
        sharing(&options, &place)?;
    }
    if options.wants("throttling") {
        throttling(&options, &place)?;
    }
    Ok(())
}

fn full_rate(options: &Options, place: &Place) -> io::Result<()> {
    println!("\nfull rate: at least 98.5% used, no second over 50,000 rows or 100 requests");
    println!(
        "| upload | used % | fullest second: rows, requests | ms to spare | CPU s | MiB | load % |"
    );
    println!("|---|---|---|---|---|---|---|");
    for case in options.chosen(&full_rate::CASES, |case| case.name) {
        let runs = (0..options.runs).map(|_| case.run(place, options.rows, &options.guard));
        let runs = runs.collect::<io::Result<Vec<_>>>()?;
        let all =
            |figure: fn(&full_rate::Figures) -> f64| Spread(runs.iter().map(figure).collect());
        let incomplete = runs.iter().filter(|run| !run.complete).count();
        println!(
            "| {}{} | {} | {}, {} | {} | {} | {} | {} |",
            case.name,
            if incomplete > 0 { " INCOMPLETE" } else { "" },
            all(|run| run.used),
            runs.iter().map(|run| run.fullest.0).max().unwrap_or(0),
            runs.iter().map(|run| run.fullest.1).max().unwrap_or(0),
            all(|run| run.narrowest),
            all(|run| run.processor),
            all(|run| run.memory),
            all(|run| run.load),
        );
    }
    Ok(())
}

fn sharing(options: &Options, place: &Place) -> io::Result<()> {
    println!("\nside by side: at least 95% used, no second over; then the last one is killed");
    println!(
        "| uploads | used % | fullest second: rows, requests | rows/s of each | silence s | missed s | load % |"
    );
    println!("|---|---|---|---|---|---|---|");
    for case in options.chosen(&sharing::CASES, |case| case.name) {
        let until = options.curves.then_some(8.0);
        let runs = (0..options.runs).map(|_| case.run(place, until));
        let runs = runs.collect::<io::Result<Vec<_>>>()?;
        let all = |figure: fn(&sharing::Figures) -> f64| Spread(runs.iter().map(figure).collect());
        println!(
            "| {} | {} | {}, {} | {:.0?} | {} | {} | {} |",
            case.name,
            all(|run| run.used),
            runs.iter().map(|run| run.fullest.0).max().unwrap_or(0),
            runs.iter().map(|run| run.fullest.1).max().unwrap_or(0),
            runs[0].rows,
            all(|run| run.gap),
            all(|run| run.missed),
            all(|run| run.load),
        );
        if options.curves {
            for run in &runs {
                println!("  rows in 100 ms around the kill: {:?}", run.slots);
            }
        }
    }
    Ok(())
}

fn throttling(options: &Options, place: &Place) -> io::Result<()> {
    println!("\nthrottling: half a minute after the drop at least 90% used and under 2% refused");
    println!("| server, 10,000-row batches | used % | refused % | back at 95% after s | load % |");
    println!("|---|---|---|---|---|");
    let cases = options.chosen(&throttling::CASES, |case| case.name);
    // Nobody measures while the data is being made.
    throttling::prepare(place)?;
    for group in cases.chunks(BESIDE_EACH_OTHER) {
        let mut figures: Vec<Vec<throttling::Figures>> = group.iter().map(|_| Vec::new()).collect();
        for _ in 0..options.runs {
            std::thread::scope(|scope| {
                let run = |case: &'static throttling::Case| {
                    scope.spawn(move || case.run(place, options.drop_at, options.watched))
                };
                let running: Vec<_> = group.iter().map(|case| run(case)).collect();
                for (running, figures) in running.into_iter().zip(&mut figures) {
                    figures.push(running.join().unwrap()?);
                }
                io::Result::Ok(())
            })?;
        }
        for (case, runs) in group.iter().zip(&figures) {
            let all =
                |figure: fn(&throttling::Figures) -> f64| Spread(runs.iter().map(figure).collect());
            let back = Spread(runs.iter().filter_map(|run| run.back).collect());
            println!(
                "| {} | {} | {} | {back} | {} |",
                case.name,
                all(|run| run.used),
                all(|run| run.refused),
                all(|run| run.load),
            );
            if options.curves {
                for run in runs {
                    show(&run.arrivals);
                }
            }
        }
    }
    Ok(())
}

/// Two seconds a line: rows taken as a bar, requests, refusals.
fn show(arrivals: &[Arrival]) {
    let end = arrivals.last().map_or(0.0, |last| last.at);
    let starts = (0..).map(|line| f64::from(line) * 2.0);
    for from in starts.take_while(|from| *from < end) {
        let sum = stretch(arrivals, from, from + 2.0);
        let rows = sum.rows_taken / 2;
        let bar = "#".repeat((rows / 1_000) as usize);
        println!(
            "{from:5.0} s {rows:6} {bar:50} {:4} sent {:3} refused",
            sum.requests, sum.refused
        );
    }
}
