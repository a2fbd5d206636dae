//! The limiter: at most so many requests and rows in any second, as a receiver sees them.
//!
//! `acquire` → line → [`Dispatcher`] → governor's smoother → turn in the window → [`Permit`] → send.
//! The guarantee is the exact log in `window`; a token bucket lets its burst and its rate through
//! in one second, so governor only evens out bursts, a little faster than the quota. With a quota
//! file the log in it is the window of all processes of a user and a target (ledger.md section 4).
//! Every attempt needs a permit: retries, `done` and probes too. It sends nothing and retries
//! nothing.

mod clock;
mod dispatcher;
mod error;
mod lateness;
mod layout;
mod lease;
mod mood;
mod permit;
mod place;
mod queue;
mod remote;
mod service;
mod shared;
mod smoother;
mod throttle;
mod turns;
mod unlimited;
mod window;

#[cfg(test)]
mod tests;

pub use dispatcher::Dispatcher;
pub use error::LimiterError;
pub use permit::Permit;
pub use place::{quota_file_path, shared_directory};
pub use remote::{QuotaConnection, QuotaService};
pub use service::serve;

use clock::Moment;
use permit::Stamp;
use queue::{Entry, Shared};
use shared::QuotaFile;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use turns::MAX_GUARD;
use unlimited::Pacer;
use window::Limits;

/// Most requests a second that can be asked for; the quota file holds this many and some to spare.
pub const MAX_REQUESTS_PER_SECOND: u32 = 1000;
/// How much later than its send a request may arrive by default (`--rate-guard`).
pub const DEFAULT_GUARD: Duration = Duration::from_millis(10);

/// What the limiter has to hold.
#[derive(Debug, Clone)]
pub struct LimitSettings {
    /// Requests in any one second, at most [`MAX_REQUESTS_PER_SECOND`]; the platform's quota is 100
    /// (D108601).
    pub requests_per_second: NonZeroU32,
    /// Rows in any one second; the platform's quota is 50,000 (D108601).
    pub rows_per_second: NonZeroU32,
    /// How much later than its send a request may arrive; at most one second.
    pub guard: Duration,
    /// The log shared with other processes ([`quota_file_path`]); `None` keeps to this process.
    pub quota_file: Option<PathBuf>,
}

/// What holds the first waiting request back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// The rows of the last second.
    Rows,
    /// The requests of the last second, or the spacing between two.
    Requests,
    /// The server asked for less: a pause, or a rate below the one that was set.
    Pause,
}

/// Asks for permission to send. Clones share the limits.
#[derive(Debug, Clone)]
pub struct Limiter(Arc<Handle>, Option<QuotaService>);

#[derive(Debug)]
enum Handle {
    Limited { shared: Arc<Shared>, limits: Limits },
    Unlimited(Mutex<Pacer>),
}

impl Limiter {
    /// A limiter and the dispatcher that has to run for it (`dispatcher.run()` in a task). Opens or
    /// makes the quota file. Fails on settings out of range and on a file that cannot be used.
    pub fn new(settings: LimitSettings) -> Result<(Self, Dispatcher), LimiterError> {
        let limits = Limits {
            requests: settings.requests_per_second.get(),
            rows: settings.rows_per_second.get(),
        };
        if limits.requests > MAX_REQUESTS_PER_SECOND {
            return Err(LimiterError::TooManyRequests {
                asked: limits.requests,
                most: MAX_REQUESTS_PER_SECOND,
            });
        }
        if settings.guard > MAX_GUARD {
            return Err(LimiterError::GuardTooLong {
                asked: settings.guard,
                most: MAX_GUARD,
            });
        }
        let occupied = turns::SECOND + settings.guard;
        let open = |path: PathBuf| QuotaFile::open(&path, occupied);
        let file = settings.quota_file.map(open).transpose()?;
        let shared = Arc::new(Shared::new());
        let dispatcher = Dispatcher::new(Arc::clone(&shared), limits, settings.guard, file);
        Ok((
            Self(Arc::new(Handle::Limited { shared, limits }), None),
            dispatcher,
        ))
    }

    /// No limits (`--no-rate-limit`): permits come at once, except that a 429 slows down here too.
    pub fn unlimited() -> Self {
        Self(Arc::new(Handle::Unlimited(Mutex::new(Pacer::open()))), None)
    }

    /// The same limits, and each request takes a place in the window of a quota service as well.
    #[must_use]
    pub fn leasing(self, service: QuotaService) -> Self {
        Self(self.0, Some(service))
    }

