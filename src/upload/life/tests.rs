//! The life of a batch and of `done`, arrow by arrow.

use super::*;
use crate::domain::SetupFault;

fn standing(unknown: bool) -> Standing {
    Standing {
        unknown,
        refusal_seen: false,
        rows: 2,
        refreshed: false,
    }
}

fn noted(unknown: bool, verdict: &Verdict) -> Note {
    after_answer(standing(unknown), verdict).note
}

/// All that is definitely refused: nothing was stored, and the id is known to the platform.
const REFUSALS: [Verdict; 9] = [
    Verdict::Throttled,
    Verdict::ServerError,
    Verdict::Unauthorized,
    Verdict::PoisonSuspected,
    Verdict::Setup(SetupFault::Stage),
    Verdict::Date(DateState::DataCleaning),
    Verdict::Date(DateState::Failed),
    Verdict::ClientBug,
    Verdict::NotFound,
];

#[test]
fn a_definite_refusal_takes_a_new_id_only_while_nothing_is_unknown() {
    for verdict in REFUSALS {
        assert_eq!(noted(false, &verdict), Note::Renewed, "{verdict:?}");
        assert_eq!(noted(true, &verdict), Note::Nothing, "{verdict:?}");
        let note = |unknown| after_done_answer(unknown, false, &verdict).note;
        assert_eq!(note(false), Note::Renewed, "{verdict:?}");
        assert_eq!(note(true), Note::Nothing, "{verdict:?}");
    }
}

#[test]
fn an_unknown_outcome_is_on_disk_before_the_next_attempt() {
    assert_eq!(noted(false, &Verdict::Unknown), Note::Unknown);
    assert_eq!(noted(true, &Verdict::Unknown), Note::Nothing);
    assert_eq!(noted(false, &Verdict::NotSent), Note::Nothing);
    let done = |verdict| after_done_answer(false, false, &verdict);
    assert_eq!(done(Verdict::Unknown).note, Note::Unknown);
    assert_eq!(done(Verdict::Unknown).then, DoneThen::BackOff);
    assert_eq!(done(Verdict::NotSent).note, Note::Nothing);
    assert_eq!(done(Verdict::NotSent).then, DoneThen::BackOff);
}

#[test]
fn a_409_is_a_repeat_only_after_an_unknown_outcome() {
    let then = |unknown| after_answer(standing(unknown), &Verdict::Duplicate).then;
    assert!(matches!(
        then(true),
        Then::Settle(Settlement::AcceptedUnconfirmed)
    ));
    assert!(matches!(then(false), Then::Settle(Settlement::Foreign)));
    let done = |unknown| after_done_answer(unknown, false, &Verdict::Duplicate).then;
    assert_eq!(done(true), DoneThen::Got(DoneSettlement::Unconfirmed));
    assert_eq!(done(false), DoneThen::Foreign);
}

#[test]
fn a_409_after_a_refusal_that_was_seen_is_undetermined() {
    let seen = Standing {
        refusal_seen: true,
        ..standing(true)
    };
    let then = after_answer(seen, &Verdict::Duplicate).then;
    assert!(matches!(then, Then::Settle(Settlement::Undetermined)));
    let arrow = after_answer(standing(false), &Verdict::RefusalUnread);
    assert_eq!(arrow.note, Note::RefusalSeen);
    assert!(matches!(arrow.then, Then::BackOff));
    assert_eq!(
        after_answer(seen, &Verdict::RefusalUnread).note,
        Note::Nothing
    );
    assert_eq!(after_answer(seen, &Verdict::Throttled).note, Note::Nothing);
}

#[test]
fn a_code_that_nothing_names_keeps_the_id_and_a_409_then_means_nothing() {
    assert_eq!(noted(false, &Verdict::Unexpected), Note::RefusalSeen);
    assert_eq!(noted(true, &Verdict::Unexpected), Note::Nothing);
    assert_eq!(noted(false, &Verdict::NotFound), Note::Renewed);
}

