//! The steps of one batch, from the intent to the end of all its parts.
//!
//! The rules say what an answer means; here it is carried out: first the note, committed, then the rest.

use super::books::{Cut, Runner};
use super::event::{Request, Step};
use super::process::{Outcome, Task};
use super::world::{Excuse, Happened, World, millis};
use super::{Violation, schedule};
use crate::domain::{Judged, Position, RequestId, Verdict};
use crate::ledger::{Blocks, DeadLetter, Settlement};
use crate::protocol::DEFAULT_GZIP_LEVEL;
use crate::retry::{Backoff, Decision, Tried};
use crate::upload::life::{self, Note, Standing, Then};
use crate::upload::parts::{Part, Parts};
use crate::upload::worker::BACKOFF_BASE;
use crate::upload::{halves::Half, matching, parcel::Parcel};
use rand::Rng;

impl World {
    pub(super) fn task(&mut self, runner: Runner, task: usize) -> &mut Task {
        self.processes[runner.0].tasks[task].as_mut().unwrap()
    }

    /// The batch leaves the hands of the run, as the books have it.
    pub(super) fn leave(&mut self, runner: Runner, task: usize) {
        self.processes[runner.0].tasks[task] = None;
        self.soon(runner, Step::Pump);
    }

    /// Neither this batch nor the run can go on.
    fn stop_run(&mut self, runner: Runner, task: usize) {
        self.processes[runner.0].failed = true;
        self.drain(runner);
        let grace = 10 * schedule::SECOND;
        self.after(grace, runner, Step::Grace);
        self.leave(runner, task);
    }

    /// The intent is on disk.
    pub(super) fn intended(&mut self, runner: Runner, task: usize, cut: &Cut) -> Outcome {
        let id = self.books.intend(cut).map_err(Violation::Forbidden)?;
        self.told_refused += cut.invalid.iter().sum::<u64>();
        self.tell(|| format!("batch {id:?} of {:?} is intended", cut.stretches));
        let Some(id) = id else {
            self.leave(runner, task);
            return Ok(());
        };
        let it = self.task(runner, task);
        let parcel = std::mem::take(&mut it.parcel);
        it.parts = Parts::new(Parcel { id, ..parcel });
        self.soon(runner, Step::Next(task));
        Ok(())
    }

    /// The batch goes on with its next part.
    pub(super) fn next_part(&mut self, runner: Runner, task: usize) {
        let accepted = self.processes[runner.0].accepted;
        let now = self.now;
        let part = self.task(runner, task).parts.next(accepted, || true);
        match part {
            Part::Settled => self.leave(runner, task),
            Part::Send(parcel) => {
                let limit = self.processes[runner.0].size_limit;
                let it = self.task(runner, task);
                (it.parcel, it.attempts, it.refreshed, it.begun) = (parcel, 0, false, now);
                if life::is_known_to_be_too_large(it.standing(), limit) {
                    self.halve(runner, task);
                } else {
                    self.soon(runner, Step::Attempt(task));
                }
            }
            Part::Split(parcel, first) => {
                self.task(runner, task).parcel = parcel;
                self.split_after(runner, task, first);
            }
            Part::RefuseRow(parcel, _) => {
                self.task(runner, task).parcel = parcel;
                self.refuse_only_row(runner, task);
            }
            Part::Stop(_) | Part::StopAtOnlyRow(_) | Part::GiveUp(_) => {
                self.set_up_suspected = true;
                self.processes[runner.0].failed = true;
                self.leave(runner, task);
            }
        }
    }

    fn halve(&mut self, runner: Runner, task: usize) {
        let half = self.task(runner, task).parcel.rows.div_ceil(2);
        self.split_after(runner, task, half);
    }

    fn split_after(&mut self, runner: Runner, task: usize, first_rows: u32) {
        let parcel = &self.task(runner, task).parcel;
        let parts = parcel.split_after(first_rows, DEFAULT_GZIP_LEVEL);
        self.commit(runner, Step::Split(task, Box::new(parts.unwrap())));
    }

    fn refuse_only_row(&mut self, runner: Runner, task: usize) {
        let request_id = self.request_id(runner, task);
        let parcel = &self.task(runner, task).parcel;
        let letter = DeadLetter {
            input: parcel.pieces[0].input,
            position: Position {
                ordinal: parcel.pieces[0].first_record,
                line: 1,
                offset: 0,
            },
            column: None,
            code: "refused_by_platform".to_owned(),
            message: String::new(),
            raw: Vec::new(),
            blocks: Blocks::Date,
        };
        let settlement = Settlement::Refused { letter, request_id };
        self.commit(runner, Step::Settled(task, settlement));
    }

    fn request_id(&mut self, runner: Runner, task: usize) -> RequestId {
        let (epoch, partition) = (self.books.epoch, self.partition.clone());
        let parcel = &self.task(runner, task).parcel;
        let identity = parcel.identity();
        identity.request_id(epoch, &partition, parcel.generation)
    }

