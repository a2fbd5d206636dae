//! Rejected rows under kills: the upload that finds them, the replay that replaces them, `done`.
//!
//! The server refuses rows by a schema (1001) and others never were rows. A batch whose reply was
//! lost is answered 409 afterwards, which hides its 1001: its refused rows are unconfirmed and get no
//! dead letter, as the contract says. Every other one has exactly one, and its corrected row is
//! stored exactly once.

use crate::kills::{KILLS, SEED, number};
use crate::place::{Place, kill, until, within};
use crate::server::{Server, faulty};
use byteair_sync::sandbox::SandboxSettings;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::time::Duration;

const DATE: &str = "-t item -s history_sync -d 2022-01-01";
const SCHEMA: &str =
    r#"{"topic":"item","fields":[{"name":"id","type":"string"},{"name":"price","type":"int32"}]}"#;

const ROWS: usize = 900;

/// Kills of each of the two commands.
const KILLS_EACH: usize = 4;

/// Runs after which either should have ended.
const MAX_RUNS: usize = 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Good,
    /// No JSON.
    Local,
    /// Another type than the schema's.
    Server,
}

fn kind(number: usize) -> Kind {
    match (number % 23, number % 17) {
        (5, _) => Kind::Local,
        (_, 3) => Kind::Server,
        _ => Kind::Good,
    }
}

fn line(number: usize) -> String {
    match kind(number) {
        Kind::Good => good(number),
        Kind::Local => format!("{{\"id\":\"{number:06}\",\"price\":1"),
        Kind::Server => format!("{{\"id\":\"{number:06}\",\"price\":\"dear\"}}"),
    }
}

fn good(number: usize) -> String {
    format!("{{\"id\":\"{number:06}\",\"price\":1}}")
}

fn number_of(row: &str) -> usize {
    let digits = row.split("\"id\":\"").nth(1).expect(row);
    digits[..6].parse().expect(row)
}

/// One upload, its repair, and how often they were killed.
struct Repair {
    random: StdRng,
    server: Server,
    place: Place,
    killed: usize,
}

impl Repair {
    fn new(seed: u64) -> Self {
        let faults = [
            "lost-reply=0.03",
            "reset-after=0.05",
            "reset-before=0.05",
            "status:500=0.05",
            "http:503=0.03",
        ];
        let schemas = tempfile::tempdir().unwrap();
        std::fs::write(schemas.path().join("item.json"), SCHEMA).unwrap();
        let server = Server::start(SandboxSettings {
            latency: Some(Duration::from_millis(1)..=Duration::from_millis(6)),
            schema_dir: Some(schemas.path().to_owned()),
            ..faulty(seed, &faults, None)
        });
        Self {
            random: StdRng::seed_from_u64(seed),
            place: Place::of(&server),
            server,
            killed: 0,
        }
    }

    /// Runs until it ends with this status; only time may be missing on the way.
    fn run_to(&mut self, words: &str, status: i32) {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        for nth in 0..MAX_RUNS {
            let mut child = self.place.start(&words);
            if nth < KILLS_EACH {
                let before = self.server.state().requests_total;
                let after = self.random.random_range(0..=20);
                // Some kills come with the nth request, some before the first.
                let early = self.random.random_ratio(1, 4);
                until(|| {
                    let seen = self.server.state().requests_total - before;
                    let ended = child.try_wait().unwrap().is_some();
                    (early || ended || seen >= after).then_some(())
                });
                std::thread::sleep(within(&mut self.random, Duration::from_millis(40)));
                match kill(child) {
                    None => self.killed += 1,
                    Some(ended) => assert!(
                        [Some(status), Some(5)].contains(&ended.code()),
                        "{ended}\n{}",
                        self.place.said()
                    ),
                }
                continue;
            }
            let ended = until(|| child.try_wait().unwrap()).expect("no end");
            match ended.code() {
                Some(5) => {}
                code => {
                    assert_eq!(code, Some(status), "{}", self.place.said());
                    return;
                }
            }
        }
        panic!("status 5 more than {MAX_RUNS} times\n{}", self.place.said());
    }

