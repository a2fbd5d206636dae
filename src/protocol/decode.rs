//! Replies of the platform, or of whatever stands in front of it, as far as they can be read.
//!
//! Total: any bytes give a reply or a reason, never a panic and never more than
//! [`MAX_REPLY_BYTES`] of memory. The form is chosen by Content-Type, because the bytes of a page
//! may happen to be valid protobuf. What a reply means is decided in `judge`, not here.

use super::messages::{DoneResponse, WriteResponse};
use crate::domain::RowError;
use prost::Message;
use prost::encoding::{DecodeContext, decode_key, skip_field};
use serde::de::{Error, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::io::Read;

/// Most bytes of a reply, both as received and inflated. The platform documents no bound; a reply
/// that repeated all 10,000 rows of a full batch would fit unless they were unusually long.
pub const MAX_REPLY_BYTES: usize = 16 * 1024 * 1024;

/// Most entries of `errors` that are read: ten for each row of the largest batch. An entry of two
/// bytes takes fifty in memory, so without a bound the bytes alone would not bound it.
pub const MAX_ROW_ERRORS: usize = 100_000;

/// Code of a reply that lists refused rows (proto comment `PartDataOccurError`).
pub(super) const CODE_PART_REFUSED: i32 = 1001;

/// A reply that holds a status object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 0 when absent: proto3 leaves defaults out, and the JSON form may (D108601).
    pub code: i32,
    /// The platform's words; empty when absent.
    pub message: String,
    /// Refused rows. Read only with code 1001; empty when absent, malformed, or more than
    /// [`MAX_ROW_ERRORS`].
    pub errors: Vec<RowError>,
}

/// Why the bytes are not a reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A Content-Encoding that was not asked for.
    #[error("its encoding '{0}' is neither gzip nor identity")]
    Encoding(String),
    /// Damaged or truncated gzip.
    #[error("its gzip data is damaged")]
    Gzip,
    /// Too large to be read.
    #[error("it is larger than {0} bytes")]
    TooLarge(usize),
    /// Neither the JSON nor the protobuf of a reply.
    #[error("it is neither a JSON nor a protobuf reply")]
    Form,
    /// A well-formed reply without the status object that says what happened.
    #[error("it has no status")]
    NoStatus,
}

/// Undoes a Content-Encoding. Several gzip members are one body; at most `limit` bytes come out.
///
/// Fails on other encodings, on damaged data and beyond the limit.
pub fn inflate<'a>(
    content_encoding: Option<&str>,
    body: &'a [u8],
    limit: usize,
) -> Result<Cow<'a, [u8]>, Unreadable> {
    let encoding = content_encoding.unwrap_or_default().trim();
    let inflated = match encoding.to_ascii_lowercase().as_str() {
        "" | "identity" => Cow::Borrowed(body),
        // An SDK's empty done may be zero bytes under this label (Java).
        "gzip" | "x-gzip" if body.is_empty() => Cow::Borrowed(body),
        "gzip" | "x-gzip" => {
            let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
            let mut plain = Vec::new();
            flate2::read::MultiGzDecoder::new(body)
                .take(bound)
                .read_to_end(&mut plain)
                .map_err(|_| Unreadable::Gzip)?;
            Cow::Owned(plain)
        }
        _ => return Err(Unreadable::Encoding(encoding.chars().take(40).collect())),
    };
    if inflated.len() > limit {
        return Err(Unreadable::TooLarge(limit));
    }
    Ok(inflated)
}

/// Reads the reply to any call. A type that is neither JSON nor protobuf may still be JSON when
/// the body starts with `{`; protobuf is taken only from a body that claims to be it, or that
/// claims nothing.
pub fn decode_reply(
    content_type: Option<&str>,
    content_encoding: Option<&str>,
    body: &[u8],
) -> Result<Reply, Unreadable> {
    let body = inflate(content_encoding, body, MAX_REPLY_BYTES)?;
    let media_type = content_type
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase())
        .unwrap_or_default();
    let claims_protobuf = matches!(
        media_type.as_str(),
        "" | "application/x-protobuf" | "application/protobuf" | "application/octet-stream"
    );
    // As protobuf, `{` would open a group of field 15, which no reply has.
    if body.first() != Some(&b'{') && claims_protobuf {
        return decode_protobuf(&body);
    }
    let text = body.trim_ascii_start();
    if text.first() == Some(&b'{') {
        return decode_json(text);
    }
    Err(Unreadable::Form)
}

