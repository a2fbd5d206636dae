//! `run`: which days are meant, what keeps which back, and what is typed next.

use crate::recorder::{Received, Recorder, Reply};
use crate::start::{Place, Ran, rows};

const FILE: &str = r#"
[defaults]
stage = "history_sync"
date = "yesterday"

[[job]]
name = "behavior"
topic = "behavior"
paths = ["{date}/behavior.jsonl"]
after = ["item"]

[[job]]
name = "item"
topic = "item"
paths = ["{date}/item.jsonl"]

[[job]]
name = "user"
topic = "user"
paths = ["{date}/user.jsonl"]
"#;

/// A day so many days ago, where the platform is.
fn day(back: i64) -> String {
    let zone = chrono::FixedOffset::east_opt(8 * 3600).unwrap();
    let day = chrono::Utc::now().with_timezone(&zone) - chrono::TimeDelta::days(back);
    day.format("%Y-%m-%d").to_string()
}

fn place(recorder: &Recorder, back: &[i64]) -> Place {
    let place = Place::with(recorder);
    place.file("jobs.toml", FILE);
    for day in back.iter().map(|back| day(*back)) {
        for topic in ["item", "behavior", "user"] {
            place.rows(&format!("{day}/{topic}.jsonl"), 0, 3);
        }
    }
    place
}

fn is_of_item(request: &Received) -> bool {
    let named = format!("{}?{}", request.path, request.query);
    named.contains("item")
}

/// The `run` that is named, with the job file by its name alone; it can be typed in any directory.
fn named_run(ran: &Ran) -> String {
    let mut lines = ran.output.lines();
    let line = lines.find(|line| line.contains("byteair-sync run "));
    let line = line.expect(&ran.output);
    let (_, command) = line.split_once("byteair-sync ").unwrap();
    let command = command.split("  # ").next().unwrap().trim();
    let file = command.split(' ').nth(1).unwrap();
    assert!(file.starts_with('/'), "{command}");
    command.replacen(file, file.rsplit('/').next().unwrap(), 1)
}

#[test]
fn one_file_is_not_the_rows_of_several_days() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("item.jsonl", 0, 3);
    let file = "[[job]]\nname = \"item\"\ntopic = \"item\"\nstage = \"history_sync\"\n\
                date = \"DAYS\"\npaths = [\"item.jsonl\"]\n";
    let words = [
        ("2022-01-01..2022-01-03", "run jobs.toml"),
        ("2022-01-01,2022-01-03", "run jobs.toml"),
        (
            "2022-01-01",
            "run jobs.toml --backfill 2022-01-01..2022-01-02",
        ),
        ("2022-01-01", "run jobs.toml --date 2022-01-01,2022-01-02"),
        ("yesterday", "run jobs.toml --catch-up 2"),
        ("yesterday", "run jobs.toml --dry-run --catch-up 2"),
    ];
    for (days, words) in words {
        let days = days.replace(',', "\", \"");
        let file = file.replace("\"DAYS\"", &format!("[\"{days}\"]"));
        place.file("jobs.toml", file);
        place
            .end(words)
            .expect(2)
            .says("job 'item'")
            .says("item.jsonl' has no {date} in it");
    }
    assert!(recorder.requests().is_empty());
    place.end("run jobs.toml --date 2022-01-01").expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn catching_up_goes_through_every_day_of_which_nothing_is_known() {
    let recorder = Recorder::new();
    let place = place(&recorder, &[1, 2, 3]);
    // Behavior waits for an item export that comes late; of the day before everything comes late.
    let late = format!("{}/item.jsonl", day(2));
    std::fs::remove_file(place.path(&late)).unwrap();
    std::fs::rename(place.path(&day(3)), place.path("late")).unwrap();
    place
        .end(&format!("run jobs.toml --date {}", day(2)))
        .expect(10);
    place
        .end(&format!("run jobs.toml --date {}", day(3)))
        .expect(10);
    place.end("run jobs.toml").expect(0);
    place
        .end("run jobs.toml --catch-up 3")
        .expect(10)
        .says(&day(3));
    place.rows(&late, 0, 3);
    std::fs::rename(place.path("late"), place.path(&day(3))).unwrap();
    place.end("run -q jobs.toml --catch-up 3").expect(0);
    assert_eq!(recorder.dones().len(), 9);
    place.end("status --gaps").expect(0);
    let before = recorder.requests().len();
    place.end("run -q jobs.toml --catch-up 3").expect(0);
    assert_eq!(recorder.requests().len(), before);
}

#[test]
fn catching_up_names_all_open_days_to_the_one_upload_of_rows_that_say_their_day() {
    let recorder = Recorder::new();
    let place = place(&recorder, &[]);
    let row = |back: i64| format!("{{\"id\":\"{back}\",\"day\":\"{}\"}}\n", day(back));
    place.file("all.jsonl", row(1) + &row(3));
    place.file(
        "jobs.toml",
        "[[job]]\nname = 'item'\ntopic = 'item'\nstage = 'history_sync'\ndate = 'yesterday'\n\
         paths = ['all.jsonl']\ndate_from_field = 'day'\ndate_format = '%Y-%m-%d'\n",
    );
    let ran = place.end("run jobs.toml --catch-up 3").expect(8);
    assert_eq!(recorder.dones().len(), 2);
    assert_eq!(recorder.rows().len(), 2);
    ran.says("there was no row");
}

