//! Every published vector is reproduced, and a received signature holds only while nothing changes.

use super::*;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::TimeZone;
use serde::Deserialize;

const REGION: &str = DEFAULT_SIGN_REGION;

#[derive(Deserialize)]
struct Vector<I, E> {
    id: String,
    input: I,
    expected: E,
}

#[derive(Deserialize)]
struct AkSkInput {
    method: String,
    authority: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body_base64: String,
    access_key_id: String,
    secret_access_key: String,
    region: String,
    time_utc: String,
}

#[derive(Deserialize)]
struct AkSkExpected {
    x_date: String,
    x_content_sha256: String,
    authorization: String,
}

fn aksk(access_key: &str, secret_key: &str, region: &str) -> Credentials {
    Credentials::AkSk {
        access_key: access_key.to_owned(),
        secret_key: Secret::new(secret_key),
        session_token: None,
        region: region.to_owned(),
    }
}

fn value<'a>(headers: &'a [(&'static str, String)], name: &str) -> &'a str {
    let found = headers.iter().find(|(key, _)| *key == name);
    found.map(|(_, value)| value.as_str()).unwrap()
}

#[test]
fn every_access_key_vector_is_reproduced_and_verified() {
    let text = include_str!("../../../fixtures/vectors/byteair-aksk.json");
    let vectors: Vec<Vector<AkSkInput, AkSkExpected>> = serde_json::from_str(text).unwrap();
    assert_eq!(vectors.len(), 8);
    for Vector {
        id,
        input,
        expected,
    } in vectors
    {
        let body = BASE64_STANDARD.decode(&input.body_base64).unwrap();
        let digest = payload_digest(&body);
        let now: DateTime<Utc> = input.time_utc.parse().unwrap();
        let credentials = aksk(
            &input.access_key_id,
            &input.secret_access_key,
            &input.region,
        );
        let mut headers: Vec<(&str, &str)> = input
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let request = RequestToSign {
            method: &input.method,
            authority: &input.authority,
            path: &input.path,
            query: &input.query,
            headers: &headers.clone(),
            body: &body,
            payload_sha256: &digest,
        };
        let moment = Moment { now, nonce: "" };
        let added = credentials.sign(&request, moment);
        assert_eq!(value(&added, "X-Date"), expected.x_date, "{id}");
        assert_eq!(
            value(&added, "X-Content-Sha256"),
            expected.x_content_sha256,
            "{id}"
        );
        assert_eq!(
            value(&added, "Authorization"),
            expected.authorization,
            "{id}"
        );
        headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
        let received = RequestToSign {
            headers: &headers,
            ..request
        };
        assert_eq!(verify(&received, &[credentials], now), Ok(()), "{id}");
    }
}

#[derive(Deserialize)]
struct TokenInput {
    token: String,
    tenant_id: String,
    body_base64: String,
    timestamp: String,
    nonce: String,
}

#[derive(Deserialize)]
struct TokenExpected {
    signature: String,
}

#[test]
fn every_token_vector_is_reproduced_and_verified() {
    let text = include_str!("../../../fixtures/vectors/byteair-token.json");
    let vectors: Vec<Vector<TokenInput, TokenExpected>> = serde_json::from_str(text).unwrap();
    assert_eq!(vectors.len(), 4);
    for Vector {
        id,
        input,
        expected,
    } in vectors
    {
        let body = BASE64_STANDARD.decode(&input.body_base64).unwrap();
        let now = DateTime::from_timestamp(input.timestamp.parse().unwrap(), 0).unwrap();
        let token = Credentials::Token {
            token: Secret::new(input.token),
        };
        let moment = Moment {
            now,
            nonce: &input.nonce,
        };
        let headers = [("Tenant-Id", input.tenant_id.as_str())];
        let digest = payload_digest(&body);
        let request = write_request(&headers, &body, &digest);
        let added = token.sign(&request, moment);
        assert_eq!(value(&added, "Tenant-Ts"), input.timestamp, "{id}");
        assert_eq!(value(&added, "Tenant-Nonce"), input.nonce, "{id}");
        assert_eq!(
            value(&added, "Tenant-Signature"),
            expected.signature,
            "{id}"
        );
        let mut all = headers.to_vec();
        all.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
        let received = write_request(&all, &body, &digest);
        let known = [token];
        assert_eq!(verify(&received, &known, now), Ok(()), "{id}");
        let late = now + TOKEN_WINDOW + TOKEN_TOLERANCE + TimeDelta::seconds(1);
        assert_eq!(
            verify(&received, &known, late),
            Err(SignatureFault::Expired(7))
        );
        let other = write_request(&all, b"other", &digest);
        assert_eq!(verify(&other, &known, now), Err(SignatureFault::Mismatch));
    }
}

fn write_request<'a>(
    headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
    payload_sha256: &'a [u8; 32],
) -> RequestToSign<'a> {
    RequestToSign {
        method: "POST",
        authority: "api.byteair.volces.com",
        path: "/data/api/20013144/item",
        query: "method=write&stage=pre_sync",
        headers,
        body,
        payload_sha256,
    }
}

