//! Errors of the library in words of this program.
//!
//! The text of such an error holds URLs, headers and replies, in which signatures and keys may
//! stand. Of all that, only codes on a list and causes below the HTTP client are repeated.

use super::services::variables;
use super::url::Scheme;
use super::{ObjectUrl, StoreFault, StoreTrouble};
use opendal::{Error, ErrorKind};
use std::error::Error as _;

/// What stores answer when they do not take the credentials.
const REFUSALS: [&str; 13] = [
    "AccessDenied",
    "AllAccessDisabled",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidObjectState",
    "InvalidToken",
    "InvalidSecurityToken",
    "RequestTimeTooSkewed",
    "RequestExpired",
    "SecurityTokenExpired",
    "SignatureDoesNotMatch",
    "AuthorizationHeaderMalformed",
    "status: 401",
];

/// What the answer means and what to do about it.
pub(super) fn explain(url: &ObjectUrl, error: &Error) -> StoreFault {
    let text = error.to_string();
    if let Some(cause) = network_cause(error) {
        let hint = if cause.contains("certificate") {
            "; --ca-cert names an authority of your own"
        } else {
            ""
        };
        return StoreFault::new(
            StoreTrouble::Temporary,
            format!("the store cannot be reached: {cause}{hint}; run the same command again later"),
        );
    }
    let code = REFUSALS.iter().find(|code| text.contains(*code));
    let variables = variables(url.scheme());
    if text.contains("NoSuchBucket") {
        return StoreFault::new(
            StoreTrouble::Usage,
            format!(
                "there is no bucket '{}' in this store; check its name and {variables}",
                url.authority()
            ),
        );
    }
    if error.kind() == ErrorKind::PermissionDenied || code.is_some() {
        let code = code.map_or("access denied", |code| code.trim_start_matches("status: "));
        return StoreFault::new(
            StoreTrouble::Refused,
            format!("the store refuses access ({code}); check {variables}, and the clock"),
        );
    }
    if text.contains("signing http request") || text.contains("reqsign") {
        return StoreFault::new(
            StoreTrouble::Usage,
            format!("no usable credentials were found for it; set {variables}"),
        );
    }
    by_kind(url, error, &text)
}

/// What the library's own sorting of answers means.
fn by_kind(url: &ObjectUrl, error: &Error, text: &str) -> StoreFault {
    let variables = variables(url.scheme());
    match error.kind() {
        ErrorKind::NotFound => {
            StoreFault::new(StoreTrouble::Missing, "the object is not there any more")
        }
        ErrorKind::ConditionNotMatch | ErrorKind::RangeNotSatisfied => StoreFault::new(
            StoreTrouble::Replaced,
            "the object is another one than the one that was found",
        ),
        ErrorKind::RateLimited => StoreFault::new(
            StoreTrouble::Temporary,
            "the store asks to slow down; run the same command again later",
        ),
        ErrorKind::Unsupported => StoreFault::new(
            StoreTrouble::Usage,
            "this kind of store cannot be listed or read in this way",
        ),
        ErrorKind::ConfigInvalid => StoreFault::new(
            StoreTrouble::Usage,
            format!("its settings are not accepted; check {variables}"),
        ),
        // The library tells neither kinds nor patience of Hadoop's own protocol.
        ErrorKind::Unexpected if url.scheme() == Scheme::Hdfs => StoreFault::new(
            StoreTrouble::Temporary,
            format!(
                "no name node could answer; check {variables}, then run the same command again"
            ),
        ),
        _ if error.is_temporary() => StoreFault::new(
            StoreTrouble::Temporary,
            format!(
                "the store failed{}; run the same command again later",
                status(text)
            ),
        ),
        _ => StoreFault::new(
            StoreTrouble::Other,
            format!(
                "the store gave an unexpected answer{}; check {variables}",
                status(text)
            ),
        ),
    }
}

/// Whether another attempt may come to something else.
pub(super) fn is_worth_another_try(error: &Error) -> bool {
    let is_tls = || network_cause(error).is_some_and(|cause| cause.contains("certificate"));
    error.is_temporary() && !is_tls()
}

/// The innermost cause below the HTTP client, when it was the network that failed.
fn network_cause(error: &Error) -> Option<String> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<reqwest::Error>() {
            let mut deepest = inner;
            while let Some(deeper) = deepest.source() {
                deepest = deeper;
            }
            return Some(deepest.to_string());
        }
        cause = inner.source();
    }
    None
}

/// The HTTP status in the text of an error.
fn status(text: &str) -> String {
    text.split_once("status: ")
        .map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect())
        .filter(|digits: &String| !digits.is_empty())
        .map_or_else(String::new, |digits| format!(" (HTTP {digits})"))
}
