//! Random lives of a date against a model that fits on a page.
//!
//! Whatever happens in whatever order: a call succeeds exactly when the model allows it, all that
//! was acknowledged is there after reopening, and the gate opens exactly when nothing is missing.

use super::*;
use crate::domain::ErrorBudget;
use proptest::prelude::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    Intend(u32),
    Finish,
    /// The batch is chosen by its number modulo how many there are.
    Unknown(usize),
    Renew(usize),
    Split(usize),
    Settle(usize, Kind),
    Crash,
    EndAndRunAgain,
    Seal,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Accepted,
    Unconfirmed,
    PartRefused,
    Refused,
    Foreign,
    Undetermined,
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![
        8 => Just(Kind::Accepted),
        3 => Just(Kind::Unconfirmed),
        2 => Just(Kind::PartRefused),
        2 => Just(Kind::Refused),
        1 => Just(Kind::Foreign),
        1 => Just(Kind::Undetermined),
    ];
    prop_oneof![
        6 => (1..6_u32).prop_map(Step::Intend),
        1 => Just(Step::Finish),
        3 => any::<usize>().prop_map(Step::Unknown),
        3 => any::<usize>().prop_map(Step::Renew),
        2 => any::<usize>().prop_map(Step::Split),
        9 => (any::<usize>(), kind).prop_map(|(which, kind)| Step::Settle(which, kind)),
        1 => Just(Step::Crash),
        1 => Just(Step::EndAndRunAgain),
        1 => Just(Step::Seal),
    ]
}

#[derive(Debug, Clone, PartialEq)]
struct Batch {
    id: BatchId,
    first: u64,
    rows: u32,
    state: &'static str,
    generation: u32,
    unknown: bool,
    counts: [u32; 3],
}

impl Batch {
    fn new(id: BatchId, first: u64, rows: u32) -> Self {
        Self {
            id,
            first,
            rows,
            state: "intended",
            generation: 0,
            unknown: false,
            counts: [0; 3],
        }
    }

    fn is_intended(&self) -> bool {
        self.state == "intended"
    }

    /// What a settlement makes of it; `None` when there is no such arrow.
    fn settled(&self, kind: Kind) -> Option<Self> {
        let rows = self.rows;
        let (state, counts, allowed) = match kind {
            Kind::Accepted => ("accepted", [rows, 0, 0], true),
            Kind::Unconfirmed => ("unconfirmed", [0, rows, 0], self.unknown),
            Kind::PartRefused => ("part_refused", [0, rows - 1, 1], true),
            Kind::Refused => ("refused", [0, 0, 1], rows == 1),
            Kind::Foreign => ("foreign", [0; 3], !self.unknown),
            Kind::Undetermined => ("undetermined", [0; 3], true),
        };
        (self.is_intended() && allowed).then(|| Self {
            state,
            counts,
            ..self.clone()
        })
    }
}

#[derive(Default)]
struct Model {
    batches: Vec<Batch>,
    finished: bool,
}

impl Model {
    fn pick(&mut self, which: usize) -> Option<&mut Batch> {
        let count = self.batches.len().max(1);
        self.batches.get_mut(which % count)
    }

    fn gate_opens(&self) -> bool {
        let stored: u32 = self.batches.iter().map(|b| b.counts[0] + b.counts[1]).sum();
        let settled = |b: &Batch| !["intended", "foreign", "undetermined"].contains(&b.state);
        self.finished && stored > 0 && self.batches.iter().all(settled)
    }
}

fn settlement(desk: &Desk, batch: &Batch, kind: Kind) -> Settlement {
    let letter = letter(desk.input.id, batch.first);
    let request_id = some_request_id();
    match kind {
        Kind::Accepted => Settlement::Accepted,
        Kind::Unconfirmed => Settlement::AcceptedUnconfirmed,
        Kind::PartRefused => Settlement::PartRefused {
            letters: vec![letter],
            request_id,
        },
        Kind::Refused => Settlement::Refused { letter, request_id },
        Kind::Foreign => Settlement::Foreign,
        Kind::Undetermined => Settlement::Undetermined,
    }
}