const BODY: &[u8] = br#"[{"id":"38","status":1}]"#;

fn documented_now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2024, 1, 2, 3, 4, 5).unwrap()
}

#[test]
fn the_inline_access_key_vectors_are_reproduced() {
    let credentials = aksk("AKEXAMPLE00000000001", "sk-example-0001", REGION);
    let moment = Moment {
        now: documented_now(),
        nonce: "",
    };
    let digest = payload_digest(BODY);
    let headers = [("Content-Type", "application/json")];
    let added = credentials.sign(&write_request(&headers, BODY, &digest), moment);
    assert!(value(&added, "Authorization").ends_with(
        "SignedHeaders=content-type;host;x-content-sha256;x-date, \
         Signature=4e8bb7dee400d375852e29ec99216d268d0d97c4826948aba9e5c442ea4f5028"
    ));
    let body = hex::decode("0a0708e60f10011801").unwrap();
    let digest = payload_digest(&body);
    let done = RequestToSign {
        method: "POST",
        authority: "127.0.0.1:8080",
        path: "/data/api/20013144/done",
        query: "topic=item&stage=pre_sync",
        headers: &[("Content-Type", "application/x-protobuf")],
        body: &body,
        payload_sha256: &digest,
    };
    let added = credentials.sign(&done, moment);
    assert!(
        value(&added, "Authorization").ends_with(
            "Signature=ec14f4a2b0bde480ffc13430d125d4b986b86518d2a0ab92d558ebf19588aa6a"
        )
    );
}

#[test]
fn the_inline_token_vector_is_reproduced() {
    let token = Credentials::Token {
        token: Secret::new("token-example-0001"),
    };
    let moment = Moment {
        now: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        nonce: "ab12cd34",
    };
    let digest = payload_digest(BODY);
    let headers = [("tenant-id", "2100021")];
    let added = token.sign(&write_request(&headers, BODY, &digest), moment);
    assert_eq!(
        value(&added, "Tenant-Signature"),
        "036c77d672d76f562371ff9bd23c381c76a57347be620728e2c5a40b0e5b3e15"
    );
}

