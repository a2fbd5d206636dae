//! `run`, the next step: the `run` itself, for the days that are left and with their dates.
//!
//! The `write` of one job would leave those undone that come after it, and "yesterday" means another
//! day tomorrow.

use super::run_plan::Plan;
use crate::cli::args::JobsArgs;
use crate::cli::dates::ranges;
use crate::domain::DataDate;
use crate::upload::event::DoneOutcome;
use crate::upload::report::{NextStep, Status, Summary};
use crate::upload::{carried_options, shell_word, without_output_options};
use std::collections::BTreeSet;

/// What is needed to name the command, noted before the plan is worked off.
pub(super) struct Again {
    /// The global options that were typed.
    carried: String,
    /// The job file, from wherever it is typed: what is read in a mail is typed in another directory.
    file: String,
    /// Jobs that were named; none stands for all.
    jobs: Vec<String>,
    /// Jobs of the file behind those that they come after.
    all_jobs: Vec<String>,
    days: BTreeSet<DataDate>,
    /// Whether a signal has left days without a word, so that all of them are named.
    is_cut: bool,
    /// The commands of the single uploads.
    uploads: BTreeSet<String>,
}

impl Again {
    pub(super) fn of(plan: &Plan, args: &JobsArgs, typed: &str) -> Self {
        let file = args.file.clone().unwrap_or_default();
        let absolute = std::path::absolute(&file).unwrap_or(file);
        let uploads = plan
            .errands
            .iter()
            .map(|errand| &errand.work.options.upload);
        Self {
            carried: carried_options(typed),
            file: shell_word(&absolute.display().to_string()),
            jobs: args.jobs.clone(),
            all_jobs: plan.topics.iter().map(|(job, ..)| job.clone()).collect(),
            days: uploads
                .clone()
                .flat_map(|upload| upload.dates.clone())
                .chain(plan.days.clone())
                .collect(),
            is_cut: false,
            uploads: uploads
                .map(|upload| without_output_options(&upload.run.command))
                .collect(),
        }
    }

    /// Whether the plan holds only some of the days.
    pub(super) const fn when_cut(mut self, is_cut: bool) -> Self {
        self.is_cut = is_cut;
        self
    }

    /// The command for all days that this run was asked for; 'status' names it in any directory.
    pub(super) fn all(&self) -> String {
        self.command(&self.days, &BTreeSet::new())
    }

    /// Puts the `run` in the place of every `write`, and behind what has to be done before it.
    /// `needed` are jobs that others wait for without their being part of this run.
    pub(super) fn name_in(&self, summary: &mut Summary, needed: &BTreeSet<String>) {
        if summary.status == Status::Success {
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
        let days = if left.is_empty() || self.is_cut {
            &self.days
        } else {
            &left
        };
        let again = self.command(days, needed);
        if summary.status == Status::Busy {
            let purpose = "when the other run has ended: does what that leaves, if anything";
            summary.next = vec![NextStep::new(again, purpose)];
            return;
        }
        let mut steps: Vec<NextStep> = Vec::new();
        let mut purpose = None;
        for step in std::mem::take(&mut summary.next) {
            if self.uploads.contains(&step.command) {
                purpose.get_or_insert(step.purpose);
            } else if !steps.iter().any(|known| known.command == step.command) {
                steps.push(step);
            }
        }
        let purpose = purpose.filter(|purpose| !purpose.is_empty());
        let goes_on = || NextStep::new(again.clone(), "goes on with all that is left");
        match purpose {
            _ if steps.is_empty() && summary.retryable => steps.push(goes_on()),
            // It may do more after the others, and nothing before them.
            Some(purpose) => steps.push(NextStep::new(again, purpose)),
            None if summary.retryable || steps.is_empty() => steps.insert(0, goes_on()),
            None => steps.push(NextStep::new(again, "then, with all that is left")),
        }
        summary.next = steps;
    }

    fn command(&self, days: &BTreeSet<DataDate>, needed: &BTreeSet<String>) -> String {
        let mut command = format!("{RUN}{}", self.file);
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
        command.push_str(&self.carried);
        command
    }
}

/// How such a command begins; the job file follows.
const RUN: &str = "byteair-sync run ";

/// Program, `run` and job file of a command of this form, for all jobs.
pub(super) fn run_of(command: &str) -> Option<String> {
    let file = command.strip_prefix(RUN)?;
    let end = if file.starts_with('\'') {
        file.find("' ").map(|end| end.saturating_add(1))
    } else {
        file.find(' ')
    };
    let file = file.get(..end.unwrap_or(file.len()))?;
    // Earlier versions wrote down what was typed, options first.
    (!file.starts_with('-')).then(|| format!("{RUN}{file}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_job_file_of_a_command_is_found() {
        for (command, run) in [
            (
                "byteair-sync run jobs.toml item --date 2022-01-01",
                "byteair-sync run jobs.toml",
            ),
            (
                "byteair-sync run 'my jobs.toml' item",
                "byteair-sync run 'my jobs.toml'",
            ),
            ("byteair-sync run jobs.toml", "byteair-sync run jobs.toml"),
        ] {
            assert_eq!(run_of(command).as_deref(), Some(run));
        }
        assert_eq!(run_of("byteair-sync run -q jobs.toml"), None);
        assert_eq!(run_of("byteair-sync write a"), None);
    }
}
