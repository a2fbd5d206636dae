//! `run`: several topics and days from one file.

use crate::recorder::{Recorder, Reply};
use crate::start::{Place, Ran, rows, signal, wait_for_message};

const FILE: &str = r#"
[defaults]
stage = "history_sync"
date = "2022-01-01"

[[job]]
name = "behavior"
topic = "behavior"
paths = ["{date}/behavior.csv"]
types = { bhv_time = "int32" }
after = ["item"]

[[job]]
name = "item"
topic = "item"
paths = ["{date}/item.jsonl"]
"#;

/// A place with the job file and the exports of some days.
fn place(recorder: &Recorder, days: &[&str]) -> Place {
    let place = Place::with(recorder);
    place.file("jobs.toml", FILE);
    for day in days {
        place.rows(&format!("{day}/item.jsonl"), 0, 5);
        place.file(
            &format!("{day}/behavior.csv"),
            "user_id,bhv_time\nu1,1641000000\nu2,1641000001\n",
        );
    }
    place
}

/// `topic day` of each `done`, in the order of their coming.
fn dones(recorder: &Recorder) -> Vec<String> {
    let dones = recorder.dones();
    dones
        .iter()
        .map(|done| {
            let topic = done.query.split("topic=").nth(1).unwrap();
            let topic = topic.split('&').next().unwrap();
            format!("{topic} {}", done.day().unwrap())
        })
        .collect()
}

