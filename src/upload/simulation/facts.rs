//! What the gate looks at, counted from the books, and the transaction that seals.

use super::Rules;
use super::books::{Batch, Books, Runner, Sealing, State};
use super::rows::id_of;
use crate::ledger::{Gate, GateFacts, RowCounts};

impl Books {
    /// Everything that the gate looks at, for a run that asks.
    pub(super) fn facts(&self, asking: Runner, day_over: bool) -> GateFacts {
        let mut facts = GateFacts {
            unfinished_inputs: Vec::new(),
            unverified_inputs: Vec::new(),
            unbalanced_inputs: Vec::new(),
            inputs: 0,
            intended_batches: self.count(State::Intended),
            foreign_batches: self.count(State::Foreign),
            undetermined_batches: self.count(State::Undetermined),
            unbalanced_batches: 0,
            rows: RowCounts::default(),
            open_rejects: self.open_rejects,
            open_undated: 0,
            last_done: None,
            day_over,
            held_back: self.held_back,
            guards: self.guards.clone(),
        };
        for index in 0..self.inputs.len() {
            self.count_input(index, asking, &mut facts);
        }
        for batch in &self.batches {
            match batch.state {
                State::Split => {}
                State::Settled => {
                    facts.rows.accepted += batch.counts[0];
                    facts.rows.unconfirmed += batch.counts[1];
                    facts.rows.refused += batch.counts[2];
                    let all: u64 = batch.counts.iter().sum();
                    facts.unbalanced_batches += u64::from(all != u64::from(batch.content.rows));
                }
                _ => facts.rows.pending += u64::from(batch.content.rows),
            }
        }
        facts
    }

    fn count(&self, state: State) -> u64 {
        let batches = self.batches.iter().filter(|batch| batch.state == state);
        u64::try_from(batches.count()).unwrap()
    }

    fn count_input(&self, index: usize, asking: Runner, facts: &mut GateFacts) {
        let input = &self.inputs[index];
        if !input.registered {
            return;
        }
        let name = format!("input {index}");
        facts.inputs += 1;
        if self.is_unfinished(index) {
            let holder = match input.lock {
                Some(other) if other != asking => format!("process {}", other.0),
                _ => String::new(),
            };
            if !input.read_to_end || !holder.is_empty() {
                facts.unfinished_inputs.push((name.clone(), holder));
            }
        }
        if !input.verified {
            facts.unverified_inputs.push(name.clone());
        }
        let rows_in = |batch: &Batch| -> u64 {
            let pieces = batch.content.pieces.iter();
            let own = pieces.filter(|piece| piece.input == id_of(index));
            own.map(|piece| u64::from(piece.rows)).sum()
        };
        let live = self.batches.iter().filter(|b| b.state != State::Split);
        let batched: u64 = live.map(rows_in).sum();
        if input.read_to_end && input.read != input.invalid + batched {
            facts.unbalanced_inputs.push(name);
        }
        facts.rows.read += input.read;
        facts.rows.invalid += input.invalid;
    }

    /// The transaction of the gate.
    pub(super) fn seal(&mut self, runner: Runner, day_over: bool, rules: &Rules) -> Sealing {
        match self.gate {
            Gate::Done | Gate::DoneUnconfirmed => return Sealing::Already,
            Gate::Refused => return Sealing::Refused,
            Gate::Open | Gate::Sealed => {}
        }
        if self.lock.is_some_and(|holder| holder != runner) {
            return Sealing::Busy;
        }
        if self.gate == Gate::Open {
            let missing = (rules.gate)(&self.facts(runner, day_over));
            if !missing.is_empty() {
                return Sealing::Withheld(missing);
            }
            self.gate = Gate::Sealed;
        } else {
            self.done_unknown = (rules.found)(self.done_unknown);
        }
        self.lock = Some(runner);
        Sealing::Sealed
    }
}
