//! Whatever became of the batches of a run, and wherever it was cut off: the next plan sends what the
//! ledger lacks, and nothing else. The model keeps the texts of the rows, which the ledger does not.

use super::{Limits, Line, inflated, line, read, rows, rows_of, settings, text};
use crate::domain::Generation;
use crate::input::PathPattern;
use crate::ledger::{
    BatchId, Ledger, LedgerReader, Registered, RegisteredPartition, RunInfo, SealOutcome,
    SealRequest, Settlement,
};
use crate::protocol::DEFAULT_GZIP_LEVEL;
use crate::upload::cut::{Cut, CutKind, Message};
use crate::upload::parcel::{Packer, Parcel, pack};
use crate::upload::plan::{Action, plan};
use crate::upload::spool;
use crate::upload::work::{Prepared, Work, WorkDates};
use crate::upload::{Settings, Sources, StdinInput};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// What becomes of a batch before the run is cut off.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Intended,
    Accepted,
    Unknown,
    Unconfirmed,
    Renewed,
    /// Split; then the halves have these fates, as far as they are simple.
    Split(bool, bool),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        3 => Just(Fate::Intended),
        6 => Just(Fate::Accepted),
        2 => Just(Fate::Unknown),
        1 => Just(Fate::Unconfirmed),
        2 => Just(Fate::Renewed),
        3 => any::<(bool, bool)>().prop_map(|(first, second)| Fate::Split(first, second)),
    ]
}

/// How a run ends behind the last commit.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Killed,
    InGoodOrder,
    /// Nothing is left, and the gate opens.
    Sealed,
}

/// A run: the limits of its batches, what becomes of the first of them, and how it ends then.
#[derive(Debug, Clone)]
struct Round {
    limits: Vec<Limits>,
    fates: Vec<Fate>,
    ending: Ending,
}

fn round() -> impl Strategy<Value = Round> {
    let limits = prop::collection::vec((1..9_u32, 60..400_usize), 1..4);
    let fates = prop::collection::vec(fate(), 0..6);
    let ending = prop::sample::select(vec![Ending::Killed, Ending::InGoodOrder]);
    (limits, fates, ending).prop_map(|(limits, fates, ending)| Round {
        limits,
        fates,
        ending,
    })
}

/// A batch that the ledger knows as intended.
#[derive(Debug, Clone, PartialEq)]
struct Open {
    rows: Vec<String>,
    generation: Generation,
    unknown: bool,
}

/// What the ledger should know.
#[derive(Default)]
struct Model {
    open: BTreeMap<i64, Open>,
    settled: Vec<String>,
}

struct Desk<'a> {
    folder: &'a Path,
    settings: Settings,
    stdin: Option<String>,
    expected: Vec<String>,
    model: Model,
}

/// A run that has begun.
struct Run<'a> {
    ledger: &'a Ledger,
    row: &'a RegisteredPartition,
    spool_dir: &'a Path,
}

