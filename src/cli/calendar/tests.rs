//! The calendar as text.

use super::*;

fn day(state: DayState, why: &str, next: Option<&str>) -> Day {
    Day {
        state,
        rows: if state == DayState::Missing {
            DayRows::default()
        } else {
            DayRows {
                read: 1_002,
                accepted: 1_000,
                pending: 2,
                ..DayRows::default()
            }
        },
        why: why.to_owned(),
        next: next.map(|command| NextStep::new(command, "")),
        owes_nothing: false,
    }
}

#[test]
fn a_month_is_a_line_and_what_is_owed_stands_below() {
    let mut days = BTreeMap::new();
    days.insert("2022-01-30".parse().unwrap(), day(DayState::Done, "", None));
    days.insert(
        "2022-01-31".parse().unwrap(),
        day(DayState::Missing, "nothing is known", None),
    );
    days.insert(
        "2022-02-01".parse().unwrap(),
        day(DayState::Uploaded, "held", Some("byteair-sync done")),
    );
    let series = Series {
        target: String::new(),
        topic: "item".parse().unwrap(),
        stage: StageKind::HistorySync,
        days,
        streaming: None,
    };
    assert_eq!(
        text(&[series]),
        "item history_sync: 3 days, 1 done, 1 uploaded, 1 missing; 2,000 rows accepted, 4 pending\n  \
         2022-01                               #.\n  \
         2022-02  u\n\
         \n# done   u uploaded   p partial   r rejected   x refused   . missing\n\
         \ndone\n  \
         item history_sync 2022-01-30: 1,002 read, 1,000 accepted, 2 pending\n\
         \nowed\n  \
         item history_sync 2022-01-31 missing: nothing is known\n  \
         item history_sync 2022-02-01 uploaded: held\n    \
         1,002 read, 1,000 accepted, 2 pending\n    \
         byteair-sync done\n"
    );
}

#[test]
fn signs_differ() {
    let signs: std::collections::BTreeSet<char> =
        DayState::ALL.iter().map(|state| state.sign()).collect();
    assert_eq!(signs.len(), DayState::ALL.len());
}
