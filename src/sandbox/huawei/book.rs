//! What the sandbox keeps for Huawei's services: streams with their records, apps, checkpoints, metadata.
//!
//! All of it is in memory, up to a bound; with a data directory a journal of its own brings it back after a
//! restart. As in the data API's store, one entry describes each change and one function applies it.

use super::super::SandboxError;
use super::super::journal::Journal;
use super::entry::weight;
pub(super) use super::entry::{Entry, NewRecord, Place, StreamForm};
use super::partition::{Partition, Record, Stream};
use crate::protocol::huawei::{AppName, Checkpoint, PartitionId, StreamName};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Name of the journal in the data directory.
const FILE_NAME: &str = "huawei.jsonl";

/// Most bytes of records and events; whatever would exceed them is refused.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// Everything.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct Book {
    streams: BTreeMap<(String, String), Stream>,
    /// When each was created.
    apps: BTreeMap<(String, String), i64>,
    checkpoints: BTreeMap<Place, Checkpoint>,
    /// Number of events by project, engine, instance and type.
    counts: BTreeMap<[String; 4], u64>,
    /// Each event as a line.
    events: Vec<Bytes>,
    bytes: usize,
    /// Older cursors are not known any more, milliseconds since 1970.
    cursors_since: i64,
    /// Looks that bring nothing from now on, whatever is there.
    empty_looks: u64,
    journal: Option<Journal<Entry>>,
}

impl Book {
    /// An empty one, or what a directory holds.
    pub(in crate::sandbox) fn open(directory: Option<&Path>) -> Result<Self, SandboxError> {
        let mut book = Self::default();
        if let Some(directory) = directory {
            let (journal, entries) = Journal::open(directory, FILE_NAME)?;
            for entry in entries {
                book.apply(entry);
            }
            book.journal = Some(journal);
        }
        Ok(book)
    }

    /// Starts over, on disk too.
    pub(in crate::sandbox) fn clear(&mut self) -> io::Result<()> {
        let mut journal = self.journal.take();
        if let Some(journal) = &mut journal {
            journal.clear()?;
        }
        *self = Self {
            journal,
            ..Self::default()
        };
        Ok(())
    }

