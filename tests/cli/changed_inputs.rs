//! What may happen to an input between two runs: the table of the ledger's rules, line by line.

use crate::recorder::{Latch, Received, Recorder, Reply};
use crate::start::{Place, Ran, WRITE, rows};
use std::fs;

const OPTIONS: &str = "--batch-rows 10 --max-in-flight 1";

/// A date of which two batches of three were accepted; the third one is pending.
fn partly_uploaded() -> (Recorder, Place) {
    let recorder = Recorder::answering(|_, number| match number {
        0 | 1 => Reply::ok(),
        _ => Reply::bare(429),
    });
    let place = Place::with(&recorder);
    place.rows("in/rows.jsonl", 0, 30);
    place
        .end(&format!("{WRITE} {OPTIONS} --retry-for 1ms in"))
        .expect(5);
    recorder.answer(|_, _| Reply::ok());
    (recorder, place)
}

/// A date that is done.
fn done() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("in/rows.jsonl", 0, 30);
    place.end(&format!("{WRITE} {OPTIONS} in")).expect(0);
    (recorder, place)
}

fn again(place: &Place) -> Ran {
    place.end(&format!("{WRITE} {OPTIONS} in"))
}

fn append(place: &Place, first: usize, count: usize) {
    let path = place.path("in/rows.jsonl");
    let text = fs::read_to_string(&path).unwrap()
        + &rows(first, count).join(
            "
",
        )
        + "
";
    fs::write(path, text).unwrap();
}

