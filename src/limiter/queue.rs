//! What the callers and the dispatcher share: the line of waiting requests and the throttle.
//!
//! Callers enter the line and report replies; only the dispatcher takes from it. The line is
//! bounded by the requests that the caller has in flight. Locks are held for a few instructions
//! and never across an await.

use super::clock::Moment;
use super::permit::Permit;
use super::throttle::{Sent, Throttle, WHOLE, batch_rows, even_rows, most_rows};
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
    /// Its caller would rather send it in smaller parts than when it fits badly.
    divisible: bool,
    reply: oneshot::Sender<Outcome>,
}

/// A request that wants to enter the line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) rows: u32,
    /// Whether it may be turned away when it fits badly into the rate in force.
    pub(super) divisible: bool,
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

impl Line {
    /// Most rows of a batch that is let in as it is.
    fn most_rows(&self, full: Limits) -> u32 {
        if self.throttle.share() < WHOLE {
            most_rows(self.throttle.limits(full))
        } else {
            full.rows
        }
    }
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
    pub(super) fn enter(
        &self,
        full: Limits,
        entry: Entry,
    ) -> Result<oneshot::Receiver<Outcome>, LimiterError> {
        let Entry { rows, divisible } = entry;
        let mut line = self.line();
        if let Some(error) = &line.stopped {
            return Err(error.clone());
        }
        let most = line.most_rows(full);
        if divisible && rows > most {
            return Err(LimiterError::BatchTooLarge { rows, most });
        }
        let (reply, outcome) = oneshot::channel();
        let id = line.next_id;
        line.next_id = id.wrapping_add(1);
        line.waiters.push_back(Waiter {
            id,
            rows,
            divisible,
            reply,
        });
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
        let throttle = &self.line().throttle;
        (throttle.paused_until(), throttle.limits(full))
    }

    /// Most rows of a batch that uses the rate in force well.
    pub(super) fn max_rows(&self, full: Limits) -> u32 {
        let throttle = &self.line().throttle;
        batch_rows(throttle.limits(full), throttle.share() < WHOLE)
    }

    /// Rows of a batch of at most so many, of which the rate in force takes a whole number.
    pub(super) fn even_rows(&self, full: Limits, most: u32) -> u32 {
        even_rows(self.line().throttle.limits(full), most)
    }

    /// A 429 was seen. Who waits with a batch that has become too
    /// large for the rate is turned away, if it can be taken apart.
    pub(super) fn refused(&self, full: Limits, sent: Sent, retry_after: Option<Duration>) {
        let mut line = self.line();
        line.throttle.refused(Moment::now(), sent, retry_after);
        let most = line.most_rows(full);
        let (away, stay) = std::mem::take(&mut line.waiters)
            .into_iter()
            .partition(|waiter: &Waiter| waiter.divisible && waiter.rows > most);
        line.waiters = stay;
        drop(line);
        let away: VecDeque<Waiter> = away;
        for waiter in away {
            let rows = waiter.rows;
            drop(
                waiter
                    .reply
                    .send(Err(LimiterError::BatchTooLarge { rows, most })),
            );
        }
        self.changed.notify_one();
    }

    /// A request got through.
    pub(super) fn accepted(&self, sent: Sent) {
        self.line().throttle.accepted(Moment::now(), sent);
    }

    /// What holds the line back, for progress: a limit that the server has lowered is a pause.
    pub(super) fn shown(&self, full: Limits) -> Option<Waiting> {
        let line = self.line();
        let limits = line.throttle.limits(full);
        line.shown.map(|shown| match shown {
            Waiting::Rows if limits.rows < full.rows => Waiting::Pause,
            Waiting::Requests if limits.requests < full.requests => Waiting::Pause,
            shown => shown,
        })
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
