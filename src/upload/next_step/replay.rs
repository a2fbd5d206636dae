//! The step of a date whose corrections are on their way.

use super::{Situation, shell_word};
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
}
