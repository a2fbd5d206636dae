//! Job files: names, places, and what is said of the days that were typed.

use crate::recorder::Recorder;
use crate::start::{Place, Ran, rows};

/// A file with one job.
fn file(name: &str, path: &str) -> String {
    format!(
        "[[job]]\nname = '{name}'\ntopic = 'item'\nstage = 'history_sync'\ndate = '2022-01-01'\npaths = ['{path}']\n"
    )
}

#[test]
fn a_job_may_have_a_name_in_any_script() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let two = format!("{}{}", file("商品", "a.jsonl"), file("été_2", "b.jsonl"));
    place.file(
        "jobs.toml",
        two.replacen("item", "user", 1) + "after = '商品'\n",
    );
    place.rows("a.jsonl", 0, 3);
    place.rows("b.jsonl", 0, 3);
    let ran = place.end("run jobs.toml").expect(0);
    ran.says("1 of 2 uploads (job 商品): uploading user history_sync 2022-01-01:")
        .says("2 of 2 uploads (job été_2): uploading item history_sync 2022-01-01:");
    let ran = place.end("run jobs.toml 商店").expect(2);
    ran.says("did you mean '商品'?");
    place.file("jobs.toml", file("a b", "a.jsonl"));
    let ran = place.end("run jobs.toml").expect(2);
    ran.says("'name' must be letters, digits, '-', '_' or '.'");
}

#[test]
fn a_tilde_is_the_home_directory() {
    let recorder = Recorder::new();
    let mut place = Place::with(&recorder);
    place.rows("home/export/2022-01-01.jsonl", 0, 3);
    place.set("HOME", place.path("home").to_str().unwrap());
    place.file("jobs.toml", file("item", "~/export/{date}.jsonl"));
    place.end("run jobs.toml").expect(0);
    assert_eq!(recorder.stored(), rows(0, 3));
    let words = "run jobs.toml --state-dir state";
    let ran = Ran::of(words, place.run(words).env_remove("HOME")).expect(2);
    ran.says("job 'item': '~/export/{date}.jsonl' lies in the home directory, and HOME is not set; write the whole path");
}

#[test]
fn variables_are_refused_where_no_shell_reads_them() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    for path in ["$HOME/{date}.jsonl", "${EXPORT}/{date}.jsonl"] {
        place.file("jobs.toml", file("item", path));
        let ran = place.end("run jobs.toml").expect(2);
        ran.says(&format!("job 'item': '{path}' begins with a variable, and a job file has none; write ~/ for the home directory"));
    }
    place.file("jobs.toml", file("item", "~data/{date}.jsonl"));
    let ran = place.end("run jobs.toml").expect(2);
    ran.says("'~data/{date}.jsonl' begins with the home of somebody, and only ~/ is known");
    // A file may well be named so.
    place.file("jobs.toml", file("item", "./$HOME-{date}.jsonl"));
    place.rows("$HOME-2022-01-01.jsonl", 0, 3);
    place.end("run jobs.toml").expect(0);
    assert_eq!(recorder.stored(), rows(0, 3));
}

#[test]
fn days_that_make_no_sense_are_named_as_they_were_given() {
    let place = Place::new();
    place.file("jobs.toml", file("item", "{date}.jsonl"));
    let backwards = "2022-01-02..2022-01-01";
    for option in ["--date", "--backfill"] {
        let ran = place
            .end(&format!("run jobs.toml {option} {backwards}"))
            .expect(2);
        ran.says(&format!(
            "{option} {backwards} runs backwards; write the earlier day first"
        ));
        let ran = place
            .end(&format!("run jobs.toml {option} 0001-01-01..9999-12-31"))
            .expect(2);
        ran.says(&format!(
            "{option} names more than 3,653 days; split the command"
        ));
        let ran = place
            .end(&format!("run jobs.toml {option} 2022-1-1"))
            .expect(2);
        ran.says(&format!("for '{option} <"));
    }
    place.file(
        "jobs.toml",
        file("item", "{date}.jsonl").replace("'2022-01-01'", "'2022-01-02..2022-01-01'"),
    );
    let ran = place.end("run jobs.toml").expect(2);
    ran.says("job 'item': date = 2022-01-02..2022-01-01 runs backwards");
}
