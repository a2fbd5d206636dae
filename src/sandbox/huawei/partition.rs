//! A stream and its partitions: records from some number on, open or closed.
//!
//! Sequence numbers count from 0. Trimming removes the oldest records, as the service does when they are
//! too old. A partition that was split or merged takes no more records; those that came of it name it.

use super::entry::StreamForm;
use std::collections::VecDeque;

/// A record; its sequence number is its place in the partition.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) key: Option<String>,
    /// Base64.
    pub(super) data: String,
    /// Milliseconds since 1970.
    pub(super) at: i64,
}

/// A partition.
#[derive(Debug, Clone, Default)]
pub(super) struct Partition {
    records: VecDeque<Record>,
    /// Number of the oldest record that is kept.
    oldest: u64,
    /// Nothing more is written to it.
    pub(super) is_closed: bool,
    /// Numbers of the partitions that it came of.
    pub(super) parents: Vec<u64>,
}

impl Partition {
    /// One that came of others.
    pub(super) fn of(parents: &[u64]) -> Self {
        Self {
            parents: parents.to_vec(),
            ..Self::default()
        }
    }

    pub(super) fn push(&mut self, record: Record) {
        self.records.push_back(record);
    }

    /// Removes the records before a number; the bytes that they had.
    pub(super) fn trim(&mut self, before: u64) -> usize {
        let mut bytes = 0_usize;
        while self.oldest < before {
            let Some(record) = self.records.pop_front() else {
                break;
            };
            bytes = bytes.saturating_add(record.data.len());
            self.oldest = self.oldest.saturating_add(1);
        }
        bytes
    }

    /// Number of the oldest record that is kept, or of the next one.
    pub(super) const fn oldest(&self) -> u64 {
        self.oldest
    }

    /// Number of the record that is written next.
    pub(super) fn end(&self) -> u64 {
        let kept = u64::try_from(self.records.len()).unwrap_or(u64::MAX);
        self.oldest.saturating_add(kept)
    }

    /// The records from a number on.
    pub(super) fn from(&self, number: u64) -> impl Iterator<Item = &Record> {
        let skipped = number.saturating_sub(self.oldest);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        self.records.iter().skip(skipped)
    }

    /// Number of the first record of a time or later.
    pub(super) fn at(&self, time: i64) -> u64 {
        let before = self.records.iter().take_while(|it| it.at < time).count();
        let before = u64::try_from(before).unwrap_or(u64::MAX);
        self.oldest.saturating_add(before)
    }

    /// As the service calls it.
    pub(super) const fn status(&self) -> &'static str {
        if self.is_closed { "DELETED" } else { "ACTIVE" }
    }
}

/// A stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Stream {
    pub(super) created: i64,
    pub(super) partitions: Vec<Partition>,
    pub(super) form: StreamForm,
}

impl Stream {
    /// A partition by its number.
    pub(super) fn partition(&self, number: u64) -> Option<&Partition> {
        self.partitions.get(usize::try_from(number).ok()?)
    }

    /// The same, to be changed.
    pub(super) fn partition_mut(&mut self, number: u64) -> Option<&mut Partition> {
        self.partitions.get_mut(usize::try_from(number).ok()?)
    }

    /// Closes partitions, and opens those that come of them.
    pub(super) fn reshape(&mut self, parents: &[u64], children: u64) {
        for parent in parents {
            if let Some(parent) = self.partition_mut(*parent) {
                parent.is_closed = true;
            }
        }
        let made = (0..children).map(|_| Partition::of(parents));
        self.partitions.extend(made);
    }
}
