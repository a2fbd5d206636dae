//! Files of the vendor's validator, `air_api_tool`: its stored schemas and its stored checkers.
//!
//! Go writes them (`schema/helper.go`, `checker/helper.go`); keys with empty values are left out.
//! Its deprecated bool takes any integer there, so it is an int64 here.

use super::super::FieldType;
use super::super::check::{Check, Range, Rule, When};
use super::super::datetime::{Datetime, Epoch, layout_from_go};
use super::super::table::{Field, Level, Schema};
use super::{SchemaError, SchemaFile, all, parsed};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashSet;

/// The industry of schemas of the vendor's validator.
pub(in crate::schema) const OF_VENDOR: &str = "air_api_tool";

#[derive(Deserialize)]
struct FieldRow {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "type")]
    field_type: String,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct CheckerRow {
    #[serde(default)]
    field_name: String,
    #[serde(default)]
    checker_name: String,
    checker_cfg: Option<Config>,
    depend_cfg: Option<Depend>,
    #[serde(default)]
    ignored: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    required: bool,
    enums: Vec<String>,
    datetime_cfg: Option<DatetimeConfig>,
    range_cfg_list: Vec<RangeConfig>,
    category_cfg: Option<CategoryConfig>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DatetimeConfig {
    is_int64: bool,
    time_layout: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RangeConfig {
    gt: Option<f64>,
    gte: Option<f64>,
    lt: Option<f64>,
    lte: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CategoryConfig {
    required: bool,
    strict_mode: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Depend {
    depend_field: String,
    depend_field_values: Vec<String>,
}

/// Reads a file of either kind.
pub(super) fn read(text: &str) -> Result<SchemaFile, Vec<SchemaError>> {
    let rows: Vec<&RawValue> = parsed(text, text, "not a schema: ").map_err(|it| vec![it])?;
    let keys = all(rows.iter().map(|row| {
        parsed::<serde_json::Map<String, serde_json::Value>>(text, row.get(), "not a schema: ")
    }))?;
    let has = |key| keys.iter().any(|row| row.contains_key(key));
    match (has("name"), has("field_name")) {
        (true, false) => schema(text, &rows).map(SchemaFile::Schema),
        (false, true) => {
            let checkers = all(rows.iter().map(|row| checker(text, row.get())))?;
            Ok(SchemaFile::Checkers(
                checkers.into_iter().flatten().collect(),
            ))
        }
        _ => Err(vec![SchemaError::new(
            "an array of neither fields ({\"name\", \"type\"}) nor checkers ({\"field_name\", \"checker_name\"})",
        )]),
    }
}

fn schema(text: &str, rows: &[&RawValue]) -> Result<Schema, Vec<SchemaError>> {
    let mut names = HashSet::new();
    let fields = all(rows.iter().map(|raw| {
        let row: FieldRow = parsed(text, raw.get(), "a field: ")?;
        let wrong = |problem: String| SchemaError::at(text, raw.get(), problem);
        if row.name.is_empty() || !names.insert(row.name.clone()) {
            let problem = format!("field {:?} has no name, or is there twice", row.name);
            return Err(wrong(problem));
        }
        let field_type = match FieldType::parse(&row.field_type) {
            Some(FieldType::Bool) => FieldType::Int64,
            Some(known) => known,
            None => {
                return Err(wrong(format!(
                    "field {}: there is no type {}; types are {}",
                    row.name,
                    row.field_type,
                    FieldType::names()
                )));
            }
        };
        Ok(Field {
            name: row.name,
            field_type: Some(field_type),
            level: Level::Optional,
            description: row.description,
            checks: Vec::new(),
        })
    }))?;
    Ok(Schema {
        industry: OF_VENDOR.to_owned(),
        // Fields outside the schema are never looked at.
        complete: false,
        source: "a schema file of air_api_tool".to_owned(),
        fields,
        ..Schema::default()
    })
}

/// The check of a checker, with its field; `None` for one that is switched off.
fn checker(text: &str, raw: &str) -> Result<Option<(String, Check)>, SchemaError> {
    let row: CheckerRow = parsed(text, raw, "a checker: ")?;
    if row.ignored {
        return Ok(None);
    }
    let depends = row.depend_cfg.unwrap_or_default();
    let when = (!depends.depend_field.is_empty()).then_some(When {
        field: depends.depend_field,
        values: depends.depend_field_values,
    });
    let config = row.checker_cfg.unwrap_or_default();
    let rule = rule(&row.checker_name, config).map_err(|problem| {
        let problem = format!("checker of {}: {problem}", row.field_name);
        SchemaError::at(text, raw, problem)
    })?;
    Ok(rule.map(|rule| (row.field_name, Check { rule, when })))
}

/// The rule of a checker; `None` for one that is switched off.
fn rule(name: &str, config: Config) -> Result<Option<Rule>, String> {
    Ok(match name {
        "required" => config.required.then_some(Rule::Required),
        "enums" if !config.enums.is_empty() => Some(Rule::Enums(config.enums)),
        "ranges" if !config.range_cfg_list.is_empty() => {
            let range = |it: RangeConfig| Range {
                gt: it.gt,
                gte: it.gte,
                lt: it.lt,
                lte: it.lte,
            };
            Some(Rule::Ranges(
                config.range_cfg_list.into_iter().map(range).collect(),
            ))
        }
        "datetime" => match config.datetime_cfg {
            Some(it) if it.is_int64 => Some(Rule::Datetime(Datetime::Epoch(Epoch::default()))),
            Some(it) => {
                let layout = (!it.time_layout.is_empty()).then(|| layout_from_go(&it.time_layout));
                Some(Rule::Datetime(Datetime::Layout(layout)))
            }
            None => return Err("datetime without datetime_cfg".to_owned()),
        },
        "categories" => match config.category_cfg {
            Some(it) => it.required.then_some(Rule::Categories {
                strict: it.strict_mode,
            }),
            None => return Err("categories without category_cfg".to_owned()),
        },
        "enums" => return Err("enums without values".to_owned()),
        "ranges" => return Err("ranges without a range".to_owned()),
        other => return Err(format!("there is no checker {other}")),
    })
}
