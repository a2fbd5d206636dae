//! Gates and lives that are broken on purpose, and what has to come of each.
//!
//! A simulation that finds nothing is worth what it would find. Each of these differs from the
//! program in one rule.

use super::{RULES, Rules};
use crate::domain::{DateState, Guards, Verdict};
use crate::ledger::{DoneSettlement, GateFacts, Settlement, Unmet, unmet};
use crate::upload::life::{Arrow, DoneThen, Note, Standing, Then, after_answer, after_done_answer};

/// A broken rule.
pub(super) struct Broken {
    /// What is wrong.
    pub(super) what: &'static str,
    pub(super) rules: Rules,
    /// The kinds of violation that may come of it.
    pub(super) caught_as: &'static [&'static str],
}

fn seen(facts: &GateFacts, change: impl FnOnce(&mut GateFacts)) -> Vec<Unmet> {
    let mut facts = facts.clone();
    change(&mut facts);
    unmet(&facts)
}

fn gate(what: &'static str, gate: fn(&GateFacts) -> Vec<Unmet>) -> Broken {
    Broken {
        what,
        rules: Rules { gate, ..RULES },
        caught_as: &["EarlyDone"],
    }
}

/// Gates that open early.
pub(super) fn gates() -> Vec<Broken> {
    vec![
        gate("always open", |_| Vec::new()),
        gate("ignores inputs that are not read to their end", |facts| {
            seen(facts, |it| it.unfinished_inputs.clear())
        }),
        gate("looks only at its own process' inputs", |facts| {
            seen(facts, |it| {
                it.unfinished_inputs.retain(|(_, holder)| holder.is_empty());
                it.intended_batches = 0;
            })
        }),
        gate("ignores inputs whose holder was killed", |facts| {
            seen(facts, |it| {
                it.unfinished_inputs
                    .retain(|(_, holder)| !holder.is_empty());
            })
        }),
        gate("ignores intended batches", |facts| {
            seen(facts, |it| it.intended_batches = 0)
        }),
        gate("ignores foreign batches", |facts| {
            seen(facts, |it| it.foreign_batches = 0)
        }),
        gate("ignores undetermined batches", |facts| {
            seen(facts, |it| it.undetermined_batches = 0)
        }),
        gate("ignores inputs that were not compared", |facts| {
            seen(facts, |it| it.unverified_inputs.clear())
        }),
        gate("ignores dead letters", |facts| {
            seen(facts, |it| it.open_rejects = 0)
        }),
        gate("ignores the number of inputs expected", |facts| {
            seen(facts, |it| {
                it.guards = Guards {
                    expect_files: None,
                    ..it.guards.clone()
                }
            })
        }),
        gate("ignores that the day is not over", |facts| {
            seen(facts, |it| it.day_over = true)
        }),
        gate("ignores that done is held back", |facts| {
            seen(facts, |it| it.held_back = false)
        }),
    ]
}

/// A batch that forgets a row, behind a gate that does not count.
pub(super) fn forgets_rows_and_does_not_count() -> Broken {
    let uncounted = gate(
        "forgets a row, and ignores rows that do not add up",
        |facts| seen(facts, |it| it.unbalanced_inputs.clear()),
    );
    Broken {
        rules: Rules {
            batched: forget_a_row,
            ..uncounted.rules
        },
        ..uncounted
    }
}

/// A stretch of several rows loses its last one.
pub(super) fn forget_a_row(rows: u32) -> u32 {
    rows.saturating_sub(1).max(1)
}

fn batch(
    what: &'static str,
    caught_as: &'static [&'static str],
    rule: fn(super::Standing, &Verdict) -> Arrow<Then>,
) -> Broken {
    Broken {
        what,
        rules: Rules {
            batch: rule,
            ..RULES
        },
        caught_as,
    }
}

fn done(
    what: &'static str,
    caught_as: &'static [&'static str],
    rule: fn(bool, bool, &Verdict) -> Arrow<DoneThen>,
) -> Broken {
    Broken {
        what,
        rules: Rules {
            done: rule,
            ..RULES
        },
        caught_as,
    }
}

fn noting<T>(arrow: Arrow<T>, note: Note) -> Arrow<T> {
    Arrow { note, ..arrow }
}

fn settling(settlement: Settlement) -> Arrow<Then> {
    Arrow {
        note: Note::Nothing,
        then: Then::Settle(settlement),
    }
}

