//! What is done to streams of the sandbox from outside: `POST /sandbox/records` and
//! `POST /sandbox/stream`, for tests and demonstrations.
//!
//! Neither is signed. Each names `project=` and `stream=`; a stream is made on first use. Records are the
//! lines of the body, or with `whole` all of it is one, on `partition=` or in turn on all open ones. A stream can be split, merged and
//! trimmed, and all of its cursors can be made to be too old.

use super::super::Sandbox;
use super::super::body;
use super::super::service::{ReplyBody, respond};
use super::answer::HuaweiAnswer;
use super::book::{Book, Entry, NewRecord, StreamForm};
use super::dis::{Ask, checked};
use super::stored;
use crate::protocol::huawei::{ProjectId, StreamName};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use chrono::Utc;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::sync::Arc;

/// Answers one of the two.
pub(in crate::sandbox) async fn control(
    sandbox: Arc<Sandbox>,
    request: Request<Incoming>,
) -> Response<ReplyBody> {
    let (parts, incoming) = request.into_parts();
    let Ok(body) = body::read(incoming).await else {
        return respond(StatusCode::BAD_REQUEST, "text/plain", Bytes::new());
    };
    let ask = Ask {
        project: "",
        method: &Method::POST,
        path: &[],
        query: parts.uri.query().unwrap_or_default(),
        body: &body,
        now: Utc::now().timestamp_millis(),
    };
    let mut book = sandbox.huawei();
    let done = if parts.uri.path() == "/sandbox/records" {
        put(&mut book, &ask)
    } else {
        change(&mut book, &ask)
    };
    done.unwrap_or_else(|refusal| refusal).render("sandbox")
}

/// The stream that is meant, there from now on.
fn named(book: &mut Book, ask: &Ask<'_>) -> Result<(String, StreamName), HuaweiAnswer> {
    let project: ProjectId = checked(&ask.wanted("project")?, 4117)?;
    let of_project = Ask {
        project: project.as_str(),
        ..*ask
    };
    let stream = of_project.used_stream(book, &ask.wanted("stream")?)?;
    Ok((project.to_string(), stream))
}

fn number(text: &str) -> Result<u64, HuaweiAnswer> {
    let wrong = || HuaweiAnswer::dis(4300, format!("'{text}' is no number"));
    text.parse().map_err(|_| wrong())
}

fn put(book: &mut Book, ask: &Ask<'_>) -> Result<HuaweiAnswer, HuaweiAnswer> {
    let (project, stream) = named(book, ask)?;
    let there = book.stream(&project, &stream);
    let open: Vec<u64> = (0..)
        .zip(there.into_iter().flat_map(|it| &it.partitions))
        .filter(|(_, partition)| !partition.is_closed)
        .map(|(number, _)| number)
        .collect();
    let wanted = ask
        .parameter("partition")
        .map(|text| number(&text))
        .transpose()?;
    if wanted.is_some_and(|wanted| !open.contains(&wanted)) {
        return Err(HuaweiAnswer::dis(
            4302,
            "Partition does not exist or is closed.",
        ));
    }
    let is_whole = ask.query.split('&').any(|part| part == "whole");
    let lines = ask.body.split(|byte| *byte == b'\n' && !is_whole);
    let lines = lines.filter(|line| !line.is_empty());
    let records: Vec<NewRecord> = lines
        .zip(open.iter().cycle())
        .map(|(line, in_turn)| NewRecord {
            partition: wanted.unwrap_or(*in_turn),
            key: None,
            data: BASE64_STANDARD.encode(line),
        })
        .collect();
    let count = records.len();
    stored(book.record(Entry::Records {
        project,
        stream: stream.to_string(),
        records,
        at: ask.now,
    }))?;
    Ok(HuaweiAnswer::ok(json!({"records": count})))
}

fn change(book: &mut Book, ask: &Ask<'_>) -> Result<HuaweiAnswer, HuaweiAnswer> {
    let (project, stream) = named(book, ask)?;
    let stream_name = stream.to_string();
    let entry = if let Some(partition) = ask.parameter("split") {
        Entry::Reshape {
            project: project.clone(),
            stream: stream_name,
            parents: vec![number(&partition)?],
            children: 2,
        }
    } else if let Some(partitions) = ask.parameter("merge") {
        Entry::Reshape {
            project: project.clone(),
            stream: stream_name,
            parents: partitions
                .split(',')
                .map(number)
                .collect::<Result<_, _>>()?,
            children: 1,
        }
    } else if let Some(before) = ask.parameter("trim") {
        Entry::Trim {
            project: project.clone(),
            stream: stream_name,
            partition: number(&ask.parameter("partition").unwrap_or_else(|| "0".to_owned()))?,
            before: number(&before)?,
        }
    } else if ask.query.split('&').any(|part| part == "anew") {
        Entry::Anew {
            project: project.clone(),
            stream: stream_name,
        }
    } else if ask.query.split('&').any(|part| part == "expire") {
        book.expire_cursors(ask.now);
        return Ok(HuaweiAnswer::ok(json!({})));
    } else if let Some(data_type) = ask.parameter("data_type") {
        let delimiter = ask.parameter("delimiter");
        Entry::Form {
            project: project.clone(),
            stream: stream_name,
            form: StreamForm {
                data_type: Some(data_type),
                compression_format: ask.parameter("compression_format"),
                csv_properties: delimiter.map(|it| json!({"delimiter": it})),
            },
        }
    } else if let Some(looks) = ask.parameter("empty") {
        book.empty_looks(number(&looks)?);
        return Ok(HuaweiAnswer::ok(json!({})));
    } else {
        let text = "say split=N, merge=N,M, trim=NUMBER with partition=N, empty=LOOKS, data_type=TYPE, anew or expire";
        return Err(HuaweiAnswer::dis(4300, text));
    };
    stored(book.record(entry))?;
    let there = book.stream(&project, &stream);
    let states = there.into_iter().flat_map(|it| &it.partitions).map(|it| {
        json!({"oldest": it.oldest(), "next": it.end(), "status": it.status(), "parents": it.parents})
    });
    Ok(HuaweiAnswer::ok(
        json!({"partitions": states.collect::<Vec<Value>>()}),
    ))
}
