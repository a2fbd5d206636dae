//! The commands that are named when inputs grew, changed or come too late: typed as they stand they help.

use crate::dates_from_field::{mixed, text};
use crate::next_steps::next;
use crate::recorder::{Recorder, Reply};
use crate::start::{Place, WRITE};

fn server() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    (recorder, place)
}

/// Priced rows, which need `--types` to be read.
fn priced(count: usize) -> String {
    let row = |number: usize| format!("{{\"id\":\"{number}\",\"price\":\"{number}.5\"}}\n");
    (0..count).map(row).collect()
}

#[test]
fn a_file_that_grew_is_uploaded_by_the_command_that_is_named() {
    let write = format!("{WRITE} --no-done --types price=double");
    let b = format!("{write} b.jsonl");
    for looked_at_by in ["done -d 2022-01-01", b.as_str(), "status"] {
        let (recorder, place) = server();
        place.file("b.jsonl", "{\"id\":\"b\"}\n");
        place.file("a.jsonl", priced(5));
        place.end(&b).expect(0);
        place.end(&format!("{write} a.jsonl")).expect(0);
        place.end("done -d 2022-01-02").expect(8);
        place.file("a.jsonl", priced(9));
        let command = if looked_at_by == "status" {
            let ran = place.end("status --json").expect(0);
            let day = ran.lines().remove(0);
            assert!(
                day["why"]
                    .as_str()
                    .unwrap()
                    .contains("a.jsonl is longer now"),
                "{day}"
            );
            let command = day["next_command"].as_str().unwrap();
            command.strip_prefix("byteair-sync ").unwrap().to_owned()
        } else {
            next(&place.end(looked_at_by).expect(10)).remove(0)
        };
        assert!(command.contains("a.jsonl"), "{command}");
        // Only `done` releases the hold.
        place.end(&command);
        place.end("done -d 2022-01-01").expect(0);
        assert_eq!(recorder.rows().len(), 10);
        assert_eq!(recorder.dones().len(), 1);
    }
}

#[test]
fn the_upload_of_another_file_names_the_one_that_grew() {
    let (recorder, place) = server();
    place.rows("a.jsonl", 0, 10);
    place
        .end(&format!("{WRITE} --min-rows 20 a.jsonl"))
        .expect(4);
    place.rows("a.jsonl", 0, 15);
    place.rows("b.jsonl", 100, 5);
    let steps = next(&place.end(&format!("{WRITE} b.jsonl")).expect(10));
    assert!(steps[0].contains("a.jsonl"), "{steps:?}");
    place.end(&steps[0]).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn other_options_than_before_name_the_command_of_before() {
    let (recorder, place) = server();
    recorder.answer(|_, number| match number {
        0 => Reply::ok(),
        _ => Reply::bare(429),
    });
    place.rows("a.jsonl", 0, 30);
    let write = format!("{WRITE} --batch-rows 10 --max-in-flight 1 --retry-for 1ms");
    place.end(&format!("{write} a.jsonl")).expect(5);
    recorder.answer(|_, _| Reply::ok());
    let steps = next(
        &place
            .end(&format!("{write} --null-strings NULL a.jsonl"))
            .expect(9),
    );
    place.end(&steps[0]).expect(0);
    assert_eq!(recorder.accepted().len(), 30);
}

const BOTH: &str =
    "write -t item -s history_sync --date-from-field ts -d 2022-01-01,2022-01-02 both.jsonl";

#[test]
fn a_changed_file_of_several_dates_tells_their_rows_and_can_be_dropped() {
    let (recorder, place) = server();
    recorder.answer(|_, number| match number {
        0 | 1 => Reply::ok(),
        _ => Reply::bare(429),
    });
    place.file("both.jsonl", text(&mixed(40, &[1, 2])));
    let write = format!("{BOTH} --batch-rows 10 --max-in-flight 1 --retry-for 1ms");
    place.end(&write).expect(5);
    recorder.answer(|_, _| Reply::ok());
    place.file("both.jsonl", text(&mixed(30, &[2, 1])));
    let ran = place.end(&format!("{BOTH} --json")).expect(9);
    let summary = ran.summary();
    assert_eq!(summary["rows_accepted"], 20, "{summary}");
    assert_eq!(summary["dates"].as_array().unwrap().len(), 2);
    assert_eq!(
        summary["problems"].as_array().unwrap().len(),
        1,
        "{summary}"
    );
    let steps = next(
        &place
            .end(BOTH)
            .expect(9)
            .says("accepted     20")
            .says("as above"),
    );
    assert_eq!(steps.len(), 3, "{steps:?}");
    let drop = steps
        .iter()
        .find(|step| step.starts_with("ledger drop-input"));
    place.end(drop.expect("no way out")).expect(0);
    place.end(BOTH).expect(0);
    assert_eq!(recorder.dones().len(), 2);
}

#[test]
fn late_rows_of_several_dates_open_all_of_them_at_once() {
    let (recorder, place) = server();
    place.file("both.jsonl", text(&mixed(10, &[1, 2])));
    place.end(BOTH).expect(0);
    place.file("both.jsonl", text(&mixed(14, &[1, 2])));
    let ran = place.end(BOTH).expect(6).says("2022-01-02");
    let summary = place.end(&format!("{BOTH} --json")).expect(6).summary();
    assert_eq!(summary["dates"][0]["done"], "already", "{summary}");
    for step in next(&ran) {
        place.end(&step).expect(0);
    }
    assert_eq!(recorder.dones().len(), 4);
}

#[test]
fn a_restart_while_done_is_under_way_names_what_finishes_it() {
    for days in [
        "-d 2022-01-01",
        "--date-from-field ts -d 2022-01-01,2022-01-02",
    ] {
        let (recorder, place) = server();
        place.file("both.jsonl", text(&mixed(10, &[1, 2])));
        let write = format!("write -t item -s history_sync {days} both.jsonl");
        recorder.answer(|request, _| {
            if request.is_done() {
                Reply::bare(504)
            } else {
                Reply::ok()
            }
        });
        place.end(&format!("{write} --retry-for 1ms")).expect(5);
        recorder.answer(|_, _| Reply::ok());
        let ran = place.end(&format!("{write} --restart")).expect(6);
        let ran = ran.says("its done is under way");
        assert!(!ran.errors.contains("Re-sync"), "{}", ran.errors);
        for step in next(&ran) {
            place.end(&step).expect(0);
        }
        place.end(&write).expect(0);
        assert_eq!(recorder.accepted().len(), 10, "{days}");
    }
}