    /// An attempt begins, unless the run or the date has ended.
    pub(super) fn attempt(&mut self, runner: Runner, task: usize) -> Outcome {
        let process = &self.processes[runner.0];
        if process.tasks[task].is_none() {
            return Ok(());
        }
        if process.failed || process.draining {
            self.leave(runner, task);
            return Ok(());
        }
        self.check_rows_leave()?;
        let id = self.request_id(runner, task);
        let it = self.task(runner, task);
        it.pauses = false;
        it.attempts += 1;
        it.waits_for = Some(it.attempts);
        let (attempt, refused) = (it.attempts, it.refused.take());
        let (body, unknown) = (it.parcel.body.clone(), it.parcel.unknown);
        let (batch, rows) = (it.parcel.id.0, it.parcel.rows);
        if let Some(refused) = refused {
            self.platform.remember(refused);
        }
        let fault = self.choose_fault(!unknown);
        self.tell(|| {
            format!(
                "process {} sends batch {batch} ({rows} rows) as {id}: {fault:?}",
                runner.0
            )
        });
        self.send(Request {
            from: runner,
            attempt,
            id,
            fault,
            batch: Some((task, body)),
        });
        Ok(())
    }

    /// An answer, when somebody still waits for it.
    pub(super) fn reply(&mut self, runner: Runner, (task, attempt): (usize, u32), judged: Judged) {
        let waits = self.processes[runner.0].tasks[task].as_ref();
        if waits.is_none_or(|it| it.waits_for != Some(attempt)) {
            return;
        }
        self.tell(|| format!("process {} is told {:?}", runner.0, judged.verdict));
        let id = self.request_id(runner, task);
        let remembers = self.schedule.remembers_refused;
        let rules = self.rules;
        let it = self.task(runner, task);
        it.waits_for = None;
        it.refused = (remembers && !it.parcel.unknown && is_refusal(&judged)).then_some(id);
        let arrow = (rules.batch)(it.standing(), &judged.verdict);
        if arrow.note == Note::Nothing {
            self.soon(runner, Step::CarryOut(task, arrow.then, judged));
        } else {
            let rest = Some((arrow.then, judged));
            self.commit(runner, Step::Noted(task, arrow.note, rest));
        }
    }

    /// Nobody waits for the answer any longer.
    pub(super) fn give_up(&mut self, runner: Runner, task: usize) {
        let it = self.task(runner, task);
        it.waits_for = None;
        let note = life::after_giving_up(it.parcel.unknown);
        self.commit(runner, Step::Noted(task, note, None));
    }

    /// What comes before the rest is on disk.
    pub(super) fn noted(
        &mut self,
        runner: Runner,
        (task, note): (usize, Note),
        rest: Option<(Then, Judged)>,
    ) -> Outcome {
        let id = self.task(runner, task).parcel.id;
        let noted = self.books.note(id, note).map_err(Violation::Forbidden)?;
        if note == Note::RefusalSeen {
            self.told_refusal.insert(id);
        }
        self.tell(|| format!("batch {} is noted as {noted:?}", id.0));
        let it = self.task(runner, task);
        let parcel = &mut it.parcel;
        (parcel.generation, parcel.unknown, parcel.refusal_seen) = noted;
        if let Some(refused) = it.refused.take() {
            self.platform.remember(refused);
        }
        match rest {
            Some((then, judged)) => self.soon(runner, Step::CarryOut(task, then, judged)),
            None => self.leave(runner, task),
        }
        Ok(())
    }

    /// The rest of an arrow.
    pub(super) fn carry_out(&mut self, runner: Runner, task: usize, then: Then, judged: Judged) {
        match then {
            Then::Settle(settlement) => self.commit(runner, Step::Settled(task, settlement)),
            Then::Match => {
                let Verdict::PartRefused(errors) = &judged.verdict else {
                    panic!("only a list of refused rows is matched");
                };
                let request_id = self.request_id(runner, task);
                let parcel = &self.task(runner, task).parcel;
                let settlement = match matching::refused_rows(parcel, errors).unwrap() {
                    Some(letters) => Settlement::PartRefused {
                        letters,
                        request_id,
                    },
                    None => Settlement::Undetermined,
                };
                self.commit(runner, Step::Settled(task, settlement));
            }
            Then::BackOff => self.back_off(runner, task, &judged),
            Then::Refresh => {
                self.task(runner, task).refreshed = true;
                self.soon(runner, Step::Attempt(task));
            }
            Then::StopRun => self.stop_run(runner, task),
            Then::Halve => {
                self.learn_size(runner, task);
                self.halve(runner, task);
            }
            Then::RefuseOnlyRow => {
                self.learn_size(runner, task);
                // Alone and too large: the platform has nothing of it and never will.
                self.refuse_only_row(runner, task);
            }
            Then::Suspect => {
                let accepted = self.processes[runner.0].accepted;
                let it = self.task(runner, task);
                let parcel = std::mem::take(&mut it.parcel);
                it.parts.suspect(parcel, judged, accepted);
                self.soon(runner, Step::Next(task));
            }
            Then::StopDate { owes_nothing } => {
                let is_first = !self.processes[runner.0].failed;
                self.processes[runner.0].failed = true;
                if owes_nothing && is_first {
                    self.commit(runner, Step::DateRefused(task));
                } else {
                    self.leave(runner, task);
                }
            }
        }
    }

