//! What is sent, halved, refused and stopped when the platform answers a 400 that is in no list.

use super::*;
use crate::domain::Verdict;

fn parcel(rows: u32) -> Parcel {
    Parcel {
        rows,
        ..Parcel::default()
    }
}

fn judged() -> Judged {
    Judged::without_response(Verdict::PoisonSuspected, "no such column")
}

/// The next part, spelt with its rows.
fn next(parts: &mut Parts, accepted: bool, may_bisect: bool) -> String {
    match parts.next(accepted, || may_bisect) {
        Part::Send(parcel) => format!("send {}", parcel.rows),
        Part::Halve(parcel) => format!("halve {}", parcel.rows),
        Part::RefuseRow(parcel, _) => format!("refuse {}", parcel.rows),
        Part::Stop(_) => "stop".to_owned(),
        Part::GiveUp(_) => "give up".to_owned(),
        Part::Settled => "settled".to_owned(),
    }
}

fn sent(rows: u32) -> Parts {
    let mut parts = Parts::new(parcel(rows));
    assert_eq!(next(&mut parts, false, true), format!("send {rows}"));
    parts
}

#[test]
fn a_batch_that_is_settled_leaves_nothing() {
    assert_eq!(next(&mut sent(4), false, true), "settled");
}

#[test]
fn a_batch_refused_before_anything_was_accepted_is_halved_once_and_then_stops_the_date() {
    let mut parts = sent(4);
    parts.suspect(parcel(4), judged(), false);
    assert_eq!(next(&mut parts, false, true), "halve 4");
    parts.halved([parcel(2), parcel(2)]);
    for _ in 0..2 {
        assert_eq!(next(&mut parts, false, true), "send 2");
        parts.suspect(parcel(2), judged(), false);
    }
    assert_eq!(next(&mut parts, false, true), "stop");
}

#[test]
fn a_half_that_is_accepted_lets_the_other_one_be_taken_apart() {
    let mut parts = sent(4);
    parts.suspect(parcel(4), judged(), false);
    assert_eq!(next(&mut parts, false, true), "halve 4");
    parts.halved([parcel(3), parcel(1)]);
    assert_eq!(next(&mut parts, false, true), "send 3");
    parts.suspect(parcel(3), judged(), false);
    assert_eq!(next(&mut parts, false, true), "send 1");
    assert_eq!(next(&mut parts, true, true), "halve 3");
}

#[test]
fn one_row_alone_is_at_fault_once_something_was_accepted_and_not_before() {
    let mut parts = sent(1);
    parts.suspect(parcel(1), judged(), false);
    assert_eq!(next(&mut parts, false, true), "stop");
    let mut parts = sent(1);
    parts.suspect(parcel(1), judged(), true);
    assert_eq!(next(&mut parts, true, true), "refuse 1");
    assert_eq!(next(&mut parts, true, true), "settled");
}

#[test]
fn halves_are_sent_in_order_and_only_within_the_budget() {
    let mut parts = sent(5);
    parts.suspect(parcel(5), judged(), true);
    assert_eq!(next(&mut parts, true, true), "halve 5");
    parts.halved([parcel(3), parcel(2)]);
    assert_eq!(next(&mut parts, true, true), "send 3");
    parts.suspect(parcel(3), judged(), true);
    assert_eq!(next(&mut parts, true, false), "give up");
}
