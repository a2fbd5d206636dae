//! The rule that opens the gate of a date. Pure: facts in, what is missing out.
//!
//! `done` cannot be taken back. A date is sealed only when nothing is missing here, and only a
//! sealed date can be marked done.

use crate::domain::{ErrorBudget, Guards, UnconfirmedPolicy, as_float};
use crate::text::grouped;
use std::fmt;

/// State of a date's gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Rows may be uploaded.
    Open,
    /// Everything is settled and the intent of `done` is on disk; its outcome is not.
    Sealed,
    /// The platform acknowledged `done`.
    Done,
    /// `done` got through as far as can be known: its own reply was lost.
    DoneUnconfirmed,
    /// The platform refuses the date; it owes nothing.
    Refused,
}

impl Gate {
    /// The word in the ledger.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Sealed => "sealed",
            Self::Done => "done",
            Self::DoneUnconfirmed => "done_unconfirmed",
            Self::Refused => "refused",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Open,
            Self::Sealed,
            Self::Done,
            Self::DoneUnconfirmed,
            Self::Refused,
        ]
        .into_iter()
        .find(|gate| gate.as_str() == word)
    }

    /// Whether `done` got through.
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Done | Self::DoneUnconfirmed)
    }
}

/// Rows of a date by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RowCounts {
    /// Records read from the inputs, blank lines not counted.
    pub read: u64,
    /// Stored for sure.
    pub accepted: u64,
    /// Stored as far as can be known.
    pub unconfirmed: u64,
    /// Refused by the platform.
    pub refused: u64,
    /// Refused before sending.
    pub invalid: u64,
    /// In batches that are not settled.
    pub pending: u64,
}

impl RowCounts {
    /// Rows on the platform, as far as can be known.
    pub const fn stored(&self) -> u64 {
        self.accepted.saturating_add(self.unconfirmed)
    }
}

/// Everything that the gate looks at.
#[derive(Debug, Clone, PartialEq)]
pub struct GateFacts {
    /// Inputs in scope that are not read to their end, with who holds them (empty: nobody).
    pub unfinished_inputs: Vec<(String, String)>,
    /// Inputs in scope that were not compared with what was recorded of them.
    pub unverified_inputs: Vec<String>,
    /// Inputs whose rows do not add up.
    pub unbalanced_inputs: Vec<String>,
    /// Inputs in scope.
    pub inputs: u64,
    /// Batches that are intended.
    pub intended_batches: u64,
    /// Batches answered 409 without an earlier attempt of ours.
    pub foreign_batches: u64,
    /// Batches answered 1001 without a usable list.
    pub undetermined_batches: u64,
    /// Settled batches whose counts do not add up to their rows.
    pub unbalanced_batches: u64,
    /// Rows.
    pub rows: RowCounts,
    /// Dead letters neither replayed nor waived.
    pub open_rejects: u64,
    /// Of these, the rows of an input with rows of several dates that say no date: they count for each
    /// of its dates, and among the rows read of none.
    pub open_undated: u64,
    /// Rows stored for the last completed date of the same topic and stage, and that date.
    pub last_done: Option<(u64, String)>,
    /// Whether the day is over in the platform's zone.
    pub day_over: bool,
    /// Whether `done` is held back.
    pub held_back: bool,
    /// The guards of the date.
    pub guards: Guards,
}

