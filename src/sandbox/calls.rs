//! The calls of the data API on the store: write, `done`, and the state of a date between them.
//!
//! A date goes from nothing to syncing with its first write and to acked with its `done`; after that
//! both are refused with the documented texts (D73620). A `done` for a date without rows is
//! accepted: the documentation does not forbid it. The other states of the platform's console
//! (cleaning, failed, skipped, cut off) do not occur here.

use super::answer::Answer;
use super::body::{RowList, as_line};
use super::dates;
use super::journal;
use super::{Sandbox, SandboxSettings};
use crate::domain::{DataDate, MAX_BATCH_ROWS, Partition, Stage, StageKind, Target, Topic};
use crate::protocol::messages::DataError;
use chrono::{SecondsFormat, Utc};
use std::io;

/// Most bytes of refused rows in one reply. The platform calls its list examples (D71887).
const MAX_ERROR_BYTES: usize = 8 * 1024 * 1024;

/// Longest Request-Id; the documentation says "not too long" (D108561).
const MAX_REQUEST_ID_BYTES: usize = 256;

/// Who calls, and under which id.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) target: Target,
    pub(super) request_id: String,
}

/// Topic and stage as the URL names them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) topic: &'a str,
    pub(super) stage: &'a str,
}

impl Caller {
    /// Checks the ids of a request.
    pub(super) fn new(
        application: &str,
        tenant: Option<&str>,
        request_id: Option<&str>,
    ) -> Result<Self, Answer> {
        let tenant = tenant.unwrap_or_default();
        if journal::target("0", application).is_none() {
            return Err(unknown_application(application));
        }
        let target = journal::target(tenant, application).ok_or_else(|| {
            Answer::refused(400, format!("Find no data schema of tenant_id({tenant}) tenant/application_id({application}), please check your tenant_id and retry"))
        })?;
        match request_id {
            Some(id) if !id.is_empty() && id.len() <= MAX_REQUEST_ID_BYTES => Ok(Self {
                target,
                request_id: id.to_owned(),
            }),
            // Documented as required (D108561); the platform's words for its absence are not.
            _ => Err(Answer::refused(
                400,
                "The 'Request-Id' header is missing or too long.",
            )),
        }
    }
}

/// The documented answer to a path that leads nowhere (D73620).
pub(super) fn unknown_application(application: &str) -> Answer {
    Answer::refused(
        400,
        format!(
            "Can't find configuration for tenant/application_id:{application}, please check your tenant/application_id and path."
        ),
    )
}

/// Stores rows. `list` is `None` when the body is no JSON array of objects.
pub(super) fn write(
    sandbox: &Sandbox,
    caller: &Caller,
    scene: Scene<'_>,
    content_date: Option<&str>,
    list: Option<&RowList<'_>>,
) -> Result<Answer, Answer> {
    let (topic, kind) = known_scene(sandbox, caller, scene)?;
    // The platform asks streaming clients not to send a date; one of its demos does, so it is ignored.
    let date = if kind.is_offline() {
        Some(dates::content_date(content_date)?)
    } else {
        None
    };
    let stage = Stage::new(kind, date).map_err(|_| closed_stage(caller, scene))?;
    let partition = Partition {
        target: caller.target.clone(),
        topic,
        stage,
    };
    let list = list
        .ok_or_else(|| Answer::refused(400, "The request body is not a JSON array of objects."))?;
    if list.count == 0 {
        return Err(Answer::refused(400, "Data is empty"));
    }
    if list.count > u64::from(MAX_BATCH_ROWS) {
        return Err(Answer::refused(
            413,
            format!("The count of write items max to {MAX_BATCH_ROWS}."),
        ));
    }
    let checked = check_rows(sandbox, &partition.topic, list);
    let mut store = sandbox.store();
    if store.knows(&caller.target, &caller.request_id) {
        store.count_duplicate(&partition).map_err(internal)?;
        return Err(duplicate(caller));
    }
    if store.is_acked(&partition) {
        return Err(Answer::refused(400, "Syncing is not allowed when acked."));
    }
    store
        .accept_write(
            &partition,
            &caller.request_id,
            checked.rows,
            checked.lines.into(),
        )
        .map_err(internal)?;
    Ok(if checked.rows == list.count {
        Answer::ok()
    } else {
        Answer::part_refused(checked.errors)
    })
}

