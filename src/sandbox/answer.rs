//! What the platform answers: a status code with its text, and the rows it refused.
//!
//! One form serves every call, because `DoneResponse` and `ListOperationsResponse` without entries
//! are `WriteResponse` without errors on the wire (SDK proto). How it is delivered, and whether
//! a fault swallows it, is decided elsewhere.

use crate::protocol::messages::{DataError, Status, WriteResponse};
use http::{HeaderMap, StatusCode, header};
use prost::Message;
use serde_json::json;

/// Content type of protobuf bodies, both ways (D108561).
const PROTOBUF: &str = "application/x-protobuf";
/// Content type of JSON bodies, both ways (D108561).
const JSON: &str = "application/json";

/// An answer in the platform's terms.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    code: i32,
    message: String,
    errors: Vec<DataError>,
}

/// The two forms of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReplyFormat {
    Protobuf,
    Json,
}

impl Answer {
    /// Everything was taken.
    pub(super) fn ok() -> Self {
        Self::refused(0, "OK")
    }

    /// Nothing was taken.
    pub(super) fn refused(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            errors: Vec::new(),
        }
    }

    /// Some rows were refused, the others taken: code 1001, `PartDataOccurError` (SDK constants).
    pub(super) fn part_refused(errors: Vec<DataError>) -> Self {
        Self {
            code: 1001,
            message: "part data occur error".to_owned(),
            errors,
        }
    }

    /// The status code; 0 when everything was taken.
    pub(super) const fn code(&self) -> i32 {
        self.code
    }

    /// The text beside the code.
    #[cfg(test)]
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The HTTP status that goes with the code. Which one the platform uses is unpublished, except
    /// that codes live in the body (D108575); gateways do use these two.
    pub(super) const fn http_status(&self) -> StatusCode {
        match self.code {
            401 => StatusCode::UNAUTHORIZED,
            429 => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::OK,
        }
    }

    /// The reply's body.
    pub(super) fn encode(self, format: ReplyFormat) -> Vec<u8> {
        let success = self.code == 0;
        match format {
            ReplyFormat::Protobuf => WriteResponse {
                status: Some(Status {
                    code: self.code,
                    message: self.message,
                    success,
                }),
                errors: self.errors,
            }
            .encode_to_vec(),
            ReplyFormat::Json => {
                let errors: Vec<_> = self
                    .errors
                    .into_iter()
                    .map(|error| json!({"message": error.message, "data": error.data}))
                    .collect();
                let status =
                    json!({"code": self.code, "message": self.message, "success": success});
                let reply = if errors.is_empty() {
                    json!({"status": status})
                } else {
                    json!({"status": status, "errors": errors})
                };
                reply.to_string().into_bytes()
            }
        }
    }
}

impl ReplyFormat {
    /// What `Accept` asks for, else the form of the request (D108561).
    pub(super) fn wanted(headers: &HeaderMap) -> Self {
        let of = |name| {
            let text = headers.get(name)?.to_str().ok()?.to_ascii_lowercase();
            if text.contains("protobuf") {
                return Some(Self::Protobuf);
            }
            text.contains("json").then_some(Self::Json)
        };
        of(header::ACCEPT)
            .or_else(|| of(header::CONTENT_TYPE))
            .unwrap_or(Self::Json)
    }

    /// The value of `Content-Type`.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => PROTOBUF,
            Self::Json => JSON,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn accept_decides_the_form_and_the_request_is_the_fallback() {
        let both = [(header::ACCEPT, PROTOBUF), (header::CONTENT_TYPE, JSON)];
        assert_eq!(ReplyFormat::wanted(&headers(&both)), ReplyFormat::Protobuf);
        let any = [(header::ACCEPT, "*/*"), (header::CONTENT_TYPE, PROTOBUF)];
        assert_eq!(ReplyFormat::wanted(&headers(&any)), ReplyFormat::Protobuf);
        assert_eq!(ReplyFormat::wanted(&HeaderMap::new()), ReplyFormat::Json);
    }

    #[test]
    fn both_forms_say_the_same() {
        let error = DataError {
            message: "why".into(),
            data: "{}".into(),
        };
        let answer = Answer::part_refused(vec![error.clone()]);
        let message =
            WriteResponse::decode(answer.clone().encode(ReplyFormat::Protobuf).as_slice()).unwrap();
        assert_eq!(message.status.unwrap().code, 1001);
        assert_eq!(message.errors, [error]);
        let text: serde_json::Value =
            serde_json::from_slice(&answer.encode(ReplyFormat::Json)).unwrap();
        assert_eq!(text["status"]["code"], 1001);
        assert_eq!(text["errors"][0]["data"], "{}");
    }
}
