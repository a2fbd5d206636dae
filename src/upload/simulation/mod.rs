//! The pure engine on virtual time: thousands of random fault schedules against a model platform.
//!
//! Real are the decisions ([`life`](super::life), [`Parts`](super::parts::Parts), `Backoff`, the
//! gate), the parcels with their halves and Request-Ids, the matching of 1001 lists, and the coding
//! and judging of replies. Modelled are the ledger ([`books`]), the platform ([`platform`]), the
//! processes and time ([`world`]). No socket, no disk, no thread, and the seed decides everything.

mod batch_steps;
mod books;
mod broken;
mod campaign;
mod done_steps;
mod event;
mod facts;
mod fault;
mod platform;
mod process;
mod rows;
mod schedule;
mod tests;
mod truth;
mod world;

use super::life::{Arrow, DoneThen, Standing, Then, after_answer, after_done_answer};
use crate::domain::Verdict;
use crate::ledger::{DoneSettlement, GateFacts, Unmet, unmet};

/// The rules under test. A test may replace one of them with a broken one.
#[derive(Clone, Copy)]
struct Rules {
    /// What is missing before a date may be sealed.
    gate: fn(&GateFacts) -> Vec<Unmet>,
    /// What an answer means for a batch.
    batch: fn(Standing, &Verdict) -> Arrow<Then>,
    /// What an answer means for `done`.
    done: fn(bool, bool, &Verdict) -> Arrow<DoneThen>,
    /// How a `done` is settled that is left.
    leave_done: fn(bool) -> Option<DoneSettlement>,
    /// Whether what was under way at a crash, and was unknown or not, is unknown afterwards.
    found: fn(bool) -> bool,
    /// Whether a run knows that something of the date was accepted before it.
    remembers_accepted: bool,
    /// The rows of a stretch that its batch takes.
    batched: fn(u32) -> u32,
}

/// The program as it is.
const RULES: Rules = Rules {
    gate: unmet,
    batch: after_answer,
    done: after_done_answer,
    leave_done: super::life::after_leaving_done,
    found: |_| true,
    remembers_accepted: true,
    batched: |rows| rows,
};

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Violation {
    /// `done` left although something was missing.
    EarlyDone(String),
    /// Rows left after `done` was accepted.
    RowsAfterDone(String),
    /// `done` was accepted, or asked for under another id after it was.
    SecondDone,
    /// The books say done and the platform never accepted it.
    DoneLost,
    /// A row was stored twice although the platform remembers ids.
    StoredTwice(String),
    /// The books hold a row for stored or refused, and the platform has neither.
    RowLost(String),
    /// The platform said that rows of a batch were refused, and the books hold all of it for stored.
    RefusalForgotten,
    /// The engine wanted what the ledger forbids.
    Forbidden(String),
    /// Everything healed, nobody is missing, and `done` did not come in time.
    NotDone(String),
}
