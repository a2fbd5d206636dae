//! Whose turn it is: the shared state of a quota and the rule by which requests are let in. Pure.
//!
//! Between processes the order is that of their tickets; a process takes a new one after each
//! admission, so they alternate. A younger ticket may use room that the oldest one cannot use, but
//! only if it does not put off the moment at which the oldest one fits. Within a process the
//! largest of the first waiting requests that fits goes, until the first has been passed for
//! [`PATIENCE`]; from then on it is not put off either. So nobody waits for ever, and batches of
//! different sizes do not leave room unused.

use super::Waiting;
use super::clock::Moment;
use super::window::{Limits, Load, Slot, Window};
use std::time::Duration;

/// Places for slots. More than any limit allows to be occupied at one time (1,000).
pub(super) const SLOTS: usize = 1024;
/// Places for processes that wait at one time; further ones queue for a place.
pub(super) const TICKETS: usize = 64;
/// Requests of one process that are considered together.
pub(super) const LOOK_AHEAD: usize = 16;
/// How long the first request of a process may be passed by later ones.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// How long a ticket stands without a sign of life.
pub(super) const TICKET_LIFE: Duration = Duration::from_millis(700);
/// How often the state is looked at while another process is about to act.
const POLL: Duration = Duration::from_millis(1);
/// Length of the platform's window (D108601).
pub(super) const SECOND: Duration = Duration::from_secs(1);
/// Longest guard. No slot can lie further ahead than one window and this.
pub(super) const MAX_GUARD: Duration = Duration::from_secs(1);

/// A process that waits for its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ticket {
    /// Which process; zero marks a free place.
    pub(super) process: u64,
    /// Since when it waits; the order of turns.
    pub(super) since: Moment,
    /// When it counts as dead unless renewed.
    pub(super) expires: Moment,
    /// Rows of the request that it wants to send.
    pub(super) rows: u32,
    /// The limits that it goes by.
    pub(super) limits: Limits,
}

/// What one process asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    /// Which process asks.
    pub(super) process: u64,
    /// Its limits at present.
    pub(super) limits: Limits,
    /// Rows of its waiting requests, first come first, at most [`LOOK_AHEAD`]; not empty.
    pub(super) waiting: &'a [u32],
    /// Since when the first of them is the first.
    pub(super) first_since: Moment,
    /// Identity of the slot, should it get one.
    pub(super) slot: u64,
    /// How long a slot stays occupied after its send: one window and the guard.
    pub(super) occupied: Duration,
}

/// The answer to an [`Ask`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The waiting request with this index goes now; its slot is taken.
    Take(usize),
    /// Nothing goes before this moment; ask again then.
    Wait(Moment, Waiting),
}

/// Room that is kept for somebody: `rows` from `at` on.
#[derive(Debug, Clone, Copy)]
struct Reservation {
    later: Load,
    limits: Limits,
}

/// Everything that the processes share about one quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quota {
    /// Nothing is admitted before; set when the past is not known.
    pub(super) not_before: Moment,
    /// Who waits; a fixed number of places.
    pub(super) tickets: Vec<Ticket>,
    /// What counts.
    pub(super) window: Window,
}

impl Quota {
    /// A quota with nothing in it and nobody waiting.
    pub(super) fn unused() -> Self {
        Self {
            not_before: Moment::ZERO,
            tickets: vec![Ticket::default(); TICKETS],
            window: Window::empty(SLOTS),
        }
    }

    /// A quota of which nothing is known: whatever was sent may have been sent just now.
    pub(super) fn of_unknown_past(now: Moment, occupied: Duration) -> Self {
        Self {
            not_before: now.after(occupied),
            ..Self::unused()
        }
    }

    /// Whether a moment in it lies further ahead than any process could have written: then it is
    /// from another clock and says nothing.
    pub(super) fn is_from_another_clock(&self, now: Moment) -> bool {
        let horizon = now.after(SECOND + MAX_GUARD * 2);
        self.not_before > horizon
            || self.window.slots().iter().any(|s| s.expires > horizon)
            || self.tickets.iter().any(|t| t.expires > horizon)
    }

    /// Renews a slot of the asking process, or enters it again if the log was lost.
    pub(super) fn stamp(&mut self, now: Moment, slot: Slot) {
        if !self.window.put(now, slot) {
            // No place to count it in: let everything that may be under way expire instead.
            self.not_before = self.not_before.max(slot.expires);
        }
    }

    /// The process stops waiting.
    pub(super) fn withdraw(&mut self, process: u64) {
        for ticket in &mut self.tickets {
            if ticket.process == process {
                *ticket = Ticket::default();
            }
        }
    }

