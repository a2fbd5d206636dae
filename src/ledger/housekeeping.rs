//! Changes that a person asks for: start over, reopen, drop an input, forget, prune.
//!
//! Every one of them leaves a line in the audit trail. None touches an input or a date that another
//! process is working on.

use super::audit::record_event;
use super::error::LedgerError;
use super::gate::Gate;
use super::id::{InputId, PartitionId, RunId};
use super::known::KnownPartition;
use super::lock::{self, HeldLock};
use super::register::{InputIntent, new_epoch};
use super::{inputs, query};
use crate::domain::{InputIdentity, Partition};
use rusqlite::{Connection, params};
use std::path::Path;

/// By which run dates are started over, and which of them together.
pub(super) struct Restart {
    run: RunId,
    dates: Vec<KnownPartition>,
}

impl Restart {
    /// Finds those of the dates that the ledger knows.
    pub(super) fn of<'a>(
        db: &Connection,
        run: RunId,
        target: i64,
        dates: impl Iterator<Item = &'a Partition>,
    ) -> Result<Self, LedgerError> {
        let mut known = Vec::new();
        for date in dates {
            known.extend(query::find_partition(db, target, date)?);
        }
        Ok(Self { run, dates: known })
    }

    /// `write --restart`: the same dates again from nothing, each under a new epoch. Inputs that
    /// the command does not bring again are waited for, unless they are dropped.
    pub(super) fn carry_out(
        &self,
        db: &Connection,
        state_dir: &Path,
        brought: &[InputIntent],
    ) -> Result<(), LedgerError> {
        let together: Vec<PartitionId> = self.dates.iter().map(|known| known.id).collect();
        for known in &self.dates {
            if known.gate.is_done() || known.gate == Gate::Sealed {
                return Err(LedgerError::Forbidden(format!(
                    "{} is {}; --restart cannot bring it back. Re-sync the date in the platform's console, then 'byteair-sync ledger reopen', then upload again",
                    known.partition,
                    known.gate.as_str()
                )));
            }
            refuse_shared_inputs(db, known, &together)?;
            start_over(db, state_dir, known, Some(self.run), "restarted")?;
        }
        // Only now: an input of several dates has chunks until all of them were cleared.
        for known in &self.dates {
            forget_brought(db, known.id, brought)?;
        }
        Ok(())
    }
}

/// `ledger reopen`: the platform took the date back (a re-sync in its console), so all inputs are
/// uploaded again under a new epoch: the date waits for each of them, or for its being dropped. The
/// history stays in the audit trail.
pub(super) fn reopen(
    db: &Connection,
    state_dir: &Path,
    known: &KnownPartition,
) -> Result<(), LedgerError> {
    let known = as_it_is_now(db, known)?;
    refuse_shared_inputs(db, &known, &[])?;
    start_over(db, state_dir, &known, None, "reopened")
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
    unread(db, known.id)?;
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
    let known = as_it_is_now(db, known)?;
    refuse_shared_inputs(db, &known, &[])?;
    erase(db, known.id)?;
    let why = format!("{} was {}", known.partition, known.gate.as_str());
    record_event(db, Some(known.id), None, "forgotten", &why)?;
    db.execute("DELETE FROM partition WHERE id = ?1", [known.id.0])
        .map_err(failed)?;
    Ok(())
}

/// The dates that an input has rows of, as they are now.
pub(super) fn dates_of(
    db: &Connection,
    input: InputId,
    known: &KnownPartition,
) -> Result<Vec<KnownPartition>, LedgerError> {
    inputs::dates_of(db, input)?
        .into_iter()
        .map(|id| query::partition_by_id(db, id, &known.partition.target))
        .collect()
}

/// `ledger prune`: details of dates that were done before an instant; the dates themselves, with
/// their totals, and their inputs stay known as done.
pub(super) fn prune(db: &Connection, known: &KnownPartition) -> Result<(), LedgerError> {
    let known = as_it_is_now(db, known)?;
    if !known.gate.is_done() {
        return Err(LedgerError::Forbidden(format!(
            "{} is {}; only done dates are pruned",
            known.partition,
            known.gate.as_str()
        )));
    }
    refuse_shared_inputs(db, &known, &[])?;
    erase_batches(db, known.id)?;
    record_event(
        db,
        Some(known.id),
        None,
        "pruned",
        &known.partition.to_string(),
    )
}

/// The date inside this transaction: what the caller read may be out of date.
fn as_it_is_now(db: &Connection, known: &KnownPartition) -> Result<KnownPartition, LedgerError> {
    query::partition_by_id(db, known.id, &known.partition.target)
}

