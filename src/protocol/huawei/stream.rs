//! Reading a DIS stream: its partitions, a cursor into one of them, the records behind it.
//!
//! A cursor is a text that means something to the service alone, for five minutes (`huawei.md` 2.3).
//! The spelling of query parameters is the API's own, which mixes underscores and hyphens.

use super::call::{HuaweiCall, NumberOrText, UnreadableReply};
use super::names::{PartitionId, ProjectId, SequenceNumber, StreamName};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::Method;
use serde::Deserialize;

/// Partitions that one reply may list.
const LISTED_AT_ONCE: &str = "1000";

/// Where a cursor stands (`huawei.md` 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamCursor {
    /// At the oldest record that is kept.
    TrimHorizon,
    /// At the first record of that time, milliseconds since 1970, or later.
    AtTimestamp(i64),
    /// At this record.
    At(SequenceNumber),
    /// Behind this record.
    After(SequenceNumber),
}

/// A partition in the list of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPartition {
    /// Which.
    pub partition: PartitionId,
    /// Those that it was split off or merged from.
    pub parents: Vec<PartitionId>,
    /// Whether there is something to be read from it, now or later.
    pub is_readable: bool,
    /// Numbers of its oldest and newest records; the service does not say how it writes that there is none.
    pub range: Option<(u64, u64)>,
}

/// A part of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPartitions {
    /// Partitions in order.
    pub partitions: Vec<ListedPartition>,
    /// Whether others follow.
    pub has_more: bool,
    /// `BLOB`, `JSON` or `CSV`, as far as the stream says so.
    pub data_type: Option<String>,
    /// Between cells of CSV.
    pub delimiter: Option<String>,
    /// `snappy`, `gzip` or `zip`; `None` is no compression.
    pub compression: Option<String>,
}

/// Records of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// Number and data of each.
    pub records: Vec<(SequenceNumber, Vec<u8>)>,
    /// Where to go on; `None` when the partition has ended.
    pub next: Option<String>,
}

impl HuaweiCall {
    /// `GET /streams/{stream}`: its partitions behind one of them, or from the first on.
    pub fn describe_stream(
        project: &ProjectId,
        stream: &StreamName,
        behind: Option<PartitionId>,
    ) -> Self {
        let behind = behind.map(|partition| partition.to_string());
        let mut query = vec![("limit_partitions", LISTED_AT_ONCE)];
        query.extend(behind.as_deref().map(|it| ("start_partitionId", it)));
        Self::new(
            Method::GET,
            format!("/v2/{project}/streams/{stream}"),
            &query,
        )
    }

    /// `GET /cursors`; the parameters have hyphens.
    pub fn get_cursor(
        project: &ProjectId,
        stream: &StreamName,
        partition: PartitionId,
        cursor: StreamCursor,
    ) -> Self {
        let partition = partition.to_string();
        let (kind, place) = match cursor {
            StreamCursor::TrimHorizon => ("TRIM_HORIZON", None),
            StreamCursor::AtTimestamp(time) => {
                ("AT_TIMESTAMP", Some(("timestamp", time.to_string())))
            }
            StreamCursor::At(number) => (
                "AT_SEQUENCE_NUMBER",
                Some(("starting-sequence-number", number.to_string())),
            ),
            StreamCursor::After(number) => (
                "AFTER_SEQUENCE_NUMBER",
                Some(("starting-sequence-number", number.to_string())),
            ),
        };
        let mut query = vec![
            ("stream-name", stream.as_str()),
            ("partition-id", partition.as_str()),
            ("cursor-type", kind),
        ];
        query.extend(place.as_ref().map(|(name, value)| (*name, value.as_str())));
        Self::new(Method::GET, format!("/v2/{project}/cursors"), &query)
    }

    /// `GET /records`: a hyphen in one parameter, underscores in the other.
    pub fn read_records(project: &ProjectId, cursor: &str, max_bytes: usize) -> Self {
        let query = [
            ("partition-cursor", cursor),
            ("max_fetch_bytes", &max_bytes.to_string()),
        ];
        Self::new(Method::GET, format!("/v2/{project}/records"), &query)
    }
}

/// Reads the reply to [`HuaweiCall::describe_stream`].
pub fn decode_partitions(body: &[u8]) -> Result<ListedPartitions, UnreadableReply> {
    #[derive(Deserialize)]
    struct Found {
        partitions: Vec<Partition>,
        #[serde(default)]
        has_more_partitions: bool,
        data_type: Option<String>,
        compression_format: Option<String>,
        csv_properties: Option<Csv>,
    }
    #[derive(Deserialize)]
    struct Csv {
        delimiter: Option<String>,
    }
    #[derive(Deserialize)]
    struct Partition {
        #[serde(rename = "partition_id")]
        id: String,
        #[serde(default)]
        status: String,
        parent_partitions: Option<Parents>,
        sequence_number_range: Option<String>,
    }
    /// The API calls it a string and does not say of which form.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Parents {
        Text(String),
        List(Vec<String>),
    }
    let found: Found = serde_json::from_slice(body).map_err(|_| UnreadableReply)?;
    let id = |text: &str| text.parse::<PartitionId>().map_err(|_| UnreadableReply);
    let mut partitions = Vec::new();
    for listed in found.partitions {
        let texts = match listed.parent_partitions {
            Some(Parents::Text(text)) => vec![text],
            Some(Parents::List(list)) => list,
            None => Vec::new(),
        };
        let names = texts
            .iter()
            .flat_map(|text| text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')))
            .filter(|name| !name.is_empty());
        partitions.push(ListedPartition {
            partition: id(&listed.id)?,
            parents: names.map(id).collect::<Result<_, _>>()?,
            range: listed.sequence_number_range.as_deref().and_then(range_of),
            is_readable: !matches!(listed.status.as_str(), "EXPIRED" | "CREATING"),
        });
    }
    let said = |text: Option<String>| text.filter(|it| !it.is_empty());
    Ok(ListedPartitions {
        partitions,
        has_more: found.has_more_partitions,
        data_type: said(found.data_type),
        delimiter: said(found.csv_properties.and_then(|csv| csv.delimiter)),
        compression: said(found.compression_format),
    })
}

