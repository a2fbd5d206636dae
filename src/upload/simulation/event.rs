//! What happens, in the order of virtual time.
//!
//! The steps of a run die with it; requests that left, and people, do not.

use super::books::{Cut, Runner};
use super::fault::Fault;
use crate::domain::{Judged, RequestId};
use crate::ledger::{DoneSettlement, Settlement};
use crate::upload::halves::Half;
use crate::upload::life::{DoneThen, Note, Then};
use std::collections::BTreeMap;

/// Something that happens.
pub(super) enum Event {
    /// A process begins a run.
    Start(usize),
    /// A run goes on.
    Run(Runner, Box<Step>),
    /// A request reaches the platform.
    Arrive(Request),
    /// A person lifts the hold.
    Release,
    /// A person accepts the loss of the rejected rows.
    Waive,
}

/// How a run goes on. The steps named in the past tense are commits: what they name is on disk
/// once they happen, and what follows from it is another step.
pub(super) enum Step {
    /// The inputs are registered.
    Registered,
    /// The next batch may be cut or sent again.
    Pump,
    /// The intent of a batch is on disk.
    Intended(usize, Cut),
    /// An input was compared with what was read of it.
    Compared(usize),
    /// A batch goes on with its next part.
    Next(usize),
    /// An attempt begins.
    Attempt(usize),
    /// An answer to the attempt of that number.
    Reply(usize, u32, Judged),
    /// What comes before the rest is on disk.
    Noted(usize, Note, Option<(Then, Judged)>),
    /// The rest.
    CarryOut(usize, Then, Judged),
    /// A batch is settled.
    Settled(usize, Settlement),
    /// A batch is split.
    Split(usize, Box<[Half; 2]>),
    /// The platform refuses the date for good.
    DateRefused(usize),
    /// The grace of a run that was asked to stop is over.
    Grace,
    /// The date is sealed, or not.
    Sealed,
    /// An attempt of `done` begins.
    DoneAttempt,
    /// An answer to the attempt of that number.
    DoneReply(u32, Judged),
    /// What comes before the rest is on disk.
    DoneNoted(Note, Option<(DoneThen, Judged)>),
    /// The rest.
    DoneCarryOut(DoneThen, Judged),
    /// `done` is settled.
    DoneSettled(DoneSettlement),
    /// The run ended in good order.
    Ended,
}

impl Step {
    /// Its name, for counting where kills fall.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Pump => "pump",
            Self::Intended(..) => "intended",
            Self::Compared(_) => "compared",
            Self::Next(_) => "next part",
            Self::Attempt(_) => "attempt",
            Self::Reply(..) => "reply",
            Self::Noted(..) => "noted",
            Self::CarryOut(..) => "carry out",
            Self::Settled(..) => "settled",
            Self::Split(..) => "split",
            Self::DateRefused(_) => "date refused",
            Self::Grace => "grace",
            Self::Sealed => "sealed",
            Self::DoneAttempt => "done attempt",
            Self::DoneReply(..) => "done reply",
            Self::DoneNoted(..) => "done noted",
            Self::DoneCarryOut(..) => "done carry out",
            Self::DoneSettled(_) => "done settled",
            Self::Ended => "ended",
        }
    }
}

/// A request under way.
pub(super) struct Request {
    /// Who sent it.
    pub(super) from: Runner,
    /// Its attempt.
    pub(super) attempt: u32,
    /// Its id.
    pub(super) id: RequestId,
    /// What happens to it.
    pub(super) fault: Fault,
    /// A batch with its compressed rows, or `done`.
    pub(super) batch: Option<(usize, bytes::Bytes)>,
}

/// Events in the order of their time, then of their making.
#[derive(Default)]
pub(super) struct Queue {
    events: BTreeMap<(u64, u64), Event>,
    made: u64,
}

impl Queue {
    /// Adds an event.
    pub(super) fn push(&mut self, at: u64, event: Event) {
        self.made += 1;
        self.events.insert((at, self.made), event);
    }

    /// Takes the next one, with its time.
    pub(super) fn pop(&mut self) -> Option<(u64, Event)> {
        let ((at, _), event) = self.events.pop_first()?;
        Some((at, event))
    }
}
