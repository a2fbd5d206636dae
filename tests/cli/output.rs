//! What is printed, where, and what never is.

use crate::recorder::{Recorder, Reply, SECRET_KEY, TOKEN};
use crate::start::{Place, WRITE, rows};
use serde_json::Value;

fn server() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 10);
    (recorder, place)
}

#[test]
fn json_is_one_object_a_line_and_the_last_one_is_the_summary() {
    let recorder = Recorder::answering(|_, number| {
        if number == 0 {
            Reply::bare(429)
        } else {
            Reply::ok()
        }
    });
    let place = Place::with(&recorder);
    place.file("rows.jsonl", rows(0, 10).join("\n") + "\nnot json\n");
    let ran = place
        .end(&format!(
            "{WRITE} --json --max-errors 1 --report report.json rows.jsonl"
        ))
        .expect(0);
    let lines = ran.lines();
    for line in &lines {
        assert_eq!(line["v"], 1, "{line}");
    }
    for kind in ["start", "reject", "retry", "done", "summary"] {
        assert!(
            lines.iter().any(|line| line["type"] == kind),
            "{kind}: {}",
            ran.output
        );
    }
    let summary = ran.summary();
    for (name, value) in [
        ("exit_status", 0),
        ("rows_read", 11),
        ("rows_accepted", 10),
        ("rows_unconfirmed", 0),
        ("rows_rejected", 1),
        ("rows_pending", 0),
        ("batches", 1),
        ("requests", 3),
        ("retries", 1),
    ] {
        assert_eq!(summary[name], value, "{name}");
    }
    for name in ["bytes_read", "bytes_sent", "seconds"] {
        assert!(summary[name].as_f64().unwrap() > 0.0, "{name}");
    }
    assert_eq!(summary["retryable"], false);
    let date = &summary["dates"][0];
    assert_eq!(
        (&date["topic"], &date["stage"], &date["date"], &date["done"]),
        (
            &"item".into(),
            &"history_sync".into(),
            &"2022-01-01".into(),
            &"sent".into()
        )
    );
    let report: Value =
        serde_json::from_slice(&std::fs::read(place.path("report.json")).unwrap()).unwrap();
    assert_eq!(report, summary);
}

#[test]
fn the_summary_for_people_tells_the_story_and_the_next_command() {
    let (_, place) = server();
    place.file("rows.jsonl", "{\"id\":\"1\"}\nnot json\n");
    let ran = place.end(&format!("{WRITE} rows.jsonl")).expect(3);
    for words in [
        "2 rows",
        "rows.jsonl:2",
        "not_json",
        "withheld",
        "byteair-sync rejects list",
    ] {
        assert!(ran.output.contains(words), "{words}: {}", ran.output);
    }
    let ran = place
        .end(&format!("{WRITE} --max-errors 1 rows.jsonl"))
        .expect(0);
    assert!(ran.output.contains("not yet ingested"), "{}", ran.output);
    assert!(ran.errors.contains("Asia/Shanghai"), "{}", ran.errors);
}

#[test]
fn quiet_says_nothing_on_success_and_the_summary_otherwise() {
    let (recorder, place) = server();
    let ran = place.end(&format!("{WRITE} -q rows.jsonl")).expect(0);
    assert_eq!((ran.output.as_str(), ran.errors.as_str()), ("", ""));
    assert_eq!(recorder.dones().len(), 1);
    place.rows("more.jsonl", 20, 1);
    place
        .end(&format!("{WRITE} -q rows.jsonl more.jsonl"))
        .expect(6)
        .says("late_input");
}

#[test]
fn a_pipe_gets_no_escape_byte() {
    let recorder = Recorder::answering(|_, number| {
        if number < 2 {
            Reply::bare(429)
        } else {
            Reply::ok()
        }
    });
    let place = Place::with(&recorder);
    place.file("rows.jsonl", "{\"id\":\"1\"}\nnot \u{1b}[31m json\n");
    for words in ["-v", "--json", "--progress lines"] {
        let ran = place.end(&format!("{WRITE} {words} rows.jsonl")).expect(3);
        let text = ran.output + &ran.errors;
        assert!(!text.contains(['\u{1b}', '\r']), "{text:?}");
    }
    let ran = place.end("rejects list").expect(0);
    assert!(!ran.output.contains('\u{1b}'), "{:?}", ran.output);
}

