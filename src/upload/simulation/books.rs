//! The committed books: what the ledger would have on disk.
//!
//! Every change is one transaction of the real ledger with the same conditions; a change that the
//! ledger would refuse is an error here too. That the ledger does what such a model does is held by
//! its own model test.

use super::rows::id_of;
use crate::domain::{Epoch, Generation, Guards};
use crate::ledger::{BatchId, DoneSettlement, Gate, NewBatch, Settlement, Unmet};
use crate::upload::life::Note;

/// A process in its run of that number.
pub(super) type Runner = (usize, u32);

/// A batch in its life.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) content: NewBatch,
    pub(super) generation: Generation,
    pub(super) unknown: bool,
    pub(super) refusal_seen: bool,
    pub(super) state: State,
    /// Accepted, unconfirmed, refused.
    pub(super) counts: [u64; 3],
}

/// Where a batch is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Intended,
    Settled,
    Foreign,
    Undetermined,
    Split,
}

/// An input.
#[derive(Debug, Clone, Default)]
pub(super) struct Input {
    pub(super) registered: bool,
    /// Records read, and those among them that are no rows.
    pub(super) read: u64,
    pub(super) invalid: u64,
    pub(super) read_to_end: bool,
    pub(super) verified: bool,
    /// The run that reads it, until that ends in good order.
    pub(super) run: Option<Runner>,
    /// Who holds its lock; a lock is let go by death too.
    pub(super) lock: Option<Runner>,
}

/// All of it.
pub(super) struct Books {
    pub(super) inputs: Vec<Input>,
    pub(super) batches: Vec<Batch>,
    pub(super) gate: Gate,
    pub(super) epoch: Epoch,
    pub(super) done_generation: Generation,
    pub(super) done_unknown: bool,
    pub(super) held_back: bool,
    pub(super) open_rejects: u64,
    pub(super) guards: Guards,
    /// Who seals or sends `done`.
    pub(super) lock: Option<Runner>,
}

/// What was cut from the inputs.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    /// Input, first and last record.
    pub(super) stretches: Vec<(usize, u64, u64)>,
    /// Records among them that are no rows, one number a stretch.
    pub(super) invalid: Vec<u64>,
    /// Inputs whose end was reached.
    pub(super) finished: Vec<usize>,
    /// The batch, when there is a row.
    pub(super) batch: Option<NewBatch>,
}

/// What came of the wish to seal.
pub(super) enum Sealing {
    Sealed,
    Already,
    Withheld(Vec<Unmet>),
    Refused,
    Busy,
}

impl Books {
    /// The batch of a number.
    pub(super) fn batch(&mut self, id: BatchId) -> &mut Batch {
        let index = usize::try_from(id.0).unwrap();
        &mut self.batches[index]
    }

    /// Whether a batch was accepted, as far as can be known.
    pub(super) fn has_accepted(&self) -> bool {
        let mut batches = self.batches.iter();
        batches.any(|batch| batch.counts[0] + batch.counts[1] > 0)
    }

    /// Whether a batch with rows of the input is not settled.
    pub(super) fn is_unsettled(&self, input: usize) -> bool {
        let of_input = |batch: &&Batch| {
            let mut pieces = batch.content.pieces.iter();
            pieces.any(|piece| piece.input == id_of(input))
        };
        let mut intended = self.batches.iter().filter(|b| b.state == State::Intended);
        intended.any(|batch| of_input(&batch))
    }

    /// Whether something is left to do for an input.
    pub(super) fn is_unfinished(&self, input: usize) -> bool {
        !self.inputs[input].read_to_end || self.is_unsettled(input)
    }

    /// Registers the inputs of a run; those with a time stamp that is not the known one are to be
    /// compared. False when one comes too late.
    pub(super) fn register(
        &mut self,
        runner: Runner,
        inputs: &[usize],
        touched: Option<usize>,
        found: fn(bool) -> bool,
    ) -> bool {
        let is_work = |input: &&usize| self.is_unfinished(**input) || touched == Some(**input);
        let work: Vec<usize> = inputs.iter().filter(is_work).copied().collect();
        if !work.is_empty() && !matches!(self.gate, Gate::Open | Gate::Refused) {
            return false;
        }
        for index in work {
            self.gate = Gate::Open;
            if self.inputs[index].run.is_some() {
                self.adopt_after_crash(index, found);
            }
            let input = &mut self.inputs[index];
            input.verified = touched != Some(index) && (input.verified || !input.registered);
            input.registered = true;
            input.run = Some(runner);
            input.lock = Some(runner);
        }
        true
    }

    fn adopt_after_crash(&mut self, input: usize, found: fn(bool) -> bool) {
        for batch in &mut self.batches {
            let first = batch.content.pieces.first().map(|piece| piece.input);
            if batch.state == State::Intended && first == Some(id_of(input)) {
                batch.unknown = found(batch.unknown);
            }
        }
    }

    /// Ends a run in good order.
    pub(super) fn end_run(&mut self, runner: Runner) {
        for input in &mut self.inputs {
            if input.run == Some(runner) {
                input.run = None;
            }
        }
        self.let_go(runner);
    }

    /// The locks of a run are gone, with its process or without.
    pub(super) fn let_go(&mut self, runner: Runner) {
        for input in &mut self.inputs {
            if input.lock == Some(runner) {
                input.lock = None;
            }
        }
        if self.lock == Some(runner) {
            self.lock = None;
        }
    }

