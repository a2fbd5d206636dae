//! The dates of inputs that cannot be uploaded: what the ledger has of them is told all the same.

use super::Scopes;
use crate::domain::Partition;
use crate::ledger::{Gate, KnownPartition, LedgerError, PartitionId};
use crate::upload::late_input::is_closed;
use crate::upload::plan::{Action, PlannedDate};
use crate::upload::recorded::names;
use crate::upload::report::Status;
use crate::upload::summary::shorten;

impl Scopes<'_> {
    /// The dates that were named, or else those of the inputs that the problem speaks of.
    pub(super) fn not_uploaded(
        &self,
        status: Status,
        problem: &str,
    ) -> Result<Vec<PlannedDate>, LedgerError> {
        let concerned = self.concerned(problem)?;
        let dates = self
            .known
            .dates
            .iter()
            .filter(|date| !self.all.settings.dates.is_empty() || concerned.contains(&date.id));
        let planned = |date: &KnownPartition| {
            let reason = (status, problem.to_owned());
            let (action, late) = if date.gate.is_done() {
                let unconfirmed = date.gate == Gate::DoneUnconfirmed;
                (Action::AlreadyDone { unconfirmed }, Some(reason))
            } else {
                (Action::Fail(reason.0, reason.1), None)
            };
            PlannedDate {
                partition: date.partition.clone(),
                action,
                late,
            }
        };
        Ok(dates.map(planned).collect())
    }

    fn concerned(&self, problem: &str) -> Result<Vec<PartitionId>, LedgerError> {
        let mut concerned = Vec::new();
        let inputs = self.known.inputs.iter();
        for input in inputs.filter(|input| names(problem, &input.name)) {
            if let Some(reader) = self.all.ledger {
                concerned.extend(reader.dates_of(input.id)?);
            }
        }
        Ok(concerned)
    }

    /// A problem with one closed date is one with all of them: each has to be opened again.
    pub(super) fn of_all_closed(&self, dates: &[PlannedDate], problem: String) -> String {
        let closed = self.known.dates.iter().filter(|date| is_closed(date));
        let of_command = |it: &Partition| dates.iter().any(|date| date.partition == *it);
        let others: Vec<String> = closed
            .map(|date| &date.partition)
            .filter(|date| of_command(date) && !problem.contains(&date.to_string()))
            .filter_map(Partition::date)
            .map(|day| day.to_string())
            .collect();
        if others.is_empty() || !problem.starts_with("late_input") {
            return problem;
        }
        format!("{problem}. The same goes for {}", shorten(&others))
    }
}
