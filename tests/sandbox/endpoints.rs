//! The sandbox's own endpoints, TLS, HTTP/2, and stopping.

use crate::client::{Ask, Running, http, http_builder};
use byteair_sync::sandbox::SandboxSettings;
use std::time::Duration;

#[tokio::test]
async fn rows_are_dumped_by_partition_and_a_reset_forgets_them() {
    let running = Running::start(SandboxSettings::default()).await;
    for (id, day) in [("a", "2022-01-01"), ("b", "20220102")] {
        let write = Ask::write(id, &format!(r#"[{{"day":"{day}"}}]"#)).with("Content-Date", day);
        assert_eq!(write.outcome(&running).await.0, 0);
    }
    assert_eq!(
        running.get("/sandbox/rows?date=2022-01-02").await,
        "{\"day\":\"20220102\"}\n"
    );
    assert_eq!(running.get("/sandbox/rows?topic=user").await, "");
    assert_eq!(running.get("/sandbox/rows").await.lines().count(), 2);
    assert_eq!(running.sandbox.state().rows_total, 2);

    let url = format!("http://{}/sandbox/reset", running.authority);
    assert_eq!(http().post(url).send().await.unwrap().status(), 200);
    let state = running.state().await;
    assert_eq!(state["v"], 1);
    assert_eq!(state["partitions"], serde_json::json!([]));
    assert_eq!(state["requests_total"], 0);
    assert_eq!(running.get("/sandbox/rows").await, "");
    assert_eq!(
        Ask::write("a", r#"[{"id":"1"}]"#).outcome(&running).await.0,
        0
    );
    running.stop().await;
}

#[tokio::test]
async fn limits_change_while_it_runs_until_a_reset() {
    let running = Running::start(SandboxSettings::default()).await;
    let post = async |path: &str| {
        let url = format!("http://{}/sandbox/{path}", running.authority);
        let response = http().post(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let limits = "{\"qps\":100,\"rows_per_second\":1}\n";
    assert_eq!(post("limits?rows_per_second=1").await, (200, limits.into()));
    let two_rows = Ask::write("a", r#"[{"id":"1"},{"id":"2"}]"#);
    assert_eq!(two_rows.outcome(&running).await.0, 429);
    for wrong in ["qps=0", "rows_per_second=many", "qps=7&rows=3", "qps"] {
        let (status, text) = post(&format!("limits?{wrong}")).await;
        assert_eq!(status, 400, "{wrong}: {text}");
    }
    assert_eq!(post("limits").await, (200, limits.into()));
    let wide = "{\"qps\":7,\"rows_per_second\":2}\n";
    let both = "limits?qps=7&rows_per_second=2";
    assert_eq!(post(both).await, (200, wide.into()));
    let two_rows = Ask::write("b", r#"[{"id":"1"},{"id":"2"}]"#);
    assert_eq!(two_rows.outcome(&running).await.0, 0);
    assert_eq!(post("reset").await.0, 200);
    let state = running.state().await;
    let usual = serde_json::json!({"qps": 100, "rows_per_second": 50_000});
    assert_eq!(state["limits"], usual);
    running.stop().await;
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let running = Running::start(SandboxSettings::default()).await;
    let page = running.get("/").await;
    assert!(page.contains("/sandbox/state"));
    assert!(!page.contains("http://") && !page.contains("https://"));
    let lost = http()
        .get(format!("http://{}/nowhere", running.authority))
        .send()
        .await
        .unwrap();
    assert_eq!(lost.status(), 404);
    running.stop().await;
}

#[tokio::test]
async fn tls_serves_http2_to_who_trusts_the_certificate_and_nobody_else() {
    let running = Running::start(SandboxSettings {
        tls: true,
        ..SandboxSettings::default()
    })
    .await;
    let pem = running.sandbox.certificate_pem().unwrap();
    let certificate = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
    let trusting = http_builder()
        .tls_certs_only([certificate])
        .build()
        .unwrap();
    let ask = Ask {
        scheme: "https",
        http: trusting,
        ..Ask::write("a", r#"[{"id":"1"}]"#)
    };
    let response = ask.send(&running.authority).await.unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    assert_eq!(response.status(), 200);
    assert_eq!(running.sandbox.state().rows_total, 1);
    let wary = Ask {
        scheme: "https",
        ..Ask::write("b", r#"[{"id":"1"}]"#)
    };
    assert!(
        wary.send(&running.authority)
            .await
            .unwrap_err()
            .is_connect()
    );
    running.stop().await;
}

#[tokio::test]
async fn http2_streams_are_cut_with_their_connection() {
    let running = Running::start(SandboxSettings {
        faults: vec!["lost-reply=1".parse().unwrap()],
        ..SandboxSettings::default()
    })
    .await;
    let ask = Ask {
        http: http_builder().http2_prior_knowledge().build().unwrap(),
        ..Ask::write("a", r#"[{"id":"1"}]"#)
    };
    assert!(ask.send(&running.authority).await.is_err());
    assert_eq!(running.sandbox.state().rows_total, 1);
    running.stop().await;
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_request_that_hangs() {
    let running = Running::start(SandboxSettings {
        faults: vec!["hang=1".parse().unwrap()],
        ..SandboxSettings::default()
    })
    .await;
    let authority = running.authority.clone();
    let hanging =
        tokio::spawn(async move { Ask::write("a", r#"[{"id":"1"}]"#).send(&authority).await });
    while running.sandbox.state().faults.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.stop().await;
    assert!(hanging.await.unwrap().is_err());
}
