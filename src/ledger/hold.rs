//! Taking an input: its row, its lock, its dates, and what a crash left of it.
//!
//! Runs inside the transaction of the registration, so a failure for one input leaves nothing of
//! any of them.

use super::departures::Departed;
use super::error::LedgerError;
use super::gate::Gate;
use super::id::{InputId, PartitionId, RunId};
use super::lock;
use super::register::{HeldInput, InputIntent, RegisteredPartition};
use super::rejects::number;
use super::{inputs, query, torn_end};
use crate::domain::{Generation, InputIdentity};
use rusqlite::{Connection, params};
use std::collections::HashSet;
use std::path::Path;

/// Takes the inputs of one registration.
pub(super) struct Registrar<'a> {
    pub(super) db: &'a Connection,
    pub(super) state_dir: &'a Path,
    pub(super) run: RunId,
    pub(super) target: i64,
    pub(super) newest_known: i64,
    /// Dates and sizes of files that others registered after this command had looked for files
    /// with the same content.
    pub(super) meanwhile: Option<&'a HashSet<(PartitionId, i64)>>,
}

/// Takes one more input for a run that is under way. Nobody else takes it meanwhile: whoever follows
/// the path holds its lock.
pub(super) fn hold_one(
    db: &Connection,
    state_dir: &Path,
    run: RunId,
    partition: &RegisteredPartition,
    intent: &InputIntent,
) -> Result<HeldInput, LedgerError> {
    let target = db
        .query_row(
            "SELECT target FROM partition WHERE id = ?1",
            [partition.id.0],
            |row| row.get(0),
        )
        .map_err(|e| LedgerError::database("register an input", e))?;
    let registrar = Registrar {
        db,
        state_dir,
        run,
        target,
        newest_known: inputs::newest_input(db)?,
        meanwhile: None,
    };
    registrar.hold_input(intent, &[partition])
}

