//! What is left of a batch that is taken apart, and what comes next for it.
//!
//! Pure: which part is sent, halved, refused as the row at fault, or stops the date. A 400 that is
//! in no list is bisected only once something of the date was accepted; before that the batch is
//! halved a single time, to see whether one half is.

use super::parcel::Parcel;
use crate::domain::Judged;

/// What comes next.
pub(super) enum Part {
    /// This part is sent.
    Send(Parcel),
    /// This part is halved.
    Halve(Parcel),
    /// This row is the one at fault.
    RefuseRow(Parcel, Judged),
    /// Nothing of the date was ever accepted: its set-up is at fault, not its rows.
    Stop(Judged),
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
    /// Whether the batch was halved just to see whether one half is accepted.
    explored: bool,
}

impl Parts {
    /// A batch in one part.
    pub(super) fn new(whole: Parcel) -> Self {
        Self {
            open: vec![whole],
            at_fault: None,
            suspects: Vec::new(),
            explored: false,
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
    pub(super) fn halved(&mut self, [first, second]: [Parcel; 2]) {
        self.open.push(second);
        self.open.push(first);
    }

    /// What comes next; `may_bisect` takes requests from a budget.
    pub(super) fn next(&mut self, accepted: bool, may_bisect: impl FnOnce() -> bool) -> Part {
        if let Some((parcel, judged)) = self.at_fault.take() {
            return dissect(parcel, judged, may_bisect);
        }
        if let Some(parcel) = self.open.pop() {
            return Part::Send(parcel);
        }
        // Everything open is answered: settled, or suspect with nothing accepted at that time.
        let Some((parcel, judged)) = self.suspects.pop() else {
            return Part::Settled;
        };
        if accepted {
            return dissect(parcel, judged, may_bisect);
        }
        if !self.explored && parcel.rows > 1 {
            self.explored = true;
            return Part::Halve(parcel);
        }
        Part::Stop(judged)
    }
}

/// Halves a refused batch; a single row is the one at fault.
fn dissect(parcel: Parcel, judged: Judged, may_bisect: impl FnOnce() -> bool) -> Part {
    if parcel.rows == 1 {
        return Part::RefuseRow(parcel, judged);
    }
    if may_bisect() {
        Part::Halve(parcel)
    } else {
        Part::GiveUp(judged)
    }
}

#[cfg(test)]
mod tests;
