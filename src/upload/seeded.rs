//! Batches whose ids come from a seed (`--request-id-seed`) and not from this ledger alone.
//!
//! Whoever repeats an upload elsewhere, with another ledger and the same seed, must meet the ids of
//! the first one. So what is sent under an id depends on nothing but the rows: batches are cut the
//! same whatever the server says, and a definite refusal does not change an id that an earlier
//! attempt may have got through with.

use super::life::{self, Arrow, Note, Standing, Then};
use crate::domain::Verdict;
use crate::ledger::Settlement;

/// How a batch stands whose id others may have used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seeded {
    /// An upload with this seed was begun before.
    used_before: bool,
    /// Every attempt under the present id was definitely refused, in this process; there was one.
    turned_down: bool,
}

impl Seeded {
    pub(super) const fn new(used_before: bool) -> Self {
        Self {
            used_before,
            turned_down: false,
        }
    }

    /// What an answer means: as for any other batch, but that a 409 to a first attempt speaks of an
    /// attempt elsewhere, and that a refusal leaves the id as it is. Only where there was no attempt
    /// elsewhere does a 409 after refusals mean that the platform remembers those.
    pub(super) fn after_answer(&mut self, standing: Standing, verdict: &Verdict) -> Arrow<Then> {
        let own = life::after_answer(standing, verdict);
        if standing.unknown {
            return own;
        }
        let note = match (verdict, own.note) {
            (Verdict::Duplicate, _) if self.turned_down && !self.used_before => {
                self.turned_down = false;
                return Arrow {
                    note: Note::Renewed,
                    then: Then::BackOff,
                };
            }
            (Verdict::Duplicate, _) => {
                return Arrow {
                    note: Note::Unknown,
                    then: Then::Settle(Settlement::AcceptedUnconfirmed),
                };
            }
            (_, Note::Renewed) => {
                self.turned_down = true;
                Note::Nothing
            }
            (_, note) => note,
        };
        Arrow { note, ..own }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(unknown: bool) -> Standing {
        Standing {
            unknown,
            refusal_seen: false,
            rows: 2,
            refreshed: false,
        }
    }

    #[test]
    fn a_409_to_a_first_attempt_is_accepted_unconfirmed() {
        for used_before in [false, true] {
            let arrow = Seeded::new(used_before).after_answer(standing(false), &Verdict::Duplicate);
            assert_eq!(arrow.note, Note::Unknown);
            assert!(matches!(
                arrow.then,
                Then::Settle(Settlement::AcceptedUnconfirmed)
            ));
        }
    }

    #[test]
    fn a_refusal_keeps_the_id_and_a_409_after_it_is_believed_only_of_an_earlier_upload() {
        for used_before in [false, true] {
            let mut seeded = Seeded::new(used_before);
            let refused = seeded.after_answer(standing(false), &Verdict::Throttled);
            assert_eq!(refused.note, Note::Nothing);
            assert!(matches!(refused.then, Then::BackOff));
            let note = seeded
                .after_answer(standing(false), &Verdict::Duplicate)
                .note;
            let expected = if used_before {
                Note::Unknown
            } else {
                Note::Renewed
            };
            assert_eq!(note, expected);
        }
    }

    #[test]
    fn an_unknown_outcome_of_this_process_counts_as_anywhere() {
        let mut seeded = Seeded::new(false);
        seeded.after_answer(standing(false), &Verdict::Throttled);
        let arrow = seeded.after_answer(standing(true), &Verdict::Duplicate);
        assert!(matches!(
            arrow.then,
            Then::Settle(Settlement::AcceptedUnconfirmed)
        ));
    }
}
