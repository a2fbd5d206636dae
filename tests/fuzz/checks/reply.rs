//! Replies: what was encoded reads back as it was, and arbitrary bytes are never taken for more than
//! they say, least of all for an acceptance. Texts that people will see are bounded and harmless.

use super::json_oracle::facts;
use super::tape::Tape;
use byteair_sync::domain::{DataDate, RowError, Verdict};
use byteair_sync::protocol::messages::{
    DataError, DoneRequest, DoneResponse, Status, WriteResponse,
};
use byteair_sync::protocol::{
    DoneFormat, Gzip, MAX_MESSAGE_CHARS, MAX_RETRY_AFTER, Mask, Reply, decode_reply, done_body,
    inflate, judge,
};
use chrono::{DateTime, NaiveDate};
use http::{HeaderMap, HeaderValue};
use prost::Message;
use serde_json::{Value, json};
use std::borrow::Cow;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json; charset=utf-8";

/// A byte for what the rest is: a message to be made, or a response as it is.
pub(crate) fn check(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    match tape.byte() % 4 {
        0 => check_message(tape),
        1 => check_date(&mut tape),
        _ => check_response(tape),
    }
}

/// What any server sends: HTTP status, headers, body.
fn check_response(mut tape: Tape<'_>) {
    let status = tape.choose(&[
        200, 201, 204, 302, 400, 401, 404, 408, 409, 413, 429, 500, 502,
    ]);
    let mut headers = HeaderMap::new();
    let content_type = tape.choose(&[None, Some(PROTOBUF), Some(JSON), Some("text/html")]);
    let encoding = tape.choose(&[None, Some("gzip"), Some("br"), Some("identity")]);
    let compress = tape.choose(&[false, true]);
    let retry_after = tape.text();
    for (name, value) in [
        ("content-type", content_type),
        ("content-encoding", encoding),
        ("retry-after", Some(retry_after.as_str())),
        (
            "date",
            tape.choose(&[None, Some("Wed, 12 Jan 2022 07:01:33 GMT"), Some("now")]),
        ),
    ] {
        if let Some(value) = value.and_then(|it| HeaderValue::from_str(it).ok()) {
            headers.insert(name, value);
        }
    }
    let plain = tape.rest();
    let body = match encoding {
        Some("gzip") if compress => Cow::Owned(Gzip::new(1).compress(plain)),
        _ => Cow::Borrowed(plain),
    };
    let now = DateTime::from_timestamp(1_641_970_893, 0).unwrap();
    let judged = judge(status, &headers, &body, now, &Mask::default());
    check_text(&judged.message);
    assert!(
        judged
            .retry_after
            .is_none_or(|wait| wait <= MAX_RETRY_AFTER)
    );
    assert_eq!(judged.http_status, Some(status));
    assert_ne!(judged.code, Some(0));
    let reply = decode_reply(content_type, encoding, &body);
    match &judged.verdict {
        Verdict::Accepted => {
            assert!((200..300).contains(&status));
            assert!(has_status(content_type, encoding, &body, 0), "{plain:?}");
            assert!(reply.is_ok());
        }
        Verdict::PartRefused(errors) => {
            assert!(has_status(content_type, encoding, &body, 1001), "{plain:?}");
            let data = |errors: &[RowError]| -> Vec<String> {
                errors.iter().map(|error| error.data.clone()).collect()
            };
            assert_eq!(data(errors), data(&reply.unwrap().errors));
            for error in errors.iter().filter(|error| !error.message.is_empty()) {
                check_text(&error.message);
            }
        }
        Verdict::NotSent => panic!("there was an answer"),
        _ => {}
    }
}

/// Whether a body says a code in so many words, by other readers than the program's.
fn has_status(content_type: Option<&str>, encoding: Option<&str>, body: &[u8], code: i64) -> bool {
    let body = inflate(encoding, body, 1 << 20).unwrap();
    let text = body.trim_ascii_start();
    if text.first() == Some(&b'{') {
        let Ok(value) = serde_json::from_slice::<Value>(text) else {
            // JSON that no value can be made of; what is passed over may be so.
            let facts = facts(text).unwrap();
            return facts.lone_surrogate || facts.infinite || facts.depth > 127 || text.len() > 300;
        };
        let status = &value["status"];
        return status.is_object() && status["code"].as_i64().unwrap_or(0) == code;
    }
    assert!(
        content_type.is_none_or(|it| it == PROTOBUF),
        "only protobuf is bare"
    );
    last_code(&body).unwrap() == Some(code)
}

