//! Rows that make the platform refuse their whole batch, wherever they lie, and settings that make
//! it refuse every batch: the first are found one by one, the second turn no row into a dead letter.

use crate::recorder::{Latch, Received, Recorder, Reply};
use crate::rejects::letters;
use crate::start::{Place, WRITE, rows};
use serde_json::Value;

/// The words of no documentation.
const UNLISTED: &str = "json unmarshal error";

/// Requests that finding one row of 10,000 may cost, its batch included.
const MOST_FOR_ONE: usize = 29;

fn is_poisoned(request: &Received, numbers: &[usize]) -> bool {
    let named = |row: &String| {
        numbers
            .iter()
            .any(|number| row.contains(&format!("\"{number:06}\"")))
    };
    !request.is_done() && request.rows().iter().any(named)
}

/// A server that refuses each batch with one of these rows as a whole.
fn poisoned(numbers: &'static [usize]) -> Recorder {
    Recorder::answering(move |request, _| answer(request, numbers))
}

fn answer(request: &Received, numbers: &[usize]) -> Reply {
    if is_poisoned(request, numbers) {
        Reply::code(400, 400, UNLISTED)
    } else {
        Reply::ok()
    }
}

fn lines_of(letters: &[Value]) -> Vec<usize> {
    let line = |letter: &Value| usize::try_from(letter["line"].as_u64().unwrap()).unwrap();
    let mut lines: Vec<usize> = letters.iter().map(line).collect();
    lines.sort_unstable();
    lines
}

/// Fails unless every row but these was accepted once and these are the dead letters.
#[track_caller]
fn expect_found(place: &Place, recorder: &Recorder, total: usize, numbers: &[usize]) {
    let lines: Vec<usize> = numbers.iter().map(|number| number + 1).collect();
    assert_eq!(lines_of(&letters(place)), lines);
    let mut good = rows(0, total);
    good.retain(|row| !numbers.iter().any(|n| row.contains(&format!("\"{n:06}\""))));
    assert_eq!(recorder.accepted(), good);
    assert!(recorder.dones().is_empty());
}

#[test]
fn one_poison_row_is_found_wherever_it_lies_with_few_requests() {
    // The last ones: where the first batch is taken apart before anything was accepted.
    for number in [&[0][..], &[9_999], &[5_000], &[4_999], &[4_096], &[8_193]] {
        let recorder = poisoned(number);
        let place = Place::with(&recorder);
        place.rows("rows.jsonl", 0, 10_000);
        place.end(&format!("{WRITE} rows.jsonl")).expect(3);
        expect_found(&place, &recorder, 10_000, number);
        let requests = recorder.requests().len();
        assert!(requests <= MOST_FOR_ONE, "{number:?}: {requests} requests");
    }
}

#[test]
fn poison_in_any_batch_and_in_several_is_found_row_by_row() {
    for (numbers, options) in [
        (&[3, 4][..], "--batch-rows 50"),
        (&[0, 49], "--batch-rows 50 --max-in-flight 1"),
        (&[51, 149, 150, 399], "--batch-rows 50"),
        (&[399], "--batch-rows 1"),
        (&[0, 1, 398, 399], "--batch-rows 3 --max-in-flight 2"),
        (&[200, 201, 202, 203, 204], "--batch-rows 400"),
        (&[7, 55, 130, 190, 250, 301, 388], "--batch-rows 400"),
    ] {
        let recorder = poisoned(numbers);
        let place = Place::with(&recorder);
        place.rows("rows.jsonl", 0, 400);
        let words = format!("{WRITE} --qps 1000 {options} rows.jsonl");
        place.end(&words).expect(3);
        expect_found(&place, &recorder, 400, numbers);
        // Nothing is asked again for rows that are dead letters.
        let before = recorder.requests().len();
        place.end(&words).expect(3);
        assert_eq!(recorder.requests().len(), before);
        place
            .end(&words.replace("write", "write --max-errors 9"))
            .expect(0);
        assert_eq!(recorder.dones().len(), 1);
    }
}

