//! What is read as a reply, and above all what is not.

use super::*;
use crate::protocol::messages::{DataError, Status};
use crate::protocol::{CONTENT_TYPE_JSON, CONTENT_TYPE_PROTOBUF, Gzip};
use proptest::prelude::*;

const PROTOBUF: Option<&str> = Some(CONTENT_TYPE_PROTOBUF);
const JSON: Option<&str> = Some(CONTENT_TYPE_JSON);

fn part_refused() -> WriteResponse {
    WriteResponse {
        status: Some(Status {
            code: 1001,
            message: "part".to_owned(),
            success: false,
        }),
        errors: vec![DataError {
            message: "bad id".to_owned(),
            data: r#"{"id":1}"#.to_owned(),
        }],
    }
}

#[test]
fn both_forms_of_a_partial_refusal_read_the_same() {
    let json =
        br#"{"status":{"code":1001,"message":"part"},"errors":[{"message":"bad id","data":"{\"id\":1}"}],"new":[1]}"#;
    let from_json = decode_reply(JSON, None, json).unwrap();
    let from_protobuf = decode_reply(PROTOBUF, None, &part_refused().encode_to_vec()).unwrap();
    assert_eq!(from_json, from_protobuf);
    assert_eq!(from_json.errors[0].data, r#"{"id":1}"#);
}

#[test]
fn json_is_recognised_under_any_content_type() {
    let body = br#"{"status":{"code":0,"message":"OK"}}"#;
    for content_type in [
        None,
        JSON,
        PROTOBUF,
        Some("Application/JSON; charset=utf-8"),
        Some("text/plain"),
    ] {
        let reply = decode_reply(content_type, None, body).unwrap();
        assert_eq!((reply.code, reply.message.as_str()), (0, "OK"));
    }
    let padded = decode_reply(JSON, None, b" \n{\"status\":{}}").unwrap();
    assert_eq!(padded.code, 0);
}

#[test]
fn a_status_with_every_field_absent_is_a_status() {
    assert_eq!(decode_reply(PROTOBUF, None, &[0x0a, 0x00]).unwrap().code, 0);
    for body in [
        &br#"{"status":{}}"#[..],
        br#"{"status":{"code":null},"errors":null}"#,
    ] {
        assert_eq!(decode_reply(JSON, None, body).unwrap().code, 0);
    }
}

#[test]
fn a_reply_without_a_status_is_none() {
    for (content_type, body) in [
        (PROTOBUF, &b""[..]),
        (None, b""),
        (PROTOBUF, &[0x12, 0x00]),
        (JSON, b"{}"),
        (JSON, br#"{"status":null}"#),
        (JSON, br#"{"code":0}"#),
    ] {
        assert_eq!(
            decode_reply(content_type, None, body),
            Err(Unreadable::NoStatus),
            "{body:?}"
        );
    }
}

#[test]
fn pages_and_damaged_bodies_are_not_replies() {
    let truncated = part_refused().encode_to_vec();
    let truncated = &truncated[..truncated.len() - 1];
    for (content_type, body) in [
        (Some("text/html"), &b"<html>Bad Gateway</html>"[..]),
        (None, b"<html>Bad Gateway</html>"),
        (PROTOBUF, b"<html>Bad Gateway</html>"),
        // Read as protobuf this is an empty status.
        (Some("text/html"), b"\n\0"),
        (Some("text/plain"), b"OK"),
        (JSON, b""),
        (JSON, b"[]"),
        (JSON, br#"{"status":{"code":0}"#),
        (JSON, br#"{"status":{"code":"0"}}"#),
        (JSON, br#"{"status":{"code":99999999999}}"#),
        (JSON, br#"{"status":[]}"#),
        (JSON, br#"{"status":[0,"OK"]}"#),
        (JSON, b"{\"status\":{},\"other\":\"\xbc\"}"),
        (JSON, br#"{"status":{},"status":{}}"#),
        (PROTOBUF, truncated),
    ] {
        assert_eq!(
            decode_reply(content_type, None, body),
            Err(Unreadable::Form),
            "{body:?}"
        );
    }
}

#[test]
fn malformed_errors_leave_the_status_readable() {
    let body = br#"{"status":{"code":1001},"errors":{"odd":1}}"#;
    assert_eq!(decode_reply(JSON, None, body).unwrap().errors, []);
    let object = br#"{"status":{"code":1001},"errors":[{"data":{"id": 1}},{}]}"#;
    let errors = decode_reply(JSON, None, object).unwrap().errors;
    assert_eq!(errors[0].data, r#"{"id": 1}"#);
    assert_eq!(errors.len(), 2);
}

#[test]
fn gzip_is_undone_and_other_encodings_are_refused() {
    let body = Gzip::new(1).compress(br#"{"status":{"code":429}}"#);
    assert_eq!(decode_reply(JSON, Some("gzip"), &body).unwrap().code, 429);
    assert_eq!(decode_reply(JSON, Some("GZIP"), &body).unwrap().code, 429);
    assert_eq!(
        decode_reply(JSON, Some("br"), &body),
        Err(Unreadable::Encoding("br".to_owned()))
    );
    let cut = &body[..body.len() - 3];
    assert_eq!(decode_reply(JSON, Some("gzip"), cut), Err(Unreadable::Gzip));
}

#[test]
fn a_reply_that_inflates_beyond_the_bound_is_not_read() {
    let bomb = Gzip::new(12).compress(&vec![b' '; MAX_REPLY_BYTES + 1]);
    assert!(bomb.len() < 100_000);
    assert_eq!(
        decode_reply(JSON, Some("gzip"), &bomb),
        Err(Unreadable::TooLarge(MAX_REPLY_BYTES))
    );
}

#[test]
fn a_list_of_operations_is_read_for_its_status() {
    // Field 2 holds an operation whose metadata is no text.
    let body = [0x0a, 0x00, 0x12, 0x04, 0x12, 0x02, 0x10, 0xff];
    let reply = decode_reply(PROTOBUF, None, &body);
    assert_eq!(reply.unwrap().code, 0);
}

proptest! {
    #[test]
    fn any_bytes_give_a_reply_or_a_reason(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        kind in 0..4_usize,
        gzip in any::<bool>(),
    ) {
        let content_type = [None, JSON, PROTOBUF, Some("text/html")][kind];
        let _ = decode_reply(content_type, gzip.then_some("gzip"), &body);
    }

    #[test]
    fn what_the_messages_encode_is_read_back(code in any::<i32>(), message in ".{0,40}") {
        let status = Some(Status { code, message: message.clone(), success: code == 0 });
        let body = DoneResponse { status }.encode_to_vec();
        let reply = decode_reply(PROTOBUF, None, &body).unwrap();
        prop_assert_eq!((reply.code, reply.message), (code, message));
    }
}

#[test]
fn a_list_longer_than_any_batch_is_no_list() {
    let entries = |count: usize| {
        let head = WriteResponse {
            status: Some(Status {
                code: CODE_PART_REFUSED,
                ..Status::default()
            }),
            errors: Vec::new(),
        };
        let protobuf = [head.encode_to_vec(), [0x12, 0].repeat(count)].concat();
        let list = "{},".repeat(count);
        let list = list.trim_end_matches(',');
        let json = format!(r#"{{"status":{{"code":1001}},"errors":[{list}]}}"#);
        [
            decode_reply(Some("application/x-protobuf"), None, &protobuf),
            decode_reply(Some("application/json"), None, json.as_bytes()),
        ]
        .map(|reply| reply.unwrap().errors.len())
    };
    assert_eq!(entries(MAX_ROW_ERRORS), [MAX_ROW_ERRORS; 2]);
    assert_eq!(entries(MAX_ROW_ERRORS + 1), [0; 2]);
}
