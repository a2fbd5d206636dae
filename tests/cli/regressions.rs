//! What independent testers found; each test names what once went wrong.

use crate::recorder::{Recorder, Reply};
use crate::start::{Place, WRITE, rows};
use std::fs;

const SMALL: &str = "--batch-rows 10 --max-in-flight 1 --retry-for 1ms";

/// Of three hundred rows twenty are accepted, and the file is not read to its end.
fn barely_begun(options: &str) -> (Recorder, Place) {
    let recorder = Recorder::answering(|_, number| match number {
        0 | 1 => Reply::ok(),
        _ => Reply::bare(429),
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 300);
    place
        .end(&format!("{WRITE} {options} rows.jsonl"))
        .expect(5);
    recorder.answer(|_, _| Reply::ok());
    (recorder, place)
}

/// The file was cut behind what had been read, so that all that was recorded was still the same: the
/// next run sent the rest and `done`, and the rows that were gone were missed by nobody.
#[test]
fn a_file_that_lost_rows_before_they_were_read_is_status_9_each_time() {
    let (recorder, place) = barely_begun(SMALL);
    let text = rows(0, 250).join("\n") + "\n";
    let renamed = place.path("other");
    fs::write(&renamed, &text).unwrap();
    for way in ["cut", "cut again", "replaced"] {
        match way {
            "replaced" => fs::rename(&renamed, place.path("rows.jsonl")).unwrap(),
            _ => fs::write(place.path("rows.jsonl"), &text).unwrap(),
        }
        let ran = place.end(&format!("{WRITE} {SMALL} rows.jsonl"));
        ran.expect(9).says("shorter than it was");
    }
    assert!(recorder.dones().is_empty());
    assert_eq!(recorder.accepted(), rows(0, 20));
    place.rows("rows.jsonl", 0, 300);
    place.end(&format!("{WRITE} {SMALL} rows.jsonl")).expect(0);
    assert_eq!(recorder.accepted(), rows(0, 300));
    assert_eq!(recorder.dones().len(), 1);
}

/// An empty file was taken for a ledger that is still to be made, and everything was sent again.
#[test]
fn a_ledger_that_lost_its_content_is_refused_and_nothing_is_sent() {
    for loss in ["emptied", "removed beside its log"] {
        let recorder = Recorder::new();
        let place = Place::with(&recorder);
        place.rows("rows.jsonl", 0, 30);
        let write = format!("{WRITE} --state-dir st rows.jsonl");
        place.end(&write).expect(0);
        match loss {
            "emptied" => fs::write(place.path("st/ledger.db"), "").unwrap(),
            _ => fs::remove_file(place.path("st/ledger.db")).unwrap(),
        }
        let before = recorder.requests().len();
        for command in [write.as_str(), "done --state-dir st -d 2022-01-01"] {
            place
                .end(command)
                .expect(2)
                .says("restore it from a backup");
        }
        assert_eq!(recorder.requests().len(), before, "{loss}");
    }
}

/// The run ended with 5 and the advice to type the same again, which came to the same for ever.
#[test]
fn a_batch_that_is_larger_than_the_rate_names_the_rate_that_it_needs() {
    let recorder = Recorder::new();
    recorder.answer(|_, _| Reply::Cut);
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 30);
    place
        .end(&format!("{WRITE} --retry-for 1ms rows.jsonl"))
        .expect(5);
    recorder.answer(|_, _| Reply::ok());
    place
        .end(&format!("{WRITE} --rows-per-second 20 rows.jsonl"))
        .expect(2)
        .says("at least 30 rows a second");
    place
        .end(&format!("{WRITE} --rows-per-second 30 rows.jsonl"))
        .expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

/// It was status 9 with ways out that a date which is done does not have.
#[test]
fn another_stream_for_a_done_date_is_late_input() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let write = format!("{WRITE} --format jsonl --input-id items -");
    let text = |rows: Vec<String>| rows.join("\n") + "\n";
    place.end_with_stdin(&write, &text(rows(0, 30))).expect(0);
    for other in [rows(0, 20), rows(100, 30)] {
        place
            .end_with_stdin(&write, &text(other))
            .expect(6)
            .says("late_input");
    }
    assert_eq!(recorder.accepted(), rows(0, 30));
}

