//! Rows of a date that was forced to its `done` without them.
//!
//! A person may open the gate by hand although batches are unsettled or inputs unread. What was given
//! up by that stays in the ledger, and no later upload may call the date complete.

use super::late_input::{is_closed, way_to_reopen};
use crate::ledger::{KnownInput, KnownPartition, LedgerError, LedgerReader};
use crate::text::grouped;

/// Which rows are not known to be on the platform of a date whose `done` was forced, and what to do;
/// `None` when all are.
pub(super) fn given_up(
    ledger: &LedgerReader,
    date: &KnownPartition,
    inputs: &[KnownInput],
) -> Result<Option<String>, LedgerError> {
    if !is_closed(date) || !ledger.was_forced(date.id)? {
        return Ok(None);
    }
    let pending = ledger.unsettled_rows(date.id)?;
    let mut missing = Vec::new();
    for input in inputs {
        let pending = pending.get(&input.id).copied().unwrap_or_default();
        if pending > 0 || !input.read_to_end {
            missing.push(in_words(ledger, input, pending)?);
        }
    }
    Ok((!missing.is_empty()).then(|| {
        format!(
            "late_input: done of {} was forced (done --force), and rows of it are not known to be on the platform: {}. {}",
            date.partition,
            missing.join("; "),
            way_to_reopen(&date.partition)
        )
    }))
}

fn in_words(
    ledger: &LedgerReader,
    input: &KnownInput,
    pending: u64,
) -> Result<String, LedgerError> {
    let mut lost = Vec::new();
    if pending > 0 {
        lost.push(format!(
            "{} row(s) in batches that were not settled",
            grouped(pending)
        ));
    }
    if !input.read_to_end {
        let last = ledger.last_chunk(input.id)?;
        lost.push(match last {
            Some(last) => format!(
                "everything from line {} on, which was never read",
                last.line.saturating_add(last.lines)
            ),
            None => "all of it, which was never read".to_owned(),
        });
    }
    Ok(format!("{} ({})", input.name, lost.join(", and ")))
}
