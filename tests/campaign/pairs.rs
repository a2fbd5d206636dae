//! Two uploads of different files of one day, side by side, killed at random: one `done`, after both.

use crate::comparison::violations_after_kills;
use crate::place::{LIMIT, LOOK, Place, kill, until, within};
use crate::server::{Server, faulty};
use crate::upload::{Form, Upload};
use byteair_sync::sandbox::SandboxSettings;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::process::Child;
use std::time::Duration;

/// Uploads, and rounds of each in which somebody is killed.
const UPLOADS: u64 = 3;
const ROUNDS: usize = 6;

/// Rounds without a kill after which both should have ended with 0.
const MAX_ROUNDS: usize = 20;

/// Done; the number of files not met, what the other one owes, only time missing.
const GOOD: [i32; 4] = [0, 4, 5, 7];

fn ended(child: &mut Child, place: &Place) -> i32 {
    let status = until(|| child.try_wait().unwrap());
    let status = status.unwrap_or_else(|| panic!("no end after {LIMIT:?}\n{}", place.said()));
    status.code().unwrap_or(-1)
}

#[test]
fn two_uploads_of_one_day_that_are_killed_at_random_send_one_done_after_both() {
    for seed in 1..=UPLOADS {
        let mut random = StdRng::seed_from_u64(seed);
        let faults = ["lost-reply=0.05", "reset-before=0.05", "status:500=0.05"];
        let server = Server::start(SandboxSettings {
            latency: Some(Duration::from_millis(1)..=Duration::from_millis(8)),
            ..faulty(seed, &faults, None)
        });
        let place = Place::of(&server);
        let upload = Upload::generate(&place, &[&[Form::Jsonl, Form::CsvGzip]], 1_500);
        let words = [
            Form::Jsonl.path("2022-01-01", 0),
            Form::CsvGzip.path("2022-01-01", 1),
        ]
        .map(|path| {
            // Without the number of files the first one would rightly end the day alone.
            let mut words = upload.words("--batch-rows 25 --expect-files 2");
            words.pop();
            words.push(path);
            words
        });
        for round in 0..ROUNDS + MAX_ROUNDS {
            let mut both = words.each_ref().map(|words| place.start(words));
            if round < ROUNDS {
                std::thread::sleep(within(&mut random, Duration::from_millis(200)));
                let victim = random.random_range(0..=1);
                let [first, second] = both;
                let (victim, mut other) = if victim == 0 {
                    (first, second)
                } else {
                    (second, first)
                };
                kill(victim);
                std::thread::sleep(within(&mut random, Duration::from_millis(50)) + LOOK);
                if random.random_ratio(1, 2) {
                    kill(other);
                } else {
                    let status = ended(&mut other, &place);
                    assert!(GOOD.contains(&status), "{status}\n{}", place.said());
                }
                continue;
            }
            let statuses = both.each_mut().map(|child| ended(child, &place));
            let good = statuses.iter().all(|status| GOOD.contains(status));
            assert!(good, "{statuses:?}\n{}", place.said());
            if statuses == [0, 0] {
                break;
            }
            assert!(
                round + 1 < ROUNDS + MAX_ROUNDS,
                "{statuses:?}\n{}",
                place.said()
            );
        }
        assert_eq!(
            violations_after_kills(&upload, &server),
            [""; 0],
            "{seed}\n{}",
            place.said()
        );
    }
}
