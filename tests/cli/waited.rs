//! What had not left when a run was killed: a refusal that comes later is answered with a new id, since
//! a server may remember the ids of requests that it refused.

use crate::recorder::{Received, Recorder, Reply};
use crate::start::{Place, WRITE, rows};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

/// A server that remembers every id that it has seen, refused or not, and refuses when it is told to.
#[derive(Clone, Default)]
struct Remembering {
    seen: Arc<Mutex<HashSet<String>>>,
    stored: Arc<Mutex<Vec<String>>>,
    dones: Arc<Mutex<u32>>,
}

impl Remembering {
    fn answer(&self, request: &Received, refuses: bool) -> Reply {
        if !self.seen.lock().unwrap().insert(request.id()) {
            return Reply::code(200, 409, "Duplicate submission");
        }
        if refuses {
            return Reply::code(200, 500, "try later").with("Retry-After", "2");
        }
        if request.is_done() {
            *self.dones.lock().unwrap() += 1;
        } else {
            self.stored.lock().unwrap().extend(request.rows());
        }
        Reply::ok()
    }

    fn rows(&self) -> Vec<String> {
        let mut rows = self.stored.lock().unwrap().clone();
        rows.sort();
        rows
    }
}

#[test]
fn a_batch_that_was_killed_in_its_back_off_gets_a_new_id_when_it_is_refused_once_more() {
    let server = Remembering::default();
    let of_server = server.clone();
    let recorder =
        Recorder::answering(move |request, number| of_server.answer(request, number < 2));
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 50);
    let write = format!("{WRITE} rows.jsonl");
    let mut run = place.start(&write);
    recorder.wait_for(1);
    // The refusal is received and the next generation recorded; it waits.
    std::thread::sleep(std::time::Duration::from_millis(700));
    run.kill().unwrap();
    run.wait().unwrap();
    place.end(&write).expect(0);
    assert_eq!(server.rows(), rows(0, 50));
    assert_eq!(*server.dones.lock().unwrap(), 1);
}

#[test]
fn batches_that_waited_for_the_quota_when_a_run_was_killed_are_not_taken_for_sent() {
    let server = Remembering::default();
    let of_server = server.clone();
    // After the kill each id is refused once.
    let refuses = Arc::new(Mutex::new(None::<HashSet<Vec<String>>>));
    let of_answer = refuses.clone();
    let recorder = Recorder::answering(move |request, _| {
        let mut refused = of_answer.lock().unwrap();
        let is_first = |rows: &mut HashSet<Vec<String>>| rows.insert(request.rows());
        let refuses = !request.is_done() && refused.as_mut().is_some_and(is_first);
        of_server.answer(request, refuses)
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 400);
    let write = format!("{WRITE} --batch-rows 10 --qps 5 rows.jsonl");
    let mut run = place.start(&write);
    recorder.wait_for(3);
    std::thread::sleep(std::time::Duration::from_millis(300));
    run.kill().unwrap();
    run.wait().unwrap();
    *refuses.lock().unwrap() = Some(HashSet::new());
    place.end(&write.replace("--qps 5", "--qps 1000")).expect(0);
    assert_eq!(server.rows(), rows(0, 400));
}

#[test]
fn a_done_that_was_killed_in_its_back_off_is_not_taken_for_sent() {
    let server = Remembering::default();
    let of_server = server.clone();
    let recorder = Recorder::answering(move |request, number| {
        of_server.answer(request, request.is_done() && number < 3)
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 50);
    let write = format!("{WRITE} rows.jsonl");
    let mut run = place.start(&write);
    recorder.wait_for(2);
    std::thread::sleep(std::time::Duration::from_millis(700));
    run.kill().unwrap();
    run.wait().unwrap();
    place.end(&write).expect(0);
    assert_eq!(*server.dones.lock().unwrap(), 1);
}

/// A 409 to a `done` of which this ledger knows no earlier attempt: somebody has to look.
#[test]
fn a_done_that_was_answered_409_is_asked_again_by_a_person_only() {
    let recorder = Recorder::answering(|request, _| {
        if request.is_done() {
            Reply::code(200, 409, "Duplicate submission")
        } else {
            Reply::ok()
        }
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 50);
    let write = format!("{WRITE} rows.jsonl");
    place.end(&write).expect(6).says("Look in the console");
    recorder.answer(|_, _| Reply::ok());
    for again in [write.as_str(), "done --pending"] {
        let status = if again == write { 7 } else { 0 };
        place.end(again).expect(status);
        assert_eq!(recorder.dones().len(), 1, "{again}");
    }
    place.end("done -d 2022-01-01").expect(0);
    assert_eq!(recorder.dones().len(), 2);
}
