//! The crash campaign: SIGKILL at random moments, the same command again until it exits 0, then the
//! comparison.
//!
//! Kills are aimed in several ways, as sealing and `done` are short: after a random time, after a
//! random number of stored rows, after the last row, after a `done`, each plus a random delay. The
//! moment is never exact, so a seed repeats files, options and faults but not the kill itself.

use crate::comparison::violations_after_kills;
use crate::phase::{Histogram, Phase};
use crate::place::{LIMIT, LOOK, kill, within};
use crate::server::{Server, faulty};
use crate::shape::{SHAPES, Shape, Shaped};
use byteair_sync::sandbox::{FaultOn, SandboxSettings};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::process::Child;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How many kills a campaign has; 40 when absent.
pub(crate) const KILLS: &str = "CAMPAIGN_KILLS";
/// Where its random numbers start.
pub(crate) const SEED: &str = "CAMPAIGN_SEED";

/// Exit statuses of runs that were not killed: all is done, or only time is missing.
const GOOD: [i32; 2] = [0, 5];

/// Runs of one upload that may end with 5 before something is wrong.
const MAX_RUNS: usize = 100;

/// What the exchanges of an upload meet besides kills: nothing, a bit of everything, or so much at
/// one call that a kill is likely to fall into it. No fault both stores and refuses.
const WEATHER: [(Option<FaultOn>, &[&str]); 4] = [
    (None, &[]),
    (
        None,
        &[
            "lost-reply=0.05",
            "lost-reply:502=0.04",
            "lost-reply:504=0.02",
            "garbage=0.03",
            "reset-after=0.04",
            "reset-before=0.03",
            "http:503=0.04",
            "http:429=0.02",
            "status:500=0.04",
            "slow=0.02",
        ],
    ),
    (
        Some(FaultOn::Write),
        &[
            "reset-before=0.3",
            "status:500=0.1",
            "http:503=0.1",
            "lost-reply=0.1",
        ],
    ),
    (
        Some(FaultOn::Done),
        &[
            "reset-after=0.4",
            "http:503=0.2",
            "status:500=0.1",
            "lost-reply=0.1",
        ],
    ),
];

/// When to kill.
#[derive(Debug, Clone, Copy)]
enum Aim {
    After(Duration),
    /// When the ledger was seen to have been written so often.
    LedgerWritten(usize, Duration),
    RowsStored(u64, Duration),
    DonesAccepted(u64, Duration),
}

/// What a campaign came to.
#[derive(Debug, Default)]
struct Tally {
    started: usize,
    uploads: usize,
    runs: usize,
    rows: usize,
    faults: u64,
    duplicates: u64,
    histogram: Histogram,
    violations: Vec<String>,
}

/// One upload that is killed again and again.
struct Case {
    random: StdRng,
    server: Server,
    shape: &'static Shape,
    shaped: Shaped,
    /// How long a run takes up to its first request.
    startup: Duration,
}

pub(crate) fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().expect(name),
        Err(_) => default,
    }
}

#[test]
fn whenever_it_is_killed_every_row_is_stored_once_and_done_comes_once_and_last() {
    let kills = usize::try_from(number(KILLS, 40)).unwrap();
    let seed = number(SEED, 20_220_101);
    let tally = Mutex::new(Tally::default());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| campaign(&tally, kills, seed));
        }
    });
    let tally = tally.into_inner().unwrap();
    println!(
        "{} kills in {} uploads ({} runs, {} rows, {} faults, {} requests refused as sent before), \
         seed {seed}, {} violations\n{}",
        tally.histogram.total(),
        tally.uploads,
        tally.runs,
        tally.rows,
        tally.faults,
        tally.duplicates,
        tally.violations.len(),
        tally.histogram
    );
    assert!(
        tally.violations.is_empty(),
        "{}",
        tally.violations.join("\n")
    );
    assert!(tally.histogram.total() >= kills);
}

/// Works on one upload after the other until there were enough kills or something is wrong.
fn campaign(tally: &Mutex<Tally>, kills: usize, seed: u64) {
    loop {
        let nth = {
            let mut tally = tally.lock().unwrap();
            if tally.histogram.total() >= kills || !tally.violations.is_empty() {
                return;
            }
            tally.started += 1;
            tally.started
        };
        let mut case = Case::new(
            &SHAPES[nth % SHAPES.len()],
            seed.wrapping_add(u64::try_from(nth).unwrap()),
        );
        let mut found = case.run(tally);
        if found.is_empty() {
            found = violations_after_kills(&case.shaped.upload, &case.server);
        }
        let state = case.server.state();
        let mut tally = tally.lock().unwrap();
        tally.uploads += 1;
        tally.rows += case.shaped.upload.total();
        tally.faults += state.faults.values().sum::<u64>();
        tally.duplicates += state.partitions.iter().map(|it| it.duplicates).sum::<u64>();
        if !found.is_empty() {
            found.push(format!(
                "upload {nth} of seed {seed}: {:?}",
                case.shaped.words
            ));
            found.push(case.shaped.place.said());
            tally.violations.append(&mut found);
        }
    }
}

