//! What the ledger holds of inputs and of the batches made of them, read back into types. Nothing
//! here writes.

use super::error::LedgerError;
use super::id::{BatchId, InputId, PartitionId, RunId};
use super::known::{InputKind, IntendedBatch, KnownInput, Piece, REFUSAL_SEEN, UNKNOWN};
use super::lock;
use super::query::{failed, nonsense, unsigned};
use super::remainder;
use crate::domain::{FileIdentity, Generation, InputIdentity, ObjectIdentity, RawRange};
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::HashMap;
use std::path::Path;

/// Inputs of a partition that were not dropped.
pub(super) fn inputs_of(
    db: &Connection,
    partition: PartitionId,
) -> Result<Vec<KnownInput>, LedgerError> {
    let doing = "look up the inputs";
    let mut statement = db
        .prepare_cached(
            "SELECT i.id, i.kind, i.name, i.device, i.inode, i.size, i.mtime_ns, i.ctime_ns,
               i.row_options, i.state, i.verified, i.etag, i.date_options, i.read_options,
               EXISTS (SELECT 1 FROM scope d JOIN batch b INDEXED BY batch_by_partition
                         ON b.partition = d.partition AND b.state = 'intended'
                       WHERE d.input = i.id AND b.first_input = i.id)
                 OR EXISTS (SELECT 1 FROM piece p JOIN batch b ON b.id = p.batch
                            WHERE p.input = i.id AND b.state = 'intended')
             FROM scope s JOIN input i ON i.id = s.input
             WHERE s.partition = ?1 AND i.state <> 'dropped' ORDER BY i.id",
        )
        .map_err(failed(doing))?;
    let rows = statement
        .query_map([partition.0], read_input)
        .map_err(failed(doing))?;
    rows.map(|row| row.map_err(failed(doing))?).collect()
}

fn read_input(row: &Row<'_>) -> rusqlite::Result<Result<KnownInput, LedgerError>> {
    let kind: String = row.get(1)?;
    let Some(kind) = InputKind::parse(&kind) else {
        return Ok(Err(nonsense(format!("an input of kind '{kind}'"))));
    };
    let (device, size): (Option<i64>, Option<i64>) = (row.get(3)?, row.get(5)?);
    let identity = match (device, size) {
        (Some(device), Some(size)) => Some(InputIdentity::File(FileIdentity {
            device: unsigned(device),
            inode: unsigned(row.get(4)?),
            size: unsigned(size),
            mtime_ns: row.get(6)?,
            ctime_ns: row.get(7)?,
        })),
        (None, Some(size)) => Some(InputIdentity::Object(ObjectIdentity {
            etag: row.get(11)?,
            size: unsigned(size),
            mtime_ns: row.get(6)?,
        })),
        (_, None) => None,
    };
    Ok(Ok(KnownInput {
        id: InputId(row.get(0)?),
        kind,
        name: row.get(2)?,
        identity,
        row_options: u128::from_be_bytes(row.get(8)?),
        read_to_end: row.get::<_, String>(9)? == "read",
        verified: row.get(10)?,
        date_options: row.get::<_, Option<[u8; 16]>>(12)?.map(u128::from_be_bytes),
        read_for: None,
        read_options: row.get(13)?,
        unsettled: row.get(14)?,
    }))
}

/// What was recorded of an input, in order of the file.
pub(super) fn chunks_of(db: &Connection, input: InputId) -> Result<Vec<RawRange>, LedgerError> {
    let doing = "look up what was read of an input";
    let mut statement = db
        .prepare_cached(
            "SELECT first_record, records, byte_offset, byte_length, line, lines, digest
             FROM chunk WHERE input = ?1 ORDER BY byte_offset",
        )
        .map_err(failed(doing))?;
    let rows = statement
        .query_map([input.0], read_chunk)
        .map_err(failed(doing))?;
    rows.map(|row| row.map_err(failed(doing))).collect()
}

