//! `[on_done]` of a job file: which catalog is told once `done` of a day is settled.
//!
//! Its `metadata` is a `metadata sync` in another form, as a job is a `write`: its keys are long options with
//! underscores. Only `message` is its own, the event's message, in whose texts the day, the topic and the
//! stage can stand.

use super::keys::OF_THE_QUOTA;
use super::{Job, JobOption, UsageError, wrong};
use crate::cli::profile::scalar;
use crate::domain::Partition;
use crate::input::DatedText;
use serde_json::{Map, Value as Json};
use std::ffi::OsString;
use toml::{Table, Value};

/// Options of `metadata sync` that a notice may have.
pub(super) const OPTIONS: [&str; 9] = [
    "endpoint",
    "engine",
    "engine_version",
    "huawei_region",
    "instance_id",
    "project_id",
    "retry_for",
    "retry_max_delay",
    "timeout",
];

/// How deep a message may be nested.
const MAX_DEPTH: usize = 32;

/// A catalog that is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Option and value, as one would type them.
    options: Vec<(String, String)>,
    message: Vec<(String, Template)>,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq)]
enum Template {
    Text(DatedText),
    Fixed(Json),
    List(Vec<Template>),
    Table(Vec<(String, Template)>),
}

impl Notice {
    /// Reads the value of `on_done`.
    pub(super) fn read(place: &str, value: Value) -> Result<Self, UsageError> {
        let place = format!("{place}, on_done");
        let Value::Table(mut table) = value else {
            return Err(wrong(
                &place,
                "it must be a table with the table 'metadata'",
            ));
        };
        let metadata = table.remove("metadata");
        if let Some(key) = table.keys().next() {
            let text = format!("unknown key '{key}'; there is 'metadata'");
            return Err(wrong(&place, &text));
        }
        let Some(Value::Table(metadata)) = metadata else {
            return Err(wrong(&place, "'metadata' must be a table"));
        };
        Self::of_table(&format!("{place}.metadata"), metadata)
    }

    fn of_table(place: &str, mut table: Table) -> Result<Self, UsageError> {
        let message = match table.remove("message") {
            Some(Value::Table(message)) => templates(place, message, MAX_DEPTH)?,
            _ => {
                return Err(wrong(
                    place,
                    "it needs the table 'message', which the event carries, such as \
                     message = { table = { tableName = \"{topic}\" }, partition = \"dt={date}\" }",
                ));
            }
        };
        let options = table.into_iter().map(|(key, value)| {
            if !OPTIONS.contains(&key.as_str()) {
                let known = OPTIONS.join(", ");
                let text = format!("unknown key '{key}'; there are message, {known}");
                return Err(wrong(place, &text));
            }
            let value =
                scalar(value).ok_or_else(|| wrong(place, &format!("'{key}' must be one value")))?;
            Ok((key, value))
        });
        Ok(Self {
            options: options.collect::<Result<_, _>>()?,
            message,
        })
    }

    /// The words of a `metadata sync` with the same options, in the surroundings of a job. `skipped` are
    /// keys that were typed already.
    pub fn words(&self, job: &Job, skipped: &[String]) -> Vec<OsString> {
        let own = self
            .options
            .iter()
            .map(|(key, value)| format!("--{}={value}", key.replace('_', "-")).into());
        let mut words: Vec<OsString> = vec!["metadata".into(), "sync".into()];
        let of_all_commands = job.options.iter().filter(|option| {
            let name = &option.key.name;
            let quota = OF_THE_QUOTA.contains(&name.as_str());
            option.key.is_shared && !quota && !skipped.contains(name)
        });
        words.extend(of_all_commands.flat_map(JobOption::words));
        words.extend(own);
        // What is sent comes from no file; the command wants the name of one.
        words.extend(["--".into(), "on_done".into()]);
        words
    }

