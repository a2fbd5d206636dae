//! The signals that a run listens to: SIGINT and SIGTERM end it, SIGUSR1 asks how it is going.
//!
//! Used by `main` and the commands only; the engine gets futures and knows no signal. What a first
//! and a second signal mean is decided there.

use crate::upload::StopCause;
use std::io;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that come so soon after another one are the same: `timeout` signals the process and then its
/// group, which it is in.
const ECHO: Duration = Duration::from_millis(300);

/// The two stop signals, from now on.
#[derive(Debug)]
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
    last: Option<Instant>,
}

impl StopSignals {
    /// Takes the signals over from the system, whose way is to kill the process.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            last: None,
        })
    }

    /// Waits for the next one. Cancel-safe.
    pub async fn next(&mut self) -> StopCause {
        loop {
            let cause = self.receive().await;
            let now = Instant::now();
            let before = self.last.replace(now);
            if before.is_none_or(|before| now.duration_since(before) >= ECHO) {
                return cause;
            }
        }
    }

    async fn receive(&mut self) -> StopCause {
        tokio::select! {
            Some(()) = self.interrupt.recv() => StopCause::Interrupt,
            Some(()) = self.terminate.recv() => StopCause::Terminate,
            // Both streams end only with the runtime, and then nobody waits any more.
            else => std::future::pending().await,
        }
    }
}

/// SIGUSR1, from now on.
#[derive(Debug)]
pub struct StatusRequests(Signal);

impl StatusRequests {
    /// Takes the signal over from the system, whose way is to kill the process.
    pub fn listen() -> io::Result<Self> {
        signal(SignalKind::user_defined1()).map(Self)
    }

    /// Waits for the next one; false when there will be none. Cancel-safe.
    pub async fn next(&mut self) -> bool {
        self.0.recv().await.is_some()
    }
}
