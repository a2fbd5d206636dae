//! What rows are made to be: options that agree come to rules, and those that do not are refused.

use super::*;
use crate::schema::{FieldType, UnknownFields};

fn item(words: &str) -> String {
    format!("{ITEM} {words} x.csv")
}

fn schema_file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn types_names_and_nulls_are_taken_from_flags_and_profile() {
    let config = "[profile.default]\ntypes = [\"price=double\", \"status=int32\"]\n\
                  unknown_fields = \"drop\"\nnull_strings = \"NULL,\\\\N\"\n";
    let words = format!("write {TO} {}", item("--map cost=price,a=status"));
    let Ok(options) = resolved(&start(&words, HOME, config)) else {
        panic!("refused");
    };
    let input = options.upload.input;
    assert_eq!(input.null_strings, ["NULL", "\\N"]);
    assert_eq!(input.rules.unknown, UnknownFields::Drop);
    assert_eq!(
        input.rules.types,
        [
            ("price".to_owned(), FieldType::Double),
            ("status".to_owned(), FieldType::Int32)
        ]
    );
    assert_eq!(input.rules.renames.len(), 2);
}

#[test]
fn what_contradicts_itself_is_refused() {
    for (words, message) in [
        ("--types a=int32,a=double", "--types gives 'a' two types"),
        ("--map a=b --map a=c", "'a' under two names"),
        ("--map a=c,b=c", "two fields as 'c'"),
        ("--map a=b,b=c", "'b' on both sides"),
        ("--map a=a", "'a' on both sides"),
        ("--map a=b --columns a,b", "--columns has a 'b' already"),
        ("--map a=b --types a=int32", "--types b=..."),
        (
            "--unknown-fields drop",
            "without --schema, --industry or --types",
        ),
        ("--unknown-fields error --map a=b", "without --schema"),
        (
            "--unknown-fields drop --types x=int32 --map a=b",
            "add --types b=...",
        ),
        ("--null-strings NULL,", "--empty"),
        (
            "--industry ecommerce --schema /dev/null",
            "cannot use --schema",
        ),
        ("--schema nowhere.json", "cannot read --schema nowhere.json"),
    ] {
        let said = refused(&item(words));
        assert!(said.contains(message), "{words}: {said}");
    }
}

#[test]
fn an_industry_has_templates_for_its_own_topics() {
    let rules = write(&item("--industry ecommerce"))
        .unwrap()
        .upload
        .input
        .rules;
    assert!(rules.schema.field("goods_id").unwrap().is_required());
    let said = refused(&item("--industry saas_retail"));
    assert!(said.contains("it has user, product, user_event"), "{said}");
}

#[test]
fn a_schema_of_another_topic_is_refused_and_one_of_none_is_taken() {
    let other = schema_file(r#"{"topic":"user","fields":[{"name":"user_id"}]}"#);
    let name = other.path().display().to_string();
    let said = refused(&item(&format!("--schema {name}")));
    assert!(
        said.contains("is for topic 'user', but --topic is 'item'"),
        "{said}"
    );
    let any = schema_file(r#"[{"name":"id","type":"int64"}]"#);
    let checks = schema_file(
        r#"[{"field_name":"id","checker_name":"required","checker_cfg":{"required":true}}]"#,
    );
    let words = format!(
        "--schema {} --schema {}",
        any.path().display(),
        checks.path().display()
    );
    let schema = write(&item(&words)).unwrap().upload.input.rules.schema;
    assert!(schema.field("id").unwrap().is_required());
    let two = format!("--industry ecommerce --schema {}", any.path().display());
    assert!(refused(&item(&two)).contains("two schemas"));
}

#[test]
fn dropping_fields_by_an_incomplete_schema_is_warned_of() {
    let options = write(&item("--industry ecommerce --unknown-fields drop")).unwrap();
    assert!(options.warnings[0].contains("does not claim to know every field"));
    let options = write(&item("--types a=int32 --unknown-fields drop")).unwrap();
    assert!(options.warnings.is_empty());
}
