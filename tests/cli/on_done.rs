//! `[on_done] metadata = …`: the catalog hears of a day when `done` of it is settled, at least once.

use crate::huawei::{ACCESS_KEY, PROJECT, SECRET_KEY, assert_signed, json};
use crate::recorder::{Latch, Received, Recorder, Reply};
use crate::start::Place;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const TAKEN: &str = r#"{"success": true}"#;

const FILE: &str = r#"
[defaults]
stage = "history_sync"
date = "2022-01-01"

[on_done.metadata]
engine = "MRS"
engine_version = "3.1.2"
instance_id = "i-1"
message = { table = { tableName = "{topic}" }, partition = "dt={date:%Y%m%d}" }

[[job]]
name = "item"
topic = "item"
paths = ["{date}/item.jsonl"]

[[job]]
name = "user"
topic = "user"
paths = ["{date}/user.jsonl"]
after = ["item"]
on_done = { metadata = { engine = "DLI", message = { partition = "{topic}/{stage}/{date}" } } }
"#;

fn place(platform: &Recorder, catalog: &Recorder) -> Place {
    let mut place = Place::with(platform);
    for (name, value) in [
        (
            "BYTEAIR_ENDPOINT",
            format!("http://{}", catalog.address).as_str(),
        ),
        ("BYTEAIR_PROJECT_ID", PROJECT),
        ("HUAWEICLOUD_SDK_AK", ACCESS_KEY),
        ("HUAWEICLOUD_SDK_SK", SECRET_KEY),
    ] {
        place.set(name, value);
    }
    place.file("jobs.toml", FILE);
    place.rows("2022-01-01/item.jsonl", 0, 5);
    place.rows("2022-01-01/user.jsonl", 9, 5);
    place
}

fn event(request: &Received) -> Value {
    let body: Value = serde_json::from_slice(&request.text).unwrap();
    assert_eq!(body["events"].as_array().unwrap().len(), 1, "{body}");
    body["events"][0].clone()
}

/// Type and partition of each event, in the order of their coming.
fn events(catalog: &Recorder) -> Vec<String> {
    let told = catalog.everything();
    told.iter()
        .map(event)
        .map(|event| {
            let partition = event["event_message"]["partition"].as_str().unwrap();
            format!("{} {partition}", event["event_type"].as_str().unwrap())
        })
        .collect()
}

#[test]
fn the_catalog_hears_of_each_day_once_and_never_before_its_done() {
    let platform = Arc::new(Recorder::new());
    let seen = Arc::clone(&platform);
    // The first event may come after the first done, the second after the second.
    let catalog = Recorder::answering(move |_, number| {
        let dones = seen.dones();
        let settled = dones.len() > number
            && dones
                .iter()
                .all(|done| done.answered.load(Ordering::Acquire) == 200);
        json(if settled { 200 } else { 400 }, TAKEN)
    });
    let place = place(&platform, &catalog);
    place
        .end("run jobs.toml")
        .expect(0)
        .says("the catalog has taken AddPartitionEvent");
    let told = catalog.everything();
    assert_eq!(
        events(&catalog),
        [
            "AddPartitionEvent dt=20220101",
            "AddPartitionEvent user/history_sync/2022-01-01"
        ]
    );
    for request in &told {
        assert_signed(request);
        assert_eq!(request.path, format!("/v1/{PROJECT}/metadata/async-bulk"));
    }
    let body: Value = serde_json::from_slice(&told[0].text).unwrap();
    assert_eq!(
        (
            &body["engine"],
            &body["instance_id"],
            &body["engine_version"]
        ),
        (&"MRS".into(), &"i-1".into(), &"3.1.2".into())
    );
    assert_eq!(
        event(&told[0])["event_message"]["table"]["tableName"],
        "item"
    );
    let at = event(&told[0])["event_ts"].as_i64().unwrap();
    assert!(
        (at - chrono::Utc::now().timestamp_millis()).abs() < 600_000,
        "{at}"
    );
    place.end("run jobs.toml").expect(0);
    assert_eq!(catalog.everything().len(), 2);
    // Uploaded anew it is no new partition.
    for command in [
        "ledger reopen -t item -s history_sync -d 2022-01-01",
        "run jobs.toml item",
        "run jobs.toml item",
    ] {
        place.end(command).expect(0);
    }
    assert_eq!(events(&catalog)[2..], ["AlterPartitionEvent dt=20220101"]);
}

