//! A process of the simulation: registers its inputs, reads and cuts them, ends its runs.
//!
//! The order is the engine's: redo what was intended, then read on, a bounded number of batches at a
//! time; when all is settled, the gate. What is decided about an answer is in the other two files.

use super::Violation;
use super::books::{Cut, Runner, State};
use super::event::{Event, Step};
use super::fault::Fault;
use super::rows::{Taste, as_found, index_of, new_batch};
use super::schedule::{MINUTE, RunEnd, SECOND};
use super::world::{Excuse, Happened, World};
use crate::domain::RequestId;
use crate::ledger::{BatchId, Gate};
use crate::upload::parcel::Parcel;
use crate::upload::parts::Parts;
use rand::Rng;

/// A process. What is in here dies with a run.
#[derive(Default)]
pub(super) struct Process {
    /// Runs so far; the last one may be over.
    pub(super) run: u32,
    pub(super) alive: bool,
    pub(super) steps: u32,
    /// Something of the date was accepted.
    pub(super) accepted: bool,
    /// The date cannot be finished in this run.
    pub(super) failed: bool,
    /// Nothing new is begun.
    pub(super) draining: bool,
    pub(super) size_limit: u32,
    pub(super) tasks: Vec<Option<Task>>,
    pub(super) comparing: bool,
    pub(super) redo: Vec<BatchId>,
    /// Records cut so far, for each input of the process.
    pub(super) cut_to: Vec<(usize, u64)>,
    pub(super) ending: bool,
    pub(super) done: Option<DoneTask>,
    /// When the commit handed over last is on disk: there is one writer.
    pub(super) last_commit: u64,
    /// Runs that began when only a person could help.
    pub(super) idle_runs: u32,
}

/// A batch in the hands of a run.
pub(super) struct Task {
    pub(super) parts: Parts,
    pub(super) parcel: Parcel,
    pub(super) attempts: u32,
    pub(super) refreshed: bool,
    pub(super) begun: u64,
    pub(super) waits_for: Option<u32>,
    /// It waits before its next attempt.
    pub(super) pauses: bool,
    /// The id of a request whose refusal was received, until the client moves on.
    pub(super) refused: Option<RequestId>,
}

/// A `done` in the hands of a run.
#[derive(Default)]
pub(super) struct DoneTask {
    pub(super) attempts: u32,
    pub(super) refreshed: bool,
    pub(super) begun: u64,
    pub(super) waits_for: Option<u32>,
    pub(super) refused: Option<RequestId>,
    /// When the date was first found busy.
    pub(super) busy_since: Option<u64>,
}

/// What goes on, or the promise that was broken.
pub(super) type Outcome = Result<(), Violation>;

impl World {
    /// A process begins a run, unless there is nothing to do.
    pub(super) fn start(&mut self, pid: usize) {
        let process = &mut self.processes[pid];
        if self.books.gate.is_done() || process.idle_runs > 3 {
            return;
        }
        let (run, idle_runs) = (process.run + 1, process.idle_runs);
        *process = Process {
            run,
            alive: true,
            size_limit: self.schedule.batch_rows,
            idle_runs: idle_runs
                + u32::from(self.excuse.is_some() && self.now > self.schedule.heals),
            ..Process::default()
        };
        self.tell(|| format!("process {pid} begins run {run}"));
        self.commit((pid, run), Step::Registered);
    }

    /// Kills a run, or asks it to stop, when its schedule says so; true when it is dead.
    pub(super) fn end_early(&mut self, runner: Runner, before: &'static str) -> bool {
        let (pid, run) = runner;
        let plan = &self.schedule.processes[pid];
        let process = &mut self.processes[pid];
        process.steps += 1;
        let index = usize::try_from(run).unwrap() - 1;
        match plan.ends.get(index) {
            Some(RunEnd::Kill(step)) if process.steps == *step => {
                let is_last = index + 1 == plan.ends.len();
                let vanishes = plan.vanishes && is_last;
                process.alive = false;
                self.books.let_go(runner);
                self.tally.add(Happened::Kill);
                self.tally.add(Happened::KillBefore(before));
                self.tell(|| format!("process {pid} is killed before {before}"));
                if vanishes {
                    self.excuse = Some(Excuse::Vanished);
                } else {
                    self.start_again(pid);
                }
                true
            }
            Some(RunEnd::Stop(step, grace)) if process.steps == *step => {
                let grace = *grace;
                self.tally.add(Happened::Stop);
                self.tell(|| format!("process {pid} is asked to stop"));
                self.drain(runner);
                self.after(grace, runner, Step::Grace);
                false
            }
            _ => false,
        }
    }

