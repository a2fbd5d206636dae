//! A sandbox that is stopped and started again on the same data directory.

use crate::client::{Ask, Running};
use byteair_sync::protocol::DoneFormat;
use byteair_sync::sandbox::{Sandbox, SandboxError, SandboxSettings};

#[tokio::test]
async fn rows_ids_and_states_outlive_the_sandbox() {
    let directory = tempfile::tempdir().unwrap();
    let settings = SandboxSettings {
        data_dir: Some(directory.path().to_owned()),
        ..SandboxSettings::default()
    };
    let first = Running::start(settings.clone()).await;
    let write = Ask::write("w1", "[{\"id\":9007199254740993},\n{\"id\":\n\"2\"}]");
    assert_eq!(write.outcome(&first).await.0, 0);
    first.stop().await;

    let second = Running::start(settings.clone()).await;
    assert_eq!(write.outcome(&second).await.0, 409);
    assert_eq!(
        Ask::write("w2", r#"[{"id":"3"}]"#).outcome(&second).await.0,
        0
    );
    assert_eq!(
        Ask::done("d", DoneFormat::Protobuf)
            .outcome(&second)
            .await
            .0,
        0
    );
    second.stop().await;

    let third = Running::start(settings).await;
    let late = Ask::write("w3", r#"[{"id":"4"}]"#);
    assert_eq!(
        late.outcome(&third).await.1,
        "Syncing is not allowed when acked."
    );
    assert_eq!(
        third
            .get("/sandbox/rows?topic=item&stage=history_sync&date=2022-01-01")
            .await,
        "{\"id\":9007199254740993}\n{\"id\": \"2\"}\n{\"id\":\"3\"}\n"
    );
    let partition = &third.state().await["partitions"][0];
    assert_eq!(partition["rows"], 3);
    assert_eq!(partition["requests"], 2);
    assert_eq!(partition["duplicates"], 1);
    third.stop().await;
}

#[tokio::test]
async fn a_directory_in_use_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let settings = SandboxSettings {
        data_dir: Some(directory.path().to_owned()),
        ..SandboxSettings::default()
    };
    let running = Running::start(settings.clone()).await;
    let error = Sandbox::new(settings).unwrap_err();
    assert!(matches!(error, SandboxError::DataDirectoryInUse(_)));
    assert!(
        error
            .to_string()
            .contains(&directory.path().display().to_string())
    );
    running.stop().await;
}
