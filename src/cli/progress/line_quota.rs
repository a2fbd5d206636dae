//! A bound on lines of one kind, so that a bad file or a bad server does not flood a log.

use std::time::{Duration, Instant};

/// Most lines of one kind in a minute.
const MAX_LINES_A_MINUTE: u64 = 20;
/// The minute.
const WINDOW: Duration = Duration::from_secs(60);

/// Counts the lines of one kind.
#[derive(Debug, Default)]
pub(super) struct LineQuota {
    since: Option<Instant>,
    printed: u64,
    withheld: u64,
}

impl LineQuota {
    /// Whether one more line may be printed now.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        self.since.get_or_insert(now);
        if self.printed < MAX_LINES_A_MINUTE {
            self.printed += 1;
            return true;
        }
        self.withheld += 1;
        false
    }

    /// Once the minute is over: how many lines were withheld in it, if any; a new minute begins.
    pub(super) fn renew(&mut self, now: Instant) -> Option<u64> {
        let over = self
            .since
            .is_some_and(|since| now.saturating_duration_since(since) >= WINDOW);
        if over { self.drain() } else { None }
    }

    /// How many lines were withheld, if any; forgets them.
    pub(super) fn drain(&mut self) -> Option<u64> {
        let withheld = self.withheld;
        *self = Self::default();
        (withheld > 0).then_some(withheld)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_twenty_lines_the_rest_of_the_minute_is_counted() {
        let start = Instant::now();
        let mut quota = LineQuota::default();
        let printed = (0..100).filter(|_| quota.take(start)).count();
        assert_eq!(printed, 20);
        assert_eq!(quota.renew(start + Duration::from_secs(59)), None);
        assert_eq!(quota.renew(start + WINDOW), Some(80));
        assert!(quota.take(start + WINDOW));
        assert_eq!(quota.drain(), None);
    }
}
