//! What the last lines of a run say to type next, and that it helps.

use crate::recorder::{Recorder, Reply};
use crate::start::{Place, Ran, WRITE};

fn server() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 10);
    (recorder, place)
}

/// The commands of the summary's last lines, without their purposes.
pub(crate) fn next(ran: &Ran) -> Vec<String> {
    let lines = ran.output.lines();
    lines
        .skip_while(|line| !line.starts_with("  next "))
        .map(|line| {
            let line = line.strip_prefix("  next ").unwrap_or(line);
            line.split("  # ").next().unwrap().trim().to_owned()
        })
        .map(|line| {
            line.strip_prefix("byteair-sync ")
                .unwrap_or(&line)
                .to_owned()
        })
        .collect()
}

#[test]
fn rejected_rows_can_be_looked_at_given_up_or_allowed() {
    let (recorder, place) = server();
    place.file("rows.jsonl", "{\"id\":\"1\"}\nnot json\n");
    let steps = next(&place.end(&format!("{WRITE} rows.jsonl")).expect(3));
    place.end(&steps[0]).expect(0).says("not_json");
    assert!(steps[2].ends_with("--max-errors 1"), "{steps:?}");
    // Whoever types them as they stand gives nothing up before the last one.
    place.end(&steps[1]).expect(0);
    assert_eq!(recorder.dones().len(), 0);
    place.end(&steps[3]).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn rejected_rows_are_exported_with_the_options_that_read_them() {
    let (recorder, place) = server();
    place.file("rows.csv", "id,price\n1,1.5\n2,cheap\n");
    place.file(
        "jobs.toml",
        "[[job]]\nname = \"item\"\ntopic = \"item\"\nstage = \"history_sync\"\n\
         date = \"2022-01-01\"\npaths = [\"rows.csv\"]\ntypes = { price = \"double\" }\n",
    );
    let write = format!("{WRITE} --types price=double rows.csv");
    for words in [write.as_str(), "run jobs.toml"] {
        let steps = next(&place.end(words).expect(3));
        let export = steps.iter().find(|step| step.starts_with("rejects export"));
        let export = export.expect("no export is named");
        place.end(export).expect(0);
        let rows = std::fs::read_to_string(place.path("rejects.out")).unwrap();
        assert!(rows.contains("cheap"), "{rows}");
        std::fs::remove_file(place.path("rejects.out")).unwrap();
    }
    place.file("rejects.csv", "id,price\n2,2.5\n");
    let replay = "rejects replay rejects.csv -t item -s history_sync -d 2022-01-01";
    place
        .end(&format!("{replay} --types price=double"))
        .expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn the_command_that_is_named_means_the_same_day_tomorrow() {
    let (_, place) = server();
    let steps = next(
        &place
            .end("write -q -t item -s history_sync -d yesterday none.jsonl")
            .expect(10),
    );
    let zone = chrono::FixedOffset::east_opt(8 * 3600).unwrap();
    let day = (chrono::Utc::now().with_timezone(&zone) - chrono::TimeDelta::days(1)).date_naive();
    let same = format!("write -t item -s history_sync -d {day} none.jsonl");
    assert_eq!(steps, [same]);
}

#[test]
fn a_refusal_is_told_once_as_it_happens_and_its_command_is_for_a_person() {
    let recorder = Recorder::answering(|_, _| Reply::code(400, 4001, "topic not found"));
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 10);
    let ran = place
        .end(&format!(
            "{WRITE} --quiet --report r.json --metrics-textfile m.prom --progress lines rows.jsonl"
        ))
        .expect(6);
    let named = "item history_sync 2022-01-01 stopped: ";
    assert_eq!(ran.errors.matches(named).count(), 1, "{}", ran.errors);
    assert!(!ran.errors.contains(&format!("{named}item history_sync")));
    assert_eq!(next(&ran), [format!("{WRITE} rows.jsonl")]);
}

#[test]
fn an_input_of_another_format_names_the_option() {
    let (recorder, place) = server();
    let rows: Vec<String> = (0..1_200).map(|n| format!("{n},title {n}")).collect();
    place.file("rows.jsonl", format!("id,title\n{}\n", rows.join("\n")));
    let steps = next(&place.end(&format!("{WRITE} rows.jsonl")).expect(4));
    assert!(steps[0].ends_with("--format csv"), "{steps:?}");
    place.end(&steps[0]).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn late_input_names_the_command_that_opens_the_date_again() {
    let (recorder, place) = server();
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    place.rows("late.jsonl", 10, 1);
    let steps = next(
        &place
            .end(&format!("{WRITE} rows.jsonl late.jsonl"))
            .expect(6),
    );
    for step in steps {
        place.end(&step).expect(0);
    }
    assert_eq!(recorder.dones().len(), 2);
}

#[test]
fn late_input_of_several_dates_names_the_one_that_is_closed() {
    let (_recorder, place) = server();
    let rows = crate::dates_from_field::mixed(4, &[1, 2]);
    place.file("both.jsonl", crate::dates_from_field::text(&rows));
    let both =
        "write -t item -s history_sync --date-from-field ts -d 2022-01-01,2022-01-02 both.jsonl";
    place.end(both).expect(0);
    let reopen = "ledger reopen -t item -s history_sync -d 2022-01-01";
    place.end(reopen).expect(0);
    let steps = next(&place.end(both).expect(6));
    assert!(
        steps[0].ends_with("ledger reopen --topic item --stage history_sync --date 2022-01-02"),
        "{steps:?}"
    );
    place.end(&steps[0]).expect(0);
}

#[test]
fn an_empty_date_can_be_done_by_the_command_that_is_named() {
    let (recorder, place) = server();
    place.file("rows.jsonl", "");
    place.end(&format!("{WRITE} rows.jsonl")).expect(8);
    let steps = next(&place.end("done -d 2022-01-01").expect(8));
    assert!(steps[0].contains("--allow-empty"), "{steps:?}");
    place.end(&steps[0]).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

/// Two batches of three were accepted.
fn partly() -> (Recorder, Place, String) {
    let (recorder, place) = server();
    recorder.answer(|_, number| match number {
        0 | 1 => Reply::ok(),
        _ => Reply::bare(429),
    });
    place.rows("in/rows.jsonl", 0, 30);
    let words = format!("{WRITE} --batch-rows 10 --max-in-flight 1 --retry-for 1ms in");
    place.end(&words).expect(5);
    recorder.answer(|_, _| Reply::ok());
    (recorder, place, words)
}

#[test]
fn a_changed_input_names_its_three_ways_out() {
    let (recorder, place, words) = partly();
    place.rows("in/rows.jsonl", 500, 20);
    let steps = next(&place.end(&words).expect(9));
    assert_eq!(steps.len(), 3, "{steps:?}");
    assert!(steps[2].ends_with("--restart"), "{steps:?}");
    place.end(&steps[1]).expect(0).says("20 of its rows stay");
    // The rows of the dropped input are accounted for in words.
    place
        .end(&words)
        .expect(0)
        .says("20 row(s) of inputs that were dropped");
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn an_unfinished_input_that_vanished_is_dropped_by_its_name() {
    let (recorder, place, words) = partly();
    place.rows("in/other.jsonl", 100, 5);
    std::fs::remove_file(place.path("in/rows.jsonl")).unwrap();
    let ran = place.end(&words).expect(7);
    let steps = next(&ran.says("in/rows.jsonl is not there any more"));
    place
        .end("status")
        .expect(0)
        .says("in/rows.jsonl is not there any more: put it back");
    assert!(steps[0].starts_with("ledger drop-input"), "{steps:?}");
    assert!(steps[0].ends_with("in/rows.jsonl"), "{steps:?}");
    place.end(&steps[0]).expect(0);
    place.end(&words).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn an_unfinished_input_that_the_command_does_not_name_can_be_uploaded() {
    let (recorder, place, _) = partly();
    let steps = next(&place.end(&format!("{WRITE} rows.jsonl")).expect(7));
    assert!(steps[0].ends_with("in/rows.jsonl"), "{steps:?}");
    place.end(&steps[0]).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_day_that_is_not_over_says_until_when_in_which_zone() {
    let (recorder, place) = server();
    let ran = place
        .end("write -t item -s incremental_sync_daily -d today rows.jsonl")
        .expect(7)
        .says("00:00 Asia/Shanghai, in ");
    let steps = next(&ran);
    assert!(steps[0].starts_with("done "), "{steps:?}");
    assert_eq!(ran.output.matches("the day is not over").count(), 1);
    // Nothing of it is owed yet.
    place
        .end("done --pending")
        .expect(0)
        .says("the day is not over")
        .says("nothing is owed");
    assert!(recorder.dones().is_empty());
}

#[test]
fn pending_names_what_is_held_back_and_says_when_nothing_is_owed() {
    let (recorder, place) = server();
    place
        .end(&format!("{WRITE} --no-done rows.jsonl"))
        .expect(0);
    place
        .end("done --pending")
        .expect(0)
        .says("item history_sync 2022-01-01: done is held back");
    assert!(recorder.dones().is_empty());
    place.end("done -d 2022-01-01").expect(0);
    let ran = place.end("done --pending --json").expect(0);
    assert_eq!(ran.summary()["exit_status"], 0);
    assert!(
        ran.errors.contains("nothing is owed: no date"),
        "{}",
        ran.errors
    );
}

#[test]
fn a_run_against_the_built_in_server_points_to_no_ledger_that_is_gone() {
    let place = Place::new();
    place.file("rows.jsonl", "{\"id\":\"1\"}\nnot json\n");
    let ran = place
        .end(&format!("{WRITE} --sandbox rows.jsonl"))
        .expect(3)
        .says("not_json");
    let steps = next(&ran);
    assert!(steps[0].ends_with("--state-dir sandbox-state"), "{steps:?}");
    assert!(
        !ran.output.contains("byteair-sync rejects"),
        "{}",
        ran.output
    );
}

#[test]
fn after_a_header_of_one_column_the_delimiter_in_it_is_what_to_type() {
    let (recorder, place) = server();
    for (file, delimiter) in [("a.csv", ';'), ("b.csv", '\t')] {
        place.file(file, format!("id{delimiter}n\n1{delimiter}2\n"));
        let steps = next(&place.end(&format!("{WRITE} --no-done {file}")).expect(4));
        // The helper splits words as no shell does.
        let command = steps[0].replace('\'', "");
        place.end(&command).expect(0);
    }
    let row = r#"{"id":"1","n":"2"}"#;
    assert_eq!(recorder.rows(), [row, row]);
}
