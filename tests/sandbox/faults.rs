//! Each fault as a client sees it, and what is stored afterwards.

use crate::client::{Ask, Running, http_builder};
use byteair_sync::protocol::DoneFormat;
use byteair_sync::sandbox::{FaultOn, SandboxSettings};
use std::time::{Duration, Instant};

const ROWS: &str = r#"[{"id":"1"}]"#;

async fn with_fault(rule: &str) -> Running {
    Running::start(SandboxSettings {
        faults: vec![rule.parse().unwrap()],
        slow: Duration::from_millis(50)..=Duration::from_millis(60),
        ..SandboxSettings::default()
    })
    .await
}

async fn rows_stored(running: &Running) -> u64 {
    running.state().await["rows_total"].as_u64().unwrap()
}

async fn faults_counted(running: &Running, name: &str) -> u64 {
    running.state().await["faults"][name].as_u64().unwrap_or(0)
}

/// Whether the error was a connection reset by the peer.
fn is_reset(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return io.kind() == std::io::ErrorKind::ConnectionReset;
        }
        source = cause.source();
    }
    false
}

#[tokio::test]
async fn gateway_pages_store_nothing_or_everything_as_named() {
    for (rule, stored) in [("http:503", 0), ("lost-reply:502", 1)] {
        let running = with_fault(&format!("{rule}=1")).await;
        let response = Ask::write("a", ROWS)
            .send(&running.authority)
            .await
            .unwrap();
        assert_eq!(
            response.status().as_u16().to_string(),
            rule.rsplit_once(':').unwrap().1
        );
        assert_eq!(response.headers()["content-type"], "text/html");
        assert_eq!(rows_stored(&running).await, stored, "{rule}");
        assert_eq!(faults_counted(&running, rule).await, 1);
        running.stop().await;
    }
}

#[tokio::test]
async fn a_status_fault_is_a_readable_refusal() {
    let running = with_fault("status:500=1").await;
    let (http, reply) = Ask::write("a", ROWS).reply(&running).await;
    assert_eq!((http, reply.status.unwrap().code), (200, 500));
    assert_eq!(rows_stored(&running).await, 0);
    running.stop().await;
}

#[tokio::test]
async fn cut_connections_are_resets_and_only_a_lost_reply_was_stored() {
    for (name, stored) in [("reset-before", 0), ("reset-after", 0), ("lost-reply", 1)] {
        let running = with_fault(&format!("{name}=1")).await;
        let error = Ask::write("a", ROWS)
            .send(&running.authority)
            .await
            .unwrap_err();
        assert!(is_reset(&error), "{name}: {error:?}");
        assert!(!error.is_connect() && !error.is_timeout());
        assert_eq!(rows_stored(&running).await, stored, "{name}");
        assert_eq!(faults_counted(&running, name).await, 1);
        running.stop().await;
    }
}

#[tokio::test]
async fn garbage_is_a_200_that_nothing_decodes_and_the_rows_are_stored() {
    let running = with_fault("garbage=1").await;
    let response = Ask::write("a", ROWS)
        .send(&running.authority)
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let body = response.bytes().await.unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&body).is_err());
    let decoded = <byteair_sync::protocol::messages::WriteResponse as prost::Message>::decode(body);
    assert!(decoded.is_err());
    assert_eq!(rows_stored(&running).await, 1);
    running.stop().await;
}

#[tokio::test]
async fn a_hanging_request_ends_with_the_clients_patience() {
    let running = with_fault("hang=1").await;
    let ask = Ask {
        http: http_builder()
            .timeout(Duration::from_millis(300))
            .build()
            .unwrap(),
        ..Ask::write("a", ROWS)
    };
    assert!(ask.send(&running.authority).await.unwrap_err().is_timeout());
    assert_eq!(rows_stored(&running).await, 0);
    running.stop().await;
}

#[tokio::test]
async fn a_slow_answer_and_latency_come_late_but_right() {
    let running = Running::start(SandboxSettings {
        faults: vec!["slow=1".parse().unwrap()],
        slow: Duration::from_millis(50)..=Duration::from_millis(60),
        latency: Some(Duration::from_millis(40)..=Duration::from_millis(50)),
        ..SandboxSettings::default()
    })
    .await;
    let asked = Instant::now();
    assert_eq!(Ask::write("a", ROWS).outcome(&running).await.0, 0);
    assert!(asked.elapsed() >= Duration::from_millis(90));
    running.stop().await;
}

#[tokio::test]
async fn a_stored_request_whose_reply_was_lost_is_409_the_next_time() {
    let running = Running::start(SandboxSettings {
        faults: vec!["lost-reply=1".parse().unwrap()],
        fault_on: Some(FaultOn::Done),
        ..SandboxSettings::default()
    })
    .await;
    assert_eq!(Ask::write("w", ROWS).outcome(&running).await.0, 0);
    for _ in 0..2 {
        let done = Ask::done("d", DoneFormat::Protobuf);
        assert!(done.send(&running.authority).await.is_err());
    }
    let state = running.state().await;
    assert_eq!(state["partitions"][0]["done_requests"], 1);
    assert_eq!(state["partitions"][0]["duplicates"], 1);
    running.stop().await;
}

#[tokio::test]
async fn a_fault_never_hides_a_wrong_signature() {
    let running = with_fault("http:503=1").await;
    let forged = Ask {
        signed_at: chrono::Utc::now() - chrono::TimeDelta::hours(1),
        ..Ask::write("a", ROWS)
    };
    assert_eq!(forged.outcome(&running).await.0, 401);
    running.stop().await;
}

#[tokio::test]
async fn a_remembered_refusal_is_one_that_the_client_could_understand() {
    for (rule, kept) in [
        ("http:429=1", true),
        ("status:500=1", true),
        ("http:500=1", false),
        ("reset-after=1", false),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let settings = SandboxSettings {
            remember_refused: true,
            data_dir: Some(directory.path().to_owned()),
            ..SandboxSettings::default()
        };
        let faulty = Running::start(SandboxSettings {
            faults: vec![rule.parse().unwrap()],
            ..settings.clone()
        })
        .await;
        let _ = Ask::write("a", ROWS).send(&faulty.authority).await;
        faulty.stop().await;
        let sound = Running::start(settings).await;
        let code = Ask::write("a", ROWS).outcome(&sound).await.0;
        assert_eq!(code == 409, kept, "{rule}");
        sound.stop().await;
    }
}
