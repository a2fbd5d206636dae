//! What a test makes the recorder say: the platform's replies, and those of whatever stands between.

use byteair_sync::protocol::messages::{DataError, Status, WriteResponse};
use prost::Message;
use std::io::Write;
use std::net::TcpStream;

/// Writes a reply itself, to the last byte or for as long as somebody reads.
pub(crate) type Script = Box<dyn FnOnce(&mut TcpStream) -> std::io::Result<()>>;

/// What the server says.
pub(crate) enum Reply {
    /// A response.
    Http {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// An acceptance, after which the connection ends without a word.
    OkThenCut,
    /// No response: the connection ends.
    Cut,
    /// Whatever this writes, after which the connection ends.
    Raw(Script),
}

impl Reply {
    pub(crate) fn http(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type", content_type.to_owned())];
        Self::Http {
            status,
            headers,
            body: body.into(),
        }
    }

    pub(crate) fn ok() -> Self {
        Self::code(200, 0, "")
    }

    /// A status object as protobuf.
    pub(crate) fn code(http: u16, code: i32, message: &str) -> Self {
        Self::refused_rows(http, code, message, &[])
    }

    /// A status object with entries of `errors`.
    pub(crate) fn refused_rows(http: u16, code: i32, message: &str, rows: &[(&str, &str)]) -> Self {
        let reply = WriteResponse {
            status: Some(Status {
                code,
                message: message.to_owned(),
                success: code == 0,
            }),
            errors: rows
                .iter()
                .map(|(message, data)| DataError {
                    message: (*message).to_owned(),
                    data: (*data).to_owned(),
                })
                .collect(),
        };
        Self::http(http, "application/x-protobuf", reply.encode_to_vec())
    }

    /// These bytes, which need not be a response.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::Raw(Box::new(move |connection| connection.write_all(&bytes)))
    }

    pub(crate) fn bare(status: u16) -> Self {
        Self::http(status, "text/html", "<html>a gateway's page</html>")
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Http { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
}
