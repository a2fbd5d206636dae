//! The single dispatcher: the only place where requests of this process are let through.
//!
//! It waits for somebody to ask, for governor's smoother, then for a turn in the window, and keeps
//! the slots of requests that have not left yet alive. One owner makes first come, first served
//! possible and keeps large batches from starving behind small ones. It decides nothing itself:
//! the rule is in `turns`, the rate in `throttle`.

use super::clock::Moment;
use super::lateness::Lateness;
use super::permit::{Permit, Stamp};
use super::queue::{Front, Shared};
use super::shared::QuotaFile;
use super::smoother::Smoother;
use super::turns::{Ask, LOOK_AHEAD, Quota, SECOND, Turn};
use super::window::{Limits, Slot};
use super::{LimiterError, Waiting};
use std::sync::Arc;
use std::time::Duration;

/// How often slots and tickets of this process are renewed.
const HEARTBEAT: Duration = Duration::from_millis(250);

/// Where the log of the window is.
#[derive(Debug)]
enum Log {
    /// In this process alone.
    Own(Box<Quota>),
    /// In the file that all processes of the user share.
    Shared(QuotaFile),
}

/// A slot of this process.
#[derive(Debug)]
struct Held {
    slot: Slot,
    stamp: Stamp,
    /// One window, the guard and the largest allowance since its admission.
    occupied: Duration,
}

/// Hands out permits until every [`super::Limiter`] is dropped. Run it in a task.
#[derive(Debug)]
pub struct Dispatcher {
    shared: Arc<Shared>,
    log: Log,
    limits: Limits,
    /// One window and the guard.
    guarded: Duration,
    lateness: Lateness,
    process: u64,
    next_slot: u64,
    held: Vec<Held>,
    smoother: Smoother,
    /// Our ticket may be in the log.
    queued: bool,
}

/// What to do after a step.
enum Next {
    Again,
    At(Moment),
    End,
}

impl Dispatcher {
    pub(super) fn new(
        shared: Arc<Shared>,
        limits: Limits,
        guard: Duration,
        file: Option<QuotaFile>,
    ) -> Self {
        Self {
            shared,
            log: file.map_or_else(|| Log::Own(Box::new(Quota::unused())), Log::Shared),
            limits,
            guarded: SECOND + guard,
            lateness: Lateness::unknown(Moment::now()),
            // Random identities keep processes apart whatever their pid name space.
            process: rand::random::<u64>().max(1),
            next_slot: rand::random(),
            held: Vec::new(),
            smoother: Smoother::new(limits),
            queued: false,
        }
    }

    /// Serves until all limiters are dropped or the quota file fails; after a failure every
    /// present and later request gets the error. Never panics, never returns early otherwise.
    pub async fn run(mut self) {
        loop {
            let at = match self.step().await {
                Ok(Next::Again) => continue,
                Ok(Next::At(at)) => at,
                Ok(Next::End) => return,
                Err(error) => {
                    self.shared.stop(&error);
                    return;
                }
            };
            let shared = Arc::clone(&self.shared);
            if at == Moment::NEVER {
                shared.changed().await;
            } else {
                tokio::select! {
                    () = shared.changed() => {}
                    () = self.lateness.sleep_until(at) => {}
                }
            }
        }
    }

    /// Does what can be done now.
    async fn step(&mut self) -> Result<Next, LimiterError> {
        if self.shared.is_abandoned() {
            let process = self.process;
            self.update(move |quota, _| quota.withdraw(process)).await?;
            return Ok(Next::End);
        }
        let now = Moment::now();
        let occupied = self.guarded.saturating_add(self.lateness.allowance(now));
        for held in &mut self.held {
            // What keeps us from waking keeps a receiver from noticing what was sent before.
            held.occupied = held.occupied.max(occupied);
        }
        let Some(front) = self.shared.front(now, LOOK_AHEAD) else {
            self.shared.show(None);
            return self.idle(now, Moment::NEVER).await;
        };
        let (pause, limits) = self.shared.in_force(self.limits);
        if pause > now {
            self.shared.show(Some(Waiting::Pause));
            return self.idle(now, pause).await;
        }
        let first_rows = front.rows.first().copied().unwrap_or(0);
        if let Some(wait) = self.smoother.wait(first_rows) {
            self.shared.show(Some(if first_rows == 0 {
                Waiting::Requests
            } else {
                Waiting::Rows
            }));
            return self.idle(now, now.after(wait)).await;
        }
        let id = self.next_slot;
        let ask = Ask {
            process: self.process,
            limits,
            waiting: &front.rows,
            first_since: front.first_since,
            slot: id,
            occupied,
        };
        self.queued = true;
        let (turn, at) = self
            .update(|quota, now| (quota.admit(now, &ask), now))
            .await?;
        match turn {
            Turn::Take(index) => {
                self.hand_out((at, occupied), &front, index);
                Ok(Next::Again)
            }
            Turn::Wait(until, what) => {
                self.shared.show(Some(what));
                Ok(Next::At(until.min(at.after(HEARTBEAT))))
            }
        }
    }

