//! Rules that no value can keep, and rules that no value is ever held against: nobody means them.

use super::check::{Check, Range, Rule, When};
use super::datetime::{Datetime, Epoch};
use super::read::OF_VENDOR;
use super::{Field, FieldType, Schema};

impl Schema {
    /// What is to be doubted, a sentence each with the field in front.
    pub fn doubts(&self) -> Vec<String> {
        // A field of the vendor's always has a type.
        let is_vendors = self.industry == OF_VENDOR;
        let of_field = |field: &Field| -> Vec<String> {
            if is_vendors && field.field_type.is_none() {
                let doubt = "checkers name it, and the schema has no such field";
                return vec![format!("{}: {doubt}", field.name)];
            }
            let of_check = |check: &Check| {
                let of_rule = field.doubts_about(&check.rule);
                let of_when = check.when.as_ref().and_then(|when| self.doubt_of(when));
                of_rule.into_iter().chain(of_when)
            };
            let doubts = field.checks.iter().flat_map(of_check);
            doubts.map(|it| format!("{}: {it}", field.name)).collect()
        };
        self.fields.iter().flat_map(of_field).collect()
    }

    fn doubt_of(&self, when: &When) -> Option<String> {
        let name = &when.field;
        let Some(field) = self.field(name) else {
            return Some(format!(
                "a check depends on {name}, which is no field, so it never applies"
            ));
        };
        if when.values.is_empty() {
            return Some(format!(
                "a check depends on {name}, but on no value of it, so it never applies"
            ));
        }
        let of_numbers = field.field_type.filter(|it| it.is_number())?;
        Some(format!(
            "a check depends on {name}, which is of type {of_numbers}; only texts are compared, so it never applies"
        ))
    }
}

impl Field {
    fn doubts_about(&self, rule: &Rule) -> Vec<String> {
        let of_type = self.field_type.and_then(|it| unseen(rule, it));
        let impossible = match rule {
            Rule::Ranges(ranges) => ranges.iter().filter_map(doubt_of_range).collect(),
            Rule::Enums(values) => self.doubts_about_values(values),
            Rule::Datetime(Datetime::Epoch(epoch)) => doubt_of_days(epoch).into_iter().collect(),
            _ => Vec::new(),
        };
        of_type.into_iter().chain(impossible).collect()
    }

    /// Values of an enum that none of the field's type is printed as.
    fn doubts_about_values(&self, values: &[String]) -> Vec<String> {
        let Some(of_type) = self.field_type else {
            return Vec::new();
        };
        let never = values.iter().filter(|value| !may_be(value, of_type));
        never
            .map(|value| format!("the enum has {value}, which no {of_type} is"))
            .collect()
    }
}

fn may_be(value: &str, of_type: FieldType) -> bool {
    match of_type {
        FieldType::Int32 => value.parse::<i32>().is_ok_and(|it| it.to_string() == value),
        FieldType::Int64 => value.parse::<i64>().is_ok_and(|it| it.to_string() == value),
        FieldType::Float | FieldType::Double => {
            value.parse::<f64>().is_ok_and(|it| it.to_string() == value)
        }
        FieldType::Bool => matches!(value, "0" | "1"),
        FieldType::String | FieldType::JsonString | FieldType::Array | FieldType::Object => true,
    }
}

fn unseen(rule: &Rule, of_type: FieldType) -> Option<String> {
    let (what, about_numbers) = match rule {
        Rule::Ranges(_) => ("a range", true),
        Rule::Categories { .. } => ("categories", false),
        Rule::NoChinese => ("no_chinese", false),
        Rule::Required | Rule::Enums(_) | Rule::Datetime(_) => return None,
    };
    let kind = if about_numbers { "numbers" } else { "texts" };
    (of_type.is_number() != about_numbers).then(|| {
        format!("{what} is about {kind}, and the type is {of_type}, so no value is looked at")
    })
}

fn doubt_of_range(range: &Range) -> Option<String> {
    let lower = [range.gt, range.gte].into_iter().flatten();
    let upper = [range.lt, range.lte].into_iter().flatten();
    let (low, high) = (lower.reduce(f64::max)?, upper.reduce(f64::min)?);
    let meet = range.gt.is_none_or(|it| it < low) && range.lt.is_none_or(|it| it > high);
    let is_empty = low > high || (low >= high && !meet);
    is_empty.then(|| format!("no number is {range}"))
}