#[test]
fn a_day_whose_done_is_withheld_is_not_told() {
    let (platform, catalog) = (
        Recorder::new(),
        Recorder::answering(|_, _| json(200, TAKEN)),
    );
    let place = place(&platform, &catalog);
    place.file("2022-01-01/item.jsonl", "{\"id\":1}\nno row\n");
    place.end("run jobs.toml item").expect(3);
    assert!(catalog.everything().is_empty());
    // Whoever sends done, the next run tells of it.
    place
        .end("done -t item -s history_sync -d 2022-01-01 --accept-rejects")
        .expect(0);
    assert!(catalog.everything().is_empty());
    place.end("run jobs.toml item").expect(0);
    assert_eq!(events(&catalog), ["AddPartitionEvent dt=20220101"]);
}

#[test]
fn a_catalog_that_fails_leaves_done_as_it_is_and_holds_back_no_job() {
    for (reply, status, said) in [
        (
            (403, r#"{"error_code":"APIGW.0302","error_msg":"m"}"#),
            12,
            "lacks a right",
        ),
        ((200, r#"{"success":false}"#), 6, "success is not true"),
        (
            (503, ""),
            5,
            "it is unknown whether the catalog has heard of it",
        ),
    ] {
        let (http, body) = reply;
        let platform = Recorder::new();
        let catalog = Recorder::answering(move |_, _| json(http, body));
        let mut place = place(&platform, &catalog);
        place.set("BYTEAIR_RETRY_FOR", "100ms");
        let ran = place.end("run jobs.toml --json").expect(status);
        assert!(ran.output.contains(said), "{}", ran.output);
        let summary = ran.summary();
        for date in summary["dates"].as_array().unwrap() {
            assert_eq!(date["done"], "sent", "{summary}");
        }
        assert_eq!(platform.dones().len(), 2);
        catalog.answer(|_, _| json(200, TAKEN));
        place.end("run jobs.toml").expect(0);
        assert_eq!(platform.dones().len(), 2);
        let sent = catalog.everything().len();
        place.end("run jobs.toml").expect(0);
        assert_eq!(catalog.everything().len(), sent);
    }
}

#[test]
fn a_run_that_is_killed_behind_done_is_made_up_for_and_says_what_may_be_there_twice() {
    let platform = Recorder::new();
    let latch = Latch::default();
    let waiting = latch.clone();
    let catalog = Recorder::answering(move |_, _| {
        waiting.wait();
        Reply::Cut
    });
    let place = place(&platform, &catalog);
    let mut child = place.start("run jobs.toml item");
    crate::recorder::eventually("an event", || !catalog.everything().is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(platform.dones().len(), 1);
    catalog.answer(|_, _| json(200, TAKEN));
    latch.open();
    place
        .end("run jobs.toml item")
        .expect(0)
        .says("perhaps twice");
    let told = catalog.everything();
    assert_eq!(told.len(), 2);
    assert_eq!(
        told[0].text, told[1].text,
        "a repetition has the same bytes"
    );
    assert_eq!(platform.dones().len(), 1);
    let again = place.end("run jobs.toml item").expect(0);
    assert!(!again.errors.contains("twice"));
}

#[test]
fn a_catalog_that_cannot_be_meant_is_refused_before_anything_is_sent() {
    let (platform, catalog) = (Recorder::new(), Recorder::new());
    let mut place = place(&platform, &catalog);
    for (from, to, said) in [
        ("instance_id = \"i-1\"", "", "--instance-id"),
        ("engine = \"MRS\"", "engine = \"HIVE\"", "DLI, DWS and MRS"),
        ("instance_id", "instance", "unknown key 'instance'"),
        ("{date:%Y%m%d}", "{date:%H}", "no date format"),
        (
            "engine_version = \"3.1.2\"",
            "restart = true",
            "unknown key 'restart'",
        ),
        (
            "name = \"user\"",
            "name = \"user\"\nstage = \"incremental_sync_streaming\"",
            "this stage has none",
        ),
    ] {
        let text = FILE.replace(from, to);
        assert_ne!(text, FILE);
        place.file("jobs.toml", text);
        place.end("run jobs.toml").expect(2).says(said);
    }
    place.file("jobs.toml", FILE);
    place.set("HUAWEICLOUD_SDK_SK", "");
    place
        .end("run jobs.toml")
        .expect(2)
        .says("job 'item'")
        .says("secret key");
    assert!(platform.requests().is_empty() && catalog.everything().is_empty());
}

#[test]
fn an_event_that_is_owed_is_shown_and_sent_by_the_run_of_any_other_day() {
    let platform = Recorder::new();
    let catalog =
        Recorder::answering(|_, _| json(403, r#"{"error_code":"APIGW.0302","error_msg":"m"}"#));
    let place = place(&platform, &catalog);
    place.rows("2022-01-02/user.jsonl", 20, 5);
    place
        .end("run jobs.toml item")
        .expect(12)
        .says("The next run of this job file tells it");
    let status = place.end("status").expect(0);
    let run = format!(
        "byteair-sync run {} --date 2022-01-01  # any run of this job file sends it",
        place.path("jobs.toml").display()
    );
    for said in [
        "item history_sync 2022-01-01 done: its on_done event is owed",
        &run,
    ] {
        assert!(status.output.contains(said), "{}", status.output);
    }
    let pending = place.end("done --pending").expect(0);
    assert!(
        pending.errors.contains("its on_done event is owed"),
        "{}",
        pending.errors
    );
    // Another day of another job, as cron has it.
    catalog.answer(|_, _| json(200, TAKEN));
    place.file("jobs.toml", FILE.replace("after = [\"item\"]", ""));
    place.end("run jobs.toml user --date 2022-01-02").expect(0);
    assert_eq!(
        events(&catalog)[1..],
        [
            "AddPartitionEvent user/history_sync/2022-01-02",
            "AddPartitionEvent dt=20220101"
        ]
    );
    let status = place.end("status").expect(0);
    assert!(!status.output.contains("owed"), "{}", status.output);
    place.end("run jobs.toml user --date 2022-01-02").expect(0);
    assert_eq!(events(&catalog).len(), 3);
}

#[test]
fn a_day_that_others_have_made_done_is_owed_to_the_catalog_too() {
    let (platform, catalog) = (
        Recorder::new(),
        Recorder::answering(|_, _| json(200, TAKEN)),
    );
    let place = place(&platform, &catalog);
    place.file("2022-01-01/item.jsonl", "{\"id\":1}\nno row\n");
    place.end("run jobs.toml item").expect(3);
    place
        .end("done -t item -s history_sync -d 2022-01-01 --accept-rejects")
        .expect(0);
    let status = place.end("status").expect(0);
    assert!(
        status.output.contains("its on_done event is owed"),
        "{}",
        status.output
    );
    assert!(catalog.everything().is_empty());
}

#[test]
fn an_event_of_a_job_that_has_no_catalog_any_more_can_be_given_up() {
    let platform = Recorder::new();
    let catalog =
        Recorder::answering(|_, _| json(403, r#"{"error_code":"APIGW.0302","error_msg":"m"}"#));
    let place = place(&platform, &catalog);
    place.end("run jobs.toml item").expect(12);
    let (head, rest) = FILE.split_once("[on_done.metadata]").unwrap();
    let jobs = rest.split_once("[[job]]").unwrap().1;
    let (item, _) = jobs.split_once("[[job]]").unwrap();
    place.file("jobs.toml", format!("{head}[[job]]{item}"));
    let drop = "ledger drop-event --topic item --stage history_sync --date 2022-01-01";
    // Nobody is told, so nothing is forgotten without a word.
    place.end("run jobs.toml").expect(0).says(drop);
    let status = place.end("status").expect(0);
    assert!(status.output.contains(drop), "{}", status.output);
    place.end(drop).expect(0).says("is given up");
    assert_eq!(events(&catalog).len(), 1);
    let status = place.end("status").expect(0);
    assert!(!status.output.contains("owed"), "{}", status.output);
    place.end(drop).expect(8).says("no on_done event is owed");
    let shown = place.end("ledger show -t item").expect(0);
    assert!(shown.output.contains("event_dropped"), "{}", shown.output);
    let again = place.end("run jobs.toml").expect(0);
    assert!(!again.errors.contains("owed"), "{}", again.errors);
    // Other days do not bring it back, a run of this day for a catalog does.
    catalog.answer(|_, _| json(200, TAKEN));
    place.file("jobs.toml", FILE.replace("after = [\"item\"]", ""));
    place.end("run jobs.toml user").expect(0);
    assert_eq!(events(&catalog).len(), 2);
    place.end("run jobs.toml item").expect(0);
    assert_eq!(events(&catalog)[2..], ["AddPartitionEvent dt=20220101"]);
}
