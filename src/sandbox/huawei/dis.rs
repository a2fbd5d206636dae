//! The calls of DIS on the book: streams, apps and checkpoints. Records are read and written in `records`.

use super::answer::HuaweiAnswer;
use super::book::{Book, Entry, Place, StreamForm};
use super::partition::Stream;
use super::{records, stored};
use crate::protocol::huawei::{
    AppName, CheckpointMetadata, LAST_READ, PartitionId, SequenceNumber, StreamName,
};
use bytes::Bytes;
use http::Method;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::str::FromStr;

/// Partitions of a stream that is made on first use.
const USUAL_PARTITIONS: u64 = 1;
/// Most partitions of a stream.
const MAX_PARTITIONS: u64 = 1_000;

/// What is asked.
pub(super) struct Ask<'a> {
    pub(super) project: &'a str,
    pub(super) method: &'a Method,
    /// Parts of the path behind the project.
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a str,
    pub(super) body: &'a Bytes,
    /// Milliseconds since 1970.
    pub(super) now: i64,
}

type Answered = Result<HuaweiAnswer, HuaweiAnswer>;

/// Answers a call; `None` when there is no such call.
pub(super) fn answer(book: &mut Book, ask: &Ask<'_>) -> Option<Answered> {
    let (get, post, delete) = (
        ask.method == Method::GET,
        ask.method == Method::POST,
        ask.method == Method::DELETE,
    );
    Some(match ask.path {
        ["checkpoints"] if post => commit(book, ask),
        ["checkpoints"] if get => query(book, ask),
        ["checkpoints"] if delete => drop_checkpoint(book, ask),
        ["cursors"] if get => records::cursor(book, ask),
        ["records"] if get => records::read(book, ask),
        ["records"] if post => records::put(book, ask),
        ["streams"] if post => create_stream(book, ask),
        ["streams"] if get => Ok(list_streams(book, ask)),
        ["streams", name] if get => describe_stream(book, ask, name),
        ["streams", name] if delete => drop_stream(book, ask, name),
        ["apps"] if post => create_app(book, ask),
        ["apps"] if get => Ok(list_apps(book, ask)),
        ["apps", name] if get => describe_app(book, ask, name),
        ["apps", name] if delete => drop_app(book, ask, name),
        ["apps", name, "streams", stream] if get => consumption(book, ask, name, stream),
        _ => return None,
    })
}

impl Ask<'_> {
    /// A parameter of the query, decoded.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        let mut found = pairs.filter(|(key, _)| *key == name);
        let (_, value) = found.next()?;
        // In a query a plus is a space.
        let value = value.replace('+', " ");
        Some(percent_decode_str(&value).decode_utf8_lossy().into_owned())
    }

    pub(super) fn wanted(&self, name: &str) -> Result<String, HuaweiAnswer> {
        self.parameter(name)
            .ok_or_else(|| HuaweiAnswer::dis(4200, format!("Invalid request: {name} is missing.")))
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, HuaweiAnswer> {
        if self.body.is_empty() {
            return Err(HuaweiAnswer::dis(4202, "Empty request."));
        }
        serde_json::from_slice(self.body)
            .map_err(|error| HuaweiAnswer::dis(4300, format!("Request error. [{error}]")))
    }

    /// A stream that is there from now on.
    pub(super) fn used_stream(
        &self,
        book: &mut Book,
        name: &str,
    ) -> Result<StreamName, HuaweiAnswer> {
        let stream = checked::<StreamName>(name, 4300)?;
        if book.stream(self.project, &stream).is_none() {
            stored(book.record(Entry::Stream {
                project: self.project.to_owned(),
                stream: stream.to_string(),
                partitions: USUAL_PARTITIONS,
                at: self.now,
            }))?;
        }
        Ok(stream)
    }

    fn place(&self, stream: &StreamName, app: &AppName, partition: PartitionId) -> Place {
        Place {
            project: self.project.to_owned(),
            stream: stream.to_string(),
            app: app.to_string(),
            partition: partition.number(),
        }
    }
}

/// A name or number that keeps its rules.
pub(super) fn checked<T>(text: &str, code: i32) -> Result<T, HuaweiAnswer>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error: T::Err| HuaweiAnswer::dis(code, format!("Request error. [{error}]")))
}

/// The number of a partition that the stream has.
pub(super) fn known_partition(
    book: &Book,
    ask: &Ask<'_>,
    stream: &StreamName,
    partition: &str,
) -> Result<PartitionId, HuaweiAnswer> {
    let partition: PartitionId = partition
        .parse()
        .map_err(|_| HuaweiAnswer::dis(4201, "Invalid partition_id."))?;
    let there = book.stream(ask.project, stream).is_some_and(|stream| {
        usize::try_from(partition.number()).is_ok_and(|it| it < stream.partitions.len())
    });
    there
        .then_some(partition)
        .ok_or_else(|| HuaweiAnswer::dis(4302, "Partition does not exist."))
}

