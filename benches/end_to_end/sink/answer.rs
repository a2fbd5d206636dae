//! What the sink answers: success, or that the first row of the batch is refused.

use byteair_sync::protocol::messages::{DataError, Status, WriteResponse};
use byteair_sync::protocol::{CONTENT_TYPE_PROTOBUF, inflate};
use prost::Message;

/// Largest body that is looked into.
const MAX_BODY_BYTES: usize = 64 << 20;

/// The response that takes everything.
pub(super) fn success() -> Vec<u8> {
    response(&WriteResponse {
        status: Some(Status::default()),
        errors: Vec::new(),
    })
}

/// The response that refuses the first row of a gzipped array of flat rows.
pub(super) fn refusal(body: &[u8]) -> Vec<u8> {
    let rows = inflate(Some("gzip"), body, MAX_BODY_BYTES).unwrap();
    let end = memchr::memchr(b'}', &rows).expect("a row ends");
    let row = String::from_utf8(rows[1..=end].to_vec()).unwrap();
    response(&WriteResponse {
        status: Some(Status {
            code: 1001,
            message: "some rows were refused".to_owned(),
            success: false,
        }),
        errors: vec![DataError {
            message: "refused by the sink".to_owned(),
            data: row,
        }],
    })
}

fn response(reply: &WriteResponse) -> Vec<u8> {
    let body = reply.encode_to_vec();
    let mut response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE_PROTOBUF}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    response.extend_from_slice(&body);
    response
}
