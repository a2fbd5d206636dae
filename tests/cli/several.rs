//! Several processes of one user at once.

use crate::next_steps::next;
use crate::recorder::{Latch, Recorder, Reply};
use crate::start::{Place, Ran, WRITE, rows, signal};

/// A server that keeps a write waiting while the latch is closed and its rows hold this word.
fn holding(word: &'static str) -> (Recorder, Latch) {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |request, _| {
        if !request.is_done() && request.rows().iter().any(|row| row.contains(word)) {
            held.wait();
        }
        Reply::ok()
    });
    (recorder, latch)
}

#[test]
fn the_same_input_twice_is_status_11_and_names_who_has_it() {
    let (recorder, latch) = holding("000001");
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 10);
    let first = place.start(&format!("{WRITE} rows.jsonl"));
    recorder.wait_for(1);
    let pid = format!("pid {}", first.id());
    place
        .end(&format!("{WRITE} rows.jsonl"))
        .expect(11)
        .says(&pid);
    latch.open();
    Ran::after(first).expect(0);
    assert_eq!((recorder.writes().len(), recorder.dones().len()), (1, 1));
}

#[test]
fn whoever_settles_the_last_input_of_a_date_sends_its_done_once() {
    let (recorder, latch) = holding("000001");
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 10);
    place.rows("b.jsonl", 10, 10);
    let first = place.start(&format!("{WRITE} a.jsonl"));
    recorder.wait_for(1);
    let pid = format!("pid {}", first.id());
    place
        .end(&format!("{WRITE} b.jsonl"))
        .expect(7)
        .says("a.jsonl")
        .says(&pid);
    place.end("done -d 2022-01-01").expect(11).says("a.jsonl");
    assert!(recorder.dones().is_empty());
    latch.open();
    Ran::after(first).expect(0);
    assert_eq!(recorder.rows(), rows(0, 20));
    assert_eq!(recorder.dones().len(), 1);
    assert!(recorder.requests().last().unwrap().is_done());
    place.end(&format!("{WRITE} b.jsonl")).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn two_uploads_side_by_side_end_with_exactly_one_done() {
    for _ in 0..3 {
        let recorder = Recorder::new();
        let place = Place::with(&recorder);
        place.rows("a.jsonl", 0, 500);
        place.rows("b.jsonl", 500, 500);
        let children: Vec<_> = ["a.jsonl", "b.jsonl"]
            .iter()
            .map(|file| place.start(&format!("{WRITE} --batch-rows 50 {file}")))
            .collect();
        let ends: Vec<Ran> = children.into_iter().map(Ran::after).collect();
        let mut statuses: Vec<i32> = ends.iter().map(|end| end.status).collect();
        statuses.sort_unstable();
        // The first one to end may find the other one still at work, or not yet begun.
        assert!(
            statuses == [0, 0] || statuses == [0, 7] || statuses == [0, 6],
            "{ends:#?}"
        );
        if statuses != [0, 6] {
            assert_eq!(recorder.rows(), rows(0, 1_000));
            assert!(recorder.requests().last().unwrap().is_done());
        }
        assert_eq!(recorder.dones().len(), 1);
    }
}

#[test]
fn the_quota_is_shared_by_processes_with_different_state_directories() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let children: Vec<_> = ["a", "b"]
        .iter()
        .map(|name| {
            place.rows(&format!("{name}.jsonl"), 0, 15);
            let words = format!(
                "{WRITE} --rate-guard 200ms --no-done --batch-rows 1 --qps 10 --state-dir state-{name} {name}.jsonl"
            );
            place.start(&words)
        })
        .collect();
    for child in children {
        Ran::after(child).expect(0);
    }
    let mut arrivals: Vec<_> = recorder.writes().iter().map(|write| write.at).collect();
    arrivals.sort();
    assert_eq!(arrivals.len(), 30);
    for window in arrivals.windows(11) {
        let apart = window[10].duration_since(window[0]);
        assert!(
            apart.as_secs_f64() >= 0.95,
            "eleven requests within {apart:?}"
        );
    }
}

