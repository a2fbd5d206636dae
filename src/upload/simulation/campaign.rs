//! Many schedules, one after the other, and what they came to.

use super::world::{Excuse, Happened, Tally, World};
use super::{Rules, Violation};
use crate::ledger::Gate;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What many schedules came to.
#[derive(Debug, Default)]
pub(super) struct Campaign {
    pub(super) schedules: u64,
    pub(super) tally: Tally,
    pub(super) done: u64,
    pub(super) done_unconfirmed: u64,
    pub(super) excused: BTreeMap<Excuse, u64>,
}

/// A schedule that broke a promise.
pub(super) struct Caught {
    pub(super) seed: u64,
    pub(super) violation: Violation,
}

impl Caught {
    /// The violation with all that led to it.
    pub(super) fn story(&self, rules: Rules) -> String {
        let mut world = World::new(self.seed, rules, true);
        let again = world.run();
        let mut story = format!("{:#?}\n", world.schedule);
        for line in world.history.unwrap_or_default() {
            let _ = writeln!(story, "{line}");
        }
        let _ = writeln!(story, "seed {}: {again:?}", self.seed);
        story
    }
}

impl Campaign {
    /// Runs the schedules of these seeds up to the first that breaks a promise.
    pub(super) fn run(
        &mut self,
        seeds: impl Iterator<Item = u64>,
        rules: Rules,
    ) -> Result<(), Caught> {
        for seed in seeds {
            self.schedules += 1;
            let mut world = World::new(seed, rules, false);
            world
                .run()
                .map_err(|violation| Caught { seed, violation })?;
            for (what, times) in &world.tally.0 {
                *self.tally.0.entry(*what).or_default() += times;
            }
            match (world.books.gate, world.excuse) {
                (Gate::Done, _) => self.done += 1,
                (Gate::DoneUnconfirmed, _) => self.done_unconfirmed += 1,
                (_, Some(excuse)) => *self.excused.entry(excuse).or_default() += 1,
                (_, None) => {}
            }
        }
        Ok(())
    }

    /// How often something happened.
    pub(super) fn times(&self, what: Happened) -> u64 {
        self.tally.0.get(&what).copied().unwrap_or_default()
    }

    /// The figures, as a table.
    pub(super) fn figures(&self) -> String {
        let mut text = format!(
            "{} schedules: {} done, {} done unconfirmed, rightly never done: {:?}\n",
            self.schedules, self.done, self.done_unconfirmed, self.excused
        );
        for (what, times) in &self.tally.0 {
            let _ = writeln!(text, "{times:>9}  {what:?}");
        }
        text
    }
}
