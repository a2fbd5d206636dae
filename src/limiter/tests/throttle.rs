//! The throttle against a server that gives less than the quota, on virtual time.

use super::simulation::START;
use crate::domain::MAX_BATCH_ROWS;
use crate::limiter::clock::Moment;
use crate::limiter::throttle::{Throttle, WHOLE, batch_rows};
use crate::limiter::turns::{Ask, Quota, SECOND, Turn};
use crate::limiter::unlimited::Pacer;
use crate::limiter::window::Limits;
use std::collections::VecDeque;
use std::time::Duration;

const FULL: Limits = Limits {
    requests: 100,
    rows: 50_000,
};
const MILLI: Duration = Duration::from_millis(1);
const IN_FLIGHT: usize = 16;

/// What happened in each second: rows taken, requests, refusals, share in force.
type Second = (u32, u32, u32, u64);

/// An upload of `largest`-row batches with a round trip of `trip` to a server that takes
/// `capacity(second)` rows in any second and refuses the rest; refused batches are sent again.
fn upload(seconds: usize, largest: u32, trip: Duration, capacity: fn(usize) -> u64) -> Vec<Second> {
    let mut throttle = Throttle::open();
    let mut quota = Quota::unused();
    let mut line: VecDeque<u32> = VecDeque::new();
    let mut flying: VecDeque<(Moment, u32, bool)> = VecDeque::new();
    let mut taken: VecDeque<(Moment, u32)> = VecDeque::new();
    let mut curve = vec![(0, 0, 0, WHOLE); seconds];
    let (mut now, mut ask_at, mut id) = (START, START, 0);
    loop {
        let second = usize::try_from(now.since(START).as_secs()).unwrap();
        let Some(entry) = curve.get_mut(second) else {
            return curve;
        };
        entry.3 = throttle.share();
        while let Some((_, rows, ok)) = flying.pop_front_if(|(at, ..)| *at <= now) {
            if ok {
                throttle.accepted(now);
            } else {
                throttle.refused(now, None);
                line.push_front(rows);
            }
        }
        let limits = throttle.limits(FULL);
        // Batches are cut ahead of their turn, as a reader would.
        while line.len() < 3 {
            line.push_back(batch_rows(limits.rows).min(largest));
        }
        if now >= throttle.paused_until() && now >= ask_at && flying.len() < IN_FLIGHT {
            id += 1;
            let waiting: Vec<u32> = line.iter().copied().collect();
            let ask = Ask {
                process: 1,
                limits,
                waiting: &waiting,
                first_since: now,
                slot: id,
                occupied: SECOND + MILLI * 11,
            };
            match quota.admit(now, &ask) {
                Turn::Take(index) => {
                    let rows = line.remove(index).unwrap();
                    while taken
                        .pop_front_if(|(at, _)| now.since(*at) >= SECOND)
                        .is_some()
                    {}
                    let sum: u64 = taken.iter().map(|(_, rows)| u64::from(*rows)).sum();
                    let ok = sum + u64::from(rows) <= capacity(second);
                    entry.1 += 1;
                    if ok {
                        taken.push_back((now, rows));
                        entry.0 += rows;
                    } else {
                        entry.2 += 1;
                    }
                    flying.push_back((now.after(trip), rows, ok));
                    continue;
                }
                Turn::Wait(until, _) => ask_at = until.min(now.after(MILLI * 50)),
            }
        }
        now = now.after(MILLI);
    }
}

fn totals(curve: &[Second]) -> (u32, u32, u32) {
    curve.iter().fold((0, 0, 0), |sum, second| {
        (sum.0 + second.0, sum.1 + second.1, sum.2 + second.2)
    })
}

fn show(title: &str, curve: &[Second]) {
    println!("{title}\nsecond  rows/s  requests  429s  share in thousandths");
    for (second, (rows, requests, refused, share)) in curve.iter().enumerate() {
        println!(
            "{second:6}  {rows:6}  {requests:8}  {refused:4}  {share:4}",
            share = share / 1_000_000
        );
    }
}

#[test]
fn a_server_that_gives_less_is_used_well_and_rarely_overrun() {
    for (largest, trip) in [(MAX_BATCH_ROWS, 20), (MAX_BATCH_ROWS, 300), (300, 20)] {
        let curve = upload(240, largest, MILLI * trip, |second| {
            if second < 60 { u64::MAX } else { 15_000 }
        });
        if trip == 20 && largest == MAX_BATCH_ROWS {
            show("15,000 rows/s after the first minute", &curve);
        }
        let (rows, requests, refused) = totals(&curve[90..]);
        println!("{largest}-row batches, {trip} ms: {rows} rows, {refused} of {requests} refused");
        assert!(refused * 50 < requests);
        assert!(f64::from(rows) >= 0.9 * 15_000.0 * 150.0);
        assert_eq!(totals(&curve[..60]).2, 0);
    }
}

#[test]
fn the_full_rate_comes_back_when_the_server_does() {
    let curve = upload(260, MAX_BATCH_ROWS, MILLI * 20, |second| {
        if (60..120).contains(&second) {
            15_000
        } else {
            u64::MAX
        }
    });
    show("15,000 rows/s for one minute", &curve);
    assert!(curve[250].0 >= 40_000 && curve[259].3 == WHOLE);
}

#[test]
fn many_refusals_of_one_window_cut_the_rate_once() {
    let mut throttle = Throttle::open();
    for n in 0..20 {
        throttle.refused(START.after(MILLI * 40 * n), None);
    }
    assert_eq!(throttle.share(), WHOLE / 100 * 70);
    throttle.refused(START.after(SECOND + MILLI), None);
    assert!(throttle.share() < WHOLE / 2);
}

#[test]
fn everyone_pauses_for_as_long_as_the_server_says() {
    let mut throttle = Throttle::open();
    throttle.refused(START, Some(Duration::from_secs(7)));
    throttle.refused(START, Some(Duration::from_secs(3)));
    assert_eq!(throttle.paused_until(), START.after(Duration::from_secs(7)));
}

#[test]
fn the_rate_never_falls_to_nothing() {
    let mut throttle = Throttle::open();
    for n in 0..100 {
        throttle.refused(START.after(SECOND * 2 * n), None);
    }
    let least = Limits {
        requests: 1,
        rows: 3,
    };
    assert_eq!(
        throttle.limits(FULL),
        Limits {
            requests: 1,
            rows: 500
        }
    );
    assert_eq!(
        throttle.limits(least),
        Limits {
            requests: 1,
            rows: 1
        }
    );
}

#[test]
fn batches_divide_the_rate_in_force() {
    for (rate, batch) in [(50_000, 10_000), (15_000, 5_000), (33_000, 8_250), (2, 1)] {
        assert_eq!(batch_rows(rate), batch);
    }
}

#[test]
fn without_limits_only_a_refusal_slows_down() {
    let mut pacer = Pacer::open();
    for n in 0..100 {
        assert_eq!(pacer.take(START.after(MILLI * n), 1_000), Ok(()));
    }
    let now = START.after(MILLI * 100);
    pacer.refused(now, None);
    assert_eq!(pacer.take(now, 1_000), Err(now.after(MILLI * 100)));
    let now = now.after(MILLI * 100);
    assert_eq!(pacer.take(now, 1_000), Ok(()));
    // 100,000 rows in the last second, 70% of it: one in 14 ms.
    let next = pacer.take(now, 1_000).unwrap_err().since(now);
    assert!(next > MILLI * 14 && next < MILLI * 15);
    assert_eq!(pacer.max_rows(), 10_000);
}
