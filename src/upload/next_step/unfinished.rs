//! The steps of a date that is not complete: inputs that wait, vanished or grew.

use super::{MAX_NAMED, OpenInput, Situation};
use crate::ledger::Unmet;
use crate::upload::command_line::{has_option, names_file, shell_word};
use crate::upload::explain;
use crate::upload::report::NextStep;

impl Situation<'_> {
    /// What goes on with a date that is not complete.
    pub(super) fn after_unfinished(&self) -> Vec<NextStep> {
        let gate_only = !self.missing.is_empty()
            && self
                .missing
                .iter()
                .all(|missing| matches!(missing, Unmet::HeldBack | Unmet::DayNotOver));
        if gate_only {
            return self.release();
        }
        if self.lacks(|missing| {
            matches!(
                missing,
                Unmet::ForeignBatches(_) | Unmet::UndeterminedBatches(_)
            )
        }) {
            return vec![NextStep::new(
                self.write_again("--restart"),
                "everything again",
            )];
        }
        if self.lacks(|missing| matches!(missing, Unmet::OnlyDropped(_))) {
            return vec![
                NextStep::new(self.write_again(""), "what replaces the dropped input"),
                NextStep::new(
                    self.about_date("done --force"),
                    "or closes the date with the rows that are there",
                ),
            ];
        }
        let held_by_another = self.lacks(
            |missing| matches!(missing, Unmet::InputUnfinished { holder, .. } if !holder.is_empty()),
        );
        if held_by_another {
            return vec![NextStep::new(
                self.about_date("done"),
                "if the other run ends without it",
            )];
        }
        let at_fault: Vec<&OpenInput> = self.inputs.iter().filter(|i| i.is_at_fault).collect();
        if !at_fault.is_empty() {
            return self.after_open_inputs(&at_fault);
        }
        if self.lacks(|missing| matches!(missing, Unmet::UnconfirmedRows(_))) {
            return vec![NextStep::new(
                self.write_again("--unconfirmed accept"),
                "when the console shows the rows",
            )];
        }
        let named = self.inputs.iter().filter(|input| input.is_there);
        let named: Vec<&OpenInput> = named.collect();
        if self.uploads
            && self.lacks(|missing| matches!(missing, Unmet::BatchesPending(_)))
            && (1..=MAX_NAMED).contains(&named.len())
        {
            // The command did not name the input that a batch begins with.
            return vec![NextStep::new(self.write(&named), "")];
        }
        vec![NextStep::new(self.write_again(""), "")]
    }

    /// The upload of these, read as they were read before.
    fn write(&self, inputs: &[&OpenInput]) -> String {
        let (date, first) = (self.waiting.first(), inputs.first());
        let before = date.and_then(|date| self.former.upload_of(date));
        if let Some(command) = before.filter(|it| has_option(it, "--date-from-field")) {
            return command;
        }
        let mut command = self.about_date("write");
        if let (Some(date), Some(first)) = (date, first) {
            command.push_str(&self.former.reading_of(date, &first.name));
        }
        for input in inputs {
            command.push(' ');
            command.push_str(&shell_word(&input.name));
        }
        command
    }

    /// Inputs that this command did not bring to their end: it does not name them, or they vanished.
    fn after_open_inputs(&self, inputs: &[&OpenInput]) -> Vec<NextStep> {
        let (there, gone): (Vec<&OpenInput>, Vec<&OpenInput>) =
            inputs.iter().partition(|input| input.is_there);
        if inputs.len() > MAX_NAMED {
            return vec![NextStep::new(
                self.about_date("ledger show"),
                "lists the inputs; write them again, or ledger drop-input FILE",
            )];
        }
        let mut steps: Vec<NextStep> = gone.iter().filter_map(|it| it.spark_job()).collect();
        let is_of_spark = !steps.is_empty();
        if !there.is_empty() {
            steps.push(NextStep::new(self.write(&there), "uploads the rest of it"));
        }
        if !gone.is_empty() && !is_of_spark {
            steps.push(NextStep::new(
                self.write_again(""),
                "after putting the file back",
            ));
        }
        steps.extend(self.drop_inputs(
            inputs,
            "or goes on without it; what was accepted stays on the platform",
        ));
        steps
    }

    /// What is typed when an input is complete; one that grew after it was read is sent by an upload
    /// that reads it.
    pub(super) fn after_not_ready(&self) -> Vec<NextStep> {
        let grown = self
            .inputs
            .iter()
            .filter(|it| it.is_at_fault && it.is_there);
        let grown: Vec<&OpenInput> = grown.take(MAX_NAMED).collect();
        if grown.is_empty() || !self.says(explain::GREW_AFTERWARDS) {
            return vec![NextStep::new(self.command, "when the input is there")];
        }
        if self.says("ledger drop-input") {
            let purpose = "when its last row is complete; what was accepted stays on the platform";
            let mut steps = self.drop_inputs(&grown, purpose);
            steps.push(NextStep::new(self.write(&grown), "then, sends all of it"));
            return steps;
        }
        let is_named = |input: &OpenInput| names_file(self.command, &input.name);
        let command = if self.uploads && grown.iter().all(|input| is_named(input)) {
            self.command.to_owned()
        } else {
            self.write(&grown)
        };
        vec![NextStep::new(
            command,
            "when it is complete, sends the rest",
        )]
    }
}
