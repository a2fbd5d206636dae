//! Corrected rows that are refused once more: people correct them where they lie, in the file that
//! was replayed, in a new export under its name, or in their own file.

use crate::dates_from_field::{FIELD, done_days, mixed, server, text};
use crate::recorder::Reply;
use crate::rejects::{DATE, refusing, states, two_bad_lines};
use crate::start::{Place, WRITE};
use std::fs;

fn replay(file: &str) -> String {
    format!("rejects replay {file} {DATE}")
}

/// A date with one good row and two that the platform refuses.
fn refused(recorder: &crate::recorder::Recorder) -> Place {
    let place = Place::with(recorder);
    place.file(
        "rows.jsonl",
        "{\"id\":\"1\"}\n{\"id\":\"poison 2\"}\n{\"id\":\"poison 3\"}\n",
    );
    place.end(&format!("{WRITE} rows.jsonl")).expect(3);
    place
}

#[test]
fn a_later_export_may_have_the_name_of_one_that_was_replayed() {
    let recorder = refusing("poison");
    let place = refused(&recorder);
    place.end("rejects export --output fix.jsonl").expect(0);
    place.file("fix.jsonl", "{\"id\":\"2\"}\n{\"id\":\"poison 3\"}\n");
    place.end(&replay("fix.jsonl")).expect(3);
    assert_eq!(states(&place), ["replayed", "replayed", "open"]);
    // In the same place, and in a new file under the same name.
    for round in ["poison 4", "3"] {
        fs::remove_file(place.path("fix.jsonl")).unwrap();
        place.end("rejects export --output fix.jsonl").expect(0);
        place.file("fix.jsonl", format!("{{\"id\":\"{round}\"}}\n"));
        let status = if round == "3" { 0 } else { 3 };
        place.end(&replay("fix.jsonl")).expect(status);
    }
    assert_eq!(states(&place), ["replayed"; 4]);
    let stored = ["1", "2", "3"].map(|id| format!("{{\"id\":\"{id}\"}}"));
    assert_eq!(recorder.dones().len(), 1);
    let requests = recorder.requests().len();
    place.end(&replay("fix.jsonl")).expect(0);
    assert_eq!(recorder.requests().len(), requests);
    let sent = recorder.rows();
    assert!(stored.iter().all(|row| sent.contains(row)), "{sent:?}");
}

