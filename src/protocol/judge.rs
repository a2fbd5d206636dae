//! What a response means for the batch or the done that it answers.
//!
//! One table for codes and one for the texts of code 400; `cli.md` section 4 in code. Whether a
//! verdict leads to another attempt is decided elsewhere. Anything that no line names is
//! [`Verdict::Unexpected`] and never guessed.

use super::beginning::begins_with_refused_rows;
use super::decode::{CODE_PART_REFUSED, MAX_REPLY_BYTES, Reply, Unreadable, decode_reply};
use super::mask::Mask;
use crate::domain::{DateState, Judged, SetupFault, Verdict};
use chrono::{DateTime, Utc};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderName, RETRY_AFTER};
use std::time::Duration;

/// Most characters that are kept of a message.
pub const MAX_MESSAGE_CHARS: usize = 500;

/// Longest `Retry-After` that is believed; longer ones are cut to it.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// What the beginning of a response says that was not read to its end: `too_large` when that was
/// its size, otherwise because it broke off. `None` leaves the outcome unknown.
pub fn judge_beginning(
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    too_large: bool,
) -> Option<Verdict> {
    let why = if too_large {
        Unreadable::TooLarge(MAX_REPLY_BYTES)
    } else {
        Unreadable::Form
    };
    let verdict = verdict_of_unreadable(status, headers, body, &why);
    matches!(verdict, Verdict::PartRefused(_) | Verdict::RefusalUnread).then_some(verdict)
}

/// Judges a response, read to its end, at the local time `now`. What the `mask` hides is in no text
/// of the verdict.
pub fn judge(
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    now: DateTime<Utc>,
    mask: &Mask,
) -> Judged {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let reply = decode_reply(text(CONTENT_TYPE), text(CONTENT_ENCODING), body)
        .map(|reply| with_short_reasons(reply, mask));
    let server_time = text(DATE).and_then(parse_http_date);
    let retry_after =
        text(RETRY_AFTER).and_then(|value| parse_retry_after(value, server_time.unwrap_or(now)));
    let (verdict, code, message) = match reply {
        Ok(reply) => {
            let (code, message) = (reply.code, reply.message.clone());
            (verdict(status, reply), code, message)
        }
        Err(why) => {
            let verdict = verdict_of_unreadable(status, headers, body, &why);
            (verdict, 0, format!("the reply cannot be read: {why}"))
        }
    };
    let message = bound_message(&mask.hide(&message));
    // A message of control characters alone says as little as none.
    let message = if message.is_empty() {
        format!("HTTP {status}, code {code}")
    } else {
        message
    };
    Judged {
        verdict,
        http_status: Some(status),
        code: (code != 0).then_some(code),
        message,
        retry_after,
        server_time,
    }
}

fn verdict(status: u16, reply: Reply) -> Verdict {
    match reply.code {
        _ if is_of_a_gateway(status) => Verdict::Unknown,
        0 if (200..=299).contains(&status) => Verdict::Accepted,
        0 => by_http_status(status),
        _ => by_code(reply),
    }
}

/// A gateway speaks for itself, whatever it repeats of a body (6.2).
const fn is_of_a_gateway(status: u16) -> bool {
    matches!(status, 408 | 502 | 503 | 504)
}

/// What a response means that is no reply, or not a whole one.
fn verdict_of_unreadable(
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    why: &Unreadable,
) -> Verdict {
    if is_of_a_gateway(status) {
        return Verdict::Unknown;
    }
    let verdict = by_http_status(status);
    if verdict != Verdict::Unknown || !begins_with_refused_rows(headers, body) {
        return verdict;
    }
    match why {
        // Asking again would bring the same.
        Unreadable::TooLarge(_) => Verdict::PartRefused(Vec::new()),
        _ => Verdict::RefusalUnread,
    }
}

/// The reply with reasons that can be shown and kept.
fn with_short_reasons(mut reply: Reply, mask: &Mask) -> Reply {
    for error in &mut reply.errors {
        error.message = bound_message(&mask.hide(&error.message));
    }
    reply
}

/// The table of section 6.
fn by_code(reply: Reply) -> Verdict {
    match reply.code {
        400 => by_message(&reply.message),
        401 | 403 => Verdict::Unauthorized,
        404 => Verdict::NotFound,
        409 => Verdict::Duplicate,
        413 => Verdict::TooLarge,
        429 => Verdict::Throttled,
        500..=599 => Verdict::ServerError,
        CODE_PART_REFUSED => Verdict::PartRefused(reply.errors),
        _ => Verdict::Unexpected,
    }
}

/// Responses whose status object is missing or says nothing (6.2, 6.3).
fn by_http_status(status: u16) -> Verdict {
    match status {
        // A 2xx that names no outcome; a bare 5xx may come from before or behind the platform.
        200..=299 | 500..=599 => Verdict::Unknown,
        // A 400 in no list, whoever says it (6.3).
        400 => Verdict::PoisonSuspected,
        401 | 403 => Verdict::Unauthorized,
        404 => Verdict::NotFound,
        409 => Verdict::Duplicate,
        413 => Verdict::TooLarge,
        429 => Verdict::Throttled,
        _ => Verdict::Unexpected,
    }
}

/// The fixed words of every known message with code 400 (D73620; the last one D108602).
const MESSAGES: [(&str, Verdict); 13] = [
    (
        "Can't find configuration for",
        Verdict::Setup(SetupFault::Application),
    ),
    ("Can't support scene", Verdict::Setup(SetupFault::Topic)),
    (
        "Syncing is end or not start",
        Verdict::Setup(SetupFault::Stage),
    ),
    ("Find no data schema of", Verdict::Setup(SetupFault::Schema)),
    ("Data is empty", Verdict::ClientBug),
    ("'Content-Date' header is invalid", Verdict::ClientBug),
    ("when acked", Verdict::Date(DateState::Acked)),
    ("when data cleaning", Verdict::Date(DateState::DataCleaning)),
    ("when done", Verdict::Date(DateState::Done)),
    ("when failed", Verdict::Date(DateState::Failed)),
    ("when skipped", Verdict::Date(DateState::Skipped)),
    (
        "when realtime cutoff",
        Verdict::Date(DateState::RealtimeCutoff),
    ),
    ("parse partition_date", Verdict::ClientBug),
];

fn by_message(message: &str) -> Verdict {
    MESSAGES
        .iter()
        .find(|(words, _)| message.contains(words))
        .map_or(Verdict::PoisonSuspected, |(_, verdict)| verdict.clone())
}

/// Makes a foreign text safe to print: one line, no control or direction characters, bounded.
pub fn bound_message(text: &str) -> String {
    text.trim()
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| {
            !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .take(MAX_MESSAGE_CHARS)
        .collect()
}

/// Seconds, or a date relative to the server's own clock (RFC 9110, 10.2.3).
pub(crate) fn parse_retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => parse_http_date(value)?
            .signed_duration_since(now)
            .to_std()
            .unwrap_or_default(),
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// The one form of date that a server may send (RFC 9110, 5.6.7).
pub(crate) fn parse_http_date(value: &str) -> Option<DateTime<Utc>> {
    let date = DateTime::parse_from_rfc2822(value).ok()?;
    Some(date.with_timezone(&Utc))
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
