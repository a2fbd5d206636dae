//! The steps of an input that is not what was uploaded of it.

use super::{OpenInput, Situation};
use crate::upload::explain;
use crate::upload::report::NextStep;

impl Situation<'_> {
    /// The three ways out of status 9, of which a stream has others.
    pub(super) fn after_change(&self) -> Vec<NextStep> {
        if let Some(steps) = self.after_stream_change() {
            return steps;
        }
        let mut steps = vec![self.as_it_was()];
        let changed: Vec<&OpenInput> = self.inputs.iter().filter(|i| i.is_at_fault).collect();
        steps.extend(self.drop_inputs(
            &changed,
            "or forgets it; what was accepted stays on the platform",
        ));
        if !self.says(explain::CORRECTIONS) {
            steps.push(NextStep::new(
                self.write_again("--restart"),
                "or everything again; behavior rows would be stored twice",
            ));
        }
        steps
    }

    /// The command once more, or that of before when it was another one that changed.
    fn as_it_was(&self) -> NextStep {
        let first = self.waiting.first();
        let before = first.and_then(|date| self.former.upload_of(date));
        match before.filter(|_| self.says("it is read with other options that change rows")) {
            Some(before) => NextStep::new(before, "with the options of before"),
            None if self.says("; pipe in the ") => NextStep::new(
                self.command,
                "with the whole stream piped in again, as it was",
            ),
            None => NextStep::new(
                self.command,
                "after putting the file back as it was, or with the options of before",
            ),
        }
    }
}
