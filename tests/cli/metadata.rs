//! `metadata sync` against the sandbox: everything arrives, in order, and a killed run repeats nothing that
//! was known to be taken.

use crate::huawei::{PROJECT, Sandbox, place_at};
use crate::metadata_replies::dead_letters;
use crate::start::{Place, Ran};
use byteair_sync::protocol::huawei::EVENT_TYPES;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

const SYNC: &str =
    "metadata sync --engine MRS --engine-version 3.1.2 --instance-id i-1 events.jsonl";

fn events(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        let kind = EVENT_TYPES[number % EVENT_TYPES.len()];
        writeln!(
            text,
            r#"{{"event_ts":{number},"event_type":"{kind}","event_message":{{"table":"t"}}}}"#
        )
        .unwrap();
        text
    })
}

/// Numbers of the events that the sandbox has taken, in its order.
fn taken(sandbox: &Sandbox) -> Vec<u64> {
    let text = sandbox.get("/sandbox/metadata");
    let number = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        event["event_ts"].as_u64().unwrap()
    };
    text.lines().map(number).collect()
}

/// How many batches a run says that it may have sent twice.
fn repeated(ran: &Ran) -> usize {
    ran.lines()
        .iter()
        .filter(|line| line["type"] == "metadata")
        .map(|line| usize::try_from(line["repeated_batches"].as_u64().unwrap()).unwrap())
        .sum()
}

#[test]
fn all_31_types_arrive_and_are_known_after_a_restart() {
    let mut sandbox = Sandbox::start("");
    let place = place_at(sandbox.address);
    place.file("events.jsonl", events(62));
    place.end(SYNC).expect(0);
    sandbox.restart();
    let state = sandbox.state();
    let known = state["metadata"].as_array().unwrap();
    assert_eq!(known.len(), 31, "{state}");
    for entry in known {
        assert_eq!(
            (
                &entry["project"],
                &entry["engine"],
                &entry["instance_id"],
                &entry["events"]
            ),
            (&PROJECT.into(), &"MRS".into(), &"i-1".into(), &2.into())
        );
    }
    assert_eq!(taken(&sandbox), (0..62).collect::<Vec<_>>());
}

#[test]
fn no_request_is_larger_than_the_gateway_takes() {
    let sandbox = Sandbox::start("");
    let place = place_at(sandbox.address);
    let event = |number: usize, bytes: usize| {
        let text = "x".repeat(bytes);
        format!(
            r#"{{"event_ts":{number},"event_type":"AddIndexEvent","event_message":{{"x":"{text}"}}}}"#
        )
    };
    // The third does not fit beside the first two, the fourth not into any request.
    let sizes = [5_900_000, 5_900_000, 1_000_000, 11_999_950, 10];
    let text: String = (0..)
        .zip(sizes)
        .map(|(number, bytes)| event(number, bytes) + "\n")
        .collect();
    place.file("events.jsonl", text);
    place
        .end(&format!("{SYNC} --max-errors 1"))
        .expect(0)
        .says("5 events read, 4 accepted, 1 rejected, 0 settled before, 2 requests sent");
    let message = dead_letters(&place)[0]["message"].to_string();
    assert!(
        message.contains("bytes; the gateway takes 12 MB at once"),
        "{message}"
    );
    assert_eq!(taken(&sandbox), [0, 1, 2, 4]);
}

#[test]
fn faults_that_heal_lose_nothing_and_what_may_be_there_twice_is_said() {
    for fault in [
        "http:503",
        "reset-before",
        "reset-after",
        "lost-reply",
        "lost-reply:502",
        "garbage",
    ] {
        let sandbox = Sandbox::start(&format!("--fault {fault}=0.3 --fault-on huawei --seed 7"));
        let place = place_at(sandbox.address);
        place.file("events.jsonl", events(40));
        let ran = place
            .end(&format!("{SYNC} --batch-events 2 --json"))
            .expect(0);
        let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
        let mut latest = 0;
        for number in taken(&sandbox) {
            *counts.entry(number).or_default() += 1;
            // A repetition begins at its batch, and none is later than one that follows it.
            assert!(number + 1 >= latest, "{fault}: {number} after {latest}");
            latest = number;
        }
        assert_eq!(counts.len(), 40, "{fault}");
        let twice = counts.values().filter(|count| **count > 1).count();
        assert!(
            twice <= 2 * repeated(&ran),
            "{fault}: {twice} {}",
            ran.output
        );
        let stores = fault.starts_with("lost-reply") || fault == "garbage";
        assert_eq!(twice > 0, stores, "{fault}");
    }
}

#[test]
fn runs_that_are_killed_go_on_where_they_were() {
    let sandbox = Sandbox::start("--latency 1ms..30ms --seed 5");
    let place = place_at(sandbox.address);
    place.file("events.jsonl", events(120));
    let sync = format!("{SYNC} --batch-events 3 --json");
    let (mut kills, mut unfinished) = (0, true);
    while unfinished && kills < 100 {
        let mut child = place.start(&sync);
        std::thread::sleep(Duration::from_millis(60 + 23 * (kills % 11)));
        unfinished = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    place.end(&sync).expect(0);
    let taken = taken(&sandbox);
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    let mut latest = 0;
    for number in &taken {
        *counts.entry(*number).or_default() += 1;
        // Only the batch that was on its way when a run was killed may be there again.
        assert!(number + 2 >= latest, "{number} after {latest}");
        latest = *number;
    }
    assert_eq!(
        counts.keys().copied().collect::<Vec<_>>(),
        (0..120).collect::<Vec<_>>()
    );
    let again = taken.len() - counts.len();
    assert!(
        again <= 3 * usize::try_from(kills).unwrap(),
        "{again} of {kills}"
    );
    assert_eq!(settled(&place), 120);
    place.end(&sync).expect(0);
    assert_eq!(self::taken(&sandbox).len(), taken.len());
}

/// Records that the ledger counts as settled.
fn settled(place: &Place) -> i64 {
    let ledger = place.path(".local/state/byteair-sync/ledger.db");
    let db = rusqlite::Connection::open(ledger).unwrap();
    db.query_row(
        "SELECT records FROM delivery WHERE kind = 'metadata'",
        [],
        |row| row.get(0),
    )
    .unwrap()
}

#[test]
fn two_runs_do_not_send_one_file_at_the_same_time() {
    let sandbox = Sandbox::start("--latency 300ms..400ms");
    let place = place_at(sandbox.address);
    place.file("events.jsonl", events(20));
    let sync = format!("{SYNC} --batch-events 2");
    let first = place.start(&sync);
    crate::recorder::eventually("a batch", || !taken(&sandbox).is_empty());
    place.end(&sync).expect(11).says("another run");
    Ran::after(first).expect(0);
    assert_eq!(taken(&sandbox), (0..20).collect::<Vec<_>>());
}
