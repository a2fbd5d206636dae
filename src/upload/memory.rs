//! The budget of bytes for all buffers together.
//!
//! Only the reading thread takes from it; whoever shrinks or drops a buffer gives back. Since all
//! that was taken is given back when its batch is settled, one taker can always go on in the end.
//!
//! When answers repeat rows by the thousand, some of it is left to them from then on.

use crate::protocol::Gzip;
use bytes::Bytes;
use memmap2::MmapMut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes are counted in units of this size, since permits are numbered with 32 bits.
const UNIT_BYTES: usize = 1024;

/// Least bytes that get memory of their own.
const MIN_MAPPED_BYTES: usize = 128 << 10;

/// Room of a body's buffer, nearly all of which is never used. glibc gives blocks beyond 32 MiB back to
/// the system when they are dropped, and keeps smaller ones once one of their size was dropped.
const BODY_ROOM_BYTES: usize = (32 << 20) + (64 << 10);

/// Bodies kept for the next batches: as many as are filled, wait and are compressed at one time.
const MAX_SPARE_BODIES: usize = 4;

/// Tenths of the budget that are left to long answers.
const TENTHS_FOR_ANSWERS: u32 = 5;

/// All buffers of a run may hold so many bytes.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    units: Arc<Semaphore>,
    total: u32,
    spare: SpareBodies,
    /// Whether long answers come, for a taker that holds no more than one share at a time: others
    /// could wait for each other.
    long_answers: Option<Arc<AtomicBool>>,
    /// What is left to long answers.
    for_answers: Arc<Mutex<Option<Share>>>,
}

/// Buffers that were bodies and become bodies again: large ones cost more to get from the system
/// than to fill, and what the allocator keeps of them is memory that nobody counts. Each keeps its
/// share of the budget until somebody waits for memory.
#[derive(Debug, Clone, Default)]
pub(super) struct SpareBodies(Arc<Mutex<Spares>>);

#[derive(Debug, Default)]
struct Spares {
    bodies: Vec<(Vec<u8>, Share)>,
    /// Somebody waits for memory, so no share is kept.
    wanted: bool,
    /// A buffer whose share somebody waited for: for the body that is begun with it.
    bare: Vec<u8>,
    /// How many bytes of how many were left of the last body when it was compressed.
    last_compressed: Option<(usize, usize)>,
}

impl SpareBodies {
    /// Gives a buffer back, with the memory that it takes.
    pub(super) fn put(&self, body: Vec<u8>, share: Share) {
        let mut spares = self.lock();
        if spares.wanted {
            spares.bare = body;
        } else if spares.bodies.len() < MAX_SPARE_BODIES {
            spares.bodies.push((body, share));
        }
    }

    /// Notes what compressing a body came to.
    pub(super) fn note_compressed(&self, bytes: usize, compressed: usize) {
        self.lock().last_compressed = Some((compressed, bytes));
    }

    /// Bytes that a body probably takes when compressed: an eighth more than the last one in
    /// proportion, and all of it before there was one.
    pub(super) fn likely_compressed(&self, bytes: usize) -> usize {
        match self.lock().last_compressed {
            Some((compressed, of)) if of > 0 => {
                let likely = bytes.saturating_mul(compressed) / of;
                likely.saturating_add(likely / 8).min(bytes)
            }
            _ => bytes,
        }
    }

    fn take(&self) -> Option<(Vec<u8>, Share)> {
        self.lock().bodies.pop()
    }

    fn take_bare(&self) -> Vec<u8> {
        std::mem::take(&mut self.lock().bare)
    }

    /// Keeps no memory while somebody waits for it.
    fn give_up(&self, wanted: bool) {
        let mut spares = self.lock();
        spares.wanted = wanted;
        if wanted {
            spares.bodies.clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Spares> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
            long_answers: None,
            for_answers: Arc::default(),
        }
    }

    /// Leaves a part of it to long answers from when they come.
    pub(super) fn with_answers(self, long_answers: Arc<AtomicBool>) -> Self {
        Self {
            long_answers: Some(long_answers),
            ..self
        }
    }

    /// Bytes of all buffers together.
    pub(super) fn total_bytes(&self) -> usize {
        usize::try_from(self.total)
            .unwrap_or(usize::MAX)
            .saturating_mul(UNIT_BYTES)
    }

    /// Bytes that nobody has taken, spare bodies not counted.
    pub(super) fn free_bytes(&self) -> usize {
        self.units.available_permits().saturating_mul(UNIT_BYTES)
    }

