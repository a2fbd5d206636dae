//! What a person may ask for: start over, reopen, drop an input, forget, prune.

use super::*;

/// A date that was uploaded and acknowledged.
fn done_desk() -> Desk {
    let mut desk = Desk::new();
    desk.upload_all(3);
    desk.mark_done();
    desk.input.lock.take();
    desk
}

fn counts(desk: &Desk) -> [i64; 5] {
    ["partition", "input", "chunk", "batch", "scope"]
        .map(|table| desk.value(&format!("SELECT count(*) FROM {table}")))
}

fn restart(desk: &Desk) -> Result<Registered, LedgerError> {
    let mut wanted = registration(&["2022-01-01"], &[new_input("a.jsonl", 1)]);
    wanted.partitions[0].restart = true;
    wanted.newest_known = desk.value("SELECT coalesce(max(id), 0) FROM input");
    desk.ledger.register(wanted).committed_blocking()
}

fn drop_input(desk: &Desk, known: KnownPartition) -> Result<Dropped, LedgerError> {
    desk.ledger
        .drop_input(known, desk.input.id, "a.jsonl".into())
        .committed_blocking()
}

/// Two dates that one input has rows of; the first three rows are of the first date.
fn desk_of_two_dates() -> Desk {
    let mut desk = Desk::with(|wanted| {
        wanted.partitions.push(partition_intent("2022-01-02"));
        wanted.inputs[0].scope = vec![0, 1];
    });
    let batch = desk.intend(3);
    desk.settle(batch, Settlement::Accepted).unwrap();
    let mut other = desk.next_intention(2);
    other.partition_id = second_date(&desk);
    other.partition = partition("2022-01-02");
    desk.ledger.intend(other).committed_blocking().unwrap();
    desk.finish();
    desk
}

fn second_date(desk: &Desk) -> PartitionId {
    PartitionId(desk.row.id.0 + 1)
}

#[test]
fn a_restart_begins_again_from_nothing_under_a_new_epoch() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    desk.input.lock.take();
    let again = restart(&desk).unwrap();
    assert_ne!(again.partitions[0].epoch, desk.row.epoch);
    assert_eq!(counts(&desk), [1, 1, 0, 0, 1]);
    desk.assert_quick_counts_agree();
    assert_eq!(desk.events(), ["restarted"]);
    let why: String = desk.value("SELECT why FROM event");
    assert_eq!(why, "was open, 1 batches, 3 rows stored before");
}

#[test]
fn a_done_date_is_not_restarted_but_reopened_and_its_history_stays() {
    let desk = done_desk();
    let refused = restart(&desk).unwrap_err().to_string();
    assert!(refused.contains("ledger reopen"), "{refused}");
    let reopened = desk.ledger.reopen(desk.known()).committed_blocking();
    reopened.unwrap();
    let known = desk.known();
    assert_eq!((known.gate, known.done_at), (Gate::Open, None));
    assert_ne!(known.epoch, desk.row.epoch);
    assert_eq!(desk.events(), ["done", "reopened"]);
    // Every input of before has to come again, or to be dropped.
    let unread = Unmet::InputUnfinished {
        name: "a.jsonl".into(),
        holder: String::new(),
    };
    assert_eq!(desk.missing(), [unread, Unmet::Empty]);
}

#[test]
fn an_input_that_a_run_holds_is_neither_restarted_reopened_dropped_nor_forgotten() {
    let desk = Desk::new();
    let known = desk.known();
    let before = counts(&desk);
    let busy = |result: Result<(), LedgerError>| match result {
        Err(LedgerError::Busy { holder, .. }) => {
            assert!(holder.starts_with("pid 4242"), "{holder}");
        }
        other => panic!("{other:?}"),
    };
    busy(restart(&desk).map(drop));
    busy(desk.ledger.reopen(known.clone()).committed_blocking());
    busy(desk.ledger.forget(known.clone()).committed_blocking());
    busy(drop_input(&desk, known).map(drop));
    assert_eq!(counts(&desk), before);
}

