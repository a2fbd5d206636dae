//! The headers of a request, without those of its signature (D108561, D108601).
//!
//! Content-Length comes from the transport. Not sent: `Content-End` and `Timeout-Millis`, leftovers
//! that no document explains.

use super::{CONTENT_TYPE_JSON, CONTENT_TYPE_PROTOBUF, Call};
use crate::domain::RequestId;

/// Every header that describes the request, names as documented.
pub fn request_headers(
    call: &Call,
    tenant: &str,
    request_id: RequestId,
) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("Tenant-Id", tenant.to_owned()),
        ("Request-Id", request_id.to_string()),
        ("Content-Type", content_type(call).to_owned()),
        ("Content-Encoding", "gzip".to_owned()),
        ("Accept", CONTENT_TYPE_PROTOBUF.to_owned()),
        ("Accept-Encoding", "gzip".to_owned()),
    ];
    // A bare date: with a zone in it the platform once took the wrong day (Go 05b1d55).
    if let Call::Write { stage, .. } = call
        && let Some(date) = stage.date()
    {
        headers.push(("Content-Date", date.to_string()));
    }
    headers
}

const fn content_type(call: &Call) -> &'static str {
    match call {
        Call::Write { .. } => CONTENT_TYPE_JSON,
        Call::Done { format, .. } => format.content_type(),
        Call::ListOperations => CONTENT_TYPE_PROTOBUF,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Epoch, Generation, Partition, Stage, Target, done_request_id};
    use crate::protocol::DoneFormat;

    fn header(call: &Call, name: &str) -> Option<String> {
        let (topic, stage) = ("item".parse().unwrap(), Stage::IncrementalSyncStreaming);
        let target = Target::new("2100021", "9", "cn").unwrap();
        let partition = Partition {
            target,
            topic,
            stage,
        };
        let id = done_request_id(Epoch([0; 16]), &partition, Generation(0));
        request_headers(call, "2100021", id)
            .into_iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    fn write(stage: Stage) -> Call {
        Call::Write {
            topic: "item".parse().unwrap(),
            stage,
        }
    }

    #[test]
    fn only_offline_writes_carry_a_content_date() {
        let date = "20220101".parse().unwrap();
        for stage in [
            Stage::PreSync(date),
            Stage::HistorySync(date),
            Stage::IncrementalSyncDaily(date),
        ] {
            let sent = header(&write(stage), "Content-Date");
            assert_eq!(sent.as_deref(), Some("2022-01-01"));
        }
        let streaming = write(Stage::IncrementalSyncStreaming);
        assert_eq!(header(&streaming, "Content-Date"), None);
        let done = Call::Done {
            topic: "item".parse().unwrap(),
            stage: Stage::PreSync(date),
            format: DoneFormat::Json,
        };
        assert_eq!(header(&done, "Content-Date"), None);
        let content_type = header(&done, "Content-Type");
        assert_eq!(content_type.as_deref(), Some("application/json"));
    }

    #[test]
    fn every_call_says_who_asks_and_what_it_reads() {
        for call in [write(Stage::IncrementalSyncStreaming), Call::ListOperations] {
            for (name, value) in [
                ("Tenant-Id", "2100021"),
                ("Accept", "application/x-protobuf"),
                ("Accept-Encoding", "gzip"),
                ("Content-Encoding", "gzip"),
            ] {
                assert_eq!(header(&call, name).as_deref(), Some(value));
            }
            assert_eq!(header(&call, "Content-End"), None);
            assert_eq!(header(&call, "Request-Id").map(|id| id.len()), Some(36));
        }
    }
}
