//! Processes that share a quota, on virtual time: the rule without files, tasks and sleeping.
//!
//! Each process does what the dispatcher does: renews its slots, asks, sends some time later, wakes
//! a little late. A receiver notes arrivals at any moment that the guard allows.

use crate::limiter::clock::Moment;
use crate::limiter::lateness::{Lateness, NAP, RECEIVER_SHARE, TIMER_STEP};
use crate::limiter::turns::{Ask, LOOK_AHEAD, Quota, SECOND, Turn};
use crate::limiter::window::{Limits, Slot};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::VecDeque;
use std::time::Duration;

pub(super) const HEARTBEAT: Duration = Duration::from_millis(250);
pub(super) const GUARD: Duration = Duration::from_millis(10);
pub(super) const START: Moment = Moment::from_nanos(1_000_000_000_000);

/// How a process behaves.
pub(super) struct Process {
    pub(super) limits: Limits,
    /// Sizes of its batches, over and over.
    pub(super) sizes: Vec<u32>,
    /// Longest time between admission and the last byte.
    pub(super) longest_send: Duration,
    /// Dies (without a trace) at this moment.
    pub(super) dies: Moment,
    id: u64,
    waiting: VecDeque<u32>,
    first_since: Moment,
    held: Vec<Held>,
    lateness: Lateness,
    made: usize,
    pub(super) admitted: Vec<(Moment, u32)>,
}

struct Held {
    slot: Slot,
    sent: Moment,
    occupied: Duration,
}

/// For so long everybody on the machine wakes so much too late.
#[derive(Debug, Clone, Copy)]
pub(super) struct BusySpell {
    pub(super) from: Moment,
    pub(super) until: Moment,
    pub(super) late: Duration,
}

/// How much too late whoever waits for something in this stretch wakes.
fn late_within(spells: &[BusySpell], from: Moment, until: Moment) -> Duration {
    let meets = |spell: &&BusySpell| spell.from <= until && from < spell.until;
    let late = spells.iter().filter(meets).map(|spell| spell.late);
    late.max().unwrap_or_default()
}

impl Process {
    pub(super) fn new(limits: Limits, sizes: &[u32], longest_send: Duration) -> Self {
        Self {
            limits,
            sizes: sizes.to_vec(),
            longest_send,
            dies: Moment::NEVER,
            id: 0,
            waiting: VecDeque::new(),
            first_since: START,
            held: Vec::new(),
            lateness: Lateness::default(),
            made: 0,
            admitted: Vec::new(),
        }
    }

    fn renew(&mut self, quota: &mut Quota, now: Moment) {
        let occupied = self.occupied(now);
        for held in &mut self.held {
            held.occupied = held.occupied.max(occupied);
            let expires = held.sent.min(now).after(held.occupied);
            let due = if held.sent <= now {
                expires > held.slot.expires
            } else {
                expires.since(held.slot.expires) >= HEARTBEAT
            };
            if due {
                held.slot.expires = expires;
                quota.stamp(now, held.slot);
            }
        }
        self.held.retain(|held| held.slot.expires > now);
    }

    /// One of the waiting requests was let in; gives its rows.
    fn take(&mut self, now: Moment, sent: Moment, (index, id): (usize, u64)) -> u32 {
        let rows = self.waiting.remove(index).unwrap();
        if index == 0 {
            self.first_since = now;
        }
        let occupied = self.occupied(now);
        let expires = now.after(occupied);
        self.held.push(Held {
            slot: Slot { id, expires, rows },
            sent,
            occupied,
        });
        self.admitted.push((now, rows));
        rows
    }

    fn occupied(&self, now: Moment) -> Duration {
        SECOND + GUARD + self.lateness.allowance(now)
    }
}

/// Runs the processes side by side for so long; what a receiver saw, in order of arrival.
pub(super) fn run(processes: &mut [Process], seed: u64, length: Duration) -> Vec<(Moment, u32)> {
    run_on_machine(processes, seed, length, &[])
}

