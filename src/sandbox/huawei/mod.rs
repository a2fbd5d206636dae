//! Huawei's services beside the data API: DIS below `/v2`, the metadata of `DataArts` Studio below `/v1`.
//!
//! Streams are made on first use; apps are not, as the service refuses checkpoints of an unknown app. These
//! calls have no part in the data API's quotas: their own are unpublished. The order of checks is that of the
//! data API: signature, faults that store nothing, the call itself, faults that swallow its answer.

mod answer;
mod book;
mod control;
mod cursor;
mod dis;
mod entry;
mod metadata;
mod partition;
mod records;

pub(super) use book::Book;
pub(super) use control::control;

use super::body::{self, BodyFault};
use super::connection::Cut;
use super::delivery::Delivery;
use super::faults::{Dice, FaultKind};
use super::service::{ReplyBody, deliver, end};
use super::{Sandbox, huawei::answer::HuaweiAnswer};
use crate::protocol::huawei::{HuaweiRequest, MAX_GATEWAY_BYTES, ProjectId};
use crate::protocol::sign::SignatureFault;
use bytes::Bytes;
use chrono::Utc;
use http::{HeaderMap, Method, Request, Response, Uri, header};
use hyper::body::Incoming;
use std::io;
use std::sync::Arc;

/// Whether a path belongs to one of Huawei's services.
pub(super) fn is_path(path: &str) -> bool {
    path.starts_with("/v1/") || path.starts_with("/v2/")
}

/// A request that has arrived completely.
struct Received {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    dice: Dice,
    body: Result<Bytes, BodyFault>,
}

/// Answers one request.
pub(super) async fn call(
    sandbox: Arc<Sandbox>,
    cut: &Cut,
    request: Request<Incoming>,
) -> Response<ReplyBody> {
    let dice = sandbox.traffic().arrive_at_huawei(&sandbox.settings);
    if dice.fault == Some(FaultKind::ResetBefore) {
        sandbox.traffic().count_fault(FaultKind::ResetBefore);
        return end(cut).await;
    }
    let (parts, incoming) = request.into_parts();
    let received = Received {
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        dice,
        body: body::read(incoming).await,
    };
    // The semaphore is never closed; without a permit there is only less of a bound.
    let permit = sandbox.parsing.acquire().await;
    let worker = Arc::clone(&sandbox);
    let handled = tokio::task::spawn_blocking(move || handle(&worker, &received)).await;
    drop(permit);
    tokio::time::sleep(dice.delay).await;
    let request_id = uuid::Uuid::new_v4().simple().to_string();
    deliver(cut, handled, "application/json", |answer: HuaweiAnswer| {
        answer.render(&request_id)
    })
    .await
}

/// Decides what becomes of a request.
fn handle(sandbox: &Sandbox, received: &Received) -> Delivery<HuaweiAnswer> {
    let body = match authentic_body(sandbox, received) {
        Ok(body) => body,
        Err(refusal) => return Delivery::Reply(refusal),
    };
    let path = received.uri.path();
    if let Some(fault) = received.dice.fault {
        let early = Delivery::before_storing(fault, |code| status_fault(path, code));
        if early.is_some() || fault.is_late() {
            sandbox.traffic().count_fault(fault);
        }
        if let Some(delivery) = early {
            return delivery;
        }
    }
    let answer = perform(sandbox, received, body).unwrap_or_else(|refusal| refusal);
    let late = received.dice.fault.and_then(Delivery::after_storing);
    late.unwrap_or(Delivery::Reply(answer))
}

/// What the fault `status:CODE` means here: DIS has its codes in HTTP 400, `DataArts` says no with 200.
fn status_fault(path: &str, code: i32) -> HuaweiAnswer {
    if path.starts_with("/v1/") {
        return HuaweiAnswer::ok(serde_json::json!({"success": false}));
    }
    HuaweiAnswer::dis(code, "the sandbox was asked for this fault")
}

/// The body of a request whose signature or token holds.
fn authentic_body<'a>(
    sandbox: &Sandbox,
    received: &'a Received,
) -> Result<&'a Bytes, HuaweiAnswer> {
    let too_large = || {
        HuaweiAnswer::refused(
            413,
            "APIGW.0201",
            "Request entity too large: at most 12 MB.",
        )
    };
    let body = match &received.body {
        Ok(body) if body.len() > MAX_GATEWAY_BYTES => return Err(too_large()),
        Ok(body) => body,
        Err(BodyFault::TooLarge) => return Err(too_large()),
        Err(BodyFault::Broken) => {
            return Err(HuaweiAnswer::refused(
                400,
                "APIGW.0201",
                "Bad request: incomplete body.",
            ));
        }
    };
    let headers: Vec<(&str, &str)> = received
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    // HTTP/2 carries the authority in the URI, HTTP/1.1 in a header.
    let authority = received.uri.authority().map(http::uri::Authority::as_str);
    let authority = authority.or_else(|| received.headers.get(header::HOST)?.to_str().ok());
    let request = HuaweiRequest {
        method: received.method.as_str(),
        host: authority.unwrap_or_default(),
        path: received.uri.path(),
        query: received.uri.query().unwrap_or_default(),
        headers: &headers,
        body,
    };
    let mut faults = sandbox
        .huawei_credentials
        .iter()
        .map(|known| known.verify(&request, Utc::now()));
    let by_key = faults.next().unwrap_or(Err(SignatureFault::Missing));
    let by_token = faults.next().unwrap_or(Err(SignatureFault::Missing));
    match (by_key, by_token) {
        (Ok(()), _) | (_, Ok(())) => Ok(body),
        (Err(SignatureFault::Missing), Err(fault)) | (Err(fault), _) => {
            let text = format!("Incorrect IAM authentication information: {fault}");
            Err(HuaweiAnswer::refused(401, "APIGW.0301", text))
        }
    }
}

fn perform(
    sandbox: &Sandbox,
    received: &Received,
    body: &Bytes,
) -> Result<HuaweiAnswer, HuaweiAnswer> {
    let unknown = || {
        HuaweiAnswer::refused(
            404,
            "APIGW.0101",
            "The API does not exist or has not been published in the environment",
        )
    };
    // The older SDKs end paths with a slash.
    let path = received.uri.path().trim_end_matches('/');
    let mut parts = path.split('/').skip(1);
    let version = parts.next().unwrap_or_default();
    let project: ProjectId = parts
        .next()
        .unwrap_or_default()
        .parse()
        .map_err(|_| HuaweiAnswer::dis(4117, "Invalid Project Id."))?;
    let rest: Vec<&str> = parts.collect();
    let mut book = sandbox.huawei();
    match (version, rest.as_slice()) {
        ("v1", ["metadata", "async-bulk"]) if received.method == Method::POST => {
            metadata::take(&mut book, project.as_str(), body)
        }
        ("v2", rest) => {
            let ask = dis::Ask {
                project: project.as_str(),
                method: &received.method,
                path: rest,
                query: received.uri.query().unwrap_or_default(),
                body,
                now: Utc::now().timestamp_millis(),
            };
            dis::answer(&mut book, &ask).unwrap_or_else(|| Err(unknown()))
        }
        _ => Err(unknown()),
    }
}

/// What could not be kept: the reason is for whoever runs the sandbox.
fn stored(result: io::Result<()>) -> Result<(), HuaweiAnswer> {
    result.map_err(|error| {
        tracing::error!(%error, "the sandbox could not store a request; check its data directory");
        HuaweiAnswer::refused(500, "DIS.5000", "System error.")
    })
}
