//! The gate as a transaction: when a date is sealed, and what becomes of its `done`.

use super::*;
use crate::domain::{ErrorBudget, GuardChange, UnconfirmedPolicy};

#[test]
fn a_date_whose_rows_are_all_accepted_is_sealed_and_its_intent_of_done_is_on_disk() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    let sealed = desk.sealed();
    assert_eq!(sealed.date(), "2022-01-01".parse().unwrap());
    assert!(!sealed.has_unknown_attempt());
    assert_eq!(desk.known().gate, Gate::Sealed);
    let totals = desk.known().totals.unwrap();
    assert_eq!((totals.read, totals.accepted, totals.pending), (3, 3, 0));
}

#[test]
fn an_input_that_is_not_read_to_its_end_blocks() {
    let mut desk = Desk::new();
    let batch = desk.intend(3);
    desk.settle(batch, Settlement::Accepted).unwrap();
    // The run that asks does not wait for itself.
    assert_eq!(desk.missing(), [unfinished("")]);
}

fn unfinished(holder: &str) -> Unmet {
    Unmet::InputUnfinished {
        name: "a.jsonl".to_owned(),
        holder: holder.to_owned(),
    }
}

#[test]
fn a_date_that_waits_for_another_run_names_it_unless_it_was_killed() {
    let mut desk = Desk::new();
    desk.intend(3);
    desk.finish();
    let holder: String = desk.value(
        "SELECT 'pid 4242 on loader-1, started ' || datetime(started, 'unixepoch') || ' UTC' FROM run",
    );
    desk.run = desk.ledger.begin_run().committed_blocking().unwrap();
    let waits = [unfinished(&holder), Unmet::BatchesPending(1)];
    assert_eq!(desk.missing(), waits);
    desk.input.lock.take();
    assert_eq!(desk.missing(), [Unmet::BatchesPending(1)]);
}

#[test]
fn an_intended_batch_blocks_even_when_everything_is_read() {
    let mut desk = Desk::new();
    let batch = desk.intend(3);
    desk.finish();
    assert_eq!(desk.missing(), [Unmet::BatchesPending(1)]);
    desk.settle(batch, Settlement::Accepted).unwrap();
    desk.sealed();
}

#[test]
fn an_input_that_was_not_compared_blocks_until_it_was() {
    let mut desk = Desk::with(|wanted| wanted.inputs[0].verified = false);
    desk.upload_all(3);
    assert_eq!(desk.missing(), [Unmet::InputUnverified("a.jsonl".into())]);
    let marked = desk.ledger.mark_verified(desk.input.id);
    marked.committed_blocking().unwrap();
    desk.sealed();
}

#[test]
fn rows_that_were_read_and_are_in_no_batch_block() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    let mut lost = desk.next_intention(2);
    lost.batch = None;
    desk.ledger.intend(lost).committed_blocking().unwrap();
    desk.finish();
    let missing = desk.missing();
    assert!(matches!(&missing[..], [Unmet::Imbalance(_)]), "{missing:?}");
}

#[test]
fn invalid_rows_count_as_accounted_for_but_their_dead_letters_need_a_budget() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    let mut invalid = desk.next_intention(1);
    invalid.batch = None;
    invalid.chunks[0].2 = 1;
    invalid.rejects = vec![letter(desk.input.id, 4)];
    invalid.finished = vec![desk.input.id];
    desk.ledger.intend(invalid).committed_blocking().unwrap();
    let expected = Unmet::TooManyRejects {
        open: 1,
        budget: ErrorBudget::Rows(0),
    };
    assert_eq!(desk.missing(), [expected]);
    let waived = desk.ledger.waive_rejects(Waiver {
        partition: desk.row.id,
        run: None,
        ids: Vec::new(),
        why: "as agreed".into(),
    });
    assert_eq!(waived.committed_blocking().unwrap(), 1);
    desk.sealed();
    assert_eq!(desk.events(), ["waived"]);
}

#[test]
fn a_date_of_which_every_row_was_refused_stays_closed_even_when_all_are_waived() {
    let mut desk = Desk::new();
    let batch = desk.intend(1);
    let settlement = Settlement::Refused {
        letter: letter(desk.input.id, 1),
        request_id: some_request_id(),
    };
    desk.settle(batch, settlement).unwrap();
    desk.finish();
    let waived = desk.ledger.waive_rejects(Waiver {
        partition: desk.row.id,
        run: None,
        ids: Vec::new(),
        why: String::new(),
    });
    waived.committed_blocking().unwrap();
    assert_eq!(desk.missing(), [Unmet::EverythingRejected]);
}

