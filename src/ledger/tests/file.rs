//! The ledger file: whose it is, how large it gets, and that a copy of it tells the truth.

use super::*;
use std::error::Error;
use std::path::Path;

fn open_error(state_dir: &Path) -> LedgerError {
    match Ledger::open(state_dir, info("test")) {
        Err(error) => error,
        Ok(_) => panic!("opened {}", state_dir.display()),
    }
}

#[test]
fn a_newer_ledger_is_refused_for_writing_and_reading_and_stays_as_it_is() {
    let Desk { dir, ledger, .. } = Desk::new();
    drop(ledger);
    let path = dir.path().join(LEDGER_FILE);
    let newer = schema::SCHEMA_VERSION + 1;
    Connection::open(&path)
        .and_then(|db| db.pragma_update(None, "user_version", newer))
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = open_error(dir.path());
    assert!(matches!(error, LedgerError::OtherVersion { found, .. } if found == newer));
    let error = LedgerReader::open(dir.path()).err().unwrap();
    assert!(matches!(error, LedgerError::OtherVersion { .. }));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn another_database_is_refused_and_not_one_byte_of_it_changes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(LEDGER_FILE);
    Connection::open(&path)
        .and_then(|db| db.execute_batch("CREATE TABLE account (id INTEGER)"))
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(
        open_error(dir.path()),
        LedgerError::NotALedger { .. }
    ));
    let error = LedgerReader::open(dir.path()).err().unwrap();
    assert!(matches!(error, LedgerError::NotALedger { .. }));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_refused_with_advice_and_left_alone() {
    for garbage in [&b"not a database, whatever its name says"[..], &[7; 9000]] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LEDGER_FILE);
        std::fs::write(&path, garbage).unwrap();
        for error in [
            open_error(dir.path()),
            LedgerReader::open(dir.path()).err().unwrap(),
        ] {
            let text = error.to_string();
            assert!(text.contains("restore it from a backup"), "{text}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), garbage);
    }
}

#[test]
fn a_state_directory_that_cannot_be_made_is_told_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = open_error(&file.join("state"));
    assert!(
        error
            .to_string()
            .contains("cannot create the state directory")
    );
    assert!(error.source().is_some());
}

#[test]
fn a_ledger_that_cannot_be_opened_is_told_with_advice() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(LEDGER_FILE)).unwrap();
    let text = open_error(dir.path()).to_string();
    assert!(
        text.contains("check that the state directory exists and is writable"),
        "{text}"
    );
}

#[test]
fn a_read_only_state_directory_is_told_with_advice() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let mode = |bits| std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(bits));
    mode(0o500).unwrap();
    // Permissions do not bind root; there the directory is as good as writable.
    let binding = std::fs::File::create(dir.path().join("probe")).is_err();
    let opened = Ledger::open(dir.path(), info("test"));
    mode(0o700).unwrap();
    assert_eq!(opened.is_err(), binding);
    if let Err(error) = opened {
        assert!(error.to_string().contains("writable"), "{error}");
    }
}

#[test]
fn a_state_directory_is_private_and_a_missing_ledger_is_not_an_error_for_readers() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("a/b");
    assert!(LedgerReader::open(&state).unwrap().is_none());
    assert!(!state.exists());
    drop(Ledger::open(&state, info("test")).unwrap());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    // Also in a directory that was there before and that others may enter.
    assert_eq!(mode(&state.join(LEDGER_FILE)), 0o600);
}

