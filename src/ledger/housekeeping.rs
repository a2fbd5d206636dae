//! Changes that a person asks for: start over, reopen, drop an input, forget, prune.
//!
//! Every one of them leaves a line in the audit trail. None touches an input or a date that another
//! process is working on.

use super::error::LedgerError;
use super::gate::Gate;
use super::id::{InputId, PartitionId, RunId};
use super::lock::{self, HeldLock};
use super::query::{self, KnownPartition};
use super::register::new_epoch;
use super::seal::record_event;
use crate::domain::Partition;
use rusqlite::{Connection, params};
use std::path::Path;

/// `write --restart`: the same date again from nothing, under a new epoch.
pub(super) fn restart(
    db: &Connection,
    state_dir: &Path,
    run: RunId,
    target: i64,
    partition: &Partition,
) -> Result<(), LedgerError> {
    let Some(known) = query::find_partition(db, target, partition)? else {
        return Ok(());
    };
    if matches!(
        known.gate,
        Gate::Sealed | Gate::Done | Gate::DoneUnconfirmed
    ) {
        return Err(LedgerError::Forbidden(format!(
            "{partition} is {}; --restart cannot bring it back. Re-sync the date in the platform's console, then 'byteair-sync ledger reopen', then upload again",
            known.gate.as_str()
        )));
    }
    start_over(db, state_dir, &known, Some(run), "restarted")
}

/// `ledger reopen`: the platform took the date back (a re-sync in its console), so everything is
/// uploaded again under a new epoch. The history stays in the audit trail.
pub(super) fn reopen(
    db: &Connection,
    state_dir: &Path,
    known: &KnownPartition,
) -> Result<(), LedgerError> {
    start_over(db, state_dir, known, None, "reopened")
}

