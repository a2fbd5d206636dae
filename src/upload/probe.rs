//! The first batch of a date goes ahead alone, to find a wrong set-up with few requests.
//!
//! The others wait for its answer, together and only once: a server that takes long to answer costs
//! them the patience, not the patience for each handful of batches.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// How long the others wait. At the full rate it is the time in which the second of two full batches
/// becomes due.
const PATIENCE: Duration = Duration::from_millis(200);

/// Whether the first batch of a date is on its way, and whether it is still to be waited for.
#[derive(Debug)]
pub(super) struct Probe {
    begun: AtomicBool,
    over: watch::Sender<bool>,
}

impl Probe {
    /// Nobody has gone ahead.
    pub(super) fn new() -> Self {
        Self {
            begun: AtomicBool::new(false),
            over: watch::Sender::new(false),
        }
    }

    /// True for the first caller: its batch goes ahead.
    pub(super) fn begin(&self) -> bool {
        !self.begun.swap(true, Ordering::Relaxed)
    }

    /// The first batch was answered, or there is nothing to wait for: all others go.
    pub(super) fn end(&self) {
        self.over.send_replace(true);
    }

    /// Resolves when the first batch was answered or took long.
    pub(super) async fn over(&self) {
        let mut over = self.over.subscribe();
        let answered = tokio::time::timeout(PATIENCE, over.wait_for(|over| *over)).await;
        if answered.is_err() {
            self.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn a_first_batch_that_takes_long_is_waited_for_once_and_not_by_every_handful() {
        let probe = Probe::new();
        assert!(probe.begin() && !probe.begin());
        let start = Instant::now();
        tokio::join!(probe.over(), probe.over());
        assert_eq!(start.elapsed(), PATIENCE);
        for _ in 0..10 {
            probe.over().await;
        }
        assert_eq!(start.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_lets_the_others_go_at_once() {
        let probe = Probe::new();
        probe.begin();
        let start = Instant::now();
        let answer = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            probe.end();
        };
        tokio::join!(probe.over(), answer);
        assert_eq!(start.elapsed(), Duration::from_millis(20));
    }
}
