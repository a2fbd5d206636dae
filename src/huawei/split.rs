//! A batch of events that is sent in halves, and those in halves again, when the service does not take it.
//!
//! One bad event must not keep back all others of its file; and a service that takes nothing must not turn
//! all of them into dead letters. So an event that is refused by itself is at fault only when the service
//! has taken others, before it or behind it. How many requests may be refused in a row is bounded.

use super::fault::Fault;
use crate::domain::Verdict;
use std::ops::Range;

/// Requests that may be refused in a row, besides those that halving takes, before anything was taken.
const MAX_REFUSED_AT_FIRST: u32 = 3;
/// The same when the service has taken events.
const MAX_REFUSED: u32 = 100;

/// What is left of a batch.
#[derive(Debug)]
pub(super) struct Split {
    waiting: Vec<Range<usize>>,
    /// Whether the service takes events of this file at all.
    is_taking: bool,
    /// Events that were refused by themselves, each with the reason.
    alone: Vec<(usize, Fault)>,
    refused_in_a_row: u32,
    /// Requests by which halving comes to a single event.
    depth: u32,
}

/// What follows on a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// The halves are sent.
    Halves,
    /// The event is one of those that were refused by themselves.
    Next,
    /// Nothing more is sent.
    Nothing,
}

impl Split {
    pub(super) fn of(events: usize, is_taking: bool) -> Self {
        let whole = 0..events;
        Self {
            depth: events.checked_ilog2().unwrap_or_default().saturating_add(1),
            waiting: Vec::from_iter((!whole.is_empty()).then_some(whole)),
            is_taking,
            alone: Vec::new(),
            refused_in_a_row: 0,
        }
    }

    /// What is sent next.
    pub(super) fn next(&mut self) -> Option<Range<usize>> {
        self.waiting.pop()
    }

    pub(super) fn taken(&mut self) {
        self.is_taking = true;
        self.refused_in_a_row = 0;
    }

    pub(super) fn refused(&mut self, events: &Range<usize>, fault: &Fault) -> After {
        let is_too_large = fault.verdict() == Verdict::TooLarge;
        self.refused_in_a_row = self.refused_in_a_row.saturating_add(1);
        let most = match self.is_taking {
            _ if is_too_large => u32::MAX,
            true => MAX_REFUSED,
            false => MAX_REFUSED_AT_FIRST,
        };
        if !(is_too_large || fault.is_about_events())
            || self.refused_in_a_row > self.depth.saturating_add(most)
        {
            return After::Nothing;
        }
        if events.len() > 1 {
            let middle = events.start + events.len() / 2;
            self.waiting.push(middle..events.end);
            self.waiting.push(events.start..middle);
            return After::Halves;
        }
        self.alone.push((events.start, fault.clone()));
        After::Next
    }

    /// Events that are at fault as far as is known now; none while one of them may not be.
    pub(super) fn at_fault(&mut self) -> Vec<(usize, Fault)> {
        let is_sure = |(_, fault): &(usize, Fault)| fault.verdict() == Verdict::TooLarge;
        if self.is_taking || self.alone.iter().all(is_sure) {
            return std::mem::take(&mut self.alone);
        }
        Vec::new()
    }

    /// The first event that was refused by itself and may not be at fault.
    pub(super) fn suspect(&self) -> Option<(usize, Fault)> {
        self.alone.first().cloned()
    }

    pub(super) const fn is_over(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::huawei::Cause;
    use crate::protocol::huawei::{Refusal, RefusalKind};

    fn fault() -> Fault {
        Fault {
            cause: Cause::Refused(Refusal {
                kind: RefusalKind::Request,
                http_status: 400,
                code: None,
                message: "bad".to_owned(),
            }),
            host: "h".to_owned(),
            request_id: None,
            retry_after: None,
        }
    }

    /// Numbers at fault, or how many requests it took to give up.
    fn sent(
        events: usize,
        is_taking: bool,
        bad: impl Fn(usize) -> bool,
    ) -> Result<Vec<usize>, u32> {
        let mut split = Split::of(events, is_taking);
        let (mut found, mut requests) = (Vec::new(), 0);
        while let Some(range) = split.next() {
            requests += 1;
            if !range.clone().any(&bad) {
                split.taken();
            } else if split.refused(&range, &fault()) == After::Nothing {
                return Err(requests);
            }
            found.extend(split.at_fault().into_iter().map(|(number, _)| number));
        }
        split.suspect().map_or(Ok(found), |_| Err(requests))
    }

    #[test]
    fn events_at_fault_are_found_wherever_they_are() {
        for wanted in [vec![0], vec![999], vec![0, 1, 2, 500, 501]] {
            for is_taking in [false, true] {
                let found = sent(1_000, is_taking, |number| wanted.contains(&number));
                assert_eq!(found, Ok(wanted.clone()));
            }
        }
        assert_eq!(sent(1, true, |_| true), Ok(vec![0]));
    }

    #[test]
    fn a_service_that_takes_nothing_is_asked_a_few_times_and_finds_nobody_at_fault() {
        for (events, is_taking, most) in [(1, false, 1), (1_000, false, 14), (1_000, true, 111)] {
            let asked = sent(events, is_taking, |_| true);
            assert!(asked.is_err_and(|asked| asked <= most), "{events}");
        }
    }
}
