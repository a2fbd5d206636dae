//! Headers and bodies as they leave, replies as they come, and every way to get none.

use super::server::{Server, Step};
use super::*;
use crate::domain::RowError;
use crate::protocol::inflate;
use crate::protocol::sign::{payload_digest, verify};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use std::sync::Mutex;
use std::time::Instant;

const OK: &[u8] = include_bytes!("../../../fixtures/replies/protobuf-ok.http");

fn ok() -> Step {
    Step::Reply(OK.to_vec())
}

#[tokio::test]
async fn a_request_carries_all_headers_its_length_and_a_valid_signature() {
    let server = Server::start(vec![ok()]).await;
    let outgoing = write();
    let judged = client(&server.host).send(&outgoing, || ()).await.judged;
    assert_eq!(judged.verdict, Verdict::Accepted, "{judged:?}");
    let received = server.received().pop().unwrap();
    let start = "POST /data/api/20013144/item?method=write&stage=pre_sync HTTP/1.1\r\n";
    assert!(received.head.starts_with(start), "{}", received.head);
    let id = request_id().to_string();
    let length = received.body.len().to_string();
    for (name, value) in [
        ("host", server.host.as_str()),
        ("tenant-id", "2100021"),
        ("request-id", &id),
        ("content-date", "2022-01-01"),
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
        ("content-length", &length),
        ("accept", "application/x-protobuf"),
        ("accept-encoding", "gzip"),
        (
            "user-agent",
            concat!("byteair-sync/", env!("CARGO_PKG_VERSION")),
        ),
    ] {
        assert_eq!(received.header(name), [value], "{name}");
    }
    assert!(received.header("transfer-encoding").is_empty());
    let plain = inflate(Some("gzip"), &received.body, 100).unwrap();
    assert_eq!(&*plain, br#"[{"id":"38","status":1}]"#);
    let headers: Vec<(&str, &str)> = received
        .head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .collect();
    let request = RequestToSign {
        method: "POST",
        authority: &server.host,
        path: "/data/api/20013144/item",
        query: "method=write&stage=pre_sync",
        headers: &headers,
        body: &received.body,
        payload_sha256: &payload_digest(&received.body),
    };
    assert_eq!(
        verify(&request, &[Fixed.load().unwrap()], Utc::now()),
        Ok(())
    );
}

#[tokio::test]
async fn raw_replies_mean_what_they_say() {
    let refused = Verdict::PartRefused(vec![RowError {
        message: "id is empty".to_owned(),
        data: r#"{"id":"","status":1}"#.to_owned(),
    }]);
    let fixtures: [(&[u8], Verdict); 7] = [
        (OK, Verdict::Accepted),
        (
            include_bytes!("../../../fixtures/replies/json-ok.http"),
            Verdict::Accepted,
        ),
        (
            include_bytes!("../../../fixtures/replies/protobuf-1001.http"),
            refused.clone(),
        ),
        (
            include_bytes!("../../../fixtures/replies/gzip-1001.http"),
            refused,
        ),
        (
            include_bytes!("../../../fixtures/replies/json-429.http"),
            Verdict::Throttled,
        ),
        (
            include_bytes!("../../../fixtures/replies/html-200.http"),
            Verdict::Unknown,
        ),
        (
            include_bytes!("../../../fixtures/replies/html-502.http"),
            Verdict::Unknown,
        ),
    ];
    let script = fixtures.iter().map(|(raw, _)| Step::Reply(raw.to_vec()));
    let server = Server::start(script.collect()).await;
    let client = client(&server.host);
    for (raw, verdict) in fixtures {
        let judged = client.send(&write(), || ()).await.judged;
        assert_eq!(judged.verdict, verdict, "{}", String::from_utf8_lossy(raw));
    }
}

#[tokio::test]
async fn a_large_body_leaves_whole_and_its_end_is_reported_once() {
    let mut noise = vec![0; 600_000];
    StdRng::seed_from_u64(1).fill_bytes(&mut noise);
    let outgoing = write_of(&noise);
    assert!(outgoing.body().len() > 500_000);
    let server = Server::start(vec![ok()]).await;
    let calls = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&calls);
    let began = Instant::now();
    let on_sent = move || recorded.lock().unwrap().push(Instant::now());
    let judged = client(&server.host).send(&outgoing, on_sent).await.judged;
    assert_eq!(judged.verdict, Verdict::Accepted);
    let calls = calls.lock().unwrap();
    assert_eq!(calls.len(), 1);
    assert!(began <= calls[0] && calls[0] <= Instant::now());
    assert_eq!(server.received()[0].body, outgoing.body()[..]);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    // 302 would be followed by a GET, 307 by the same POST.
    for status in [302, 307] {
        let elsewhere = Server::start(vec![ok()]).await;
        let redirect = format!(
            "HTTP/1.1 {status} Moved\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n",
            elsewhere.host
        );
        let server = Server::start(vec![Step::Reply(redirect.into_bytes())]).await;
        let judged = client(&server.host).send(&write(), || ()).await.judged;
        assert_eq!(judged.verdict, Verdict::Unexpected);
        assert_eq!(judged.http_status, Some(status));
        assert!(elsewhere.received().is_empty());
    }
}

