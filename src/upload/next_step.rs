//! What a person can type after a run, for each way in which it can end.
//!
//! Pure: the situation in, commands out, the likeliest first, each complete with absolute dates and
//! the global options that were typed. Nothing is decided here and nothing is looked up.

use super::command_line::{
    carried_options, has_option, reading_options, shell_word, with_option, without_flag,
};
use super::done::REFUSED_DATE;
use super::explain;
use super::former::Former;
use super::late_input;
use super::machines;
use super::report::{NextStep, Status};
use super::spark::{spark_job_again, upload_from_spark};
use crate::domain::{Partition, Zone};
use crate::ledger::Unmet;

/// Most inputs that are named one by one; of more the ledger's list is shown.
const MAX_NAMED: usize = 3;

/// An input of a date that is not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenInput {
    /// Path, or the name of a stream.
    pub(super) name: String,
    /// Whether it can be read now; a stream cannot.
    pub(super) is_there: bool,
    /// Whether the run's problems speak of it.
    pub(super) is_at_fault: bool,
    /// Whether it holds corrections of rejected rows that are not all sent.
    pub(super) is_replay: bool,
}

impl OpenInput {
    /// What goes on with an upload from Spark.
    fn spark_job(&self) -> Option<NextStep> {
        upload_from_spark(&self.name).map(spark_job_again)
    }
}

/// How a run ended, as far as it matters for what comes next.
pub(super) struct Situation<'a> {
    /// Its exit status.
    pub(super) status: Status,
    /// What was typed.
    pub(super) command: &'a str,
    /// Whether that was `write`; otherwise it was `done`.
    pub(super) uploads: bool,
    /// The dates whose `done` was withheld, or the first one that was asked for.
    pub(super) waiting: Vec<&'a Partition>,
    /// What is missing for them.
    pub(super) missing: Vec<&'a Unmet>,
    /// What went wrong with this status.
    pub(super) problems: Vec<&'a str>,
    /// Inputs of those dates that are not finished.
    pub(super) inputs: &'a [OpenInput],
    /// Dates that take no rows any more and have inputs left.
    pub(super) closed: Vec<&'a Partition>,
    /// The uploads that were typed before.
    pub(super) former: &'a Former,
    /// Some of the dates are held back for other machines.
    pub(super) several_machines: bool,
    /// The zone in which days end.
    pub(super) zone: Zone,
}

/// What can be typed next; empty when nothing is left to do.
pub(super) fn next_steps(situation: &Situation<'_>) -> Vec<NextStep> {
    let mut steps = steps_of(situation);
    if situation.several_machines {
        steps.iter_mut().for_each(machines::ask_others);
    }
    steps
}

fn steps_of(situation: &Situation<'_>) -> Vec<NextStep> {
    let again = |purpose: &str| vec![NextStep::new(situation.command, purpose)];
    match situation.status {
        Status::Success if situation.is_held() => situation.release(),
        Status::RowsRejected | Status::Unfinished if situation.replay().is_some() => {
            situation.replay().into_iter().collect()
        }
        // Nothing is left to do, or nothing that one can type helps.
        Status::Success | Status::Busy | Status::Unexpected | Status::Usage => Vec::new(),
        Status::RowsRejected => situation.after_rejects(),
        Status::BadInput => situation.after_bad_input(),
        Status::Refused => situation.after_refusal(),
        Status::Nothing => situation.after_nothing(),
        Status::InputChanged => situation.after_change(),
        Status::Unfinished => situation.after_unfinished(),
        Status::NotReady => situation.after_not_ready(),
        Status::Unauthorized => again("when credentials and clock are right"),
        Status::Interrupted | Status::Terminated | Status::Temporary => again(""),
    }
}

