//! Rows as they come out of a shaper.

use super::super::{Schema, SchemaFile};
use super::*;

fn rules(schema: &str) -> RowRules {
    RowRules {
        schema: Schema::combine([SchemaFile::read(schema).unwrap()]).unwrap(),
        ..RowRules::default()
    }
}

fn typed(types: &[(&str, &str)]) -> RowRules {
    let one = |(name, of): &(&str, &str)| ((*name).to_owned(), FieldType::parse(of).unwrap());
    RowRules {
        types: types.iter().map(one).collect(),
        ..RowRules::default()
    }
}

fn renamed(pairs: &[(&str, &str)]) -> RowRules {
    let one = |(from, to): &(&str, &str)| ((*from).to_owned(), (*to).to_owned());
    RowRules {
        renames: pairs.iter().map(one).collect(),
        ..RowRules::default()
    }
}

/// The row as it is sent, or `field: kind` of each fault.
fn shape(rules: &RowRules, row: &str) -> Result<String, String> {
    shape_again(&mut Shaper::new(rules), row)
}

fn shape_again(shaper: &mut Shaper, row: &str) -> Result<String, String> {
    match shaper.shape(row.as_bytes()) {
        Shaped::AsItIs => Ok(row.to_owned()),
        Shaped::Rewritten(bytes) => Ok(String::from_utf8(bytes.to_vec()).unwrap()),
        Shaped::Refused(faults) => {
            let one = |it: &Violation| format!("{}: {}", it.field, it.kind);
            Err(faults.iter().map(one).collect::<Vec<_>>().join(", "))
        }
    }
}

#[test]
fn a_row_that_needs_no_change_keeps_its_bytes() {
    let rules = typed(&[("price", "double"), ("status", "int32"), ("id", "string")]);
    let row = r#"{ "id": "7",  "price":1.500, "other":{"x": [1 ]}, "status":null}"#;
    assert_eq!(Shaper::new(&rules).shape(row.as_bytes()), Shaped::AsItIs);
}

#[test]
fn typed_fields_are_cast_and_the_others_stay() {
    let rules = typed(&[
        ("price", "double"),
        ("status", "int32"),
        ("tags", "array"),
        ("sold", "bool"),
    ]);
    let row = r#"{"id":"007","price":"1.50","status":"3","tags":["a", "b"],"sold":true}"#;
    let wanted = r#"{"id":"007","price":1.50,"status":3,"tags":"[\"a\",\"b\"]","sold":1}"#;
    assert_eq!(shape(&rules, row).unwrap(), wanted);
}

