//! The writer thread: groups, savepoints, and what a failure leaves behind.

use super::*;
use std::sync::mpsc;

fn add_event(ledger: &Ledger, what: &'static str) -> Pending<()> {
    ledger
        .writer
        .submit(move |session| audit::record_event(session.db, None, None, what, ""))
}

fn run_sql(ledger: &Ledger, sql: &'static str) -> Pending<()> {
    ledger.writer.submit(move |session| {
        session
            .db
            .execute_batch(sql)
            .map_err(|e| LedgerError::database("test", e))
    })
}

/// Keeps the writer busy, so that all that is handed over meanwhile is one group.
fn as_one_group<T>(ledger: &Ledger, hand_over: impl FnOnce() -> T) -> T {
    let (go, wait_for_go) = mpsc::channel::<()>();
    let (started, wait_for_start) = mpsc::channel();
    let holding = ledger.writer.submit(move |_| {
        // Its own group is complete by now. Both calls fail at once when the test is over early.
        let _ = started.send(());
        let _ = wait_for_go.recv();
        Ok(())
    });
    wait_for_start.recv().unwrap();
    let handed_over = hand_over();
    drop(go);
    holding.committed_blocking().unwrap();
    handed_over
}

/// Bytes in the log; every commit adds its own pages to it.
fn log_length(desk: &Desk) -> u64 {
    let log = desk.dir.path().join(format!("{LEDGER_FILE}-wal"));
    std::fs::metadata(log).unwrap().len()
}

#[test]
fn what_waits_together_is_committed_together() {
    let desk = Desk::new();
    let alone = {
        let before = log_length(&desk);
        for _ in 0..50 {
            add_event(&desk.ledger, "alone")
                .committed_blocking()
                .unwrap();
        }
        log_length(&desk) - before
    };
    let before = log_length(&desk);
    let group = as_one_group(&desk.ledger, || {
        (0..50)
            .map(|_| add_event(&desk.ledger, "group"))
            .collect::<Vec<_>>()
    });
    for pending in group {
        pending.committed_blocking().unwrap();
    }
    let together = log_length(&desk) - before;
    assert!(together * 10 < alone, "{together} bytes, {alone} alone");
    assert_eq!(desk.events().len(), 100);
}

#[test]
fn a_failure_inside_a_group_undoes_its_own_work_and_no_other() {
    let desk = Desk::new();
    let (first, bad, last) = as_one_group(&desk.ledger, || {
        (
            add_event(&desk.ledger, "first"),
            run_sql(
                &desk.ledger,
                "INSERT INTO event (at, what, why) VALUES (0, 'half', ''); SELECT nothing;",
            ),
            add_event(&desk.ledger, "last"),
        )
    });
    first.committed_blocking().unwrap();
    assert!(bad.committed_blocking().is_err());
    last.committed_blocking().unwrap();
    assert_eq!(desk.events(), ["first", "last"]);
}

#[test]
fn nobody_in_a_group_is_told_of_success_when_sqlite_gave_the_transaction_up() {
    let desk = Desk::new();
    // A full disk makes SQLite roll the whole transaction back in the middle of it.
    let roll_back = "INSERT OR ROLLBACK INTO run (id, started, pid, host, command)
                     SELECT id, started, pid, host, command FROM run";
    let group = as_one_group(&desk.ledger, || {
        [
            add_event(&desk.ledger, "before"),
            run_sql(&desk.ledger, roll_back),
            add_event(&desk.ledger, "after"),
        ]
    });
    for pending in group {
        assert!(pending.committed_blocking().is_err());
    }
    assert_eq!(desk.events(), Vec::<String>::new());
    // What comes later would not fit to a state that is older than its caller thinks.
    let later = add_event(&desk.ledger, "later").committed_blocking();
    assert!(matches!(later, Err(LedgerError::Closed)), "{later:?}");
    assert_eq!(desk.events(), Vec::<String>::new());
    let again = desk.crash();
    add_event(&again.ledger, "next")
        .committed_blocking()
        .unwrap();
    assert_eq!(again.events(), ["next"]);
}

#[test]
fn work_is_done_in_the_order_in_which_it_was_handed_over() {
    let mut desk = Desk::new();
    let intentions: Vec<_> = (0..20).map(|_| desk.next_intention(2)).collect();
    let batches = as_one_group(&desk.ledger, || {
        intentions
            .into_iter()
            .map(|intention| desk.ledger.intend(intention))
            .collect::<Vec<_>>()
    });
    let ids: Vec<i64> = batches
        .into_iter()
        .map(|batch| batch.committed_blocking().unwrap().unwrap().0)
        .collect();
    assert_eq!(ids, (1..=20).collect::<Vec<_>>());
}

#[test]
fn closing_the_ledger_brings_everything_handed_over_to_disk() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(&dir);
    for _ in 0..300 {
        // Nobody waits for the answer.
        drop(add_event(&ledger, "unheard"));
    }
    drop(ledger);
    let db = Connection::open(dir.path().join(LEDGER_FILE)).unwrap();
    let events: i64 = db
        .query_row("SELECT count(*) FROM event", [], |row| row.get(0))
        .unwrap();
    assert_eq!(events, 300);
}

#[test]
fn every_commit_is_synchronised_to_disk() {
    let desk = Desk::new();
    let read = |pragma: &'static str| {
        desk.ledger
            .writer
            .submit(move |session| {
                session
                    .db
                    .query_row(&format!("PRAGMA {pragma}"), [], |row| {
                        row.get::<_, rusqlite::types::Value>(0)
                    })
                    .map_err(|e| LedgerError::database("test", e))
            })
            .committed_blocking()
            .unwrap()
    };
    assert_eq!(read("synchronous"), rusqlite::types::Value::Integer(2));
    assert_eq!(
        read("journal_mode"),
        rusqlite::types::Value::Text("wal".into())
    );
}

/// Whether the commit of a piece of work waits for the disk.
fn waits_for_the_disk(
    session: &mut crate::ledger::writer::Session<'_>,
) -> Result<bool, LedgerError> {
    session
        .db
        .pragma_query_value(None, "synchronous", |row| row.get(0))
        .map(|level: i64| level == 2)
        .map_err(|e| LedgerError::database("test", e))
}

#[test]
fn only_what_a_power_cut_may_undo_does_not_wait_for_the_disk() {
    let desk = Desk::new();
    let writer = &desk.ledger.writer;
    for _ in 0..2 {
        let durable = writer.submit(waits_for_the_disk);
        assert!(durable.committed_blocking().unwrap());
        let other = writer.submit_without_waiting_for_the_disk(waits_for_the_disk);
        assert!(!other.committed_blocking().unwrap());
    }
    // In one group with what has to be on disk, it is as well.
    let [other, durable] = as_one_group(&desk.ledger, || {
        [
            writer.submit_without_waiting_for_the_disk(waits_for_the_disk),
            writer.submit(waits_for_the_disk),
        ]
    });
    assert!(other.committed_blocking().unwrap());
    assert!(durable.committed_blocking().unwrap());
}
