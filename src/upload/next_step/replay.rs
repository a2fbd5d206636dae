//! The steps of a date whose rows are corrected, or whose corrections are on their way.

use super::{Situation, reading_options, shell_word};
use crate::upload::report::NextStep;

impl Situation<'_> {
    /// The replay that goes on: nothing else completes the date while its rows are not all sent.
    pub(super) fn replay(&self) -> Option<NextStep> {
        let replay = self
            .inputs
            .iter()
            .find(|input| input.is_replay && input.is_there)?;
        let command = self.about_date("rejects replay");
        let file = shell_word(&replay.name);
        let purpose = "sends the rest of the corrections";
        Some(NextStep::new(format!("{command} {file}"), purpose))
    }

    /// More rows are at fault than one run looks for.
    pub(super) fn after_many_at_fault(&self) -> Vec<NextStep> {
        let export = self.about_date("rejects export") + " --output rejects.out";
        vec![
            NextStep::new(
                self.command,
                "when the table definition is right, or to find more of the rows at fault",
            ),
            NextStep::new(
                export + &reading_options(self.command),
                "writes those found, to be corrected; then rejects replay",
            ),
        ]
    }
}
