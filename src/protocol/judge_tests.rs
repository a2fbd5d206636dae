//! Each line of `cli.md` section 4 and each text of `byteair-api.md` 6.1.

use super::*;
use crate::domain::RowError;
use chrono::TimeZone;
use http::HeaderValue;

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2024, 1, 2, 3, 4, 5).unwrap()
}

fn judge_json(status: u16, body: &str) -> Judged {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    judge(status, &headers, body.as_bytes(), now(), &Mask::default())
}

fn verdict_of_code(status: u16, code: i32) -> Verdict {
    judge_json(status, &format!(r#"{{"status":{{"code":{code}}}}}"#)).verdict
}

fn verdict_of_page(status: u16) -> Verdict {
    let page = b"<html>sorry</html>";
    judge(status, &HeaderMap::new(), page, now(), &Mask::default()).verdict
}

#[test]
fn a_status_object_without_a_code_under_2xx_is_accepted() {
    assert_eq!(verdict_of_code(200, 0), Verdict::Accepted);
    assert_eq!(verdict_of_code(201, 0), Verdict::Accepted);
    assert_eq!(
        judge_json(200, r#"{"status":{}}"#).verdict,
        Verdict::Accepted
    );
}

#[test]
fn a_2xx_without_a_status_object_says_nothing() {
    for body in ["", "{}", "[]", "<html>log in</html>", "\n\u{0}"] {
        assert_eq!(judge_json(200, body).verdict, Verdict::Unknown, "{body}");
    }
    assert_eq!(
        judge(204, &HeaderMap::new(), b"", now(), &Mask::default()).verdict,
        Verdict::Unknown
    );
    assert_eq!(verdict_of_page(200), Verdict::Unknown);
}

#[test]
fn codes_in_the_body_win_over_the_http_status() {
    for status in [200, 400, 500] {
        for (code, verdict) in [
            (400, Verdict::PoisonSuspected),
            (401, Verdict::Unauthorized),
            (403, Verdict::Unauthorized),
            (409, Verdict::Duplicate),
            (413, Verdict::TooLarge),
            (429, Verdict::Throttled),
            (500, Verdict::ServerError),
            (503, Verdict::ServerError),
            (404, Verdict::NotFound),
            (410, Verdict::Unexpected),
            (200, Verdict::Unexpected),
            (1002, Verdict::Unexpected),
            (2001, Verdict::Unexpected),
            (-1, Verdict::Unexpected),
        ] {
            assert_eq!(
                verdict_of_code(status, code),
                verdict,
                "HTTP {status}, {code}"
            );
        }
    }
}

#[test]
fn a_gateway_status_leaves_the_outcome_unknown_whatever_its_body() {
    for status in [408, 502, 503, 504] {
        for code in [0, 429, 400, 500, 1001] {
            assert_eq!(verdict_of_code(status, code), Verdict::Unknown);
        }
        assert_eq!(verdict_of_page(status), Verdict::Unknown);
    }
}

#[test]
fn without_a_readable_status_the_http_status_decides() {
    for (status, verdict) in [
        (301, Verdict::Unexpected),
        (307, Verdict::Unexpected),
        (400, Verdict::PoisonSuspected),
        (401, Verdict::Unauthorized),
        (403, Verdict::Unauthorized),
        (404, Verdict::NotFound),
        (405, Verdict::Unexpected),
        (409, Verdict::Duplicate),
        (410, Verdict::Unexpected),
        (413, Verdict::TooLarge),
        (429, Verdict::Throttled),
        (500, Verdict::Unknown),
        (520, Verdict::Unknown),
    ] {
        assert_eq!(verdict_of_page(status), verdict, "HTTP {status}");
        if status >= 300 {
            assert_eq!(verdict_of_code(status, 0), verdict, "HTTP {status}, code 0");
        }
    }
}

#[test]
fn a_partial_refusal_carries_its_rows() {
    let judged = judge_json(
        200,
        r#"{"status":{"code":1001,"message":"part"},"errors":[{"message":"why","data":"{}"}]}"#,
    );
    let error = RowError {
        message: "why".to_owned(),
        data: "{}".to_owned(),
    };
    assert_eq!(judged.verdict, Verdict::PartRefused(vec![error]));
    assert_eq!((judged.code, judged.message.as_str()), (Some(1001), "part"));
    assert_eq!(verdict_of_code(200, 1001), Verdict::PartRefused(Vec::new()));
}

#[test]
fn every_documented_400_has_its_own_meaning() {
    let date = |state| Verdict::Date(state);
    for (message, verdict) in [
        (
            "Can't find configuration for tenant/application_id:9, please check your tenant/application_id and path.",
            Verdict::Setup(SetupFault::Application),
        ),
        (
            "Can't support scene:x, please check your scene/topic.",
            Verdict::Setup(SetupFault::Topic),
        ),
        (
            "Syncing is end or not start in stage(pre_sync) for tenant/application_id(9) topic(item), please check the 'stage'",
            Verdict::Setup(SetupFault::Stage),
        ),
        (
            "Find no data schema of tenant_id(1) tenant/application_id(9), please check your tenant_id and retry",
            Verdict::Setup(SetupFault::Schema),
        ),
        ("Data is empty", Verdict::ClientBug),
        (
            "The value(x) of 'Content-Date' header is invalid, please format it like this: '20060102' or '2006-01-02' or RFC3339",
            Verdict::ClientBug,
        ),
        ("Syncing is not allowed when acked.", date(DateState::Acked)),
        (
            "Syncing or ack is not allowed when data cleaning.",
            date(DateState::DataCleaning),
        ),
        (
            "Syncing or ack is not allowed when done.",
            date(DateState::Done),
        ),
        (
            "Syncing or ack is not allowed when failed.",
            date(DateState::Failed),
        ),
        (
            "Syncing or ack is not allowed when skipped.",
            date(DateState::Skipped),
        ),
        (
            "Syncing or ack is not allowed when realtime cutoff.",
            date(DateState::RealtimeCutoff),
        ),
        (
            "parse partition_date(2006010) error, format should be YYYYMMDD, reqBody:[map[partition_date:2006010]]",
            Verdict::ClientBug,
        ),
        ("row 3: price is not a number", Verdict::PoisonSuspected),
    ] {
        let body = serde_json::json!({"status": {"code": 400, "message": message}});
        assert_eq!(
            judge_json(200, &body.to_string()).verdict,
            verdict,
            "{message}"
        );
    }
}

#[test]
fn retry_after_is_read_in_both_forms() {
    let with = |retry_after: &'static str, date: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(retry_after));
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_static(date));
        }
        judge(429, &headers, b"", now(), &Mask::default())
    };
    let seconds = |n| Some(Duration::from_secs(n));
    assert_eq!(with("7", None).retry_after, seconds(7));
    assert_eq!(
        with("Tue, 02 Jan 2024 03:04:15 GMT", None).retry_after,
        seconds(10)
    );
    let skewed = with(
        "Tue, 02 Jan 2024 09:00:30 GMT",
        Some("Tue, 02 Jan 2024 09:00:00 GMT"),
    );
    assert_eq!(skewed.retry_after, seconds(30));
    assert_eq!(
        skewed.server_time,
        Some(Utc.with_ymd_and_hms(2024, 1, 2, 9, 0, 0).unwrap())
    );
    assert_eq!(
        with("Mon, 01 Jan 2024 00:00:00 GMT", None).retry_after,
        seconds(0)
    );
    assert_eq!(
        with("18446744073709551615", None).retry_after,
        Some(MAX_RETRY_AFTER)
    );
    assert_eq!(with("soon", None).retry_after, None);
    assert_eq!(with("-1", None).retry_after, None);
}