    fn learn_size(&mut self, runner: Runner, task: usize) {
        let half = self.task(runner, task).parcel.rows.div_ceil(2).max(1);
        let process = &mut self.processes[runner.0];
        process.size_limit = process.size_limit.min(half);
    }

    /// The platform refuses the date for good, and that is on disk.
    pub(super) fn date_refused(&mut self, runner: Runner, task: usize) {
        self.books.refuse_date();
        let gate = self.books.gate;
        self.tell(|| format!("the date is {gate:?}"));
        self.leave(runner, task);
    }

    fn back_off(&mut self, runner: Runner, task: usize, judged: &Judged) {
        let it = self.task(runner, task);
        let (attempts, begun) = (it.attempts, it.begun);
        match self.decide(judged, attempts, begun) {
            Some(wait) => {
                self.task(runner, task).pauses = true;
                self.after(wait, runner, Step::Attempt(task));
            }
            None => self.stop_run(runner, task),
        }
    }

    /// How long to wait before the next attempt; `None` when the time for it is used up.
    pub(super) fn decide(&mut self, judged: &Judged, attempts: u32, begun: u64) -> Option<u64> {
        let backoff = Backoff {
            base: BACKOFF_BASE,
            max_delay: self.schedule.max_delay,
            budget: self.schedule.retry_for,
        };
        let decision = backoff.decide(&Tried {
            verdict: &judged.verdict,
            attempts,
            elapsed: std::time::Duration::from_millis(self.now - begun),
            random: self.rng.random(),
            retry_after: judged.retry_after,
        });
        match decision {
            Decision::Wait(wait) => Some(millis(wait)),
            Decision::Stop(_) => None,
        }
    }

    /// A batch is settled, and that is on disk.
    pub(super) fn settled(
        &mut self,
        runner: Runner,
        task: usize,
        settlement: &Settlement,
    ) -> Outcome {
        let id = self.task(runner, task).parcel.id;
        self.books
            .settle(id, settlement)
            .map_err(Violation::Forbidden)?;
        self.check_settled(id)?;
        let was_told = self.told_refusal.contains(&id);
        let batch = self.books.batch(id).clone();
        self.told_refused += batch.counts[2];
        self.tell(|| format!("batch {} is {:?} {:?}", id.0, batch.state, batch.counts));
        self.tally.add(Happened::settled(settlement));
        if batch.counts[0] + batch.counts[1] > 0 {
            self.processes[runner.0].accepted = true;
        }
        match settlement {
            Settlement::AcceptedUnconfirmed if was_told => return Err(Violation::RefusalForgotten),
            Settlement::Foreign if self.foreign_told => self.excuse = Some(Excuse::Foreign),
            Settlement::Undetermined if self.names_no_row() || was_told => {
                self.excuse = Some(Excuse::Undetermined);
            }
            Settlement::Foreign | Settlement::Undetermined => {}
            _ => {
                self.soon(runner, Step::Next(task));
                return Ok(());
            }
        }
        self.leave(runner, task);
        Ok(())
    }

    /// A batch is split, and that is on disk.
    pub(super) fn split(&mut self, runner: Runner, task: usize, halves: [Half; 2]) -> Outcome {
        let id = self.task(runner, task).parcel.id;
        let new = [halves[0].as_new_batch(), halves[1].as_new_batch()];
        let [first_id, second_id] = self.books.split(id, new).map_err(Violation::Forbidden)?;
        self.tally.add(Happened::Split);
        self.tell(|| format!("batch {} is split", id.0));
        let [first, second] = halves;
        let parcels = [
            first.into_parcel(first_id, false),
            second.into_parcel(second_id, false),
        ];
        self.task(runner, task).parts.split(parcels);
        self.soon(runner, Step::Next(task));
        Ok(())
    }
}

impl Task {
    fn standing(&self) -> Standing {
        Standing {
            unknown: self.parcel.unknown,
            refusal_seen: self.parcel.refusal_seen,
            rows: self.parcel.rows,
            refreshed: self.refreshed,
        }
    }
}

/// An answer that says for sure that nothing was stored.
pub(super) fn is_refusal(judged: &Judged) -> bool {
    matches!(
        judged.verdict,
        Verdict::Throttled
            | Verdict::ServerError
            | Verdict::Unauthorized
            | Verdict::Date(_)
            | Verdict::Setup(_)
            | Verdict::NotFound
            | Verdict::PoisonSuspected
    )
}
