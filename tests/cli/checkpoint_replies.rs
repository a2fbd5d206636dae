//! `checkpoint` against a scripted server: what is sent, what is checked before, what each reply leads to.

use crate::huawei::{ACCESS_KEY, CONSUMER, PROJECT, SECRET_KEY, assert_signed, json, place_with};
use crate::recorder::Recorder;
use serde_json::Value;

/// No checkpoint yet, and every commit is taken.
fn first(method: &str) -> crate::reply::Reply {
    match method {
        "GET" => json(200, r#"{"sequence_number":"-1","metadata":""}"#),
        _ => json(201, ""),
    }
}

#[test]
fn a_commit_looks_first_and_both_requests_are_as_documented() {
    let recorder = Recorder::answering(|request, _| first(&request.method));
    let place = place_with(&recorder);
    place
        .end(&format!("checkpoint commit {CONSUMER} --sequence 2"))
        .expect(0);
    let requests = recorder.everything();
    assert_eq!(requests.len(), 2);
    let path = format!("/v2/{PROJECT}/checkpoints");
    for request in &requests {
        assert_signed(request);
        assert_eq!(request.path, path);
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("x-project-id"), Some(PROJECT));
    }
    assert_eq!(
        (requests[0].method.as_str(), requests[0].query.as_str()),
        (
            "GET",
            "app_name=newapp&checkpoint_type=LAST_READ&partition_id=shardId-0000000000&stream_name=newstream"
        )
    );
    assert_eq!(
        (requests[1].method.as_str(), requests[1].query.as_str()),
        ("POST", "")
    );
    let body: Value = serde_json::from_slice(&requests[1].text).unwrap();
    assert_eq!(
        body,
        serde_json::json!({
            "stream_name": "newstream", "app_name": "newapp", "partition_id": "shardId-0000000000",
            "sequence_number": "2", "checkpoint_type": "LAST_READ"
        })
    );
}

#[test]
fn every_rule_is_checked_before_anything_is_sent() {
    let recorder = Recorder::answering(|request, _| first(&request.method));
    let place = place_with(&recorder);
    let long_stream = "s".repeat(65);
    let long_app = "a".repeat(201);
    let long_metadata = "m".repeat(1001);
    for (words, said) in [
        (
            "--stream a.b --app a --partition 0 --sequence 1",
            "letters, digits",
        ),
        (
            &format!("--stream {long_stream} --app a --partition 0 --sequence 1"),
            "1 to 64",
        ),
        (
            &format!("--stream s --app {long_app} --partition 0 --sequence 1"),
            "1 to 200",
        ),
        (
            "--stream s --app a --partition shardId-0 --sequence 1",
            "shardId-0000000000",
        ),
        (
            "--stream s --app a --partition=-1 --sequence 1",
            "not a partition",
        ),
        (
            "--stream s --app a --partition 0 --sequence=-1",
            "from 0 to 9223372036854775807",
        ),
        (
            "--stream s --app a --partition 0 --sequence 9223372036854775808",
            "from 0 to",
        ),
        (
            "--stream s --app a --partition 0 --sequence 1 --type LAST_WRITTEN",
            "LAST_READ",
        ),
        (
            &format!("--stream s --app a --partition 0 --sequence 1 --metadata {long_metadata}"),
            "1001 characters",
        ),
        ("--stream s --app a --partition 0", "--sequence"),
        (
            "--stream s --app a --partition 0 --sequence 1 --endpoint ftp://a",
            "write it as https://",
        ),
        (
            "--stream s --app a --partition 0 --sequence 1 --endpoint http://192.0.2.1",
            "plain http",
        ),
        (
            "--stream s --app a --partition 0 --sequence 1 --project-id a/b",
            "a project",
        ),
    ] {
        place
            .end(&format!("checkpoint commit {words}"))
            .expect(2)
            .says(said);
    }
    assert!(recorder.everything().is_empty());
}