/// Ends dates, all of the request or none.
pub(super) fn done(
    sandbox: &Sandbox,
    caller: &Caller,
    scene: Scene<'_>,
    named: Vec<DataDate>,
) -> Result<Answer, Answer> {
    let (topic, kind) = known_scene(sandbox, caller, scene)?;
    let mut days = named;
    if days.is_empty() {
        days.extend(dates::previous_day(Utc::now()));
    }
    days.sort();
    days.dedup();
    let partitions: Vec<Partition> = days
        .into_iter()
        .map(|day| {
            Ok(Partition {
                target: caller.target.clone(),
                topic: topic.clone(),
                // The streaming stage has no date to end (D69172).
                stage: Stage::new(kind, Some(day)).map_err(|_| closed_stage(caller, scene))?,
            })
        })
        .collect::<Result<_, Answer>>()?;
    let mut store = sandbox.store();
    if store.knows(&caller.target, &caller.request_id) {
        if let Some(first) = partitions.first() {
            store.count_duplicate(first).map_err(internal)?;
        }
        return Err(duplicate(caller));
    }
    if partitions.iter().any(|partition| store.is_acked(partition)) {
        return Err(Answer::refused(
            400,
            "Syncing or ack is not allowed when done.",
        ));
    }
    let at = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
    store
        .accept_done(&caller.target, &partitions, &caller.request_id, at)
        .map_err(internal)?;
    Ok(Answer::ok())
}

/// The rows of a request after the schema had its say.
struct CheckedRows {
    lines: Vec<u8>,
    rows: u64,
    errors: Vec<DataError>,
}

fn check_rows(sandbox: &Sandbox, topic: &Topic, list: &RowList<'_>) -> CheckedRows {
    let schema = sandbox.schemas.of(topic.as_str());
    let mut checked = CheckedRows {
        lines: Vec::new(),
        rows: 0,
        errors: Vec::new(),
    };
    let mut error_bytes = 0_usize;
    for row in &list.rows {
        if let Some(message) = schema.and_then(|schema| schema.fault_of(row)) {
            error_bytes = error_bytes.saturating_add(row.len());
            if error_bytes <= MAX_ERROR_BYTES {
                checked.errors.push(DataError {
                    message,
                    data: (*row).to_owned(),
                });
            }
        } else {
            checked.lines.extend_from_slice(as_line(row).as_bytes());
            checked.lines.push(b'\n');
            checked.rows = checked.rows.saturating_add(1);
        }
    }
    checked
}

fn known_scene(
    sandbox: &Sandbox,
    caller: &Caller,
    scene: Scene<'_>,
) -> Result<(Topic, StageKind), Answer> {
    let SandboxSettings { topics, .. } = &sandbox.settings;
    let topic = scene.topic.parse::<Topic>().ok().filter(|topic| {
        topics.is_empty() || topics.contains(topic) || sandbox.schemas.of(topic.as_str()).is_some()
    });
    let topic = topic.ok_or_else(|| {
        Answer::refused(
            400,
            format!(
                "Can't support scene:{}, please check your scene/topic.",
                scene.topic
            ),
        )
    })?;
    let kind = scene
        .stage
        .parse()
        .map_err(|_| closed_stage(caller, scene))?;
    Ok((topic, kind))
}

fn closed_stage(caller: &Caller, scene: Scene<'_>) -> Answer {
    Answer::refused(
        400,
        format!(
            "Syncing is end or not start in stage({}) for tenant/application_id({}) topic({}), please check the 'stage'",
            scene.stage,
            caller.target.application(),
            scene.topic
        ),
    )
}

fn duplicate(caller: &Caller) -> Answer {
    Answer::refused(
        409,
        format!(
            "Duplicate submission with request-id: {}.",
            caller.request_id
        ),
    )
}

/// Nothing was stored; the reason is for the operator of the sandbox, not for its client.
#[expect(clippy::needless_pass_by_value, reason = "goes straight into map_err")]
fn internal(error: io::Error) -> Answer {
    tracing::error!(%error, "the sandbox could not store a request; check its data directory");
    Answer::refused(500, "Internal error encountered.")
}
