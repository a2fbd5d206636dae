//! `validate`: every error of every row, grouped, with its places; the same verdict as an upload's.

use crate::recorder::Recorder;
use crate::rejects::letters;
use crate::start::{Place, WRITE};
use std::fs;

const SCHEMA: &str = r#"{"topic":"item","key":["goods_id"],"fields":[
  {"name":"goods_id","type":"string","level":"required","checks":[{"check":"no_chinese"}]},
  {"name":"price","type":"double","checks":[{"check":"ranges","any_of":[{"gt":0}]},
    {"check":"required","when":{"field":"kind","in":["paid"]}}]},
  {"name":"at","type":"int64","checks":[{"check":"datetime","epoch":true,"from":"2020-01-01","to":"2022-12-31"}]},
  {"name":"kind","type":"string","checks":[{"check":"enums","values":["paid","free"]}]},
  {"name":"tags","type":"json_string"}]}"#;

/// One row for each kind of fault, and a good one in front.
const ROWS: [&str; 12] = [
    r#"{"goods_id":"1","price":2.5,"at":1640995200,"kind":"paid","tags":"[1]"}"#,
    r#"{"goods_id":"2","price":"x","kind":"other"}"#,
    r#"{"price":0}"#,
    r#"{"goods_id":"商品","price":1}"#,
    r#"{"goods_id":"3","kind":"paid"}"#,
    r#"{"goods_id":"4","at":20220101}"#,
    r#"{"goods_id":"5","at":1577836799}"#,
    r#"{"goods_id":"6","at":1577836800000}"#,
    r#"{"goods_id":"7","tags":"[\"a\tb\"]"}"#,
    r#"{"goods_id":"\u0031"}"#,
    "not json",
    r#"{"goods_id":"8","title":"a\tb"}"#,
];

fn place() -> Place {
    let place = Place::new();
    place.file("schema.json", SCHEMA);
    place.file("rows.jsonl", ROWS.join("\n"));
    place
}

/// The output with the time taken out.
fn timeless(output: &str) -> String {
    let (before, after) = output.split_once(" read in ").unwrap();
    let (_, after) = after.split_once(": ").unwrap();
    format!("{before}: {after}")
}

#[test]
fn every_error_of_every_row_is_reported_with_its_place() {
    let ran = place().end("validate --schema schema.json rows.jsonl");
    let wanted = "\
12 rows of 1 input (618 bytes): 3 fine, 9 with errors

  rows   error                field      what is wrong with the first, first
                                         places
────────────────────────────────────────────────────────────────────────────────
     2   bad_datetime         at         20220101 is no timestamp in seconds
                                         or milliseconds since 1970
                                         rows.jsonl:6, rows.jsonl:7
     1   chinese_characters   goods_id   has the Chinese character 商, which
                                         an id must not have
                                         rows.jsonl:4
     1   control_character    tags       \"[\\\"a\\tb\\\"]\" has a control character
                                         (such as a tab or a line break),
                                         which the platform does not take in
                                         an array
                                         rows.jsonl:9
     1   duplicate_id         goods_id   is that of an earlier row:
                                         rows.jsonl:1
                                         rows.jsonl:10
     1   missing_field        goods_id   is mandatory and not there
                                         rows.jsonl:3
     1   missing_field        price      is mandatory and not there (when kind
                                         is paid)
                                         rows.jsonl:5
     1   not_allowed          kind       other is not among paid, free
                                         rows.jsonl:2
     1   not_json                        not one JSON object: expected ident
                                         at byte 2
                                         rows.jsonl:11
     1   out_of_range         price      0 is not greater than 0
                                         rows.jsonl:3
     1   wrong_type           price      \"x\" is no double
                                         rows.jsonl:2

  rows   warning             field   what is wrong with the first, first
                                     places
────────────────────────────────────────────────────────────────────────────────
     1   control_character   title   has a control character (such as a tab or
                                     a line break); it is sent as it is
                                     rows.jsonl:12

key goods_id: 10 rows compared with one another
";
    let ran = ran.expect(3);
    let wanted = wanted.replace("(618 bytes)", &format!("({} bytes)", ROWS.join("\n").len()));
    assert_eq!(timeless(&ran.output), wanted);
}