/// The same on a machine that is busy now and then.
pub(super) fn run_on_machine(
    processes: &mut [Process],
    seed: u64,
    length: Duration,
    spells: &[BusySpell],
) -> Vec<(Moment, u32)> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut quota = Quota::unused();
    let mut arrivals = Vec::new();
    let mut wakes: Vec<Moment> = processes.iter().map(|_| START).collect();
    let mut plans = wakes.clone();
    let mut slot_id = 0;
    loop {
        let index = (0..wakes.len()).min_by_key(|i| wakes[*i]).unwrap();
        let now = wakes[index];
        if now > START.after(length) {
            break;
        }
        let process = &mut processes[index];
        if now >= process.dies {
            wakes[index] = Moment::NEVER;
            continue;
        }
        process.id = u64::try_from(index).unwrap() + 1;
        while process.waiting.len() < LOOK_AHEAD {
            let size = process.sizes[process.made % process.sizes.len()];
            process.made += 1;
            process.waiting.push_back(size);
        }
        if !spells.is_empty() {
            process.lateness.note(now, plans[index]);
        }
        process.renew(&mut quota, now);
        let waiting: Vec<u32> = process.waiting.iter().copied().collect();
        slot_id += 1;
        let ask = Ask {
            process: process.id,
            limits: process.limits,
            waiting: &waiting,
            first_since: process.first_since,
            slot: slot_id,
            occupied: process.occupied(now),
        };
        match quota.admit(now, &ask) {
            Turn::Take(taken) => {
                let sent = now.after(process.longest_send.mul_f64(random.random::<f64>()));
                let rows = process.take(now, sent, (taken, slot_id));
                let late = late_within(spells, sent, sent.after(GUARD)) * RECEIVER_SHARE;
                let span = sent.after(GUARD + late).since(now);
                // The edges are what breaks a wrong bound.
                let place = [0.0, random.random(), 0.999_999][random.random_range(0..3)];
                if sent < process.dies {
                    arrivals.push((now.after(span.mul_f64(place)), rows));
                }
            }
            Turn::Wait(until, _) => {
                let late = Duration::from_micros(random.random_range(0..2000));
                let nap = if spells.is_empty() { HEARTBEAT } else { NAP };
                let planned = until.max(now).min(now.after(nap));
                plans[index] = planned;
                // A timer takes its step in any case; a busy machine is late on top of it.
                let busy = late_within(spells, planned, planned);
                let late = if busy.is_zero() {
                    late
                } else {
                    TIMER_STEP + busy
                };
                wakes[index] = planned.after(late);
            }
        }
    }
    arrivals.sort_unstable();
    arrivals
}

/// Most requests and most rows in any one second.
pub(super) fn worst_second(arrivals: &[(Moment, u32)]) -> (usize, u64) {
    let (mut start, mut rows, mut worst) = (0, 0_u64, (0, 0));
    for (end, (at, n)) in arrivals.iter().enumerate() {
        rows += u64::from(*n);
        while at.since(arrivals[start].0) >= SECOND {
            rows -= u64::from(arrivals[start].1);
            start += 1;
        }
        worst = (worst.0.max(end + 1 - start), worst.1.max(rows));
    }
    worst
}

/// Rows and requests admitted a second after the first five seconds, until `length`.
pub(super) fn rates(admitted: &[(Moment, u32)], length: Duration) -> (f64, f64) {
    let from = START.after(Duration::from_secs(5));
    let counted = admitted.iter().filter(|(at, _)| *at >= from);
    let rows: u64 = counted.clone().map(|(_, rows)| u64::from(*rows)).sum();
    let seconds = length.saturating_sub(Duration::from_secs(5)).as_secs_f64();
    let count = u32::try_from(counted.count()).unwrap();
    let rows = u32::try_from(rows).unwrap();
    (f64::from(rows) / seconds, f64::from(count) / seconds)
}
