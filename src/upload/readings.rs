//! Inputs whose rows say their dates, and for which days each of them is read.
//!
//! An input that was begun for some days is gone on with for these, whatever days are named now: so
//! nothing of it is left out, and nothing sent twice. Most inputs are read for the days of the
//! command; what is read for others is read after them, by itself.

use super::plan::PlannedInput;
use crate::domain::DataDate;
use crate::input::{DateField, InputSettings};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An input whose rows say their dates.
pub(super) struct SharedInput {
    /// The input.
    pub(super) input: PlannedInput,
    /// The dates that it may have rows of.
    pub(super) days: BTreeSet<DataDate>,
    /// Those of them that are open. An input that is read to its end may have batches left for some
    /// of its dates while others are done.
    pub(super) open: BTreeSet<DataDate>,
    /// The days that are named for it, if these are not those of the command.
    pub(super) named: Option<BTreeSet<DataDate>>,
}

/// Inputs that are read for the same days.
pub(super) struct Reading {
    /// How.
    pub(super) settings: InputSettings,
    /// What.
    pub(super) inputs: Vec<PlannedInput>,
}

impl SharedInput {
    /// The days of which rows are taken, if these are not those of the command.
    pub(super) fn takes(&self) -> Option<&BTreeSet<DataDate>> {
        let is_read_otherwise = self.named.is_some() && !self.input.finished;
        is_read_otherwise.then_some(&self.open)
    }

    /// By what its dates are known from now on.
    pub(super) fn date_options(&self, field: Option<&Arc<DateField>>) -> Option<u128> {
        let field = field?;
        Some(match &self.named {
            None => field.digest(),
            Some(days) => field.naming(days.iter().copied()).digest(),
        })
    }
}

impl Reading {
    /// What is to be read, in the order of the inputs: first what is read for the days of the command,
    /// be it nothing.
    pub(super) fn of(shared: Vec<SharedInput>, settings: &InputSettings) -> Vec<Self> {
        let new = |settings| Self {
            settings,
            inputs: Vec::new(),
        };
        let mut readings = vec![new(settings.clone())];
        let mut last = None;
        for it in shared {
            let takes = it.takes().cloned();
            if takes != last {
                readings.push(new(for_days(settings, takes.iter().flatten().copied())));
                last = takes;
            }
            if let Some(reading) = readings.last_mut() {
                reading.inputs.push(it.input);
            }
        }
        readings
    }

    /// The dates whose rows are taken, of those of the run.
    pub(super) fn dates(&self, all: &BTreeMap<DataDate, usize>) -> BTreeMap<DataDate, usize> {
        let field = self.settings.date_field.as_ref();
        let wanted = field.and_then(|field| field.wanted.as_ref());
        let is_wanted = |day: &DataDate| wanted.is_none_or(|days| days.binary_search(day).is_ok());
        let dates = all.iter().filter(|(day, _)| is_wanted(day));
        dates.map(|(day, index)| (*day, *index)).collect()
    }
}

fn for_days(settings: &InputSettings, days: impl Iterator<Item = DataDate>) -> InputSettings {
    let field = settings.date_field.as_ref();
    InputSettings {
        date_field: field.map(|field| Arc::new(field.naming(days))),
        ..settings.clone()
    }
}