    pub(super) fn start_again(&mut self, pid: usize) {
        let pause = self.rng.random_range(SECOND..6 * MINUTE);
        self.queue.push(self.now + pause, Event::Start(pid));
    }

    pub(super) fn drain(&mut self, runner: Runner) {
        self.processes[runner.0].draining = true;
        for task in self.tasks_that(runner, |task| task.pauses) {
            self.leave(runner, task);
        }
        self.soon(runner, Step::Pump);
    }

    fn tasks_that(&self, runner: Runner, which: fn(&Task) -> bool) -> Vec<usize> {
        let tasks = self.processes[runner.0].tasks.iter().enumerate();
        tasks
            .filter(|(_, task)| task.as_ref().is_some_and(which))
            .map(|(index, _)| index)
            .collect()
    }

    /// The registration is on disk.
    pub(super) fn registered(&mut self, runner: Runner) {
        let plan = self.schedule.processes[runner.0].clone();
        let touched = self.touch(plan.touched);
        let in_time = self.books.register(
            runner,
            &plan.inputs,
            touched.map(|(input, _)| input),
            self.rules.found,
        );
        if !in_time {
            self.tell(|| format!("process {} comes too late", runner.0));
            self.commit(runner, Step::Ended);
            return;
        }
        let of_run = |first: usize| plan.inputs.contains(&first);
        let redo = self.books.batches.iter().enumerate().filter(|(_, batch)| {
            batch.state == State::Intended && of_run(index_of(batch.content.pieces[0].input))
        });
        let mut redo: Vec<BatchId> = redo
            .map(|(id, _)| BatchId(i64::try_from(id).unwrap()))
            .collect();
        redo.reverse();
        let accepted = self.rules.remembers_accepted && self.books.has_accepted();
        let cut_to = plan
            .inputs
            .iter()
            .map(|input| (*input, self.books.inputs[*input].read))
            .collect();
        let process = &mut self.processes[runner.0];
        (process.redo, process.cut_to, process.accepted) = (redo, cut_to, accepted);
        if let Some((input, _)) = touched {
            process.comparing = true;
            let pause = self.rng.random_range(0..2 * MINUTE);
            self.after(pause, runner, Step::Compared(input));
        }
        self.soon(runner, Step::Pump);
    }

    /// A finished input may have another time stamp than it had, or have another one for long.
    fn touch(&mut self, planned: Option<(usize, bool)>) -> Option<(usize, bool)> {
        let (input, edited) = planned?;
        let is_finished = self.books.inputs[input].registered && !self.books.is_unfinished(input);
        // Whoever edits an input of a sealed date is late, and is told so.
        if !is_finished || self.books.gate != Gate::Open {
            return None;
        }
        if edited && self.inputs[input].version == 0 {
            self.inputs[input].version = 1;
            self.excuse = Some(Excuse::Edited);
            self.tally.add(Happened::Edit);
            self.tell(|| format!("input {input} was edited"));
        }
        Some((input, edited))
    }

    /// The comparison is over, and on disk when nothing was found.
    pub(super) fn compared(&mut self, runner: Runner, input: usize) {
        self.processes[runner.0].comparing = false;
        if self.inputs[input].version == 0 {
            self.books.inputs[input].verified = true;
        } else {
            self.processes[runner.0].failed = true;
            self.tell(|| format!("input {input} is not what it was"));
        }
        self.soon(runner, Step::Pump);
    }

    /// Sends again what was intended, then cuts the next batch; or ends the run.
    pub(super) fn pump(&mut self, runner: Runner) {
        let process = &mut self.processes[runner.0];
        let begins = !process.draining && !process.failed;
        let open = process.tasks.iter().flatten().count();
        if begins && open < self.schedule.in_flight {
            if let Some(id) = process.redo.pop() {
                self.redo(runner, id);
                return self.soon(runner, Step::Pump);
            }
            if let Some(stretches) = self.next_stretches(runner) {
                self.cut(runner, stretches);
                return self.soon(runner, Step::Pump);
            }
        }
        let process = &mut self.processes[runner.0];
        let is_idle = open == 0 && !process.ending;
        if begins && is_idle && !process.comparing {
            process.ending = true;
            process.done = Some(DoneTask::default());
            self.commit(runner, Step::Sealed);
        } else if !begins && is_idle && (process.draining || !process.comparing) {
            process.ending = true;
            self.commit(runner, Step::Ended);
        }
    }

