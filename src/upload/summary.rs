//! The whole story of a run, told from the ledger.

use super::context::Services;
use super::done::DoneReport;
use super::engine::UploadOutcome;
use super::event::{DoneOutcome, Gauges};
use super::explain;
use super::failure::ledger_status;
use super::plan::{Action, Plan};
use super::report::{PartitionReport, RejectGroup, Status, Summary, Totals};
use super::settings::Settings;
use super::stop::StopCause;
use crate::domain::Partition;
use crate::ledger::{LedgerError, LedgerReader, RowCounts, Unmet};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

/// Most reasons that a summary lists.
const MAX_REJECT_GROUPS: usize = 20;

/// What is to be told, collected while the run goes on.
pub(super) struct Story {
    services: Services,
    state_dir: PathBuf,
    command: String,
    /// `--no-done`: a date that only waits for its release has all that was asked.
    held: bool,
    begun: Instant,
    problems: Vec<(Status, String)>,
    notes: Vec<String>,
    /// Dates in the order of the command.
    order: Vec<Partition>,
    dates: BTreeMap<Partition, DoneReport>,
}

/// What the ledger has of the dates.
#[derive(Default)]
struct Recorded {
    totals: Totals,
    partitions: Vec<PartitionReport>,
    rejects: Vec<RejectGroup>,
}

impl Story {
    /// The story of `write`.
    pub(super) fn new(settings: &Settings, services: &Services) -> Self {
        Self::of(
            services,
            settings.run.state_dir.clone(),
            settings.run.command.clone(),
            settings.gate.hold,
        )
    }

    /// The story of any command that finishes dates.
    pub(super) fn of(services: &Services, state_dir: PathBuf, command: String, held: bool) -> Self {
        Self {
            services: services.clone(),
            state_dir,
            command,
            held,
            begun: Instant::now(),
            problems: Vec::new(),
            notes: Vec::new(),
            order: Vec::new(),
            dates: BTreeMap::new(),
        }
    }

    pub(super) fn take_plan(&mut self, plan: &Plan) {
        self.notes.extend(plan.notes.iter().cloned());
        for date in &plan.dates {
            self.order.push(date.partition.clone());
            let report = match &date.action {
                Action::Upload(_) => continue,
                Action::AlreadyDone { unconfirmed } => DoneReport {
                    outcome: DoneOutcome::Already,
                    status: Status::Success,
                    why: if *unconfirmed {
                        "its reply was lost; it got through as far as can be known".to_owned()
                    } else {
                        String::new()
                    },
                    missing: Vec::new(),
                },
                Action::Fail(status, why) => {
                    self.problems.push((*status, why.clone()));
                    DoneReport::withheld(&date.partition, *status, why.clone())
                }
            };
            self.dates.insert(date.partition.clone(), report);
        }
    }

    pub(super) fn take_outcome(&mut self, outcome: UploadOutcome) {
        self.problems.extend(outcome.problems);
        self.take_dates(outcome.dates);
    }

    /// Takes what became of dates.
    pub(super) fn take_dates(&mut self, dates: Vec<(Partition, DoneReport)>) {
        for (partition, report) in dates {
            let held_as_asked = self.held
                && report.outcome == DoneOutcome::Withheld
                && !report.missing.is_empty()
                && report
                    .missing
                    .iter()
                    .all(|missing| matches!(missing, Unmet::HeldBack | Unmet::DayNotOver));
            let known = self.problems.iter().any(|(_, why)| *why == report.why);
            if report.status != Status::Success && !held_as_asked && !known {
                let name = partition.to_string();
                let what = if report.why.starts_with(&name) {
                    report.why.clone()
                } else {
                    format!("{name}: {}", report.why)
                };
                self.problems.push((report.status, what));
            }
            if !self.order.contains(&partition) {
                self.order.push(partition.clone());
            }
            self.dates.insert(partition, report);
        }
    }

    /// Adds a problem.
    pub(super) fn problem(&mut self, status: Status, why: String) {
        self.problems.push((status, why));
    }

    /// The story of a command that could not begin.
    pub(super) fn failed(mut self, status: Status, error: &dyn std::error::Error) -> Summary {
        self.problem(status, explain::with_causes(error));
        self.summarise(Recorded::default())
    }

