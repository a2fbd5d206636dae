//! The whole story of a run, in numbers that come from the ledger.

use super::event::DoneOutcome;
use crate::domain::{Partition, Target};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// What `write` and `done` report at their end: on the terminal, as the `summary` line of `--json`,
/// and as `--report FILE`. Rows are totals of the dates concerned over all runs, so a resumed run
/// tells the same story as an undisturbed one; requests, retries, bytes and time are of this run.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Exit status by the table of `cli.md` section 3.
    pub status: Status,
    /// Anything temporary is left that running the same command again may mend.
    pub retryable: bool,
    /// Numbers of all dates together.
    pub totals: Totals,
    /// One entry for each partition concerned, in order.
    pub partitions: Vec<PartitionReport>,
    /// Rejected rows grouped by reason, most frequent first.
    pub rejects: Vec<RejectGroup>,
    /// What went wrong, most serious first; empty when all is well.
    pub problems: Vec<String>,
    /// Things to notice.
    pub notes: Vec<String>,
    /// What can be typed next, the likeliest first; empty when nothing is left to do.
    pub next: Vec<NextStep>,
    /// Where the run's log and summary lie.
    pub run_dir: Option<std::path::PathBuf>,
    /// How far the command came.
    pub course: Course,
    /// Where the numbers come from; `None` when there was no run.
    pub origin: Option<Origin>,
}

/// How far a command came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It is under way, or was killed.
    UnderWay,
    /// It came to its end.
    Ended,
    /// It only counted (`--dry-run`).
    DryRun,
}

/// Whose data, and which ledger knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Tenant, application and platform.
    pub target: Target,
    /// The random name of the ledger; none where there is no ledger yet.
    pub ledger: Option<String>,
}

/// A command that can be typed next.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NextStep {
    /// As one types it, with absolute dates.
    pub command: String,
    /// When, or what for; empty when the command says it.
    pub purpose: String,
}

impl NextStep {
    /// A command, and when or what for it is typed.
    pub fn new(command: impl Into<String>, purpose: impl Into<String>) -> Self {
        Self {
            command: command.into(),
            purpose: purpose.into(),
        }
    }
}

/// The command with its purpose behind it, as a comment that a shell passes over.
impl fmt::Display for NextStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.command)?;
        if self.purpose.is_empty() {
            return Ok(());
        }
        write!(f, "  # {}", self.purpose)
    }
}

/// Totals of a summary.
#[derive(Debug, Clone, Copy, Default)]
pub struct Totals {
    /// Rows read from the inputs.
    pub rows_read: u64,
    /// Rows accepted.
    pub rows_accepted: u64,
    /// Rows accepted as far as can be known.
    pub rows_unconfirmed: u64,
    /// Dead letters.
    pub rows_rejected: u64,
    /// Rows cut into batches that are not settled.
    pub rows_pending: u64,
    /// Of these, rows of which no answer says whether they are stored: no run sends them again.
    pub rows_undecided: u64,
    /// Batches settled or pending.
    pub batches: u64,
    /// Requests of this run.
    pub requests: u64,
    /// Of these, repeated attempts.
    pub retries: u64,
    /// Source bytes read in this run.
    pub bytes_read: u64,
    /// Body bytes sent in this run.
    pub bytes_sent: u64,
    /// How long this run took.
    pub elapsed: Duration,
}

impl Totals {
    /// Adds rows and batches, which the ledger counts; requests, bytes and time are those of a whole run.
    pub fn add_recorded(&mut self, more: &Self) {
        for (sum, number) in [
            (&mut self.rows_read, more.rows_read),
            (&mut self.rows_accepted, more.rows_accepted),
            (&mut self.rows_unconfirmed, more.rows_unconfirmed),
            (&mut self.rows_rejected, more.rows_rejected),
            (&mut self.rows_pending, more.rows_pending),
            (&mut self.batches, more.batches),
        ] {
            *sum = sum.saturating_add(number);
        }
    }
}

