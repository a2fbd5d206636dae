//! Sealing a date, and what becomes of its `done`.
//!
//! [`SealedPartition`] has a private field and is made only here, in the transaction that found
//! nothing missing and put the intent of `done` on disk. It is the only value that `done` accepts.

use super::audit::record_event;
use super::departures::Departed;
use super::error::LedgerError;
use super::gate::{Gate, Unmet, unmet};
use super::id::{PartitionId, RunId};
use super::known::KnownPartition;
use super::lock::{self, HeldLock};
use super::{facts, held_back, inputs, query};
use crate::domain::{
    DataDate, Epoch, Generation, Partition, RequestId, StageKind, Target, Topic, done_request_id,
};
use rusqlite::{Connection, params};
use std::path::Path;

/// A date of which nothing is missing: the right to send its `done`, once. Holding it keeps other
/// processes from sealing or marking the same date.
#[derive(Debug)]
pub struct SealedPartition {
    id: PartitionId,
    partition: Partition,
    date: DataDate,
    epoch: Epoch,
    generation: Generation,
    unknown: bool,
    forced: Option<String>,
    _lock: HeldLock,
}

impl SealedPartition {
    /// The generation of its `done`, part of the Request-Id.
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// The ledger's number of the date.
    pub const fn id(&self) -> PartitionId {
        self.id
    }

    /// Which date of which topic and stage.
    pub const fn partition(&self) -> &Partition {
        &self.partition
    }

    /// The topic.
    pub const fn topic(&self) -> &Topic {
        &self.partition.topic
    }

    /// The stage; never the streaming one.
    pub const fn stage(&self) -> StageKind {
        self.partition.stage.kind()
    }

    /// The day to mark done.
    pub const fn date(&self) -> DataDate {
        self.date
    }

    /// The id under which `done` is sent.
    pub fn request_id(&self) -> RequestId {
        done_request_id(self.epoch, &self.partition, self.generation)
    }

    /// What was missing when a person opened the gate by hand.
    pub fn forced(&self) -> Option<&str> {
        self.forced.as_deref()
    }

    /// Whether an earlier attempt may have got through.
    pub const fn has_unknown_attempt(&self) -> bool {
        self.unknown
    }

    /// Marks the value after the ledger noted an unknown outcome.
    pub(super) const fn set_unknown(&mut self) {
        self.unknown = true;
    }

    /// Moves the value on after the ledger did.
    pub(super) const fn set_generation(&mut self, generation: Generation) {
        self.generation = generation;
    }
}

/// What came of the wish to seal a date.
#[derive(Debug)]
pub enum SealOutcome {
    /// Nothing was missing; `done` may be sent.
    Sealed(Box<SealedPartition>),
    /// `done` got through earlier.
    AlreadyDone {
        /// True when only its effect is known, not its reply.
        unconfirmed: bool,
    },
    /// Something is missing.
    Withheld(Vec<Unmet>),
    /// The platform refuses the date; it owes nothing.
    Refused,
    /// It was sealed when it was looked at, and is open again: its inputs were not compared.
    OpenAgain,
    /// Another process is marking it done right now.
    Busy {
        /// Which, for people; empty when that is not known.
        holder: String,
    },
}

/// By whom and with which exceptions a date is to be sealed.
#[derive(Debug, Clone, Copy)]
pub struct SealRequest {
    /// The date.
    pub partition: PartitionId,
    /// The run that asks.
    pub run: RunId,
    /// Whether the day is over in the platform's zone.
    pub day_over: bool,
    /// Lift a hold (`done` that names the date).
    pub release_hold: bool,
    /// A person opens the gate by hand (`--force`); recorded.
    pub force: bool,
    /// The inputs were compared with what was read of them, or nobody wants that. A date that is
    /// sealed already needs no comparing: its `done` is on its way.
    pub compared: bool,
}

/// How `done` ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoneSettlement {
    /// Acknowledged.
    Confirmed,
    /// Got through in an earlier attempt whose reply was lost.
    Unconfirmed,
    /// Definitely not stored and nothing is unknown: the date is open again.
    NotStored,
    /// The platform refuses the date for good.
    Refused,
}