#[test]
fn unconfirmed_rows_open_the_gate_unless_the_date_holds_them() {
    for (policy, expected) in [
        (UnconfirmedPolicy::Accept, Vec::new()),
        (UnconfirmedPolicy::Hold, vec![Unmet::UnconfirmedRows(3)]),
    ] {
        let mut desk = Desk::with(|wanted| wanted.partitions[0].guards.unconfirmed = Some(policy));
        let batch = desk.intend_unknown(3);
        desk.settle(batch, Settlement::AcceptedUnconfirmed).unwrap();
        desk.finish();
        match desk.seal() {
            SealOutcome::Sealed(_) => assert_eq!(expected, []),
            SealOutcome::Withheld(missing) => assert_eq!(missing, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_day_that_is_not_over_and_a_hold_keep_the_gate_closed() {
    let mut desk = Desk::with(|wanted| wanted.partitions[0].hold = true);
    desk.upload_all(3);
    let early = desk.seal_as(|request| request.day_over = false);
    let SealOutcome::Withheld(missing) = early else {
        panic!("{early:?}");
    };
    assert_eq!(missing, [Unmet::DayNotOver, Unmet::HeldBack]);
    let released = desk.seal_as(|request| request.release_hold = true);
    assert!(matches!(released, SealOutcome::Sealed(_)));
    assert_eq!(desk.events(), ["hold_released"]);
}

#[test]
fn a_hold_is_remembered_by_a_run_that_does_not_ask_for_it() {
    let mut desk = Desk::with(|wanted| wanted.partitions[0].hold = true);
    desk.upload_all(3);
    let desk = desk.end_and_run_again();
    desk.finish();
    assert_eq!(desk.missing(), [Unmet::HeldBack]);
}

#[test]
fn a_person_may_force_the_gate_and_the_audit_trail_says_so() {
    let mut desk = Desk::new();
    desk.intend(3);
    let forced = desk.seal_as(|request| request.force = true);
    let SealOutcome::Sealed(sealed) = forced else {
        panic!("{forced:?}");
    };
    let why: String = desk.value("SELECT why FROM event WHERE what = 'forced'");
    assert!(why.contains("1 batch(es) are not settled"), "{why}");
    assert_eq!(sealed.forced(), Some(why.as_str()));
}

#[test]
fn forcing_a_complete_date_is_no_exception() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    let sealed = desk.seal_as(|request| request.force = true);
    assert!(matches!(sealed, SealOutcome::Sealed(_)));
    assert_eq!(desk.events(), Vec::<String>::new());
}

#[test]
fn an_acknowledged_done_is_final() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    desk.mark_done();
    assert_eq!(desk.known().gate, Gate::Done);
    assert!(desk.known().done_at.is_some());
    let again = desk.seal();
    assert!(matches!(
        again,
        SealOutcome::AlreadyDone { unconfirmed: false }
    ));
    assert_eq!(desk.events(), ["done"]);
}

#[test]
fn a_done_whose_reply_was_lost_is_done_unconfirmed() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    let mut sealed = desk.sealed();
    wait(desk.ledger.note_done_unknown(&mut sealed)).unwrap();
    assert!(sealed.has_unknown_attempt());
    desk.settle_done(sealed, DoneSettlement::Unconfirmed)
        .unwrap();
    let again = desk.seal();
    assert!(matches!(
        again,
        SealOutcome::AlreadyDone { unconfirmed: true }
    ));
}

#[test]
fn a_done_that_nothing_is_unknown_of_cannot_be_unconfirmed() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    let sealed = desk.sealed();
    let settled = desk.settle_done(sealed, DoneSettlement::Unconfirmed);
    assert!(settled.is_err());
    assert_eq!(desk.known().gate, Gate::Sealed);
}