#[test]
fn a_job_with_days_of_its_own_catches_up_only_with_what_was_begun() {
    let recorder = Recorder::new();
    let place = place(&recorder, &[]);
    place.rows("2022-01-01/item.jsonl", 0, 3);
    place.file("jobs.toml", FILE.replace("\"yesterday\"", "\"2022-01-01\""));
    place.end("run jobs.toml item --catch-up 5").expect(0);
}

#[test]
fn a_topic_that_is_throttled_keeps_only_its_own_back() {
    let recorder = Recorder::answering(|request, _| {
        if is_of_item(request) {
            Reply::bare(503)
        } else {
            Reply::ok()
        }
    });
    let mut place = place(&recorder, &[1]);
    place.set("BYTEAIR_RETRY_FOR", "100ms");
    let ran = place
        .end("run jobs.toml")
        .expect(5)
        .says("waits for job 'item', which ended with status 5");
    assert_eq!(recorder.dones().len(), 1, "user");
    recorder.answer(|_, _| Reply::ok());
    place.end(&named_run(&ran)).expect(0);
    assert_eq!(recorder.dones().len(), 3);
}

#[test]
fn a_host_that_is_away_is_waited_for_once() {
    let place = Place::at("127.0.0.1:1".parse().unwrap());
    place.file("jobs.toml", FILE);
    for topic in ["item", "behavior", "user"] {
        place.rows(&format!("{}/{topic}.jsonl", day(1)), 0, 3);
    }
    let mut place = place;
    place.set("BYTEAIR_RETRY_FOR", "100ms");
    place
        .end("run jobs.toml")
        .expect(5)
        .says(&format!("not begun: behavior {0}, user {0}", day(1)));
}

#[test]
fn the_command_that_is_named_finishes_the_day_with_what_waits() {
    let recorder = Recorder::new();
    let mut place = place(&recorder, &[1, 2]);
    place.set("BYTEAIR_RETRY_FOR", "100ms");
    let item = format!("{}/item.jsonl", day(1));
    let command = format!("run jobs.toml --date {}", day(1));
    let good = place.rows(&item, 0, 3).join("\n");
    for (text, status) in [
        (String::new(), 8),
        ("%PDF-1.7\n\u{0}\u{1}\n".to_owned(), 4),
        ("{\"id\":\"1\"}\nnot json\n".to_owned(), 3),
    ] {
        let recorder = Recorder::new();
        let mut place = self::place(&recorder, &[1, 2]);
        place.set("BYTEAIR_RETRY_FOR", "100ms");
        place.file(&item, text);
        let ran = place
            .end("run -q jobs.toml --report report.json")
            .expect(status);
        assert_eq!(named_run(&ran), command);
        place.file(&item, format!("{good}\n"));
        if status == 3 {
            let reject = format!(
                "done -t item -s history_sync -d {} --accept-rejects",
                day(1)
            );
            place.file(&item, "{\"id\":\"1\"}\nnot json\n");
            place.end(&reject).expect(0);
        }
        let _ended = place.end(&command).expect(0);
        assert_eq!(recorder.dones().len(), 3, "{status}");
    }
    // A stage that is not open yet.
    recorder.answer(|request, _| {
        if is_of_item(request) {
            Reply::code(200, 400, "Syncing is end or not start in stage(history_sync) for tenant/application_id(1) topic(item), please check the 'stage'")
        } else {
            Reply::ok()
        }
    });
    let backfill = format!("{}..{}", day(2), day(1));
    let ran = place
        .end(&format!("run jobs.toml --backfill {backfill}"))
        .expect(6);
    assert_eq!(named_run(&ran), format!("run jobs.toml --date {backfill}"));
    recorder.answer(|_, _| Reply::ok());
    place.end(&named_run(&ran)).expect(0);
    assert_eq!(recorder.dones().len(), 6);
}

#[test]
fn a_job_that_is_needed_and_was_not_named_is_named() {
    let recorder = Recorder::new();
    let place = place(&recorder, &[1]);
    let ran = place.end("run jobs.toml behavior").expect(7);
    let named = named_run(&ran);
    assert_eq!(
        named,
        format!("run jobs.toml item behavior --date {}", day(1))
    );
    place.end(&named).expect(0);
}

#[test]
fn a_day_that_is_done_waits_for_nobody_and_keeps_its_rows() {
    let recorder = Recorder::new();
    let place = place(&recorder, &[1]);
    let file = FILE.replace("{date}/item.jsonl", "{date}/item*.jsonl");
    place.file("jobs.toml", file);
    place.end("run jobs.toml").expect(0);
    let late: String = rows(10, 2).join("\n");
    place.file(&format!("{}/item-late.jsonl", day(1)), late);
    let ran = place.end("run jobs.toml --json").expect(6);
    assert!(!ran.output.contains("waits for"), "{}", ran.output);
    let summary = ran.summary();
    let dates = summary["dates"].as_array().unwrap();
    let behavior = dates
        .iter()
        .find(|date| date["topic"] == "behavior")
        .unwrap();
    assert_eq!(behavior["rows_accepted"], 3);
    assert_eq!(behavior["done"], "already");
}

