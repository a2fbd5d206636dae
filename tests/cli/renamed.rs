//! Files that were rotated, compressed or removed between two runs: an input is its content and its
//! place, never a name or an inode alone.

use crate::recorder::{Recorder, Reply};
use crate::start::{Place, WRITE, rows};

const SMALL: &str = "--batch-rows 10 --max-in-flight 1 --retry-for 1ms";

/// A log that was rotated while it was uploaded, and its successor: the old rows are known by the file
/// that they are in, whatever its name is now. Both together were taken for one that had changed.
#[test]
fn a_rotated_file_and_its_successor_are_two_inputs() {
    for (kept, order) in [
        (2, "a.jsonl a.jsonl.1"),
        (2, "a.jsonl.1 a.jsonl"),
        (usize::MAX, "a.jsonl a.jsonl.1"),
        (usize::MAX, "a.jsonl.1 a.jsonl"),
    ] {
        let recorder = Recorder::answering(move |_, number| match number {
            number if number < kept => Reply::ok(),
            _ => Reply::bare(429),
        });
        let place = Place::with(&recorder);
        place.rows("a.jsonl", 0, 300);
        let status = if kept == 2 { 5 } else { 0 };
        let write = format!("{WRITE} {SMALL} --format jsonl");
        place
            .end(&format!("{write} --no-done a.jsonl"))
            .expect(status);
        recorder.answer(|_, _| Reply::ok());
        std::fs::rename(place.path("a.jsonl"), place.path("a.jsonl.1")).unwrap();
        place.rows("a.jsonl", 1_000, 100);
        for _ in 0..2 {
            place.end(&format!("{write} --no-done {order}")).expect(0);
            let mut expected = rows(0, 300);
            expected.extend(rows(1_000, 100));
            let mut accepted = recorder.accepted();
            accepted.sort();
            expected.sort();
            assert_eq!(accepted, expected, "{order}");
        }
    }
}

pub(crate) fn packed(text: &str) -> Vec<u8> {
    let mut packer = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut packed = vec![0; packer.gzip_compress_bound(text.len())];
    let length = packer.gzip_compress(text.as_bytes(), &mut packed).unwrap();
    packed.truncate(length);
    packed
}

/// A file that somebody compressed after it was uploaded was uploaded again, or late for its date.
#[test]
fn a_file_that_was_compressed_is_still_the_same_input() {
    let text = rows(0, 300).join("\n") + "\n";
    for done in ["", "--no-done"] {
        let recorder = Recorder::new();
        let place = Place::with(&recorder);
        place.file("p/a.jsonl", &text);
        let write = format!("{WRITE} {SMALL} {done} p");
        place.end(&write).expect(0);
        let sent = recorder.requests().len();
        // Beside its own file, and alone.
        place.file("p/a.jsonl.gz", packed(&text));
        place.end(&write).expect(0);
        std::fs::remove_file(place.path("p/a.jsonl")).unwrap();
        place.end(&write).expect(0);
        place.file("p/a.jsonl", &text);
        std::fs::remove_file(place.path("p/a.jsonl.gz")).unwrap();
        place.end(&write).expect(0);
        assert_eq!(recorder.requests().len(), sent, "{done}");
    }
}

#[test]
fn a_half_uploaded_file_that_was_compressed_is_gone_on_with() {
    for beside in [false, true] {
        let recorder = Recorder::answering(|_, number| match number {
            0 | 1 => Reply::ok(),
            _ => Reply::bare(429),
        });
        let place = Place::with(&recorder);
        let text = rows(0, 300).join("\n") + "\n";
        place.file("p/a.jsonl", &text);
        let write = format!("{WRITE} {SMALL} p");
        place.end(&write).expect(5);
        recorder.answer(|_, _| Reply::ok());
        place.file("p/a.jsonl.gz", packed(&text));
        if !beside {
            std::fs::remove_file(place.path("p/a.jsonl")).unwrap();
        }
        place.end(&write).expect(0);
        assert_eq!(recorder.accepted(), rows(0, 300));
        assert_eq!(recorder.dones().len(), 1);
    }
}

