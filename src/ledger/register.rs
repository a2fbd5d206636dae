//! Registration: everything a command is going to read is in the ledger before its first request.
//!
//! One transaction writes the run, the target, the partitions with their guards and all inputs, and
//! takes the lock of every input that has something left to read. From then on an unfinished input
//! blocks the gate of every date in its scope, whatever happens to the process.

use super::error::LedgerError;
use super::gate::Gate;
use super::housekeeping::Restart;
use super::id::{InputId, PartitionId, RunId};
use super::lock::{self, HeldLock};
use super::query::{self, InputKind};
use super::rejects::number;
use super::writer::Session;
use crate::domain::{Epoch, FileIdentity, GuardChanges, Guards, Partition, Target};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;

/// What a command is about to do.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Whose data it is; as [`crate::ledger::Ledger::resolve_target`] spelled it.
    pub target: Target,
    /// `host[:port]` of every host that serves it.
    pub hosts: Vec<String>,
    /// Accept hosts that share nothing with the known ones.
    pub same_target: bool,
    /// The dates concerned.
    pub partitions: Vec<PartitionIntent>,
    /// The inputs concerned.
    pub inputs: Vec<InputIntent>,
    /// The newest input that the ledger had when the inputs were recognised.
    pub newest_known: i64,
}

/// A date that a command will upload to.
#[derive(Debug, Clone)]
pub struct PartitionIntent {
    /// Which.
    pub partition: Partition,
    /// Guards named by the command.
    pub guards: GuardChanges,
    /// Hold `done` back from now on.
    pub hold: bool,
    /// Epoch to use instead of a random one.
    pub seed: Option<Epoch>,
    /// Forget what was uploaded and begin again under a new epoch.
    pub restart: bool,
}

/// An input that a command will read.
#[derive(Debug, Clone)]
pub struct InputIntent {
    /// The ledger's row, when the input was recognised.
    pub known: Option<InputId>,
    /// What it is.
    pub kind: InputKind,
    /// Path, or the name of a stream.
    pub name: String,
    /// What the file system says; `None` for streams.
    pub identity: Option<FileIdentity>,
    /// Digest of the options that change rows.
    pub row_options: u128,
    /// Indices into [`Registration::partitions`].
    pub scope: Vec<usize>,
    /// Whether what the ledger recorded of it was compared, or needs no comparing.
    pub verified: bool,
    /// Whether there is something left to read, to compare or to settle.
    pub unfinished: bool,
}

/// The ledger's answer.
#[derive(Debug)]
pub struct Registered {
    /// The run that was begun.
    pub run: RunId,
    /// The partitions in the order of the registration.
    pub partitions: Vec<RegisteredPartition>,
    /// The inputs in the order of the registration.
    pub inputs: Vec<HeldInput>,
}

/// A partition's row.
#[derive(Debug, Clone)]
pub struct RegisteredPartition {
    /// Its number.
    pub id: PartitionId,
    /// Which it is.
    pub partition: Partition,
    /// Its epoch, part of every Request-Id.
    pub epoch: Epoch,
    /// Its guards after this command.
    pub guards: Guards,
}

/// An input that this process holds.
#[derive(Debug)]
pub struct HeldInput {
    /// Its number.
    pub id: InputId,
    /// Its lock; `None` when there is nothing left to read.
    pub lock: Option<HeldLock>,
}

/// The row of table `run` of this process.
#[derive(Debug, Clone)]
pub struct RunInfo {
    /// Process id.
    pub pid: u32,
    /// Name of the machine.
    pub host: String,
    /// Command line without secrets.
    pub command: String,
}