/// One thing that is missing before `done`.
#[derive(Debug, Clone, PartialEq)]
pub enum Unmet {
    /// An input is not read to its end.
    InputUnfinished {
        /// Which.
        name: String,
        /// The run that reads it; empty when none does.
        holder: String,
    },
    /// An input was not compared with what was recorded of it.
    InputUnverified(String),
    /// Rows read differ from rows accounted for. Cannot happen; if it does, nothing is sealed.
    Imbalance(String),
    /// Batches are not settled.
    BatchesPending(u64),
    /// The platform said 409 to a first attempt.
    ForeignBatches(u64),
    /// The platform refused rows without saying which, or answered what nothing names.
    UndeterminedBatches(u64),
    /// More rows are rejected than `--max-errors` allows.
    TooManyRejects {
        /// Open dead letters.
        open: u64,
        /// The budget.
        budget: ErrorBudget,
    },
    /// Not one row was stored.
    EverythingRejected,
    /// Rows are unconfirmed and `--unconfirmed hold` was asked for.
    UnconfirmedRows(u64),
    /// Fewer rows than `--min-rows`.
    TooFewRows {
        /// Stored.
        stored: u64,
        /// Expected.
        expected: u64,
    },
    /// Not as many inputs as `--expect-files`.
    OtherFileCount {
        /// Found.
        found: u64,
        /// Expected.
        expected: u64,
    },
    /// Far fewer rows than the last completed date (`--max-drop`).
    RowsDropped {
        /// Stored.
        stored: u64,
        /// Stored for the last completed date.
        last: u64,
        /// That date.
        last_date: String,
        /// The limit in percent.
        limit: f64,
    },
    /// There was no row and `--allow-empty` was not given.
    Empty,
    /// Every input was dropped; so many of their rows stay on the platform.
    OnlyDropped(u64),
    /// The day is not over in the platform's zone.
    DayNotOver,
    /// `--no-done` holds it back.
    HeldBack,
    /// Its rows were uploaded by a command that named no date. No fact of the gate: the next command
    /// may name it.
    NotNamed,
}

/// The bare fact in plain words, as the audit trail keeps it; advice is given elsewhere.
impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InputUnfinished { name, holder } if holder.is_empty() => {
                write!(f, "{name} is not uploaded to its end")
            }
            Self::InputUnfinished { name, holder } => {
                write!(f, "{name} is still being uploaded by {holder}")
            }
            Self::InputUnverified(name) => {
                write!(f, "{name} was not compared with what was uploaded of it")
            }
            Self::Imbalance(what) => write!(f, "the books do not balance ({what})"),
            Self::BatchesPending(count) => {
                write!(f, "{} batch(es) are not settled", grouped(*count))
            }
            Self::ForeignBatches(count) => write!(
                f,
                "{} batch(es) were answered 409 without an earlier attempt of ours",
                grouped(*count)
            ),
            Self::UndeterminedBatches(count) => write!(
                f,
                "{} batch(es) got an answer that does not say which of their rows are stored",
                grouped(*count)
            ),
            Self::TooManyRejects { open, budget } => {
                let open = grouped(*open);
                write!(
                    f,
                    "{open} row(s) are rejected and --max-errors allows {budget}"
                )
            }
            Self::EverythingRejected => f.write_str("every row was rejected"),
            Self::UnconfirmedRows(rows) => {
                let rows = grouped(*rows);
                write!(
                    f,
                    "{rows} row(s) are unconfirmed and --unconfirmed hold was given"
                )
            }
            guard @ (Self::TooFewRows { .. }
            | Self::OtherFileCount { .. }
            | Self::RowsDropped { .. }) => guard.count(f),
            Self::Empty => f.write_str("there was no row"),
            Self::OnlyDropped(stored) => write!(
                f,
                "no input is left of it; {} row(s) of dropped ones are on the platform",
                grouped(*stored)
            ),
            Self::DayNotOver => f.write_str("the day is not over"),
            Self::HeldBack => {
                f.write_str("done is held back (--no-done) or was answered 409 before")
            }
            Self::NotNamed => f.write_str("no --date names it, so done was not sent"),
        }
    }
}

impl Unmet {
    /// What a guard expects, and what there is.
    fn count(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewRows { stored, expected } => {
                let (stored, expected) = (grouped(*stored), grouped(*expected));
                write!(
                    f,
                    "{stored} row(s) were stored and --min-rows expects {expected}"
                )
            }
            Self::OtherFileCount { found, expected } => write!(
                f,
                "{} input(s) were uploaded and --expect-files expects {} (files with the same content count once)",
                grouped(*found),
                grouped(*expected)
            ),
            Self::RowsDropped {
                stored,
                last,
                last_date,
                limit,
            } => write!(
                f,
                "{} row(s) were stored, {} for the last completed date, {last_date}: more than the {limit}% that --max-drop allows",
                grouped(*stored),
                grouped(*last)
            ),
            _ => Ok(()),
        }
    }

    /// Whether another run is at work on it right now.
    pub fn is_held_by_a_run(&self) -> bool {
        matches!(self, Self::InputUnfinished { holder, .. } if !holder.is_empty())
    }
}

