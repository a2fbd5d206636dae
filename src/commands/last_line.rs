//! The last line of `--json` of commands that look something up or change the ledger: always a summary.
//!
//! What a list counts is in its totals; commands that count nothing have zeros there.

use super::Session;
use crate::cli::summary::{for_machines, of_success};
use crate::upload::report::{Status, Summary, Totals};

/// The last JSON line of a command that has nothing to count.
pub(super) fn succeed(session: &Session) -> Status {
    succeed_with(session, Totals::default())
}

/// The last JSON line of a command that listed so many rows.
pub(super) fn succeed_with(session: &Session, totals: Totals) -> Status {
    let mut summary = Summary {
        totals,
        ..of_success()
    };
    super::reporting::end(session, &mut summary);
    session.printer.json_line(&for_machines(&summary));
    summary.status
}
