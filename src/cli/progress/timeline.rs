//! How a run went over time, in at most [`MAX_POINTS`] stretches however long it takes.
//!
//! Kept with the run's summary, not in the ledger: it grows with no batch, and nothing is decided by
//! it. Pure; the time is handed in.

use crate::upload::event::Gauges;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most stretches; when there would be more, two become one.
const MAX_POINTS: usize = 120;

/// What a run did in each stretch of its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Length of a stretch in seconds; the last one may be shorter.
    pub seconds_each: u64,
    /// Length of all of them.
    pub seconds: f64,
    /// The stretches, oldest first.
    pub points: Vec<Moment>,
}

/// Counts: of a stretch in a [`Timeline`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Rows settled as accepted, confirmed or not.
    pub rows: u64,
    /// Requests, repeated ones included.
    pub requests: u64,
    /// Repeated requests.
    pub retries: u64,
    /// Requests that were answered 429.
    pub throttled: u64,
}

impl Timeline {
    /// All rows of it.
    pub fn rows(&self) -> u64 {
        self.points.iter().map(|point| point.rows).sum()
    }

    /// Length of a stretch.
    pub fn length_of(&self, index: usize) -> Duration {
        let whole = Duration::from_secs(self.seconds_each);
        let before =
            u32::try_from(index).map_or(Duration::MAX, |index| whole.saturating_mul(index));
        let all = Duration::try_from_secs_f64(self.seconds).unwrap_or_default();
        all.saturating_sub(before).min(whole)
    }
}

/// Makes a [`Timeline`] from totals that are looked at now and then.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    doublings: u32,
    elapsed: Duration,
    seen: Moment,
    points: Vec<Moment>,
}

impl Recorder {
    /// Notes what the gauges say so long after the start.
    pub(super) fn note(&mut self, gauges: &Gauges, elapsed: Duration) {
        self.note_totals(
            Moment {
                rows: Gauges::get(&gauges.rows_accepted)
                    .saturating_add(Gauges::get(&gauges.rows_unconfirmed)),
                requests: Gauges::get(&gauges.requests),
                retries: Gauges::get(&gauges.retries),
                throttled: Gauges::get(&gauges.throttled),
            },
            elapsed,
        );
    }

    fn note_totals(&mut self, totals: Moment, elapsed: Duration) {
        self.elapsed = self.elapsed.max(elapsed);
        let mut index = usize::try_from(self.elapsed.as_secs() >> self.doublings).unwrap_or(0);
        while index >= MAX_POINTS {
            self.halve();
            index /= 2;
        }
        if self.points.len() <= index {
            self.points.resize(index + 1, Moment::default());
        }
        if let Some(point) = self.points.last_mut() {
            // What was counted and then taken back shows as nothing.
            let gained = totals.zip(self.seen, u64::saturating_sub);
            *point = point.zip(gained, u64::saturating_add);
        }
        self.seen = totals;
    }

    fn halve(&mut self) {
        self.doublings += 1;
        self.points = self
            .points
            .chunks(2)
            .map(|pair| {
                pair.iter().fold(Moment::default(), |sum, point| {
                    sum.zip(*point, u64::saturating_add)
                })
            })
            .collect();
    }

    /// What was noted.
    pub(super) fn end(self) -> Timeline {
        Timeline {
            seconds_each: 1 << self.doublings.min(63),
            seconds: self.elapsed.as_secs_f64(),
            points: self.points,
        }
    }
}

impl Moment {
    fn zip(self, other: Self, with: fn(u64, u64) -> u64) -> Self {
        Self {
            rows: with(self.rows, other.rows),
            requests: with(self.requests, other.requests),
            retries: with(self.retries, other.retries),
            throttled: with(self.throttled, other.throttled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn total(rows: u64) -> Moment {
        Moment {
            rows,
            ..Moment::default()
        }
    }

    #[test]
    fn a_short_run_has_a_point_a_second_and_a_shorter_last_one() {
        let mut recorder = Recorder::default();
        for (milliseconds, rows) in [(0, 0), (900, 10), (1_100, 30), (3_500, 40)] {
            recorder.note_totals(total(rows), Duration::from_millis(milliseconds));
        }
        let timeline = recorder.end();
        let rows: Vec<u64> = timeline.points.iter().map(|point| point.rows).collect();
        assert_eq!(rows, [10, 20, 0, 10]);
        assert_eq!(timeline.length_of(0), Duration::from_secs(1));
        assert_eq!(timeline.length_of(3), Duration::from_millis(500));
        assert_eq!(timeline.length_of(9), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn however_long_a_run_takes_nothing_is_lost_and_the_points_are_few(
            steps in prop::collection::vec((0_u64..100_000_000, 0_u64..1_000), 1..60),
        ) {
            let mut recorder = Recorder::default();
            let (mut elapsed, mut rows) = (0, 0);
            for (milliseconds, more) in steps {
                elapsed += milliseconds;
                rows += more;
                recorder.note_totals(total(rows), Duration::from_millis(elapsed));
            }
            let timeline = recorder.end();
            prop_assert_eq!(timeline.rows(), rows);
            prop_assert!(timeline.points.len() <= MAX_POINTS);
            let all: Duration = (0..timeline.points.len()).map(|at| timeline.length_of(at)).sum();
            prop_assert!(all.abs_diff(Duration::from_millis(elapsed)) < Duration::from_millis(1));
        }
    }
}
