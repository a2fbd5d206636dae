//! What the callers and the dispatcher share: the line of waiting requests and the throttle.
//!
//! Callers enter the line and report replies; only the dispatcher takes from it. The line is
//! bounded by the requests that the caller has in flight. Locks are held for a few instructions
//! and never across an await.

use super::clock::Moment;
use super::permit::Permit;
use super::throttle::{Throttle, batch_rows};
use super::window::Limits;
use super::{LimiterError, Waiting};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// What a caller waits for.
pub(super) type Outcome = Result<Permit, LimiterError>;

/// State shared by all [`super::Limiter`]s and the dispatcher of one process.
#[derive(Debug)]
pub(super) struct Shared {
    line: Mutex<Line>,
    changed: Notify,
}

#[derive(Debug)]
struct Line {
    waiters: VecDeque<Waiter>,
    next_id: u64,
    /// Which waiter is first, and since when.
    first: Option<(u64, Moment)>,
    throttle: Throttle,
    shown: Option<Waiting>,
    abandoned: bool,
    stopped: Option<LimiterError>,
}

#[derive(Debug)]
struct Waiter {
    id: u64,
    rows: u32,
    reply: oneshot::Sender<Outcome>,
}

/// The first waiting requests, first come first.
#[derive(Debug)]
pub(super) struct Front {
    ids: Vec<u64>,
    /// Rows of each.
    pub(super) rows: Vec<u32>,
    /// Since when the first is the first.
    pub(super) first_since: Moment,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            line: Mutex::new(Line {
                waiters: VecDeque::new(),
                next_id: 0,
                first: None,
                throttle: Throttle::open(),
                shown: None,
                abandoned: false,
                stopped: None,
            }),
            changed: Notify::new(),
        }
    }

    /// Enters the line; what is received is the permit.
    pub(super) fn enter(&self, rows: u32) -> Result<oneshot::Receiver<Outcome>, LimiterError> {
        let mut line = self.line();
        if let Some(error) = &line.stopped {
            return Err(error.clone());
        }
        let (reply, outcome) = oneshot::channel();
        let id = line.next_id;
        line.next_id = id.wrapping_add(1);
        line.waiters.push_back(Waiter { id, rows, reply });
        drop(line);
        self.changed.notify_one();
        Ok(outcome)
    }

    /// The first `most` requests whose callers still wait.
    pub(super) fn front(&self, now: Moment, most: usize) -> Option<Front> {
        let mut line = self.line();
        line.waiters.retain(|waiter| !waiter.reply.is_closed());
        let id = line.waiters.front().map(|waiter| waiter.id);
        line.first = match (line.first, id) {
            (Some((known, since)), Some(id)) if known == id => Some((id, since)),
            (_, id) => id.map(|id| (id, now)),
        };
        let (_, first_since) = line.first?;
        let front = line.waiters.iter().take(most);
        Some(Front {
            ids: front.clone().map(|waiter| waiter.id).collect(),
            rows: front.map(|waiter| waiter.rows).collect(),
            first_since,
        })
    }

    /// Gives a request of the front its permit and takes it out of the line.
    pub(super) fn hand_out(&self, front: &Front, index: usize, permit: Permit) {
        let mut line = self.line();
        let id = front.ids.get(index);
        let place = line.waiters.iter().position(|w| Some(&w.id) == id);
        let waiter = place.and_then(|place| line.waiters.remove(place));
        drop(line);
        if let Some(waiter) = waiter {
            // Not received: the permit comes back and is dropped, which marks its slot.
            drop(waiter.reply.send(Ok(permit)));
        }
    }

    /// The end of the pause and the limits in force.
    pub(super) fn in_force(&self, full: Limits) -> (Moment, Limits) {
        let throttle = self.line().throttle;
        (throttle.paused_until(), throttle.limits(full))
    }

    /// Most rows of a batch that uses the rate in force well.
    pub(super) fn max_rows(&self, full: Limits) -> u32 {
        batch_rows(self.line().throttle.limits(full).rows)
    }

    /// A 429 was seen.
    pub(super) fn refused(&self, retry_after: Option<Duration>) {
        self.line().throttle.refused(Moment::now(), retry_after);
        self.changed.notify_one();
    }

    /// A request got through.
    pub(super) fn accepted(&self) {
        self.line().throttle.accepted(Moment::now());
    }

    /// What holds the line back, for progress.
    pub(super) fn shown(&self) -> Option<Waiting> {
        self.line().shown
    }

    /// Sets what holds the line back.
    pub(super) fn show(&self, waiting: Option<Waiting>) {
        self.line().shown = waiting;
    }

    /// Nobody can ask any more.
    pub(super) fn abandon(&self) {
        self.line().abandoned = true;
        self.changed.notify_one();
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.line().abandoned
    }

    /// Nobody answers any more: everyone who waits or will ask gets the first such error.
    pub(super) fn stop(&self, error: &LimiterError) {
        let mut line = self.line();
        let error = line.stopped.get_or_insert_with(|| error.clone()).clone();
        line.shown = None;
        let waiters = std::mem::take(&mut line.waiters);
        drop(line);
        for waiter in waiters {
            drop(waiter.reply.send(Err(error.clone())));
        }
    }

    /// Waits until something the dispatcher looks at has changed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
