//! What the platform refuses: rows, batches, dates, settings, credentials.

use crate::recorder::{ACCESS_KEY, ROTATED_ACCESS_KEY, Received, Recorder, Reply, SECRET_KEY};
use crate::start::{Place, WRITE};
use serde_json::Value;

struct Uploaded {
    recorder: Recorder,
    place: Place,
    requests: Vec<Received>,
    summary: Value,
}

/// Uploads so many rows against a server that answers so.
fn upload(
    rows: usize,
    options: &str,
    script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static,
) -> Uploaded {
    let recorder = Recorder::answering(script);
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, rows);
    let ran = place.end(&format!("{WRITE} --json {options} rows.jsonl"));
    Uploaded {
        requests: recorder.requests(),
        summary: ran.summary(),
        recorder,
        place,
    }
}

impl Uploaded {
    /// The dead letters, without the summary line.
    fn letters(&self) -> Vec<Value> {
        let mut lines = self.place.end("rejects list --json").expect(0).lines();
        lines.pop();
        lines
    }

    fn problems(&self) -> String {
        self.summary["problems"].to_string()
    }
}

#[test]
fn a_413_halves_the_batch_and_the_size_is_remembered_for_the_run() {
    let done = upload(
        4_000,
        "--batch-rows 1000 --max-in-flight 1",
        |request, _| {
            if !request.is_done() && request.rows().len() > 300 {
                return Reply::code(413, 413, "The count of write items max to 300.");
            }
            Reply::ok()
        },
    );
    assert_eq!(done.summary["exit_status"], 0, "{}", done.summary);
    assert_eq!(done.summary["rows_accepted"], 4_000);
    let mut stored: Vec<String> = done
        .requests
        .iter()
        .filter(|request| !request.is_done() && request.rows().len() <= 300)
        .flat_map(Received::rows)
        .collect();
    stored.sort();
    assert_eq!(stored, crate::start::rows(0, 4_000));
    let refused = done
        .requests
        .iter()
        .filter(|r| !r.is_done() && r.rows().len() > 300)
        .count();
    assert!(refused <= 4, "{refused} requests were too large");
    assert_eq!(done.recorder.dones().len(), 1);
}

#[test]
fn a_single_row_that_is_too_large_is_a_dead_letter() {
    let done = upload(8, "", |request, _| {
        let too_large =
            !request.is_done() && request.rows().iter().any(|row| row.contains("000003"));
        if too_large {
            Reply::bare(413)
        } else {
            Reply::ok()
        }
    });
    assert_eq!(done.summary["exit_status"], 3, "{}", done.summary);
    assert_eq!(done.summary["rows_accepted"], 7);
    let letters = done.letters();
    assert_eq!((letters.len(), &letters[0]["line"]), (1, &Value::from(4)));
    assert_eq!(letters[0]["source"], "server");
    assert!(letters[0]["request_id"].is_string());
}