#[test]
fn a_signature_holds_only_for_what_was_signed_and_only_for_a_while() {
    let known = [Credentials::AkSk {
        access_key: "ak".to_owned(),
        secret_key: Secret::new("sk"),
        session_token: Some(Secret::new("sts")),
        region: "cn-north-1".to_owned(),
    }];
    let now = documented_now();
    let digest = payload_digest(BODY);
    let base = [("Content-Type", "application/json"), ("X-Tt-Env", "a")];
    let added = known[0].sign(
        &write_request(&base, BODY, &digest),
        Moment { now, nonce: "" },
    );
    assert!(value(&added, "Authorization").contains("x-security-token;x-tt-env"));
    let mut all = base.to_vec();
    all.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    let received = write_request(&all, BODY, &digest);
    assert_eq!(verify(&received, &known, now), Ok(()));
    let with_port = RequestToSign {
        authority: "api.byteair.volces.com:443",
        ..received
    };
    assert_eq!(verify(&with_port, &known, now), Ok(()));

    let edge = now + ACCESS_KEY_WINDOW;
    assert_eq!(verify(&received, &known, edge), Ok(()));
    assert_eq!(
        verify(&received, &known, edge + TimeDelta::seconds(1)),
        Err(SignatureFault::Expired(901))
    );
    assert!(verify(&received, &known, now - TimeDelta::seconds(901)).is_err());

    let changed = payload_digest(b"[]");
    let other_body = write_request(&all, b"[]", &changed);
    assert_eq!(
        verify(&other_body, &known, now),
        Err(SignatureFault::BodyHash)
    );
    let mismatches = [
        RequestToSign {
            path: "/data/api/20013144/user",
            ..received
        },
        RequestToSign {
            query: "method=write",
            ..received
        },
        RequestToSign {
            method: "GET",
            ..received
        },
        RequestToSign {
            authority: "api.byteair.volces.com:8443",
            ..received
        },
    ];
    for request in mismatches {
        assert_eq!(verify(&request, &known, now), Err(SignatureFault::Mismatch));
    }
    let other_secret = [aksk("ak", "other", REGION)];
    assert_eq!(
        verify(&received, &other_secret, now),
        Err(SignatureFault::Mismatch)
    );
    let other_key = [aksk("other", "sk", REGION)];
    assert_eq!(
        verify(&received, &other_key, now),
        Err(SignatureFault::UnknownKey)
    );
    let unsigned = write_request(&base, BODY, &digest);
    assert_eq!(verify(&unsigned, &known, now), Err(SignatureFault::Missing));
}

#[test]
fn malformed_signature_headers_are_faults_and_no_panics() {
    let known = [
        aksk("ak", "sk", REGION),
        Credentials::Token {
            token: Secret::new("t"),
        },
    ];
    let digest = payload_digest(b"");
    for authorization in [
        "",
        "HMAC-SHA256",
        "HMAC-SHA256 Credential=ak/20240102/r/air/request",
        "HMAC-SHA256 Credential=ak, SignedHeaders=host, Signature=0",
        "HMAC-SHA256 Credential=ak//r/air/request, SignedHeaders=, Signature=",
        "HMAC-SHA256 Credential=ak/20240102/r/air/request, SignedHeaders=x-gone, Signature=0",
        "Basic x",
    ] {
        let headers = [
            ("Authorization", authorization),
            ("X-Date", "20240102T030405Z"),
        ];
        let fault = verify(
            &write_request(&headers, b"", &digest),
            &known,
            documented_now(),
        );
        assert_eq!(
            fault,
            Err(SignatureFault::Malformed("Authorization")),
            "{authorization}"
        );
    }
    let headers = [
        ("Tenant-Signature", "0"),
        ("Tenant-Id", "1"),
        ("Tenant-Ts", "soon"),
        ("Tenant-Nonce", "n"),
    ];
    let fault = verify(
        &write_request(&headers, b"", &digest),
        &known,
        documented_now(),
    );
    assert_eq!(fault, Err(SignatureFault::Malformed("Tenant-Ts")));
}

#[test]
fn debug_output_hides_secrets() {
    let credentials = Credentials::AkSk {
        access_key: "AKEXAMPLE00000000001".to_owned(),
        secret_key: Secret::new("sk-secret"),
        session_token: Some(Secret::new("sts-secret")),
        region: REGION.to_owned(),
    };
    let shown = format!(
        "{credentials:?} {:?}",
        Credentials::Token {
            token: Secret::new("t-secret")
        }
    );
    assert!(
        !shown.contains("secret") && !shown.contains("00001"),
        "{shown}"
    );
}