#[test]
fn the_jobs_of_a_file_are_uploaded_in_their_order_and_a_second_run_has_nothing_to_do() {
    let recorder = Recorder::new();
    let place = place(&recorder, &["2022-01-01"]);
    let ran = place.end("run jobs.toml --json").expect(0);
    let summary = ran.summary();
    assert_eq!(summary["rows_accepted"], 7);
    assert_eq!(summary["dates"].as_array().unwrap().len(), 2);
    assert_eq!(dones(&recorder), ["item 2022-01-01", "behavior 2022-01-01"]);
    let typed = recorder.rows();
    assert!(
        typed.contains(&r#"{"user_id":"u1","bhv_time":1641000000}"#.to_owned()),
        "{typed:?}"
    );
    let before = recorder.requests().len();
    place
        .end("run jobs.toml")
        .expect(0)
        .says("2 topics of 2022-01-01: complete");
    place.end("run -q jobs.toml").expect(0);
    assert_eq!(recorder.requests().len(), before);
}

#[test]
fn an_export_that_is_not_there_is_status_10_and_holds_back_only_what_comes_after_it() {
    let recorder = Recorder::new();
    let place = place(&recorder, &["2022-01-02"]);
    place.file(
        "2022-01-01/behavior.csv",
        "user_id,bhv_time\nu1,1641000000\n",
    );
    place
        .end("run jobs.toml --date 2022-01-01,2022-01-02")
        .expect(10)
        .says("waits for job 'item', which ended with status 10");
    assert_eq!(dones(&recorder), ["item 2022-01-02", "behavior 2022-01-02"]);
    place.rows("2022-01-01/item.jsonl", 0, 5);
    place
        .end("run jobs.toml --date 2022-01-01,2022-01-02")
        .expect(0);
    assert_eq!(dones(&recorder).len(), 4);
}

#[test]
fn a_day_that_fails_does_not_stop_the_others() {
    let recorder = Recorder::new();
    let place = place(&recorder, &["2022-01-01", "2022-01-02"]);
    place.file(
        "2022-01-01/behavior.csv",
        "user_id,bhv_time\nu1,soon\nu2,1641000000\n",
    );
    let ran = place
        .end("run jobs.toml --backfill 2022-01-01..2022-01-02")
        .expect(3);
    ran.says("2022-01-01/behavior.csv:2")
        .says("3 of 4 uploads finished");
    assert_eq!(
        dones(&recorder),
        ["item 2022-01-01", "item 2022-01-02", "behavior 2022-01-02"]
    );
}

#[test]
fn a_stage_that_the_platform_refuses_is_tried_for_one_day_only() {
    let recorder = Recorder::answering(|_, _| {
        let message = "Syncing is end or not start in stage(history_sync) for tenant/application_id(1) topic(item), please check the 'stage'";
        Reply::code(200, 400, message)
    });
    let place = place(&recorder, &["2022-01-01", "2022-01-02", "2022-01-03"]);
    place
        .end("run jobs.toml item --backfill 2022-01-01..2022-01-03")
        .expect(6)
        .says("not tried: the platform refused this topic and stage");
    assert_eq!(recorder.requests().len(), 1);
}

#[test]
fn catching_up_finishes_the_open_days_and_leaves_what_is_held_back() {
    let recorder = Recorder::new();
    let place = place(&recorder, &[]);
    let day = |back: i64| {
        let zone = chrono::FixedOffset::east_opt(8 * 3600).unwrap();
        let day = chrono::Utc::now().with_timezone(&zone) - chrono::TimeDelta::days(back);
        day.format("%Y-%m-%d").to_string()
    };
    let (yesterday, before, long_ago) = (day(1), day(2), day(9));
    for day in [&yesterday, &before, &long_ago, &day(3)] {
        place.rows(&format!("{day}/item.jsonl"), 0, 5);
    }
    for day in [&before, &long_ago] {
        let words = format!("write -t item -s history_sync -d {day} --no-done {day}/item.jsonl");
        place.end(&words).expect(0);
    }
    place.file("jobs.toml", FILE.replace("\"2022-01-01\"", "\"yesterday\""));
    // What was held back by a person stays so.
    place
        .end("run jobs.toml item --catch-up 3")
        .expect(7)
        .says(&before);
    assert_eq!(
        recorder.dones().len(),
        2,
        "yesterday, and what nobody began"
    );
    place.end(&format!("done -t item -d {before}")).expect(0);
    place.end("run jobs.toml item --catch-up 3").expect(0);
    assert_eq!(recorder.dones().len(), 3);
}

#[test]
fn a_dry_run_sends_nothing_and_says_what_it_would() {
    let recorder = Recorder::new();
    let place = place(&recorder, &["2022-01-01", "2022-01-02"]);
    let dry = "run jobs.toml --dry-run --backfill 2022-01-01..2022-01-02";
    place
        .end(dry)
        .expect(0)
        .says("dry run: 14 rows in 4 requests would be sent")
        .says("2 dates of 2 topics: a dry run, nothing was sent\n")
        .says("pending      14 (would be sent)\n");
    let machines = place.end(&format!("{dry} --json")).expect(0);
    machines.says("\"dry_run\":true");
    assert!(recorder.requests().is_empty());
}

#[test]
fn a_dry_run_does_not_plan_what_would_wait_for_a_job_that_fails() {
    let recorder = Recorder::new();
    let place = place(&recorder, &["2022-01-01"]);
    place.file("2022-01-01/item.jsonl", "%PDF-1.7\n\u{0}\u{1}\n");
    place
        .end("run jobs.toml --dry-run")
        .expect(4)
        .says("waits for job 'item', which would end with status 4")
        .says("dry run: 0 rows in 0 requests would be sent");
    place.end("run jobs.toml").expect(4);
    assert!(recorder.requests().is_empty());
}

#[test]
fn mistakes_in_the_file_are_found_before_anything_is_sent() {
    let recorder = Recorder::new();
    let place = place(&recorder, &["2022-01-01"]);
    for (from, to, says) in [
        (
            "bhv_time = \"int32\"",
            "bhv_time = \"int33\"",
            "job 'behavior': invalid value",
        ),
        (
            "stage = \"history_sync\"",
            "stage = \"historysync\"",
            "did you mean history_sync?",
        ),
        ("date = \"2022-01-01\"", "", "job 'item': it has no day"),
        ("after =", "afer =", "did you mean 'after'?"),
        ("after = [\"item\"]", "schema = \"none.json\"", "none.json"),
    ] {
        place.file("jobs.toml", FILE.replace(from, to));
        place.end("run jobs.toml").expect(2).says(says);
    }
    place
        .end("run jobs.toml -d today --backfill 2022-01-01..2022-01-02")
        .expect(2)
        .says("--date and --backfill cannot be used together");
    place
        .end("run none.toml")
        .expect(2)
        .says("cannot read job file none.toml");
    place.end("run jobs.toml").expect(2);
    place.file("jobs.toml", FILE);
    place
        .end("run jobs.toml items")
        .expect(2)
        .says("did you mean 'item'?");
    assert!(recorder.requests().is_empty());
}

#[test]
fn an_interrupted_run_says_how_many_days_are_left_and_goes_on() {
    let recorder = Recorder::answering(|_, earlier| {
        if earlier < 100 {
            Reply::code(200, 429, "slow down")
        } else {
            Reply::ok()
        }
    });
    let place = place(&recorder, &["2022-01-01", "2022-01-02"]);
    let mut child = place.start("run jobs.toml --backfill 2022-01-01..2022-01-02 --progress lines");
    wait_for_message(&mut child, "uploading");
    signal(&child, rustix::process::Signal::TERM);
    Ran::after(child)
        .expect(143)
        .says("not begun: behavior 2022-01-01, item 2022-01-02, behavior 2022-01-02");
    recorder.answer(|_, _| Reply::ok());
    place
        .end("run jobs.toml --backfill 2022-01-01..2022-01-02")
        .expect(0);
    assert_eq!(recorder.dones().len(), 4);
}

#[test]
fn a_run_that_ends_early_counts_what_was_done_before_and_does_not_call_it_not_begun() {
    let recorder = Recorder::new();
    let mut place = place(&recorder, &["2022-01-01", "2022-01-02"]);
    let both = format!("--host 127.0.0.1:1 --host {}", recorder.address);
    place
        .end(&format!("run jobs.toml item --date 2022-01-02 {both}"))
        .expect(0);
    place.set("BYTEAIR_RETRY_FOR", "100ms");
    let ran = place
        .end("run jobs.toml --backfill 2022-01-01..2022-01-02 --host 127.0.0.1:1 --json")
        .expect(5);
    let summary = ran.summary();
    assert_eq!(summary["rows_accepted"], 5, "{summary}");
    let problems = summary["problems"].to_string();
    assert!(
        problems.contains("not begun: behavior 2022-01-01, behavior 2022-01-02\""),
        "{problems}"
    );
}

#[test]
fn hooks_are_told_what_became_of_a_day_and_change_nothing() {
    let recorder = Recorder::new();
    let mut place = place(&recorder, &["2022-01-01"]);
    place.set("PATH", "/usr/bin:/bin");
    let hooks = r#"
on_success = "cat > success.json; env > environment"
on_failure = "cat > failure.json; exit 7"
on_reject = "cat > reject.json"
hook_timeout = "60s"
"#;
    place.file(
        "jobs.toml",
        FILE.replace(
            "[[job]]\nname = \"behavior\"",
            &format!("{hooks}\n[[job]]\nname = \"behavior\""),
        ),
    );
    place.file(
        "2022-01-01/behavior.csv",
        "user_id,bhv_time\nu1,soon\nu2,1641000000\n",
    );
    let ran = place.end("run jobs.toml").expect(3);
    let ran = ran.says("hook on_failure failed: it ended with exit status: 7");
    assert!(!ran.errors.contains("on_success"), "{}", ran.errors);
    let told = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(place.path(name)).unwrap()).unwrap()
    };
    assert_eq!(told("success.json")["dates"][0]["topic"], "item");
    let line = std::fs::read_to_string(place.path("success.json")).unwrap();
    assert!(line.ends_with("}\n") && line.lines().count() == 1, "{line}");
    assert_eq!(told("failure.json")["exit_status"], 3);
    assert_eq!(told("reject.json")["rows_rejected"], 1);
    let environment = std::fs::read_to_string(place.path("environment")).unwrap();
    assert!(environment.contains("BYTEAIR_HOST") && !environment.contains("BYTEAIR_SK"));
    // Nothing is new the second time.
    std::fs::remove_file(place.path("success.json")).unwrap();
    place.end("run jobs.toml item").expect(0);
    assert!(!place.path("success.json").exists());
}

