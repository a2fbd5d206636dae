//! A round ready to be recorded and sent: its batches compressed, what the ledger has to hear of it.
//!
//! The ledger hears of a round in one transaction: the stretches first, then the batch and the dead
//! letters of each date, last the inputs that end with it.

use super::context::Context;
use super::cut::{Round, RoundPart};
use super::event::Event;
use super::intake::Intake;
use super::memory::Share;
use super::parcel::{PackError, Packer, Parcel};
use super::spool;
use crate::domain::{Generation, Partition};
use crate::ledger::{BatchId, DeadLetter, Intention, NewBatch, RegisteredPartition};
use bytes::Bytes;
use memmap2::MmapMut;
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_128;

/// What the compressing threads hand back.
pub(super) struct PackedRound {
    /// The batches, each with the index of its date in the run.
    pub(super) parcels: Vec<(usize, Parcel)>,
    /// Whether the ledger knows the batches already.
    pub(super) is_redo: bool,
    /// Bytes of the sources (as stored) consumed for no batch.
    pub(super) source_bytes: u64,
    intake: Intake,
    homes: Vec<usize>,
}

/// The compressed bodies of a round, side by side in memory that goes back to the system with the
/// last of them. As hundreds of small pieces they would hold on to much more.
struct Bodies {
    memory: MmapMut,
    /// What the budget counts for them.
    _share: Option<Share>,
}

impl AsRef<[u8]> for Bodies {
    fn as_ref(&self) -> &[u8] {
        &self.memory
    }
}

/// Digests, compresses and, where needed, spools the batches of a round, one after the other in one
/// buffer. Runs on a blocking thread.
pub(super) fn pack_round(round: Round, packer: &Packer) -> Result<PackedRound, PackError> {
    let (rows, mut share) = (round.rows, round.share);
    let is_redo = round.parts.iter().any(|part| part.redo.is_some());
    let sizes = || round.parts.iter().map(|part| part.bytes);
    let mut body = Vec::with_capacity(sizes().max().unwrap_or(0));
    let mut gzip = packer.take_compressor();
    let most: usize = sizes().map(|bytes| gzip.most_bytes(bytes)).sum();
    let mut memory = MmapMut::map_anon(most.max(1)).map_err(PackError::NoMemory)?;
    let mut packed = Vec::with_capacity(round.parts.len());
    let (mut end, mut places) = (0_usize, 0_usize);
    for part in round.parts {
        fill(&mut body, &part, &rows)?;
        let digest = xxh3_128(&body);
        // Of rows that are left of a batch only the stretches of their inputs were compared.
        let whole = part.redo.as_ref().filter(|batch| batch.whole.is_none());
        let before = whole.map(|batch| batch.digest);
        if before.is_some_and(|before| before != digest) {
            return Err(PackError::Changed);
        }
        let room = memory.get_mut(end..).unwrap_or_default();
        let written = gzip.compress_into(&body, room);
        let written = written.ok_or(PackError::Unreadable)?;
        round.spare.note_compressed(body.len(), written);
        let compressed = end..end.saturating_add(written);
        end = compressed.end;
        places = places.saturating_add(part.places.memory_bytes());
        packed.push((part, digest, compressed));
    }
    packer.put_compressor(gzip);
    let bodies = Bytes::from_owner(Bodies {
        memory,
        _share: share.split_off(end.saturating_add(places)),
    });
    share.shrink_to(rows.len());
    round.spare.put(rows, share);
    let parcels = packed.into_iter().map(|(part, digest, compressed)| {
        let partition = part.partition;
        let parcel = parcel(part, digest, bodies.slice(compressed));
        Ok((partition, spooled(parcel, round.spooled, packer)?))
    });
    let mut parcels = parcels.collect::<Result<Vec<_>, PackError>>()?;
    Ok(PackedRound {
        source_bytes: share_out(round.intake.source_bytes, &mut parcels),
        parcels,
        is_redo,
        intake: round.intake,
        homes: round.homes,
    })
}

