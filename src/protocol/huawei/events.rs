//! Metadata events of `DataArts` Studio and the body that carries them (`huawei.md` 3).
//!
//! The service publishes the types of events and the fields of the envelope, not what a message of each
//! type holds; so a message is any object, and its bytes stay as they are.

use super::names::{InstanceId, ProjectId};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt;
use std::str::FromStr;

/// Most bytes of a body that the gateway takes (APIGW.0201): 12 MB.
pub const MAX_GATEWAY_BYTES: usize = 12_000_000;

/// Every type of event, in the service's own spelling.
pub const EVENT_TYPES: [&str; 31] = [
    "AddForeignKeyEvent",
    "AddNotNullConstraintEvent",
    "AddPrimaryKeyEvent",
    "AddUniqueConstraintEvent",
    "DropConstraintEvent",
    "CreateCatalogEvent",
    "AlterCatalogEvent",
    "DropCatalogEvent",
    "CreateDatabaseEvent",
    "AlterDatabaseEvent",
    "DropDatabaseEvent",
    "CreateSchemaEvent",
    "AlterSchemaEvent",
    "DropSchemaEvent",
    "CreateTableEvent",
    "AlterTableEvent",
    "DropTableEvent",
    "AddColumnEvent",
    "AlterColumnEvent",
    "DropColumnEvent",
    "AddPartitionEvent",
    "AlterPartitionEvent",
    "DropPartitionEvent",
    "AddIndexEvent",
    "AlterIndexEvent",
    "DropIndexEvent",
    "AddTriggerEvent",
    "AlterTriggerEvent",
    "DropTriggerEvent",
    "CreateFunctionEvent",
    "DropFunctionEvent",
];

/// The service whose metadata it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the services")]
pub enum Engine {
    Dli,
    Dws,
    Mrs,
}

impl Engine {
    /// As the API spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dli => "DLI",
            Self::Dws => "DWS",
            Self::Mrs => "MRS",
        }
    }
}

impl FromStr for Engine {
    type Err = InvalidEngine;

    fn from_str(text: &str) -> Result<Self, InvalidEngine> {
        [Self::Dli, Self::Dws, Self::Mrs]
            .into_iter()
            .find(|engine| engine.as_str() == text)
            .ok_or_else(|| InvalidEngine(text.to_owned()))
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an engine; there are DLI, DWS and MRS")]
pub struct InvalidEngine(String);

/// Where events come from. The engine decides which fields the service wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSource {
    engine: Engine,
    version: Option<String>,
    instance: Option<InstanceId>,
    project: ProjectId,
}

/// Why there is no such source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSource {
    /// MRS and DWS have clusters.
    #[error("engine {0} needs --instance-id, the id of its cluster")]
    NoInstance(Engine),
    /// DLI has none.
    #[error("engine DLI has no clusters; leave --instance-id out")]
    Instance,
    /// Empty or far too long.
    #[error("--engine-version is empty or longer than 64 characters; write it as 3.1.2")]
    Version,
}

impl EventSource {
    /// A source with the fields that its engine needs.
    pub fn new(
        engine: Engine,
        version: Option<String>,
        instance: Option<InstanceId>,
        project: ProjectId,
    ) -> Result<Self, InvalidSource> {
        match (engine, &instance) {
            (Engine::Dli, Some(_)) => return Err(InvalidSource::Instance),
            (Engine::Mrs | Engine::Dws, None) => return Err(InvalidSource::NoInstance(engine)),
            _ => {}
        }
        if version
            .as_ref()
            .is_some_and(|version| version.is_empty() || version.chars().count() > 64)
        {
            return Err(InvalidSource::Version);
        }
        Ok(Self {
            engine,
            version,
            instance,
            project,
        })
    }

    /// The beginning of every body, up to the list of events, and its end.
    pub fn envelope(&self) -> (Vec<u8>, &'static [u8]) {
        let mut fields = serde_json::Map::new();
        let mut put = |name: &str, value: &str| {
            fields.insert(name.to_owned(), value.into());
        };
        put("engine", self.engine.as_str());
        if let Some(version) = &self.version {
            put("engine_version", version);
        }
        if let Some(instance) = &self.instance {
            put("instance_id", instance.as_str());
        }
        // DLI knows its tables by the project alone.
        if self.engine == Engine::Dli {
            put("project_id", self.project.as_str());
        }
        let mut beginning = serde_json::Value::Object(fields).to_string().into_bytes();
        beginning.pop();
        beginning.extend_from_slice(b",\"events\":[");
        (beginning, b"]}")
    }

    /// What tells this source from others, for the memory of what was sent.
    pub fn key(&self) -> String {
        let (beginning, _) = self.envelope();
        format!("{} {}", self.project, String::from_utf8_lossy(&beginning))
    }
}

