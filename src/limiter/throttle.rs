//! The share of the limits that the server lets through: less after a 429, slowly more again. Pure.
//!
//! A cut goes down to the part of the last second that got through, and happens at most once in a
//! window, since one excess brings a burst of refusals: a request that left before a cut took effect
//! says nothing about the rate after it, however late its answer comes. What would have been too
//! much is remembered as the ceiling: growth is quick until just below it, then so slow that probing
//! costs less than one request in a hundred, and gains speed once the ceiling has been passed. So
//! most time is spent just below what the server gives. It knows nothing of queues, retries or the
//! window.

use super::clock::Moment;
use super::mood::{Due, Mood};
use super::turns::SECOND;
use super::window::Limits;
use crate::domain::MAX_BATCH_ROWS;
use std::collections::VecDeque;
use std::time::Duration;

/// The whole of the limits; shares are billionths, so that slow growth is not rounded away.
pub(super) const WHOLE: u64 = 1_000_000_000;
/// The share never falls lower: one request a second is left of the platform's hundred.
const SMALLEST: u64 = WHOLE / 300;
/// The share of the requests is so much larger than that of the rows: a server that gives fewer rows
/// still takes them in a dozen batches, and one that gives fewer requests meets a smaller share.
const REQUESTS_LEAD: u64 = 3;
/// Pause of all callers after a 429 that names none.
const DEFAULT_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause taken from one `Retry-After`; a longer one is asked for again by the next 429.
const MAX_PAUSE: Duration = Duration::from_secs(3600);
/// A cut keeps at least and at most so much, in percent.
const LEAST_KEPT: u64 = 40;
const MOST_KEPT: u64 = 94;
/// Growth is quick up to so much of the ceiling, in percent.
const NEAR: u64 = 97;
/// Growth from there on takes a second for this part of the ceiling: so some fifteen seconds pass
/// from one excess to the next.
const PROBE_STEP: u64 = 400;
/// By so much it is slower for each second of pause that the server asks for after an excess.
const PROBE_STEP_PER_SECOND: u64 = 1_200;
/// By so much it is slower for each further refusal that the excess brought.
const PROBE_STEP_PER_REFUSAL: u64 = 100;
/// But refusals alone do not make it slower than this: a drop brings very many.
const MOST_FOR_REFUSALS: u64 = 1_200;
/// Never slower than this, whatever an excess costs.
const LONGEST_PROBE_STEP: u64 = 12_000;
/// How long answers are remembered, by the moment at which their requests left.
const MEMORY: Duration = Duration::from_secs(3);
/// So many answers tell how many requests are refused.
const FEW_ANSWERS: usize = 20;
/// Answers remembered at most; more in a second than any limit lets through.
const MAX_ANSWERS: usize = 4_096;
/// Batches of one window when the rate in force is small: a server that takes 15,000 rows a second
/// takes three batches of 5,000 but only one of 10,000.
const FEWEST_BATCHES: u32 = 3;
/// Batches of one window while the server throttles. The rate then changes under batches that are
/// cut already: of three, one cut by a twelfth would leave room for two only; of twelve, for eleven.
const THROTTLED_BATCHES: u32 = 12;

/// A request that was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) at: Moment,
    pub(super) rows: u32,
}

/// What is known about the server's readiness.
#[derive(Debug, Clone)]
pub(super) struct Throttle {
    share: u64,
    ceiling: Option<u64>,
    cut_at: Option<Moment>,
    grown_at: Moment,
    passed_at: Option<Moment>,
    paused_until: Moment,
    /// Growth near the ceiling takes a second for this part of it.
    probe_step: u64,
    /// What was answered of late, and whether it was taken.
    answers: VecDeque<(Sent, bool)>,
    mood: Mood,
    /// Requests that left and were taken since the last cut took effect.
    taken_since_cut: u32,
}

impl Throttle {
    /// Everything is let through.
    pub(super) fn open() -> Self {
        Self {
            share: WHOLE,
            ceiling: None,
            cut_at: None,
            grown_at: Moment::ZERO,
            passed_at: None,
            paused_until: Moment::ZERO,
            probe_step: PROBE_STEP,
            answers: VecDeque::new(),
            mood: Mood::default(),
            taken_since_cut: 0,
        }
    }

    /// The share of the limits in force, in billionths.
    pub(super) const fn share(&self) -> u64 {
        self.share
    }

    /// Until when nobody sends.
    pub(super) const fn paused_until(&self) -> Moment {
        self.paused_until
    }

    /// The limits in force; never zero, so that everything moves some time.
    pub(super) fn limits(&self, full: Limits) -> Limits {
        Limits {
            requests: scaled(full.requests, (self.share * REQUESTS_LEAD).min(WHOLE)),
            rows: scaled(full.rows, self.share),
        }
    }

