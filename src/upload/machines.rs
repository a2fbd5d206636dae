//! Dates that other machines have rows of (`--rate-share`), each with a ledger of its own: only their
//! reports say that they are finished, and that one of them has sent `done`.

use super::report::NextStep;
use crate::domain::Partition;
use crate::ledger::{KnownPartition, LedgerError, LedgerReader};

/// What a `done` does that is held back. A hold may have been asked for by `--rate-share`, and ledgers
/// of older versions do not say so.
pub const HELD_BACK: &str =
    "sends the done that is held back; of several machines, when all are finished";

/// Why `--rate-share` holds `done` back, as the ledger keeps it: the option, and what it means.
const SHARE_OPTION: &str = "--rate-share";
const SEVERAL_MACHINES: &str = ": other machines have rows of it too";

/// Why `done` of a date is held back that other machines have rows of.
pub(super) fn held_for_others(share: &str) -> String {
    format!("{SHARE_OPTION} {share}{SEVERAL_MACHINES}")
}

/// The share of this machine that holds a date back, such as `1/3`, if that is why. Ledgers of older
/// versions have none.
pub fn share_of_hold(why: &str) -> Option<&str> {
    let share = why.strip_prefix(SHARE_OPTION)?;
    share.strip_suffix(SEVERAL_MACHINES).map(str::trim)
}

/// Why a date is held back, when that is for other machines.
pub fn why_held_for_others(
    reader: &LedgerReader,
    known: &KnownPartition,
) -> Result<Option<String>, LedgerError> {
    if known.gate.is_done() || !known.held_back {
        return Ok(None);
    }
    let why = reader.hold_reason(known.id)?;
    Ok(why.filter(|why| share_of_hold(why).is_some()))
}

/// What `done` needs more when other machines have rows of the date. A name that no file has: as it
/// stands the command sends nothing.
pub const OTHER_REPORTS: &str = " --require-report REPORT...";

/// What such a `done` does.
pub const HELD_FOR_OTHERS: &str =
    "sends the done that is held back, if the --report of each other machine agrees";

/// A `done` that is typed as shown must not go out before the other machines are finished. What else
/// it does is still said.
pub(super) fn ask_others(step: &mut NextStep) {
    if !step.command.starts_with("byteair-sync done ") || step.command.contains(REQUIRE_REPORT) {
        return;
    }
    let gives_up = ["--accept-rejects", "--force"];
    let gives_up = gives_up.iter().any(|it| step.command.contains(it));
    step.command.push_str(OTHER_REPORTS);
    step.purpose = if gives_up {
        format!("{}, and {HELD_FOR_OTHERS}", step.purpose)
    } else {
        HELD_FOR_OTHERS.to_owned()
    };
}

const REQUIRE_REPORT: &str = " --require-report ";

/// What stands in the place of the report of the `done` that another machine has sent.
pub(super) const REPORT_OF_DONE: &str = " --require-report REPORT-OF-THAT-DONE";

/// What to type where another machine has sent `done`.
pub(super) fn done_elsewhere(partition: &Partition) -> String {
    let day = partition
        .date()
        .map_or_else(String::new, |day| format!(" --date {day}"));
    format!(
        "If another machine has sent it, the report (--report) of that 'done' puts it on record here: byteair-sync \
         done --topic {} --stage {}{day} --require-report REPORT",
        partition.topic,
        partition.stage.kind()
    )
}
