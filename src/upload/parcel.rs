//! A batch ready to be sent: compressed, hashed, with the places of its rows.

use super::context::Context;
use super::cut::{Cut, CutKind};
use super::event::Event;
use super::memory::{Share, compressed};
use super::places::RowPlaces;
use super::spool;
use crate::domain::{BatchIdentity, Generation, Partition, Position, RawRange, RequestId};
use crate::ledger::{BatchId, Blocks, DeadLetter, Intention, NewBatch, Piece};
use crate::protocol::Gzip;
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedSemaphorePermit;
use xxhash_rust::xxh3::xxh3_128;

/// A batch whose body exists only compressed.
#[derive(Default)]
pub(super) struct Parcel {
    pub(super) id: BatchId,
    pub(super) pieces: Vec<Piece>,
    pub(super) rows: u32,
    pub(super) digest: u128,
    /// The batch whose id it goes by, when other rows of that were given up.
    pub(super) whole: Option<BatchIdentity>,
    pub(super) body: Bytes,
    pub(super) places: RowPlaces,
    pub(super) generation: Generation,
    pub(super) unknown: bool,
    pub(super) refusal_seen: bool,
    pub(super) spooled: bool,
    pub(super) source_bytes: u64,
    /// Its place among the batches that wait for their first attempt; given up when that begins.
    pub(super) place: Option<OwnedSemaphorePermit>,
    /// The id under which it was sent last.
    pub(super) sent_as: Option<RequestId>,
    /// Held until the batch is settled; halves of a split share that of the whole.
    pub(super) share: Option<Share>,
}

/// What the compressing threads hand back.
pub(super) struct Packed {
    pub(super) partition: usize,
    pub(super) kind: CutKind,
    pub(super) parcel: Option<Parcel>,
    pub(super) source_bytes: u64,
}

