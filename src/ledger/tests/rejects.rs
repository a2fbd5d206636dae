//! Dead letters: the row of the table and the line of the file agree, whatever fails.

use super::*;

/// Records dead letters of local checks together with the rows they were found among.
fn reject(desk: &mut Desk, records: &[u64]) -> Result<Option<BatchId>, LedgerError> {
    let mut intention = desk.next_intention(10);
    intention.rejects = records.iter().map(|n| letter(desk.input.id, *n)).collect();
    desk.ledger.intend(intention).committed_blocking()
}

fn file_text(desk: &Desk) -> String {
    let name = format!("{}.jsonl", desk.row.id.0);
    std::fs::read_to_string(desk.dir.path().join("rejects").join(name)).unwrap()
}

/// Every row of the table points to the line that tells of it.
fn assert_lines_agree(desk: &Desk, records: &[u64]) {
    let reader = desk.reader();
    let rejects = reader
        .rejects(RejectsOf::LyingWith(desk.row.id), 0, 100)
        .unwrap();
    let found: Vec<u64> = rejects.iter().map(|reject| reject.record).collect();
    assert_eq!(found, records);
    for reject in rejects {
        let line = reader.raw_line(&reject).unwrap();
        let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(line["record"], reject.record);
        assert_eq!(line["raw"], format!("{{\"row\":{}}}", reject.record));
    }
}

#[test]
fn a_dead_letter_has_its_place_its_reason_and_the_row_itself() {
    let mut desk = Desk::new();
    reject(&mut desk, &[2]).unwrap();
    assert_lines_agree(&desk, &[2]);
    let line: serde_json::Value = serde_json::from_str(file_text(&desk).trim_end()).unwrap();
    let expected = serde_json::json!({
        "file": "a.jsonl", "line": 2, "byte_offset": 10, "record": 2, "topic": "item",
        "stage": "history_sync", "date": "2022-01-01", "column": "price", "code": "bad_number",
        "message": "not a number", "source": "local", "request_id": null, "raw": "{\"row\":2}",
    });
    assert_eq!(line, expected);
}

#[test]
fn bytes_that_are_no_text_are_kept_exactly() {
    let mut desk = Desk::new();
    let mut intention = desk.next_intention(1);
    let mut bad = letter(desk.input.id, 1);
    bad.raw = vec![0xff, 0x00, b'\n'];
    intention.rejects = vec![bad];
    desk.ledger.intend(intention).committed_blocking().unwrap();
    let line: serde_json::Value = serde_json::from_str(file_text(&desk).trim_end()).unwrap();
    assert_eq!(line["raw_hex"], "ff000a");
}

#[test]
fn work_that_fails_leaves_no_line_that_anything_points_to() {
    let mut desk = Desk::new();
    reject(&mut desk, &[2]).unwrap();
    desk.at = (1, 0);
    assert!(reject(&mut desk, &[3]).is_err());
    assert_lines_agree(&desk, &[2]);
    desk.at = (11, 100);
    reject(&mut desk, &[12]).unwrap();
    assert_lines_agree(&desk, &[2, 12]);
}

#[test]
fn a_commit_that_fails_leaves_no_line_that_anything_points_to() {
    let mut desk = Desk::new();
    reject(&mut desk, &[2]).unwrap();
    let intention = {
        let mut intention = desk.next_intention(10);
        intention.rejects = vec![letter(desk.input.id, 12)];
        intention
    };
    let failed = desk.ledger.writer.submit(move |session| {
        batches::intend(session, &intention)?;
        // A constraint that is looked at when the group commits.
        session
            .db
            .execute_batch(
                "PRAGMA defer_foreign_keys = 1;
                 INSERT INTO scope (input, partition) VALUES (-1, -1);",
            )
            .map_err(|e| LedgerError::database("break the commit", e))
    });
    assert!(failed.committed_blocking().is_err());
    assert_lines_agree(&desk, &[2]);
    let mut desk = desk.crash();
    desk.at = (11, 100);
    reject(&mut desk, &[13, 14]).unwrap();
    assert_lines_agree(&desk, &[2, 13, 14]);
}

#[test]
fn a_line_that_a_crash_cut_off_does_not_spoil_the_next_one() {
    let mut desk = Desk::new();
    reject(&mut desk, &[2]).unwrap();
    let name = format!("{}.jsonl", desk.row.id.0);
    let path = desk.dir.path().join("rejects").join(name);
    let mut text = std::fs::read(&path).unwrap();
    text.extend_from_slice(b"{\"file\":\"a.js");
    std::fs::write(&path, text).unwrap();
    let mut desk = desk.crash();
    reject(&mut desk, &[12]).unwrap();
    assert_lines_agree(&desk, &[2, 12]);
    let whole = |line: &&str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    assert_eq!(file_text(&desk).lines().filter(whole).count(), 2);
}

#[test]
fn dead_letters_are_grouped_by_reason_most_frequent_first() {
    let mut desk = Desk::new();
    let mut intention = desk.next_intention(5);
    intention.rejects = (1..=5).map(|n| letter(desk.input.id, n)).collect();
    intention.rejects[0].code = "missing".to_owned();
    intention.rejects[0].column = None;
    for other in &mut intention.rejects[3..] {
        other.column = Some("a".to_owned());
    }
    intention.rejects[2].column = Some("b".to_owned());
    desk.ledger.intend(intention).committed_blocking().unwrap();
    let groups = desk.reader().reject_groups(desk.row.id).unwrap();
    let seen: Vec<_> = groups
        .iter()
        .map(|g| (&*g.code, g.column.as_deref(), g.count, g.first.1))
        .collect();
    assert_eq!(
        seen,
        [
            ("bad_number", Some("a"), 2, 4),
            ("bad_number", Some("b"), 1, 3),
            ("bad_number", Some("price"), 1, 2),
            ("missing", None, 1, 1)
        ]
    );
}

#[test]
fn dead_letters_are_listed_in_pages_and_found_by_number() {
    let mut desk = Desk::new();
    reject(&mut desk, &[1, 2, 3]).unwrap();
    let reader = desk.reader();
    let first = reader
        .rejects(RejectsOf::LyingWith(desk.row.id), 0, 2)
        .unwrap();
    let rest = reader
        .rejects(RejectsOf::LyingWith(desk.row.id), first[1].id, 2)
        .unwrap();
    assert_eq!((first.len(), rest.len()), (2, 1));
    assert_eq!(reader.reject(rest[0].id).unwrap().unwrap().record, 3);
    assert!(reader.reject(99).unwrap().is_none());
}
