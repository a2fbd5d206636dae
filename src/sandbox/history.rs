//! What came in lately, for somebody who watches: a count for each second, and the last requests.
//!
//! Bounded in time and number, whatever arrives. Pure: times are handed in as distances from the
//! start.

use serde::Serialize;
use std::collections::VecDeque;

/// Seconds that are remembered.
const MAX_SECONDS: usize = 180;
/// Requests that are remembered.
const MAX_REQUESTS: usize = 30;
/// Longest name that is remembered, in characters: paths come from outside.
const MAX_NAME: usize = 120;

/// Requests and rows that arrived within a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SecondState {
    /// Which second since the start, from 0.
    pub second: u64,
    /// Requests that were let through.
    pub requests: u64,
    /// Their rows.
    pub rows: u64,
    /// Requests over the quota.
    pub requests_over: u64,
    /// Their rows.
    pub rows_over: u64,
    /// Requests that a fault hit.
    pub faults: u64,
}

/// A request and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RequestState {
    /// The second since the start in which it arrived.
    pub second: u64,
    /// `write` or `done` with topic, stage and date, or the path of something else.
    pub what: String,
    /// Rows in it.
    pub rows: u64,
    /// The code of the answer; null when a fault came before it.
    pub code: Option<i32>,
    /// The fault that hit it, if one did.
    pub fault: Option<String>,
}

/// The last seconds and requests.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    seconds: VecDeque<SecondState>,
    requests: VecDeque<RequestState>,
}

impl History {
    /// Notes a request. One that arrived too long ago is only listed.
    pub(super) fn note(&mut self, mut request: RequestState) {
        if let Some(second) = self.second(request.second) {
            if request.code == Some(429) && request.fault.is_none() {
                second.requests_over += 1;
                second.rows_over = second.rows_over.saturating_add(request.rows);
            } else {
                second.requests += 1;
                second.rows = second.rows.saturating_add(request.rows);
            }
            second.faults += u64::from(request.fault.is_some());
        }
        if request.what.chars().count() > MAX_NAME {
            request.what = request.what.chars().take(MAX_NAME).collect();
            request.what.push('…');
        }
        self.requests.push_front(request);
        self.requests.truncate(MAX_REQUESTS);
    }

    /// Seconds in which something arrived, the oldest first.
    pub(super) fn seconds(&self) -> Vec<SecondState> {
        self.seconds.iter().copied().collect()
    }

    /// The last requests, the newest first.
    pub(super) fn requests(&self) -> Vec<RequestState> {
        self.requests.iter().cloned().collect()
    }

    fn second(&mut self, second: u64) -> Option<&mut SecondState> {
        let at = self.seconds.partition_point(|known| known.second < second);
        if self
            .seconds
            .get(at)
            .is_none_or(|known| known.second != second)
        {
            let fresh = SecondState {
                second,
                ..SecondState::default()
            };
            self.seconds.insert(at, fresh);
        }
        if self.seconds.len() > MAX_SECONDS {
            self.seconds.pop_front();
        }
        self.seconds
            .iter_mut()
            .rev()
            .find(|known| known.second == second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(second: u64, rows: u64, code: Option<i32>) -> RequestState {
        RequestState {
            second,
            what: "w".repeat(500),
            rows,
            code,
            fault: code.is_none().then(|| "hang".to_owned()),
        }
    }

    #[test]
    fn what_is_over_the_quota_is_counted_apart_and_late_comers_go_to_their_second() {
        let mut history = History::default();
        for (second, rows, code) in [
            (7, 10, Some(0)),
            (7, 5, Some(429)),
            (9, 1, None),
            (7, 2, Some(409)),
        ] {
            history.note(request(second, rows, code));
        }
        let of = |second, requests, rows, requests_over, rows_over, faults| SecondState {
            second,
            requests,
            rows,
            requests_over,
            rows_over,
            faults,
        };
        let wanted = [of(7, 2, 12, 1, 5, 0), of(9, 1, 1, 0, 0, 1)];
        assert_eq!(history.seconds(), wanted);
        assert_eq!(history.requests()[0].code, Some(409));
        assert_eq!(history.requests()[0].what.chars().count(), MAX_NAME + 1);
    }

    #[test]
    fn only_the_last_of_it_is_kept() {
        let mut history = History::default();
        for second in 0..1_000 {
            history.note(request(second, 1, Some(0)));
        }
        history.note(request(3, 1, Some(0)));
        assert_eq!(history.requests().len(), MAX_REQUESTS);
        let seconds = history.seconds();
        assert_eq!(seconds.len(), MAX_SECONDS);
        assert_eq!((seconds[0].second, seconds[179].second), (820, 999));
    }
}
