//! `schema`: templates that can be used as they are printed, proposals that their own data keeps, and
//! errors that name their line.

use crate::start::{Place, fixture};
use serde_json::Value;

#[test]
fn a_template_is_printed_as_a_file_that_can_be_used() {
    let place = Place::new();
    let names = place.end("schema show").expect(0).output;
    assert_eq!(names.lines().count(), 15, "{names}");
    let of_industry = place.end("schema show long_video").expect(0).output;
    assert_eq!(
        of_industry,
        "long_video/user\nlong_video/item\nlong_video/behavior\n"
    );
    for name in names.lines() {
        let text = place.end(&format!("schema show {name}")).expect(0).output;
        place.file("template.json", &text);
        place.end("schema check template.json").expect(0);
    }
    place
        .end("schema show ecommerce/goods")
        .expect(2)
        .says("schema show");
}

#[test]
fn a_proposed_schema_is_kept_by_the_rows_it_was_made_from() {
    let place = Place::new();
    place.file(
        "rows.jsonl",
        "{\"id\":\"1\",\"n\":1,\"tags\":[1],\"at_time\":1640995200,\"mixed\":1}\n\
         {\"id\":\"2\",\"n\":30000000000,\"tags\":null,\"mixed\":\"a\",\"ok\":true}\n",
    );
    place.file(
        "rows.csv",
        "user_id,age,vip,code_name\n007,31,true,a\n8,2.5,FALSE,b\n9,,true,\n",
    );
    let (item, user) = (fixture("item.jsonl"), fixture("user.csv.zst"));
    for input in ["rows.jsonl", "rows.csv", item.as_str(), user.as_str()] {
        let proposed = place.end(&format!("schema infer {input}")).expect(0).output;
        place.file("proposed.json", &proposed);
        place.end("schema check proposed.json").expect(0);
        place
            .end(&format!("validate --schema proposed.json {input}"))
            .expect(0);
    }
}

#[test]
fn a_proposal_names_its_evidence_and_proposes_no_type_where_values_disagree() {
    let place = Place::new();
    place.file(
        "rows.jsonl",
        "{\"id\":\"1\",\"n\":1,\"mixed\":1}\n{\"id\":\"2\",\"n\":null,\"mixed\":\"a\"}\n{\"id\":\"3\",\"n\":7}\n",
    );
    let ran = place
        .end("schema infer -t item --sample 2 rows.jsonl")
        .expect(0);
    let wanted = r#"{
  "topic": "item",
  "note": "Proposed from 2 rows; nothing is required and no range is set. Read it, correct it, and give it to --schema.",
  "complete": false,
  "fields": [
    {
      "name": "id",
      "type": "string",
      "description": "in all 2 rows; text_int32 2; from 1 to 2; 2 different, such as \"1\", \"2\". all are numbers or words of other types, in quotes"
    },
    {
      "name": "n",
      "type": "int32",
      "description": "in all 2 rows; 1 null; int32 1; from 1 to 1; 1 different, such as 1",
      "known_values": [
        "1"
      ]
    },
    {
      "name": "mixed",
      "type": null,
      "description": "in all 2 rows; int32 1 + text 1; from 1 to 1; 2 different, such as \"a\", 1. the values are of several types, so none is proposed; --types FIELD=string sends numbers as text"
    }
  ]
}
"#;
    assert_eq!(ran.output, wanted);
    let lines = place
        .end("schema infer --json rows.jsonl")
        .expect(0)
        .lines();
    let kinds: Vec<&Value> = lines.iter().map(|line| &line["type"]).collect();
    assert_eq!(kinds, ["field", "field", "field", "schema", "summary"]);
    place.file("none.jsonl", "");
    place
        .end("schema infer none.jsonl")
        .expect(8)
        .says("no row");
}

