//! How many rows a batch has, so that the rate in force is used without a remainder.

use crate::limiter::throttle::{batch_rows, even_rows};
use crate::limiter::window::Limits;

#[test]
fn batches_divide_the_rate_in_force() {
    for (rows, batch) in [(50_000, 10_000), (15_000, 5_000), (33_000, 8_250), (2, 1)] {
        let requests = 100;
        assert_eq!(batch_rows(Limits { requests, rows }, false), batch);
    }
}

#[test]
fn batches_of_a_given_size_are_cut_down_to_a_whole_number_a_second() {
    let limits = Limits {
        requests: 100,
        rows: 50_000,
    };
    for (most, even) in [
        (8_380, 8_333),
        (8_334, 8_333),
        (8_333, 7_142),
        (500, 500),
        (520, 515),
        (499, 499),
        (1, 1),
        (60_000, 50_000),
    ] {
        assert_eq!(even_rows(limits, most), even, "{most}");
    }
}

#[test]
fn while_the_rate_changes_batches_are_a_twelfth_of_it_as_far_as_the_requests_allow() {
    for (requests, rows, batch) in [
        (30, 15_000, 1_250),
        (6, 3_000, 750),
        (1, 500, 500),
        (90, 45_000, 3_750),
        (1, 15_000, 7_500),
    ] {
        assert_eq!(batch_rows(Limits { requests, rows }, true), batch);
    }
}
