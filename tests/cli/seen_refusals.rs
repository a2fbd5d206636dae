//! A refusal that was seen and could not be recorded, or not read to its end: the 409 of the next
//! attempt does not mean that all rows are stored, and `done` does not go out on it.

use crate::recorder::{Latch, Received, Recorder, Reply};
use crate::start::{Place, WRITE};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// The rows of a write that say so are refused.
fn refused(request: &Received) -> Vec<String> {
    let rows = request.rows();
    rows.into_iter()
        .filter(|row| row.contains("000003"))
        .collect()
}

/// A server that remembers ids, and answers the first attempt of each like this.
fn remembering(first: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Recorder {
    let known = Mutex::new(BTreeSet::new());
    Recorder::answering(move |request, _| {
        if request.is_done() {
            return Reply::ok();
        }
        if known.lock().unwrap().insert(request.id()) {
            first(request)
        } else {
            Reply::code(200, 409, "Duplicate submission")
        }
    })
}

fn list(rows: &[String]) -> Reply {
    let errors: Vec<(&str, &str)> = rows.iter().map(|row| ("no", row.as_str())).collect();
    Reply::refused_rows(200, 1001, "part", &errors)
}

/// `done` is withheld, says why, and names a way out that works.
fn is_blocked(place: &Place, recorder: &Recorder) {
    place
        .end(&format!("{WRITE} rows.jsonl"))
        .expect(7)
        .says("does not say which of their rows are stored")
        .says("--restart");
    place.end("done -d 2022-01-01").expect(7);
    assert!(recorder.dones().is_empty());
    recorder.answer(|_, _| Reply::ok());
    place
        .end(&format!("{WRITE} --restart rows.jsonl"))
        .expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_1001_that_breaks_off_behind_its_status_is_asked_again_and_its_409_blocks_done() {
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{\"status\":{\"code\":1001,\"message\":\"part\"},\"errors\":[{\"mess",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{\"status\":{\"code\":1001,\"message\":\"some ro",
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 5000\r\n\r\n\n\x03\x08\u{69}\x07",
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 5000\r\n\r\n\n\x50\x08\u{69}\x07",
    ] {
        // The varint of 1001 has a byte that is no text.
        let head: Vec<u8> = match head.strip_suffix("\u{69}\x07") {
            Some(head) => [head.as_bytes(), &[0xe9, 0x07]].concat(),
            None => head.as_bytes().to_vec(),
        };
        let recorder = remembering(move |request| {
            if refused(request).is_empty() {
                Reply::ok()
            } else {
                Reply::raw(head.clone())
            }
        });
        let place = Place::with(&recorder);
        place.rows("rows.jsonl", 0, 10);
        place
            .end(&format!("{WRITE} rows.jsonl"))
            .expect(7)
            .says("refused rows (1001)");
        let ids: BTreeSet<String> = recorder.writes().iter().map(Received::id).collect();
        assert_eq!((recorder.writes().len(), ids.len()), (2, 1));
        is_blocked(&place, &recorder);
    }
}

#[test]
fn a_1001_that_breaks_off_once_and_is_repeated_in_full_is_matched_to_its_rows() {
    let recorder = Recorder::answering(|request, earlier| match (request.is_done(), earlier) {
        (true, _) => Reply::ok(),
        (_, 0) => Reply::raw(
            "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{\"status\":{\"code\":1001},\"err",
        ),
        _ => list(&refused(request)),
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 10);
    place
        .end(&format!("{WRITE} --max-errors 1 rows.jsonl"))
        .expect(0);
    let letters = place.end("rejects list --json").expect(0).lines();
    assert_eq!(letters[0]["line"], 4);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_1001_larger_than_any_reply_is_undetermined_and_blocks_done() {
    for packed in [false, true] {
        let recorder = remembering(move |request| {
            if refused(request).is_empty() {
                return Reply::ok();
            }
            let mut body = br#"{"status":{"code":1001,"message":"part"},"errors":["#.to_vec();
            let entry = format!("{{\"message\":\"{}\"}},", "x".repeat(10_000));
            while body.len() <= 17 << 20 {
                body.extend_from_slice(entry.as_bytes());
            }
            body.extend_from_slice(b"{}]}");
            if !packed {
                return Reply::http(200, "application/json", body);
            }
            let mut packer = libdeflater::Compressor::new(libdeflater::CompressionLvl::fastest());
            let mut gzip = vec![0; packer.gzip_compress_bound(body.len())];
            let length = packer.gzip_compress(&body, &mut gzip).unwrap();
            gzip.truncate(length);
            Reply::http(200, "application/json", gzip).with("Content-Encoding", "gzip")
        });
        let place = Place::with(&recorder);
        place.rows("rows.jsonl", 0, 10);
        place.end(&format!("{WRITE} rows.jsonl")).expect(7);
        assert_eq!(recorder.writes().len(), 1);
        is_blocked(&place, &recorder);
    }
}

#[test]
fn a_code_that_nothing_names_is_asked_again_under_its_id_and_its_409_blocks_done() {
    let recorder = remembering(|_| Reply::bare(405));
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 10);
    place.end(&format!("{WRITE} rows.jsonl")).expect(6);
    place.end(&format!("{WRITE} rows.jsonl")).expect(7);
    let ids: BTreeSet<String> = recorder.writes().iter().map(Received::id).collect();
    assert_eq!((recorder.writes().len(), ids.len()), (2, 1));
    is_blocked(&place, &recorder);
}

/// A small file system in memory; it goes away with this value.
struct Disk(PathBuf);

impl Disk {
    fn mount(path: PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&path).unwrap();
        let words = ["-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs"];
        let mounted = Command::new("mount").args(words).arg(&path).output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then_some(Self(path))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Leaves not one byte.
fn fill(disk: &Path) {
    use std::io::Write;
    let mut filler = std::fs::File::create(disk.join("filler")).unwrap();
    while filler.write_all(&[0; 4096]).is_ok() {}
}

/// A server that fills the disk and then refuses rows, and remembers ids.
fn filling(disk: &Disk) -> Recorder {
    let path = disk.0.clone();
    remembering(move |request| {
        fill(&path);
        list(&refused(request))
    })
}

#[test]
fn refused_rows_that_a_full_disk_could_not_take_block_done_also_behind_a_409() {
    let place = Place::new();
    // Where the rejected rows are kept nothing is kept free for them.
    let Some(disk) = Disk::mount(place.path(".local/state/byteair-sync/rejects")) else {
        println!("skipped: no file system can be mounted here");
        return;
    };
    let recorder = filling(&disk);
    let place = place.moved_to(&recorder);
    place.rows("rows.jsonl", 0, 10);
    place
        .end(&format!("{WRITE} rows.jsonl"))
        .expect(5)
        .says("the disk is full");
    std::fs::remove_file(disk.0.join("filler")).unwrap();
    place.end(&format!("{WRITE} rows.jsonl")).expect(7);
    is_blocked(&place, &recorder);
    drop(place);
}

/// The list came when the disk was full, and was gone: nobody says again which rows were refused.
#[test]
fn refused_rows_find_the_room_that_is_kept_for_them_on_a_full_disk() {
    let place = Place::new();
    let Some(disk) = Disk::mount(place.path(".local/state/byteair-sync")) else {
        println!("skipped: no file system can be mounted here");
        return;
    };
    let recorder = filling(&disk);
    let place = place.moved_to(&recorder);
    place.rows("rows.jsonl", 0, 10);
    place
        .end(&format!("{WRITE} rows.jsonl"))
        .expect(5)
        .says("the disk is full");
    std::fs::remove_file(disk.0.join("filler")).unwrap();
    place.end(&format!("{WRITE} rows.jsonl")).expect(3);
    let letters = place.end("rejects list --json").expect(0).lines();
    assert_eq!(letters[0]["line"], 4);
    let done = format!("{WRITE} --max-errors 1 rows.jsonl");
    place.end(&done).expect(0);
    assert_eq!((recorder.writes().len(), recorder.dones().len()), (1, 1));
    drop(place);
}

/// Without the room that is kept nothing is sent: an answer that cannot be recorded is lost.
#[test]
fn nothing_is_sent_while_a_disk_is_full_and_all_of_it_when_there_is_room() {
    let place = Place::new();
    let Some(disk) = Disk::mount(place.path(".local/state/byteair-sync")) else {
        println!("skipped: no file system can be mounted here");
        return;
    };
    let recorder = filling(&disk);
    let place = place.moved_to(&recorder);
    place.rows("rows.jsonl", 0, 10);
    let write = format!("{WRITE} --batch-rows 5 --max-in-flight 1 rows.jsonl");
    place.end(&write).expect(5).says("the disk is full");
    let sent = recorder.writes().len();
    fill(&disk.0);
    place
        .end(&write)
        .expect(5)
        .says("the disk is full")
        .says("nothing was sent");
    assert_eq!(recorder.writes().len(), sent);
    std::fs::remove_file(disk.0.join("filler")).unwrap();
    recorder.answer(|_, _| Reply::ok());
    place.end(&format!("{write} --max-errors 1")).expect(0);
    assert_eq!(recorder.dones().len(), 1);
    drop(place);
}

/// What of a batch is not stored could not be recorded, whatever the answer was. Where nothing of it is,
/// its new id finds the room that is kept.
#[test]
fn a_refusal_that_a_full_disk_could_not_record_blocks_done_also_behind_a_409() {
    type Case = (&'static str, bool, fn() -> Reply);
    let answers: [Case; 5] = [
        ("a list of strangers", true, || {
            list(&["{\"id\":\"stranger\"}".to_owned()])
        }),
        ("throttled", false, || Reply::bare(429)),
        ("a temporary fault", false, || {
            Reply::code(200, 500, "try later")
        }),
        ("too large", true, || Reply::bare(413)),
        ("a foreign id", true, || {
            Reply::code(200, 409, "Duplicate submission")
        }),
    ];
    for (what, blocks, first) in answers {
        let place = Place::new();
        let Some(disk) = Disk::mount(place.path(".local/state/byteair-sync")) else {
            println!("skipped: no file system can be mounted here");
            return;
        };
        let path = disk.0.clone();
        let recorder = remembering(move |_| {
            fill(&path);
            first()
        });
        let place = place.moved_to(&recorder);
        place.rows("rows.jsonl", 0, 10);
        println!("{what}");
        place
            .end(&format!("{WRITE} rows.jsonl"))
            .expect(5)
            .says("the disk is full");
        assert_eq!(recorder.writes().len(), 1, "{what}");
        std::fs::remove_file(disk.0.join("filler")).unwrap();
        if blocks {
            place.end(&format!("{WRITE} rows.jsonl")).expect(7);
            is_blocked(&place, &recorder);
        } else {
            recorder.answer(|_, _| Reply::ok());
            place.end(&format!("{WRITE} rows.jsonl")).expect(0);
            let ids: BTreeSet<_> = recorder.writes().iter().map(Received::id).collect();
            assert_eq!(ids.len(), 2, "{what}: a refused id is not used again");
            assert_eq!(recorder.dones().len(), 1);
        }
        drop(place);
    }
}

/// As many as may be in flight are answered when nothing can be written any more.
#[test]
fn every_refusal_in_flight_is_remembered_when_the_disk_is_full() {
    const BATCHES: u16 = 64;
    let place = Place::new();
    let Some(disk) = Disk::mount(place.path(".local/state/byteair-sync")) else {
        println!("skipped: no file system can be mounted here");
        return;
    };
    let path = disk.0.clone();
    let all = Latch::default();
    let arrived = Mutex::new(0);
    let recorder = remembering(move |request| {
        let count = {
            let mut arrived = arrived.lock().unwrap();
            *arrived += 1;
            *arrived
        };
        // The first of a date goes alone.
        if count == 1 {
            return Reply::ok();
        }
        if count == 1 + BATCHES {
            fill(&path);
            all.open();
        }
        all.wait();
        list(&request.rows()[..1])
    });
    let place = place.moved_to(&recorder);
    place.rows("rows.jsonl", 0, usize::from(1 + BATCHES));
    let write = format!("{WRITE} --batch-rows 1 --max-in-flight {BATCHES} rows.jsonl");
    place.end(&write).expect(5).says("the disk is full");
    std::fs::remove_file(disk.0.join("filler")).unwrap();
    assert_eq!(recorder.writes().len(), usize::from(1 + BATCHES));
    let status = place.end(&write).status;
    assert!([3, 7].contains(&status), "{status}");
    let file = place.path(".local/state/byteair-sync/ledger.db");
    let ledger = rusqlite::Connection::open(file).unwrap();
    // Settled as refused where the room that is kept was enough, and blocked at least.
    let states =
        "SELECT count(*) FROM batch WHERE state IN ('undetermined', 'part_refused', 'refused')";
    let told: u16 = ledger.query_row(states, [], |row| row.get(0)).unwrap();
    assert_eq!(told, BATCHES);
    assert!(recorder.dones().is_empty());
    drop(place);
}

#[test]
fn rows_that_a_server_with_doubles_cannot_tell_apart_are_not_guessed_among() {
    let recorder = remembering(|request| {
        let rows = request.rows();
        let refused = rows.iter().find(|row| row.contains("0993"));
        let told = refused.map(|row| row.replace("0993", "0992"));
        told.map_or_else(Reply::ok, |told| list(&[told]))
    });
    let place = Place::with(&recorder);
    place.file(
        "rows.jsonl",
        "{\"id\":9007199254740992}\n{\"id\":9007199254740993}\n",
    );
    place
        .end(&format!("{WRITE} --max-errors 1 rows.jsonl"))
        .expect(7)
        .says("does not say which");
    is_blocked(&place, &recorder);
}
