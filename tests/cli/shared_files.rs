//! A file with rows of several dates over more than one run: kills, refusals, repairs, other options.

use crate::dates_from_field::{FIELD, by_day, done_days, expected, mixed, server, text};
use crate::recorder::{Latch, Received, Recorder, Reply, eventually};
use crate::start::{Place, Ran};
use std::collections::BTreeSet;

#[test]
fn a_row_without_a_date_holds_back_every_date_that_its_file_may_hold() {
    let (recorder, place) = server();
    let mut rows = mixed(10, &[1, 2]);
    rows.insert(3, "{\"id\":\"x\"}".to_owned());
    rows.insert(7, "{\"id\":\"y\",\"ts\":\"soon\"}".to_owned());
    rows.insert(9, "no json".to_owned());
    place.file("all.jsonl", text(&rows));
    let words = format!("{FIELD} -d 2022-01-01,2022-01-02 all.jsonl");
    let ran = place
        .end(&words)
        .expect(3)
        .says("date_missing")
        .says("all.jsonl:4")
        .says("all.jsonl:10");
    assert!(
        ran.output.contains("3 row(s) are rejected")
            || ran.errors.contains("3 row(s) are rejected")
    );
    assert!(recorder.dones().is_empty());
    for day in ["2022-01-01", "2022-01-02"] {
        let listed = place.end(&format!("rejects list -d {day}")).expect(0);
        listed
            .says("all.jsonl:4")
            .says("all.jsonl:8")
            .says("all.jsonl:10");
        place.end(&format!("done -d {day}")).expect(3);
    }
    place.end("rejects waive -d 2022-01-02").expect(0);
    place.end("done -d 2022-01-01,2022-01-02").expect(0);
    assert_eq!(done_days(&recorder), ["2022-01-01", "2022-01-02"]);
    place.end(&words).expect(0);
}

#[test]
fn corrected_rows_take_the_places_of_rows_without_a_date() {
    let (recorder, place) = server();
    let mut rows = mixed(6, &[1, 2]);
    rows.push("{\"id\":\"x\"}".to_owned());
    place.file("all.jsonl", text(&rows));
    let both = "-d 2022-01-01,2022-01-02";
    place.end(&format!("{FIELD} {both} all.jsonl")).expect(3);
    place
        .end("rejects export -d 2022-01-02 --output fix.jsonl")
        .expect(0);
    let exported = std::fs::read_to_string(place.path("fix.jsonl")).unwrap();
    assert_eq!(exported, "{\"id\":\"x\"}\n");
    place
        .end("rejects replay fix.jsonl -t item -s history_sync -d 2022-01-02")
        .expect(2)
        .says("1 of the open rejected row(s) say no date");
    place
        .end("rejects replay fix.jsonl --id 1 -t item -s history_sync -d 2022-01-02")
        .expect(0);
    assert_eq!(by_day(&recorder)["2022-01-02"].len(), 4);
    place.end(&format!("done {both}")).expect(0);
    assert_eq!(done_days(&recorder), ["2022-01-01", "2022-01-02"]);
}

#[test]
fn another_way_to_read_the_dates_is_another_input_and_other_dates_are_not() {
    let recorder = Recorder::answering(|_, _| Reply::bare(429));
    let place = Place::with(&recorder);
    let rows = mixed(20, &[1, 2]);
    place.file("all.jsonl", text(&rows));
    let both = "-d 2022-01-01,2022-01-02";
    place
        .end(&format!("{FIELD} {both} --retry-for 1ms all.jsonl"))
        .expect(5);
    recorder.answer(|_, _| Reply::ok());
    for other in [
        "-d 2022-01-01,2022-01-02 --date-format %s",
        "-d 2022-01-01,2022-01-02 --timezone UTC",
        "",
    ] {
        place
            .end(&format!("{FIELD} {other} all.jsonl"))
            .expect(9)
            .says("dates");
    }
    place
        .end("write -t item -s history_sync -d 2022-01-01 all.jsonl")
        .expect(9);
    assert!(recorder.dones().is_empty());
    // The third day has no rows.
    let more = format!("{FIELD} -d 2022-01-01..2022-01-03 all.jsonl");
    place.end(&more).expect(8);
    place.end(&format!("{FIELD} {both} all.jsonl")).expect(0);
    assert_eq!(done_days(&recorder).len(), 2);
    assert_eq!(by_day(&recorder), expected(&rows, &[1, 2]));
}

