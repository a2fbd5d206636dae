//! Corrected rows and the dead letters whose places they take; and the schema that remembers it.

use super::*;

/// A date with one stored row and two dead letters, read to its end.
fn two_letters() -> Desk {
    let mut desk = Desk::new();
    let mut intention = desk.next_intention(1);
    intention.chunks[0].1.records = 3;
    intention.chunks[0].2 = 2;
    intention.rejects = vec![letter(desk.input.id, 2), letter(desk.input.id, 3)];
    let batch = desk.ledger.intend(intention).committed_blocking();
    let batch = batch.unwrap().unwrap();
    desk.settle(batch, Settlement::Accepted).unwrap();
    desk.finish();
    desk
}

fn replaying(name: &str, inode: u64, letters: &[i64], rows: u64) -> Registration {
    let mut wanted = registration(&["2022-01-01"], &[new_input(name, inode)]);
    wanted.newest_known = 100;
    wanted.replay = Some(ReplayIntent {
        letters: letters.to_vec(),
        rows,
    });
    wanted
}

/// Begins a replay and goes on as the desk of its input.
fn begin(desk: Desk, letters: &[i64], rows: u64) -> Desk {
    let wanted = replaying("fix.jsonl", 2, letters, rows);
    let mut registered = desk.ledger.register(wanted).committed_blocking().unwrap();
    Desk {
        run: registered.run,
        input: registered.inputs.remove(0),
        at: (1, 0),
        ..desk
    }
}

fn settle(desk: &Desk, rows: u64) -> Result<u64, LedgerError> {
    let replay = Replay {
        partition: desk.row.id,
        input: desk.input.id,
        rows,
    };
    desk.ledger
        .settle_replay(desk.run, replay)
        .committed_blocking()
}

fn open_letters(desk: &Desk) -> i64 {
    desk.value("SELECT count(*) FROM reject WHERE state = 'open'")
}

#[test]
fn dead_letters_are_replayed_when_every_outcome_is_known_and_not_before() {
    let mut desk = begin(two_letters(), &[], 2);
    assert_eq!(settle(&desk, 2).unwrap(), 0);
    let batch = desk.intend(2);
    desk.finish();
    assert_eq!(settle(&desk, 2).unwrap(), 0);
    assert_eq!(open_letters(&desk), 2);
    desk.settle(batch, Settlement::Accepted).unwrap();
    assert_eq!(settle(&desk, 2).unwrap(), 2);
    assert_eq!(open_letters(&desk), 0);
    desk.sealed();
    assert_eq!(desk.events(), ["replay_begun", "replayed"]);
}

#[test]
fn outcomes_that_nobody_knows_leave_the_letters_open() {
    for settlement in [Settlement::Foreign, Settlement::Undetermined] {
        let mut desk = begin(two_letters(), &[], 2);
        let batch = desk.intend(2);
        desk.finish();
        desk.settle(batch, settlement).unwrap();
        assert_eq!(settle(&desk, 2).unwrap(), 0);
        assert_eq!(open_letters(&desk), 2);
    }
}

#[test]
fn a_row_refused_again_is_open_in_place_of_the_one_that_it_replaced() {
    let mut desk = begin(two_letters(), &[], 2);
    let batch = desk.intend(2);
    desk.finish();
    let settlement = Settlement::PartRefused {
        letters: vec![letter(desk.input.id, 2)],
        request_id: some_request_id(),
    };
    desk.settle(batch, settlement).unwrap();
    assert_eq!(settle(&desk, 2).unwrap(), 2);
    assert_eq!(open_letters(&desk), 1);
    assert!(matches!(
        desk.missing()[..],
        [Unmet::TooManyRejects { open: 1, .. }]
    ));
}

#[test]
fn a_file_with_another_number_of_rows_than_it_was_counted_with_replaces_nothing() {
    let mut desk = begin(two_letters(), &[], 2);
    desk.upload_all(1);
    assert!(matches!(settle(&desk, 2), Err(LedgerError::Forbidden(_))));
    assert_eq!(open_letters(&desk), 2);
}

