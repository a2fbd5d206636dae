//! `rejects export`: what comes out can be read as the input was, and nothing of it is invented.

use crate::recorder::Recorder;
use crate::rejects::{DATE, letters, refusing, states, two_bad_lines};
use crate::start::{Place, WRITE};
use std::fs;

/// A CSV with a ragged record that has a line end in a cell, and a row that the server refuses.
fn csv(options: &str, delimiter: char) -> (Recorder, Place) {
    let recorder = refusing("poison");
    let place = Place::with(&recorder);
    let text =
        "id,title,tags\n1,耳机,a\n2,\"two\nlines\"\n3,\"poison, \"\"so\"\"\nsaid\",\n4,four,b\n";
    place.file("rows.csv", text.replace(',', &delimiter.to_string()));
    place.end(&format!("{WRITE} {options} rows.csv")).expect(3);
    assert_eq!(states(&place), ["open", "open"]);
    (recorder, place)
}

#[test]
fn rows_of_json_lines_come_out_byte_by_byte_one_a_line() {
    let (_, place) = two_bad_lines();
    let ran = place.end("rejects export").expect(0);
    assert_eq!(ran.output, "{\"id\":2,}\n[4]\n");
    place
        .end("rejects export --output fix.jsonl")
        .expect(0)
        .says("rejects replay fix.jsonl -t item -s history_sync -d 2022-01-01\n");
    assert_eq!(
        fs::read_to_string(place.path("fix.jsonl")).unwrap(),
        ran.output
    );
    place.end("rejects export --json").expect(2);
}

#[test]
fn bytes_that_are_no_text_come_out_as_they_were() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("rows.jsonl", b"{\"id\":\"1\"}\n{\"id\":\"\xff\"}\n");
    place.end(&format!("{WRITE} rows.jsonl")).expect(3);
    place.end("rejects export --output fix.jsonl").expect(0);
    let fixed = fs::read(place.path("fix.jsonl")).unwrap();
    assert_eq!(fixed, b"{\"id\":\"\xff\"}\n");
}

#[test]
fn records_of_a_csv_come_out_under_its_header_also_those_that_the_server_refused() {
    let (_, place) = csv("", ',');
    place.end("rejects export --output fix.csv").expect(0);
    assert_eq!(
        fs::read_to_string(place.path("fix.csv")).unwrap(),
        "id,title,tags\n2,\"two\nlines\"\n3,\"poison, \"\"so\"\"\nsaid\",\n"
    );
}

#[test]
fn the_options_of_the_upload_have_to_be_given_again() {
    let (_, place) = csv("--delimiter ;", ';');
    place.end("rejects export").expect(2).says("--delimiter");
    let ran = place.end("rejects export --delimiter ;").expect(0);
    assert!(
        ran.output.starts_with("id;title;tags\n2;\"two\n"),
        "{ran:?}"
    );
    ran.says("--delimiter ';'");
}

#[test]
fn rows_of_a_csv_that_vanished_are_json_lines_and_it_is_said() {
    let (_, place) = csv("", ',');
    fs::remove_file(place.path("rows.csv")).unwrap();
    let ran = place.end("rejects export").expect(0).says("rows.csv");
    let lines = ran.lines();
    assert_eq!(lines[0]["raw"], "2,\"two\nlines\"");
    assert_eq!(lines[0]["line"], 3);
    assert_eq!(lines[1]["title"], "poison, \"so\"\nsaid");
}

#[test]
fn a_file_that_is_there_is_never_written_over() {
    let (_, place) = two_bad_lines();
    place.file("fix.jsonl", "corrected");
    place
        .end("rejects export --output fix.jsonl")
        .expect(2)
        .says("name another");
    assert_eq!(
        fs::read_to_string(place.path("fix.jsonl")).unwrap(),
        "corrected"
    );
}

#[test]
fn rows_of_one_date_only_are_exported() {
    let (_, place) = two_bad_lines();
    place.file("other.jsonl", "{\"id\":\"1\"}\nbad\n");
    place
        .end("write -t item -s history_sync -d 2022-01-02 other.jsonl")
        .expect(3);
    place
        .end("rejects export")
        .expect(2)
        .says("2022-01-01")
        .says("2022-01-02");
    let ran = place.end("rejects export -d 2022-01-02").expect(0);
    assert_eq!(ran.output, "bad\n");
    place.end("rejects export -d 2022-01-03").expect(8);
}

#[test]
fn inputs_that_are_written_differently_get_a_file_each() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("in/a.csv", "id,title\n1,one\n2\n");
    place.file("in/b.jsonl", "{\"id\":\"3\"}\nbad\n");
    place.end(&format!("{WRITE} in")).expect(3);
    place
        .end("rejects export --output fix")
        .expect(2)
        .says("directory");
    fs::create_dir(place.path("fix")).unwrap();
    place
        .end("rejects export --output fix")
        .expect(0)
        .says("--id 1")
        .says("--id 2");
    let mut texts: Vec<(String, String)> = fs::read_dir(place.path("fix"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let extension = path.extension().unwrap().to_str().unwrap().to_owned();
            (extension, fs::read_to_string(path).unwrap())
        })
        .collect();
    texts.sort();
    let expected = [("csv", "id,title\n2\n"), ("jsonl", "bad\n")];
    assert_eq!(texts, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[test]
fn rows_that_are_not_kept_whole_are_named_and_left_out() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let long = "x".repeat(70_000);
    place.file("rows.jsonl", format!("{{\"id\":\"1\"}}\n{long}\nbad\n"));
    place.end(&format!("{WRITE} rows.jsonl")).expect(3);
    let ran = place.end("rejects export").expect(0);
    assert_eq!(ran.output, "bad\n");
    let id = letters(&place)[1]["id"].clone();
    ran.says("rows.jsonl:2").says(&format!("{DATE} --id {id}"));
}

#[test]
fn rows_of_another_encoding_come_out_as_utf_8_and_cannot_be_read_as_that_encoding_again() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    // 测试 in GBK.
    place.file("a.csv", b"id,name,n\n1,\xb2\xe2\xca\xd4,x\n2,b,2\n");
    let options = "--encoding gbk --types n=int32";
    place.end(&format!("{WRITE} {options} a.csv")).expect(3);
    place
        .end(&format!("rejects export {options} --output o.csv"))
        .expect(0);
    let text = std::fs::read_to_string(place.path("o.csv")).unwrap();
    assert_eq!(text, "\u{feff}id,name,n\n1,测试,x\n");
    place.file("o.csv", text.replace(",x", ",7"));
    place
        .end(&format!("rejects replay {DATE} {options} o.csv"))
        .expect(2)
        .says("leave --encoding out");
    assert!(recorder.dones().is_empty());
    place
        .end(&format!("rejects replay {DATE} --types n=int32 o.csv"))
        .expect(0);
    let rows = recorder.rows();
    assert!(
        rows.contains(&r#"{"id":"1","name":"测试","n":7}"#.to_owned()),
        "{rows:?}"
    );
    assert_eq!(recorder.dones().len(), 1);
}
