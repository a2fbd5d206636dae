//! All that progress, logs and machine-readable lines may know of a running upload.
//!
//! Events tell of changes; the gauges are numbers that change too often for events and are read by
//! whoever draws them. Nothing here feeds back into the upload.

use crate::domain::{Judged, Partition, Position};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

/// Somebody who wants to know. Must not block.
pub trait Observer: Send + Sync {
    /// Called once for each event, from any thread.
    fn observe(&self, event: &Event);
}

/// A change worth a line.
#[derive(Debug, Clone)]
pub enum Event {
    /// The plan stands; the upload begins.
    Started {
        /// Run number in the ledger.
        run: i64,
        /// Which upload of how many this is, for people, in a run of several.
        place: Option<String>,
        /// What will be uploaded, for people: topic, stage, dates.
        what: String,
        /// Whether it is of dates, which get a `done`.
        has_dates: bool,
        /// Zone in which days are reckoned.
        zone: String,
        /// Inputs of this run, and how many of them the ledger already holds as finished.
        inputs: usize,
        /// Of these, already uploaded.
        inputs_finished: usize,
        /// Bytes to read in all inputs (as stored), when known.
        bytes_total: Option<u64>,
        /// What [`Gauges::bytes_settled`] says of uploads before this one.
        bytes_of_others: u64,
    },
    /// Something to notice that does not stop anything.
    Warning(String),
    /// A row became a dead letter.
    Rejected {
        /// Where its rows belong.
        partition: Partition,
        /// File, or `-`.
        input: String,
        /// Where in it.
        position: Position,
        /// Machine-readable reason.
        code: String,
        /// The field at fault, where one is.
        column: Option<String>,
        /// Reason for people.
        message: String,
        /// True when the platform refused it, false when it never left.
        by_server: bool,
    },
    /// An attempt did not succeed and will be repeated.
    Retry {
        /// Whose batch it is.
        partition: Partition,
        /// First and last record of the batch; `None` for `done`.
        records: Option<(u64, u64)>,
        /// The attempt that failed, from 1.
        attempt: u32,
        /// What happened.
        judged: Judged,
        /// How long the batch waits now.
        wait: Duration,
    },
    /// A batch is settled and the ledger has it on disk.
    Settled {
        /// Whose batch it is.
        partition: Partition,
        /// Rows stored for sure.
        accepted: u64,
        /// Rows stored as far as can be known.
        unconfirmed: u64,
        /// Rows that became dead letters.
        refused: u64,
    },
    /// A partition was stopped by an answer that no retry can mend.
    PartitionStopped {
        /// Which.
        partition: Partition,
        /// What was answered and what to do.
        why: String,
    },
    /// Something about `done` of a date became known.
    Done {
        /// Which date of which topic and stage.
        partition: Partition,
        /// What.
        outcome: DoneOutcome,
        /// For people; empty when there is nothing to add.
        why: String,
    },
    /// The first stop signal was received.
    Stopping {
        /// How long requests in flight may still take.
        grace: Duration,
    },
}

/// What became of the `done` of a date, as the summary spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoneOutcome {
    /// Sent and acknowledged in this run.
    Sent,
    /// Was done before this run.
    Already,
    /// An earlier attempt of unknown outcome got through.
    Unconfirmed,
    /// Not sent, for the reason given.
    Withheld,
    /// Sent, and nobody knows yet whether it got through.
    Unknown,
    /// The streaming stage has no `done`.
    NotApplicable,
}

impl DoneOutcome {
    /// Whether the platform has it, as far as can be known.
    pub(super) const fn is_done(self) -> bool {
        matches!(self, Self::Sent | Self::Already | Self::Unconfirmed)
    }

    /// The word in `--json` and reports (`cli.md` section 10).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Already => "already",
            Self::Unconfirmed => "unconfirmed",
            Self::Withheld => "withheld",
            Self::Unknown => "unknown",
            Self::NotApplicable => "none",
        }
    }
}