#[test]
fn a_done_date_among_the_named_ones_takes_no_new_file_and_nothing_is_sent() {
    let (recorder, place) = server();
    place.file("one.jsonl", text(&mixed(4, &[1])));
    place
        .end(&format!("{FIELD} -d 2022-01-01 one.jsonl"))
        .expect(0);
    place.file("two.jsonl", text(&mixed(4, &[1, 2])));
    place
        .end(&format!("{FIELD} -d 2022-01-01,2022-01-02 two.jsonl"))
        .expect(6)
        .says("late_input");
    assert_eq!(recorder.requests().len(), 2);
}

#[test]
fn of_a_file_of_several_dates_only_those_that_are_open_again_may_be_written() {
    let (_recorder, place) = server();
    place.file("one.jsonl", text(&mixed(4, &[1, 2])));
    let both = format!("{FIELD} -d 2022-01-01,2022-01-02 one.jsonl");
    place.end(&both).expect(0);
    place
        .end("ledger reopen -t item -s history_sync -d 2022-01-01")
        .expect(0);
    place
        .end(&both)
        .expect(6)
        .says("it has rows of that date, or may have. Re-sync")
        .says("then write again; or name the dates that are not done with --date");
}

#[test]
fn a_date_that_the_platform_refuses_does_not_keep_the_others_of_its_file_back() {
    let refused = |request: &Received, _| {
        if request.day().as_deref() == Some("2022-01-02") {
            return Reply::code(400, 400, "Syncing is not allowed when acked.");
        }
        Reply::ok()
    };
    let recorder = Recorder::answering(refused);
    let place = Place::with(&recorder);
    let days = [1, 2, 3];
    let rows = mixed(300, &days);
    place.file("all.jsonl", text(&rows));
    let words = format!("{FIELD} -d 2022-01-01..2022-01-03 --batch-rows 10 all.jsonl");
    place.end(&words).expect(6);
    assert_eq!(done_days(&recorder), ["2022-01-01", "2022-01-03"]);
    // Re-synced in the console: what is on record of the date is sent, and nothing else.
    let before = recorder.requests().len();
    recorder.answer(|_, _| Reply::ok());
    place.end("ledger show").expect(0);
    place
        .end(&format!("{FIELD} -d 2022-01-01..2022-01-03 all.jsonl"))
        .expect(0);
    assert_eq!(done_days(&recorder).len(), 3);
    assert!(
        recorder.requests()[before..]
            .iter()
            .all(|it| it.day().as_deref() == Some("2022-01-02"))
    );
    assert_eq!(by_day(&recorder), expected(&rows, &days));
}

#[test]
fn a_date_that_was_reopened_takes_its_rows_of_a_shared_file_again() {
    let (recorder, place) = server();
    let rows = mixed(20, &[1, 2]);
    place.file("all.jsonl", text(&rows));
    place
        .end(&format!("{FIELD} -d 2022-01-01,2022-01-02 all.jsonl"))
        .expect(0);
    place
        .end("ledger reopen -t item -s history_sync -d 2022-01-01")
        .expect(0);
    place.end("done -d 2022-01-01").expect(7).says("all.jsonl");
    place
        .end(&format!("{FIELD} -d 2022-01-01 all.jsonl"))
        .expect(0);
    assert_eq!(
        done_days(&recorder),
        ["2022-01-01", "2022-01-01", "2022-01-02"]
    );
    assert_eq!(recorder.rows().len(), 30);
}

