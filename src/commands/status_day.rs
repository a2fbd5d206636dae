//! `status`, one day: its state, why it is in it, and the command that ends it.

use super::run_next::run_of;
use super::running::ledger_failure;
use super::{Failure, Session};
use crate::cli::calendar::{Day, DayState};
use crate::cli::dates::ranges;
use crate::cli::settings::zone;
use crate::domain::{DataDate, Zone};
use crate::ledger::{Gate, GateFacts, KnownPartition, LedgerReader, RowCounts, Unmet, unmet};
use crate::upload::{
    HELD_BACK, HELD_FOR_OTHERS, OTHER_REPORTS, SEVERAL_MACHINES, carried_options, shell_word,
    without_output_options,
};

/// Most shortcomings that are told of a day.
const MAX_NAMED: usize = 3;

/// Looks at days.
pub(super) struct Judge<'a> {
    reader: Option<&'a LedgerReader>,
    /// Global options that every command needs again.
    carried: String,
    /// The `run` that was last used, without its days.
    job_file: Option<String>,
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
        Ok(Self {
            reader,
            carried: carried_options(&session.invocation.command_line),
            job_file: last.as_deref().and_then(run_of),
            zone: zone(session.context())?,
            now: session.context().now,
        })
    }

    /// A day of which nothing is known, in a stretch of such days.
    pub(super) fn missing(&self, stretch: &[DataDate]) -> Day {
        let why = "nothing is known of it".to_owned();
        let next = self.run(stretch);
        day_of(DayState::Missing, RowCounts::default(), why, next)
    }

    /// A day that the ledger knows.
    pub(super) fn day(&self, known: &KnownPartition) -> Result<Day, Failure> {
        let Some(reader) = self.reader else {
            return Ok(self.missing(&[]));
        };
        if known.gate.is_done() {
            let rows = reader.rows(known).map_err(ledger_failure)?;
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
            .is_none_or(|day| self.zone.is_over(day, self.now));
        let facts = reader.gate_outline(known, over).map_err(ledger_failure)?;
        let lacking = unmet(&facts);
        let mut state = state_of(known, &facts, &lacking);
        let held = reader.hold_reason(known.id).map_err(ledger_failure)?;
        let why: Vec<String> = lacking
            .iter()
            .filter(|one| known.partition.date().is_some() || !matches!(one, Unmet::Empty))
            .take(MAX_NAMED)
            .map(|one| match (one, &held) {
                (Unmet::HeldBack, Some(held)) => format!("done is held back ({held})"),
                (one, _) => one.to_string(),
            })
            .collect();
        let refusal = match state {
            DayState::Partial | DayState::Refused => {
                reader.refusal(known.id).map_err(ledger_failure)?
            }
            _ => None,
        };
        let why = match (known.gate, refusal) {
            (_, Some(refusal)) => {
                state = DayState::Refused;
                refusal
            }
            (Gate::Refused, None) => "the platform refused it".to_owned(),
            (Gate::Sealed, None) => "done was sent and its outcome is not known".to_owned(),
            _ => why.join("; "),
        };
        let next = match state {
            DayState::Refused if why.contains("ledger reopen") => {
                let purpose = "after a re-sync of the date in the console";
                Some(self.about("ledger reopen", known, purpose))
            }
            DayState::Refused => self.again(known, "when the option or the console is put right"),
            _ => self.next(known, state, &lacking)?,
        };
        Ok(day_of(state, facts.rows, why, next))
    }

    /// The command for what is owed.
    fn next(
        &self,
        known: &KnownPartition,
        state: DayState,
        lacking: &[Unmet],
    ) -> Result<Option<String>, Failure> {
        let may_wait = |one: &Unmet| matches!(one, Unmet::DayNotOver | Unmet::HeldBack);
        Ok(match state {
            DayState::Done | DayState::Missing | DayState::Refused => None,
            DayState::Uploaded if lacking.contains(&Unmet::DayNotOver) => None,
            DayState::Uploaded if known.partition.date().is_none() => None,
            DayState::Uploaded if lacking.iter().all(may_wait) => {
                Some(self.release(known, lacking.contains(&Unmet::HeldBack))?)
            }
            // A guard, of which only the person knows whether it is right.
            DayState::Uploaded => self.again(known, "when the export is right").or_else(|| {
                let purpose = "lists its inputs; write them again when the export is right";
                Some(self.about("ledger show", known, purpose))
            }),
            DayState::Rejected => Some(self.about("rejects list", known, "")),
            DayState::Partial => {
                let last = match self.reader {
                    Some(reader) => reader.last_command(known.id).map_err(ledger_failure)?,
                    None => None,
                };
                last.map(|typed| without_output_options(&typed))
                    .or_else(|| self.again(known, ""))
                    .or_else(|| {
                        let purpose = "lists its inputs; the same write command goes on";
                        Some(self.about("ledger show", known, purpose))
                    })
            }
        })
    }

    /// The `done` that is owed; for other machines only together with their reports.
    fn release(&self, known: &KnownPartition, is_held: bool) -> Result<String, Failure> {
        let reason = match self.reader {
            Some(reader) if is_held => reader.hold_reason(known.id).map_err(ledger_failure)?,
            _ => None,
        };
        Ok(if reason.is_some_and(|why| why == SEVERAL_MACHINES) {
            let command = self.about("done", known, "") + OTHER_REPORTS;
            with_purpose(command, HELD_FOR_OTHERS)
        } else {
            self.about("done", known, if is_held { HELD_BACK } else { "" })
        })
    }

    /// The `run` for some days, if there ever was one.
    fn run(&self, days: &[DataDate]) -> Option<String> {
        let run = self.job_file.as_ref().filter(|_| !days.is_empty())?;
        let days = ranges(&days.iter().copied().collect());
        Some(format!("{run} --date {days}{}", self.carried))
    }

    fn again(&self, known: &KnownPartition, purpose: &str) -> Option<String> {
        let day = known.partition.date()?;
        self.run(&[day]).map(|run| with_purpose(run, purpose))
    }

    /// A command about a date.
    fn about(&self, words: &str, known: &KnownPartition, purpose: &str) -> String {
        let partition = &known.partition;
        let day = partition.date();
        let day = day.map_or_else(String::new, |day| format!(" --date {day}"));
        let command = format!(
            "byteair-sync {words} --topic {} --stage {}{day}{}",
            shell_word(partition.topic.as_str()),
            partition.stage.kind(),
            self.carried
        );
        with_purpose(command, purpose)
    }
}

fn with_purpose(command: String, purpose: &str) -> String {
    if purpose.is_empty() {
        command
    } else {
        format!("{command}  # {purpose}")
    }
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

fn day_of(state: DayState, rows: RowCounts, why: String, next: Option<String>) -> Day {
    Day {
        state,
        rows: rows.into(),
        why,
        next,
    }
}
