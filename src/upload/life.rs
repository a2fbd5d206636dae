//! The life of a batch and of `done` as decisions: how it stands and a verdict in, what has to be on
//! disk first and what is done then out.
//!
//! Pure, and the only place of these rules: the workers carry them out against the ledger and the
//! network, the simulation against a model of both on virtual time.

use crate::domain::{DateState, Verdict};
use crate::ledger::{DoneSettlement, Settlement};

/// How a batch stands when its answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// Whether an attempt has an unknown outcome: then its id stays.
    pub(super) unknown: bool,
    /// Whether an answer said that not all of it may be stored, and what is not recorded: a 1001
    /// whose list is missing, or a code that nothing names.
    pub(super) refusal_seen: bool,
    /// Its rows.
    pub(super) rows: u32,
    /// Whether the credentials were read again for it.
    pub(super) refreshed: bool,
}

/// What has to be on disk before anything else happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// Nothing new.
    Nothing,
    /// An attempt has an unknown outcome.
    Unknown,
    /// Not all of it may be stored, and what is not known; the id stays and a 409 means nothing.
    RefusalSeen,
    /// Definitely refused: the next generation, and with it a new id.
    Renewed,
}

/// One arrow of the life: first the note, then the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arrow<T> {
    /// On disk first.
    pub(super) note: Note,
    /// Done then.
    pub(super) then: T,
}

/// What is done about a batch.
#[derive(Debug, Clone)]
pub(super) enum Then {
    /// It is settled like this.
    Settle(Settlement),
    /// It is settled by what the errors of a 1001 match.
    Match,
    /// It is sent again after a while, as long as the time for it lasts.
    BackOff,
    /// It is sent again at once, with credentials read again.
    Refresh,
    /// The credentials are wrong for every date.
    StopRun,
    /// Two halves may fit.
    Halve,
    /// Its only row is refused: it does not fit alone.
    RefuseOnlyRow,
    /// A row of it may be at fault; whether it may be taken apart is decided with the others.
    Suspect,
    /// No batch of the date fares better.
    StopDate {
        /// The platform does not know such a date at all.
        owes_nothing: bool,
    },
}

/// What is done about a `done`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DoneThen {
    /// It got through.
    Got(DoneSettlement),
    /// It is sent again after a while, as long as the time for it lasts.
    BackOff,
    /// It is sent again at once, with credentials read again.
    Refresh,
    /// The credentials are wrong.
    Unauthorized,
    /// Its id is known to the platform although this ledger knows of no earlier attempt.
    Foreign,
    /// It is refused and time does not change that.
    Stop,
}

/// What an answer means for a batch: the table "Life of a batch" of the ledger.
pub(super) fn after_answer(standing: Standing, verdict: &Verdict) -> Arrow<Then> {
    let unknown = standing.unknown;
    let (note, then) = match verdict {
        Verdict::Accepted => (Note::Nothing, Then::Settle(Settlement::Accepted)),
        // What is stored may not be all of it, and what the others are nobody says again.
        Verdict::Duplicate if standing.refusal_seen => {
            (Note::Nothing, Then::Settle(Settlement::Undetermined))
        }
        Verdict::Duplicate if unknown => {
            (Note::Nothing, Then::Settle(Settlement::AcceptedUnconfirmed))
        }
        Verdict::Duplicate => (Note::Nothing, Then::Settle(Settlement::Foreign)),
        Verdict::PartRefused(_) => (Note::Nothing, Then::Match),
        Verdict::RefusalUnread if standing.refusal_seen => (Note::Nothing, Then::BackOff),
        Verdict::RefusalUnread => (Note::RefusalSeen, Then::BackOff),
        Verdict::Unknown => (after_giving_up(unknown), Then::BackOff),
        Verdict::NotSent => (Note::Nothing, Then::BackOff),
        Verdict::TooLarge if standing.rows > 1 => (Note::Nothing, Then::Halve),
        Verdict::TooLarge => (Note::Nothing, Then::RefuseOnlyRow),
        Verdict::Throttled | Verdict::ServerError => (after_refusal(unknown), Then::BackOff),
        // One more try in any case: the secrets are read again.
        Verdict::Unauthorized if !standing.refreshed => (after_refusal(unknown), Then::Refresh),
        Verdict::Unauthorized => (after_refusal(unknown), Then::StopRun),
        Verdict::PoisonSuspected => (after_refusal(unknown), Then::Suspect),
        Verdict::Setup(_) => (
            after_refusal(unknown),
            Then::StopDate { owes_nothing: true },
        ),
        // It may be stored or not: a new id could store it twice, and a 409 to the old one says
        // nothing.
        Verdict::Unexpected => (
            if unknown {
                Note::Nothing
            } else {
                Note::RefusalSeen
            },
            Then::StopDate {
                owes_nothing: false,
            },
        ),
        Verdict::Date(_) | Verdict::ClientBug | Verdict::NotFound => (
            after_refusal(unknown),
            Then::StopDate {
                owes_nothing: false,
            },
        ),
    };
    Arrow { note, then }
}

