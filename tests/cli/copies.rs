//! Files with the same content are one input, in the first command as in any later one.

use crate::dates_from_field::{FIELD, by_day, expected, mixed, text};
use crate::recorder::{Latch, Recorder, Reply};
use crate::start::{Place, Ran, WRITE, rows};

const SMALL: &str = "--batch-rows 10 --max-in-flight 1 --retry-for 1ms";

/// They were uploaded twice by the first command, and once by two commands.
#[test]
fn files_with_the_same_content_are_one_input_in_the_first_command_too() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    for name in ["p/a.jsonl", "p/b.jsonl", "p/c/d.jsonl"] {
        place.rows(name, 0, 30);
    }
    place.rows("p/other.jsonl", 50, 30);
    let write = format!("{WRITE} {SMALL} p");
    for _ in 0..2 {
        place
            .end(&write)
            .expect(0)
            .says("p/b.jsonl has the same content as")
            .says("c/d.jsonl has the same content as")
            .says("--input-id NAME");
        let mut expected = rows(0, 30);
        expected.extend(rows(50, 30));
        assert_eq!(recorder.accepted(), expected);
        assert_eq!(recorder.dones().len(), 1);
    }
}

/// Large ones too, whose beginnings are the same.
#[test]
fn files_that_only_begin_alike_are_two_inputs() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("p/a.jsonl", 0, 3_000);
    let text = std::fs::read_to_string(place.path("p/a.jsonl")).unwrap();
    place.file("p/b.jsonl", text.replace("002999", "999999"));
    place.end(&format!("{WRITE} p")).expect(0);
    assert_eq!(recorder.rows().len(), 6_000);
}

/// The later file was taken for the earlier one, since all that was recorded of that was the same.
#[test]
fn a_file_that_begins_like_one_that_is_half_uploaded_is_another_input() {
    let recorder = Recorder::answering(|_, number| match number {
        0 | 1 => Reply::ok(),
        _ => Reply::bare(429),
    });
    let place = Place::with(&recorder);
    place.rows("p/a.jsonl", 0, 300);
    place.end(&format!("{WRITE} {SMALL} p")).expect(5);
    recorder.answer(|_, _| Reply::ok());
    let text = std::fs::read_to_string(place.path("p/a.jsonl")).unwrap();
    place.file("p/b.jsonl", text.replace("000299", "999999"));
    place.end(&format!("{WRITE} {SMALL} p")).expect(0);
    assert_eq!(recorder.accepted().len(), 600);
    assert!(recorder.accepted().iter().any(|row| row.contains("999999")));
}

#[test]
fn a_copy_of_a_half_uploaded_file_is_the_same_input() {
    let recorder = Recorder::answering(|_, number| match number {
        0 | 1 => Reply::ok(),
        _ => Reply::bare(429),
    });
    let place = Place::with(&recorder);
    place.rows("p/b.jsonl", 0, 300);
    place.end(&format!("{WRITE} {SMALL} p")).expect(5);
    recorder.answer(|_, _| Reply::ok());
    place.rows("p/a.jsonl", 0, 300);
    place.end(&format!("{WRITE} {SMALL} p")).expect(0);
    assert_eq!(recorder.accepted(), rows(0, 300));
}

#[test]
fn files_without_a_row_count_each_and_copies_once() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    for name in ["p/a.csv", "p/b.csv"] {
        place.file(name, "id,title\n");
    }
    place.file("p/c.csv", "id,title\n1,x\n");
    place.end(&format!("{WRITE} --expect-files 3 p")).expect(0);
    let place = Place::with(&recorder);
    place.rows("p/a.jsonl", 0, 3);
    place.rows("p/b.jsonl", 0, 3);
    let write = format!("{WRITE} p");
    place
        .end(&format!("{write} --expect-files 2"))
        .expect(4)
        .says("files with the same content count once");
    place.end(&format!("{write} --expect-files 1")).expect(0);
}

#[test]
fn a_copy_is_uploaded_all_the_same_under_a_name_of_its_own() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let all = place.rows("a.jsonl", 0, 3).join("\n") + "\n";
    place.end(&format!("{WRITE} --no-done a.jsonl")).expect(0);
    place
        .end_with_stdin(&format!("{WRITE} --input-id again -"), &all)
        .expect(7);
    assert_eq!(recorder.rows().len(), 6);
    place.end("done -d 2022-01-01").expect(0);
}

/// Whoever comes second waits or finds nothing to do; the rows go out once.
#[test]
fn runs_side_by_side_upload_equal_files_once() {
    for round in 0..8 {
        let recorder = Recorder::new();
        let place = Place::with(&recorder);
        for name in ["a.jsonl", "b.jsonl", "c.jsonl"] {
            place.rows(name, 0, 30);
        }
        let runs: Vec<_> = ["a.jsonl", "b.jsonl", "c.jsonl"]
            .map(|name| place.start(&format!("{WRITE} {SMALL} {name}")))
            .into();
        for run in runs {
            let ran = Ran::after(run);
            assert!([0, 11].contains(&ran.status), "{round}: {ran:?}");
        }
        assert_eq!(recorder.accepted(), rows(0, 30), "{round}");
        assert_eq!(recorder.dones().len(), 1, "{round}");
    }
}

