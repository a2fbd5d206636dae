//! What monitoring is told: the file for the node exporter, a Pushgateway, the platform's own figures.

use crate::recorder::{Recorder, Reply, SECRET_KEY};
use crate::start::{Place, Ran, WRITE, signal};
use byteair_sync::protocol::messages::MetricMessage;
use prost::Message;
use rustix::process::Signal;
use std::net::TcpListener;
use std::process::{Command, Stdio};

pub(crate) const FILE: &str = "--metrics-textfile metrics/byteair.prom";
pub(crate) const ITEM: &str = "topic=\"item\",stage=\"history_sync\"";

pub(crate) fn place(recorder: &Recorder) -> Place {
    let place = Place::with(recorder);
    std::fs::create_dir(place.path("metrics")).unwrap();
    place.rows("rows.jsonl", 0, 30);
    place
}

pub(crate) fn text(place: &Place) -> String {
    std::fs::read_to_string(place.path("metrics/byteair.prom")).unwrap()
}

/// The value of a line, which has to be there once.
#[track_caller]
pub(crate) fn value(text: &str, name: &str) -> f64 {
    let start = format!("byteair_sync_{name} ");
    let mut values = text.lines().filter_map(|line| line.strip_prefix(&start));
    let value = values
        .next()
        .unwrap_or_else(|| panic!("no {name} in\n{text}"));
    assert_eq!(values.next(), None, "{text}");
    value.parse().unwrap()
}

fn now() -> f64 {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap();
    now.as_secs_f64().floor()
}

#[test]
fn a_run_leaves_what_the_ledger_and_the_wire_have_seen() {
    let recorder = Recorder::answering(|_, number| match number {
        0 => Reply::code(200, 429, "slow down"),
        _ => Reply::ok(),
    });
    let place = place(&recorder);
    place.file("rows.jsonl", "{\"id\":1}\nnot json\n{\"id\":2}\n");
    let begun = now();
    place
        .end(&format!("{WRITE} {FILE} --max-errors 1 rows.jsonl"))
        .expect(0);
    let text = text(&place);
    for (name, expected) in [
        (format!("last_run_exit_status{{{ITEM}}}"), 0.0),
        (format!("last_run_rows{{{ITEM},outcome=\"accepted\"}}"), 2.0),
        (format!("last_run_rows{{{ITEM},outcome=\"rejected\"}}"), 1.0),
        (format!("last_run_rows{{{ITEM},outcome=\"pending\"}}"), 0.0),
        (format!("last_run_dates{{{ITEM},done=\"sent\"}}"), 1.0),
        (format!("last_run_requests{{{ITEM}}}"), 3.0),
        (format!("last_run_retries{{{ITEM}}}"), 1.0),
        (format!("last_run_throttled{{{ITEM}}}"), 1.0),
    ] {
        assert!(
            (value(&text, &name) - expected).abs() < 0.5,
            "{name}\n{text}"
        );
    }
    let success = value(&text, &format!("last_success_timestamp_seconds{{{ITEM}}}"));
    assert!((begun..=now()).contains(&success), "{success}");
    assert!(value(&text, &format!("last_run_duration_seconds{{{ITEM}}}")) > 0.0);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &place
            .path("metrics/byteair.prom")
            .metadata()
            .unwrap()
            .permissions(),
    );
    assert_eq!(mode & 0o777, 0o644, "the exporter is another user");
    assert_eq!(std::fs::read_dir(place.path("metrics")).unwrap().count(), 1);
    checked_by_promtool(&["check", "metrics"], &text);
}

#[test]
fn a_failed_run_and_runs_of_other_topics_keep_the_last_success() {
    let recorder = Recorder::new();
    let place = place(&recorder);
    place.end(&format!("{WRITE} {FILE} rows.jsonl")).expect(0);
    let success = format!("last_success_timestamp_seconds{{{ITEM}}}");
    let first = value(&text(&place), &success);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    place.rows("user.jsonl", 100, 5);
    place
        .end(&format!(
            "write -t user -s history_sync -d 2022-01-01 {FILE} user.jsonl"
        ))
        .expect(0);
    recorder.answer(|_, _| Reply::code(200, 429, "slow down"));
    place.rows("more.jsonl", 200, 5);
    place
        .end(&format!(
            "write -t item -s history_sync -d 2022-01-02 --retry-for 10ms {FILE} more.jsonl"
        ))
        .expect(5);
    let text = text(&place);
    assert!((value(&text, &success) - first).abs() < 0.5, "{text}");
    assert!((value(&text, &format!("last_run_exit_status{{{ITEM}}}")) - 5.0).abs() < 0.5);
    value(
        &text,
        "last_success_timestamp_seconds{topic=\"user\",stage=\"history_sync\"}",
    );
    assert!(value(&text, &format!("last_run_throttled{{{ITEM}}}")) > 0.5);
    checked_by_promtool(&["check", "metrics"], &text);
}

