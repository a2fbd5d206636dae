//! The share of the limits that the server lets through: less after a 429, slowly more again. Pure.
//!
//! A cut is multiplicative and happens at most once in a window, since one excess brings a burst of
//! refusals. The rate at which the last refusal came is remembered as the ceiling: growth is quick
//! until just below it, then so slow that probing costs less than one request in a hundred, and
//! gains speed once the ceiling has been passed. So most time is spent just below what the server
//! gives. It knows nothing of queues, retries or the window.

use super::clock::Moment;
use super::turns::SECOND;
use super::window::Limits;
use crate::domain::MAX_BATCH_ROWS;
use std::time::Duration;

/// The whole of the limits; shares are billionths, so that slow growth is not rounded away.
pub(super) const WHOLE: u64 = 1_000_000_000;
/// The share never falls below a hundredth.
const SMALLEST: u64 = WHOLE / 100;
/// Pause of all callers after a 429 that names none.
const DEFAULT_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause taken from one `Retry-After`; a longer one is asked for again by the next 429.
const MAX_PAUSE: Duration = Duration::from_secs(3600);
/// A cut so soon after the last one means that the ceiling is not known yet.
const SETTLING: Duration = Duration::from_secs(10);
/// Batches of one window when the rate in force is small: a server that takes 15,000 rows a second
/// takes three batches of 5,000 but only one of 10,000.
const FEWEST_BATCHES: u32 = 3;

/// What is known about the server's readiness.
#[derive(Debug, Clone, Copy)]
pub(super) struct Throttle {
    share: u64,
    ceiling: Option<u64>,
    cut_at: Option<Moment>,
    grown_at: Moment,
    passed_at: Option<Moment>,
    paused_until: Moment,
}

impl Throttle {
    /// Everything is let through.
    pub(super) const fn open() -> Self {
        Self {
            share: WHOLE,
            ceiling: None,
            cut_at: None,
            grown_at: Moment::ZERO,
            passed_at: None,
            paused_until: Moment::ZERO,
        }
    }

    /// The share of the limits in force, in billionths.
    pub(super) const fn share(&self) -> u64 {
        self.share
    }

    /// Until when nobody sends.
    pub(super) const fn paused_until(&self) -> Moment {
        self.paused_until
    }

    /// The limits in force; never zero, so that everything moves some time.
    pub(super) fn limits(&self, full: Limits) -> Limits {
        Limits {
            requests: scaled(full.requests, self.share),
            rows: scaled(full.rows, self.share),
        }
    }

    /// A 429 was seen.
    pub(super) fn refused(&mut self, now: Moment, retry_after: Option<Duration>) {
        let pause = retry_after.unwrap_or(DEFAULT_PAUSE).min(MAX_PAUSE);
        self.paused_until = self.paused_until.max(now.after(pause));
        // What the server saw before the cut took effect says nothing about the new rate.
        let since_cut = self.cut_at.map(|at| now.since(at));
        if since_cut.is_some_and(|since| since <= SECOND) {
            return;
        }
        let settled = since_cut.is_some_and(|since| since > SETTLING);
        let near = self
            .ceiling
            .is_some_and(|ceiling| self.share <= ceiling / 10 * 11);
        self.ceiling = Some(self.share);
        let kept = if settled && near { 92 } else { 70 };
        self.share = (self.share / 100 * kept).max(SMALLEST);
        self.cut_at = Some(now);
        self.grown_at = self.paused_until;
        self.passed_at = None;
    }

    /// A request was answered with anything but a 429. Growth depends on time, not on the number
    /// of requests, but only while requests get through.
    pub(super) fn accepted(&mut self, now: Moment) {
        let Some(ceiling) = self.ceiling else { return };
        let millis = now.since(self.grown_at).min(SECOND).as_millis();
        let millis = u64::try_from(millis).unwrap_or(0);
        if millis == 0 {
            return;
        }
        self.grown_at = now;
        let near = ceiling / 100 * 95;
        let passed = ceiling / 100 * 101;
        let grown = if self.share < near {
            (self.share + ceiling / 10 * millis / 1000).min(near)
        } else if self.share < passed {
            self.share + ceiling / 1200 * millis / 1000
        } else {
            let since = *self.passed_at.get_or_insert(now);
            let speed = now.since(since).as_secs().saturating_add(1);
            self.share + (ceiling / 100).saturating_mul(speed) / 1000 * millis
        };
        self.share = grown.min(WHOLE);
        if self.share == WHOLE {
            self.ceiling = None;
            self.passed_at = None;
        }
    }
}

/// A limit times a share, at least one.
fn scaled(limit: u32, share: u64) -> u32 {
    let part = u64::from(limit).saturating_mul(share) / WHOLE;
    u32::try_from(part).unwrap_or(u32::MAX).max(1)
}

/// Rows of a batch that use a rate of `rows` a second without a remainder: the rate divided by the
/// number of batches that it needs at least.
pub(super) fn batch_rows(rows: u32) -> u32 {
    let batches = rows.div_ceil(MAX_BATCH_ROWS).max(FEWEST_BATCHES);
    (rows / batches).max(1)
}
