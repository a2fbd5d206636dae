//! One test for each arrow of "Life of a batch" in the documentation of the ledger.

use super::*;

#[test]
fn a_batch_cut_from_the_input_is_intended_with_generation_0_and_nothing_unknown() {
    let mut desk = Desk::new();
    let batch = desk.intend(3);
    assert_eq!(desk.batch(batch), ("intended".into(), 0, false, [0, 0, 0]));
    let found = desk.reader().intended_batches(desk.row.id, desk.input.id);
    let expected = IntendedBatch {
        id: batch,
        generation: Generation(0),
        unknown: false,
        refusal_seen: false,
        rows: 3,
        digest: 1 << 64,
        pieces: batch_of(desk.input.id, 1, 3).pieces,
        whole: None,
    };
    assert_eq!(found.unwrap(), [expected]);
}

#[test]
fn intended_found_after_a_crash_becomes_unknown_1_with_the_same_generation() {
    let mut desk = Desk::new();
    let batch = desk.intend(3);
    desk.ledger.renew(batch).committed_blocking().unwrap();
    let desk = desk.crash();
    assert_eq!(desk.batch(batch), ("intended".into(), 1, true, [0, 0, 0]));
}

#[test]
fn intended_that_had_not_left_when_its_run_was_killed_is_unchanged() {
    let mut desk = Desk::new();
    let (waited, left, renewed) = (desk.intend(3), desk.intend(2), desk.intend(2));
    let note = |batch, generation| {
        let noted = desk.departures.note(None, batch, Generation(generation));
        noted.unwrap();
    };
    note(left, 0);
    // Refused, and killed before it left under its new id.
    note(renewed, 0);
    desk.ledger.renew(renewed).committed_blocking().unwrap();
    let desk = desk.kill();
    assert!(!desk.batch(waited).2);
    assert!(desk.batch(left).2);
    assert_eq!(
        desk.batch(renewed),
        ("intended".into(), 1, false, [0, 0, 0])
    );
}

#[test]
fn intended_found_after_a_run_that_ended_in_good_order_is_unchanged() {
    let mut desk = Desk::new();
    let (sure, unsure) = (desk.intend(3), desk.intend_unknown(2));
    let desk = desk.end_and_run_again();
    assert_eq!(desk.batch(sure), ("intended".into(), 0, false, [0, 0, 0]));
    assert_eq!(desk.batch(unsure), ("intended".into(), 0, true, [0, 0, 0]));
}

#[test]
fn a_crash_after_a_good_end_leaves_the_batches_of_both_runs_in_doubt() {
    let mut desk = Desk::new();
    let batch = desk.intend(3);
    let desk = desk.end_and_run_again();
    assert!(!desk.batch(batch).2);
    assert!(desk.crash().batch(batch).2);
}

#[test]
fn intended_not_sent_is_unchanged() {
    // There is no call for it: nothing is written, and nothing changes by reading.
    let mut desk = Desk::new();
    let batch = desk.intend(3);
    let before = desk.batch(batch);
    desk.reader().gate_facts(&desk.known(), true).unwrap();
    assert_eq!(desk.batch(batch), before);
}

#[test]
fn intended_with_an_unknown_outcome_keeps_its_id_and_is_unknown_1() {
    let mut desk = Desk::new();
    let batch = desk.intend_unknown(3);
    assert_eq!(desk.batch(batch), ("intended".into(), 0, true, [0, 0, 0]));
    let noted_twice = desk.ledger.note_unknown(batch).committed_blocking();
    noted_twice.unwrap();
    assert_eq!(desk.batch(batch), ("intended".into(), 0, true, [0, 0, 0]));
}

#[test]
fn intended_unknown_0_refused_moves_to_the_next_generation() {
    let mut desk = Desk::new();
    let batch = desk.intend(3);
    let generation = |desk: &Desk| desk.ledger.renew(batch).committed_blocking().unwrap();
    assert_eq!(generation(&desk), Generation(1));
    assert_eq!(generation(&desk), Generation(2));
    assert_eq!(desk.batch(batch), ("intended".into(), 2, false, [0, 0, 0]));
}