/// What is recorded of an input counts for all its dates: without one of them its rows would never
/// add up again for the others that still wait for `done`.
fn refuse_shared_inputs(
    db: &Connection,
    known: &KnownPartition,
    together: &[PartitionId],
) -> Result<(), LedgerError> {
    for input in inputs::inputs_of(db, known.id)? {
        let waiting = dates_of(db, input.id, known)?.into_iter().find(|date| {
            date.id != known.id
                && !together.contains(&date.id)
                && matches!(date.gate, Gate::Open | Gate::Sealed)
        });
        if let Some(date) = waiting {
            return Err(LedgerError::Forbidden(format!(
                "{} holds rows of {} and of {}, which is not done yet; finish or restart that date first",
                input.name, known.partition, date.partition
            )));
        }
    }
    Ok(())
}

fn lock_everything(
    db: &Connection,
    state_dir: &Path,
    known: &KnownPartition,
) -> Result<Vec<HeldLock>, LedgerError> {
    let mut held = Vec::new();
    let name = lock::of_partition(known.id);
    match lock::try_lock(state_dir, &name)? {
        Some(lock) => held.push(lock),
        None => {
            return Err(LedgerError::Busy {
                input: known.partition.to_string(),
                holder: format!(
                    "its done is being sent by {}",
                    lock::signature(state_dir, &name)
                ),
            });
        }
    }
    for input in inputs::inputs_of(db, known.id)? {
        match lock::try_lock(state_dir, &lock::of_input(input.id))? {
            Some(lock) => held.push(lock),
            None => return Err(inputs::busy(db, input.id, &input.name)?),
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

/// Removes what was read and sent of a date; its inputs stay, as ones that have to be read.
fn unread(db: &Connection, partition: PartitionId) -> Result<(), LedgerError> {
    // A file that replaced its own rows: they come again with the file.
    db.execute(
        "UPDATE input AS i SET state = 'dropped', run = NULL
         WHERE id IN (SELECT replayed_by FROM reject WHERE partition = ?1)
           AND EXISTS (SELECT 1 FROM input f JOIN scope s ON s.input = f.id
                       WHERE s.partition = ?1 AND f.id < i.id AND f.state <> 'dropped'
                         AND (f.device, f.inode) = (i.device, i.inode))",
        [partition.0],
    )
    .map_err(failed)?;
    erase_batches(db, partition)?;
    for input in inputs::inputs_of(db, partition)? {
        if inputs::dates_of(db, input.id)?.len() > 1 {
            leave_to_others(db, partition, input.id)?;
        }
    }
    for statement in [
        "DELETE FROM chunk WHERE input IN (SELECT input FROM scope WHERE partition = ?1)",
        "UPDATE input SET state = 'reading', verified = 1, run = NULL
         WHERE state <> 'dropped' AND id IN (SELECT input FROM scope WHERE partition = ?1)",
    ] {
        db.execute(statement, [partition.0]).map_err(failed)?;
    }
    Ok(())
}

/// What was read of an input stays with its other dates, whose rows it accounts for; this date waits
/// for the same file as one of its own.
fn leave_to_others(
    db: &Connection,
    partition: PartitionId,
    input: InputId,
) -> Result<(), LedgerError> {
    db.execute(
        "INSERT INTO input (target, topic, stage, kind, name, device, inode, size, mtime_ns,
           ctime_ns, etag, row_options, date_options, read_options, state, verified)
         SELECT target, topic, stage, kind, name, device, inode, size, mtime_ns, ctime_ns, etag,
           row_options, date_options, read_options, 'reading', 1 FROM input WHERE id = ?1",
        [input.0],
    )
    .and_then(|_| {
        db.execute(
            "UPDATE scope SET input = ?3 WHERE input = ?1 AND partition = ?2",
            [input.0, partition.0, db.last_insert_rowid()],
        )
    })
    .map(drop)
    .map_err(failed)
}

/// Removes the rows of inputs that are registered anew in a moment, known by place or by name.
fn forget_brought(
    db: &Connection,
    partition: PartitionId,
    brought: &[InputIntent],
) -> Result<(), LedgerError> {
    for input in inputs::inputs_of(db, partition)? {
        let again = brought.iter().any(|intent| {
            let place = |identity: &Option<InputIdentity>| identity.as_ref()?.place();
            let same_place =
                place(&input.identity).is_some_and(|mine| place(&intent.identity) == Some(mine));
            same_place || intent.name == input.name
        });
        if again {
            for statement in [
                "DELETE FROM scope WHERE input = ?1",
                "DELETE FROM input WHERE id = ?1",
            ] {
                db.execute(statement, [input.id.0]).map_err(failed)?;
            }
        }
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