/// The second reopening left a copy of the input for which the first date waited for ever.
#[test]
fn dates_that_were_reopened_one_after_the_other_share_their_file_again() {
    let (recorder, place) = server();
    let rows = mixed(20, &[1, 2]);
    place.file("all.jsonl", text(&rows));
    let both = "-d 2022-01-01,2022-01-02";
    let write = format!("{FIELD} {both} all.jsonl");
    place.end(&write).expect(0);
    place
        .end(&format!("ledger reopen -t item -s history_sync {both}"))
        .expect(0);
    place.end(&format!("done {both}")).expect(7);
    place.end(&write).expect(0);
    place.end(&write).expect(0);
    assert_eq!(recorder.rows().len(), 40);
    assert_eq!(done_days(&recorder).len(), 4);
}

#[test]
fn dates_that_were_reopened_may_take_their_file_one_by_one() {
    let (recorder, place) = server();
    place.file("all.jsonl", text(&mixed(20, &[1, 2])));
    let both = "-d 2022-01-01,2022-01-02";
    place.end(&format!("{FIELD} {both} all.jsonl")).expect(0);
    place
        .end(&format!("ledger reopen -t item -s history_sync {both}"))
        .expect(0);
    for day in ["2022-01-01", "2022-01-02"] {
        place.end(&format!("{FIELD} -d {day} all.jsonl")).expect(0);
    }
    assert_eq!(recorder.rows().len(), 40);
    assert_eq!(done_days(&recorder).len(), 4);
}

/// It was read for the first date only, and the second one did not wait for its rows any more.
#[test]
fn a_file_of_which_nothing_was_recorded_keeps_its_dates_waiting() {
    let (recorder, place) = server();
    let whole = gzip(&text(&mixed(20, &[1, 2])));
    place.file("all.jsonl.gz", &whole[..20]);
    place.file("more.jsonl", text(&mixed(4, &[2])));
    place
        .end(&format!("{FIELD} -d 2022-01-01,2022-01-02 all.jsonl.gz"))
        .expect(4);
    place.file("all.jsonl.gz", &whole);
    place
        .end("write -t item -s history_sync -d 2022-01-01 all.jsonl.gz")
        .expect(9)
        .says("2022-01-02");
    let second = format!("{FIELD} -d 2022-01-02 more.jsonl");
    place.end(&second).expect(7);
    assert!(recorder.dones().is_empty());
    // It is read for both, and the one that is not named gets its done when it is.
    place
        .end(&format!("{FIELD} -d 2022-01-01 all.jsonl.gz"))
        .expect(0);
    assert_eq!(done_days(&recorder), ["2022-01-01"]);
    place.end(&second).expect(0);
    assert_eq!(done_days(&recorder), ["2022-01-01", "2022-01-02"]);
    assert_eq!(recorder.rows().len(), 24);
}

#[test]
fn a_shared_file_is_dropped_once_for_all_its_dates() {
    let (recorder, place) = server();
    recorder.answer(|_, _| Reply::bare(429));
    place.file("all.jsonl", text(&mixed(20, &[1, 2])));
    let both = "-d 2022-01-01,2022-01-02";
    place
        .end(&format!("{FIELD} {both} --retry-for 1ms all.jsonl"))
        .expect(5);
    // The other date would get its done without the rest of the file.
    let one = place.end("ledger drop-input all.jsonl -d 2022-01-01");
    one.expect(2).says("2022-01-02").says("name them all");
    place.end("done -d 2022-01-02").expect(7);
    let ran = place.end("ledger drop-input all.jsonl").expect(0);
    let ran = ran.says("2022-01-01").says("2022-01-02");
    let said = format!("{}{}", ran.output, ran.errors);
    assert_eq!(said.matches("no longer waits for").count(), 1, "{said}");
    for day in ["2022-01-01", "2022-01-02"] {
        let shown = place.end(&format!("ledger show -d {day}")).expect(0);
        let events = shown.output.matches("input_dropped").count();
        assert_eq!(events, 1, "{}", shown.output);
    }
}