#[test]
fn nothing_left_to_do_is_a_success_too_and_done_by_itself_as_well() {
    let recorder = Recorder::new();
    let place = place(&recorder);
    place
        .end(&format!("{WRITE} --no-done rows.jsonl"))
        .expect(0);
    place.end(&format!("done -d 2022-01-01 {FILE}")).expect(0);
    let success = format!("last_success_timestamp_seconds{{{ITEM}}}");
    let first = value(&text(&place), &success);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    place.end(&format!("{WRITE} {FILE} rows.jsonl")).expect(0);
    assert!(value(&text(&place), &success) > first);
}

#[test]
fn runs_that_end_together_lose_nothing_of_each_other() {
    let recorder = Recorder::new();
    let place = place(&recorder);
    let topics = ["a", "b", "c", "d", "e", "f"];
    let children: Vec<_> = topics
        .iter()
        .enumerate()
        .map(|(number, topic)| {
            place.rows(&format!("{topic}.jsonl"), number * 100, 5);
            place.start(&format!(
                "write -t {topic} -s history_sync -d 2022-01-01 {FILE} {topic}.jsonl"
            ))
        })
        .collect();
    for child in children {
        Ran::after(child).expect(0);
    }
    let text = text(&place);
    for topic in topics {
        let labels = format!("topic=\"{topic}\",stage=\"history_sync\"");
        value(
            &text,
            &format!("last_success_timestamp_seconds{{{labels}}}"),
        );
    }
}

#[test]
fn a_file_that_cannot_be_written_is_a_warning_and_one_of_somebody_else_stays() {
    let recorder = Recorder::new();
    let place = place(&recorder);
    place
        .end(&format!(
            "{WRITE} --metrics-textfile no/such/folder/m.prom rows.jsonl"
        ))
        .expect(0)
        .says("could not be written")
        .says("the upload is not affected");
    place.file("passwords", "somebody:x:0:0\n");
    place
        .end(&format!("{WRITE} --metrics-textfile passwords rows.jsonl"))
        .expect(0)
        .says("line 1 is not of this program's making");
    let kept = std::fs::read_to_string(place.path("passwords")).unwrap();
    assert_eq!(kept, "somebody:x:0:0\n");
    place.end(&format!("{WRITE} {FILE} rows.jsonl")).expect(0);
    place
        .end(&format!("{WRITE} --application-id 7 {FILE} rows.jsonl"))
        .expect(0)
        .says("another tenant, application or platform");
}

#[test]
fn the_built_in_server_is_not_told_to_monitoring() {
    let recorder = Recorder::new();
    let place = place(&recorder);
    place
        .end(&format!("{WRITE} --sandbox {FILE} rows.jsonl"))
        .expect(0);
    assert!(!place.path("metrics/byteair.prom").exists());
}

#[test]
fn a_gateway_gets_each_topic_and_stage_as_a_group() {
    let recorder = Recorder::new();
    let gateway = Recorder::new();
    let mut place = place(&recorder);
    place.set(
        "BYTEAIR_METRICS_PUSH",
        &format!("http://{}/", gateway.address),
    );
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    let pushed = gateway.everything();
    assert_eq!(pushed.len(), 1);
    assert_eq!(
        pushed[0].path,
        "/metrics/job/byteair_sync/topic/item/stage/history_sync"
    );
    let text = String::from_utf8(pushed[0].text.clone()).unwrap();
    value(&text, &format!("last_success_timestamp_seconds{{{ITEM}}}"));
    checked_by_promtool(&["check", "metrics"], &text);
    let url = format!("http://{}/metrics/job/mine/instance/a", gateway.address);
    place.set("BYTEAIR_METRICS_PUSH", &url);
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    let path = gateway.everything()[1].path.clone();
    assert_eq!(
        path,
        "/metrics/job/mine/instance/a/topic/item/stage/history_sync"
    );
}