    /// Waits for permission to send one request with `rows` rows (0 for `done` and probes). May be
    /// dropped at any time. Fails at once when no window can hold so many rows, and when the quota
    /// file fails. Rows beyond [`Limiter::max_rows`] are let in when they have a window alone.
    pub async fn acquire(&self, rows: u32) -> Result<Permit, LimiterError> {
        let divisible = false;
        self.enter(Entry { rows, divisible }).await
    }

    /// The same for a batch that can be taken apart: fails with
    /// [`LimiterError::BatchTooLarge`], at once or later, when the server has throttled the rate so
    /// far that smaller batches would use it better, or this one would never get through.
    pub async fn acquire_fitting(&self, rows: u32) -> Result<Permit, LimiterError> {
        let divisible = rows > 1;
        self.enter(Entry { rows, divisible }).await
    }

    async fn enter(&self, entry: Entry) -> Result<Permit, LimiterError> {
        let rows = entry.rows;
        let permit = self.enter_here(entry).await?;
        match &self.1 {
            Some(service) => Ok(permit.leased(service.take(rows).await?)),
            None => Ok(permit),
        }
    }

    async fn enter_here(&self, entry: Entry) -> Result<Permit, LimiterError> {
        let rows = entry.rows;
        match &*self.0 {
            Handle::Limited { limits, .. } if rows > limits.rows => {
                Err(LimiterError::BatchTooLarge {
                    rows,
                    most: limits.rows,
                })
            }
            Handle::Limited { shared, limits } => {
                let outcome = shared.enter(*limits, entry)?;
                outcome.await.unwrap_or(Err(LimiterError::Stopped))
            }
            Handle::Unlimited(pacer) => loop {
                let now = Moment::now();
                let most = lock(pacer).most_rows();
                if entry.divisible && rows > most {
                    return Err(LimiterError::BatchTooLarge { rows, most });
                }
                let taken = lock(pacer).take(now, rows);
                match taken {
                    Ok(()) => return Ok(Permit::new(Stamp::default(), rows)),
                    Err(until) => tokio::time::sleep(until.since(now)).await,
                }
            },
        }
    }

    /// Rows of a batch that uses the rate in force without a remainder, at least one. It shrinks
    /// when the server throttles: 15,000 rows a second take three batches of 5,000, not one of
    /// 10,000, and smaller ones as long as the rate in force changes.
    pub fn max_rows(&self) -> u32 {
        match &*self.0 {
            Handle::Limited { shared, limits } => shared.max_rows(*limits),
            Handle::Unlimited(pacer) => lock(pacer).max_rows(),
        }
    }

    /// Rows of a batch that can have no more than `most`, so that the rate in force takes a whole number
    /// of them: with 8,380 rows in a batch five would be a sixth less than 50,000 rows a second, and six
    /// too many; with 8,333 six are all of them.
    pub fn even_rows(&self, most: u32) -> u32 {
        match &*self.0 {
            Handle::Limited { shared, limits } => shared.even_rows(*limits, most),
            Handle::Unlimited(_) => most,
        }
    }

    /// The server answered 429 to the request with this permit: everybody pauses, for `retry_after`
    /// if it said so, and the rate falls, once for all the 429s of one window.
    pub fn throttled(&self, permit: &Permit, retry_after: Option<Duration>) {
        let now = Moment::now();
        let sent = permit.request(now);
        match &*self.0 {
            Handle::Limited { shared, limits } => shared.refused(*limits, sent, retry_after),
            Handle::Unlimited(pacer) => lock(pacer).refused(now, sent, retry_after),
        }
    }

    /// The server took the request with this permit; after a 429 the rate grows back with time, as
    /// long as requests get through.
    pub fn succeeded(&self, permit: &Permit) {
        let now = Moment::now();
        let sent = permit.request(now);
        match &*self.0 {
            Handle::Limited { shared, .. } => shared.accepted(sent),
            Handle::Unlimited(pacer) => lock(pacer).accepted(now, sent),
        }
    }

    /// What holds the first waiting request back at present; `None` when nobody waits.
    pub fn waiting_for(&self) -> Option<Waiting> {
        match &*self.0 {
            Handle::Limited { shared, limits } => shared.shown(*limits),
            Handle::Unlimited(pacer) => {
                let waits = lock(pacer).is_waiting(Moment::now());
                waits.then_some(Waiting::Pause)
            }
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Self::Limited { shared, .. } = self {
            shared.abandon();
        }
    }
}

fn lock(pacer: &Mutex<Pacer>) -> MutexGuard<'_, Pacer> {
    pacer.lock().unwrap_or_else(PoisonError::into_inner)
}
