//! `POST /v1/{project}/metadata/async-bulk` of `DataArts` Studio: all events of a request, or none.

use super::answer::HuaweiAnswer;
use super::book::{Book, Entry};
use super::stored;
use crate::protocol::huawei::{Engine, check_event};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

/// Every field is formally optional (V3); what an engine needs is checked here.
#[derive(Deserialize)]
struct Body<'a> {
    engine: Option<String>,
    instance_id: Option<String>,
    project_id: Option<String>,
    #[serde(borrow)]
    events: Option<Vec<&'a RawValue>>,
}

/// Takes the events of a request.
pub(super) fn take(
    book: &mut Book,
    project: &str,
    body: &[u8],
) -> Result<HuaweiAnswer, HuaweiAnswer> {
    // The service's own codes for these are unpublished.
    let refused = |message: String| HuaweiAnswer::refused(400, "DS.6000", message);
    let body: Body<'_> = serde_json::from_slice(body)
        .map_err(|error| refused(format!("The request body is malformed: {error}")))?;
    let engine = body.engine.unwrap_or_default();
    let wants_instance = match engine.parse() {
        Ok(Engine::Mrs | Engine::Dws) => true,
        Ok(Engine::Dli) => false,
        Err(_) => return Err(refused(format!("The engine '{engine}' is not supported."))),
    };
    let given = |field: &Option<String>| field.as_ref().is_some_and(|text| !text.is_empty());
    if wants_instance && !given(&body.instance_id) {
        return Err(refused(format!("instance_id is required for {engine}.")));
    }
    if !wants_instance && !given(&body.project_id) {
        return Err(refused(format!("project_id is required for {engine}.")));
    }
    let mut events: Vec<Value> = Vec::new();
    for event in body.events.unwrap_or_default() {
        if let Some(fault) = check_event(event.get()) {
            return Err(refused(format!("An event is refused: {fault}.")));
        }
        events.extend(serde_json::from_str::<Value>(event.get()));
    }
    if events.is_empty() {
        return Err(refused("There are no events.".to_owned()));
    }
    stored(book.record(Entry::Metadata {
        project: project.to_owned(),
        engine,
        instance: body.instance_id,
        events,
    }))?;
    Ok(HuaweiAnswer::ok(json!({"success": true})))
}
