//! One random schedule: what the inputs hold, which process uploads which of them, what goes wrong
//! and until when. The seed decides all of it.

use super::fault::Fault;
use super::platform::ErrorList;
use super::rows::Taste;
use crate::domain::{ErrorBudget, Guards};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use std::time::Duration;

/// A second, in the unit of virtual time.
pub(super) const SECOND: u64 = 1_000;
/// A minute.
pub(super) const MINUTE: u64 = 60 * SECOND;

/// How a run of a process ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunEnd {
    /// Killed at this step.
    Kill(u32),
    /// Asked to stop at this step, with this grace.
    Stop(u32, u64),
}

/// One process, which runs the same command again and again.
#[derive(Debug, Clone)]
pub(super) struct ProcessPlan {
    /// Its inputs.
    pub(super) inputs: Vec<usize>,
    /// When its first run begins.
    pub(super) starts: u64,
    /// How its first runs end; the later ones come to their end.
    pub(super) ends: Vec<RunEnd>,
    /// Whether nobody runs the command again after the last kill.
    pub(super) vanishes: bool,
    /// An input that has another time stamp when a run finds it finished, and whether it was edited.
    pub(super) touched: Option<(usize, bool)>,
}

/// A whole schedule.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    /// Rows of the inputs.
    pub(super) inputs: Vec<Vec<Taste>>,
    /// Who uploads them.
    pub(super) processes: Vec<ProcessPlan>,
    /// Largest batch that the client makes.
    pub(super) batch_rows: u32,
    /// Batches in flight at once.
    pub(super) in_flight: usize,
    /// Whether a batch may take rows of several inputs.
    pub(super) mixes_inputs: bool,
    /// Largest batch that the platform takes.
    pub(super) most_rows: usize,
    /// What a 1001 says.
    pub(super) errors: ErrorList,
    /// The faults, and how probable one is.
    pub(super) faults: (Vec<Fault>, f64),
    /// How probable it is that a first attempt is told of a foreign id.
    pub(super) foreign: f64,
    /// When the faults are over.
    pub(super) heals: u64,
    /// Whether the platform remembers the ids of requests whose refusal the client got.
    pub(super) remembers_refused: bool,
    /// How long a run tries a request.
    pub(super) retry_for: Duration,
    /// Longest wait.
    pub(super) max_delay: Duration,
    /// The guards of the date.
    pub(super) guards: Guards,
    /// When the day is over.
    pub(super) day_over: u64,
    /// Until when a person holds `done` back.
    pub(super) held_until: u64,
    /// When a person accepts the loss of rejected rows.
    pub(super) waived: u64,
}

impl Schedule {
    /// The schedule of a seed.
    pub(super) fn new(seed: u64) -> Self {
        let rng = &mut StdRng::seed_from_u64(seed);
        let inputs = inputs(rng);
        let processes = processes(rng, inputs.len());
        let heals = rng.random_range(0..40) * MINUTE;
        let some = rng.random_range(1..=Fault::RANDOM.len());
        let faults = Fault::RANDOM.choose_multiple(rng, some).copied().collect();
        let mut guards = Guards::default();
        if rng.random_bool(0.5) {
            guards.max_errors = ErrorBudget::Rows(100);
        }
        if rng.random_bool(0.3) {
            guards.expect_files = Some(u64::try_from(inputs.len()).unwrap());
        }
        Self {
            inputs,
            processes,
            batch_rows: rng.random_range(1..6),
            in_flight: rng.random_range(1..5),
            mixes_inputs: rng.random_bool(0.4),
            most_rows: *[1, 2, 3, 100, 100, 100].choose(rng).unwrap(),
            errors: error_list(rng),
            faults: (faults, *[0.0, 0.1, 0.3, 0.6].choose(rng).unwrap()),
            foreign: *[0.0, 0.0, 0.0, 0.0, 0.02].choose(rng).unwrap(),
            heals,
            remembers_refused: rng.random_bool(0.5),
            retry_for: Duration::from_secs(rng.random_range(0..900)),
            max_delay: Duration::from_secs(rng.random_range(1..60)),
            guards,
            day_over: seldom(rng, heals),
            held_until: seldom(rng, heals),
            waived: heals + rng.random_range(0..60) * MINUTE,
        }
    }
}

/// Now and then a time until which something waits.
fn seldom(rng: &mut StdRng, heals: u64) -> u64 {
    if rng.random_bool(0.15) {
        rng.random_range(0..heals + 60 * MINUTE)
    } else {
        0
    }
}

fn error_list(rng: &mut StdRng) -> ErrorList {
    *[
        ErrorList::All,
        ErrorList::All,
        ErrorList::Reworded,
        ErrorList::Sample,
        ErrorList::Empty,
        ErrorList::Astray,
    ]
    .choose(rng)
    .unwrap()
}

fn inputs(rng: &mut StdRng) -> Vec<Vec<Taste>> {
    let taste = *[
        None,
        None,
        None,
        Some(Taste::Bad),
        Some(Taste::Poison),
        Some(Taste::Invalid),
    ]
    .choose(rng)
    .unwrap();
    let share = rng.random_range(0.02..0.3);
    let count = rng.random_range(1..=4);
    let mut inputs: Vec<Vec<Taste>> = (0..count)
        .map(|_| {
            let rows = rng.random_range(1..10);
            (0..rows)
                .map(|_| {
                    let odd = taste.filter(|_| rng.random_bool(share));
                    odd.unwrap_or(Taste::Good)
                })
                .collect()
        })
        .collect();
    // A date of which nothing can be stored is never done, and rightly so.
    inputs[0][0] = Taste::Good;
    inputs
}

fn processes(rng: &mut StdRng, inputs: usize) -> Vec<ProcessPlan> {
    let count = rng.random_range(1..=inputs.min(3));
    let mut plans: Vec<ProcessPlan> = (0..count)
        .map(|index| ProcessPlan {
            inputs: (0..inputs).filter(|input| input % count == index).collect(),
            starts: if index == 0 || rng.random() {
                rng.random_range(0..SECOND)
            } else {
                rng.random_range(0..20 * MINUTE)
            },
            ends: run_ends(rng),
            vanishes: rng.random_bool(0.05),
            touched: None,
        })
        .collect();
    for plan in &mut plans {
        if rng.random_bool(0.25) {
            let input = *plan.inputs.choose(rng).unwrap();
            plan.touched = Some((input, rng.random_bool(0.4)));
        }
    }
    plans
}

fn run_ends(rng: &mut StdRng) -> Vec<RunEnd> {
    let most = *[0, 1, 2, 4, 8].choose(rng).unwrap();
    (0..rng.random_range(0..=most))
        .map(|_| {
            let step = rng.random_range(1..60);
            if rng.random_bool(0.75) {
                RunEnd::Kill(step)
            } else {
                RunEnd::Stop(step, rng.random_range(0..20) * SECOND)
            }
        })
        .collect()
}
