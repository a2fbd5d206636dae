//! What is left of a batch that is taken apart, and what comes next for it.
//!
//! Pure: which part is sent, split, refused as the row at fault, or stops the date. A 400 that is
//! in no list is bisected only once something of the date was accepted. Before that the batch is
//! taken apart a single time, to see whether a part is: one row, then what is left behind it. With
//! the batch itself that is three requests, which a wrong setting may cost, and only few batches have
//! rows at fault in both.

use super::parcel::Parcel;
use crate::domain::Judged;

/// What comes next.
pub(super) enum Part {
    /// This part is sent.
    Send(Parcel),
    /// This part is split; the first part of it gets so many rows.
    Split(Parcel, u32),
    /// This row is the one at fault.
    RefuseRow(Parcel, Judged),
    /// Nothing of the date was ever accepted: its set-up is at fault, not its rows.
    Stop(Judged),
    /// The same of a batch of a single row: it may as well be the row.
    StopAtOnlyRow(Judged),
    /// Looking for the rows at fault costs too many requests.
    GiveUp(Judged),
    /// Nothing is left.
    Settled,
}

/// The parts of one batch.
pub(super) struct Parts {
    /// Parts still to be sent, the next one last.
    open: Vec<Parcel>,
    /// A part with a row at fault: something of the date had been accepted when it was refused.
    at_fault: Option<(Parcel, Judged)>,
    /// Parts that were answered with a 400 in no list before anything of the date was accepted.
    suspects: Vec<(Parcel, Judged)>,
    /// Whether the batch was taken apart just to see whether a part is accepted.
    explored: bool,
    /// That taking apart, while it goes on.
    exploration: Option<Exploration>,
}

/// Parts answered with a 400 in no list that end the exploration of a batch.
const MOST_SUSPECTS: usize = 2;

/// A batch that becomes up to four parts: a quarter, one row, another quarter, the rest. None is
/// larger than a quarter of the next power of two, so that finding one row of 10,000 costs no more
/// requests than with halves.
struct Exploration {
    quarter: u32,
    parts: Vec<Parcel>,
    rest: Option<(Parcel, u32)>,
}

impl Exploration {
    fn of(whole: Parcel) -> Self {
        let quarter = whole.rows.next_power_of_two() / 4;
        Self {
            quarter,
            parts: Vec::new(),
            rest: Some((whole, quarter)),
        }
    }

    /// Takes a part and what is left behind it. At the end come all parts, the first to send last.
    fn take(&mut self, first: Parcel, rest: Parcel) -> Option<Vec<Parcel>> {
        self.parts.push(first);
        let taken = self.parts.len();
        if taken == 1 {
            self.rest = Some((rest, 1));
        } else if taken == 2 && rest.rows > self.quarter {
            self.rest = Some((rest, self.quarter));
        } else {
            let mut parts = std::mem::take(&mut self.parts);
            let row = parts.remove(1);
            parts.extend([rest, row]);
            return Some(parts);
        }
        None
    }
}

impl Parts {
    /// A batch in one part.
    pub(super) fn new(whole: Parcel) -> Self {
        Self {
            open: vec![whole],
            at_fault: None,
            suspects: Vec::new(),
            explored: false,
            exploration: None,
        }
    }

    /// A part was answered with a 400 in no list; `accepted` tells whether anything of the date was
    /// accepted by then.
    pub(super) fn suspect(&mut self, parcel: Parcel, judged: Judged, accepted: bool) {
        if accepted {
            self.at_fault = Some((parcel, judged));
        } else {
            self.suspects.push((parcel, judged));
        }
    }

    /// A part became two.
    pub(super) fn split(&mut self, [first, second]: [Parcel; 2]) {
        let Some(exploration) = &mut self.exploration else {
            self.open.extend([second, first]);
            return;
        };
        if let Some(parts) = exploration.take(first, second) {
            self.open.extend(parts);
            self.exploration = None;
        }
    }

    /// What comes next; `may_bisect` takes requests from a budget.
    pub(super) fn next(&mut self, accepted: bool, may_bisect: impl FnOnce() -> bool) -> Part {
        if let Some((parcel, judged)) = self.at_fault.take() {
            return dissect(parcel, judged, may_bisect);
        }
        let exploration = self.exploration.as_mut();
        if let Some((rest, first)) = exploration.and_then(|it| it.rest.take()) {
            return Part::Split(rest, first);
        }
        let hopeless = !accepted && self.suspects.len() >= MOST_SUSPECTS;
        if let Some(parcel) = self.open.pop_if(|_| !hopeless) {
            return Part::Send(parcel);
        }
        // Everything open is answered: settled, or suspect with nothing accepted at that time.
        let Some((parcel, judged)) = self.suspects.pop() else {
            return Part::Settled;
        };
        if accepted {
            return dissect(parcel, judged, may_bisect);
        }
        match (self.explored, parcel.rows) {
            (true, _) => return Part::Stop(judged),
            (false, 1) => return Part::StopAtOnlyRow(judged),
            _ => {}
        }
        self.explored = true;
        if parcel.rows == 2 {
            return Part::Split(parcel, 1);
        }
        self.exploration = Some(Exploration::of(parcel));
        self.next(accepted, may_bisect)
    }
}

/// Halves a refused batch; a single row is the one at fault.
fn dissect(parcel: Parcel, judged: Judged, may_bisect: impl FnOnce() -> bool) -> Part {
    if parcel.rows == 1 {
        return Part::RefuseRow(parcel, judged);
    }
    if may_bisect() {
        let half = parcel.rows.div_ceil(2);
        Part::Split(parcel, half)
    } else {
        Part::GiveUp(judged)
    }
}

#[cfg(test)]
mod tests;
