//! A little room on the disk that is kept for the moment when there is none.
//!
//! A full disk stops an upload; what was answered by then has to be written all the same. The file
//! holds noise, because some file systems give zeros no room. It is made again by the next run, and
//! nothing is sent without it: an answer that nothing can be written of is lost.

use super::Ledger;
use super::batches::{self, Settlement};
use super::error::LedgerError;
use super::id::{BatchId, PartitionId};
use super::writer::Pending;
use crate::domain::Partition;
use rand::RngCore;
use rusqlite::Connection;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the file in the state directory.
const RESERVE_FILE: &str = "reserve";

/// Bytes of the reserve at most: the rejected rows of a whole batch.
const MOST_BYTES: u64 = 4 << 20;
/// At least: of every batch in flight one page goes to the ledger's log.
const LEAST_BYTES: u64 = 512 << 10;
/// Of a full disk so much stays free for the notes of what is refused later: each takes a page or two.
const NOTES_BYTES: u64 = 128 << 10;
/// It takes no more than this part of what is free, so that a small disk is left to the ledger.
const PART_OF_FREE: u64 = 8;

/// The reserve of a state directory.
#[derive(Debug, Clone)]
pub(super) struct Reserve(PathBuf);

impl Reserve {
    /// Makes the file unless it is there. What can be done without is written to the ledger before, as
    /// its log may take the room that is left.
    pub(super) fn keep(state_dir: &Path, db: &Connection) -> Self {
        let reserve = Self(state_dir.join(RESERVE_FILE));
        if free_bytes(state_dir) < LEAST_BYTES {
            reserve.release();
        }
        if !reserve.0.exists() {
            // The log gives its room back, unless others have the ledger open.
            let _as_far_as_possible =
                db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            let bytes = (free_bytes(state_dir) / PART_OF_FREE).clamp(LEAST_BYTES, MOST_BYTES);
            reserve.make(bytes);
        }
        reserve
    }

    /// Fails when there is none, because the disk has no room for it.
    pub(super) fn require(&self) -> Result<(), LedgerError> {
        if self.0.exists() {
            return Ok(());
        }
        Err(LedgerError::NoReserve {
            path: self.0.clone(),
            bytes: LEAST_BYTES,
        })
    }

    fn make(&self, bytes: u64) {
        match write_noise(&self.0, bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => {
                tracing::debug!("no reserve at {}: {error}", self.0.display());
                // Half a reserve would never be completed.
                let _gone = std::fs::remove_file(&self.0);
            }
        }
    }

    /// Whether more is free than what is left to notes.
    pub(super) fn leaves_room(&self) -> bool {
        self.0
            .parent()
            .is_some_and(|place| free_bytes(place) >= NOTES_BYTES)
    }

    /// Gives the room back.
    pub(super) fn release(&self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!("no reserve at {}: {error}", self.0.display());
        }
    }
}

impl Ledger {
    /// Fails when the disk is so full that an answer could not be recorded. Asked before anything is
    /// sent.
    pub fn require_room(&self) -> Result<(), LedgerError> {
        self.reserve.require()
    }

    /// Notes that rows of a batch were refused and that it is not recorded which.
    pub fn note_refusal_seen(&self, batch: BatchId) -> Pending<()> {
        self.writer.last_word(batch, |_| Ok(()))
    }

    /// Renews a batch after [`Self::renew`] has failed, with the room on the disk that is kept for it.
    /// If that fails as well it is at least remembered as [`Self::note_refusal_seen`] does.
    pub fn renew_at_last(&self, batch: BatchId) -> Pending<()> {
        self.writer.last_word(batch, move |session| {
            batches::renew_after_note(session.db, batch)
        })
    }

    /// Settles a batch after [`Self::settle`] has failed, with the room on the disk that is kept for
    /// it. What does not even fit there is at least remembered as [`Self::note_refusal_seen`] does.
    pub fn settle_at_last(
        &self,
        batch: BatchId,
        partition_id: PartitionId,
        partition: Partition,
        settlement: Arc<Settlement>,
    ) -> Pending<()> {
        self.writer.last_word(batch, move |session| {
            batches::settle(session, batch, partition_id, &partition, &settlement)
        })
    }
}

fn write_noise(path: &Path, bytes: u64) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path)?;
    let mut noise = vec![0; usize::try_from(bytes).unwrap_or(0)];
    rand::rng().fill_bytes(&mut noise);
    file.write_all(&noise)
}

/// What the file system has left for this user; plenty if it does not say.
fn free_bytes(place: &Path) -> u64 {
    rustix::fs::statvfs(place).map_or(u64::MAX, |facts| {
        facts.f_bavail.saturating_mul(facts.f_frsize)
    })
}
