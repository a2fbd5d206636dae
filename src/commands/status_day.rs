//! `status`, one day: its state and why it is in it.

mod next;

use super::run_next::run_of;
use super::running::ledger_failure;
use super::{Failure, Session};
use crate::cli::calendar::{Day, DayState};
use crate::cli::settings::zone;
use crate::domain::{DataDate, InputIdentity, Zone};
use crate::huawei::Expected;
use crate::ledger::{
    Gate, GateFacts, InputKind, KnownInput, KnownPartition, LedgerReader, RowCounts, Unmet, unmet,
};
use crate::upload::report::NextStep;
use crate::upload::{Former, carried_options, vanished};
use std::collections::BTreeMap;

/// Most shortcomings that are told of a day.
const MAX_NAMED: usize = 3;

/// A day that is not done, as the gate sees it.
struct Waiting<'a> {
    /// An input that is longer than when it was read.
    grown: Option<String>,
    reader: &'a LedgerReader,
    known: &'a KnownPartition,
    state: DayState,
    lacking: &'a [Unmet],
}

/// Looks at days.
pub(super) struct Judge<'a> {
    reader: Option<&'a LedgerReader>,
    /// Global options that every command needs again.
    carried: String,
    /// The `run` that was last used, without its days.
    job_file: Option<String>,
    /// Days of which a catalog is to hear.
    expected: Expected,
    /// The uploads that were typed before.
    former: Former,
    zone: Zone,
    now: chrono::DateTime<chrono::Utc>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        session: &Session,
        reader: Option<&'a LedgerReader>,
    ) -> Result<Self, Failure> {
        let last = match reader {
            Some(reader) => reader.last_job_run().map_err(ledger_failure)?,
            None => None,
        };
        let expected = reader.map(Expected::read).transpose();
        Ok(Self {
            reader,
            expected: expected.map_err(ledger_failure)?.unwrap_or_default(),
            carried: carried_options(&session.invocation.command_line),
            job_file: last.as_deref().and_then(run_of),
            former: match reader {
                Some(reader) => Former::read(reader).map_err(ledger_failure)?,
                None => Former::default(),
            },
            zone: zone(session.context())?,
            now: session.context().now,
        })
    }

    /// A day of which nothing is known, in a stretch of such days.
    pub(super) fn missing(&self, stretch: &[DataDate]) -> Day {
        let why = "nothing is known of it".to_owned();
        let next = self.run(stretch, "");
        day_of(DayState::Missing, RowCounts::default(), why, next)
    }

    /// A day that the ledger knows.
    pub(super) fn day(&self, known: &KnownPartition) -> Result<Day, Failure> {
        let Some(reader) = self.reader else {
            return Ok(self.missing(&[]));
        };
        if known.gate.is_done() {
            let rows = reader.rows(known).map_err(ledger_failure)?;
            if self.expected.owes(known) {
                return Ok(self.untold(known, rows));
            }
            let why = if known.gate == Gate::DoneUnconfirmed {
                "the reply to done was lost; it got through as far as can be known"
            } else {
                ""
            };
            return Ok(day_of(DayState::Done, rows, why.to_owned(), None));
        }
        let over = known
            .partition
            .date()
            .is_none_or(|day| known.guards.zone_or(self.zone).is_over(day, self.now));
        let facts = reader.gate_outline(known, over).map_err(ledger_failure)?;
        let lacking = unmet(&facts);
        let mut state = state_of(known, &facts, &lacking);
        let refusal = match state {
            DayState::Partial | DayState::Refused => {
                reader.refusal(known.id).map_err(ledger_failure)?
            }
            _ => None,
        };
        let owes_nothing = known.gate == Gate::Refused;
        let why = match (known.gate, refusal) {
            (_, Some(refusal)) => {
                state = DayState::Refused;
                without_name(&refusal, known)
            }
            (Gate::Refused, None) => "the platform refused it".to_owned(),
            (Gate::Sealed, None) => "done was sent and its outcome is not known".to_owned(),
            _ => in_words(reader, known, &lacking)?,
        };
        let grown = match state {
            DayState::Uploaded => grown_input(reader, known)?,
            _ => None,
        };
        let why = match &grown {
            Some(name) if why.is_empty() => format!("{name} {GROWN}"),
            Some(name) => format!("{name} {GROWN}; {why}"),
            None => why,
        };
        let what = Waiting {
            grown,
            reader,
            known,
            state,
            lacking: &lacking,
        };
        let next = match state {
            DayState::Refused if why.contains("ledger reopen") => {
                let purpose = "after a re-sync of the date in the console";
                Some(self.about("ledger reopen", known, purpose))
            }
            _ => self.next(&what)?,
        };
        Ok(Day {
            owes_nothing,
            ..day_of(state, facts.rows, why, next)
        })
    }

    /// A day that is done and of which the catalog has not heard.
    fn untold(&self, known: &KnownPartition, rows: RowCounts) -> Day {
        let why = format!(
            "its on_done event is owed: the catalog has not heard of it (when no job has [on_done] any more: {})",
            self.about("ledger drop-event", known, "").command
        );
        let purpose = "any run of this job file sends it";
        let days: Vec<DataDate> = known.partition.date().into_iter().collect();
        let next = self
            .run(&days, purpose)
            .or_else(|| Some(self.about("ledger show", known, purpose)));
        day_of(DayState::Done, rows, why, next)
    }
}

