//! The life of a batch. What a caller is about to do is on disk before it does it.
//!
//! Each function is one arrow of the table "Life of a batch" in the documentation of the ledger;
//! a state that the arrow does not start from is an error, never a silent overwrite.

use super::error::LedgerError;
use super::gate::Gate;
use super::id::{BatchId, InputId, PartitionId};
use super::inputs;
use super::known::Piece;
use super::query;
use super::rejects::{self, DeadLetter, RejectSource, number};
use super::writer::Session;
use crate::domain::{Generation, Partition, RawRange, RequestId};
use rusqlite::{Connection, params};

/// What was cut from the inputs: stretches that were read, the batch made of their rows, and the
/// rows that are not sent.
#[derive(Debug, Clone)]
pub struct Intention {
    /// The date.
    pub partition_id: PartitionId,
    /// The same, for the dead letters.
    pub partition: Partition,
    /// Stretches of the inputs that were consumed, with the number of invalid records in each.
    pub chunks: Vec<(InputId, RawRange, u64)>,
    /// The batch; `None` when the stretches hold no valid row.
    pub batch: Option<NewBatch>,
    /// Rows refused before sending.
    pub rejects: Vec<DeadLetter>,
    /// Inputs whose end was reached.
    pub finished: Vec<InputId>,
}

/// A batch about to be sent.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// Where its rows come from, in order; never empty.
    pub pieces: Vec<Piece>,
    /// Its rows.
    pub rows: u32,
    /// Digest of the uncompressed body.
    pub digest: u128,
}

/// How a batch ended.
#[derive(Debug, Clone)]
pub enum Settlement {
    /// Status 0.
    Accepted,
    /// 409 after an attempt of unknown outcome.
    AcceptedUnconfirmed,
    /// 1001 with every error matched: these rows were refused under this id, the others are
    /// unconfirmed.
    PartRefused {
        /// The refused rows.
        letters: Vec<DeadLetter>,
        /// The id of the answered request.
        request_id: RequestId,
    },
    /// One row alone that the platform does not take.
    Refused {
        /// The row.
        letter: DeadLetter,
        /// The id of the answered request.
        request_id: RequestId,
    },
    /// 409 without an attempt of unknown outcome.
    Foreign,
    /// 1001 without a usable list.
    Undetermined,
}

pub(super) fn intend(
    session: &mut Session<'_>,
    intention: &Intention,
) -> Result<Option<BatchId>, LedgerError> {
    let failed = |e| LedgerError::database("record what was read", e);
    require_open(session.db, intention)?;
    for (input, range, invalid) in &intention.chunks {
        insert_chunk(session.db, *input, range, *invalid)?;
    }
    let batch = match &intention.batch {
        Some(batch) => Some(insert_batch(
            session.db,
            intention.partition_id,
            batch,
            None,
        )?),
        None => None,
    };
    rejects::record(
        session,
        intention.partition_id,
        &intention.partition,
        &intention.rejects,
        RejectSource::Local,
    )?;
    for input in &intention.finished {
        session
            .db
            .execute(
                "UPDATE input SET state = 'read' WHERE id = ?1 AND state <> 'dropped'",
                [input.0],
            )
            .map_err(failed)?;
    }
    Ok(batch)
}

/// Rows of a date that is sealed or done come too late; only a person who forced the gate, or the
/// ledger's own mistake, can bring that about.
fn require_open(db: &Connection, intention: &Intention) -> Result<(), LedgerError> {
    if intention.batch.is_none() && intention.rejects.is_empty() {
        return Ok(());
    }
    let gate = query::gate_of(db, intention.partition_id)?;
    if matches!(gate, Gate::Open | Gate::Refused) {
        return Ok(());
    }
    Err(LedgerError::Forbidden(format!(
        "{} was {} while rows of it were read, so they come too late (late_input); re-sync the date in the platform's console, then 'byteair-sync ledger reopen'",
        intention.partition,
        gate.as_str()
    )))
}