fn doubt_of_days(epoch: &Epoch) -> Option<String> {
    let (from, to) = (epoch.from?, epoch.to?);
    (from > to).then(|| format!("no day is from {from} to {to}"))
}

#[cfg(test)]
mod tests {
    use super::super::SchemaFile;
    use super::*;

    fn doubts(field: &str) -> Vec<String> {
        let text = format!(
            r#"{{"fields":[{{"name":"f",{field}}},{{"name":"n","type":"int32"}},{{"name":"s"}}]}}"#
        );
        let schema = Schema::combine([SchemaFile::read(&text).unwrap()]).unwrap();
        schema.doubts()
    }

    #[test]
    fn what_no_value_keeps_and_what_none_is_held_against_is_doubted() {
        for (field, doubt) in [
            (
                r#""checks":[{"check":"ranges","any_of":[{"gt":5,"lt":1}]}]"#,
                "no number is greater than 5 and less than 1",
            ),
            (
                r#""checks":[{"check":"ranges","any_of":[{"gte":1,"lt":1}]}]"#,
                "no number is",
            ),
            (
                r#""type":"string","checks":[{"check":"ranges","any_of":[{"gt":5}]}]"#,
                "a range is about numbers",
            ),
            (
                r#""type":"int32","checks":[{"check":"enums","values":["1","x"]}]"#,
                "the enum has x, which no int32 is",
            ),
            (
                r#""type":"bool","checks":[{"check":"enums","values":["true"]}]"#,
                "the enum has true",
            ),
            (
                r#""type":"int64","checks":[{"check":"no_chinese"}]"#,
                "no_chinese is about texts",
            ),
            (
                r#""checks":[{"check":"datetime","epoch":true,"from":"2022-01-02","to":"2022-01-01"}]"#,
                "no day is from",
            ),
            (
                r#""checks":[{"check":"required","when":{"field":"g","in":["a"]}}]"#,
                "depends on g, which is no field",
            ),
            (
                r#""checks":[{"check":"required","when":{"field":"n","in":["1"]}}]"#,
                "depends on n, which is of type int32",
            ),
            (
                r#""checks":[{"check":"required","when":{"field":"s","in":[]}}]"#,
                "on no value of it",
            ),
        ] {
            let found = doubts(field);
            assert!(
                found.len() == 1 && found[0].contains(doubt),
                "{found:?} {doubt}"
            );
        }
    }

    #[test]
    fn what_can_be_kept_is_not_doubted() {
        for field in [
            r#""type":"double","checks":[{"check":"ranges","any_of":[{"gte":1,"lte":1},{"gt":2}]}]"#,
            r#""type":"int32","checks":[{"check":"enums","values":["-1",2]}]"#,
            r#""type":"string","checks":[{"check":"no_chinese","when":{"field":"s","in":["a"]}}]"#,
        ] {
            assert_eq!(doubts(field), [""; 0], "{field}");
        }
        let topics = |it: &'static str| crate::schema::topics(it).map(move |topic| (it, topic));
        for (industry, topic) in crate::schema::INDUSTRIES.into_iter().flat_map(topics) {
            let schema = crate::schema::template(industry, topic).unwrap().unwrap();
            assert_eq!(schema.doubts(), [""; 0], "{industry} {topic}");
        }
    }

    #[test]
    fn checkers_of_fields_that_the_vendors_schema_does_not_have_are_doubted() {
        let files = [
            r#"[{"name":"a","type":"string"}]"#,
            r#"[{"field_name":"a","checker_name":"required","checker_cfg":{"required":true},"depend_cfg":{"depend_field":"b","depend_field_values":["x"]}},
                {"field_name":"c","checker_name":"required","checker_cfg":{"required":true}}]"#,
        ];
        let schema = Schema::combine(files.map(|text| SchemaFile::read(text).unwrap())).unwrap();
        let doubt = "checkers name it, and the schema has no such field";
        assert_eq!(
            schema.doubts(),
            [format!("b: {doubt}"), format!("c: {doubt}")]
        );
    }
}
