//! HTTP requests to handlers and answers to HTTP responses.
//!
//! The data API goes through quota, faults and latency; pages and the sandbox's own endpoints do
//! not. Also answers the SDKs' ping and metrics calls, which carry no data.

use super::connection::Cut;
use super::delivery::Delivery;
use super::exchange::{self, Received};
use super::faults::{FaultKind, FaultOn};
use super::history::RequestState;
use super::{Sandbox, admin, body, huawei};
use crate::protocol::{ReceivedCall, ReceivedMethod};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinError;

/// The body of a response.
pub(super) type ReplyBody = BoxBody<Bytes, io::Error>;

/// Longest wait of a client that the fault `hang` hit; then its connection is cut.
const MAX_HANG: Duration = Duration::from_secs(900);

/// What the fault `garbage` sends: no protobuf, no JSON, no text.
const GARBAGE: &[u8] = b"\xff\xfe\x07\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80";

/// Answers one request. Never fails: a fault that leaves no answer cuts the connection instead.
pub(super) async fn answer(
    sandbox: Arc<Sandbox>,
    cut: Arc<Cut>,
    request: Request<Incoming>,
) -> Result<Response<ReplyBody>, Infallible> {
    let path = request.uri().path();
    let response = match (request.method(), path) {
        (_, path) if path.starts_with("/data/") => data_call(sandbox, &cut, request).await,
        (_, path) if huawei::is_path(path) => huawei::call(sandbox, &cut, request).await,
        (&Method::GET, "/") => admin::page(),
        (&Method::GET, "/sandbox/state") => admin::state(&sandbox),
        (&Method::GET, "/sandbox/traffic") => admin::traffic(&sandbox),
        (&Method::GET, "/sandbox/metadata") => admin::metadata(&sandbox),
        (&Method::GET, "/sandbox/rows") => admin::rows(&sandbox, request.uri().query()),
        (&Method::POST, "/sandbox/records" | "/sandbox/stream") => {
            huawei::control(sandbox, request).await
        }
        (&Method::POST, "/sandbox/reset") => admin::reset(&sandbox),
        (&Method::POST, "/sandbox/limits") => admin::limits(&sandbox, request.uri().query()),
        // Availability check of older SDKs; metrics reports of all of them.
        (_, "/predict/api/ping" | "/api/counter" | "/api/put") => {
            respond(StatusCode::OK, "text/plain", Bytes::new())
        }
        _ => page(StatusCode::NOT_FOUND),
    };
    Ok(response)
}

async fn data_call(
    sandbox: Arc<Sandbox>,
    cut: &Cut,
    request: Request<Incoming>,
) -> Response<ReplyBody> {
    let (parts, incoming) = request.into_parts();
    let call = parts
        .uri
        .path_and_query()
        .and_then(|path_and_query| ReceivedCall::parse(path_and_query.as_str()));
    let exposed = call.as_ref().and_then(|call| match call.method {
        ReceivedMethod::Write { .. } => Some(FaultOn::Write),
        ReceivedMethod::Done { .. } => Some(FaultOn::Done),
        ReceivedMethod::ListOperations | ReceivedMethod::GetOperation => None,
    });
    let arrival = sandbox.traffic().arrive(&sandbox.settings, exposed);
    if arrival.dice.fault == Some(FaultKind::ResetBefore) {
        let fault = FaultKind::ResetBefore;
        let seen = RequestState {
            what: exchange::name_of(call.as_ref(), parts.uri.path(), None),
            fault: Some(fault.to_string()),
            ..RequestState::default()
        };
        sandbox.traffic().count_fault(fault);
        sandbox.traffic().note(arrival.at, seen);
        return end(cut).await;
    }
    let received = Received {
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        call,
        arrival,
        body: body::read(incoming).await,
    };
    let format = received.reply_format();
    // The semaphore is never closed; without a permit there is only less of a bound.
    let permit = sandbox.parsing.acquire().await;
    let worker = Arc::clone(&sandbox);
    let handled = tokio::task::spawn_blocking(move || exchange::handle(&worker, &received)).await;
    drop(permit);
    tokio::time::sleep(arrival.dice.delay).await;
    deliver(cut, handled, format.content_type(), |answer| {
        respond(
            answer.http_status(),
            format.content_type(),
            answer.encode(format).into(),
        )
    })
    .await
}

/// Sends what was decided, or does what a fault wants instead.
pub(super) async fn deliver<A>(
    cut: &Cut,
    decided: Result<Delivery<A>, JoinError>,
    content_type: &'static str,
    render: impl FnOnce(A) -> Response<ReplyBody>,
) -> Response<ReplyBody> {
    match decided {
        Ok(Delivery::Reply(answer)) => render(answer),
        Ok(Delivery::Page(code)) => {
            page(StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY))
        }
        Ok(Delivery::Garbage) => respond(StatusCode::OK, content_type, Bytes::from_static(GARBAGE)),
        Ok(Delivery::Cut) => end(cut).await,
        Ok(Delivery::Hang) => {
            tokio::time::sleep(MAX_HANG).await;
            end(cut).await
        }
        Err(error) => {
            tracing::error!(%error, "handling a request failed unexpectedly");
            page(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// Cuts the connection; the task that waits here is dropped with it.
pub(super) async fn end(cut: &Cut) -> Response<ReplyBody> {
    cut.order();
    std::future::pending().await
}

/// A response with a whole body.
pub(super) fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
) -> Response<ReplyBody> {
    stream(
        status,
        content_type,
        Full::new(body).map_err(|never| match never {}).boxed(),
    )
}

/// A response with any body.
pub(super) fn stream(
    status: StatusCode,
    content_type: &'static str,
    body: ReplyBody,
) -> Response<ReplyBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    response
}

/// The error page of a gateway: HTML, nothing of the protocol.
fn page(status: StatusCode) -> Response<ReplyBody> {
    let text = format!(
        "<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>\n"
    );
    respond(status, "text/html", text.into())
}
