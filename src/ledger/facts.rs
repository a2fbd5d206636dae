//! What the gate looks at, counted from the tables.
//!
//! Counting decides nothing; [`unmet`](super::gate::unmet) does. Both the transaction that seals and
//! the readers that explain use the same counts, so they cannot disagree.

use super::error::LedgerError;
use super::gate::{GateFacts, RowCounts};
use super::id::{InputId, PartitionId, RunId};
use super::inputs;
use super::known::{KnownInput, KnownPartition};
use super::query::unsigned;
use super::rejects::CONCERNING;
use super::replay;
use crate::domain::Guards;
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;
use std::path::Path;

/// Everything the gate looks at, for one partition; `asking` is the state directory and the run that
/// wants to know, for telling other runs that are at work.
pub(super) fn count(
    db: &Connection,
    known: &KnownPartition,
    day_over: bool,
    asking: Option<(&Path, RunId)>,
) -> Result<GateFacts, LedgerError> {
    let mut facts = uncounted(db, known, day_over)?;
    for input in count_inputs(db, known.id, asking, &mut facts)? {
        compare_rows(db, &input, known.id, &mut facts)?;
    }
    count_batches(db, known.id, &mut facts)?;
    Ok(facts)
}

/// The same without comparing the books: several times faster for a date of a million batches, and
/// the same where the books balance. For showing, not for deciding.
pub(super) fn outline(
    db: &Connection,
    known: &KnownPartition,
    day_over: bool,
) -> Result<GateFacts, LedgerError> {
    let mut facts = uncounted(db, known, day_over)?;
    let inputs = count_inputs(db, known.id, None, &mut facts)?;
    let batches = batches_by_state(db, known.id)?;
    let of = |state: &str| batches.get(state).map_or(0, |(batches, _)| *batches);
    facts.intended_batches = of("intended");
    facts.foreign_batches = of("foreign");
    facts.undetermined_batches = of("undetermined");
    facts.rows = rows_of(db, known.id, &batches)?;
    if inputs.is_empty() {
        // What is there is of inputs that were dropped.
        facts.rows.read = 0;
    }
    Ok(facts)
}

/// What is known of a date without looking at what was read and sent.
fn uncounted(
    db: &Connection,
    known: &KnownPartition,
    day_over: bool,
) -> Result<GateFacts, LedgerError> {
    let (open_rejects, open_undated) = db
        .query_row(
            &format!(
                "SELECT count(*), count(*) FILTER (WHERE r.blocks = 'scope' AND EXISTS
                   (SELECT 1 FROM input i WHERE i.id = r.input AND i.date_options IS NOT NULL))
                 FROM reject r
                 WHERE {CONCERNING} AND r.state = 'open' AND r.blocks <> 'nothing'"
            ),
            [known.id.0],
            |row| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?))),
        )
        .map_err(|e| LedgerError::database("count the dead letters", e))?;
    Ok(GateFacts {
        open_rejects,
        open_undated,
        last_done: last_done(db, known.id)?,
        day_over,
        held_back: known.held_back,
        ..GateFacts::of_nothing(known.guards.clone())
    })
}

impl GateFacts {
    /// The facts of a date with these guards of which nothing was read or sent.
    pub const fn of_nothing(guards: Guards) -> Self {
        Self {
            unfinished_inputs: Vec::new(),
            unverified_inputs: Vec::new(),
            unbalanced_inputs: Vec::new(),
            inputs: 0,
            intended_batches: 0,
            foreign_batches: 0,
            undetermined_batches: 0,
            unbalanced_batches: 0,
            rows: RowCounts {
                read: 0,
                accepted: 0,
                unconfirmed: 0,
                refused: 0,
                invalid: 0,
                pending: 0,
            },
            open_rejects: 0,
            open_undated: 0,
            last_done: None,
            day_over: false,
            held_back: false,
            guards,
        }
    }
}

/// The rows of a date by what became of them, for showing: as many as are accounted for count as
/// read. Several times faster than all that the gate compares, which finds the same of a ledger whose
/// books balance.
pub(super) fn rows(db: &Connection, partition: PartitionId) -> Result<RowCounts, LedgerError> {
    rows_of(db, partition, &batches_by_state(db, partition)?)
}

/// Batches and their rows.
type ByState = BTreeMap<String, (u64, u64)>;

fn batches_by_state(db: &Connection, partition: PartitionId) -> Result<ByState, LedgerError> {
    let failed = |e| LedgerError::database("count the rows of a date", e);
    let mut statement = db
        .prepare_cached(
            "SELECT state, count(*), sum(rows) FROM batch WHERE partition = ?1 GROUP BY state",
        )
        .map_err(failed)?;
    let states = statement
        .query_map([partition.0], |row| {
            Ok((row.get(0)?, (unsigned(row.get(1)?), unsigned(row.get(2)?))))
        })
        .map_err(failed)?;
    states.collect::<Result<_, _>>().map_err(failed)
}

