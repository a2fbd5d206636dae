//! Virtual time, and everything that lives in it.
//!
//! One event after the other; each may break a promise, and then the schedule ends. Commits of a
//! process happen in the order in which they were handed over; a kill takes those that have not
//! happened with it.

use super::books::{Books, Input, Runner};
use super::event::{Event, Queue, Request, Step};
use super::fault::Fault;
use super::platform::{ErrorList, Platform};
use super::process::{Outcome, Process};
use super::rows::{Content, Packer, Row};
use super::schedule::{MINUTE, SECOND, Schedule};
use super::{Rules, Violation};
use crate::domain::{Epoch, Generation, Partition, Stage, Target};
use crate::ledger::{BatchId, Gate, Settlement};
use crate::protocol;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::time::Duration;

/// Time after the last fault within which everything has to be done.
const PATIENCE: u64 = 6 * 60 * MINUTE;

/// How long the client waits for an answer.
const TIMEOUT: u64 = 5 * SECOND;

/// Why only a person can bring about `done`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Excuse {
    /// A killed process was never started again.
    Vanished,
    /// An input was edited after rows of it were stored.
    Edited,
    /// The platform knew an id from somewhere else.
    Foreign,
    /// The platform refused rows without saying which.
    Undetermined,
    /// A row at fault stands alone and first, and nothing of the date was ever accepted: it cannot
    /// be told from a wrong set-up.
    SetUpSuspected,
}

/// Something to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Happened {
    Request,
    Fault(Fault),
    Kill,
    /// A kill right before a step of that name.
    KillBefore(&'static str),
    Stop,
    Edit,
    Split,
    Seal,
    Accepted,
    Unconfirmed,
    PartRefused,
    Refused,
    ForeignBatch,
    UndeterminedBatch,
}

impl Happened {
    /// A batch was settled like this.
    pub(super) fn settled(settlement: &Settlement) -> Self {
        match settlement {
            Settlement::Accepted => Self::Accepted,
            Settlement::AcceptedUnconfirmed => Self::Unconfirmed,
            Settlement::PartRefused { .. } => Self::PartRefused,
            Settlement::Refused { .. } => Self::Refused,
            Settlement::Foreign => Self::ForeignBatch,
            Settlement::Undetermined => Self::UndeterminedBatch,
        }
    }
}

/// How often something happened.
#[derive(Debug, Default)]
pub(super) struct Tally(pub(super) BTreeMap<Happened, u64>);

impl Tally {
    /// Counts once.
    pub(super) fn add(&mut self, what: Happened) {
        *self.0.entry(what).or_default() += 1;
    }
}

/// One schedule under way.
pub(super) struct World {
    pub(super) now: u64,
    pub(super) queue: Queue,
    pub(super) rng: StdRng,
    pub(super) schedule: Schedule,
    pub(super) rules: Rules,
    pub(super) partition: Partition,
    pub(super) inputs: Vec<Content>,
    pub(super) platform: Platform,
    pub(super) books: Books,
    pub(super) processes: Vec<Process>,
    pub(super) packer: Packer,
    pub(super) tally: Tally,
    pub(super) excuse: Option<Excuse>,
    /// A run stopped the date because it took the set-up for wrong.
    pub(super) set_up_suspected: bool,
    /// The platform claimed to know the id of a batch that it has not.
    pub(super) foreign_told: bool,
    /// Batches of which the client was told that not all may be stored, and not what.
    pub(super) told_refusal: std::collections::BTreeSet<BatchId>,
    /// Rows that the client knows to be refused and that nobody waived.
    pub(super) told_refused: u64,
    /// What happened, when somebody wants to read it.
    pub(super) history: Option<Vec<String>>,
}

impl World {
    /// The beginning of a schedule.
    pub(super) fn new(seed: u64, rules: Rules, with_history: bool) -> Self {
        let schedule = Schedule::new(seed);
        let inputs: Vec<Content> = schedule
            .inputs
            .iter()
            .map(|tastes| Content {
                tastes: tastes.clone(),
                version: 0,
            })
            .collect();
        let mut queue = Queue::default();
        for (pid, plan) in schedule.processes.iter().enumerate() {
            queue.push(plan.starts, Event::Start(pid));
        }
        queue.push(schedule.held_until, Event::Release);
        queue.push(schedule.waived, Event::Waive);
        Self {
            now: 0,
            queue,
            rng: StdRng::seed_from_u64(!seed),
            rules,
            partition: Partition {
                target: Target::new("1", "2", "cn").unwrap(),
                topic: "behavior".parse().unwrap(),
                stage: Stage::HistorySync("2022-01-01".parse().unwrap()),
            },
            platform: Platform::new(schedule.most_rows, schedule.errors),
            books: Books {
                inputs: vec![Input::default(); inputs.len()],
                batches: Vec::new(),
                gate: Gate::Open,
                epoch: Epoch([7; 16]),
                done_generation: Generation(0),
                done_unknown: false,
                held_back: schedule.held_until > 0,
                open_rejects: 0,
                guards: schedule.guards.clone(),
                lock: None,
            },
            inputs,
            processes: schedule
                .processes
                .iter()
                .map(|_| Process::default())
                .collect(),
            schedule,
            packer: Packer::new(),
            tally: Tally::default(),
            excuse: None,
            set_up_suspected: false,
            foreign_told: false,
            told_refusal: std::collections::BTreeSet::new(),
            told_refused: 0,
            history: with_history.then(Vec::new),
        }
    }

    /// Runs until nothing happens any more, or until a promise is broken.
    pub(super) fn run(&mut self) -> Outcome {
        let end = self.schedule.heals + PATIENCE;
        while let Some((at, event)) = self.queue.pop() {
            if at > end {
                break;
            }
            self.now = at;
            self.happen(event)?;
        }
        self.check_end()
    }

