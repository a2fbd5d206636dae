//! Refusals that have nothing to do with the rate: of a gateway that sheds some requests at random, or
//! counts those of other clients as well. Pure.
//!
//! A server that refuses what is too much is quiet for a while after each cut. One that goes on refusing
//! a few requests after several cuts in a row does that at any rate, and slowing down for it would have
//! no end. So for some time nothing is cut for what it refuses, unless it becomes clearly more.

use super::clock::Moment;
use std::time::Duration;

/// A server that refuses within so many requests after a cut was not helped by it.
const QUIET: u32 = 40;
/// So many such cuts in a row tell that they are useless.
const USELESS_CUTS: u32 = 5;
/// How long no cut is tried again.
const PATIENCE: Duration = Duration::from_secs(30);
/// From so many refusals on, in a hundred requests, a cut is due whatever helped before.
const MOST_REFUSED: u32 = 65;
/// With so many more refusals in a hundred requests, and twice as many, they are clearly more.
const CLEARLY_MORE: u32 = 20;

/// What cuts have brought of late.
#[derive(Debug, Clone, Default)]
pub(super) struct Mood {
    useless_cuts: u32,
    /// The share before the first of them, and how many of a hundred requests were refused.
    share_before: u64,
    refused_before: u32,
    /// Until when, and up to how many refusals in a hundred requests, nothing is cut.
    patient: Option<(Moment, u32)>,
}

/// A cut that is due.
pub(super) struct Due {
    /// The share in force.
    pub(super) share: u64,
    /// Refusals of the last seconds, in a hundred requests.
    pub(super) refused: u32,
    /// Requests that left and were taken since the last cut took effect; `None` without one.
    pub(super) quiet: Option<u32>,
}

impl Mood {
    /// Whether so many refusals in a hundred requests are no reason for a cut now.
    pub(super) fn tolerates(&mut self, now: Moment, refused: u32) -> bool {
        let tolerated = self
            .patient
            .is_some_and(|(until, most)| now < until && refused <= most);
        if !tolerated {
            self.patient = None;
        }
        tolerated
    }

    /// Whether it tolerates refusals at present.
    pub(super) const fn is_patient(&self) -> bool {
        self.patient.is_some()
    }

    /// The share to go back to instead of a cut, if cuts are useless.
    pub(super) fn instead_of(&mut self, now: Moment, due: &Due) -> Option<u64> {
        let was_useless = due.quiet.is_some_and(|quiet| quiet < QUIET);
        let did_help = due.refused * 2 < self.refused_before;
        if !was_useless || did_help || due.refused >= MOST_REFUSED {
            self.useless_cuts = 0;
        }
        if self.useless_cuts == 0 {
            (self.share_before, self.refused_before) = (due.share, due.refused);
        }
        self.useless_cuts += 1;
        if self.useless_cuts <= USELESS_CUTS {
            return None;
        }
        self.useless_cuts = 0;
        let most = (due.refused * 2).max(due.refused.saturating_add(CLEARLY_MORE));
        self.patient = Some((now.after(PATIENCE), most));
        Some(self.share_before)
    }
}
