//! Records of DIS streams: written, and read from cursors. Sequence numbers count from 0 in each partition,
//! and nothing expires.

use super::answer::HuaweiAnswer;
use super::book::{Book, Entry, NewRecord, Record};
use super::cursor::Cursor;
use super::dis::{Ask, checked, known_partition};
use super::stored;
use crate::protocol::huawei::{PartitionId, SequenceNumber, StreamName};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of data in one answer when the client names no bound; the service's own is unpublished.
const USUAL_FETCH_BYTES: usize = 1024 * 1024;

type Answered = Result<HuaweiAnswer, HuaweiAnswer>;

/// Records of a partition.
pub(super) fn count(
    book: &Book,
    ask: &Ask<'_>,
    stream: &StreamName,
    partition: PartitionId,
) -> u64 {
    u64::try_from(records(book, ask, stream, partition).len()).unwrap_or(u64::MAX)
}

fn records<'a>(
    book: &'a Book,
    ask: &Ask<'_>,
    stream: &StreamName,
    partition: PartitionId,
) -> &'a [Record] {
    let stream = book.stream(ask.project, stream);
    stream
        .zip(usize::try_from(partition.number()).ok())
        .and_then(|(stream, number)| stream.partitions.get(number))
        .map_or(&[], Vec::as_slice)
}

/// `POST /records`.
pub(super) fn put(book: &mut Book, ask: &Ask<'_>) -> Answered {
    #[derive(Deserialize)]
    struct Body {
        stream_name: String,
        records: Vec<New>,
    }
    #[derive(Deserialize)]
    struct New {
        data: String,
        partition_id: Option<String>,
        partition_key: Option<String>,
    }
    let body: Body = ask.json()?;
    let stream = ask.used_stream(book, &body.stream_name)?;
    let partitions = book
        .stream(ask.project, &stream)
        .map_or(1, |stream| stream.partitions.len().max(1));
    let partitions = u64::try_from(partitions).unwrap_or(1);
    let mut next: Vec<u64> = (0..partitions)
        .filter_map(PartitionId::new)
        .map(|partition| count(book, ask, &stream, partition))
        .collect();
    let (mut taken, mut results) = (Vec::new(), Vec::new());
    for new in body.records {
        if BASE64_STANDARD.decode(&new.data).is_err() {
            return Err(HuaweiAnswer::dis(
                4300,
                "Request error. [data is not Base64]",
            ));
        }
        let partition = match (&new.partition_id, &new.partition_key) {
            (Some(id), _) => known_partition(book, ask, &stream, id)?.number(),
            (None, Some(key)) => xxh3_64(key.as_bytes()) % partitions,
            (None, None) => ask.now.unsigned_abs() % partitions,
        };
        let slot = usize::try_from(partition)
            .ok()
            .and_then(|it| next.get_mut(it));
        if let (Some(sequence), Some(id)) = (slot, PartitionId::new(partition)) {
            results.push(json!({
                "partition_id": id.to_string(), "sequence_number": sequence.to_string(),
            }));
            *sequence = sequence.saturating_add(1);
        }
        taken.push(NewRecord {
            partition,
            key: new.partition_key,
            data: new.data,
        });
    }
    stored(book.record(Entry::Records {
        project: ask.project.to_owned(),
        stream: stream.to_string(),
        records: taken,
        at: ask.now,
    }))?;
    Ok(HuaweiAnswer::ok(
        json!({"failed_record_count": 0, "records": results}),
    ))
}

/// `GET /cursors`; the parameters have hyphens.
pub(super) fn cursor(book: &mut Book, ask: &Ask<'_>) -> Answered {
    let stream = ask.used_stream(book, &ask.wanted("stream-name")?)?;
    let partition = known_partition(book, ask, &stream, &ask.wanted("partition-id")?)?;
    let there = records(book, ask, &stream, partition);
    let end = count(book, ask, &stream, partition);
    let kind = ask.parameter("cursor-type");
    let next = match kind.as_deref().unwrap_or("AT_SEQUENCE_NUMBER") {
        "TRIM_HORIZON" => 0,
        "LATEST" => end,
        "AT_TIMESTAMP" => {
            let from: i64 = ask
                .wanted("timestamp")?
                .parse()
                .map_err(|_| HuaweiAnswer::dis(4300, "Request error. [timestamp]"))?;
            let before = there.iter().take_while(|record| record.at < from).count();
            u64::try_from(before).unwrap_or(end)
        }
        kind @ ("AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER") => {
            let number = ask.wanted("starting-sequence-number")?;
            let number: SequenceNumber = checked(&number, 4216)?;
            let next = number
                .number()
                .saturating_add(u64::from(kind.starts_with("AFTER")));
            if next > end {
                let text = format!(
                    "Sequence_number out of range. [{number}][ should be within ][0][ ][{end}]"
                );
                return Err(HuaweiAnswer::dis(4224, text));
            }
            next
        }
        _ => return Err(HuaweiAnswer::dis(4215, "Invalid cursor type.")),
    };
    let cursor = Cursor {
        stream,
        partition,
        next,
    };
    Ok(HuaweiAnswer::ok(
        json!({"partition_cursor": cursor.encode(ask.now)}),
    ))
}

/// `GET /records`.
pub(super) fn read(book: &mut Book, ask: &Ask<'_>) -> Answered {
    let mut cursor = Cursor::decode(&ask.wanted("partition-cursor")?, ask.now)?;
    let most = match ask.parameter("max_fetch_bytes") {
        None => USUAL_FETCH_BYTES,
        Some(bytes) => bytes
            .parse()
            .map_err(|_| HuaweiAnswer::dis(4300, "Request error. [max_fetch_bytes]"))?,
    };
    let there = records(book, ask, &cursor.stream, cursor.partition);
    let from = usize::try_from(cursor.next).unwrap_or(usize::MAX);
    let (mut found, mut bytes): (Vec<Value>, usize) = (Vec::new(), 0);
    for record in there.iter().skip(from) {
        bytes = bytes.saturating_add(record.data.len());
        // A bound below the size of a record never gives any.
        if bytes > most {
            break;
        }
        let mut shown = json!({
            "sequence_number": cursor.next.to_string(), "data": record.data,
            "timestamp": record.at, "timestamp_type": "CreateTime",
        });
        if let (Some(key), Some(fields)) = (&record.key, shown.as_object_mut()) {
            fields.insert("partition_key".to_owned(), key.as_str().into());
        }
        found.push(shown);
        cursor.next = cursor.next.saturating_add(1);
    }
    Ok(HuaweiAnswer::ok(json!({
        "records": found, "next_partition_cursor": cursor.encode(ask.now),
    })))
}
