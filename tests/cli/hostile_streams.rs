//! Replies that never end, or that are far larger than they look: for `write` and for `done`.
//!
//! Each is told over a real connection. Whatever it is, the run ends by itself with the status for
//! it, holds little memory, prints no control characters, and a healthy server afterwards gets each
//! row once and one `done`.

use crate::recorder::{Received, Recorder, Reply};
use crate::start::{Place, WRITE, rows};
use crate::watched::watched;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use std::collections::BTreeSet;
use std::io::{Result, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Most memory that a run may take, whatever it is answered.
pub(crate) const MAX_PEAK_BYTES: u64 = 100 << 20;

const JSON: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
const MEBIBYTE: usize = 1 << 20;

/// Answers one kind of request so, the other kind with an acceptance.
#[track_caller]
pub(crate) fn survives(
    status: i32,
    options: &str,
    reply: impl Fn() -> Reply + Copy + Send + Sync + 'static,
) {
    for on_done in [false, true] {
        let recorder = Recorder::answering(move |request, _| {
            if request.is_done() == on_done {
                reply()
            } else {
                Reply::ok()
            }
        });
        let place = Place::with(&recorder);
        place.rows("rows.jsonl", 0, 10);
        let words = format!("{WRITE} --retry-for 1ms {options} rows.jsonl");
        let (ran, peak) = watched(&place, &words);
        let ran = ran.expect(status);
        assert!(peak < MAX_PEAK_BYTES, "{} MiB", peak >> 20);
        is_harmless(&(ran.output + &ran.errors));
        let asked = recorder.requests().len();
        recorder.answer(|_, _| Reply::ok());
        place.end(&format!("{WRITE} rows.jsonl")).expect(0);
        // Without those that got the reply in question, whatever its status was.
        let mut answered = recorder.requests();
        let after = answered.split_off(asked);
        answered.retain(|request| request.is_done() != on_done);
        answered.extend(after);
        let (dones, writes): (Vec<_>, Vec<_>) = answered.into_iter().partition(Received::is_done);
        assert_eq!(accepted_once(&writes), rows(0, 10));
        assert_eq!(accepted(&dones).len(), 1);
    }
}

/// Fails when a text would move a cursor, or is the message of a panic.
#[track_caller]
pub(crate) fn is_harmless(text: &str) {
    let bad = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!text.contains(bad), "{text:?}");
    assert!(!text.contains("this is a bug"), "{text}");
    assert!(text.len() < 20_000, "{} bytes", text.len());
}

fn accepted(requests: &[Received]) -> Vec<&Received> {
    let was_accepted = |it: &&Received| it.answered.load(Ordering::Acquire) == 200;
    requests.iter().filter(was_accepted).collect()
}

/// The rows of a server that stores only what it accepts, and each Request-Id once.
pub(crate) fn accepted_once(writes: &[Received]) -> Vec<String> {
    let mut ids = BTreeSet::new();
    let fresh = accepted(writes)
        .into_iter()
        .filter(|it| ids.insert(it.id()));
    let mut rows: Vec<String> = fresh.flat_map(Received::rows).collect();
    rows.sort();
    rows
}

/// Says this first, then the same again for as long as somebody reads.
fn endless(first: impl Into<Vec<u8>>, again: impl Into<Vec<u8>>) -> Reply {
    let (first, again) = (first.into(), again.into());
    let block = again.repeat((64 << 10) / again.len() + 1);
    Reply::Raw(Box::new(move |connection| {
        connection.write_all(&first)?;
        loop {
            connection.write_all(&block)?;
        }
    }))
}

/// One byte after the other, with a pause between.
fn dripping(first: &'static str) -> Reply {
    Reply::Raw(Box::new(move |connection| {
        connection.write_all(first.as_bytes())?;
        drip(connection)
    }))
}

fn drip(connection: &mut TcpStream) -> Result<()> {
    loop {
        connection.write_all(b"a")?;
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn gzipped(body: &[u8]) -> Reply {
    let length = body.len();
    let head = format!("{JSON}Content-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n");
    Reply::raw([head.as_bytes(), body].concat())
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// About 10 MB that inflate to 10 GB, in one member.
fn bomb() -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    let mut blocks = [0; 2].map(|_| {
        encoder.write_all(&vec![b' '; MEBIBYTE]).unwrap();
        encoder.flush().unwrap();
        std::mem::take(encoder.get_mut())
    });
    let header = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    // Each block refers to the one before it only.
    [
        header,
        std::mem::take(&mut blocks[0]),
        blocks[1].repeat(10_000),
    ]
    .concat()
}

#[test]
fn bodies_without_end_are_not_read_to_the_end() {
    survives(5, "", || {
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
        endless(format!("{JSON}Transfer-Encoding: chunked\r\n\r\n"), chunk)
    });
    survives(5, "", || {
        endless(format!("{JSON}Content-Length: 8589934592\r\n\r\n"), " ")
    });
    survives(5, "", || endless(format!("{JSON}\r\n"), "{\"a\":"));
}

#[test]
fn a_small_body_that_inflates_to_gigabytes_is_not_inflated_to_the_end() {
    assert!((8 * MEBIBYTE..12 * MEBIBYTE).contains(&bomb().len()));
    survives(5, "", || gzipped(&bomb()));
    // Many members, and one within the other.
    survives(5, "", || {
        gzipped(&gzip(&vec![b' '; 10 * MEBIBYTE]).repeat(1_000))
    });
    survives(5, "", || gzipped(&gzip(&bomb())));
    survives(5, "", || gzipped(&gzip(b"").repeat(500_000)));
}

#[test]
fn headers_without_end_are_not_read_to_the_end() {
    survives(5, "", || endless("HTTP/1.1 200 ", "OK"));
    survives(5, "", || endless("HTTP/1.1 200 OK\r\nX-Long: ", "a"));
    survives(5, "", || endless("HTTP/1.1 200 OK\r\n", "X-Many: a\r\n"));
    survives(5, "", || endless("HTTP/1.1 200 OK\r\n", "\0"));
}

#[test]
fn chunks_and_trailers_without_end_are_not_read_to_the_end() {
    let chunked = move || format!("{JSON}Transfer-Encoding: chunked\r\n\r\n");
    survives(5, "--timeout 2s", move || endless(chunked(), "0"));
    survives(5, "--timeout 2s", move || endless(chunked() + "1;", "a"));
    survives(5, "--timeout 2s", move || {
        endless(chunked() + "1\r\n \r\n0\r\n", "X-Many: a\r\n")
    });
    survives(5, "--timeout 2s", move || {
        endless(chunked() + "1\r\n \r\n0\r\nX-Long: ", "a")
    });
    survives(5, "--timeout 2s", move || {
        endless(chunked() + "FFFFFFFFFFFFFFFF1\r\n", " ")
    });
}

#[test]
fn what_comes_byte_by_byte_ends_with_the_timeout() {
    let replies: [fn() -> Reply; 4] = [
        || dripping(""),
        || dripping("HTTP/1.1 200 OK\r\nX-Slow: "),
        || dripping("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
        || dripping("HTTP/1.1 200 OK\r\n\r\n"),
    ];
    for reply in replies {
        survives(5, "--timeout 2s", reply);
    }
}

#[test]
fn interim_replies_without_end_end_with_the_timeout() {
    survives(5, "--timeout 2s", || {
        endless("", "HTTP/1.1 100 Continue\r\n\r\n")
    });
    survives(5, "--timeout 2s", || {
        endless("", "HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n")
    });
}
