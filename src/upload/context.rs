//! What all workers of a run share, and what they know of a date.

use super::congestion::Congestion;
use super::event::{Event, Gauges, Observer};
use super::report::Status;
use super::seeded::Seeded;
use super::settings::RetrySettings;
use super::stop::Stop;
use crate::domain::Partition;
use crate::http::Client;
use crate::ledger::{BatchId, DeadLetter, Departures, InputId, Ledger, RegisteredPartition, RunId};
use crate::limiter::Limiter;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout_at};

/// Requests that bisecting may cost a date in one run.
pub(super) const MAX_BISECT_REQUESTS: u32 = 1_000;

/// What an upload needs from outside; clones share everything.
#[derive(Clone)]
pub struct Services {
    /// Durable memory.
    pub ledger: Arc<Ledger>,
    /// The platform.
    pub client: Client,
    /// The quota.
    pub limiter: Limiter,
    /// How many requests may be under way.
    pub congestion: Arc<Congestion>,
    /// Whoever wants to know.
    pub observer: Arc<dyn Observer>,
    /// Numbers of this run.
    pub gauges: Arc<Gauges>,
    /// The stop switch.
    pub stop: Stop,
}

/// How long the other batches wait for a word about the one that went ahead. At full rate a distant
/// server loses nothing by it: what the window could have taken meanwhile still fits into it.
const PROBE_PATIENCE: Duration = Duration::from_millis(500);

/// A batch that goes ahead alone, so that a wrong set-up costs few requests.
#[derive(Default)]
pub(super) struct Probe {
    taken: AtomicBool,
    progress: watch::Sender<Progress>,
}

/// How far the batch that went ahead has come.
#[derive(Debug, Clone, Copy, Default)]
enum Progress {
    #[default]
    NotSent,
    /// Something of it was sent or answered last at this moment.
    Heard(Instant),
    Ended,
}

impl Probe {
    /// True for the first caller: its batch goes ahead.
    pub(super) fn take(&self) -> bool {
        !self.taken.swap(true, Ordering::Relaxed)
    }

    /// Something was sent or answered just now: while answers come, the others wait for the last.
    pub(super) fn heard(&self) {
        self.progress.send_if_modified(|progress| {
            let goes_on = !matches!(progress, Progress::Ended);
            if goes_on {
                *progress = Progress::Heard(Instant::now());
            }
            goes_on
        });
    }

    /// Lets the others go.
    pub(super) fn end(&self) {
        self.progress.send_replace(Progress::Ended);
    }

    /// Resolves when the others may go: at the end, or when nothing was heard for too long.
    pub(super) async fn ended(&self) {
        let mut listener = self.progress.subscribe();
        loop {
            let progress = *listener.borrow_and_update();
            let more = listener.changed();
            match progress {
                Progress::Ended => return,
                Progress::NotSent => drop(more.await),
                Progress::Heard(at) => {
                    if timeout_at(at + PROBE_PATIENCE, more).await.is_err() {
                        // Whoever comes later does not wait once more.
                        self.end();
                    }
                }
            }
        }
    }
}

/// Files and streams, for people. Clones share them; those that are met later are added.
#[derive(Debug, Clone, Default)]
pub(super) struct InputNames(Arc<RwLock<HashMap<InputId, String>>>);

impl InputNames {
    pub(super) fn new(names: HashMap<InputId, String>) -> Self {
        Self(Arc::new(RwLock::new(names)))
    }

    pub(super) fn add(&self, input: InputId, name: String) {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        names.insert(input, name);
    }

    fn get(&self, input: InputId) -> String {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.get(&input).cloned().unwrap_or_default()
    }
}

/// The services together with what is the same for every request of the run.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) services: Services,
    pub(super) run: RunId,
    pub(super) retry: RetrySettings,
    pub(super) spool_dir: PathBuf,
    pub(super) size_limit: Arc<SizeLimit>,
    /// Where requests are noted before they leave.
    pub(super) departures: Arc<Departures>,
    /// For the parts of a batch that is taken apart.
    pub(super) gzip_level: i32,
    /// Where ids come from a seed: how every batch begins.
    pub(super) seeded: Option<Seeded>,
    pub(super) input_names: InputNames,
    /// The first batch of the run: its dates share topic, stage, tenant and application.
    pub(super) probe: Arc<Probe>,
    /// The answer that says that one of these is wrong.
    pub(super) wrong_setup: Arc<OnceLock<String>>,
}