/// Two numbers, as in `[289911 : 289927]`.
fn range_of(text: &str) -> Option<(u64, u64)> {
    let inner = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    let (oldest, newest) = inner.split_once(':')?;
    Some((oldest.trim().parse().ok()?, newest.trim().parse().ok()?))
}

/// Reads the reply to [`HuaweiCall::get_cursor`].
pub fn decode_cursor(body: &[u8]) -> Result<String, UnreadableReply> {
    #[derive(Deserialize)]
    struct Found {
        partition_cursor: String,
    }
    let found: Found = serde_json::from_slice(body).map_err(|_| UnreadableReply)?;
    Ok(found.partition_cursor)
}

/// Reads the reply to [`HuaweiCall::read_records`].
pub fn decode_records(body: &[u8]) -> Result<Records, UnreadableReply> {
    #[derive(Deserialize)]
    struct Found<'a> {
        #[serde(borrow)]
        records: Vec<Record<'a>>,
        next_partition_cursor: Option<String>,
    }
    #[derive(Deserialize)]
    struct Record<'a> {
        sequence_number: NumberOrText,
        #[serde(borrow)]
        data: std::borrow::Cow<'a, str>,
    }
    let found: Found<'_> = serde_json::from_slice(body).map_err(|_| UnreadableReply)?;
    let mut records = Vec::with_capacity(found.records.len());
    for record in found.records {
        let number = record.sequence_number.into_text();
        let number = number.parse().map_err(|_| UnreadableReply)?;
        let data = BASE64_STANDARD.decode(record.data.as_bytes());
        records.push((number, data.map_err(|_| UnreadableReply)?));
    }
    let next = found.next_partition_cursor.filter(|it| !it.is_empty());
    Ok(Records { records, next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cursors_are_asked_for_with_hyphens_and_sorted() {
        let of = |cursor| {
            let (project, stream) = ("p1".parse().unwrap(), "newstream".parse().unwrap());
            HuaweiCall::get_cursor(&project, &stream, "0".parse().unwrap(), cursor).query
        };
        assert_eq!(
            of(StreamCursor::After(SequenceNumber::new(10).unwrap())),
            "cursor-type=AFTER_SEQUENCE_NUMBER&partition-id=shardId-0000000000&starting-sequence-number=10&stream-name=newstream"
        );
        assert_eq!(
            of(StreamCursor::AtTimestamp(5)),
            "cursor-type=AT_TIMESTAMP&partition-id=shardId-0000000000&stream-name=newstream&timestamp=5"
        );
        assert!(of(StreamCursor::TrimHorizon).starts_with("cursor-type=TRIM_HORIZON&"));
        let call = HuaweiCall::read_records(&"p1".parse().unwrap(), "a+/=", 9);
        assert_eq!(call.query, "max_fetch_bytes=9&partition-cursor=a%2B%2F%3D");
    }

    #[test]
    fn partitions_are_listed_with_their_parents_in_any_form() {
        let body = r#"{"partitions":[
            {"partition_id":"shardId-0000000000","status":"DELETED","sequence_number_range":"[289911 : 289927]"},
            {"partition_id":"shardId-0000000001","status":"ACTIVE","parent_partitions":"shardId-0000000000"},
            {"partition_id":"shardId-0000000002","status":"ACTIVE","parent_partitions":"[shardId-0000000000, shardId-0000000001]"},
            {"partition_id":"3","status":"EXPIRED","parent_partitions":["0"]}],"has_more_partitions":true}"#;
        let found = decode_partitions(body.as_bytes()).unwrap();
        assert!(found.has_more);
        let parents = found.partitions.iter().map(|it| it.parents.len());
        assert_eq!(parents.collect::<Vec<_>>(), [0, 1, 2, 1]);
        let readable = found.partitions.iter().map(|it| it.is_readable);
        assert_eq!(readable.collect::<Vec<_>>(), [true, true, true, false]);
        assert_eq!(found.partitions[0].range, Some((289_911, 289_927)));
        assert_eq!(found.partitions[1].range, None);
    }

    #[test]
    fn records_come_out_of_base64_and_an_ended_partition_has_no_cursor() {
        let body = br#"{"records":[{"sequence_number":"7","data":"YQ==","timestamp":1},
            {"sequence_number":8,"data":""}],"next_partition_cursor":null}"#;
        let found = decode_records(body).unwrap();
        let plain = found
            .records
            .iter()
            .map(|(n, data)| (n.number(), data.as_slice()));
        assert_eq!(plain.collect::<Vec<_>>(), [(7, b"a".as_slice()), (8, b"")]);
        assert_eq!(found.next, None);
        assert!(decode_records(br#"{"records":[{"sequence_number":"7","data":"?"}]}"#).is_err());
    }

    proptest! {
        #[test]
        fn any_reply_is_read_without_a_panic(body in ".{0,200}") {
            let _ = decode_records(body.as_bytes());
            let _ = decode_partitions(body.as_bytes());
            let _ = decode_cursor(body.as_bytes());
        }
    }
}
