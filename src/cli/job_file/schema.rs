//! The JSON Schema of job files, made from the declared options, so that editors can complete and
//! check them and the schema cannot fall behind.

use super::{JobKey, KeyForm, Scalar};
use serde_json::{Map, Value, json};

/// The schema (JSON Schema, draft 2020-12).
pub fn json_schema(keys: &[JobKey]) -> Value {
    let mut defaults = hooks();
    let mut job = hooks();
    for key in keys {
        let property = property_of(key);
        if !key.is_shared {
            job.insert(key.name.clone(), property.clone());
        }
        defaults.insert(key.name.clone(), property);
    }
    let text = |help: &str| json!({"type": "string", "minLength": 1, "description": help});
    let list = |help: &str| {
        json!({"description": help, "anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}}
        ]})
    };
    job.insert(
        "name".to_owned(),
        text("Name of the job, unique in the file"),
    );
    job.insert(
        "paths".to_owned(),
        list("Files, directories and globs, relative to the job file; {date} or {date:%Y%m%d} stands for the day, ~/ for the home directory; environment variables are not expanded"),
    );
    job.insert("on_done".to_owned(), on_done());
    job.insert(
        "after".to_owned(),
        list("Jobs that must be complete for a day before this one begins it"),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "byteair-sync job file",
        "type": "object",
        "additionalProperties": false,
        "required": ["job"],
        "properties": {
            "on_done": on_done(),
            "defaults": {
                "description": "Options of all jobs",
                "type": "object",
                "additionalProperties": false,
                "properties": defaults,
            },
            "job": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["name", "paths"],
                    "properties": job,
                },
            },
        },
    })
}

fn on_done() -> Value {
    let mut properties: Map<String, Value> = super::on_done::OPTIONS
        .iter()
        .map(|key| ((*key).to_owned(), json!({"type": ["string", "number"]})))
        .collect();
    properties.insert(
        "message".to_owned(),
        json!({"type": "object", "description":
            "The event's message; {date}, {date:%Y%m%d}, {topic} and {stage} stand for those of the day"}),
    );
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["metadata"],
        "properties": {"metadata": {
            "description": "Catalog of DataArts Studio that is told of a day once its done is settled",
            "type": "object",
            "additionalProperties": false,
            "required": ["message"],
            "properties": properties,
        }},
    })
}

fn hooks() -> Map<String, Value> {
    let what = |when: &str| {
        json!({"type": "string", "description":
            format!("Command (run by sh) or URL that gets the day's summary as JSON {when}")})
    };
    Map::from_iter([
        ("on_success".to_owned(), what("when done was accepted")),
        ("on_failure".to_owned(), what("when a person should look")),
        ("on_reject".to_owned(), what("when rows were rejected")),
        (
            "hook_timeout".to_owned(),
            json!({"type": "string", "description": "How long a hook may take, such as 60s"}),
        ),
    ])
}

fn property_of(key: &JobKey) -> Value {
    let scalar = if key.choices.is_empty() {
        match key.scalar {
            // What the command line takes as text may be written so, too.
            Scalar::Whole => json!({"type": ["integer", "string"]}),
            Scalar::Text => json!({"type": "string", "minLength": 1}),
            Scalar::Either => json!({"type": ["string", "number"]}),
        }
    } else {
        json!({"enum": key.choices})
    };
    let mut property = match key.form {
        KeyForm::Flag => json!({"type": "boolean"}),
        KeyForm::One => scalar,
        KeyForm::Many => json!({"anyOf": [
            scalar,
            {"type": "array", "items": scalar},
            {"type": "object", "additionalProperties": {"type": "string"}}
        ]}),
    };
    if let Some(object) = property.as_object_mut() {
        object.insert("description".to_owned(), key.help.clone().into());
    }
    property
}
