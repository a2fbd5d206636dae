//! A round ready to be recorded and sent: its batches compressed, what the ledger has to hear of it.
//!
//! The ledger hears of a round in one transaction: the stretches first, then the batch and the dead
//! letters of each date, last the inputs that end with it.

use super::context::Context;
use super::cut::{Round, RoundPart};
use super::event::Event;
use super::intake::Intake;
use super::memory::{Share, SpareBodies};
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

/// Digests, compresses and, where needed, spools the batches of a round, one after the other, each
/// body gone before the next one is compressed. Runs on a blocking thread.
pub(super) fn pack_round(round: Round, packer: &Packer) -> Result<PackedRound, PackError> {
    let mut room = Room {
        share: round.share,
        spare: round.spare,
    };
    let is_redo = round.parts.iter().any(|part| part.redo.is_some());
    let mut parcels = Vec::with_capacity(round.parts.len());
    for part in round.parts {
        let partition = part.partition;
        parcels.push((partition, pack(part, round.spooled, packer, &mut room)?));
    }
    Ok(PackedRound {
        parcels,
        is_redo,
        source_bytes: round.intake.source_bytes,
        intake: round.intake,
        homes: round.homes,
    })
}

/// Memory of which each batch keeps what it needs.
struct Room {
    share: Share,
    spare: SpareBodies,
}

fn pack(
    part: RoundPart,
    spooled: bool,
    packer: &Packer,
    room: &mut Room,
) -> Result<Parcel, PackError> {
    let digest = xxh3_128(&part.body);
    let body = packer.compress(&part.body);
    let redo = part.redo.as_ref();
    if redo.is_some_and(|batch| batch.digest != digest) {
        return Err(PackError::Changed);
    }
    if let (true, Some(first)) = (spooled, part.pieces.first()) {
        spool::save(packer.spool_dir(), first, &part.places, &body)?;
    }
    room.spare.note_compressed(part.body.len(), body.len());
    let kept = body.len().saturating_add(part.places.memory_bytes());
    Ok(Parcel {
        id: redo.map_or(BatchId(0), |batch| batch.id),
        generation: redo.map_or(Generation::default(), |batch| batch.generation),
        unknown: redo.is_some_and(|batch| batch.unknown),
        pieces: part.pieces,
        rows: part.rows,
        digest,
        body,
        places: part.places,
        spooled,
        share: room.share.split_off(kept),
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
