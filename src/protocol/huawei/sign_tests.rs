//! Every published vector is reproduced, and a received signature holds only while nothing changes.

use super::*;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::TimeZone;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Vector {
    id: String,
    input: Input,
    expected: Expected,
}

#[derive(Deserialize)]
struct Input {
    method: String,
    authority: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body_base64: String,
    access_key: String,
    secret_key: String,
    security_token: Option<String>,
    time_utc: String,
}

#[derive(Deserialize)]
struct Expected {
    signed_headers: String,
    authorization: String,
}

/// Headers that the signer adds by itself.
const ADDED: [&str; 4] = [
    "host",
    "x-sdk-date",
    "x-security-token",
    "x-sdk-content-sha256",
];

#[test]
fn every_vector_is_reproduced_and_verified() {
    let text = include_str!("../../../fixtures/vectors/huawei-sdk-hmac.json");
    let vectors: Vec<Vector> = serde_json::from_str(text).unwrap();
    assert_eq!(vectors.len(), 6);
    for Vector {
        id,
        input,
        expected,
    } in vectors
    {
        let body = BASE64_STANDARD.decode(&input.body_base64).unwrap();
        let now: DateTime<Utc> = input.time_utc.parse().unwrap();
        let secret_key = Secret::new(input.secret_key);
        let token = input.security_token.map(Secret::new);
        let key = HuaweiKey {
            access_key: &input.access_key,
            secret_key: &secret_key,
            security_token: token.as_ref(),
        };
        let mut headers: Vec<(&str, &str)> = input
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| !ADDED.contains(name))
            .collect();
        let request = HuaweiRequest {
            method: &input.method,
            host: &input.authority,
            path: &input.path,
            query: &input.query,
            headers: &headers.clone(),
            body: &body,
        };
        let added = sign(&request, &key, now);
        let authorization = &added.last().unwrap().1;
        assert_eq!(*authorization, expected.authorization, "{id}");
        let signed = format!("SignedHeaders={},", expected.signed_headers);
        assert!(authorization.contains(&signed), "{id}");
        headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
        let received = HuaweiRequest {
            headers: &headers,
            ..request
        };
        assert_eq!(verify(&received, &key, now), Ok(()), "{id}");
    }
}

const PROJECT: &str = "0123456789abcdef0123456789abcdef";

fn inline_signature(method: &str, last: &str, query: &str, body: &[u8]) -> String {
    let secret_key = Secret::new("sk-example-0001");
    let key = HuaweiKey {
        access_key: "AKEXAMPLE00000000001",
        secret_key: &secret_key,
        security_token: None,
    };
    let request = HuaweiRequest {
        method,
        host: "dis.cn-north-1.myhuaweicloud.com",
        path: &format!("/v2/{PROJECT}/{last}"),
        query,
        headers: &[
            ("Content-Type", "application/json"),
            ("X-Project-Id", PROJECT),
        ],
        body,
    };
    let now = Utc.with_ymd_and_hms(2024, 1, 2, 3, 4, 5).unwrap();
    let authorization = sign(&request, &key, now).pop().unwrap().1;
    authorization.split_once("Signature=").unwrap().1.to_owned()
}

#[test]
fn the_inline_vectors_are_reproduced() {
    let body = br#"{"app_name":"newapp","checkpoint_type":"LAST_READ","stream_name":"newstream","partition_id":"0","sequence_number":"2"}"#;
    assert_eq!(
        inline_signature("POST", "checkpoints", "", body),
        "c11ba8ecda99d4c5781791273bc802b122fb3fff0b0453dafe225ce7170cc25c"
    );
    let query = "stream-name=newstream&partition-id=shardId-0000000000\
                 &cursor-type=AT_SEQUENCE_NUMBER&starting-sequence-number=10";
    assert_eq!(
        inline_signature("GET", "cursors", query, b""),
        "ed66387726401e54cbcc8046ba5448bfd27e4fa212614a2203f153f708a15493"
    );
}

#[test]
fn a_signature_holds_only_for_what_was_signed_and_only_for_a_while() {
    let secret_key = Secret::new("sk");
    let key = HuaweiKey {
        access_key: "ak",
        secret_key: &secret_key,
        security_token: None,
    };
    let now = Utc.with_ymd_and_hms(2024, 1, 2, 3, 4, 5).unwrap();
    let request = HuaweiRequest {
        method: "POST",
        host: "h",
        path: "/v2/p/checkpoints",
        query: "",
        headers: &[("Content-Type", "application/json")],
        body: b"{}",
    };
    assert_eq!(verify(&request, &key, now), Err(SignatureFault::Missing));
    let added = sign(&request, &key, now);
    let mut headers = request.headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    let received = HuaweiRequest {
        headers: &headers,
        ..request
    };
    assert_eq!(verify(&received, &key, now + CLOCK_WINDOW), Ok(()));
    let late = now + CLOCK_WINDOW + TimeDelta::seconds(1);
    assert_eq!(
        verify(&received, &key, late),
        Err(SignatureFault::Expired(901))
    );
    let changed = HuaweiRequest {
        body: b"[]",
        ..received
    };
    assert_eq!(verify(&changed, &key, now), Err(SignatureFault::Mismatch));
    let other = HuaweiKey {
        access_key: "other",
        ..key
    };
    assert_eq!(
        verify(&received, &other, now),
        Err(SignatureFault::UnknownKey)
    );
}