    /// Buffers for bodies.
    pub(super) const fn spare(&self) -> &SpareBodies {
        &self.spare
    }

    /// An empty buffer and memory for so many bytes, waiting until it is there. A wish beyond the whole budget takes the whole budget. For threads that may block.
    pub(super) fn take_body_blocking(
        &self,
        runtime: &Handle,
        bytes: usize,
    ) -> Option<(Vec<u8>, Share)> {
        self.leave_some_to_answers();
        let (body, mut share) = match self.spare.take() {
            Some(spare) => spare,
            None => (Vec::new(), self.acquire(runtime, 0)?),
        };
        self.hold(runtime, &mut share, bytes)?;
        let bare = self.spare.take_bare();
        let mut body = if body.capacity() > 0 { body } else { bare };
        body.clear();
        body.reserve(BODY_ROOM_BYTES);
        Some((body, share))
    }

    /// Makes a share exactly as large as what it stands for.
    pub(super) fn resize_blocking(
        &self,
        runtime: &Handle,
        share: &mut Share,
        bytes: usize,
    ) -> Option<()> {
        self.hold(runtime, share, bytes)?;
        drop(self.spare.take_bare());
        Some(())
    }

    fn hold(&self, runtime: &Handle, share: &mut Share, bytes: usize) -> Option<()> {
        let held = u32::try_from(share.permit.num_permits()).unwrap_or(u32::MAX);
        let wanted = units(bytes).min(self.total.saturating_sub(self.left_to_answers()));
        if wanted > held {
            let more = self.acquire(runtime, wanted.saturating_sub(held))?;
            share.permit.merge(more.permit);
        } else {
            share.shrink_to(bytes);
        }
        Some(())
    }

    /// Takes of what is free now; the rest at the next time.
    fn leave_some_to_answers(&self) {
        let long_answers = self.long_answers.as_ref();
        if !long_answers.is_some_and(|come| come.load(Ordering::Relaxed)) {
            return;
        }
        let missing = (self.total / 10)
            .saturating_mul(TENTHS_FOR_ANSWERS)
            .saturating_sub(self.left_to_answers());
        let free = u32::try_from(self.units.available_permits()).unwrap_or(u32::MAX);
        let units = Arc::clone(&self.units);
        let Ok(permit) = units.try_acquire_many_owned(missing.min(free)) else {
            return;
        };
        match &mut *self.for_answers() {
            Some(share) => share.permit.merge(permit),
            none => *none = Some(Share { permit }),
        }
    }

    fn left_to_answers(&self) -> u32 {
        let permits = self
            .for_answers()
            .as_ref()
            .map_or(0, |share| share.permit.num_permits());
        u32::try_from(permits).unwrap_or(u32::MAX)
    }

    fn for_answers(&self) -> MutexGuard<'_, Option<Share>> {
        self.for_answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn acquire(&self, runtime: &Handle, units: u32) -> Option<Share> {
        if let Ok(permit) = Arc::clone(&self.units).try_acquire_many_owned(units) {
            return Some(Share { permit });
        }
        self.spare.give_up(true);
        let acquired = runtime.block_on(Arc::clone(&self.units).acquire_many_owned(units));
        self.spare.give_up(false);
        Some(Share {
            permit: acquired.ok()?,
        })
    }
}

impl Share {
    /// Takes so many bytes out, or all if there are fewer.
    pub(super) fn split_off(&mut self, bytes: usize) -> Option<Self> {
        let wanted = usize::try_from(units(bytes)).unwrap_or(usize::MAX);
        let permit = self.permit.split(wanted.min(self.permit.num_permits()))?;
        Some(Self { permit })
    }

    /// Gives back what is beyond so many bytes.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        let keep = usize::try_from(units(bytes)).unwrap_or(usize::MAX);
        let surplus = self.permit.num_permits().saturating_sub(keep);
        drop(self.permit.split(surplus));
    }
}

