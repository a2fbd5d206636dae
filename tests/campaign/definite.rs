//! Faults that end in a way that a person has to see, on `write` and on `done`, rare and frequent:
//! the run says so with its status, nothing is lost, and once the fault is gone the way out that is
//! promised leads to the same end as without it.

use crate::comparison::compare;
use crate::matrix::{Cell, Hits, cells, start, work_off};
use crate::place::Place;
use crate::server::{Server, unlimited};
use crate::upload::{Form, Upload};
use byteair_sync::sandbox::FaultOn;
use std::collections::BTreeSet;

/// Refusals of a whole batch: taken apart down to its rows, which become dead letters.
const TAKEN_APART: [&str; 4] = ["status:400", "http:400", "status:413", "http:413"];

/// Refusals after which nobody knows what the platform has: such a batch blocks its date.
const BLOCKING: [&str; 3] = ["status:409", "http:409", "status:1001"];

/// Runs of one upload after which its batches are taken apart.
const MAX_RUNS: usize = 40;

/// Options that make batches of a few rows, so that there are many.
const OPTIONS: &str = "--batch-rows 20";

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn writes(faults: &[&'static str]) -> Vec<Cell> {
    let mut cells = cells(faults);
    cells.retain(|cell| cell.on == FaultOn::Write);
    cells
}

fn healthy(server: Server) -> Server {
    server.restarted(|settings| settings.faults.clear())
}

fn expect_all_hit(faults: &[&str], hits: &Hits) {
    for fault in faults {
        assert!(hits.contains_key(*fault), "{fault} never hit: {hits:?}");
    }
}

/// Fails unless the server has every row once and one `done` for each day.
fn expect_complete(cell: Cell, upload: &Upload, server: &Server, place: &Place) {
    let found = compare(upload, &server.state(), &server.rows(upload));
    assert_eq!(found, [""; 0], "{cell:?}\n{}", place.said());
}

/// The days that have open dead letters.
fn days_with_letters(place: &Place) -> BTreeSet<String> {
    let before = place.said().len();
    let list = words("rejects list --json --limit 100000");
    assert_eq!(place.end(&list), 0, "{}", place.said());
    let said = place.said();
    let letters = said[before..].lines().filter_map(|line| {
        let letter: serde_json::Value = serde_json::from_str(line).expect(line);
        let file = letter["file"].as_str()?;
        let day = file.split('/').rev().nth(1)?.to_owned();
        (letter["state"] == "open").then_some(day)
    });
    letters.collect()
}

#[test]
fn rows_of_batches_that_were_refused_whole_are_dead_letters_and_their_replay_completes_each_date() {
    let hits = work_off(writes(&TAKEN_APART), |cell| {
        let (server, place, upload) = start(cell);
        let write = upload.words(OPTIONS);
        let mut status = 6;
        for _ in 0..MAX_RUNS {
            // While nothing of a date was accepted, it may as well be a wrong setting.
            status = place.end(&write);
            if status != 6 {
                break;
            }
        }
        assert!([0, 3].contains(&status), "{cell:?}\n{}", place.said());
        let hits = server.state().faults;
        let server = healthy(server);
        let days = days_with_letters(&place);
        assert_eq!(days.is_empty(), status == 0, "{cell:?}\n{}", place.said());
        for day in days {
            // Nothing was wrong with the rows: they go again as they are.
            let nth = upload.days.iter().position(|known| *known == day).unwrap();
            let file = format!("again-{day}.{}", Form::ALL[nth % Form::ALL.len()].name());
            let export = format!("rejects export -d {day} --output {file}");
            assert_eq!(place.end(&words(&export)), 0, "{}", place.said());
            let replay = format!("rejects replay {file} -t item -s history_sync -d {day}");
            assert_eq!(place.end(&words(&replay)), 0, "{}", place.said());
        }
        assert_eq!(place.end(&write), 0, "{cell:?}\n{}", place.said());
        expect_complete(cell, &upload, &server, &place);
        hits
    });
    expect_all_hit(&TAKEN_APART, &hits);
}

#[test]
fn batches_of_which_nobody_knows_block_their_date_and_starting_it_over_completes_it() {
    let hits = work_off(writes(&BLOCKING), |cell| {
        let (server, place, upload) = start(cell);
        let write = upload.words(OPTIONS);
        let (status, summary) = place.summary(&write);
        let hits = server.state().faults;
        let blocked: Vec<String> = summary["dates"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|date| date["done"] == "withheld")
            .map(|date| {
                let why = date["why"].as_str().unwrap();
                assert!(why.contains("--restart"), "{date}");
                date["date"].as_str().unwrap().to_owned()
            })
            .collect();
        let expected = if blocked.is_empty() { 0 } else { 7 };
        assert_eq!(status, expected, "{cell:?}\n{}", place.said());
        assert_eq!(hits.is_empty(), blocked.is_empty(), "{cell:?}");
        let server = healthy(server);
        // Time does not help, and nothing is sent in the hope that it does.
        assert_eq!(place.end(&write), expected, "{}", place.said());
        assert_eq!(server.state().requests_total, 0, "{}", place.said());
        if !blocked.is_empty() {
            let days = blocked.join(",");
            let over = format!(
                "write -t item -s history_sync -d {days} {OPTIONS} --restart data/{{date}}"
            );
            assert_eq!(place.end(&words(&over)), 0, "{cell:?}\n{}", place.said());
        }
        assert_eq!(place.end(&write), 0, "{cell:?}\n{}", place.said());
        expect_nothing_lost(cell, &upload, &server, &blocked);
        hits
    });
    expect_all_hit(&BLOCKING, &hits);
}

/// Each row is stored, that of a date that was started over at most once more; one `done` each.
fn expect_nothing_lost(cell: Cell, upload: &Upload, server: &Server, over: &[String]) {
    let (state, mut rows) = (server.state(), server.rows(upload));
    for day in over {
        let rows = rows.get_mut(day).unwrap();
        rows.sort();
        let stored = rows.len();
        rows.dedup();
        assert!(stored <= 2 * rows.len(), "{cell:?} {day}");
    }
    assert_eq!(compare(upload, &state, &rows), [""; 0], "{cell:?}");
}

/// What `done` may be answered without having been heard before.
const DONE: [&str; 9] = [
    "status:400",
    "http:400",
    "status:413",
    "http:413",
    "status:409",
    "http:409",
    "status:1001",
    "http:405",
    "status:1234",
];

#[test]
fn a_done_that_is_refused_ends_with_status_6_and_follows_once_the_fault_is_gone() {
    let mut cells = cells(&DONE);
    cells.retain(|cell| cell.on == FaultOn::Done);
    let hits = work_off(cells, |cell| {
        let (server, place, upload) = start(cell);
        let write = upload.words(OPTIONS);
        let status = place.end(&write);
        let hits = server.state().faults;
        let expected = if hits.is_empty() { 0 } else { 6 };
        assert_eq!(status, expected, "{cell:?}\n{}", place.said());
        let server = healthy(server);
        if cell.fault.ends_with(":409") && status == 6 {
            // Whether that was somebody else's `done` only a person can see.
            assert_eq!(place.end(&write), 7, "{cell:?}\n{}", place.said());
            let days = upload.days.join(",");
            let done = words(&format!("done -t item -s history_sync -d {days}"));
            assert_eq!(place.end(&done), 0, "{cell:?}\n{}", place.said());
        }
        assert_eq!(place.end(&write), 0, "{cell:?}\n{}", place.said());
        // Only what was missing is asked for.
        let asked = server.state().requests_total;
        assert_eq!(asked, hits.values().sum::<u64>(), "{cell:?}");
        expect_complete(cell, &upload, &server, &place);
        hits
    });
    // There are few requests for done: chance may spare some of them.
    assert!(hits.len() > DONE.len() / 2, "{hits:?}");
}

#[test]
fn a_server_that_is_restarted_knows_what_it_had() {
    let server = Server::start_kept(unlimited(1));
    let place = Place::of(&server);
    let upload = Upload::generate(&place, &[&[Form::Jsonl]], 20);
    assert_eq!(place.end(&upload.words("")), 0, "{}", place.said());
    let server = healthy(server);
    assert_eq!(server.state().rows_total, 20);
    assert_eq!(server.state().partitions[0].done_requests, 1);
}