impl Case {
    fn new(shape: &'static Shape, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let (on, faults) = WEATHER[random.random_range(0..WEATHER.len())];
        let server = Server::start(SandboxSettings {
            latency: Some(Duration::from_millis(1)..=Duration::from_millis(8)),
            tls: shape.tls,
            ..faulty(seed, faults, on)
        });
        Self {
            shaped: shape.prepare(&mut random, &server),
            random,
            server,
            shape,
            startup: Duration::from_millis(60),
        }
    }

    /// Kills and runs again until the command exits 0; says what was wrong on the way.
    fn run(&mut self, tally: &Mutex<Tally>) -> Vec<String> {
        let kills = self.random.random_range(2..=6);
        for nth in 0..kills + MAX_RUNS {
            tally.lock().unwrap().runs += 1;
            let before = self.server.state().requests_total;
            let child = self
                .shaped
                .place
                .start_reading(&self.shaped.words, self.shaped.piped.as_deref());
            let pid = child.id();
            let aim = if nth < kills {
                self.aim()
            } else {
                Aim::After(LIMIT)
            };
            match self.kill_at(child, aim) {
                None if nth >= kills => return vec![format!("no end after {LIMIT:?}")],
                None => {
                    let phase = Phase::at_kill(&self.shaped, pid, before, &self.server.state());
                    tally
                        .lock()
                        .unwrap()
                        .histogram
                        .count(self.shape.name, phase);
                }
                Some(0) => return Vec::new(),
                Some(status) if GOOD.contains(&status) => {}
                Some(status) => return vec![format!("a run ended with status {status}")],
            }
        }
        vec![format!("status 5 more than {MAX_RUNS} times")]
    }

    fn aim(&mut self) -> Aim {
        let state = self.server.state();
        let total = u64::try_from(self.shaped.upload.total()).unwrap();
        let dones = state
            .partitions
            .iter()
            .map(|it| it.done_requests)
            .sum::<u64>();
        let random = &mut self.random;
        match random.random_range(0..10) {
            0..=1 => Aim::After(within(random, self.startup * 2)),
            2..=4 => {
                let times = if random.random_ratio(1, 2) {
                    1
                } else {
                    random.random_range(1..=30)
                };
                Aim::LedgerWritten(times, within(random, Duration::from_millis(8)))
            }
            5 if state.rows_total < total => {
                let rows = random.random_range(state.rows_total..=total);
                Aim::RowsStored(rows, within(random, Duration::from_millis(10)))
            }
            5..=7 => Aim::RowsStored(total, within(random, Duration::from_millis(60))),
            _ if self.shaped.upload.streaming => {
                Aim::RowsStored(total, within(random, Duration::from_millis(20)))
            }
            _ => Aim::DonesAccepted(dones + 1, within(random, Duration::from_millis(20))),
        }
    }

    /// Waits and kills; the exit status of a run that was faster.
    fn kill_at(&mut self, mut child: Child, aim: Aim) -> Option<i32> {
        let begin = Instant::now();
        let requests = self.server.state().requests_total;
        let (mut written, mut mark) = (0, self.shaped.place.ledger_mark());
        let mut quiet = true;
        while begin.elapsed() < LIMIT {
            if quiet && self.server.state().requests_total > requests {
                quiet = false;
                self.startup = begin.elapsed();
            }
            if let Some(status) = child.try_wait().unwrap() {
                return Some(status.code().unwrap_or(-1));
            }
            let now = self.shaped.place.ledger_mark();
            if now != mark {
                (written, mark) = (written + 1, now);
            }
            let delay = match aim {
                Aim::After(time) => (begin.elapsed() >= time).then_some(Duration::ZERO),
                Aim::LedgerWritten(times, delay) => (written >= times).then_some(delay),
                Aim::RowsStored(rows, delay) => {
                    (self.server.state().rows_total >= rows).then_some(delay)
                }
                Aim::DonesAccepted(dones, delay) => {
                    let partitions = self.server.state().partitions;
                    let accepted: u64 = partitions.iter().map(|it| it.done_requests).sum();
                    (accepted >= dones).then_some(delay)
                }
            };
            if let Some(delay) = delay {
                std::thread::sleep(delay);
                break;
            }
            std::thread::sleep(LOOK);
        }
        kill(child).map(|status| status.code().unwrap_or(-1))
    }
}
