//! Metadata events of a file to `DataArts` Studio, in order, batch by batch.
//!
//! Before a batch leaves, the ledger notes that it may be on its way; after the service took it, how far the
//! file is settled. So a run that was killed goes on where it was. The service has no idempotency key: a batch
//! of unknown outcome is sent again and may be applied twice, which the outcome counts.

use super::dead_letters::DeadLetters;
use super::event_reader::{Batch, EventReader, Progress};
use super::fault::Fault;
use super::service::Service;
use crate::domain::Verdict;
use crate::input::{InputError, InputSettings};
use crate::ledger::{Delivery, HeldLock, Ledger, LedgerError, delivery_lock};
use crate::protocol::huawei::{EventSource, HuaweiCall, ProjectId};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use tokio::sync::watch;

/// Kind of these deliveries in the ledger.
const KIND: &str = "metadata";

/// What all files of a command have in common.
pub struct MetadataSync<'a> {
    /// The service.
    pub service: Service,
    /// Whose catalog it is.
    pub project: ProjectId,
    /// Where the events come from.
    pub source: EventSource,
    /// Most events of one request.
    pub batch_events: usize,
    /// How files are read.
    pub input: InputSettings,
    /// The memory of what was sent.
    pub ledger: &'a Ledger,
    /// Whether files are sent again from their beginnings.
    pub restart: bool,
    /// True when the command is to end at the next batch.
    pub stop: watch::Receiver<bool>,
}

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Synced {
    /// Events that were settled by earlier runs.
    pub earlier: u64,
    /// Events read, in all runs.
    pub read: u64,
    /// Events rejected, in all runs.
    pub rejected: u64,
    /// Where the rejected ones are.
    pub dead_letters: PathBuf,
    /// Requests of this run.
    pub requests: u64,
    /// Batches that were sent again after an unknown outcome.
    pub repeated: u64,
    /// Whether it ended before the end of the file, because it was told to.
    pub stopped: bool,
}

impl Synced {
    /// Events that the service took, in all runs.
    pub const fn accepted(&self) -> u64 {
        self.read.saturating_sub(self.rejected)
    }
}

/// A file on its way.
struct Way {
    /// Its key in the ledger.
    key: String,
    /// What is settled of it. In doubt when an attempt at what follows had an unknown outcome.
    settled: Delivery,
    /// Events that were rejected before the batch at hand.
    rejected_before: u64,
    synced: Synced,
}

/// Why a file was not sent to its end. What was settled before stays settled.
#[derive(Debug, thiserror::Error)]
pub enum SyncFault {
    /// The file cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// It is not the file of which a part was sent.
    #[error(
        "the first {0} events are not those that were sent from this file before; nothing more was sent. Put the \
         file back, give the new events a file of their own, or send all of it again with --restart"
    )]
    Changed(u64),
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Dead letters cannot be written.
    #[error(
        "cannot write the dead letters {path}; free disk space, then run the same command again"
    )]
    DeadLetters {
        /// Their file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Another run is sending the same file.
    #[error("another run is sending exactly this file")]
    Busy,
    /// The service did not take a batch.
    #[error(
        "{} the events of lines {first} to {last}; those before them are sent, and the same command goes on here{}",
        if .fault.is_unknown() { "it is unknown whether the service took" } else { "the service did not take" },
        if .fault.may_be_one_event() && first < last { ". With --batch-events 1 it ends at the event that is refused" }
        else { "" }
    )]
    Service {
        /// Line of the first event of the batch.
        first: u64,
        /// Line of the last one.
        last: u64,
        /// Why not.
        #[source]
        fault: Fault,
    },
    /// A thread that reads has ended.
    #[error("reading ended unexpectedly")]
    Reading(#[from] tokio::task::JoinError),
}