#[test]
fn intended_unknown_1_refused_keeps_its_id() {
    let mut desk = Desk::new();
    let batch = desk.intend_unknown(3);
    let refused = desk.ledger.renew(batch).committed_blocking();
    assert!(refused.is_err());
    assert_eq!(desk.batch(batch), ("intended".into(), 0, true, [0, 0, 0]));
}

#[test]
fn intended_with_status_0_becomes_accepted() {
    let mut desk = Desk::new();
    for batch in [desk.intend(3), desk.intend_unknown(3)] {
        desk.settle(batch, Settlement::Accepted).unwrap();
        let (state, .., rows) = desk.batch(batch);
        assert_eq!((state.as_str(), rows), ("accepted", [3, 0, 0]));
    }
}

#[test]
fn intended_unknown_1_with_409_becomes_accepted_unconfirmed() {
    let mut desk = Desk::new();
    let batch = desk.intend_unknown(3);
    desk.settle(batch, Settlement::AcceptedUnconfirmed).unwrap();
    assert_eq!(
        desk.batch(batch),
        ("unconfirmed".into(), 0, true, [0, 3, 0])
    );
}

#[test]
fn intended_unknown_0_with_409_is_foreign_and_blocks() {
    let mut desk = Desk::new();
    let batch = desk.intend(3);
    desk.settle(batch, Settlement::Foreign).unwrap();
    assert_eq!(desk.batch(batch), ("foreign".into(), 0, false, [0, 0, 0]));
    desk.finish();
    assert_eq!(desk.missing(), [Unmet::ForeignBatches(1)]);
}

#[test]
fn intended_with_every_error_matched_is_part_refused_and_the_others_are_unconfirmed() {
    let mut desk = Desk::new();
    let batch = desk.intend(5);
    let letters = vec![letter(desk.input.id, 2), letter(desk.input.id, 4)];
    let request_id = some_request_id();
    let settlement = Settlement::PartRefused {
        letters,
        request_id,
    };
    desk.settle(batch, settlement).unwrap();
    assert_eq!(
        desk.batch(batch),
        ("part_refused".into(), 0, false, [0, 3, 2])
    );
    let rejects = desk
        .reader()
        .rejects(RejectsOf::LyingWith(desk.row.id), 0, 10)
        .unwrap();
    let seen: Vec<_> = rejects.iter().map(|r| (r.record, &*r.source)).collect();
    assert_eq!(seen, [(2, "server"), (4, "server")]);
    assert_eq!(rejects[0].request_id, Some(request_id.to_string()));
}

#[test]
fn intended_with_errors_that_match_nothing_is_undetermined_and_blocks() {
    let mut desk = Desk::new();
    let batch = desk.intend(3);
    desk.settle(batch, Settlement::Undetermined).unwrap();
    desk.finish();
    assert_eq!(desk.missing(), [Unmet::UndeterminedBatches(1)]);
}

#[test]
fn a_refusal_that_was_seen_is_never_taken_for_stored_by_a_409() {
    let mut desk = Desk::new();
    let batch = desk.intend_unknown(3);
    wait(desk.ledger.note_refusal_seen(batch).committed()).unwrap();
    wait(desk.ledger.note_unknown(batch).committed()).unwrap();
    assert!(desk.settle(batch, Settlement::AcceptedUnconfirmed).is_err());
    assert!(desk.settle(batch, Settlement::Foreign).is_err());
    let desk = desk.crash();
    let intended = desk
        .reader()
        .intended_batches(desk.row.id, desk.input.id)
        .unwrap();
    assert!(intended[0].refusal_seen && intended[0].unknown);
    desk.settle(batch, Settlement::Undetermined).unwrap();
    assert!(desk.missing().contains(&Unmet::UndeterminedBatches(1)));
}

