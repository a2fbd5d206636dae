//! How one batch leaves the hands of its worker.
//!
//! Whatever the platform answered is an [`Outcome`]; a [`WorkerError`] is a failure of this side, of
//! the ledger for instance, after which nothing more may be sent.

use super::parcel::{PackError, Parcel};
use super::report::Status;
use crate::domain::Judged;
use crate::ledger::LedgerError;
use crate::limiter::LimiterError;

/// Why a worker could not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum WorkerError {
    /// The ledger could not record something, so nothing may be sent.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A batch could not be taken apart or spooled.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The limiter ended.
    #[error(transparent)]
    Limiter(#[from] LimiterError),
}

/// How a batch left the hands of its worker.
pub(super) enum Outcome {
    /// Settled, also when rows of it were refused.
    Settled,
    /// Too large: two halves may fit.
    TooLarge(Box<Parcel>),
    /// A 400 in no list: perhaps the fault of one row.
    Suspect(Box<Parcel>, Judged),
    /// Answered in a way that blocks `done` until a person acts.
    Blocked(String),
    /// The date was stopped by an answer to this batch or to another one.
    DateStopped,
    /// The answer concerns every date: credentials or clock.
    RunStopped(Status, String),
    /// `--retry-for` is used up.
    Exhausted(String),
    /// The run stops; the batch stays as the ledger has it.
    Interrupted,
}
