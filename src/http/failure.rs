//! Attempts that ended without a reply: did anything leave this machine?
//!
//! Only a failure to connect is known to have sent nothing. Everything else may have been stored,
//! also when the time ran out, because the request may lie in the server's queue.

use super::connect::Host;
use crate::domain::{Judged, Verdict};
use crate::protocol::{MAX_REPLY_BYTES, bound_message};
use std::error::Error;

/// An attempt without a reply.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) verdict: Verdict,
    http_status: Option<u16>,
    message: String,
    timed_out: bool,
}

impl Failure {
    /// The request failed before a response began.
    pub(super) fn of_request(host: &Host, error: &reqwest::Error) -> Self {
        let authority = &host.authority;
        let cause = deepest_cause(error);
        let way = by_way_of(host);
        let (verdict, message) = if error.is_dns() {
            let message = format!("cannot find the address of {authority}{way}: {cause}");
            (Verdict::NotSent, message)
        } else if error.is_connect() {
            let hint = scheme_hint(&cause);
            let message = format!("cannot connect to {authority}{way}: {cause}{hint}");
            (Verdict::NotSent, message)
        } else if error.is_builder() {
            let message = format!("cannot build the request to {authority}: {cause}");
            (Verdict::NotSent, message)
        } else if error.is_timeout() {
            let message = format!("no reply from {authority} in time; see --timeout");
            (Verdict::Unknown, message)
        } else {
            let hint = plain_hint(host, &cause);
            let message = format!("the connection to {authority} was lost: {cause}{hint}");
            (Verdict::Unknown, message)
        };
        Self {
            verdict,
            http_status: None,
            message,
            timed_out: error.is_timeout(),
        }
    }

    /// Whether a request that may have arrived was waited for in vain.
    pub(super) fn ran_out_of_time(&self) -> bool {
        self.timed_out && self.verdict != Verdict::NotSent
    }

    /// Why there was no response, in the words of the platform's SDKs.
    pub(super) fn in_words_of_the_sdks(&self) -> &'static str {
        match (self.timed_out, &self.verdict) {
            (true, Verdict::NotSent) => "connect-timeout",
            (true, _) => "read-timeout",
            (false, _) => "other",
        }
    }

    /// The response began but did not end.
    pub(super) fn of_reply(host: &Host, status: u16, error: &reqwest::Error) -> Self {
        let cause = deepest_cause(error);
        Self::unknown(
            status,
            format!("the reply of {} broke off: {cause}", host.authority),
        )
    }

    /// The response is larger than any reply of the platform.
    pub(super) fn reply_too_large(host: &Host, status: u16) -> Self {
        Self::unknown(
            status,
            format!(
                "the reply of {} is larger than {MAX_REPLY_BYTES} bytes",
                host.authority
            ),
        )
    }

    fn unknown(status: u16, message: String) -> Self {
        Self {
            verdict: Verdict::Unknown,
            http_status: Some(status),
            message,
            timed_out: false,
        }
    }

    /// The same, when what was read of the reply says more.
    pub(super) fn with_verdict(mut self, verdict: Option<Verdict>) -> Self {
        self.verdict = verdict.unwrap_or(self.verdict);
        self
    }

    pub(super) fn into_judged(self) -> Judged {
        let mut judged = Judged::without_response(self.verdict, bound_message(&self.message));
        judged.http_status = self.http_status;
        judged
    }
}

/// The proxy is what fails as often as the host behind it.
fn by_way_of(host: &Host) -> String {
    let proxy = host.proxy.as_ref();
    proxy.map_or_else(String::new, |proxy| {
        format!(" by way of the proxy {proxy} (see --proxy)")
    })
}

/// What rustls says of a server that answers a TLS greeting in plain text.
fn scheme_hint(cause: &str) -> &'static str {
    if cause.contains("InvalidContentType") {
        "; it seems to speak plain http: see --scheme http"
    } else {
        ""
    }
}

/// What hyper says of a server that answers a plain request with a TLS alert.
fn plain_hint(host: &Host, cause: &str) -> &'static str {
    if host.origin.starts_with("http:") && cause.contains("invalid HTTP version") {
        "; it seems to speak TLS: use --scheme https, or check the port"
    } else {
        ""
    }
}

/// The error that began it; those around it repeat the URL or say less.
fn deepest_cause(error: &reqwest::Error) -> String {
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(deeper) = cause.and_then(Error::source) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| "no cause given".to_owned(), ToString::to_string)
}
