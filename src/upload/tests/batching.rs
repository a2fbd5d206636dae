//! How rows gather into batches: all of them, in order, as many in each as the limits in force let
//! in and no fewer, and with each batch exactly what was consumed to make it.

use super::{Limits, Line, line, read, rows, rows_of, text};
use crate::domain::RawRange;
use crate::input::{Location, Start};
use crate::ledger::InputId;
use crate::upload::cut::{Cut, CutKind, Message};
use crate::upload::work::{InputWork, Place, Work, WorkDates};
use proptest::prelude::*;
use std::collections::HashMap;
use std::path::Path;

/// A row and where it is from.
type Placed = (InputId, u64, String);

/// A batch as it was handed over, without its share of the memory.
struct Batch {
    rows: Vec<String>,
    bytes: usize,
    places: Vec<(InputId, u64)>,
    chunks: Vec<(InputId, RawRange, u64)>,
    rejects: Vec<(InputId, u64)>,
    finished: Vec<InputId>,
}

impl Batch {
    fn of(cut: Cut) -> Self {
        let CutKind::Fresh {
            chunks,
            rejects,
            finished,
        } = cut.kind
        else {
            panic!("nothing was intended before");
        };
        let rows = rows_of(&cut.body);
        assert_eq!(u32::try_from(rows.len()), Ok(cut.rows));
        let sum: u32 = cut.pieces.iter().map(|piece| piece.rows).sum();
        assert_eq!(sum, cut.rows);
        let places = cut.places.iter().map(|(piece, position)| {
            let piece = cut.pieces[usize::try_from(piece).unwrap()];
            assert!((piece.first_record..=piece.last_record).contains(&position.ordinal));
            (piece.input, position.ordinal)
        });
        Self {
            places: places.collect(),
            bytes: cut.body.len(),
            rows,
            chunks,
            rejects: rejects
                .iter()
                .map(|letter| (letter.input, letter.position.ordinal))
                .collect(),
            finished,
        }
    }
}

/// Everything that is read of one date.
struct Date {
    lines: Vec<(InputId, Vec<Line>)>,
    batches: Vec<(Batch, Limits)>,
}

impl Date {
    fn expected(&self) -> Vec<Placed> {
        let of_input = |(id, lines): &(InputId, Vec<Line>)| {
            let id = *id;
            let all = rows(usize::try_from(id.0).unwrap(), lines).into_iter();
            all.map(move |(ordinal, row)| (id, ordinal, row))
        };
        self.lines.iter().flat_map(of_input).collect()
    }

    /// All rows come, once and in order, from where they are.
    fn check_rows(&self) {
        let placed = |(batch, _): &(Batch, Limits)| {
            let places = batch.places.clone().into_iter().zip(batch.rows.clone());
            places.map(|((id, ordinal), row)| (id, ordinal, row))
        };
        let read: Vec<Placed> = self.batches.iter().flat_map(placed).collect();
        assert_eq!(read, self.expected());
    }

    /// No batch is larger than its limits, and only the last one smaller than it could be.
    fn check_sizes(&self) {
        let following = self.batches.iter().skip(1).map(Some).chain([None]);
        for ((batch, (max_rows, max_bytes)), next) in self.batches.iter().zip(following) {
            let max_rows = usize::try_from(*max_rows).unwrap();
            assert!(batch.rows.len() <= max_rows);
            assert!(batch.bytes <= *max_bytes || batch.rows.len() == 1);
            if let Some(next) = next.and_then(|(next, _)| next.rows.first()) {
                let full = batch.rows.len() == max_rows;
                assert!(
                    full || batch.bytes + 1 + next.len() > *max_bytes,
                    "{:?}",
                    batch.rows
                );
            }
        }
    }

