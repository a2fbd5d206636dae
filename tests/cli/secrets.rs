//! Known secrets through success, refusals, failures and everything that can be looked at afterwards.
//!
//! They are looked for byte by byte, also as base64, hex and percent-encoded text, in the output, in
//! every file that a command leaves, and in the process list while it runs.

use crate::recorder::{ACCESS_KEY, Received, Recorder, Reply, SECRET_KEY, TOKEN};
use crate::start::{Place, Ran, WRITE};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::Child;

const SESSION: &str = "session/very+hidden=0003";
const PASSWORD: &str = "proxy-very-hidden-0004";

/// The spellings in which a secret might get out; base64 at each of its three alignments.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let bytes = secret.as_bytes();
    let mut spelt = vec![
        secret.to_owned(),
        hex::encode(bytes),
        hex::encode_upper(bytes),
        byteair_sync::protocol::sign::percent_encode(secret),
        STANDARD.encode(bytes),
        bytes.iter().rev().map(|byte| char::from(*byte)).collect(),
    ];
    for skipped in 0..3 {
        // Whole groups of three bytes read the same wherever they stand.
        let inner = &bytes[skipped..];
        let inner = &inner[..inner.len() / 3 * 3];
        spelt.push(STANDARD_NO_PAD.encode(inner));
        spelt.push(URL_SAFE_NO_PAD.encode(inner));
    }
    spelt.into_iter().map(String::into_bytes).collect()
}

#[track_caller]
fn absent(secrets: &[&str], where_to_look: &str, bytes: &[u8]) {
    for secret in secrets {
        for spelling in spellings(secret) {
            let found = memchr::memmem::find(bytes, &spelling);
            let shown = String::from_utf8_lossy(&spelling).into_owned();
            assert_eq!(found, None, "{shown} in {where_to_look}");
        }
    }
}

const SECRETS: [&str; 4] = [SECRET_KEY, TOKEN, SESSION, PASSWORD];

/// Output and every file below the home of the place, whatever it is called.
#[track_caller]
fn nothing_got_out(place: &Place, ran: &Ran, also: &[&str]) {
    let secrets = [&SECRETS[..], also].concat();
    absent(&secrets, "stdout", ran.output.as_bytes());
    absent(&secrets, "stderr", ran.errors.as_bytes());
    let mut files = 0;
    for entry in walkdir::WalkDir::new(place.path("")) {
        let entry = entry.unwrap();
        let name = entry.path().to_string_lossy().into_owned();
        absent(&secrets, "a name", name.as_bytes());
        if entry.file_type().is_file() && !name.contains("/secret-files/") {
            files += 1;
            absent(&secrets, &name, &std::fs::read(entry.path()).unwrap());
        }
    }
    assert!(files > 3, "there is a ledger");
}

/// A place with credentials of one kind.
fn place(recorder: &Recorder, kind: &str) -> Place {
    let mut place = Place::with(recorder);
    place.rows("rows.jsonl", 0, 10);
    match kind {
        "keys" => {}
        "token" => {
            place.set("BYTEAIR_AK", "");
            place.set("BYTEAIR_SK", "");
            place.set("BYTEAIR_TOKEN", TOKEN);
        }
        "session" => place.set("BYTEAIR_SESSION_TOKEN", SESSION),
        _ => {
            for (name, secret) in [("AK", ACCESS_KEY), ("SK", SECRET_KEY)] {
                let file = format!("secret-files/{name}");
                place.file(&file, secret);
                place.set(&format!("BYTEAIR_{name}"), "");
                let path = place.path(&file);
                place.set(&format!("BYTEAIR_{name}_FILE"), path.to_str().unwrap());
            }
        }
    }
    for name in ["RUST_LOG", "RUST_BACKTRACE", "HYPER_TRACE"] {
        place.set(name, "trace");
    }
    place
}