    fn happen(&mut self, event: Event) -> Outcome {
        match event {
            Event::Start(pid) => self.start(pid),
            Event::Arrive(request) => return self.arrive(&request),
            Event::Release => self.books.held_back = false,
            Event::Waive => {
                (self.books.open_rejects, self.told_refused) = (0, 0);
                if !self.books.gate.is_done() {
                    self.queue.push(self.now + 60 * MINUTE, Event::Waive);
                }
            }
            Event::Run(runner, step) => {
                let process = &self.processes[runner.0];
                let is_alive = process.alive && process.run == runner.1;
                if is_alive && !self.end_early(runner, step.name()) {
                    return self.step(runner, *step);
                }
            }
        }
        Ok(())
    }

    fn step(&mut self, runner: Runner, step: Step) -> Outcome {
        match step {
            Step::Registered => self.registered(runner),
            Step::Pump => self.pump(runner),
            Step::Intended(task, cut) => return self.intended(runner, task, &cut),
            Step::Compared(input) => self.compared(runner, input),
            Step::Next(task) => self.next_part(runner, task),
            Step::Attempt(task) => return self.attempt(runner, task),
            Step::Reply(task, attempt, judged) => self.reply(runner, (task, attempt), judged),
            Step::Noted(task, note, rest) => return self.noted(runner, (task, note), rest),
            Step::CarryOut(task, then, judged) => self.carry_out(runner, task, then, judged),
            Step::Settled(task, settlement) => return self.settled(runner, task, &settlement),
            Step::Split(task, halves) => return self.split(runner, task, *halves),
            Step::DateRefused(task) => self.date_refused(runner, task),
            Step::Grace => self.abort(runner),
            Step::Sealed => self.sealed(runner),
            Step::DoneAttempt => return self.attempt_done(runner),
            Step::DoneReply(attempt, judged) => self.reply_done(runner, attempt, judged),
            Step::DoneNoted(note, rest) => return self.done_noted(runner, note, rest),
            Step::DoneCarryOut(then, judged) => self.carry_out_done(runner, then, &judged),
            Step::DoneSettled(settlement) => return self.done_settled(runner, settlement),
            Step::Ended => self.ended(runner),
        }
        Ok(())
    }

    /// A request leaves.
    pub(super) fn send(&mut self, request: Request) {
        self.tally.add(Happened::Request);
        let fault = request.fault;
        if fault != Fault::None {
            self.tally.add(Happened::Fault(fault));
        }
        self.foreign_told |= fault == Fault::Foreign;
        if fault.arrives() {
            let latency = self.latency();
            let delay = if fault == Fault::Late {
                self.rng.random_range(0..10 * MINUTE)
            } else {
                0
            };
            if fault == Fault::Late {
                let judged = fault.instead(&mut self.rng);
                self.answer(&request, TIMEOUT, judged);
            }
            let arrives = self.now + latency + delay;
            self.queue.push(arrives, Event::Arrive(request));
        } else {
            let judged = fault.instead(&mut self.rng);
            let latency = self.latency();
            self.answer(&request, latency, judged);
        }
    }

    fn answer(&mut self, request: &Request, pause: u64, judged: crate::domain::Judged) {
        let step = match request.batch {
            Some((task, _)) => Step::Reply(task, request.attempt, judged),
            None => Step::DoneReply(request.attempt, judged),
        };
        self.after(pause, request.from, step);
    }

    fn arrive(&mut self, request: &Request) -> Outcome {
        let Some((_, body)) = &request.batch else {
            return self.done_arrives(request);
        };
        let body = protocol::inflate(Some("gzip"), body, 1 << 20).unwrap();
        let rows: Vec<Row> = serde_json::from_slice(&body).unwrap();
        self.check_rows_arrive(&rows)?;
        let answer = self.platform.write(request.id, &rows);
        self.tell(|| format!("{} arrives: {}", request.id, answer.code));
        self.check_stored_once(&rows)?;
        if request.fault != Fault::Late {
            let judged = request.fault.on_the_way_back(&answer, &mut self.rng);
            let latency = self.latency();
            self.answer(request, latency, judged);
        }
        Ok(())
    }

    /// A step of a run that follows at once.
    pub(super) fn soon(&mut self, runner: Runner, step: Step) {
        let pause = self.rng.random_range(0..3);
        self.after(pause, runner, step);
    }

    /// A step of a run after some time.
    pub(super) fn after(&mut self, pause: u64, runner: Runner, step: Step) {
        let event = Event::Run(runner, Box::new(step));
        self.queue.push(self.now + pause, event);
    }

    /// A commit of a run, after those that it handed over before.
    pub(super) fn commit(&mut self, runner: Runner, step: Step) {
        let pause = self.rng.random_range(0..5);
        let process = &mut self.processes[runner.0];
        process.last_commit = process.last_commit.max(self.now + pause);
        let event = Event::Run(runner, Box::new(step));
        self.queue.push(process.last_commit, event);
    }

    /// How long something is on its way.
    pub(super) fn latency(&mut self) -> u64 {
        self.rng.random_range(1..200)
    }

    /// Whether the platform refuses rows without saying which.
    pub(super) fn names_no_row(&self) -> bool {
        matches!(self.schedule.errors, ErrorList::Empty | ErrorList::Astray)
    }

    /// Adds a line to the history.
    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(history) = &mut self.history {
            history.push(format!("{now:>9} ms  {}", line()));
        }
    }
}

/// Virtual time has whole milliseconds.
pub(super) fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap()
}

impl Violation {
    /// Its kind, for tables.
    pub(super) fn kind(&self) -> String {
        let text = format!("{self:?}");
        text.split('(').next().unwrap_or_default().to_owned()
    }
}