#[test]
fn intended_too_large_is_split_into_two_intended_halves() {
    let mut desk = Desk::new();
    let batch = desk.intend_unknown(5);
    let [first, second] = desk.split(batch, 1, [2, 3]);
    assert_eq!(desk.batch(batch).0, "split");
    for half in [first, second] {
        assert_eq!(desk.batch(half), ("intended".into(), 0, false, [0, 0, 0]));
    }
    let parents: i64 =
        desk.value("SELECT count(*) FROM batch WHERE parent = (SELECT min(id) FROM batch)");
    assert_eq!(parents, 2);
    desk.finish();
    assert_eq!(desk.missing(), [Unmet::BatchesPending(2)]);
    desk.settle(first, Settlement::Accepted).unwrap();
    desk.settle(second, Settlement::Accepted).unwrap();
    desk.sealed();
}

#[test]
fn halves_found_after_a_crash_are_unknown_and_their_whole_stays_split() {
    let mut desk = Desk::new();
    let batch = desk.intend(4);
    let halves = desk.split(batch, 1, [2, 2]);
    let desk = desk.crash();
    assert_eq!(desk.batch(batch).0, "split");
    for half in halves {
        assert_eq!(desk.batch(half), ("intended".into(), 0, true, [0, 0, 0]));
    }
}

#[test]
fn one_row_alone_becomes_refused_with_a_dead_letter() {
    let mut desk = Desk::new();
    let batch = desk.intend(1);
    let settlement = Settlement::Refused {
        letter: letter(desk.input.id, 1),
        request_id: some_request_id(),
    };
    desk.settle(batch, settlement).unwrap();
    assert_eq!(desk.batch(batch), ("refused".into(), 0, false, [0, 0, 1]));
    assert_eq!(
        desk.reader()
            .rejects(RejectsOf::LyingWith(desk.row.id), 0, 10)
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn intended_on_a_stopped_date_stays_and_is_found_again() {
    let mut desk = Desk::new();
    let batch = desk.intend(3);
    let desk = desk.end_and_run_again();
    let found = desk.reader().intended_batches(desk.row.id, desk.input.id);
    let ids: Vec<BatchId> = found.unwrap().iter().map(|batch| batch.id).collect();
    assert_eq!(ids, [batch]);
}

#[test]
fn intended_out_of_time_or_interrupted_stays_and_blocks_until_it_is_settled() {
    let mut desk = Desk::new();
    let (sure, unsure) = (desk.intend(3), desk.intend_unknown(2));
    let desk = desk.end_and_run_again();
    desk.finish();
    assert_eq!(desk.missing(), [Unmet::BatchesPending(2)]);
    desk.settle(sure, Settlement::Accepted).unwrap();
    let foreign = desk.settle(unsure, Settlement::Foreign);
    assert!(foreign.is_err(), "what was unknown is still unknown");
    desk.settle(unsure, Settlement::AcceptedUnconfirmed)
        .unwrap();
    desk.sealed();
}

#[test]
fn a_batch_over_several_inputs_is_found_with_its_pieces_in_order() {
    let mut desk = Desk::with(|wanted| wanted.inputs.push(new_input("b.jsonl", 2)));
    let second = InputId(desk.input.id.0 + 1);
    let mut intention = desk.next_intention(2);
    intention.chunks.push((second, range_at(1, 0, 3), 0));
    let mut batch = batch_of(desk.input.id, 1, 2);
    batch.pieces.extend(batch_of(second, 1, 3).pieces);
    batch.rows = 5;
    intention.batch = Some(batch.clone());
    intention.finished = vec![desk.input.id, second];
    let id = desk.ledger.intend(intention).committed_blocking();
    let id = id.unwrap().unwrap();
    let found = desk.reader().intended_batches(desk.row.id, desk.input.id);
    assert_eq!(found.unwrap()[0].pieces, batch.pieces);
    let inputs = desk.reader().inputs(desk.row.id).unwrap();
    assert!(inputs.iter().all(|input| input.unsettled), "{inputs:?}");
    desk.settle(id, Settlement::Accepted).unwrap();
    desk.sealed();
}