/// The code of the message in field 1 of a protobuf message, of the last one where there are more;
/// merged as protobuf merges. The outer `None` is a message that cannot be read.
#[allow(clippy::option_option, reason = "cannot be read, or says nothing")]
fn last_code(mut body: &[u8]) -> Option<Option<i64>> {
    let mut code = None;
    while !body.is_empty() {
        let (field, wire, content, rest) = field(body)?;
        if (field, wire) == (1, 2) {
            let mut status = content;
            let mut said = code.unwrap_or(0);
            while !status.is_empty() {
                let (field, wire, content, rest) = self::field(status)?;
                if (field, wire) == (1, 0) {
                    let number = varint(content)?.0;
                    // An int32 is the lower half of what was sent.
                    said = i64::from(i32::from_le_bytes(
                        number.to_le_bytes()[..4].try_into().ok()?,
                    ));
                }
                status = rest;
            }
            code = Some(said);
        }
        body = rest;
    }
    Some(code)
}

/// Number, wire type and content of the first field, and what follows it.
fn field(body: &[u8]) -> Option<(u64, u64, &[u8], &[u8])> {
    let (tag, rest) = varint(body)?;
    let (number, wire) = (tag >> 3, tag & 7);
    let (content, rest) = match wire {
        0 => {
            let (_, after) = varint(rest)?;
            (&rest[..rest.len() - after.len()], after)
        }
        1 => rest.split_at_checked(8)?,
        2 => {
            let (length, rest) = varint(rest)?;
            rest.split_at_checked(usize::try_from(length).ok()?)?
        }
        3 => {
            let mut inner = rest;
            loop {
                let (other, wire, _, after) = field(inner)?;
                if (other, wire) == (number, 4) {
                    break (&rest[..0], after);
                }
                inner = after;
            }
        }
        4 => (&rest[..0], rest),
        5 => rest.split_at_checked(4)?,
        _ => return None,
    };
    Some((number, wire, content, rest))
}

fn varint(body: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (index, byte) in body.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(index).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((number, &body[index + 1..]));
        }
    }
    None
}

fn check_text(text: &str) {
    assert!(!text.is_empty() && text.chars().count() <= MAX_MESSAGE_CHARS);
    let bad = |c: char| {
        let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
    };
    assert!(!text.contains(bad), "{text:?}");
}

/// A reply made of choices, in both forms, plain and compressed.
fn check_message(mut tape: Tape<'_>) {
    let code = tape.choose(&[0, 1001, 1001, 400, 429, 500, -1]);
    let code = if code == -1 { tape.number() } else { code };
    let message = tape.text();
    let count = usize::from(tape.byte() % 5);
    let errors: Vec<RowError> = std::iter::repeat_with(|| RowError {
        message: tape.text(),
        data: tape.text(),
    })
    .take(count)
    .collect();
    let response = WriteResponse {
        status: Some(Status {
            code,
            message: message.clone(),
            success: code == 0,
        }),
        errors: errors.iter().map(data_error).collect(),
    };
    let protobuf = response.encode_to_vec();
    assert_eq!(WriteResponse::decode(&*protobuf).unwrap(), response);
    let rows: Vec<Value> = errors
        .iter()
        .map(|error| json!({ "message": error.message, "data": error.data }))
        .collect();
    let json = json!({ "status": { "code": code, "message": message }, "errors": rows });
    let expected = Reply {
        code,
        message,
        errors: if code == 1001 { errors } else { Vec::new() },
    };
    let done = DoneResponse {
        status: response.status,
    };
    let forms = [
        (Some(PROTOBUF), protobuf),
        (Some(JSON), json.to_string().into_bytes()),
    ];
    for (content_type, body) in forms {
        let packed = Gzip::new(1).compress(&body);
        assert_eq!(
            decode_reply(content_type, None, &body).as_ref(),
            Ok(&expected)
        );
        assert_eq!(decode_reply(None, None, &body).as_ref(), Ok(&expected));
        assert_eq!(
            decode_reply(content_type, Some("gzip"), &packed).as_ref(),
            Ok(&expected)
        );
    }
    let read = decode_reply(Some(PROTOBUF), None, &done.encode_to_vec()).unwrap();
    assert_eq!((read.code, read.message), (expected.code, expected.message));
}

fn data_error(error: &RowError) -> DataError {
    DataError {
        message: error.message.clone(),
        data: error.data.clone(),
    }
}

/// The date of a `done` reads back from both of its forms.
fn check_date(tape: &mut Tape<'_>) {
    let Some(date) = NaiveDate::from_num_days_from_ce_opt(tape.number()) else {
        return;
    };
    let day = DataDate::from_naive(date);
    let (year, month, day_of_month) = day.year_month_day();
    let body = done_body(day, DoneFormat::Protobuf);
    let request = DoneRequest::decode(&*body).unwrap();
    let dates = request.data_dates.iter();
    let dates: Vec<_> = dates
        .map(|it| (it.year, i64::from(it.month), i64::from(it.day)))
        .collect();
    assert_eq!(dates, [(year, i64::from(month), i64::from(day_of_month))]);
    if (0..=9999).contains(&year) {
        let body: Value = serde_json::from_slice(&done_body(day, DoneFormat::Json)).unwrap();
        let text = body[0]["partition_date"].as_str().unwrap();
        assert_eq!(text.parse(), Ok(day));
        assert_eq!(day.to_string().parse(), Ok(day));
    }
}
