//! Each rule of the gate alone: one thing spoilt, one thing missing.

use super::*;

fn complete() -> GateFacts {
    GateFacts {
        unfinished_inputs: Vec::new(),
        unverified_inputs: Vec::new(),
        unbalanced_inputs: Vec::new(),
        inputs: 1,
        intended_batches: 0,
        foreign_batches: 0,
        undetermined_batches: 0,
        unbalanced_batches: 0,
        rows: RowCounts {
            read: 100,
            accepted: 100,
            ..RowCounts::default()
        },
        open_rejects: 0,
        open_undated: 0,
        last_done: None,
        day_over: true,
        held_back: false,
        guards: Guards::default(),
    }
}

/// A date with one thing spoilt.
fn spoilt(spoil: impl FnOnce(&mut GateFacts)) -> Vec<Unmet> {
    let mut facts = complete();
    spoil(&mut facts);
    unmet(&facts)
}

#[test]
fn the_gate_opens_when_nothing_is_missing() {
    assert_eq!(unmet(&complete()), []);
}

/// Each of these dates misses one thing, and the gate says just that.
fn assert_each_misses(cases: Vec<(Vec<Unmet>, Unmet)>) {
    for (found, expected) in cases {
        assert_eq!(found, [expected]);
    }
}

#[test]
fn each_input_and_batch_that_is_not_settled_keeps_the_gate_closed() {
    let file = || "a.jsonl".to_owned();
    assert_each_misses(vec![
        (
            spoilt(|f| f.unfinished_inputs.push((file(), String::new()))),
            Unmet::InputUnfinished {
                name: file(),
                holder: String::new(),
            },
        ),
        (
            spoilt(|f| f.unverified_inputs.push(file())),
            Unmet::InputUnverified(file()),
        ),
        (
            spoilt(|f| f.unbalanced_inputs.push(file())),
            Unmet::Imbalance(file()),
        ),
        (
            spoilt(|f| f.unbalanced_batches = 1),
            Unmet::Imbalance("1 batches".to_owned()),
        ),
        (spoilt(|f| f.intended_batches = 2), Unmet::BatchesPending(2)),
        (spoilt(|f| f.foreign_batches = 1), Unmet::ForeignBatches(1)),
        (
            spoilt(|f| f.undetermined_batches = 1),
            Unmet::UndeterminedBatches(1),
        ),
    ]);
}

#[test]
fn each_guard_that_is_not_met_keeps_the_gate_closed() {
    assert_each_misses(vec![
        (
            spoilt(|f| f.open_rejects = 1),
            Unmet::TooManyRejects {
                open: 1,
                budget: ErrorBudget::Rows(0),
            },
        ),
        (spoilt(|f| f.day_over = false), Unmet::DayNotOver),
        (spoilt(|f| f.held_back = true), Unmet::HeldBack),
        (spoilt(|f| f.rows = RowCounts::default()), Unmet::Empty),
        (
            spoilt(|f| {
                f.rows = RowCounts {
                    read: 5,
                    invalid: 5,
                    ..RowCounts::default()
                };
            }),
            Unmet::EverythingRejected,
        ),
        (
            spoilt(|f| {
                f.guards.unconfirmed = UnconfirmedPolicy::Hold;
                f.rows.unconfirmed = 3;
            }),
            Unmet::UnconfirmedRows(3),
        ),
        (
            spoilt(|f| f.guards.min_rows = Some(101)),
            Unmet::TooFewRows {
                stored: 100,
                expected: 101,
            },
        ),
        (
            spoilt(|f| f.guards.expect_files = Some(2)),
            Unmet::OtherFileCount {
                found: 1,
                expected: 2,
            },
        ),
        (
            spoilt(|f| {
                f.guards.max_drop_percent = Some(50.0);
                f.last_done = Some((201, "2021-12-31".to_owned()));
            }),
            Unmet::RowsDropped {
                stored: 100,
                last: 201,
                last_date: "2021-12-31".to_owned(),
                limit: 50.0,
            },
        ),
    ]);
}

#[test]
fn an_allowed_empty_day_and_a_budgeted_reject_open_the_gate() {
    assert_eq!(
        spoilt(|f| {
            f.rows = RowCounts::default();
            f.guards.allow_empty = true;
        }),
        []
    );
    assert_eq!(
        spoilt(|f| {
            f.open_rejects = 1;
            f.guards.max_errors = ErrorBudget::Percent(1.0);
        }),
        []
    );
}
