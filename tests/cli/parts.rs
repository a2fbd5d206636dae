//! One part of a larger upload, as a task of a cluster is: ids from a seed, standard input that says
//! when it is complete, and a quota that is shared with other machines.

use crate::rate::most_in_a_second;
use crate::recorder::{Received, Recorder, Reply, eventually};
use crate::start::{Place, Ran, WRITE, rows};
use std::process::{Child, Stdio};
use std::time::Instant;

const SECRET: &str = "quota-very-hidden-0001";
const PART: &str = "--request-id-seed item|0 --end-mark --format jsonl --batch-rows 10 --no-done";

fn marked(rows: &[String]) -> String {
    rows.join("\n") + "\n\u{4}\n"
}

fn ids(writes: &[Received]) -> Vec<String> {
    let mut ids: Vec<String> = writes.iter().map(Received::id).collect();
    ids.sort();
    ids
}

fn upload(place: &Place, more: &str, text: &str) -> Ran {
    place.end_with_stdin(&format!("{WRITE} {PART} {more} --json -"), text)
}

#[test]
fn a_repetition_with_another_ledger_has_the_same_ids_whatever_the_server_said() {
    let recorder = Recorder::new();
    let text = marked(&rows(0, 95));
    upload(&Place::with(&recorder), "", &text).expect(0);
    let first = ids(&recorder.writes());
    assert_eq!(first.len(), 10);
    // The rate falls with each 429, and batches that are not of a seed would be cut smaller.
    recorder.answer(|_, number| match number % 3 {
        0 => Reply::bare(429),
        _ => Reply::ok(),
    });
    let more = "--seed-used --retry-max-delay 1s";
    upload(&Place::with(&recorder), more, &text).expect(0);
    assert!(recorder.writes().len() > 2 * first.len());
    let mut all = ids(&recorder.writes());
    all.dedup();
    assert_eq!(first, all);
    let words = PART.replace("item|0", "item|1");
    Place::with(&recorder)
        .end_with_stdin(&format!("{WRITE} {words} -"), &text)
        .expect(0);
    let mut all = ids(&recorder.writes());
    all.dedup();
    assert_eq!(all.len(), 2 * first.len());
}

#[test]
fn a_409_to_a_first_attempt_with_a_seed_is_accepted_and_unconfirmed() {
    let recorder = Recorder::answering(|_, _| Reply::code(200, 409, "Duplicate submission"));
    let ran = upload(&Place::with(&recorder), "", &marked(&rows(0, 25))).expect(0);
    let summary = ran.summary();
    assert_eq!(summary["rows_unconfirmed"], 25);
    assert_eq!(recorder.writes().len(), 3);
}

#[test]
fn a_platform_that_remembers_what_it_refused_gets_the_rows_under_another_id() {
    // A 429, then 409 to the same id, which was stored nowhere.
    let recorder = Recorder::answering(|_, number| match number {
        0 => Reply::bare(429),
        1 => Reply::code(200, 409, "Duplicate submission"),
        _ => Reply::ok(),
    });
    let place = Place::with(&recorder);
    let summary = upload(&place, "", &marked(&rows(0, 10)))
        .expect(0)
        .summary();
    assert_eq!(summary["rows_accepted"], 10);
    let sent: Vec<String> = recorder.writes().iter().map(Received::id).collect();
    assert!(sent[0] == sent[1] && sent[1] != sent[2], "{sent:?}");
}

#[test]
fn a_writer_that_is_cut_off_leaves_no_half_batch_behind() {
    let recorder = Recorder::new();
    let all = rows(0, 25);
    let text = all.join("\n") + "\n";
    upload(&Place::with(&recorder), "", &text)
        .expect(4)
        .says("ended without its mark");
    let mut sent = recorder.rows();
    sent.retain(|row| all[20..].contains(row));
    assert!(sent.is_empty(), "{sent:?}");
}

#[test]
fn a_seed_and_a_mark_are_for_standard_input_alone() {
    let place = Place::with(&Recorder::new());
    place.rows("rows.jsonl", 0, 3);
    for option in ["--request-id-seed x", "--end-mark"] {
        place
            .end(&format!("{WRITE} {option} rows.jsonl"))
            .expect(2)
            .says("it needs - as PATH");
    }
    place
        .end_with_stdin(&format!("{WRITE} --quota-service 127.0.0.1:9 -"), "{}\n")
        .expect(2)
        .says("BYTEAIR_QUOTA_TOKEN");
}

/// A quota service of a place, which ends with this value.
struct Service {
    process: Child,
    address: String,
}

impl Service {
    fn start(place: &Place, more: &str) -> Self {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_byteair-sync"));
        let words = format!("quota serve --rate-guard 300ms --port-file port {more}");
        command.args(words.split_whitespace());
        let process = place.spawn_reading(command, Stdio::piped());
        let port = place.path("port");
        eventually("the quota service", || port.exists());
        let port = std::fs::read_to_string(port).unwrap();
        Self {
            process,
            address: format!("127.0.0.1:{}", port.trim()),
        }
    }
}

#[test]
fn machines_that_share_a_quota_service_stay_within_it_together_and_use_it() {
    let recorder = Recorder::new();
    let mut places: Vec<Place> = (0..4).map(|_| Place::with(&recorder)).collect();
    for place in &mut places {
        // Each place has a quota file of its own, as each machine has.
        place.set("BYTEAIR_QUOTA_TOKEN", SECRET);
    }
    let service = Service::start(&places[0], "--rows-per-second 2000");
    let children: Vec<Child> = places
        .iter()
        .enumerate()
        .map(|(index, place)| {
            // Of unequal length: whoever is left takes what the others no longer need.
            place.rows("rows.jsonl", index * 10_000, 1_000 * (index + 1));
            place.start(&format!(
                "{WRITE} --quota-service {} --rows-per-second 2000 --batch-rows 100 --no-done rows.jsonl",
                service.address
            ))
        })
        .collect();
    for child in children {
        Ran::after(child).expect(0);
    }
    let arrivals: Vec<(Instant, usize)> = recorder
        .writes()
        .iter()
        .map(|write| (write.at, write.rows().len()))
        .collect();
    assert_eq!(recorder.rows().len(), 10_000);
    assert!(most_in_a_second(&arrivals) <= 2_000);
    // Secrets are in no file.
    for place in &places {
        let bytes = place.state_bytes();
        assert!(
            !bytes
                .windows(SECRET.len())
                .any(|it| it == SECRET.as_bytes())
        );
    }
    let ended = Ran::after(service.process);
    ended.expect(0);
}

#[test]
fn without_its_quota_service_an_upload_sends_nothing_more_and_can_be_repeated() {
    let recorder = Recorder::new();
    let mut place = Place::with(&recorder);
    place.set("BYTEAIR_QUOTA_TOKEN", SECRET);
    let mut service = Service::start(&place, "");
    place.rows("rows.jsonl", 0, 50);
    let words = format!("{WRITE} --quota-service {} rows.jsonl", service.address);
    place.set("BYTEAIR_QUOTA_TOKEN", "another-secret-0001");
    place.end(&words).expect(5).says("BYTEAIR_QUOTA_TOKEN");
    assert!(recorder.requests().is_empty());
    place.set("BYTEAIR_QUOTA_TOKEN", SECRET);
    place.end(&words).expect(0);
    service.process.kill().unwrap();
    service.process.wait().unwrap();
    assert_eq!(recorder.dones().len(), 1);
}
