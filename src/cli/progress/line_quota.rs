//! A bound on lines of one kind, so that a bad file or a bad server does not flood a log.
//!
//! Some lines may come at once; others follow one by one, so that a bad first minute leaves
//! some for what happens an hour later. Together with the distance between progress lines this keeps a
//! run of two hours below 130 lines.

use std::time::{Duration, Instant};

/// For how long the lines of one kind are counted together.
pub(super) const WINDOW: Duration = Duration::from_secs(2 * 60 * 60);

/// Counts the lines of one kind.
#[derive(Debug)]
pub(super) struct LineQuota {
    /// Lines that may be printed now.
    left: u32,
    /// Most lines at once.
    burst: u32,
    /// A line comes back after so much time.
    every: Duration,
    /// Since when the next line is on its way.
    since: Option<Instant>,
}

impl LineQuota {
    /// So many lines at once, and so many later on in two hours.
    pub(super) fn new(at_once: u32, later: u32) -> Self {
        Self {
            left: at_once,
            burst: at_once,
            every: WINDOW.checked_div(later).unwrap_or(WINDOW),
            since: None,
        }
    }

    /// Whether one more line may be printed now.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        self.refill(now);
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }

    fn refill(&mut self, now: Instant) {
        let mut since = *self.since.get_or_insert(now);
        while now.saturating_duration_since(since) >= self.every {
            since += self.every;
            self.left = self.left.saturating_add(1).min(self.burst);
        }
        self.since = Some(since);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_lines_come_at_once_and_others_over_two_hours() {
        let start = Instant::now();
        let mut quota = LineQuota::new(10, 10);
        let mut printed_in = |seconds: std::ops::Range<u64>| {
            let asked = seconds.flat_map(|second| [second; 3]);
            let at = |second| start + Duration::from_secs(second);
            asked.filter(|second| quota.take(at(*second))).count()
        };
        assert_eq!(printed_in(0..100), 10);
        assert_eq!(printed_in(100..3_600), 4);
        assert_eq!(printed_in(3_600..7_200), 5);
        assert_eq!(printed_in(7_200..14_400), 10);
    }

    #[test]
    fn lines_that_nobody_needed_do_not_add_up() {
        let start = Instant::now();
        let mut quota = LineQuota::new(10, 10);
        assert!(quota.take(start));
        let later = start + 5 * WINDOW;
        let printed = (0..100).filter(|_| quota.take(later)).count();
        assert_eq!(printed, 10);
    }
}
