//! The steps of the streaming stage, which has no `done`, and of streams, which are no files.

use super::{OpenInput, Situation};
use crate::upload::command_line::stream_options;
use crate::upload::report::NextStep;

impl Situation<'_> {
    /// Accepts the loss of dead letters.
    pub(super) fn give_rejects_up(&self) -> String {
        let first = self.waiting.first();
        if first.is_some_and(|first| first.date().is_none()) {
            return self.about_date("rejects waive");
        }
        format!("{} --accept-rejects", self.about_date("done"))
    }

    /// The ways out of status 9 where the input is a stream: its records are gone, or its checkpoint was
    /// moved. What was read says which.
    pub(super) fn after_stream_change(&self) -> Option<Vec<NextStep>> {
        if let Some(steps) = self.after_torn_pipe() {
            return Some(steps);
        }
        if self.says("--out-of-range oldest") {
            return Some(vec![
                NextStep::new(
                    self.write_again("--out-of-range oldest"),
                    "goes on with the oldest record that is kept; those before it are lost",
                ),
                NextStep::new(
                    self.write_again("--out-of-range latest"),
                    "or with what is written from now on",
                ),
            ]);
        }
        let anew = ": was the stream deleted and made anew?";
        if let Some(problem) = self.problems.iter().find(|problem| problem.contains(anew)) {
            let partition = Consumer::in_problem(problem.split(": record ").next()?)?;
            return Some(vec![
                NextStep::new(
                    partition.checkpoint("delete", self.command),
                    "if the stream was made anew",
                ),
                NextStep::new(
                    self.write_again("--restart"),
                    "then reads it from its beginning",
                ),
            ]);
        }
        let mut moved = self.problems.iter();
        let (before, behind) =
            moved.find_map(|problem| problem.split_once(": the checkpoint was "))?;
        let partition = Consumer::in_problem(before)?;
        let ours = behind.rsplit_once("--sequence ")?.1;
        Some(vec![
            NextStep::new(
                format!(
                    "{} --sequence {ours}",
                    partition.checkpoint("commit", self.command)
                ),
                "puts the checkpoint back; then the same upload again",
            ),
            NextStep::new(
                self.write_again("--restart"),
                "or everything behind the checkpoint again; rows would be stored twice",
            ),
        ])
    }

    /// A pipe that ended within a row and came again whole: what is stored of it is not sent again.
    fn after_torn_pipe(&self) -> Option<Vec<NextStep>> {
        let line = self.problems.iter().find_map(|problem| {
            let (_, behind) = problem.split_once("'tail -n +")?;
            behind.split_once('\'').map(|(line, _)| line)
        })?;
        let torn: Vec<&OpenInput> = self.inputs.iter().filter(|it| it.is_at_fault).collect();
        let mut steps =
            self.drop_inputs(&torn, "forgets it; what was accepted stays on the platform");
        steps.push(NextStep::new(
            self.command,
            format!("then, piped in from line {line} on; of the whole, behavior rows would be stored twice"),
        ));
        Some(steps)
    }
}

/// Whose checkpoint a problem speaks of.
struct Consumer<'a> {
    stream: &'a str,
    app: &'a str,
    partition: &'a str,
}

impl<'a> Consumer<'a> {
    /// From a text that ends in the name of a partition.
    fn in_problem(text: &'a str) -> Option<Self> {
        let mut names = text.rsplit_once("dis://")?.1.splitn(3, '/');
        Some(Self {
            stream: names.next()?,
            app: names.next()?,
            partition: names.next()?,
        })
    }

    fn checkpoint(&self, what: &str, command: &str) -> String {
        let Self {
            stream,
            app,
            partition,
        } = self;
        let options = stream_options(command);
        format!(
            "byteair-sync checkpoint {what}{options} --stream {stream} --app {app} --partition {partition}"
        )
    }
}