    /// The summary, with all row counts from the ledger.
    pub(super) async fn tell(self) -> Summary {
        let telling = tokio::task::spawn_blocking(move || {
            let story = self;
            match story.read_ledger() {
                Ok(recorded) => story.summarise(recorded),
                Err(error) => story.failed(ledger_status(&error), &error),
            }
        });
        match telling.await {
            Ok(summary) => summary,
            // Telling does not panic; were it to, the exit status must not be a success.
            Err(error) => Summary {
                status: Status::Unexpected,
                retryable: false,
                totals: Totals::default(),
                partitions: Vec::new(),
                rejects: Vec::new(),
                problems: vec![format!("the summary could not be made: {error}")],
                notes: Vec::new(),
                next_command: None,
                run_dir: None,
            },
        }
    }

    fn read_ledger(&self) -> Result<Recorded, LedgerError> {
        let mut totals = Totals::default();
        let mut partitions = Vec::new();
        let mut rejects: BTreeMap<(String, String), RejectGroup> = BTreeMap::new();
        let reader = LedgerReader::open(&self.state_dir)?;
        for partition in &self.order {
            let mut rows = RowCounts::default();
            if let Some(reader) = &reader
                && let Some(target) = reader.find_target(
                    &partition.target,
                    &[partition.target.platform().to_owned()],
                    true,
                )?
                && let Some(known) = reader.partition(&target, partition)?
            {
                rows = reader.rows(&known)?;
                totals.batches = totals.batches.saturating_add(reader.batch_count(known.id)?);
                for group in reader.reject_groups(known.id)? {
                    let first = format!("{}:{}", group.first.0, group.first.1);
                    rejects
                        .entry((group.code.clone(), group.message.clone()))
                        .and_modify(|known| known.count = known.count.saturating_add(group.count))
                        .or_insert(RejectGroup {
                            code: group.code,
                            message: group.message,
                            count: group.count,
                            first,
                        });
                }
            }
            add_rows(&mut totals, rows);
            partitions.push(report_of(partition, rows, self.dates.get(partition)));
        }
        let mut rejects: Vec<RejectGroup> = rejects.into_values().collect();
        rejects.sort_by_key(|group| std::cmp::Reverse(group.count));
        rejects.truncate(MAX_REJECT_GROUPS);
        Ok(Recorded {
            totals,
            partitions,
            rejects,
        })
    }

    fn summarise(mut self, recorded: Recorded) -> Summary {
        let Recorded {
            mut totals,
            partitions,
            rejects,
        } = recorded;
        let gauges = &self.services.gauges;
        totals.requests = Gauges::get(&gauges.requests);
        totals.retries = Gauges::get(&gauges.retries);
        totals.bytes_read = Gauges::get(&gauges.bytes_read);
        totals.bytes_sent = Gauges::get(&gauges.bytes_sent);
        totals.elapsed = self.begun.elapsed();
        self.tell_stop_cause(&partitions);
        self.problems.sort_by_key(|(status, _)| *status);
        let status = self
            .problems
            .first()
            .map_or(Status::Success, |(status, _)| *status);
        let retryable = self.problems.iter().any(|(status, _)| {
            matches!(
                status,
                Status::Temporary
                    | Status::Interrupted
                    | Status::Terminated
                    | Status::NotReady
                    | Status::Busy
            )
        });
        // What closed the ledger is told; that it is closed adds nothing.
        let closed = LedgerError::Closed.to_string();
        if self.problems.iter().any(|(_, why)| *why != closed) {
            self.problems.retain(|(_, why)| *why != closed);
        }
        let next_command = self.next_command(status, &partitions);
        Summary {
            status,
            retryable,
            totals,
            partitions,
            rejects,
            problems: self.problems.into_iter().map(|(_, why)| why).collect(),
            notes: self.notes,
            next_command,
            run_dir: None,
        }
    }