#[test]
fn a_date_whose_done_is_under_way_is_not_reopened() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    desk.input.lock.take();
    let _sealed = desk.sealed();
    let reopened = desk.ledger.reopen(desk.known()).committed_blocking();
    assert!(matches!(reopened, Err(LedgerError::Busy { .. })));
}

#[test]
fn a_forgotten_date_leaves_only_its_audit_rows() {
    let desk = done_desk();
    let forgotten = desk.ledger.forget(desk.known()).committed_blocking();
    forgotten.unwrap();
    assert_eq!(counts(&desk), [0, 0, 0, 0, 0]);
    assert_eq!(desk.events(), ["done", "forgotten"]);
    let why: String = desk.value("SELECT why FROM event WHERE what = 'forgotten'");
    assert_eq!(why, "item history_sync 2022-01-01 was done");
}

#[test]
fn the_audit_rows_of_a_forgotten_date_never_become_those_of_another_one() {
    let desk = done_desk();
    let forgotten = desk.ledger.forget(desk.known()).committed_blocking();
    forgotten.unwrap();
    let wanted = registration(&["2022-02-02"], &[new_input("b.jsonl", 2)]);
    let registered = desk.ledger.register(wanted).committed_blocking().unwrap();
    assert_ne!(registered.partitions[0].id, desk.row.id);
    assert_ne!(registered.inputs[0].id, desk.input.id);
}

#[test]
fn a_pruned_date_stays_done_with_its_totals_and_its_inputs() {
    let desk = done_desk();
    let pruned = desk.ledger.prune(desk.known()).committed_blocking();
    pruned.unwrap();
    assert_eq!(counts(&desk), [1, 1, 1, 0, 1]);
    assert_eq!(desk.events(), ["done", "pruned"]);
    let known = desk.known();
    assert_eq!(known.gate, Gate::Done);
    assert_eq!(desk.reader().rows(&known).unwrap().accepted, 3);
    let inputs = desk.reader().inputs(known.id).unwrap();
    assert!(inputs[0].is_finished());
}

#[test]
fn only_a_date_that_is_done_now_is_pruned() {
    let desk = done_desk();
    let stale = desk.known();
    let reopened = desk.ledger.reopen(stale.clone()).committed_blocking();
    reopened.unwrap();
    let pruned = desk.ledger.prune(stale).committed_blocking();
    assert!(matches!(pruned, Err(LedgerError::Forbidden(_))));
}

#[test]
fn a_dropped_input_no_longer_blocks_and_what_was_stored_of_it_is_told() {
    let mut desk = Desk::with(|wanted| wanted.inputs.push(new_input("b.jsonl", 2)));
    let mut second = Desk::with(|_| {}).input;
    second.id = InputId(desk.input.id.0 + 1);
    let stored = desk.intend(3);
    desk.settle(stored, Settlement::Accepted).unwrap();
    let given_up = desk.intend(4);
    let first = std::mem::replace(&mut desk.input, second);
    desk.at = (1, 0);
    desk.upload_all(2);
    drop(first.lock);
    let dropped = desk
        .ledger
        .drop_input(desk.known(), first.id, "a.jsonl".into())
        .committed_blocking();
    assert_eq!(dropped.unwrap().stored, 3);
    assert_eq!(desk.batch(given_up).0, "dropped");
    assert_eq!(desk.events(), ["input_dropped"]);
    desk.sealed();
}

#[test]
fn no_input_of_a_date_that_was_sealed_meanwhile_is_dropped() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    desk.input.lock.take();
    let stale = desk.known();
    desk.mark_done();
    let dropped = drop_input(&desk, stale);
    assert!(matches!(dropped, Err(LedgerError::Forbidden(_))));
    let state: String = desk.value("SELECT state FROM input");
    assert_eq!(state, "read");
}