/// What is wrong with an event. Each has a code for programs and words for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEvent {
    /// Not one JSON object, or not with exactly the three fields.
    #[error(
        "it is not an event {{\"event_ts\": NUMBER, \"event_type\": TEXT, \"event_message\": OBJECT}}: {0}"
    )]
    Form(String),
    /// Not one of the 31.
    #[error("'{0}' is not a type of event")]
    Type(String),
    /// Before 1970.
    #[error("event_ts is {0}; it is a time in milliseconds since 1970")]
    Time(i64),
    /// Not an object.
    #[error("event_message is not an object")]
    Message,
}

impl InvalidEvent {
    /// For programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Form(_) => "event_form",
            Self::Type(_) => "event_type",
            Self::Time(_) => "event_ts",
            Self::Message => "event_message",
        }
    }
}

/// Checks one event. `None` when nothing is wrong with it.
pub fn check_event(text: &str) -> Option<InvalidEvent> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Event<'a> {
        #[serde(rename = "event_ts")]
        at: i64,
        #[serde(rename = "event_type")]
        kind: String,
        #[serde(rename = "event_message", borrow)]
        message: &'a RawValue,
    }
    let event: Event<'_> = match serde_json::from_str(text) {
        Ok(event) => event,
        Err(error) => return Some(InvalidEvent::Form(error.to_string())),
    };
    if !EVENT_TYPES.contains(&event.kind.as_str()) {
        return Some(InvalidEvent::Type(event.kind.chars().take(100).collect()));
    }
    if event.at < 0 {
        return Some(InvalidEvent::Time(event.at));
    }
    (!event.message.get().starts_with('{')).then_some(InvalidEvent::Message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(kind: &str) -> String {
        format!(
            r#"{{"event_ts":1,"event_type":"{kind}","event_message":{{"table":{{"tableName":"t"}}}}}}"#
        )
    }

    #[test]
    fn all_31_types_are_taken_and_no_other() {
        let mut names = EVENT_TYPES.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 31);
        for kind in EVENT_TYPES {
            assert_eq!(check_event(&event(kind)), None, "{kind}");
        }
        for bad in ["AlterFunctionEvent", "createTableEvent", "CreateTable", ""] {
            let found = check_event(&event(bad)).unwrap();
            assert_eq!(found, InvalidEvent::Type(bad.to_owned()));
        }
    }

    #[test]
    fn an_event_has_three_fields_of_their_own_types() {
        for (bad, code) in [
            ("", "event_form"),
            ("[]", "event_form"),
            ("{}", "event_form"),
            (
                r#"{"event_ts":"1","event_type":"AddIndexEvent","event_message":{}}"#,
                "event_form",
            ),
            (
                r#"{"event_ts":1.5,"event_type":"AddIndexEvent","event_message":{}}"#,
                "event_form",
            ),
            (
                r#"{"event_ts":1,"event_type":"AddIndexEvent"}"#,
                "event_form",
            ),
            (
                r#"{"event_ts":1,"event_type":"AddIndexEvent","event_message":{},"x":1}"#,
                "event_form",
            ),
            (
                r#"{"event_ts":-1,"event_type":"AddIndexEvent","event_message":{}}"#,
                "event_ts",
            ),
            (
                r#"{"event_ts":1,"event_type":"AddIndexEvent","event_message":"{}"}"#,
                "event_message",
            ),
            (
                r#"{"event_ts":1,"event_type":"AddIndexEvent","event_message":null}"#,
                "event_message",
            ),
        ] {
            assert_eq!(check_event(bad).map(|it| it.code()), Some(code), "{bad}");
        }
    }

    #[test]
    fn each_engine_gets_the_fields_that_it_needs() {
        let project: ProjectId = "p1".parse().unwrap();
        let instance: InstanceId = "i-1".parse().unwrap();
        let source = |engine, version: Option<&str>, instance: Option<&InstanceId>| {
            EventSource::new(
                engine,
                version.map(str::to_owned),
                instance.cloned(),
                project.clone(),
            )
        };
        let text = |source: EventSource| {
            let (beginning, end) = source.envelope();
            String::from_utf8([beginning.as_slice(), end].concat()).unwrap()
        };
        assert_eq!(
            text(source(Engine::Mrs, Some("3.1.2"), Some(&instance)).unwrap()),
            r#"{"engine":"MRS","engine_version":"3.1.2","instance_id":"i-1","events":[]}"#
        );
        assert_eq!(
            text(source(Engine::Dli, None, None).unwrap()),
            r#"{"engine":"DLI","project_id":"p1","events":[]}"#
        );
        for engine in [Engine::Mrs, Engine::Dws] {
            assert_eq!(
                source(engine, None, None),
                Err(InvalidSource::NoInstance(engine))
            );
        }
        assert_eq!(
            source(Engine::Dli, None, Some(&instance)),
            Err(InvalidSource::Instance)
        );
        assert_eq!(
            source(Engine::Dli, Some(""), None),
            Err(InvalidSource::Version)
        );
        assert!("mrs".parse::<Engine>().is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_checked_without_a_panic(text in ".{0,100}") {
            let _checked = check_event(&text);
        }
    }
}