#[test]
fn one_shaper_serves_rows_with_other_keys_in_other_order() {
    let mut shaper = Shaper::new(&typed(&[("a", "int32"), ("b", "int32")]));
    for (row, wanted) in [
        (r#"{"a":"1","b":"2"}"#, r#"{"a":1,"b":2}"#),
        (r#"{"b":"2","x":"9","a":"1"}"#, r#"{"b":2,"x":"9","a":1}"#),
        (r#"{"x":"1"}"#, r#"{"x":"1"}"#),
        ("{}", "{}"),
        (r#"{"\u0061":"5"}"#, r#"{"\u0061":5}"#),
    ] {
        assert_eq!(shape_again(&mut shaper, row).unwrap(), wanted);
    }
    assert_eq!(
        shape_again(&mut shaper, r#"{"a":"x","b":3000000000}"#).unwrap_err(),
        "a: wrong_type, b: overflow"
    );
}

#[test]
fn each_field_has_one_fault_at_most() {
    let rules = rules(
        r#"{"fields":[{"name":"n","type":"int32","level":"required","checks":[
            {"check":"ranges","any_of":[{"gte":5}]},{"check":"enums","values":["7"]}]},
            {"name":"id","type":"string","level":"required"}]}"#,
    );
    assert_eq!(
        shape(&rules, r#"{"n":"x"}"#).unwrap_err(),
        "n: wrong_type, id: missing_field"
    );
    assert_eq!(
        shape(&rules, r#"{"n":1,"id":"a"}"#).unwrap_err(),
        "n: out_of_range"
    );
    assert_eq!(
        shape(&rules, r#"{"n":"6","id":"a"}"#).unwrap_err(),
        "n: not_allowed"
    );
    assert_eq!(
        shape(&rules, r#"{"n":"7","id":"a"}"#).unwrap(),
        r#"{"n":7,"id":"a"}"#
    );
    assert_eq!(
        shape(&rules, r#"{"n":null,"id":""}"#).unwrap_err(),
        "n: missing_field, id: missing_field"
    );
}

#[test]
fn a_condition_looks_at_another_field_wherever_it_stands() {
    let rules = rules(
        r#"{"fields":[{"name":"price","type":"float","checks":[
            {"check":"required","when":{"field":"event","in":["buy","pay"]}},
            {"check":"ranges","any_of":[{"gt":0}],"when":{"field":"event","in":["buy"]}}]},
            {"name":"event","type":"string"}]}"#,
    );
    assert_eq!(
        shape(&rules, r#"{"event":"buy"}"#).unwrap_err(),
        "price: missing_field"
    );
    assert_eq!(
        shape(&rules, r#"{"price":0,"event":"buy"}"#).unwrap_err(),
        "price: out_of_range"
    );
    for fine in [
        r#"{"event":"look"}"#,
        "{}",
        r#"{"price":0,"event":"pay"}"#,
        r#"{"event":"buy","price":0.01}"#,
    ] {
        assert_eq!(shape(&rules, fine).unwrap(), fine);
    }
}

#[test]
fn fields_are_renamed_before_they_are_typed_and_checked() {
    let mut rules = typed(&[("goods_id", "string"), ("status", "int32")]);
    rules.renames = renamed(&[("id", "goods_id"), ("st", "status"), ("标题", "title")]).renames;
    let row = r#"{"id":"1","st":"2","标题":"x","more":3}"#;
    assert_eq!(
        shape(&rules, row).unwrap(),
        r#"{"goods_id":"1","status":2,"title":"x","more":3}"#
    );
    assert_eq!(
        shape(&rules, r#"{"id":"1","st":"x"}"#).unwrap_err(),
        "status: wrong_type"
    );
}

#[test]
fn two_fields_never_get_one_name() {
    let rules = renamed(&[("a", "c"), ("b", "c")]);
    assert_eq!(
        shape(&rules, r#"{"a":1,"b":2}"#).unwrap_err(),
        "c: duplicate_field"
    );
    assert_eq!(
        shape(&rules, r#"{"a":1,"c":2}"#).unwrap_err(),
        "c: duplicate_field"
    );
    assert_eq!(shape(&rules, r#"{"b":2}"#).unwrap(), r#"{"c":2}"#);
    let swapped = renamed(&[("a", "b"), ("b", "a")]);
    assert_eq!(
        shape(&swapped, r#"{"a":1,"b":2}"#).unwrap(),
        r#"{"b":1,"a":2}"#
    );
}

#[test]
fn unknown_fields_are_kept_dropped_or_refused() {
    let mut rules = typed(&[("a", "int32"), ("c", "string")]);
    rules.renames = renamed(&[("b", "c"), ("d", "e")]).renames;
    let row = r#"{"x":1,"a":2,"b":"3","d":4}"#;
    assert_eq!(
        shape(&rules, row).unwrap(),
        r#"{"x":1,"a":2,"c":"3","e":4}"#
    );
    rules.unknown = UnknownFields::Drop;
    assert_eq!(shape(&rules, row).unwrap(), r#"{"a":2,"c":"3"}"#);
    assert_eq!(shape(&rules, r#"{"x":1}"#).unwrap(), "{}");
    rules.unknown = UnknownFields::Error;
    assert_eq!(
        shape(&rules, row).unwrap_err(),
        "x: unknown_field, d: unknown_field"
    );
}

#[test]
fn a_type_that_is_asked_for_goes_before_the_schemas() {
    let mut rules = rules(r#"{"fields":[{"name":"id","type":"string","level":"required"}]}"#);
    assert_eq!(shape(&rules, r#"{"id":5}"#).unwrap_err(), "id: wrong_type");
    rules.types = typed(&[("id", "string")]).types;
    assert_eq!(shape(&rules, r#"{"id":5}"#).unwrap(), r#"{"id":"5"}"#);
    rules.types = typed(&[("id", "int64")]).types;
    assert_eq!(shape(&rules, r#"{"id":"5"}"#).unwrap(), r#"{"id":5}"#);
    assert_eq!(shape(&rules, "{}").unwrap_err(), "id: missing_field");
}

#[test]
fn of_a_key_that_is_there_twice_both_are_cast_and_the_last_is_checked() {
    let rules = rules(
        r#"{"fields":[{"name":"n","type":"int32","checks":[{"check":"ranges","any_of":[{"gt":5}]}]}]}"#,
    );
    assert_eq!(
        shape(&rules, r#"{"n":"1","n":"7"}"#).unwrap(),
        r#"{"n":1,"n":7}"#
    );
    assert_eq!(
        shape(&rules, r#"{"n":"7","n":"1"}"#).unwrap_err(),
        "n: out_of_range"
    );
    assert_eq!(
        shape(&rules, r#"{"n":"x","n":"y"}"#).unwrap_err(),
        "n: wrong_type"
    );
}
