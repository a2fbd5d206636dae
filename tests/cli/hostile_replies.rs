//! Replies that are no replies, belong to another request, or lead elsewhere.
//!
//! Each is told over a real connection; what came of it is looked at in what the server received.

use crate::hostile_streams::{accepted_once, is_harmless, survives};
use crate::recorder::{Recorder, Reply};
use crate::start::{Place, WRITE, rows};
use byteair_sync::protocol::messages::{Status, WriteResponse};
use prost::Message;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn response(content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn protobuf(body: &[u8]) -> Vec<u8> {
    response("application/x-protobuf", body)
}

fn json(body: &str) -> Vec<u8> {
    response("application/json", body.as_bytes())
}

fn accepting() -> Vec<u8> {
    let status = Some(Status::default());
    let errors = Vec::new();
    protobuf(&WriteResponse { status, errors }.encode_to_vec())
}

/// Bodies that say nothing, however they are labelled.
fn unreadable() -> Vec<Vec<u8>> {
    let deep = |open: &str, close: &str| open.repeat(10_000) + &close.repeat(10_000);
    vec![
        // Lengths that lie, a varint without end, a truncated one, groups without end, wrong types.
        protobuf(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        protobuf(&[0x0a, 0x7f, 0x08, 0x00]),
        protobuf(&[&[0x0a, 0x0c, 0x08][..], &[0xff; 11]].concat()),
        protobuf(&[0x0a, 0x02, 0x08, 0x80]),
        protobuf(&[0x0b; 10_000]),
        protobuf(&[0x1b; 10_000]),
        protobuf(&[0x0d, 1, 2, 3, 4]),
        protobuf(&[0x0a, 0x04, 0x12, 0x02, 0xff, 0xfe]),
        protobuf(&[0x00, 0x00]),
        protobuf(b""),
        protobuf(b"<html>welcome</html>"),
        json(&deep("{\"status\":", "}")),
        json(&format!("{{\"status\":{}}}", deep("[", "]"))),
        json(&format!("{{\"x\":{}", "[".repeat(100_000))),
        json("{\"status\":{\"code\":1e400}}"),
        json("{\"status\":{\"code\":99999999999}}"),
        json("{\"status\":{\"code\":\"0\"}}"),
        json("{\"status\":{\"code\":0}"),
        json("{\"status\":{\"code\":0},\"status\":{\"code\":0}}"),
        json("{\"status\":null}"),
        json("{\"status\":[]}"),
        json("\u{feff}{\"status\":{\"code\":0}}"),
        json("{\"status\":{\"code\":0,\"message\":\"\\ud800\"}}"),
        response("text/html", b"<html>log in</html>"),
        response("application/json", &[0xff; 1000]),
        Vec::new(),
        b"\0".repeat(10_000),
        // HTTP/0.9, HTTP/2, TLS, and heads that contradict themselves.
        b"{\"status\":{\"code\":0}}".to_vec(),
        b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64".to_vec(),
        b"\x15\x03\x01\0\x02\x02\x46".to_vec(),
        b"HTTP/2 200 OK\r\n\r\n".to_vec(),
        b"HTTP/1.1 OK\r\n\r\n".to_vec(),
        b"HTTP/1.1 -200 OK\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 20\r\n\r\n{}".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}".to_vec(),
        b"HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: 2\r\n\r\n{}".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"
            .to_vec(),
    ]
}

#[test]
fn what_cannot_be_read_is_asked_again_under_the_same_id() {
    for on_done in [false, true] {
        let replies = unreadable();
        let next = AtomicUsize::new(0);
        let count = replies.len();
        let recorder = Recorder::answering(move |request, _| {
            if request.is_done() != on_done {
                return Reply::ok();
            }
            let reply = replies.get(next.fetch_add(1, Ordering::Relaxed));
            reply.map_or_else(Reply::ok, |bytes| Reply::raw(bytes.clone()))
        });
        let place = Place::with(&recorder);
        place.rows("rows.jsonl", 0, 10);
        let ran = place
            .end(&format!(
                "{WRITE} --retry-for 10m --report r.json rows.jsonl"
            ))
            .expect(0);
        is_harmless(&(ran.output + &ran.errors));
        assert_eq!(recorder.stored(), rows(0, 10));
        let requests = recorder.requests();
        assert_eq!(requests.len(), count + 2);
        let mut asked: Vec<String> = requests
            .iter()
            .filter(|request| request.is_done() == on_done)
            .map(crate::recorder::Received::id)
            .collect();
        asked.dedup();
        assert_eq!(asked.len(), 1, "{asked:?}");
    }
}

#[test]
fn a_redirect_leads_nowhere_and_nothing_arrives_elsewhere() {
    let elsewhere = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = elsewhere.local_addr().unwrap();
    let arrived = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&arrived);
    std::thread::spawn(move || {
        for _connection in elsewhere.incoming() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    for status in [300, 301, 302, 303, 307, 308] {
        survives(6, "", move || {
            Reply::bare(status).with("Location", &format!("http://{address}/data"))
        });
    }
    for header in ["Location", "Refresh", "Alt-Svc", "Content-Location"] {
        survives(5, "", move || {
            Reply::http(200, "text/html", "moved").with(header, &format!("http://{address}/"))
        });
    }
    assert_eq!(arrived.load(Ordering::Relaxed), 0);
}

#[test]
fn protocols_are_not_switched() {
    survives(6, "", || {
        Reply::raw(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        )
    });
}

#[test]
fn a_message_of_megabytes_is_cut_and_cannot_move_the_cursor() {
    let message =
        || "\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}31m\u{202e}\r\nerror: forged ".repeat(150_000);
    survives(5, "", move || Reply::code(429, 429, &message()));
    survives(5, "", move || Reply::code(200, 500, &message()));
    survives(6, "", move || Reply::code(405, 405, &message()));
    survives(12, "", move || Reply::code(401, 401, &message()));
    // Twelve million characters that are none.
    survives(5, "", || Reply::code(429, 429, &"\u{0}".repeat(12_000_000)));
}

#[test]
fn impossible_headers_of_time_do_no_harm() {
    for wait in [
        "99999999999999999999",
        "-1",
        "1e9",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Mon, 01 Jan 0000 00:00:00 GMT",
        "",
    ] {
        for date in [
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Thu, 01 Jan 0001 00:00:00 GMT",
            "x",
        ] {
            let reply = move || {
                Reply::code(429, 429, "slow down")
                    .with("Retry-After", wait)
                    .with("Date", date)
            };
            let recorder = Recorder::answering(move |_, _| reply());
            let place = Place::with(&recorder);
            place.rows("rows.jsonl", 0, 10);
            let words = format!("{WRITE} --retry-for 1ms rows.jsonl");
            let ran = place.end(&words).expect(5);
            is_harmless(&(ran.output + &ran.errors));
            recorder.answer(move |_, number| {
                if number == 1 {
                    Reply::code(401, 401, "Auth fail, no").with("Date", date)
                } else {
                    Reply::ok()
                }
            });
            let ran = place.end(&format!("{WRITE} --retry-for 1m rows.jsonl"));
            is_harmless(&(ran.output + &ran.errors));
            assert_eq!(recorder.accepted(), rows(0, 10));
        }
    }
}

#[test]
fn a_reply_that_comes_twice_is_not_the_answer_to_the_next_request() {
    let seen = AtomicUsize::new(0);
    let recorder = Recorder::answering(move |request, _| {
        if request.is_done() {
            return Reply::ok();
        }
        match seen.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::Raw(Box::new(|connection| {
                connection.write_all(&accepting().repeat(5))?;
                // The connection stays open until the client has seen what more there is.
                connection.set_read_timeout(Some(std::time::Duration::from_secs(60)))?;
                let _more = connection.read(&mut [0; 1])?;
                Ok(())
            })),
            _ => Reply::ok(),
        }
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 100);
    let words = format!("{WRITE} --batch-rows 10 --max-in-flight 1 --json rows.jsonl");
    let summary = place.end(&words).expect(0).summary();
    assert_eq!(summary["rows_accepted"], 100, "{summary}");
    assert_eq!(recorder.stored(), rows(0, 100));
    let answered = accepted_once(&recorder.writes()).len();
    assert_eq!(answered, 90, "all but those of the first batch");
}

#[test]
fn an_acceptance_before_the_request_was_read_accepts_nothing() {
    let hasty = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut place = Place::at(hasty.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut connection in hasty.incoming().flatten() {
            let _head = connection.read(&mut [0; 16]);
            let _gone = connection.write_all(&accepting());
            // No byte of the body is taken; the client notices when the buffers are full.
            std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_secs(2));
                let _ended = connection.shutdown(Shutdown::Both);
            });
        }
    });
    // Far more than buffers hold, and nothing that gzip could make small.
    let noise = |seed: u64| {
        let mut state = seed | 1;
        let mut next = move || {
            state = state
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405_7b7e_f767_814f);
            format!("{:08x}", state >> 32)
        };
        (0..500).map(|_| next()).collect::<String>()
    };
    let large: Vec<String> = (0..8_000)
        .map(|number| format!("{{\"id\":\"{number}\",\"noise\":\"{}\"}}", noise(number)))
        .collect();
    place.file("rows.jsonl", large.join("\n"));
    let words = format!("{WRITE} --batch-bytes 31MiB --memory 128MiB --no-rate-limit");
    let ran = place.end(&format!("{words} --retry-for 1ms --json rows.jsonl"));
    let summary = ran.expect(5).summary();
    assert_eq!(summary["rows_accepted"], 0, "{summary}");
    let recorder = Recorder::new();
    place.set("BYTEAIR_HOST", &recorder.address.to_string());
    place.end(&format!("{words} rows.jsonl")).expect(0);
    assert_eq!(recorder.rows().len(), 8_000);
}
