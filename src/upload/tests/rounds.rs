//! Rows that say their own dates: all of them come, once, each to its date and in order; stretches
//! tile the inputs; and what was intended comes again byte for byte when the inputs are read again.

use super::{inflated, input_settings, read_as, rows_of};
use crate::domain::{DataDate, Generation, RawRange, Zone};
use crate::input::{DateField, InputSettings, Start};
use crate::ledger::{BatchId, Blocks, InputId, IntendedBatch};
use crate::protocol::DEFAULT_GZIP_LEVEL;
use crate::upload::cut::{Message, Round};
use crate::upload::packed_round::pack_round;
use crate::upload::parcel::Packer;
use crate::upload::work::{InputWork, Place, Source, Work, WorkDates};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Days that rows may be of; of the last one nobody asks.
const DAYS: u32 = 5;

/// A line of an input.
#[derive(Debug, Clone)]
enum Line {
    Row { day: u32, padding: usize },
    NoDate,
    Bad,
    Blank,
}

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![
        12 => (0..=DAYS, 0..40_usize).prop_map(|(day, padding)| Line::Row { day, padding }),
        1 => Just(Line::NoDate),
        1 => Just(Line::Bad),
        1 => Just(Line::Blank),
    ]
}

fn day(number: u32) -> DataDate {
    format!("2022-01-{:02}", number + 1).parse().unwrap()
}