    /// A run that was told to stop before its work was done says so.
    fn tell_stop_cause(&mut self, partitions: &[PartitionReport]) {
        let Some(cause) = self.services.stop.cause() else {
            return;
        };
        let complete = partitions.iter().all(|partition| {
            !matches!(partition.done, DoneOutcome::Withheld | DoneOutcome::Unknown)
                && partition.rows_pending == 0
        });
        let streaming = partitions
            .iter()
            .any(|partition| partition.done == DoneOutcome::NotApplicable);
        if cause == StopCause::Failure || (complete && !streaming) {
            return;
        }
        let why = match cause {
            StopCause::Interrupt => {
                "interrupted; what was uploaded is recorded, the same command goes on from here"
            }
            StopCause::Terminate => {
                "terminated; what was uploaded is recorded, the same command goes on from here"
            }
            StopCause::MaxDuration | StopCause::Failure => {
                "--max-duration is used up; the same command goes on from here"
            }
        };
        self.problems.push((cause.status(), why.to_owned()));
    }

    fn next_command(&self, status: Status, partitions: &[PartitionReport]) -> Option<String> {
        let waiting = partitions
            .iter()
            .find(|partition| partition.done == DoneOutcome::Withheld)
            .or(partitions.first())
            .map(|partition| arguments_of(&partition.partition))
            .unwrap_or_default();
        match status {
            Status::Success => partitions
                .iter()
                .any(|partition| partition.done == DoneOutcome::Withheld)
                .then(|| format!("byteair-sync done{waiting}")),
            Status::RowsRejected => Some(format!("byteair-sync rejects list{waiting}")),
            Status::Interrupted
            | Status::Terminated
            | Status::Temporary
            | Status::Unauthorized
            | Status::NotReady
            | Status::Busy => Some(self.command.clone()),
            Status::Unfinished
                if self.is_missing(&|missing| {
                    matches!(
                        missing,
                        Unmet::ForeignBatches(_) | Unmet::UndeterminedBatches(_)
                    )
                }) =>
            {
                Some(format!("{} --restart", self.command))
            }
            Status::Unfinished => {
                let gate_only = self
                    .dates
                    .values()
                    .flat_map(|report| &report.missing)
                    .all(|missing| matches!(missing, Unmet::HeldBack | Unmet::DayNotOver));
                Some(if gate_only {
                    format!("byteair-sync done{waiting}")
                } else {
                    self.command.clone()
                })
            }
            Status::Unexpected
            | Status::Usage
            | Status::InputChanged
            | Status::Refused
            | Status::BadInput
            | Status::Nothing => None,
        }
    }
}

impl Story {
    /// Whether something of this kind is missing for a date.
    fn is_missing(&self, kind: &dyn Fn(&Unmet) -> bool) -> bool {
        self.dates
            .values()
            .flat_map(|report| &report.missing)
            .any(kind)
    }
}

fn arguments_of(partition: &Partition) -> String {
    let date = partition
        .date()
        .map(|date| format!(" --date {date}"))
        .unwrap_or_default();
    format!(
        " --topic {} --stage {}{date}",
        partition.topic,
        partition.stage.kind()
    )
}

fn add_rows(totals: &mut Totals, rows: RowCounts) {
    totals.rows_read = totals.rows_read.saturating_add(rows.read);
    totals.rows_accepted = totals.rows_accepted.saturating_add(rows.accepted);
    totals.rows_unconfirmed = totals.rows_unconfirmed.saturating_add(rows.unconfirmed);
    totals.rows_rejected = totals.rows_rejected.saturating_add(rejected(rows));
    totals.rows_pending = totals.rows_pending.saturating_add(rows.pending);
}

const fn rejected(rows: RowCounts) -> u64 {
    rows.refused.saturating_add(rows.invalid)
}

fn report_of(
    partition: &Partition,
    rows: RowCounts,
    report: Option<&DoneReport>,
) -> PartitionReport {
    PartitionReport {
        partition: partition.clone(),
        rows_accepted: rows.accepted,
        rows_unconfirmed: rows.unconfirmed,
        rows_rejected: rejected(rows),
        rows_pending: rows.pending,
        done: report.map_or(DoneOutcome::Withheld, |report| report.outcome),
        why: report.map(|report| report.why.clone()).unwrap_or_default(),
    }
}

/// Dates for people: all of a few, first and last of many.
pub(super) fn shorten(dates: &[String]) -> String {
    match dates {
        [first, .., last] if dates.len() > 3 => {
            format!("{first}..{last} ({} dates)", dates.len())
        }
        few => few.join(", "),
    }
}
