//! The whole story of a run, told from the ledger.

use super::command_line::{without_flag, without_output_options};
use super::context::Services;
use super::done::DoneReport;
use super::engine::UploadOutcome;
use super::event::{DoneOutcome, Gauges};
use super::explain::{self, Clock};
use super::failure::ledger_status;
use super::finish::FinishRequest;
use super::former::Former;
use super::next_step::{OpenInput, Situation, next_steps};
use super::plan::{Action, Plan};
use super::recorded::Recorded;
use super::report::{Course, NextStep, PartitionReport, Status, Summary, Totals};
use super::settings::Settings;
use super::stop::StopCause;
use super::vanished::vanished;
use crate::domain::{Partition, Zone};
use crate::ledger::{LedgerError, Unmet};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

/// What is to be told, collected while the run goes on.
pub(super) struct Story {
    services: Services,
    state_dir: PathBuf,
    command: String,
    /// Told of `write`; otherwise of `done`.
    uploads: bool,
    /// The zone in which days end.
    zone: Zone,
    /// `--no-done`: a date that only waits for its release has all that was asked.
    held: bool,
    begun: Instant,
    problems: Vec<(Status, String)>,
    notes: Vec<String>,
    /// Dates in the order of the command.
    order: Vec<Partition>,
    dates: BTreeMap<Partition, DoneReport>,
    /// What is late for a date whose `done` is asked again.
    late: BTreeMap<Partition, (Status, String)>,
}

impl Story {
    /// The story of `write`.
    pub(super) fn new(settings: &Settings, services: &Services) -> Self {
        Self {
            services: services.clone(),
            state_dir: settings.run.state_dir.clone(),
            command: settings.run.command.clone(),
            // A replay takes no options of `write`.
            uploads: settings.replay.is_none(),
            held: settings.gate.hold,
            zone: settings.zone,
            begun: Instant::now(),
            problems: Vec::new(),
            notes: Vec::new(),
            order: Vec::new(),
            dates: BTreeMap::new(),
            late: BTreeMap::new(),
        }
    }

    /// The story of `done`.
    pub(super) fn of_done(request: &FinishRequest, services: &Services, command: String) -> Self {
        Self {
            services: services.clone(),
            state_dir: request.state_dir.clone(),
            command,
            uploads: false,
            held: false,
            zone: request.zone_for_people(),
            begun: Instant::now(),
            problems: Vec::new(),
            notes: Vec::new(),
            order: Vec::new(),
            dates: BTreeMap::new(),
            late: BTreeMap::new(),
        }
    }

    pub(super) fn take_plan(&mut self, plan: &Plan) {
        self.notes.extend(plan.notes.iter().cloned());
        self.problems.extend(plan.problems.iter().cloned());
        for date in &plan.dates {
            self.order.push(date.partition.clone());
            if let Some(late) = &date.late {
                self.late.insert(date.partition.clone(), late.clone());
            }
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
                    // Dates that share an input fail for one reason, perhaps told in full already.
                    let is_told = |(_, told): &(Status, String)| told.starts_with(why.as_str());
                    if !self.problems.iter().any(is_told) {
                        self.problems.push((*status, why.clone()));
                    }
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
        let clock = Clock {
            zone: self.zone,
            now: chrono::Utc::now(),
        };
        for (partition, mut report) in dates {
            if !report.missing.is_empty() {
                report.why = explain::withheld(&report.missing, partition.date(), clock);
                if let Some(gone) = vanished(&report.missing) {
                    report.why = format!("{}; {gone}", report.why);
                }
            }
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
            if report.outcome.is_done()
                && let Some(late) = self.late.get(&partition).cloned()
                && !self.problems.contains(&late)
            {
                self.problems.push(late);
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
                next: Vec::new(),
                run_dir: None,
                course: Course::Ended,
                origin: None,
            },
        }
    }

    fn read_ledger(&self) -> Result<Recorded, LedgerError> {
        let dates: Vec<_> = self
            .order
            .iter()
            .map(|partition| (partition, self.dates.get(partition)))
            .collect();
        let problems: Vec<&str> = self.problems.iter().map(|(_, why)| why.as_str()).collect();
        Recorded::read(&self.state_dir, &dates, &problems)
    }

    fn summarise(mut self, recorded: Recorded) -> Summary {
        let Recorded {
            mut totals,
            partitions,
            rejects,
            inputs,
            notes,
            former,
            several_machines,
        } = recorded;
        self.notes.extend(notes);
        let offset = self.services.client.clock_offset();
        self.notes.extend(offset.map(explain::other_clock));
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
        let next = self.next_steps(status, &inputs, &former, several_machines);
        Summary {
            status,
            retryable,
            totals,
            partitions,
            rejects,
            problems: self.problems.into_iter().map(|(_, why)| why).collect(),
            notes: self.notes,
            next,
            run_dir: None,
            course: Course::Ended,
            origin: None,
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
        let what = match cause {
            StopCause::Interrupt => "interrupted; what was uploaded is recorded",
            StopCause::Terminate => "terminated; what was uploaded is recorded",
            StopCause::MaxDuration | StopCause::Failure => "--max-duration is used up",
        };
        let command = if self.command_to_go_on() == self.command {
            "the same command"
        } else {
            "the same command without --restart"
        };
        let why = format!("{what}, {command} goes on from here");
        self.problems.push((cause.status(), why));
    }

    /// What was typed; a date that was begun anew goes on without being begun anew once more.
    fn command_to_go_on(&self) -> String {
        if Gauges::get(&self.services.gauges.requests) > 0 {
            without_flag(&self.command, "--restart")
        } else {
            self.command.clone()
        }
    }

    fn is_done(&self, date: &Partition) -> bool {
        let report = self.dates.get(date);
        report.is_some_and(|report| report.outcome.is_done())
    }

    /// What comes next, from how everything ended.
    fn next_steps(
        &self,
        status: Status,
        inputs: &[OpenInput],
        former: &Former,
        several_machines: bool,
    ) -> Vec<NextStep> {
        let withheld: Vec<&Partition> = self
            .order
            .iter()
            .filter(|date| {
                self.late.contains_key(date)
                    || self
                        .dates
                        .get(date)
                        .is_none_or(|report| report.outcome == DoneOutcome::Withheld)
            })
            .collect();
        let command = without_output_options(&self.command_to_go_on());
        next_steps(&Situation {
            status,
            command: &command,
            uploads: self.uploads,
            missing: self
                .dates
                .values()
                .flat_map(|report| &report.missing)
                .collect(),
            waiting: if withheld.is_empty() {
                self.order.first().into_iter().collect()
            } else {
                withheld
            },
            problems: self
                .problems
                .iter()
                .filter(|(one, _)| *one == status)
                .map(|(_, why)| why.as_str())
                .collect(),
            inputs,
            closed: self.late.keys().filter(|date| self.is_done(date)).collect(),
            former,
            several_machines,
            zone: self.zone,
        })
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