#[test]
fn poison_in_the_first_batch_of_each_of_several_dates_is_found() {
    let recorder = poisoned(&[0, 130]);
    let place = Place::with(&recorder);
    for day in 0..3 {
        place.rows(&format!("2022-01-0{}.jsonl", day + 1), day * 100, 100);
    }
    place
        .end("write -t item -s history_sync -d 2022-01-01..2022-01-03 --batch-rows 40 {date}.jsonl")
        .expect(3);
    assert_eq!(lines_of(&letters(&place)), [1, 31]);
    assert_eq!(recorder.accepted().len(), 298);
    // The date without poison is done.
    assert_eq!(recorder.dones().len(), 1);
    assert_eq!(recorder.dones()[0].day().unwrap(), "2022-01-03");
}

#[test]
fn a_search_for_poison_that_was_killed_at_any_request_goes_on() {
    // The whole, a quarter, the row alone before and after it was answered, its neighbour.
    for nth in 0..12 {
        let latch = Latch::default();
        let held = latch.clone();
        let recorder = Recorder::answering(move |request, number| {
            let reply = answer(request, &[6]);
            if number == nth {
                held.wait();
            }
            reply
        });
        let place = Place::with(&recorder);
        place.rows("rows.jsonl", 0, 16);
        let words = format!("{WRITE} --max-in-flight 1 rows.jsonl");
        let mut run = place.start(&words);
        crate::recorder::eventually("the request or the end", || {
            recorder.requests().len() > nth || run.try_wait().unwrap().is_some()
        });
        // A run that needed fewer requests has ended by itself.
        let _ended = run.kill();
        run.wait().unwrap();
        latch.open();
        place.end(&words).expect(3);
        assert_eq!(lines_of(&letters(&place)), [7], "{nth}");
        let mut stored = recorder.accepted();
        stored.dedup();
        assert_eq!(stored.len(), 15, "{nth}");
    }
}