    /// The message about a partition; `None` when it has no date.
    pub fn message(&self, partition: &Partition) -> Option<Map<String, Json>> {
        let date = partition.date()?;
        let names = [
            ("{topic}", partition.topic.to_string()),
            ("{stage}", partition.stage.kind().as_str().to_owned()),
        ];
        let text = |text: &DatedText| {
            names
                .iter()
                .fold(text.for_date(date), |text, (name, value)| {
                    text.replace(*name, value)
                })
        };
        Some(filled(&self.message, &text))
    }
}

fn templates(
    place: &str,
    table: Table,
    depth: usize,
) -> Result<Vec<(String, Template)>, UsageError> {
    table
        .into_iter()
        .map(|(key, value)| Ok((key, template(place, value, depth)?)))
        .collect()
}

fn template(place: &str, value: Value, depth: usize) -> Result<Template, UsageError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(wrong(place, "'message' is nested too deeply"));
    };
    Ok(match value {
        Value::String(text) => Template::Text(
            DatedText::parse(&text).map_err(|error| wrong(place, &error.to_string()))?,
        ),
        Value::Integer(number) => Template::Fixed(number.into()),
        Value::Float(number) if number.is_finite() => Template::Fixed(number.into()),
        Value::Float(number) => {
            let text = format!("'message': {number} has no place in JSON");
            return Err(wrong(place, &text));
        }
        Value::Boolean(is) => Template::Fixed(is.into()),
        Value::Datetime(time) => Template::Fixed(time.to_string().into()),
        Value::Array(items) => Template::List(
            items
                .into_iter()
                .map(|item| template(place, item, depth))
                .collect::<Result<_, _>>()?,
        ),
        Value::Table(table) => Template::Table(templates(place, table, depth)?),
    })
}

fn filled(table: &[(String, Template)], text: &impl Fn(&DatedText) -> String) -> Map<String, Json> {
    table
        .iter()
        .map(|(key, template)| (key.clone(), fill(template, text)))
        .collect()
}

fn fill(template: &Template, text: &impl Fn(&DatedText) -> String) -> Json {
    match template {
        Template::Text(dated) => text(dated).into(),
        Template::Fixed(value) => value.clone(),
        Template::List(items) => items.iter().map(|item| fill(item, text)).collect(),
        Template::Table(table) => filled(table, text).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Stage, StageKind, Target};

    fn read(text: &str) -> Result<Notice, String> {
        let table: Table = text.parse().unwrap();
        Notice::read("jobs.toml", Value::Table(table)).map_err(|error| error.to_string())
    }

    #[test]
    fn texts_of_the_message_hold_the_day_the_topic_and_the_stage() {
        let notice = read(
            r#"[metadata]
            engine = "MRS"
            [metadata.message]
            table = { tableName = "{topic}", rows = 3, parts = ["{date:%Y%m%d}", 1.5, true] }
            location = "hdfs://ns1/[a]/{stage}/dt={date}"
            "#,
        )
        .unwrap();
        let partition = Partition {
            target: Target::new("1", "2", "p").unwrap(),
            topic: "item".parse().unwrap(),
            stage: Stage::new(StageKind::HistorySync, Some("2022-01-09".parse().unwrap())).unwrap(),
        };
        assert_eq!(
            Json::from(notice.message(&partition).unwrap()),
            serde_json::json!({
                "table": {"tableName": "item", "rows": 3, "parts": ["20220109", 1.5, true]},
                "location": "hdfs://ns1/[a]/history_sync/dt=2022-01-09"
            })
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (text, said) in [
            ("metadata = 1", "'metadata' must be a table"),
            ("other = 1", "unknown key 'other'"),
            (
                "[metadata]\nengine = \"MRS\"",
                "it needs the table 'message'",
            ),
            (
                "[metadata]\nrestart = true\nmessage = {}",
                "unknown key 'restart'",
            ),
            (
                "[metadata]\nengine = [1]\nmessage = {}",
                "'engine' must be one value",
            ),
            ("[metadata]\nmessage = { a = \"{date\" }", "not closed"),
            (
                "[metadata]\nmessage = { a = \"{date:%H}\" }",
                "no date format",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