pub(super) fn register(
    session: &mut Session<'_>,
    state_dir: &Path,
    info: &RunInfo,
    wanted: &Registration,
) -> Result<Registered, LedgerError> {
    let db = session.db;
    let run = begin_run(db, info)?;
    let target = upsert_target(db, wanted)?;
    let restarted = wanted.partitions.iter().filter(|intent| intent.restart);
    Restart::of(db, run, target, restarted.map(|intent| &intent.partition))?
        .carry_out(db, state_dir)?;
    let partitions = wanted
        .partitions
        .iter()
        .map(|intent| upsert_partition(db, target, intent))
        .collect::<Result<Vec<_>, _>>()?;
    let inputs = wanted
        .inputs
        .iter()
        .map(|intent| {
            let scope: Vec<&RegisteredPartition> = intent
                .scope
                .iter()
                .filter_map(|index| partitions.get(*index))
                .collect();
            let registrar = Registrar {
                db,
                state_dir,
                run,
                target,
                newest_known: wanted.newest_known,
            };
            registrar.hold_input(intent, &scope)
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Registered {
        run,
        partitions,
        inputs,
    })
}

pub(super) fn begin_run(db: &Connection, info: &RunInfo) -> Result<RunId, LedgerError> {
    db.execute(
        "INSERT INTO run (started, pid, host, command) VALUES (unixepoch(), ?1, ?2, ?3)",
        params![info.pid, info.host, info.command],
    )
    .map_err(|e| LedgerError::database("begin a run", e))?;
    Ok(RunId(db.last_insert_rowid()))
}

/// Ends a run and lets go of its inputs: what their batches say is exact from now on.
pub(super) fn end_run(db: &Connection, run: RunId, exit_status: u8) -> Result<(), LedgerError> {
    db.execute("UPDATE input SET run = NULL WHERE run = ?1", [run.0])
        .and_then(|_| {
            db.execute(
                "UPDATE run SET ended = unixepoch(), exit_status = ?2 WHERE id = ?1",
                params![run.0, exit_status],
            )
        })
        .map_err(|e| LedgerError::database("end a run", e))?;
    Ok(())
}

fn upsert_target(db: &Connection, wanted: &Registration) -> Result<i64, LedgerError> {
    let failed = |e| LedgerError::database("register the target", e);
    if let Some(known) = query::find_target(db, &wanted.target, &wanted.hosts, wanted.same_target)?
    {
        let mut hosts = known.hosts;
        let before = hosts.len();
        for host in &wanted.hosts {
            if !hosts.contains(host) {
                hosts.push(host.clone());
            }
        }
        if hosts.len() > before {
            db.execute(
                "UPDATE target SET hosts = ?2 WHERE id = ?1",
                params![known.id, serde_json::json!(hosts).to_string()],
            )
            .map_err(failed)?;
        }
        return Ok(known.id);
    }
    db.execute(
        "INSERT INTO target (tenant, application, platform, hosts) VALUES (?1, ?2, ?3, ?4)",
        params![
            wanted.target.tenant(),
            wanted.target.application(),
            wanted.target.platform(),
            serde_json::json!(wanted.hosts).to_string()
        ],
    )
    .map_err(failed)?;
    Ok(db.last_insert_rowid())
}

fn upsert_partition(
    db: &Connection,
    target: i64,
    intent: &PartitionIntent,
) -> Result<RegisteredPartition, LedgerError> {
    let failed = |e| LedgerError::database("register the date", e);
    let partition = intent.partition.clone();
    if let Some(known) = query::find_partition(db, target, &partition)? {
        let guards = known.guards.clone().changed_by(&intent.guards);
        if guards != known.guards || (intent.hold && !known.held_back) {
            db.execute(
                "UPDATE partition SET guards = ?2, held_back = held_back OR ?3 WHERE id = ?1",
                params![known.id.0, query::guards_text(&guards), intent.hold],
            )
            .map_err(failed)?;
        }
        return Ok(RegisteredPartition {
            id: known.id,
            partition,
            epoch: known.epoch,
            guards,
        });
    }
    let guards = Guards::default().changed_by(&intent.guards);
    let epoch = intent.seed.unwrap_or_else(new_epoch);
    db.execute(
        "INSERT INTO partition (target, topic, stage, date, epoch, gate, held_back, guards,
           done_generation, done_unknown) VALUES (?1, ?2, ?3, ?4, ?5, 'open', ?6, ?7, 0, 0)",
        params![
            target,
            partition.topic.as_str(),
            partition.stage.kind().as_str(),
            query::date_text(&partition),
            epoch.0,
            intent.hold,
            query::guards_text(&guards)
        ],
    )
    .map_err(failed)?;
    Ok(RegisteredPartition {
        id: PartitionId(db.last_insert_rowid()),
        partition,
        epoch,
        guards,
    })
}

/// A fresh epoch.
pub(super) fn new_epoch() -> Epoch {
    Epoch(rand::random())
}

struct Registrar<'a> {
    db: &'a Connection,
    state_dir: &'a Path,
    run: RunId,
    target: i64,
    newest_known: i64,
}

