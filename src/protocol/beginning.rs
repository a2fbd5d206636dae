//! What the beginning of a reply says, when its end is missing or too far away.
//!
//! Only one thing is worth knowing then: whether rows were refused (1001). Such a reply must not
//! pass for a lost one, because the 409 to the next attempt would then be taken for "stored". Codes
//! that mean anything else stay unknown outcomes, for which the same Request-Id is asked again.

use super::decode::CODE_PART_REFUSED;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::io::Read;

/// Bytes at the beginning of a compressed reply in which its status is looked for.
const BEGINNING_BYTES: u64 = 64 << 10;

/// Whether a reply that was not read to its end says that rows were refused.
pub(super) fn begins_with_refused_rows(headers: &HeaderMap, body: &[u8]) -> bool {
    let encoding = headers
        .get(CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let mut inflated = Vec::new();
    let beginning = match encoding.as_str() {
        "" | "identity" => body,
        "gzip" | "x-gzip" => {
            // Damage or a missing end leave what came before it.
            let _cut_off = flate2::read::MultiGzDecoder::new(body)
                .take(BEGINNING_BYTES)
                .read_to_end(&mut inflated);
            inflated.as_slice()
        }
        _ => return false,
    };
    let text = beginning.trim_ascii_start();
    let code = if text.first() == Some(&b'{') {
        code_of_json(text)
    } else {
        code_of_protobuf(beginning)
    };
    code == Some(CODE_PART_REFUSED)
}

/// The code in the status object, whatever is missing behind it. A number that the cut ends may have
/// lost digits; that it is a refusal is the careful reading.
fn code_of_json(text: &[u8]) -> Option<i32> {
    let mut code = None;
    let reply = Object {
        code: &mut code,
        is_status: false,
    };
    // That it ends too early is known; what was found before that counts.
    let _cut_off = reply.deserialize(&mut serde_json::Deserializer::from_slice(text));
    code
}

/// A reply, or the status object within it; the code is kept as soon as it was read.
struct Object<'a> {
    code: &'a mut Option<i32>,
    is_status: bool,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, text: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        text.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match (self.is_status, key.as_str()) {
                (false, "status") => map.next_value_seed(Object {
                    code: &mut *self.code,
                    is_status: true,
                })?,
                (true, "code") => *self.code = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// The code in the status message (field 1), whatever is missing behind it.
fn code_of_protobuf(mut body: &[u8]) -> Option<i32> {
    loop {
        let (field, wire) = decode_key(&mut body).ok()?;
        if field == 1 && wire == WireType::LengthDelimited {
            let length = usize::try_from(decode_varint(&mut body).ok()?).ok()?;
            return code_of_status(body.get(..length).unwrap_or(body));
        }
        skip_field(wire, field, &mut body, DecodeContext::default()).ok()?;
    }
}

/// The code (field 1) of a status message that may be cut off.
fn code_of_status(mut status: &[u8]) -> Option<i32> {
    loop {
        let (field, wire) = decode_key(&mut status).ok()?;
        if field == 1 && wire == WireType::Varint {
            return i32::try_from(decode_varint(&mut status).ok()?).ok();
        }
        skip_field(wire, field, &mut status, DecodeContext::default()).ok()?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::messages::{DataError, Status, WriteResponse};
    use super::*;
    use proptest::prelude::*;
    use prost::Message;
    use std::io::Write;

    fn says(encoding: Option<&str>, body: &[u8]) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, encoding.parse().unwrap());
        }
        begins_with_refused_rows(&headers, body)
    }

    fn protobuf(code: i32) -> Vec<u8> {
        let error = DataError {
            message: "no".to_owned(),
            data: "{\"id\":1}".to_owned(),
        };
        let reply = WriteResponse {
            status: Some(Status {
                code,
                message: "part".to_owned(),
                success: false,
            }),
            errors: vec![error; 100],
        };
        reply.encode_to_vec()
    }

    #[test]
    fn a_1001_is_known_by_its_beginning_in_each_form() {
        let json = br#"{"status":{"code":1001,"message":"part"},"errors":[{"mess"#;
        assert!(says(None, json));
        assert!(says(
            None,
            br#"{"x":[{"status":{"code":0}}],"status":{"code":1001},"#
        ));
        assert!(says(None, br#"{"status":{"code":1001,"message":"pa"#));
        assert!(says(None, br#"{"status":{"message":"part","code":1001"#));
        let late = [
            br#"{"errors":["#.as_slice(),
            &b" ".repeat(200_000),
            br#"],"status":{"code":1001,"#,
        ]
        .concat();
        assert!(says(None, &late));
        let whole = protobuf(1001);
        assert!(says(None, whole.get(..40).unwrap()));
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(json).unwrap();
        packer.flush().unwrap();
        let packed = packer.get_ref().clone();
        assert!(says(Some("gzip"), &packed));
    }

    #[test]
    fn what_is_no_1001_or_not_there_in_full_is_not_taken_for_one() {
        for body in [
            &b""[..],
            b"{",
            br#"{"status":{"code":100"#,
            br#"{"status":{"code":0},"errors":[{"status":{"code":1001}}]"#,
            br#"{"errors":[{"status":{"code":1001}},"#,
            br#"{"status":1001,"#,
            b"<html>1001",
            &protobuf(429),
            &protobuf(0),
        ] {
            assert!(!says(None, body), "{}", String::from_utf8_lossy(body));
        }
        assert!(!says(Some("br"), br#"{"status":{"code":1001},"#));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _answer = (says(None, &body), says(Some("gzip"), &body));
        }

        #[test]
        fn every_cut_behind_the_code_says_1001_and_none_before_it(at in 0_usize..2_000) {
            let whole = protobuf(1001);
            let code = Status { code: 1001, message: String::new(), success: false };
            let end = 2 + code.encoded_len();
            let cut = whole.get(..at.min(whole.len())).unwrap();
            prop_assert_eq!(says(None, cut), cut.len() >= end);
        }
    }
}
