//! The rows of an input under a name that has nothing to do with its own, as they were, compressed, or
//! with more of them: known by their content, and never at the cost of another file.

use crate::recorder::{Recorder, Reply};
use crate::renamed::packed;
use crate::start::{Place, WRITE, rows};
use std::ops::Add;

const SMALL: &str = "--batch-rows 10 --max-in-flight 1 --retry-for 1ms --no-done";

fn text(count: usize) -> String {
    rows(0, count).join("\n") + "\n"
}

/// What becomes of 100 rows that are uploaded, three batches of them or all, and come again.
struct Again {
    half: bool,
    /// Whether their own file is still there.
    beside: bool,
    rows: usize,
    compressed: bool,
}

impl Again {
    /// Uploads the rows, and the other file; the rows that arrived, in order.
    fn upload(&self, place: &Place, recorder: &Recorder) -> Vec<String> {
        let half = self.half;
        recorder.answer(move |_, number| match number {
            number if number < 3 || !half => Reply::ok(),
            _ => Reply::bare(429),
        });
        place.file("a.jsonl", text(100));
        let write = format!("{WRITE} {SMALL}");
        place
            .end(&format!("{write} a.jsonl"))
            .expect(if half { 5 } else { 0 });
        recorder.answer(|_, _| Reply::ok());
        if !self.beside {
            std::fs::remove_file(place.path("a.jsonl")).unwrap();
            // So that no other file gets its inode.
            std::fs::create_dir(place.path("inode")).unwrap();
        }
        let again = text(self.rows);
        let name = if self.compressed {
            place.file("other/zz.jsonl.gz", packed(&again));
            "other/zz.jsonl.gz"
        } else {
            place.file("other/zz.jsonl", again);
            "other/zz.jsonl"
        };
        let told = place.end(&format!("{write} {name}")).expect(0);
        told.says("is the input known as");
        place.end(&format!("{write} {name}")).expect(0);
        if self.beside {
            place.end(&format!("{write} a.jsonl")).expect(0);
        }
        let mut arrived = recorder.accepted();
        arrived.sort();
        arrived
    }
}

/// They were stored twice, unless the other file was equal byte for byte.
#[test]
fn rows_that_come_again_under_an_unrelated_name_are_sent_once() {
    for number in 0..12_u8 {
        let (beside, grown) =
            [(false, false), (false, true), (true, false)][usize::from(number) % 3];
        let again = Again {
            half: number < 6,
            beside,
            rows: if grown { 101 } else { 100 },
            compressed: number % 2 == 0,
        };
        let recorder = Recorder::new();
        let place = Place::with(&recorder);
        let arrived = again.upload(&place, &recorder);
        assert_eq!(arrived, rows(0, again.rows), "{number}");
    }
}

#[test]
fn a_compressed_copy_of_a_done_date_is_nothing_new_under_any_name() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("a.jsonl", text(100));
    place.end(&format!("{WRITE} a.jsonl")).expect(0);
    place.file("zz.jsonl.gz", packed(&text(100)));
    place.end(&format!("{WRITE} zz.jsonl.gz")).expect(0);
    std::fs::remove_file(place.path("a.jsonl")).unwrap();
    place.end(&format!("{WRITE} zz.jsonl.gz")).expect(0);
    // With one row more it is late.
    place.file("zz.jsonl.gz", packed(&text(101)));
    place.end(&format!("{WRITE} zz.jsonl.gz")).expect(6);
    assert_eq!(recorder.accepted(), rows(0, 100));
}

#[test]
fn a_compressed_copy_under_any_name_in_one_command_is_the_same_input() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("p/a.jsonl", text(100));
    place.file("p/b.jsonl.gz", packed(&text(101)));
    place.file("p/zz.jsonl.gz", packed(&text(100)));
    // Nor is one that was compressed otherwise.
    let mut in_two = packed(&text(50));
    in_two.extend(packed(&rows(50, 51).join("\n").add("\n")));
    place.file("p/c.jsonl.gz", in_two);
    place
        .end(&format!("{WRITE} {SMALL} p"))
        .expect(0)
        .says("zz.jsonl.gz has the same content as")
        .says("c.jsonl.gz has the same content as");
    assert_eq!(recorder.accepted().len(), 201);
}

/// Two files begin like one that is gone. It is one of them, and which does not matter, but all rows of
/// the other one are sent as well.
#[test]
fn of_two_files_that_go_on_differently_none_stands_for_the_other() {
    for half in [false, true] {
        let recorder = Recorder::answering(move |_, number| match number {
            number if number < 3 || !half => Reply::ok(),
            _ => Reply::bare(429),
        });
        let place = Place::with(&recorder);
        place.file("a.jsonl", text(100));
        let write = format!("{WRITE} {SMALL}");
        place
            .end(&format!("{write} a.jsonl"))
            .expect(if half { 5 } else { 0 });
        recorder.answer(|_, _| Reply::ok());
        std::fs::rename(place.path("a.jsonl"), place.path("z.jsonl")).unwrap();
        for (name, first) in [("b.jsonl", 500), ("c.jsonl", 600)] {
            place.file(name, text(100) + &rows(first, 10).join("\n") + "\n");
        }
        for names in ["b.jsonl c.jsonl z.jsonl", "b.jsonl c.jsonl"] {
            place.end(&format!("{write} {names}")).expect(0);
            let arrived = recorder.accepted();
            for row in [rows(0, 100), rows(500, 10), rows(600, 10)].concat() {
                assert!(arrived.contains(&row), "{row} after {names}");
            }
        }
    }
}

