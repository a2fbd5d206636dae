//! Registration: everything a command is going to read is in the ledger before its first request.
//!
//! One transaction writes the run, the target, the partitions with their guards and all inputs, and
//! takes the lock of every input that has something left to read. From then on an unfinished input
//! blocks the gate of every date in its scope, whatever happens to the process.

use super::departures::Departures;
use super::error::LedgerError;
use super::hold::Registrar;
use super::housekeeping::Restart;
use super::id::{InputId, PartitionId, RunId};
use super::known::InputKind;
use super::lock::HeldLock;
use super::replay::{self, ReplayIntent};
use super::torn_end::TornEnd;
use super::writer::Session;
use super::{meanwhile, query};
use crate::domain::{Epoch, GuardChanges, Guards, InputIdentity, Partition, Target};
use rusqlite::{Connection, params};
use std::path::Path;

/// What a command is about to do.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Whose data it is; as the ledger spells it.
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
    /// Dead letters that the rows of the only input replace.
    pub replay: Option<ReplayIntent>,
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
    /// What the file system or the store says; `None` for streams.
    pub identity: Option<InputIdentity>,
    /// Digest of the options that change rows.
    pub row_options: u128,
    /// Digest of how its rows say their dates, if they do.
    pub date_options: Option<u128>,
    /// How its bytes become a stream, as a JSON object.
    pub read_options: String,
    /// Indices into [`Registration::partitions`].
    pub scope: Vec<usize>,
    /// Whether what the ledger recorded of it was compared, or needs no comparing.
    pub verified: bool,
    /// Whether there is something left to read, to compare or to settle.
    pub unfinished: bool,
    /// Whether nothing is left to read, if the ledger has it read to its end.
    pub stays_read: bool,
    /// Its last row was half written when it was read, and is read again.
    pub torn_end: Option<TornEnd>,
    /// Byte up to which the ledger had it as read when it was looked up; nothing where that is no matter.
    pub read_up_to: Option<u64>,
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
    /// Where its requests are noted before they leave.
    pub departures: Departures,
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
    /// Whether the platform has taken rows of it before, so that its set-up is right.
    pub accepted: bool,
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
    Restart::of(db, run, target, restarted.map(|intent| &intent.partition))?.carry_out(
        db,
        state_dir,
        &wanted.inputs,
    )?;
    let partitions = wanted
        .partitions
        .iter()
        .map(|intent| upsert_partition(db, target, intent))
        .collect::<Result<Vec<_>, _>>()?;
    let meanwhile = meanwhile::registered_since(db, wanted.newest_known)?;
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
                // What has the same content by chance is another input when rows are replaced.
                meanwhile: wanted.replay.is_none().then_some(&meanwhile),
            };
            registrar.hold_input(intent, &scope)
        })
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(intent) = &wanted.replay {
        replay::claim(db, run, &partitions, &inputs, intent)?;
    }
    Ok(Registered {
        run,
        partitions,
        inputs,
        departures: Departures::begin(state_dir, run),
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
            accepted: has_accepted(db, known.id)?,
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
        accepted: false,
    })
}

fn has_accepted(db: &Connection, partition: PartitionId) -> Result<bool, LedgerError> {
    db.query_row(
        "SELECT EXISTS (SELECT 1 FROM batch WHERE partition = ?1 AND accepted + unconfirmed > 0
           AND state IN ('accepted', 'unconfirmed', 'part_refused'))",
        [partition.0],
        |row| row.get(0),
    )
    .map_err(|e| LedgerError::database("register the date", e))
}

/// A fresh epoch.
pub(super) fn new_epoch() -> Epoch {
    Epoch(rand::random())
}