    /// A 429 was seen.
    pub(super) fn refused(&mut self, now: Moment, sent: Sent, retry_after: Option<Duration>) {
        self.remember(sent, false);
        let refused_percent = self.refused_percent();
        if self.mood.tolerates(now, refused_percent) {
            if let Some(pause) = retry_after {
                self.pause(now, pause);
            }
            return;
        }
        // What the server counted before the cut took effect says nothing about the new rate.
        let is_old_news = self.cut_at.is_some_and(|at| sent.at <= at.after(SECOND));
        let pause = retry_after.or((!is_old_news).then_some(DEFAULT_PAUSE));
        if let Some(pause) = pause {
            self.pause(now, pause);
        }
        if is_old_news {
            // Late answers let one excess bring many refusals: the next one has to be further off.
            self.probe_step = (self.probe_step + PROBE_STEP_PER_REFUSAL)
                .min(MOST_FOR_REFUSALS.max(self.probe_step));
            return;
        }
        let due = Due {
            share: self.share,
            refused: refused_percent,
            quiet: self.cut_at.map(|_| self.taken_since_cut),
        };
        if let Some(share) = self.mood.instead_of(now, &due) {
            self.share = share;
            self.grown_at = self.paused_until;
            return;
        }
        let asked_for = retry_after.map_or(0, |pause| pause.as_secs());
        let slower = PROBE_STEP_PER_SECOND.saturating_mul(asked_for);
        self.probe_step = PROBE_STEP.saturating_add(slower).min(LONGEST_PROBE_STEP);
        let (taken, asked) = self.second_before(sent.at);
        let part = |rows: u64| self.share / 100 * (rows * 100 / asked);
        let too_much = part(taken + u64::from(sent.rows.max(1)));
        let least = self.share / 100 * LEAST_KEPT;
        let most = self.share / 100 * MOST_KEPT;
        // Large batches tell little: half of what was too much may be more than what was taken.
        let kept = part(taken).max(too_much / 2).clamp(least, most);
        self.ceiling = Some(too_much.clamp(kept, self.share));
        self.share = kept.max(SMALLEST);
        self.cut_at = Some(now);
        self.grown_at = self.paused_until;
        self.taken_since_cut = 0;
        self.passed_at = None;
    }

    fn pause(&mut self, now: Moment, pause: Duration) {
        self.paused_until = self.paused_until.max(now.after(pause.min(MAX_PAUSE)));
    }

    /// Refusals among the answers that are remembered, in a hundred.
    fn refused_percent(&self) -> u32 {
        let latest = self.answers.iter().rev().take(FEW_ANSWERS);
        let (refused, all) = latest.fold((0, 0), |(refused, all), (_, taken)| {
            (refused + u32::from(!taken), all + 1)
        });
        refused * 100 / all.max(1)
    }

    /// Rows that were taken and rows that were answered at all of those that left in this second.
    fn second_before(&self, end: Moment) -> (u64, u64) {
        let within = |at: Moment| at <= end && end.since(at) < SECOND;
        let recent = self.answers.iter().filter(|(sent, _)| within(sent.at));
        recent.fold((0, 0), |(taken, asked), (sent, was_taken)| {
            let rows = u64::from(sent.rows.max(1));
            (taken + if *was_taken { rows } else { 0 }, asked + rows)
        })
    }

    fn remember(&mut self, sent: Sent, taken: bool) {
        self.answers.push_back((sent, taken));
        while self.answers.len() > MAX_ANSWERS
            || (self.answers.len() > FEW_ANSWERS
                && self
                    .answers
                    .front()
                    .is_some_and(|(old, _)| sent.at.since(old.at) > MEMORY))
        {
            self.answers.pop_front();
        }
    }

    /// A request was answered with anything but a 429. Growth depends on time, not on the number
    /// of requests, but only while requests get through.
    pub(super) fn accepted(&mut self, now: Moment, sent: Sent) {
        self.remember(sent, true);
        if self.cut_at.is_some_and(|at| sent.at > at.after(SECOND)) {
            self.taken_since_cut = self.taken_since_cut.saturating_add(1);
        }
        let Some(ceiling) = self.ceiling else { return };
        let millis = now.since(self.grown_at).min(SECOND).as_millis();
        let millis = u64::try_from(millis).unwrap_or(0);
        if millis == 0 {
            return;
        }
        self.grown_at = now;
        let near = ceiling / 100 * NEAR;
        let passed = ceiling / 100 * 101;
        let grown = if self.mood.is_patient() {
            self.share + WHOLE / 20 * millis / 1000
        } else if self.share < near {
            (self.share + ceiling / 10 * millis / 1000).min(near)
        } else if self.share < passed {
            self.share + ceiling / self.probe_step * millis / 1000
        } else {
            let since = *self.passed_at.get_or_insert(now);
            let speed = now
                .since(since)
                .as_secs()
                .saturating_mul(2)
                .saturating_add(1);
            self.share + (self.share / 100).saturating_mul(speed) / 1000 * millis
        };
        self.share = grown.min(WHOLE);
        if self.share == WHOLE {
            self.ceiling = None;
            self.passed_at = None;
        }
    }
}

/// A limit times a share, at least one.
fn scaled(limit: u32, share: u64) -> u32 {
    let part = u64::from(limit).saturating_mul(share) / WHOLE;
    u32::try_from(part).unwrap_or(u32::MAX).max(1)
}

/// Rows of a batch that use these limits without a remainder: the rows divided by the number of
/// batches that they need at least, or by more while the server throttles.
pub(super) fn batch_rows(limits: Limits, is_throttled: bool) -> u32 {
    let needed = limits.rows.div_ceil(MAX_BATCH_ROWS).max(1);
    let wanted = if is_throttled {
        // Some requests are left for those that have to be sent again.
        THROTTLED_BATCHES.min(limits.requests / 3 * 2)
    } else {
        FEWEST_BATCHES
    };
    let possible = wanted.max(FEWEST_BATCHES).min(limits.requests);
    (limits.rows / possible.max(needed)).max(1)
}

/// Rows of a batch of at most `most` of which these limits take a whole number in a second; `most` where
/// the number of requests is the smaller limit.
pub(super) fn even_rows(limits: Limits, most: u32) -> u32 {
    let most = most.max(1);
    let needed = limits.rows.div_ceil(most);
    if needed > limits.requests {
        return most;
    }
    (limits.rows / needed.max(1)).clamp(1, most)
}

/// Most rows of a batch that is worth sending as it is while the server throttles; larger ones leave
/// too much of the rate unused, or never fit.
pub(super) fn most_rows(limits: Limits) -> u32 {
    batch_rows(limits, true).saturating_mul(2)
}
