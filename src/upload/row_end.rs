//! A file has more than was recorded of it: does that begin with a new row?
//!
//! Whoever writes a file seldom stops between two rows, so what was read first may end with half a
//! row. Half a row that was rejected is read again; one that passed for a row was sent as it stood.

use super::recognise::RecogniseError;
use crate::domain::RawRange;
use crate::input::{InputSettings, Location, RowBoundary, Verifier, row_boundary};
use crate::ledger::{InputId, LedgerReader, TornEnd};

/// How what is recorded of an input ends, seen from what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowEnd {
    /// With a whole row.
    Whole,
    /// With half a row that was rejected, so that nothing of it was sent.
    Torn(TornEnd),
    /// With half a row that may have been sent.
    Continued,
    /// Rows of this format do not end with their lines.
    NoLines,
}

/// Looks at the end of what is recorded of an input. Blocks on files and stores.
pub(super) fn row_end(
    ledger: &LedgerReader,
    (input, last): (InputId, &RawRange),
    location: &Location,
    settings: &InputSettings,
) -> Result<RowEnd, RecogniseError> {
    match row_boundary(location, settings, last.end())? {
        RowBoundary::Here => return Ok(RowEnd::Whole),
        RowBoundary::NoLines => return Ok(RowEnd::NoLines),
        RowBoundary::Within => {}
    }
    let before = last.records.saturating_sub(1);
    let record = last.first_record.saturating_add(before);
    let Some(row) = ledger.unsent_row(input, record)? else {
        return Ok(RowEnd::Continued);
    };
    let (Some(length), Some(lines)) = (
        row.offset.checked_sub(last.offset),
        row.line.checked_sub(last.line),
    ) else {
        return Ok(RowEnd::Continued);
    };
    let mut kept = RawRange {
        records: before,
        length,
        lines,
        ..*last
    };
    let Some(digest) = Verifier::open(location, settings)?.digest(&kept)? else {
        return Ok(RowEnd::Continued);
    };
    kept.digest = digest;
    Ok(RowEnd::Torn(TornEnd {
        recorded: *last,
        kept,
    }))
}