#[test]
fn a_row_outside_the_dates_is_not_replaced_by_its_number() {
    let (recorder, place) = server();
    let mut rows = mixed(6, &[1, 2]);
    rows.push("{\"id\":\"x\"}".to_owned());
    rows.extend(mixed(1, &[3]));
    place.file("all.jsonl", text(&rows));
    place.file("fix.jsonl", "{\"id\":\"x\"}\n");
    place
        .end(&format!("{FIELD} -d 2022-01-01,2022-01-02 all.jsonl"))
        .expect(3);
    let sent = recorder.requests().len();
    let replay = "rejects replay fix.jsonl -t item -s history_sync -d 2022-01-01";
    place.end("rejects list").expect(0).says("date_outside");
    place
        .end(&format!("{replay} --id 2"))
        .expect(2)
        .says("--id 2 is not an open rejected row");
    assert_eq!(recorder.requests().len(), sent);
    place.end(&format!("{replay} --id 1")).expect(0);
}

#[test]
fn starting_over_sends_every_named_date_of_a_shared_file_again() {
    let (recorder, place) = server();
    place.file("all.jsonl", text(&mixed(20, &[1, 2])));
    let words = format!("{FIELD} -d 2022-01-01,2022-01-02 --no-done all.jsonl");
    place.end(&words).expect(0);
    place
        .end(&format!("{FIELD} --restart all.jsonl"))
        .expect(2)
        .says("--date");
    place.end(&format!("{words} --restart")).expect(0);
    assert_eq!(recorder.rows().len(), 40);
    place.end("done -d 2022-01-01,2022-01-02").expect(0);
    assert_eq!(done_days(&recorder).len(), 2);
}

#[test]
fn batches_of_several_dates_that_were_in_flight_at_a_kill_keep_their_ids_and_their_rows() {
    for name in ["all.jsonl", "all.jsonl.gz"] {
        let latch = Latch::default();
        let held = latch.clone();
        let recorder = Recorder::answering(move |_, number| {
            if number >= 2 {
                held.wait();
            }
            Reply::ok()
        });
        let place = Place::with(&recorder);
        let days = [1, 2, 3, 4];
        let rows = mixed(400, &days);
        let plain = text(&rows);
        place.file(
            name,
            if name.ends_with("gz") {
                gzip(&plain)
            } else {
                plain.into_bytes()
            },
        );
        let words = format!("{FIELD} -d 2022-01-01..2022-01-04 --batch-rows 15 {name}");
        let mut child = place.start(&words);
        eventually("several batches in flight", || recorder.writes().len() >= 5);
        child.kill().unwrap();
        assert_eq!(Ran::after(child).status, -9);
        let in_flight: BTreeSet<String> = recorder.writes().iter().map(Received::id).collect();
        latch.open();
        place.end(&words).expect(0);
        assert_eq!(by_day(&recorder), expected(&rows, &days), "{name}");
        assert_eq!(done_days(&recorder).len(), 4);
        let ids: Vec<String> = recorder.writes().iter().map(Received::id).collect();
        let again = in_flight
            .iter()
            .filter(|id| ids.iter().filter(|it| it == id).count() > 1);
        assert!(
            again.count() >= 3,
            "those without an answer are asked again"
        );
    }
}

#[test]
fn a_refusal_that_was_seen_of_a_batch_of_several_dates_blocks_done_after_a_resume() {
    let broken = "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{\"status\":{\"code\":1001},\"err";
    let recorder = Recorder::answering(move |_, _| Reply::raw(broken));
    let place = Place::with(&recorder);
    place.file("all.jsonl", text(&mixed(20, &[1, 2])));
    let words = format!("{FIELD} -d 2022-01-01,2022-01-02 all.jsonl");
    place.end(&format!("{words} --retry-for 1ms")).expect(5);
    let refused = recorder.writes()[0].clone();
    recorder.answer(move |request, _| {
        if request.id() == refused.id() {
            Reply::code(409, 409, "already received")
        } else {
            Reply::ok()
        }
    });
    place
        .end(&words)
        .expect(7)
        .says("does not say which of their rows are stored");
    assert_eq!(done_days(&recorder).len(), 1);
    assert_ne!(done_days(&recorder)[0], recorder.writes()[0].day().unwrap());
}

fn gzip(text: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}