fn rows_of(
    db: &Connection,
    partition: PartitionId,
    batches: &ByState,
) -> Result<RowCounts, LedgerError> {
    let mut counts = RowCounts::default();
    for (state, (_, all)) in batches {
        match state.as_str() {
            "accepted" => counts.accepted += all,
            "unconfirmed" => counts.unconfirmed += all,
            "refused" => counts.refused += all,
            "part_refused" => {
                let refused = refused_in_part(db, partition)?;
                counts.refused += refused;
                counts.unconfirmed += all.saturating_sub(refused);
            }
            "split" | "dropped" => {}
            _ => counts.pending += all,
        }
    }
    // Each row that was not sent has its dead letter.
    counts.invalid = db
        .prepare_cached(
            "SELECT count(*) FROM scope s
               JOIN input i ON i.id = s.input JOIN reject r ON r.input = i.id
             WHERE s.partition = ?1 AND i.state <> 'dropped' AND r.source = 'local'
               AND (i.date_options IS NULL OR r.partition = ?1)",
        )
        .and_then(|mut sum| sum.query_row([partition.0], |row| row.get(0).map(unsigned)))
        .map_err(|e| LedgerError::database("count the rows of a date", e))?;
    counts.read = counts.stored() + counts.refused + counts.invalid + counts.pending;
    Ok(counts)
}

fn refused_in_part(db: &Connection, partition: PartitionId) -> Result<u64, LedgerError> {
    db.prepare_cached(
        "SELECT sum(refused) FROM batch WHERE partition = ?1 AND state = 'part_refused'",
    )
    .and_then(|mut sum| sum.query_row([partition.0], |row| row.get(0).map(unsigned)))
    .map_err(|e| LedgerError::database("count the rows of a date", e))
}

/// Rows of an input in batches that are not split, of whatever date. Asked for each input of a date
/// of perhaps 10,000, so it has to find its rows by index; and for each date of an input with perhaps
/// 10,000 batches, so it looks no batch up that has one piece.
pub(super) const BATCHED_ROWS: &str = "SELECT
   (SELECT coalesce(sum(b.rows), 0) FROM batch b
    WHERE b.first_input = ?1 AND b.state <> 'split')
 - (SELECT coalesce(sum(b.rows), 0) FROM batch b
    WHERE b.id IN (SELECT batch FROM piece WHERE input = ?1)
      AND b.first_input = ?1 AND b.state <> 'split')
 + (SELECT coalesce(sum(p.rows), 0) FROM piece p JOIN batch b ON b.id = p.batch
    WHERE p.input = ?1 AND b.state <> 'split')";

/// Counts the inputs of a date, and tells them.
fn count_inputs(
    db: &Connection,
    partition: PartitionId,
    asking: Option<(&Path, RunId)>,
    facts: &mut GateFacts,
) -> Result<Vec<KnownInput>, LedgerError> {
    let all = inputs::inputs_of(db, partition)?;
    for input in &all {
        facts.inputs += 1;
        if !input.read_to_end || input.unsettled {
            let holder = match asking {
                Some((state_dir, run)) => inputs::other_holder(db, state_dir, run, input.id)?,
                None => String::new(),
            };
            // Unsettled batches that nobody is at count by themselves.
            if !input.read_to_end || !holder.is_empty() {
                facts.unfinished_inputs.push((input.name.clone(), holder));
            }
        }
        if !input.verified {
            facts.unverified_inputs.push(input.name.clone());
        }
    }
    // Corrected rows are no file of the export that --expect-files counts.
    facts.inputs = facts.inputs.saturating_sub(replay::inputs(db, partition)?);
    Ok(all)
}

/// Holds what was read of an input against what became of it.
fn compare_rows(
    db: &Connection,
    input: &KnownInput,
    partition: PartitionId,
    facts: &mut GateFacts,
) -> Result<(), LedgerError> {
    let failed = |e| LedgerError::database("check the inputs of a date", e);
    let (read, invalid): (i64, i64) = db
        .prepare_cached(
            "SELECT coalesce(sum(records), 0), coalesce(sum(invalid), 0)
             FROM chunk WHERE input = ?1",
        )
        .and_then(|mut sums| sums.query_row([input.id.0], |row| Ok((row.get(0)?, row.get(1)?))))
        .map_err(failed)?;
    let batched: i64 = db
        .prepare_cached(BATCHED_ROWS)
        .and_then(|mut sum| sum.query_row([input.id.0], |row| row.get(0)))
        .map_err(failed)?;
    if input.read_to_end && read != invalid + batched {
        facts.unbalanced_inputs.push(format!(
            "{}: {read} rows read, {invalid} invalid, {batched} in batches",
            input.name
        ));
    }
    let (batched_elsewhere, invalid_elsewhere) = match input.date_options {
        Some(_) => elsewhere(db, input.id, partition, batched)?,
        None => (0, 0),
    };
    facts.rows.read += unsigned(read - batched_elsewhere - invalid_elsewhere);
    facts.rows.invalid += unsigned(invalid - invalid_elsewhere);
    Ok(())
}

