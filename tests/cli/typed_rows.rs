//! Types, names and nulls from the options to the wire: what is sent, what is rejected, and that a
//! date that was begun one way is not gone on with another way.

use crate::recorder::{Latch, Recorder, Reply};
use crate::rejects::{DATE, letters, refusing};
use crate::start::{Place, WRITE};
use std::fmt::Write;
use std::fs;

const TYPED: &str = "--types price=double,status=int32 --map goods=id --null-strings NULL";

#[test]
fn a_typed_csv_is_sent_as_typed_rows_and_bad_rows_are_dead_letters() {
    let recorder = Recorder::new();
    let mut place = Place::with(&recorder);
    place.set("BYTEAIR_TYPES", "price=double,status=int32");
    place.set("BYTEAIR_MAP", "goods=id");
    place.end("config show").expect(0).says("goods=id");
    place.file(
        "rows.csv",
        "goods,price,status,title\n007,1.50,1,a\n8,x,99999999999,b\n9,NULL,,NULL\n",
    );
    place
        .end(&format!(
            "{WRITE} --null-strings NULL --max-errors 1 rows.csv"
        ))
        .expect(0);
    assert_eq!(
        recorder.rows(),
        [
            r#"{"id":"007","price":1.50,"status":1,"title":"a"}"#,
            r#"{"id":"9","price":null,"title":null}"#
        ]
    );
    let letter = &letters(&place)[0];
    assert_eq!(letter["code"], "wrong_type", "{letter}");
    assert_eq!(letter["column"], "price", "{letter}");
    let message = letter["message"].as_str().unwrap();
    assert!(message.contains("; status: "), "{message}");
}

#[test]
fn a_file_that_was_begun_with_other_types_is_not_gone_on_with() {
    let recorder = Recorder::answering(|_, number| match number {
        0 => Reply::ok(),
        _ => Reply::bare(429),
    });
    let place = Place::with(&recorder);
    place.file("rows.csv", "id,n\n1,1\n2,2\n3,3\n");
    let words = format!("{WRITE} --batch-rows 1 --max-in-flight 1 --retry-for 1ms");
    place
        .end(&format!("{words} --types n=int32 rows.csv"))
        .expect(5);
    recorder.answer(|_, _| Reply::ok());
    for other in [
        "",
        "--types n=int64",
        "--types n=int32 --map id=goods",
        "--types n=int32 --null-strings x",
        "--types n=int32,id=string",
    ] {
        place
            .end(&format!("{words} {other} rows.csv"))
            .expect(9)
            .says("other options");
    }
    place
        .end(&format!("{words} --types n=int32 rows.csv"))
        .expect(0);
    let rows: Vec<String> = (1..=3)
        .map(|n| format!("{{\"id\":\"{n}\",\"n\":{n}}}"))
        .collect();
    assert_eq!(recorder.accepted(), rows);
}