/// The transaction of the gate.
pub(super) fn seal(
    db: &Connection,
    state_dir: &Path,
    target: &Target,
    request: SealRequest,
) -> Result<SealOutcome, LedgerError> {
    let failed = |e| LedgerError::database("seal a date", e);
    let mut known = query::partition_by_id(db, request.partition, target)?;
    match known.gate {
        Gate::Done | Gate::DoneUnconfirmed => {
            return Ok(SealOutcome::AlreadyDone {
                unconfirmed: known.gate == Gate::DoneUnconfirmed,
            });
        }
        Gate::Refused => return Ok(SealOutcome::Refused),
        Gate::Open | Gate::Sealed => {}
    }
    let Some(date) = known.partition.date() else {
        return Err(LedgerError::Forbidden(
            "the streaming stage has no date and no done".to_owned(),
        ));
    };
    let name = lock::of_partition(known.id);
    let Some(lock) = lock::try_lock(state_dir, &name)? else {
        let holder = lock::signature(state_dir, &name);
        return Ok(SealOutcome::Busy { holder });
    };
    lock.sign(&inputs::run_for_people(db, request.run)?);
    let mut forced = None;
    if known.gate == Gate::Open {
        if !request.compared {
            return Ok(SealOutcome::OpenAgain);
        }
        if request.release_hold && known.held_back {
            held_back::release(db, known.id, request.run)?;
            known.held_back = false;
        }
        let counted = facts::count(db, &known, request.day_over, Some((state_dir, request.run)))?;
        let missing = unmet(&counted);
        // Nobody forces a date under the hands of a run that is uploading to it.
        let at_work = missing.iter().any(Unmet::is_held_by_a_run);
        if !missing.is_empty() && (at_work || !request.force) {
            return Ok(SealOutcome::Withheld(missing));
        }
        if !missing.is_empty() {
            forced = Some(record_forced(db, known.id, request.run, &missing)?);
        }
        let totals = facts::with_strays(db, known.id, counted.rows)?;
        db.execute(
            "UPDATE partition SET gate = 'sealed', sealed_at = unixepoch(), totals = ?2
             WHERE id = ?1",
            params![
                known.id.0,
                serde_json::to_string(&totals).unwrap_or_default()
            ],
        )
        .map_err(failed)?;
    } else {
        take_over(db, state_dir, &mut known)?;
    }
    Ok(SealOutcome::Sealed(Box::new(SealedPartition {
        id: known.id,
        date,
        epoch: known.epoch,
        generation: known.done_generation,
        unknown: known.done_unknown,
        partition: known.partition,
        forced,
        _lock: lock,
    })))
}

/// A date that was sealed by a process that is gone: `done` may have been sent, unless it is known that
/// it had not left.
fn take_over(
    db: &Connection,
    state_dir: &Path,
    known: &mut KnownPartition,
) -> Result<(), LedgerError> {
    let may_have_left = Departed::of_done(state_dir, known.id)
        .is_none_or(|departed| departed.has(known.id.0, known.done_generation));
    if may_have_left && !known.done_unknown {
        db.execute(
            "UPDATE partition SET done_unknown = 1 WHERE id = ?1",
            [known.id.0],
        )
        .map_err(|e| LedgerError::database("seal a date", e))?;
        known.done_unknown = true;
    }
    Ok(())
}

fn record_forced(
    db: &Connection,
    id: PartitionId,
    run: RunId,
    missing: &[Unmet],
) -> Result<String, LedgerError> {
    let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let missing = missing.join("; ");
    record_event(db, Some(id), Some(run), "forced", &missing)?;
    Ok(missing)
}

/// Whether a date was forced, and not begun anew since.
pub(super) fn was_forced(db: &Connection, id: PartitionId) -> Result<bool, LedgerError> {
    db.query_row(
        "SELECT coalesce((SELECT what = 'forced' FROM event
           WHERE partition = ?1 AND what IN ('forced', 'reopened', 'restarted')
           ORDER BY id DESC LIMIT 1), 0)",
        [id.0],
        |row| row.get(0),
    )
    .map_err(|e| LedgerError::database("read the audit trail", e))
}

