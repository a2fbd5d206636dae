//! A batch that is taken apart: its rows in two batches, which share its bytes of the source.

use super::memory::compressed;
use super::parcel::{PackError, Parcel};
use super::places::RowPlaces;
use super::spool;
use super::unpack::PackedRows;
use crate::domain::{Generation, Position};
use crate::ledger::{BatchId, NewBatch, Piece};
use crate::protocol::Gzip;
use bytes::Bytes;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_128;

impl Parcel {
    /// Its rows in two parts, so many of them in the first, compressed at this level; neither may be
    /// empty.
    pub(super) fn split_after(
        &self,
        first_rows: u32,
        gzip_level: i32,
    ) -> Result<[Half; 2], PackError> {
        let mut rows = PackedRows::of(&self.body);
        let mut places = self.places.iter();
        let many = usize::try_from(first_rows).unwrap_or(usize::MAX);
        let mut gzip = Gzip::new(gzip_level);
        let mut first = self.half(&mut rows, places.by_ref().take(many), &mut gzip)?;
        let mut second = self.half(&mut rows, places, &mut gzip)?;
        let whole = first.rows.checked_add(second.rows) == Some(self.rows);
        let own = self.source_bytes_of(first.rows);
        first.source_bytes = own;
        second.source_bytes = self.source_bytes.saturating_sub(own);
        if whole && first.rows > 0 && second.rows > 0 && rows.next()?.is_none() {
            Ok([first, second])
        } else {
            Err(PackError::Unreadable)
        }
    }

    /// The share of its source bytes that so many of its rows have.
    fn source_bytes_of(&self, rows: u32) -> u64 {
        let own = u128::from(self.source_bytes) * u128::from(rows);
        let own = own.checked_div(u128::from(self.rows)).unwrap_or(0);
        u64::try_from(own).unwrap_or(0).min(self.source_bytes)
    }

    fn half(
        &self,
        from: &mut PackedRows<'_>,
        of: impl Iterator<Item = (u32, Position)>,
        gzip: &mut Gzip,
    ) -> Result<Half, PackError> {
        let mut body = Vec::new();
        let mut rows = 0_u32;
        let mut pieces: Vec<Piece> = Vec::new();
        let mut places = RowPlaces::default();
        let mut last_piece = None;
        for (piece, position) in of {
            let row = from.next()?.ok_or(PackError::Unreadable)?;
            body.push(if body.is_empty() { b'[' } else { b',' });
            body.extend_from_slice(row);
            rows = rows.saturating_add(1);
            let input = usize::try_from(piece)
                .ok()
                .and_then(|index| self.pieces.get(index))
                .map(|whole| whole.input);
            match (pieces.last_mut(), input) {
                (Some(last), _) if last_piece == Some(piece) => {
                    last.last_record = position.ordinal;
                    last.rows = last.rows.saturating_add(1);
                }
                (_, Some(input)) => pieces.push(Piece {
                    input,
                    first_record: position.ordinal,
                    last_record: position.ordinal,
                    rows: 1,
                }),
                (_, None) => {}
            }
            last_piece = Some(piece);
            let index = u32::try_from(pieces.len().saturating_sub(1)).unwrap_or(u32::MAX);
            places.push(index, position);
        }
        body.push(b']');
        Ok(Half {
            pieces,
            rows,
            digest: xxh3_128(&body),
            body: compressed(&body, gzip),
            places,
            source_bytes: 0,
        })
    }
}

/// One half of a batch that is split.
pub(super) struct Half {
    pieces: Vec<Piece>,
    rows: u32,
    digest: u128,
    body: Bytes,
    places: RowPlaces,
    source_bytes: u64,
}

impl Half {
    /// What the ledger has to know of it.
    pub(super) fn as_new_batch(&self) -> NewBatch {
        NewBatch {
            pieces: self.pieces.clone(),
            rows: self.rows,
            digest: self.digest,
        }
    }

    /// Spools it, when the whole was spooled.
    pub(super) fn save(&self, dir: &Path) -> Result<(), spool::SpoolError> {
        match self.pieces.first() {
            Some(first) => spool::save(dir, first, &self.places, &self.body),
            None => Ok(()),
        }
    }

    /// The batch that the ledger made of it.
    pub(super) fn into_parcel(self, id: BatchId, spooled: bool) -> Parcel {
        Parcel {
            id,
            pieces: self.pieces,
            rows: self.rows,
            digest: self.digest,
            whole: None,
            body: self.body,
            places: self.places,
            generation: Generation::default(),
            unknown: false,
            refusal_seen: false,
            spooled,
            source_bytes: self.source_bytes,
            place: None,
            sent_as: None,
            share: None,
        }
    }
}