/// One partition of a summary.
#[derive(Debug, Clone)]
pub struct PartitionReport {
    /// The job that it is about, where the job file has several of this topic and stage.
    pub job: Option<String>,
    /// Which.
    pub partition: Partition,
    /// Rows accepted.
    pub rows_accepted: u64,
    /// Rows accepted as far as can be known.
    pub rows_unconfirmed: u64,
    /// Dead letters.
    pub rows_rejected: u64,
    /// Rows in batches that are not settled.
    pub rows_pending: u64,
    /// What became of `done`.
    pub done: DoneOutcome,
    /// Why `done` was withheld, or what is remarkable about it.
    pub why: String,
}

impl PartitionReport {
    /// How people see it: `item history_sync 2022-01-01`, with the job where that tells more.
    pub fn label(&self) -> String {
        match &self.job {
            Some(job) => format!("{} (job '{job}')", self.partition),
            None => self.partition.to_string(),
        }
    }
}

impl Summary {
    /// Says in every line about a partition of this story which job it is about.
    pub fn name_job(&mut self, job: &str) {
        for report in &mut self.partitions {
            let before = report.label();
            report.job = Some(job.to_owned());
            for problem in &mut self.problems {
                if let Some(rest) = problem
                    .strip_prefix(&before)
                    .filter(|it| it.starts_with(':'))
                {
                    *problem = format!("{}{rest}", report.label());
                }
            }
        }
    }
}

/// Rejected rows that share a reason.
#[derive(Debug, Clone)]
pub struct RejectGroup {
    /// Machine-readable reason.
    pub code: String,
    /// The field at fault, where one is.
    pub column: Option<String>,
    /// Reason for people, of the first one.
    pub message: String,
    /// How many.
    pub count: u64,
    /// `file:line` of the first one.
    pub first: String,
}

impl RejectGroup {
    /// What rows have in common that are counted together.
    pub fn key(&self) -> (String, Option<String>) {
        (self.code.clone(), self.column.clone())
    }

    /// The reason of the first one with the field at fault.
    pub fn reason(&self) -> Cow<'_, str> {
        with_column(self.column.as_deref(), &self.message)
    }
}

/// A reason for people with the field at fault, where one is.
pub fn with_column<'m>(column: Option<&str>, message: &'m str) -> Cow<'m, str> {
    match column {
        Some(column) => format!("{column}: {message}").into(),
        None => message.into(),
    }
}

/// Exit statuses (`cli.md` section 3). The order of declaration is the order of seriousness: when
/// several apply, the first wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// 1: a bug.
    Unexpected,
    /// 130: SIGINT; state saved.
    Interrupted,
    /// 143: SIGTERM; state saved.
    Terminated,
    /// 2: usage or configuration; nothing was sent.
    Usage,
    /// 12: credentials or clock rejected.
    Unauthorized,
    /// 9: the input differs from what the ledger has partly uploaded.
    InputChanged,
    /// 6: the platform refuses.
    Refused,
    /// 4: the input is not what it claims to be.
    BadInput,
    /// 3: rows were rejected beyond the budget; `done` withheld.
    RowsRejected,
    /// 7: `done` withheld: something is unfinished, held back, or the day is not over.
    Unfinished,
    /// 10: input not ready.
    NotReady,
    /// 8: no row to send, or nothing is known.
    Nothing,
    /// 11: another run is uploading exactly this input.
    Busy,
    /// 5: temporary; run the same command again.
    Temporary,
    /// 0: all that was asked is true now.
    Success,
}

impl Status {
    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::RowsRejected => 3,
            Self::BadInput => 4,
            Self::Temporary => 5,
            Self::Refused => 6,
            Self::Unfinished => 7,
            Self::Nothing => 8,
            Self::InputChanged => 9,
            Self::NotReady => 10,
            Self::Busy => 11,
            Self::Unauthorized => 12,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// The more serious of two statuses.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        self.min(other)
    }
}
