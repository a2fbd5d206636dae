//! Whether and when a request is tried again.
//!
//! Floor 1 and pure: verdict, attempts, elapsed time and a random number in, a decision out. Which
//! Request-Id the next attempt carries is the ledger's business, and so is the splitting of batches.

use crate::domain::{DateState, Verdict};
use std::time::Duration;

/// How long to try one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Upper end of the first wait; it doubles with every attempt.
    pub base: Duration,
    /// Upper end of any wait that the server did not ask for.
    pub max_delay: Duration,
    /// Time from the first attempt after which no other one begins.
    pub budget: Duration,
}

/// A request that was tried.
#[derive(Debug, Clone, Copy)]
pub struct Tried<'a> {
    /// What the last attempt came to.
    pub verdict: &'a Verdict,
    /// Attempts so far, at least 1.
    pub attempts: u32,
    /// Time since the first attempt.
    pub elapsed: Duration,
    /// Evenly distributed in 0..1; anything outside is moved to the nearer end.
    pub random: f64,
    /// What the server asked for.
    pub retry_after: Option<Duration>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Try again after this time.
    Wait(Duration),
    /// Do not try again in this run.
    Stop(StopReason),
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Time cannot change this verdict.
    Permanent,
    /// The budget is used up, or would be before the server wants to be asked again.
    BudgetSpent,
}

impl Backoff {
    /// Exponential with full jitter, so that many workers do not return together. A `Retry-After`
    /// is the least wait; the last wait is shortened so that one attempt falls on the budget's end.
    pub fn decide(&self, tried: &Tried<'_>) -> Decision {
        if !is_temporary(tried.verdict) {
            return Decision::Stop(StopReason::Permanent);
        }
        let left = self.budget.saturating_sub(tried.elapsed);
        let asked = tried.retry_after.unwrap_or_default();
        if left.is_zero() || asked > left {
            return Decision::Stop(StopReason::BudgetSpent);
        }
        let doublings = tried.attempts.saturating_sub(1);
        let ceiling = self
            .base
            .saturating_mul(2_u32.saturating_pow(doublings))
            .min(self.max_delay);
        // A NaN would make `mul_f64` panic.
        let random = if tried.random.is_nan() {
            0.0
        } else {
            tried.random.clamp(0.0, 1.0)
        };
        Decision::Wait(ceiling.mul_f64(random).max(asked).min(left))
    }
}

/// Whether the same request may fare better later (`cli.md` section 4, `byteair-api.md` 6.1).
pub fn is_temporary(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Throttled
        | Verdict::ServerError
        | Verdict::Unknown
        | Verdict::RefusalUnread
        | Verdict::NotSent
        | Verdict::Date(DateState::DataCleaning) => true,
        Verdict::Accepted
        | Verdict::PartRefused(_)
        | Verdict::Duplicate
        | Verdict::TooLarge
        | Verdict::Date(_)
        | Verdict::Setup(_)
        | Verdict::ClientBug
        | Verdict::Unauthorized
        | Verdict::PoisonSuspected
        | Verdict::NotFound
        | Verdict::Unexpected => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SetupFault;

    const BACKOFF: Backoff = Backoff {
        base: Duration::from_millis(500),
        max_delay: Duration::from_secs(60),
        budget: Duration::from_secs(900),
    };

    fn tried(attempts: u32, elapsed: u64, random: f64) -> Tried<'static> {
        Tried {
            verdict: &Verdict::Unknown,
            attempts,
            elapsed: Duration::from_secs(elapsed),
            random,
            retry_after: None,
        }
    }

    fn wait(seconds: f64) -> Decision {
        Decision::Wait(Duration::from_secs_f64(seconds))
    }

    #[test]
    fn waits_double_up_to_the_longest_and_are_fully_jittered() {
        assert_eq!(BACKOFF.decide(&tried(1, 0, 1.0)), wait(0.5));
        assert_eq!(BACKOFF.decide(&tried(2, 0, 1.0)), wait(1.0));
        assert_eq!(BACKOFF.decide(&tried(3, 0, 0.5)), wait(1.0));
        assert_eq!(BACKOFF.decide(&tried(8, 0, 1.0)), wait(60.0));
        assert_eq!(BACKOFF.decide(&tried(u32::MAX, 0, 1.0)), wait(60.0));
        assert_eq!(BACKOFF.decide(&tried(8, 0, 0.0)), wait(0.0));
    }

    #[test]
    fn odd_random_numbers_and_attempts_do_no_harm() {
        for random in [f64::NAN, f64::NEG_INFINITY, -1.0] {
            assert_eq!(BACKOFF.decide(&tried(1, 0, random)), wait(0.0));
        }
        assert_eq!(BACKOFF.decide(&tried(0, 0, f64::INFINITY)), wait(0.5));
    }

    #[test]
    fn retry_after_is_the_least_wait() {
        let mut tried = tried(1, 0, 1.0);
        tried.retry_after = Some(Duration::from_secs(90));
        assert_eq!(BACKOFF.decide(&tried), wait(90.0));
        tried.retry_after = Some(Duration::from_millis(100));
        assert_eq!(BACKOFF.decide(&tried), wait(0.5));
    }

    #[test]
    fn the_budget_ends_the_attempts() {
        let spent = Decision::Stop(StopReason::BudgetSpent);
        assert_eq!(BACKOFF.decide(&tried(8, 899, 1.0)), wait(1.0));
        assert_eq!(BACKOFF.decide(&tried(8, 900, 1.0)), spent);
        assert_eq!(BACKOFF.decide(&tried(8, 2000, 1.0)), spent);
        let mut asked = tried(1, 800, 0.0);
        asked.retry_after = Some(Duration::from_secs(100));
        assert_eq!(BACKOFF.decide(&asked), wait(100.0));
        asked.retry_after = Some(Duration::from_secs(101));
        assert_eq!(BACKOFF.decide(&asked), spent);
        let none = Backoff {
            budget: Duration::ZERO,
            ..BACKOFF
        };
        assert_eq!(none.decide(&tried(1, 0, 0.0)), spent);
    }

    #[test]
    fn what_time_cannot_change_is_not_tried_again() {
        for verdict in [
            Verdict::Accepted,
            Verdict::PartRefused(Vec::new()),
            Verdict::Duplicate,
            Verdict::TooLarge,
            Verdict::Date(DateState::Acked),
            Verdict::Setup(SetupFault::Stage),
            Verdict::ClientBug,
            Verdict::Unauthorized,
            Verdict::PoisonSuspected,
            Verdict::Unexpected,
        ] {
            let tried = Tried {
                verdict: &verdict,
                ..tried(1, 0, 1.0)
            };
            let stop = Decision::Stop(StopReason::Permanent);
            assert_eq!(BACKOFF.decide(&tried), stop, "{verdict:?}");
        }
    }

    #[test]
    fn what_passes_by_itself_is_tried_again() {
        for verdict in [
            Verdict::Throttled,
            Verdict::ServerError,
            Verdict::NotSent,
            Verdict::Date(DateState::DataCleaning),
        ] {
            let tried = Tried {
                verdict: &verdict,
                ..tried(1, 0, 1.0)
            };
            assert_eq!(BACKOFF.decide(&tried), wait(0.5), "{verdict:?}");
        }
    }
}