fn known_app(book: &Book, ask: &Ask<'_>, name: &str) -> Result<AppName, HuaweiAnswer> {
    let app = checked::<AppName>(name, 4300)?;
    match book.app(ask.project, &app) {
        Some(_) => Ok(app),
        None => Err(HuaweiAnswer::dis(4332, format!("App {app} is not found."))),
    }
}

fn last_read(kind: &str) -> Result<(), HuaweiAnswer> {
    if kind == LAST_READ {
        return Ok(());
    }
    Err(HuaweiAnswer::dis(
        4300,
        "Request error. [checkpoint_type should be LAST_READ]",
    ))
}

fn commit(book: &mut Book, ask: &Ask<'_>) -> Answered {
    #[derive(Deserialize)]
    struct Body {
        app_name: String,
        stream_name: String,
        partition_id: String,
        sequence_number: String,
        checkpoint_type: String,
        metadata: Option<String>,
    }
    let body: Body = ask.json()?;
    last_read(&body.checkpoint_type)?;
    let app = known_app(book, ask, &body.app_name)?;
    let stream = ask.used_stream(book, &body.stream_name)?;
    let partition = known_partition(book, ask, &stream, &body.partition_id)?;
    let sequence: SequenceNumber = checked(&body.sequence_number, 4216)?;
    let metadata = body.metadata.unwrap_or_default();
    checked::<CheckpointMetadata>(&metadata, 4300)?;
    // A stream that was made on first use and never written to has no range to be outside of.
    let there = records::partition(book, ask, &stream, partition)?;
    let (oldest, end) = (there.oldest(), there.end());
    if end > 0 && !(oldest..end).contains(&sequence.number()) {
        let last = end - 1;
        return Err(HuaweiAnswer::dis(
            4224,
            format!(
                "Sequence_number out of range. [{sequence}][ should be within ][{oldest}][ ][{last}]"
            ),
        ));
    }
    stored(book.record(Entry::Checkpoint {
        place: ask.place(&stream, &app, partition),
        sequence: sequence.number(),
        metadata: (!metadata.is_empty()).then_some(metadata),
    }))?;
    Ok(HuaweiAnswer::empty(201))
}

fn query(book: &mut Book, ask: &Ask<'_>) -> Answered {
    last_read(&ask.wanted("checkpoint_type")?)?;
    let app = known_app(book, ask, &ask.wanted("app_name")?)?;
    let stream = ask.used_stream(book, &ask.wanted("stream_name")?)?;
    let partition = known_partition(book, ask, &stream, &ask.wanted("partition_id")?)?;
    let found = book.checkpoint(&ask.place(&stream, &app, partition));
    Ok(HuaweiAnswer::ok(match found {
        Some(checkpoint) => json!({
            "sequence_number": checkpoint.sequence.to_string(),
            "metadata": checkpoint.metadata.clone().unwrap_or_default(),
        }),
        // As a demo of Huawei's expects it; the code DIS.4375 exists as well.
        None => json!({"sequence_number": "-1", "metadata": ""}),
    }))
}

fn drop_checkpoint(book: &mut Book, ask: &Ask<'_>) -> Answered {
    last_read(&ask.wanted("checkpoint_type")?)?;
    let app = known_app(book, ask, &ask.wanted("app_name")?)?;
    let stream = ask.used_stream(book, &ask.wanted("stream_name")?)?;
    let partition = match ask.parameter("partition_id") {
        Some(partition) => Some(known_partition(book, ask, &stream, &partition)?.number()),
        None => None,
    };
    stored(book.record(Entry::DropCheckpoint {
        project: ask.project.to_owned(),
        stream: stream.to_string(),
        app: app.to_string(),
        partition,
    }))?;
    Ok(HuaweiAnswer::empty(204))
}

fn create_stream(book: &mut Book, ask: &Ask<'_>) -> Answered {
    #[derive(Deserialize)]
    struct Body {
        stream_name: String,
        partition_count: u64,
        #[serde(flatten)]
        form: StreamForm,
    }
    let body: Body = ask.json()?;
    let stream = checked::<StreamName>(&body.stream_name, 4300)?;
    if book.stream(ask.project, &stream).is_some() {
        return Err(HuaweiAnswer::dis(
            4307,
            format!("Stream {stream} already exists."),
        ));
    }
    if body.partition_count == 0 || body.partition_count > MAX_PARTITIONS {
        return Err(HuaweiAnswer::dis(4300, "Request error. [partition_count]"));
    }
    stored(book.record(Entry::Stream {
        project: ask.project.to_owned(),
        stream: stream.to_string(),
        partitions: body.partition_count,
        at: ask.now,
    }))?;
    stored(book.record(Entry::Form {
        project: ask.project.to_owned(),
        stream: stream.to_string(),
        form: body.form,
    }))?;
    Ok(HuaweiAnswer::empty(201))
}

fn list_streams(book: &Book, ask: &Ask<'_>) -> HuaweiAnswer {
    let names = book.streams_of(ask.project);
    HuaweiAnswer::ok(json!({
        "total_number": names.len(), "stream_names": names, "has_more_streams": false,
    }))
}