impl Desk<'_> {
    fn stream(&self) -> Option<StdinInput> {
        let text = self.stdin.clone()?;
        let stream = Box::new(std::io::Cursor::new(text.into_bytes()));
        Some(StdinInput::new(stream, Some("rows")).unwrap())
    }

    /// Plans, registers and prepares, as the engine does.
    fn begin(&self, ledger: &Ledger) -> (Registered, Vec<Work>) {
        let reader = LedgerReader::open(self.folder).unwrap();
        let mut plan = plan(&self.settings, reader.as_ref(), self.stream()).unwrap();
        let wanted = plan.registration(&self.settings);
        let registered = ledger.register(wanted).committed_blocking().unwrap();
        let Action::Upload(inputs) = plan.dates.remove(0).action else {
            panic!("the date is not done");
        };
        let held = registered.inputs.iter().map(|held| held.id);
        let with_ids = inputs.into_iter().zip(held).collect();
        let mut prepared = Prepared::default();
        let reader = LedgerReader::open(self.folder).unwrap().unwrap();
        let (date, id) = (WorkDates::One(0), [registered.partitions[0].id]);
        let input = &self.settings.input;
        prepared.add(&reader, input, (date, &id), with_ids).unwrap();
        (registered, prepared.work)
    }

    /// One run; all of it is read, and a part of it gets into the ledger.
    fn round(&mut self, round: &Round) {
        let ledger = open(self.folder);
        let (registered, work) = self.begin(&ledger);
        let spool_dir = self.folder.join("spool");
        let mut cuts = Vec::new();
        read(
            work,
            &round.limits,
            64 << 20,
            spool_dir.clone(),
            |message| match message {
                Message::Cut(cut) => cuts.push(*cut),
                Message::Round(_) => panic!("all rows of an input are of one date"),
                Message::Begun | Message::PartitionRead(_) => {}
                Message::PartitionFailed { problem, .. } => panic!("{problem}"),
                Message::Warning(text) => panic!("{text}"),
            },
        );
        self.check(&cuts);
        let run = Run {
            ledger: &ledger,
            row: &registered.partitions[0],
            spool_dir: &spool_dir,
        };
        let packer = Packer::new(spool_dir.clone(), DEFAULT_GZIP_LEVEL);
        for (cut, fate) in cuts.into_iter().zip(&round.fates) {
            self.model.commit(&run, cut, &packer, *fate);
        }
        match round.ending {
            // Whatever was under way may have been sent.
            Ending::Killed => {
                std::fs::remove_dir_all(self.folder.join("departures")).unwrap();
                let open = self.model.open.values_mut();
                open.for_each(|it| it.unknown = true);
            }
            Ending::InGoodOrder => {
                let ended = ledger.end_run(registered.run, 5);
                ended.committed_blocking().unwrap();
            }
            Ending::Sealed => self.seal(&ledger, &registered),
        }
    }

    fn seal(&self, ledger: &Ledger, registered: &Registered) {
        let request = SealRequest {
            partition: registered.partitions[0].id,
            run: registered.run,
            day_over: true,
            release_hold: false,
            force: false,
            compared: true,
        };
        let sealed = ledger.seal(self.settings.target.clone(), request);
        let sealed = sealed.committed_blocking().unwrap();
        assert!(matches!(sealed, SealOutcome::Sealed(_)), "{sealed:?}");
    }

    /// What was handed over is what the ledger lacks: open batches as they were, then the rest.
    fn check(&self, cuts: &[Cut]) {
        let mut again = BTreeMap::new();
        let mut all = self.model.settled.clone();
        let mut fresh_begun = false;
        for cut in cuts {
            let rows = rows_of(&cut.body);
            all.extend(rows.clone());
            if let CutKind::Redo {
                id,
                generation,
                unknown,
                ..
            } = cut.kind
            {
                assert!(!fresh_begun, "open batches come first");
                let open = Open {
                    rows,
                    generation,
                    unknown,
                };
                assert_eq!(again.insert(id.0, open), None, "each once");
            } else {
                fresh_begun = true;
            }
        }
        assert_eq!(again, self.model.open);
        all.sort();
        assert_eq!(all, self.expected, "each row is settled or sent, once");
    }

    /// A run in which all goes well.
    fn complete(&mut self) {
        self.round(&Round {
            limits: vec![(3, 200)],
            fates: vec![Fate::Accepted; 1_000],
            ending: Ending::Sealed,
        });
        self.model.settled.sort();
        assert_eq!(self.model.settled, self.expected);
    }
}

impl Model {
    fn commit(&mut self, run: &Run<'_>, cut: Cut, packer: &Packer, fate: Fate) {
        let rows = rows_of(&cut.body);
        let mut packed = pack(cut, packer).unwrap();
        let intention = packed.intention(run.row);
        let intended = intention.map(|it| run.ledger.intend(it).committed_blocking().unwrap());
        let Some(mut parcel) = packed.parcel else {
            return;
        };
        if let Some(id) = intended.flatten() {
            parcel.id = id;
            let open = Open {
                rows,
                generation: Generation::default(),
                unknown: false,
            };
            self.open.insert(id.0, open);
        }
        self.meet(run, &parcel, fate);
    }