#[test]
fn rows_that_were_all_refused_again_are_corrected_in_the_file_that_was_replayed() {
    let recorder = refusing("poison");
    let place = refused(&recorder);
    place.file(
        "fix.jsonl",
        "{\"id\":\"poison 5\"}\n{\"id\":\"poison 6\"}\n",
    );
    place.end(&replay("fix.jsonl")).expect(3);
    place.file("fix.jsonl", "{\"id\":\"5\"}\n{\"id\":\"6\"}\n");
    place.end(&replay("fix.jsonl")).expect(0);
    assert_eq!(states(&place), ["replayed"; 4]);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn rows_that_were_stored_are_not_sent_again_with_the_one_that_was_corrected() {
    let recorder = refusing("poison");
    let place = refused(&recorder);
    place.file("fix.jsonl", "{\"id\":\"2\"}\n{\"id\":\"poison 3\"}\n");
    place.end(&replay("fix.jsonl")).expect(3);
    place.file("fix.jsonl", "{\"id\":\"2\"}\n{\"id\":\"3\"}\n");
    let requests = recorder.requests().len();
    place
        .end(&replay("fix.jsonl"))
        .expect(2)
        .says("2 row(s), but 1 rejected row(s)");
    assert_eq!(recorder.requests().len(), requests);
    assert!(recorder.dones().is_empty());
}

#[test]
fn a_file_of_which_nothing_was_stored_may_be_corrected_itself() {
    let recorder = refusing("poison");
    let place = Place::with(&recorder);
    place.file("good.jsonl", "{\"id\":\"1\"}\n");
    place.file("rows.jsonl", "{\"id\":\"poison 2\"}\n");
    let words = format!("{WRITE} --batch-rows 1 good.jsonl rows.jsonl");
    place.end(&words).expect(3);
    place.file("rows.jsonl", "{\"id\":\"2\"}\n");
    place.end(&words).expect(9);
    place.end(&replay("rows.jsonl")).expect(0);
    assert_eq!(recorder.dones().len(), 1);
    // From then on the file is the one that was replayed.
    let requests = recorder.requests().len();
    place.end(&words).expect(0);
    place.end(&replay("rows.jsonl")).expect(0);
    assert_eq!(recorder.requests().len(), requests);
}

#[test]
fn giving_rows_up_does_not_name_done_while_a_file_of_corrected_rows_is_unfinished() {
    let (recorder, place) = two_bad_lines();
    let id = crate::rejects::letters(&place)[0]["id"].to_string();
    recorder.answer(|_, _| Reply::bare(429));
    place.file("fix.jsonl", "{\"id\":\"4\"}\n");
    place
        .end(&format!(
            "{} --id {id} --retry-for 1ms",
            replay("fix.jsonl")
        ))
        .expect(5);
    let waived = place.end(&format!("rejects waive {DATE}")).expect(0);
    assert!(!waived.output.contains("byteair-sync done"), "{waived:?}");
    assert!(!waived.errors.contains("byteair-sync done"), "{waived:?}");
    waived.says("fix.jsonl is not uploaded to its end");
    recorder.answer(|_, _| Reply::ok());
}

/// The letter lies with the first date of its file; it is replaced for the second one, as is said.
#[test]
fn a_replay_of_a_row_without_a_date_that_was_cut_off_goes_on_for_whichever_date_it_began() {
    let (recorder, place) = server();
    let mut rows = mixed(6, &[1, 2]);
    rows.push("{\"id\":\"x\"}".to_owned());
    place.file("all.jsonl", text(&rows));
    place.file("fix.jsonl", "{\"id\":\"x\"}\n");
    let both = "-d 2022-01-01,2022-01-02";
    place.end(&format!("{FIELD} {both} all.jsonl")).expect(3);
    recorder.answer(|_, _| Reply::Cut);
    let replay = "rejects replay fix.jsonl --id 1 -t item -s history_sync";
    let second = format!("{replay} -d 2022-01-02");
    place.end(&format!("{second} --retry-for 1ms")).expect(5);
    recorder.answer(|_, _| Reply::ok());
    let other = place.end(&format!("{replay} -d 2022-01-01"));
    other.expect(7).says("-d 2022-01-02");
    place.end(&second).expect(0);
    place.end(&format!("done {both}")).expect(0);
    assert_eq!(done_days(&recorder), ["2022-01-01", "2022-01-02"]);
}

/// It was told to go on with the file that was not there any more.
#[test]
fn a_replay_goes_on_with_its_file_under_another_name() {
    for (how, name) in [("mv", "b.jsonl"), ("cp", "b.jsonl"), ("gzip", "b.jsonl.gz")] {
        let (recorder, place) = two_bad_lines();
        // Stored, and nobody was told.
        recorder.answer(|_, _| Reply::bare(502));
        let fixed = "{\"id\":\"2\"}\n{\"id\":\"4\"}\n";
        place.file("fix.jsonl", fixed);
        place
            .end(&format!("{} --retry-for 1ms", replay("fix.jsonl")))
            .expect(5);
        let first = recorder.writes().last().unwrap().id();
        match how {
            "mv" => fs::rename(place.path("fix.jsonl"), place.path(name)).unwrap(),
            "cp" => place.file(name, fixed),
            _ => place.file(name, crate::renamed::packed(fixed)),
        }
        let _is_gone = fs::remove_file(place.path("fix.jsonl"));
        recorder.answer(|_, _| Reply::ok());
        place.end(&replay(name)).expect(0);
        assert_eq!(recorder.writes().last().unwrap().id(), first, "{how}");
        assert_eq!(states(&place), ["replayed", "replayed"]);
        assert_eq!(recorder.dones().len(), 1);
    }
}

/// The loss of what may have been stored was told as if nothing of it had been.
#[test]
fn a_dropped_input_tells_of_rows_that_may_be_stored() {
    let (recorder, place) = two_bad_lines();
    recorder.answer(|_, _| Reply::bare(502));
    place.file("fix.jsonl", "{\"id\":\"2\"}\n{\"id\":\"4\"}\n");
    place
        .end(&format!("{} --retry-for 1ms", replay("fix.jsonl")))
        .expect(5);
    place
        .end("ledger drop-input fix.jsonl")
        .expect(0)
        .says("0 of its rows stay on the platform, and 2 more may be there");
}