#[test]
fn what_is_missing_is_a_line_a_stretch_with_the_run_for_it() {
    let recorder = Recorder::new();
    let place = place(&recorder, &[1, 5]);
    let two = format!("run jobs.toml user item --date {},{}", day(5), day(1));
    place.end(&two).expect(0);
    let ran = place.end("status").expect(0);
    let (_, owed) = ran.output.split_once("owed\n").unwrap();
    let days = format!("{}..{}", day(4), day(2));
    // It is typed in any directory.
    let file = place.path("jobs.toml");
    let file = file.display();
    assert_eq!(
        owed,
        format!(
            "  item history_sync {days} missing: nothing is known of it\n    \
             byteair-sync run {file} --date {days}\n  \
             user history_sync {days} missing: nothing is known of it\n"
        )
    );
}

/// The first job sent `done` for the day, and the rows of the second were late for it.
#[test]
fn two_jobs_that_upload_the_same_day_of_a_topic_are_refused_unless_both_leave_done_to_a_person() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("a/2022-01-01.jsonl", 0, 5);
    place.rows("b/2022-01-01.jsonl", 5, 5);
    let job = |name: &str, more: &str| {
        format!(
            "[[job]]\nname = \"{name}\"\ntopic = \"item\"\npaths = [\"{name}/{{date}}.jsonl\"]\n{more}\n"
        )
    };
    let head = "[defaults]\nstage = \"history_sync\"\ndate = \"2022-01-01\"\n";
    for more in ["", "no_done = true"] {
        place.file(
            "two.toml",
            format!("{head}{}{}", job("a", more), job("b", "")),
        );
        for command in ["run two.toml", "run two.toml a", "run two.toml --dry-run"] {
            place
                .end(command)
                .expect(2)
                .says("jobs 'a' and 'b' both upload item history_sync 2022-01-01")
                .says("put the paths of both into one job");
        }
    }
    assert!(recorder.requests().is_empty());
    let held = "no_done = true";
    place.file(
        "two.toml",
        format!("{head}{}{}", job("a", held), job("b", held)),
    );
    place.end("run two.toml").expect(0);
    assert!(recorder.dones().is_empty());
    place
        .end("done --topic item --stage history_sync --date 2022-01-01")
        .expect(0);
    assert_eq!((recorder.accepted().len(), recorder.dones().len()), (10, 1));
    // Days of their own are no matter.
    let other = job("b", "date = \"2022-01-02\"");
    place.rows("b/2022-01-02.jsonl", 5, 5);
    place.file("two.toml", format!("{head}{}{other}", job("a", "")));
    place.end("run two.toml").expect(0);
    assert_eq!(recorder.dones().len(), 2);
}

/// `run` was named between the two, so that the second topic was never uploaded, and of many days so
/// many commands that nothing else of the last lines was to be seen.
#[test]
fn the_run_is_named_behind_what_has_to_come_before_it_and_of_many_commands_a_few() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let job = |topic: &str| {
        format!(
            "[[job]]\nname = \"{topic}\"\ntopic = \"{topic}\"\npaths = [\"{topic}/{{date}}.jsonl\"]\n"
        )
    };
    let jobs = format!(
        "[defaults]\nstage = \"history_sync\"\n{}{}",
        job("item"),
        job("user")
    );
    for topic in ["item", "user"] {
        for day in 1..=9 {
            place.file(
                &format!("{topic}/2022-01-0{day}.jsonl"),
                "{\"id\":1}\nnot json\n",
            );
        }
    }
    place.file("jobs.toml", jobs);
    let ran = place
        .end("run jobs.toml --backfill 2022-01-01..2022-01-09")
        .expect(3);
    let story = ran.output.split("  next").nth(1).unwrap();
    assert!(story.lines().count() <= 7, "{story}");
    assert!(story.contains("more commands"), "{story}");
    let last = story.lines().last().unwrap();
    assert!(
        last.contains("/jobs.toml --date 2022-01-01..2022-01-09"),
        "{story}"
    );
}

/// Three lines a day made a log of thousands of lines of a backfill.
#[test]
fn a_backfill_of_many_days_leaves_a_short_log() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file(
        "jobs.toml",
        "[[job]]\nname = \"a\"\ntopic = \"item\"\nstage = \"history_sync\"\npaths = [\"{date}.jsonl\"]\n",
    );
    for day in 1..=28 {
        place.rows(&format!("2022-02-{day:02}.jsonl"), day, 1);
    }
    let ran = place
        .end("run jobs.toml --backfill 2022-02-01..2022-02-28")
        .expect(0)
        .says("of 28 uploads finished");
    assert_eq!(recorder.dones().len(), 28);
    let lines = ran.output.lines().count();
    assert!(lines < 60, "{lines} lines\n{}", ran.output);
}
