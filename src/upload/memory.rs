//! The budget of bytes for all buffers together.
//!
//! Only the reading thread takes from it; whoever shrinks or drops a buffer gives back. Since all
//! that was taken is given back when its batch is settled, one taker can always go on in the end.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes are counted in units of this size, since permits are numbered with 32 bits.
const UNIT_BYTES: usize = 1024;

/// Bodies kept for the next batches: one being filled, one being compressed.
const MAX_SPARE_BODIES: usize = 2;

/// All buffers of a run may hold so many bytes.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    units: Arc<Semaphore>,
    total: u32,
    spare: SpareBodies,
}

/// Buffers that were bodies and become bodies again: large ones cost more to get from the system
/// than to fill, and what the allocator keeps of them is memory that nobody counts.
#[derive(Debug, Clone, Default)]
pub(super) struct SpareBodies(Arc<Mutex<Vec<Vec<u8>>>>);

impl SpareBodies {
    /// An empty buffer with room for so many bytes.
    pub(super) fn take(&self, bytes: usize) -> Vec<u8> {
        let mut body = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
            .unwrap_or_default();
        body.clear();
        body.reserve(bytes);
        body
    }

    /// Gives a buffer back.
    pub(super) fn put(&self, body: Vec<u8>) {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MAX_SPARE_BODIES {
            spare.push(body);
        }
    }
}

/// Bytes taken from the budget; given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    permit: OwnedSemaphorePermit,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        let total = units(bytes).max(1);
        Self {
            units: Arc::new(Semaphore::new(usize::try_from(total).unwrap_or(usize::MAX))),
            total,
            spare: SpareBodies::default(),
        }
    }

    /// Buffers for bodies.
    pub(super) const fn spare(&self) -> &SpareBodies {
        &self.spare
    }

    /// Takes so many bytes, waiting until they are there. A wish beyond the whole budget takes the
    /// whole budget. For threads that may block.
    pub(super) fn take_blocking(&self, runtime: &Handle, bytes: usize) -> Option<Share> {
        let wanted = units(bytes).min(self.total);
        let units = Arc::clone(&self.units);
        let permit = runtime.block_on(units.acquire_many_owned(wanted)).ok()?;
        Some(Share { permit })
    }

    /// Makes a share exactly as large as what it stands for.
    pub(super) fn resize_blocking(
        &self,
        runtime: &Handle,
        share: &mut Share,
        bytes: usize,
    ) -> Option<()> {
        let held = u32::try_from(share.permit.num_permits()).unwrap_or(u32::MAX);
        let wanted = units(bytes).min(self.total);
        if wanted > held {
            let more = Arc::clone(&self.units).acquire_many_owned(wanted.saturating_sub(held));
            share.permit.merge(runtime.block_on(more).ok()?);
        } else {
            share.shrink_to(bytes);
        }
        Some(())
    }
}

impl Share {
    /// Gives back what is beyond so many bytes.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        let keep = usize::try_from(units(bytes)).unwrap_or(usize::MAX);
        let surplus = self.permit.num_permits().saturating_sub(keep);
        drop(self.permit.split(surplus));
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_or_shrunk_can_be_taken_again() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let budget = Budget::new(10 * UNIT_BYTES);
        let mut first = budget
            .take_blocking(runtime.handle(), 100 * UNIT_BYTES)
            .unwrap();
        assert_eq!(budget.units.available_permits(), 0);
        first.shrink_to(3 * UNIT_BYTES);
        assert_eq!(budget.units.available_permits(), 7);
        budget
            .resize_blocking(runtime.handle(), &mut first, 5 * UNIT_BYTES)
            .unwrap();
        assert_eq!(budget.units.available_permits(), 5);
        drop(first);
        assert_eq!(budget.units.available_permits(), 10);
    }
}
