//! What schema files say, and what is said of those that are none.

use super::super::check::{Range, Rule, When};
use super::super::datetime::{Datetime, Epoch};
use super::super::{FieldType, Level};
use super::*;

fn schema(text: &str) -> Result<Schema, String> {
    SchemaFile::read(text)
        .and_then(|file| Schema::combine([file]))
        .map_err(|error| error.problem)
}

#[test]
fn a_file_of_ours_has_fields_with_types_levels_and_checks() {
    let schema = schema(
        r#"{"topic":"item","key":["id"],"complete":true,"fields":[
            {"name":"id","type":"string","level":"required"},
            {"name":"price","type":"double","checks":[{"check":"ranges","any_of":[{"gt":0}],"when":{"field":"kind","in":["paid"]}}]},
            {"name":"at","type":"int32","checks":[{"check":"datetime","epoch":true,"unit":"s","from":"2020-01-01"}]},
            {"name":"kind","type":null,"checks":[{"check":"enums","values":["paid",0]}]}]}"#,
    )
    .unwrap();
    assert!(schema.complete && schema.key == ["id"]);
    let id = schema.field("id").unwrap();
    assert_eq!(
        (id.field_type, id.level),
        (Some(FieldType::String), Level::Required)
    );
    assert!(id.is_required());
    let price = &schema.field("price").unwrap().checks[0];
    assert_eq!(
        price.rule,
        Rule::Ranges(vec![Range {
            gt: Some(0.0),
            ..Range::default()
        }])
    );
    let when = When {
        field: "kind".to_owned(),
        values: vec!["paid".to_owned()],
    };
    assert_eq!(price.when, Some(when));
    let at = &schema.field("at").unwrap().checks[0].rule;
    let epoch = Epoch {
        milliseconds: Some(false),
        from: Some("2020-01-01".parse().unwrap()),
        to: None,
    };
    assert_eq!(*at, Rule::Datetime(Datetime::Epoch(epoch)));
    let kind = schema.field("kind").unwrap();
    assert_eq!(kind.field_type, None);
    assert_eq!(
        kind.checks[0].rule,
        Rule::Enums(vec!["paid".to_owned(), "0".to_owned()])
    );
}

#[test]
fn what_is_misspelt_is_named_and_nothing_is_passed_over() {
    for (text, wanted) in [
        (
            r#"{"fields":[{"name":"a","type":"integer"}]}"#,
            "field a: there is no type integer",
        ),
        (
            r#"{"fields":[{"name":"a","typ":"int32"}]}"#,
            "unknown field `typ`",
        ),
        (
            r#"{"fields":[{"name":"a","checks":[{"check":"enum","values":["x"]}]}]}"#,
            "unknown variant `enum`",
        ),
        (
            r#"{"fields":[{"name":"a","checks":[{"check":"enums","vals":["x"]}]}]}"#,
            "unknown field `vals`",
        ),
        (
            r#"{"fields":[{"name":"a"},{"name":"a"}]}"#,
            "field a is there twice",
        ),
        (r#"{"fields":[{"name":""}]}"#, "a field has no name"),
        (
            r#"{"key":["b"],"fields":[{"name":"a"}]}"#,
            "the key b is no field",
        ),
        (
            r#"{"fields":[{"name":"a","level":"must"}]}"#,
            "there is no level must",
        ),
        (
            r#"{"fields":[{"name":"a","checks":[{"check":"ranges","any_of":[{}]}]}]}"#,
            "a range needs a bound",
        ),
        (
            r#"{"fields":[{"name":"a","checks":[{"check":"datetime","epoch":true,"unit":"us"}]}]}"#,
            "there is no unit us",
        ),
        (
            r#"{"fields":[{"name":"a","checks":[{"check":"datetime","layout":"%Q!"}]}]}"#,
            "no layout",
        ),
        ("{}", "missing field `fields`"),
        ("name,type", "not a schema"),
        ("[]", "an array of neither"),
        (
            r#"[{"name":"a","type":"text"}]"#,
            "field a: there is no type text",
        ),
        (
            r#"[{"field_name":"a","checker_name":"regex"}]"#,
            "checker of a: there is no checker regex",
        ),
        (
            r#"[{"field_name":"a","checker_name":"ranges","checker_cfg":{"required":true}}]"#,
            "ranges without a range",
        ),
    ] {
        let problem = schema(text).unwrap_err();
        assert!(problem.contains(wanted), "{text}: {problem}");
    }
}

#[test]
fn files_of_the_vendors_validator_are_put_together() {
    let fields = r#"[{"name":"user_id","type":"string","description":"who"},{"name":"vip","type":"bool"},{"name":"at","type":"int64"}]"#;
    let checkers = r#"[
        {"field_name":"user_id","checker_name":"required","checker_cfg":{"required":true}},
        {"field_name":"at","checker_name":"datetime","checker_cfg":{"datetime_cfg":{"is_int64":true}},
         "depend_cfg":{"depend_field":"user_id","depend_field_values":["a","b"]}},
        {"field_name":"day","checker_name":"datetime","checker_cfg":{"datetime_cfg":{"time_layout":"2006-01-02"}}},
        {"field_name":"vip","checker_name":"enums","checker_cfg":{"enums":["0","1"]},"ignored":true}]"#;
    let files = [fields, checkers].map(|text| SchemaFile::read(text).unwrap());
    let schema = Schema::combine(files).unwrap();
    assert_eq!(
        schema.field("vip").unwrap().field_type,
        Some(FieldType::Int64)
    );
    assert!(schema.field("vip").unwrap().checks.is_empty());
    assert!(schema.field("user_id").unwrap().is_required());
    let at = &schema.field("at").unwrap().checks[0];
    assert_eq!(at.rule, Rule::Datetime(Datetime::Epoch(Epoch::default())));
    assert_eq!(at.when.as_ref().unwrap().values, ["a", "b"]);
    let day = &schema.field("day").unwrap().checks[0].rule;
    assert_eq!(
        *day,
        Rule::Datetime(Datetime::Layout(Some("%Y-%m-%d".to_owned())))
    );
}

#[test]
fn two_schemas_are_one_too_many() {
    let file = || SchemaFile::read(r#"{"fields":[]}"#).unwrap();
    assert!(Schema::combine([file(), file()]).is_err());
}