/// What is missing before the date may be sealed; empty when the gate opens.
pub fn unmet(facts: &GateFacts) -> Vec<Unmet> {
    let mut missing = Vec::new();
    for (name, holder) in &facts.unfinished_inputs {
        missing.push(Unmet::InputUnfinished {
            name: name.clone(),
            holder: holder.clone(),
        });
    }
    missing.extend(
        facts
            .unverified_inputs
            .iter()
            .cloned()
            .map(Unmet::InputUnverified),
    );
    missing.extend(
        facts
            .unbalanced_inputs
            .iter()
            .cloned()
            .map(Unmet::Imbalance),
    );
    if facts.unbalanced_batches > 0 {
        missing.push(Unmet::Imbalance(format!(
            "{} batches",
            facts.unbalanced_batches
        )));
    }
    missing.extend(
        [
            Unmet::BatchesPending(facts.intended_batches),
            Unmet::ForeignBatches(facts.foreign_batches),
            Unmet::UndeterminedBatches(facts.undetermined_batches),
        ]
        .into_iter()
        .filter(|unmet| {
            !matches!(
                unmet,
                Unmet::BatchesPending(0) | Unmet::ForeignBatches(0) | Unmet::UndeterminedBatches(0)
            )
        }),
    );
    unmet_by_rows(facts, &mut missing);
    if !facts.day_over {
        missing.push(Unmet::DayNotOver);
    }
    if facts.held_back {
        missing.push(Unmet::HeldBack);
    }
    missing
}

fn unmet_by_rows(facts: &GateFacts, missing: &mut Vec<Unmet>) {
    let guards = &facts.guards;
    let rows = facts.rows;
    let stored = rows.stored();
    let read = rows.read.saturating_add(facts.open_undated);
    if !guards.max_errors.allows(facts.open_rejects, read) {
        missing.push(Unmet::TooManyRejects {
            open: facts.open_rejects,
            budget: guards.max_errors,
        });
    }
    if rows.read == 0 {
        if !guards.allow_empty {
            missing.push(match stored {
                0 => Unmet::Empty,
                stored => Unmet::OnlyDropped(stored),
            });
        }
    } else if stored == 0 && rows.pending == 0 {
        missing.push(Unmet::EverythingRejected);
    }
    if rows.unconfirmed > 0 && guards.unconfirmed == UnconfirmedPolicy::Hold {
        missing.push(Unmet::UnconfirmedRows(rows.unconfirmed));
    }
    let waits = |one: &Unmet| {
        matches!(
            one,
            Unmet::InputUnfinished { .. } | Unmet::BatchesPending(_)
        )
    };
    // How many rows are stored is known only when all are settled.
    let is_settled = rows.pending == 0 && !missing.iter().any(waits);
    if let Some(expected) = guards.min_rows
        && stored < expected
        && is_settled
    {
        missing.push(Unmet::TooFewRows { stored, expected });
    }
    if let Some(expected) = guards.expect_files
        && facts.inputs != expected
    {
        missing.push(Unmet::OtherFileCount {
            found: facts.inputs,
            expected,
        });
    }
    if let (Some(limit), Some((last, last_date))) = (guards.max_drop_percent, &facts.last_done)
        && as_float(stored) < as_float(*last) * (100.0 - limit) / 100.0
        && is_settled
    {
        missing.push(Unmet::RowsDropped {
            stored,
            last: *last,
            last_date: last_date.clone(),
            limit,
        });
    }
}

#[cfg(test)]
mod tests;