    /// Remembers something; when that fails nothing has changed.
    pub(super) fn record(&mut self, entry: Entry) -> io::Result<()> {
        if self.bytes.saturating_add(weight(&entry)) > MAX_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "the sandbox keeps no more records and events; POST /sandbox/reset starts over",
            ));
        }
        if let Some(journal) = &mut self.journal {
            journal.append(&entry)?;
        }
        self.apply(entry);
        Ok(())
    }

    /// A stream by its name.
    pub(super) fn stream(&self, project: &str, stream: &StreamName) -> Option<&Stream> {
        let key = (project.to_owned(), stream.to_string());
        self.streams.get(&key)
    }

    /// Cursors that were handed out up to now are not known any more.
    pub(super) const fn expire_cursors(&mut self, now: i64) {
        self.cursors_since = now.saturating_add(1);
    }

    /// So many looks bring nothing from now on, as looks of the service now and then do.
    pub(super) const fn empty_looks(&mut self, count: u64) {
        self.empty_looks = count;
    }

    /// Whether the look at hand is one that brings nothing.
    pub(super) const fn take_empty_look(&mut self) -> bool {
        let is_one = self.empty_looks > 0;
        self.empty_looks = self.empty_looks.saturating_sub(1);
        is_one
    }

    /// From when on cursors are known, milliseconds since 1970.
    pub(super) const fn cursors_since(&self) -> i64 {
        self.cursors_since
    }

    /// Names of the streams of a project.
    pub(super) fn streams_of(&self, project: &str) -> Vec<&str> {
        let all = self.streams.keys();
        all.filter(|(owner, _)| owner == project)
            .map(|(_, name)| name.as_str())
            .collect()
    }

    /// When an app was created; `None` when there is none.
    pub(super) fn app(&self, project: &str, app: &AppName) -> Option<i64> {
        let key = (project.to_owned(), app.to_string());
        self.apps.get(&key).copied()
    }

    /// The apps of a project and when they were created.
    pub(super) fn apps_of(&self, project: &str) -> Vec<(&str, i64)> {
        let all = self.apps.iter();
        all.filter(|((owner, _), _)| owner == project)
            .map(|((_, name), created)| (name.as_str(), *created))
            .collect()
    }

    /// Names of the streams in which an app has checkpoints.
    pub(super) fn streams_with_checkpoints(&self, project: &str, app: &str) -> Vec<&str> {
        let places = self.checkpoints.keys();
        let mut names: Vec<&str> = places
            .filter(|place| place.project == project && place.app == app)
            .map(|place| place.stream.as_str())
            .collect();
        names.dedup();
        names
    }

    /// A checkpoint.
    pub(super) fn checkpoint(&self, place: &Place) -> Option<&Checkpoint> {
        self.checkpoints.get(place)
    }

    /// Checkpoints for `GET /sandbox/state`.
    pub(in crate::sandbox) fn checkpoint_states(&self) -> Vec<Value> {
        let all = self.checkpoints.iter();
        all.map(|(place, checkpoint)| {
            let partition = PartitionId::new(place.partition).map(|it| it.to_string());
            json!({
                "project": place.project, "stream": place.stream, "app": place.app,
                "partition": partition,
                "sequence_number": checkpoint.sequence.to_string(),
                "metadata": checkpoint.metadata,
            })
        })
        .collect()
    }

    /// Counts of metadata events for `GET /sandbox/state`.
    pub(in crate::sandbox) fn metadata_states(&self) -> Vec<Value> {
        let all = self.counts.iter();
        all.map(|([project, engine, instance, kind], events)| {
            json!({
                "project": project, "engine": engine, "instance_id": instance,
                "event_type": kind, "events": events,
            })
        })
        .collect()
    }

    /// Metadata events, one a line.
    pub(in crate::sandbox) fn metadata_lines(&self) -> Vec<Bytes> {
        self.events.clone()
    }

    fn apply(&mut self, entry: Entry) {
        self.bytes = self.bytes.saturating_add(weight(&entry));
        match entry {
            Entry::Stream { .. }
            | Entry::Records { .. }
            | Entry::Reshape { .. }
            | Entry::Trim { .. } => self.apply_to_partitions(entry),
            Entry::DropStream { project, stream } => {
                self.checkpoints
                    .retain(|place, _| place.project != project || place.stream != stream);
                self.streams.remove(&(project, stream));
            }
            Entry::Form {
                project,
                stream,
                form,
            } => {
                if let Some(stream) = self.streams.get_mut(&(project, stream)) {
                    stream.form = form;
                }
            }
            Entry::Anew { project, stream } => {
                if let Some(stream) = self.streams.get_mut(&(project, stream)) {
                    stream.partitions.fill_with(Partition::default);
                }
            }
            Entry::App { project, app, at } => {
                self.apps.insert((project, app), at);
            }
            Entry::DropApp { project, app } => {
                self.checkpoints
                    .retain(|place, _| place.project != project || place.app != app);
                self.apps.remove(&(project, app));
            }
            Entry::Checkpoint {
                place,
                sequence,
                metadata,
            } => {
                if let Some(sequence) = crate::protocol::huawei::SequenceNumber::new(sequence) {
                    let checkpoint = Checkpoint { sequence, metadata };
                    self.checkpoints.insert(place, checkpoint);
                }
            }
            Entry::DropCheckpoint {
                project,
                stream,
                app,
                partition,
            } => self.checkpoints.retain(|place, _| {
                let named = place.project == project && place.stream == stream && place.app == app;
                !named || partition.is_some_and(|it| it != place.partition)
            }),
            Entry::Metadata {
                project,
                engine,
                instance,
                events,
            } => self.take_events(&project, &engine, instance.as_deref(), events),
        }
    }

    fn apply_to_partitions(&mut self, entry: Entry) {
        match entry {
            Entry::Stream {
                project,
                stream,
                partitions,
                at,
            } => {
                let partitions = usize::try_from(partitions).unwrap_or_default();
                let made = Stream {
                    created: at,
                    partitions: vec![Partition::default(); partitions],
                    form: StreamForm::default(),
                };
                self.streams.insert((project, stream), made);
            }
            Entry::Records {
                project,
                stream,
                records,
                at,
            } => self.take_records((project, stream), records, at),
            Entry::Reshape {
                project,
                stream,
                parents,
                children,
            } => {
                let stream = self.streams.entry((project, stream)).or_default();
                stream.reshape(&parents, children);
            }
            Entry::Trim {
                project,
                stream,
                partition,
                before,
            } => {
                let stream = self.streams.entry((project, stream)).or_default();
                let trimmed = stream.partition_mut(partition).map(|it| it.trim(before));
                self.bytes = self.bytes.saturating_sub(trimmed.unwrap_or_default());
            }
            _ => {}
        }
    }

    fn take_records(&mut self, name: (String, String), records: Vec<NewRecord>, at: i64) {
        let stream = self.streams.entry(name).or_default();
        for NewRecord {
            partition,
            key,
            data,
        } in records
        {
            if let Some(there) = stream.partition_mut(partition) {
                there.push(Record { key, data, at });
            }
        }
    }

    fn take_events(
        &mut self,
        project: &str,
        engine: &str,
        instance: Option<&str>,
        events: Vec<Value>,
    ) {
        for event in events {
            let kind = event.get("event_type").and_then(Value::as_str);
            let key = [
                project,
                engine,
                instance.unwrap_or_default(),
                kind.unwrap_or_default(),
            ];
            let count = self.counts.entry(key.map(str::to_owned)).or_default();
            *count = count.saturating_add(1);
            self.events.push(Bytes::from(format!("{event}\n")));
        }
    }
}