/// Records a stretch right after the one before it: a gap would be rows that nobody counts.
fn insert_chunk(
    db: &Connection,
    input: InputId,
    range: &RawRange,
    invalid: u64,
) -> Result<(), LedgerError> {
    let failed = |e| LedgerError::database("record what was read", e);
    let (record, offset) = match inputs::last_chunk_of(db, input)? {
        Some(last) => (last.first_record.saturating_add(last.records), last.end()),
        None => (1, range.offset),
    };
    if range.first_record != record || range.offset != offset {
        return Err(LedgerError::Nonsense {
            what: format!(
                "input {} read up to record {record}, byte {offset}, and not up to record {}, byte {}",
                input.0, range.first_record, range.offset
            ),
        });
    }
    db.prepare_cached(
        "INSERT INTO chunk (input, first_record, records, invalid, byte_offset,
           byte_length, line, lines, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )
    .and_then(|mut insert| {
        insert.execute(params![
            input.0,
            number(range.first_record),
            number(range.records),
            number(invalid),
            number(range.offset),
            number(range.length),
            number(range.line),
            number(range.lines),
            range.digest.to_be_bytes()
        ])
    })
    .and_then(|_| {
        // Whoever reads on is not at the end, whatever was thought when it was registered.
        db.prepare_cached("UPDATE input SET state = 'reading' WHERE id = ?1 AND state = 'read'")?
            .execute([input.0])
    })
    .map_err(failed)?;
    Ok(())
}

pub(super) fn insert_batch(
    db: &Connection,
    partition: PartitionId,
    batch: &NewBatch,
    parent: Option<BatchId>,
) -> Result<BatchId, LedgerError> {
    let failed = |e| LedgerError::database("record a batch", e);
    let Some(first) = batch.pieces.first() else {
        return Err(LedgerError::Nonsense {
            what: "a batch without rows".to_owned(),
        });
    };
    let in_pieces: u64 = batch.pieces.iter().map(|p| u64::from(p.rows)).sum();
    if in_pieces != u64::from(batch.rows) || batch.rows == 0 {
        return Err(LedgerError::Nonsense {
            what: format!("a batch of {} rows with pieces of {in_pieces}", batch.rows),
        });
    }
    db.prepare_cached(
        "INSERT INTO batch (partition, first_input, first_record, last_record, rows, digest,
           generation, unknown, state, accepted, unconfirmed, refused, parent)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, 'intended', 0, 0, 0, ?7)",
    )
    .and_then(|mut insert| {
        insert.execute(params![
            partition.0,
            first.input.0,
            number(first.first_record),
            number(first.last_record),
            batch.rows,
            batch.digest.to_be_bytes(),
            parent.map(|id| id.0)
        ])
    })
    .map_err(failed)?;
    let id = BatchId(db.last_insert_rowid());
    if batch.pieces.len() > 1 {
        let mut insert = db
            .prepare_cached(
                "INSERT INTO piece (batch, seq, input, first_record, last_record, rows)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )
            .map_err(failed)?;
        for (seq, piece) in batch.pieces.iter().enumerate() {
            insert
                .execute(params![
                    id.0,
                    i64::try_from(seq).unwrap_or(i64::MAX),
                    piece.input.0,
                    number(piece.first_record),
                    number(piece.last_record),
                    piece.rows
                ])
                .map_err(failed)?;
        }
    }
    Ok(id)
}

/// INTENDED → the same, with an attempt of unknown outcome: the id stays from now on.
pub(super) fn note_unknown(db: &Connection, batch: BatchId) -> Result<(), LedgerError> {
    one_intended(
        db,
        "note an unknown outcome",
        "UPDATE batch SET unknown = max(unknown, 1) WHERE id = ?1 AND state = 'intended'",
        batch,
    )
}

/// INTENDED → the same, with rows that were refused and are not recorded: the id stays, and a 409 to
/// it does not mean that all rows are stored.
pub(super) fn note_refusal_seen(db: &Connection, batch: BatchId) -> Result<(), LedgerError> {
    one_intended(
        db,
        "note that rows were refused",
        "UPDATE batch SET unknown = 2 WHERE id = ?1 AND state = 'intended'",
        batch,
    )
}

/// INTENDED, unknown 0, definitely refused → the next generation.
pub(super) fn renew(db: &Connection, batch: BatchId) -> Result<Generation, LedgerError> {
    one_intended(
        db,
        "renew a batch",
        "UPDATE batch SET generation = generation + 1
         WHERE id = ?1 AND state = 'intended' AND unknown = 0",
        batch,
    )?;
    db.query_row(
        "SELECT generation FROM batch WHERE id = ?1",
        [batch.0],
        |row| row.get(0).map(Generation),
    )
    .map_err(|e| LedgerError::database("renew a batch", e))
}

/// The same for a batch of which [`note_refusal_seen`] was written first, as it could not be renewed.
pub(super) fn renew_after_note(db: &Connection, batch: BatchId) -> Result<(), LedgerError> {
    one_intended(
        db,
        "renew a batch",
        "UPDATE batch SET generation = generation + 1, unknown = 0
         WHERE id = ?1 AND state = 'intended' AND unknown = 2",
        batch,
    )
}