    /// The rows in lines and files of the open dead letters, compared with what was planted.
    fn letters(&self) -> Vec<usize> {
        let words = ["rejects", "list", "--json", "--limit", "100000"].map(str::to_owned);
        let before = self.place.said().len();
        assert_eq!(self.place.end(&words), 0, "{}", self.place.said());
        let said = self.place.said();
        let mut numbers = Vec::new();
        for line in said[before..].lines() {
            let letter: serde_json::Value = serde_json::from_str(line).expect(line);
            if letter["type"] == "reject" {
                let file = letter["file"].as_str().unwrap();
                let half = usize::from(file.ends_with("b.jsonl")) * (ROWS / 2);
                let line = usize::try_from(letter["line"].as_u64().unwrap()).unwrap();
                let number = half + line - 1;
                let source = match kind(number) {
                    Kind::Good => panic!("row {number} is good: {letter}"),
                    Kind::Local => "local",
                    Kind::Server => "server",
                };
                assert_eq!(letter["source"], source, "{letter}");
                numbers.push(number);
            }
        }
        let found = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), found, "a row has two dead letters");
        numbers
    }
}

#[test]
fn rejected_rows_are_found_and_replaced_once_whenever_upload_and_replay_are_killed() {
    let rounds = (number(KILLS, 40) / 10).max(2);
    let seed = number(SEED, 20_220_101);
    let (mut killed, mut hidden, mut replaced) = (0, 0, 0);
    for round in 0..rounds {
        let mut repair = Repair::new(seed.wrapping_add(round));
        let text = |range: std::ops::Range<usize>| range.map(|n| line(n) + "\n").collect();
        let halves: [String; 2] = [text(0..ROWS / 2), text(ROWS / 2..ROWS)];
        repair.place.file("data/a.jsonl", halves[0].as_bytes());
        repair.place.file("data/b.jsonl", halves[1].as_bytes());
        repair.run_to(&format!("write {DATE} --batch-rows 20 data"), 3);

        let letters = repair.letters();
        let local = (0..ROWS).filter(|n| kind(*n) == Kind::Local);
        for number in local {
            assert!(letters.contains(&number), "row {number} has no dead letter");
        }
        let bad = (0..ROWS).filter(|n| kind(*n) != Kind::Good).count();
        hidden += bad - letters.len();
        let export = "rejects export --output fix.jsonl -d 2022-01-01";
        let export: Vec<String> = export.split_whitespace().map(str::to_owned).collect();
        assert_eq!(repair.place.end(&export), 0, "{}", repair.place.said());
        let exported = std::fs::read_to_string(repair.place.path("fix.jsonl")).unwrap();
        let mut numbers: Vec<usize> = exported.lines().map(number_of).collect();
        let fixed: String = numbers.iter().map(|n| good(*n) + "\n").collect();
        numbers.sort_unstable();
        assert_eq!(numbers, letters);
        repair.place.file("fix.jsonl", fixed.as_bytes());

        let replay = format!("rejects replay fix.jsonl {DATE} --batch-rows 6 --max-in-flight 2");
        repair.run_to(&replay, 0);
        let before = repair.server.state().requests_total;
        repair.run_to(&replay, 0);
        assert_eq!(repair.server.state().requests_total, before);

        let mut stored: BTreeMap<usize, usize> = BTreeMap::new();
        for row in repair.server.rows_of_day("2022-01-01") {
            *stored.entry(number_of(&row)).or_default() += 1;
        }
        for number in 0..ROWS {
            let expected = usize::from(kind(number) == Kind::Good || letters.contains(&number));
            let times = stored.get(&number).copied().unwrap_or_default();
            assert_eq!(times, expected, "row {number}\n{}", repair.place.said());
        }
        assert_eq!(repair.server.state().partitions[0].done_requests, 1);
        killed += repair.killed;
        replaced += letters.len();
    }
    println!(
        "{killed} kills in {rounds} repairs: {replaced} rejected rows replaced, {hidden} refused \
         rows hidden by a lost reply, seed {seed}"
    );
    assert!(killed > 0);
}
