//! Inputs without end: what is settled is joined, and nothing that counts is changed by it.

use super::*;

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