    /// What was consumed travels with the batches: ranges tile the inputs, bad rows are counted in
    /// them, and each input ends once.
    fn check_consumed(&self) {
        let all = || self.batches.iter().map(|(batch, _)| batch);
        let finished: Vec<InputId> = all().flat_map(|batch| batch.finished.clone()).collect();
        assert_eq!(
            finished,
            self.lines.iter().map(|(id, _)| *id).collect::<Vec<_>>()
        );
        for (id, lines) in &self.lines {
            let mut at = Start::BEGINNING;
            let mut invalid = 0;
            for (_, range, bad) in all().flat_map(|it| &it.chunks).filter(|it| it.0 == *id) {
                assert_eq!((range.offset, range.first_record), (at.offset, at.record));
                at = Start::after(range);
                invalid += bad;
            }
            let text = text(usize::try_from(id.0).unwrap(), lines);
            assert_eq!(at.offset, u64::try_from(text.len()).unwrap());
            let records = lines.iter().filter(|line| **line != Line::Blank).count();
            assert_eq!(at.record, u64::try_from(records).unwrap() + 1);
            let bad = lines.iter().filter(|line| **line == Line::Bad).count();
            assert_eq!(invalid, u64::try_from(bad).unwrap());
            let letters = all().flat_map(|it| &it.rejects).filter(|it| it.0 == *id);
            assert_eq!(letters.count(), bad);
        }
        for batch in all() {
            let covered = |(id, ordinal): &(InputId, u64)| {
                batch.chunks.iter().any(|(input, range, _)| {
                    let end = range.first_record + range.records;
                    input == id && (range.first_record..end).contains(ordinal)
                })
            };
            assert!(batch.places.iter().all(covered) && batch.rejects.iter().all(covered));
        }
    }
}

fn work(folder: &Path, index: usize, date: &Date) -> Work {
    let inputs = date.lines.iter().map(|(id, lines)| {
        let path = folder.join(format!("{}.jsonl", id.0));
        std::fs::write(&path, text(usize::try_from(id.0).unwrap(), lines)).unwrap();
        InputWork {
            id: *id,
            name: path.display().to_string(),
            place: Place::Stored(Location::File(path)),
            resume: Start::BEGINNING,
            read_to_end: false,
            finished: false,
            bytes_before: 0,
        }
    });
    Work {
        dates: WorkDates::One(index),
        intended: Vec::new(),
        sources: HashMap::new(),
        inputs: inputs.collect(),
        date_field: None,
        followed: None,
    }
}

/// Dates with inputs, some of which have no row.
fn dates() -> impl Strategy<Value = Vec<Vec<Vec<Line>>>> {
    let input = prop::collection::vec(line(), 0..25);
    let date = prop::collection::vec(input, 1..5);
    prop::collection::vec(date, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn batches_hold_all_rows_in_order_within_limits_that_change_from_batch_to_batch(
        dates in dates(),
        limits in prop::collection::vec((1..12_u32, 10..300_usize), 1..6),
        budget in prop::sample::select(vec![1_usize, 64 << 10, 8 << 20]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut ids = (1..).map(InputId);
        let mut dates: Vec<Date> = dates
            .into_iter()
            .map(|inputs| Date {
                lines: inputs.into_iter().map(|lines| (ids.next().unwrap(), lines)).collect(),
                batches: Vec::new(),
            })
            .collect();
        let all = dates.iter().enumerate();
        let work = all.map(|(index, date)| work(folder.path(), index, date)).collect();
        let (mut batches, mut ended) = (Vec::new(), Vec::new());
        let given = read(work, &limits, budget, folder.path().to_owned(), |message| match message {
            Message::Cut(cut) => {
                assert_eq!(cut.partition, ended.len(), "one date after the other");
                batches.push((cut.partition, Batch::of(*cut)));
            }
            Message::Begun | Message::Round(_) => panic!("all rows of an input are of one date"),
            Message::PartitionRead(date) => ended.push(date),
            Message::PartitionFailed { problem, .. } => panic!("{problem}"),
            Message::Warning(text) => panic!("{text}"),
        });
        prop_assert_eq!(ended, (0..dates.len()).collect::<Vec<_>>());
        prop_assert_eq!(given.len(), batches.len());
        for ((date, batch), limits) in batches.into_iter().zip(given) {
            dates[date].batches.push((batch, limits));
        }
        for date in &dates {
            date.check_rows();
            date.check_sizes();
            date.check_consumed();
        }
    }
}