/// What an upload is waiting for most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limiting {
    /// The source.
    Reading,
    /// The requests/s quota.
    RequestRate,
    /// The rows/s quota.
    RowRate,
    /// Answers.
    Server,
    /// Back-off after failures.
    Network,
}

/// Numbers of this run, read by progress displays. Totals over all runs come from the ledger.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Rows read in this run, rejected ones included.
    pub rows_read: AtomicU64,
    /// Good rows taken from a live pipe, which does not give them again.
    pub rows_piped: AtomicU64,
    /// Those of them that the ledger has on record, so that they are sent by this run or the next.
    pub rows_kept: AtomicU64,
    /// Bytes of the sources consumed in this run (as stored, compressed bytes for compressed files).
    pub bytes_read: AtomicU64,
    /// Rows that the ledger held as settled when the run began.
    pub rows_before: AtomicU64,
    /// Source bytes that the ledger held as settled when the run began.
    pub bytes_before: AtomicU64,
    /// Source bytes in batches that are settled, of all runs.
    pub bytes_settled: AtomicU64,
    /// Rows accepted in this run.
    pub rows_accepted: AtomicU64,
    /// Rows accepted, unconfirmed, in this run.
    pub rows_unconfirmed: AtomicU64,
    /// Rows rejected in this run, by us or by the platform.
    pub rows_rejected: AtomicU64,
    /// Rows on their way.
    pub rows_in_flight: AtomicU64,
    /// Requests on their way.
    pub requests_in_flight: AtomicU64,
    /// Attempts sent in this run, `done` included.
    pub requests: AtomicU64,
    /// Attempts that a server answered, in whatever way.
    pub answers: AtomicU64,
    /// Attempts after the first of a batch.
    pub retries: AtomicU64,
    /// Attempts answered 429.
    pub throttled: AtomicU64,
    /// Body bytes sent in this run, every attempt counted.
    pub bytes_sent: AtomicU64,
    /// Batches that an earlier run intended and batches of this one, as long as nobody has
    /// acknowledged them.
    pub batches_unsettled: AtomicU64,
    /// Batches that wait after a failure.
    pub backing_off: AtomicU64,
    /// 1 while reading waits for room that only answers give back, and when there is nothing left to
    /// read.
    pub reading_waits: AtomicU64,
    /// [`Limiting`] as a number.
    pub limiting: AtomicU8,
}

impl Gauges {
    /// Adds to a gauge.
    pub fn add(gauge: &AtomicU64, amount: u64) {
        gauge.fetch_add(amount, Ordering::Relaxed);
    }

    /// Takes from a gauge, down to zero.
    pub fn sub(gauge: &AtomicU64, amount: u64) {
        let less = |value: u64| Some(value.saturating_sub(amount));
        // Always a value, so that this cannot fail.
        let _ = gauge.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Sets a gauge.
    pub fn set(gauge: &AtomicU64, value: u64) {
        gauge.store(value, Ordering::Relaxed);
    }

    /// Reads a gauge.
    pub fn get(gauge: &AtomicU64) -> u64 {
        gauge.load(Ordering::Relaxed)
    }

    /// Notes what the upload is waiting for.
    pub fn limited_by(&self, limiting: Limiting) {
        let code = match limiting {
            Limiting::Reading => 0,
            Limiting::RequestRate => 1,
            Limiting::RowRate => 2,
            Limiting::Server => 3,
            Limiting::Network => 4,
        };
        self.limiting.store(code, Ordering::Relaxed);
    }

    /// What the upload is waiting for.
    pub fn limiting(&self) -> Limiting {
        match self.limiting.load(Ordering::Relaxed) {
            1 => Limiting::RequestRate,
            2 => Limiting::RowRate,
            3 => Limiting::Server,
            4 => Limiting::Network,
            _ => Limiting::Reading,
        }
    }
}