    fn meet(&mut self, run: &Run<'_>, parcel: &Parcel, fate: Fate) {
        let id = parcel.id;
        let open = self.open.get_mut(&id.0).unwrap();
        match fate {
            Fate::Intended => {}
            Fate::Accepted => self.settle(run, parcel, Settlement::Accepted),
            Fate::Unknown | Fate::Unconfirmed => {
                run.ledger.note_unknown(id).committed_blocking().unwrap();
                open.unknown = true;
                if fate == Fate::Unconfirmed {
                    self.settle(run, parcel, Settlement::AcceptedUnconfirmed);
                }
            }
            Fate::Renewed if open.unknown => {}
            Fate::Renewed => {
                open.generation = run.ledger.renew(id).committed_blocking().unwrap();
            }
            Fate::Split(..) if parcel.rows < 2 => {}
            Fate::Split(first, second) => self.split(run, parcel, [first, second]),
        }
    }

    fn settle(&mut self, run: &Run<'_>, parcel: &Parcel, settlement: Settlement) {
        let (row, id) = (run.row, parcel.id);
        run.ledger
            .settle(id, row.id, row.partition.clone(), settlement)
            .committed_blocking()
            .unwrap();
        if parcel.spooled {
            spool::remove(run.spool_dir, &parcel.pieces[0]);
        }
        self.settled.extend(self.open.remove(&id.0).unwrap().rows);
    }

    fn split(&mut self, run: &Run<'_>, parcel: &Parcel, accepted: [bool; 2]) {
        let half = parcel.rows.div_ceil(2);
        let halves = parcel.split_after(half, DEFAULT_GZIP_LEVEL).unwrap();
        if parcel.spooled {
            for half in &halves {
                half.save(run.spool_dir).unwrap();
            }
        }
        let batches = [halves[0].as_new_batch(), halves[1].as_new_batch()];
        let split = run.ledger.split(parcel.id, run.row.id, batches);
        let ids: [BatchId; 2] = split.committed_blocking().unwrap();
        self.open.remove(&parcel.id.0);
        for ((half, id), accepted) in halves.into_iter().zip(ids).zip(accepted) {
            let half = half.into_parcel(id, parcel.spooled);
            let open = Open {
                rows: rows_of(&inflated(&half.body)),
                generation: Generation::default(),
                unknown: false,
            };
            self.open.insert(id.0, open);
            if accepted {
                self.settle(run, &half, Settlement::Accepted);
            }
        }
    }
}

fn open(folder: &Path) -> Ledger {
    let info = RunInfo {
        pid: 4242,
        host: "loader-1".to_owned(),
        command: "byteair-sync write".to_owned(),
    };
    Ledger::open(folder, info).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn after_any_prefix_of_a_run_the_next_plan_sends_exactly_what_the_ledger_lacks(
        mut inputs in prop::collection::vec(prop::collection::vec(line(), 0..16), 1..4),
        rounds in prop::collection::vec(round(), 1..5),
        piped in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        inputs.truncate(if piped { 1 } else { 4 });
        // Without a row there is nothing to seal.
        inputs[0].push(Line::Row(1));
        let files = folder.path().join("rows");
        std::fs::create_dir(&files).unwrap();
        let mut expected = Vec::new();
        for (number, lines) in inputs.iter().enumerate() {
            std::fs::write(files.join(format!("{number}.jsonl")), text(number, lines)).unwrap();
            expected.extend(rows(number, lines).into_iter().map(|(_, row)| row));
        }
        expected.sort();
        let input_id = Some("rows".to_owned());
        let pattern = PathPattern::parse(files.to_str().unwrap()).unwrap();
        let sources = if piped {
            Sources::Stdin { input_id }
        } else {
            Sources::Paths(vec![pattern])
        };
        let state_dir = folder.path().join("state");
        let mut desk = Desk {
            folder: &state_dir,
            settings: settings(&state_dir, sources),
            stdin: piped.then(|| text(0, &inputs[0])),
            expected,
            model: Model::default(),
        };
        for round in &rounds {
            desk.round(round);
        }
        desk.complete();
    }
}
