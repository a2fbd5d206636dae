//! Row schemas of the sandbox: which rows the platform would refuse with code 1001.
//!
//! The rules are the platform's two checks, presence of mandatory fields and types of declared ones
//! (D69195, D71631, D71887); where those are silent the vendor's own `air_api_tool` decides. Fields
//! outside the schema are not looked at. Value checks are the offline validator's, not the API's.

use super::SandboxError;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

/// Schemas by topic.
#[derive(Debug, Default)]
pub(super) struct RowSchemas(BTreeMap<String, RowSchema>);

/// The fields of one topic.
#[derive(Debug, Deserialize)]
pub(super) struct RowSchema {
    #[serde(default)]
    topic: Option<String>,
    fields: Vec<Field>,
}

#[derive(Debug, Deserialize)]
struct Field {
    name: String,
    #[serde(default, rename = "type")]
    kind: Option<FieldType>,
    #[serde(default)]
    level: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FieldType {
    String,
    Int32,
    Int64,
    Float,
    Double,
    JsonString,
}

impl RowSchemas {
    /// Reads every `*.json` of a directory. `{topic}.json` wins over a file that merely names the
    /// topic; two of the latter for one topic are an error, never a guess.
    pub(super) fn load(directory: &Path) -> Result<Self, SandboxError> {
        let failed = |source| SandboxError::SchemaDirectory {
            path: directory.to_owned(),
            source,
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                paths.push(path);
            }
        }
        paths.sort();
        let mut schemas = BTreeMap::new();
        let mut named = BTreeMap::new();
        for path in paths {
            let text = std::fs::read(&path).map_err(failed)?;
            let schema: RowSchema =
                serde_json::from_slice(&text).map_err(|source| SandboxError::SchemaFile {
                    path: path.clone(),
                    source,
                })?;
            let stem = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            match schema.topic.clone() {
                Some(topic) if topic != stem => {
                    if let Some((other, _)) = named.insert(topic.clone(), (path.clone(), schema))
                        && !directory.join(format!("{topic}.json")).exists()
                    {
                        return Err(SandboxError::SchemaAmbiguous {
                            topic,
                            first: other,
                            second: path,
                        });
                    }
                }
                _ => {
                    schemas.insert(stem, schema);
                }
            }
        }
        for (topic, (_, schema)) in named {
            schemas.entry(topic).or_insert(schema);
        }
        Ok(Self(schemas))
    }

    /// The schema of a topic, if there is one.
    pub(super) fn of(&self, topic: &str) -> Option<&RowSchema> {
        self.0.get(topic)
    }
}

impl RowSchema {
    /// Why a row would be refused; `None` when it would be taken.
    pub(super) fn fault_of(&self, row: &str) -> Option<String> {
        let Ok(values) = serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(row) else {
            return Some("the row is not a JSON object".to_owned());
        };
        self.fields.iter().find_map(|field| {
            let value = values.get(field.name.as_str()).map(|value| value.get());
            field.fault_of(value.filter(|value| *value != "null"))
        })
    }
}

impl Field {
    fn fault_of(&self, value: Option<&str>) -> Option<String> {
        let required = self.level.as_deref() == Some("required");
        let Some(value) = value else {
            return required.then(|| format!("required field {} is missing", self.name));
        };
        // air_api_tool: a required value is present and not empty.
        if required && value == "\"\"" {
            return Some(format!("required field {} is empty", self.name));
        }
        let kind = self.kind?;
        (!kind.takes(value)).then(|| {
            let shown: String = value.chars().take(MAX_SHOWN_CHARS).collect();
            format!(
                "data type of {}(value:{shown}) should be {}",
                self.name,
                kind.name()
            )
        })
    }
}

/// Longest part of a value that an error message repeats.
const MAX_SHOWN_CHARS: usize = 100;