#[tokio::test]
async fn a_used_connection_that_breaks_is_not_tried_again_in_secret() {
    let server = Server::start(vec![ok(), Step::Reset, ok()]).await;
    let client = client(&server.host);
    assert_eq!(
        client.send(&write(), || ()).await.judged.verdict,
        Verdict::Accepted
    );
    assert_eq!(
        client.send(&write(), || ()).await.judged.verdict,
        Verdict::Unknown
    );
    let received = server.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].connection, received[1].connection);
    assert_eq!(
        client.send(&write(), || ()).await.judged.verdict,
        Verdict::Accepted
    );
}

#[tokio::test]
async fn a_connection_closed_while_idle_costs_no_request() {
    let server = Server::start(vec![Step::ReplyThenClose(OK.to_vec()), ok()]).await;
    let client = client(&server.host);
    assert_eq!(
        client.send(&write(), || ()).await.judged.verdict,
        Verdict::Accepted
    );
    let second = client.send(&write(), || ()).await.judged.verdict;
    // The close may be noticed before or after the request was written, never twice sent.
    assert!(
        matches!(second, Verdict::Accepted | Verdict::Unknown),
        "{second:?}"
    );
    assert!(server.received().len() <= 2);
}

#[tokio::test]
async fn a_closed_port_sends_nothing_and_the_next_host_takes_over() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap().to_string();
    drop(listener);
    let server = Server::start(vec![ok()]).await;
    let client = Client::new(&settings(vec![closed.clone(), server.host.clone()])).unwrap();
    assert_eq!(client.current_host(), closed);
    let sent = Arc::new(Mutex::new(false));
    let flag = Arc::clone(&sent);
    let judged = client
        .send(&write(), move || *flag.lock().unwrap() = true)
        .await
        .judged;
    assert_eq!(judged.verdict, Verdict::NotSent, "{judged:?}");
    assert!(judged.message.contains(&closed), "{}", judged.message);
    assert!(!*sent.lock().unwrap());
    assert_eq!(client.current_host(), server.host);
    assert_eq!(
        client.send(&write(), || ()).await.judged.verdict,
        Verdict::Accepted
    );
}

#[tokio::test]
async fn an_unknown_name_sends_nothing() {
    let judged = client("host.invalid:1").send(&write(), || ()).await.judged;
    assert_eq!(judged.verdict, Verdict::NotSent, "{judged:?}");
}

#[tokio::test]
async fn a_reset_after_the_body_leaves_the_outcome_unknown() {
    let server = Server::start(vec![Step::Reset]).await;
    let client = client(&server.host);
    let judged = client.send(&write(), || ()).await.judged;
    assert_eq!(judged.verdict, Verdict::Unknown, "{judged:?}");
    assert_eq!(server.received().len(), 1);
    assert_eq!(client.current_host(), server.host);
}

#[tokio::test]
async fn silence_leaves_the_outcome_unknown_after_the_timeout() {
    let server = Server::start(vec![Step::Hang]).await;
    let mut settings = settings(vec![server.host.clone()]);
    settings.timeout = Duration::from_millis(300);
    let judged = Client::new(&settings)
        .unwrap()
        .send(&write(), || ())
        .await
        .judged;
    assert_eq!(judged.verdict, Verdict::Unknown, "{judged:?}");
    assert!(judged.message.contains("--timeout"), "{}", judged.message);
}

#[tokio::test]
async fn a_reply_that_breaks_off_leaves_the_outcome_unknown() {
    let cut = OK[..OK.len() - 2].to_vec();
    let server = Server::start(vec![Step::ReplyThenClose(cut)]).await;
    let judged = client(&server.host).send(&write(), || ()).await.judged;
    assert_eq!(judged.verdict, Verdict::Unknown, "{judged:?}");
    assert_eq!(judged.http_status, Some(200));
}

#[tokio::test]
async fn replies_without_end_and_gzip_bombs_are_not_read_to_the_end() {
    let endless = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n".to_vec();
    let bomb = Gzip::new(12).compress(&vec![b' '; MAX_REPLY_BYTES + 1]);
    let mut bombed = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        bomb.len()
    )
    .into_bytes();
    bombed.extend(bomb);
    let server = Server::start(vec![Step::Endless(endless), Step::Reply(bombed)]).await;
    let client = client(&server.host);
    for _ in 0..2 {
        let judged = client.send(&write(), || ()).await.judged;
        assert_eq!(judged.verdict, Verdict::Unknown);
        assert!(judged.message.contains("larger"), "{}", judged.message);
    }
}