/// A body compressed into memory of its own, of which only what is written to is ever used, and which
/// goes back to the system with it. What the allocator would keep for itself between large bodies is
/// memory that nobody counts; small ones come from it all the same.
pub(super) fn compressed(body: &[u8], gzip: &mut Gzip) -> Bytes {
    let most = gzip.most_bytes(body.len());
    if most >= MIN_MAPPED_BYTES
        && let Ok(mut mapped) = MmapMut::map_anon(most)
        && let Some(written) = gzip.compress_into(body, &mut mapped)
    {
        return Bytes::from_owner(mapped).slice(..written);
    }
    Bytes::from(gzip.compress(body))
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
        let handle = runtime.handle();
        let (_, mut first) = budget.take_body_blocking(handle, 100 * UNIT_BYTES).unwrap();
        assert_eq!(budget.units.available_permits(), 0);
        first.shrink_to(3 * UNIT_BYTES);
        assert_eq!(budget.units.available_permits(), 7);
        budget
            .resize_blocking(handle, &mut first, 5 * UNIT_BYTES)
            .unwrap();
        assert_eq!(budget.units.available_permits(), 5);
        let second = first.split_off(2 * UNIT_BYTES).unwrap();
        drop(second);
        assert_eq!(budget.units.available_permits(), 7);
        drop(first);
        assert_eq!(budget.units.available_permits(), 10);
    }

    #[test]
    fn when_long_answers_come_a_part_is_left_to_them() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let handle = runtime.handle();
        let come = Arc::new(AtomicBool::new(false));
        let budget = Budget::new(10 * UNIT_BYTES).with_answers(Arc::clone(&come));
        let all = 10 * UNIT_BYTES;
        let take = |bytes| budget.take_body_blocking(handle, bytes).unwrap().1;
        let most = take(9 * UNIT_BYTES);
        assert_eq!(budget.units.available_permits(), 1);
        come.store(true, Ordering::Relaxed);
        // No more than is free now, so that it waits for nothing.
        let (_, nothing) = budget.take_body_blocking(handle, 0).unwrap();
        assert_eq!(budget.left_to_answers(), 1);
        drop((most, nothing));
        let second = take(2 * UNIT_BYTES);
        assert_eq!(budget.left_to_answers(), 5);
        assert_eq!(budget.units.available_permits(), 3);
        drop(second);
        // What would be the whole budget is the rest of it.
        let rest = take(all);
        assert_eq!(rest.permit.num_permits(), 5);
    }

    #[test]
    fn small_and_large_bodies_are_compressed_to_the_same_bytes_as_anywhere() {
        let mut gzip = Gzip::new(1);
        for length in [
            0,
            1,
            MIN_MAPPED_BYTES - 1,
            MIN_MAPPED_BYTES,
            3 * MIN_MAPPED_BYTES + 1,
        ] {
            let body: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
            let wanted = gzip.compress(&body);
            assert_eq!(compressed(&body, &mut gzip), wanted, "{length} bytes");
        }
    }

    #[test]
    fn what_a_body_comes_to_is_told_by_the_one_before() {
        let spare = SpareBodies::default();
        assert_eq!(spare.likely_compressed(1000), 1000);
        spare.note_compressed(4000, 1000);
        assert_eq!(spare.likely_compressed(800), 225);
        spare.note_compressed(100, 110);
        assert_eq!(spare.likely_compressed(800), 800);
    }

    #[test]
    fn who_waits_for_memory_for_a_body_gets_the_buffer_that_is_given_back() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let budget = Budget::new(10 * UNIT_BYTES);
        let handle = runtime.handle();
        let all = 10 * UNIT_BYTES;
        let (first, share) = budget.take_body_blocking(handle, all).unwrap();
        let address = first.as_ptr();
        let second = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| budget.take_body_blocking(handle, all).unwrap());
            while !budget.spare.lock().wanted {
                std::thread::yield_now();
            }
            budget.spare.put(first, share);
            waiting.join().unwrap()
        });
        assert_eq!(second.0.as_ptr(), address);
        assert_eq!(budget.units.available_permits(), 0);
        assert_eq!(budget.spare.lock().bare.capacity(), 0);
    }

    #[test]
    fn a_spare_body_keeps_its_memory_until_somebody_needs_it() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let handle = runtime.handle();
        let budget = Budget::new(10 * UNIT_BYTES);
        let (mut body, share) = budget.take_body_blocking(handle, 6 * UNIT_BYTES).unwrap();
        body.reserve(6 * UNIT_BYTES);
        let capacity = body.capacity();
        budget.spare().put(body, share);
        assert_eq!(budget.units.available_permits(), 4);
        // It is used again with the memory that it has.
        let (body, share) = budget.take_body_blocking(handle, 5 * UNIT_BYTES).unwrap();
        assert_eq!(
            (body.capacity(), budget.units.available_permits()),
            (capacity, 5)
        );
        budget.spare().put(body, share);
        // It makes room for a share that could not be had otherwise.
        let mut large = budget.acquire(handle, 1).unwrap();
        budget
            .resize_blocking(handle, &mut large, 9 * UNIT_BYTES)
            .unwrap();
        assert_eq!(budget.units.available_permits(), 1);
        assert!(budget.spare.take().is_none());
    }
}
