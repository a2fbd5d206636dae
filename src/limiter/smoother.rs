//! Evens out bursts with governor, a little faster than the quota.
//!
//! The window alone would let a second's worth of batches leave at once. A receiver that is busy
//! with such a burst notices the last of it late, and then counts more in one second than was sent
//! in any: spread over the second, each is noticed when it arrives. What could not be sent for a
//! while, as long as the first answer was out or nothing was read, is made up for at twice the
//! pace. Since all buckets run faster than the quota, the window stays the only limit in the long
//! run.

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;

use super::window::Limits;
use crate::domain::MAX_BATCH_ROWS;

/// How much faster than the quota the pace is, in percent.
const LEAD: u64 = 103;
/// The pace at which is made up for what could not be sent, in percent.
const CATCH_UP: u64 = 200;
/// The part of a second's requests that may leave at once.
const REQUEST_BURST_SHARE: u32 = 20;

/// Buckets of requests and of rows; a request has to get through all of them.
#[derive(Debug)]
pub(super) struct Smoother {
    buckets: [Bucket; 4],
    /// How many of them have let the next request through.
    passed: usize,
}

#[derive(Debug)]
struct Bucket {
    /// Rows of requests up to this size are counted; without it, requests are.
    rows_up_to: Option<u32>,
    cells: DefaultDirectRateLimiter,
}

impl Smoother {
    pub(super) fn new(limits: Limits) -> Self {
        let largest_batch = limits.rows.min(MAX_BATCH_ROWS);
        let rows = Some(largest_batch);
        let few_requests = limits.requests / REQUEST_BURST_SHARE;
        Self {
            buckets: [
                Bucket::pace(None, limits.requests, few_requests),
                Bucket::catching_up(None, limits.requests, few_requests),
                Bucket::pace(rows, limits.rows, largest_batch),
                Bucket::catching_up(rows, limits.rows, largest_batch),
            ],
            passed: 0,
        }
    }

    /// Time until the next request, of about so many rows, may leave; `None` once it may, until
    /// [`Self::left`] is called.
    pub(super) fn wait(&mut self, rows: u32) -> Option<Duration> {
        while let Some(bucket) = self.buckets.get(self.passed) {
            if let Some(wait) = bucket.wait(rows) {
                return Some(wait);
            }
            self.passed += 1;
        }
        None
    }

    /// The request that was let through has left.
    pub(super) const fn left(&mut self) {
        self.passed = 0;
    }
}

impl Bucket {
    /// Holds a second's worth, of which at first only `burst` is there.
    fn pace(rows_up_to: Option<u32>, per_second: u32, burst: u32) -> Self {
        let bucket = Self::new(rows_up_to, (per_second, LEAD), per_second);
        if let Some(missing) = NonZeroU32::new(per_second.saturating_sub(burst.max(1))) {
            // A new bucket is full, so they are there to be taken.
            let _taken = bucket.cells.check_n(missing);
        }
        bucket
    }

    fn catching_up(rows_up_to: Option<u32>, per_second: u32, burst: u32) -> Self {
        Self::new(rows_up_to, (per_second, CATCH_UP), burst)
    }

    fn new(rows_up_to: Option<u32>, (per_second, percent): (u32, u64), burst: u32) -> Self {
        let nanos = 1_000_000_000_u64 * 100 / (u64::from(per_second.max(1)) * percent);
        let quota = Quota::with_period(Duration::from_nanos(nanos.max(1)))
            .unwrap_or_else(|| Quota::per_second(NonZeroU32::MAX))
            .allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN));
        Self {
            rows_up_to,
            cells: RateLimiter::direct(quota),
        }
    }

    /// Takes what a request of so many rows needs, or says how long to wait for it.
    fn wait(&self, rows: u32) -> Option<Duration> {
        let now = DefaultClock::default().now();
        let wanted = match self.rows_up_to {
            None => 1,
            Some(most) if rows <= most => rows,
            // More rows than any batch has are the window's business.
            Some(_) => 0,
        };
        let taken = self.cells.check_n(NonZeroU32::new(wanted)?);
        let not_yet = taken.ok()?.err()?;
        Some(not_yet.wait_time_from(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_batches_are_spread_over_the_second_and_small_ones_are_not_held_back() {
        let limits = Limits {
            requests: 100,
            rows: 50_000,
        };
        let mut full = Smoother::new(limits);
        assert_eq!(full.wait(10_000), None);
        full.left();
        let wait = full.wait(10_000).unwrap();
        assert!(
            wait > Duration::from_millis(150) && wait < Duration::from_millis(200),
            "{wait:?}"
        );
        let mut small = Smoother::new(limits);
        for _ in 0..5 {
            assert_eq!(small.wait(300), None);
            small.left();
        }
        assert_eq!(Smoother::new(limits).wait(0), None);
    }

    #[test]
    fn what_could_not_be_sent_for_a_while_is_made_up_for_at_twice_the_pace() {
        let mut smoother = Smoother::new(Limits {
            requests: 100,
            rows: 50_000,
        });
        assert_eq!(smoother.wait(10_000), None);
        smoother.left();
        // The buckets fill with time as it passes outside.
        std::thread::sleep(Duration::from_millis(600));
        assert_eq!(smoother.wait(10_000), None);
        smoother.left();
        let wait = smoother.wait(10_000).unwrap_or_default();
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
    }
}
