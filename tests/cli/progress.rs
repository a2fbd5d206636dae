//! What a run says of how far it is, asked by SIGUSR1 while the server keeps it waiting.

use crate::recorder::{Latch, Recorder, Reply, eventually};
use crate::start::{Place, Ran, WRITE, rows, signal};
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Write};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};

/// A server that accepts so many writes and keeps the next ones waiting.
fn keeping_after(writes: usize) -> (Recorder, Latch) {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |_, number| {
        if number >= writes {
            held.wait();
        }
        Reply::ok()
    });
    (recorder, latch)
}

/// The lines that a run says, as they come.
fn lines_of(child: &mut Child) -> Receiver<String> {
    let errors = BufReader::new(child.stderr.take().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in errors.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Asks until the answer is as wanted; fails on a percentage that is `never` so.
#[track_caller]
fn ask(
    child: &Child,
    lines: &Receiver<String>,
    wanted: impl Fn(&str) -> bool,
    never: impl Fn(u64) -> bool,
) {
    // Until it says something SIGUSR1 would end it.
    let mut last = lines.recv().unwrap();
    eventually("the answer", || {
        signal(child, Signal::USR1);
        std::thread::sleep(std::time::Duration::from_millis(100));
        while let Ok(line) = lines.try_recv() {
            if let Some(percent) = percent(&line) {
                assert!(!never(percent), "{line}");
            }
            last = line;
        }
        wanted(&last)
    });
}

fn percent(line: &str) -> Option<u64> {
    let (before, _) = line.split_once("%;")?;
    before.rsplit(' ').next()?.parse().ok()
}

/// Uploads up to so many writes and is killed there; the rows that the ledger holds as accepted.
fn killed_after(place: &Place, recorder: &Recorder, words: &str, writes: usize) -> u64 {
    let child = place.start(words);
    recorder.wait_for(writes + 1);
    signal(&child, Signal::KILL);
    Ran::after(child).expect(-9);
    let summary = place.end("status --json").expect(0).summary();
    summary["rows_accepted"].as_u64().unwrap()
}

#[test]
fn a_resume_begins_at_what_was_acknowledged_and_no_run_says_100_before_the_last_answer() {
    let (recorder, latch) = keeping_after(10);
    let place = Place::with(&recorder);
    // Every row has the same length: two rows are one percent.
    let sent: Vec<String> = (0..200)
        .map(|number| format!("{{\"id\":\"{number:03}\"}}"))
        .collect();
    place.file("rows.jsonl", sent.join("\n") + "\n");
    let words = format!("{WRITE} --batch-rows 10 --max-in-flight 1 --qps 1000 rows.jsonl");
    let accepted = killed_after(&place, &recorder, &words, 10);
    assert!((80..=100).contains(&accepted), "{accepted}");
    let mut child = place.start(&words);
    let lines = lines_of(&mut child);
    let acknowledged = accepted / 2;
    // What an earlier run intended is read again, and counts as that.
    let is_true = |line: &str| {
        percent(line) == Some(acknowledged)
            && line.contains("limited by server")
            && !line.contains("rows: 0 read")
    };
    ask(&child, &lines, is_true, |percent| percent > acknowledged);
    latch.open();
    Ran::after(child).expect(0);
    assert_eq!(recorder.stored(), sent);
}

#[test]
fn rows_of_several_days_count_when_they_are_acknowledged() {
    let (recorder, latch) = keeping_after(1);
    let place = Place::with(&recorder);
    let text: Vec<String> = (0..100)
        .map(|number| {
            format!(
                "{{\"id\":{number:04},\"time\":\"2022-01-0{}\"}}\n",
                number % 4 + 1
            )
        })
        .collect();
    place.file("rows.jsonl", text.concat().replace(":0", ":1"));
    let words =
        "write -t item -s history_sync -d 2022-01-01..2022-01-04 --date-from-field time rows.jsonl";
    let mut child = place.start(words);
    let lines = lines_of(&mut child);
    ask(
        &child,
        &lines,
        |line| percent(line) == Some(25),
        |percent| percent > 25,
    );
    latch.open();
    Ran::after(child).expect(0);
}

#[test]
fn a_resume_of_a_compressed_file_reckons_in_compressed_bytes() {
    let (recorder, latch) = keeping_after(5);
    let place = Place::with(&recorder);
    // Digits of a simple generator, which shrink to less than half, so that several reads are needed.
    let mut seed = 1_u64;
    let mut noise = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        format!("{:08x}", seed >> 32)
    };
    let file = std::fs::File::create(place.path("rows.jsonl.gz")).unwrap();
    let mut file = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    for number in 0..4_000 {
        let noise: String = (0..120).map(|_| noise()).collect();
        writeln!(file, "{{\"id\":\"{number:06}\",\"noise\":\"{noise}\"}}").unwrap();
    }
    file.finish().unwrap();
    let words = format!("{WRITE} --batch-rows 400 --max-in-flight 1 --qps 1000 rows.jsonl.gz");
    let accepted = killed_after(&place, &recorder, &words, 5);
    let acknowledged = accepted * 100 / 4_000;
    let mut child = place.start(&words);
    let lines = lines_of(&mut child);
    // The batch that was on its way is counted, and what was read ahead.
    let near = acknowledged..=acknowledged + 20;
    let is_true = |line: &str| percent(line).is_some_and(|it| near.contains(&it));
    ask(&child, &lines, is_true, |percent| {
        percent > acknowledged + 20
    });
    latch.open();
    Ran::after(child).expect(0);
}

#[test]
fn a_small_compressed_file_is_not_read_ahead_to_its_end_in_the_percentage() {
    let (recorder, latch) = keeping_after(10);
    let place = Place::with(&recorder);
    let file = std::fs::File::create(place.path("rows.jsonl.gz")).unwrap();
    let mut file = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    file.write_all((rows(0, 200).join("\n") + "\n").as_bytes())
        .unwrap();
    file.finish().unwrap();
    let words = format!("{WRITE} --batch-rows 10 --max-in-flight 1 --qps 1000 rows.jsonl.gz");
    let mut child = place.start(&words);
    let lines = lines_of(&mut child);
    let is_half = |line: &str| percent(line).is_some_and(|it| (49..=51).contains(&it));
    ask(&child, &lines, is_half, |percent| percent > 51);
    latch.open();
    Ran::after(child).expect(0);
}

#[test]
fn what_limits_a_run_is_named() {
    for (options, says) in [
        ("--qps 1", "limited by requests/s"),
        ("--rows-per-second 10", "limited by rows/s"),
    ] {
        let recorder = Recorder::new();
        let place = Place::with(&recorder);
        place.rows("rows.jsonl", 0, 2_000);
        let mut child = place.start(&format!("{WRITE} --batch-rows 10 {options} rows.jsonl"));
        let lines = lines_of(&mut child);
        ask(&child, &lines, |line| line.contains(says), |_| false);
        signal(&child, Signal::KILL);
        Ran::after(child).expect(-9);
    }
}

#[test]
fn parts_of_a_batch_count_when_they_are_acknowledged() {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |_, number| match number {
        0 => Reply::bare(413),
        1 => Reply::ok(),
        _ => {
            held.wait();
            Reply::ok()
        }
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 1_000, 1_000);
    let mut child = place.start(&format!("{WRITE} rows.jsonl"));
    let lines = lines_of(&mut child);
    let is_half = |line: &str| percent(line) == Some(50);
    ask(&child, &lines, is_half, |percent| percent > 50);
    latch.open();
    Ran::after(child).expect(0);
}

#[test]
fn a_rate_that_the_server_lowered_is_limited_by_the_server() {
    let recorder = Recorder::answering(|_, number| match number {
        3 => Reply::bare(429),
        _ => Reply::ok(),
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 5_000);
    let words = format!("{WRITE} --batch-rows 10 --rows-per-second 100 rows.jsonl");
    let mut child = place.start(&words);
    let lines = lines_of(&mut child);
    let says = |line: &str| line.contains("1 retry") && line.contains("limited by server");
    ask(&child, &lines, says, |_| false);
    signal(&child, Signal::KILL);
    Ran::after(child).expect(-9);
}
