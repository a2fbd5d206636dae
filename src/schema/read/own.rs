//! Our own schema files.

use super::super::FieldType;
use super::super::check::{Check, Range, Rule, When};
use super::super::datetime::{Datetime, Epoch, is_layout};
use super::super::table::{Field, Level, Schema};
use super::{SchemaError, all, parsed};
use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashSet;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table<'t> {
    #[serde(default)]
    platform: String,
    #[serde(default)]
    industry: String,
    topic: Option<String>,
    #[serde(default)]
    key: Vec<String>,
    #[serde(default)]
    complete: bool,
    #[serde(default)]
    source: String,
    #[serde(borrow)]
    fields: Vec<&'t RawValue>,
    #[serde(rename = "source_updated")]
    _source_updated: Option<serde::de::IgnoredAny>,
    #[serde(rename = "note")]
    _note: Option<serde::de::IgnoredAny>,
    #[serde(rename = "notes")]
    _notes: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row<'t> {
    name: String,
    #[serde(rename = "type")]
    field_type: Option<String>,
    level: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default, borrow)]
    checks: Vec<&'t RawValue>,
    #[serde(rename = "known_values")]
    _known_values: Option<serde::de::IgnoredAny>,
    #[serde(rename = "known_values_enforced")]
    _known_values_enforced: Option<serde::de::IgnoredAny>,
    #[serde(rename = "declared_type")]
    _declared_type: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(tag = "check", rename_all = "snake_case")]
enum CheckRow {
    Required(Empty),
    Enums(Enums),
    Ranges(Ranges),
    Datetime(DatetimeRow),
    Categories(Categories),
    NoChinese(Empty),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {
    when: Option<Condition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Enums {
    values: Vec<serde_json::Value>,
    when: Option<Condition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ranges {
    any_of: Vec<RangeRow>,
    when: Option<Condition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RangeRow {
    gt: Option<f64>,
    gte: Option<f64>,
    lt: Option<f64>,
    lte: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DatetimeRow {
    #[serde(default)]
    epoch: bool,
    unit: Option<String>,
    from: Option<String>,
    to: Option<String>,
    layout: Option<String>,
    when: Option<Condition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Categories {
    #[serde(default)]
    strict: bool,
    when: Option<Condition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    field: String,
    #[serde(rename = "in")]
    values: Vec<String>,
}

/// Reads the text of a file.
pub(super) fn read(text: &str) -> Result<Schema, Vec<SchemaError>> {
    let table: Table<'_> = parsed(text, text, "not a schema: ").map_err(|problem| vec![problem])?;
    let mut names = HashSet::new();
    let read = |raw: &&RawValue| {
        let field = field(text, raw.get())?;
        if names.insert(field.name.clone()) {
            return Ok(field);
        }
        let problem = format!("field {} is there twice", field.name);
        Err(SchemaError::at(text, raw.get(), problem))
    };
    let fields = all(table.fields.iter().map(read))?;
    if let Some(key) = table.key.iter().find(|key| !names.contains(*key)) {
        return Err(vec![SchemaError::new(format!("the key {key} is no field"))]);
    }
    let industry = if table.industry.is_empty() {
        table.platform
    } else {
        table.industry
    };
    Ok(Schema {
        industry,
        topic: table.topic,
        key: table.key,
        complete: table.complete,
        source: table.source,
        fields,
    })
}

fn field(text: &str, raw: &str) -> Result<Field, SchemaError> {
    let row: Row<'_> = parsed(text, raw, "a field: ")?;
    let wrong =
        |problem: String| SchemaError::at(text, raw, format!("field {}: {problem}", row.name));
    if row.name.is_empty() {
        return Err(SchemaError::at(text, raw, "a field has no name"));
    }
    let field_type = match &row.field_type {
        None => None,
        Some(name) => Some(FieldType::parse(name).ok_or_else(|| {
            wrong(format!(
                "there is no type {name}; types are {}",
                FieldType::names()
            ))
        })?),
    };
    let level = match &row.level {
        None => Level::Optional,
        Some(word) => {
            Level::parse(word).ok_or_else(|| wrong(format!("there is no level {word}")))?
        }
    };
    let read = |raw: &&RawValue| {
        let what = format!("field {}: ", row.name);
        let of_field = |problem| SchemaError::at(text, raw.get(), format!("{what}{problem}"));
        let (rule, when) = check(parsed(text, raw.get(), &what)?).map_err(of_field)?;
        Ok(Check { rule, when })
    };
    let mut checks = row.checks.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let required = Check {
        rule: Rule::Required,
        when: None,
    };
    if level == Level::Required && !checks.contains(&required) {
        checks.insert(0, required);
    }
    Ok(Field {
        name: row.name,
        field_type,
        level,
        description: row.description,
        checks,
    })
}

fn check(row: CheckRow) -> Result<(Rule, Option<When>), String> {
    let (rule, when) = match row {
        CheckRow::Required(it) => (Rule::Required, it.when),
        CheckRow::NoChinese(it) => (Rule::NoChinese, it.when),
        CheckRow::Categories(it) => (Rule::Categories { strict: it.strict }, it.when),
        CheckRow::Enums(it) => (Rule::Enums(enums(&it.values)?), it.when),
        CheckRow::Ranges(it) => {
            let range = |row: RangeRow| Range {
                gt: row.gt,
                gte: row.gte,
                lt: row.lt,
                lte: row.lte,
            };
            let ranges: Vec<Range> = it.any_of.into_iter().map(range).collect();
            if ranges.is_empty() || ranges.contains(&Range::default()) {
                return Err("a range needs a bound: gt, gte, lt or lte".to_owned());
            }
            (Rule::Ranges(ranges), it.when)
        }
        CheckRow::Datetime(it) => (Rule::Datetime(datetime(&it)?), it.when),
    };
    let when = when.map(|it| When {
        field: it.field,
        values: it.values,
    });
    Ok((rule, when))
}

fn enums(values: &[serde_json::Value]) -> Result<Vec<String>, String> {
    if values.is_empty() {
        return Err("enums need values".to_owned());
    }
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => Ok(text.clone()),
        serde_json::Value::Number(number) => Ok(number.to_string()),
        other => Err(format!(
            "{other} cannot be a value of an enum; write it as a string"
        )),
    };
    values.iter().map(text).collect()
}

fn datetime(row: &DatetimeRow) -> Result<Datetime, String> {
    if row.epoch {
        if row.layout.is_some() {
            return Err("a datetime is either an epoch or has a layout".to_owned());
        }
        let milliseconds = match row.unit.as_deref() {
            None => None,
            Some("s") => Some(false),
            Some("ms") => Some(true),
            Some(other) => return Err(format!("there is no unit {other}; units are s and ms")),
        };
        return Ok(Datetime::Epoch(Epoch {
            milliseconds,
            from: row.from.as_deref().map(day).transpose()?,
            to: row.to.as_deref().map(day).transpose()?,
        }));
    }
    if row.unit.is_some() || row.from.is_some() || row.to.is_some() {
        return Err("unit, from and to belong to an epoch".to_owned());
    }
    match &row.layout {
        Some(layout) if !is_layout(layout) => {
            Err(format!("{layout} is no layout such as %Y-%m-%d"))
        }
        layout => Ok(Datetime::Layout(layout.clone())),
    }
}

fn day(text: &str) -> Result<NaiveDate, String> {
    text.parse()
        .map_err(|_| format!("{text} is no day such as 2022-01-01"))
}