/// Replies of every class; a server may also quote what it was sent.
const REPLIES: [fn(&Received) -> Reply; 7] = [
    |_| Reply::ok(),
    |_| Reply::bare(503),
    |_| Reply::Cut,
    |_| Reply::code(401, 401, "Auth fail, no"),
    |request| Reply::code(400, 400, &quoted(request)),
    |request| Reply::code(429, 429, &quoted(request)),
    |request| {
        if request.is_done() {
            return Reply::code(405, 405, &quoted(request));
        }
        let row = request.rows()[0].clone();
        Reply::refused_rows(200, 1001, &quoted(request), &[(&quoted(request), &row)])
    },
];

/// The headers of a request as a helpful gateway repeats them, the interesting ones first.
fn quoted(request: &Received) -> String {
    let mut headers = request.headers.clone();
    headers.sort_by_key(|(name, _)| !name.contains("auth") && !name.contains("t-signature"));
    let lines: Vec<String> = headers
        .iter()
        .rev()
        .chain(&headers)
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    lines.join("; ")
}

/// The signatures of all requests, which are nobody's business either.
fn signatures(recorder: &Recorder) -> Vec<String> {
    let mut found = Vec::new();
    for request in recorder.everything() {
        for name in ["authorization", "tenant-signature"] {
            let value = request.header(name).unwrap_or_default();
            found.extend(value.rsplit('=').next().map(str::to_owned));
        }
    }
    found.retain(|signature| !signature.is_empty());
    found
}

#[test]
fn secrets_are_in_no_output_file_or_ledger_however_a_run_ends() {
    for kind in ["keys", "token", "session", "files"] {
        for reply in REPLIES {
            let recorder = Recorder::answering(move |request, _| reply(request));
            let place = place(&recorder, kind);
            let words = format!("{WRITE} -v --retry-for 30ms --report report.json rows.jsonl");
            for words in [
                words.clone(),
                format!("--json --log-format json {words}"),
                "ledger show".to_owned(),
                "rejects show 1".to_owned(),
                "rejects list --json".to_owned(),
                "config show".to_owned(),
                "done --date 2022-01-01".to_owned(),
            ] {
                let ran = place.end(&words);
                assert_ne!(ran.status, 1, "{words}: {}", ran.errors);
                let signatures = signatures(&recorder);
                assert!(!signatures.is_empty());
                let also: Vec<&str> = signatures.iter().map(String::as_str).collect();
                nothing_got_out(&place, &ran, &also);
            }
        }
    }
}

#[test]
fn requests_carry_the_signature_and_no_secret_but_the_token_of_temporary_keys() {
    for kind in ["keys", "token", "session", "files"] {
        let recorder = Recorder::new();
        let place = place(&recorder, kind);
        place.end(&format!("{WRITE} rows.jsonl")).expect(0);
        for request in recorder.everything() {
            let mut headers = request.headers.clone();
            if kind == "session" {
                headers.retain(|(name, _)| name != "x-security-token");
                assert_eq!(request.header("x-security-token"), Some(SESSION));
            }
            let text = format!("{} {} {headers:?}", request.path, request.query);
            absent(&SECRETS, "the request", text.as_bytes());
            absent(&SECRETS, "the body", &request.text);
        }
    }
}

#[test]
fn the_process_list_shows_no_secret() {
    for kind in ["keys", "token", "session", "files"] {
        let recorder = Recorder::answering(|_, _| Reply::bare(503));
        let mut place = place(&recorder, kind);
        let proxy = format!("http://user:{PASSWORD}@127.0.0.1:9");
        place.set("HTTP_PROXY", &proxy);
        let child = place.start(&format!("{WRITE} --retry-for 10m rows.jsonl"));
        crate::recorder::eventually("a request", || recorder.everything().len() > 2);
        let listed = process_list(&child);
        assert!(listed.windows(7).any(|it| it == b"byteair"), "it is there");
        absent(&SECRETS, "the process list", &listed);
        crate::start::signal(&child, rustix::process::Signal::KILL);
        Ran::after(child).expect(-9);
    }
}