impl Situation<'_> {
    fn is_held(&self) -> bool {
        !self.waiting.is_empty() && !self.missing.is_empty()
    }

    fn lacks(&self, kind: fn(&Unmet) -> bool) -> bool {
        self.missing.iter().any(|missing| kind(missing))
    }

    fn says(&self, words: &str) -> bool {
        self.problems.iter().any(|problem| problem.contains(words))
    }

    /// A command about the first date that waits.
    fn about_date(&self, words: &str) -> String {
        let date = self.waiting.first().map(|date| arguments_of(date));
        self.compose(words, &date.unwrap_or_default())
    }

    /// The dates that are closed; where none is known, only the problem names one.
    fn arguments_of_reopen(&self) -> String {
        if let Some(first) = self.closed.first() {
            return arguments_of_all(first, &self.closed);
        }
        if let Some(date) = self.waiting.first() {
            return arguments_of(date);
        }
        let named = self.problems.iter().find_map(|problem| {
            let (_, behind) = problem.split_once("'byteair-sync ledger reopen")?;
            behind.split_once('\'').map(|(arguments, _)| arguments)
        });
        named.unwrap_or_default().to_owned()
    }

    fn compose(&self, words: &str, arguments: &str) -> String {
        let carried = carried_options(self.command);
        format!("byteair-sync {words}{carried}{arguments}")
    }

    /// The upload once more: what was typed, or what `done` can know of it.
    fn write_again(&self, option: &str) -> String {
        if self.uploads {
            return with_option(self.command, option);
        }
        let first = self.waiting.first();
        if let Some(command) = first.and_then(|date| self.former.upload_of(date)) {
            return with_option(&command, option);
        }
        if let Some(job) = self.inputs.iter().find_map(OpenInput::spark_job) {
            return job.command;
        }
        let mut command = with_option(&self.about_date("write"), option);
        let names: Vec<&OpenInput> = self.inputs.iter().filter(|input| input.is_there).collect();
        if names.is_empty() || names.len() > MAX_NAMED {
            command.push_str(" PATH...");
        }
        for input in names
            .iter()
            .take(MAX_NAMED)
            .filter(|_| names.len() <= MAX_NAMED)
        {
            command.push(' ');
            command.push_str(&shell_word(&input.name));
        }
        command
    }

    /// `done` for all dates that wait, one command for each topic and stage.
    fn release(&self) -> Vec<NextStep> {
        let purpose = match self.waiting.iter().filter_map(|date| date.date()).max() {
            Some(day) if self.lacks(|missing| matches!(missing, Unmet::DayNotOver)) => {
                format!("after {}", explain::end_of_day(day, self.zone))
            }
            _ if self.lacks(|missing| matches!(missing, Unmet::NotNamed)) => {
                "sends done for these dates".to_owned()
            }
            _ => machines::HELD_BACK.to_owned(),
        };
        self.done_of(self.waiting.clone(), "", &purpose)
    }

    /// `done` for some dates, one command for each topic and stage.
    fn done_of(&self, mut rest: Vec<&Partition>, option: &str, purpose: &str) -> Vec<NextStep> {
        let mut steps: Vec<NextStep> = Vec::new();
        while let Some(first) = rest.first().copied() {
            let (same, others) = rest.into_iter().partition(|date: &&Partition| {
                date.topic == first.topic && date.stage.kind() == first.stage.kind()
            });
            rest = others;
            let same: Vec<&Partition> = same;
            let arguments = arguments_of_all(first, &same) + option;
            steps.push(NextStep::new(self.compose("done", &arguments), purpose));
        }
        steps
    }

    /// `done` of the dates that another machine may have sent it for; likely where they are held back
    /// for others.
    fn done_of_another_machine(&self) -> Vec<NextStep> {
        let dates = self.waiting.iter().copied();
        let is_told = |date: &&Partition| self.says(&machines::done_elsewhere(date));
        let dates = dates.filter(|_| self.several_machines).filter(is_told);
        self.done_of(
            dates.collect(),
            machines::REPORT_OF_DONE,
            "if another machine has sent it: its --report puts that on record here",
        )
    }

    fn after_rejects(&self) -> Vec<NextStep> {
        let mut steps = vec![NextStep::new(
            self.about_date("rejects list"),
            if self.uploads {
                "what was refused, and why"
            } else {
                "what was refused, and why; rejects export and replay correct it"
            },
        )];
        let too_many = self.missing.iter().find_map(|missing| match missing {
            Unmet::TooManyRejects { open, .. } => Some(*open),
            _ => None,
        });
        if self.lacks(|missing| matches!(missing, Unmet::EverythingRejected)) {
            steps.push(NextStep::new(
                self.write_again("--restart"),
                "when the rows are right",
            ));
        } else if let Some(open) = too_many {
            // Who types the lines in their order loses nothing before the last one.
            if self.uploads {
                let read = reading_options(self.command);
                let export = self.about_date("rejects export") + " --output rejects.out" + &read;
                steps.push(NextStep::new(
                    export,
                    "writes them out to be corrected; then rejects replay",
                ));
            }
            if self.uploads && !has_option(self.command, "--max-errors") {
                steps.push(NextStep::new(
                    self.write_again(&format!("--max-errors {open}")),
                    "or allows so many of them",
                ));
            }
            steps.push(NextStep::new(
                self.give_rejects_up(),
                if self.uploads {
                    "or gives those rows up for good"
                } else {
                    "gives those rows up for good"
                },
            ));
        } else {
            steps.push(NextStep::new(self.write_again(""), "reads on"));
        }
        steps
    }

    fn after_bad_input(&self) -> Vec<NextStep> {
        let mut steps = Vec::new();
        if self.says("--format csv") && !has_option(self.command, "--format") {
            steps.push(NextStep::new(
                self.write_again("--format csv"),
                "if it is CSV",
            ));
        }
        if let Some(option) = self.delimiter_guessed() {
            steps.push(NextStep::new(
                self.write_again(&option),
                "if that is the delimiter",
            ));
        }
        let purpose = if self.says(explain::CUT_OFF) {
            "with the same stream piped in again, whole"
        } else if self.says("not UTF-8") {
            "with --encoding gbk if the file is Chinese and comes from Excel, or when it is UTF-8"
        } else if self.says("--delimiter and --columns") {
            "with the right --delimiter or --columns"
        } else {
            "when the export is right"
        };
        steps.push(NextStep::new(self.write_again(""), purpose));
        steps
    }

    /// `--delimiter ';'`, where a problem has a guess.
    fn delimiter_guessed(&self) -> Option<String> {
        let after = |it: &&str| Some(it.split_once("perhaps --delimiter '")?.1.to_owned());
        let rest = self.problems.iter().find_map(after)?;
        let (delimiter, _) = rest.split_once('\'')?;
        Some(format!("--delimiter '{delimiter}'"))
    }

    fn after_refusal(&self) -> Vec<NextStep> {
        if self.says(late_input::NOT_ANEW) {
            let plain = without_flag(self.command, "--restart");
            return vec![NextStep::new(
                plain,
                "asks for the done that is under way again",
            )];
        }
        if self.says("ledger reopen") {
            let mut steps = self.done_of_another_machine();
            steps.push(NextStep::new(
                self.compose("ledger reopen", &self.arguments_of_reopen()),
                "after a re-sync of the date in the console",
            ));
            steps.push(NextStep::new(
                self.write_again(""),
                "then, with all inputs of the date",
            ));
            return steps;
        }
        if self.says(explain::GAVE_UP_LOOKING) {
            return self.after_many_at_fault();
        }
        if self.says(REFUSED_DATE) {
            return vec![
                NextStep::new(self.about_date("ledger show"), "what the platform answered"),
                NextStep::new(
                    self.write_again(""),
                    "when the option or the console is put right",
                ),
            ];
        }
        vec![NextStep::new(
            self.command,
            "when the option or the console is put right",
        )]
    }

    fn after_nothing(&self) -> Vec<NextStep> {
        if self.uploads {
            vec![
                NextStep::new(self.command, "when the export has rows"),
                NextStep::new(
                    self.write_again("--allow-empty"),
                    "or marks the empty date done",
                ),
            ]
        } else {
            vec![NextStep::new(
                self.write_again("--allow-empty"),
                "marks the empty date done",
            )]
        }
    }

    fn drop_inputs(&self, inputs: &[&OpenInput], purpose: &str) -> Vec<NextStep> {
        inputs
            .iter()
            .take(MAX_NAMED)
            .map(|input| {
                let file = format!(" {}", shell_word(&input.name));
                NextStep::new(self.compose("ledger drop-input", &file), purpose)
            })
            .collect()
    }
}

/// The dates of one topic and stage in one command.
fn arguments_of_all(first: &Partition, dates: &[&Partition]) -> String {
    let days = dates.iter().filter_map(|date| date.date());
    let days: Vec<String> = days.map(|day| day.to_string()).collect();
    format!(
        " --topic {} --stage {} --date {}",
        first.topic,
        first.stage.kind(),
        days.join(",")
    )
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

mod change;
mod replay;
mod stream;
mod unfinished;

#[cfg(test)]
mod tests;