#[test]
fn a_killed_upload_sends_the_batch_in_flight_again_with_the_same_typed_rows() {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |_, number| {
        if number == 1 {
            held.wait();
        }
        Reply::ok()
    });
    let place = Place::with(&recorder);
    let mut text = "goods,price,status\n".to_owned();
    let mut wanted = Vec::new();
    for n in 0..60 {
        let price = if n % 7 == 3 {
            "none".to_owned()
        } else {
            n.to_string()
        };
        writeln!(text, "{n:03},{price},{n}").unwrap();
        if n % 7 != 3 {
            wanted.push(format!(r#"{{"id":"{n:03}","price":{n},"status":{n}}}"#));
        }
    }
    place.file("rows.csv", &text);
    let words =
        format!("{WRITE} {TYPED} --max-errors 10 --batch-rows 10 --max-in-flight 1 rows.csv");
    let mut child = place.start(&words);
    recorder.wait_for(2);
    child.kill().unwrap();
    child.wait().unwrap();
    latch.open();
    place.end(&words).expect(0);
    let writes = recorder.writes();
    assert_eq!(
        (writes[1].id(), &writes[1].text),
        (writes[2].id(), &writes[2].text)
    );
    assert_eq!(recorder.stored(), wanted);
    assert_eq!((letters(&place).len(), recorder.dones().len()), (9, 1));
}

#[test]
fn rejected_rows_go_out_and_come_back_under_the_names_of_their_file() {
    let recorder = refusing("poison");
    let place = Place::with(&recorder);
    place.file(
        "rows.csv",
        "goods,price,title\n1,1.5,a\n2,oops,NULL\n3,2.5,poison\n4,NULL,poison\n",
    );
    place.end(&format!("{WRITE} {TYPED} rows.csv")).expect(3);
    place
        .end("rejects export")
        .expect(2)
        .says("options about types");
    place
        .end(&format!("rejects export {TYPED} --output fix.csv"))
        .expect(0)
        .says("--types price=double --types status=int32 --map goods=id --null-strings NULL");
    let text = fs::read_to_string(place.path("fix.csv")).unwrap();
    assert_eq!(
        text,
        "goods,price,title\n2,oops,NULL\n3,2.5,poison\n4,NULL,poison\n"
    );
    place.file(
        "fix.csv",
        text.replace("oops", "7").replace("poison", "cured"),
    );
    place
        .end(&format!("rejects replay fix.csv {TYPED} {DATE}"))
        .expect(0);
    assert_eq!(
        recorder.writes().last().unwrap().rows(),
        [
            r#"{"id":"2","price":7,"title":null}"#,
            r#"{"id":"3","price":2.5,"title":"cured"}"#,
            r#"{"id":"4","price":null,"title":"cured"}"#
        ]
    );
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_file_in_which_every_row_breaks_the_rules_is_stopped_with_a_guess() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let rows: Vec<String> = (0..1_500).map(|n| format!("{{\"id\":\"x{n}\"}}")).collect();
    let text = rows.join("\n");
    place.file("rows.jsonl", text);
    place
        .end(&format!("{WRITE} --types id=int64 rows.jsonl"))
        .expect(4)
        .says("break the rules");
    assert!(recorder.requests().is_empty());
}

#[test]
fn options_about_rows_that_cannot_be_are_usage_errors() {
    let place = Place::with(&Recorder::new());
    place.file("rows.jsonl", "{}\n");
    for (words, said) in [
        ("--types a=integer", "did you mean 'int64'"),
        ("--industry retail", "saas_retail"),
        (
            "--industry long_video -t movie",
            "it has user, item, behavior",
        ),
    ] {
        let write = WRITE.replace("-t item ", "");
        let topic = if words.contains("-t ") { "" } else { "-t item" };
        place
            .end(&format!("{write} {topic} {words} rows.jsonl"))
            .expect(2)
            .says(said);
    }
}

#[test]
fn a_type_or_a_name_for_a_field_that_no_row_has_is_told() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("rows.csv", "id,price,note\n1,1.5,\n2,2.5,\n");
    place.file("rows.jsonl", "{\"id\":\"1\",\"pr\\u0069ce\":1.5}\n");
    let words = "--types prise=double,note=int32,id=string --map title=name,price=cost";
    for file in ["rows.csv", "rows.jsonl"] {
        let written = place.end(&format!("{WRITE} --no-done {words} {file}"));
        let misspelt = match file {
            "rows.csv" => "--types prise, --map title",
            // Without a header nobody knows that a field is only left out.
            _ => "--types prise, --types note, --map title",
        };
        written.expect(0).says(&format!(": {misspelt}\n"));
        let validated = place.end(&format!("validate {words} {file} --topic item"));
        let validated = validated.expect(0).says("prise").says("--types names");
        let validated = validated.says("title").says("--map names");
        assert!(!validated.output.contains("cost"), "{}", validated.output);
    }
    place.file("more.csv", "id,prise\n3,1\n");
    let written = place.end(&format!("{WRITE} --no-done --types prise=double more.csv"));
    let written = written.expect(0);
    assert!(!written.errors.contains("no row has"), "{}", written.errors);
}

#[test]
fn rejected_rows_are_told_with_their_field_and_counted_by_it() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("rows.csv", "id,n,m\n1,x,1\n2,1,y\n3,2,z\n4,3,3\n");
    place
        .end(&format!("{WRITE} --types n=int32,m=int32 rows.csv"))
        .expect(3)
        .says("rows.csv:2: wrong_type: n: ")
        .says("2 wrong_type: m: ")
        .says("1 wrong_type: n: ");
    place
        .end("rejects list")
        .expect(0)
        .says("code        field  reason");
    let page = "status --html page.html";
    place.end(page).expect(0);
    let page = fs::read_to_string(place.path("page.html")).unwrap();
    assert!(page.contains("<td>m: "), "{page}");
}

#[test]
fn cells_of_dropped_columns_are_no_fault_of_their_rows() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("rows.csv", b"id,raw\n1,\xff\xfe\n2,\n3,x\n\xff,x\n,x\n");
    let rules = "--types id=string --unknown-fields drop --empty error";
    place.end(&format!("{WRITE} {rules} rows.csv")).expect(3);
    let ids = ["1", "2", "3"].map(|id| format!("{{\"id\":\"{id}\"}}"));
    assert_eq!(recorder.rows(), ids);
    let found: Vec<String> = letters(&place)
        .iter()
        .map(|letter| format!("{} {} {}", letter["line"], letter["code"], letter["column"]))
        .collect();
    assert_eq!(found, [r#"5 "not_utf8" "id""#, r#"6 "empty_cell" "id""#]);
    place
        .end(&format!("validate {rules} rows.csv"))
        .expect(3)
        .says("3 fine, 2 with errors");
}
