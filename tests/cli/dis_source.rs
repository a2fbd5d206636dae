//! A DIS stream as the source: the real binary between a sandbox that keeps the stream and one that takes
//! the rows.

use crate::huawei::{ACCESS_KEY, PROJECT, SECRET_KEY, Sandbox};
use crate::recorder::{Recorder, Reply, eventually};
use crate::start::{Place, Ran, rows, signal, wait_for_message};
use flate2::write::GzEncoder;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::process::Child;
use std::time::Duration;

pub(crate) const READ: &str = "write -t behavior -s incremental_sync_streaming --yes-i-mean streaming-only --linger 30ms dis://orders --dis-app reader";

/// A stream, and a place from which it is read to some platform.
pub(crate) struct Stream {
    pub(crate) sandbox: Sandbox,
    pub(crate) place: Place,
}

impl Stream {
    /// One whose rows the same sandbox takes.
    pub(crate) fn start(words: &str) -> Self {
        let sandbox = Sandbox::start(words);
        let place = Self::place(&sandbox, sandbox.address);
        Self { sandbox, place }
    }

    /// One whose rows a recorder takes.
    fn to(recorder: &Recorder) -> Self {
        let sandbox = Sandbox::start("");
        let place = Self::place(&sandbox, recorder.address);
        Self { sandbox, place }
    }

    fn place(sandbox: &Sandbox, platform: SocketAddr) -> Place {
        let mut place = Place::at(platform);
        let endpoint = format!("http://{}", sandbox.address);
        for (name, value) in [
            ("BYTEAIR_ENDPOINT", endpoint.as_str()),
            ("BYTEAIR_PROJECT_ID", PROJECT),
            ("HUAWEICLOUD_SDK_AK", ACCESS_KEY),
            ("HUAWEICLOUD_SDK_SK", SECRET_KEY),
        ] {
            place.set(name, value);
        }
        // What a sandbox believes that nobody told otherwise.
        if platform == sandbox.address {
            place.set("BYTEAIR_AK", "sandbox");
            place.set("BYTEAIR_SK", "sandbox");
        }
        place
    }

    /// Writes each line as a record.
    pub(crate) fn put(&self, options: &str, lines: &[String]) {
        let body = lines.join("\n");
        self.put_bytes(options, body.as_bytes());
    }

    pub(crate) fn put_bytes(&self, options: &str, body: &[u8]) {
        let path = format!("/sandbox/records?project={PROJECT}&stream=orders{options}");
        self.sandbox.post(&path, body);
    }

    pub(crate) fn change(&self, what: &str) {
        let path = format!("/sandbox/stream?project={PROJECT}&stream=orders&{what}");
        self.sandbox.post(&path, b"");
    }

    pub(crate) fn create_app(&self) {
        let commit = "checkpoint commit --create-app --stream other --app reader --partition 0";
        self.place.end(&format!("{commit} --sequence 0")).expect(0);
    }

    pub(crate) fn commit(&self, partition: u64, number: u64) {
        let words = format!("--app reader --partition {partition} --sequence {number}");
        let ended = self
            .place
            .end(&format!("checkpoint commit --stream orders {words}"));
        ended.expect(0);
    }

    /// Reads to the end.
    #[track_caller]
    pub(crate) fn read(&self, options: &str, status: i32) -> Ran {
        let words = format!("{READ} --until-end {options}");
        self.place.end(&words).expect(status)
    }

    /// The rows that the sandbox has, sorted.
    pub(crate) fn stored(&self) -> Vec<String> {
        let text = self.sandbox.get("/sandbox/rows");
        let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
        rows.sort();
        rows
    }

