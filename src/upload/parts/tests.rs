//! What is sent, split, refused and stopped when the platform answers a 400 that is in no list.

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
        Part::Split(parcel, first) => format!("split {} after {first}", parcel.rows),
        Part::RefuseRow(parcel, _) => format!("refuse {}", parcel.rows),
        Part::Stop(_) | Part::StopAtOnlyRow(_) => "stop".to_owned(),
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

/// Takes a batch apart as it is done before anything was accepted, up to the first part to send.
fn explored(rows: u32) -> Parts {
    let mut parts = sent(rows);
    parts.suspect(parcel(rows), judged(), false);
    let mut left = rows;
    while let Part::Split(whole, first) = parts.next(false, || true) {
        assert_eq!(whole.rows, left);
        left -= first;
        parts.split([parcel(first), parcel(left)]);
        if parts.exploration.is_none() {
            break;
        }
    }
    parts
}

#[test]
fn a_batch_refused_before_anything_was_accepted_costs_two_more_requests_and_then_stops_the_date() {
    for (rows, second) in [
        (2, 1),
        (3, 1),
        (4, 1),
        (5, 2),
        (50, 17),
        (8_192, 4_095),
        (10_000, 1_807),
    ] {
        let mut parts = explored(rows);
        assert_eq!(next(&mut parts, false, true), "send 1");
        parts.suspect(parcel(1), judged(), false);
        assert_eq!(next(&mut parts, false, true), format!("send {second}"));
        parts.suspect(parcel(second), judged(), false);
        assert_eq!(next(&mut parts, false, true), "stop");
    }
}

#[test]
fn a_part_that_is_accepted_lets_the_others_be_sent_and_taken_apart() {
    let mut parts = explored(10_000);
    assert_eq!(next(&mut parts, false, true), "send 1");
    parts.suspect(parcel(1), judged(), false);
    assert_eq!(next(&mut parts, false, true), "send 1807");
    assert_eq!(next(&mut parts, true, true), "send 4096");
    parts.suspect(parcel(4_096), judged(), true);
    assert_eq!(next(&mut parts, true, true), "split 4096 after 2048");
    parts.split([parcel(2_048), parcel(2_048)]);
    for rows in [2_048, 2_048, 4_096] {
        assert_eq!(next(&mut parts, true, true), format!("send {rows}"));
    }
    assert_eq!(next(&mut parts, true, true), "refuse 1");
    assert_eq!(next(&mut parts, true, true), "settled");
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
    assert_eq!(next(&mut parts, true, true), "split 5 after 3");
    parts.split([parcel(3), parcel(2)]);
    assert_eq!(next(&mut parts, true, true), "send 3");
    parts.suspect(parcel(3), judged(), true);
    assert_eq!(next(&mut parts, true, false), "give up");
}