    /// Lets one of the waiting requests in, or says when to ask again.
    pub(super) fn admit(&mut self, now: Moment, ask: &Ask<'_>) -> Turn {
        let Some(first) = ask.waiting.first().copied() else {
            return Turn::Wait(Moment::NEVER, Waiting::Rows);
        };
        let mine = self.renew(now, ask, first);
        let load = self.window.load_at(now);
        let waiting = if load.is_full_of_requests(ask.limits) {
            Waiting::Requests
        } else {
            Waiting::Rows
        };
        if now < self.not_before {
            return Turn::Wait(self.not_before, waiting);
        }
        let Some(mut kept) = self.kept_for_older(now, load, (mine, ask.process)) else {
            return Turn::Wait(now.after(POLL), waiting);
        };
        if let Some(index) = self.choose(now, load, ask, &mut kept) {
            let rows = ask.waiting.get(index).copied().unwrap_or(first);
            let slot = Slot {
                id: ask.slot,
                expires: now.after(ask.occupied),
                rows,
            };
            if self.window.put(now, slot) {
                self.withdraw(ask.process);
                return Turn::Take(index);
            }
        }
        let lapse = self.tickets.iter().map(|ticket| ticket.expires);
        let events = lapse.chain(self.window.next_expiry(now));
        let next = events.filter(|event| *event > now).min();
        Turn::Wait(next.unwrap_or_else(|| now.after(POLL)), waiting)
    }

    /// Takes or renews the ticket of the asking process; gives the moment that orders it.
    fn renew(&mut self, now: Moment, ask: &Ask<'_>, rows: u32) -> Moment {
        let own = |ticket: &Ticket| ticket.process == ask.process;
        let alive = |ticket: &Ticket| ticket.process != 0 && ticket.expires > now;
        let place = match self.tickets.iter().position(own) {
            Some(place) => Some(place),
            None => self.tickets.iter().position(|ticket| !alive(ticket)),
        };
        let Some(ticket) = place.and_then(|place| self.tickets.get_mut(place)) else {
            return Moment::NEVER;
        };
        // A ticket that lapsed while its process stood still has lost its turn.
        let since = if own(ticket) && alive(ticket) {
            ticket.since
        } else {
            now
        };
        *ticket = Ticket {
            process: ask.process,
            since,
            expires: now.after(TICKET_LIFE),
            rows,
            limits: ask.limits,
        };
        since
    }

    /// The room kept for the first process before `mine` that cannot go now; `None` when one
    /// before `mine` can go and has to be waited for.
    fn kept_for_older(
        &self,
        now: Moment,
        load: Load,
        mine: (Moment, u64),
    ) -> Option<Vec<Reservation>> {
        let mut older: Vec<&Ticket> = self
            .tickets
            .iter()
            .filter(|t| t.process != 0 && t.process != mine.1 && t.expires > now)
            .filter(|t| (t.since, t.process) < mine)
            .collect();
        older.sort_unstable_by_key(|ticket| (ticket.since, ticket.process));
        let mut kept = Vec::new();
        for ticket in older {
            if may_go(load, ticket.limits, ticket.rows, &kept) {
                return None;
            }
            if kept.is_empty() {
                kept.push(self.reserve(now, ticket.limits, ticket.rows));
            }
        }
        Some(kept)
    }

    /// Index of the waiting request that goes now.
    fn choose(
        &self,
        now: Moment,
        load: Load,
        ask: &Ask<'_>,
        kept: &mut Vec<Reservation>,
    ) -> Option<usize> {
        let first = ask.waiting.first().copied()?;
        if now.since(ask.first_since) > PATIENCE {
            if may_go(load, ask.limits, first, kept) {
                return Some(0);
            }
            kept.push(self.reserve(now, ask.limits, first));
        }
        let mut best: Option<(usize, u32)> = None;
        for (index, rows) in ask.waiting.iter().copied().enumerate() {
            let larger = best.is_none_or(|(_, most)| rows > most);
            if larger && may_go(load, ask.limits, rows, kept) {
                best = Some((index, rows));
            }
        }
        best.map(|(index, _)| index)
    }

    /// Room for a request as soon as it fits.
    fn reserve(&self, now: Moment, limits: Limits, rows: u32) -> Reservation {
        let at = self.window.earliest(now, limits, rows);
        Reservation {
            later: self.window.load_at(at).plus(rows),
            limits,
        }
    }
}

/// Whether a request fits now and leaves what is kept for others: what goes now is still counted
/// when a reservation falls due, at most one window later.
fn may_go(load: Load, limits: Limits, rows: u32, kept: &[Reservation]) -> bool {
    load.leaves_room(limits, rows) && kept.iter().all(|r| r.later.leaves_room(r.limits, rows))
}
