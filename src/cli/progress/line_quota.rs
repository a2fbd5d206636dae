//! A bound on lines of one kind, so that a bad file or a bad server does not flood a log.
//!
//! Together with the distance between progress lines it keeps a run of two hours below 130 lines.

use std::time::{Duration, Instant};

/// For how long the lines of one kind are counted together.
const WINDOW: Duration = Duration::from_secs(2 * 60 * 60);

/// Counts the lines of one kind.
#[derive(Debug)]
pub(super) struct LineQuota {
    most: u64,
    since: Option<Instant>,
    printed: u64,
}

impl LineQuota {
    /// At most so many lines in two hours.
    pub(super) const fn new(most: u64) -> Self {
        Self {
            most,
            since: None,
            printed: 0,
        }
    }

    /// Whether one more line may be printed now.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        self.since.get_or_insert(now);
        if self.printed < self.most {
            self.printed += 1;
            return true;
        }
        false
    }

    /// Begins anew once the time is over, and tells whether it is.
    pub(super) fn renew(&mut self, now: Instant) -> bool {
        let over = self
            .since
            .is_some_and(|since| now.saturating_duration_since(since) >= WINDOW);
        if over {
            *self = Self::new(self.most);
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_so_many_lines_there_are_none_for_two_hours() {
        let start = Instant::now();
        let mut quota = LineQuota::new(20);
        let printed = (0..100).filter(|_| quota.take(start)).count();
        assert_eq!(printed, 20);
        assert!(!quota.renew(start + Duration::from_secs(7_199)));
        assert!(!quota.take(start));
        assert!(quota.renew(start + WINDOW));
        assert!(quota.take(start + WINDOW));
    }
}