impl MetadataSync<'_> {
    /// Sends what is not yet sent of a file.
    pub async fn file(&mut self, path: &Path) -> Result<Synced, SyncFault> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let key = format!(
            "{} {} {}",
            self.service.host(),
            self.source.key(),
            path.display()
        );
        let _held: HeldLock =
            delivery_lock(self.ledger.state_dir(), KIND, &key)?.ok_or(SyncFault::Busy)?;
        let known = self.ledger.delivery(KIND, key.clone()).committed().await?;
        let known = known.filter(|_| !self.restart).unwrap_or_default();
        let (most, source) = (self.batch_events, self.source.clone());
        let (place, settings) = (path.clone(), self.input.clone());
        let opened = tokio::task::spawn_blocking(move || -> Result<_, InputError> {
            let mut reader = EventReader::open(&place, &settings, source, most)?;
            let digest = reader.skip(known.records)?;
            Ok((reader, digest))
        });
        let (reader, digest) = opened.await??;
        if known.records > 0 && digest != Some(known.digest) {
            return Err(SyncFault::Changed(known.records));
        }
        let name = format!(
            "metadata-{:032x}.jsonl",
            xxhash_rust::xxh3::xxh3_128(key.as_bytes())
        );
        let letters_path = self.ledger.state_dir().join("rejects").join(name);
        let letters = DeadLetters::open(letters_path.clone(), &path, known.records)
            .map_err(dead_letters_fault(&letters_path))?;
        let mut way = Way {
            key,
            settled: known,
            rejected_before: known.rejected,
            synced: Synced {
                earlier: known.records,
                read: known.records,
                rejected: known.rejected,
                dead_letters: letters_path,
                ..Synced::default()
            },
        };
        self.batches(reader, &letters, &mut way).await?;
        Ok(way.synced)
    }

    async fn batches(
        &mut self,
        mut reader: EventReader,
        letters: &DeadLetters,
        way: &mut Way,
    ) -> Result<(), SyncFault> {
        loop {
            if *self.stop.borrow() {
                way.synced.stopped = true;
                return Ok(());
            }
            let reading = tokio::task::spawn_blocking(move || {
                let batch = reader.batch();
                (reader, batch)
            });
            let (back, batch) = reading.await?;
            reader = back;
            let batch = batch?;
            letters
                .add(&batch.bad)
                .map_err(dead_letters_fault(letters.path()))?;
            let refused = self.send(&batch, letters, way).await?;
            self.settle(way, batch.progress, batch.bad.len() + refused)
                .await?;
            if batch.is_last {
                return Ok(());
            }
        }
    }

    /// Records that everything up to there is dealt with, so many bad events of the batch among it.
    async fn settle(&self, way: &mut Way, upto: Progress, bad: usize) -> Result<(), LedgerError> {
        let bad = u64::try_from(bad).unwrap_or(u64::MAX);
        way.settled.records = upto.records;
        way.settled.digest = upto.digest;
        way.settled.rejected = way.rejected_before.saturating_add(bad);
        way.synced.read = way.settled.records;
        way.synced.rejected = way.settled.rejected;
        self.record(way, way.settled).await
    }

    async fn record(&self, way: &Way, delivery: Delivery) -> Result<(), LedgerError> {
        let pending = self.ledger.deliver(KIND, way.key.clone(), delivery);
        pending.committed().await
    }

    /// Sends a batch, in halves when the gateway wants less at once, and settles each part before the next
    /// one leaves. Says how many events the service found too large by themselves.
    async fn send(
        &mut self,
        batch: &Batch,
        letters: &DeadLetters,
        way: &mut Way,
    ) -> Result<usize, SyncFault> {
        way.rejected_before = way.settled.rejected;
        let mut refused = 0_usize;
        let mut waiting: Vec<Range<usize>> = Vec::new();
        if batch.len() > 0 {
            waiting.push(0..batch.len());
        }
        while let Some(events) = waiting.pop() {
            match self.send_events(batch, events.clone(), way).await? {
                None => {}
                Some(fault) if fault.verdict() == Verdict::TooLarge && events.len() > 1 => {
                    let middle = events.start + events.len() / 2;
                    waiting.push(middle..events.end);
                    waiting.push(events.start..middle);
                    continue;
                }
                Some(fault) if fault.verdict() == Verdict::TooLarge => {
                    let bad = batch.refused(events.start, fault.to_string());
                    letters
                        .add(bad.as_slice())
                        .map_err(dead_letters_fault(letters.path()))?;
                    refused += 1;
                }
                Some(fault) => {
                    let (first, last) = batch.lines(&events);
                    return Err(SyncFault::Service { first, last, fault });
                }
            }
            if !waiting.is_empty() {
                let (upto, bad) = batch.settled_with(&events);
                self.settle(way, upto, bad + refused).await?;
            }
        }
        Ok(refused)
    }

    /// One request, made again as long as that can help; the last fault when the service did not take it.
    async fn send_events(
        &mut self,
        batch: &Batch,
        events: Range<usize>,
        way: &mut Way,
    ) -> Result<Option<Fault>, LedgerError> {
        let body = batch.body(&self.source, events);
        let call = HuaweiCall::send_metadata(&self.project, body.into());
        let mut attempts = self.service.attempts();
        let on_its_way = Delivery {
            in_doubt: true,
            ..way.settled
        };
        self.record(way, on_its_way).await?;
        loop {
            attempts.begin();
            way.synced.requests = way.synced.requests.saturating_add(1);
            let Err(fault) = self.service.send_metadata(&call).await else {
                let repeated = u64::from(way.settled.in_doubt);
                way.synced.repeated = way.synced.repeated.saturating_add(repeated);
                way.settled.in_doubt = false;
                return Ok(None);
            };
            way.settled.in_doubt |= fault.is_unknown();
            let gave_up = tokio::select! {
                waited = attempts.wait_after(fault.clone()) => waited.is_err(),
                _ = self.stop.wait_for(|stop| *stop) => true,
            };
            if gave_up {
                // What was definitely not taken will be no repetition.
                self.record(way, way.settled).await?;
                return Ok(Some(fault));
            }
        }
    }
}

fn dead_letters_fault(path: &Path) -> impl Fn(io::Error) -> SyncFault {
    let path = path.display().to_string();
    move |source| SyncFault::DeadLetters {
        path: path.clone(),
        source,
    }
}