/// Does a step to both and compares the answers; `None` when the date was sealed.
fn take(mut desk: Desk, model: &mut Model, step: Step) -> Option<Desk> {
    match step {
        Step::Intend(rows) => {
            let first = desk.at.0;
            let id = desk.intend(rows);
            model.finished = false;
            model.batches.push(Batch::new(id, first, rows));
        }
        Step::Finish => {
            desk.finish();
            model.finished = true;
        }
        Step::Crash | Step::EndAndRunAgain => {
            let crashed = matches!(step, Step::Crash);
            desk = if crashed {
                desk.crash()
            } else {
                desk.end_and_run_again()
            };
            for batch in model.batches.iter_mut().filter(|b| b.is_intended()) {
                batch.unknown |= crashed;
            }
        }
        Step::Seal => match desk.seal() {
            SealOutcome::Sealed(_) => {
                assert!(model.gate_opens(), "{:?}", model.batches);
                return None;
            }
            SealOutcome::Withheld(missing) => assert!(!model.gate_opens(), "{missing:?}"),
            other => panic!("{other:?}"),
        },
        Step::Unknown(which) | Step::Renew(which) | Step::Split(which) | Step::Settle(which, _) => {
            change_batch(&desk, model, which, step);
        }
    }
    Some(desk)
}

fn change_batch(desk: &Desk, model: &mut Model, which: usize, step: Step) {
    let Some(batch) = model.pick(which) else {
        return;
    };
    match step {
        Step::Unknown(_) => {
            let noted = desk.ledger.note_unknown(batch.id).committed_blocking();
            assert_eq!(noted.is_ok(), batch.is_intended());
            batch.unknown |= noted.is_ok();
        }
        Step::Renew(_) => {
            let renewed = desk.ledger.renew(batch.id).committed_blocking();
            assert_eq!(renewed.is_ok(), batch.is_intended() && !batch.unknown);
            batch.generation += u32::from(renewed.is_ok());
        }
        Step::Settle(_, kind) => {
            let settled = desk.settle(batch.id, settlement(desk, batch, kind));
            let expected = batch.settled(kind);
            assert_eq!(settled.is_ok(), expected.is_some(), "{kind:?} of {batch:?}");
            *batch = expected.unwrap_or_else(|| batch.clone());
        }
        _ => {
            let (first, rows) = (batch.first, [batch.rows / 2, batch.rows - batch.rows / 2]);
            let allowed = batch.is_intended() && batch.rows > 1;
            let halves = desk.try_split(batch.id, first, rows);
            assert_eq!(halves.is_ok(), allowed, "split of {batch:?}");
            if let Ok([one, two]) = halves {
                batch.state = "split";
                let second = first + u64::from(rows[0]);
                model.batches.push(Batch::new(one, first, rows[0]));
                model.batches.push(Batch::new(two, second, rows[1]));
            }
        }
    }
}

impl Desk {
    /// What is shown of a date and what its gate looks at are the same.
    pub(super) fn assert_quick_counts_agree(&self) {
        let (reader, known) = (self.reader(), self.known());
        let facts = reader.gate_facts(&known, true).unwrap();
        assert_eq!(reader.rows(&known).unwrap(), facts.rows);
        assert_eq!(reader.gate_outline(&known, true).unwrap(), facts);
    }
}

fn assert_same(desk: &Desk, model: &Model) {
    for batch in &model.batches {
        let expected = (
            batch.state.to_owned(),
            batch.generation,
            batch.unknown,
            batch.counts,
        );
        assert_eq!(desk.batch(batch.id), expected);
    }
    let count: i64 = desk.value("SELECT count(*) FROM batch");
    assert_eq!(usize::try_from(count).unwrap(), model.batches.len());
    let refused: u32 = model.batches.iter().map(|b| b.counts[2]).sum();
    let rejects: i64 = desk.value("SELECT count(*) FROM reject");
    assert_eq!(rejects, i64::from(refused));
    desk.assert_quick_counts_agree();
}

/// Brings whatever is left to its end; the gate must open then unless something blocks for good.
fn complete(mut desk: Desk, model: &mut Model) {
    for which in 0..model.batches.len() {
        if model.batches[which].is_intended() {
            let settle = Step::Settle(which, Kind::Accepted);
            change_batch(&desk, model, which, settle);
        }
    }
    desk = take(desk, model, Step::Finish).unwrap();
    let opens = model.gate_opens();
    assert_eq!(take(desk, model, Step::Seal).is_none(), opens);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_ledger_does_what_the_model_does(steps in prop::collection::vec(step(), 1..60)) {
        let mut desk = Desk::with(|wanted| {
            wanted.partitions[0].guards.max_errors = Some(ErrorBudget::Rows(1_000));
        });
        let mut model = Model::default();
        for step in steps {
            match take(desk, &mut model, step) {
                Some(next) => desk = next,
                None => return Ok(()),
            }
            assert_same(&desk, &model);
        }
        desk = desk.crash();
        for batch in model.batches.iter_mut().filter(|b| b.is_intended()) {
            batch.unknown = true;
        }
        assert_same(&desk, &model);
        complete(desk, &mut model);
    }
}
