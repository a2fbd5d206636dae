//! Records of DIS streams: written, and read from cursors. Sequence numbers count from 0 in each partition,
//! and nothing expires by itself.

use super::answer::HuaweiAnswer;
use super::book::{Book, Entry, NewRecord};
use super::cursor::Cursor;
use super::dis::{Ask, checked, known_partition};
use super::partition::Partition;
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

/// A partition that is there.
pub(super) fn partition<'a>(
    book: &'a Book,
    ask: &Ask<'_>,
    stream: &StreamName,
    partition: PartitionId,
) -> Result<&'a Partition, HuaweiAnswer> {
    let stream = book.stream(ask.project, stream);
    stream
        .and_then(|stream| stream.partition(partition.number()))
        .ok_or_else(|| HuaweiAnswer::dis(4302, "Partition does not exist."))
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
    let there = book.stream(ask.project, &stream);
    let there = there.map_or(&[][..], |it| &it.partitions);
    let open: Vec<u64> = (0..)
        .zip(there)
        .filter(|(_, partition)| !partition.is_closed)
        .map(|(number, _)| number)
        .collect();
    let chosen = |random: u64| {
        let count = u64::try_from(open.len()).unwrap_or(1).max(1);
        let at = usize::try_from(random % count).unwrap_or_default();
        open.get(at).copied().unwrap_or_default()
    };
    let mut next: Vec<u64> = there.iter().map(Partition::end).collect();
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
            (None, Some(key)) => chosen(xxh3_64(key.as_bytes())),
            (None, None) => chosen(ask.now.unsigned_abs()),
        };
        if !open.contains(&partition) {
            return Err(HuaweiAnswer::dis(4319, "Partition is expired."));
        }
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
    let there = self::partition(book, ask, &stream, partition)?;
    let (oldest, end) = (there.oldest(), there.end());
    let kind = ask.parameter("cursor-type");
    let next = match kind.as_deref().unwrap_or("AT_SEQUENCE_NUMBER") {
        "TRIM_HORIZON" => oldest,
        "LATEST" => end,
        "AT_TIMESTAMP" => {
            let from: i64 = ask
                .wanted("timestamp")?
                .parse()
                .map_err(|_| HuaweiAnswer::dis(4300, "Request error. [timestamp]"))?;
            there.at(from)
        }
        kind @ ("AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER") => {
            let number = ask.wanted("starting-sequence-number")?;
            let number: SequenceNumber = checked(&number, 4216)?;
            let next = number
                .number()
                .saturating_add(u64::from(kind.starts_with("AFTER")));
            if next > end || number.number() < oldest {
                let text = format!(
                    "Sequence_number out of range. [{number}][ should be within ][{oldest}][ ][{end}]"
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
    let mut cursor = Cursor::decode(
        &ask.wanted("partition-cursor")?,
        ask.now,
        book.cursors_since(),
    )?;
    let most = match ask.parameter("max_fetch_bytes") {
        None => USUAL_FETCH_BYTES,
        Some(bytes) => bytes
            .parse()
            .map_err(|_| HuaweiAnswer::dis(4300, "Request error. [max_fetch_bytes]"))?,
    };
    let there = partition(book, ask, &cursor.stream, cursor.partition)?;
    let (is_closed, end) = (there.is_closed, there.end());
    if cursor.next < there.oldest() {
        return Err(HuaweiAnswer::dis(
            4226,
            "The record of the cursor is expired.",
        ));
    }
    if book.take_empty_look() {
        let next = cursor.encode(ask.now);
        return Ok(HuaweiAnswer::ok(
            json!({"records": [], "next_partition_cursor": next}),
        ));
    }
    let there = partition(book, ask, &cursor.stream, cursor.partition)?;
    let (mut found, mut bytes): (Vec<Value>, usize) = (Vec::new(), 0);
    for record in there.from(cursor.next) {
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
    // Behind the last record of a closed partition nothing can come.
    let has_ended = is_closed && cursor.next >= end;
    let next = (!has_ended).then(|| cursor.encode(ask.now));
    Ok(HuaweiAnswer::ok(
        json!({"records": found, "next_partition_cursor": next}),
    ))
}