#[test]
fn letters_are_claimed_only_when_they_are_open_free_and_as_many_as_the_rows() {
    let desk = two_letters();
    for (letters, rows) in [(&[][..], 1), (&[][..], 3), (&[99][..], 1)] {
        let wanted = replaying("fix.jsonl", 2, letters, rows);
        let refused = desk.ledger.register(wanted).committed_blocking();
        assert!(matches!(refused, Err(LedgerError::Forbidden(_))));
    }
    let claimed = "SELECT count(*) FROM reject WHERE replayed_by IS NOT NULL";
    assert_eq!(desk.value::<i64>(claimed), 0);
    assert_eq!(desk.value::<i64>("SELECT count(*) FROM input"), 1);
    let desk = begin(desk, &[1], 5);
    let wanted = replaying("other.jsonl", 3, &[1], 1);
    let refused = desk.ledger.register(wanted).committed_blocking();
    assert!(matches!(refused, Err(LedgerError::Forbidden(_))));
}

#[test]
fn a_dropped_file_lets_go_of_its_letters() {
    let mut desk = begin(two_letters(), &[], 2);
    let id = desk.input.id;
    let known = desk.known();
    assert_eq!(
        desk.reader().replayable(desk.row.id).unwrap(),
        Replayable {
            open: 0,
            undated: 0,
        }
    );
    let replaced = desk.reader().being_replaced(desk.row.id).unwrap();
    assert_eq!(replaced.map(|it| it.rows), Some(2));
    desk.input.lock = None;
    let dropping = desk.ledger.drop_input(known, id, "fix.jsonl".to_owned());
    dropping.committed_blocking().unwrap();
    assert_eq!(
        desk.reader().replayable(desk.row.id).unwrap(),
        Replayable {
            open: 2,
            undated: 0,
        }
    );
    assert_eq!(desk.reader().being_replaced(desk.row.id).unwrap(), None);
}

/// A ledger as an earlier version of the schema had it.
fn of_version(version: i32, path: &std::path::Path) {
    let newer: &[&str] = match version {
        1 => &["replayed_by", "date_options", "blocks", "read_options"],
        2 => &["date_options", "blocks", "read_options"],
        3 => &["read_options"],
        _ => &[],
    };
    let kept = schema::SCHEMA
        .lines()
        .filter(|line| !newer.iter().any(|word| line.contains(word)));
    // The last column of a table has no comma behind it.
    let schema = kept.collect::<Vec<_>>().join("\n").replace(
        "state TEXT NOT NULL,                       -- open, replayed, waived\n)",
        "state TEXT NOT NULL\n)",
    );
    let schema = schema.replace(
        "REFERENCES input,      -- the input whose rows replace it, if any\n)",
        "REFERENCES input\n)",
    );
    let db = Connection::open(path).unwrap();
    db.execute_batch(&schema).unwrap();
    db.execute_batch("DROP TABLE delivery").unwrap();
    db.pragma_update(None, "application_id", 0x4279_4172)
        .and_then(|()| db.pragma_update(None, "user_version", version))
        .unwrap();
    db.execute_batch(
        "INSERT INTO run (started, pid, host, command) VALUES (1, 2, 'loader-1', 'old');",
    )
    .unwrap();
}

/// Tables and indexes with their columns.
fn columns(db: &Connection) -> Vec<String> {
    let mut statement = db
        .prepare(
            "SELECT s.name || '.' || c.name FROM sqlite_schema s, pragma_table_info(s.name) c
             UNION ALL
             SELECT s.name || '.' || c.name FROM sqlite_schema s, pragma_index_info(s.name) c
             ORDER BY 1",
        )
        .unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

#[test]
fn an_older_ledger_is_upgraded_and_a_copy_of_it_is_kept() {
    let fresh = tempfile::tempdir().unwrap();
    drop(open(&fresh));
    let fresh = Connection::open(fresh.path().join(LEDGER_FILE)).unwrap();
    for (version, by_reading) in [
        (1, false),
        (1, true),
        (2, false),
        (2, true),
        (3, false),
        (3, true),
        (4, false),
        (4, true),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LEDGER_FILE);
        of_version(version, &path);
        if by_reading {
            assert!(LedgerReader::open(dir.path()).unwrap().is_some());
        }
        drop(open(&dir));
        let of = |path: &std::path::Path| {
            let db = Connection::open(path).unwrap();
            let version: i32 = db
                .pragma_query_value(None, "user_version", |row| row.get(0))
                .unwrap();
            let runs: i64 = db
                .query_row("SELECT count(*) FROM run", [], |row| row.get(0))
                .unwrap();
            let is_as_new = columns(&db) == columns(&fresh);
            (version, runs, is_as_new)
        };
        assert_eq!(of(&path), (schema::SCHEMA_VERSION, 1, true));
        let copy = dir.path().join(format!("ledger.db.version-{version}"));
        assert_eq!(of(&copy), (version, 1, false));
    }
}
