//! Requests to Huawei's services as they go over the wire, before they are signed.
//!
//! The spelling of query parameters is the API's own, which mixes underscores and hyphens.

use super::names::{
    AppName, CheckpointMetadata, PartitionId, ProjectId, SequenceNumber, StreamName,
};
use crate::protocol::sign::percent_encode;
use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::json;

/// Content type of every request (V3 `dis_client.py`).
pub const HUAWEI_CONTENT_TYPE: &str = "application/json";

/// The only type of checkpoint that there is (`huawei.md` 2.1).
pub const LAST_READ: &str = "LAST_READ";

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HuaweiCall {
    /// How.
    pub method: Method,
    /// Path, percent-encoded.
    pub path: String,
    /// Query without the question mark, percent-encoded, sorted as the signature sorts it.
    pub query: String,
    /// The bytes on the wire.
    pub body: Bytes,
}

/// Who reads what: a checkpoint belongs to one of these.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Consumer {
    /// Whose stream it is.
    pub project: ProjectId,
    /// The stream.
    pub stream: StreamName,
    /// The consumer's name.
    pub app: AppName,
    /// One partition of the stream.
    pub partition: PartitionId,
}

/// How far a consumer has come in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last record that it has dealt with.
    pub sequence: SequenceNumber,
    /// Free text.
    pub metadata: Option<String>,
}

impl HuaweiCall {
    pub(super) fn new(method: Method, path: String, query: &[(&str, &str)]) -> Self {
        let mut pairs: Vec<String> = query
            .iter()
            .map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)))
            .collect();
        pairs.sort();
        Self {
            method,
            path,
            query: pairs.join("&"),
            body: Bytes::new(),
        }
    }

    fn with_body(self, body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            ..self
        }
    }

    /// `POST /checkpoints`.
    pub fn commit_checkpoint(
        consumer: &Consumer,
        sequence: SequenceNumber,
        metadata: Option<&CheckpointMetadata>,
    ) -> Self {
        let mut body = json!({
            "stream_name": consumer.stream.as_str(),
            "app_name": consumer.app.as_str(),
            "partition_id": consumer.partition.to_string(),
            "sequence_number": sequence.to_string(),
            "checkpoint_type": LAST_READ,
        });
        if let (Some(metadata), Some(fields)) = (metadata, body.as_object_mut()) {
            fields.insert("metadata".to_owned(), metadata.as_str().into());
        }
        let path = format!("/v2/{}/checkpoints", consumer.project);
        Self::new(Method::POST, path, &[]).with_body(body.to_string())
    }

    /// `GET /checkpoints`; the parameters have underscores.
    pub fn query_checkpoint(consumer: &Consumer) -> Self {
        let path = format!("/v2/{}/checkpoints", consumer.project);
        let query = [
            ("stream_name", consumer.stream.as_str()),
            ("partition_id", &consumer.partition.to_string()),
            ("app_name", consumer.app.as_str()),
            ("checkpoint_type", LAST_READ),
        ];
        Self::new(Method::GET, path, &query)
    }

    /// `DELETE /checkpoints`.
    pub fn delete_checkpoint(consumer: &Consumer) -> Self {
        Self {
            method: Method::DELETE,
            ..Self::query_checkpoint(consumer)
        }
    }

    /// `POST /apps`.
    pub fn create_app(project: &ProjectId, app: &AppName) -> Self {
        let body = json!({"app_name": app.as_str()}).to_string();
        Self::new(Method::POST, format!("/v2/{project}/apps"), &[]).with_body(body)
    }

    /// `POST /metadata/async-bulk` of `DataArts` Studio, with a body that is made elsewhere.
    pub fn send_metadata(project: &ProjectId, body: Bytes) -> Self {
        let path = format!("/v1/{project}/metadata/async-bulk");
        Self::new(Method::POST, path, &[]).with_body(body)
    }
}

/// A reply that is not what the call promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reply is not the JSON that this call promises")]
pub struct UnreadableReply;

/// A number that the service writes as a text, or as a number.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum NumberOrText {
    Text(String),
    Number(i64),
}

