//! What a job file may say, what it means as a `write`, and how its mistakes are named.

use super::*;
use proptest::prelude::*;
use std::fmt::Write;
use std::time::Duration;

const EXAMPLE: &str = r#"
[defaults]
stage = "incremental_sync_daily"
date = "yesterday"
timezone = "Asia/Shanghai"
on_failure = "mail -s upload me"

[[job]]
name = "behavior"
topic = "behavior"
paths = ["export/dt={date:%Y%m%d}/behavior-*.csv"]
types = { bhv_time = "int32" }
after = ["item"]
hook_timeout = "5s"

[[job]]
name = "item"
topic = "item"
paths = "export/{date}/item-*.jsonl.gz"
require_marker = "_SUCCESS"
no_done = false
verify = true
"#;

fn parse(text: &str) -> Result<JobFile, String> {
    JobFile::parse("jobs.toml", text, &job_keys()).map_err(|error| crate::cli::error::chain(&error))
}

fn words(job: &Job, days: Option<&str>) -> Vec<String> {
    let words = job.words(days, &[]);
    words
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

#[test]
fn a_job_is_a_write_with_the_same_options() {
    let file = parse(EXAMPLE).unwrap();
    let [item, behavior] = file.jobs.as_slice() else {
        panic!("{file:?}");
    };
    assert_eq!(item.name, "item", "behind which behavior comes");
    assert_eq!(
        words(item, Some("2022-01-01")),
        [
            "write",
            "--require-marker=_SUCCESS",
            "--topic=item",
            "--verify",
            "--stage=incremental_sync_daily",
            "--timezone=Asia/Shanghai",
            "--date=2022-01-01",
            "--",
            "export/{date}/item-*.jsonl.gz"
        ]
    );
    assert!(words(behavior, None).contains(&"--types=bhv_time=int32".to_owned()));
    assert!(words(behavior, None).contains(&"--date=yesterday".to_owned()));
    assert_eq!(
        behavior.hooks.on_failure.as_deref(),
        Some("mail -s upload me")
    );
    assert_eq!(behavior.hooks.timeout, Duration::from_secs(5));
    let typed = ["timezone".to_owned()];
    assert!(
        !item
            .words(None, &typed)
            .iter()
            .any(|word| word == "--timezone=Asia/Shanghai")
    );
}

#[test]
fn a_streaming_job_does_not_inherit_what_is_about_days() {
    let text = EXAMPLE.replace(
        "topic = \"item\"",
        "topic = \"item\"\nstage = \"incremental_sync_streaming\"",
    );
    let text = text.replace("require_marker = \"_SUCCESS\"\nno_done = false\n", "");
    let file = parse(&text).unwrap();
    let streaming = words(&file.jobs[0], None);
    assert!(
        !streaming.iter().any(|word| word.starts_with("--date")),
        "{streaming:?}"
    );
}

#[test]
fn mistakes_are_refused_and_named() {
    let job = "[[job]]\nname = \"a\"\ntopic = \"item\"\nstage = \"pre_sync\"\npaths = \"p\"\n";
    for (text, says) in [
        (String::new(), "no [[job]]"),
        ("a = ".to_owned(), "line 1, is not TOML"),
        ("x = 1".to_owned(), "unknown key 'x'"),
        ("[defaults]\npaths = 1".to_owned(), "no [[job]]"),
        (
            format!("[defaults]\nname = \"x\"\n{job}"),
            "belongs to a [[job]]",
        ),
        (format!("{job}tipes = \"a=int32\""), "did you mean 'types'?"),
        (format!("{job}restart = true"), "sends everything again"),
        (format!("{job}sk = \"s3cret\""), "is a secret"),
        (format!("{job}qps = 5"), "belongs to [defaults]"),
        (
            format!("{job}min_rows = [1, 2]"),
            "'min_rows' must be one value",
        ),
        (
            format!("{job}verify = \"yes\""),
            "'verify' must be true or false",
        ),
        (format!("{job}date = [[1]]"), "'date' must be a text"),
        (format!("{job}after = \"b\""), "which is no job"),
        (format!("{job}after = \"a\""), "in a circle: a"),
        (format!("{job}{job}"), "two jobs have the name 'a'"),
        (job.replace("\"a\"", "\"a b\""), "'name' must be letters"),
        (job.replace("name = \"a\"\n", ""), "job 1 has no 'name'"),
        (job.replace("paths = \"p\"\n", ""), "has no 'paths'"),
        (job.replace("\"p\"", "\"-\""), "standard input"),
        (job.replace("topic = \"item\"\n", ""), "has no 'topic'"),
        (format!("{job}hook_timeout = \"5\""), "write a duration"),
    ] {
        let error = parse(&text).expect_err(&text);
        assert!(error.contains(says), "{text}\n{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn a_job_that_is_not_there_gets_a_suggestion() {
    let file = parse(EXAMPLE).unwrap();
    let error = file
        .select(&["behaviour".to_owned()])
        .unwrap_err()
        .to_string();
    assert!(error.contains("did you mean 'behavior'?"), "{error}");
    assert_eq!(file.select(&["item".to_owned()]).unwrap().len(), 1);
    assert_eq!(file.select(&[]).unwrap().len(), 2);
}

#[test]
fn paths_are_relative_to_the_file() {
    let mut file = parse(&EXAMPLE.replace("verify = true", "schema = \"s.json\"")).unwrap();
    let item = &mut file.jobs[0];
    item.place_in(Path::new("/jobs"), None).unwrap();
    let words = words(item, None);
    assert!(
        words.contains(&"--schema=/jobs/s.json".to_owned()),
        "{words:?}"
    );
    assert!(words.contains(&"/jobs/export/{date}/item-*.jsonl.gz".to_owned()));
}

#[test]
fn the_schema_has_every_key_and_fits_the_example() {
    let schema = json_schema(&job_keys());
    let jobs = &schema["properties"]["job"]["items"]["properties"];
    let defaults = &schema["properties"]["defaults"]["properties"];
    for key in [
        "topic",
        "types",
        "require_marker",
        "paths",
        "after",
        "on_reject",
    ] {
        assert!(jobs[key].is_object(), "{key}");
    }
    assert!(defaults["qps"].is_object() && jobs["qps"].is_null());
    assert!(jobs["restart"].is_null() && defaults["restart"].is_null());
    assert_eq!(jobs["verify"]["type"], "boolean");
}

proptest! {
    #[test]
    fn any_text_is_a_job_file_or_an_error(text in ".{0,200}") {
        let _answer = parse(&text);
    }

    #[test]
    fn every_order_that_after_allows_is_kept(names in proptest::sample::subsequence(vec!["a", "b", "c", "d", "e"], 2..=5)) {
        let mut text = String::new();
        for (index, name) in names.iter().enumerate() {
            // Each comes after the next one, so the order is turned round.
            let after = names.get(index + 1).map_or(String::new(), |next| format!("after = \"{next}\"\n"));
            let _infallible = write!(text, "[[job]]\nname = \"{name}\"\ntopic = \"item\"\nstage = \"pre_sync\"\npaths = \"p\"\n{after}");
        }
        let file = parse(&text).unwrap();
        let order: Vec<&str> = file.jobs.iter().map(|job| job.name.as_str()).collect();
        let reversed: Vec<&str> = names.iter().rev().copied().collect();
        prop_assert_eq!(order, reversed);
    }
}