impl FieldType {
    const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float => "float",
            Self::Double => "double",
            Self::JsonString => "json_string",
        }
    }

    /// Whether a JSON value has this type or can be cast to it.
    fn takes(self, value: &str) -> bool {
        let text: Option<String> = serde_json::from_str(value).ok();
        let number = match (&text, value) {
            (Some(text), _) => text.as_str(),
            (None, "true" | "false") => "1",
            (None, other) => other,
        };
        match self {
            Self::String => text.is_some(),
            Self::Int64 => integer(number).is_some(),
            Self::Int32 => integer(number).is_some_and(|number| i32::try_from(number).is_ok()),
            Self::Float | Self::Double => {
                is_number(number) && number.parse::<f64>().is_ok_and(f64::is_finite)
            }
            Self::JsonString => text.is_some_and(|text| {
                (text.starts_with('[') || text.starts_with('{'))
                    && serde_json::from_str::<&RawValue>(&text).is_ok()
            }),
        }
    }
}

/// Rust parses `inf` and `nan` as floats; the platform speaks of numbers.
fn is_number(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b))
}

/// The exact integer of a decimal text, scientific notation included (`1e3`); `None` for anything
/// with a fraction or outside 64 bits.
fn integer(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let (mantissa, exponent) = text.split_once(['e', 'E'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let zeros = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let digits: i64 = format!("{whole}{fraction}").parse().ok()?;
    if digits == 0 {
        return Some(0);
    }
    digits.checked_mul(10_i64.checked_pow(u32::try_from(zeros).ok()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> RowSchema {
        serde_json::from_str(
            r#"{"topic":"item","fields":[
                {"name":"goods_id","type":"string","level":"required"},
                {"name":"status","type":"int32","level":"required"},
                {"name":"price","type":"double","level":"recommended"},
                {"name":"tags","type":"json_string"},
                {"name":"seen","type":null}]}"#,
        )
        .unwrap()
    }

    #[test]
    fn rows_that_fit_or_can_be_cast_are_taken() {
        for row in [
            r#"{"goods_id":"1","status":1}"#,
            r#"{"goods_id":"1","status":"1e3","price":"1.5","tags":"[1,2]","seen":{},"other":true}"#,
            r#"{"goods_id":"1","status":true,"price":null}"#,
            r#"{"goods\u005fid":"1","status":-2147483648}"#,
        ] {
            assert_eq!(schema().fault_of(row), None, "{row}");
        }
    }

    #[test]
    fn rows_that_do_not_are_refused_with_the_field_named() {
        for (row, named) in [
            (r#"{"status":1}"#, "goods_id"),
            (r#"{"goods_id":null,"status":1}"#, "goods_id"),
            (r#"{"goods_id":"","status":1}"#, "goods_id"),
            (r#"{"goods_id":1,"status":1}"#, "goods_id"),
            (r#"{"goods_id":"1","status":"x"}"#, "status"),
            (r#"{"goods_id":"1","status":1.0}"#, "status"),
            (r#"{"goods_id":"1","status":1.5e0}"#, "status"),
            (r#"{"goods_id":"1","status":2147483648}"#, "status"),
            (r#"{"goods_id":"1","status":1,"price":"inf"}"#, "price"),
            (r#"{"goods_id":"1","status":1,"price":[]}"#, "price"),
            (r#"{"goods_id":"1","status":1,"tags":"1"}"#, "tags"),
        ] {
            let fault = schema().fault_of(row).unwrap_or_default();
            assert!(fault.contains(named), "{row}: {fault}");
        }
    }

    #[test]
    fn a_file_named_after_the_topic_wins_and_two_rivals_are_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, topic: &str| {
            let text = format!(r#"{{"topic":"{topic}","fields":[]}}"#);
            std::fs::write(directory.path().join(name), text).unwrap();
        };
        write("a.json", "item");
        assert!(
            RowSchemas::load(directory.path())
                .unwrap()
                .of("item")
                .is_some()
        );
        write("b.json", "item");
        assert!(RowSchemas::load(directory.path()).is_err());
        write("item.json", "item");
        assert!(RowSchemas::load(directory.path()).is_ok());
    }
}
