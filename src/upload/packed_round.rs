//! A round ready to be recorded and sent: its batches compressed, what the ledger has to hear of it.
//!
//! The ledger hears of a round in one transaction: the stretches first, then the batch and the dead
//! letters of each date, last the inputs that end with it.

use super::context::Context;
use super::cut::{Round, RoundPart};
use super::event::Event;
use super::intake::Intake;
use super::parcel::{PackError, Packer, Parcel};
use super::spool;
use crate::domain::{Generation, Partition};
use crate::ledger::{BatchId, DeadLetter, Intention, NewBatch, RegisteredPartition};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_128;

/// What the compressing threads hand back.
pub(super) struct PackedRound {
    /// The batches, each with the index of its date in the run.
    pub(super) parcels: Vec<(usize, Parcel)>,
    /// Whether the ledger knows the batches already.
    pub(super) is_redo: bool,
    /// Bytes of the sources (as stored) consumed.
    pub(super) source_bytes: u64,
    intake: Intake,
    homes: Vec<usize>,
}

/// Digests, compresses and, where needed, spools the batches of a round, one after the other in one
/// buffer. Runs on a blocking thread.
pub(super) fn pack_round(round: Round, packer: &Packer) -> Result<PackedRound, PackError> {
    let (rows, mut share) = (round.rows, round.share);
    let is_redo = round.parts.iter().any(|part| part.redo.is_some());
    let mut parcels = Vec::with_capacity(round.parts.len());
    let mut body = Vec::with_capacity(round.parts.iter().map(|part| part.bytes).max().unwrap_or(0));
    for part in round.parts {
        fill(&mut body, &part, &rows)?;
        let partition = part.partition;
        let mut parcel = pack(part, &body, round.spooled, packer)?;
        round.spare.note_compressed(body.len(), parcel.body.len());
        let kept = parcel
            .body
            .len()
            .saturating_add(parcel.places.memory_bytes());
        parcel.share = share.split_off(kept);
        parcels.push((partition, parcel));
    }
    share.shrink_to(rows.len());
    round.spare.put(rows, share);
    Ok(PackedRound {
        parcels,
        is_redo,
        source_bytes: round.intake.source_bytes,
        intake: round.intake,
        homes: round.homes,
    })
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

fn pack(part: RoundPart, body: &[u8], spooled: bool, packer: &Packer) -> Result<Parcel, PackError> {
    let digest = xxh3_128(body);
    let redo = part.redo.as_ref();
    if redo.is_some_and(|batch| batch.digest != digest) {
        return Err(PackError::Changed);
    }
    let compressed = packer.compress(body);
    if let (true, Some(first)) = (spooled, part.pieces.first()) {
        spool::save(packer.spool_dir(), first, &part.places, &compressed)?;
    }
    Ok(Parcel {
        id: redo.map_or(BatchId(0), |batch| batch.id),
        generation: redo.map_or(Generation::default(), |batch| batch.generation),
        unknown: redo.is_some_and(|batch| batch.unknown),
        pieces: part.pieces,
        rows: u32::try_from(part.rows.len()).unwrap_or(u32::MAX),
        digest,
        body: compressed,
        places: part.places,
        spooled,
        ..Parcel::default()
    })
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
        message: letter.message.clone(),
        by_server: false,
    }
}