/// Lives of a batch that lose rows or store them twice.
pub(super) fn batches() -> Vec<Broken> {
    vec![
        batch(
            "takes a new id after an unknown outcome",
            &["StoredTwice"],
            |standing, verdict| match verdict {
                Verdict::Unknown if !standing.unknown => {
                    noting(after_answer(standing, verdict), Note::Renewed)
                }
                _ => after_answer(standing, verdict),
            },
        ),
        batch(
            "keeps the id after a definite refusal",
            &["NotDone", "RowLost"],
            |standing, verdict| {
                let arrow = after_answer(standing, verdict);
                match arrow.note {
                    Note::Renewed => noting(arrow, Note::Nothing),
                    _ => arrow,
                }
            },
        ),
        batch(
            "takes a definite refusal for an unknown outcome",
            &["RowLost"],
            |standing, verdict| {
                let arrow = after_answer(standing, verdict);
                match arrow.note {
                    Note::Renewed => noting(arrow, Note::Unknown),
                    _ => arrow,
                }
            },
        ),
        batch(
            "takes an unknown outcome for stored",
            &["RowLost"],
            |standing, verdict| match verdict {
                Verdict::Unknown => settling(Settlement::Accepted),
                _ => after_answer(standing, verdict),
            },
        ),
        batch(
            "takes the 409 of a first attempt for stored",
            &["RowLost"],
            |standing, verdict| match verdict {
                Verdict::Duplicate => settling(Settlement::Accepted),
                _ => after_answer(standing, verdict),
            },
        ),
        batch(
            "takes a 1001 for stored",
            &["RowLost"],
            |standing, verdict| match verdict {
                Verdict::PartRefused(_) => settling(Settlement::Accepted),
                _ => after_answer(standing, verdict),
            },
        ),
        batch(
            "takes a date that is closed for the moment for stored",
            &["RowLost"],
            |standing, verdict| match verdict {
                Verdict::Date(_) => settling(Settlement::Accepted),
                _ => after_answer(standing, verdict),
            },
        ),
    ]
}

/// What is forgotten from one run to the next.
pub(super) fn memories() -> Vec<Broken> {
    vec![
        batch(
            "takes a 409 for stored after a 1001 that broke off",
            &["RefusalForgotten", "RowLost"],
            |standing, verdict| {
                let forgetful = Standing {
                    refusal_seen: false,
                    ..standing
                };
                after_answer(forgetful, verdict)
            },
        ),
        Broken {
            what: "forgets between runs that something was accepted",
            rules: Rules {
                remembers_accepted: false,
                ..RULES
            },
            caught_as: &["NotDone"],
        },
        Broken {
            what: "does not mark what a crash left as unknown",
            rules: Rules {
                found: |unknown| unknown,
                ..RULES
            },
            caught_as: &["StoredTwice", "NotDone"],
        },
    ]
}

/// Lives of `done` that lose it or send it twice.
pub(super) fn dones() -> Vec<Broken> {
    vec![
        done(
            "takes a new id of done after an unknown outcome",
            &["SecondDone"],
            |unknown, refreshed, verdict| match verdict {
                Verdict::Unknown => noting(
                    after_done_answer(unknown, refreshed, verdict),
                    Note::Renewed,
                ),
                _ => after_done_answer(unknown, refreshed, verdict),
            },
        ),
        done(
            "takes an unknown outcome of done for done",
            &["DoneLost"],
            |unknown, refreshed, verdict| match verdict {
                Verdict::Unknown => Arrow {
                    note: Note::Nothing,
                    then: DoneThen::Got(DoneSettlement::Confirmed),
                },
                _ => after_done_answer(unknown, refreshed, verdict),
            },
        ),
        done(
            "takes the 409 of a first done for done",
            &["DoneLost"],
            |unknown, refreshed, verdict| match verdict {
                Verdict::Duplicate => Arrow {
                    note: Note::Nothing,
                    then: DoneThen::Got(DoneSettlement::Confirmed),
                },
                _ => after_done_answer(unknown, refreshed, verdict),
            },
        ),
        done(
            "does not believe that a date is done",
            &["NotDone"],
            |unknown, refreshed, verdict| match verdict {
                Verdict::Duplicate | Verdict::Date(DateState::Acked | DateState::Done) => Arrow {
                    note: Note::Nothing,
                    then: DoneThen::Stop,
                },
                _ => after_done_answer(unknown, refreshed, verdict),
            },
        ),
        Broken {
            what: "opens the date again although a done may be under way",
            rules: Rules {
                leave_done: |_| Some(DoneSettlement::NotStored),
                ..RULES
            },
            caught_as: &["SecondDone", "Forbidden"],
        },
    ]
}