impl Registrar<'_> {
    fn hold_input(
        &self,
        intent: &InputIntent,
        scope: &[&RegisteredPartition],
    ) -> Result<HeldInput, LedgerError> {
        if intent.known.is_none()
            && let Some(other) = self.registered_meanwhile(intent, scope)?
        {
            return Err(query::busy(self.db, other, &intent.name)?);
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
            return Err(query::busy(self.db, id, &intent.name)?);
        };
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
        self.adopt_after_crash(id)?;
        self.hold(id, intent)?;
        self.refresh(id, intent)?;
        Ok(HeldInput {
            id,
            lock: Some(lock),
        })
    }

    /// The same place, registered by another process after this one had looked.
    fn registered_meanwhile(
        &self,
        intent: &InputIntent,
        scope: &[&RegisteredPartition],
    ) -> Result<Option<InputId>, LedgerError> {
        let place = intent.identity.map(|i| (number(i.device), number(i.inode)));
        for partition in scope {
            let found = self
                .db
                .query_row(
                    "SELECT i.id FROM scope s JOIN input i ON i.id = s.input
                     WHERE s.partition = ?1 AND i.id > ?2 AND i.kind = ?3 AND i.state <> 'dropped'
                       AND ((?4 IS NOT NULL AND i.device = ?4 AND i.inode = ?5)
                            OR (?4 IS NULL AND i.name = ?6))
                     LIMIT 1",
                    params![
                        partition.id.0,
                        self.newest_known,
                        intent.kind.as_str(),
                        place.map(|p| p.0),
                        place.map(|p| p.1),
                        intent.name,
                    ],
                    |row| row.get(0).map(InputId),
                )
                .optional()
                .map_err(|e| LedgerError::database("register an input", e))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
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

    /// Notes who reads the input. A file that was read to its end and has the size that it had
    /// stays read: only batches of it are sent again, or its content is compared. One of another
    /// size, and a stream, have to be read to their end again.
    fn hold(&self, id: InputId, intent: &InputIntent) -> Result<(), LedgerError> {
        self.db
            .execute(
                "UPDATE input SET run = ?2,
                   state = CASE WHEN state = 'read' AND size = ?3 THEN 'read' ELSE 'reading' END
                 WHERE id = ?1",
                params![
                    id.0,
                    self.run.0,
                    intent.identity.map(|identity| number(identity.size))
                ],
            )
            .map_err(|e| LedgerError::database("register an input", e))?;
        Ok(())
    }

    fn require_open(&self, partition: &RegisteredPartition, name: &str) -> Result<(), LedgerError> {
        let gate = query::gate_of(self.db, partition.id)?;
        if matches!(gate, Gate::Open | Gate::Refused) {
            return Ok(());
        }
        Err(LedgerError::Forbidden(format!(
            "{} is already {}, so {name} comes too late (late_input); re-sync the date in the platform's console, then 'byteair-sync ledger reopen'",
            partition.partition,
            gate.as_str()
        )))
    }

    /// An input whose last holder did not end its run: whatever it had intended may have been sent.
    fn adopt_after_crash(&self, id: InputId) -> Result<(), LedgerError> {
        self.db
            .execute(
                "UPDATE batch SET unknown = 1 WHERE state = 'intended' AND first_input = ?1
                   AND partition IN (SELECT partition FROM scope WHERE input = ?1)
                   AND EXISTS (SELECT 1 FROM input WHERE id = ?1 AND run IS NOT NULL)",
                [id.0],
            )
            .map_err(|e| LedgerError::database("take over an input", e))?;
        Ok(())
    }

    fn refresh(&self, id: InputId, intent: &InputIntent) -> Result<(), LedgerError> {
        let identity = intent.identity;
        self.db
            .execute(
                "UPDATE input SET name = ?2, device = ?3, inode = ?4, size = ?5, mtime_ns = ?6,
                   ctime_ns = ?7, verified = ?8 WHERE id = ?1",
                params![
                    id.0,
                    intent.name,
                    identity.map(|i| number(i.device)),
                    identity.map(|i| number(i.inode)),
                    identity.map(|i| number(i.size)),
                    identity.map(|i| i.mtime_ns),
                    identity.map(|i| i.ctime_ns),
                    intent.verified,
                ],
            )
            .map_err(|e| LedgerError::database("register an input", e))?;
        Ok(())
    }
}
