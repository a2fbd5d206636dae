//! The rules for rows as bytes, by which the same rules are known again.
//!
//! Only what decides about rows is in them: names, types, checks, renaming. Descriptions and the
//! order of things that have none are not, so that a tidied schema file is the same schema. The
//! form must not change between versions, lest half-uploaded dates be taken for changed ones.

use super::FieldType;
use super::check::{Check, Range, Rule};
use super::datetime::Datetime;
use super::shape::{RowRules, UnknownFields};
use serde_json::{Value, json};

impl RowRules {
    /// The same bytes for the same rules.
    pub fn canonical(&self) -> Vec<u8> {
        let mut fields: Vec<_> = self.schema.fields.iter().collect();
        fields.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let fields: Vec<Value> = fields
            .into_iter()
            .map(|field| {
                let checks: Vec<Value> = field.checks.iter().map(check).collect();
                json!([field.name, field.field_type.map(FieldType::as_str), checks])
            })
            .collect();
        let mut types: Vec<(&str, &str)> = self
            .types
            .iter()
            .map(|(name, it)| (name.as_str(), it.as_str()))
            .collect();
        types.sort_unstable();
        let mut renames = self.renames.clone();
        renames.sort_unstable();
        let unknown = match self.unknown {
            UnknownFields::Keep => "keep",
            UnknownFields::Drop => "drop",
            UnknownFields::Error => "error",
        };
        json!([fields, types, renames, unknown])
            .to_string()
            .into_bytes()
    }
}

fn check(check: &Check) -> Value {
    let rule = match &check.rule {
        Rule::Required => json!(["required"]),
        Rule::Enums(values) => json!(["enums", values]),
        Rule::Ranges(ranges) => json!(["ranges", ranges.iter().map(range).collect::<Vec<_>>()]),
        Rule::Datetime(Datetime::Epoch(epoch)) => {
            let day = |day: Option<chrono::NaiveDate>| day.map(|it| it.to_string());
            json!(["epoch", epoch.milliseconds, day(epoch.from), day(epoch.to)])
        }
        Rule::Datetime(Datetime::Layout(layout)) => json!(["layout", layout]),
        Rule::Categories { strict } => json!(["categories", strict]),
        Rule::NoChinese => json!(["no_chinese"]),
    };
    let when = check.when.as_ref().map(|it| json!([it.field, it.values]));
    json!([rule, when])
}

fn range(range: &Range) -> Value {
    // As text, because JSON has no infinite numbers.
    let bounds = [range.gt, range.gte, range.lt, range.lte];
    json!(bounds.map(|bound| bound.map(|it| it.to_string())))
}

#[cfg(test)]
mod tests {
    use super::super::SchemaFile;
    use super::*;
    use std::collections::HashSet;

    fn rules(schema: &str) -> RowRules {
        let Ok(SchemaFile::Schema(schema)) = SchemaFile::read(schema) else {
            panic!("{schema} is no schema");
        };
        RowRules {
            schema,
            ..RowRules::default()
        }
    }

    #[test]
    fn what_decides_about_no_row_changes_nothing() {
        let plain = r#"{"fields":[{"name":"a","type":"int32"},{"name":"b"}]}"#;
        let tidied = r#"{"source":"me","topic":"item","note":"n",
            "fields":[{"name":"b","description":"d"},{"name":"a","type":"INT32","level":"recommended"}]}"#;
        assert_eq!(rules(plain).canonical(), rules(tidied).canonical());
    }

    #[test]
    fn rules_that_differ_have_different_bytes() {
        let field = |rest: &str| rules(&format!(r#"{{"fields":[{{"name":"a"{rest}}}]}}"#));
        let pairs = |from: &str, to: &str| vec![(from.to_owned(), to.to_owned())];
        let all = [
            RowRules::default(),
            field(""),
            field(r#","type":"int32""#),
            field(r#","type":"int64""#),
            field(r#","level":"required""#),
            field(r#","checks":[{"check":"enums","values":["1","2"]}]"#),
            field(r#","checks":[{"check":"enums","values":["1,2"]}]"#),
            field(r#","checks":[{"check":"ranges","any_of":[{"gt":1}]}]"#),
            field(r#","checks":[{"check":"ranges","any_of":[{"gte":1}]}]"#),
            field(r#","checks":[{"check":"datetime","epoch":true}]"#),
            field(r#","checks":[{"check":"datetime"}]"#),
            field(r#","checks":[{"check":"required","when":{"field":"b","in":["x"]}}]"#),
            RowRules {
                types: vec![("a".to_owned(), FieldType::Int32)],
                ..RowRules::default()
            },
            RowRules {
                renames: pairs("a", "b"),
                ..RowRules::default()
            },
            RowRules {
                renames: pairs("b", "a"),
                ..RowRules::default()
            },
            RowRules {
                unknown: UnknownFields::Drop,
                ..RowRules::default()
            },
        ];
        let bytes: HashSet<Vec<u8>> = all.iter().map(RowRules::canonical).collect();
        assert_eq!(bytes.len(), all.len());
    }
}
