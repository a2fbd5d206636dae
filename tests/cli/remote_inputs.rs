//! Objects of a real S3-compatible server as inputs, with everything that may happen to them.

use crate::object_store::{Asked, Bucket, SECRET_KEY};
use crate::recorder::{Latch, Recorder, Reply};
use crate::start::{Place, Ran, WRITE, rows};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// More than the first range of an object holds.
const MANY: usize = 20_000;

fn gzip(rows: &[String]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(rows.join("\n").as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Ends a command, which must not let the key of the store out.
#[track_caller]
fn end(place: &Place, words: &str) -> Ran {
    let ran = place.end(words);
    for text in [&ran.output, &ran.errors] {
        assert!(!text.contains(SECRET_KEY), "{text}");
    }
    ran
}

fn contents_read(asked: &[Asked]) -> Vec<&Asked> {
    let of_content = |it: &&Asked| it.method == "GET" && !it.path.contains("list-type");
    asked.iter().filter(of_content).collect()
}

#[test]
fn objects_folders_and_globs_arrive_and_a_finished_day_costs_no_look_into_them() {
    let recorder = Recorder::new();
    let Some((bucket, place)) = Bucket::new(&recorder) else {
        return;
    };
    bucket.put_rows("in/2022-01-01/a.jsonl", &rows(0, 10));
    bucket.put("in/2022-01-01/b.jsonl.gz", gzip(&rows(10, 10)));
    bucket.put_rows("in/2022-01-01/_temporary/c.jsonl", &rows(900, 1));
    bucket.put_rows("in/2022-01-02/a.jsonl", &rows(20, 10));
    bucket.put_rows("other/d.jsonl", &rows(30, 10));
    let paths = format!(
        "{} {}",
        bucket.url("in/{date}/"),
        bucket.url("o*r/[cd].jsonl")
    );
    let marked = format!("{WRITE} --require-marker _SUCCESS {paths}");
    end(&place, &marked).expect(10).says("no _SUCCESS in s3://");
    bucket.put("in/2022-01-01/_SUCCESS", "");
    bucket.put("other/_SUCCESS", "");
    end(&place, &marked).expect(0);
    let expected = [rows(0, 20), rows(30, 10)].concat();
    assert_eq!(recorder.accepted(), expected);
    assert_eq!(recorder.dones().len(), 1);
    bucket.wire.take();
    end(&place, &marked).expect(0);
    let asked = bucket.wire.take();
    assert!(
        !asked.is_empty() && contents_read(&asked).is_empty(),
        "{asked:#?}"
    );
    place.file("list", bucket.url("in/2022-01-02/a.jsonl"));
    let write = WRITE.replace("-d 2022-01-01", "-d 2022-01-02");
    end(&place, &format!("{write} --files-from list")).expect(0);
    assert_eq!(recorder.accepted(), rows(0, 40));
}

#[test]
fn after_a_kill_an_object_is_read_on_from_where_it_was() {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |_, number| {
        if number == 15 {
            held.wait();
        }
        Reply::ok()
    });
    let Some((bucket, place)) = Bucket::new(&recorder) else {
        return;
    };
    let all = rows(0, MANY);
    bucket.put_rows("many.jsonl", &all);
    let words = format!(
        "{WRITE} --batch-rows 1000 --max-in-flight 1 --no-rate-limit {}",
        bucket.url("many.jsonl")
    );
    let mut child = place.start(&words);
    recorder.wait_for(16);
    child.kill().unwrap();
    child.wait().unwrap();
    latch.open();
    bucket.wire.take();
    end(&place, &words).expect(0);
    assert_eq!(recorder.stored(), all);
    let asked = bucket.wire.take();
    let size = u64::try_from(all.join("\n").len() + 1).unwrap();
    let read = contents_read(&asked);
    let bytes: u64 = read
        .iter()
        .map(|it| it.range.map_or(size, |(a, b)| b - a + 1))
        .sum();
    assert!(
        bytes < size / 2,
        "{bytes} of {size} bytes were read again: {read:#?}"
    );
    assert!(
        read.iter()
            .any(|it| it.range.is_some_and(|(first, _)| first > size / 2))
    );
}

#[test]
fn a_compressed_object_resumes_as_well() {
    let recorder = Recorder::answering(|_, number| match number {
        0..3 => Reply::ok(),
        _ => Reply::bare(429),
    });
    let Some((bucket, place)) = Bucket::new(&recorder) else {
        return;
    };
    bucket.put("rows.jsonl.gz", gzip(&rows(0, 100)));
    let words = format!(
        "{WRITE} --batch-rows 10 --max-in-flight 1 --retry-for 1ms {}",
        bucket.url("rows.jsonl.gz")
    );
    end(&place, &words).expect(5);
    recorder.answer(|_, _| Reply::ok());
    end(&place, &words).expect(0);
    assert_eq!(recorder.accepted(), rows(0, 100));
}

/// A date of which two batches of three were accepted.
fn partly_uploaded() -> Option<(Recorder, Bucket, Place, String)> {
    let recorder = Recorder::answering(|_, number| match number {
        0 | 1 => Reply::ok(),
        _ => Reply::bare(429),
    });
    let (bucket, place) = Bucket::new(&recorder)?;
    bucket.put_rows("in/rows.jsonl", &rows(0, 30));
    let words = format!(
        "{WRITE} --batch-rows 10 --max-in-flight 1 --retry-for 1ms {}",
        bucket.url("in/*.jsonl")
    );
    end(&place, &words).expect(5);
    recorder.answer(|_, _| Reply::ok());
    Some((recorder, bucket, place, words))
}

#[test]
fn an_object_that_was_replaced_before_all_of_it_was_sent_is_status_9() {
    let Some((recorder, bucket, place, words)) = partly_uploaded() else {
        return;
    };
    let before = recorder.requests().len();
    bucket.put_rows("in/rows.jsonl", &rows(500, 30));
    end(&place, &words)
        .expect(9)
        .says("Put the file back")
        .says("ledger drop-input s3://");
    assert_eq!(recorder.requests().len(), before);
    // The same bytes again, whatever the store calls them, and rows behind them.
    bucket.put_rows("in/rows.jsonl", &rows(0, 35));
    end(&place, &words).expect(0);
    assert_eq!(recorder.accepted(), rows(0, 35));
}

#[test]
fn an_object_that_vanished_before_all_of_it_was_sent_is_status_7() {
    let Some((recorder, bucket, place, words)) = partly_uploaded() else {
        return;
    };
    bucket.delete("in/rows.jsonl");
    end(&place, &words).expect(7).says("vanished");
    bucket.put_rows("in/copy.jsonl", &rows(0, 30));
    end(&place, &words)
        .expect(0)
        .says("copy.jsonl is the input known as s3://");
    assert_eq!(recorder.accepted(), rows(0, 30));
}

#[test]
fn what_comes_after_done_is_late_input() {
    let recorder = Recorder::new();
    let Some((bucket, place)) = Bucket::new(&recorder) else {
        return;
    };
    bucket.put_rows("in/a.jsonl", &rows(0, 30));
    let words = format!("{WRITE} {}", bucket.url("in/"));
    end(&place, &words).expect(0);
    bucket.put_rows("in/b.jsonl", &rows(30, 5));
    end(&place, &words).expect(6).says("late_input");
    bucket.delete("in/b.jsonl");
    bucket.put_rows("in/a.jsonl", &rows(500, 30));
    end(&place, &words).expect(6).says("late_input");
    bucket.put_rows("in/a.jsonl", &rows(0, 30));
    end(&place, &words).expect(0);
    bucket.delete("in/a.jsonl");
    end(&place, &words).expect(0);
    assert_eq!(recorder.accepted(), rows(0, 30));
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn an_object_that_is_replaced_while_it_is_read_is_never_mixed_with_the_new_one() {
    let recorder = Recorder::new();
    let Some((bucket, place)) = Bucket::new(&recorder) else {
        return;
    };
    let old = rows(0, MANY);
    bucket.put_rows("many.jsonl", &old);
    let new = rows(500_000, MANY).join("\n") + "\n";
    bucket
        .wire
        .before_get(2, bucket.replacing("many.jsonl", new));
    let words = format!("{WRITE} --no-rate-limit {}", bucket.url("many.jsonl"));
    end(&place, &words).expect(9).says("was replaced");
    assert!(recorder.accepted().iter().all(|row| old.contains(row)));
    assert!(recorder.dones().is_empty());
}

#[test]
fn an_input_that_changed_since_it_was_read_keeps_done_back_also_from_the_command_done() {
    let recorder = Recorder::new();
    let Some((bucket, place)) = Bucket::new(&recorder) else {
        return;
    };
    bucket.put_rows("a.jsonl", &rows(0, 30));
    end(
        &place,
        &format!("{WRITE} --no-done {}", bucket.url("a.jsonl")),
    )
    .expect(0);
    let done = "done -t item -s history_sync -d 2022-01-01";
    bucket.put_rows("a.jsonl", &rows(500, 20));
    end(&place, done)
        .expect(9)
        .says("was changed after it was read");
    bucket.put_rows("a.jsonl", &rows(0, 30));
    end(&place, done).expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn connections_that_are_cut_in_the_middle_cost_no_row() {
    let recorder = Recorder::new();
    let Some((bucket, place)) = Bucket::new(&recorder) else {
        return;
    };
    let all = rows(0, MANY);
    bucket.put_rows("many.jsonl", &all);
    bucket.wire.cut_after(150_000);
    let words = format!("{WRITE} --no-rate-limit {}", bucket.url("many.jsonl"));
    end(&place, &words).expect(0);
    assert_eq!(recorder.accepted(), all);
    assert!(contents_read(&bucket.wire.take()).len() > 4);
}

#[test]
fn a_store_that_goes_away_in_the_middle_is_temporary_and_the_next_run_goes_on() {
    let recorder = Recorder::new();
    let Some((bucket, place)) = Bucket::new(&recorder) else {
        return;
    };
    let all = rows(0, MANY);
    bucket.put_rows("many.jsonl", &all);
    bucket.wire.let_through(Some(200_000));
    let words = format!(
        "{WRITE} --batch-rows 500 --no-rate-limit {}",
        bucket.url("many.jsonl")
    );
    end(&place, &words)
        .expect(5)
        .says("run the same command again");
    assert!(recorder.dones().is_empty());
    bucket.wire.let_through(None);
    end(&place, &words).expect(0);
    assert_eq!(recorder.accepted(), all);
}

#[test]
fn what_is_not_there_is_told_apart_from_what_may_not_be_seen() {
    let recorder = Recorder::new();
    let Some((bucket, place)) = Bucket::new(&recorder) else {
        return;
    };
    for path in ["a.jsonl", "no/folder/", "*.jsonl", "{date}.jsonl"] {
        end(&place, &format!("{WRITE} {}", bucket.url(path)))
            .expect(10)
            .says("is not there");
    }
    end(&place, &format!("{WRITE} s3://no-bucket-of-ours/a.jsonl"))
        .expect(2)
        .says("there is no bucket 'no-bucket-of-ours'");
    bucket.put_rows("a.jsonl", &rows(0, 3));
    bucket.close();
    end(&place, &format!("{WRITE} {}", bucket.url("a.jsonl")))
        .expect(12)
        .says("refuses access")
        .says("AWS_ACCESS_KEY_ID");
    assert!(recorder.requests().is_empty());
}

#[test]
fn the_same_object_is_uploaded_by_one_run_at_a_time() {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |_, _| {
        held.wait();
        Reply::ok()
    });
    let Some((bucket, place)) = Bucket::new(&recorder) else {
        return;
    };
    bucket.put_rows("a.jsonl", &rows(0, 3));
    let words = format!("{WRITE} {}", bucket.url("a.jsonl"));
    let child = place.start(&words);
    recorder.wait_for(1);
    end(&place, &words).expect(11);
    latch.open();
    Ran::after(child).expect(0);
}

#[test]
fn a_stop_does_not_wait_for_a_store_that_is_silent() {
    let recorder = Recorder::new();
    let Some((bucket, place)) = Bucket::new(&recorder) else {
        return;
    };
    bucket.put_rows("many.jsonl", &rows(0, MANY));
    let latch = Latch::default();
    let silent = latch.clone();
    bucket.wire.before_get(1, move || silent.wait());
    let child = place.start(&format!("{WRITE} {}", bucket.url("many.jsonl")));
    bucket.wire.wait_for_gets(1);
    crate::start::signal(&child, rustix::process::Signal::INT);
    Ran::after(child).expect(130);
    latch.open();
}

#[test]
fn without_credentials_the_variables_are_named() {
    let recorder = Recorder::new();
    let Some((bucket, mut place)) = Bucket::new(&recorder) else {
        return;
    };
    place.set("AWS_ACCESS_KEY_ID", "");
    place.set("AWS_SECRET_ACCESS_KEY", "");
    end(&place, &format!("{WRITE} {}", bucket.url("a.jsonl")))
        .expect(2)
        .says("set AWS_ACCESS_KEY_ID");
}
