//! How a run is told to stop, and how far the stopping has come.
//!
//! The first signal ends reading and new requests while those in flight finish; after the grace
//! period they are given up as *unknown*. One value owns this; everybody else only listens.

use super::report::Status;
use crate::input::Stores;
use std::sync::Arc;
use tokio::sync::watch;

/// How far a run is on its way to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Running,
    Draining,
    Aborting,
}

/// Why a run stops before its work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopCause {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// `--max-duration` is used up.
    MaxDuration,
    /// Something failed that makes going on pointless; the problem is reported by itself.
    Failure,
}

impl StopCause {
    /// The exit status that this cause alone asks for.
    pub const fn status(self) -> Status {
        match self {
            Self::Interrupt => Status::Interrupted,
            Self::Terminate => Status::Terminated,
            Self::MaxDuration => Status::Temporary,
            Self::Failure => Status::Success,
        }
    }
}

/// The stop switch of a run; clones share it.
#[derive(Debug, Clone)]
pub struct Stop {
    own: Arc<watch::Sender<(Level, Option<StopCause>)>>,
    /// Of the whole, of which this run is a part.
    whole: Option<Box<Self>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            own: Arc::new(watch::Sender::new((Level::Running, None))),
            whole: None,
        }
    }
}

impl Stop {
    /// The switch of one part of this run: it stops with the whole, and by itself the part alone.
    #[must_use]
    pub fn of_a_part(&self) -> Self {
        Self {
            whole: Some(Box::new(self.clone())),
            ..Self::default()
        }
    }

    /// Ends reading and new requests. The first cause stays.
    pub fn drain(&self, cause: StopCause) {
        self.raise(Level::Draining, cause);
    }

    /// Gives up the requests in flight as well.
    pub fn abort(&self, cause: StopCause) {
        self.raise(Level::Aborting, cause);
    }

    fn raise(&self, level: Level, cause: StopCause) {
        self.own.send_if_modified(|(now, why)| {
            let raised = level > *now;
            if raised {
                *now = level;
                why.get_or_insert(cause);
            }
            raised
        });
    }

    /// Why the run stops, once it does.
    pub fn cause(&self) -> Option<StopCause> {
        let own = self.own.borrow().1;
        own.or_else(|| self.whole.as_ref()?.cause())
    }

    /// Whether nothing new may be begun.
    pub fn is_draining(&self) -> bool {
        let own = self.own.borrow().0;
        own >= Level::Draining || self.whole.as_ref().is_some_and(|whole| whole.is_draining())
    }

    /// Resolves when nothing new may be begun.
    pub async fn draining(&self) {
        self.reached(Level::Draining).await;
    }

    /// The same stores, which nobody waits for once nothing new may be begun.
    pub(super) fn ending(&self, stores: &Stores) -> Stores {
        let stop = self.clone();
        stores.clone().until(move || {
            let stop = stop.clone();
            async move { stop.draining().await }
        })
    }

    /// Resolves when requests in flight are to be given up.
    pub async fn aborting(&self) {
        self.reached(Level::Aborting).await;
    }

    async fn reached(&self, level: Level) {
        let mut listener = self.own.subscribe();
        // The sender lives as long as `self`, so this ends only when the level is reached.
        let own = listener.wait_for(|(now, _)| *now >= level);
        match &self.whole {
            None => drop(own.await),
            Some(whole) => tokio::select! {
                _ = own => {}
                () = Box::pin(whole.reached(level)) => {}
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_cause_stays_and_levels_only_rise() {
        let stop = Stop::default();
        assert!(!stop.is_draining());
        stop.drain(StopCause::Interrupt);
        stop.abort(StopCause::Terminate);
        stop.drain(StopCause::Failure);
        stop.aborting().await;
        assert_eq!(stop.cause(), Some(StopCause::Interrupt));
    }

    #[tokio::test]
    async fn a_part_stops_alone_and_with_the_whole() {
        let whole = Stop::default();
        let (failed, other) = (whole.of_a_part(), whole.of_a_part());
        failed.drain(StopCause::Failure);
        failed.draining().await;
        assert!(!whole.is_draining() && !other.is_draining());
        whole.abort(StopCause::Interrupt);
        other.aborting().await;
        assert_eq!(other.cause(), Some(StopCause::Interrupt));
        assert_eq!(failed.cause(), Some(StopCause::Failure));
    }
}