#[test]
fn a_date_that_is_acked_counts_as_done_only_after_an_unknown_outcome() {
    for state in [DateState::Acked, DateState::Done] {
        let then = |unknown| after_done_answer(unknown, false, &Verdict::Date(state)).then;
        assert_eq!(then(true), DoneThen::Got(DoneSettlement::Unconfirmed));
        assert_eq!(then(false), DoneThen::Stop);
    }
    for state in [DateState::Failed, DateState::Skipped] {
        let arrow = after_done_answer(true, false, &Verdict::Date(state));
        assert_eq!(arrow.then, DoneThen::Stop);
    }
}

#[test]
fn credentials_are_read_again_once() {
    let again = after_answer(standing(false), &Verdict::Unauthorized).then;
    assert!(matches!(again, Then::Refresh));
    let refreshed = Standing {
        refreshed: true,
        ..standing(false)
    };
    let stop = after_answer(refreshed, &Verdict::Unauthorized).then;
    assert!(matches!(stop, Then::StopRun));
    let done = |refreshed| after_done_answer(false, refreshed, &Verdict::Unauthorized).then;
    assert_eq!(done(false), DoneThen::Refresh);
    assert_eq!(done(true), DoneThen::Unauthorized);
}

#[test]
fn only_a_wrong_setting_leaves_a_date_that_owes_nothing() {
    for verdict in REFUSALS {
        let then = after_answer(standing(false), &verdict).then;
        let owes_nothing = matches!(then, Then::StopDate { owes_nothing: true });
        let is_setup = matches!(verdict, Verdict::Setup(_));
        assert_eq!(owes_nothing, is_setup, "{verdict:?}");
    }
}

#[test]
fn a_row_that_is_too_large_alone_is_refused_and_more_are_halved() {
    let then = |rows| {
        let standing = Standing {
            rows,
            ..standing(true)
        };
        after_answer(standing, &Verdict::TooLarge).then
    };
    assert!(matches!(then(1), Then::RefuseOnlyRow));
    assert!(matches!(then(2), Then::Halve));
}

#[test]
fn a_batch_is_halved_unsent_only_while_its_id_is_free() {
    assert!(is_known_to_be_too_large(standing(false), 1));
    assert!(!is_known_to_be_too_large(standing(false), 2));
    assert!(!is_known_to_be_too_large(standing(true), 1));
    let alone = Standing {
        rows: 1,
        ..standing(false)
    };
    assert!(!is_known_to_be_too_large(alone, 0));
}

#[test]
fn a_done_that_is_left_opens_its_date_only_while_nothing_is_unknown() {
    assert_eq!(after_leaving_done(false), Some(DoneSettlement::NotStored));
    assert_eq!(after_leaving_done(true), None);
}

#[test]
fn a_batch_with_an_unknown_attempt_is_never_taken_apart_for_the_rate() {
    let standing = |unknown, rows| Standing {
        unknown,
        refusal_seen: false,
        rows,
        refreshed: false,
    };
    assert!(is_divisible(standing(false, 2)));
    assert!(!is_divisible(standing(true, 10_000)));
    assert!(!is_divisible(standing(false, 1)));
}

#[test]
fn an_answer_against_a_batch_that_cannot_be_recorded_spoils_its_409() {
    let spoils = |unknown, verdict: &Verdict| tells_of_rows_not_stored(standing(unknown), verdict);
    for verdict in [Verdict::Accepted, Verdict::Unknown, Verdict::NotSent] {
        assert!(
            !spoils(false, &verdict) && !spoils(true, &verdict),
            "{verdict:?}"
        );
    }
    for verdict in [
        Verdict::PartRefused(Vec::new()),
        Verdict::RefusalUnread,
        Verdict::TooLarge,
    ] {
        assert!(
            spoils(false, &verdict) && spoils(true, &verdict),
            "{verdict:?}"
        );
    }
    for verdict in REFUSALS
        .iter()
        .chain(&[Verdict::Duplicate, Verdict::Unexpected])
    {
        assert!(spoils(false, verdict), "{verdict:?}");
        assert!(
            !spoils(true, verdict),
            "an earlier attempt may be stored: {verdict:?}"
        );
    }
}