#[test]
fn messages_are_bounded_and_cannot_steer_a_terminal() {
    let long = "字".repeat(2 * MAX_MESSAGE_CHARS);
    let body = serde_json::json!({"status": {"code": 429, "message": format!("a\u{1b}[31m\nb\u{202e}{long}")}});
    let message = judge_json(429, &body.to_string()).message;
    assert!(message.starts_with("a[31m b字"), "{message}");
    assert_eq!(message.chars().count(), MAX_MESSAGE_CHARS);
    for nothing in ["", " \u{7}\u{202e}"] {
        let body = serde_json::json!({"status": {"code": 429, "message": nothing}});
        let message = judge_json(429, &body.to_string()).message;
        assert_eq!(message, "HTTP 429, code 429");
    }
}

#[test]
fn reasons_for_rows_are_bounded_and_quote_no_credentials() {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let long = "x".repeat(10_000);
    let body = format!(
        r#"{{"status":{{"code":1001,"message":"key AK-quoted-back"}},
            "errors":[{{"message":"\u001b AK-quoted-back {long}"}}]}}"#
    );
    let mask = Mask::new(["AK-quoted-back"]);
    let judged = judge(200, &headers, body.as_bytes(), now(), &mask);
    assert_eq!(judged.message, "key ***");
    let Verdict::PartRefused(errors) = judged.verdict else {
        panic!("{judged:?}");
    };
    let reason = &errors[0].message;
    assert!(reason.starts_with(" *** xxx"), "{reason}");
    assert_eq!(reason.chars().count(), MAX_MESSAGE_CHARS);
}
