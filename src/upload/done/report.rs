//! What became of the `done` of a date, for whoever tells it.

use crate::ledger::Unmet;
use crate::upload::event::DoneOutcome;
use crate::upload::explain;
use crate::upload::report::Status;

/// What became of a date's `done`.
#[derive(Debug, Clone)]
pub(in crate::upload) struct DoneReport {
    /// In a word.
    pub(in crate::upload) outcome: DoneOutcome,
    /// What that alone means for the exit status.
    pub(in crate::upload) status: Status,
    /// Why, for people; empty when there is nothing to add.
    pub(in crate::upload) why: String,
    /// What is missing, when it was withheld.
    pub(in crate::upload) missing: Vec<Unmet>,
}

pub(super) fn failed(status: Status, why: String) -> DoneReport {
    DoneReport {
        outcome: DoneOutcome::Withheld,
        status,
        why,
        missing: Vec::new(),
    }
}

/// The run stops; its cause has a status of its own.
pub(super) fn interrupted(unknown: bool) -> DoneReport {
    DoneReport {
        outcome: if unknown {
            DoneOutcome::Unknown
        } else {
            DoneOutcome::Withheld
        },
        status: Status::Temporary,
        why: "the run was stopped before done was acknowledged".to_owned(),
        missing: Vec::new(),
    }
}

/// Puts the shortcomings of a date into words; the most serious gives the status.
pub(in crate::upload) fn withheld(mut missing: Vec<Unmet>) -> DoneReport {
    // Batches that are not settled are in the hands of the run that is named anyway.
    if missing.iter().any(Unmet::is_held_by_a_run) {
        missing.retain(|it| !matches!(it, Unmet::BatchesPending(_)));
    }
    DoneReport {
        outcome: DoneOutcome::Withheld,
        status: missing
            .iter()
            .map(|one| explain::unmet(one).0)
            .fold(Status::Success, Status::worst),
        why: explain::in_words(missing.iter().map(|one| explain::unmet(one).1)),
        missing,
    }
}
