//! The loop that owns a run.
//!
//! It takes finished work before new work, hands cuts to compressing threads and takes them back in
//! order, hands intents to the ledger in that order, and starts one task for each batch. A date is
//! finished when all of it is read, compared and settled; dates do not wait for each other.

mod ending;
mod prepare;
mod rounds;

use super::batcher::Batcher;
use super::comparison::Comparison;
use super::context::{Context, DateRun};
use super::cut::{Cut, Message};
use super::date_state::DateState;
use super::deliver::{Delivery, deliver};
use super::done::{DoneReport, Finisher};
use super::event::{Event, Gauges};
use super::failure::worker_status;
use super::outcome::WorkerError;
use super::parcel::{Packed, Packer, pack};
use super::queue::{Ready, Slot, front};
use super::report::Status;
use super::settings::Settings;
use super::stop::StopCause;
use super::work::Work;
use super::{explain, failure};
use crate::domain::Partition;
use crate::ledger::{HeldInput, LedgerError};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};

/// In-flight requests when `--max-in-flight` is `auto`: memory and quota are the real bounds. At 100 requests
/// a second these are answers that take two and a half seconds; each takes some 40 KiB beside its batch.
const MAX_AUTO_IN_FLIGHT: usize = 256;

/// Batches that may be intended and wait for the quota: enough for the limiter to choose from, few
/// enough that a crash leaves few in doubt.
const MAX_UNSENT: usize = 12;

/// Messages that may wait between the reading thread and the loop.
const MESSAGE_QUEUE: usize = 2;

/// What an upload came to.
pub(super) struct UploadOutcome {
    /// What went wrong, with its meaning for the exit status.
    pub(super) problems: Vec<(Status, String)>,
    /// What became of each date's `done`.
    pub(super) dates: Vec<(Partition, DoneReport)>,
}

/// A run that is ready to begin.
pub(super) struct Engine {
    settings: Settings,
    context: Context,
    dates: Vec<DateState>,
    work: Vec<Work>,
    comparisons: Vec<Comparison>,
    finisher: Finisher,
    /// Locks, held until the run ends.
    _held: Vec<HeldInput>,
    tasks: JoinSet<(usize, Task)>,
    packer: Packer,
    /// For the next batch, among those that wait for their first attempt.
    place: Option<OwnedSemaphorePermit>,
    /// What is told once the inputs are on record.
    started: Option<Event>,
    /// Whether rows come from a live pipe, from which nobody can take them again.
    reads_a_pipe: bool,
    /// Whether more time was given to hand over what such a pipe gave.
    waits_for_pipe: bool,
    packing: VecDeque<Slot>,
    in_flight: usize,
    problems: Vec<(Status, String)>,
}

/// What a task of the run brings back.
enum Task {
    Delivered(Result<Delivery, WorkerError>),
    Recorded(Result<(), LedgerError>),
    Compared(Vec<usize>, Result<(), (Status, String)>),
    Finished(Result<DoneReport, WorkerError>),
}

impl Engine {
    /// Runs to the end.
    pub(super) async fn upload(mut self) -> UploadOutcome {
        let (messages, mut incoming) = mpsc::channel(MESSAGE_QUEUE);
        let reading = self.start_reading(messages);
        self.start_comparing();
        let stop = self.context.services.stop.clone();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let most_in_flight = self
            .settings
            .batch
            .max_in_flight
            .unwrap_or(MAX_AUTO_IN_FLIGHT);
        let places = Arc::new(Semaphore::new(MAX_UNSENT));
        let deadline = self.settings.run.max_duration.unwrap_or(Duration::MAX);
        let mut deadline = std::pin::pin!(tokio::time::sleep(deadline));
        let mut grace = std::pin::pin!(tokio::time::sleep(Duration::MAX));
        let (mut draining, mut more) = (false, true);
        while more || !self.packing.is_empty() || !self.tasks.is_empty() {
            // What is only recorded takes no room.
            let room = draining || self.in_flight < most_in_flight;
            let packed = !self.packing.is_empty();
            tokio::select! {
                biased;
                () = &mut grace, if draining => {
                    stop.abort(StopCause::Failure);
                    let until = self.after_grace(&mut incoming, more);
                    grace.as_mut().reset(until);
                }
                () = stop.draining(), if !draining => {
                    draining = true;
                    more &= self.drain(&mut incoming);
                    grace.as_mut().reset(tokio::time::Instant::now() + self.settings.run.grace);
                }
                () = &mut deadline, if !draining => stop.drain(StopCause::MaxDuration),
                Some(joined) = self.tasks.join_next(), if !self.tasks.is_empty() => match joined {
                    Ok((date, task)) => self.finished(date, task),
                    Err(error) => self.broken(Status::Unexpected, format!("a task of this program ended unexpectedly: {error}")),
                },
                place = Arc::clone(&places).acquire_owned(), if packed && self.place.is_none() => {
                    self.place = place.ok();
                }
                slot = front(&mut self.packing), if packed && room && self.place.is_some() => {
                    self.packing.pop_front();
                    self.packed(slot);
                }
                message = incoming.recv(), if more && self.packing.len() < cores => match message {
                    Some(message) => self.received(message),
                    None => more = false,
                },
            }
            // Asked now: what ended just above may have told the run to stop.
            self.finish_ready_dates(stop.is_draining());
        }
        if !stop.is_draining()
            && let Err(error) = reading.await
        {
            self.broken(
                Status::Unexpected,
                format!("the reading thread ended unexpectedly: {error}"),
            );
        }
        self.outcome()
    }

