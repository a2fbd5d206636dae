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