/// A stream broke off in the middle of a row, and the next run got the whole of it: going on where the
/// first one ended would send the rest of that row as a row.
#[test]
fn a_stream_that_broke_off_in_a_row_is_not_continued_in_the_middle_of_it() {
    let csv = |header: &str| {
        let lines = (0..300).map(|number| format!("row-{number:06},{number}\n"));
        format!("{header}\n{}", lines.collect::<String>())
    };
    let jsonl = rows(0, 300).join("\n") + "\n";
    let cases = [
        ("--format csv --input-id k -", csv("id,n")),
        ("--format csv --input-id k -", csv("[i,n")),
        ("--input-id k.csv -", csv("[i,n")),
        ("--format jsonl --input-id k -", jsonl),
    ];
    for (input, whole) in cases {
        for cut in [1_000, 1_666, 1_673] {
            let recorder = Recorder::new();
            let place = Place::with(&recorder);
            let write = format!("{WRITE} --no-done --max-errors 9 {input}");
            let end = (cut..whole.len()).find(|at| whole.is_char_boundary(*at));
            let first = &whole[..end.unwrap()];
            place.end_with_stdin(&write, first).expect(0);
            let before = recorder.rows().len();
            let at_border = first.ends_with('\n');
            let ran = place.end_with_stdin(&write, &whole);
            if at_border {
                ran.expect(0);
                continue;
            }
            let line = first.lines().count();
            ran.expect(9)
                .says("its last row was continued")
                .says(&format!("in the middle of line {line};"));
            assert_eq!(recorder.rows().len(), before, "{input} {cut}");
            place.end("done -d 2022-01-01").expect(7);
            assert!(recorder.dones().is_empty());
        }
    }
}

/// The same for other formats, for a first run that was left with batches pending, and for a stream
/// that is known by its beginning; and a header that begins like an array is none.
#[test]
fn no_format_is_continued_in_the_middle_of_a_row() {
    let lines = |row: &dyn Fn(usize) -> String| (0..9_000).map(row).collect::<String>();
    let tsv = lines(&|n| format!("row-{n:06}\t{n:06}\n"));
    let csv = lines(&|n| format!("row-{n:06},{n:06}\n"));
    let quoted = lines(&|n| format!("\"row,\"\"{n:06}\",\"{n}\"\n"));
    for (format, whole, cut, is_taken) in [
        ("tsv", format!("id\tn\n{tsv}"), "row-008000\t00", true),
        ("csv", format!("[id],n\n{csv}"), "row-008000,00", true),
        (
            "csv",
            format!("id,n\n{quoted}"),
            "row,\"\"008000\",\"8",
            false,
        ),
        (
            "jsonl",
            rows(0, 9_000).join("\n") + "\n",
            "\"008000\",\"ti",
            true,
        ),
    ] {
        let first = &whole[..whole.find(cut).unwrap() + cut.len()];
        for (input_id, pending) in [("", false), ("--input-id k", false), ("--input-id k", true)] {
            let recorder = Recorder::answering(move |_, number| match number {
                0 => Reply::ok(),
                _ if pending => Reply::bare(429),
                _ => Reply::ok(),
            });
            let place = Place::with(&recorder);
            let write = format!(
                "{WRITE} --no-done --max-errors 9 --batch-rows 1000 --retry-for 1ms --format {format} {input_id} -"
            );
            let ran = place.end_with_stdin(&write, first);
            assert!([0, 4, 5].contains(&ran.status), "{ran:?}");
            recorder.answer(|_, _| Reply::ok());
            let ran = place.end_with_stdin(&write, &whole);
            // Up to the break it may not have been read, and then it is read anew.
            assert!(!is_taken || pending || ran.status == 9, "{ran:?}");
            if ran.status == 9 {
                ran.says("its last row was continued");
                place.end("done -d 2022-01-01").expect(7);
                continue;
            }
            ran.expect(0);
            place.end("done -d 2022-01-01").expect(0);
            let mut rows = recorder.accepted();
            rows.dedup();
            assert_eq!(rows.len(), 9_000, "{format} {input_id} {pending}");
            assert!(place.end("rejects list").output.lines().count() < 3);
        }
    }
}
