//! Batches of several dates that lie in the same stretches, read again in one pass.
//!
//! A batch holds the rows of its date between its first and its last record. The day of a row comes
//! from the row itself, so the same file gives the same batches; a body whose digest differs is never
//! sent under the old id.

use super::batcher::{Batcher, Halt, halt};
use super::cut::RoundPart;
use super::opened::Opened;
use super::redo::{ends_early, note_rows, start_before, without_source};
use super::round::OpenRound;
use super::work::Work;
use crate::domain::{DataDate, Position};
use crate::input::Next;
use crate::ledger::{InputId, IntendedBatch, Piece};
use std::collections::BTreeMap;
use std::ops::Range;

/// A batch that is being put together again, piece by piece: its inputs are read in any order.
struct Redone<'w> {
    partition: usize,
    batch: &'w IntendedBatch,
    pieces: Vec<Vec<(Range<usize>, Position)>>,
}

/// Sends all intended batches that can be read again. Gives the reader that it had open last.
pub(super) fn resend(
    batcher: &Batcher,
    work: &Work,
    days: &BTreeMap<DataDate, usize>,
    is_read_again: impl Fn(&IntendedBatch) -> bool,
) -> Result<Option<Opened>, Halt> {
    let mut again: Vec<&(usize, IntendedBatch)> = work
        .intended
        .iter()
        .filter(|(_, batch)| is_read_again(batch))
        .collect();
    again.sort_by_key(|(_, batch)| batch.pieces.first().map(|p| (p.input, p.first_record)));
    let mut opened = None;
    let mut rest = again.as_slice();
    while let Some(together) = overlapping(rest) {
        let (group, after) = rest.split_at_checked(together).unwrap_or((rest, &[]));
        rest = after;
        let mut redone: Vec<Redone<'_>> = group.iter().map(|one| Redone::of(one)).collect();
        let mut open = OpenRound::new(batcher, days)?;
        for input in inputs_of(&redone) {
            let from = (days, input, &mut opened);
            read_again(batcher, work, from, (&mut redone, open.rows_mut()))?;
        }
        for (_, batch) in group {
            note_rows(batcher, batch);
        }
        let parts = redone.into_iter().map(|one| one.into_part(work));
        open.resend(parts.collect())?;
    }
    Ok(opened)
}

/// How many of the first batches lie in one stretch.
fn overlapping(batches: &[&(usize, IntendedBatch)]) -> Option<usize> {
    let (_, first) = batches.first()?;
    let mut stretch = first.pieces.first().copied()?;
    let more = batches.iter().skip(1).take_while(|(_, batch)| {
        let Some(piece) = batch.pieces.first() else {
            return false;
        };
        let overlaps = piece.input == stretch.input && piece.first_record <= stretch.last_record;
        stretch.last_record = stretch.last_record.max(piece.last_record);
        overlaps
    });
    Some(more.count().saturating_add(1))
}

/// The inputs of some batches, in the order of their records.
fn inputs_of(redone: &[Redone<'_>]) -> Vec<InputId> {
    let mut inputs: Vec<InputId> = redone
        .iter()
        .flat_map(|one| one.batch.pieces.iter().map(|piece| piece.input))
        .collect();
    inputs.sort_unstable();
    inputs.dedup();
    inputs
}

impl<'w> Redone<'w> {
    fn of((partition, batch): &'w (usize, IntendedBatch)) -> Self {
        Self {
            partition: *partition,
            batch,
            pieces: batch.pieces.iter().map(|_| Vec::new()).collect(),
        }
    }

    /// The piece of an input, if it has one.
    fn piece(&self, input: InputId) -> Option<(usize, &Piece)> {
        let mut pieces = self.batch.pieces.iter().enumerate();
        pieces.find(|(_, piece)| piece.input == input)
    }

    /// Takes a row of its date, if it is one of its rows; tells whether it is.
    fn take(&mut self, input: InputId, position: Position, row: &Range<usize>) -> bool {
        let own = self.piece(input).filter(|(_, piece)| {
            (piece.first_record..=piece.last_record).contains(&position.ordinal)
        });
        let Some(rows) = own.map(|(at, _)| at).and_then(|at| self.pieces.get_mut(at)) else {
            return false;
        };
        rows.push((row.clone(), position));
        true
    }

    fn into_part(self, work: &Work) -> RoundPart {
        let mut part = RoundPart::new(self.partition, Some(self.batch.clone()));
        part.source_bytes = work.bytes_of(self.batch);
        for (rows, piece) in self.pieces.into_iter().zip(&self.batch.pieces) {
            for (row, position) in rows {
                part.add(row, piece.input, position);
            }
        }
        part
    }
}

/// Reads one input from the first to the last record that the batches have of it.
fn read_again(
    batcher: &Batcher,
    work: &Work,
    (days, input, opened): (&BTreeMap<DataDate, usize>, InputId, &mut Option<Opened>),
    (redone, rows): (&mut [Redone<'_>], &mut Vec<u8>),
) -> Result<(), Halt> {
    let pieces = || redone.iter().filter_map(|one| one.piece(input));
    let first = pieces().map(|(_, piece)| piece.first_record).min();
    let last = pieces().map(|(_, piece)| piece.last_record).max();
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(());
    };
    let source = work.sources.get(&input);
    let Some((source, path)) = source.and_then(|it| Some((it, it.location.as_ref()?))) else {
        return match redone.first() {
            Some(one) => Err(without_source(one.batch)),
            None => Ok(()),
        };
    };
    let start = start_before(source, first);
    let usable = opened
        .take()
        .filter(|it| it.input == input && it.last_record < first && it.last_record >= start.record);
    let mut at = match usable {
        Some(there) => there,
        None => Opened {
            input,
            reader: batcher.open(path, start)?,
            last_record: start.record.saturating_sub(1),
        },
    };
    while at.last_record < last {
        let start = rows.len();
        let position = match at.reader.next(rows).map_err(|error| halt(&error))? {
            Next::Row { position, .. } => {
                let date = at.reader.day().and_then(|day| days.get(&day));
                let row = start..rows.len();
                let mut own = redone.iter_mut().filter(|one| Some(&one.partition) == date);
                if !own.any(|one| one.take(input, position, &row)) {
                    rows.truncate(start);
                }
                position
            }
            Next::Rejected(reject) => {
                rows.truncate(start);
                reject.position
            }
            Next::NothingYet | Next::End => return Err(ends_early(source, last)),
        };
        at.last_record = position.ordinal;
    }
    *opened = Some(at);
    Ok(())
}