#[test]
fn an_input_of_two_dates_is_dropped_from_both() {
    let mut desk = desk_of_two_dates();
    desk.input.lock.take();
    assert_eq!(drop_input(&desk, desk.known()).unwrap().stored, 3);
    let reader = desk.reader();
    assert_eq!(reader.inputs(second_date(&desk)).unwrap().len(), 0);
    let open: i64 = desk.value("SELECT count(*) FROM batch WHERE state = 'intended'");
    assert_eq!(open, 0);
    assert_eq!(desk.events(), ["input_dropped", "input_dropped"]);
}

/// A desk with a batch of two rows of its input and three of another one.
fn desk_of_a_shared_batch() -> (Desk, InputId, BatchId) {
    let mut desk = Desk::with(|wanted| wanted.inputs.push(new_input("b.jsonl", 2)));
    let second = InputId(desk.input.id.0 + 1);
    let mut intention = desk.next_intention(2);
    intention.chunks.push((second, range_at(1, 0, 3), 0));
    let mut batch = batch_of(desk.input.id, 1, 2);
    batch.pieces.extend(batch_of(second, 1, 3).pieces);
    batch.rows = 5;
    intention.batch = Some(batch);
    let id = desk.ledger.intend(intention).committed_blocking();
    desk.input.lock.take();
    (desk, second, id.unwrap().unwrap())
}

#[test]
fn what_is_left_of_a_shared_batch_is_sent_as_the_whole_when_an_input_is_dropped() {
    let (desk, second, whole) = desk_of_a_shared_batch();
    assert_eq!(drop_input(&desk, desk.known()).unwrap().stored, 0);
    assert_eq!(desk.batch(whole).0, "split");
    let left = desk.reader().intended_batches(desk.row.id, second).unwrap();
    let [left] = left.as_slice() else {
        panic!("{left:?}");
    };
    assert_eq!((left.rows, left.pieces.len()), (3, 1));
    let of = left.whole.unwrap();
    assert_eq!(
        (of.input, of.first_record, of.rows),
        (desk.input.id.0, 1, 5)
    );
    // The run that intended it has not ended, so it may have been sent.
    assert!(left.unknown);
    let id = left.id;
    desk.settle(id, Settlement::AcceptedUnconfirmed).unwrap();
    assert_eq!(desk.batch(id), ("unconfirmed".into(), 0, true, [0, 3, 0]));
}

#[test]
fn what_is_left_of_a_batch_with_a_refusal_that_was_seen_never_counts_as_stored() {
    let (desk, second, whole) = desk_of_a_shared_batch();
    let noted = desk.ledger.note_refusal_seen(whole).committed();
    wait(noted).unwrap();
    assert_eq!(drop_input(&desk, desk.known()).unwrap().stored, 0);
    let left = desk.reader().intended_batches(desk.row.id, second).unwrap();
    assert!(left[0].unknown && left[0].refusal_seen, "{left:?}");
    let stored = desk.settle(left[0].id, Settlement::AcceptedUnconfirmed);
    assert!(stored.is_err());
}

#[test]
fn an_input_that_shares_a_batch_of_which_nobody_knows_the_outcome_is_not_dropped() {
    for settlement in [Settlement::Foreign, Settlement::Undetermined] {
        let (desk, _, batch) = desk_of_a_shared_batch();
        desk.settle(batch, settlement).unwrap();
        let refused = drop_input(&desk, desk.known());
        assert!(matches!(refused, Err(LedgerError::Forbidden(_))));
    }
    let (desk, _, batch) = desk_of_a_shared_batch();
    desk.settle(batch, Settlement::Accepted).unwrap();
    assert_eq!(drop_input(&desk, desk.known()).unwrap().stored, 2);
}

