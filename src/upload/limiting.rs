//! What an upload is waiting for most, looked at now and then for whoever shows progress.

use super::event::{Gauges, Limiting};
use crate::limiter::{Limiter, Waiting};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Distance between two looks.
const EVERY: Duration = Duration::from_millis(100);
/// When nothing was answered for so long, requests that are repeated meanwhile may well wait for the
/// quota, but it is not the quota that holds the upload back.
const SILENCE: Duration = Duration::from_secs(5);

/// So many requests at one time do not wait for the source, whatever it does: it gave them faster than they
/// are answered.
const BACKLOG: u64 = 8;

/// Keeps the gauge up to date until it is dropped.
pub async fn watch_what_limits(limiter: Limiter, gauges: Arc<Gauges>) {
    let mut silence = Silence::default();
    loop {
        let silent = silence.is_long(&gauges, Instant::now());
        let waiting = limiter.waiting_for().filter(|_| !silent);
        gauges.limited_by(limit_now(waiting, &gauges, silent));
        tokio::time::sleep(EVERY).await;
    }
}

/// Since when an answer is waited for.
#[derive(Default)]
struct Silence {
    answers: u64,
    since: Option<Instant>,
}

impl Silence {
    /// Whether nothing was answered for long although something was asked.
    fn is_long(&mut self, gauges: &Gauges, now: Instant) -> bool {
        let answers = Gauges::get(&gauges.answers);
        let is_any = |gauge| Gauges::get(gauge) > 0;
        // Between two attempts a batch is neither on its way nor backing off.
        let goes_on = self.since.is_some() && is_any(&gauges.batches_unsettled);
        let is_asked = is_any(&gauges.requests_in_flight) || is_any(&gauges.backing_off) || goes_on;
        if answers != self.answers || !is_asked {
            (self.answers, self.since) = (answers, None);
        }
        if !is_asked {
            return false;
        }
        let since = *self.since.get_or_insert(now);
        now.saturating_duration_since(since) >= SILENCE
    }
}

/// The quota when somebody waits for it; otherwise answers, when reading has to wait for them, has
/// ended, many are awaited, or none has come for long; otherwise the source.
fn limit_now(waiting: Option<Waiting>, gauges: &Gauges, silent: bool) -> Limiting {
    let is_any = |gauge| Gauges::get(gauge) > 0;
    let in_flight = is_any(&gauges.requests_in_flight);
    let backlog = Gauges::get(&gauges.requests_in_flight) >= BACKLOG;
    match waiting {
        Some(Waiting::Rows) => Limiting::RowRate,
        Some(Waiting::Requests) => Limiting::RequestRate,
        Some(Waiting::Pause) => Limiting::Server,
        None if !in_flight && (silent || is_any(&gauges.backing_off)) => Limiting::Network,
        None if in_flight && (silent || backlog || is_any(&gauges.reading_waits)) => {
            Limiting::Server
        }
        None => Limiting::Reading,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_the_upload_back_is_named() {
        let gauges = Gauges::default();
        let limit = |waiting| limit_now(waiting, &gauges, false);
        assert_eq!(limit(None), Limiting::Reading);
        Gauges::add(&gauges.requests_in_flight, 1);
        assert_eq!(limit(None), Limiting::Reading);
        Gauges::add(&gauges.requests_in_flight, BACKLOG);
        assert_eq!(limit(None), Limiting::Server);
        Gauges::sub(&gauges.requests_in_flight, BACKLOG);
        Gauges::add(&gauges.reading_waits, 1);
        assert_eq!(limit(None), Limiting::Server);
        assert_eq!(limit(Some(Waiting::Rows)), Limiting::RowRate);
        assert_eq!(limit(Some(Waiting::Pause)), Limiting::Server);
        Gauges::sub(&gauges.requests_in_flight, 1);
        Gauges::add(&gauges.backing_off, 1);
        assert_eq!(limit(None), Limiting::Network);
        assert_eq!(limit(Some(Waiting::Requests)), Limiting::RequestRate);
    }

    #[test]
    fn a_server_that_says_nothing_is_what_limits() {
        let gauges = Gauges::default();
        let mut silence = Silence::default();
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(!silence.is_long(&gauges, start));
        Gauges::add(&gauges.requests_in_flight, 1);
        assert!(!silence.is_long(&gauges, after(10)));
        Gauges::add(&gauges.answers, 1);
        assert!(!silence.is_long(&gauges, after(20)));
        assert!(!silence.is_long(&gauges, after(24)));
        assert!(silence.is_long(&gauges, after(25)));
        assert_eq!(limit_now(None, &gauges, true), Limiting::Server);
        Gauges::sub(&gauges.requests_in_flight, 1);
        Gauges::add(&gauges.backing_off, 1);
        assert!(silence.is_long(&gauges, after(26)));
        assert_eq!(limit_now(None, &gauges, true), Limiting::Network);
        Gauges::add(&gauges.answers, 1);
        assert!(!silence.is_long(&gauges, after(27)));
    }
}
