//! How far a stream is settled is never further than it is, whatever is settled in which order and joined
//! in between. In these ranges the number of a record is its line.

use super::Desk;
use crate::ledger::{LedgerReader, Settlement};
use proptest::prelude::*;

fn settled(desk: &Desk) -> Option<u64> {
    let reader = LedgerReader::open(desk.dir.path()).unwrap().unwrap();
    reader.settled_number(desk.row.id, desk.input.id).unwrap()
}

fn condense(desk: &Desk) {
    let joined = desk.ledger.condense(desk.row.id, desk.input.id);
    joined.committed_blocking().unwrap();
}

#[test]
fn it_goes_up_to_the_first_row_that_is_not_settled() {
    let mut desk = Desk::new();
    assert_eq!(settled(&desk), None);
    let first = desk.intend(3);
    let second = desk.intend(4);
    assert_eq!(settled(&desk), None);
    desk.settle(second, Settlement::Accepted).unwrap();
    assert_eq!(settled(&desk), None);
    desk.settle(first, Settlement::Accepted).unwrap();
    assert_eq!(settled(&desk), Some(7));
    let third = desk.intend(2);
    assert_eq!(settled(&desk), Some(7));
    desk.settle(third, Settlement::Accepted).unwrap();
    condense(&desk);
    assert_eq!(settled(&desk), Some(9));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn it_is_never_further_than_what_is_settled(
        steps in prop::collection::vec((0..4_u8, 1..5_u32, any::<prop::sample::Index>()), 1..25)
    ) {
        let mut desk = Desk::new();
        let (mut open, mut next, mut joined) = (Vec::new(), 1_u64, false);
        for (step, rows, which) in steps {
            match step {
                0 | 1 => {
                    open.push((next, desk.intend(rows)));
                    next += u64::from(rows);
                }
                2 if !open.is_empty() => {
                    let (_, batch) = open.remove(which.index(open.len()));
                    desk.settle(batch, Settlement::Accepted).unwrap();
                }
                3 => {
                    condense(&desk);
                    joined = true;
                }
                _ => {}
            }
            let truth = open.iter().map(|(first, _)| *first).min().unwrap_or(next) - 1;
            let found = settled(&desk).unwrap_or(0);
            prop_assert!(found <= truth, "{found} > {truth}");
            prop_assert!(joined || found == truth);
            prop_assert!(!open.is_empty() || found == truth);
        }
    }
}