/// The rows of a date with the dead letters that lie with it although they are of no date, or of none
/// that was asked for: so the rows of all dates add up to what was read.
pub(super) fn with_strays(
    db: &Connection,
    partition: PartitionId,
    rows: RowCounts,
) -> Result<RowCounts, LedgerError> {
    let strays: u64 = db
        .query_row(
            "SELECT count(*) FROM reject r JOIN input i ON i.id = r.input
             WHERE r.partition = ?1 AND r.source = 'local' AND r.blocks <> 'date'
               AND i.state <> 'dropped'",
            [partition.0],
            |row| row.get(0).map(unsigned),
        )
        .map_err(|e| LedgerError::database("count the rows of a date", e))?;
    Ok(RowCounts {
        read: rows.read + strays,
        invalid: rows.invalid + strays,
        ..rows
    })
}

/// Rows of an input that are no rows of this date: in batches of others, or dead letters that are of
/// others or of none that is known.
fn elsewhere(
    db: &Connection,
    input: InputId,
    partition: PartitionId,
    batched: i64,
) -> Result<(i64, i64), LedgerError> {
    let failed = |e| LedgerError::database("check the inputs of a date", e);
    let count = |query: &str| -> rusqlite::Result<i64> {
        db.prepare_cached(query)?
            .query_row([input.0, partition.0], |row| row.get(0))
    };
    let batched_here = count(
        "SELECT
           (SELECT coalesce(sum(b.rows), 0) FROM batch b INDEXED BY batch_by_partition
            WHERE b.partition = ?2 AND b.first_input = ?1 AND b.state <> 'split'
              AND NOT EXISTS (SELECT 1 FROM piece p WHERE p.batch = b.id))
         + (SELECT coalesce(sum(p.rows), 0) FROM piece p JOIN batch b ON b.id = p.batch
            WHERE p.input = ?1 AND b.state <> 'split' AND b.partition = ?2)",
    );
    let invalid = count(
        "SELECT count(*) FROM reject WHERE input = ?1 AND source = 'local'
           AND (partition <> ?2 OR blocks <> 'date')",
    );
    let batched_here = batched_here.map_err(failed)?;
    Ok((batched - batched_here, invalid.map_err(failed)?))
}

fn count_batches(
    db: &Connection,
    partition: PartitionId,
    facts: &mut GateFacts,
) -> Result<(), LedgerError> {
    let failed = |e| LedgerError::database("check the batches of a date", e);
    let mut statement = db
        .prepare_cached(
            "SELECT state, count(*), sum(rows), sum(accepted), sum(unconfirmed), sum(refused),
               sum(rows <> accepted + unconfirmed + refused)
             FROM batch WHERE partition = ?1 GROUP BY state",
        )
        .map_err(failed)?;
    let mut rows = statement.query([partition.0]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let state: String = row.get(0).map_err(failed)?;
        let column = |index| row.get(index).map(unsigned).map_err(failed);
        let (batches, all) = (column(1)?, column(2)?);
        match state.as_str() {
            "split" | "dropped" => continue,
            "intended" => facts.intended_batches = batches,
            "foreign" => facts.foreign_batches = batches,
            "undetermined" => facts.undetermined_batches = batches,
            "accepted" | "unconfirmed" | "part_refused" | "refused" => {
                facts.rows.accepted += column(3)?;
                facts.rows.unconfirmed += column(4)?;
                facts.rows.refused += column(5)?;
                facts.unbalanced_batches += column(6)?;
                continue;
            }
            other => {
                return Err(LedgerError::Nonsense {
                    what: format!("a batch in state '{other}'"),
                });
            }
        }
        facts.rows.pending += all;
    }
    Ok(())
}

fn last_done(
    db: &Connection,
    partition: PartitionId,
) -> Result<Option<(u64, String)>, LedgerError> {
    let found: Option<(Option<String>, String)> = db
        .query_row(
            "SELECT q.totals, q.date FROM partition p JOIN partition q ON q.target = p.target
               AND q.topic = p.topic AND q.stage = p.stage AND q.date < p.date
               AND q.gate IN ('done', 'done_unconfirmed')
             WHERE p.id = ?1 ORDER BY q.date DESC LIMIT 1",
            [partition.0],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .map_err(|e| LedgerError::database("look up the last completed date", e))?;
    Ok(found.and_then(|(totals, date)| {
        let counts = serde_json::from_str::<RowCounts>(&totals?).ok()?;
        Some((counts.stored(), date))
    }))
}