/// Bytes of the sources count as settled when the batches are that they were read for, each by its
/// rows; what is left counts when the round is recorded.
fn share_out(source_bytes: u64, parcels: &mut [(usize, Parcel)]) -> u64 {
    let rows: u64 = parcels.iter().map(|(_, it)| u64::from(it.rows)).sum();
    let mut left = source_bytes;
    for (_, parcel) in parcels {
        let own = u128::from(source_bytes) * u128::from(parcel.rows);
        let own = own.checked_div(u128::from(rows)).unwrap_or(0);
        let own = u64::try_from(own).unwrap_or(0).min(left);
        parcel.source_bytes = parcel.source_bytes.saturating_add(own);
        left = left.saturating_sub(own);
    }
    left
}

/// Makes the body of a batch: a JSON array of its rows.
fn fill(body: &mut Vec<u8>, part: &RoundPart, rows: &[u8]) -> Result<(), PackError> {
    body.clear();
    for row in &part.rows {
        body.push(if body.is_empty() { b'[' } else { b',' });
        body.extend_from_slice(rows.get(row.clone()).ok_or(PackError::Unreadable)?);
    }
    body.push(b']');
    Ok(())
}

fn parcel(part: RoundPart, digest: u128, body: Bytes) -> Parcel {
    let redo = part.redo.as_ref();
    Parcel {
        id: redo.map_or(BatchId(0), |batch| batch.id),
        generation: redo.map_or(Generation::default(), |batch| batch.generation),
        unknown: redo.is_some_and(|batch| batch.unknown),
        refusal_seen: redo.is_some_and(|batch| batch.refusal_seen),
        whole: redo.and_then(|batch| batch.whole),
        pieces: part.pieces,
        rows: u32::try_from(part.rows.len()).unwrap_or(u32::MAX),
        digest,
        body,
        places: part.places,
        source_bytes: part.source_bytes,
        ..Parcel::default()
    }
}

/// Puts a batch into the spool, if its source cannot be read twice.
fn spooled(mut parcel: Parcel, is_needed: bool, packer: &Packer) -> Result<Parcel, PackError> {
    parcel.spooled = is_needed;
    if let (true, Some(first)) = (is_needed, parcel.pieces.first()) {
        spool::save(packer.spool_dir(), first, &parcel.places, &parcel.body)?;
    }
    Ok(parcel)
}

impl PackedRound {
    /// Tells the observer of rows that are not sent; how many there are.
    pub(super) fn tell_rejects(&self, context: &Context, dates: &[&RegisteredPartition]) -> u64 {
        for (letter, home) in self.intake.rejects.iter().zip(&self.homes) {
            if let Some(date) = dates.get(*home) {
                context.tell(&rejected(context, &date.partition, letter));
            }
        }
        u64::try_from(self.intake.rejects.len()).unwrap_or(u64::MAX)
    }

    /// What the ledger has to record before any of the batches may be sent: those of the batches in
    /// their order, among others.
    pub(super) fn intentions(&mut self, dates: &[&RegisteredPartition]) -> Vec<Intention> {
        let Some(first) = dates.first() else {
            return Vec::new();
        };
        let intake = std::mem::take(&mut self.intake);
        let mut letters: BTreeMap<usize, Vec<DeadLetter>> = BTreeMap::new();
        for (letter, home) in intake.rejects.into_iter().zip(&self.homes) {
            letters.entry(*home).or_default().push(letter);
        }
        let mut intentions = vec![Intention {
            chunks: intake.chunks,
            ..of_date(first)
        }];
        for (index, parcel) in &self.parcels {
            intentions.extend(dates.get(*index).map(|date| Intention {
                batch: Some(NewBatch {
                    pieces: parcel.pieces.clone(),
                    rows: parcel.rows,
                    digest: parcel.digest,
                }),
                ..of_date(date)
            }));
        }
        for (index, rejects) in letters {
            intentions.extend(dates.get(index).map(|date| Intention {
                rejects,
                ..of_date(date)
            }));
        }
        intentions.push(Intention {
            finished: intake.finished,
            ..of_date(first)
        });
        intentions
    }
}

fn of_date(row: &RegisteredPartition) -> Intention {
    Intention {
        partition_id: row.id,
        partition: row.partition.clone(),
        chunks: Vec::new(),
        batch: None,
        rejects: Vec::new(),
        finished: Vec::new(),
    }
}

fn rejected(context: &Context, partition: &Partition, letter: &DeadLetter) -> Event {
    Event::Rejected {
        partition: partition.clone(),
        input: context.input_name(letter.input),
        position: letter.position,
        code: letter.code.clone(),
        column: letter.column.clone(),
        message: letter.message.clone(),
        by_server: false,
    }
}