fn written(input: usize, number: usize, line: &Line) -> String {
    match line {
        Line::Row { day: of, padding } => format!(
            r#"{{"row":"{input}-{number}","x":"{}","day":"{}"}}"#,
            "x".repeat(*padding),
            day(*of)
        ),
        Line::NoDate => format!(r#"{{"row":"{input}-{number}"}}"#),
        Line::Bad => "no JSON".to_owned(),
        Line::Blank => String::new(),
    }
}

fn settings() -> InputSettings {
    InputSettings {
        date_field: Some(Arc::new(DateField {
            name: "day".to_owned(),
            format: None,
            zone: Zone::UTC,
            wanted: Some((0..DAYS).map(day).collect()),
        })),
        ..input_settings()
    }
}

fn by_row() -> WorkDates {
    let days = (0..DAYS).map(|number| (day(number), usize::try_from(number).unwrap()));
    WorkDates::ByRow(days.collect())
}

fn id(index: usize) -> InputId {
    InputId(i64::try_from(index).unwrap())
}

/// What came of reading, as the ledger would know it.
#[derive(Default)]
struct Known {
    batches: Vec<(usize, IntendedBatch)>,
    rows: BTreeMap<usize, Vec<String>>,
    chunks: HashMap<InputId, Vec<(RawRange, u64)>>,
    rejects: Vec<(Blocks, String)>,
    finished: Vec<InputId>,
}

impl Known {
    fn take(&mut self, round: Round, packer: &Packer) {
        for (input, range, invalid) in &round.intake.chunks {
            let chunks = self.chunks.entry(*input).or_default();
            chunks.push((*range, *invalid));
        }
        assert_eq!(round.homes.len(), round.intake.rejects.len());
        let rejects = round.intake.rejects.iter();
        self.rejects
            .extend(rejects.map(|it| (it.blocks, it.code.clone())));
        self.finished.extend(&round.intake.finished);
        let packed = pack_round(round, packer).ok().unwrap();
        for (partition, parcel) in packed.parcels {
            let rows = rows_of(&inflated(&parcel.body));
            assert_eq!(rows.len(), usize::try_from(parcel.rows).unwrap());
            self.rows.entry(partition).or_default().extend(rows);
            let batch = IntendedBatch {
                id: BatchId(i64::try_from(self.batches.len()).unwrap()),
                generation: Generation(0),
                unknown: true,
                rows: parcel.rows,
                refusal_seen: false,
                digest: parcel.digest,
                whole: None,
                pieces: parcel.pieces,
            };
            self.batches.push((partition, batch));
        }
    }
}

fn read_all(paths: &[PathBuf], limits: (u32, usize), budget: usize, dir: &Path) -> Known {
    let inputs = paths.iter().enumerate().map(|(index, path)| InputWork {
        id: id(index),
        name: path.display().to_string(),
        place: Place::Stored(path.as_path().into()),
        resume: Start::BEGINNING,
        read_to_end: false,
        finished: false,
        bytes_before: 0,
    });
    let work = Work {
        dates: by_row(),
        intended: Vec::new(),
        sources: HashMap::new(),
        inputs: inputs.collect(),
        date_field: settings().date_field,
        followed: None,
    };
    let mut known = Known::default();
    let packer = Packer::new(dir.to_owned(), DEFAULT_GZIP_LEVEL);
    let see = |message| match message {
        Message::Round(round) => known.take(*round, &packer),
        Message::PartitionRead(_) => {}
        _ => panic!("nothing else is handed over"),
    };
    read_as(
        (settings(), budget),
        vec![work],
        &[limits],
        dir.to_owned(),
        see,
    );
    known
}

/// Sends all batches again, as after a crash; their ids in the order in which they came.
fn read_again(paths: &[PathBuf], known: &Known, budget: usize, dir: &Path) -> Vec<i64> {
    let sources = paths.iter().enumerate().map(|(index, path)| {
        let chunks = known.chunks.get(&id(index)).into_iter().flatten();
        let source = Source {
            name: path.display().to_string(),
            location: Some(path.as_path().into()),
            chunks: chunks.map(|(range, _)| *range).collect(),
        };
        (id(index), source)
    });
    let work = Work {
        dates: by_row(),
        intended: known.batches.clone(),
        sources: sources.collect(),
        inputs: Vec::new(),
        date_field: settings().date_field,
        followed: None,
    };
    let packer = Packer::new(dir.to_owned(), DEFAULT_GZIP_LEVEL);
    let mut ids = Vec::new();
    let see = |message| {
        if let Message::Round(round) = message {
            // Fails when a digest is another one.
            let packed = pack_round(*round, &packer).ok().unwrap();
            assert!(packed.is_redo);
            ids.extend(packed.parcels.iter().map(|(_, parcel)| parcel.id.0));
        }
    };
    read_as(
        (settings(), budget),
        vec![work],
        &[(100, 1 << 20)],
        dir.to_owned(),
        see,
    );
    ids
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_come_to_their_dates_and_batches_come_again_as_they_were(
        inputs in prop::collection::vec(prop::collection::vec(line(), 0..120), 1..4),
        max_rows in 1..30_u32,
        max_bytes in 50..2_000_usize,
        budget in 4..64_usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = (0..inputs.len()).map(|it| dir.path().join(format!("{it}"))).collect();
        for (index, lines) in inputs.iter().enumerate() {
            let lines: Vec<String> =
                lines.iter().enumerate().map(|(number, line)| written(index, number, line)).collect();
            std::fs::write(&paths[index], lines.join("\n")).unwrap();
        }
        let budget = budget * 1024;
        let known = read_all(&paths, (max_rows, max_bytes), budget, dir.path());

        let mut expected: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut letters = [0, 0];
        for (index, lines) in inputs.iter().enumerate() {
            for (number, line) in lines.iter().enumerate() {
                match line {
                    Line::Row { day, .. } if *day < DAYS => {
                        let of_day = expected.entry(usize::try_from(*day).unwrap()).or_default();
                        of_day.push(written(index, number, line));
                    }
                    Line::Row { .. } => letters[0] += 1,
                    Line::NoDate | Line::Bad => letters[1] += 1,
                    Line::Blank => {}
                }
            }
        }
        prop_assert_eq!(&known.rows, &expected);
        let of = |blocks| known.rejects.iter().filter(|it| it.0 == blocks).count();
        prop_assert_eq!([of(Blocks::Nothing), of(Blocks::Scope)], letters);
        prop_assert_eq!(known.finished.len(), inputs.len());
        for (_, batch) in &known.batches {
            prop_assert!(batch.rows <= max_rows);
        }
        for (index, lines) in inputs.iter().enumerate() {
            let chunks = known.chunks.get(&id(index)).into_iter().flatten();
            let (mut record, mut offset, mut invalid) = (1, 0, 0);
            for (range, bad) in chunks {
                prop_assert_eq!((range.first_record, range.offset), (record, offset));
                record += range.records;
                offset = range.end();
                invalid += bad;
            }
            let size = std::fs::metadata(&paths[index]).unwrap().len();
            prop_assert_eq!(offset, size);
            let records = lines.iter().filter(|line| !matches!(line, Line::Blank)).count();
            prop_assert_eq!(record - 1, u64::try_from(records).unwrap());
            let in_batches: u64 = known
                .batches
                .iter()
                .flat_map(|(_, batch)| &batch.pieces)
                .filter(|piece| piece.input == id(index))
                .map(|piece| u64::from(piece.rows))
                .sum();
            prop_assert_eq!(record - 1, in_batches + invalid);
        }

        let mut again = read_again(&paths, &known, budget, dir.path());
        again.sort_unstable();
        let all: Vec<i64> = known.batches.iter().map(|(_, batch)| batch.id.0).collect();
        prop_assert_eq!(again, all);
    }
}
