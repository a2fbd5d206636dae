//! What the sandbox tells about itself: the documents behind `GET /sandbox/state` and
//! `GET /sandbox/traffic`.
//!
//! Version 1 of published formats; fields may be added, never renamed.

use super::history::{RequestState, SecondState};
use super::store::{PartitionRecord, Store};
use super::traffic::Traffic;
use crate::domain::Partition;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Instant;

/// Everything that was received, as numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct State {
    /// Version of the format: 1.
    pub v: u32,
    /// Every partition that saw a request, in order.
    pub partitions: Vec<PartitionState>,
    /// Checkpoints of Huawei DIS consumers.
    pub checkpoints: Vec<serde_json::Value>,
    /// Metadata events of Huawei `DataArts`.
    pub metadata: Vec<serde_json::Value>,
    /// Requests of the data API since the start, whatever became of them.
    pub requests_total: u64,
    /// Rows stored in all partitions.
    pub rows_total: u64,
    /// The limits in force.
    pub limits: SandboxLimits,
    /// The fullest seconds since the start.
    pub windows: Windows,
    /// Faults that hit since the start, by name.
    pub faults: BTreeMap<String, u64>,
    /// Refusals since the start, by status code; faults are not among them.
    pub refused: BTreeMap<i32, u64>,
}

/// What came in lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrafficState {
    /// Version of the format: 1.
    pub v: u32,
    /// The second since the start that it is now.
    pub second: u64,
    /// The limits in force.
    pub limits: SandboxLimits,
    /// The last three minutes: seconds in which something arrived, the oldest first.
    pub seconds: Vec<SecondState>,
    /// The last requests, the newest first.
    pub requests: Vec<RequestState>,
}

/// What any one-second window may hold before 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SandboxLimits {
    /// Requests.
    pub qps: u64,
    /// Rows.
    pub rows_per_second: u64,
}

/// The most that arrived in any one-second window, refused requests included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Windows {
    /// Rows.
    pub max_rows_per_second: u64,
    /// Requests.
    pub max_requests_per_second: u64,
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartitionState {
    /// Tenant id.
    pub tenant: String,
    /// Application id.
    pub application: String,
    /// Topic.
    pub topic: String,
    /// Stage.
    pub stage: String,
    /// Day as `YYYY-MM-DD`, null when streaming.
    pub date: Option<String>,
    /// Rows stored.
    pub rows: u64,
    /// Bytes of those rows as JSON lines.
    pub bytes: u64,
    /// Write requests accepted.
    pub requests: u64,
    /// Requests refused because their id was known.
    pub duplicates: u64,
    /// `done` requests accepted.
    pub done_requests: u64,
    /// `syncing`, or `acked` after `done`.
    pub state: &'static str,
    /// When `done` was accepted, RFC 3339.
    pub done_at: Option<String>,
}

impl State {
    pub(super) fn of(store: &Store, traffic: &Traffic) -> Self {
        let partitions: Vec<PartitionState> = store
            .partitions()
            .iter()
            .map(|(partition, record)| PartitionState::of(partition, record))
            .collect();
        Self {
            v: 1,
            rows_total: partitions.iter().map(|partition| partition.rows).sum(),
            partitions,
            checkpoints: Vec::new(),
            metadata: Vec::new(),
            requests_total: traffic.requests_total,
            limits: SandboxLimits::of(traffic),
            windows: Windows {
                max_rows_per_second: traffic.rows.fullest_second(),
                max_requests_per_second: traffic.requests.fullest_second(),
            },
            faults: traffic.faults.clone(),
            refused: traffic.refused.clone(),
        }
    }
}

impl TrafficState {
    pub(super) fn of(traffic: &Traffic) -> Self {
        Self {
            v: 1,
            second: traffic.second_of(Instant::now()),
            limits: SandboxLimits::of(traffic),
            seconds: traffic.history.seconds(),
            requests: traffic.history.requests(),
        }
    }
}

impl SandboxLimits {
    pub(super) const fn of(traffic: &Traffic) -> Self {
        Self {
            qps: traffic.requests.limit(),
            rows_per_second: traffic.rows.limit(),
        }
    }
}

impl PartitionState {
    fn of(partition: &Partition, record: &PartitionRecord) -> Self {
        Self {
            tenant: partition.target.tenant().to_owned(),
            application: partition.target.application().to_owned(),
            topic: partition.topic.to_string(),
            stage: partition.stage.kind().to_string(),
            date: partition.date().map(|date| date.to_string()),
            rows: record.rows,
            bytes: record.bytes,
            requests: record.requests,
            duplicates: record.duplicates,
            done_requests: record.dones,
            state: if record.done_at.is_some() {
                "acked"
            } else {
                "syncing"
            },
            done_at: record.done_at.clone(),
        }
    }
}
