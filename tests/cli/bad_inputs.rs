//! One small file for each way in which an input can be wrong, and what the program makes of it.
//!
//! The files and their expectations stand in fixtures/bad. Whatever the expectation names happens,
//! and nothing else: no other row is sent, no other dead letter kept, no `done` sent for bad data.

use crate::recorder::Recorder;
use crate::start::{Place, WRITE};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The table of expectations.
#[derive(Deserialize)]
struct Table {
    file: Vec<Expected>,
}

/// What is expected of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    name: String,
    /// In which way it is wrong.
    why: String,
    #[serde(default)]
    options: String,
    status: i32,
    /// Rows that leave.
    #[serde(default)]
    sent: usize,
    /// Code, line and byte offset of each dead letter.
    #[serde(default)]
    dead: Vec<(String, u64, u64)>,
    /// Part of what a person is told.
    says: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/bad")
}

fn table() -> Vec<Expected> {
    let text = std::fs::read_to_string(folder().join("expected.toml")).unwrap();
    toml::from_str::<Table>(&text).unwrap().file
}

/// What differs from the expectation.
fn difference(expected: &Expected) -> Option<String> {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let path = folder().join(&expected.name);
    let words = format!("{WRITE} {} {}", expected.options, path.display());
    let ran = place.end(&words);
    let listed = place.end("rejects list --json");
    let mut letters = listed.lines();
    letters.pop();
    let found: Vec<(String, u64, u64)> = letters
        .iter()
        .map(|letter| {
            (
                letter["code"].as_str().unwrap_or("none").to_owned(),
                letter["line"].as_u64().unwrap_or(0),
                letter["byte_offset"].as_u64().unwrap_or(u64::MAX),
            )
        })
        .collect();
    let messages: String = letters
        .iter()
        .map(|letter| letter["message"].to_string())
        .collect();
    let (sent, dones) = (recorder.rows().len(), recorder.dones().len());
    let told = [ran.errors.as_str(), ran.output.as_str(), messages.as_str()].concat();
    let is_as_expected = ran.status == expected.status
        && sent == expected.sent
        && dones == usize::from(expected.status == 0)
        && found == expected.dead
        && told.contains(&expected.says)
        && !ran.errors.contains("panicked");
    (!is_as_expected).then(|| {
        format!(
            "{} ({}): status {}, {sent} sent, {dones} done, {found:?}\n{told}",
            expected.name, expected.why, ran.status
        )
    })
}

#[test]
fn every_way_of_being_wrong_has_the_expected_dead_letters_message_and_status() {
    let differences: Vec<String> = table().iter().filter_map(difference).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_corpus_has_sixty_files_and_each_one_stands_in_its_table() {
    let named: BTreeSet<String> = table().into_iter().map(|file| file.name).collect();
    let there = std::fs::read_dir(folder()).unwrap();
    let there: BTreeSet<String> = there
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "expected.toml")
        .collect();
    assert_eq!(named, there);
    assert!(named.len() >= 60, "{}", named.len());
}