#[test]
fn a_gateway_that_fails_changes_neither_state_nor_status_and_shows_no_password() {
    let closed = TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let refusing = Recorder::answering(|_, _| Reply::bare(500));
    for (address, says) in [
        (closed, "could not be reached"),
        (refusing.address, "HTTP 500"),
    ] {
        let recorder = Recorder::new();
        let mut place = place(&recorder);
        place.set(
            "BYTEAIR_METRICS_PUSH",
            &format!("http://someone:hidden-0004@{address}"),
        );
        let ran = place
            .end(&format!("{WRITE} --json rows.jsonl"))
            .expect(0)
            .says(says);
        assert_eq!(ran.summary()["dates"][0]["done"], "sent");
        assert!(!(ran.output + &ran.errors).contains("hidden-0004"));
        assert!(!String::from_utf8_lossy(&place.state_bytes()).contains("hidden-0004"));
        assert_eq!(recorder.dones().len(), 1);
    }
}

#[test]
fn the_platform_gets_figures_when_asked_to_and_never_otherwise() {
    let recorder = Recorder::answering(|request, number| match number {
        0 => Reply::bare(502),
        _ if request.path.starts_with("/api/") => Reply::bare(500),
        _ => Reply::ok(),
    });
    let mut place = place(&recorder);
    place
        .end(&format!("{WRITE} --no-done rows.jsonl"))
        .expect(0);
    let is_report = |path: &str| path.starts_with("/api/");
    assert!(recorder.everything().iter().all(|it| !is_report(&it.path)));
    place.set("BYTEAIR_REPORT_TO_PLATFORM", "true");
    place.rows("user.jsonl", 100, 5);
    place
        .end("write -t user -s history_sync -d 2022-01-01 user.jsonl")
        .expect(0);
    let all = recorder.everything();
    let reports: Vec<_> = all.iter().filter(|it| is_report(&it.path)).collect();
    let paths: Vec<&str> = reports.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["/api/counter", "/api/put"]);
    for report in &reports {
        assert_eq!(report.header("content-type"), Some("application/protobuf"));
        assert_eq!(report.header("authorization"), None);
        assert!(!String::from_utf8_lossy(&report.text).contains(SECRET_KEY));
    }
    let counters = MetricMessage::decode(reports[0].text.as_slice()).unwrap();
    let mut counted: Vec<(String, String, f64)> = counters
        .metrics
        .iter()
        .map(|it| (it.metric.clone(), it.tags["scene"].clone(), it.value))
        .collect();
    counted.sort_by(|a, b| a.1.cmp(&b.1));
    let name = "volcengine.rec.sdk.invoke.success.count".to_owned();
    assert_eq!(
        counted,
        [
            (name.clone(), "done".to_owned(), 1.0),
            (name, "user".to_owned(), 1.0)
        ]
    );
}

#[test]
fn a_run_that_is_interrupted_tells_so() {
    let recorder = Recorder::answering(|_, _| Reply::code(200, 429, "slow down"));
    let place = place(&recorder);
    let child = place.start(&format!("{WRITE} {FILE} rows.jsonl"));
    recorder.wait_for(1);
    signal(&child, Signal::TERM);
    Ran::after(child).expect(143);
    let status = value(&text(&place), &format!("last_run_exit_status{{{ITEM}}}"));
    assert!((status - 143.0).abs() < 0.5);
}

/// Runs promtool, where it is installed (Debian package `prometheus`).
#[expect(
    clippy::print_stdout,
    reason = "whoever reads the log has to see what was not tried"
)]
fn checked_by_promtool(words: &[&str], input: &str) {
    use std::io::Write;
    let started = Command::new("promtool")
        .args(words)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/prometheus"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        println!("skipped: promtool is not installed");
        return;
    };
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{words:?}\n{said}\n{input}");
}

#[test]
fn the_example_of_alert_rules_fires_when_it_should() {
    checked_by_promtool(&["check", "rules", "alerts.yml"], "");
    checked_by_promtool(&["test", "rules", "alerts-test.yml"], "");
}
