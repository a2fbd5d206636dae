//! The clock that all processes of a machine share: nanoseconds of `CLOCK_MONOTONIC`.
//!
//! A slot in the quota file is read by other processes, so `std::time::Instant` (opaque) cannot
//! describe it. The monotonic clock stands still while the machine sleeps, which only makes slots
//! last longer; a clock that counts sleep would free slots that a receiver still counts.

use std::time::Duration;

/// A point of the shared clock, in nanoseconds since an origin that lasts until the next boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Moment(u64);

impl Moment {
    /// Before everything; an empty slot expired then.
    pub(super) const ZERO: Self = Self(0);
    /// After everything.
    pub(super) const NEVER: Self = Self(u64::MAX);

    /// The present.
    pub(super) fn now() -> Self {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
        // An origin of zero would look like an empty slot.
        Self(
            (seconds.saturating_mul(1_000_000_000))
                .saturating_add(nanos)
                .max(1),
        )
    }

    /// From the number in the quota file.
    pub(super) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// For the quota file.
    pub(super) const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Later by `by`, at most [`Moment::NEVER`].
    pub(super) fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(nanos(by)))
    }

    /// Time from `earlier` to this, zero when it is not earlier.
    pub(super) const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A duration as nanoseconds, saturating after 584 years.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
