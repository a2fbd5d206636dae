//! Ten thousand random schedules keep every promise, and each broken rule breaks one.
//!
//! `SIMULATION_SCHEDULES` runs more of them and `SIMULATION_SEED` others; a violation is told with
//! its seed and its history.

use super::broken::{self, Broken};
use super::campaign::Campaign;
use super::fault::Fault;
use super::world::Happened;
use super::{RULES, Rules};

/// Schedules of an ordinary test run.
const SCHEDULES: u64 = 10_000;

/// Schedules in which a broken rule has to show.
const MOST_SCHEDULES: u64 = 10_000;

fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(default, |text| text.parse().unwrap())
}

fn seeds(schedules: u64) -> impl Iterator<Item = u64> {
    let first = number("SIMULATION_SEED", 1) << 32;
    first..first + schedules
}

#[test]
fn no_random_schedule_opens_the_gate_early_or_loses_or_repeats_a_row() {
    let mut campaign = Campaign::default();
    let schedules = number("SIMULATION_SCHEDULES", SCHEDULES);
    if let Err(caught) = campaign.run(seeds(schedules), RULES) {
        panic!("{}", caught.story(RULES));
    }
    println!("{}", campaign.figures());
    assert_eq!(campaign.schedules, schedules);
    let is_rare = |what| campaign.times(what) < schedules / 1_000;
    for fault in Fault::RANDOM {
        assert!(!is_rare(Happened::Fault(fault)), "{fault:?}");
    }
    for what in [
        Happened::Kill,
        Happened::Stop,
        Happened::Edit,
        Happened::Split,
        Happened::Unconfirmed,
        Happened::PartRefused,
        Happened::Refused,
        Happened::ForeignBatch,
        Happened::UndeterminedBatch,
    ] {
        assert!(!is_rare(what), "{what:?}");
    }
    assert!(campaign.done > schedules / 2);
    assert!(campaign.done_unconfirmed > schedules / 100);
}

fn has_to_be_caught(broken: &[Broken]) {
    for it in broken {
        let mut campaign = Campaign::default();
        match campaign.run(seeds(MOST_SCHEDULES), it.rules) {
            Ok(()) => panic!("'{}' passed {MOST_SCHEDULES} schedules", it.what),
            Err(caught) => {
                let kind = caught.violation.kind();
                println!(
                    "{:<55} {kind} after {} schedule(s)",
                    it.what, campaign.schedules
                );
                let story = || caught.story(it.rules);
                assert!(it.caught_as.contains(&&*kind), "{}\n{}", it.what, story());
            }
        }
    }
}

#[test]
fn every_gate_that_opens_early_is_caught() {
    has_to_be_caught(&broken::gates());
    has_to_be_caught(&[broken::forgets_rows_and_does_not_count()]);
}

#[test]
fn every_broken_life_of_a_batch_is_caught() {
    has_to_be_caught(&broken::batches());
    has_to_be_caught(&broken::memories());
}

#[test]
fn every_broken_life_of_done_is_caught() {
    has_to_be_caught(&broken::dones());
}

#[test]
fn the_gate_holds_even_when_the_engine_forgets_a_row() {
    let rules = Rules {
        batched: broken::forget_a_row,
        ..RULES
    };
    let mut held = 0;
    for seed in seeds(500) {
        let Err(caught) = Campaign::default().run(std::iter::once(seed), rules) else {
            continue;
        };
        let kind = caught.violation.kind();
        assert_eq!(kind, "NotDone", "{}", caught.story(rules));
        held += 1;
    }
    assert!(held > 100, "{held}");
}

#[test]
fn a_schedule_can_be_told_again_from_its_seed() {
    let story = |seed| {
        let violation = super::Violation::SecondDone;
        super::campaign::Caught { seed, violation }.story(RULES)
    };
    assert_eq!(story(77), story(77));
    assert!(story(77).contains("process 0 begins run 1"));
}
