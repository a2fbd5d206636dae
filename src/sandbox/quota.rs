//! The platform's quota as its receiver sees it: exact sliding windows over arrivals.
//!
//! A second is any half-open second, so two arrivals exactly one second apart are never counted
//! together; beyond that there is no tolerance. Pure: instants are passed in, so tests need no clock.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::time::{Duration, Instant};

/// Length of the window (D108601 states both quotas per second).
const WINDOW: Duration = Duration::from_secs(1);

/// How long arrivals are remembered. Rows are counted when their body has been read but at the
/// instant of their headers, so the log must reach back further than a body may take.
const MEMORY: Duration = Duration::from_secs(180);

/// An exact log of amounts over time.
#[derive(Debug, Default)]
struct Log {
    entries: BTreeMap<(Instant, u64), u64>,
    next: u64,
}

impl Log {
    /// The largest sum of any window that would hold an arrival of this amount at this instant.
    fn fullest_window_with(&self, at: Instant, amount: u64) -> u64 {
        let mut oldest = self.after(at.checked_sub(WINDOW), at);
        let mut held: u64 = self
            .after(at.checked_sub(WINDOW), at)
            .map(|(_, amount)| amount)
            .sum();
        let mut fullest = held;
        let end = at.checked_add(WINDOW).unwrap_or(at);
        let mut drop_next = oldest.next();
        for ((later, _), more) in self.entries.range((at, u64::MAX)..(end, 0)) {
            held = held.saturating_add(*more);
            // Windows are (later - 1 s, later]: whatever is a full second older has left.
            while let Some(((instant, _), gone)) = drop_next
                && instant
                    .checked_add(WINDOW)
                    .is_some_and(|left| left <= *later)
            {
                held = held.saturating_sub(*gone);
                drop_next = oldest.next();
            }
            fullest = fullest.max(held);
        }
        fullest.saturating_add(amount)
    }

    /// Entries later than `from` and not later than `to`.
    fn after(&self, from: Option<Instant>, to: Instant) -> Range<'_, (Instant, u64), u64> {
        match from {
            Some(from) => self.entries.range((from, u64::MAX)..(to, u64::MAX)),
            None => self.entries.range(..(to, u64::MAX)),
        }
    }

    fn add(&mut self, at: Instant, amount: u64) {
        self.entries.insert((at, self.next), amount);
        self.next = self.next.wrapping_add(1) % u64::MAX;
        let newest = self.entries.last_key_value().map_or(at, |((at, _), _)| *at);
        while let Some(entry) = self.entries.first_entry()
            && newest.saturating_duration_since(entry.key().0) > MEMORY
        {
            entry.remove();
        }
    }
}

/// One quota: what arrived, what of it was let through, and the limit.
#[derive(Debug)]
pub(super) struct Quota {
    limit: u64,
    admitted: Log,
    arrived: Log,
    fullest: u64,
}

impl Quota {
    /// A quota of so many per second.
    pub(super) fn new(limit: u32) -> Self {
        Self {
            limit: u64::from(limit),
            admitted: Log::default(),
            arrived: Log::default(),
            fullest: 0,
        }
    }

    /// The most that a second may hold.
    pub(super) const fn limit(&self) -> u64 {
        self.limit
    }

    /// Sets another limit for arrivals from now on; what was let through before still counts.
    pub(super) fn set_limit(&mut self, limit: u32) {
        self.limit = u64::from(limit);
    }

    /// Records an arrival; says whether it fits. What does not fit does not count against others,
    /// but [`Self::fullest_second`] shows it.
    pub(super) fn admit(&mut self, at: Instant, amount: u64) -> bool {
        self.fullest = self
            .fullest
            .max(self.arrived.fullest_window_with(at, amount));
        self.arrived.add(at, amount);
        if self.admitted.fullest_window_with(at, amount) > self.limit {
            return false;
        }
        self.admitted.add(at, amount);
        true
    }

    /// The most that arrived in any one-second window, refused or not.
    pub(super) const fn fullest_second(&self) -> u64 {
        self.fullest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_second_is_any_half_open_second() {
        let start = Instant::now();
        let mut quota = Quota::new(2);
        assert!(quota.admit(ms(start, 0), 1));
        assert!(quota.admit(ms(start, 900), 1));
        assert!(!quota.admit(ms(start, 999), 1));
        assert!(quota.admit(ms(start, 1_000), 1));
        assert!(!quota.admit(ms(start, 1_899), 1));
        assert!(quota.admit(ms(start, 1_900), 1));
        assert_eq!(quota.fullest_second(), 4);
    }

    #[test]
    fn a_lower_limit_counts_what_was_let_through_before() {
        let start = Instant::now();
        let mut quota = Quota::new(10);
        assert!(quota.admit(ms(start, 0), 4));
        quota.set_limit(5);
        assert_eq!(quota.limit(), 5);
        assert!(!quota.admit(ms(start, 500), 2));
        assert!(quota.admit(ms(start, 1_000), 5));
    }

    #[test]
    fn an_arrival_counted_late_still_counts_in_its_own_second() {
        let start = Instant::now();
        let mut quota = Quota::new(10);
        assert!(quota.admit(ms(start, 1_500), 6));
        assert!(!quota.admit(ms(start, 700), 5));
        assert!(quota.admit(ms(start, 500), 5));
    }

    proptest! {
        #[test]
        fn what_is_admitted_never_exceeds_the_limit(arrivals in prop::collection::vec((0u64..4_000, 1u64..8), 1..200)) {
            let start = Instant::now();
            let mut quota = Quota::new(20);
            let mut admitted = Vec::new();
            let mut fullest = 0;
            for (at, amount) in &arrivals {
                if quota.admit(ms(start, *at), *amount) {
                    admitted.push((*at, *amount));
                }
            }
            let sum = |list: &[(u64, u64)], end: u64| -> u64 {
                list.iter().filter(|(at, _)| *at <= end && at + 1_000 > end).map(|(_, n)| n).sum()
            };
            for (end, _) in &arrivals {
                prop_assert!(sum(&admitted, *end) <= 20);
                fullest = fullest.max(sum(&arrivals, *end));
            }
            prop_assert_eq!(quota.fullest_second(), fullest);
        }
    }
}