/// What a day lacks, with the answer that nobody but a person can judge.
fn in_words(
    reader: &LedgerReader,
    known: &KnownPartition,
    lacking: &[Unmet],
) -> Result<String, Failure> {
    let is_told = |one: &&Unmet| match one {
        Unmet::Empty => known.partition.date().is_some(),
        _ => true,
    };
    let held = reader.hold_reason(known.id).map_err(ledger_failure)?;
    let told = lacking.iter().filter(is_told).take(MAX_NAMED);
    let told = told.map(|one| match (one, &held) {
        (Unmet::HeldBack, Some(held)) => format!("done is held back ({held})"),
        (one, _) => one.to_string(),
    });
    let mut why: Vec<String> = told.collect();
    why.extend(vanished(lacking));
    if lacking.iter().any(is_answered) {
        let answer = reader.blocking_answer(known.id).map_err(ledger_failure)?;
        why.extend(answer.map(|answer| without_name(&answer, known)));
    }
    Ok(why.join("; "))
}

/// What is said of a file that is longer than when it was read.
const GROWN: &str = "is longer now than when it was read";

/// A file of the date to which something was appended, as far as its size says so. Every `done` looks
/// at it more closely.
fn grown_input(reader: &LedgerReader, known: &KnownPartition) -> Result<Option<String>, Failure> {
    let inputs = reader.inputs(known.id).map_err(ledger_failure)?;
    // A file of corrections may lie where the one lay that it corrects.
    let files: BTreeMap<&str, &KnownInput> = inputs
        .iter()
        .filter(|input| input.kind == InputKind::File && input.read_to_end)
        .map(|input| (input.name.as_str(), input))
        .collect();
    let grown = files.into_iter().find(|(name, input)| {
        let before = input.identity.as_ref().map(InputIdentity::size);
        let now = std::fs::metadata(name).map(|file| file.len());
        matches!((before, now), (Some(before), Ok(now)) if now > before)
    });
    Ok(grown.map(|(name, _)| name.to_owned()))
}

/// Whether only the console says what became of the rows.
const fn is_answered(one: &Unmet) -> bool {
    matches!(
        one,
        Unmet::ForeignBatches(_) | Unmet::UndeterminedBatches(_)
    )
}

/// A text about a date where its name stands already.
fn without_name(text: &str, known: &KnownPartition) -> String {
    let name = format!("{}: ", known.partition);
    text.strip_prefix(&name).unwrap_or(text).to_owned()
}

fn state_of(known: &KnownPartition, facts: &GateFacts, lacking: &[Unmet]) -> DayState {
    if known.gate == Gate::Refused {
        return DayState::Refused;
    }
    let waits = |one: &Unmet| {
        matches!(
            one,
            Unmet::InputUnfinished { .. }
                | Unmet::InputUnverified(_)
                | Unmet::Imbalance(_)
                | Unmet::BatchesPending(_)
                | Unmet::ForeignBatches(_)
                | Unmet::UndeterminedBatches(_)
        )
    };
    let rejects = |one: &Unmet| {
        matches!(
            one,
            Unmet::TooManyRejects { .. } | Unmet::EverythingRejected
        )
    };
    if lacking.iter().any(waits) || facts.inputs == 0 {
        DayState::Partial
    } else if known.partition.date().is_some() && lacking.iter().any(rejects) {
        DayState::Rejected
    } else {
        DayState::Uploaded
    }
}

fn day_of(state: DayState, rows: RowCounts, why: String, next: Option<NextStep>) -> Day {
    Day {
        state,
        rows: rows.into(),
        why,
        next,
        owes_nothing: false,
    }
}
