//! `run`, the next step: the `run` itself, for the days that are left and with their dates.
//!
//! The `write` of one job would leave those undone that come after it, and "yesterday" means another
//! day tomorrow.

use super::run_plan::Plan;
use crate::cli::args::JobsArgs;
use crate::domain::DataDate;
use crate::upload::event::DoneOutcome;
use crate::upload::report::{NextStep, Status, Summary};
use crate::upload::{carried_options, shell_word};
use std::collections::BTreeSet;

/// What is needed to name the command, noted before the plan is worked off.
pub(super) struct Again {
    /// Program, `run`, and the global options that were typed.
    beginning: String,
    file: String,
    /// Jobs that were named; none stands for all.
    jobs: Vec<String>,
    /// Jobs of the file behind those that they come after.
    all_jobs: Vec<String>,
    days: BTreeSet<DataDate>,
    /// The commands of the single uploads.
    uploads: BTreeSet<String>,
}

impl Again {
    pub(super) fn of(plan: &Plan, args: &JobsArgs, typed: &str) -> Self {
        let file = args.file.as_deref().map(std::path::Path::display);
        let uploads = plan
            .errands
            .iter()
            .map(|errand| &errand.work.options.upload);
        Self {
            beginning: format!("byteair-sync run{}", carried_options(typed)),
            file: file.map_or_else(String::new, |file| shell_word(&file.to_string())),
            jobs: args.jobs.clone(),
            all_jobs: plan.topics.iter().map(|(job, ..)| job.clone()).collect(),
            days: uploads
                .clone()
                .flat_map(|upload| upload.dates.clone())
                .collect(),
            uploads: uploads.map(|upload| upload.run.command.clone()).collect(),
        }
    }

    /// The command for all days that this run was asked for.
    pub(super) fn all(&self) -> String {
        self.command(&self.days, &BTreeSet::new())
    }

    /// Puts the `run` in the place of every `write`, and behind what has to be done before it.
    /// `needed` are jobs that others wait for without their being part of this run.
    pub(super) fn name_in(&self, summary: &mut Summary, needed: &BTreeSet<String>) {
        if matches!(summary.status, Status::Success | Status::Busy) {
            return;
        }
        let left: BTreeSet<DataDate> = summary
            .partitions
            .iter()
            .filter(|report| {
                matches!(report.done, DoneOutcome::Withheld | DoneOutcome::Unknown)
                    || report.rows_pending > 0
            })
            .filter_map(|report| report.partition.date())
            .collect();
        let again = self.command(if left.is_empty() { &self.days } else { &left }, needed);
        let mut steps: Vec<NextStep> = Vec::new();
        if summary.retryable {
            steps.push(NextStep::new(
                again.clone(),
                "goes on with all that is left",
            ));
        }
        for step in std::mem::take(&mut summary.next) {
            let step = if self.uploads.contains(&step.command) {
                NextStep::new(again.clone(), step.purpose)
            } else {
                step
            };
            if !steps.iter().any(|known| known.command == step.command) {
                steps.push(step);
            }
        }
        if !steps.iter().any(|step| step.command == again) {
            let purpose = if steps.is_empty() {
                "goes on with all that is left"
            } else {
                "then, with all that is left"
            };
            steps.push(NextStep::new(again, purpose));
        }
        summary.next = steps;
    }

    fn command(&self, days: &BTreeSet<DataDate>, needed: &BTreeSet<String>) -> String {
        let mut command = format!("{} {}", self.beginning, self.file);
        let is_meant = |job: &&String| self.jobs.contains(job) || needed.contains(*job);
        if !self.jobs.is_empty() {
            for job in self.all_jobs.iter().filter(is_meant) {
                command.push(' ');
                command.push_str(job);
            }
        }
        if !days.is_empty() {
            command.push_str(" --date ");
            command.push_str(&ranges(days));
        }
        command
    }
}

/// Days as one types them: `2022-01-01..2022-01-31,2022-03-01`.
pub(super) fn ranges(days: &BTreeSet<DataDate>) -> String {
    let mut runs: Vec<(DataDate, DataDate)> = Vec::new();
    for day in days {
        match runs.last_mut() {
            Some((_, last)) if day.previous() == Some(*last) => *last = *day,
            _ => runs.push((*day, *day)),
        }
    }
    let texts: Vec<String> = runs
        .iter()
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}..{last}")
            }
        })
        .collect();
    texts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_in_a_row_are_a_range() {
        let days = ["2022-01-31", "2022-02-01", "2022-02-02", "2022-02-04"];
        let days: BTreeSet<DataDate> = days.iter().map(|day| day.parse().unwrap()).collect();
        assert_eq!(ranges(&days), "2022-01-31..2022-02-02,2022-02-04");
        assert_eq!(ranges(&BTreeSet::new()), "");
    }
}
