//! What an answer, or the lack of one, means for a batch.

use chrono::{DateTime, Utc};
use std::time::Duration;

/// One entry of the list `errors` of a reply with code 1001 (D108601).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The platform's reason.
    pub message: String,
    /// The refused row as JSON text, as the platform repeats it.
    pub data: String,
}

/// State of a date that makes the platform refuse data or `done` (D73620).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DateState {
    /// `done` was received (or the date's sync failed); a re-sync in the console reopens it.
    Acked,
    /// The platform is clearing the date; passes by itself within minutes.
    DataCleaning,
    /// The date is finished.
    Done,
    /// The date's sync failed.
    Failed,
    /// The date was skipped.
    Skipped,
    /// Real-time data of the date is cut off.
    RealtimeCutoff,
}

/// A setting that the platform does not accept (D73620): no row of such a request is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetupFault {
    /// Unknown application id or path.
    Application,
    /// Unknown topic.
    Topic,
    /// The stage is not open.
    Stage,
    /// Wrong tenant, or no table definition yet.
    Schema,
}

/// What is known about a request after it was tried. One line of `cli.md` section 4 each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// HTTP 2xx with a status object, code 0 or absent: everything was stored.
    Accepted,
    /// Code 1001: some rows were refused. The list may be empty or a sample.
    PartRefused(Vec<RowError>),
    /// Code 1001, but the reply broke off before its list was read: rows were refused, and which is
    /// not known yet. Asked again under the same id; a 409 then does not mean that all is stored.
    RefusalUnread,
    /// 429: nothing was stored; slow down.
    Throttled,
    /// A parsed 5xx code: nothing was stored; temporary.
    ServerError,
    /// The request may have been stored: timeout, cut connection, unreadable reply, 408, bare 500,
    /// 502, 503, 504.
    Unknown,
    /// No byte of the request left this machine: DNS, connect, TLS.
    NotSent,
    /// 409: a request with this Request-Id was received before.
    Duplicate,
    /// 413: too many rows or bytes.
    TooLarge,
    /// A 400 that names the state of the date.
    Date(DateState),
    /// A 400 that names a wrong setting.
    Setup(SetupFault),
    /// A 400 that can only be this program's own mistake (empty body, malformed date).
    ClientBug,
    /// 401 or 403.
    Unauthorized,
    /// A 400 that is in no list: perhaps one row spoils the batch.
    PoisonSuspected,
    /// 404: nothing was stored; the path or what stands in front of the platform is wrong.
    NotFound,
    /// Anything that no other line names (3xx, 405, 410, an unknown code): never guessed, so the
    /// request may have been stored.
    Unexpected,
}

/// A verdict with the facts that messages, back-off and signing need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What it means.
    pub verdict: Verdict,
    /// HTTP status, when there was a response.
    pub http_status: Option<u16>,
    /// `status.code` of the reply, when it could be read and was not 0.
    pub code: Option<i32>,
    /// The platform's or the network's words, bounded in length, for people.
    pub message: String,
    /// `Retry-After`, when the server sent one.
    pub retry_after: Option<Duration>,
    /// The server's clock by its `Date` header.
    pub server_time: Option<DateTime<Utc>>,
}

impl Judged {
    /// A verdict about a request that got no response.
    pub fn without_response(verdict: Verdict, message: impl Into<String>) -> Self {
        Self {
            verdict,
            http_status: None,
            code: None,
            message: message.into(),
            retry_after: None,
            server_time: None,
        }
    }
}