impl Context {
    /// What an answer said against a batch could not be recorded: at least that it did is, so that
    /// the next run does not take the 409 to its id for "all stored".
    pub(super) async fn remember_refusal(&self, batch: BatchId) {
        let noting = self.services.ledger.note_refusal_seen(batch);
        let _told_by_the_first_error = noting.committed().await;
    }

    /// A definite refusal of all of a batch could not be recorded: it gets its new id with the room on
    /// the disk that is kept for that.
    pub(super) async fn remember_definite_refusal(&self, batch: BatchId) {
        let renewing = self.services.ledger.renew_at_last(batch);
        let _told_by_the_first_error = renewing.committed().await;
    }

    /// File or stream of a record, for people.
    pub(super) fn input_name(&self, input: InputId) -> String {
        self.input_names.get(input)
    }

    /// Tells of rows that the platform refused.
    pub(super) fn tell_refused(&self, partition: &Partition, letters: &[DeadLetter]) {
        for letter in letters {
            self.tell(&Event::Rejected {
                partition: partition.clone(),
                input: self.input_name(letter.input),
                position: letter.position,
                code: letter.code.clone(),
                column: letter.column.clone(),
                message: letter.message.clone(),
                by_server: true,
            });
        }
    }

    pub(super) fn tell(&self, event: &Event) {
        self.services.observer.observe(event);
    }
}

/// The largest batch that the platform takes, as learnt from 413 answers in this run.
#[derive(Debug)]
pub(super) struct SizeLimit {
    rows: AtomicU32,
    /// Most rows that were taken at once.
    taken: AtomicU32,
    bytes: AtomicUsize,
}

impl SizeLimit {
    pub(super) const fn new(rows: u32, bytes: usize) -> Self {
        Self {
            rows: AtomicU32::new(rows),
            taken: AtomicU32::new(0),
            bytes: AtomicUsize::new(bytes),
        }
    }

    /// A batch of so many rows was taken. That others with fewer are too large is then the fault of
    /// single rows.
    pub(super) fn fits(&self, rows: u32) {
        self.taken.fetch_max(rows, Ordering::Relaxed);
    }

    /// A batch of so many rows was too large: half of it may fit.
    pub(super) fn too_large(&self, rows: u32) {
        self.rows
            .fetch_min(rows.div_ceil(2).max(1), Ordering::Relaxed);
    }

    pub(super) fn rows(&self) -> u32 {
        let taken = self.taken.load(Ordering::Relaxed);
        self.rows.load(Ordering::Relaxed).max(taken)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// A date of this run.
pub(super) struct DateRun {
    /// The ledger's row.
    pub(super) row: RegisteredPartition,
    /// Set when an answer stops the date.
    stopped: OnceLock<(Status, String)>,
    /// Whether a batch of the date was accepted, in this run or before: then the set-up is right,
    /// and a refused batch is the fault of its rows.
    accepted: AtomicBool,
    /// The first batch of the date.
    pub(super) probe: Probe,
    /// The right to take a batch apart just to see whether a part is accepted. Of many batches that
    /// are refused at one time the first one finds out for all.
    exploration: Arc<Semaphore>,
    bisect_requests: AtomicU32,
}

impl DateRun {
    pub(super) fn new(row: RegisteredPartition) -> Self {
        Self {
            stopped: OnceLock::new(),
            accepted: AtomicBool::new(row.accepted),
            row,
            probe: Probe::default(),
            exploration: Arc::new(Semaphore::new(1)),
            bisect_requests: AtomicU32::new(0),
        }
    }

    pub(super) const fn partition(&self) -> &Partition {
        &self.row.partition
    }

    /// Stops the date; the first reason stays. Tells whether this was the first.
    pub(super) fn stop(&self, status: Status, why: String) -> bool {
        let first = self.stopped.set((status, why)).is_ok();
        self.probe.end();
        first
    }

    pub(super) fn stopped(&self) -> Option<&(Status, String)> {
        self.stopped.get()
    }

    pub(super) fn note_accepted(&self) {
        self.accepted.store(true, Ordering::Relaxed);
        self.probe.end();
    }

    pub(super) fn has_accepted(&self) -> bool {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Waits for the right to explore.
    pub(super) async fn may_explore(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.exploration).acquire_owned().await.ok()
    }

    /// Takes requests from the budget of bisecting; false when it is used up.
    pub(super) fn may_bisect(&self, requests: u32) -> bool {
        let used = self.bisect_requests.fetch_add(requests, Ordering::Relaxed);
        used.saturating_add(requests) <= MAX_BISECT_REQUESTS
    }
}