#[test]
fn while_done_is_under_way_others_end_with_11_at_once_and_name_who_sends_it() {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |request, _| {
        if request.is_done() {
            held.wait();
        }
        Reply::ok()
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 10);
    let write = format!("{WRITE} rows.jsonl");
    let first = place.start(&write);
    recorder.wait_for(2);
    let pid = format!("pid {}", first.id());
    // The one that sends it may even be stopped.
    signal(&first, rustix::process::Signal::STOP);
    let begun = std::time::Instant::now();
    for words in [
        write.as_str(),
        "done -d 2022-01-01",
        "done --pending",
        "done -d 2022-01-01 --force --yes-i-mean 2022-01-01",
        "ledger forget -t item -s history_sync -d 2022-01-01 --yes-i-mean 2022-01-01",
    ] {
        place.end(words).expect(11).says(&pid).says("started");
    }
    // Far below the time that a run waits for a reply, which is what it used to wait.
    assert!(begun.elapsed() < std::time::Duration::from_secs(50));
    signal(&first, rustix::process::Signal::CONT);
    latch.open();
    Ran::after(first).expect(0);
    place.end(&write).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

/// A part file that comes while the others are being uploaded: the run that brings it registers it,
/// or the other one would send `done` without it.
#[test]
fn what_another_run_is_uploading_is_left_to_it_and_the_rest_is_registered() {
    let (recorder, latch) = holding("000000");
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 20);
    let first = place.start(&format!("{WRITE} a.jsonl"));
    recorder.wait_for(1);
    place.rows("b.jsonl", 100, 20);
    let both = format!("{WRITE} a.jsonl b.jsonl");
    let ran = place.end(&both).expect(7);
    ran.says("left to another run that is uploading it: ")
        .says("a.jsonl (");
    latch.open();
    Ran::after(first).expect(0);
    let mut stored = recorder.accepted();
    stored.sort();
    assert_eq!(stored, [rows(0, 20), rows(100, 20)].concat());
    assert_eq!(recorder.dones().len(), 1);
    place.end(&both).expect(0);
    // With nothing else to do it is the other run's business alone.
    let (recorder, latch) = holding("000000");
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 20);
    let first = place.start(&format!("{WRITE} a.jsonl"));
    recorder.wait_for(1);
    place.end(&format!("{WRITE} a.jsonl")).expect(11);
    latch.open();
    Ran::after(first).expect(0);
}

/// Each has taken a job when it finds the other at work on the next one; the job that comes after both
/// is nobody's as long as nobody looks again.
#[test]
fn of_two_runs_of_a_job_file_that_meet_the_last_one_does_what_is_left() {
    let (item, user) = (Latch::default(), Latch::default());
    let held = [("/item", item.clone()), ("/user", user.clone())];
    let recorder = Recorder::answering(move |request, _| {
        let latch = held.iter().find(|(topic, _)| request.path.ends_with(topic));
        if let Some((_, latch)) = latch {
            latch.wait();
        }
        Reply::ok()
    });
    let place = Place::with(&recorder);
    let defaults = "[defaults]\nstage = \"history_sync\"\ndate = \"2022-01-01\"\n";
    let jobs = [
        ("item", ""),
        ("user", ""),
        ("behavior", "after = [\"item\", \"user\"]\n"),
    ];
    let jobs = jobs.map(|(topic, after)| {
        place.rows(&format!("{topic}.jsonl"), 0, 5);
        format!(
            "[[job]]\nname = \"{topic}\"\ntopic = \"{topic}\"\npaths = [\"{topic}.jsonl\"]\n{after}"
        )
    });
    place.file("jobs.toml", format!("{defaults}{}", jobs.concat()));
    let first = place.start("run jobs.toml");
    recorder.wait_for(1);
    let second = place.start("run jobs.toml");
    recorder.wait_for(2);
    item.open();
    let first = Ran::after(first)
        .expect(11)
        .says("1 upload done by this run, another run is uploading others");
    let jobs = place.path("jobs.toml");
    let run = format!("run {} --date 2022-01-01", jobs.display());
    assert_eq!(next(&first), [run]);
    user.open();
    Ran::after(second).expect(0);
    let dones = recorder.dones();
    let order = ["item", "user", "behavior"].map(|topic| format!("topic={topic}"));
    assert_eq!(dones.len(), 3);
    for (done, topic) in dones.iter().zip(order) {
        assert!(done.query.contains(&topic), "{}", done.query);
    }
}
