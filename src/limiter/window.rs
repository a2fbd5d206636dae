//! The exact log of one sliding second, the guarantee of the limiter. Pure: time is an argument.
//!
//! A slot is occupied from its admission until its `expires`, which is the send plus one second
//! plus the guard. Let a request arrive between its admission and (its send + guard). Of all
//! requests that arrive within one second take the one admitted last: it was admitted before that
//! second ended, and none of the others expires before that second ends, so all of them were
//! counted when it was let in. Hence no second can hold more than the limits, whatever its start.

use super::clock::Moment;

/// What may be in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Limits {
    /// Requests a second.
    pub(super) requests: u32,
    /// Rows a second.
    pub(super) rows: u32,
}

/// One admitted request; a slot that has expired is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Slot {
    /// Unique among the processes that share the log.
    pub(super) id: u64,
    /// When the request stops to count.
    pub(super) expires: Moment,
    /// Rows of the request; zero for `done` and probes.
    pub(super) rows: u32,
}

/// What occupies a window at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Load {
    requests: u32,
    rows: u64,
}

impl Load {
    /// Whether one more request of `rows` stays within the limits. A batch cut before the rate
    /// fell below its size goes when it has the window to itself, otherwise it would never go.
    pub(super) fn leaves_room(self, limits: Limits, rows: u32) -> bool {
        self.requests < limits.requests
            && (self.rows == 0 || self.rows.saturating_add(rows.into()) <= limits.rows.into())
    }

    /// This load and one more request.
    pub(super) fn plus(self, rows: u32) -> Self {
        Self {
            requests: self.requests.saturating_add(1),
            rows: self.rows.saturating_add(rows.into()),
        }
    }

    /// Whether it is the number of requests that stands in the way.
    pub(super) fn is_full_of_requests(self, limits: Limits) -> bool {
        self.requests >= limits.requests
    }
}

/// The log: a fixed number of places for slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    slots: Vec<Slot>,
}

impl Window {
    /// An empty log with so many places.
    pub(super) fn empty(places: usize) -> Self {
        Self::from_slots(vec![Slot::default(); places])
    }

    /// The log with these slots in these places.
    pub(super) fn from_slots(slots: Vec<Slot>) -> Self {
        Self { slots }
    }

    /// All places in order.
    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// What of the present slots is still occupied at `at`.
    pub(super) fn load_at(&self, at: Moment) -> Load {
        self.slots
            .iter()
            .filter(|slot| slot.expires > at)
            .fold(Load::default(), |load, slot| load.plus(slot.rows))
    }

    /// First moment from `now` on at which a request of `rows` fits if nothing else is admitted.
    pub(super) fn earliest(&self, now: Moment, limits: Limits, rows: u32) -> Moment {
        if self.load_at(now).leaves_room(limits, rows) {
            return now;
        }
        let mut live: Vec<Slot> = self
            .slots
            .iter()
            .filter(|slot| slot.expires > now)
            .copied()
            .collect();
        live.sort_unstable_by_key(|slot| std::cmp::Reverse(slot.expires));
        // From the far end, where everything has expired, back to where it stops to fit.
        let mut load = Load::default();
        for slot in live {
            load = load.plus(slot.rows);
            if !load.leaves_room(limits, rows) {
                return slot.expires;
            }
        }
        now
    }

    /// When the next slot expires.
    pub(super) fn next_expiry(&self, now: Moment) -> Option<Moment> {
        let later = self.slots.iter().map(|slot| slot.expires);
        later.filter(|expires| *expires > now).min()
    }

    /// Whether exactly this slot is in the log.
    pub(super) fn holds(&self, slot: Slot) -> bool {
        self.slots.contains(&slot)
    }

    /// Writes a slot over its former self or into a free place; false when no place is free.
    pub(super) fn put(&mut self, now: Moment, new: Slot) -> bool {
        let same = |slot: &Slot| slot.id == new.id && slot.expires != Moment::ZERO;
        let place = match self.slots.iter().position(same) {
            Some(place) => Some(place),
            None => self.slots.iter().position(|slot| slot.expires <= now),
        };
        let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) else {
            return false;
        };
        *slot = new;
        true
    }
}
