//! The permission to send one request, and the moments between which it arrived.
//!
//! The platform counts arrivals. A request arrives after it was handed to the socket, and before it
//! is answered: an early answer says more exactly when its second ends than any guard.

use super::clock::Moment;
use super::lease::{Lease, Mark};
use super::throttle::Sent;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How coarse a receiver's clock may be.
const CLOCK_STEP: Duration = Duration::from_millis(1);

/// When a request was handed to the socket and when it was answered, shared by its permit and the
/// dispatcher.
#[derive(Debug, Clone, Default)]
pub(super) struct Stamp(Arc<Marks>);

#[derive(Debug, Default)]
struct Marks {
    sent: AtomicU64,
    answered: AtomicU64,
}

impl Stamp {
    /// The latest moment at which the request was marked as sent.
    pub(super) fn sent_at(&self) -> Option<Moment> {
        read(&self.0.sent)
    }

    /// The latest moment at which the request arrived, if it arrived within `guard` of its send.
    pub(super) fn arrived_by(&self, guard: Duration) -> Option<Moment> {
        let sent = self.sent_at()?;
        let guarded = sent.after(guard);
        Some(match read(&self.0.answered) {
            // Answered before its last byte was taken: its head had arrived by then.
            Some(answered) => guarded.min(answered.max(sent).after(CLOCK_STEP)),
            None => guarded,
        })
    }
}

fn read(mark: &AtomicU64) -> Option<Moment> {
    match mark.load(Ordering::Acquire) {
        0 => None,
        nanos => Some(Moment::from_nanos(nanos)),
    }
}

fn write(mark: &AtomicU64) {
    mark.fetch_max(Moment::now().as_nanos(), Ordering::AcqRel);
}

/// Lets one request out. Keep it until the request has left and call [`Permit::sent`]; a permit
/// that is dropped unmarked counts as sent at that moment.
#[derive(Debug)]
#[must_use = "a permit dropped at once wastes its place in the window"]
pub struct Permit {
    stamp: Stamp,
    rows: u32,
    /// The place that it has besides in the window of a quota service.
    lease: Option<Lease>,
}

impl Permit {
    pub(super) fn new(stamp: Stamp, rows: u32) -> Self {
        let lease = None;
        Self { stamp, rows, lease }
    }

    /// This permit with a place at a quota service as well.
    pub(super) fn leased(mut self, lease: Lease) -> Self {
        self.lease = Some(lease);
        self
    }

    /// The last byte was handed to the socket just now. Cheap; from any thread; the latest call
    /// counts. Until this the request occupies its place, however long it takes.
    pub fn sent(&self) {
        write(&self.stamp.0.sent);
        self.tell(Mark::Sent);
    }

    fn tell(&self, mark: Mark) {
        if let Some(lease) = &self.lease {
            lease.mark(mark);
        }
    }

    /// What was sent with it; one that was never marked as sent counts as sent now.
    pub(super) fn request(&self, now: Moment) -> Sent {
        Sent {
            at: self.stamp.sent_at().unwrap_or(now),
            rows: self.rows,
        }
    }

    /// The answer has come just now, so the request has arrived.
    pub fn answered(&self) {
        write(&self.stamp.0.answered);
        self.tell(Mark::Answered);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.stamp.sent_at().is_none() {
            write(&self.stamp.0.sent);
        }
    }
}
