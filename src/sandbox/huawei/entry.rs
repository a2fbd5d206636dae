//! What changes the book, one line of its journal each.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something to remember. Names are texts here: they were checked when they came.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Entry {
    Stream {
        project: String,
        stream: String,
        partitions: u64,
        at: i64,
    },
    /// What a stream says of its records.
    Form {
        project: String,
        stream: String,
        form: StreamForm,
    },
    DropStream {
        project: String,
        stream: String,
    },
    /// Numbers begin again, and checkpoints stay where they were.
    Anew {
        project: String,
        stream: String,
    },
    Records {
        project: String,
        stream: String,
        records: Vec<NewRecord>,
        at: i64,
    },
    /// Partitions become others: a split, or a merge.
    Reshape {
        project: String,
        stream: String,
        parents: Vec<u64>,
        children: u64,
    },
    /// Records before a number are too old.
    Trim {
        project: String,
        stream: String,
        partition: u64,
        before: u64,
    },
    App {
        project: String,
        app: String,
        at: i64,
    },
    DropApp {
        project: String,
        app: String,
    },
    Checkpoint {
        place: Place,
        sequence: u64,
        metadata: Option<String>,
    },
    /// Without a partition: of all of them.
    DropCheckpoint {
        project: String,
        stream: String,
        app: String,
        partition: Option<u64>,
    },
    Metadata {
        project: String,
        engine: String,
        instance: Option<String>,
        events: Vec<Value>,
    },
}

/// What a stream says of its records, as the API has it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct StreamForm {
    pub(super) data_type: Option<String>,
    pub(super) compression_format: Option<String>,
    pub(super) csv_properties: Option<Value>,
}

/// A record on its way in; its data stays in Base64.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NewRecord {
    pub(super) partition: u64,
    pub(super) key: Option<String>,
    pub(super) data: String,
}

/// Whose checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) project: String,
    pub(super) stream: String,
    pub(super) app: String,
    pub(super) partition: u64,
}

/// Bytes of what may become large.
pub(super) fn weight(entry: &Entry) -> usize {
    match entry {
        Entry::Records { records, .. } => records
            .iter()
            .map(|record| record.data.len().saturating_add(64))
            .sum(),
        Entry::Metadata { events, .. } => events.iter().map(|it| it.to_string().len()).sum(),
        _ => 64,
    }
}
