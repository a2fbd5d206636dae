//! One request of the data API, from its headers and body to what goes back.
//!
//! Order: signature, quota, faults that store nothing, the call itself, faults that swallow its
//! answer. So a fault never hides a wrong signature or a broken quota from a test. Runs on a thread
//! that may block; sends nothing itself.

use super::Sandbox;
use super::answer::{Answer, ReplyFormat};
use super::body::{self, BodyFault, MAX_BODY_BYTES, RowList};
use super::calls::{self, Caller, Scene};
use super::dates;
use super::faults::FaultKind;
use super::history::RequestState;
use super::traffic::Arrival;
use crate::domain::MAX_BATCH_ROWS;
use crate::protocol::sign::{RequestToSign, payload_digest, verify};
use crate::protocol::{ReceivedCall, ReceivedMethod, inflate};
use bytes::Bytes;
use chrono::Utc;
use http::{HeaderMap, Method, Uri, header};
use std::borrow::Cow;

/// A request that has arrived completely.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    /// What is asked; `None` when the path is none of the data API's.
    pub(super) call: Option<ReceivedCall>,
    pub(super) arrival: Arrival,
    /// The bytes on the wire.
    pub(super) body: Result<Bytes, BodyFault>,
}

/// What goes back to the client.
#[derive(Debug)]
pub(super) enum Delivery {
    /// An answer in the platform's terms.
    Reply(Answer),
    /// This HTTP status and an HTML page, as a gateway would send.
    Page(u16),
    /// HTTP 200 with bytes that no decoder takes.
    Garbage,
    /// Nothing; the connection is reset.
    Cut,
    /// Nothing at all.
    Hang,
}

/// HTTP statuses that tell a client for certain that its request was refused (the client's rules,
/// `byteair-api.md` 6.2).
const DEFINITE_HTTP: [u16; 6] = [400, 401, 403, 404, 413, 429];

/// Rows of a request that are kept for storing; one with more is refused, so the rest only counts.
const MAX_KEPT_ROWS: usize = 10_000;
const _: () = assert!(MAX_BATCH_ROWS == 10_000, "a whole batch must be kept");

/// Decides what becomes of a request, and notes it for those who watch.
pub(super) fn handle(sandbox: &Sandbox, received: &Received) -> Delivery {
    let mut seen = RequestState {
        what: name_of(
            received.call.as_ref(),
            received.uri.path(),
            received.header("content-date"),
        ),
        ..RequestState::default()
    };
    let delivery = decide(sandbox, received, &mut seen);
    sandbox.traffic().note(received.arrival.at, seen);
    delivery
}

/// A request in a few words. Its parts come from outside.
pub(super) fn name_of(call: Option<&ReceivedCall>, path: &str, date: Option<&str>) -> String {
    match call.map(|call| &call.method) {
        Some(ReceivedMethod::Write { topic, stage }) => {
            format!("write {topic} {stage} {}", date.unwrap_or_default())
        }
        Some(ReceivedMethod::Done { topic, stage }) => format!("done {topic} {stage}"),
        Some(ReceivedMethod::ListOperations | ReceivedMethod::GetOperation) | None => {
            path.to_owned()
        }
    }
}

fn decide(sandbox: &Sandbox, received: &Received, seen: &mut RequestState) -> Delivery {
    let caller = received.caller();
    let answer = match plain_body(sandbox, received) {
        Err(refusal) => refusal,
        Ok(plain) => {
            let list = match received.method() {
                Some(ReceivedMethod::Write { .. }) => body::split_rows(&plain, MAX_KEPT_ROWS),
                _ => None,
            };
            seen.rows = list.as_ref().map_or(0, |list| list.count);
            if let Some(refusal) = over_quota(sandbox, received, seen.rows) {
                refusal
            } else if let Some(delivery) = early_fault(sandbox, received, caller.as_ref().ok()) {
                seen.fault = received.arrival.dice.fault.map(|fault| fault.to_string());
                return delivery;
            } else {
                caller
                    .clone()
                    .and_then(|caller| perform(sandbox, received, &caller, &plain, list.as_ref()))
                    .unwrap_or_else(|refusal| refusal)
            }
        }
    };
    seen.code = Some(answer.code());
    if let Some(fault) = late_fault(received) {
        sandbox.traffic().count_fault(fault);
        seen.fault = Some(fault.to_string());
        match fault {
            FaultKind::LostReply => return Delivery::Cut,
            FaultKind::LostReplyHttp(code) => return Delivery::Page(code),
            FaultKind::Garbage => return Delivery::Garbage,
            _ => {}
        }
    }
    if answer.code() != 0 {
        sandbox.traffic().count_refusal(answer.code());
        // Nobody was authenticated at 401; 409 and 1001 occupy the id already.
        if !matches!(answer.code(), 401 | 409 | 1001) {
            remember_refused(sandbox, received, caller.as_ref().ok());
        }
    }
    Delivery::Reply(answer)
}

/// The body of a request whose signature holds, inflated.
fn plain_body<'a>(sandbox: &Sandbox, received: &'a Received) -> Result<Cow<'a, [u8]>, Answer> {
    let body = match &received.body {
        Ok(body) => body,
        Err(BodyFault::TooLarge) => {
            let mebibytes = MAX_BODY_BYTES / (1024 * 1024);
            let text = format!("The request body is larger than {mebibytes} MiB.");
            return Err(Answer::refused(413, text));
        }
        Err(BodyFault::Broken) => {
            return Err(Answer::refused(400, "The request body is incomplete."));
        }
    };
    received.verify_signature(sandbox, body)?;
    // Damaged, of another encoding, or a bomb: the platform's words for these are not known.
    inflate(received.header("content-encoding"), body, MAX_BODY_BYTES).map_err(|_| {
        let text = "The request body does not match its Content-Encoding, or is too large.";
        Answer::refused(400, text)
    })
}

