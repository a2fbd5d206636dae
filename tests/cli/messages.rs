//! Messages that tell where a mistake stands, and that nothing from outside can forge.

use crate::recorder::Recorder;
use crate::start::{Place, WRITE};

fn server() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 3);
    (recorder, place)
}

#[test]
fn a_bad_value_names_the_variable_or_the_profile_that_holds_it() {
    let (recorder, mut place) = server();
    place.set("BYTEAIR_QPS", "abc");
    for words in [format!("{WRITE} rows.jsonl"), "config show".to_owned()] {
        let ran = place.end(&words).expect(2);
        assert!(
            ran.errors
                .starts_with("error: environment BYTEAIR_QPS: 'abc' is no value for --qps"),
            "{}",
            ran.errors
        );
        assert_eq!(ran.errors.matches("error:").count(), 1, "{}", ran.errors);
    }
    place.set("BYTEAIR_QPS", "");
    place.file("c.toml", "[profile.default]\nqps = 'abc'\n");
    for words in [format!("{WRITE} rows.jsonl"), "config show".to_owned()] {
        let ran = place.end(&format!("--config c.toml {words}")).expect(2);
        assert!(
            ran.errors
                .starts_with("error: config file c.toml, profile 'default': 'abc'"),
            "{}",
            ran.errors
        );
    }
    assert!(recorder.requests().is_empty());
}

#[test]
fn rows_and_names_are_shown_without_their_escapes() {
    let (_, place) = server();
    place.file(
        "in/a\nwarning: forged \u{1b}[31m.jsonl",
        "{\"id\":\"1\"}\nnot \u{1b}[2J \u{202e}json\tat all\n",
    );
    place.end(&format!("{WRITE} in")).expect(3);
    for words in ["rejects list", "rejects show 1", "ledger show"] {
        let ran = place.end(words).expect(0);
        let text = ran.output + &ran.errors;
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\t']), "{text:?}");
        assert!(text.contains("\\u{1b}["), "{text}");
        assert!(
            !text.lines().any(|line| line.starts_with("warning: forged")),
            "{text}"
        );
    }
    let json = place.end("rejects list --json").expect(0);
    assert!(json.lines()[0]["file"].as_str().unwrap().contains('\n'));
}

#[test]
fn a_report_that_cannot_be_written_is_found_out_before_anything_is_sent() {
    let (recorder, place) = server();
    for report in ["none/report.json", "."] {
        place
            .end(&format!("{WRITE} --report {report} rows.jsonl"))
            .expect(2)
            .says("--report");
    }
    assert!(recorder.requests().is_empty());
    assert!(!place.path(".local").exists());
}

#[test]
fn a_report_that_is_lost_at_the_end_is_told_and_the_upload_is_complete() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 3);
    place.file("out/x", "");
    let out = place.path("out");
    recorder.answer(move |_, _| {
        // Gone while the run is under way.
        std::fs::remove_dir_all(&out).ok();
        crate::recorder::Reply::ok()
    });
    place
        .end(&format!("{WRITE} -q --report out/report.json rows.jsonl"))
        .expect(5)
        .says("error: the report out/report.json could not be written");
    assert_eq!(recorder.dones().len(), 1);
    place.file("out/x", "");
    place
        .end(&format!("{WRITE} -q --report out/report.json rows.jsonl"))
        .expect(0);
    assert!(place.path("out/report.json").exists());
    assert_eq!(recorder.requests().len(), 2);
}

#[test]
fn a_server_without_tls_is_recognised() {
    let (recorder, mut place) = server();
    place.set("BYTEAIR_SCHEME", "https");
    // Answers whatever comes in plain text.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    place.set("BYTEAIR_HOST", &listener.local_addr().unwrap().to_string());
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            use std::io::{Read, Write};
            let _read = connection.read(&mut [0; 1024]);
            let _gone = connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    place
        .end(&format!("{WRITE} --retry-for 1ms rows.jsonl"))
        .expect(5)
        .says("--scheme http");
    assert!(recorder.requests().is_empty());
}

#[test]
fn many_unfinished_inputs_are_a_few_names_and_a_number() {
    let recorder = Recorder::answering(|_, _| crate::recorder::Reply::bare(429));
    let place = Place::with(&recorder);
    for number in 0..40 {
        place.rows(&format!("in/{number:02}.jsonl"), number * 500, 500);
    }
    let write = format!("{WRITE} --batch-rows 1 --max-in-flight 1 --retry-for 1ms in");
    place.end(&write).expect(5);
    let ran = place.end("done -d 2022-01-01").expect(7);
    let warning = ran
        .errors
        .lines()
        .find(|line| line.starts_with("warning: done withheld"));
    let warning = warning.expect(&ran.errors);
    assert!(warning.contains(" more"), "{warning}");
    assert!(warning.matches(".jsonl").count() <= 5, "{warning}");
}

#[test]
fn a_config_file_that_is_missing_or_broken_names_the_cure_and_the_line() {
    let (_, place) = server();
    place
        .end(&format!("{WRITE} --profile prod rows.jsonl"))
        .expect(2)
        .says("to take --profile prod from; make it with 'byteair-sync config init'");
    place.file("c.toml", "[profile.default]\nqps = 10\nregion = \n");
    place
        .end(&format!("{WRITE} --config c.toml rows.jsonl"))
        .expect(2)
        .says("config file c.toml, line 3, is not TOML");
}

#[test]
fn an_option_of_another_command_is_not_advised_to_be_a_path() {
    let (_, place) = server();
    place.file("jobs.toml", "");
    for (words, says) in [
        (
            "run jobs.toml --retry-for 60s",
            "'--retry-for' is an option of write, done",
        ),
        (
            "run jobs.toml --retry-for 60s",
            "the key 'retry_for' of the job file",
        ),
        (
            "rejects show --topic item",
            "'--topic' is an option of write",
        ),
        (
            "write --max-errors -1 rows.jsonl",
            "no option takes a number below zero",
        ),
    ] {
        let ran = place.end(words).expect(2).says(says);
        assert!(!ran.errors.contains("tip: to pass"), "{}", ran.errors);
    }
}

#[test]
fn a_server_with_tls_is_recognised_by_a_plain_client() {
    let (_, mut place) = server();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    place.set("BYTEAIR_HOST", &listener.local_addr().unwrap().to_string());
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            use std::io::{Read, Write};
            let _read = connection.read(&mut [0; 1024]);
            // The alert of a TLS server that was not greeted.
            let _gone = connection.write_all(&[21, 3, 1, 0, 2, 2, 70]);
        }
    });
    let advice = "it seems to speak TLS: use --scheme https";
    place
        .end(&format!("{WRITE} --retry-for 1ms rows.jsonl"))
        .expect(5)
        .says(advice);
    let ran = place.end("doctor").expect(5).says(advice);
    assert!(
        !ran.output.contains("ask who runs the network"),
        "{}",
        ran.output
    );
}
