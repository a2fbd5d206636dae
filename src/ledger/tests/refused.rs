//! Arrows that do not exist: each of them fails and leaves everything as it was.

use super::*;

/// Tries a settlement of a batch and expects that nothing changes.
fn refuses(desk: &Desk, batch: BatchId, settlement: Settlement) {
    let before = desk.batch(batch);
    let tried = format!("{settlement:?} of {before:?}");
    assert!(desk.settle(batch, settlement).is_err(), "{tried}");
    assert_eq!(desk.batch(batch), before, "{tried}");
    let rejects = desk
        .reader()
        .rejects(RejectsOf::LyingWith(desk.row.id), 0, 10)
        .unwrap();
    assert!(rejects.is_empty(), "{tried}");
}

#[test]
fn a_settled_batch_is_never_settled_noted_renewed_or_split_again() {
    let settled: [fn(&mut Desk) -> BatchId; 5] = [
        |desk| {
            let batch = desk.intend(4);
            desk.settle(batch, Settlement::Accepted).unwrap();
            batch
        },
        |desk| {
            let batch = desk.intend_unknown(4);
            desk.settle(batch, Settlement::AcceptedUnconfirmed).unwrap();
            batch
        },
        |desk| {
            let batch = desk.intend(4);
            desk.settle(batch, Settlement::Foreign).unwrap();
            batch
        },
        |desk| {
            let batch = desk.intend(4);
            desk.settle(batch, Settlement::Undetermined).unwrap();
            batch
        },
        |desk| {
            let batch = desk.intend(4);
            desk.split(batch, 1, [2, 2]);
            batch
        },
    ];
    for settle in settled {
        let mut desk = Desk::new();
        let batch = settle(&mut desk);
        let before = desk.batch(batch);
        for again in [
            Settlement::Accepted,
            Settlement::AcceptedUnconfirmed,
            Settlement::Foreign,
            Settlement::Undetermined,
        ] {
            refuses(&desk, batch, again);
        }
        assert!(desk.ledger.renew(batch).committed_blocking().is_err());
        assert!(
            desk.ledger
                .note_unknown(batch)
                .committed_blocking()
                .is_err()
        );
        assert!(desk.try_split(batch, 1, [2, 2]).is_err());
        assert_eq!(desk.batch(batch), before);
    }
}

#[test]
fn renewing_an_unknown_batch_fails_and_changes_nothing() {
    let mut desk = Desk::new();
    let batch = desk.intend_unknown(3);
    assert!(desk.ledger.renew(batch).committed_blocking().is_err());
    assert_eq!(desk.batch(batch), ("intended".into(), 0, true, [0, 0, 0]));
}

#[test]
fn a_409_without_an_unknown_attempt_cannot_be_taken_for_accepted() {
    let mut desk = Desk::new();
    let batch = desk.intend(3);
    refuses(&desk, batch, Settlement::AcceptedUnconfirmed);
}

#[test]
fn a_409_after_an_unknown_attempt_is_not_foreign() {
    let mut desk = Desk::new();
    let batch = desk.intend_unknown(3);
    refuses(&desk, batch, Settlement::Foreign);
}

#[test]
fn a_batch_of_several_rows_is_not_refused_with_one_dead_letter() {
    let mut desk = Desk::new();
    let batch = desk.intend(3);
    let settlement = Settlement::Refused {
        letter: letter(desk.input.id, 1),
        request_id: some_request_id(),
    };
    refuses(&desk, batch, settlement);
}

#[test]
fn a_part_refusal_names_at_least_one_row_and_no_more_than_there_are() {
    let mut desk = Desk::new();
    let batch = desk.intend(2);
    for count in [0, 3] {
        let letters = (1..=count).map(|n| letter(desk.input.id, n)).collect();
        let request_id = some_request_id();
        refuses(
            &desk,
            batch,
            Settlement::PartRefused {
                letters,
                request_id,
            },
        );
    }
}

#[test]
fn a_batch_is_settled_only_under_its_own_date() {
    let mut desk = Desk::with(|wanted| wanted.partitions.push(partition_intent("2022-01-02")));
    let batch = desk.intend(2);
    let other = PartitionId(desk.row.id.0 + 1);
    let settled = desk
        .ledger
        .settle(batch, other, partition("2022-01-02"), Settlement::Accepted);
    assert!(settled.committed_blocking().is_err());
    let halves = [batch_of(desk.input.id, 1, 1), batch_of(desk.input.id, 2, 1)];
    let split = desk.ledger.split(batch, other, halves);
    assert!(split.committed_blocking().is_err());
    assert_eq!(desk.batch(batch), ("intended".into(), 0, false, [0, 0, 0]));
}

#[test]
fn halves_hold_exactly_the_rows_of_their_whole() {
    let mut desk = Desk::new();
    let batch = desk.intend(4);
    for rows in [[1, 2], [3, 2]] {
        assert!(desk.try_split(batch, 1, rows).is_err());
        assert_eq!(desk.batch(batch).0, "intended");
    }
    let batches: i64 = desk.value("SELECT count(*) FROM batch");
    assert_eq!(batches, 1);
}

#[test]
fn a_batch_without_rows_or_with_pieces_that_do_not_add_up_is_not_recorded() {
    let mut desk = Desk::new();
    let empty = NewBatch {
        pieces: Vec::new(),
        rows: 0,
        digest: 0,
    };
    let mut short = batch_of(desk.input.id, 1, 3);
    short.rows = 4;
    for batch in [empty, short] {
        let mut intention = desk.next_intention(3);
        desk.at = (1, 0);
        intention.batch = Some(batch);
        assert!(desk.ledger.intend(intention).committed_blocking().is_err());
        assert!(desk.reader().chunks(desk.input.id).unwrap().is_empty());
    }
}

#[test]
fn the_same_stretch_of_an_input_is_never_recorded_twice() {
    let mut desk = Desk::new();
    desk.intend(3);
    desk.at = (1, 0);
    let again = desk.next_intention(3);
    assert!(desk.ledger.intend(again).committed_blocking().is_err());
    let batches: i64 = desk.value("SELECT count(*) FROM batch");
    assert_eq!(batches, 1);
}

#[test]
fn a_stretch_that_leaves_a_gap_or_overlaps_is_not_recorded() {
    let mut desk = Desk::new();
    desk.intend(3);
    for at in [(5, 40), (3, 20), (4, 31), (5, 30)] {
        desk.at = at;
        let astray = desk.next_intention(3);
        assert!(
            desk.ledger.intend(astray).committed_blocking().is_err(),
            "{at:?}"
        );
    }
    desk.at = (4, 30);
    desk.intend(3);
}

#[test]
fn nothing_is_intended_on_a_date_whose_gate_was_forced() {
    let mut desk = Desk::new();
    let batch = desk.intend(3);
    let SealOutcome::Sealed(_sealed) = desk.seal_as(|request| request.force = true) else {
        panic!("a person may open the gate");
    };
    let late = desk.next_intention(2);
    let late = desk.ledger.intend(late).committed_blocking();
    assert!(late.unwrap_err().to_string().contains("late_input"));
    // What was on its way is still settled: the ledger tells what was stored.
    desk.settle(batch, Settlement::Accepted).unwrap();
}