/// The refusal of a request that does not fit the quotas, as of its arrival.
fn over_quota(sandbox: &Sandbox, received: &Received, rows: u64) -> Option<Answer> {
    let mut traffic = sandbox.traffic();
    let within_rows = traffic.rows.admit(received.arrival.at, rows);
    if received.arrival.within_quota && within_rows {
        return None;
    }
    Some(Answer::refused(
        429,
        format!(
            "Too many requests: at most {} requests and {} rows in one second, please retry later and send less.",
            traffic.requests.limit(),
            traffic.rows.limit()
        ),
    ))
}

fn perform(
    sandbox: &Sandbox,
    received: &Received,
    caller: &Caller,
    plain: &[u8],
    list: Option<&RowList<'_>>,
) -> Result<Answer, Answer> {
    let content_type = received
        .header("content-type")
        .unwrap_or_default()
        .to_ascii_lowercase();
    match received.method() {
        None => Err(calls::unknown_application(received.application())),
        Some(ReceivedMethod::Write { .. }) if !content_type.contains("json") => {
            let text = "The 'Content-Type' of a write must be application/json.";
            Err(Answer::refused(400, text))
        }
        Some(ReceivedMethod::Write { topic, stage }) => {
            let date = received.header("content-date");
            calls::write(sandbox, caller, Scene { topic, stage }, date, list)
        }
        Some(ReceivedMethod::Done { topic, stage }) => {
            let named = if content_type.contains("protobuf") {
                dates::protobuf_done_dates(plain)?
            } else {
                dates::json_done_dates(plain)?
            };
            calls::done(sandbox, caller, Scene { topic, stage }, named)
        }
        // There are none: they belong to the retired import API.
        Some(ReceivedMethod::ListOperations) => Ok(Answer::ok()),
        Some(ReceivedMethod::GetOperation) => {
            Err(Answer::refused(410, "Operation information is lost."))
        }
    }
}

/// Faults that keep the request from being stored.
fn early_fault(
    sandbox: &Sandbox,
    received: &Received,
    caller: Option<&Caller>,
) -> Option<Delivery> {
    let fault = received.arrival.dice.fault?;
    let delivery = match fault {
        FaultKind::Http(code) => Delivery::Page(code),
        FaultKind::Status(code) => Delivery::Reply(Answer::refused(
            code,
            "the sandbox was asked for this fault",
        )),
        FaultKind::ResetAfter => Delivery::Cut,
        FaultKind::Hang => Delivery::Hang,
        _ => return None,
    };
    sandbox.traffic().count_fault(fault);
    let definite = match fault {
        FaultKind::Http(code) => DEFINITE_HTTP.contains(&code),
        FaultKind::Status(code) => code != 409,
        _ => false,
    };
    if definite {
        remember_refused(sandbox, received, caller);
    }
    Some(delivery)
}

/// A fault that strikes after the request was judged, and stored if it was good.
fn late_fault(received: &Received) -> Option<FaultKind> {
    let is_late = |fault: &FaultKind| {
        matches!(
            fault,
            FaultKind::LostReply
                | FaultKind::LostReplyHttp(_)
                | FaultKind::Garbage
                | FaultKind::Slow
        )
    };
    received.arrival.dice.fault.filter(is_late)
}

/// Lets a refused request occupy its id, if that was asked for and the client is sure to see the
/// refusal: a slow answer may come too late for it.
fn remember_refused(sandbox: &Sandbox, received: &Received, caller: Option<&Caller>) {
    let slow = received.arrival.dice.fault == Some(FaultKind::Slow);
    if let Some(caller) = caller
        && sandbox.settings.remember_refused
        && !slow
        && let Err(error) = sandbox
            .store()
            .remember_refused(&caller.target, &caller.request_id)
    {
        tracing::error!(%error, "the sandbox could not store a request id; check its data directory");
    }
}

impl Received {
    /// The form in which the client wants its reply.
    pub(super) fn reply_format(&self) -> ReplyFormat {
        ReplyFormat::wanted(&self.headers)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn method(&self) -> Option<&ReceivedMethod> {
        self.call.as_ref().map(|call| &call.method)
    }

    fn application(&self) -> &str {
        self.call
            .as_ref()
            .map_or("", |call| call.application.as_str())
    }

    fn caller(&self) -> Result<Caller, Answer> {
        let (tenant, id) = (self.header("tenant-id"), self.header("request-id"));
        Caller::new(self.application(), tenant, id)
    }

    /// HTTP/2 carries the authority in the URI, HTTP/1.1 in a header.
    fn verify_signature(&self, sandbox: &Sandbox, body: &Bytes) -> Result<(), Answer> {
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect();
        let authority = self.uri.authority().map(http::uri::Authority::as_str);
        let authority = authority.or_else(|| self.headers.get(header::HOST)?.to_str().ok());
        let request = RequestToSign {
            method: self.method.as_str(),
            authority: authority.unwrap_or_default(),
            path: self.uri.path(),
            query: self.uri.query().unwrap_or_default(),
            headers: &headers,
            body,
            payload_sha256: &payload_digest(body),
        };
        verify(&request, &sandbox.credentials, Utc::now())
            .map_err(|fault| Answer::refused(401, format!("Auth fail, {fault}")))
    }
}
