//! How late this machine is: a busy one keeps a receiver on it from noticing requests as well.
//!
//! The dispatcher knows when it wanted to wake and when it did. What it was late of late is allowed
//! for on top of the guard, also for requests that have left already, so that an idle machine does
//! not pay for what a busy one needs. But for the sleep itself it is pure: moments are arguments.

use super::clock::Moment;
use std::time::Duration;

/// Longest sleep at one time, so that a busy moment is noticed.
pub(super) const NAP: Duration = Duration::from_millis(10);
/// The timer's own step is no lateness.
pub(super) const TIMER_STEP: Duration = Duration::from_millis(2);
/// A receiver has to wake several times for a request and has work to do: it is later than we are.
pub(super) const RECEIVER_SHARE: u32 = 2;
/// Most that is allowed for.
const MOST: Duration = Duration::from_millis(100);
/// Lateness that is assumed of a machine that is not known yet.
const AT_START: Duration = Duration::from_millis(15);
/// Half of a lateness is forgotten in this time.
const HALF_LIFE: Duration = Duration::from_millis(500);

/// The worst of the latest wake-ups, fading.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lateness {
    worst: Duration,
    at: Moment,
}

impl Lateness {
    /// Nothing is known yet, and a receiver has connections to accept and threads to start.
    pub(super) const fn unknown(now: Moment) -> Self {
        Self {
            worst: AT_START,
            at: now,
        }
    }

    /// Sleeps, in short naps: each tells how late one wakes at present. The end is met by a thread
    /// of its own: the steps of the runtime's timer would cost a thousandth of the rate each.
    pub(super) async fn sleep_until(&mut self, end: Moment) {
        loop {
            let now = Moment::now();
            let rest = end.since(now);
            if rest <= TIMER_STEP {
                let sleeping = tokio::task::spawn_blocking(move || std::thread::sleep(rest));
                // Awake without having slept: whoever waits looks at the clock himself.
                let _ended = sleeping.await;
                return;
            }
            let nap = NAP.min(rest.saturating_sub(TIMER_STEP));
            tokio::time::sleep(nap).await;
            self.note(Moment::now(), now.after(nap));
        }
    }

    /// Woke now, wanted to at `planned`.
    pub(super) fn note(&mut self, now: Moment, planned: Moment) {
        let late = now
            .since(planned)
            .saturating_sub(TIMER_STEP)
            .min(MOST / RECEIVER_SHARE);
        if late >= self.faded(now) {
            self.worst = late;
            self.at = now;
        }
    }

    /// How much later than its send a request may be noticed, besides the way it takes.
    pub(super) fn allowance(&self, now: Moment) -> Duration {
        (self.faded(now) * RECEIVER_SHARE).min(MOST)
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
        assert_eq!(lateness.allowance(start), milli(0));
        lateness.note(start.after(milli(1)), start);
        assert_eq!(lateness.allowance(start.after(milli(1))), milli(0));
        lateness.note(start.after(milli(10)), start);
        assert_eq!(lateness.allowance(start.after(milli(10))), milli(16));
        // Less late does not hide that it was busy just now.
        lateness.note(start.after(milli(103)), start.after(milli(100)));
        assert_eq!(lateness.allowance(start.after(milli(103))), milli(16));
        assert_eq!(lateness.allowance(start.after(milli(600))), milli(8));
        lateness.note(start.after(milli(9_000)), start);
        assert_eq!(lateness.allowance(start.after(milli(9_000))), milli(100));
        assert_eq!(lateness.allowance(start.after(milli(30_000))), milli(0));
    }
}