/// Why a cut could not be packed.
#[derive(Debug, thiserror::Error)]
pub(super) enum PackError {
    /// A body that has to be sent as it was is no longer the same.
    #[error(
        "rows that an earlier run had begun to upload are no longer the same; put the file back as it was, or start the date over with --restart"
    )]
    Changed,
    /// The system has no memory for compressed bodies.
    #[error("there is no memory for compressed rows; give less with --memory")]
    NoMemory(#[source] std::io::Error),
    /// The body could not be spooled.
    #[error(transparent)]
    Spool(#[from] spool::SpoolError),
    /// Our own body does not inflate or parse. Cannot happen.
    #[error("a body of this program cannot be read back")]
    Unreadable,
}

/// What packing works with: where bodies are spooled, and compressors, which hold buffers as large
/// as a body and are therefore as many as work at one time, not as many as there are threads.
#[derive(Clone)]
pub(super) struct Packer {
    spool_dir: PathBuf,
    gzip_level: i32,
    compressors: Arc<Mutex<Vec<Gzip>>>,
}

impl Packer {
    pub(super) fn new(spool_dir: PathBuf, gzip_level: i32) -> Self {
        Self {
            spool_dir,
            gzip_level,
            compressors: Arc::default(),
        }
    }

    pub(super) fn spool_dir(&self) -> &Path {
        &self.spool_dir
    }

    fn compress(&self, body: &[u8]) -> Bytes {
        let mut gzip = self.take_compressor();
        let compressed = compressed(body, &mut gzip);
        self.put_compressor(gzip);
        compressed
    }

    /// One that is idle, or a new one.
    pub(super) fn take_compressor(&self) -> Gzip {
        let idle = self.compressors().pop();
        idle.unwrap_or_else(|| Gzip::new(self.gzip_level))
    }

    /// For the next body.
    pub(super) fn put_compressor(&self, gzip: Gzip) {
        self.compressors().push(gzip);
    }

    fn compressors(&self) -> MutexGuard<'_, Vec<Gzip>> {
        self.compressors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Digests, compresses and, where needed, spools a cut. Runs on a blocking thread.
pub(super) fn pack(cut: Cut, packer: &Packer) -> Result<Packed, PackError> {
    let Cut {
        partition,
        kind,
        pieces,
        rows,
        body,
        places,
        source_bytes,
        spooled,
        mut share,
        spare,
    } = cut;
    let Some(first) = pieces.first().filter(|_| rows > 0) else {
        return Ok(Packed {
            partition,
            kind,
            parcel: None,
            source_bytes,
        });
    };
    let digest = xxh3_128(&body);
    let compressed = packer.compress(&body);
    let (id, generation, unknown, refusal_seen, whole) = match &kind {
        CutKind::Fresh { .. } => {
            if spooled {
                spool::save(&packer.spool_dir, first, &places, &compressed)?;
            }
            (BatchId(0), Generation::default(), false, false, None)
        }
        // Of rows that are left of a batch only the stretches of their inputs were compared.
        CutKind::Redo {
            digest: expected,
            whole: None,
            ..
        } if *expected != digest => return Err(PackError::Changed),
        CutKind::Redo {
            id,
            generation,
            unknown,
            refusal_seen,
            whole,
            ..
        } => (*id, *generation, *unknown, *refusal_seen, *whole),
    };
    spare.note_compressed(body.len(), compressed.len());
    let kept = share.split_off(compressed.len().saturating_add(places.memory_bytes()));
    share.shrink_to(body.len());
    spare.put(body, share);
    Ok(Packed {
        partition,
        kind,
        source_bytes,
        parcel: Some(Parcel {
            id,
            pieces,
            rows,
            digest,
            whole,
            body: compressed,
            places,
            generation,
            unknown,
            refusal_seen,
            spooled,
            source_bytes,
            place: None,
            sent_as: None,
            share: kept,
        }),
    })
}

impl Packed {
    /// Tells the observer of rows that are not sent, and counts them.
    pub(super) fn tell_rejects(&self, context: &Context, partition: &Partition) -> u64 {
        let CutKind::Fresh { rejects, .. } = &self.kind else {
            return 0;
        };
        for letter in rejects {
            context.tell(&Event::Rejected {
                partition: partition.clone(),
                input: context.input_name(letter.input),
                position: letter.position,
                code: letter.code.clone(),
                column: letter.column.clone(),
                message: letter.message.clone(),
                by_server: false,
            });
        }
        u64::try_from(rejects.len()).unwrap_or(u64::MAX)
    }

    /// Rows in the stretches of the inputs that the ledger has not on record yet.
    pub(super) fn new_rows(&self) -> u64 {
        let CutKind::Fresh { chunks, .. } = &self.kind else {
            return 0;
        };
        let good =
            |(_, range, invalid): &(_, RawRange, u64)| range.records.saturating_sub(*invalid);
        chunks.iter().map(good).sum()
    }

    /// What the ledger has to record before the batch may be sent; `None` when it knows it already.
    pub(super) fn intention(
        &mut self,
        row: &crate::ledger::RegisteredPartition,
    ) -> Option<Intention> {
        let CutKind::Fresh {
            chunks,
            rejects,
            finished,
        } = &mut self.kind
        else {
            return None;
        };
        Some(Intention {
            partition_id: row.id,
            partition: row.partition.clone(),
            chunks: std::mem::take(chunks),
            batch: self.parcel.as_ref().map(|parcel| NewBatch {
                pieces: parcel.pieces.clone(),
                rows: parcel.rows,
                digest: parcel.digest,
            }),
            rejects: std::mem::take(rejects),
            finished: std::mem::take(finished),
        })
    }
}

impl Parcel {
    /// What tells this batch from every other, for its Request-Id.
    pub(super) fn identity(&self) -> BatchIdentity {
        let first = self.pieces.first();
        self.whole.unwrap_or(BatchIdentity {
            input: first.map_or(0, |piece| piece.input.0),
            first_record: first.map_or(0, |piece| piece.first_record),
            rows: self.rows,
            digest: self.digest,
        })
    }

    /// First and last record, for messages.
    pub(super) fn records(&self) -> (u64, u64) {
        (
            self.pieces.first().map_or(0, |piece| piece.first_record),
            self.pieces.last().map_or(0, |piece| piece.last_record),
        )
    }

    /// A dead letter for one of its rows, still without the answer's Request-Id.
    pub(super) fn dead_letter(
        &self,
        piece: u32,
        position: Position,
        raw: String,
        reason: (&str, String),
    ) -> Option<DeadLetter> {
        let input = self.pieces.get(usize::try_from(piece).ok()?)?.input;
        Some(DeadLetter {
            input,
            position,
            column: None,
            code: reason.0.to_owned(),
            message: reason.1,
            raw: raw.into_bytes(),
            blocks: Blocks::Date,
        })
    }
}