    /// Checkpoints by the last digit of the partition.
    pub(crate) fn checkpoints(&self) -> BTreeMap<char, u64> {
        let state = self.sandbox.state();
        let known = state["checkpoints"].as_array().unwrap().iter();
        let of_stream = known.filter(|it| it["stream"] == "orders");
        of_stream
            .map(|it| {
                let partition = it["partition"].as_str().unwrap();
                let number = it["sequence_number"].as_str().unwrap();
                (partition.chars().last().unwrap(), number.parse().unwrap())
            })
            .collect()
    }
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_row_of_every_record_is_stored_once_and_checkpoints_are_at_the_last_records() {
    let stream = Stream::start("");
    let all = rows(0, 2_600);
    stream.change("expire");
    stream.put("", &all[..2_000]);
    // Several rows in a record, more of them than a batch has, and packed ones.
    stream.put_bytes("&whole", all[2_000..2_100].join("\n").as_bytes());
    stream.put_bytes("&whole", &gzip(&all[2_100..2_400].join("\n")));
    let array = format!("[{}]", all[2_400..2_500].join(",\n"));
    stream.put_bytes("&whole", array.as_bytes());
    let mut framed = snap::write::FrameEncoder::new(Vec::new());
    framed
        .write_all(all[2_500..].join("\n").as_bytes())
        .unwrap();
    stream.put_bytes("&whole", &framed.into_inner().unwrap());
    stream.read("--create-app --batch-rows 77", 0);
    assert_eq!(stream.stored(), all);
    assert_eq!(stream.checkpoints(), BTreeMap::from([('0', 2_003)]));
    // Nothing is left, and what comes later goes on from there.
    stream.read("", 0);
    let more = rows(2_600, 10);
    stream.put("", &more);
    stream.read("", 0);
    assert_eq!(stream.stored().len(), 2_610);
    assert_eq!(stream.checkpoints()[&'0'], 2_013);
}

#[test]
fn rows_that_come_while_it_reads_are_sent_and_committed_and_a_signal_ends_it() {
    let stream = Stream::start("");
    let child = stream.place.start(&format!("{READ} --create-app"));
    for round in 0..5 {
        stream.put("", &rows(round * 20, 20));
        std::thread::sleep(Duration::from_millis(120));
        stream.change("expire");
    }
    eventually("all rows", || stream.stored() == rows(0, 100));
    eventually("the checkpoint", || {
        stream.checkpoints().get(&'0') == Some(&99)
    });
    signal(&child, Signal::TERM);
    Ran::after(child).expect(143);
    // What came meanwhile is read by the next run.
    stream.put("", &rows(100, 20));
    let child = stream.place.start(READ);
    eventually("the rest", || stream.stored() == rows(0, 120));
    signal(&child, Signal::INT);
    // The last commit is made before it ends.
    Ran::after(child).expect(130);
    assert_eq!(stream.checkpoints()[&'0'], 119);
}

#[test]
fn partitions_that_come_of_others_are_read_after_them() {
    let stream = Stream::start("");
    stream.put("", &rows(0, 30));
    let child = stream.place.start(&format!("{READ} --create-app"));
    eventually("the first rows", || stream.stored().len() == 30);
    stream.put("", &rows(30, 10));
    stream.change("split=0");
    stream.put("&partition=1", &rows(40, 10));
    stream.put("&partition=2", &rows(50, 10));
    eventually("those of the split", || stream.stored().len() == 60);
    stream.change("merge=1,2");
    stream.put("&partition=3", &rows(60, 10));
    eventually("those of the merge", || stream.stored() == rows(0, 70));
    eventually("the checkpoints", || {
        stream.checkpoints() == BTreeMap::from([('0', 39), ('1', 9), ('2', 9), ('3', 9)])
    });
    kill(child);
    // A partition that was read to its end is not read again.
    stream.put("&partition=3", &rows(70, 10));
    stream.read("", 0);
    assert_eq!(stream.stored(), rows(0, 80));
}

#[test]
fn a_checkpoint_waits_for_the_platform_and_a_killed_run_repeats_its_batches() {
    let recorder = Recorder::answering(|_, number| match number {
        0 => Reply::ok(),
        _ => Reply::http(503, "text/html", "busy"),
    });
    let stream = Stream::to(&recorder);
    stream.put("", &rows(0, 10));
    let reading = format!("{READ} --create-app --batch-rows 10 --max-in-flight 4");
    let child = stream.place.start(&reading);
    eventually("the first checkpoint", || {
        stream.checkpoints().get(&'0') == Some(&9)
    });
    stream.put("", &rows(10, 30));
    eventually("attempts at all batches", || {
        let ids = recorder.requests().into_iter().map(|it| it.id());
        ids.collect::<std::collections::BTreeSet<_>>().len() == 4
    });
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(stream.checkpoints()[&'0'], 9);
    kill(child);
    let before = recorder.requests();
    recorder.answer(|_, _| Reply::ok());
    stream.read("--batch-rows 7", 0);
    assert_eq!(stream.checkpoints()[&'0'], 39);
    let after = recorder.requests();
    let sent = |of: &[crate::recorder::Received]| -> BTreeMap<String, Vec<String>> {
        of.iter().map(|it| (it.id(), it.rows())).collect()
    };
    // The same ids with the same rows, and no others.
    assert_eq!(sent(&before), sent(&after));
}

#[test]
fn a_checkpoint_whose_record_is_deleted_meanwhile_is_passed_over() {
    let recorder = Recorder::answering(|_, _| Reply::http(503, "text/html", "busy"));
    let stream = Stream::to(&recorder);
    stream.put("", &rows(0, 10));
    let child = stream.place.start(&format!("{READ} --create-app"));
    eventually("an attempt", || !recorder.requests().is_empty());
    // All that was read, as if the platform had been away for days.
    stream.change("trim=10");
    recorder.answer(|_, _| Reply::ok());
    eventually("the rows", || recorder.accepted().len() == 10);
    std::thread::sleep(Duration::from_millis(1_500));
    stream.put("", &rows(10, 10));
    eventually("the next checkpoint", || {
        stream.checkpoints().get(&'0') == Some(&19)
    });
    signal(&child, Signal::TERM);
    Ran::after(child)
        .expect(143)
        .says("the checkpoint 9 cannot be committed");
}

#[test]
fn throttling_and_failures_of_the_service_are_waited_out() {
    let faults = "--fault status:4303=0.2 --fault status:4305=0.1 --fault http:500=0.1 --fault reset-after=0.1 --fault-on huawei";
    let stream = Stream::start(faults);
    stream.put("", &rows(0, 300));
    stream.read("--create-app", 0);
    assert_eq!(stream.stored(), rows(0, 300));
    assert_eq!(stream.checkpoints()[&'0'], 299);
}

#[test]
fn bad_rows_and_records_are_dead_letters_that_name_partition_and_number() {
    let stream = Stream::start("");
    stream.put("", &rows(0, 3));
    stream.put("", &["{\"id\":".to_owned()]);
    stream.put_bytes("&whole", b"\x1f\x8b\x08\x00damaged");
    stream.put("", &rows(3, 3));
    stream.read("--create-app --max-errors 10", 0);
    assert_eq!(stream.stored(), rows(0, 6));
    // A dead letter is kept, so the record is dealt with.
    assert_eq!(stream.checkpoints()[&'0'], 7);
    let listed = stream.place.end("rejects list -t behavior").expect(0);
    for text in [
        "dis://orders/reader/shardId-0000000000:3",
        "dis://orders/reader/shardId-0000000000:4",
        "the record cannot be read",
    ] {
        assert!(listed.output.contains(text), "{}", listed.output);
    }
}

#[test]
fn csv_records_are_rows_by_the_columns_that_are_named() {
    let stream = Stream::start("");
    stream.put_bytes("&whole", b"1,x\n2,y\n");
    stream.put("", &["3,z".to_owned()]);
    stream.read("--create-app --format csv --columns id,title", 0);
    let stored = stream.stored();
    let wanted = [("1", "x"), ("2", "y"), ("3", "z")];
    let wanted = wanted.map(|(id, title)| format!("{{\"id\":\"{id}\",\"title\":\"{title}\"}}"));
    assert_eq!(stored, wanted);
}

#[test]
fn two_runs_do_not_read_one_stream_and_max_duration_ends_one() {
    let stream = Stream::start("");
    let mut child = stream.place.start(&format!("{READ} --create-app"));
    wait_for_message(&mut child, "uploading");
    stream.put("", &rows(0, 1));
    eventually("the row", || stream.stored().len() == 1);
    stream
        .read("", 11)
        .says("another run reads dis://orders/reader");
    kill(child);
    let ended = stream.place.end(&format!("{READ} --max-duration 300ms"));
    ended.expect(5).says("--max-duration is used up");
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_asked() {
    let stream = Stream::start("");
    for (words, text) in [
        ("dis://orders", "name it with --dis-app"),
        ("dis://or.ders --dis-app a", "is not the name of a stream"),
        ("dis://orders --dis-app a x.jsonl", "must be the only PATH"),
        ("dis://orders --dis-app a --follow", "leave --follow out"),
        ("dis://orders --dis-app a --dry-run", "--dry-run"),
        ("dis://orders --dis-app a --from tomorrow", "--from"),
        (
            "x.jsonl --until-end",
            "--until-end is about a source dis://STREAM",
        ),
    ] {
        let write = "write -t behavior -s incremental_sync_streaming";
        stream
            .place
            .end(&format!("{write} {words}"))
            .expect(2)
            .says(text);
    }
    let offline = "write -t behavior -s history_sync -d 2022-01-01 dis://orders --dis-app a";
    stream
        .place
        .end(offline)
        .expect(2)
        .says("incremental_sync_streaming");
    stream
        .place
        .end("validate dis://orders")
        .expect(2)
        .says("only be read by write");
    assert_eq!(stream.sandbox.state()["checkpoints"], serde_json::json!([]));
}

#[test]
fn what_the_stream_says_of_its_records_is_how_they_are_read() {
    let stream = Stream::start("");
    stream.change("data_type=CSV&delimiter=%7C&compression_format=snappy");
    let block = |text: &str| {
        let mut encoder = snap::raw::Encoder::new();
        encoder.compress_vec(text.as_bytes()).unwrap()
    };
    stream.put_bytes("&whole", &block("1|x,y"));
    // As the first line of every record would be its header, nothing is read without names.
    stream
        .read("--create-app", 2)
        .says("says that its records are CSV")
        .says("--columns a,b,c");
    assert!(stream.stored().is_empty());
    assert_eq!(stream.checkpoints(), BTreeMap::new());
    stream.read("--create-app --columns id,title", 0);
    assert_eq!(stream.stored(), ["{\"id\":\"1\",\"title\":\"x,y\"}"]);
    // An option goes before it, and a producer that compresses nothing is read as well.
    stream.put_bytes("&whole", &block("{\"id\":\"2\"}"));
    stream.put("", &["{\"id\":\"3\"}".to_owned()]);
    stream.read("--format jsonl", 0);
    assert_eq!(stream.stored().len(), 3);
    // One that compresses and does not say so is told what to say.
    stream.change("data_type=JSON&compression_format=");
    stream.put_bytes("&whole", &block("{\"id\":\"4\"}"));
    stream.read("", 3).says("--compression snappy");
    stream.change("data_type=JSON&compression_format=zip");
    stream.read("", 2).says("zip archives");
    let named = format!("{READ} --format csv");
    let refused = stream.place.end(&named).expect(2);
    refused.says("records have no header");
}
