//! The messages of the README's troubleshooting section: each is still said, in the situation that
//! the section is about.

use crate::recorder::{Recorder, Reply};
use crate::start::{Place, WRITE};

/// What is said in the situations, as one text.
fn everything_said() -> String {
    let mut said = String::new();
    for situation in [
        set_up_wrongly,
        asked_wrongly,
        not_ready_or_bad_input,
        rows_and_guards,
        temporary,
        refused,
        changed_or_held,
        jobs_and_gaps,
    ] {
        said.push_str(&situation());
    }
    said
}

fn server() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 10);
    (recorder, place)
}

/// The words of a command that ends so.
fn said(place: &Place, words: &str, status: i32) -> String {
    let ran = place.end(words).expect(status);
    format!("{}\n{}\n", ran.errors, ran.output)
}

fn set_up_wrongly() -> String {
    let (_, mut place) = server();
    let write = format!("{WRITE} rows.jsonl");
    let mut text = String::new();
    for name in ["BYTEAIR_HOST", "BYTEAIR_AK", "BYTEAIR_TENANT_ID"] {
        let (_, mut place) = server();
        place.set(name, "");
        text += &said(&place, &write, 2);
    }
    place.set("BYTEAIR_SCHEME", "https");
    place.set("BYTEAIR_RETRY_FOR", "1ms");
    text += &said(&place, &write, 5);
    let away = Place::at("127.0.0.1:1".parse().unwrap());
    away.rows("rows.jsonl", 0, 3);
    text + &said(&away, &format!("{WRITE} --retry-for 1ms rows.jsonl"), 5)
}

fn asked_wrongly() -> String {
    let (_, place) = server();
    [
        "write --topc item rows.jsonl",
        "write -t item -s historysync -d 2022-01-01 rows.jsonl",
        "write -t item -s history_sync rows.jsonl",
        "write -t item -s history_sync -d 2022-01-01..2022-01-02 rows.jsonl",
    ]
    .map(|words| said(&place, words, 2))
    .concat()
}

fn not_ready_or_bad_input() -> String {
    let (_, place) = server();
    place.file("bytes.jsonl", b"{\"id\":\"\xd6\xd0\"}\n".repeat(1_200));
    place.file(
        "rows.gz",
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\x56".as_slice(),
    );
    place.file("table.jsonl", "id,title\n1,a\n".repeat(1_200));
    place.file("empty.jsonl", "");
    place.rows("in/rows.jsonl", 0, 3);
    [
        ("missing.jsonl", 10),
        ("--require-marker _SUCCESS in", 10),
        ("bytes.jsonl", 4),
        ("rows.gz", 4),
        ("table.jsonl", 4),
    ]
    .map(|(words, status)| said(&place, &format!("{WRITE} {words}"), status))
    .concat()
        + &said(&server().1, "done -d 2022-01-01", 8)
        + &{
            let (_, place) = server();
            place.file("empty.jsonl", "");
            said(&place, &format!("{WRITE} empty.jsonl"), 8)
        }
}

fn rows_and_guards() -> String {
    let (_, place) = server();
    place.file("bad.jsonl", "{\"id\":\"1\"}\nnot json\n");
    let on = |day: &str| format!("write -t item -s history_sync -d {day}");
    said(&place, &format!("{} bad.jsonl", on("2022-01-02")), 3)
        + &said(
            &place,
            &format!("{} --min-rows 99 rows.jsonl", on("2022-01-01")),
            4,
        )
        + &said(
            &place,
            &format!("{} --min-rows 1 rows.jsonl", on("2022-01-01")),
            0,
        )
        + &{
            place.rows("few.jsonl", 50, 2);
            said(
                &place,
                &format!("{} --max-drop 50% few.jsonl", on("2022-01-03")),
                4,
            )
        }
}

fn temporary() -> String {
    let mut text = String::new();
    let replies: [(fn() -> Reply, i32); 3] = [
        (|| Reply::code(200, 429, "slow down"), 5),
        (|| Reply::bare(401), 12),
        (
            || Reply::code(200, 400, "Syncing is not allowed when data cleaning."),
            5,
        ),
    ];
    for (reply, status) in replies {
        let (recorder, place) = server();
        recorder.answer(move |_, _| reply());
        text += &said(
            &place,
            &format!("{WRITE} --retry-for 1ms rows.jsonl"),
            status,
        );
    }
    text
}

fn refused() -> String {
    let mut text = String::new();
    for message in [
        "Syncing is end or not start in stage(history_sync) for tenant/application_id(1) topic(item), please check the 'stage'",
        "Syncing is not allowed when acked.",
    ] {
        let (recorder, place) = server();
        recorder.answer(move |_, _| Reply::code(200, 400, message));
        text += &said(&place, &format!("{WRITE} rows.jsonl"), 6);
    }
    let (_, place) = server();
    let write = format!("{WRITE} rows.jsonl");
    place.end(&write).expect(0);
    place.rows("late.jsonl", 10, 1);
    text + &said(&place, &format!("{write} late.jsonl"), 6)
}

fn changed_or_held() -> String {
    let (recorder, place) = server();
    let held = said(&place, &format!("{WRITE} --no-done rows.jsonl"), 0)
        + &said(&place, "status", 0)
        + &said(
            &place,
            "write -t user -s incremental_sync_daily -d today rows.jsonl",
            7,
        );
    recorder.answer(|_, number| match number {
        0..=2 => Reply::ok(),
        _ => Reply::bare(429),
    });
    let (recorder, place) = server();
    recorder.answer(|_, number| {
        if number == 0 {
            Reply::ok()
        } else {
            Reply::bare(429)
        }
    });
    let words = format!("{WRITE} --batch-rows 5 --max-in-flight 1 --retry-for 1ms rows.jsonl");
    place.end(&words).expect(5);
    place.rows("rows.jsonl", 500, 20);
    held + &said(&place, &words, 9)
}

fn jobs_and_gaps() -> String {
    let (_, place) = server();
    let job = |name: &str, more: &str| {
        format!(
            "[[job]]\nname = \"{name}\"\ntopic = \"{name}\"\nstage = \"history_sync\"\n\
             date = \"2022-01-01\"\npaths = [\"{name}.jsonl\"]\n{more}\n"
        )
    };
    place.file(
        "jobs.toml",
        job("item", "") + &job("behavior", "after = [\"item\"]"),
    );
    said(&place, "run jobs.toml", 10)
        + &said(
            &place,
            "status --gaps -t item -s history_sync -d 2022-01-01",
            7,
        )
}

/// The messages of a README's section, each in pieces between what differs.
fn messages(readme: &str, heading: &str) -> Vec<String> {
    let path = format!("{}/{readme}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once(heading).expect(heading);
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.split("` |").next().unwrap().to_owned())
        .collect()
}

/// Whether a line has the pieces of a message in their order.
fn has(line: &str, message: &str) -> bool {
    let mut rest = line;
    message
        .split('…')
        .all(|piece| match rest.split_once(piece) {
            Some((_, behind)) => {
                rest = behind;
                true
            }
            None => false,
        })
}

#[test]
fn every_message_of_the_readme_is_said_where_it_applies() {
    let messages = messages("README.md", "\n## Troubleshooting\n");
    assert!(messages.len() > 25, "{messages:?}");
    let said = everything_said();
    for message in &messages {
        assert!(
            said.lines().any(|line| has(line, message)),
            "nothing says '{message}' any more"
        );
    }
    assert_eq!(self::messages("README.zh-CN.md", "\n## 排错\n"), messages);
}