/// What an answer means for `done`: the same rules, and what the platform says of the date counts
/// as a repeat's 409 does.
pub(super) fn after_done_answer(
    unknown: bool,
    refreshed: bool,
    verdict: &Verdict,
) -> Arrow<DoneThen> {
    let (note, then) = match verdict {
        Verdict::Accepted => (Note::Nothing, DoneThen::Got(DoneSettlement::Confirmed)),
        Verdict::Duplicate | Verdict::Date(DateState::Acked | DateState::Done) if unknown => {
            (Note::Nothing, DoneThen::Got(DoneSettlement::Unconfirmed))
        }
        Verdict::Unknown => (after_giving_up(unknown), DoneThen::BackOff),
        Verdict::NotSent => (Note::Nothing, DoneThen::BackOff),
        Verdict::Throttled | Verdict::ServerError => (after_refusal(unknown), DoneThen::BackOff),
        Verdict::Unauthorized if !refreshed => (after_refusal(unknown), DoneThen::Refresh),
        Verdict::Unauthorized => (after_refusal(unknown), DoneThen::Unauthorized),
        Verdict::Duplicate => (after_refusal(unknown), DoneThen::Foreign),
        Verdict::PartRefused(_)
        | Verdict::RefusalUnread
        | Verdict::TooLarge
        | Verdict::Date(_)
        | Verdict::Setup(_)
        | Verdict::ClientBug
        | Verdict::PoisonSuspected
        | Verdict::NotFound
        | Verdict::Unexpected => (after_refusal(unknown), DoneThen::Stop),
    };
    Arrow { note, then }
}

/// Whether an answer that cannot be recorded must keep a later 409 to the same id from being taken
/// for "all stored".
pub(super) const fn tells_of_rows_not_stored(standing: Standing, verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Accepted | Verdict::Unknown | Verdict::NotSent => false,
        Verdict::PartRefused(_) | Verdict::RefusalUnread | Verdict::TooLarge => true,
        // Nothing of an earlier attempt is said by the others.
        _ => !standing.unknown,
    }
}

/// An answer that nobody waited for: the attempt may have got through.
pub(super) const fn after_giving_up(unknown: bool) -> Note {
    if unknown {
        Note::Nothing
    } else {
        Note::Unknown
    }
}

/// A definite refusal: a new id, unless an attempt of unknown outcome pins the old one.
const fn after_refusal(unknown: bool) -> Note {
    if unknown {
        Note::Nothing
    } else {
        Note::Renewed
    }
}

/// How `done` is settled when it is left without having got through: a date of which nothing is
/// unknown is open again, another one stays sealed.
pub(super) fn after_leaving_done(unknown: bool) -> Option<DoneSettlement> {
    (!unknown).then_some(DoneSettlement::NotStored)
}

/// Whether a batch may be halved instead of being sent. The id of a batch with an unknown attempt
/// stays, and with it its rows.
pub(super) const fn is_divisible(standing: Standing) -> bool {
    !standing.unknown && standing.rows > 1
}

/// Whether a batch is halved without being sent, after a smaller one was too large.
pub(super) const fn is_known_to_be_too_large(standing: Standing, most_rows: u32) -> bool {
    is_divisible(standing) && standing.rows > most_rows
}

#[cfg(test)]
mod tests;
