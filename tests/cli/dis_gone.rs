//! A DIS stream whose oldest records go while they are looked for: what is lost is named, all of it.

use crate::dis_source::READ;
use crate::huawei::{ACCESS_KEY, PROJECT, SECRET_KEY, json};
use crate::recorder::{Received, Recorder};
use crate::start::{Place, Ran};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Records that were written.
const WRITTEN: u64 = 100;

/// A parameter of the query that is a number.
fn number(request: &Received, name: &str) -> Option<u64> {
    let mut parameters = request.query.split('&').filter_map(|it| it.split_once('='));
    parameters.find(|(key, _)| *key == name)?.1.parse().ok()
}

/// A stream that was read up to number 10, of which records up to 49 are gone, and more of them at the
/// request for a cursor or for records of this number, as many as then.
fn stream(moves_at: usize, to: u64) -> Recorder {
    let asked = AtomicUsize::new(0);
    Recorder::answering(move |request, _| {
        let last = WRITTEN - 1;
        let is_looking = ["/cursors", "/records"]
            .into_iter()
            .any(|it| request.path.ends_with(it));
        let at = asked.fetch_add(usize::from(is_looking), Ordering::SeqCst);
        let oldest = if at >= moves_at { to } else { 50 };
        if request.path.ends_with("/streams/orders") {
            return json(
                200,
                &format!(
                    r#"{{"partitions": [{{"partition_id": "shardId-0000000000", "status": "ACTIVE", "sequence_number_range": "[50 : {last}]"}}], "has_more_partitions": false}}"#
                ),
            );
        }
        if request.path.ends_with("/checkpoints") {
            return json(200, r#"{"sequence_number": "10", "metadata": ""}"#);
        }
        if request.path.ends_with("/cursors") {
            let after = number(request, "starting-sequence-number");
            return match after.map(|after| after + 1) {
                Some(next) if next <= oldest => json(
                    400,
                    r#"{"errorCode": "DIS.4224", "message": "out of range"}"#,
                ),
                next => {
                    let next = next.unwrap_or(oldest);
                    json(200, &format!(r#"{{"partition_cursor": "{next}"}}"#))
                }
            };
        }
        let first = number(request, "partition-cursor").unwrap();
        if first < oldest {
            return json(
                400,
                r#"{"errorCode": "DIS.4226", "message": "record expired"}"#,
            );
        }
        let records: Vec<String> = (first..WRITTEN)
            .map(|it| {
                let data = BASE64_STANDARD.encode(format!(r#"{{"id":{it}}}"#));
                format!(r#"{{"sequence_number": "{it}", "data": "{data}"}}"#)
            })
            .collect();
        let records = records.join(",");
        json(
            200,
            &format!(r#"{{"records": [{records}], "next_partition_cursor": "{WRITTEN}"}}"#),
        )
    })
}

/// Reads such a stream; how many rows came.
fn read(moves_at: usize, to: u64, policy: &str) -> (Ran, usize) {
    let (stream, platform) = (stream(moves_at, to), Recorder::new());
    let mut place = Place::with(&platform);
    for (name, value) in [
        (
            "BYTEAIR_ENDPOINT",
            format!("http://{}", stream.address).as_str(),
        ),
        ("BYTEAIR_PROJECT_ID", PROJECT),
        ("HUAWEICLOUD_SDK_AK", ACCESS_KEY),
        ("HUAWEICLOUD_SDK_SK", SECRET_KEY),
    ] {
        place.set(name, value);
    }
    let ran = place.end(&format!(
        "{READ} --until-end --retry-for 5s --out-of-range {policy}"
    ));
    (ran, platform.rows().len())
}

// In order: a cursor behind 10, which is refused; a cursor at the oldest record, and its records, to see
// which one that is; a cursor at the oldest record, and its records, to be read.

#[test]
fn an_oldest_record_that_goes_while_it_is_looked_at_is_looked_for_again() {
    let lost = "49 record(s) are lost: sequence numbers 11 to 59";
    let (ran, rows) = read(2, 60, "fail");
    ran.expect(9).says(lost);
    assert_eq!(rows, 0);
    let (ran, rows) = read(2, 60, "oldest");
    ran.expect(0).says(lost);
    assert_eq!(rows, 40);
}

#[test]
fn records_that_go_after_the_oldest_one_was_looked_for_are_named() {
    for moves_at in [3, 4] {
        let (ran, rows) = read(moves_at, 70, "oldest");
        let ran = ran
            .expect(0)
            .says("39 record(s) are lost: sequence numbers 11 to 49");
        ran.says("20 record(s) are lost: sequence numbers 50 to 69");
        assert_eq!(rows, 30, "{moves_at}");
    }
}

#[test]
fn what_latest_took_instead_may_go_as_well_and_then_the_oldest_record_is_next() {
    let (ran, rows) = read(4, 70, "latest");
    ran.expect(0)
        .says("39 record(s) are lost: sequence numbers 11 to 49")
        .says("how many are lost cannot be told; going on with the oldest record that is kept");
    assert_eq!(rows, 30);
}