#[test]
fn a_copy_of_a_file_that_another_run_has_only_begun_is_status_11() {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |_, _| {
        held.wait();
        Reply::ok()
    });
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 30);
    place.rows("b.jsonl", 0, 30);
    let first = place.start(&format!("{WRITE} {SMALL} a.jsonl"));
    recorder.wait_for(1);
    place
        .end(&format!("{WRITE} {SMALL} b.jsonl"))
        .expect(11)
        .says("is being uploaded by another run");
    latch.open();
    Ran::after(first).expect(0);
    assert_eq!(recorder.accepted(), rows(0, 30));
}

#[test]
fn equal_files_with_rows_of_several_dates_are_one_input_for_all_of_them() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let all = mixed(20, &[1, 2]);
    place.file("p/a.jsonl", text(&all));
    place.file("p/b.jsonl", text(&all));
    let write = format!("{FIELD} -d 2022-01-01,2022-01-02 --expect-files 1 p");
    for _ in 0..2 {
        place.end(&write).expect(0).says("has the same content as");
        assert_eq!(by_day(&recorder), expected(&all, &[1, 2]));
        assert_eq!(recorder.dones().len(), 2);
    }
}

/// An item that does not change from one day to the next has to be there on both.
#[test]
fn equal_files_of_different_dates_are_uploaded_for_each() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    for day in ["2022-01-01", "2022-01-02"] {
        place.rows(&format!("{day}.jsonl"), 0, 30);
    }
    let write = "write -t item -s history_sync -d 2022-01-01,2022-01-02 {date}.jsonl";
    for _ in 0..2 {
        place.end(write).expect(0);
        assert_eq!(recorder.accepted().len(), 60);
        assert_eq!(recorder.dones().len(), 2);
    }
}

#[test]
fn copies_stay_one_input_when_a_date_is_reopened_and_when_the_first_one_goes() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("p/a.jsonl", 0, 30);
    place.rows("p/b.jsonl", 0, 30);
    let write = format!("{WRITE} p");
    place.end(&write).expect(0);
    let reopen = "ledger reopen -t item -s history_sync -d 2022-01-01";
    place.end(reopen).expect(0);
    place.end(&write).expect(0);
    assert_eq!(recorder.accepted().len(), 60);
    std::fs::remove_file(place.path("p/a.jsonl")).unwrap();
    place.end(&write).expect(0);
    place.end("done -d 2022-01-01").expect(0);
    assert_eq!(recorder.accepted().len(), 60);
    assert_eq!(recorder.dones().len(), 2);
}

/// What was uploaded of a file that was given up stays; its copy is an input like any other.
#[test]
fn a_copy_of_a_file_that_was_dropped_is_an_input_of_its_own() {
    let recorder = Recorder::answering(|_, number| match number {
        0 | 1 => Reply::ok(),
        _ => Reply::bare(429),
    });
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 50);
    place.rows("b.jsonl", 0, 50);
    let write = format!("{WRITE} {SMALL}");
    place.end(&format!("{write} a.jsonl b.jsonl")).expect(5);
    place.end("ledger drop-input a.jsonl").expect(0);
    recorder.answer(|_, _| Reply::ok());
    place.end(&format!("{write} b.jsonl")).expect(0);
    assert_eq!(recorder.accepted().len(), 70);
    assert_eq!(recorder.dones().len(), 1);
}

fn append(place: &Place, name: &str, first: usize, count: usize) {
    let text = std::fs::read_to_string(place.path(name)).unwrap();
    place.file(name, text + &rows(first, count).join("\n") + "\n");
}

/// A recorder that takes two batches, and no more until it is told.
fn two_batches() -> Recorder {
    Recorder::answering(|_, number| match number {
        0 | 1 => Reply::ok(),
        _ => Reply::bare(429),
    })
}

/// The ledger took the copy's place for that of the input, and the file itself for a new one.
#[test]
fn a_file_is_still_known_after_its_copy_was_named() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let write = format!("{WRITE} {SMALL} --no-done");
    place.rows("a.jsonl", 0, 50);
    place.end(&format!("{write} a.jsonl")).expect(0);
    place.rows("copy.jsonl", 0, 50);
    place
        .end(&format!("{write} copy.jsonl"))
        .expect(0)
        .says("a.jsonl, which is still there: it is not uploaded twice");
    append(&place, "a.jsonl", 50, 5);
    place
        .end(&format!("{write} copy.jsonl"))
        .expect(10)
        .says("a.jsonl is still growing");
    assert_eq!(recorder.accepted(), rows(0, 50));
    place.end("done -d 2022-01-01").expect(10);
    place.end(&format!("{write} a.jsonl")).expect(0);
    place.end("done -d 2022-01-01").expect(0);
    assert_eq!(recorder.accepted(), rows(0, 55));
}