/// The rows of a file that is gone end in the middle of one of another file, which has nothing to do
/// with it.
#[test]
fn a_file_that_goes_on_in_the_middle_of_a_row_is_another_one() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let write = format!("{WRITE} {SMALL}");
    place.file("a.csv", "id,name\n1,a\n2,b");
    place.end(&format!("{write} a.csv")).expect(0);
    std::fs::remove_file(place.path("a.csv")).unwrap();
    place.file("keep", "the inode");
    place.file("zz.csv", "id,name\n1,a\n2,bc\n3,d\n");
    place.end(&format!("{write} zz.csv")).expect(0);
    assert_eq!(recorder.accepted().len(), 5);
}

/// Whether they are meant to be sent again nobody knows but the person, who is told.
#[test]
fn a_longer_copy_beside_its_original_is_another_file_and_that_is_said() {
    for half in [false, true] {
        let recorder = Recorder::answering(move |_, number| match number {
            number if number < 3 || !half => Reply::ok(),
            _ => Reply::bare(429),
        });
        let place = Place::with(&recorder);
        place.file("a.jsonl", text(100));
        let write = format!("{WRITE} {SMALL}");
        place
            .end(&format!("{write} a.jsonl"))
            .expect(if half { 5 } else { 0 });
        recorder.answer(|_, _| Reply::ok());
        place.file("zz.jsonl", text(101));
        place
            .end(&format!("{write} zz.jsonl"))
            .says("zz.jsonl begins like");
        place.end(&format!("{write} a.jsonl")).expect(0);
        assert_eq!(recorder.accepted().len(), 201);
    }
}

/// What was given in its place holds only the beginning of it, and the rest was given up without a word.
#[test]
fn a_compressed_file_that_became_shorter_while_it_is_half_uploaded_has_changed() {
    for name in ["a.jsonl.gz", "b.jsonl.gz"] {
        let recorder = Recorder::answering(|_, number| match number {
            number if number < 3 => Reply::ok(),
            _ => Reply::bare(429),
        });
        let place = Place::with(&recorder);
        place.file("a.jsonl.gz", packed(&text(1_000)));
        let write = format!("{WRITE} --batch-rows 10 --max-in-flight 1 --retry-for 1ms");
        place.end(&format!("{write} a.jsonl.gz")).expect(5);
        recorder.answer(|_, _| Reply::ok());
        std::fs::remove_file(place.path("a.jsonl.gz")).unwrap();
        place.file("keep", "the inode");
        place.file(name, packed(&text(600)));
        place.end(&format!("{write} {name}")).expect(9);
        assert!(recorder.dones().is_empty());
    }
}

/// The copy was made after rows had been appended, and before those were uploaded.
#[test]
fn a_copy_of_a_file_that_has_grown_is_the_same_input() {
    for renamed in [false, true] {
        let recorder = Recorder::new();
        let place = Place::with(&recorder);
        place.file("p/a.jsonl", text(100));
        let write = format!("{WRITE} {SMALL} p");
        place.end(&write).expect(0);
        if renamed {
            std::fs::remove_file(place.path("p/a.jsonl")).unwrap();
            place.file("inode", "kept");
        }
        let name = if renamed { "p/b.jsonl" } else { "p/a.jsonl" };
        place.file(name, text(120));
        place.file("p/zz.jsonl.gz", packed(&text(120)));
        for _ in 0..2 {
            place
                .end(&write)
                .expect(0)
                .says("zz.jsonl.gz has the same content as");
        }
        assert_eq!(recorder.accepted(), rows(0, 120));
    }
}

/// It was registered and renamed before anything of it was read, and a copy of it came.
#[test]
fn a_copy_of_a_renamed_file_of_which_nothing_was_read_is_the_same_input() {
    let recorder = Recorder::answering(|_, _| Reply::bare(503));
    let place = Place::with(&recorder);
    place.file("p/a.jsonl", text(100));
    place.file("p/b.jsonl", rows(500, 100).join("\n") + "\n");
    let write = format!("{WRITE} {SMALL} p");
    place.end(&write).expect(5);
    recorder.answer(|_, _| Reply::ok());
    std::fs::rename(place.path("p/b.jsonl"), place.path("p/moved.jsonl")).unwrap();
    std::fs::copy(place.path("p/moved.jsonl"), place.path("p/zz.jsonl")).unwrap();
    place
        .end(&write)
        .expect(0)
        .says("zz.jsonl has the same content as");
    assert_eq!(recorder.accepted().len(), 200);
}