pub(super) fn note_done_unknown(db: &Connection, id: PartitionId) -> Result<(), LedgerError> {
    change_sealed(
        db,
        id,
        "UPDATE partition SET done_unknown = 1 WHERE id = ?1 AND gate = 'sealed'",
    )
}

pub(super) fn renew_done(db: &Connection, id: PartitionId) -> Result<Generation, LedgerError> {
    change_sealed(
        db,
        id,
        "UPDATE partition SET done_generation = done_generation + 1
         WHERE id = ?1 AND gate = 'sealed' AND done_unknown = 0",
    )?;
    db.query_row(
        "SELECT done_generation FROM partition WHERE id = ?1",
        [id.0],
        |row| row.get(0).map(Generation),
    )
    .map_err(|e| LedgerError::database("renew done", e))
}

pub(super) fn settle_done(
    db: &Connection,
    id: PartitionId,
    run: RunId,
    settlement: DoneSettlement,
    why: &str,
) -> Result<(), LedgerError> {
    let (gate, what) = match settlement {
        DoneSettlement::Confirmed => (Gate::Done, "done"),
        DoneSettlement::Unconfirmed => (Gate::DoneUnconfirmed, "done_unconfirmed"),
        DoneSettlement::NotStored => (Gate::Open, "done_not_stored"),
        DoneSettlement::Refused => (Gate::Refused, "done_refused"),
    };
    let changed = db
        .execute(
            "UPDATE partition SET gate = ?2,
               sealed_at = CASE ?2 WHEN 'open' THEN NULL ELSE sealed_at END,
               done_generation = done_generation + (?2 = 'open'),
               done_at = CASE WHEN ?2 IN ('done', 'done_unconfirmed') THEN unixepoch() END
             WHERE id = ?1 AND gate = 'sealed'
               AND CASE ?2 WHEN 'open' THEN done_unknown = 0
                           WHEN 'done_unconfirmed' THEN done_unknown = 1 ELSE 1 END",
            params![id.0, gate.as_str()],
        )
        .map_err(|e| LedgerError::database("record done", e))?;
    if changed != 1 {
        return Err(not_sealed());
    }
    record_event(db, Some(id), Some(run), what, why)
}

/// The platform refuses the whole date (wrong stage, topic, application): it owes nothing, unless
/// rows were stored already.
pub(super) fn mark_refused(
    db: &Connection,
    id: PartitionId,
    run: RunId,
    why: &str,
) -> Result<(), LedgerError> {
    let changed = db
        .execute(
            "UPDATE partition SET gate = 'refused' WHERE id = ?1 AND gate = 'open'
               AND NOT EXISTS (SELECT 1 FROM batch WHERE partition = ?1
                               AND (accepted > 0 OR unconfirmed > 0 OR unknown > 0))",
            [id.0],
        )
        .map_err(|e| LedgerError::database("record a refusal", e))?;
    if changed == 1 {
        record_event(db, Some(id), Some(run), "refused", why)?;
    }
    Ok(())
}

/// Notes that the platform takes no more rows of a date, once for each reason: hourly runs would be
/// told the same.
pub(super) fn note_stopped(
    db: &Connection,
    id: PartitionId,
    run: RunId,
    why: &str,
) -> Result<(), LedgerError> {
    db.execute(
        "INSERT INTO event (partition, at, run, what, why)
         SELECT ?1, unixepoch(), ?2, 'stopped', ?3
         WHERE ('stopped', ?3) IS NOT (SELECT what, why FROM event WHERE partition = ?1
                                       ORDER BY id DESC LIMIT 1)",
        params![id.0, run.0, why],
    )
    .map_err(|e| LedgerError::database("write the audit trail", e))?;
    Ok(())
}

fn change_sealed(db: &Connection, id: PartitionId, update: &str) -> Result<(), LedgerError> {
    let changed = db
        .execute(update, [id.0])
        .map_err(|e| LedgerError::database("record an attempt of done", e))?;
    if changed == 1 {
        Ok(())
    } else {
        Err(not_sealed())
    }
}

fn not_sealed() -> LedgerError {
    LedgerError::Nonsense {
        what: "a date that is not sealed although its done is under way".to_owned(),
    }
}