#[test]
fn a_copy_of_a_finished_file_that_is_gone_is_that_file_renamed() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let write = format!("{WRITE} {SMALL} --no-done");
    place.rows("a.jsonl", 0, 50);
    place.end(&format!("{write} a.jsonl")).expect(0);
    place.rows("copy.jsonl", 0, 50);
    std::fs::remove_file(place.path("a.jsonl")).unwrap();
    place.end(&format!("{write} copy.jsonl")).expect(0);
    append(&place, "copy.jsonl", 50, 5);
    place.end(&format!("{write} copy.jsonl")).expect(0);
    assert_eq!(recorder.accepted(), rows(0, 55));
}

#[test]
fn a_half_uploaded_file_is_gone_on_with_when_its_copy_is_named() {
    let recorder = two_batches();
    let place = Place::with(&recorder);
    let write = format!("{WRITE} {SMALL}");
    place.rows("a.jsonl", 0, 300);
    place.end(&format!("{write} a.jsonl")).expect(5);
    recorder.answer(|_, _| Reply::ok());
    place.rows("copy.jsonl", 0, 300);
    place.end(&format!("{write} copy.jsonl")).expect(0);
    place.end(&format!("{write} a.jsonl")).expect(0);
    assert_eq!(recorder.accepted(), rows(0, 300));
    assert_eq!(recorder.dones().len(), 1);
}

/// The date was done with rows of the copy in place of those of the file.
#[test]
fn a_copy_that_is_changed_later_does_not_stand_for_a_half_uploaded_file() {
    let recorder = two_batches();
    let place = Place::with(&recorder);
    let write = format!("{WRITE} {SMALL}");
    place.rows("a.jsonl", 0, 300);
    place.end(&format!("{write} a.jsonl")).expect(5);
    place.rows("copy.jsonl", 0, 300);
    place.end(&format!("{write} copy.jsonl")).expect(5);
    recorder.answer(|_, _| Reply::ok());
    let text = std::fs::read_to_string(place.path("a.jsonl")).unwrap();
    place.file("copy.jsonl", text.replace("000299", "999999"));
    place.end(&format!("{write} copy.jsonl")).expect(7);
    assert!(recorder.dones().is_empty());
    place.end(&format!("{write} a.jsonl")).expect(0);
    let stored = recorder.accepted();
    assert_eq!(stored.len(), 600);
    assert!(rows(0, 300).iter().all(|row| stored.contains(row)));
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_half_uploaded_file_that_grew_is_uploaded_once_beside_its_copy() {
    let recorder = two_batches();
    let place = Place::with(&recorder);
    let write = format!("{WRITE} {SMALL}");
    place.rows("a.jsonl", 0, 300);
    place.end(&format!("{write} a.jsonl")).expect(5);
    place.rows("copy.jsonl", 0, 300);
    place.end(&format!("{write} copy.jsonl")).expect(5);
    recorder.answer(|_, _| Reply::ok());
    append(&place, "a.jsonl", 300, 5);
    place.end(&format!("{write} a.jsonl copy.jsonl")).expect(0);
    assert_eq!(recorder.accepted(), rows(0, 305));
    assert_eq!(recorder.dones().len(), 1);
}

/// Equal bytes that are read in another way are other rows: the second file was left out without them.
#[test]
fn the_same_bytes_called_csv_and_tsv_are_two_inputs() {
    let text = "a\tb,c\n1\t2,3\n";
    let both = [r#"{"a":"1","b,c":"2,3"}"#, r#"{"a\tb":"1\t2","c":"3"}"#];
    for commands in [&["p"][..], &["p/x.csv", "p"]] {
        let recorder = Recorder::new();
        let place = Place::with(&recorder);
        place.file("p/x.csv", text);
        place.file("p/x.tsv", text);
        for paths in commands {
            place.end(&format!("{WRITE} --no-done {paths}"));
        }
        let mut rows = recorder.rows();
        rows.sort();
        assert_eq!(rows, both, "{commands:?}");
    }
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("p/x.csv", text);
    place.file("p/x.tsv", text);
    place
        .end(&format!("{WRITE} --delimiter , p"))
        .expect(0)
        .says("has the same content as");
    assert_eq!(recorder.rows(), [both[1]]);
}

#[test]
fn a_half_uploaded_csv_that_is_renamed_to_tsv_is_not_read_on_as_one() {
    let recorder = Recorder::answering(|_, number| match number {
        0 | 1 => Reply::ok(),
        _ => Reply::bare(429),
    });
    let place = Place::with(&recorder);
    let rows: Vec<String> = (0..300).map(|row| format!("{row}\t{row},0\n")).collect();
    place.file("p/x.csv", format!("a\tb,c\n{}", rows.concat()));
    place.end(&format!("{WRITE} {SMALL} p")).expect(5);
    recorder.answer(|_, _| Reply::ok());
    std::fs::rename(place.path("p/x.csv"), place.path("p/x.tsv")).unwrap();
    place
        .end(&format!("{WRITE} {SMALL} p"))
        .expect(9)
        .says("its name says another format than it was read in");
    std::fs::rename(place.path("p/x.tsv"), place.path("p/x.csv")).unwrap();
    place.end(&format!("{WRITE} {SMALL} p")).expect(0);
    assert_eq!(recorder.accepted().len(), 300);
}
