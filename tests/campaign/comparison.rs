//! What the sandbox holds against what the files hold.
//!
//! The sandbox refuses rows after `done`, so a day whose rows are all there and whose `done` was
//! accepted once got it after its last row; a refusal of late rows is looked for all the same.

use crate::server::Server;
use crate::upload::Upload;
use byteair_sync::sandbox::{PartitionState, State};
use std::collections::BTreeMap;

/// Code of "not allowed when acked" and of every other refusal that no fault made.
const CODE_NOT_ALLOWED: i32 = 400;

/// Everything that is wrong with what a server holds after an upload; empty when all is well.
pub(crate) fn violations(upload: &Upload, server: &Server) -> Vec<String> {
    let mut found = violations_after_kills(upload, server);
    found.extend(refusal(&server.state()));
    found
}

/// The same after clients were killed: a request that was cut in the middle is refused as well, so
/// refusals say nothing. A row after `done` shows all the same: the next run meets its refusal.
pub(crate) fn violations_after_kills(upload: &Upload, server: &Server) -> Vec<String> {
    let stored = server.rows(upload);
    compare(upload, &server.state(), &stored)
}

fn refusal(state: &State) -> Option<String> {
    let refused = state.refused.contains_key(&CODE_NOT_ALLOWED);
    refused.then(|| format!("refused by code: {:?}", state.refused))
}

/// The same from a record and its rows.
pub(crate) fn compare(
    upload: &Upload,
    state: &State,
    stored: &BTreeMap<String, Vec<String>>,
) -> Vec<String> {
    let mut found = Vec::new();
    for (day, rows) in &upload.rows {
        let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for row in rows {
            counts.entry(row.clone()).or_default().0 += 1;
        }
        for row in stored.get(day).into_iter().flatten() {
            counts.entry(sorted(row)).or_default().1 += 1;
        }
        for (row, (expected, stored)) in counts {
            if expected != stored {
                found.push(format!(
                    "{day}: stored {stored} times, not {expected}: {row}"
                ));
            }
        }
        found.extend(wrong_done(day, upload, state));
    }
    if state.partitions.len() != upload.days.len() {
        found.push(format!("{} dates were touched", state.partitions.len()));
    }
    found
}

fn wrong_done(day: &str, upload: &Upload, state: &State) -> Option<String> {
    let expected = u64::from(!upload.streaming);
    let date = (!upload.streaming).then_some(day);
    let is_of_day = |partition: &&PartitionState| partition.date.as_deref() == date;
    let partition = state.partitions.iter().find(is_of_day);
    let dones = partition.map_or(0, |partition| partition.done_requests);
    (dones != expected).then(|| format!("{day}: done was accepted {dones} times"))
}

/// A row with its keys in order and its escapes as everywhere.
fn sorted(row: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(row).expect(row);
    value.to_string()
}

#[test]
fn a_lost_row_a_row_stored_twice_and_a_missing_done_are_noticed() {
    let server = Server::start(crate::server::unlimited(1));
    let place = crate::place::Place::of(&server);
    let upload = Upload::generate(&place, &[&[crate::upload::Form::Csv]], 20);
    assert_eq!(place.end(&upload.words("")), 0, "{}", place.said());
    let (state, stored) = (server.state(), server.rows(&upload));
    assert_eq!(compare(&upload, &state, &stored), [""; 0]);
    let rows = &stored["2022-01-01"];

    let of_day = |rows: Vec<String>| BTreeMap::from([("2022-01-01".to_owned(), rows)]);
    let lost = of_day(rows[1..].to_vec());
    assert_eq!(compare(&upload, &state, &lost).len(), 1);
    let twice = of_day(rows.iter().chain(&rows[..1]).cloned().collect());
    assert_eq!(compare(&upload, &state, &twice).len(), 1);
    for dones in [0, 2] {
        let mut state = state.clone();
        state.partitions[0].done_requests = dones;
        assert_eq!(compare(&upload, &state, &stored).len(), 1);
    }
    let mut late = state;
    assert_eq!(refusal(&late), None);
    late.refused.insert(CODE_NOT_ALLOWED, 1);
    assert!(refusal(&late).is_some());
}