    /// Nobody is to be let through before `until`: leaves the line, keeps the slots alive.
    async fn idle(&mut self, now: Moment, until: Moment) -> Result<Next, LimiterError> {
        if self.queued || self.is_stamp_due(now) {
            let process = self.process;
            self.update(move |quota, _| quota.withdraw(process)).await?;
            self.queued = false;
        }
        self.held.retain(|held| held.slot.expires > now);
        let heartbeat = if self.held.is_empty() {
            Moment::NEVER
        } else {
            now.after(HEARTBEAT)
        };
        Ok(Next::At(until.min(heartbeat)))
    }

    /// Gives the request that got a slot its permit.
    fn hand_out(&mut self, (now, occupied): (Moment, Duration), front: &Front, index: usize) {
        let stamp = Stamp::default();
        let rows = front.rows.get(index).copied().unwrap_or(0);
        self.held.push(Held {
            slot: Slot {
                id: self.next_slot,
                expires: now.after(occupied),
                rows,
            },
            stamp: stamp.clone(),
            occupied,
        });
        self.next_slot = self.next_slot.wrapping_add(1);
        self.smoother.left();
        self.queued = false;
        // A caller that has gone away drops the permit, which marks the slot as sent.
        self.shared.hand_out(front, index, Permit::new(stamp, rows));
    }

    /// Whether a slot has to be renewed in the log.
    fn is_stamp_due(&self, now: Moment) -> bool {
        let due = |held: &Held| renewed(held, now).is_some();
        self.held.iter().any(due)
    }

    /// Changes the quota, after having renewed our own slots in it: no decision is made on a log
    /// that lacks a send of this process.
    async fn update<T>(
        &mut self,
        change: impl FnOnce(&mut Quota, Moment) -> T,
    ) -> Result<T, LimiterError> {
        if let Log::Shared(file) = &mut self.log {
            file.lock().await?;
        }
        let held = &mut self.held;
        let apply = |quota: &mut Quota, now: Moment| {
            // One that is missing means that the log was lost and all have to be entered again.
            let live = held.iter().find(|held| held.slot.expires > now);
            let lost = live.is_some_and(|held| !quota.window.holds(held.slot));
            for held in held.iter_mut() {
                let new = renewed(held, now);
                held.slot.expires = new.unwrap_or(held.slot.expires);
                if new.is_some() || (lost && held.slot.expires > now) {
                    quota.stamp(now, held.slot);
                }
            }
            held.retain(|held| held.slot.expires > now);
            change(quota, now)
        };
        match &mut self.log {
            Log::Own(quota) => Ok(apply(quota, Moment::now())),
            Log::Shared(file) => file.update(apply),
        }
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.shared.stop(&LimiterError::Stopped);
    }
}

/// The new end of a slot when it has one: one second after its arrival once that is known, and
/// again and again later while the request has not left.
fn renewed(held: &Held, now: Moment) -> Option<Moment> {
    let occupied = held.occupied;
    let old = held.slot.expires;
    match held.stamp.arrived_by(occupied.saturating_sub(SECOND)) {
        Some(arrived) => Some(arrived.after(SECOND)).filter(|new| *new != old),
        None => Some(now.after(occupied)).filter(|new| new.since(old) >= HEARTBEAT),
    }
}
