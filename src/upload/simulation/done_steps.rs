//! The steps of `done`, from the transaction of the gate to its end.
//!
//! What an answer means is asked of the rules; here it is carried out, as the finisher does it.

use super::books::{Runner, Sealing};
use super::event::{Request, Step};
use super::fault::Fault;
use super::process::{DoneTask, Outcome};
use super::schedule::MINUTE;
use super::world::{Happened, World};
use super::{Violation, batch_steps};
use crate::domain::{Judged, RequestId, done_request_id};
use crate::ledger::DoneSettlement;
use crate::upload::life::{self, DoneThen, Note};

/// How often a date that another process is sealing is looked at again.
const BUSY_PAUSE: u64 = 200;

impl World {
    fn done_task(&mut self, runner: Runner) -> &mut DoneTask {
        self.processes[runner.0].done.as_mut().unwrap()
    }

    fn done_id(&self) -> RequestId {
        done_request_id(
            self.books.epoch,
            &self.partition,
            self.books.done_generation,
        )
    }

    /// The date is sealed, and that is on disk; or it is not.
    pub(super) fn sealed(&mut self, runner: Runner) {
        let day_over = self.now >= self.schedule.day_over;
        let rules = self.rules;
        match self.books.seal(runner, day_over, &rules) {
            Sealing::Sealed => {
                self.tell(|| format!("process {} has sealed the date", runner.0));
                self.tally.add(Happened::Seal);
                let now = self.now;
                self.done_task(runner).begun = now;
                self.soon(runner, Step::DoneAttempt);
            }
            Sealing::Busy if !self.processes[runner.0].draining => {
                let now = self.now;
                let since = *self.done_task(runner).busy_since.get_or_insert(now);
                if now - since < MINUTE {
                    self.after(BUSY_PAUSE, runner, Step::Sealed);
                } else {
                    self.commit(runner, Step::Ended);
                }
            }
            Sealing::Withheld(missing) => {
                self.tell(|| format!("done is withheld: {missing:?}"));
                self.commit(runner, Step::Ended);
            }
            Sealing::Already | Sealing::Refused | Sealing::Busy => {
                self.commit(runner, Step::Ended);
            }
        }
    }

    /// An attempt of `done` begins, unless the run has ended.
    pub(super) fn attempt_done(&mut self, runner: Runner) -> Outcome {
        if self.processes[runner.0].draining {
            self.leave_done(runner);
            return Ok(());
        }
        self.check_done_leaves()?;
        let id = self.done_id();
        let done = self.done_task(runner);
        done.attempts += 1;
        done.waits_for = Some(done.attempts);
        let (attempt, refused) = (done.attempts, done.refused.take());
        if let Some(refused) = refused {
            self.platform.remember(refused);
        }
        let fault = self.choose_fault(!self.books.done_unknown);
        self.tell(|| format!("process {} sends done as {id}: {fault:?}", runner.0));
        self.send(Request {
            from: runner,
            attempt,
            id,
            fault,
            batch: None,
        });
        Ok(())
    }

    /// An answer, when somebody still waits for it.
    pub(super) fn reply_done(&mut self, runner: Runner, attempt: u32, judged: Judged) {
        if self.done_task(runner).waits_for != Some(attempt) {
            return;
        }
        self.tell(|| format!("process {} is told {:?}", runner.0, judged.verdict));
        let id = self.done_id();
        let unknown = self.books.done_unknown;
        let remembers = self.schedule.remembers_refused && !unknown;
        let rules = self.rules;
        let done = self.done_task(runner);
        done.waits_for = None;
        done.refused = (remembers && batch_steps::is_refusal(&judged)).then_some(id);
        let arrow = (rules.done)(unknown, done.refreshed, &judged.verdict);
        if arrow.note == Note::Nothing {
            self.soon(runner, Step::DoneCarryOut(arrow.then, judged));
        } else {
            let rest = Some((arrow.then, judged));
            self.commit(runner, Step::DoneNoted(arrow.note, rest));
        }
    }

    /// Nobody waits for the answer any longer.
    pub(super) fn give_up_done(&mut self, runner: Runner) {
        self.done_task(runner).waits_for = None;
        let note = life::after_giving_up(self.books.done_unknown);
        self.commit(runner, Step::DoneNoted(note, None));
    }

    /// What comes before the rest is on disk.
    pub(super) fn done_noted(
        &mut self,
        runner: Runner,
        note: Note,
        rest: Option<(DoneThen, Judged)>,
    ) -> Outcome {
        self.books.note_done(note).map_err(Violation::Forbidden)?;
        self.tell(|| format!("done is noted as {note:?}"));
        if let Some(refused) = self.done_task(runner).refused.take() {
            self.platform.remember(refused);
        }
        match rest {
            Some((then, judged)) => self.soon(runner, Step::DoneCarryOut(then, judged)),
            None => self.leave_done(runner),
        }
        Ok(())
    }

    /// The rest of an arrow.
    pub(super) fn carry_out_done(&mut self, runner: Runner, then: DoneThen, judged: &Judged) {
        match then {
            DoneThen::Got(settlement) => self.commit(runner, Step::DoneSettled(settlement)),
            DoneThen::BackOff => {
                let done = self.done_task(runner);
                let (attempts, begun) = (done.attempts, done.begun);
                match self.decide(judged, attempts, begun) {
                    Some(wait) => self.after(wait, runner, Step::DoneAttempt),
                    None => self.leave_done(runner),
                }
            }
            DoneThen::Refresh => {
                self.done_task(runner).refreshed = true;
                self.soon(runner, Step::DoneAttempt);
            }
            DoneThen::Unauthorized | DoneThen::Foreign | DoneThen::Stop => {
                self.leave_done(runner);
            }
        }
    }

    /// Ends without `done`.
    fn leave_done(&mut self, runner: Runner) {
        match (self.rules.leave_done)(self.books.done_unknown) {
            Some(settlement) => self.commit(runner, Step::DoneSettled(settlement)),
            None => self.commit(runner, Step::Ended),
        }
    }

    /// `done` is settled, and that is on disk.
    pub(super) fn done_settled(&mut self, runner: Runner, settlement: DoneSettlement) -> Outcome {
        self.books
            .settle_done(settlement)
            .map_err(Violation::Forbidden)?;
        self.tell(|| format!("done is settled as {settlement:?}"));
        if self.books.gate.is_done() && self.platform.dones.is_empty() {
            return Err(Violation::DoneLost);
        }
        self.commit(runner, Step::Ended);
        Ok(())
    }

    /// A `done` arrives at the platform.
    pub(super) fn done_arrives(&mut self, request: &Request) -> Outcome {
        let is_other = |accepted: &RequestId| *accepted != request.id;
        if self.platform.dones.iter().any(is_other) {
            return Err(Violation::SecondDone);
        }
        let answer = self.platform.done(request.id);
        self.tell(|| format!("done arrives: {}", answer.code));
        if request.fault != Fault::Late {
            let judged = request.fault.on_the_way_back(&answer, &mut self.rng);
            let pause = self.latency();
            self.after(
                pause,
                request.from,
                Step::DoneReply(request.attempt, judged),
            );
        }
        Ok(())
    }
}