#[test]
fn what_is_wrong_with_a_schema_is_named_with_its_line() {
    let place = Place::new();
    place.file(
        "bad.json",
        "{\"fields\":[\n{\"name\":\"a\",\"type\":\"integer\"},\n{\"name\":\"b\",\"checks\":[\n  {\"check\":\"enums\",\"vals\":[]}]},\n{\"name\":\"c\"},{\"name\":\"c\"}]}\n",
    );
    let ran = place.end("schema check bad.json").expect(2);
    let wanted = "\
error: bad.json:2: field a: there is no type integer; types are int32, int64, float, double, string, json_string, bool, array, object
error: bad.json:4: field b: unknown field `vals`, expected `values` or `when`
error: bad.json:5: field c is there twice
";
    assert_eq!(ran.errors, wanted);
    place.file("rows.jsonl", "{}\n");
    place
        .end("validate --schema bad.json rows.jsonl")
        .expect(2)
        .says("line 2: field a");
    place.file("cut.json", "{\"fields\":[\n{\"name\":");
    place
        .end("schema check cut.json")
        .expect(2)
        .says("cut.json:2");
    place.file(
        "good.json",
        r#"{"key":["a"],"fields":[{"name":"a","type":"string","level":"required"},{"name":"价格","type":"double","checks":[{"check":"ranges","any_of":[{"gt":0}],"when":{"field":"a","in":["x"]}}]}]}"#,
    );
    let good = place.end("schema check good.json").expect(0).output;
    let wanted = "  field   type     level      values are
────────────────────────────────────────────────────────────────────────────────
  a       string   required   text; there in every row, neither null nor \"\"
  价格    double   optional   a number within the range of a double, also as
                              text; greater than 0, when a is x
key a; there may be other fields
";
    assert_eq!(good, wanted);
}

#[test]
fn rules_that_nothing_keeps_or_nothing_is_held_against_are_told() {
    let place = Place::new();
    place.file(
        "odd.json",
        r#"{"fields":[{"name":"a","type":"double","checks":[{"check":"ranges","any_of":[{"gt":5,"lt":1}]}]},
            {"name":"b","type":"string","checks":[{"check":"ranges","any_of":[{"gt":5}]}]}]}"#,
    );
    let ran = place.end("schema check odd.json").expect(2);
    let wanted = "\
error: a: no number is greater than 5 and less than 1
error: b: a range is about numbers, and the type is string, so no value is looked at
";
    assert_eq!(ran.errors, wanted);
    place.file("rows.jsonl", "{\"b\":\"1\"}\n");
    place
        .end("validate --schema odd.json rows.jsonl")
        .expect(0)
        .says("warning: the schema is to be doubted: b: a range");
}

#[test]
fn a_proposal_knows_that_a_user_id_has_no_chinese_characters() {
    let place = Place::new();
    place.file("rows.jsonl", "{\"user_id\":\"u1\"}\n{\"user_id\":\"u2\"}\n");
    let proposed = place.end("schema infer rows.jsonl").expect(0).output;
    place.file("proposed.json", proposed);
    place.file("bad.jsonl", "{\"user_id\":\"张三\"}\n");
    place
        .end("validate --schema proposed.json bad.jsonl")
        .expect(3)
        .says("chinese_characters");
    place
        .end("schema check --help")
        .expect(0)
        .says("no_chinese");
}

/// Such a column was missing in the proposal, as if the file had none.
#[test]
fn a_column_without_a_value_is_in_the_proposal_without_a_type() {
    let place = Place::new();
    place.file("rows.csv", "id,gone\n1,\n2,\n");
    let proposed = place.end("schema infer rows.csv").expect(0).output;
    let proposed: serde_json::Value = serde_json::from_str(&proposed).unwrap();
    let gone = &proposed["fields"][1];
    assert_eq!(gone["name"], "gone");
    assert!(gone["type"].is_null(), "{gone}");
    let why = gone["description"].as_str().unwrap();
    assert!(
        why.contains("in 0 of 2 rows") && why.contains("no value was seen"),
        "{why}"
    );
}