impl NumberOrText {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

/// Reads the reply to [`HuaweiCall::query_checkpoint`]. `None` when there is no checkpoint: a demo of
/// Huawei's takes the sequence number -1 for that.
pub fn decode_checkpoint(body: &[u8]) -> Result<Option<Checkpoint>, UnreadableReply> {
    #[derive(Deserialize)]
    struct Found {
        sequence_number: Option<NumberOrText>,
        metadata: Option<String>,
    }
    let found: Found = serde_json::from_slice(body).map_err(|_| UnreadableReply)?;
    let text = found.sequence_number.ok_or(UnreadableReply)?.into_text();
    if text == "-1" {
        return Ok(None);
    }
    Ok(Some(Checkpoint {
        sequence: text.parse().map_err(|_| UnreadableReply)?,
        metadata: found.metadata.filter(|text| !text.is_empty()),
    }))
}

/// Whether `DataArts` has taken a batch: 200 alone does not say so (`huawei.md` 3). `None` when the reply
/// is none of the service's.
pub fn metadata_success(body: &[u8]) -> Option<bool> {
    let said: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body).ok()?;
    Some(said.get("success") == Some(&serde_json::Value::Bool(true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consumer() -> Consumer {
        Consumer {
            project: "p1".parse().unwrap(),
            stream: "newstream".parse().unwrap(),
            app: "newapp".parse().unwrap(),
            partition: "0".parse().unwrap(),
        }
    }

    #[test]
    fn a_commit_carries_the_sequence_number_as_a_string() {
        let metadata: CheckpointMetadata = "a \"b\"".parse().unwrap();
        let sequence = "9223372036854775807".parse().unwrap();
        let call = HuaweiCall::commit_checkpoint(&consumer(), sequence, Some(&metadata));
        assert_eq!(
            (call.path.as_str(), call.query.as_str()),
            ("/v2/p1/checkpoints", "")
        );
        let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(
            body,
            json!({
                "stream_name": "newstream", "app_name": "newapp", "checkpoint_type": "LAST_READ",
                "partition_id": "shardId-0000000000", "sequence_number": "9223372036854775807",
                "metadata": "a \"b\""
            })
        );
    }

    #[test]
    fn a_query_has_underscores_and_is_sorted() {
        let call = HuaweiCall::query_checkpoint(&consumer());
        assert_eq!(
            call.query,
            "app_name=newapp&checkpoint_type=LAST_READ&partition_id=shardId-0000000000&stream_name=newstream"
        );
        assert!(call.body.is_empty());
    }

    #[test]
    fn a_checkpoint_is_read_and_minus_one_is_none() {
        let read = |text: &str| decode_checkpoint(text.as_bytes());
        assert_eq!(read(r#"{"sequence_number":"-1","metadata":""}"#), Ok(None));
        let found = read(r#"{"sequence_number":"10","metadata":"m"}"#)
            .unwrap()
            .unwrap();
        assert_eq!(
            (found.sequence.number(), found.metadata.as_deref()),
            (10, Some("m"))
        );
        assert!(read(r#"{"sequence_number":10}"#).unwrap().is_some());
        for bad in [
            "",
            "{}",
            "[]",
            "<html>",
            r#"{"sequence_number":"ten"}"#,
            r#"{"sequence_number":-2}"#,
        ] {
            assert_eq!(read(bad), Err(UnreadableReply), "{bad}");
        }
    }

    #[test]
    fn only_a_true_success_is_one() {
        assert_eq!(metadata_success(br#"{"success":true}"#), Some(true));
        for bad in [
            "{}",
            r#"{"success":false}"#,
            r#"{"success":null}"#,
            r#"{"success":"true"}"#,
        ] {
            assert_eq!(metadata_success(bad.as_bytes()), Some(false), "{bad}");
        }
        for unreadable in ["", "<html>", "[]", "true"] {
            assert_eq!(
                metadata_success(unreadable.as_bytes()),
                None,
                "{unreadable}"
            );
        }
    }
}
