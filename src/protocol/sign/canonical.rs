//! The canonical forms that signatures are made over, and their hash primitives.
//!
//! Both signers of this program (the platform's and Huawei's) build on these; where their rules
//! differ, each does its own part.

use chrono::{DateTime, NaiveDateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

/// All but `A–Z a–z 0–9 - _ . ~` (Go `volc_auth.go`, Huawei `signer.py`).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Percent-encodes everything but the unreserved characters; a space becomes `%20`, never `+`.
pub fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// SHA-256 of a body's bytes on the wire. Computed once per body and used by every attempt.
pub fn payload_digest(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

/// Bytes of a SHA-256 block: what an HMAC key is padded to.
const BLOCK_BYTES: usize = 64;

pub(in crate::protocol) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; BLOCK_BYTES];
    let digest;
    let key = if key.len() > BLOCK_BYTES {
        digest = payload_digest(key);
        digest.as_slice()
    } else {
        key
    };
    for (slot, byte) in block.iter_mut().zip(key) {
        *slot = *byte;
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Decodes each segment of a path and encodes it again; an empty path is `/`.
pub(in crate::protocol) fn canonical_path(path: &str) -> String {
    if path.is_empty() {
        return "/".to_owned();
    }
    path.split('/')
        .map(|segment| percent_encode(&percent_decode_str(segment).decode_utf8_lossy()))
        .collect::<Vec<_>>()
        .join("/")
}

/// Decodes a query into pairs, sorts them by `order` and encodes them again.
pub(in crate::protocol) fn canonical_query(
    query: &str,
    order: impl Fn(&(String, String), &(String, String)) -> std::cmp::Ordering,
) -> String {
    let decode = |text: &str| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect();
    pairs.sort_by(order);
    pairs
        .iter()
        .map(|(key, value)| format!("{}={}", percent_encode(key), percent_encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// The lower-case names among `headers` that `wanted` takes, sorted, each once.
pub(in crate::protocol) fn signed_names(
    headers: &[(&str, &str)],
    wanted: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut names: Vec<String> = headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .filter(|name| wanted(name))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// `name:value\n` for each name, in the given order; values of a repeated header are joined by
/// commas. `None` when a named header is not there.
pub(in crate::protocol) fn canonical_headers(
    names: &[String],
    headers: &[(&str, &str)],
) -> Option<String> {
    let mut lines = String::new();
    for name in names {
        let values: Vec<&str> = headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect();
        if values.is_empty() {
            return None;
        }
        lines.push_str(name);
        lines.push(':');
        lines.push_str(&values.join(","));
        lines.push('\n');
    }
    Some(lines)
}

/// The form of `X-Date` and `X-Sdk-Date`.
pub(in crate::protocol) const INSTANT_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// Reads an `X-Date` or `X-Sdk-Date`.
pub(in crate::protocol) fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, INSTANT_FORMAT)
        .ok()
        .map(|instant| instant.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_sorted_and_encoded_with_the_unreserved_set() {
        let by_key = |a: &(String, String), b: &(String, String)| a.0.cmp(&b.0);
        assert_eq!(
            canonical_query("z=%e5%80%bc+x&k=b&k=a&y=~/?&empty", by_key),
            "empty=&k=b&k=a&y=~%2F%3F&z=%E5%80%BC%20x"
        );
        assert_eq!(canonical_query("", by_key), "");
    }

    #[test]
    fn a_path_keeps_its_slashes() {
        assert_eq!(canonical_path("/a%3ab/c d/~"), "/a%3Ab/c%20d/~");
        assert_eq!(canonical_path(""), "/");
    }

    #[test]
    fn hmac_agrees_with_rfc_4231_for_short_and_long_keys() {
        assert_eq!(
            hex::encode(hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex::encode(hmac_sha256(
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First"
            )),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }
}
