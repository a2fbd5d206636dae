//! What Huawei's services answer: an HTTP status and JSON.

use super::super::service::{ReplyBody, respond};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

/// An answer of one of Huawei's services.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HuaweiAnswer {
    pub(super) status: u16,
    body: Option<Value>,
}

impl HuaweiAnswer {
    /// A success with a body.
    pub(super) const fn ok(body: Value) -> Self {
        Self {
            status: 200,
            body: Some(body),
        }
    }

    /// A success without one; siblings of the calls whose status is unpublished answer so.
    pub(super) const fn empty(status: u16) -> Self {
        Self { status, body: None }
    }

    /// A refusal in the documented form.
    pub(super) fn refused(status: u16, code: &str, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self {
            status,
            body: Some(json!({"error_code": code, "error_msg": message})),
        }
    }

    /// A refusal of DIS, which comes as HTTP 400.
    pub(super) fn dis(number: i32, message: impl Into<String>) -> Self {
        Self::refused(400, &format!("DIS.{number}"), message)
    }

    /// The response, with the id by which its request can be named.
    pub(super) fn render(self, request_id: &str) -> Response<ReplyBody> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let body = self.body.map_or_else(String::new, |body| body.to_string());
        let mut response = respond(status, "application/json", body.into());
        if let Ok(id) = HeaderValue::from_str(request_id) {
            response.headers_mut().insert("x-request-id", id);
        }
        response
    }
}
