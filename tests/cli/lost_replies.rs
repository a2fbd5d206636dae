//! A server that stores, loses replies and then refuses the next attempt; and one that remembers the
//! ids of what it refused (`byteair-api.md` section 6.2). With kills in between, too.

use crate::recorder::{Received, Recorder, Reply};
use crate::start::{Place, WRITE};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// What the server has.
#[derive(Default)]
struct Platform {
    /// Ids of what was stored, and of refused requests that it remembers.
    ids: BTreeSet<String>,
    rows: Vec<String>,
    dones: usize,
    /// The ids of each batch in the order in which they came.
    attempts: BTreeMap<Vec<String>, Vec<String>>,
    lost: usize,
    refused: usize,
}

/// What goes wrong.
#[derive(Clone, Copy)]
struct Weather {
    /// Of a hundred replies of what was stored.
    lost: u32,
    /// Of a hundred requests.
    refused: u32,
    /// A refused id is remembered once the client shows that it heard the refusal.
    remembers: bool,
}

fn lost_reply(random: &mut StdRng) -> Reply {
    match random.random_range(0..5) {
        0 => Reply::Cut,
        1 => Reply::http(502, "text/html", "<html>bad gateway</html>"),
        2 => Reply::http(504, "text/html", "<html>gateway time-out</html>"),
        // A gateway that repeats what looks like a verdict.
        3 => Reply::code(502, 429, "slow down"),
        _ => Reply::http(200, "text/html", "<html>welcome</html>"),
    }
}

fn refusal(random: &mut StdRng) -> Reply {
    match random.random_range(0..4) {
        0 => Reply::bare(429),
        1 => Reply::code(200, 429, "throttled"),
        2 => Reply::code(200, 500, "Internal error encountered."),
        _ => Reply::code(500, 500, "Internal error encountered."),
    }
}

impl Platform {
    fn answer(&mut self, request: &Received, weather: Weather, random: &mut StdRng) -> Reply {
        let id = request.id();
        let key = if request.is_done() {
            vec!["done".to_owned()]
        } else {
            request.rows()
        };
        let attempts = self.attempts.entry(key).or_default();
        if attempts.last() != Some(&id) {
            // A new id shows that the refusal of the one before was heard.
            let before = attempts.last().cloned();
            assert!(!attempts.contains(&id), "an id came back: {attempts:?}");
            attempts.push(id.clone());
            self.ids.extend(before.filter(|_| weather.remembers));
        }
        if random.random_range(0..100) < weather.refused {
            self.refused += 1;
            return refusal(random);
        }
        if !self.ids.insert(id) {
            return Reply::code(200, 409, "Duplicate submission with request-id: x.");
        }
        if request.is_done() {
            self.dones += 1;
        } else {
            assert_eq!(self.dones, 0, "a row after done");
            self.rows.extend(request.rows());
        }
        if random.random_range(0..100) < weather.lost {
            self.lost += 1;
            return lost_reply(random);
        }
        Reply::ok()
    }
}

fn serve(weather: Weather, seed: u64) -> (Recorder, Arc<Mutex<Platform>>) {
    let platform = Arc::<Mutex<Platform>>::default();
    let served = Arc::clone(&platform);
    let random = Mutex::new(StdRng::seed_from_u64(seed));
    let recorder = Recorder::answering(move |request, _| {
        let mut random = random.lock().unwrap();
        served.lock().unwrap().answer(request, weather, &mut random)
    });
    (recorder, platform)
}

#[track_caller]
fn expect_each_row_once(platform: &Mutex<Platform>, mut all: Vec<String>) {
    let mut platform = platform.lock().unwrap();
    platform.rows.sort();
    all.sort();
    assert_eq!(platform.rows.len(), all.len());
    assert!(platform.rows == all, "other rows were stored");
    assert_eq!(platform.dones, 1);
}

const WORDS: &str = "--batch-rows 10 --qps 1000 --retry-for 5m rows.jsonl";

const STORMS: [Weather; 3] = [
    Weather {
        lost: 30,
        refused: 20,
        remembers: false,
    },
    Weather {
        lost: 30,
        refused: 20,
        remembers: true,
    },
    Weather {
        lost: 0,
        refused: 50,
        remembers: true,
    },
];

#[test]
fn lost_replies_and_refusals_of_the_next_attempt_store_no_row_twice_and_lose_none() {
    for (seed, weather) in STORMS.into_iter().enumerate() {
        let (recorder, platform) = serve(weather, u64::try_from(seed).unwrap());
        let place = Place::with(&recorder);
        let all = place.rows("rows.jsonl", 0, 600);
        place.end(&format!("{WRITE} {WORDS}")).expect(0);
        expect_each_row_once(&platform, all);
        let platform = platform.lock().unwrap();
        assert!(platform.refused > 5);
        assert_eq!(weather.lost > 0, platform.lost > 0);
    }
}

#[test]
fn the_same_holds_when_the_client_is_killed_in_between() {
    for (seed, weather) in STORMS.into_iter().enumerate() {
        let seed = 10 + u64::try_from(seed).unwrap();
        let mut random = StdRng::seed_from_u64(seed);
        let (recorder, platform) = serve(weather, seed);
        let place = Place::with(&recorder);
        let all = place.rows("rows.jsonl", 0, 600);
        let words = format!("{WRITE} {WORDS}");
        for _ in 0..6 {
            let mut run = place.start(&words);
            let until = recorder.requests().len() + random.random_range(1..25);
            crate::recorder::eventually("so many requests, or the end", || {
                recorder.requests().len() >= until || run.try_wait().unwrap().is_some()
            });
            // A run that was faster has ended by itself.
            let _ended = run.kill();
            run.wait().unwrap();
        }
        place.end(&words).expect(0);
        expect_each_row_once(&platform, all);
    }
}
