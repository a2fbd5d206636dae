//! The promises, checked against the platform's own record and the inputs as they are.
//!
//! Nothing here looks at how the client came to its opinion.

use super::Violation;
use super::books::State;
use super::platform::Platform;
use super::rows::{Content, Row, Taste, index_of};
use super::world::{Excuse, World};
use crate::ledger::BatchId;

impl World {
    /// `done` is about to leave.
    pub(super) fn check_done_leaves(&self) -> Result<(), Violation> {
        let early = |why: String| Err(Violation::EarlyDone(why));
        if self.now < self.schedule.day_over {
            return early("the day is not over".to_owned());
        }
        if self.now < self.schedule.held_until {
            return early("it is held back".to_owned());
        }
        let registered = |index: &usize| self.books.inputs[*index].registered;
        let inputs: Vec<usize> = (0..self.inputs.len()).filter(registered).collect();
        let expected = self.schedule.guards.expect_files;
        if expected.is_some_and(|files| files != u64::try_from(inputs.len()).unwrap()) {
            return early("an expected input is missing".to_owned());
        }
        for input in inputs {
            if let Some(row) = first_missing(&self.inputs[input], input, &self.platform) {
                return early(format!("row {row} is missing"));
            }
        }
        let budget = self.schedule.guards.max_errors;
        if !budget.allows(self.told_refused, u64::MAX) {
            return early(format!("{} rows were refused", self.told_refused));
        }
        Ok(())
    }

    /// A batch is about to leave.
    pub(super) fn check_rows_leave(&self) -> Result<(), Violation> {
        if self.platform.dones.is_empty() {
            return Ok(());
        }
        Err(Violation::RowsAfterDone("a batch left".to_owned()))
    }

    /// A batch arrives, perhaps long after its sender is gone.
    pub(super) fn check_rows_arrive(&self, rows: &[Row]) -> Result<(), Violation> {
        match rows.iter().find(|row| !self.platform.has(&row.row)) {
            Some(row) if !self.platform.dones.is_empty() => {
                Err(Violation::RowsAfterDone(row.row.clone()))
            }
            _ => Ok(()),
        }
    }

    /// A batch was taken in.
    pub(super) fn check_stored_once(&self, rows: &[Row]) -> Result<(), Violation> {
        let times = |row: &Row| self.platform.stored.get(&row.row).copied().unwrap_or(0);
        match rows.iter().find(|row| times(row) > 1) {
            Some(row) => Err(Violation::StoredTwice(row.row.clone())),
            None => Ok(()),
        }
    }

    /// The books hold a batch for settled.
    pub(super) fn check_settled(&self, id: BatchId) -> Result<(), Violation> {
        let batch = &self.books.batches[usize::try_from(id.0).unwrap()];
        if batch.state != State::Settled {
            return Ok(());
        }
        for piece in &batch.content.pieces {
            let input = index_of(piece.input);
            let content = &self.inputs[input];
            for record in piece.first_record..=piece.last_record {
                let name = content.name(input, record);
                if content.taste(record) != Taste::Invalid && !self.platform.has(&name) {
                    return Err(Violation::RowLost(name));
                }
            }
        }
        Ok(())
    }

    /// Virtual time is over.
    pub(super) fn check_end(&mut self) -> Result<(), Violation> {
        if self.set_up_suspected && !self.books.has_accepted() {
            self.excuse.get_or_insert(Excuse::SetUpSuspected);
        }
        let is_done = self.books.gate.is_done();
        if is_done && self.platform.dones.is_empty() {
            return Err(Violation::DoneLost);
        }
        if is_done || self.excuse.is_some() {
            return Ok(());
        }
        let pending: Vec<usize> = (0..self.inputs.len())
            .filter(|input| self.books.is_unfinished(*input))
            .collect();
        Err(Violation::NotDone(format!(
            "{:?}, unfinished inputs {pending:?}",
            self.books.gate
        )))
    }
}

fn first_missing(content: &Content, input: usize, platform: &Platform) -> Option<String> {
    (1..=content.records())
        .filter(|record| content.taste(*record) != Taste::Invalid)
        .map(|record| content.name(input, record))
        .find(|name| !platform.has(name))
}
