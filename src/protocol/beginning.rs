//! What the beginning of a reply says, when its end is missing or too far away.
//!
//! Only one thing is worth knowing then: whether rows were refused (1001). Such a reply must not
//! pass for a lost one, because the 409 to the next attempt would then be taken for "stored". Codes
//! that mean anything else stay unknown outcomes, for which the same Request-Id is asked again.

use super::decode::CODE_PART_REFUSED;
use super::messages::Status;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use std::io::Read;

/// Bytes at the beginning of a reply in which its status is looked for.
const BEGINNING_BYTES: usize = 64 << 10;

/// Whether a reply that was not read to its end says that rows were refused.
pub(super) fn begins_with_refused_rows(headers: &HeaderMap, body: &[u8]) -> bool {
    let encoding = headers
        .get(CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let bound = u64::try_from(BEGINNING_BYTES).unwrap_or(u64::MAX);
    let mut beginning = Vec::new();
    // What was inflated before an error is in the buffer all the same.
    let _cut_off = match encoding.as_str() {
        "" | "identity" => body.take(bound).read_to_end(&mut beginning),
        // Damage or a missing end leave what came before it.
        "gzip" | "x-gzip" => flate2::read::MultiGzDecoder::new(body)
            .take(bound)
            .read_to_end(&mut beginning),
        _ => return false,
    };
    let text = beginning.trim_ascii_start();
    let code = if text.first() == Some(&b'{') {
        code_of_json(text)
    } else {
        code_of_protobuf(&beginning)
    };
    code == Some(CODE_PART_REFUSED)
}

/// The code of a status object that is there to its end; the rest may be missing.
fn code_of_json(text: &[u8]) -> Option<i32> {
    struct Statuses<'a>(&'a mut Option<i32>);

    impl<'de> Visitor<'de> for Statuses<'_> {
        type Value = ();

        fn expecting(&self, text: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            text.write_str("a reply")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<String>()? {
                if key == "status" {
                    *self.0 = map.next_value::<JsonStatus>()?.code;
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(())
        }
    }

    #[derive(serde::Deserialize)]
    struct JsonStatus {
        code: Option<i32>,
    }

    let mut code = None;
    // That it ends too early is known; what was found before that counts.
    let _cut_off = serde_json::Deserializer::from_slice(text).deserialize_map(Statuses(&mut code));
    code
}

/// The code of a status message (field 1) that is there to its end.
fn code_of_protobuf(mut body: &[u8]) -> Option<i32> {
    loop {
        let (field, wire) = decode_key(&mut body).ok()?;
        if field == 1 && wire == WireType::LengthDelimited {
            let length = usize::try_from(decode_varint(&mut body).ok()?).ok()?;
            return Some(Status::decode(body.get(..length)?).ok()?.code);
        }
        skip_field(wire, field, &mut body, DecodeContext::default()).ok()?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::messages::{DataError, WriteResponse};
    use super::*;
    use proptest::prelude::*;
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
            br#"{"status":{"code":1001"#,
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
        fn every_cut_behind_the_status_says_1001_and_none_before_it(at in 0_usize..2_000) {
            let whole = protobuf(1001);
            let status = Status { code: 1001, message: "part".to_owned(), success: false };
            let end = 2 + status.encoded_len();
            let cut = whole.get(..at.min(whole.len())).unwrap();
            prop_assert_eq!(says(None, cut), cut.len() >= end);
        }
    }
}
