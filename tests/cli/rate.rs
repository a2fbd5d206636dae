//! The quota, as a receiver on the same machine sees it.

use crate::recorder::{Received, Recorder, Reply};
use crate::start::{Place, WRITE, rows};
use std::time::{Duration, Instant};

/// Many tests share few cores here, so the receiver notices a request as late as a jittery path
/// would deliver it: the guard is as large as for one.
const GUARD: &str = "--rate-guard 300ms";

/// The most that a sliding second holds.
pub(crate) fn most_in_a_second(arrivals: &[(Instant, usize)]) -> usize {
    arrivals
        .iter()
        .map(|(first, _)| {
            let within = arrivals.iter().filter(|(at, _)| {
                at >= first && at.duration_since(*first) < Duration::from_secs(1)
            });
            within.map(|(_, weight)| weight).sum()
        })
        .max()
        .unwrap_or(0)
}

#[test]
fn no_second_has_more_requests_than_the_quota_with_retries_and_done_counted() {
    // Every third request is refused, so that there are retries.
    let recorder = Recorder::answering(|_, number| match number % 3 {
        0 => Reply::code(500, 500, "busy"),
        _ => Reply::ok(),
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 60);
    place
        .end(&format!(
            "{WRITE} {GUARD} --batch-rows 1 --qps 40 rows.jsonl"
        ))
        .expect(0);
    let arrivals: Vec<_> = recorder
        .requests()
        .iter()
        .map(|request| (request.at, 1))
        .collect();
    assert!(arrivals.len() > 80, "{}", arrivals.len());
    assert!(
        most_in_a_second(&arrivals) <= 40,
        "{}",
        most_in_a_second(&arrivals)
    );
    assert_eq!(recorder.accepted(), rows(0, 60));
}

#[test]
fn no_second_has_more_rows_than_the_quota() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 12_000);
    place
        .end(&format!(
            "{WRITE} {GUARD} --batch-rows 1000 --rows-per-second 5000 rows.jsonl"
        ))
        .expect(0);
    let writes = recorder.writes();
    let arrivals: Vec<_> = writes
        .iter()
        .map(|write| (write.at, write.rows().len()))
        .collect();
    assert!(most_in_a_second(&arrivals) <= 5_000);
    assert_eq!(recorder.rows().len(), 12_000);
}

#[test]
fn a_batch_has_never_more_rows_than_the_rate_lets_through() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 900);
    place
        .end(&format!("{WRITE} --rows-per-second 400 rows.jsonl"))
        .expect(0);
    assert!(
        recorder
            .writes()
            .iter()
            .all(|write| write.rows().len() <= 400)
    );
    assert_eq!(recorder.rows(), rows(0, 900));
}

#[test]
fn many_small_files_do_not_become_many_requests() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    for part in 0..200 {
        place.rows(&format!("spark/part-{part:05}.json"), part * 5, 5);
    }
    place
        .end(&format!("{WRITE} --format jsonl spark"))
        .expect(0);
    assert_eq!(recorder.rows(), rows(0, 1_000));
    assert!(
        recorder.writes().len() <= 2,
        "{} requests",
        recorder.writes().len()
    );
}

#[test]
fn all_workers_slow_down_together_when_the_platform_says_429() {
    let recorder = Recorder::answering(|request: &Received, number| {
        if number == 2 && !request.is_done() {
            return Reply::bare(429).with("Retry-After", "1");
        }
        Reply::ok()
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 400);
    place
        .end(&format!(
            "{WRITE} --batch-rows 10 --max-in-flight 2 rows.jsonl"
        ))
        .expect(0);
    assert_eq!(recorder.accepted(), rows(0, 400));
    let requests = recorder.requests();
    // One more may have been on its way when the refusal came.
    let pause = requests[3..=5]
        .windows(2)
        .map(|pair| pair[1].at.duration_since(pair[0].at))
        .chain([requests[3].at.duration_since(requests[2].at)])
        .max()
        .unwrap();
    assert!(pause >= Duration::from_millis(700), "{pause:?}");
}

#[test]
fn batches_that_a_throttling_server_never_takes_are_taken_apart_and_every_row_arrives_once() {
    let recorder = Recorder::answering(|request: &Received, _| {
        if request.is_done() || request.rows().len() <= 2_000 {
            return Reply::ok();
        }
        Reply::code(429, 429, "too many rows at once")
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 25_000);
    let ran = place.end(&format!("{WRITE} --retry-for 3m rows.jsonl"));
    ran.expect(0);
    let mut accepted = recorder.accepted();
    accepted.sort();
    assert_eq!(accepted, rows(0, 25_000));
}

/// Rows of a kilobyte went up in batches of 8,380, of which a second takes five: a sixth of the quota was
/// never used.
#[test]
fn batches_that_are_full_of_bytes_share_the_second_evenly() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 2_000);
    let row_bytes = std::fs::metadata(place.path("rows.jsonl")).unwrap().len() / 2_000;
    // 240 rows of this size, of which a second takes four; five even ones have 200.
    let bytes = row_bytes * 240;
    let limits = format!("--rows-per-second 1000 --batch-bytes {bytes}");
    place.end(&format!("{WRITE} {limits} rows.jsonl")).expect(0);
    let sizes: Vec<usize> = recorder.writes().iter().map(|it| it.rows().len()).collect();
    assert!(sizes[0] > 200, "{sizes:?}");
    let even = sizes.iter().skip(1).filter(|rows| **rows == 200).count();
    assert!(even >= sizes.len() - 2, "{sizes:?}");
}