#[test]
fn what_is_not_set_is_named_before_anything_is_sent() {
    let recorder = Recorder::answering(|request, _| first(&request.method));
    let mut place = place_with(&recorder);
    for (variable, said) in [
        ("BYTEAIR_PROJECT_ID", "project id is missing"),
        ("HUAWEICLOUD_SDK_SK", "secret key is missing"),
        ("HUAWEICLOUD_SDK_AK", "no credentials for Huawei Cloud"),
        ("BYTEAIR_ENDPOINT", "give --huawei-region"),
    ] {
        let before = place_with(&recorder);
        place.set(variable, "");
        if variable == "HUAWEICLOUD_SDK_AK" {
            place.set("HUAWEICLOUD_SDK_SK", "");
        }
        place
            .end(&format!("checkpoint commit {CONSUMER} --sequence 1"))
            .expect(2)
            .says(said);
        place = before;
    }
    assert!(recorder.everything().is_empty());
}

#[test]
fn throttling_that_comes_as_400_and_lost_replies_are_asked_again() {
    let recorder = Recorder::answering(|request, number| match (request.method.as_str(), number) {
        ("GET", 0) => json(
            400,
            r#"{"errorCode":"DIS.4303","message":"Exceeded traffic control limit."}"#,
        ),
        ("GET", 1) => json(
            400,
            r#"{"error_code":"DIS.4305","error_msg":"Too many stream requests."}"#,
        ),
        ("GET", 2) => json(500, r#"{"code":"DIS.5000","message":"System error."}"#),
        ("POST", 4) => crate::reply::Reply::bare(502),
        ("POST", 6) => crate::reply::Reply::Cut,
        (method, _) => first(method),
    });
    let place = place_with(&recorder);
    place
        .end(&format!("checkpoint commit {CONSUMER} --sequence 2"))
        .expect(0);
    let methods: Vec<String> = recorder
        .everything()
        .iter()
        .map(|it| it.method.clone())
        .collect();
    // Each attempt looks again, so that one that is late cannot set another one back.
    assert_eq!(methods.join(" "), "GET GET GET GET POST GET POST GET POST");
}

#[test]
fn an_attempt_of_unknown_outcome_does_not_set_a_newer_checkpoint_back() {
    let recorder = Recorder::answering(|request, number| match (request.method.as_str(), number) {
        ("GET", 2) => json(200, r#"{"sequence_number":"50"}"#),
        ("POST", _) => crate::reply::Reply::Cut,
        (method, _) => first(method),
    });
    let place = place_with(&recorder);
    place
        .end(&format!("checkpoint commit {CONSUMER} --sequence 2"))
        .expect(6)
        .says("is at 50 already");
    assert_eq!(recorder.everything().len(), 3);
}

/// HTTP status and body of a reply, the exit status, and what is said.
const REFUSALS: [(u16, &str, i32, &str); 12] = [
    (
        400,
        r#"{"errorCode":"DIS.4301","message":"The stream does not exist."}"#,
        6,
        "check --stream",
    ),
    (
        400,
        r#"{"error_code":"DIS.4302","error_msg":"Partition does not exist."}"#,
        6,
        "check --partition",
    ),
    (
        400,
        r#"{"errorCode":"DIS.4117","message":"Invalid Project Id."}"#,
        6,
        "My Credentials",
    ),
    (
        400,
        r#"{"errorCode":"DIS.4224","message":"Sequence_number out of range. [5280][ should be within ][0][ ][617]"}"#,
        6,
        "[5280][ should be within ][0][ ][617]",
    ),
    (
        400,
        r#"{"error":{"code":"DIS.4332","message":"App not found."}}"#,
        6,
        "--create-app",
    ),
    (
        400,
        r#"{"errorCode":"DIS.4309","message":"Too many request failures."}"#,
        5,
        "locked out",
    ),
    (
        403,
        r#"{"error_code":"DIS.4116","error_msg":"Invalid RBAC."}"#,
        12,
        "lacks a right",
    ),
    (
        401,
        r#"{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information: verify aksk signature fail"}"#,
        12,
        "this machine's clock",
    ),
    (441, "", 12, "check the access key"),
    (
        404,
        r#"{"error_code":"APIGW.0101","error_msg":"The API does not exist"}"#,
        6,
        "does not know the call",
    ),
    (404, "<html>not here</html>", 6, "HTTP 404"),
    (400, "", 6, "HTTP 400"),
];

#[test]
fn what_a_refusal_says_is_shown_with_what_to_do_and_decides_the_status() {
    for (http, body, status, said) in REFUSALS {
        let recorder = Recorder::answering(move |request, _| match request.method.as_str() {
            "GET" => first("GET"),
            _ => json(http, body).with("X-Request-Id", "req-0815"),
        });
        place_with(&recorder)
            .end(&format!("checkpoint commit {CONSUMER} --sequence 2"))
            .expect(status)
            .says(said)
            .says("was not committed")
            .says("req-0815");
    }
}

#[test]
fn no_checkpoint_has_two_spellings_and_both_are_status_8() {
    for (status, body) in [
        (200, r#"{"sequence_number":"-1"}"#),
        (
            400,
            r#"{"errorCode":"DIS.4375","message":"The app does not commit checkpoint"}"#,
        ),
    ] {
        let recorder = Recorder::answering(move |_, _| json(status, body));
        let place = place_with(&recorder);
        place
            .end(&format!("checkpoint get {CONSUMER}"))
            .expect(8)
            .says("no checkpoint yet");
    }
}

#[test]
fn replies_that_say_nothing_are_asked_again_and_end_as_unknown() {
    for body in ["", "<html>", "{}", r#"{"sequence_number":"ten"}"#] {
        let recorder = Recorder::answering(move |_, _| json(200, body));
        let place = place_with(&recorder);
        place
            .end(&format!("checkpoint get {CONSUMER} --retry-for 2s"))
            .expect(5)
            .says("not with the checkpoint");
        assert!(recorder.everything().len() > 1);
    }
}

#[test]
fn secrets_that_a_server_quotes_are_hidden() {
    let recorder = Recorder::answering(|request, _| {
        let quoted = request.header("authorization").unwrap_or_default();
        json(
            401,
            &serde_json::json!({"code": "APIGW.0301", "message": quoted}).to_string(),
        )
    });
    let place = place_with(&recorder);
    let ran = place
        .end(&format!("checkpoint get {CONSUMER} -v --json"))
        .expect(12);
    for secret in [ACCESS_KEY, SECRET_KEY, "Signature="] {
        assert!(
            !ran.errors.contains(secret) && !ran.output.contains(secret),
            "{ran:?}"
        );
    }
}

#[test]
fn a_rotated_key_in_a_file_is_read_again_after_a_refusal() {
    let mut place = place_with(&Recorder::new());
    place.file("ak", "AKOLD000000000000001");
    let (path, rotated) = (place.path("ak"), place.path("ak"));
    let recorder = Recorder::answering(move |request, number| {
        if number == 0 {
            std::fs::write(&rotated, ACCESS_KEY).unwrap();
            return json(
                401,
                r#"{"error_code":"APIGW.0301","error_msg":"unknown key"}"#,
            );
        }
        first(&request.method)
    });
    place.set("BYTEAIR_ENDPOINT", &format!("http://{}", recorder.address));
    place.set("HUAWEICLOUD_SDK_AK", "");
    place.set("HUAWEICLOUD_SDK_AK_FILE", path.to_str().unwrap());
    place.end(&format!("checkpoint get {CONSUMER}")).expect(8);
    let requests = recorder.everything();
    assert_eq!(requests.len(), 2);
    assert_signed(&requests[1]);
}