fn start_over(
    db: &Connection,
    state_dir: &Path,
    known: &KnownPartition,
    run: Option<RunId>,
    what: &str,
) -> Result<(), LedgerError> {
    let _locks = lock_everything(db, state_dir, known)?;
    let (batches, stored): (i64, i64) = db
        .query_row(
            "SELECT count(*), coalesce(sum(accepted + unconfirmed), 0) FROM batch
             WHERE partition = ?1",
            [known.id.0],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .map_err(failed)?;
    erase(db, known.id)?;
    db.execute(
        "UPDATE partition SET gate = 'open', epoch = ?2, done_generation = 0, done_unknown = 0,
           sealed_at = NULL, done_at = NULL, totals = NULL WHERE id = ?1",
        params![known.id.0, new_epoch().0],
    )
    .map_err(failed)?;
    let why = format!(
        "was {}, {batches} batches, {stored} rows stored before",
        known.gate.as_str()
    );
    record_event(db, Some(known.id), run, what, &why)
}

/// `ledger forget`: the date leaves the ledger; only the audit trail remembers it.
pub(super) fn forget(
    db: &Connection,
    state_dir: &Path,
    known: &KnownPartition,
) -> Result<(), LedgerError> {
    let _locks = lock_everything(db, state_dir, known)?;
    erase(db, known.id)?;
    let why = format!("{} was {}", known.partition, known.gate.as_str());
    record_event(db, Some(known.id), None, "forgotten", &why)?;
    db.execute("DELETE FROM partition WHERE id = ?1", [known.id.0])
        .map_err(failed)?;
    Ok(())
}

/// `ledger drop-input`: the date no longer waits for this input. What was stored of it stays on the
/// platform and in the counts; what was not sent is given up.
pub(super) fn drop_input(
    db: &Connection,
    state_dir: &Path,
    known: &KnownPartition,
    input: InputId,
    name: &str,
) -> Result<u64, LedgerError> {
    if known.gate.is_done() || known.gate == Gate::Sealed {
        return Err(LedgerError::Forbidden(format!(
            "{} is {}; its inputs cannot be dropped any more",
            known.partition,
            known.gate.as_str()
        )));
    }
    let Some(_lock) = lock::try_lock(state_dir, &lock::of_input(input))? else {
        return Err(LedgerError::Busy {
            input: name.to_owned(),
            holder: query::holder_of(db, input)?,
        });
    };
    let stored: i64 = db
        .query_row(
            "SELECT coalesce(sum(accepted + unconfirmed), 0) FROM batch
             WHERE partition = ?1 AND first_input = ?2",
            params![known.id.0, input.0],
            |row| row.get(0),
        )
        .map_err(failed)?;
    refuse_shared_batches(db, input, name)?;
    db.execute(
        "UPDATE batch SET state = 'dropped' WHERE partition = ?1 AND first_input = ?2
           AND state IN ('intended', 'foreign', 'undetermined')",
        params![known.id.0, input.0],
    )
    .and_then(|_| {
        db.execute(
            "UPDATE input SET state = 'dropped', run = NULL WHERE id = ?1",
            [input.0],
        )
    })
    .and_then(|_| {
        db.execute(
            "UPDATE reject SET state = 'waived' WHERE input = ?1 AND state = 'open'",
            [input.0],
        )
    })
    .map_err(failed)?;
    record_event(
        db,
        Some(known.id),
        None,
        "input_dropped",
        &format!("{name}; {stored} of its rows stay on the platform"),
    )?;
    Ok(query::unsigned(stored))
}

/// A batch that holds rows of other inputs too cannot be given up without losing those.
fn refuse_shared_batches(db: &Connection, input: InputId, name: &str) -> Result<(), LedgerError> {
    let shared: i64 = db
        .query_row(
            "SELECT count(*) FROM piece p JOIN batch b ON b.id = p.batch
             WHERE p.input = ?1 AND b.state IN ('intended', 'foreign', 'undetermined')",
            [input.0],
            |row| row.get(0),
        )
        .map_err(failed)?;
    if shared == 0 {
        return Ok(());
    }
    Err(LedgerError::Forbidden(format!(
        "rows of {name} share an unsettled batch with rows of other inputs; put the file back and run 'write' again, or start the date over with 'write --restart'"
    )))
}

/// `ledger prune`: details of dates that were done before an instant; the dates themselves, with
/// their totals, and their inputs stay known as done.
pub(super) fn prune(db: &Connection, known: &KnownPartition) -> Result<(), LedgerError> {
    if !known.gate.is_done() {
        return Err(LedgerError::Forbidden(format!(
            "{} is {}; only done dates are pruned",
            known.partition,
            known.gate.as_str()
        )));
    }
    erase_batches(db, known.id)?;
    record_event(
        db,
        Some(known.id),
        None,
        "pruned",
        &known.partition.to_string(),
    )
}

fn lock_everything(
    db: &Connection,
    state_dir: &Path,
    known: &KnownPartition,
) -> Result<Vec<HeldLock>, LedgerError> {
    let mut held = Vec::new();
    let busy = |input: String, holder: String| LedgerError::Busy { input, holder };
    match lock::try_lock(state_dir, &format!("partition-{}", known.id.0))? {
        Some(lock) => held.push(lock),
        None => return Err(busy(known.partition.to_string(), String::new())),
    }
    for input in query::inputs_of(db, known.id)? {
        match lock::try_lock(state_dir, &lock::of_input(input.id))? {
            Some(lock) => held.push(lock),
            None => return Err(busy(input.name, query::holder_of(db, input.id)?)),
        }
    }
    Ok(held)
}

/// Removes inputs, batches and dead letters of a date. Inputs that belong to other dates as well
/// lose only this one.
fn erase(db: &Connection, partition: PartitionId) -> Result<(), LedgerError> {
    erase_batches(db, partition)?;
    let statements = [
        "CREATE TEMP TABLE gone AS SELECT input FROM scope WHERE partition = ?1",
        "DELETE FROM scope WHERE partition = ?1",
        "DELETE FROM temp.gone WHERE input IN (SELECT input FROM main.scope)",
        "DELETE FROM chunk WHERE input IN (SELECT input FROM temp.gone)",
        "DELETE FROM piece WHERE input IN (SELECT input FROM temp.gone)",
        "DELETE FROM input WHERE id IN (SELECT input FROM temp.gone)",
        "DROP TABLE temp.gone",
    ];
    for statement in statements {
        let parameters = if statement.contains("?1") {
            vec![partition.0]
        } else {
            Vec::new()
        };
        db.execute(statement, rusqlite::params_from_iter(parameters))
            .map_err(failed)?;
    }
    Ok(())
}

fn erase_batches(db: &Connection, partition: PartitionId) -> Result<(), LedgerError> {
    for statement in [
        "DELETE FROM reject WHERE partition = ?1",
        "DELETE FROM piece WHERE batch IN (SELECT id FROM batch WHERE partition = ?1)",
        "UPDATE batch SET parent = NULL WHERE partition = ?1 AND parent IS NOT NULL",
        "DELETE FROM batch WHERE partition = ?1",
    ] {
        db.execute(statement, [partition.0]).map_err(failed)?;
    }
    Ok(())
}

fn failed(source: rusqlite::Error) -> LedgerError {
    LedgerError::database("change the ledger", source)
}