#[test]
fn a_message_of_the_server_cannot_forge_lines_or_colours() {
    let recorder =
        Recorder::answering(|_, _| Reply::code(400, 400, "no\u{1b}[2J\r\nwarning: forged\u{202e}"));
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 1);
    let ran = place.end(&format!("{WRITE} rows.jsonl")).expect(6);
    let text = ran.output + &ran.errors;
    assert!(!text.contains(['\u{1b}', '\r', '\u{202e}']), "{text:?}");
    assert!(
        !text.lines().any(|line| line.starts_with("warning: forged")),
        "{text}"
    );
}

#[test]
fn secrets_appear_nowhere() {
    let session = "session-very-hidden-0003";
    for by_token in [false, true] {
        let replies: [fn() -> Reply; 3] = [
            Reply::ok,
            || Reply::bare(503),
            || Reply::code(401, 401, "Auth fail, no"),
        ];
        for reply in replies {
            let recorder = Recorder::answering(move |_, _| reply());
            let mut place = Place::with(&recorder);
            if by_token {
                place.set("BYTEAIR_AK", "");
                place.set("BYTEAIR_SK", "");
                place.set("BYTEAIR_TOKEN", TOKEN);
            }
            place.set("BYTEAIR_PROXY_PASSWORD_OF_NOBODY", session);
            place.rows("rows.jsonl", 0, 3);
            let ran = place.end(&format!(
                "{WRITE} -v --json --retry-for 30ms --report report.json rows.jsonl"
            ));
            let mut seen = [ran.output.as_bytes(), ran.errors.as_bytes()].concat();
            seen.extend(place.state_bytes());
            seen.extend(std::fs::read(place.path("report.json")).unwrap());
            assert!(seen.len() > 10_000, "the ledger is there");
            for secret in [SECRET_KEY, TOKEN, session] {
                let found = seen
                    .windows(secret.len())
                    .any(|bytes| bytes == secret.as_bytes());
                assert!(!found, "{secret}");
            }
            // Nor what was made of them.
            for request in recorder.requests() {
                for name in ["authorization", "tenant-signature"] {
                    let Some(value) = request.header(name) else {
                        continue;
                    };
                    let signature = value.rsplit('=').next().unwrap();
                    let found = seen
                        .windows(signature.len())
                        .any(|bytes| bytes == signature.as_bytes());
                    assert!(!found, "{name}");
                }
            }
        }
    }
}

#[test]
fn a_run_leaves_its_log_and_its_summary() {
    let (_, place) = server();
    let printed = place
        .end(&format!("{WRITE} --json rows.jsonl"))
        .expect(0)
        .summary();
    let runs = place.path(".local/state/byteair-sync/runs");
    let run = std::fs::read_dir(runs)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut kept: Value =
        serde_json::from_slice(&std::fs::read(run.join("summary.json")).unwrap()).unwrap();
    let timeline = kept.as_object_mut().unwrap().remove("timeline").unwrap();
    assert_eq!(kept, printed);
    assert_eq!(timeline["points"][0]["rows"], printed["rows_accepted"]);
    assert!(std::fs::metadata(run.join("run.log")).unwrap().len() > 0);
}

#[test]
fn write_against_the_built_in_server_needs_no_identity_and_leaves_no_state() {
    let place = Place::new();
    place.rows("rows.jsonl", 0, 10);
    let ran = place
        .end(&format!("{WRITE} --sandbox rows.jsonl"))
        .expect(0);
    let text = ran.output + &ran.errors;
    assert!(text.contains("10 rows") && text.contains("acked"), "{text}");
    assert!(!place.path(".local").exists());
}