#[test]
fn rows_that_a_1001_names_become_dead_letters_and_the_others_are_unconfirmed() {
    let recorder = Recorder::answering(|request, _| {
        if request.is_done() {
            return Reply::ok();
        }
        // The same content in another spelling, and one of three equal rows.
        let errors = [
            ("bad price", r#"{"price":-1.50, "id":"7"}"#),
            ("bad title", r#"{"id":"8"}"#),
        ];
        Reply::refused_rows(200, 1001, "part", &errors)
    });
    let place = Place::with(&recorder);
    place.file(
        "rows.jsonl",
        concat!(
            "{\"id\":\"1\"}\n{\"id\":\"7\",\"price\":-1.5}\n\n",
            "{\"id\":\"8\"}\n{\"id\":\"8\"}\n{\"id\":\"8\"}\n",
        ),
    );
    let ran = place.end(&format!("{WRITE} --json rows.jsonl"));
    let summary = ran.expect(3).summary();
    assert_eq!(
        (&summary["rows_rejected"], &summary["rows_unconfirmed"]),
        (&2.into(), &3.into())
    );
    let letters = place.end("rejects list --json").expect(0).lines();
    assert_eq!(
        (&letters[0]["line"], &letters[1]["line"]),
        (&2.into(), &4.into())
    );
    assert_eq!(letters[0]["message"], "bad price");
    let equal = letters[1]["message"].as_str().unwrap();
    assert!(
        equal.starts_with("bad title") && equal.contains("4, 5, 6"),
        "{equal}"
    );
    let requests = recorder.requests().len();
    place
        .end(&format!("{WRITE} --max-errors 2 rows.jsonl"))
        .expect(0);
    assert_eq!(
        (recorder.requests().len(), recorder.dones().len()),
        (requests + 1, 1)
    );
}

#[test]
fn a_1001_that_names_no_row_of_the_batch_blocks_done_and_is_never_guessed() {
    for rows in [&[][..], &[("bad", r#"{"id":"unknown"}"#)]] {
        let done = upload(10, "", move |_, _| {
            Reply::refused_rows(200, 1001, "part", rows)
        });
        assert_eq!(done.summary["exit_status"], 7, "{}", done.summary);
        assert_eq!(done.requests.len(), 1);
        assert!(done.letters().is_empty());
        assert_eq!(done.summary["rows_accepted"], 0);
        assert!(
            done.summary["dates"][0]["why"]
                .as_str()
                .unwrap()
                .contains("--restart")
        );
    }
}

#[test]
fn refused_credentials_are_tried_once_more_and_then_status_12() {
    for reply in [
        || Reply::code(401, 401, "Auth fail, bad ak"),
        || Reply::bare(403),
    ] {
        let done = upload(10, "", move |_, _| reply());
        assert_eq!(done.summary["exit_status"], 12, "{}", done.summary);
        assert!(done.requests.len() <= 2, "{}", done.requests.len());
        assert!(
            done.problems().contains("BYTEAIR_AK"),
            "{}",
            done.problems()
        );
        assert_eq!(done.summary["rows_pending"], 10);
        done.recorder.answer(|_, _| Reply::ok());
        done.place.end(&format!("{WRITE} rows.jsonl")).expect(0);
        assert_eq!(done.recorder.dones().len(), 1);
    }
}

#[test]
fn secrets_are_read_again_from_their_files_when_they_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (ak, sk) = (folder.path().join("ak"), folder.path().join("sk"));
    std::fs::write(&ak, format!("{ROTATED_ACCESS_KEY}\n")).unwrap();
    std::fs::write(&sk, SECRET_KEY).unwrap();
    let rotated = ak.clone();
    let recorder = Recorder::answering(move |request, _| {
        if request
            .header("authorization")
            .unwrap()
            .contains(ROTATED_ACCESS_KEY)
        {
            std::fs::write(&rotated, ACCESS_KEY).unwrap();
            return Reply::code(401, 401, "Auth fail, the key was rotated");
        }
        Reply::ok()
    });
    let mut place = Place::with(&recorder);
    place.set("BYTEAIR_AK", "");
    place.set("BYTEAIR_SK", "");
    place.set("BYTEAIR_AK_FILE", ak.to_str().unwrap());
    place.set("BYTEAIR_SK_FILE", sk.to_str().unwrap());
    place.rows("rows.jsonl", 0, 10);
    place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    let requests = recorder.requests();
    assert_eq!(requests.len(), 3);
    assert_ne!(requests[0].id(), requests[1].id(), "a definite refusal");
}

#[test]
fn a_clock_that_is_a_little_off_is_set_by_the_servers() {
    let ten_minutes = chrono::TimeDelta::minutes(10);
    let date = (chrono::Utc::now() + ten_minutes).format("%a, %d %b %Y %H:%M:%S GMT");
    let date = date.to_string();
    let done = upload(10, "", move |_, number| match number {
        0 => Reply::code(401, 401, "Auth fail, expired").with("Date", &date),
        _ => Reply::ok(),
    });
    assert_eq!(done.summary["exit_status"], 0, "{}", done.summary);
    let signed: Vec<_> = done
        .requests
        .iter()
        .map(|request| {
            let text = request.header("x-date").unwrap();
            chrono::NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").unwrap()
        })
        .collect();
    let moved = signed[1] - signed[0];
    assert!(
        (moved - ten_minutes).abs() < chrono::TimeDelta::minutes(1),
        "{moved}"
    );
}

#[test]
fn a_date_or_a_setting_that_the_platform_does_not_take_is_status_6_with_the_step_to_take() {
    for (message, step) in [
        (
            "Can't find configuration for tenant/application_id:1, please check your tenant/application_id and path.",
            "--application-id",
        ),
        (
            "Can't support scene:itm, please check your scene/topic.",
            "--topic",
        ),
        (
            "Syncing is end or not start in stage(history_sync) for tenant/application_id(1) topic(item), please check the 'stage'",
            "console",
        ),
        (
            "Find no data schema of tenant_id(1) tenant/application_id(1), please check your tenant_id and retry",
            "--tenant-id",
        ),
        ("Syncing is not allowed when acked.", "ledger reopen"),
        ("Syncing or ack is not allowed when done.", "ledger reopen"),
        ("Syncing or ack is not allowed when failed.", "re-sync"),
        ("Syncing or ack is not allowed when skipped.", "console"),
        (
            "Syncing or ack is not allowed when realtime cutoff.",
            "incremental_sync_daily",
        ),
    ] {
        for http in [200, 400] {
            let done = upload(30, "--batch-rows 3", move |_, _| {
                Reply::code(http, 400, message)
            });
            assert_eq!(done.summary["exit_status"], 6, "{}", done.summary);
            assert!(
                done.requests.len() <= 3,
                "{message}: {} requests",
                done.requests.len()
            );
            assert!(done.letters().is_empty(), "{message}");
            assert!(
                done.problems().contains(step),
                "{message}: {}",
                done.problems()
            );
            assert!(done.recorder.dones().is_empty());
        }
    }
}

#[test]
fn a_bug_of_ours_that_the_platform_notices_is_status_1() {
    let done = upload(3, "", |_, _| Reply::code(400, 400, "Data is empty"));
    assert_eq!(done.summary["exit_status"], 1, "{}", done.summary);
    assert!(done.problems().contains("report"), "{}", done.problems());
}

#[test]
fn a_date_that_is_being_cleaned_is_temporary() {
    let cleaning = || {
        Reply::code(
            400,
            400,
            "Syncing or ack is not allowed when data cleaning.",
        )
    };
    let done = upload(10, "--retry-for 100ms", move |_, _| cleaning());
    assert_eq!(done.summary["exit_status"], 5, "{}", done.summary);
    assert_eq!(done.summary["retryable"], true);
    assert!(done.letters().is_empty());
    done.recorder.answer(|_, _| Reply::ok());
    done.place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    assert_eq!(done.recorder.dones().len(), 1);
}

fn poison(request: &Received, word: &str) -> Reply {
    let bad = !request.is_done() && request.rows().iter().any(|row| row.contains(word));
    if bad {
        Reply::code(400, 400, "json unmarshal error")
    } else {
        Reply::ok()
    }
}

#[test]
fn one_poison_row_among_ten_thousand_is_found_with_few_requests() {
    let done = upload(10_000, "", |request, _| poison(request, "\"006789\""));
    assert_eq!(done.summary["exit_status"], 3, "{}", done.summary);
    assert_eq!(done.summary["rows_accepted"], 9_999);
    assert!(
        done.requests.len() <= 29,
        "{} requests",
        done.requests.len()
    );
    let letters = done.letters();
    assert_eq!(
        (letters.len(), &letters[0]["line"]),
        (1, &Value::from(6_790))
    );
    assert_eq!(letters[0]["message"], "json unmarshal error");
}

#[test]
fn a_row_at_fault_that_a_broken_off_run_left_alone_is_found_by_the_next_one() {
    let word = "\"000007\"";
    let first = upload(8, "--retry-for 0s", move |request, _| {
        let is_alone = !request.is_done() && request.rows().len() == 1;
        match poison(request, word) {
            Reply::Http { status: 400, .. } if is_alone => Reply::bare(502),
            reply => reply,
        }
    });
    assert_eq!(first.summary["exit_status"], 5, "{}", first.summary);
    let pending = first.summary["rows_pending"].as_u64().unwrap();
    assert!((1..8).contains(&pending), "{pending} rows");
    let before = first.requests.len();
    first
        .recorder
        .answer(move |request, _| poison(request, word));
    let summary = first.place.end(&format!("{WRITE} --json rows.jsonl"));
    assert_eq!(summary.summary()["exit_status"], 3);
    assert_eq!(summary.summary()["rows_accepted"], 7);
    assert!(first.recorder.requests().len() > before);
    assert_eq!(first.letters().len(), 1);
}

#[test]
fn a_file_that_is_refused_whole_is_status_6_without_a_dead_letter() {
    let done = upload(2_000, "--batch-rows 100", |_, _| {
        Reply::code(400, 400, "no such table")
    });
    assert_eq!(done.summary["exit_status"], 6, "{}", done.summary);
    assert!(done.letters().is_empty());
    assert!(
        done.requests.len() <= 30,
        "{} requests",
        done.requests.len()
    );
    assert_eq!(done.summary["rows_rejected"], 0);
    done.recorder.answer(|_, _| Reply::ok());
    done.place.end(&format!("{WRITE} rows.jsonl")).expect(0);
}

#[test]
fn one_answer_that_nobody_documented_stops_the_date_and_keeps_the_batch() {
    for reply in [
        || Reply::bare(405),
        || Reply::code(200, 1234, "predict"),
        || Reply::bare(410),
    ] {
        let done = upload(10, "", move |_, _| reply());
        assert_eq!(done.summary["exit_status"], 6, "{}", done.summary);
        assert_eq!(done.requests.len(), 1);
        assert_eq!(done.summary["rows_pending"], 10);
    }
}