fn read_chunk(row: &Row<'_>) -> rusqlite::Result<RawRange> {
    Ok(RawRange {
        first_record: unsigned(row.get(0)?),
        records: unsigned(row.get(1)?),
        offset: unsigned(row.get(2)?),
        length: unsigned(row.get(3)?),
        line: unsigned(row.get(4)?),
        lines: unsigned(row.get(5)?),
        digest: u128::from_be_bytes(row.get(6)?),
    })
}

/// The dates that an input may hold rows of.
pub(super) fn dates_of(db: &Connection, input: InputId) -> Result<Vec<PartitionId>, LedgerError> {
    let doing = "look up the dates of an input";
    let mut statement = db
        .prepare_cached("SELECT partition FROM scope WHERE input = ?1 ORDER BY partition")
        .map_err(failed(doing))?;
    let ids = statement
        .query_map([input.0], |row| row.get(0).map(PartitionId))
        .map_err(failed(doing))?;
    ids.map(|id| id.map_err(failed(doing))).collect()
}

/// The first recorded stretch of an input.
pub(super) fn first_chunk_of(
    db: &Connection,
    input: InputId,
) -> Result<Option<RawRange>, LedgerError> {
    db.prepare_cached(
        "SELECT first_record, records, byte_offset, byte_length, line, lines, digest
         FROM chunk WHERE input = ?1 ORDER BY byte_offset LIMIT 1",
    )
    .and_then(|mut statement| statement.query_row([input.0], read_chunk).optional())
    .map_err(failed("look up what was read of an input"))
}

/// The last recorded stretch of an input.
pub(super) fn last_chunk_of(
    db: &Connection,
    input: InputId,
) -> Result<Option<RawRange>, LedgerError> {
    db.prepare_cached(
        "SELECT first_record, records, byte_offset, byte_length, line, lines, digest
         FROM chunk WHERE input = ?1 ORDER BY byte_offset DESC LIMIT 1",
    )
    .and_then(|mut statement| statement.query_row([input.0], read_chunk).optional())
    .map_err(failed("look up what was read of an input"))
}

/// The intended batches of a partition whose first rows come from an input, in order.
pub(super) fn intended_batches(
    db: &Connection,
    partition: PartitionId,
    input: InputId,
) -> Result<Vec<IntendedBatch>, LedgerError> {
    let doing = "look up unfinished batches";
    let mut statement = db
        .prepare_cached(
            "SELECT id, generation, unknown, rows, digest, first_record, last_record
             FROM batch WHERE partition = ?1 AND state = 'intended' AND first_input = ?2
             ORDER BY first_record",
        )
        .map_err(failed(doing))?;
    let rows = statement
        .query_map([partition.0, input.0], |row| {
            let rows: u32 = row.get(3)?;
            Ok(IntendedBatch {
                id: BatchId(row.get(0)?),
                generation: Generation(row.get(1)?),
                unknown: row.get::<_, u8>(2)? >= UNKNOWN,
                refusal_seen: row.get::<_, u8>(2)? == REFUSAL_SEEN,
                rows,
                digest: u128::from_be_bytes(row.get(4)?),
                pieces: vec![Piece {
                    input,
                    first_record: unsigned(row.get(5)?),
                    last_record: unsigned(row.get(6)?),
                    rows,
                }],
                whole: None,
            })
        })
        .map_err(failed(doing))?;
    let mut batches = Vec::new();
    for row in rows {
        let mut batch = row.map_err(failed(doing))?;
        let pieces = pieces_of(db, batch.id)?;
        if !pieces.is_empty() {
            batch.pieces = pieces;
        }
        batch.whole = remainder::whole_of(db, batch.id)?;
        batches.push(batch);
    }
    Ok(batches)
}

pub(super) fn pieces_of(db: &Connection, batch: BatchId) -> Result<Vec<Piece>, LedgerError> {
    let doing = "look up the pieces of a batch";
    let mut statement = db
        .prepare_cached(
            "SELECT input, first_record, last_record, rows FROM piece WHERE batch = ?1 ORDER BY seq",
        )
        .map_err(failed(doing))?;
    let rows = statement
        .query_map([batch.0], |row| {
            Ok(Piece {
                input: InputId(row.get(0)?),
                first_record: unsigned(row.get(1)?),
                last_record: unsigned(row.get(2)?),
                rows: row.get(3)?,
            })
        })
        .map_err(failed(doing))?;
    rows.map(|row| row.map_err(failed(doing))).collect()
}

