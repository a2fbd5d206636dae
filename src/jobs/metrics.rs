//! What monitoring wants to know of runs, in the text format of Prometheus.
//!
//! Every figure is of the last run of a topic and stage. A text of earlier runs is taken over but for
//! the topics and stages that are told anew, so one file serves all jobs of a machine; the last
//! success stays when a run fails. Row counts come from the ledger, as in the summary.

mod lines;

pub use lines::MetricsError;

use crate::domain::{StageKind, Target, Topic};
use crate::upload::event::{DoneOutcome, Gauges};
use crate::upload::report::{PartitionReport, Status, Summary};
use chrono::{DateTime, Utc};
use lines::Lines;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Counts what there is to tell while a command runs.
#[derive(Debug)]
pub struct Book {
    gauges: Arc<Gauges>,
    entries: Mutex<BTreeMap<(Topic, StageKind), Entry>>,
}

/// What a command did about one topic and stage.
#[derive(Debug, Clone)]
struct Entry {
    status: Status,
    dates: Vec<PartitionReport>,
    counts: Counts,
    elapsed: Duration,
}

/// Requests; of a `done` for several topics nobody counts whose they were.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    requests: u64,
    retries: u64,
    throttled: u64,
    bytes: u64,
}

impl Counts {
    fn of(gauges: &Gauges) -> Self {
        Self {
            requests: Gauges::get(&gauges.requests),
            retries: Gauges::get(&gauges.retries),
            throttled: Gauges::get(&gauges.throttled),
            bytes: Gauges::get(&gauges.bytes_sent),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(before.requests),
            retries: self.retries.saturating_sub(before.retries),
            throttled: self.throttled.saturating_sub(before.throttled),
            bytes: self.bytes.saturating_sub(before.bytes),
        }
    }

    fn and(self, more: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(more.requests),
            retries: self.retries.saturating_add(more.retries),
            throttled: self.throttled.saturating_add(more.throttled),
            bytes: self.bytes.saturating_add(more.bytes),
        }
    }
}

impl Book {
    /// An empty book; the gauges are those of the run.
    pub fn new(gauges: Arc<Gauges>) -> Self {
        Self {
            gauges,
            entries: Mutex::default(),
        }
    }

    /// Notes an upload of one topic and stage.
    pub async fn watch(
        &self,
        topic: &Topic,
        stage: StageKind,
        upload: impl Future<Output = Summary>,
    ) -> Summary {
        let (begun, before) = (Instant::now(), Counts::of(&self.gauges));
        let summary = upload.await;
        self.add(
            (topic.clone(), stage),
            Entry {
                status: summary.status,
                dates: summary.partitions.clone(),
                counts: Counts::of(&self.gauges).since(before),
                elapsed: begun.elapsed(),
            },
        );
        summary
    }

    /// Notes `done` for dates of any topics and stages.
    pub async fn watch_done(&self, done: impl Future<Output = Summary>) -> Summary {
        let (begun, before) = (Instant::now(), Counts::of(&self.gauges));
        let summary = done.await;
        let groups = by_name(&summary);
        let counts = if groups.len() == 1 {
            Counts::of(&self.gauges).since(before)
        } else {
            Counts::default()
        };
        for (name, dates) in groups {
            let complete = dates.iter().all(|date| is_done(date.done));
            let status = if complete {
                Status::Success
            } else {
                summary.status
            };
            let elapsed = begun.elapsed();
            self.add(
                name,
                Entry {
                    status,
                    dates,
                    counts,
                    elapsed,
                },
            );
        }
        summary
    }

    /// Notes dates that were not begun: what keeps them back is told of them as well.
    pub fn note_not_begun(&self, summary: &Summary) {
        for (name, dates) in by_name(summary) {
            if dates.iter().all(|date| is_done(date.done)) {
                continue;
            }
            self.add(
                name,
                Entry {
                    status: summary.status,
                    dates,
                    counts: Counts::default(),
                    elapsed: Duration::ZERO,
                },
            );
        }
    }

    fn add(&self, name: (Topic, StageKind), entry: Entry) {
        // The run that uploads the same has more to tell.
        if entry.status == Status::Busy {
            return;
        }
        let mut entries = self.entries();
        match entries.get_mut(&name) {
            None => {
                entries.insert(name, entry);
            }
            Some(known) => {
                known.status = known.status.worst(entry.status);
                known.dates.extend(entry.dates);
                known.counts = known.counts.and(entry.counts);
                known.elapsed = known.elapsed.saturating_add(entry.elapsed);
            }
        }
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<(Topic, StageKind), Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The topics and stages that there is something to tell of.
    pub fn names(&self) -> Vec<(Topic, StageKind)> {
        self.entries().keys().cloned().collect()
    }

    /// The metrics of everything, with those of a text of earlier runs that are of other topics and
    /// stages.
    pub fn text(
        &self,
        target: &Target,
        ended: DateTime<Utc>,
        earlier: Option<&str>,
    ) -> Result<String, MetricsError> {
        let entries = self.entries().clone();
        let mut lines = Lines::new(target);
        for (name, entry) in &entries {
            lines.add(name, entry, ended);
        }
        lines.take_over(earlier.unwrap_or_default())?;
        Ok(lines.text())
    }

    /// The metrics of one topic and stage.
    pub fn text_of(
        &self,
        name: &(Topic, StageKind),
        target: &Target,
        ended: DateTime<Utc>,
    ) -> String {
        let mut lines = Lines::new(target);
        if let Some(entry) = self.entries().get(name) {
            lines.add(name, entry, ended);
        }
        lines.text()
    }
}

/// The dates of a summary by topic and stage.
fn by_name(summary: &Summary) -> BTreeMap<(Topic, StageKind), Vec<PartitionReport>> {
    let mut groups: BTreeMap<_, Vec<PartitionReport>> = BTreeMap::new();
    for date in &summary.partitions {
        let name = (date.partition.topic.clone(), date.partition.stage.kind());
        groups.entry(name).or_default().push(date.clone());
    }
    groups
}

const fn is_done(outcome: DoneOutcome) -> bool {
    matches!(
        outcome,
        DoneOutcome::Sent | DoneOutcome::Already | DoneOutcome::Unconfirmed
    )
}

#[cfg(test)]
mod tests;