#[test]
fn a_file_that_is_poison_after_its_beginning_stops_at_the_budget() {
    let recorder = Recorder::answering(|request, _| {
        let good = request.is_done() || request.rows().iter().all(|row| row.contains("\"0000"));
        if good {
            Reply::ok()
        } else {
            Reply::code(400, 400, UNLISTED)
        }
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 5_000);
    let words = format!("{WRITE} --qps 1000 --batch-rows 100 --json rows.jsonl");
    let summary = place.end(&words).expect(6).summary();
    let problems = summary["problems"].to_string();
    assert!(
        problems.contains("rows at fault ended after 1000 requests"),
        "{problems}"
    );
    assert!(problems.contains(UNLISTED), "{problems}");
    assert_eq!(summary["rows_accepted"], 100);
    let requests = recorder.requests().len();
    assert!(requests <= 1_200, "{requests} requests");
    let found = letters(&place).len();
    assert!(found < 600, "{found} dead letters");
    assert!(recorder.dones().is_empty());
}

/// Words of no documentation.
const UNKNOWN: &str = "no such table";

/// What a wrong application, topic, stage and tenant are answered, and words that nobody knows.
const WRONG: [&str; 5] = [
    "Can't find configuration for tenant/application_id:1, please check your tenant/application_id and path.",
    "Can't support scene:itm, please check your scene/topic.",
    "Syncing is end or not start in stage(history_sync) for tenant/application_id(1) topic(item), please check the 'stage'",
    "Find no data schema of tenant_id(1) tenant/application_id(1), please check your tenant_id and retry",
    UNKNOWN,
];

#[test]
fn a_wrong_setting_costs_three_requests_however_many_batches_and_dates_wait() {
    for message in WRONG {
        for (dates, slow) in [("2022-01-01", false), ("2022-01-01..2022-01-05", true)] {
            let recorder = Recorder::answering(move |_, _| {
                if slow {
                    // A distant server: whoever does not wait for its answer has sent by then.
                    std::thread::sleep(std::time::Duration::from_millis(300));
                }
                Reply::code(400, 400, message)
            });
            let place = Place::with(&recorder);
            for day in 1..=5 {
                place.rows(&format!("2022-01-0{day}.jsonl"), day * 400, 400);
            }
            let words = format!(
                "write -t item -s history_sync -d {dates} --batch-rows 20 --max-in-flight 20 --json {{date}}.jsonl"
            );
            let ran = place.end(&words).expect(6);
            let requests = recorder.requests().len();
            // Words that nobody knows may be the fault of one date.
            let most = if message == UNKNOWN && slow { 15 } else { 3 };
            assert!(requests <= most, "{message} {dates}: {requests} requests");
            assert!(letters(&place).is_empty(), "{message}");
            assert_eq!(ran.summary()["rows_accepted"], 0);
            // With the setting put right the same command uploads everything.
            recorder.answer(|_, _| Reply::ok());
            place.end(&words).expect(0);
            let days = if slow { 5 } else { 1 };
            assert_eq!(recorder.accepted().len(), days * 400);
            assert_eq!(recorder.dones().len(), days);
        }
    }
}

/// One batch of all that were refused finds out for the others whether it is the rows.
#[test]
fn of_many_batches_that_a_slow_server_refuses_one_is_taken_apart() {
    let recorder = Recorder::answering(|_, _| {
        std::thread::sleep(std::time::Duration::from_millis(1_500));
        Reply::code(400, 400, UNKNOWN)
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 400);
    let words = format!("{WRITE} --batch-rows 20 --max-in-flight 20 rows.jsonl");
    place.end(&words).expect(6);
    let requests = recorder.requests();
    let whole = requests.iter().filter(|it| it.rows().len() == 20).count();
    let parts = requests.len() - whole;
    assert!(parts <= 2, "{parts} parts beside {whole} batches");
    assert!(letters(&place).is_empty());
    recorder.answer(|_, _| Reply::ok());
    place.end(&words).expect(0);
    assert_eq!(recorder.accepted().len(), 400);
}

#[test]
fn a_proxy_that_finds_everything_too_large_turns_no_row_into_a_dead_letter() {
    let recorder = Recorder::answering(|_, _| Reply::http(413, "text/html", "<html>413</html>"));
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 3_000);
    let words = format!("{WRITE} --batch-rows 1000 rows.jsonl");
    let ran = place.end(&words).expect(6);
    ran.says("to a single row of").says("a proxy with a limit");
    // 1,000 rows become one in ten steps.
    let requests = recorder.requests().len();
    assert!(requests <= 15, "{requests} requests");
    assert!(letters(&place).is_empty());
    recorder.answer(|_, _| Reply::ok());
    place.end(&words).expect(0);
    assert_eq!(recorder.accepted().len(), 3_000);
}

#[test]
fn a_size_that_is_too_large_is_remembered_and_later_batches_are_cut_smaller() {
    let small = |request: &Received| request.is_done() || request.rows().len() <= 70;
    let script = move |request: &Received| {
        if small(request) {
            Reply::ok()
        } else {
            Reply::code(413, 413, "The count of write items max to 70.")
        }
    };
    let recorder = Recorder::answering(move |request, number| {
        // The first run ends in the middle of taking the first batch apart.
        if number == 2 {
            Reply::Cut
        } else {
            script(request)
        }
    });
    let place = Place::with(&recorder);
    let all = place.rows("rows.jsonl", 0, 3_000);
    let words = format!("{WRITE} --batch-rows 256 --max-in-flight 1 rows.jsonl");
    place.end(&format!("{words} --retry-for 1ms"));
    recorder.answer(move |request, _| script(request));
    let before = recorder.requests().len();
    place.end(&words).expect(0);
    let requests = recorder.requests();
    let after = &requests[before..];
    let refused = after.iter().filter(|request| !small(request)).count();
    // Two halvings, each for a batch that was cut before they were known.
    assert!(refused <= 5, "{refused} requests were too large");
    let last = after.iter().rev().filter(|request| !request.is_done());
    assert!(last.take(20).all(|request| request.rows().len() <= 64));
    assert_eq!(recorder.accepted(), all);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_single_row_that_is_refused_names_a_way_that_ends() {
    let recorder = poisoned(&[0]);
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 1);
    let write = format!("{WRITE} rows.jsonl");
    for _ in 0..2 {
        let ran = place.end(&write).expect(6).says("to a single row");
        assert!(!ran.errors.contains("smaller parts"), "{}", ran.errors);
    }
    place.rows("rows.jsonl", 1, 1);
    place.end(&format!("{write} --restart")).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}
