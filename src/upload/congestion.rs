//! How many requests may be under way when the server does not keep up with them.
//!
//! As many as the memory holds, until one is waited for in vain. Those that a server does not answer in
//! time lie in its queue, and are asked again behind all the others: with as many under way as before
//! it would work on what nobody waits for any more. From then on there are as many as it answered
//! within the last half of that time, so that each is answered within about that half; with every good
//! answer more are tried again.
//!
//! While a server refuses rows by the thousand there are few: its answers repeat them all, and are no part
//! of the budget of memory.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// So many requests at a time are no bound any more: there are never as many.
const MANY: usize = 1_024;
/// So many requests are under way while answers come that are read one after the other.
const FEW: usize = 4;
/// So many good answers let one more request out.
const ANSWERS_FOR_ONE_MORE: usize = 2;

/// Shared by all requests to a server.
#[derive(Debug, Default)]
pub struct Congestion {
    state: Mutex<State>,
    freed: Notify,
    long_answers: Arc<AtomicBool>,
}

/// A request that is under way; it is over when this is dropped.
#[derive(Debug)]
pub(super) struct UnderWay<'a>(&'a Congestion);

impl Congestion {
    /// Waits until one more request may be under way. May be dropped at any time.
    pub(super) async fn enter(&self) -> UnderWay<'_> {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if self.state().enter() {
                return UnderWay(self);
            }
            freed.await;
        }
    }

    /// Becomes true when an answer was so long that it was read alone.
    pub(super) fn long_answers(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.long_answers)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay<'_> {
    /// It was answered, so long after it was begun.
    pub(super) fn answered(&self, after: Duration) {
        if self.0.state().answered(Instant::now(), after) {
            self.0.freed.notify_one();
        }
    }

    /// Its answer is so long that it is read alone: others would wait in memory for their turn.
    pub(super) fn answered_at_length(&self) {
        self.0.long_answers.store(true, Ordering::Relaxed);
        self.0.state().take_few();
    }

    /// No answer came for so long.
    pub(super) fn waited_in_vain(&self, waited: Duration) {
        self.0.state().waited_in_vain(Instant::now(), waited);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
        self.0.freed.notify_one();
    }
}

#[derive(Debug, Default)]
struct State {
    under_way: usize,
    bound: Option<Bound>,
    /// When the last requests were answered.
    answers: VecDeque<Instant>,
}

#[derive(Debug)]
struct Bound {
    requests: usize,
    /// An answer that takes no longer is a good one.
    good: Duration,
    /// Answers since the bound grew last.
    answers: usize,
}

impl State {
    fn enter(&mut self) -> bool {
        let free = self
            .bound
            .as_ref()
            .is_none_or(|bound| self.under_way < bound.requests);
        self.under_way += usize::from(free);
        free
    }

    /// Tells whether one more may be under way now.
    fn answered(&mut self, now: Instant, after: Duration) -> bool {
        self.answers.push_back(now);
        if self.answers.len() > MANY {
            self.answers.pop_front();
        }
        let Some(bound) = &mut self.bound else {
            return false;
        };
        bound.answers += 1;
        let needed = if after <= bound.good {
            ANSWERS_FOR_ONE_MORE
        } else {
            bound.requests.max(ANSWERS_FOR_ONE_MORE)
        };
        if bound.answers < needed {
            return false;
        }
        bound.answers = 0;
        bound.requests += 1;
        if bound.requests >= MANY {
            self.bound = None;
        }
        true
    }

    fn take_few(&mut self) {
        let bound = self.bound.get_or_insert(Bound {
            requests: FEW,
            good: Duration::MAX,
            answers: 0,
        });
        bound.requests = bound.requests.min(FEW);
        bound.answers = 0;
    }

    fn waited_in_vain(&mut self, now: Instant, waited: Duration) {
        let good = waited / 2;
        let recent = |at: &&Instant| now.saturating_duration_since(**at) <= good;
        let answered = self.answers.iter().rev().take_while(recent).count();
        self.bound = Some(Bound {
            requests: answered.max(1),
            good,
            answers: 0,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(5);
    /// As many are sent before anything is known of the server.
    const FIRST: usize = 200;

    /// A server that answers one request after the other, also those that nobody waits for any more;
    /// tells how many requests it takes until so many are known to be answered.
    fn requests_for(batches: usize, service: Duration) -> usize {
        let mut state = State::default();
        let mut now = Instant::now();
        let (mut to_send, mut known, mut sent) = (batches, 0, 0);
        // Each with the moment at which it was sent.
        let mut queue: VecDeque<Instant> = VecDeque::new();
        let mut waited_for: VecDeque<Instant> = VecDeque::new();
        while known < batches {
            while to_send > 0 && (state.bound.is_some() || state.under_way < FIRST) && state.enter()
            {
                to_send -= 1;
                sent += 1;
                queue.push_back(now);
                waited_for.push_back(now);
            }
            let next = queue.pop_front();
            now += service;
            while waited_for.front().is_some_and(|at| now - *at > WAIT) {
                waited_for.pop_front();
                state.waited_in_vain(now, WAIT);
                state.under_way -= 1;
                to_send += 1;
            }
            if let (Some(next), Some(first)) = (next, waited_for.front().copied())
                && next == first
            {
                waited_for.pop_front();
                state.answered(now, now - first);
                state.under_way -= 1;
                known += 1;
            }
        }
        sent
    }

    #[test]
    fn a_server_that_is_slower_than_the_quota_is_not_asked_the_same_again_and_again() {
        let batches = 1_000;
        let sent = requests_for(batches, Duration::from_millis(200));
        assert!(sent < FIRST + batches * 5 / 4, "{sent}");
    }

    #[test]
    fn requests_that_are_late_now_and_then_change_little() {
        let mut state = State::default();
        let start = Instant::now();
        for millis in 0..5_000 {
            state.answered(
                start + Duration::from_millis(millis),
                Duration::from_secs(1),
            );
        }
        state.waited_in_vain(start + WAIT, WAIT);
        // More than were under way: one a millisecond, for a second each.
        assert_eq!(state.bound.unwrap().requests, MANY);
    }

    #[test]
    fn after_an_outage_it_begins_with_one_and_soon_there_is_no_bound() {
        let mut state = State::default();
        let now = Instant::now();
        state.waited_in_vain(now, WAIT);
        assert!(state.enter());
        assert!(!state.enter());
        let quick = Duration::from_millis(10);
        assert!(!state.answered(now, quick));
        assert!(state.answered(now, quick));
        assert!(state.enter());
        assert!(!state.enter());
        for _ in 0..2 * MANY {
            state.answered(now, quick);
        }
        assert!(state.bound.is_none());
    }

    #[test]
    fn long_answers_let_few_requests_out_until_others_come() {
        let mut state = State::default();
        let now = Instant::now();
        for _ in 0..3 {
            state.answered(now, WAIT);
            state.take_few();
        }
        assert_eq!((0..100).filter(|_| state.enter()).count(), FEW);
        for _ in 0..2 * ANSWERS_FOR_ONE_MORE {
            state.answered(now, WAIT);
        }
        assert_eq!((0..100).filter(|_| state.enter()).count(), 2);
    }

    #[tokio::test]
    async fn who_waits_goes_on_when_another_is_over() {
        let congestion = Congestion::default();
        let first = congestion.enter().await;
        first.waited_in_vain(WAIT);
        let mut second = std::pin::pin!(congestion.enter());
        tokio::select! {
            biased;
            _ = &mut second => panic!("two are under way"),
            () = std::future::ready(()) => {}
        }
        drop(first);
        second.await.answered(Duration::ZERO);
    }
}
