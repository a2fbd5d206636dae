//! The bound, the use of the quota, and fairness, on virtual time.

use super::simulation::{
    BusySpell, GUARD, Process, START, rates, run, run_on_machine, worst_second,
};
use crate::limiter::clock::Moment;
use crate::limiter::turns::SECOND;
use crate::limiter::window::{Limits, Slot, Window};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::Duration;

const QUOTA: Limits = Limits {
    requests: 100,
    rows: 50_000,
};
const SEND: Duration = Duration::from_millis(2);
const MINUTE: Duration = Duration::from_secs(60);
/// Long enough that it does not matter whether one more window is counted.
const LONG: Duration = Duration::from_secs(300);

fn mixed(most: u32) -> Vec<u32> {
    let mut random = StdRng::seed_from_u64(7);
    (0..997).map(|_| random.random_range(1..=most)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_second_holds_more_than_the_limits(
        seed in any::<u64>(),
        requests in 1_u32..150,
        rows in 100_u32..60_000,
        sizes in prop::collection::vec(0_u32..=10_000, 1..40),
        sends in prop::collection::vec(0_u64..1_800, 1..4),
    ) {
        let limits = Limits { requests, rows };
        let sizes: Vec<u32> = sizes.iter().map(|size| (*size).min(rows)).collect();
        let mut processes: Vec<Process> = sends
            .iter()
            .map(|longest| Process::new(limits, &sizes, Duration::from_millis(*longest)))
            .collect();
        let arrivals = run(&mut processes, seed, Duration::from_secs(8));
        let (most_requests, most_rows) = worst_second(&arrivals);
        prop_assert!(!arrivals.is_empty());
        prop_assert!(most_requests <= usize::try_from(requests).unwrap());
        prop_assert!(most_rows <= u64::from(rows));
    }

    #[test]
    fn no_second_holds_more_when_the_machine_is_busy_now_and_then(
        seed in any::<u64>(),
        sizes in prop::collection::vec(1_u32..=10_000, 1..20),
        // What ends between two naps cannot be noticed.
        spells in prop::collection::vec((0_u64..7_000, 15_u64..2_500, 1_u64..45), 1..6),
        longest_send in 0_u64..300,
    ) {
        let milli = Duration::from_millis;
        let spells: Vec<BusySpell> = spells
            .iter()
            .map(|(from, length, late)| BusySpell {
                from: START.after(milli(*from)),
                until: START.after(milli(from + length)),
                late: milli(*late),
            })
            .collect();
        let mut two = [
            Process::new(QUOTA, &sizes, milli(longest_send)),
            Process::new(QUOTA, &sizes, SEND),
        ];
        let arrivals = run_on_machine(&mut two, seed, Duration::from_secs(8), &spells);
        let (most_requests, most_rows) = worst_second(&arrivals);
        prop_assert!(arrivals.len() > 10);
        prop_assert!(most_requests <= 100 && most_rows <= 50_000, "{most_requests} {most_rows}");
    }

    #[test]
    fn earliest_is_the_first_moment_that_fits(
        slots in prop::collection::vec((1_u64..2_000, 0_u32..10_000), 0..40),
        rows in 0_u32..=10_000,
        requests in 1_u32..40,
    ) {
        let limits = Limits { requests, rows: 10_000 };
        let now = Moment::from_nanos(500);
        let all = slots.iter().zip(1..).map(|((expires, rows), id)| Slot {
            id,
            expires: Moment::from_nanos(*expires),
            rows: *rows,
        });
        let window = Window::from_slots(all.collect());
        let first = (500..=2_000)
            .map(Moment::from_nanos)
            .find(|at| window.load_at(*at).leaves_room(limits, rows));
        prop_assert_eq!(Some(window.earliest(now, limits, rows)), first);
    }
}

#[test]
fn a_receiver_notices_a_guard_that_is_too_small() {
    // The same check that holds above fails when arrivals are later than the guard allows.
    let mut one = [Process::new(QUOTA, &[10_000], SEND)];
    let mut arrivals = run(&mut one, 1, MINUTE);
    for (at, _) in arrivals.iter_mut().step_by(7) {
        *at = at.after(GUARD * 4);
    }
    arrivals.sort_unstable();
    assert!(worst_second(&arrivals).1 > 50_000);
}

#[test]
fn equal_batches_use_the_quota() {
    for (size, rows, requests) in [(10_000, 49_250.0, 0.0), (500, 0.0, 98.5), (300, 0.0, 98.5)] {
        let mut one = [Process::new(QUOTA, &[size], SEND)];
        let arrivals = run(&mut one, 3, LONG);
        let rate = rates(&one[0].admitted, LONG);
        println!(
            "{size} rows a batch: {rate:?}, worst {:?}",
            worst_second(&arrivals)
        );
        assert!(rate.0 >= rows && rate.1 >= requests);
    }
}

#[test]
fn mixed_batches_use_the_quota() {
    let mut one = [Process::new(QUOTA, &mixed(10_000), SEND)];
    let arrivals = run(&mut one, 3, LONG);
    let rate = rates(&one[0].admitted, LONG);
    println!("mixed: {rate:?}, worst {:?}", worst_second(&arrivals));
    assert!(rate.0 >= 48_000.0);
}

#[test]
fn two_processes_share_the_quota_evenly() {
    for sizes in [vec![10_000], mixed(10_000)] {
        let mut two = [
            Process::new(QUOTA, &sizes, SEND),
            Process::new(QUOTA, &sizes, SEND),
        ];
        run(&mut two, 5, MINUTE);
        let [a, b] = two.map(|process| rates(&process.admitted, MINUTE).0);
        println!("two processes: {a:.0} + {b:.0} rows a second");
        assert!(a + b >= 47_500.0);
        assert!((a - b).abs() < 2_500.0);
    }
}

#[test]
fn large_batches_of_one_process_do_not_starve_behind_small_ones_of_another() {
    let mut two = [
        Process::new(QUOTA, &[10_000], SEND),
        Process::new(QUOTA, &[500], SEND),
    ];
    run(&mut two, 5, MINUTE);
    let rate = [&two[0], &two[1]].map(|process| rates(&process.admitted, MINUTE));
    println!("large {:?}, small {:?}", rate[0], rate[1]);
    assert!(rate[0].1 >= 3.0);
    assert!(rate[1].1 >= 3.0);
}

#[test]
fn no_batch_is_passed_for_ever() {
    let mut sizes = vec![100; 500];
    sizes[0] = 10_000;
    let mut one = [Process::new(
        Limits {
            requests: 1000,
            rows: 10_000,
        },
        &sizes,
        SEND,
    )];
    run(&mut one, 5, MINUTE);
    let mut large = one[0].admitted.iter().filter(|(_, rows)| *rows == 10_000);
    let mut last = START;
    let longest = large.by_ref().map(|(at, _)| {
        let gap = at.since(last);
        last = *at;
        gap
    });
    // At 100 requests of 100 rows a second, 499 small ones take five seconds; then patience.
    assert!(longest.max().unwrap() < Duration::from_secs(10));
    assert!(last > START.after(Duration::from_secs(45)));
}

#[test]
fn what_a_dead_process_held_lapses_within_a_second() {
    let dies = START.after(Duration::from_millis(10_500));
    let mut two = [
        Process::new(QUOTA, &[10_000], Duration::from_millis(400)),
        Process::new(QUOTA, &[10_000], SEND),
    ];
    two[0].dies = dies;
    run(&mut two, 5, Duration::from_secs(20));
    // The last sign of life was at most at its death: from then on all five places are ours.
    let lapsed = dies.after(SECOND + GUARD);
    let round = lapsed.after(SECOND + GUARD + SEND * 4);
    let ours = two[1].admitted.iter().map(|(at, _)| *at);
    assert!(ours.clone().any(|at| at < dies));
    assert_eq!(ours.filter(|at| (lapsed..round).contains(at)).count(), 5);
}
