//! `doctor` on the way to the platform: each fault is on the wire.

use crate::doctor::fails;
use crate::recorder::{Recorder, Reply};
use crate::start::{Place, Ran, WRITE};
use chrono::{NaiveDate, NaiveTime, TimeDelta, Utc};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

const OK: &[u8] = include_bytes!("../../fixtures/replies/protobuf-ok.http");

/// A server that does this with every connection; it listens until the test's process ends.
fn server(each: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let each = Arc::new(each);
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let each = Arc::clone(&each);
            std::thread::spawn(move || each(connection));
        }
    });
    address
}

/// A server that accepts and answers every request, with this certificate; and its authority.
fn tls_server(name: &str, until: &str) -> (SocketAddr, String) {
    let until: NaiveDate = until.parse().unwrap();
    let until = until.and_time(NaiveTime::MIN).and_utc().timestamp();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "The Firm's Authority");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    let until = Duration::from_secs(until.try_into().unwrap());
    params.not_after = date_time_ymd(1970, 1, 1) + until;
    let certificate = params.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let address = server(move |connection| {
        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = StreamOwned::new(session, connection);
        let mut seen = Vec::new();
        let mut bytes = [0; 1024];
        // The body is behind the head at once; a client that goes away ends it.
        while !seen.windows(4).any(|four| four == b"\r\n\r\n") {
            match stream.read(&mut bytes) {
                Ok(length) if length > 0 => seen.extend_from_slice(&bytes[..length]),
                _ => return,
            }
        }
        let _ended = stream.write_all(OK).and_then(|()| stream.flush());
        while stream.read(&mut bytes).is_ok_and(|length| length > 0) {}
    });
    (address, authority.pem())
}

/// A place that goes to `localhost` by TLS.
fn tls_place(address: SocketAddr, ca: Option<&str>) -> Place {
    let mut place = Place::at(address);
    place.set("BYTEAIR_SCHEME", "https");
    place.set("BYTEAIR_HOST", &format!("localhost:{}", address.port()));
    let other = tls_server("unused", "2040-01-01").1;
    // With an authority of its own the program needs none of this machine.
    place.file("ca.pem", ca.unwrap_or(&other));
    place.set("BYTEAIR_CA_CERT", "ca.pem");
    place
}

#[test]
fn a_chain_that_holds_is_shown_with_its_names_and_its_end() {
    let (address, ca) = tls_server("localhost", "2040-01-01");
    let ran = tls_place(address, Some(&ca)).end("doctor").expect(0);
    let ran = ran.says("certificate for localhost by The Firm's Authority, until 2040-01-01");
    assert!(ran.output.contains("TLS 1.3"), "{}", ran.output);
}

#[test]
fn a_certificate_that_ends_soon_is_a_notice() {
    let soon = (Utc::now() + TimeDelta::days(4)).date_naive().to_string();
    let (address, ca) = tls_server("localhost", &soon);
    let ran = tls_place(address, Some(&ca)).end("doctor").expect(0);
    let ran = ran.says("notice").says("3 days from now");
    assert!(ran.output.contains(&soon), "{}", ran.output);
}

#[test]
fn an_expired_certificate_says_since_when() {
    let (address, ca) = tls_server("localhost", "2021-06-01");
    let ran = tls_place(address, Some(&ca)).end("doctor");
    let says = [
        "the certificate of localhost ended on 2021-06-01",
        "renew it",
        "the clock of this machine",
    ];
    fails(ran, 5, "tls", &says);
}

#[test]
fn a_certificate_of_an_unknown_authority_names_it() {
    let (address, _) = tls_server("localhost", "2040-01-01");
    let ran = tls_place(address, None).end("doctor");
    fails(
        ran,
        5,
        "tls",
        &["The Firm's Authority", "does not trust", "--ca-cert"],
    );
}

#[test]
fn a_certificate_for_another_name_names_both() {
    let (address, ca) = tls_server("other.example", "2040-01-01");
    let ran = tls_place(address, Some(&ca)).end("doctor");
    fails(
        ran,
        5,
        "tls",
        &["for other.example and not for localhost", "check --host"],
    );
}

