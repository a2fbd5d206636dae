//! Two handles on one state directory, as two processes have them.

use super::*;
use std::sync::Barrier;
use std::thread;

fn seal_request(partition: PartitionId, run: RunId) -> SealRequest {
    SealRequest {
        partition,
        run,
        day_over: true,
        release_hold: false,
        force: false,
        compared: true,
    }
}

#[test]
fn the_same_new_input_is_busy_for_the_second_one_which_names_the_holder() {
    let desk = Desk::new();
    let other = open(&desk.dir);
    // It looked at the ledger before the first one had registered anything.
    let wanted = registration(&["2022-01-01"], &[new_input("a.jsonl", 1)]);
    let busy = other.register(wanted).committed_blocking().unwrap_err();
    let text = busy.to_string();
    assert!(
        text.starts_with("a.jsonl is being uploaded by another run (pid 4242 on loader-1, started"),
        "{text}"
    );
    assert_eq!(desk.value::<i64>("SELECT count(*) FROM input"), 1);
}

#[test]
fn a_known_input_is_busy_until_its_holder_is_gone() {
    let desk = Desk::new();
    let other = open(&desk.dir);
    let known = || registration(&["2022-01-01"], &[known_input("a.jsonl", 1, desk.input.id)]);
    let busy = other.register(known()).committed_blocking();
    assert!(matches!(busy, Err(LedgerError::Busy { .. })));
    drop(desk.input.lock);
    other.register(known()).committed_blocking().unwrap();
}

#[test]
fn a_stream_is_the_same_input_when_it_has_the_same_name() {
    let stream = |name: &str| InputIntent {
        kind: InputKind::Stdin,
        identity: None,
        ..new_input(name, 0)
    };
    let desk = Desk::with(|wanted| wanted.inputs = vec![stream("stdin:a")]);
    let other = open(&desk.dir);
    let register = |name: &str| {
        let wanted = registration(&["2022-01-01"], &[stream(name)]);
        other.register(wanted).committed_blocking()
    };
    assert!(matches!(register("stdin:a"), Err(LedgerError::Busy { .. })));
    register("stdin:b").unwrap();
}

#[test]
fn an_input_that_another_run_registered_and_finished_meanwhile_is_not_sent_twice() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    desk.ledger
        .end_run(desk.run, 0)
        .committed_blocking()
        .unwrap();
    desk.input.lock.take();
    let other = open(&desk.dir);
    let wanted = registration(&["2022-01-01"], &[new_input("a.jsonl", 1)]);
    let busy = other.register(wanted).committed_blocking().unwrap_err();
    let text = busy.to_string();
    assert!(
        !text.contains("()") && text.contains("run the same command again"),
        "{text}"
    );
}

/// A run that has registered an input of its own for the shared date.
fn run_with_input(dir: &TempDir, inode: u64) -> (Ledger, Registered) {
    let ledger = open(dir);
    let input = new_input(&format!("{inode}.jsonl"), inode);
    let wanted = registration(&["2022-01-01"], &[input]);
    let registered = ledger.register(wanted).committed_blocking().unwrap();
    (ledger, registered)
}

/// Uploads the input of a run, and then wants to seal the date.
fn upload_and_seal((ledger, registered): &(Ledger, Registered)) -> SealOutcome {
    let (row, id) = (&registered.partitions[0], registered.inputs[0].id);
    let intention = Intention {
        partition_id: row.id,
        partition: row.partition.clone(),
        chunks: vec![(id, range_at(1, 0, 4), 0)],
        batch: Some(batch_of(id, 1, 4)),
        rejects: Vec::new(),
        finished: vec![id],
    };
    let intended = ledger.intend(intention).committed_blocking();
    let batch = intended.unwrap().unwrap();
    let partition = row.partition.clone();
    let settled = ledger.settle(batch, row.id, partition, Settlement::Accepted);
    settled.committed_blocking().unwrap();
    let request = seal_request(row.id, registered.run);
    ledger.seal(target(), request).committed_blocking().unwrap()
}

#[test]
fn of_several_runs_with_different_inputs_of_a_date_exactly_one_seals() {
    for _ in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        let runs: Vec<_> = (1..=3).map(|inode| run_with_input(&dir, inode)).collect();
        // The winner's value holds its lock until everybody had a try.
        let outcomes: Vec<SealOutcome> = thread::scope(|scope| {
            let uploads: Vec<_> = runs
                .iter()
                .map(|run| scope.spawn(|| upload_and_seal(run)))
                .collect();
            uploads.into_iter().map(|run| run.join().unwrap()).collect()
        });
        let sealed = |outcome: &&SealOutcome| matches!(outcome, SealOutcome::Sealed(_));
        assert_eq!(outcomes.iter().filter(sealed).count(), 1, "{outcomes:?}");
        for outcome in &outcomes {
            assert!(
                matches!(
                    outcome,
                    SealOutcome::Sealed(_) | SealOutcome::Busy { .. } | SealOutcome::Withheld(_)
                ),
                "{outcome:?}"
            );
        }
    }
}

#[test]
fn a_date_is_busy_while_another_run_sends_its_done_and_done_afterwards() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    let other = open(&desk.dir);
    let run = other.begin_run().committed_blocking().unwrap();
    let seal = || {
        let sealing = other.seal(target(), seal_request(desk.row.id, run));
        sealing.committed_blocking().unwrap()
    };
    let sealed = desk.sealed();
    assert!(matches!(seal(), SealOutcome::Busy { holder } if holder.contains("pid")));
    desk.settle_done(sealed, DoneSettlement::Confirmed).unwrap();
    assert!(matches!(seal(), SealOutcome::AlreadyDone { .. }));
}

#[test]
fn a_reader_sees_what_is_committed_while_a_writer_is_at_work() {
    let mut desk = Desk::new();
    let reader = desk.reader();
    for settled in 0..5 {
        assert_eq!(reader.rows(&desk.known()).unwrap().accepted, settled * 3);
        let batch = desk.intend(3);
        desk.settle(batch, Settlement::Accepted).unwrap();
    }
}

#[test]
fn a_new_state_directory_may_be_opened_by_several_at_once() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let start = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    let ledger = open(&dir);
                    ledger.begin_run().committed_blocking().unwrap();
                });
            }
        });
        let reader = LedgerReader::open(dir.path()).unwrap();
        assert!(reader.is_some());
    }
}
