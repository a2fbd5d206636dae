//! Faults on the way to the platform and back, and replies in the forms that they have on the wire.
//!
//! Every reply goes through the real coding and the real judgement, so what a fault means for the
//! client is not decided here.

use crate::domain::{Judged, Verdict};
use crate::protocol::messages::{DataError, Status, WriteResponse};
use crate::protocol::{CONTENT_TYPE_JSON, CONTENT_TYPE_PROTOBUF, Mask, judge, judge_beginning};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use prost::Message;
use rand::Rng;
use rand::rngs::StdRng;

/// What the platform says.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// 0 is success.
    pub(super) code: i32,
    message: String,
    errors: Vec<DataError>,
}

impl Answer {
    /// A code with its text.
    pub(super) fn of(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            errors: Vec::new(),
        }
    }

    /// Code 1001.
    pub(super) fn part_refused(errors: Vec<DataError>) -> Self {
        Self {
            errors,
            ..Self::of(1001, "part data occur error")
        }
    }
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Fault {
    /// It arrives and so does its answer.
    None,
    /// No byte of it leaves.
    NotSent,
    /// The connection is cut before it arrives.
    Reset,
    /// A gateway's 503 in its place; it does not arrive.
    Gateway503,
    /// It arrives, its answer does not.
    CutReply,
    /// It arrives, its answer breaks off behind the status.
    CutList,
    /// It arrives, its answer is replaced with a page 502.
    Page502,
    /// It arrives, its answer is replaced with a page 504 around the right body.
    Page504,
    /// It arrives, its answer is replaced with a login page and status 200.
    LoginPage,
    /// The client gives up; it arrives long after.
    Late,
    /// Refused: 429.
    Throttled,
    /// Refused: 500 as a code in the body.
    Code500,
    /// 500 with nothing readable; it did not arrive.
    Bare500,
    /// Refused: the credentials.
    Unauthorized,
    /// Refused: the platform clears the date.
    Cleaning,
    /// Refused: the stage is closed.
    StageClosed,
    /// Refused with a code that is in no list.
    Odd,
    /// Its id is known from somewhere else; said once.
    Foreign,
}

impl Fault {
    /// All that random schedules choose from.
    pub(super) const RANDOM: [Self; 16] = [
        Self::NotSent,
        Self::Reset,
        Self::Gateway503,
        Self::CutReply,
        Self::CutList,
        Self::Page502,
        Self::Page504,
        Self::LoginPage,
        Self::Late,
        Self::Throttled,
        Self::Code500,
        Self::Bare500,
        Self::Unauthorized,
        Self::Cleaning,
        Self::StageClosed,
        Self::Odd,
    ];

    /// Whether the platform gets to see the request.
    pub(super) const fn arrives(self) -> bool {
        matches!(
            self,
            Self::None
                | Self::CutReply
                | Self::CutList
                | Self::Page502
                | Self::Page504
                | Self::LoginPage
                | Self::Late
        )
    }

    /// What the client makes of a request that the platform did not see.
    pub(super) fn instead(self, rng: &mut StdRng) -> Judged {
        match self {
            Self::NotSent => Judged::without_response(Verdict::NotSent, "refused"),
            Self::Gateway503 => page(503, "Service Unavailable"),
            Self::Bare500 => page(500, "Internal Server Error"),
            Self::Throttled if rng.random() => page(429, "slow down"),
            Self::Throttled => reply(&Answer::of(429, "Too many requests"), rng),
            Self::Code500 => reply(&Answer::of(500, "Internal error encountered."), rng),
            Self::Unauthorized => reply(&Answer::of(401, "Auth fail"), rng),
            Self::Cleaning => reply(
                &Answer::of(400, "Syncing or ack is not allowed when data cleaning."),
                rng,
            ),
            Self::StageClosed => reply(
                &Answer::of(400, "Syncing is end or not start in stage(x)"),
                rng,
            ),
            Self::Odd => reply(&Answer::of(410, "gone"), rng),
            Self::Foreign => reply(&Answer::of(409, "Duplicate submission"), rng),
            _ => Judged::without_response(Verdict::Unknown, "connection reset"),
        }
    }

    /// What the client makes of the platform's answer after it went through this.
    pub(super) fn on_the_way_back(self, answer: &Answer, rng: &mut StdRng) -> Judged {
        match self {
            Self::CutReply | Self::Late => {
                Judged::without_response(Verdict::Unknown, "connection closed")
            }
            Self::CutList => cut_behind_the_status(answer),
            Self::Page502 => page(502, "Bad Gateway"),
            Self::Page504 => judged(504, CONTENT_TYPE_PROTOBUF, &protobuf(answer)),
            Self::LoginPage => page(200, "<html>Please log in</html>"),
            _ => reply(answer, rng),
        }
    }
}

/// An answer as the platform writes it: in either form, its code in the body and perhaps also as
/// the status of HTTP.
fn reply(answer: &Answer, rng: &mut StdRng) -> Judged {
    let as_status = matches!(answer.code, 400 | 401 | 409 | 413 | 429 | 500) && rng.random();
    let status = if as_status {
        u16::try_from(answer.code).unwrap()
    } else {
        200
    };
    if rng.random() {
        judged(status, CONTENT_TYPE_PROTOBUF, &protobuf(answer))
    } else {
        judged(status, CONTENT_TYPE_JSON, &json(answer))
    }
}

fn protobuf(answer: &Answer) -> Vec<u8> {
    WriteResponse {
        status: Some(Status {
            code: answer.code,
            message: answer.message.clone(),
            success: answer.code == 0,
        }),
        errors: answer.errors.clone(),
    }
    .encode_to_vec()
}

/// What the client makes of a reply whose list never came.
fn cut_behind_the_status(answer: &Answer) -> Judged {
    let beginning = protobuf(&Answer {
        errors: Vec::new(),
        ..answer.clone()
    });
    let verdict = judge_beginning(200, &HeaderMap::new(), &beginning, false);
    Judged::without_response(verdict.unwrap_or(Verdict::Unknown), "the reply broke off")
}

fn json(answer: &Answer) -> Vec<u8> {
    let errors: Vec<_> = answer
        .errors
        .iter()
        .map(|error| serde_json::json!({"message": error.message, "data": error.data}))
        .collect();
    let status = serde_json::json!({"code": answer.code, "message": answer.message});
    serde_json::json!({"status": status, "errors": errors})
        .to_string()
        .into_bytes()
}

fn page(status: u16, text: &str) -> Judged {
    judged(status, "text/html", text.as_bytes())
}

fn judged(status: u16, content_type: &'static str, body: &[u8]) -> Judged {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let now = chrono::DateTime::UNIX_EPOCH;
    judge(status, &headers, body, now, &Mask::default())
}
