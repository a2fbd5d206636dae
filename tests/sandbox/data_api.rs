//! The data API without faults: signatures, headers, limits, Request-Ids, states of dates.

use crate::client::{Ask, Running, aksk, token};
use byteair_sync::domain::Secret;
use byteair_sync::protocol::DoneFormat;
use byteair_sync::protocol::sign::Credentials;
use byteair_sync::sandbox::SandboxSettings;
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

async fn plain() -> Running {
    Running::start(SandboxSettings::default()).await
}

#[tokio::test]
async fn a_day_is_written_and_done_in_both_signing_modes_and_formats() {
    for (credentials, format) in [(aksk(), DoneFormat::Protobuf), (token(), DoneFormat::Json)] {
        let running = plain().await;
        let write = Ask {
            credentials: credentials.clone(),
            ..Ask::write("w", r#"[{"id":"1"},{"id":"2"}]"#)
        };
        assert_eq!(write.outcome(&running).await, (0, "OK".into()));
        assert_eq!(running.state().await["partitions"][0]["state"], "syncing");
        let done = Ask {
            credentials,
            ..Ask::done("d", format)
        };
        assert_eq!(done.outcome(&running).await.0, 0);
        let partition = &running.state().await["partitions"][0];
        assert_eq!(partition["rows"], 2);
        assert_eq!(partition["tenant"], "7");
        assert_eq!(partition["application"], "12");
        assert_eq!(partition["date"], "2022-01-01");
        assert_eq!(partition["state"], "acked");
        assert!(partition["done_at"].is_string());
        running.stop().await;
    }
}

#[tokio::test]
async fn a_wrong_old_or_missing_signature_is_401() {
    let running = plain().await;
    let wrong_secret = Credentials::AkSk {
        access_key: "sandbox".into(),
        secret_key: Secret::new("other"),
        session_token: None,
        region: "placeholder".into(),
    };
    let wrong_token = Credentials::Token {
        token: Secret::new("other"),
    };
    let rows = r#"[{"id":"1"}]"#;
    let asks = [
        Ask {
            credentials: wrong_secret,
            ..Ask::write("a", rows)
        },
        Ask {
            credentials: wrong_token,
            ..Ask::write("b", rows)
        },
        Ask {
            signed_at: Utc::now() - TimeDelta::hours(1),
            ..Ask::write("c", rows)
        },
        Ask {
            credentials: token(),
            signed_at: Utc::now() - TimeDelta::seconds(30),
            ..Ask::write("d", rows)
        },
    ];
    for ask in asks {
        let (http, reply) = ask.reply(&running).await;
        let status = reply.status.unwrap();
        assert_eq!((http, status.code), (401, 401));
        assert!(
            status.message.starts_with("Auth fail, "),
            "{}",
            status.message
        );
    }
    assert_eq!(running.state().await["refused"], json!({"401": 4}));
    running.stop().await;
}

#[tokio::test]
async fn a_known_id_is_409_and_a_refused_one_stays_free() {
    let running = plain().await;
    let empty = Ask::write("a", "[]");
    assert_eq!(empty.outcome(&running).await, (400, "Data is empty".into()));
    let write = Ask::write("a", r#"[{"id":"1"}]"#);
    assert_eq!(write.outcome(&running).await.0, 0);
    assert_eq!(
        write.outcome(&running).await,
        (409, "Duplicate submission with request-id: a.".into())
    );
    let elsewhere = Ask::write("a", r#"[{"id":"1"}]"#).with("Tenant-Id", "8");
    assert_eq!(elsewhere.outcome(&running).await.0, 0);
    let state = running.state().await;
    assert_eq!(state["partitions"][0]["duplicates"], 1);
    assert_eq!(state["partitions"][0]["rows"], 1);
    running.stop().await;
}

#[tokio::test]
async fn a_refused_id_is_kept_when_that_was_asked_for() {
    let running = Running::start(SandboxSettings {
        remember_refused: true,
        ..SandboxSettings::default()
    })
    .await;
    assert_eq!(Ask::write("a", "[]").outcome(&running).await.0, 400);
    let again = Ask::write("a", r#"[{"id":"1"}]"#);
    assert_eq!(again.outcome(&running).await.0, 409);
    running.stop().await;
}

#[tokio::test]
async fn more_than_the_quota_is_429_by_requests_and_by_rows() {
    let requests = SandboxSettings {
        qps: 0,
        ..SandboxSettings::default()
    };
    let rows = SandboxSettings {
        rows_per_second: 1,
        ..SandboxSettings::default()
    };
    for settings in [requests, rows] {
        let running = Running::start(settings).await;
        let write = Ask::write("a", r#"[{"id":"1"},{"id":"2"}]"#);
        let (http, reply) = write.reply(&running).await;
        assert_eq!((http, reply.status.unwrap().code), (429, 429));
        let windows = &running.state().await["windows"];
        assert_eq!(windows["max_rows_per_second"], 2);
        assert_eq!(windows["max_requests_per_second"], 1);
        running.stop().await;
    }
}

#[tokio::test]
async fn an_acked_date_takes_neither_rows_nor_another_done() {
    let running = plain().await;
    assert_eq!(
        Ask::done("d1", DoneFormat::Json).outcome(&running).await.0,
        0
    );
    assert_eq!(
        Ask::write("w", r#"[{"id":"1"}]"#).outcome(&running).await,
        (400, "Syncing is not allowed when acked.".into())
    );
    assert_eq!(
        Ask::done("d2", DoneFormat::Protobuf)
            .outcome(&running)
            .await,
        (400, "Syncing or ack is not allowed when done.".into())
    );
    assert_eq!(
        Ask::done("d1", DoneFormat::Json).outcome(&running).await.0,
        409
    );
    running.stop().await;
}

#[tokio::test]
async fn wrong_scenes_stages_and_dates_get_the_documented_texts() {
    let running = plain().await;
    let rows = r#"[{"id":"1"}]"#;
    let at = |target: &str| Ask {
        target: target.into(),
        ..Ask::write("a", rows)
    };
    for (ask, fixed_words) in [
        (
            at("/data/api/12/nosuch?method=write&stage=history_sync"),
            "Can't support scene:nosuch",
        ),
        (
            at("/data/api/12/item?method=write&stage=trial"),
            "Syncing is end or not start in stage(trial)",
        ),
        (
            at("/data/api/12/item?method=import"),
            "Can't find configuration",
        ),
        (
            at("/data/api/12/done?topic=item&stage=incremental_sync_streaming")
                .with("Content-Type", "application/json"),
            "please check the 'stage'",
        ),
        (
            Ask::write("a", rows).with("Content-Date", "01/01/2022"),
            "'Content-Date' header is invalid",
        ),
        (
            Ask::write("a", rows).with("Content-Date", ""),
            "'Content-Date' header is invalid",
        ),
        (
            Ask::write("a", rows).with("Tenant-Id", "a b"),
            "Find no data schema of tenant_id",
        ),
        (Ask::write("a", rows).with("Request-Id", ""), "Request-Id"),
        (
            Ask::write("a", r#"{"id":"1"}"#),
            "not a JSON array of objects",
        ),
        (Ask::write("a", "[1]"), "not a JSON array of objects"),
        (
            Ask::write("a", rows).with("Content-Encoding", "br"),
            "Content-Encoding",
        ),
    ] {
        let (code, message) = ask.outcome(&running).await;
        assert_eq!(code, 400, "{message}");
        assert!(message.contains(fixed_words), "{message}");
    }
    assert_eq!(running.state().await["rows_total"], 0);
    running.stop().await;
}

#[tokio::test]
async fn a_streaming_write_has_no_date() {
    let running = plain().await;
    let write = Ask {
        target: "/data/api/12/behavior?method=write&stage=incremental_sync_streaming".into(),
        ..Ask::write("a", r#"[{"id":"1"}]"#)
    };
    assert_eq!(write.with("Content-Date", "").outcome(&running).await.0, 0);
    assert_eq!(running.state().await["partitions"][0]["date"], Value::Null);
    running.stop().await;
}

#[tokio::test]
async fn ten_thousand_rows_are_taken_and_one_more_is_413() {
    let running = plain().await;
    let rows = |count: usize| format!("[{}]", vec![r#"{"id":"1"}"#; count].join(","));
    assert_eq!(Ask::write("a", &rows(10_000)).outcome(&running).await.0, 0);
    assert_eq!(
        Ask::write("b", &rows(10_001)).outcome(&running).await,
        (413, "The count of write items max to 10000.".into())
    );
    assert_eq!(running.state().await["rows_total"], 10_000);
    running.stop().await;
}

#[tokio::test]
async fn an_empty_done_ends_the_previous_day() {
    let running = plain().await;
    let target = "/data/api/12/done?topic=item&stage=pre_sync";
    let done = Ask::new(target, "d", b"").with("Content-Type", "application/x-protobuf");
    assert_eq!(done.outcome(&running).await.0, 0);
    let state = running.state().await;
    assert_eq!(state["partitions"][0]["state"], "acked");
    assert!(
        state["partitions"][0]["date"].as_str().unwrap()
            < Utc::now()
                .date_naive()
                .succ_opt()
                .unwrap()
                .to_string()
                .as_str()
    );
    running.stop().await;
}

#[tokio::test]
async fn a_done_of_several_dates_ends_all_or_none() {
    let running = plain().await;
    let target = "/data/api/12/done?topic=item&stage=pre_sync";
    let ask = |id: &str, body: &str| {
        Ask::new(target, id, body.as_bytes()).with("Content-Type", "application/json")
    };
    let bad = ask(
        "a",
        r#"[{"partition_date":"20220101"},{"partition_date":"2006010"}]"#,
    );
    assert_eq!(
        bad.outcome(&running).await.1,
        "parse partition_date(2006010) error, format should be YYYYMMDD, reqBody:[map[partition_date:20220101] map[partition_date:2006010]]"
    );
    assert_eq!(running.state().await["partitions"], json!([]));
    let good = ask(
        "b",
        r#"[{"partition_date":"20220101"},{"partition_date":"20220102"}]"#,
    );
    assert_eq!(good.outcome(&running).await.0, 0);
    assert_eq!(
        running.state().await["partitions"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    running.stop().await;
}

#[tokio::test]
async fn rows_that_break_the_schema_come_back_and_the_others_are_stored() {
    let schemas = tempfile::tempdir().unwrap();
    let text =
        r#"{"topic":"item","fields":[{"name":"goods_id","type":"string","level":"required"}]}"#;
    std::fs::write(schemas.path().join("shop.json"), text).unwrap();
    let running = Running::start(SandboxSettings {
        schema_dir: Some(schemas.path().to_owned()),
        ..SandboxSettings::default()
    })
    .await;
    let write = Ask::write(
        "a",
        r#"[{"goods_id":"1"},{"goods_id" : 2},{"goods_id":"3"}]"#,
    );
    let (http, reply) = write.reply(&running).await;
    assert_eq!((http, reply.status.unwrap().code), (200, 1001));
    assert_eq!(reply.errors.len(), 1);
    assert_eq!(reply.errors[0].data, r#"{"goods_id" : 2}"#);
    assert!(reply.errors[0].message.contains("goods_id"));
    assert_eq!(
        running.get("/sandbox/rows?topic=item").await,
        "{\"goods_id\":\"1\"}\n{\"goods_id\":\"3\"}\n"
    );
    running.stop().await;
}

#[tokio::test]
async fn replies_come_in_the_form_that_was_asked_for() {
    let running = plain().await;
    let json = Ask::write("a", r#"[{"id":"1"}]"#).with("Accept", "application/json");
    let response = json.send(&running.authority).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    let reply: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(reply["status"]["code"], 0);
    let by_request = Ask::done("b", DoneFormat::Protobuf).with("Accept", "");
    let response = by_request.send(&running.authority).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/x-protobuf");
    running.stop().await;
}

#[tokio::test]
async fn operations_can_be_listed_by_whoever_signs_well() {
    let running = plain().await;
    let list = Ask::new("/data/api/12/operation?method=list", "l", b"")
        .with("Content-Type", "application/x-protobuf");
    assert_eq!(list.outcome(&running).await, (0, "OK".into()));
    let forged = Ask {
        signed_at: Utc::now() + TimeDelta::hours(2),
        ..list
    };
    assert_eq!(forged.outcome(&running).await.0, 401);
    running.stop().await;
}