/// INTENDED → SPLIT into two halves, INTENDED, with exactly its rows between them.
pub(super) fn split(
    db: &Connection,
    batch: BatchId,
    partition: PartitionId,
    halves: &[NewBatch; 2],
) -> Result<[BatchId; 2], LedgerError> {
    let [first, second] = halves;
    let changed = db
        .prepare_cached(
            "UPDATE batch SET state = 'split'
             WHERE id = ?1 AND state = 'intended' AND partition = ?2 AND rows = ?3",
        )
        .and_then(|mut update| {
            let rows = i64::from(first.rows).saturating_add(i64::from(second.rows));
            update.execute(params![batch.0, partition.0, rows])
        })
        .map_err(|e| LedgerError::database("split a batch", e))?;
    if changed != 1 {
        return Err(not_intended("split a batch", batch));
    }
    Ok([
        insert_batch(db, partition, first, Some(batch))?,
        insert_batch(db, partition, second, Some(batch))?,
    ])
}

/// INTENDED → one of the final states. The conditions are those of the table: a 409 settles a batch
/// as stored only after an attempt of unknown outcome, and only a row alone is refused as a whole.
pub(super) fn settle(
    session: &mut Session<'_>,
    batch: BatchId,
    partition_id: PartitionId,
    partition: &Partition,
    settlement: &Settlement,
) -> Result<(), LedgerError> {
    let (state, letters, request_id): (_, &[DeadLetter], _) = match settlement {
        Settlement::Accepted => ("accepted", &[], None),
        Settlement::AcceptedUnconfirmed => ("unconfirmed", &[], None),
        Settlement::Foreign => ("foreign", &[], None),
        Settlement::Undetermined => ("undetermined", &[], None),
        Settlement::PartRefused {
            letters,
            request_id,
        } => ("part_refused", letters, Some(*request_id)),
        Settlement::Refused { letter, request_id } => {
            ("refused", std::slice::from_ref(letter), Some(*request_id))
        }
    };
    let refused = i64::try_from(letters.len()).unwrap_or(i64::MAX);
    let changed = session
        .db
        .prepare_cached(
            "UPDATE batch SET state = ?2, refused = ?3,
               accepted = CASE ?2 WHEN 'accepted' THEN rows ELSE 0 END,
               unconfirmed = CASE ?2 WHEN 'unconfirmed' THEN rows
                                     WHEN 'part_refused' THEN rows - ?3 ELSE 0 END
             WHERE id = ?1 AND state = 'intended' AND partition = ?4 AND rows >= ?3
               AND CASE ?2 WHEN 'unconfirmed' THEN unknown = 1
                           WHEN 'foreign' THEN unknown = 0
                           WHEN 'part_refused' THEN ?3 > 0
                           WHEN 'refused' THEN rows = 1 ELSE 1 END",
        )
        .and_then(|mut update| update.execute(params![batch.0, state, refused, partition_id.0]))
        .map_err(|e| LedgerError::database("settle a batch", e))?;
    if changed != 1 {
        return Err(not_intended("settle a batch", batch));
    }
    if matches!(state, "accepted" | "unconfirmed" | "part_refused") {
        // An answer that was on its way when the date was thought refused.
        session
            .db
            .prepare_cached(
                "UPDATE partition SET gate = 'open' WHERE id = ?1 AND gate = 'refused'
                   AND EXISTS (SELECT 1 FROM batch WHERE id = ?2 AND accepted + unconfirmed > 0)",
            )
            .and_then(|mut update| update.execute([partition_id.0, batch.0]))
            .map_err(|e| LedgerError::database("settle a batch", e))?;
    }
    let Some(request_id) = request_id else {
        return Ok(());
    };
    let source = RejectSource::Server { batch, request_id };
    rejects::record(session, partition_id, partition, letters, source)
}

fn one_intended(
    db: &Connection,
    doing: &'static str,
    update: &str,
    batch: BatchId,
) -> Result<(), LedgerError> {
    let changed = db
        .prepare_cached(update)
        .and_then(|mut statement| statement.execute([batch.0]))
        .map_err(|e| LedgerError::database(doing, e))?;
    if changed == 1 {
        return Ok(());
    }
    Err(not_intended(doing, batch))
}

fn not_intended(doing: &'static str, batch: BatchId) -> LedgerError {
    LedgerError::Nonsense {
        what: format!("batch {} in a state that forbids to {doing}", batch.0),
    }
}
