//! What is left of a batch when one of the inputs that share it is given up.
//!
//! The platform may have the whole batch already, so its other rows go out under the id of the whole:
//! a platform that stored it answers 409, and one that did not stores what is left. The whole counts
//! as split, and what is left of it as its only part, with the digest of the whole. A half has a
//! digest of its own, so the two cannot be mistaken for each other.

use super::batches::{NewBatch, insert_batch};
use super::error::LedgerError;
use super::id::{BatchId, InputId, PartitionId};
use super::inputs;
use super::lock;
use super::query::unsigned;
use crate::domain::BatchIdentity;
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;

/// Takes the rows of an input out of all unsettled batches that hold rows of others too. None of
/// those others may be in the hands of a run. The caller gives up what is left, which is its own.
pub(super) fn take_out(
    db: &Connection,
    state_dir: &Path,
    input: InputId,
    name: &str,
) -> Result<(), LedgerError> {
    for (batch, partition, state, digest) in shared_batches(db, input)? {
        if state != "intended" {
            return Err(LedgerError::Forbidden(format!(
                "rows of {name} share batch {} with rows of other inputs, and which of them the platform has is unknown; start the date over with 'write --restart' and drop the input then",
                batch.0
            )));
        }
        let mut pieces = inputs::pieces_of(db, batch)?;
        pieces.retain(|piece| piece.input != input);
        let mut held = Vec::new();
        for piece in &pieces {
            // One input has one piece in a batch, so none is locked twice.
            match lock::try_lock(state_dir, &lock::of_input(piece.input))? {
                Some(lock) => held.push(lock),
                None => return Err(inputs::busy(db, piece.input, name)?),
            }
        }
        let rest = NewBatch {
            rows: pieces.iter().map(|piece| piece.rows).sum(),
            digest,
            pieces,
        };
        let rest = insert_batch(db, partition, &rest, Some(batch))?;
        db.execute(
            "UPDATE batch SET generation = w.generation,
               unknown = max(w.unknown, EXISTS (SELECT 1 FROM input i
                                                WHERE i.id = w.first_input AND i.run IS NOT NULL))
             FROM batch w WHERE batch.id = ?1 AND w.id = batch.parent",
            [rest.0],
        )
        .and_then(|_| db.execute("UPDATE batch SET state = 'split' WHERE id = ?1", [batch.0]))
        .map_err(failed)?;
    }
    Ok(())
}

type Shared = (BatchId, PartitionId, String, u128);

fn shared_batches(db: &Connection, input: InputId) -> Result<Vec<Shared>, LedgerError> {
    db.prepare(
        "SELECT b.id, b.partition, b.state, b.digest FROM piece p JOIN batch b ON b.id = p.batch
         WHERE p.input = ?1 AND b.state IN ('intended', 'foreign', 'undetermined')
           AND EXISTS (SELECT 1 FROM piece o WHERE o.batch = b.id AND o.input <> ?1)",
    )
    .and_then(|mut statement| {
        statement
            .query_map([input.0], |row| {
                Ok((
                    BatchId(row.get(0)?),
                    PartitionId(row.get(1)?),
                    row.get(2)?,
                    u128::from_be_bytes(row.get(3)?),
                ))
            })?
            .collect()
    })
    .map_err(failed)
}

/// What the batch was before rows were taken out of it; `None` when none were.
pub(super) fn whole_of(
    db: &Connection,
    batch: BatchId,
) -> Result<Option<BatchIdentity>, LedgerError> {
    db.prepare_cached(
        "WITH RECURSIVE up (id, depth) AS (
           SELECT ?1, 0 UNION ALL
           SELECT w.id, up.depth + 1 FROM up JOIN batch b ON b.id = up.id
             JOIN batch w ON w.id = b.parent AND w.digest = b.digest)
         SELECT b.first_input, b.first_record, b.rows, b.digest
         FROM up JOIN batch b ON b.id = up.id WHERE up.depth > 0 ORDER BY up.depth DESC LIMIT 1",
    )
    .and_then(|mut statement| {
        statement
            .query_row([batch.0], |row| {
                Ok(BatchIdentity {
                    input: row.get(0)?,
                    first_record: unsigned(row.get(1)?),
                    rows: row.get(2)?,
                    digest: u128::from_be_bytes(row.get(3)?),
                })
            })
            .optional()
    })
    .map_err(failed)
}

fn failed(source: rusqlite::Error) -> LedgerError {
    LedgerError::database("take rows out of a batch", source)
}