    fn start_reading(&mut self, messages: mpsc::Sender<Message>) -> JoinHandle<()> {
        let settings = self.settings.batch;
        let work = std::mem::take(&mut self.work);
        self.reads_a_pipe = settings.linger.is_some() && work.iter().any(Work::reads_a_pipe);
        // Another attempt with the same seed has to cut the same batches, whatever the server says.
        let seeded = self.settings.run.seed.is_some();
        let size_limit = Arc::clone(&self.context.size_limit);
        let limiter = self.context.services.limiter.clone();
        let dates: Vec<Arc<DateRun>> = self.dates.iter().map(|d| Arc::clone(&d.run)).collect();
        let batcher = Batcher {
            settings: self.settings.input.clone(),
            limits: Arc::new(move |fitting| {
                if seeded {
                    return (settings.rows.rows(), settings.bytes);
                }
                let most = size_limit.rows().min(limiter.max_rows()).max(1);
                let even = |fitting| limiter.even_rows(fitting);
                let rows = fitting.filter(|it| *it < most).map_or(most, even);
                (rows, size_limit.bytes())
            }),
            budget: self.budget(),
            runtime: Handle::current(),
            messages,
            gauges: Arc::clone(&self.context.services.gauges),
            rejected: Arc::new(AtomicU64::new(0)),
            stop_after_errors: self.settings.gate.stop_after_errors,
            spool_dir: self.context.spool_dir.clone(),
            linger: self.settings.batch.linger,
            is_ending: self.hands_over(),
            is_stopped: Arc::new(move |index| {
                dates
                    .get(index)
                    .is_some_and(|date| date.stopped().is_some())
            }),
        };
        tokio::task::spawn_blocking(move || batcher.run(work))
    }

    fn start_comparing(&mut self) {
        for comparison in std::mem::take(&mut self.comparisons) {
            for index in &comparison.dates {
                if let Some(date) = self.dates.get_mut(*index) {
                    date.outstanding += 1;
                }
            }
            let settings = self.settings.input.clone();
            let ledger = Arc::clone(&self.context.services.ledger);
            self.tasks.spawn_blocking(move || {
                let dates = comparison.dates.clone();
                let date = dates.first().copied().unwrap_or_default();
                (
                    date,
                    Task::Compared(dates, comparison.compare(&settings, &ledger)),
                )
            });
        }
    }

    fn received(&mut self, message: Message) {
        if !matches!(message, Message::Warning(_)) {
            self.tell_started();
        }
        match message {
            Message::Begun => {}
            Message::Cut(cut) => self.start_packing(*cut),
            Message::Round(round) => self.start_packing_round(*round),
            Message::PartitionRead(date) => self.packing.push_back(Slot::Read(date)),
            Message::PartitionFailed {
                partition,
                status,
                problem,
            } => self
                .packing
                .push_back(Slot::Failed(partition, status, problem)),
            Message::Warning(text) => self.context.tell(&Event::Warning(text)),
        }
    }

    fn start_packing(&mut self, cut: Cut) {
        let packer = self.packer.clone();
        let date = cut.partition;
        let handle = tokio::task::spawn_blocking(move || pack(cut, &packer).map(Box::new));
        self.packing.push_back(Slot::Packing(date, handle));
    }

    fn packed(&mut self, slot: Ready) {
        match slot {
            Ready::Packed(_, Ok(packed)) => self.start_delivery(*packed),
            Ready::Packed(date, Err(error)) => {
                let status = failure::pack_status(&error);
                self.fail_date(date, status, explain::with_causes(&error));
            }
            Ready::Round(packed) => self.round_packed(packed),
            Ready::Part(date, part) => self.start_part(date, part),
            Ready::Read(date) => {
                if let Some(date) = self.dates.get_mut(date) {
                    date.read = true;
                }
            }
            Ready::Failed(date, status, problem) => self.cannot_read(date, status, problem),
        }
    }