fn describe_stream(book: &mut Book, ask: &Ask<'_>, name: &str) -> Answered {
    let name = ask.used_stream(book, name)?;
    let nothing = Stream::default();
    let stream = book.stream(ask.project, &name).unwrap_or(&nothing);
    let partitions: Vec<Value> = (0..)
        .zip(&stream.partitions)
        .filter_map(|(number, partition)| {
            let last = partition.end().saturating_sub(1);
            let parents = partition.parents.iter().copied();
            let parents = parents
                .filter_map(PartitionId::new)
                .map(|it| it.to_string());
            Some(json!({
                "partition_id": PartitionId::new(number)?.to_string(),
                "status": partition.status(),
                "parent_partitions": parents.collect::<Vec<_>>().join(","),
                "sequence_number_range": format!("[{} : {last}]", partition.oldest()),
                "hash_range": "[0 : 9223372036854775807]",
            }))
        })
        .collect();
    Ok(HuaweiAnswer::ok(json!({
        "stream_name": name.as_str(), "stream_id": name.as_str(), "status": "RUNNING",
        "stream_type": "COMMON", "retention_period": 24,
        "data_type": stream.form.data_type.as_deref().unwrap_or("BLOB"),
        "compression_format": stream.form.compression_format, "csv_properties": stream.form.csv_properties,
        "create_time": stream.created, "last_modified_time": stream.created,
        "writable_partition_count": stream.partitions.iter().filter(|it| !it.is_closed).count(), "readable_partition_count": partitions.len(),
        "partitions": partitions, "has_more_partitions": false,
    })))
}

fn drop_stream(book: &mut Book, ask: &Ask<'_>, name: &str) -> Answered {
    let stream = checked::<StreamName>(name, 4300)?;
    if book.stream(ask.project, &stream).is_none() {
        return Err(HuaweiAnswer::dis(4301, "The stream does not exist."));
    }
    stored(book.record(Entry::DropStream {
        project: ask.project.to_owned(),
        stream: stream.to_string(),
    }))?;
    Ok(HuaweiAnswer::empty(204))
}

fn create_app(book: &mut Book, ask: &Ask<'_>) -> Answered {
    #[derive(Deserialize)]
    struct Body {
        app_name: String,
    }
    let body: Body = ask.json()?;
    let app = checked::<AppName>(&body.app_name, 4300)?;
    if book.app(ask.project, &app).is_some() {
        return Err(HuaweiAnswer::dis(4330, format!("App {app} already exist.")));
    }
    stored(book.record(Entry::App {
        project: ask.project.to_owned(),
        app: app.to_string(),
        at: ask.now,
    }))?;
    Ok(HuaweiAnswer::empty(201))
}

fn app_state(book: &Book, ask: &Ask<'_>, app: &str, created: i64) -> Value {
    json!({
        "app_name": app, "app_id": app, "create_time": created,
        "commit_checkpoint_stream_names": book.streams_with_checkpoints(ask.project, app),
    })
}

fn list_apps(book: &Book, ask: &Ask<'_>) -> HuaweiAnswer {
    let apps: Vec<Value> = book
        .apps_of(ask.project)
        .into_iter()
        .map(|(app, created)| app_state(book, ask, app, created))
        .collect();
    HuaweiAnswer::ok(json!({"total_number": apps.len(), "apps": apps, "has_more_app": false}))
}

fn describe_app(book: &Book, ask: &Ask<'_>, name: &str) -> Answered {
    let app = known_app(book, ask, name)?;
    let created = book.app(ask.project, &app).unwrap_or_default();
    Ok(HuaweiAnswer::ok(app_state(
        book,
        ask,
        app.as_str(),
        created,
    )))
}

fn drop_app(book: &mut Book, ask: &Ask<'_>, name: &str) -> Answered {
    let app = known_app(book, ask, name)?;
    stored(book.record(Entry::DropApp {
        project: ask.project.to_owned(),
        app: app.to_string(),
    }))?;
    Ok(HuaweiAnswer::empty(204))
}

fn consumption(book: &mut Book, ask: &Ask<'_>, app: &str, stream: &str) -> Answered {
    last_read(&ask.wanted("checkpoint_type")?)?;
    let app = known_app(book, ask, app)?;
    let stream = ask.used_stream(book, stream)?;
    let nothing = Stream::default();
    let there = book.stream(ask.project, &stream).unwrap_or(&nothing);
    let states: Vec<Value> = (0..)
        .zip(&there.partitions)
        .filter_map(|(number, there)| Some((PartitionId::new(number)?, there)))
        .map(|(partition, there)| {
            let place = ask.place(&stream, &app, partition);
            let at = book.checkpoint(&place);
            json!({
                "partition_id": partition.to_string(),
                "sequence_number": at.map_or_else(|| "-1".to_owned(), |it| it.sequence.to_string()),
                "latest_offset": there.end(), "earliest_offset": there.oldest(),
                "checkpoint_type": LAST_READ, "status": there.status(),
            })
        })
        .collect();
    Ok(HuaweiAnswer::ok(json!({
        "has_more": false, "stream_name": stream.as_str(), "app_name": app.as_str(),
        "partition_consuming_states": states,
    })))
}