#[test]
fn a_date_is_not_erased_while_an_open_one_has_rows_of_the_same_input() {
    let mut desk = desk_of_two_dates();
    desk.input.lock.take();
    let forbidden = |result: Result<(), LedgerError>| {
        let error = result.unwrap_err();
        assert!(matches!(error, LedgerError::Forbidden(_)), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("a.jsonl") && text.contains("2022-01-02"),
            "{text}"
        );
    };
    forbidden(restart(&desk).map(drop));
    forbidden(desk.ledger.forget(desk.known()).committed_blocking());
    desk.mark_done();
    forbidden(desk.ledger.reopen(desk.known()).committed_blocking());
    forbidden(desk.ledger.prune(desk.known()).committed_blocking());
}

#[test]
fn dates_that_share_an_input_are_restarted_together() {
    let mut desk = desk_of_two_dates();
    desk.input.lock.take();
    let mut wanted = registration(&["2022-01-01", "2022-01-02"], &[new_input("a.jsonl", 1)]);
    for intent in &mut wanted.partitions {
        intent.restart = true;
    }
    wanted.inputs[0].scope = vec![0, 1];
    wanted.newest_known = desk.input.id.0;
    desk.ledger.register(wanted).committed_blocking().unwrap();
    assert_eq!(counts(&desk), [2, 1, 0, 0, 2]);
    assert_eq!(desk.events(), ["restarted", "restarted"]);
}

fn tables(desk: &Desk) -> (i64, i64) {
    (
        desk.value("SELECT count(*) FROM batch"),
        desk.value("SELECT count(*) FROM chunk"),
    )
}

fn condense(desk: &Desk) {
    let joined = desk.ledger.condense(desk.row.id, desk.input.id);
    joined.committed_blocking().unwrap();
}

#[test]
fn what_is_settled_is_joined_and_all_sums_stay() {
    let mut desk = Desk::new();
    for rows in 1..=20 {
        let batch = desk.intend(rows);
        desk.settle(batch, Settlement::Accepted).unwrap();
    }
    for _ in 0..3 {
        let batch = desk.intend_unknown(2);
        desk.settle(batch, Settlement::AcceptedUnconfirmed).unwrap();
    }
    let open = desk.intend(7);
    let refused = desk.intend(4);
    let letters = vec![letter(desk.input.id, 226)];
    let request_id = some_request_id();
    desk.settle(
        refused,
        Settlement::PartRefused {
            letters,
            request_id,
        },
    )
    .unwrap();
    let counts = |desk: &Desk| desk.reader().gate_facts(&desk.known(), true).unwrap();
    let (before, last) = (counts(&desk), desk.reader().last_chunk(desk.input.id));
    condense(&desk);
    // One accepted, one unconfirmed, the open one and the one with a dead letter.
    assert_eq!(tables(&desk), (4, 2));
    assert_eq!(counts(&desk), before);
    assert_eq!(
        desk.reader().last_chunk(desk.input.id).unwrap(),
        last.unwrap()
    );
    assert_eq!(desk.batch(open).0, "intended");
    condense(&desk);
    assert_eq!(tables(&desk), (4, 2));
    assert_eq!(counts(&desk), before);
    // What comes next goes on where reading was.
    let next = desk.intend(5);
    desk.settle(next, Settlement::Accepted).unwrap();
    desk.settle(open, Settlement::Accepted).unwrap();
    condense(&desk);
    assert_eq!(tables(&desk), (3, 2));
    desk.finish();
    let facts = counts(&desk);
    assert!(facts.unbalanced_inputs.is_empty(), "{facts:?}");
    assert_eq!(facts.unbalanced_batches, 0);
}

#[test]
fn halves_of_a_batch_stay_as_they_are() {
    let mut desk = Desk::new();
    let first = desk.intend(4);
    for half in desk.split(first, 1, [2, 2]) {
        desk.settle(half, Settlement::Accepted).unwrap();
    }
    for _ in 0..3 {
        let batch = desk.intend(1);
        desk.settle(batch, Settlement::Accepted).unwrap();
    }
    condense(&desk);
    assert_eq!(tables(&desk), (4, 2));
    desk.finish();
    desk.sealed();
}