    fn redo(&mut self, runner: Runner, id: BatchId) {
        let batch = self.books.batch(id).clone();
        let stretches: Vec<(usize, u64, u64)> = batch
            .content
            .pieces
            .iter()
            .map(|piece| (index_of(piece.input), piece.first_record, piece.last_record))
            .collect();
        let parcel = self.packer.pack(&self.inputs, &stretches).unwrap();
        assert_eq!(parcel.digest, batch.content.digest, "the same rows again");
        let task = self.add_task(runner, as_found(parcel, id, &batch));
        self.soon(runner, Step::Next(task));
    }

    /// The next rows of one input, or of several.
    fn next_stretches(&mut self, runner: Runner) -> Option<Vec<(usize, u64, u64)>> {
        let process = &mut self.processes[runner.0];
        let mut room = u64::from(process.size_limit.min(self.schedule.batch_rows));
        let mut stretches = Vec::new();
        for (input, cut_to) in &mut process.cut_to {
            let rest = self.inputs[*input].records() - *cut_to;
            let taken = rest.min(room);
            if taken == 0 {
                continue;
            }
            stretches.push((*input, *cut_to + 1, *cut_to + taken));
            *cut_to += taken;
            room -= taken;
            if !self.schedule.mixes_inputs {
                break;
            }
        }
        (!stretches.is_empty()).then_some(stretches)
    }

    fn cut(&mut self, runner: Runner, stretches: Vec<(usize, u64, u64)>) {
        let inputs = &self.inputs;
        let is_end = |(input, _, last): &&(usize, u64, u64)| inputs[*input].records() == *last;
        let finished = stretches.iter().filter(is_end).map(|s| s.0).collect();
        let count_invalid = |(input, first, last): &(usize, u64, u64)| {
            let invalid = (*first..=*last).filter(|r| inputs[*input].taste(*r) == Taste::Invalid);
            u64::try_from(invalid.count()).unwrap()
        };
        let invalid = stretches.iter().map(count_invalid).collect();
        let batched: Vec<(usize, u64, u64)> = stretches
            .iter()
            .map(|(input, first, last)| {
                let rows = u32::try_from(last + 1 - first).unwrap();
                (
                    *input,
                    *first,
                    first + u64::from((self.rules.batched)(rows)) - 1,
                )
            })
            .collect();
        let parcel = self.packer.pack(inputs, &batched);
        let batch = parcel.as_ref().map(new_batch);
        let task = self.add_task(runner, Parcel::default());
        self.task(runner, task).parcel = parcel.unwrap_or_default();
        let cut = Cut {
            stretches,
            invalid,
            finished,
            batch,
        };
        self.commit(runner, Step::Intended(task, cut));
    }

    fn add_task(&mut self, runner: Runner, parcel: Parcel) -> usize {
        let tasks = &mut self.processes[runner.0].tasks;
        tasks.push(Some(Task {
            parts: Parts::new(parcel),
            parcel: Parcel::default(),
            attempts: 0,
            refreshed: false,
            begun: self.now,
            waits_for: None,
            pauses: false,
            refused: None,
        }));
        tasks.len() - 1
    }

    /// The run is over, in good order.
    pub(super) fn ended(&mut self, runner: Runner) {
        self.books.end_run(runner);
        self.processes[runner.0].alive = false;
        self.tell(|| format!("process {} ends its run", runner.0));
        self.start_again(runner.0);
    }

    /// The answers that nobody waits for any longer.
    pub(super) fn abort(&mut self, runner: Runner) {
        let waiting = self.tasks_that(runner, |task| task.waits_for.is_some());
        for task in waiting {
            self.give_up(runner, task);
        }
        let waits = process_waits_for_done(&self.processes[runner.0]);
        if waits {
            self.give_up_done(runner);
        }
    }

    /// What happens to the next request.
    pub(super) fn choose_fault(&mut self, may_be_foreign: bool) -> Fault {
        if self.now >= self.schedule.heals {
            return Fault::None;
        }
        if may_be_foreign && self.rng.random_bool(self.schedule.foreign) {
            return Fault::Foreign;
        }
        let (faults, probability) = &self.schedule.faults;
        if !self.rng.random_bool(*probability) {
            return Fault::None;
        }
        faults[self.rng.random_range(0..faults.len())]
    }
}

fn process_waits_for_done(process: &Process) -> bool {
    let done = process.done.as_ref();
    done.is_some_and(|done| done.waits_for.is_some())
}
