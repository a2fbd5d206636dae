//! Signals that come while a command reads or plans, before there is a run that could be drained.
//!
//! The system's way with them is to kill the process without a word; a person and cron want the status, the
//! summary and the next command, as they get them later on.

use super::Failure;
use crate::cli::signals::StopSignals;
use crate::upload::StopCause;
use anyhow::Context as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Whether somebody has asked to stop, from the moment on when it was made.
pub(super) struct Asked {
    signals: StopSignals,
    cause: Option<StopCause>,
}

impl Asked {
    /// Takes the signals over.
    pub(super) fn from_now() -> Result<Self, Failure> {
        let signals = StopSignals::listen().context("cannot listen to signals")?;
        Ok(Self {
            signals,
            cause: None,
        })
    }

    /// Whether a signal has come, for work that does not wait for anything.
    pub(super) fn has_come(&mut self) -> bool {
        if self.cause.is_none() {
            let next = pin!(self.signals.next());
            if let Poll::Ready(cause) = next.poll(&mut Context::from_waker(Waker::noop())) {
                self.cause = Some(cause);
            }
        }
        self.cause.is_some()
    }

    /// Waits for a signal. Cancel-safe.
    pub(super) async fn stop(&mut self) -> StopCause {
        match self.cause {
            Some(cause) => cause,
            None => self.signals.next().await,
        }
    }

    /// Waits for a signal, and remembers that it came. Cancel-safe.
    pub(super) async fn stop_once(&mut self) -> StopCause {
        let cause = self.stop().await;
        self.cause = Some(cause);
        cause
    }

    /// The signal that has come, and where the next ones come in.
    pub(super) fn into_parts(self) -> (StopSignals, Option<StopCause>) {
        (self.signals, self.cause)
    }
}

/// How a command ends that keeps nothing and sends nothing.
pub(super) fn interrupted(cause: StopCause) -> Failure {
    let text = "interrupted; nothing was sent or recorded; run the same command again";
    Failure::new(cause.status(), anyhow::Error::msg(text))
}
