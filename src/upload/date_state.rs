//! How far one date of a run is.
//!
//! Only the loop of the engine reads and changes it, so it needs no lock. What the ledger knows of
//! the date is not repeated here.

use super::context::DateRun;
use super::done::DoneReport;
use super::report::Status;
use std::sync::Arc;

/// How far a date is.
pub(super) struct DateState {
    /// What every batch of it shares.
    pub(super) run: Arc<DateRun>,
    /// Whether its inputs were read to their ends.
    pub(super) read: bool,
    /// Tasks that work for it.
    pub(super) outstanding: usize,
    /// Why it cannot be finished in this run.
    pub(super) failed: Option<(Status, String)>,
    /// Why it cannot be read any further, told when what was read before is settled.
    pub(super) failing: Option<(Status, String)>,
    /// What became of its `done`.
    pub(super) done: Option<DoneReport>,
    /// Whether sealing has begun.
    pub(super) finishing: bool,
    /// Whether something of it was not taken, as its `done` is under way: that is asked again, and
    /// the date is not sealed anew.
    pub(super) late: bool,
}

impl DateState {
    /// At the beginning of a run.
    pub(super) fn new(run: DateRun, late: bool) -> Self {
        Self {
            run: Arc::new(run),
            read: false,
            outstanding: 0,
            failed: None,
            failing: None,
            done: None,
            finishing: false,
            late,
        }
    }
}