    /// Records what was read and intends the batch of it.
    pub(super) fn intend(&mut self, cut: &Cut) -> Result<Option<BatchId>, String> {
        if !matches!(self.gate, Gate::Open | Gate::Refused) {
            return Err("rows come too late".to_owned());
        }
        for ((input, first, last), invalid) in cut.stretches.iter().zip(&cut.invalid) {
            let book = &mut self.inputs[*input];
            if book.read + 1 != *first {
                return Err(format!("a gap before {input}-{first}"));
            }
            book.read = *last;
            book.invalid += invalid;
            self.open_rejects += invalid;
        }
        for input in &cut.finished {
            self.inputs[*input].read_to_end = true;
        }
        Ok(cut.batch.clone().map(|batch| self.insert(batch)))
    }

    fn insert(&mut self, content: NewBatch) -> BatchId {
        self.batches.push(Batch {
            content,
            generation: Generation::default(),
            unknown: false,
            refusal_seen: false,
            state: State::Intended,
            counts: [0; 3],
        });
        BatchId(i64::try_from(self.batches.len()).unwrap() - 1)
    }

    fn intended(&mut self, id: BatchId) -> Result<&mut Batch, String> {
        let batch = self.batch(id);
        if batch.state == State::Intended {
            return Ok(batch);
        }
        Err(format!("batch {} is {:?}", id.0, batch.state))
    }

    /// What has to be on disk before anything else happens; tells generation and unknown.
    pub(super) fn note(
        &mut self,
        id: BatchId,
        note: Note,
    ) -> Result<(Generation, bool, bool), String> {
        let batch = self.intended(id)?;
        match note {
            Note::Nothing => {}
            Note::Unknown => batch.unknown = true,
            Note::RefusalSeen => (batch.unknown, batch.refusal_seen) = (true, true),
            Note::Renewed if batch.unknown => return Err("an unknown batch renewed".to_owned()),
            Note::Renewed => batch.generation = batch.generation.next(),
        }
        Ok((batch.generation, batch.unknown, batch.refusal_seen))
    }

    /// One batch becomes two.
    pub(super) fn split(
        &mut self,
        id: BatchId,
        halves: [NewBatch; 2],
    ) -> Result<[BatchId; 2], String> {
        let batch = self.intended(id)?;
        if halves[0].rows + halves[1].rows != batch.content.rows {
            return Err("halves of other rows".to_owned());
        }
        batch.state = State::Split;
        let [first, second] = halves;
        Ok([self.insert(first), self.insert(second)])
    }

    /// A batch is settled.
    pub(super) fn settle(&mut self, id: BatchId, settlement: &Settlement) -> Result<(), String> {
        let batch = self.intended(id)?;
        let rows = u64::from(batch.content.rows);
        let (state, counts) = match settlement {
            Settlement::Accepted => (State::Settled, [rows, 0, 0]),
            Settlement::AcceptedUnconfirmed if batch.unknown => (State::Settled, [0, rows, 0]),
            Settlement::PartRefused { letters, .. } if !letters.is_empty() => {
                let refused = u64::try_from(letters.len()).unwrap();
                (State::Settled, [0, rows - refused, refused])
            }
            Settlement::Refused { .. } if rows == 1 => (State::Settled, [0, 0, 1]),
            Settlement::Foreign if !batch.unknown => (State::Foreign, [0; 3]),
            Settlement::Undetermined => (State::Undetermined, [0; 3]),
            other => return Err(format!("batch {} settled as {other:?}", id.0)),
        };
        (batch.state, batch.counts) = (state, counts);
        self.open_rejects += counts[2];
        if self.gate == Gate::Refused && counts[0] + counts[1] > 0 {
            self.gate = Gate::Open;
        }
        Ok(())
    }

    /// The platform refuses the date: it owes nothing, unless something may be stored.
    pub(super) fn refuse_date(&mut self) {
        let may_be_stored =
            |batch: &Batch| batch.unknown || batch.counts[0] > 0 || batch.counts[1] > 0;
        if self.gate == Gate::Open && !self.batches.iter().any(may_be_stored) {
            self.gate = Gate::Refused;
        }
    }

    /// What has to be on disk before anything else happens to `done`.
    pub(super) fn note_done(&mut self, note: Note) -> Result<(), String> {
        match note {
            _ if self.gate != Gate::Sealed => return Err("a date that is not sealed".to_owned()),
            Note::Nothing => {}
            Note::Unknown | Note::RefusalSeen => self.done_unknown = true,
            Note::Renewed if self.done_unknown => {
                return Err("an unknown done renewed".to_owned());
            }
            Note::Renewed => self.done_generation = self.done_generation.next(),
        }
        Ok(())
    }

    /// `done` ended.
    pub(super) fn settle_done(&mut self, settlement: DoneSettlement) -> Result<(), String> {
        self.gate = match settlement {
            _ if self.gate != Gate::Sealed => return Err("a date that is not sealed".to_owned()),
            DoneSettlement::Confirmed => Gate::Done,
            DoneSettlement::Unconfirmed if self.done_unknown => Gate::DoneUnconfirmed,
            DoneSettlement::NotStored if !self.done_unknown => {
                self.done_generation = self.done_generation.next();
                Gate::Open
            }
            DoneSettlement::Refused => Gate::Refused,
            other => return Err(format!("done settled as {other:?}")),
        };
        Ok(())
    }
}
