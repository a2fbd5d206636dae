//! Metadata events of a file to `DataArts` Studio, in order, batch by batch.
//!
//! Before a batch leaves, the ledger notes that it may be on its way; after the service took it, how far the
//! file is settled. So a run that was killed goes on where it was. The service has no idempotency key: a batch
//! of unknown outcome is sent again and may be applied twice, which the outcome counts.

use super::dead_letters::{BadGroup, DeadLetters};
use super::dispatch::Course;
use super::event_reader::{Batch, EventReader, Progress};
use super::fault::Fault;
use super::service::Service;
use super::split::{After, Split};
use crate::input::{InputError, InputSettings};
use crate::ledger::{Delivery, HeldLock, Ledger, LedgerError, delivery_lock};
use crate::protocol::huawei::{EventSource, HuaweiCall, ProjectId};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::pin;
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
    /// Whether the command is to end.
    pub stop: watch::Receiver<Halting>,
}

/// How soon a command is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Halting {
    /// When everything is sent.
    AtTheEnd,
    /// Before the next batch.
    AtNextBatch,
    /// At once: an answer is not waited for any longer.
    AtOnce,
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
    /// Why they were rejected.
    pub reasons: Vec<BadGroup>,
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
struct Way<'a> {
    course: Course<'a>,
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
    /// The command was to end, and the answer did not come.
    #[error(
        "it is unknown whether the service took the events of lines {first} to {last}, because its answer was not waited for any longer; those before them are sent, and the same command sends these once more"
    )]
    GivenUp {
        /// Line of the first event of the request.
        first: u64,
        /// Line of the last one.
        last: u64,
    },
    /// A thread that reads has ended.
    #[error("reading ended unexpectedly")]
    Reading(#[from] tokio::task::JoinError),
}

impl MetadataSync<'_> {
    /// Sends what is not yet sent of a file, and tells how far that came, whatever ended it.
    pub async fn file(&mut self, path: &Path, synced: &mut Synced) -> Result<(), SyncFault> {
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
            course: Course {
                ledger: self.ledger,
                kind: KIND,
                key,
            },
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
        let sent = self.batches(reader, &letters, &mut way).await;
        way.synced.stopped |= sent.is_err();
        *synced = way.synced;
        sent?;
        if synced.rejected > 0 {
            synced.reasons = letters
                .groups()
                .map_err(dead_letters_fault(letters.path()))?;
        }
        Ok(())
    }

    async fn batches(
        &mut self,
        mut reader: EventReader,
        letters: &DeadLetters,
        way: &mut Way<'_>,
    ) -> Result<(), SyncFault> {
        loop {
            if *self.stop.borrow() > Halting::AtTheEnd {
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
            Self::settle(way, batch.progress, batch.bad.len() + refused).await?;
            if batch.is_last {
                return Ok(());
            }
        }
    }

    /// Records that everything up to there is dealt with, so many bad events of the batch among it.
    async fn settle(way: &mut Way<'_>, upto: Progress, bad: usize) -> Result<(), LedgerError> {
        let bad = u64::try_from(bad).unwrap_or(u64::MAX);
        way.settled.records = upto.records;
        way.settled.digest = upto.digest;
        way.settled.rejected = way.rejected_before.saturating_add(bad);
        way.synced.read = way.settled.records;
        way.synced.rejected = way.settled.rejected;
        way.course.record(way.settled).await
    }

    /// Sends a batch, in halves when it is not taken as it is, and settles each part before the next one
    /// leaves. Says how many events the service does not take by themselves.
    async fn send(
        &mut self,
        batch: &Batch,
        letters: &DeadLetters,
        way: &mut Way<'_>,
    ) -> Result<usize, SyncFault> {
        way.rejected_before = way.settled.rejected;
        let mut refused = 0_usize;
        let mut split = Split::of(batch.len(), way.settled.records > way.settled.rejected);
        while let Some(events) = split.next() {
            match self.send_events(batch, events.clone(), way).await? {
                None => split.taken(),
                Some(fault) => match split.refused(&events, &fault) {
                    After::Halves => continue,
                    After::Next => {}
                    After::Nothing => return Err(not_taken(batch, &split, events, fault)),
                },
            }
            for (number, fault) in split.at_fault() {
                let bad = batch.refused(number, &fault);
                letters
                    .add(bad.as_slice())
                    .map_err(dead_letters_fault(letters.path()))?;
                refused += 1;
            }
            if !split.is_over() && split.suspect().is_none() {
                let (upto, bad) = batch.settled_with(&events);
                Self::settle(way, upto, bad + refused).await?;
            }
        }
        match split.suspect() {
            None => Ok(refused),
            Some((number, fault)) => Err(not_taken(batch, &split, number..number + 1, fault)),
        }
    }

    /// One request, made again as long as that can help; the last fault when the service did not take it.
    async fn send_events(
        &mut self,
        batch: &Batch,
        events: Range<usize>,
        way: &mut Way<'_>,
    ) -> Result<Option<Fault>, SyncFault> {
        let (first, last) = batch.lines(&events);
        let body = batch.body(&self.source, events);
        let call = HuaweiCall::send_metadata(&self.project, body.into());
        let stop = pin!(reached(self.stop.clone(), Halting::AtNextBatch));
        let abort = pin!(reached(self.stop.clone(), Halting::AtOnce));
        let sent = way
            .course
            .send(&mut self.service, &call, &mut way.settled, stop, abort)
            .await?;
        let synced = &mut way.synced;
        synced.requests = synced.requests.saturating_add(sent.requests);
        synced.repeated = synced.repeated.saturating_add(u64::from(sent.is_repeated));
        if sent.is_given_up {
            return Err(SyncFault::GivenUp { first, last });
        }
        Ok(sent.fault)
    }
}

/// Resolves when the command is to end so soon.
async fn reached(mut stop: watch::Receiver<Halting>, halting: Halting) {
    // It ends as well when nobody is left who could stop it, with the command itself.
    let _told = stop.wait_for(|stop| *stop >= halting).await;
}

/// Why nothing more of a batch is sent: from the first event on that may be at fault, or for whatever is
/// the reason with the events at hand.
fn not_taken(batch: &Batch, split: &Split, events: Range<usize>, fault: Fault) -> SyncFault {
    let events = match split.suspect() {
        Some((first, _)) => first..batch.len(),
        None => events,
    };
    let (first, last) = batch.lines(&events);
    SyncFault::Service { first, last, fault }
}

fn dead_letters_fault(path: &Path) -> impl Fn(io::Error) -> SyncFault {
    let path = path.display().to_string();
    move |source| SyncFault::DeadLetters {
        path: path.clone(),
        source,
    }
}
