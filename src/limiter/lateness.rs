//! How late this machine is: a busy one keeps a receiver on it from noticing requests as well.
//!
//! The dispatcher knows when it wanted to wake and when it did. What it was late of late is allowed
//! for on top of the guard, so that an idle machine does not pay for what a busy one needs.
//! Pure: moments are arguments.

use super::clock::Moment;
use std::time::Duration;

/// A receiver on this machine may be late by so much without a sign of it here. With 2 ms an
/// independent receiver saw seconds of 104 requests and of 60,000 rows.
const LEAST: Duration = Duration::from_millis(5);
/// The timer's own step is no lateness.
const TIMER_STEP: Duration = Duration::from_millis(2);
/// Most that is allowed for.
const MOST: Duration = Duration::from_millis(20);
/// Half of a lateness is forgotten in this time.
const HALF_LIFE: Duration = Duration::from_secs(2);

/// The worst of the latest wake-ups, fading.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lateness {
    worst: Duration,
    at: Moment,
}

impl Lateness {
    /// Woke now, wanted to at `planned`.
    pub(super) fn note(&mut self, now: Moment, planned: Moment) {
        let late = now.since(planned).saturating_sub(TIMER_STEP).min(MOST);
        if late >= self.faded(now) {
            self.worst = late;
            self.at = now;
        }
    }

    /// How much later than its send a request may be noticed, besides the way it takes.
    pub(super) fn allowance(&self, now: Moment) -> Duration {
        (LEAST + self.faded(now)).min(MOST)
    }

    fn faded(&self, now: Moment) -> Duration {
        let halves = now.since(self.at).as_nanos() / HALF_LIFE.as_nanos();
        let divisor = u32::try_from(halves)
            .ok()
            .and_then(|halves| 1_u32.checked_shl(halves));
        divisor.map_or(Duration::ZERO, |divisor| self.worst / divisor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_machine_is_allowed_for_until_it_is_idle_again() {
        let milli = Duration::from_millis;
        let start = Moment::from_nanos(1_000_000_000_000);
        let mut lateness = Lateness::default();
        assert_eq!(lateness.allowance(start), milli(5));
        lateness.note(start.after(milli(1)), start);
        assert_eq!(lateness.allowance(start.after(milli(1))), milli(5));
        lateness.note(start.after(milli(10)), start);
        assert_eq!(lateness.allowance(start.after(milli(10))), milli(13));
        // Less late does not hide that it was busy just now.
        lateness.note(start.after(milli(503)), start.after(milli(500)));
        assert_eq!(lateness.allowance(start.after(milli(503))), milli(13));
        assert_eq!(lateness.allowance(start.after(milli(2_100))), milli(9));
        lateness.note(start.after(milli(9_000)), start);
        assert_eq!(lateness.allowance(start.after(milli(9_000))), milli(20));
        assert_eq!(lateness.allowance(start.after(milli(90_000))), milli(5));
    }
}
