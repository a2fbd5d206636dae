//! What passes through: quotas, request numbers, and counts of faults and refusals.
//!
//! One small structure under one lock; nothing in it is kept across restarts.

use super::faults::{Dice, FaultKind, FaultOn};
use super::history::{History, RequestState};
use super::quota::Quota;
use super::settings::SandboxSettings;
use std::collections::BTreeMap;
use std::time::Instant;

/// A request at the moment in which its headers had been read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    /// That moment.
    pub(super) at: Instant,
    /// Whether it fits the request quota.
    pub(super) within_quota: bool,
    /// What chance holds for it.
    pub(super) dice: Dice,
}

/// Counts since the start or the last reset.
#[derive(Debug)]
pub(super) struct Traffic {
    /// Requests against their quota.
    pub(super) requests: Quota,
    /// Rows against theirs.
    pub(super) rows: Quota,
    /// Requests of the data API.
    pub(super) requests_total: u64,
    /// Faults that hit, by name.
    pub(super) faults: BTreeMap<String, u64>,
    /// Refusals, by status code.
    pub(super) refused: BTreeMap<i32, u64>,
    /// The last seconds and requests.
    pub(super) history: History,
    started: Instant,
}

impl Traffic {
    pub(super) fn new(settings: &SandboxSettings) -> Self {
        Self {
            requests: Quota::new(settings.qps),
            rows: Quota::new(settings.rows_per_second),
            requests_total: 0,
            faults: BTreeMap::new(),
            refused: BTreeMap::new(),
            history: History::default(),
            started: Instant::now(),
        }
    }

    /// Which second since the start an instant lies in.
    pub(super) fn second_of(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.started).as_secs()
    }

    /// Notes what became of a request that arrived then.
    pub(super) fn note(&mut self, at: Instant, request: RequestState) {
        let second = self.second_of(at);
        self.history.note(RequestState { second, ..request });
    }

    /// Registers a request of the data API. The instant is taken here, so that the order of
    /// arrivals and the order of request numbers agree.
    pub(super) fn arrive(&mut self, settings: &SandboxSettings, call: Option<FaultOn>) -> Arrival {
        let at = Instant::now();
        let number = self.requests_total;
        self.requests_total = number.saturating_add(1);
        Arrival {
            at,
            within_quota: self.requests.admit(at, 1),
            dice: Dice::throw(settings, number, call),
        }
    }

    /// Counts a fault that hit.
    pub(super) fn count_fault(&mut self, fault: FaultKind) {
        let count = self.faults.entry(fault.to_string()).or_default();
        *count = count.saturating_add(1);
    }

    /// Counts a refusal.
    pub(super) fn count_refusal(&mut self, code: i32) {
        let count = self.refused.entry(code).or_default();
        *count = count.saturating_add(1);
    }
}