#[test]
fn a_file_and_its_compressed_copy_are_one_input_and_another_one_of_such_a_name_is_not() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("p/a.jsonl", 0, 300);
    place.file("p/a.jsonl.gz", packed(&(rows(0, 300).join("\n") + "\n")));
    place.rows("p/b.jsonl", 1_000, 10);
    place.file("p/b.jsonl.gz", packed(&(rows(2_000, 10).join("\n") + "\n")));
    place
        .end(&format!("{WRITE} p"))
        .expect(0)
        .says("a.jsonl.gz has the same content as");
    assert_eq!(recorder.accepted().len(), 320);
}

/// Its last rows came, and it was compressed, before the next run: all of it was sent again.
#[test]
fn a_finished_file_that_grew_and_was_compressed_has_only_its_new_rows_sent() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("p/a.jsonl", 0, 100);
    let write = format!("{WRITE} {SMALL} p");
    place.end(&format!("{write} --no-done")).expect(0);
    std::fs::remove_file(place.path("p/a.jsonl")).unwrap();
    place.file("p/a.jsonl.gz", packed(&(rows(0, 101).join("\n") + "\n")));
    place.end(&format!("{write} --no-done")).expect(0);
    assert_eq!(recorder.accepted(), rows(0, 101));
}

#[test]
fn a_compressed_copy_that_is_cut_off_is_late_for_a_done_date() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("p/a.jsonl", 0, 3_000);
    let write = format!("{WRITE} p");
    place.end(&write).expect(0);
    std::fs::remove_file(place.path("p/a.jsonl")).unwrap();
    let whole = packed(&(rows(0, 3_000).join("\n") + "\n"));
    place.file("p/a.jsonl.gz", &whole[..whole.len() / 2]);
    place.end(&write).expect(6).says("late_input");
}

/// Makes files until one has this inode; false if the file system does not give it again.
#[expect(
    clippy::print_stdout,
    reason = "whoever reads the log has to see what was not tried"
)]
fn with_inode(place: &Place, inode: u64, name: &str, text: &str) -> bool {
    use std::os::unix::fs::MetadataExt;
    for number in 0..200 {
        let made = place.path(&format!("{number}.tmp"));
        std::fs::write(&made, text).unwrap();
        if std::fs::metadata(&made).unwrap().ino() == inode {
            std::fs::rename(made, place.path(name)).unwrap();
            return true;
        }
    }
    println!("skipped: the file system does not use an inode again at once");
    false
}

/// What was registered and not yet read was taken for whatever got its inode, and `done` went out
/// without its rows.
#[test]
fn a_file_that_got_the_inode_of_an_unread_input_does_not_stand_for_it() {
    use std::os::unix::fs::MetadataExt;
    for count in [10, 300] {
        let recorder = Recorder::answering(|_, _| Reply::bare(503));
        let place = Place::with(&recorder);
        place.rows("a.jsonl", 0, 100);
        place.rows("b.jsonl", 1_000, 100);
        let write = format!("{WRITE} {SMALL}");
        place.end(&format!("{write} a.jsonl b.jsonl")).expect(5);
        recorder.answer(|_, _| Reply::ok());
        let inode = std::fs::metadata(place.path("b.jsonl")).unwrap().ino();
        std::fs::remove_file(place.path("b.jsonl")).unwrap();
        let text = rows(5_000, count).join("\n") + "\n";
        if !with_inode(&place, inode, "c.jsonl", &text) {
            return;
        }
        place
            .end(&format!("{write} a.jsonl c.jsonl"))
            .expect(7)
            .says("b.jsonl");
        assert_eq!(recorder.accepted().len(), 100 + count);
        assert!(recorder.dones().is_empty());
    }
}

/// A date that is opened again knows its inputs by their names only until they are read again.
#[test]
fn an_input_of_a_reopened_date_that_was_compressed_is_still_that_input() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 100);
    place.end(&format!("{WRITE} a.jsonl")).expect(0);
    place
        .end("ledger reopen -t item -s history_sync -d 2022-01-01")
        .expect(0);
    let mut gzip = std::process::Command::new("gzip");
    assert!(gzip.arg(place.path("a.jsonl")).status().unwrap().success());
    place.end(&format!("{WRITE} a.jsonl.gz")).expect(0);
    assert_eq!(recorder.dones().len(), 2);
}