#[test]
fn rows_appended_to_an_open_date_are_sent_and_nothing_twice() {
    let (recorder, place) = partly_uploaded();
    append(&place, 30, 15);
    again(&place).expect(0);
    assert_eq!(recorder.accepted(), rows(0, 45));
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_file_that_is_another_one_now_is_status_9_and_the_ways_out_are_named() {
    for change in ["truncated", "edited", "replaced"] {
        let (recorder, place) = partly_uploaded();
        let path = place.path("in/rows.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        let changed = match change {
            "truncated" => text[..text.len() / 4].to_owned(),
            // In the part that was accepted, of the same length.
            "edited" => text.replace("000003", "999999"),
            _ => rows(500, 30).join("\n"),
        };
        fs::write(&path, changed).unwrap();
        let before = recorder.requests().len();
        again(&place)
            .expect(9)
            .says("Put the file back")
            .says("ledger drop-input")
            .says("--restart");
        assert_eq!(recorder.requests().len(), before, "{change}");
        fs::write(&path, text).unwrap();
        again(&place).expect(0);
        assert_eq!(recorder.accepted(), rows(0, 30), "{change}");
    }
}

#[test]
fn other_options_that_change_rows_are_status_9() {
    let recorder = Recorder::answering(|_, number| match number {
        0 => Reply::ok(),
        _ => Reply::bare(429),
    });
    let place = Place::with(&recorder);
    place.file("rows.csv", "id,title\n1,\n2,b\n3,c\n");
    let words = format!("{WRITE} --batch-rows 1 --max-in-flight 1 --retry-for 1ms rows.csv");
    place.end(&words).expect(5);
    recorder.answer(|_, _| Reply::ok());
    place.end(&format!("{words} --empty null")).expect(9);
    // Options of batches and rate are no part of a row.
    place
        .end(&format!("{WRITE} --batch-rows 7 --qps 50 rows.csv"))
        .expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_way_out_is_to_start_over_under_new_ids() {
    let (recorder, place) = partly_uploaded();
    append(&place, 30, 5);
    let before = recorder.requests();
    place
        .end(&format!("{WRITE} {OPTIONS} --restart in"))
        .expect(0);
    let after = &recorder.requests()[before.len()..];
    let mut sent: Vec<String> = after
        .iter()
        .filter(|r| !r.is_done())
        .flat_map(Received::rows)
        .collect();
    sent.sort();
    assert_eq!(sent, rows(0, 35));
    assert!(
        after
            .iter()
            .all(|new| before.iter().all(|old| old.id() != new.id()))
    );
}

#[test]
fn a_way_out_is_to_drop_the_input() {
    let (recorder, place) = partly_uploaded();
    place.file("in/rows.jsonl", rows(500, 3).join("\n"));
    again(&place).expect(9);
    let listed = place.end("ledger show").expect(0);
    let name = listed
        .output
        .lines()
        .find_map(|line| line.trim().strip_prefix("input "))
        .and_then(|line| line.split(": ").next())
        .unwrap()
        .to_owned();
    place
        .end(&format!("ledger drop-input {name}"))
        .expect(0)
        .says("20 of its rows stay");
    // Nobody knows whether more is to come, so the date is not closed with what is there.
    place
        .end("done -t item -s history_sync -d 2022-01-01")
        .expect(7)
        .says("20 row(s) of dropped ones are on the platform")
        .says("'done --force' closes the date");
    assert!(recorder.dones().is_empty());
    again(&place).expect(0);
    assert_eq!(recorder.dones().len(), 1);
    assert_eq!(recorder.writes().last().unwrap().rows(), rows(500, 3));
}

#[test]
fn an_input_that_vanished_unfinished_keeps_its_date_open() {
    let (recorder, place) = partly_uploaded();
    place.rows("in/other.jsonl", 100, 5);
    fs::rename(place.path("in/rows.jsonl"), place.path("gone")).unwrap();
    again(&place).expect(7).says("rows.jsonl");
    assert!(recorder.dones().is_empty());
    fs::rename(place.path("gone"), place.path("in/rows.jsonl")).unwrap();
    again(&place).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn an_input_that_vanished_finished_is_missed_by_nobody() {
    let recorder = Recorder::answering(|request, _| {
        let of_second = !request.is_done() && request.rows()[0].contains("000100");
        if of_second {
            Reply::bare(429)
        } else {
            Reply::ok()
        }
    });
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 10);
    place.rows("b.jsonl", 100, 10);
    place
        .end(&format!(
            "{WRITE} --batch-rows 10 --retry-for 1ms a.jsonl b.jsonl"
        ))
        .expect(5);
    recorder.answer(|_, _| Reply::ok());
    fs::remove_file(place.path("a.jsonl")).unwrap();
    place
        .end(&format!("{WRITE} --batch-rows 10 a.jsonl b.jsonl"))
        .expect(0);
    assert_eq!(recorder.dones().len(), 1);
    fs::remove_file(place.path("b.jsonl")).unwrap();
    place
        .end(&format!("{WRITE} --batch-rows 10 a.jsonl b.jsonl"))
        .expect(0);
}

#[test]
fn the_same_content_under_another_name_is_the_same_input() {
    for (recorder, place) in [partly_uploaded(), done()] {
        fs::rename(place.path("in/rows.jsonl"), place.path("in/renamed.jsonl")).unwrap();
        again(&place).expect(0);
        // A copy is another file with the same content.
        let copy = fs::read(place.path("in/renamed.jsonl")).unwrap();
        fs::remove_file(place.path("in/renamed.jsonl")).unwrap();
        place.file("in/copied.jsonl", copy);
        again(&place).expect(0);
        assert_eq!(recorder.accepted(), rows(0, 30));
        assert_eq!(recorder.dones().len(), 1);
    }
}

#[test]
fn a_new_file_that_the_path_matches_is_sent_while_the_date_is_open() {
    let (recorder, place) = partly_uploaded();
    place.rows("in/second.jsonl", 30, 10);
    again(&place).expect(0);
    assert_eq!(recorder.accepted(), rows(0, 40));
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn anything_new_for_a_date_that_is_done_is_late_input() {
    for change in ["appended", "edited", "truncated", "new file"] {
        let (recorder, place) = done();
        let before = recorder.requests().len();
        let path = place.path("in/rows.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        match change {
            "appended" => append(&place, 30, 1),
            "edited" => fs::write(&path, text.replace("000003", "999999")).unwrap(),
            "truncated" => fs::write(&path, &text[..text.len() / 2]).unwrap(),
            _ => drop(place.rows("in/second.jsonl", 30, 1)),
        }
        again(&place)
            .expect(6)
            .says("late_input")
            .says("ledger reopen");
        assert_eq!(recorder.requests().len(), before, "{change}");
    }
}

#[test]
fn an_input_that_vanished_after_done_is_fine() {
    let (recorder, place) = done();
    let before = recorder.requests().len();
    fs::remove_file(place.path("in/rows.jsonl")).unwrap();
    place
        .end(&format!("{WRITE} {OPTIONS} in/rows.jsonl"))
        .expect(0);
    assert_eq!(recorder.requests().len(), before);
}

#[test]
fn a_file_that_still_grows_is_status_10_and_nothing_is_sealed() {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |_, number| {
        if number == 0 {
            held.wait();
        }
        Reply::ok()
    });
    let place = Place::with(&recorder);
    place.rows("in/rows.jsonl", 0, 30);
    let child = place.start(&format!("{WRITE} {OPTIONS} in"));
    recorder.wait_for(1);
    append(&place, 30, 5);
    latch.open();
    Ran::after(child).expect(10).says("rows.jsonl");
    assert!(recorder.dones().is_empty());
    again(&place).expect(0);
    assert_eq!(recorder.rows(), rows(0, 35));
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_path_without_a_file_is_status_10_and_nothing_is_sent() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    for path in ["none.jsonl", "export/{date}/x.jsonl"] {
        place
            .end(&format!("{WRITE} {path}"))
            .expect(10)
            .says("nothing was sent");
    }
    assert!(recorder.requests().is_empty());
}

#[test]
fn a_file_that_was_only_touched_gets_done_whatever_options_it_was_read_with() {
    let gbk = b"id,name\n1,\xc6\xbb\xb9\xfb\n2,\xc0\xe6\n".to_vec();
    let utf16: Vec<u8> = "id\tname\n1\té\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let parquet = "fixtures/parquet/items_zstd.parquet";
    let parquet = fs::read(format!("{}/{parquet}", env!("CARGO_MANIFEST_DIR")));
    let parquet = parquet.unwrap_or_default();
    let mut cases = vec![
        ("--encoding gbk", "rows.csv", gbk),
        ("--encoding utf-16le", "rows.tsv", utf16),
        (
            "--compression none --max-errors 100%",
            "rows.jsonl",
            b"{\"id\":1}\n\x1f\x8bnot gzip\n".to_vec(),
        ),
    ];
    if cfg!(feature = "parquet") {
        let options = "--format parquet --timestamps seconds";
        cases.push((options, "rows.jsonl", parquet.clone()));
        let options = "--max-row-bytes 100 --max-errors 100%";
        cases.push((options, "rows.parquet", parquet));
    }
    for (options, name, bytes) in cases {
        let recorder = Recorder::new();
        let place = Place::with(&recorder);
        place.file(name, &bytes);
        place
            .end(&format!("{WRITE} --no-done {options} {name}"))
            .expect(0);
        let mut edited = bytes.clone();
        let last = edited.len() - 2;
        edited[last] ^= 1;
        fs::write(place.path(name), edited).unwrap();
        let done = "done -t item -s history_sync -d 2022-01-01";
        place.end(done).expect(9).says("was changed");
        fs::write(place.path(name), bytes).unwrap();
        place.end(done).expect(0);
        assert_eq!(recorder.dones().len(), 1, "{options}");
    }
}

/// A copy that broke off was "export or copy it again", although `done` had been sent long ago.
#[test]
fn a_compressed_file_that_was_truncated_later_has_changed() {
    for (done, status) in [("", 6), ("--no-done", 9)] {
        let recorder = Recorder::new();
        let place = Place::with(&recorder);
        let text = rows(0, 3_000).join("\n") + "\n";
        let mut packer = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
        let mut packed = vec![0; packer.gzip_compress_bound(text.len())];
        let length = packer.gzip_compress(text.as_bytes(), &mut packed).unwrap();
        packed.truncate(length);
        place.file("rows.jsonl.gz", &packed);
        let write = format!("{WRITE} {done} rows.jsonl.gz");
        place.end(&write).expect(0);
        let sent = recorder.requests().len();
        place.file("rows.jsonl.gz", &packed[..packed.len() / 2]);
        place
            .end(&write)
            .expect(status)
            .says("it was truncated: its compressed stream ends early");
        assert_eq!(recorder.requests().len(), sent);
    }
}

/// A compressed file ends early as long as somebody writes it, and was called truncated.
#[test]
fn a_compressed_file_that_is_still_written_is_status_10_and_not_truncated() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let text = rows(0, 60_000).join("\n") + "\n";
    let whole = crate::renamed::packed(&text);
    let begun = whole.len() / 2;
    place.file("rows.jsonl.gz", &whole[..begun]);
    let path = place.path("rows.jsonl.gz");
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            use std::io::Write;
            let mut file = std::fs::File::options().append(true).open(&path).unwrap();
            // Less than all of it, however long it takes.
            for byte in &whole[begun..whole.len() - 1_000] {
                file.write_all(&[*byte]).unwrap();
                if ended.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                std::thread::sleep(std::time::Duration::from_micros(200));
            }
        });
        let ran = place.end(&format!("{WRITE} rows.jsonl.gz"));
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        ran.expect(10).says("is still growing");
    });
    assert!(recorder.dones().is_empty());
    place.file("rows.jsonl.gz", &whole);
    place.end(&format!("{WRITE} rows.jsonl.gz")).expect(0);
    assert_eq!(recorder.accepted().len(), 60_000);
}
