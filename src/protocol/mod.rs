//! The platform's wire forms: paths, headers, bodies, signatures and what a reply means.
//!
//! Floor 1 and pure: bytes in, bytes out, no sockets, no clock and no randomness of its own. The
//! client and the sandbox use the same code, so each proves the other's reading of the
//! documentation. Facts carry their source: `D…` is a page of the platform's documentation, Go, Py
//! and Java are its official SDKs.

mod beginning;
mod decode;
mod encode;
mod endpoint;
pub mod huawei;
mod judge;
mod mask;
pub mod messages;
mod request;
pub mod sign;

pub use decode::{MAX_REPLY_BYTES, MAX_ROW_ERRORS, Reply, Unreadable, decode_reply, inflate};
pub use encode::{
    CONTENT_TYPE_JSON, CONTENT_TYPE_PROTOBUF, DEFAULT_GZIP_LEVEL, DoneFormat, Gzip,
    InvalidDoneFormat, done_body, list_operations_body,
};
pub use endpoint::{Call, ReceivedCall, ReceivedMethod};
pub use judge::{MAX_MESSAGE_CHARS, MAX_RETRY_AFTER, bound_message, judge, judge_beginning};
pub(crate) use judge::{parse_http_date, parse_retry_after};
pub use mask::Mask;
pub use request::request_headers;
