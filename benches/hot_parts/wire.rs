//! The two ends of a request: signing it, and reading and judging the reply.

use byteair_sync::domain::Secret;
use byteair_sync::protocol::messages::{DataError, Status, WriteResponse};
use byteair_sync::protocol::sign::{
    Credentials, DEFAULT_SIGN_REGION, Moment, RequestToSign, payload_digest,
};
use byteair_sync::protocol::{Mask, judge};
use chrono::{DateTime, Utc};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use http::{HeaderMap, HeaderValue, header};
use prost::Message;

/// Refused rows of the longer reply.
const REFUSED: usize = 1_000;

#[divan::bench]
fn signature_with_an_access_key(bencher: Bencher<'_, '_>) {
    sign(
        bencher,
        &Credentials::AkSk {
            access_key: "AKBENCHMARK000000001".to_owned(),
            secret_key: Secret::new("benchmark-secret-key"),
            session_token: None,
            region: DEFAULT_SIGN_REGION.to_owned(),
        },
    );
}

#[divan::bench]
fn signature_with_a_token(bencher: Bencher<'_, '_>) {
    let token = Secret::new("benchmark-token");
    sign(bencher, &Credentials::Token { token });
}

/// Signs a request whose body is short: the token's signature would hash all of it.
fn sign(bencher: Bencher<'_, '_>, credentials: &Credentials) {
    let payload_sha256 = payload_digest(b"[]");
    let headers = [
        ("Tenant-Id", "2100021"),
        ("Request-Id", "5f6d5d3e-5b4f-5c57-8a4f-1c0f6f2e7d10"),
        ("Content-Type", "application/json"),
        ("Content-Encoding", "gzip"),
        ("Accept", "application/x-protobuf"),
        ("Accept-Encoding", "gzip"),
        ("Content-Date", "2022-01-01"),
    ];
    let request = RequestToSign {
        method: "POST",
        authority: "api.byteair.volces.com",
        path: "/data/api/20013144/item",
        query: "method=write&stage=history_sync",
        headers: &headers,
        body: b"[]",
        payload_sha256: &payload_sha256,
    };
    let moment = Moment {
        now: DateTime::<Utc>::UNIX_EPOCH,
        nonce: "abcdefgh",
    };
    bencher.bench_local(|| credentials.sign(black_box(&request), moment));
}

#[divan::bench]
fn reply_that_takes_everything(bencher: Bencher<'_, '_>) {
    measure_reply(
        bencher,
        &WriteResponse {
            status: Some(Status::default()),
            errors: Vec::new(),
        },
    );
}

#[divan::bench]
fn reply_that_refuses_a_thousand_rows(bencher: Bencher<'_, '_>) {
    let error = DataError {
        message: "the field goods_id is missing".to_owned(),
        data: r#"{"title":"旗舰款","current_price":210.01}"#.to_owned(),
    };
    measure_reply(
        bencher,
        &WriteResponse {
            status: Some(Status {
                code: 1001,
                message: "part of the data is wrong".to_owned(),
                success: false,
            }),
            errors: vec![error; REFUSED],
        },
    );
}

fn measure_reply(bencher: Bencher<'_, '_>, reply: &WriteResponse) {
    let body = reply.encode_to_vec();
    let mut headers = HeaderMap::new();
    let protobuf = HeaderValue::from_static("application/x-protobuf");
    headers.insert(header::CONTENT_TYPE, protobuf);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench_local(|| {
            judge(
                200,
                &headers,
                black_box(&body),
                DateTime::UNIX_EPOCH,
                &Mask::default(),
            )
        });
}
