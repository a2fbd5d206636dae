//! `checkpoint` against the sandbox: what is committed stays, and never goes back by itself.

use crate::huawei::{CONSUMER, PROJECT, Sandbox, TOKEN, place_at};

#[test]
fn a_checkpoint_is_committed_got_and_deleted() {
    let mut sandbox = Sandbox::start("");
    let place = place_at(sandbox.address);
    let (commit, get, delete) = (
        format!("checkpoint commit {CONSUMER}"),
        format!("checkpoint get {CONSUMER}"),
        format!("checkpoint delete {CONSUMER}"),
    );
    place
        .end(&format!("{commit} --sequence 7"))
        .expect(6)
        .says("DIS.4332")
        .says("--create-app");
    place
        .end(&format!("{commit} --sequence 7 --create-app"))
        .expect(0)
        .says("is at 7, its first");
    place
        .end(&format!("{commit} --sequence 12 --metadata run-3"))
        .expect(0)
        .says("from 7 to 12");
    let got = place.end(&format!("{get} --json")).expect(0);
    let line = &got.lines()[0];
    assert_eq!(
        (&line["type"], &line["sequence_number"], &line["metadata"]),
        (&"checkpoint".into(), &"12".into(), &"run-3".into()),
        "{line}"
    );
    got.summary();
    sandbox.restart();
    let place = place_at(sandbox.address);
    let checkpoint = &sandbox.state()["checkpoints"][0];
    assert_eq!(
        checkpoint["partition"], "shardId-0000000000",
        "{checkpoint}"
    );
    assert_eq!(checkpoint["sequence_number"], "12");
    assert_eq!(checkpoint["project"], PROJECT);
    place
        .end(&get)
        .expect(0)
        .says("sequence number  12\nmetadata         run-3\n");
    place.end(&delete).expect(0).says("is deleted");
    place.end(&get).expect(8).says("has no checkpoint yet");
    assert_eq!(sandbox.state()["checkpoints"], serde_json::json!([]));
}

#[test]
fn an_older_checkpoint_overwrites_a_newer_one_only_when_that_is_asked_for() {
    let sandbox = Sandbox::start("");
    let place = place_at(sandbox.address);
    let commit = format!("checkpoint commit {CONSUMER} --create-app --sequence");
    place
        .end(&format!("{commit} 9223372036854775807"))
        .expect(0);
    place
        .end(&format!("{commit} 41"))
        .expect(6)
        .says("is at 9223372036854775807 already, and 41 lies before it")
        .says("--allow-rewind");
    assert_eq!(
        sandbox.state()["checkpoints"][0]["sequence_number"],
        "9223372036854775807"
    );
    place
        .end(&format!("{commit} 41 --allow-rewind"))
        .expect(0)
        .says("to 41");
    // A forgotten variable must not switch it on.
    let mut place = place;
    place.set("BYTEAIR_ALLOW_REWIND", "true");
    place.end(&format!("{commit} 40")).expect(6);
    assert_eq!(sandbox.state()["checkpoints"][0]["sequence_number"], "41");
}

#[test]
fn commits_side_by_side_end_at_the_furthest_of_them() {
    let sandbox = Sandbox::start("--latency 5ms..30ms");
    let place = place_at(sandbox.address);
    place
        .end(&format!(
            "checkpoint commit {CONSUMER} --create-app --sequence 0"
        ))
        .expect(0);
    // State directories of their own do not keep them apart.
    let commits: Vec<_> = [5, 9, 3, 8, 1, 7]
        .into_iter()
        .map(|number| {
            place.start(&format!(
                "checkpoint commit {CONSUMER} --sequence {number} --state-dir state-{number}"
            ))
        })
        .collect();
    for commit in commits {
        let status = commit.wait_with_output().unwrap().status.code();
        assert!(matches!(status, Some(0 | 6)), "{status:?}");
    }
    assert_eq!(sandbox.state()["checkpoints"][0]["sequence_number"], "9");
}

#[test]
fn a_token_is_as_good_as_a_signature_and_a_wrong_one_is_status_12() {
    let sandbox = Sandbox::start("");
    let mut place = place_at(sandbox.address);
    for name in ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"] {
        place.set(name, "");
    }
    place.set("HUAWEICLOUD_SDK_TOKEN", TOKEN);
    let commit = format!("checkpoint commit {CONSUMER} --create-app --sequence 1");
    place.end(&commit).expect(0);
    place.set("HUAWEICLOUD_SDK_TOKEN", "another-token-0001");
    let refused = place.end(&commit).expect(12).says("APIGW.0301");
    assert!(
        !refused.errors.contains("another-token-0001"),
        "{}",
        refused.errors
    );
    place.set("HUAWEICLOUD_SDK_TOKEN", "");
    place.set("HUAWEICLOUD_SDK_AK", "AKHUAWEI000000000001");
    place.set("HUAWEICLOUD_SDK_SK", "wrong");
    place
        .end(&commit)
        .expect(12)
        .says("the signature does not match");
}

#[test]
fn faults_that_heal_leave_the_checkpoint_where_it_was_wanted() {
    for fault in [
        "http:503",
        "status:4303",
        "status:5000",
        "reset-before",
        "reset-after",
        "lost-reply",
        "lost-reply:502",
        "garbage",
    ] {
        let sandbox = Sandbox::start(&format!("--fault {fault}=0.4 --fault-on huawei --seed 3"));
        let place = place_at(sandbox.address);
        for sequence in [3, 4, 5] {
            let commit = format!("checkpoint commit {CONSUMER} --create-app --sequence {sequence}");
            place.end(&commit).expect(0);
        }
        assert_eq!(
            sandbox.state()["checkpoints"][0]["sequence_number"],
            "5",
            "{fault}"
        );
        place
            .end(&format!("checkpoint get {CONSUMER}"))
            .expect(0)
            .says("5");
        place
            .end(&format!("checkpoint delete {CONSUMER}"))
            .expect(0);
    }
}