#[test]
fn a_batch_takes_at_most_200_bytes() {
    let mut desk = Desk::new();
    let size = |desk: &Desk| {
        desk.value::<i64>("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
    };
    let before = size(&desk);
    let mut pending = Vec::new();
    for _ in 0..10_000 {
        let mut intention = desk.next_intention(10_000);
        let batch = intention.batch.as_mut().unwrap();
        // Digests fill their columns.
        batch.digest = u128::MAX - batch.digest;
        intention.chunks[0].1.digest = u128::MAX - intention.chunks[0].1.digest;
        pending.push(desk.ledger.intend(intention));
    }
    let batches: Vec<BatchId> = pending
        .into_iter()
        .map(|batch| batch.committed_blocking().unwrap().unwrap())
        .collect();
    let settled: Vec<_> = batches
        .into_iter()
        .map(|batch| {
            let partition = desk.row.partition.clone();
            let accepted = Settlement::Accepted;
            desk.ledger.settle(batch, desk.row.id, partition, accepted)
        })
        .collect();
    for settled in settled {
        settled.committed_blocking().unwrap();
    }
    let grown = size(&desk) - before;
    assert!(grown <= 200 * 10_000, "{} bytes a batch", grown / 10_000);
}

#[test]
fn no_question_that_is_asked_for_each_input_reads_a_whole_table() {
    let desk = Desk::new();
    let db = Connection::open(desk.dir.path().join(LEDGER_FILE)).unwrap();
    let questions = [
        facts::BATCHED_ROWS,
        "DELETE FROM batch WHERE partition = 1",
        "DELETE FROM input WHERE id = 1",
        "SELECT 1 FROM batch WHERE parent = 1",
        "SELECT 1 FROM reject WHERE batch = 1",
        "SELECT 1 FROM reject WHERE input = 1",
        "SELECT 1 FROM batch WHERE first_input = 1",
        "SELECT 1 FROM piece WHERE input = 1",
    ];
    for question in questions {
        let mut plan = db
            .prepare(&format!("EXPLAIN QUERY PLAN {question}"))
            .unwrap();
        let steps: Vec<String> = plan
            .query_map(
                rusqlite::params_from_iter((0..plan.parameter_count()).map(|_| 1)),
                |row| row.get(3),
            )
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let scans = |step: &&String| step.starts_with("SCAN") && !step.contains("CONSTANT ROW");
        assert_eq!(steps.iter().find(scans), None, "{question}: {steps:?}");
    }
}

/// Copies the file and its log, the log up to some byte, and tells how many batches the copy has.
fn batches_in_copy(from: &Path, log_bytes: usize) -> i64 {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(from.join(LEDGER_FILE), dir.path().join(LEDGER_FILE)).unwrap();
    let log = format!("{LEDGER_FILE}-wal");
    let mut bytes = std::fs::read(from.join(&log)).unwrap_or_default();
    bytes.truncate(log_bytes);
    std::fs::write(dir.path().join(&log), bytes).unwrap();
    let ledger = open(&dir);
    let counted = ledger.writer.submit(|session| {
        let count = |sql: &str| {
            session
                .db
                .query_row(sql, [], |row| row.get::<_, i64>(0))
                .map_err(|e| LedgerError::database("test", e))
        };
        // A batch and its chunk are there together or not at all.
        assert_eq!(
            count("SELECT count(*) FROM batch")?,
            count("SELECT count(*) FROM chunk")?
        );
        count("SELECT count(*) FROM batch")
    });
    counted.committed_blocking().unwrap()
}

#[test]
fn a_copy_taken_after_any_commit_holds_all_that_was_acknowledged() {
    let mut desk = Desk::new();
    for expected in 1..=30 {
        desk.intend(5);
        assert_eq!(batches_in_copy(desk.dir.path(), usize::MAX), expected);
    }
}

#[test]
fn a_log_torn_at_any_byte_opens_as_a_prefix_of_what_happened() {
    let mut desk = Desk::new();
    let log = desk.dir.path().join(format!("{LEDGER_FILE}-wal"));
    let mut ends = vec![(std::fs::metadata(&log).unwrap().len(), 0)];
    for number in 1..=12 {
        desk.intend(5);
        ends.push((std::fs::metadata(&log).unwrap().len(), number));
    }
    let (first, last) = (ends[0].0, ends[12].0);
    let step = (last - first) / 97;
    for cut in (0..97).map(|n| first + n * step + n % 7) {
        let whole = ends.iter().rev().find(|(end, _)| *end <= cut);
        let expected = whole.map_or(0, |(_, number)| *number);
        let found = batches_in_copy(desk.dir.path(), usize::try_from(cut).unwrap());
        assert_eq!(found, expected, "log cut at byte {cut}");
    }
}
