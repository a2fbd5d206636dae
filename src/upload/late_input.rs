//! Rows for a date that takes none any more: what that means, and the only way back.

use super::finding::Failure;
use super::report::Status;
use crate::domain::Partition;
use crate::ledger::{Gate, KnownPartition};

/// Whether a date takes no rows any more.
pub(super) fn is_closed(known: &KnownPartition) -> bool {
    known.gate.is_done() || known.gate == Gate::Sealed
}

pub(super) fn too_late(date: &Partition, name: &str, what: &str) -> Failure {
    Failure::Date(Status::Refused, what_is_too_late(date, name, what))
}

pub(super) fn what_is_too_late(date: &Partition, name: &str, what: &str) -> String {
    format!(
        "late_input: {date} is already done (or its done is under way), but {name} would have to be uploaded: {what}. {}",
        way_to_reopen(date)
    )
}

/// What is said of a date that only lacks the answer to its `done`.
pub(super) const NOT_ANEW: &str = "--restart cannot begin it anew";

/// Why a date that takes no rows any more is not begun anew.
pub(super) fn closed_before_restart(known: &KnownPartition) -> String {
    let date = &known.partition;
    if known.gate == Gate::Sealed {
        return format!(
            "{date}: all of its rows are in and its done is under way (it may have got through), so {NOT_ANEW}; the same command without --restart, or 'byteair-sync done' that names the date, asks for it again"
        );
    }
    format!(
        "{date} is already done, so --restart would send rows that the platform does not take any more. {}",
        way_to_reopen(date)
    )
}

pub(super) fn way_to_reopen(date: &Partition) -> String {
    format!(
        "Re-sync the date in the platform's console, then 'byteair-sync ledger reopen --topic {} --stage {}{}', then write again",
        date.topic,
        date.stage.kind(),
        date.date()
            .map(|date| format!(" --date {date}"))
            .unwrap_or_default()
    )
}