#[test]
fn a_row_that_validate_finds_bad_is_a_dead_letter_of_write_and_no_other_is() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("schema.json", SCHEMA);
    place.file("rows.jsonl", ROWS.join("\n"));
    place
        .end(&format!(
            "{WRITE} --schema schema.json --max-errors 20 rows.jsonl"
        ))
        .expect(0);
    let mut rejected: Vec<(u64, String)> = letters(&place)
        .iter()
        .map(|letter| {
            (
                letter["line"].as_u64().unwrap(),
                letter["code"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    rejected.sort();
    let lines = place
        .end("validate --schema schema.json --json rows.jsonl")
        .expect(3)
        .lines();
    let mut found: Vec<(u64, String)> = lines
        .iter()
        .filter(|line| line["type"] == "fault" && line["code"] != "duplicate_id")
        .flat_map(|line| {
            let code = line["code"].as_str().unwrap().to_owned();
            let places = line["first"].as_array().unwrap().clone();
            places
                .into_iter()
                .map(move |place| (place["line"].as_u64().unwrap(), code.clone()))
        })
        .collect();
    found.sort();
    // A dead letter has the code of its first fault.
    found.dedup_by_key(|(line, _)| *line);
    let places = |of: &[(u64, String)]| of.iter().map(|it| it.0).collect::<Vec<_>>();
    assert_eq!(places(&found), places(&rejected));
    let all = [
        "not_json",
        "missing_field",
        "chinese_characters",
        "bad_datetime",
        "control_character",
    ];
    for code in all {
        assert!(
            rejected.iter().any(|it| it.1 == code),
            "{code}: {rejected:?}"
        );
    }
}

#[test]
fn programs_get_one_object_a_line_and_the_summary_last() {
    let ran = place()
        .end("validate --schema schema.json --json rows.jsonl")
        .expect(3);
    let lines = ran.lines();
    let count = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
    assert_eq!(
        (count("fault"), count("warning"), count("summary")),
        (10, 1, 1)
    );
    let last = lines.last().unwrap();
    assert_eq!(last["type"], "summary");
    assert_eq!(
        (
            &last["exit_status"],
            &last["rows_read"],
            &last["rows_rejected"]
        ),
        (&3.into(), &12.into(), &9.into())
    );
    let price = lines
        .iter()
        .find(|line| line["type"] == "field" && line["name"] == "price")
        .unwrap();
    assert_eq!(
        (&price["present"], &price["min"], &price["max"]),
        (&4.into(), &"0".into(), &"2.5".into())
    );
    assert_eq!(
        price["kinds"],
        serde_json::json!({"int32": 2, "decimal": 1, "text": 1})
    );
}

#[test]
fn the_page_stands_by_itself_and_data_cannot_act_in_it() {
    let place = place();
    place.file(
        "evil.jsonl",
        r#"{"goods_id":"1","price":"</pre><script>alert(1)</script>","<img src=x onerror=y>":"\u202e&\"'"}"#,
    );
    place
        .end("validate --schema schema.json --html page.html evil.jsonl")
        .expect(3);
    let page = fs::read_to_string(place.path("page.html")).unwrap();
    assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
    assert!(page.contains("&lt;img src=x onerror=y&gt;"), "{page}");
    for never in [
        "<script", "<img", "<a ", "<link", "http://", "https://", "url(", "\u{202e}",
    ] {
        assert!(!page.contains(never), "{never}: {page}");
    }
    // Bars leave room for the values and their numbers.
    assert!(page.contains("<td class=\"drawn\"><svg") && page.contains(".card .drawn { width:"));
    assert!(page.contains("default-src 'none'") && page.contains("prefers-color-scheme: dark"));
    place
        .end("validate --html nowhere/page.html rows.jsonl")
        .expect(2)
        .says("--html");
}

#[test]
fn an_input_that_cannot_be_read_is_told_and_the_others_are_read_all_the_same() {
    let place = place();
    place.file("a.jsonl", "{\"x\":1}\n");
    place.file("b.csv", "x,x\n1,2\n");
    let ran = place.end("validate a.jsonl b.csv gone.jsonl").expect(4);
    let wanted = "\
1 row of 2 inputs (8 bytes): no error in these, but not every input could be read

not read: input gone.jsonl is not there; check the path
not read: b.csv:1: bad CSV header: two columns are named 'x'; rename one, or name all columns with --columns if the file has no header
";
    assert_eq!(timeless(&ran.output), wanted);
    for compression in ["gzip", "bzip2", "xz"] {
        place
            .end(&format!("validate a.jsonl --compression {compression}"))
            .expect(4)
            .says(&format!(
                "this is no {compression} file; --compression says"
            ));
    }
    place.file("c", "x y\n");
    place.end("validate c").expect(4).says("--format");
    place.file("empty.jsonl", "\n\n");
    place.end("validate empty.jsonl").expect(8);
}

#[test]
fn rows_are_the_same_thing_within_a_day_only() {
    let place = place();
    for day in ["2022-01-01", "2022-01-02"] {
        place.file(&format!("{day}/a.csv"), "goods_id,n\n1,x\n2,x\n");
    }
    place.file("2022-01-02/b.csv", "goods_id,n\n3,x\n2,y\n");
    let words = "validate --key goods_id {date}";
    place.end(&format!("{words} -d 2022-01-01")).expect(0);
    let ran = place
        .end(&format!("{words} -d 2022-01-01..2022-01-02 --json"))
        .expect(3);
    let lines = ran.lines();
    let faults: Vec<_> = lines
        .iter()
        .filter(|line| line["type"] == "fault")
        .collect();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0]["rows"], 1);
    assert_eq!(
        faults[0]["first"][0],
        serde_json::json!({"file": "2022-01-02/b.csv", "line": 3})
    );
    assert_eq!(
        faults[0]["message"],
        "is that of an earlier row: 2022-01-02/a.csv:3"
    );
    place.end(words).expect(2).says("--date");
    // A key of two fields is another one.
    place.end("validate --key goods_id,n 2022-01-02").expect(0);
}

#[test]
fn options_of_write_and_standard_input_are_understood() {
    let place = place();
    let text = "goods,price\n1,5\n2,x\n";
    let words = "validate --format csv --map goods=goods_id --types price=int32 --unknown-fields error -t item -";
    place.end_with_stdin(words, text).expect(2).says("goods_id");
    let words =
        "validate --format csv --map goods=goods_id --schema schema.json --unknown-fields error -";
    let ran = place.end_with_stdin(words, text).expect(3);
    assert!(ran.output.contains("stdin:3"), "{}", ran.output);
    place
        .end("validate --industry ecommerce rows.jsonl")
        .expect(2)
        .says("--topic");
    place
        .end("validate -t user --schema schema.json rows.jsonl")
        .expect(2)
        .says("item");
}

/// What the vendor's validator says of values of a type, read off its source (`schema/validate.go`,
/// `schema/parse_data_value.go`); the last ones are those where it is wrong.
#[test]
fn files_of_the_vendors_validator_give_its_verdict() {
    let place = Place::new();
    place.file(
        "schema.json",
        r#"[{"name":"s","type":"string"},{"name":"i","type":"int32"},{"name":"l","type":"int64"},
            {"name":"d","type":"double"},{"name":"j","type":"json_string"},{"name":"b","type":"bool"},{"name":"e","type":"string"}]"#,
    );
    place.file(
        "checkers.json",
        r#"[{"field_name":"s","checker_name":"required","checker_cfg":{"required":true},"depend_cfg":{"depend_field":"e","depend_field_values":["buy"]}},
            {"field_name":"l","checker_name":"datetime","checker_cfg":{"datetime_cfg":{"is_int64":true}}},
            {"field_name":"d","checker_name":"ranges","checker_cfg":{"range_cfg_list":[{"gte":0,"lte":1},{"gt":10}]}},
            {"field_name":"i","checker_name":"enums","checker_cfg":{"enums":["1","2"]}},
            {"field_name":"j","checker_name":"categories","checker_cfg":{"category_cfg":{"required":true,"strict_mode":true}}},
            {"field_name":"e","checker_name":"enums","checker_cfg":{"enums":["buy"]},"ignored":true}]"#,
    );
    let category = r#"[{\"category_depth\":1,\"category_nodes\":[{\"id_or_name\":\"a\"}]}]"#;
    for (row, fine) in [
        ("{}".to_owned(), true),
        (r#"{"e":"buy"}"#.to_owned(), false),
        (r#"{"e":"buy","s":""}"#.to_owned(), false),
        (r#"{"e":"Buy"}"#.to_owned(), true),
        (r#"{"s":null,"other":[1]}"#.to_owned(), true),
        (r#"{"s":5}"#.to_owned(), false),
        (r#"{"i":1}"#.to_owned(), true),
        (r#"{"i":"2"}"#.to_owned(), true),
        (r#"{"i":3}"#.to_owned(), false),
        (r#"{"i":true}"#.to_owned(), true),
        (r#"{"i":1.0}"#.to_owned(), false),
        (r#"{"l":1640995200}"#.to_owned(), true),
        (r#"{"l":"1.640995200e9"}"#.to_owned(), true),
        (r#"{"l":1640995200000000}"#.to_owned(), false),
        (r#"{"l":0}"#.to_owned(), true),
        (r#"{"l":"x"}"#.to_owned(), false),
        (r#"{"d":0.5}"#.to_owned(), true),
        (r#"{"d":"11"}"#.to_owned(), true),
        (r#"{"d":5}"#.to_owned(), false),
        (r#"{"d":"5"}"#.to_owned(), false),
        (r#"{"b":7}"#.to_owned(), true),
        (r#"{"b":"yes"}"#.to_owned(), false),
        (format!(r#"{{"j":"{category}"}}"#), true),
        (
            format!(r#"{{"j":"{}"}}"#, category.replace(":1,", ":2,")),
            false,
        ),
        (r#"{"j":"{}"}"#.to_owned(), false),
        (r#"{"j":" []"}"#.to_owned(), false),
        // It narrows without looking, takes nothing for 0, and does not see what follows.
        (r#"{"i":4294967297}"#.to_owned(), false),
        (r#"{"l":""}"#.to_owned(), false),
        (r#"{"d":"NaN"}"#.to_owned(), false),
        (r#"{"i":1}{"i":1}"#.to_owned(), false),
    ] {
        place.file("row.jsonl", &row);
        let ran = place.end("validate --schema schema.json --schema checkers.json row.jsonl");
        assert_eq!(
            ran.status,
            if fine { 0 } else { 3 },
            "{row}: {}",
            ran.output
        );
    }
}
