//! Inputs with rows of several dates: none of these is sealed before the input is read to its end,
//! each waits for its own batches and dead letters, and a row without a date holds back all.

use super::*;

/// Two dates that share one input.
struct Shared {
    dir: TempDir,
    ledger: Ledger,
    registered: Registered,
}

impl Shared {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(&dir);
        let input = InputIntent {
            date_options: Some(5),
            scope: vec![0, 1],
            ..new_input("all.jsonl", 1)
        };
        let wanted = registration(&["2022-01-01", "2022-01-02"], &[input]);
        let registered = ledger.register(wanted).committed_blocking().unwrap();
        Self {
            dir,
            ledger,
            registered,
        }
    }

    fn input(&self) -> InputId {
        self.registered.inputs[0].id
    }

    fn of_date(&self, date: usize) -> Intention {
        let row = &self.registered.partitions[date];
        Intention {
            partition_id: row.id,
            partition: row.partition.clone(),
            chunks: Vec::new(),
            batch: None,
            rejects: Vec::new(),
            finished: Vec::new(),
        }
    }

    /// Records 1 to 6 as one stretch: three rows of the first date, two of the second, and one that
    /// is not sent.
    fn read_all(&self, blocks: Blocks) -> [BatchId; 2] {
        let input = self.input();
        let batch = |first: u64, last: u64, rows: u32| {
            let mut batch = batch_of(input, first, rows);
            batch.pieces[0].last_record = last;
            Some(batch)
        };
        let intended = self.ledger.intend_together(vec![
            Intention {
                chunks: vec![(input, range_at(1, 0, 6), 1)],
                ..self.of_date(0)
            },
            Intention {
                batch: batch(1, 5, 3),
                ..self.of_date(0)
            },
            Intention {
                batch: batch(2, 4, 2),
                ..self.of_date(1)
            },
            Intention {
                rejects: vec![DeadLetter {
                    blocks,
                    ..letter(input, 6)
                }],
                ..self.of_date(0)
            },
            Intention {
                finished: vec![input],
                ..self.of_date(0)
            },
        ]);
        let ids: Vec<BatchId> = intended
            .committed_blocking()
            .unwrap()
            .into_iter()
            .flatten()
            .collect();
        ids.try_into().unwrap()
    }

    fn accept(&self, date: usize, batch: BatchId) {
        let row = &self.registered.partitions[date];
        let settled =
            self.ledger
                .settle(batch, row.id, row.partition.clone(), Settlement::Accepted);
        settled.committed_blocking().unwrap();
    }

    fn missing(&self, date: usize) -> Vec<Unmet> {
        unmet(&self.facts(date))
    }

    fn facts(&self, date: usize) -> GateFacts {
        let reader = LedgerReader::open(self.dir.path()).unwrap().unwrap();
        let known = self.known(&reader, date);
        reader.gate_facts(&known, true).unwrap()
    }

    fn known(&self, reader: &LedgerReader, date: usize) -> KnownPartition {
        let hosts = ["byteair.example.com".to_owned()];
        let target = reader.find_target(&target(), &hosts, false).unwrap();
        let partition = &self.registered.partitions[date].partition;
        let known = reader.partition(&target.unwrap(), partition).unwrap();
        known.unwrap()
    }

    fn seal(&self, date: usize) -> SealOutcome {
        let request = SealRequest {
            partition: self.registered.partitions[date].id,
            run: self.registered.run,
            day_over: true,
            release_hold: false,
            force: false,
            compared: true,
        };
        let sealing = self.ledger.seal(target(), request);
        sealing.committed_blocking().unwrap()
    }
}

#[test]
fn no_date_of_an_input_is_sealed_before_it_is_read_to_its_end() {
    let shared = Shared::new();
    let input = shared.input();
    let intended = shared.ledger.intend_together(vec![
        Intention {
            chunks: vec![(input, range_at(1, 0, 3), 0)],
            ..shared.of_date(0)
        },
        Intention {
            batch: Some(batch_of(input, 1, 3)),
            ..shared.of_date(0)
        },
    ]);
    let ids = intended.committed_blocking().unwrap();
    shared.accept(0, ids[1].unwrap());
    // Its rows are all in, but there may be more of them.
    for date in [0, 1] {
        let missing = shared.missing(date);
        assert!(
            matches!(missing.first(), Some(Unmet::InputUnfinished { .. })),
            "{missing:?}"
        );
        assert!(matches!(shared.seal(date), SealOutcome::Withheld(_)));
    }
}

