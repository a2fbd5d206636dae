//! No limits, for private deployments and benchmarks: only the server slows it down.
//!
//! Without a quota there is no rate to take a share of. The rate just before the first 429, or the
//! platform's own if that was less, takes its place and requests are spaced by it until the server has
//! let everything through again. This promises no bound and knows nothing of other processes.

use super::clock::Moment;
use super::throttle::{Sent, Throttle, WHOLE, batch_rows, most_rows};
use super::turns::SECOND;
use super::window::Limits;
use std::collections::VecDeque;
use std::time::Duration;

/// Rows a second that are thought to have been too many at least. A 429 at the beginning, when little
/// was sent yet, says nothing of what the server takes.
const LEAST_TOO_MUCH: u32 = 50_000;

/// Requests remembered to learn the rate; more than this in a second are taken as this many.
const MAX_REMEMBERED: usize = 16_384;

/// Spaces requests while the server refuses some.
#[derive(Debug)]
pub(super) struct Pacer {
    throttle: Throttle,
    recent: VecDeque<(Moment, u32)>,
    rows_per_second: u32,
    next: Moment,
}

impl Pacer {
    /// Nothing is held back.
    pub(super) fn open() -> Self {
        Self {
            throttle: Throttle::open(),
            recent: VecDeque::new(),
            rows_per_second: u32::MAX,
            next: Moment::ZERO,
        }
    }

    /// Takes a place for `rows` now, or says when to ask again.
    pub(super) fn take(&mut self, now: Moment, rows: u32) -> Result<(), Moment> {
        let wait = self.throttle.paused_until().max(self.next);
        if wait > now {
            return Err(wait);
        }
        self.recent.push_back((now, rows.max(1)));
        let old =
            |entry: Option<&(Moment, u32)>| entry.is_some_and(|(at, _)| now.since(*at) > SECOND);
        while old(self.recent.front()) || self.recent.len() > MAX_REMEMBERED {
            self.recent.pop_front();
        }
        if self.is_paced() {
            let gap = u64::from(rows.max(1)).saturating_mul(1_000_000_000) / self.rate();
            self.next = now.after(Duration::from_nanos(gap));
        }
        Ok(())
    }

    /// Most rows that the present rate lets through at once.
    pub(super) fn max_rows(&self) -> u32 {
        if self.is_paced() {
            batch_rows(self.limits(), true)
        } else {
            u32::MAX
        }
    }

    /// Most rows of a batch that need not be taken apart.
    pub(super) fn most_rows(&self) -> u32 {
        if self.is_paced() {
            most_rows(self.limits())
        } else {
            u32::MAX
        }
    }

    /// Whether callers are held back at present.
    pub(super) fn is_waiting(&self, now: Moment) -> bool {
        self.throttle.paused_until() > now || (self.is_paced() && self.next > now)
    }

    /// A 429 was seen.
    pub(super) fn refused(&mut self, now: Moment, sent: Sent, retry_after: Option<Duration>) {
        if !self.is_paced() {
            let rows: u64 = self.recent.iter().map(|(_, rows)| u64::from(*rows)).sum();
            self.rows_per_second = u32::try_from(rows).unwrap_or(u32::MAX).max(LEAST_TOO_MUCH);
        }
        self.throttle.refused(now, sent, retry_after);
    }

    /// A request got through.
    pub(super) fn accepted(&mut self, now: Moment, sent: Sent) {
        self.throttle.accepted(now, sent);
        if !self.is_paced() {
            self.next = Moment::ZERO;
        }
    }

    fn is_paced(&self) -> bool {
        self.throttle.share() < WHOLE
    }

    /// The rate as limits; requests are not limited.
    fn limits(&self) -> Limits {
        Limits {
            requests: u32::MAX,
            rows: u32::try_from(self.rate()).unwrap_or(u32::MAX),
        }
    }

    /// Rows a second in force, at least one.
    fn rate(&self) -> u64 {
        (u64::from(self.rows_per_second).saturating_mul(self.throttle.share()) / WHOLE).max(1)
    }
}
