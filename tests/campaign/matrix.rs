//! Every fault of the sandbox on `write` and on `done`, rare and frequent, over every form of input.

use crate::comparison::violations;
use crate::place::Place;
use crate::server::{Server, faulty};
use crate::upload::{Form, Upload};
use byteair_sync::sandbox::{FaultOn, SandboxSettings};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Faults that time or another try heals: the run ends with 0.
const HEALED: [&str; 21] = [
    "http:408",
    "http:429",
    "http:500",
    "http:502",
    "http:503",
    "http:504",
    "http:599",
    "status:429",
    "status:500",
    "status:503",
    "reset-before",
    "reset-after",
    "lost-reply",
    "lost-reply:502",
    "lost-reply:504",
    "lost-reply:408",
    "lost-reply:500",
    "lost-reply:503",
    "garbage",
    "hang",
    "slow",
];

/// Faults that a person has to look at, with the status of the run that meets them; the same
/// command goes on afterwards.
const STOPPING: [(&str, i32); 9] = [
    ("http:401", 12),
    ("http:403", 12),
    ("status:401", 12),
    ("http:404", 6),
    ("http:410", 6),
    ("http:307", 6),
    ("status:403", 12),
    ("status:404", 6),
    ("status:1999", 6),
];

const RATES: [&str; 2] = ["0.05", "0.3"];

/// Days of one upload, so that even rare faults meet `done`.
const DAYS: usize = 9;

/// Runs of one upload after which it should have got through.
const MAX_RUNS: usize = 200;

/// One cell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) fault: &'static str,
    pub(crate) on: FaultOn,
    rate: &'static str,
    seed: u64,
}

pub(crate) fn cells(faults: &[&'static str]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for fault in faults {
        for on in [FaultOn::Write, FaultOn::Done] {
            for rate in RATES {
                let seed = u64::try_from(cells.len()).unwrap() + 1;
                cells.push(Cell {
                    fault,
                    on,
                    rate,
                    seed,
                });
            }
        }
    }
    cells
}

/// How often each fault hit.
pub(crate) type Hits = BTreeMap<String, u64>;

/// Works off the cells side by side; each is judged by `check`.
pub(crate) fn work_off(cells: Vec<Cell>, check: impl Fn(Cell) -> Hits + Sync) -> Hits {
    let (cells, hits) = (Mutex::new(cells), Mutex::new(Hits::new()));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let Some(cell) = cells.lock().unwrap().pop() else {
                        return;
                    };
                    for (name, count) in check(cell) {
                        *hits.lock().unwrap().entry(name).or_default() += count;
                    }
                }
            });
        }
    });
    hits.into_inner().unwrap()
}

pub(crate) fn start(cell: Cell) -> (Server, Place, Upload) {
    let rule = format!("{}={}", cell.fault, cell.rate);
    let server = Server::start_kept(faulty(cell.seed, &[&rule], Some(cell.on)));
    let place = Place::of(&server);
    let forms: Vec<&[Form]> = Form::ALL.iter().map(std::slice::from_ref).collect();
    let days: Vec<&[Form]> = forms.iter().copied().cycle().take(DAYS).collect();
    let upload = Upload::generate(&place, &days, 40);
    (server, place, upload)
}

#[test]
fn faults_that_heal_lose_no_row_store_none_twice_and_end_with_0() {
    let hits = work_off(cells(&HEALED), |cell| {
        let (server, place, upload) = start(cell);
        let timeout = if cell.fault == "hang" { "300ms" } else { "30s" };
        let words = upload.words(&format!("--batch-rows 20 --timeout {timeout}"));
        assert_eq!(place.end(&words), 0, "{cell:?}\n{}", place.said());
        let found = violations(&upload, &server);
        assert_eq!(found, [""; 0], "{cell:?}\n{}", place.said());
        server.state().faults
    });
    for fault in HEALED {
        assert!(hits.contains_key(fault), "{fault} never hit: {hits:?}");
    }
}

#[test]
fn faults_that_stop_a_run_have_their_status_and_the_same_command_goes_on() {
    let faults = STOPPING.map(|(fault, _)| fault);
    let hits = work_off(cells(&faults), |cell| {
        let (server, place, upload) = start(cell);
        let words = upload.words("--batch-rows 20");
        let stopped = STOPPING.iter().find(|(fault, _)| *fault == cell.fault);
        let stopped = stopped.unwrap().1;
        let mut ended = false;
        for _ in 0..MAX_RUNS {
            let status = place.end(&words);
            ended = status == 0;
            if ended {
                break;
            }
            assert_eq!(status, stopped, "{cell:?}\n{}", place.said());
        }
        assert!(ended, "{cell:?}\n{}", place.said());
        let found = violations(&upload, &server);
        assert_eq!(found, [""; 0], "{cell:?}\n{}", place.said());
        server.state().faults
    });
    for fault in faults {
        assert!(hits.contains_key(fault), "{fault} never hit: {hits:?}");
    }
}

#[test]
fn stored_batches_whose_replies_are_lost_survive_refusals_that_the_server_remembers() {
    let faults = [
        "lost-reply=0.15",
        "lost-reply:502=0.1",
        "lost-reply:504=0.05",
        "http:429=0.1",
        "status:500=0.1",
    ];
    for (seed, remember_refused) in [(1, false), (2, true), (3, false), (4, true)] {
        let server = Server::start(SandboxSettings {
            remember_refused,
            ..faulty(seed, &faults, None)
        });
        let place = Place::of(&server);
        let upload = Upload::generate(&place, &[&Form::ALL, &Form::ALL], 200);
        let words = upload.words("--batch-rows 10");
        assert_eq!(place.end(&words), 0, "{seed}\n{}", place.said());
        let hits = server.state().faults;
        assert_eq!(hits.len(), faults.len(), "{hits:?}");
        assert_eq!(
            violations(&upload, &server),
            [""; 0],
            "{seed}\n{}",
            place.said()
        );
    }
}
