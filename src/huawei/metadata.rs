//! Metadata events of a file to `DataArts` Studio, in order, batch by batch.
//!
//! Before a batch leaves, the ledger notes that it may be on its way; after the service took it, how far the
//! file is settled. So a run that was killed goes on where it was. The service has no idempotency key: a batch
//! of unknown outcome is sent again and may be applied twice, which the outcome counts.

use super::dead_letters::DeadLetters;
use super::event_reader::{Batch, EventReader};
use super::fault::Fault;
use super::service::Service;
use crate::domain::Verdict;
use crate::input::{InputError, InputSettings};
use crate::ledger::{Delivery, HeldLock, Ledger, LedgerError, delivery_lock};
use crate::protocol::huawei::{EventSource, HuaweiCall, ProjectId, metadata_success};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

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
    /// Set when the command is to end at the next batch.
    pub stop: &'a AtomicBool,
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
        "{} the events of lines {first} to {last}; those before them are sent, and the same command goes on here",
        if .fault.is_unknown() { "it is unknown whether the service took" } else { "the service did not take" }
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
        let mut synced = Synced {
            earlier: known.records,
            read: known.records,
            rejected: known.rejected,
            repeated: u64::from(known.in_doubt),
            dead_letters: letters_path,
            ..Synced::default()
        };
        self.batches(reader, &letters, &key, &mut synced).await?;
        Ok(synced)
    }

    async fn batches(
        &mut self,
        mut reader: EventReader,
        letters: &DeadLetters,
        key: &str,
        synced: &mut Synced,
    ) -> Result<(), SyncFault> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                synced.stopped = true;
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
            if let Some(lines) = batch.lines {
                self.send(&batch, lines, key, synced).await?;
            }
            let bad = u64::try_from(batch.bad.len()).unwrap_or(u64::MAX);
            synced.rejected = synced.rejected.saturating_add(bad);
            synced.read = batch.records;
            let settled = Delivery {
                records: batch.records,
                digest: batch.digest,
                rejected: synced.rejected,
                in_doubt: false,
            };
            self.record(key, settled).await?;
            if batch.is_last {
                return Ok(());
            }
        }
    }

    async fn record(&self, key: &str, delivery: Delivery) -> Result<(), LedgerError> {
        let pending = self.ledger.deliver(KIND, key.to_owned(), delivery);
        pending.committed().await
    }

    /// Sends a batch, in halves when the gateway wants less at once.
    async fn send(
        &mut self,
        batch: &Batch,
        (first, last): (u64, u64),
        key: &str,
        synced: &mut Synced,
    ) -> Result<(), SyncFault> {
        let before = self
            .ledger
            .delivery(KIND, key.to_owned())
            .committed()
            .await?;
        let before = before.filter(|_| !self.restart || synced.requests > 0);
        let in_doubt = Delivery {
            in_doubt: true,
            ..before.unwrap_or_default()
        };
        self.record(key, in_doubt).await?;
        let mut waiting = vec![0..batch.len()];
        while let Some(events) = waiting.pop() {
            match self.send_events(batch, events.clone(), synced).await {
                Ok(()) => {}
                Err(fault) if fault.verdict() == Verdict::TooLarge && events.len() > 1 => {
                    let middle = events.start + events.len() / 2;
                    waiting.push(middle..events.end);
                    waiting.push(events.start..middle);
                }
                Err(fault) => return Err(SyncFault::Service { first, last, fault }),
            }
        }
        Ok(())
    }

    async fn send_events(
        &mut self,
        batch: &Batch,
        events: Range<usize>,
        synced: &mut Synced,
    ) -> Result<(), Fault> {
        let body = batch.body(&self.source, events);
        let call = HuaweiCall::send_metadata(&self.project, body.into());
        let mut attempts = self.service.attempts();
        loop {
            attempts.begin();
            synced.requests = synced.requests.saturating_add(1);
            let fault = match self.service.ask_once(&call).await {
                Err(fault) => fault,
                Ok(reply) => match metadata_success(&reply) {
                    Some(true) => return Ok(()),
                    Some(false) => return Err(self.service.unsuccessful()),
                    None => self
                        .service
                        .unreadable("not in a form that says what became of the events"),
                },
            };
            let unknown = fault.is_unknown();
            attempts.wait_after(fault).await?;
            synced.repeated = synced.repeated.saturating_add(u64::from(unknown));
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