/// Command lines and names of a process, its threads and its children.
fn process_list(child: &Child) -> Vec<u8> {
    let mut seen = Vec::new();
    let mut parents = vec![child.id()];
    while let Some(parent) = parents.pop() {
        let folder = format!("/proc/{parent}");
        seen.extend(std::fs::read(format!("{folder}/cmdline")).unwrap());
        for task in std::fs::read_dir(format!("{folder}/task")).unwrap() {
            let task = task.unwrap().path();
            // A thread may end while it is looked at.
            seen.extend(std::fs::read(task.join("comm")).unwrap_or_default());
            let children = std::fs::read_to_string(task.join("children")).unwrap_or_default();
            parents.extend(
                children
                    .split_whitespace()
                    .map(|id| id.parse::<u32>().unwrap()),
            );
        }
    }
    seen
}

#[test]
fn the_password_of_a_proxy_is_shown_nowhere() {
    // Refuses whoever comes, in words that repeat what was said.
    let proxy = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = proxy.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut connection in proxy.incoming().flatten() {
            use std::io::{Read, Write};
            let mut head = [0; 4096];
            let length = connection.read(&mut head).unwrap_or(0);
            let text = String::from_utf8_lossy(&head[..length]).replace("\r\n", "; ");
            let length = text.len();
            let _gone = write!(
                connection,
                "HTTP/1.1 407 Proxy Authentication Required: {text}\r\nContent-Length: {length}\r\n\r\n{text}"
            );
        }
    });
    let recorder = Recorder::new();
    let encoded = STANDARD.encode(format!("user:{PASSWORD}"));
    for (scheme, by_flag) in [
        ("http", false),
        ("https", false),
        ("http", true),
        ("https", true),
    ] {
        let mut place = place(&recorder, "keys");
        place.set("BYTEAIR_SCHEME", scheme);
        let url = format!("http://user:{PASSWORD}@{address}");
        let mut flag = String::new();
        if by_flag {
            flag = format!("--proxy {url}");
        } else {
            place.set("BYTEAIR_PROXY", &url);
        }
        for words in [
            format!("{WRITE} {flag} -v --retry-for 1ms --report r.json rows.jsonl"),
            format!("{WRITE} {flag} --json --retry-for 1ms rows.jsonl"),
            format!("config show {flag}"),
            "ledger show".to_owned(),
        ] {
            let ran = place.end(&words);
            nothing_got_out(&place, &ran, &[&encoded]);
        }
        place.set(
            "BYTEAIR_PROXY",
            &format!("http://user:{PASSWORD}@:not a url"),
        );
        let ran = place.end(&format!("{WRITE} rows.jsonl")).expect(2);
        nothing_got_out(&place, &ran, &[]);
    }
    assert!(recorder.everything().is_empty());
}

#[test]
fn what_is_wrong_with_a_secret_is_said_without_it() {
    let recorder = Recorder::new();
    let texts = BTreeMap::from([
        ("two words", format!("{SECRET_KEY} {TOKEN}")),
        ("two lines", format!("{SECRET_KEY}\n{TOKEN}")),
        ("zero", format!("{SECRET_KEY}\u{1}{TOKEN}")),
        ("long", TOKEN.repeat(10_000)),
    ]);
    for text in texts.values() {
        for name in ["AK", "SK", "SESSION_TOKEN"] {
            let mut place = place(&recorder, "keys");
            place.file("secret-files/bad", text);
            place.set(&format!("BYTEAIR_{name}"), "");
            let path = place.path("secret-files/bad");
            place.set(&format!("BYTEAIR_{name}_FILE"), path.to_str().unwrap());
            place.file("a", "");
            place.file("b", "");
            place.file("c", "");
            for words in [
                format!("{WRITE} -v --retry-for 1ms rows.jsonl"),
                "config show".to_owned(),
            ] {
                let ran = place.end(&words);
                nothing_got_out(&place, &ran, &[]);
            }
        }
    }
}

/// A URL with a password for a host is refused, and was shown with it.
#[test]
fn the_password_of_a_refused_host_is_not_shown() {
    let place = Place::new();
    place.rows("rows.jsonl", 0, 3);
    for host in ["http://u:{}@h/", "u:{}@h"] {
        let host = host.replace("{}", PASSWORD);
        let ran = place
            .end(&format!("{WRITE} --host {host} rows.jsonl"))
            .expect(2);
        let text = ran.output + &ran.errors;
        assert!(!text.contains(PASSWORD), "{text}");
        assert!(text.contains("***@h"), "{text}");
    }
}
