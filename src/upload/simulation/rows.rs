//! Inputs of the simulation, their rows, and parcels made of them.
//!
//! A row says itself which one it is and how the platform likes it, so that the platform's record
//! and the inputs can be compared. Parcels are the real ones.

use super::books::Batch;
use crate::domain::Position;
use crate::ledger::{BatchId, InputId, NewBatch, Piece};
use crate::protocol::{DEFAULT_GZIP_LEVEL, Gzip};
use crate::upload::parcel::Parcel;
use crate::upload::places::RowPlaces;
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

/// How the platform likes a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum Taste {
    /// It is stored.
    Good,
    /// It is refused by a 1001, the others are stored.
    Bad,
    /// It spoils its whole batch with a 400 that is in no list.
    Poison,
    /// It is no row at all and is never sent.
    Invalid,
}

/// A row on the wire.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Row {
    /// Its name: input, record and version of the input.
    pub(super) row: String,
    /// How the platform likes it.
    pub(super) taste: Taste,
}

/// An input as it is on disk.
#[derive(Debug, Clone)]
pub(super) struct Content {
    /// Its rows.
    pub(super) tastes: Vec<Taste>,
    /// Changes when somebody edits it.
    pub(super) version: u32,
}

impl Content {
    /// The name of a record, which counts from 1.
    pub(super) fn name(&self, input: usize, record: u64) -> String {
        format!("{input}-{record}-{}", self.version)
    }

    /// How the platform likes a record.
    pub(super) fn taste(&self, record: u64) -> Taste {
        self.tastes[usize::try_from(record).unwrap() - 1]
    }

    /// Its number of records.
    pub(super) fn records(&self) -> u64 {
        u64::try_from(self.tastes.len()).unwrap()
    }
}

/// Makes parcels.
pub(super) struct Packer {
    gzip: Gzip,
}

impl Packer {
    /// A packer with buffers of its own.
    pub(super) fn new() -> Self {
        Self {
            gzip: Gzip::new(DEFAULT_GZIP_LEVEL),
        }
    }

    /// The parcel of these stretches; `None` when they hold no valid row.
    pub(super) fn pack(
        &mut self,
        inputs: &[Content],
        stretches: &[(usize, u64, u64)],
    ) -> Option<Parcel> {
        let mut body = Vec::new();
        let mut parcel = Parcel::default();
        let mut places = RowPlaces::default();
        for (input, first, last) in stretches {
            let content = &inputs[*input];
            let valid = |record: &u64| content.taste(*record) != Taste::Invalid;
            let records: Vec<u64> = (*first..=*last).filter(valid).collect();
            let (Some(first), Some(last)) = (records.first(), records.last()) else {
                continue;
            };
            let rows = u32::try_from(records.len()).unwrap();
            parcel.pieces.push(Piece {
                input: id_of(*input),
                first_record: *first,
                last_record: *last,
                rows,
            });
            parcel.rows += rows;
            for record in records {
                body.push(if body.is_empty() { b'[' } else { b',' });
                let row = Row {
                    row: content.name(*input, record),
                    taste: content.taste(record),
                };
                serde_json::to_writer(&mut body, &row).unwrap();
                let piece = u32::try_from(parcel.pieces.len()).unwrap() - 1;
                places.push(piece, position(record));
            }
        }
        if parcel.rows == 0 {
            return None;
        }
        body.push(b']');
        parcel.digest = xxh3_128(&body);
        parcel.places = places;
        parcel.body = Bytes::from(self.gzip.compress(&body));
        Some(parcel)
    }
}

/// What the ledger has to know of a parcel.
pub(super) fn new_batch(parcel: &Parcel) -> NewBatch {
    NewBatch {
        pieces: parcel.pieces.clone(),
        rows: parcel.rows,
        digest: parcel.digest,
    }
}

/// The parcel as the books have its batch.
pub(super) fn as_found(parcel: Parcel, id: BatchId, batch: &Batch) -> Parcel {
    Parcel {
        id,
        generation: batch.generation,
        unknown: batch.unknown,
        refusal_seen: batch.refusal_seen,
        ..parcel
    }
}

/// The ledger's number of an input.
pub(super) fn id_of(input: usize) -> InputId {
    InputId(i64::try_from(input).unwrap())
}

/// Which input a number of the ledger is.
pub(super) fn index_of(input: InputId) -> usize {
    usize::try_from(input.0).unwrap()
}

fn position(record: u64) -> Position {
    Position {
        ordinal: record,
        line: record,
        offset: record * 10,
    }
}