impl Registrar<'_> {
    pub(super) fn hold_input(
        &self,
        intent: &InputIntent,
        scope: &[&RegisteredPartition],
    ) -> Result<HeldInput, LedgerError> {
        if intent.known.is_none()
            && let Some(other) = self.registered_meanwhile(intent, scope)?
        {
            return Err(inputs::busy(self.db, other, &intent.name)?);
        }
        if intent.known.is_none() && self.may_be_a_copy(intent, scope) {
            return Err(LedgerError::Outdated {
                input: intent.name.clone(),
            });
        }
        let id = match intent.known {
            Some(id) => id,
            None => self.insert(intent, scope)?,
        };
        if !intent.unfinished {
            self.refresh(id, intent)?;
            return Ok(HeldInput { id, lock: None });
        }
        let Some(lock) = lock::try_lock(self.state_dir, &lock::of_input(id))? else {
            return Err(inputs::busy(self.db, id, &intent.name)?);
        };
        self.require_as_seen(id, intent)?;
        self.require_its_dates(id, intent, scope)?;
        for partition in scope {
            self.require_open(partition, &intent.name)?;
            self.db
                .execute(
                    "UPDATE partition SET gate = 'open' WHERE id = ?1 AND gate = 'refused'",
                    [partition.id.0],
                )
                .map_err(|e| LedgerError::database("register an input", e))?;
        }
        self.add_to_scope(id, scope)?;
        if intent.date_options.is_some() {
            self.join_reopened(id, scope)?;
        }
        self.adopt_after_crash(id)?;
        if let Some(torn) = &intent.torn_end {
            torn_end::take_back(self.db, self.run, (id, &intent.name), torn)?;
        }
        self.hold(id, intent)?;
        self.refresh(id, intent)?;
        Ok(HeldInput {
            id,
            lock: Some(lock),
        })
    }

    fn insert(
        &self,
        intent: &InputIntent,
        scope: &[&RegisteredPartition],
    ) -> Result<InputId, LedgerError> {
        let failed = |e| LedgerError::database("register an input", e);
        let Some(first) = scope.first() else {
            return Err(LedgerError::Nonsense {
                what: format!("the input {} without a date", intent.name),
            });
        };
        self.db
            .execute(
                "INSERT INTO input (target, topic, stage, kind, name, row_options, state, verified)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'reading', 1)",
                params![
                    self.target,
                    first.partition.topic.as_str(),
                    first.partition.stage.kind().as_str(),
                    intent.kind.as_str(),
                    intent.name,
                    intent.row_options.to_be_bytes(),
                ],
            )
            .map_err(failed)?;
        let id = InputId(self.db.last_insert_rowid());
        self.add_to_scope(id, scope)?;
        Ok(id)
    }

    fn add_to_scope(&self, id: InputId, scope: &[&RegisteredPartition]) -> Result<(), LedgerError> {
        for partition in scope {
            self.db
                .prepare_cached("INSERT OR IGNORE INTO scope (input, partition) VALUES (?1, ?2)")
                .and_then(|mut insert| insert.execute([id.0, partition.id.0]))
                .map_err(|e| LedgerError::database("register an input", e))?;
        }
        Ok(())
    }

    /// Of an input that is read for other dates than before, what belongs to a date that is left out
    /// would be read and not sent, and that date would no longer wait for it.
    fn require_its_dates(
        &self,
        id: InputId,
        intent: &InputIntent,
        scope: &[&RegisteredPartition],
    ) -> Result<(), LedgerError> {
        let waiting: Vec<(PartitionId, String)> = self
            .db
            .prepare_cached(
                "SELECT p.id, p.topic || ' ' || p.stage || ' ' || p.date FROM scope s
                   JOIN input i ON i.id = s.input JOIN partition p ON p.id = s.partition
                 WHERE s.input = ?1 AND i.date_options IS NOT ?2 AND p.gate = 'open'",
            )
            .and_then(|mut waiting| {
                let options = intent.date_options.map(u128::to_be_bytes);
                waiting
                    .query_map(params![id.0, options], |row| {
                        Ok((PartitionId(row.get(0)?), row.get(1)?))
                    })?
                    .collect()
            })
            .map_err(|e| LedgerError::database("register an input", e))?;
        let left_out = |(date, _): &(PartitionId, String)| !scope.iter().any(|it| it.id == *date);
        match waiting.into_iter().find(left_out) {
            None => Ok(()),
            Some((_, date)) => Err(LedgerError::OtherDates {
                input: intent.name.clone(),
                date,
            }),
        }
    }

    /// Dates that were reopened one after the other each wait for the same file as one of their own.
    /// Now that it is read for all of them, it is one input again.
    fn join_reopened(
        &self,
        id: InputId,
        scope: &[&RegisteredPartition],
    ) -> Result<(), LedgerError> {
        let failed = |e| LedgerError::database("register an input", e);
        let twins: Vec<InputId> = self
            .db
            .prepare_cached(
                "SELECT t.id FROM input i JOIN input t
                   ON (t.target, t.topic, t.stage, t.kind, t.name)
                    = (i.target, i.topic, i.stage, i.kind, i.name)
                   AND t.device IS i.device AND t.inode IS i.inode
                 WHERE i.id = ?1 AND t.id <> i.id AND t.state = 'reading' AND t.run IS NULL
                   AND NOT EXISTS (SELECT 1 FROM chunk WHERE input = t.id)
                   AND NOT EXISTS (SELECT 1 FROM reject WHERE replayed_by = t.id)",
            )
            .and_then(|mut twins| {
                twins
                    .query_map([id.0], |row| row.get(0).map(InputId))?
                    .collect()
            })
            .map_err(failed)?;
        for twin in twins {
            let dates = inputs::dates_of(self.db, twin)?;
            if dates
                .iter()
                .all(|date| scope.iter().any(|it| it.id == *date))
            {
                self.db
                    .execute("UPDATE input SET state = 'dropped' WHERE id = ?1", [twin.0])
                    .map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Notes who reads the input. A file that was read to its end and to which nothing was appended
    /// stays read: only batches of it are sent again, or its content is compared. It may have another
    /// size now, as it may have grown while it was read.
    fn hold(&self, id: InputId, intent: &InputIntent) -> Result<(), LedgerError> {
        self.db
            .execute(
                "UPDATE input SET run = ?2,
                   state = CASE WHEN state = 'read' AND ?3 THEN 'read' ELSE 'reading' END
                 WHERE id = ?1",
                params![id.0, self.run.0, intent.stays_read],
            )
            .map_err(|e| LedgerError::database("register an input", e))?;
        Ok(())
    }

    fn require_open(&self, partition: &RegisteredPartition, name: &str) -> Result<(), LedgerError> {
        let gate = query::gate_of(self.db, partition.id)?;
        if matches!(gate, Gate::Open | Gate::Refused) {
            return Ok(());
        }
        Err(LedgerError::TooLate {
            input: name.to_owned(),
            date: partition.partition.to_string(),
            gate: gate.as_str(),
        })
    }

    /// An input whose last holder did not end its run: whatever it had intended may have been sent, but
    /// for what is known to have waited.
    fn adopt_after_crash(&self, id: InputId) -> Result<(), LedgerError> {
        let failed = |e| LedgerError::database("take over an input", e);
        let holder: Option<i64> = self
            .db
            .query_row("SELECT run FROM input WHERE id = ?1", [id.0], |row| {
                row.get(0)
            })
            .map_err(failed)?;
        let Some(holder) = holder else {
            return Ok(());
        };
        let departed = Departed::of_run(self.state_dir, RunId(holder));
        let mut intended = self
            .db
            .prepare_cached(
                "SELECT id, generation FROM batch
                 WHERE state = 'intended' AND unknown = 0 AND first_input = ?1
                   AND partition IN (SELECT partition FROM scope WHERE input = ?1)",
            )
            .map_err(failed)?;
        let batches: Vec<(i64, u32)> = intended
            .query_map([id.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect)
            .map_err(failed)?;
        for (batch, generation) in batches {
            let may_have_left = departed
                .as_ref()
                .is_none_or(|departed| departed.has(batch, Generation(generation)));
            if may_have_left {
                self.db
                    .prepare_cached("UPDATE batch SET unknown = 1 WHERE id = ?1")
                    .and_then(|mut update| update.execute([batch]))
                    .map_err(failed)?;
            }
        }
        Ok(())
    }

    fn refresh(&self, id: InputId, intent: &InputIntent) -> Result<(), LedgerError> {
        let identity = intent.identity.as_ref();
        let place = identity.and_then(InputIdentity::place);
        let (mtime, ctime, etag) = match identity {
            Some(InputIdentity::File(file)) => (Some(file.mtime_ns), Some(file.ctime_ns), None),
            Some(InputIdentity::Object(object)) => (object.mtime_ns, None, object.etag.as_deref()),
            None => (None, None, None),
        };
        self.db
            .execute(
                "UPDATE input SET name = ?2, device = ?3, inode = ?4, size = ?5, mtime_ns = ?6,
                   ctime_ns = ?7, etag = ?8, verified = ?9, row_options = ?10, date_options = ?11,
                   read_options = ?12, kind = ?13
                 WHERE id = ?1",
                params![
                    id.0,
                    intent.name,
                    place.map(|(device, _)| number(device)),
                    place.map(|(_, inode)| number(inode)),
                    identity.map(|it| number(it.size())),
                    mtime,
                    ctime,
                    etag,
                    intent.verified,
                    intent.row_options.to_be_bytes(),
                    intent.date_options.map(u128::to_be_bytes),
                    intent.read_options,
                    intent.kind.as_str(),
                ],
            )
            .map_err(|e| LedgerError::database("register an input", e))?;
        Ok(())
    }
}
