//! The permission to send one request, and the moment at which it was used.
//!
//! A permit does not end with the reply: the platform counts arrivals, so only the send matters.

use super::clock::Moment;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// When a request was handed to the socket, shared by its permit and the dispatcher.
#[derive(Debug, Clone, Default)]
pub(super) struct Stamp(Arc<AtomicU64>);

impl Stamp {
    /// The latest moment marked so far.
    pub(super) fn sent_at(&self) -> Option<Moment> {
        match self.0.load(Ordering::Acquire) {
            0 => None,
            nanos => Some(Moment::from_nanos(nanos)),
        }
    }

    fn mark(&self) {
        self.0.fetch_max(Moment::now().as_nanos(), Ordering::AcqRel);
    }
}

/// Lets one request out. Keep it until the request has left and call [`Permit::sent`]; a permit
/// that is dropped unmarked counts as sent at that moment.
#[derive(Debug)]
#[must_use = "a permit dropped at once wastes its place in the window"]
pub struct Permit {
    stamp: Stamp,
}

impl Permit {
    pub(super) fn new(stamp: Stamp) -> Self {
        Self { stamp }
    }

    /// The last byte was handed to the socket just now. Cheap; from any thread; the latest call
    /// counts. Until this the request occupies its place, however long it takes.
    pub fn sent(&self) {
        self.stamp.mark();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.stamp.sent_at().is_none() {
            self.stamp.mark();
        }
    }
}