#[test]
fn each_date_waits_for_its_own_batches_and_not_for_those_of_others() {
    let shared = Shared::new();
    let [first, second] = shared.read_all(Blocks::Nothing);
    shared.accept(0, first);
    assert_eq!(shared.missing(0), []);
    assert_eq!(shared.missing(1), [Unmet::BatchesPending(1)]);
    assert!(matches!(shared.seal(0), SealOutcome::Sealed(_)));
    assert!(matches!(shared.seal(1), SealOutcome::Withheld(_)));
    shared.accept(1, second);
    assert!(matches!(shared.seal(1), SealOutcome::Sealed(_)));
    let reader = LedgerReader::open(shared.dir.path()).unwrap().unwrap();
    let rows = [0, 1].map(|date| reader.rows(&shared.known(&reader, date)).unwrap());
    // The row of another date lies with the first one, and is counted once.
    assert_eq!([rows[0].read, rows[1].read], [4, 2]);
    assert_eq!([rows[0].invalid, rows[1].invalid], [1, 0]);
}

#[test]
fn a_dead_letter_without_a_date_holds_back_every_date_of_its_input() {
    for (blocks, open) in [
        (Blocks::Date, [1, 0]),
        (Blocks::Scope, [1, 1]),
        (Blocks::Nothing, [0, 0]),
    ] {
        let shared = Shared::new();
        let batches = shared.read_all(blocks);
        shared.accept(0, batches[0]);
        shared.accept(1, batches[1]);
        let facts = [0, 1].map(|date| shared.facts(date));
        assert_eq!(facts.clone().map(|it| it.open_rejects), open, "{blocks:?}");
        // Only rows that are its own count as rows of a date.
        let own = u64::from(blocks == Blocks::Date);
        assert_eq!(facts.map(|it| it.rows.read), [3 + own, 2]);
        for date in [0, 1] {
            let sealed = matches!(shared.seal(date), SealOutcome::Sealed(_));
            assert_eq!(sealed, open[date] == 0, "{blocks:?} {date}");
        }
    }
}

#[test]
fn waiving_a_dead_letter_without_a_date_by_any_date_frees_all() {
    let shared = Shared::new();
    let batches = shared.read_all(Blocks::Scope);
    shared.accept(0, batches[0]);
    shared.accept(1, batches[1]);
    let waived = shared.ledger.waive_rejects(Waiver {
        partition: shared.registered.partitions[1].id,
        run: None,
        ids: Vec::new(),
        why: "test".to_owned(),
    });
    assert_eq!(waived.committed_blocking().unwrap(), 1);
    assert_eq!([shared.missing(0), shared.missing(1)], [[], []]);
}

#[test]
fn a_round_is_recorded_as_a_whole_or_not_at_all() {
    let shared = Shared::new();
    let input = shared.input();
    let broken = shared.ledger.intend_together(vec![
        Intention {
            chunks: vec![(input, range_at(1, 0, 3), 0)],
            batch: Some(batch_of(input, 1, 2)),
            ..shared.of_date(0)
        },
        Intention {
            // No stretch begins there.
            chunks: vec![(input, range_at(9, 80, 1), 0)],
            ..shared.of_date(1)
        },
    ]);
    assert!(broken.committed_blocking().is_err());
    let reader = LedgerReader::open(shared.dir.path()).unwrap().unwrap();
    assert_eq!(reader.last_chunk(input).unwrap(), None);
    let first = shared.registered.partitions[0].id;
    assert_eq!(reader.batch_count(first).unwrap(), 0);
}

#[test]
fn a_reopened_date_waits_for_the_file_again_and_the_other_date_keeps_what_was_read() {
    let shared = Shared::new();
    let batches = shared.read_all(Blocks::Nothing);
    shared.accept(0, batches[0]);
    shared.accept(1, batches[1]);
    for date in [0, 1] {
        let SealOutcome::Sealed(sealed) = shared.seal(date) else {
            panic!("nothing is missing");
        };
        let run = shared.registered.run;
        let done =
            shared
                .ledger
                .settle_done(*sealed, run, DoneSettlement::Confirmed, String::new());
        wait(done).unwrap();
    }
    let reader = LedgerReader::open(shared.dir.path()).unwrap().unwrap();
    let known = shared.known(&reader, 0);
    let Shared {
        dir,
        ledger,
        registered,
    } = shared;
    let run = registered.run;
    let (input, partitions) = (registered.inputs[0].id, registered.partitions);
    drop(registered.inputs);
    ledger.end_run(run, 0).committed_blocking().unwrap();
    ledger.reopen(known).committed_blocking().unwrap();
    let inputs = reader.inputs(partitions[0].id).unwrap();
    assert_eq!(inputs.len(), 1);
    assert!(inputs[0].id != input && !inputs[0].read_to_end);
    assert_eq!(inputs[0].name, "all.jsonl");
    assert!(reader.last_chunk(input).unwrap().is_some());
    assert_eq!(reader.dates_of(input).unwrap(), [partitions[1].id]);
    drop(dir);
}
