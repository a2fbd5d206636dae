//! Evens out bursts with governor, a little faster than the quota.
//!
//! The window alone would let a second's worth of batches leave at once. A receiver that is busy
//! with such a burst notices the last of it late, and then counts more in one second than was sent
//! in any: spread over the second, each is noticed when it arrives. Since both buckets run faster
//! than the quota, the window stays the only limit in the long run.

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;

use super::window::Limits;
use crate::domain::MAX_BATCH_ROWS;

/// How much faster than the quota the buckets run, in percent.
const LEAD: u64 = 103;
/// The part of a second's requests that may leave at once.
const REQUEST_BURST_SHARE: u32 = 20;

/// Two buckets, one of requests and one of rows.
#[derive(Debug)]
pub(super) struct Smoother {
    requests: DefaultDirectRateLimiter,
    rows: DefaultDirectRateLimiter,
    /// The next request has been let through by the first, or by both.
    passed: Passed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passed {
    None,
    Requests,
    Both,
}

impl Smoother {
    pub(super) fn new(limits: Limits) -> Self {
        let largest_batch = limits.rows.min(MAX_BATCH_ROWS);
        Self {
            requests: bucket(limits.requests, limits.requests / REQUEST_BURST_SHARE),
            rows: bucket(limits.rows, largest_batch),
            passed: Passed::None,
        }
    }

    /// Time until the next request, of about so many rows, may leave; `None` once it may, until
    /// [`Self::left`] is called.
    pub(super) fn wait(&mut self, rows: u32) -> Option<Duration> {
        let now = DefaultClock::default().now();
        if self.passed == Passed::None {
            if let Err(not_yet) = self.requests.check() {
                return Some(not_yet.wait_time_from(now));
            }
            self.passed = Passed::Requests;
        }
        if self.passed == Passed::Requests {
            if let Some(rows) = NonZeroU32::new(rows)
                // More rows than the bucket ever holds are the window's business.
                && let Ok(Err(not_yet)) = self.rows.check_n(rows)
            {
                return Some(not_yet.wait_time_from(now));
            }
            self.passed = Passed::Both;
        }
        None
    }

    /// The request that was let through has left.
    pub(super) const fn left(&mut self) {
        self.passed = Passed::None;
    }
}

fn bucket(per_second: u32, burst: u32) -> DefaultDirectRateLimiter {
    let nanos = 1_000_000_000_u64 * 100 / (u64::from(per_second.max(1)) * LEAD);
    let quota = Quota::with_period(Duration::from_nanos(nanos.max(1)))
        .unwrap_or_else(|| Quota::per_second(NonZeroU32::MAX));
    RateLimiter::direct(quota.allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN)))
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
}