#[test]
fn a_server_that_speaks_plain_http_is_noticed() {
    let address = server(|mut connection| {
        let mut bytes = [0; 1024];
        let _read = connection.read(&mut bytes);
        let _ended = connection.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    let ran = tls_place(address, None).end("doctor");
    fails(ran, 5, "tls", &["does not answer in TLS", "--scheme http"]);
}

#[test]
fn a_closed_port_is_named() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let says = [
        address.to_string(),
        "check the host and its port".to_owned(),
    ];
    let says = says.each_ref().map(String::as_str);
    fails(Place::at(address).end("doctor"), 5, "tcp", &says);
}

#[test]
fn a_host_that_does_not_exist_is_named() {
    let recorder = Recorder::new();
    let mut place = Place::with(&recorder);
    place.set("BYTEAIR_SCHEME", "https");
    place.set("BYTEAIR_HOST", "no-such-host.invalid");
    let says = ["no-such-host.invalid has no address", "check its spelling"];
    fails(place.end("doctor"), 5, "dns", &says);
}

/// A proxy that gives this answer to every request.
fn proxy(answer: &'static str) -> SocketAddr {
    server(move |mut connection| {
        let mut bytes = [0; 4096];
        let length = connection.read(&mut bytes).unwrap_or(0);
        let head = String::from_utf8_lossy(&bytes[..length]).into_owned();
        assert!(
            head.starts_with("CONNECT platform.example:443 HTTP/1.1"),
            "{head}"
        );
        let _ended = connection.write_all(answer.as_bytes());
    })
}

fn by_proxy(url: &str) -> Ran {
    let mut place = Place::at(([127, 0, 0, 1], 1).into());
    place.set("BYTEAIR_SCHEME", "https");
    place.set("BYTEAIR_HOST", "platform.example");
    place.set("BYTEAIR_PROXY", url);
    place.end("doctor")
}

#[test]
fn a_proxy_that_refuses_is_named_without_its_password() {
    let address = proxy("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    let ran = by_proxy(&format!("http://someone:hidden-0003@{address}"));
    assert!(!ran.output.contains("hidden-0003"), "{}", ran.output);
    let says = [
        "refuses to connect to platform.example:443 (HTTP 403)",
        "NO_PROXY",
    ];
    fails(ran, 5, "proxy", &says);
    let address = proxy("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    let ran = by_proxy(&format!("http://{address}"));
    fails(
        ran,
        5,
        "proxy",
        &["wants to know who asks", "BYTEAIR_PROXY"],
    );
    let address = proxy("SSH-2.0-OpenSSH\r\n\r\n");
    let ran = by_proxy(&format!("http://{address}"));
    fails(
        ran,
        5,
        "proxy",
        &["does not answer as a proxy does", "its port"],
    );
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let ran = by_proxy(&format!("http://{address}"));
    fails(
        ran,
        5,
        "tcp",
        &[
            "cannot connect to the proxy at",
            "check the host and its port",
        ],
    );
}

#[test]
fn wrong_keys_are_status_12_and_their_values_are_not_shown() {
    let recorder = Recorder::answering(|_, _| Reply::code(401, 401, "Auth fail, wrong sign"));
    let ran = Place::with(&recorder).end("doctor");
    fails(
        ran,
        12,
        "credentials",
        &["Auth fail, wrong sign", "check the keys", "console"],
    );
    assert_eq!(recorder.everything().len(), 1);
}

/// A server whose clock is so far off, and which refuses signatures of another time.
fn clock(off: TimeDelta) -> Recorder {
    Recorder::answering(move |request, _| {
        let now = Utc::now() + off;
        let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let signed = request.header("x-date").unwrap_or_default().to_owned();
        let minute = |time: chrono::DateTime<Utc>| time.format("%Y%m%dT%H%M").to_string();
        let near = [now, now - TimeDelta::minutes(1)].map(minute);
        if near.iter().any(|near| signed.starts_with(near)) {
            return Reply::ok().with("Date", &date);
        }
        Reply::code(401, 401, "Auth fail, expired").with("Date", &date)
    })
}

#[test]
fn a_clock_that_is_an_hour_off_is_status_12_and_the_keys_are_not_blamed() {
    for (hours, side) in [(1, "behind"), (-1, "ahead of")] {
        let ran = Place::with(&clock(TimeDelta::hours(hours))).end("doctor");
        assert!(
            ran.output.contains("which the clock explains"),
            "{}",
            ran.output
        );
        fails(ran, 12, "clock", &["3,", side, "the server's", "NTP"]);
    }
}

#[test]
fn a_clock_that_is_a_little_off_is_a_notice_because_runs_make_up_for_it() {
    let recorder = clock(TimeDelta::minutes(4));
    let ran = Place::with(&recorder).end("doctor").expect(0);
    assert!(
        ran.output.contains("notice") && ran.output.contains("NTP"),
        "{}",
        ran.output
    );
    assert!(ran.output.contains("accepts them"), "{}", ran.output);
    assert_eq!(recorder.everything().len(), 2);
}

#[test]
fn an_answer_that_is_neither_yes_nor_no_is_not_verified_and_no_failure() {
    for reply in [
        || Reply::bare(404),
        || Reply::bare(502),
        || Reply::code(200, 410, "operation information lost"),
        || Reply::http(200, "text/html", "<html>log in here</html>"),
    ] {
        let recorder = Recorder::answering(move |_, _| reply());
        let ran = Place::with(&recorder).end("doctor").expect(0);
        let line = ran
            .output
            .lines()
            .find(|line| line.contains("credentials "))
            .unwrap();
        assert!(line.starts_with("not verified"), "{line}");
    }
}

#[test]
fn a_server_that_never_answers_is_a_failure_of_the_network() {
    let recorder = Recorder::answering(|_, _| {
        std::thread::sleep(Duration::from_secs(20));
        Reply::ok()
    });
    let ran = Place::with(&recorder).end("doctor --timeout 2s");
    fails(ran, 5, "credentials", &["no reply from", "in time"]);
}

#[test]
fn with_several_hosts_each_is_looked_at() {
    let recorder = Recorder::new();
    let mut place = Place::with(&recorder);
    let closed = TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap();
    place.set("BYTEAIR_HOST", &format!("{closed},{}", recorder.address));
    // An upload goes to the other one.
    let ran = place.end("doctor").expect(0);
    assert!(
        ran.output
            .contains(&format!("credentials {}", recorder.address)),
        "{}",
        ran.output
    );
    let until = format!("until then uploads go to {}", recorder.address);
    ran.says(&format!("tcp {closed}"))
        .says("cannot connect")
        .says(&until);
    place.rows("a.jsonl", 0, 1);
    place.end(&format!("{WRITE} a.jsonl")).expect(0);
    place.set("BYTEAIR_HOST", &format!("{closed},127.0.0.1:1"));
    place
        .end("doctor")
        .expect(5)
        .says(&format!("checks failed: tcp {closed}, tcp 127.0.0.1:1"));
}