fn decode_protobuf(body: &[u8]) -> Result<Reply, Unreadable> {
    // Every reply has its status in field 1; the other fields differ by call and are skipped.
    let status = DoneResponse::decode(body)
        .map_err(|_| Unreadable::Form)?
        .status
        .ok_or(Unreadable::NoStatus)?;
    let errors = if status.code == CODE_PART_REFUSED && has_few_errors(body) {
        WriteResponse::decode(body).unwrap_or_default().errors
    } else {
        Vec::new()
    };
    Ok(Reply {
        code: status.code,
        message: status.message,
        errors: errors
            .into_iter()
            .map(|error| RowError {
                message: error.message,
                data: error.data,
            })
            .collect(),
    })
}

/// Counts the entries of field 2, `errors`, before any of them takes memory.
fn has_few_errors(mut body: &[u8]) -> bool {
    let mut errors = 0;
    while let Ok((field, wire)) = decode_key(&mut body) {
        errors += usize::from(field == 2);
        if errors > MAX_ROW_ERRORS
            || skip_field(wire, field, &mut body, DecodeContext::default()).is_err()
        {
            return false;
        }
    }
    true
}

#[derive(serde::Deserialize)]
struct JsonReply<'a> {
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    errors: Option<&'a RawValue>,
}

#[derive(serde::Deserialize)]
struct JsonStatus {
    code: Option<i32>,
    message: Option<String>,
}

#[derive(serde::Deserialize)]
struct JsonError<'a> {
    message: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

fn decode_json(text: &[u8]) -> Result<Reply, Unreadable> {
    // What nobody asks for is passed over unchecked, so a damaged text could pass for a whole one.
    let text = std::str::from_utf8(text).map_err(|_| Unreadable::Form)?;
    let reply: JsonReply<'_> = serde_json::from_str(text).map_err(|_| Unreadable::Form)?;
    let status = reply.status.ok_or(Unreadable::NoStatus)?.get();
    // A list would be taken for the fields in their order.
    if !status.starts_with('{') {
        return Err(Unreadable::Form);
    }
    let status: JsonStatus = serde_json::from_str(status).map_err(|_| Unreadable::Form)?;
    let code = status.code.unwrap_or_default();
    let errors = match reply.errors {
        Some(errors) if code == CODE_PART_REFUSED => json_errors(errors),
        _ => Vec::new(),
    };
    Ok(Reply {
        code,
        message: status.message.unwrap_or_default(),
        errors,
    })
}

fn json_errors(errors: &RawValue) -> Vec<RowError> {
    let list: Option<JsonErrors> = serde_json::from_str(errors.get()).unwrap_or_default();
    list.map_or_else(Vec::new, |list| list.0)
}

/// Read one by one, so that the list stops where it becomes too long.
struct JsonErrors(Vec<RowError>);

impl<'de> serde::Deserialize<'de> for JsonErrors {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(JsonErrorsVisitor).map(Self)
    }
}

struct JsonErrorsVisitor;

impl<'de> Visitor<'de> for JsonErrorsVisitor {
    type Value = Vec<RowError>;

    fn expecting(&self, text: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(text, "at most {MAX_ROW_ERRORS} errors")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut errors = Vec::new();
        while let Some(error) = list.next_element::<JsonError<'de>>()? {
            if errors.len() >= MAX_ROW_ERRORS {
                return Err(A::Error::invalid_length(errors.len(), &self));
            }
            errors.push(RowError {
                message: error.message.unwrap_or_default(),
                // Documented as a string that holds JSON; the object itself means the same.
                data: error.data.map(json_text).unwrap_or_default(),
            });
        }
        Ok(errors)
    }
}

fn json_text(value: &RawValue) -> String {
    serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
