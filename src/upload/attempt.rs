//! One attempt at one request: a place in the quota, a fresh signature, an answer.

use super::congestion::UnderWay;
use super::context::Services;
use super::event::Gauges;
use crate::domain::Verdict;
use crate::http::{Answer, Outgoing};
use crate::limiter::{Limiter, LimiterError, Permit};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of the rows that a long answer repeats.
const LONG_ANSWER_BYTES: usize = 16 << 10;

/// What came of an attempt.
#[derive(Debug)]
pub(super) enum Attempt {
    /// An answer, or a failure with a meaning.
    Answered(Answer),
    /// The run stops before anything was sent.
    NotBegun,
    /// The batch has become too large for the rate in force; nothing was sent.
    FitsBadly,
    /// The run gave up waiting for the answer: the outcome is unknown.
    GivenUp,
}

/// What an attempt asks of the quota.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Rows of the request, zero for `done`.
    pub(super) rows: u32,
    /// Whether it may be taken apart instead of being sent.
    pub(super) divisible: bool,
}

impl Load {
    /// No rows at all.
    pub(super) const NONE: Self = Self {
        rows: 0,
        divisible: false,
    };

    /// Waits until one more request may be under way, and then for the quota.
    async fn acquire(self, services: &Services) -> Result<(UnderWay<'_>, Permit), LimiterError> {
        let under_way = services.congestion.enter().await;
        let permit = self.acquire_permit(&services.limiter).await?;
        Ok((under_way, permit))
    }

    async fn acquire_permit(self, limiter: &Limiter) -> Result<Permit, LimiterError> {
        if self.divisible {
            limiter.acquire_fitting(self.rows).await
        } else {
            limiter.acquire(self.rows).await
        }
    }
}

/// Waits for the quota, says that it `begins`, sends, judges; nothing is sent when `begins` says no. What
/// it gives is dropped once the
/// request has left, so that work which waits for that does not keep a receiver on this machine from
/// noticing it. A 429 slows everybody down before this returns.
pub(super) async fn attempt<T: Send + Sync + 'static>(
    services: &Services,
    outgoing: &Outgoing,
    load: Load,
    cancelled: impl Fn() -> bool,
    begins: impl FnOnce() -> Option<T>,
) -> Result<Attempt, LimiterError> {
    let gauges = &services.gauges;
    let (under_way, permit) = tokio::select! {
        biased;
        () = services.stop.draining() => return Ok(Attempt::NotBegun),
        acquired = load.acquire(services) => match acquired {
            Err(LimiterError::BatchTooLarge { .. }) if load.divisible => {
                return Ok(Attempt::FitsBadly);
            }
            acquired => acquired?,
        },
    };
    let permit = Arc::new(permit);
    let rows = load.rows;
    if cancelled() {
        return Ok(Attempt::NotBegun);
    }
    let Some(until_left) = begins() else {
        return Ok(Attempt::NotBegun);
    };
    let body_bytes = u64::try_from(outgoing.body().len()).unwrap_or(u64::MAX);
    Gauges::add(&gauges.requests, 1);
    Gauges::add(&gauges.requests_in_flight, 1);
    Gauges::add(&gauges.rows_in_flight, u64::from(rows));
    Gauges::add(&gauges.bytes_sent, body_bytes);
    let stamp = Arc::clone(&permit);
    let on_sent = move || {
        let _until_left = &until_left;
        stamp.sent();
    };
    let begun = Instant::now();
    let answer = tokio::select! {
        answer = services.client.send(outgoing, on_sent) => Some(answer),
        () = services.stop.aborting() => None,
    };
    if let Some(answer) = &answer {
        note_how_it_went(answer, begun.elapsed(), (&permit, &under_way), gauges);
    }
    drop(under_way);
    Gauges::sub(&gauges.requests_in_flight, 1);
    Gauges::sub(&gauges.rows_in_flight, u64::from(rows));
    let Some(answer) = answer else {
        return Ok(Attempt::GivenUp);
    };
    match answer.judged.verdict {
        Verdict::NotSent => {
            Gauges::sub(&gauges.requests, 1);
            Gauges::sub(&gauges.bytes_sent, body_bytes);
        }
        Verdict::Throttled => {
            Gauges::add(&gauges.throttled, 1);
            services
                .limiter
                .throttled(&permit, answer.judged.retry_after);
        }
        Verdict::Accepted => services.limiter.succeeded(&permit),
        _ => {}
    }
    Ok(Attempt::Answered(answer))
}

/// Tells the quota, and who bounds the requests under way, what became of one.
fn note_how_it_went(
    answer: &Answer,
    waited: Duration,
    (permit, under_way): (&Permit, &UnderWay<'_>),
    gauges: &Gauges,
) {
    if answer.judged.http_status.is_some() {
        permit.answered();
        under_way.answered(waited);
        Gauges::add(&gauges.answers, 1);
    }
    if is_long(&answer.judged.verdict) {
        under_way.answered_at_length();
    }
    if answer.timed_out {
        under_way.waited_in_vain(waited);
    }
}

/// Whether an answer repeats so many rows that memory for several of its kind is not there.
fn is_long(verdict: &Verdict) -> bool {
    let Verdict::PartRefused(errors) = verdict else {
        return false;
    };
    errors.iter().map(|error| error.data.len()).sum::<usize>() > LONG_ANSWER_BYTES
}

/// Waits after a failure; `false` when the run stops meanwhile.
pub(super) async fn back_off(services: &Services, wait: Duration) -> bool {
    Gauges::add(&services.gauges.backing_off, 1);
    let goes_on = tokio::select! {
        () = tokio::time::sleep(wait) => true,
        () = services.stop.draining() => false,
    };
    Gauges::sub(&services.gauges.backing_off, 1);
    goes_on
}