#[test]
fn a_refused_done_gets_a_new_id_but_never_after_an_unknown_attempt() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    let mut sealed = desk.sealed();
    let first = sealed.request_id();
    wait(desk.ledger.renew_done(&mut sealed)).unwrap();
    let second = sealed.request_id();
    assert_ne!(second, first);
    wait(desk.ledger.note_done_unknown(&mut sealed)).unwrap();
    assert!(wait(desk.ledger.renew_done(&mut sealed)).is_err());
    assert_eq!(sealed.request_id(), second);
    assert_eq!(desk.known().done_generation, Generation(1));
}

#[test]
fn a_done_that_was_not_stored_opens_the_date_again_under_a_new_id() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    let sealed = desk.sealed();
    let first = sealed.request_id();
    desk.settle_done(sealed, DoneSettlement::NotStored).unwrap();
    assert_eq!(desk.known().gate, Gate::Open);
    let sealed = desk.sealed();
    assert_ne!(sealed.request_id(), first);
}

#[test]
fn a_done_of_unknown_outcome_never_opens_the_date_again() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    let mut sealed = desk.sealed();
    wait(desk.ledger.note_done_unknown(&mut sealed)).unwrap();
    assert!(desk.settle_done(sealed, DoneSettlement::NotStored).is_err());
    assert_eq!(desk.known().gate, Gate::Sealed);
}

#[test]
fn a_date_found_sealed_after_a_crash_may_have_been_marked_done() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    let sealed = desk.sealed();
    let id = sealed.request_id();
    drop(sealed);
    let Desk { dir, ledger, .. } = desk;
    drop(ledger);
    let ledger = open(&dir);
    let run = ledger.begin_run().committed_blocking().unwrap();
    let request = SealRequest {
        partition: PartitionId(1),
        run,
        day_over: true,
        release_hold: false,
        force: false,
        compared: true,
    };
    let found = ledger.seal(target(), request).committed_blocking().unwrap();
    let SealOutcome::Sealed(found) = found else {
        panic!("{found:?}");
    };
    assert!(found.has_unknown_attempt());
    assert_eq!(found.request_id(), id);
}

#[test]
fn a_refused_date_owes_nothing_unless_rows_of_it_were_stored() {
    let mut desk = Desk::new();
    let batch = desk.intend(3);
    let refuse = |desk: &Desk| {
        let refused = desk
            .ledger
            .mark_refused(desk.row.id, desk.run, "wrong stage".into());
        refused.committed_blocking().unwrap();
        desk.known().gate
    };
    assert_eq!(refuse(&desk), Gate::Refused);
    assert!(matches!(desk.seal(), SealOutcome::Refused));
    // An answer that was on its way says otherwise.
    desk.settle(batch, Settlement::Accepted).unwrap();
    assert_eq!(desk.known().gate, Gate::Open);
    assert_eq!(refuse(&desk), Gate::Open);
}

#[test]
fn an_attempt_of_unknown_outcome_keeps_a_date_from_being_refused() {
    let mut desk = Desk::new();
    desk.intend_unknown(3);
    let refused = desk
        .ledger
        .mark_refused(desk.row.id, desk.run, String::new());
    refused.committed_blocking().unwrap();
    assert_eq!(desk.known().gate, Gate::Open);
}

#[test]
fn rows_of_the_last_completed_date_are_what_a_fall_is_measured_against() {
    let mut desk = Desk::new();
    desk.upload_all(10);
    desk.mark_done();
    let mut wanted = registration(&["2022-01-02"], &[new_input("b.jsonl", 2)]);
    wanted.partitions[0].guards.max_drop_percent = Some(GuardChange::Set(50.0));
    let mut registered = desk.ledger.register(wanted).committed_blocking().unwrap();
    desk.row = registered.partitions.remove(0);
    desk.input = registered.inputs.remove(0);
    desk.at = (1, 0);
    desk.upload_all(4);
    let expected = Unmet::RowsDropped {
        stored: 4,
        last: 10,
        last_date: "2022-01-01".to_owned(),
        limit: 50.0,
    };
    assert_eq!(desk.missing(), [expected]);
}

#[test]
fn only_a_date_that_is_sealed_already_is_sealed_without_its_inputs_being_compared() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    let outcome = |desk: &Desk| desk.seal_as(|request| request.compared = false);
    assert!(matches!(outcome(&desk), SealOutcome::OpenAgain));
    assert_eq!(desk.known().gate, Gate::Open);
    drop(desk.sealed());
    assert!(matches!(outcome(&desk), SealOutcome::Sealed(_)));
}