#[test]
fn the_example_job_file_is_taken() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let example = format!("{}/fixtures/jobs/daily.toml", env!("CARGO_MANIFEST_DIR"));
    place.file("daily.toml", std::fs::read(&example).unwrap());
    place.end("run daily.toml").expect(10);
    place.end("run daily.toml --date 2022-01-01").expect(10);
    for name in ["item-0.jsonl.gz", "item-1.jsonl.gz"] {
        let rows = rows(0, 3).join("\n");
        let packed = {
            use std::io::Write;
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer
                .write_all(rows.replace("00000", name).as_bytes())
                .unwrap();
            packer.finish().unwrap()
        };
        place.file(&format!("export/2022-01-01/{name}"), packed);
    }
    place.file("export/2022-01-01/user-0.csv", "user_id,age\nu1,\n");
    place.file(
        "export/2022-01-01/behavior-0.csv",
        "user_id,bhv_time\nu1,1641000000\n",
    );
    place
        .end("run daily.toml --date 2022-01-01")
        .expect(10)
        .says("_SUCCESS");
    place.file("export/2022-01-01/_SUCCESS", "");
    place.end("run daily.toml --date 2022-01-01").expect(0);
    assert_eq!(recorder.dones().len(), 3);
}

#[test]
fn the_published_schema_is_the_one_that_the_program_prints() {
    let place = Place::new();
    let printed = place.end("run --print-schema").expect(0).output;
    let path = format!(
        "{}/fixtures/jobs/job-file.schema.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let published = std::fs::read_to_string(path).unwrap();
    assert!(
        printed == published,
        "print it again: byteair-sync run --print-schema"
    );
}

#[test]
fn jobs_that_share_a_topic_and_a_stage_are_told_apart_by_their_names() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let job = |name: &str| {
        format!(
            "[[job]]\nname = '{name}'\ntopic = 'item'\npaths = ['{name}-{{date}}.jsonl']\nno_done = true\n"
        )
    };
    let defaults = "[defaults]\nstage = 'history_sync'\ndate = '2022-01-01'\n";
    place.file(
        "jobs.toml",
        format!("{defaults}{}{}", job("north"), job("south")),
    );
    place.rows("north-2022-01-01.jsonl", 0, 3);
    let ran = place.end("run jobs.toml").expect(10);
    for words in [
        "  item history_sync 2022-01-01 (job 'north')  3 accepted",
        "  item history_sync 2022-01-01 (job 'south')  ",
    ] {
        assert!(ran.output.contains(words), "{}", ran.output);
    }
    ran.says("1 of 2 uploads (job north): uploading item history_sync 2022-01-01:")
        .says("job 'south 2022-01-01' begins");
    let dates = place.end("run jobs.toml --json").expect(10).summary()["dates"].clone();
    assert_eq!(dates[0]["job"], "north");
    assert_eq!(dates[1]["job"], "south");
}