/// Rows of a partition in batches that are not settled, or stuck, by input.
pub(super) fn unsettled_rows(
    db: &Connection,
    partition: PartitionId,
) -> Result<HashMap<InputId, u64>, LedgerError> {
    let doing = "look up unfinished batches";
    let mut statement = db
        .prepare_cached(
            "WITH left_over AS (
               SELECT id, first_input, rows FROM batch
               WHERE partition = ?1 AND state IN ('intended', 'foreign', 'undetermined'))
             SELECT input, sum(rows) FROM (
               SELECT b.first_input AS input, b.rows FROM left_over b
               WHERE NOT EXISTS (SELECT 1 FROM piece p WHERE p.batch = b.id)
               UNION ALL
               SELECT p.input, p.rows FROM piece p JOIN left_over b ON b.id = p.batch)
             GROUP BY input",
        )
        .map_err(failed(doing))?;
    let rows = statement
        .query_map([partition.0], |row| {
            Ok((InputId(row.get(0)?), unsigned(row.get(1)?)))
        })
        .map_err(failed(doing))?;
    rows.map(|row| row.map_err(failed(doing))).collect()
}

/// Number of the newest input; 0 when there is none.
pub(super) fn newest_input(db: &Connection) -> Result<i64, LedgerError> {
    db.query_row("SELECT coalesce(max(id), 0) FROM input", [], |row| {
        row.get(0)
    })
    .map_err(failed("look up the inputs"))
}

/// The run that holds an input and has not ended, whether its process lives or not.
fn run_of(db: &Connection, input: InputId) -> Result<Option<RunId>, LedgerError> {
    db.query_row(
        "SELECT r.id FROM input i JOIN run r ON r.id = i.run WHERE i.id = ?1 AND r.ended IS NULL",
        [input.0],
        |row| row.get(0).map(RunId),
    )
    .optional()
    .map_err(failed("look up a run"))
}

/// Who else is at work on an input; empty when nobody is. A run that was killed does not count: its
/// lock died with it. Only inside a write transaction: then nobody is taking the lock meanwhile.
pub(super) fn other_holder(
    db: &Connection,
    state_dir: &Path,
    run: RunId,
    input: InputId,
) -> Result<String, LedgerError> {
    if run_of(db, input)?.is_none_or(|holder| holder == run)
        || lock::try_lock(state_dir, &lock::of_input(input))?.is_some()
    {
        return Ok(String::new());
    }
    holder_of(db, input)
}

/// A run, for people.
pub(super) fn run_for_people(db: &Connection, run: RunId) -> Result<String, LedgerError> {
    let found = db
        .query_row(
            "SELECT pid, host, datetime(started, 'unixepoch') FROM run WHERE id = ?1",
            [run.0],
            |row| {
                Ok(format!(
                    "pid {} on {}, started {} UTC",
                    row.get::<_, i64>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, String>(2)?
                ))
            },
        )
        .optional()
        .map_err(failed("look up a run"))?;
    Ok(found.unwrap_or_default())
}

/// The run that holds an input, for people.
pub(super) fn holder_of(db: &Connection, input: InputId) -> Result<String, LedgerError> {
    let holder = db
        .query_row(
            "SELECT r.id FROM input i JOIN run r ON r.id = i.run
             WHERE i.id = ?1 AND r.ended IS NULL",
            [input.0],
            |row| row.get(0).map(RunId),
        )
        .optional()
        .map_err(failed("look up a run"))?;
    holder.map_or_else(|| Ok(String::new()), |run| run_for_people(db, run))
}

/// The refusal of an input that another run holds, or held a moment ago.
pub(super) fn busy(
    db: &Connection,
    input: InputId,
    name: &str,
) -> Result<LedgerError, LedgerError> {
    let mut holder = holder_of(db, input)?;
    if holder.is_empty() {
        "it has just ended; run the same command again".clone_into(&mut holder);
    }
    Ok(LedgerError::Busy {
        input: name.to_owned(),
        holder,
    })
}
