//! Why a service did not do what it was asked, for people and for the exit status.

use crate::domain::{Judged, Verdict};
use crate::http::HuaweiReply;
use crate::protocol::huawei::{Refusal, RefusalKind};
use std::fmt;
use std::time::Duration;

/// What a fault is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// There was no whole response: not sent, or of unknown outcome.
    NoReply {
        /// Which of the two.
        verdict: Verdict,
        /// Why.
        message: String,
    },
    /// The service said no.
    Refused(Refusal),
    /// A success that does not say what was asked, or does not say that it is one.
    Unreadable(String),
}

/// Why a service did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What it is.
    pub cause: Cause,
    /// `host[:port]` of the service.
    pub host: String,
    /// By which Huawei's support finds the request.
    pub request_id: Option<String>,
    /// What the server asked for.
    pub retry_after: Option<Duration>,
}

impl Fault {
    pub(super) fn no_reply(host: &str, judged: Judged) -> Self {
        Self {
            cause: Cause::NoReply {
                verdict: judged.verdict,
                message: judged.message,
            },
            host: host.to_owned(),
            request_id: None,
            retry_after: None,
        }
    }

    pub(super) fn of(host: &str, reply: &HuaweiReply, cause: Cause) -> Self {
        Self {
            cause,
            host: host.to_owned(),
            request_id: reply.request_id.clone(),
            retry_after: reply.retry_after,
        }
    }

    /// What the service refused, if it did.
    pub fn refusal(&self) -> Option<RefusalKind> {
        match &self.cause {
            Cause::Refused(refusal) => Some(refusal.kind),
            _ => None,
        }
    }

    /// What it means for another attempt.
    pub fn verdict(&self) -> Verdict {
        match &self.cause {
            Cause::NoReply { verdict, .. } => verdict.clone(),
            Cause::Refused(refusal) => refusal.kind.verdict(),
            Cause::Unreadable(_) => Verdict::Unknown,
        }
    }

    /// Whether it says that what was sent cannot be taken as it is: so one bad event of many may be the
    /// cause.
    pub(super) fn is_about_events(&self) -> bool {
        self.refusal() == Some(RefusalKind::Request)
    }

    /// Whether one bad event may be the cause, or anything else.
    pub(super) fn may_be_one_event(&self) -> bool {
        self.refusal() == Some(RefusalKind::Unsuccessful)
    }

    /// Whether the service may have done it all the same.
    pub fn is_unknown(&self) -> bool {
        self.verdict() == Verdict::Unknown
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::NoReply { message, .. } => f.write_str(message)?,
            Cause::Unreadable(what) => {
                write!(f, "{} answered with success, but {what}", self.host)?;
            }
            Cause::Refused(refusal) => {
                let (words, advice) = (refusal.words(), refusal.kind.advice());
                let words = words.trim_end_matches('.');
                write!(f, "{} refuses: {words}; {advice}", self.host)?;
            }
        }
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}
