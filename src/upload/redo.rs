//! Batches that an earlier run intended and did not settle are sent again as they were.
//!
//! Their rows are read from the same places; a body whose digest differs is never sent under the
//! old id. What cannot be read twice comes from the spool.

use super::batcher::{Batcher, Gathering, Halt};
use super::cut::CutKind;
use super::event::Gauges;
use super::open_batch::OpenBatch;
use super::opened::Opened;
use super::report::Status;
use super::spool;
use super::work::{Source, Work, WorkDates};
use crate::input::Start;
use crate::ledger::{IntendedBatch, Piece};

/// Sends all intended batches to the engine. Gives the reader that it had open last.
pub(super) fn resend_intended(batcher: &Batcher, work: &Work) -> Result<Option<Opened>, Halt> {
    let mut opened = None;
    let is_read_again = |batch: &IntendedBatch| {
        let sources = batch
            .pieces
            .iter()
            .map(|piece| work.sources.get(&piece.input));
        sources.flatten().all(|source| source.location.is_some())
    };
    if let WorkDates::ByRow(days) = &work.dates {
        opened = super::redo_round::resend(batcher, work, days, is_read_again)?;
    }
    for (partition, batch) in &work.intended {
        if (batcher.is_ending)() {
            break; // the next run sends them
        }
        if matches!(work.dates, WorkDates::ByRow(_)) && is_read_again(batch) {
            continue;
        }
        let mut open = OpenBatch::new(batcher, *partition)?;
        for piece in &batch.pieces {
            let Some(source) = work.sources.get(&piece.input) else {
                return Err(without_source(batch));
            };
            open.begin_input(piece.input, false, 0);
            if source.location.is_some() {
                read_piece(batcher, &mut open, &mut opened, source, piece)?;
            } else {
                open.load_spooled(&batcher.spool_dir, piece, source)?;
            }
        }
        note_rows(batcher, batch);
        open.dispatch_as(kind_of(batch), work.bytes_of(batch))?;
    }
    Ok(opened)
}

/// What is accepted of it by this run was read by this run.
pub(super) fn note_rows(batcher: &Batcher, batch: &IntendedBatch) {
    let rows = batch.pieces.iter().map(|piece| u64::from(piece.rows)).sum();
    Gauges::add(&batcher.gauges.rows_read, rows);
}

const fn kind_of(batch: &IntendedBatch) -> CutKind {
    CutKind::Redo {
        id: batch.id,
        generation: batch.generation,
        unknown: batch.unknown,
        refusal_seen: batch.refusal_seen,
        digest: batch.digest,
        whole: batch.whole,
    }
}

fn read_piece(
    batcher: &Batcher,
    open: &mut OpenBatch<'_>,
    opened: &mut Option<Opened>,
    source: &Source,
    piece: &Piece,
) -> Result<(), Halt> {
    let usable = opened
        .take()
        .filter(|o| o.input == piece.input && o.last_record < piece.first_record);
    let start = start_before(source, piece.first_record);
    let mut at = match usable {
        // Going on is cheaper than seeking only when nothing lies between.
        Some(there) if there.last_record.saturating_add(1) >= start.record => there,
        _ => {
            let Some(location) = &source.location else {
                return Ok(());
            };
            Opened {
                input: piece.input,
                reader: batcher.open(location, start)?,
                last_record: start.record.saturating_sub(1),
            }
        }
    };
    while at.last_record < piece.last_record {
        let wanted = piece.first_record..=piece.last_record;
        match open.add_intended_row(at.reader.as_mut(), wanted)? {
            Some(ordinal) => at.last_record = ordinal,
            None => {
                return Err(ends_early(source, piece.last_record));
            }
        }
    }
    *opened = Some(at);
    Ok(())
}

/// A source that lacks a record of an intended batch.
pub(super) fn ends_early(source: &Source, record: u64) -> Halt {
    Halt::Partition(
        Status::InputChanged,
        format!(
            "{} ends before record {record}, which an earlier run had begun to upload; put the file back as it was, or start the date over with --restart",
            source.name
        ),
    )
}

/// A batch with rows of an input that the ledger does not know. Cannot happen.
pub(super) fn without_source(batch: &IntendedBatch) -> Halt {
    Halt::Partition(
        Status::Unexpected,
        format!("batch {} has rows of an unknown input", batch.id.0),
    )
}

/// The beginning of the recorded stretch that holds a record.
pub(super) fn start_before(source: &Source, record: u64) -> Start {
    source
        .chunks
        .iter()
        .rev()
        .find(|chunk| chunk.records > 0 && chunk.first_record <= record)
        .map_or(Start::BEGINNING, |chunk| Start {
            offset: chunk.offset,
            record: chunk.first_record,
            line: chunk.line,
        })
}

impl OpenBatch<'_> {
    fn load_spooled(
        &mut self,
        spool_dir: &std::path::Path,
        piece: &Piece,
        source: &Source,
    ) -> Result<(), Halt> {
        let spooled = spool::load(spool_dir, piece).map_err(|error| {
            Halt::Partition(
                Status::Unfinished,
                format!(
                    "{}: {}; the rows of this batch are gone, start the date over with --restart",
                    source.name,
                    super::explain::with_causes(&error)
                ),
            )
        })?;
        self.take_spooled(spooled, *piece);
        Ok(())
    }
}