    fn start_delivery(&mut self, mut packed: Packed) {
        let Some(date) = self.dates.get_mut(packed.partition) else {
            return;
        };
        // Once something of a date failed, nothing more of it is intended: it could not be sealed,
        // and the next run reads on exactly here.
        if date.failed.is_some() || date.run.stopped().is_some() {
            return;
        }
        let run = Arc::clone(&date.run);
        date.outstanding += 1;
        let index = packed.partition;
        let letters = packed.tell_rejects(&self.context, run.partition());
        Gauges::add(&self.context.services.gauges.rows_rejected, letters);
        let new_rows = packed.new_rows();
        let pending = packed
            .intention(&run.row)
            .map(|intention| self.context.services.ledger.intend(intention));
        let context = self.context.clone();
        let source_bytes = packed.source_bytes;
        let Some(mut parcel) = packed.parcel else {
            self.tasks.spawn(async move {
                let recorded = match pending {
                    Some(pending) => pending.committed().await.map(drop),
                    None => Ok(()),
                };
                Gauges::add(&context.services.gauges.bytes_settled, source_bytes);
                (index, Task::Recorded(recorded))
            });
            return;
        };
        self.in_flight += 1;
        if pending.is_some() {
            Gauges::add(&context.services.gauges.batches_unsettled, 1);
        }
        parcel.place = self.place.take();
        let probe = run.probe.take();
        self.tasks.spawn(async move {
            let delivered = async {
                if let Some(pending) = pending {
                    parcel.id = pending.committed().await?.unwrap_or(parcel.id);
                    Gauges::add(&context.services.gauges.rows_kept, new_rows);
                }
                deliver(&context, &run, parcel, probe).await
            };
            (index, Task::Delivered(delivered.await))
        });
    }

    fn finished(&mut self, date: usize, task: Task) {
        if matches!(task, Task::Delivered(_)) {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        let worked_for = match &task {
            Task::Finished(_) => Vec::new(),
            Task::Compared(dates, _) => dates.clone(),
            Task::Delivered(_) | Task::Recorded(_) => vec![date],
        };
        for date in worked_for {
            if let Some(state) = self.dates.get_mut(date) {
                state.outstanding = state.outstanding.saturating_sub(1);
            }
        }
        match task {
            Task::Delivered(Ok(delivery)) => self.delivered(date, delivery),
            Task::Delivered(Err(error)) | Task::Finished(Err(error)) => {
                self.broken(worker_status(&error), explain::with_causes(&error));
            }
            Task::Recorded(Ok(())) | Task::Compared(_, Ok(())) => {}
            Task::Recorded(Err(error)) => {
                self.broken(failure::ledger_status(&error), explain::with_causes(&error));
            }
            Task::Compared(dates, Err((status, problem))) => {
                for date in dates {
                    self.fail_date(date, status, problem.clone());
                }
            }
            Task::Finished(Ok(report)) => {
                if let Some(state) = self.dates.get_mut(date) {
                    state.done = Some(report);
                }
            }
        }
    }

    fn delivered(&mut self, date: usize, delivery: Delivery) {
        match delivery {
            Delivery::Settled | Delivery::Interrupted => {}
            Delivery::Blocked(why) => self.problems.push((Status::Unfinished, why)),
            Delivery::DateStopped => {
                let stopped = self
                    .dates
                    .get(date)
                    .and_then(|state| state.run.stopped().cloned());
                if let Some((status, why)) = stopped {
                    self.fail_date(date, status, why);
                }
            }
            Delivery::RunStopped(status, why) => self.stop_run(date, status, why),
            Delivery::Exhausted(why) => self.stop_run(date, Status::Temporary, why),
        }
    }

    /// A date cannot be finished in this run.
    fn fail_date(&mut self, date: usize, status: Status, why: String) {
        let Some(state) = self.dates.get_mut(date) else {
            return;
        };
        if state.failed.is_none() {
            state.run.stop(status, why.clone());
            // Dates that share an input fail for one reason.
            if !self.problems.iter().any(|(_, known)| *known == why) {
                self.problems.push((status, why.clone()));
            }
            state.failed = Some((status, why));
        }
    }

    /// Neither this date nor the run can go on.
    fn stop_run(&mut self, date: usize, status: Status, why: String) {
        self.broken(status, why.clone());
        if let Some(state) = self.dates.get_mut(date) {
            state.failed.get_or_insert((status, why));
        }
    }

    /// The run cannot go on.
    fn broken(&mut self, status: Status, why: String) {
        if !self.problems.iter().any(|(_, known)| *known == why) {
            self.problems.push((status, why));
        }
        self.context.services.stop.drain(StopCause::Failure);
    }
}
