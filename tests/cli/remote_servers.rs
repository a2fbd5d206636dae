//! Files of web servers as inputs, over TLS and without, and URLs that are refused.

use crate::recorder::Recorder;
use crate::start::{Place, WRITE, rows};
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

/// What a server does with what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Ranges, and versions by entity tags.
    Proper,
    /// The whole file whatever was asked.
    NoRanges,
    /// Ranges, but nothing that tells versions apart but the time.
    NoTags,
}

/// A web server with one file, `/in/a%20b.jsonl`.
struct Web {
    address: SocketAddr,
}

impl Web {
    fn new(content: Vec<u8>, manner: Manner, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let content = Arc::new(content);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (content, tls) = (Arc::clone(&content), tls.clone());
                std::thread::spawn(move || match tls {
                    Some(config) => {
                        let connection = ServerConnection::new(config).unwrap();
                        serve(StreamOwned::new(connection, client), &content, manner);
                    }
                    None => serve(client, &content, manner),
                });
            }
        });
        Self { address }
    }
}

fn serve(stream: impl Read + Write, content: &[u8], manner: Manner) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while stream.read_line(&mut head).is_ok_and(|read| read > 0) {
        if !head.ends_with("\r\n\r\n") {
            continue;
        }
        let reply = answer(&head, content, manner);
        if stream.get_mut().write_all(&reply).is_err() || stream.get_mut().flush().is_err() {
            return;
        }
        head.clear();
    }
}

fn answer(head: &str, content: &[u8], manner: Manner) -> Vec<u8> {
    if !head.contains(" /in/a%20b.jsonl ") {
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec();
    }
    let range = head.lines().find_map(|line| {
        let (first, last) = line.strip_prefix("range: bytes=")?.split_once('-')?;
        Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?))
    });
    let (status, extra, part) = match range {
        Some((first, last)) if manner != Manner::NoRanges => (
            "206 Partial Content",
            format!("Content-Range: bytes {first}-{last}/{}\r\n", content.len()),
            &content[first..=last],
        ),
        _ => ("200 OK", String::new(), content),
    };
    let tag = match manner {
        Manner::NoTags => "Last-Modified: Sat, 01 Jan 2022 00:00:00 GMT\r\n",
        Manner::Proper | Manner::NoRanges => "ETag: \"one\"\r\n",
    };
    let mut reply = format!(
        "HTTP/1.1 {status}\r\n{tag}{extra}Content-Length: {}\r\n\r\n",
        part.len()
    )
    .into_bytes();
    if !head.starts_with("HEAD") {
        reply.extend_from_slice(part);
    }
    reply
}

fn content(count: usize) -> Vec<u8> {
    (rows(0, count).join("\n") + "\n").into_bytes()
}

#[test]
fn a_file_of_a_web_server_arrives_over_tls_that_is_checked() {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let web = Web::new(content(20_000), Manner::Proper, Some(Arc::new(config)));
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("ca.pem", made.cert.pem());
    let url = format!("https://{}/in/a%20b.jsonl", web.address);
    let words = format!("{WRITE} --no-rate-limit {url}");
    place
        .end(&words)
        .expect(5)
        .says("certificate")
        .says("--ca-cert");
    place.end(&format!("{words} --ca-cert ca.pem")).expect(0);
    assert_eq!(recorder.accepted(), rows(0, 20_000));
    place
        .end(&format!("{WRITE} --ca-cert ca.pem {url}x"))
        .expect(10)
        .says("is not there");
}

#[test]
fn a_web_server_may_tell_versions_by_time_but_has_to_know_ranges() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let url = |web: &Web| format!("http://{}/in/a%20b.jsonl", web.address);
    let plain = Web::new(content(20_000), Manner::NoTags, None);
    place
        .end(&format!("{WRITE} --no-rate-limit {}", url(&plain)))
        .expect(0);
    assert_eq!(recorder.accepted(), rows(0, 20_000));
    let place = Place::with(&recorder);
    let whole = Web::new(content(20_000), Manner::NoRanges, None);
    place
        .end(&format!("{WRITE} --no-rate-limit {}", url(&whole)))
        .expect(4)
        .says("pipe it in");
}

#[test]
fn urls_that_hold_secrets_or_cannot_be_read_are_refused_before_anything_is_asked() {
    let place = Place::with(&Recorder::new());
    for (url, why) in [
        ("https://user:hunter2@127.0.0.1/x.csv", "user or password"),
        ("https://127.0.0.1/x.csv?sig=hunter2", "query"),
        ("https://127.0.0.1/*.csv", "web server"),
        ("ftp://127.0.0.1/x.csv", "cannot be read"),
        ("http://192.0.2.1/x.csv", "--allow-plain-http"),
        ("tos://bucket/x.csv", "TOS_REGION"),
        ("obs://bucket/x.csv", "OBS_ENDPOINT"),
        ("oss://bucket/x.csv", "OSS_ENDPOINT"),
    ] {
        let ran = place.end(&format!("{WRITE} {url}")).expect(2).says(why);
        assert!(!ran.errors.contains("hunter2"), "{}", ran.errors);
        assert!(!ran.output.contains("hunter2"), "{}", ran.output);
    }
    assert!(!String::from_utf8_lossy(&place.state_bytes()).contains("hunter2"));
}
