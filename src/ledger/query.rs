//! What the ledger holds of targets and dates, read back into types. Nothing here writes.

use super::error::LedgerError;
use super::gate::Gate;
use super::id::PartitionId;
use super::known::{KnownPartition, KnownTarget};
use crate::domain::{DataDate, Epoch, Generation, Guards, Partition, Stage, StageKind, Target};
use rusqlite::{Connection, OptionalExtension, Row, params};

pub(super) const fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> LedgerError {
    move |source| LedgerError::database(doing, source)
}

pub(super) fn nonsense(what: impl Into<String>) -> LedgerError {
    LedgerError::Nonsense { what: what.into() }
}

/// A target's row: for a named platform the one of that name, for hosts the one that shares a host.
pub(super) fn find_target(
    db: &Connection,
    target: &Target,
    hosts: &[String],
    same_target: bool,
) -> Result<Option<KnownTarget>, LedgerError> {
    let mut statement = db
        .prepare_cached(
            "SELECT id, platform, hosts FROM target WHERE tenant = ?1 AND application = ?2",
        )
        .map_err(failed("look up the target"))?;
    let rows = statement
        .query_map([target.tenant(), target.application()], |row| {
            Ok((
                row.get(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
            ))
        })
        .map_err(failed("look up the target"))?;
    let named = !hosts.iter().any(|host| host == target.platform());
    let mut sharing = None;
    for row in rows {
        let (id, platform, text) = row.map_err(failed("look up the target"))?;
        let known: Vec<String> =
            serde_json::from_str(&text).map_err(|_| nonsense("a target without hosts"))?;
        let shares = known.iter().any(|host| hosts.contains(host));
        let found = Target::new(target.tenant(), target.application(), &platform)
            .map_err(|_| nonsense(format!("the platform '{platform}'")))?;
        if platform == target.platform() {
            if named && !shares && !same_target {
                return Err(LedgerError::OtherHosts {
                    target: found.to_string(),
                    known: known.join(", "),
                    given: hosts.join(", "),
                });
            }
            return Ok(Some(KnownTarget {
                id,
                target: found,
                hosts: known,
            }));
        }
        if !named && shares {
            sharing = Some(KnownTarget {
                id,
                target: found,
                hosts: known,
            });
        }
    }
    Ok(sharing)
}

const PARTITION_COLUMNS: &str = "p.id, p.topic, p.stage, p.date, p.epoch, p.gate, p.held_back,
    p.guards, p.done_generation, p.done_unknown, p.done_at, p.totals";

fn read_partition(
    row: &Row<'_>,
    target: &Target,
) -> rusqlite::Result<Result<KnownPartition, LedgerError>> {
    let topic: String = row.get(1)?;
    let stage: String = row.get(2)?;
    let date: String = row.get(3)?;
    let gate: String = row.get(5)?;
    let guards: String = row.get(7)?;
    let parsed = || -> Option<(Partition, Gate, Guards)> {
        let kind: StageKind = stage.parse().ok()?;
        let day = match date.as_str() {
            "" => None,
            text => Some(text.parse::<DataDate>().ok()?),
        };
        let partition = Partition {
            target: target.clone(),
            topic: topic.parse().ok()?,
            stage: Stage::new(kind, day).ok()?,
        };
        Some((
            partition,
            Gate::parse(&gate)?,
            serde_json::from_str(&guards).ok()?,
        ))
    };
    let Some((partition, gate, guards)) = parsed() else {
        return Ok(Err(nonsense(format!(
            "the date {topic} {stage} {date} in state {gate}"
        ))));
    };
    Ok(Ok(KnownPartition {
        id: PartitionId(row.get(0)?),
        partition,
        epoch: Epoch(row.get(4)?),
        gate,
        held_back: row.get(6)?,
        guards,
        done_generation: Generation(row.get(8)?),
        done_unknown: row.get(9)?,
        done_at: row.get(10)?,
        totals: row
            .get::<_, Option<String>>(11)?
            .and_then(|text| serde_json::from_str(&text).ok()),
    }))
}

/// A partition's row.
pub(super) fn find_partition(
    db: &Connection,
    target: i64,
    partition: &Partition,
) -> Result<Option<KnownPartition>, LedgerError> {
    db.prepare_cached(&format!(
        "SELECT {PARTITION_COLUMNS} FROM partition p
         WHERE p.target = ?1 AND p.topic = ?2 AND p.stage = ?3 AND p.date = ?4"
    ))
    .and_then(|mut statement| {
        statement
            .query_row(
                params![
                    target,
                    partition.topic.as_str(),
                    partition.stage.kind().as_str(),
                    date_text(partition)
                ],
                |row| read_partition(row, &partition.target),
            )
            .optional()
    })
    .map_err(failed("look up the date"))?
    .transpose()
}

/// A partition's row by its number.
pub(super) fn partition_by_id(
    db: &Connection,
    id: PartitionId,
    target: &Target,
) -> Result<KnownPartition, LedgerError> {
    db.query_row(
        &format!("SELECT {PARTITION_COLUMNS} FROM partition p WHERE p.id = ?1"),
        [id.0],
        |row| read_partition(row, target),
    )
    .map_err(failed("look up the date"))?
}

/// All partitions of a target, by topic, stage and date.
pub(super) fn partitions_of(
    db: &Connection,
    target: &KnownTarget,
) -> Result<Vec<KnownPartition>, LedgerError> {
    let mut statement = db
        .prepare_cached(&format!(
            "SELECT {PARTITION_COLUMNS} FROM partition p WHERE p.target = ?1
             ORDER BY p.topic, p.stage, p.date"
        ))
        .map_err(failed("list the dates"))?;
    let rows = statement
        .query_map([target.id], |row| read_partition(row, &target.target))
        .map_err(failed("list the dates"))?;
    rows.map(|row| row.map_err(failed("list the dates"))?)
        .collect()
}

/// All targets.
pub(super) fn targets(db: &Connection) -> Result<Vec<KnownTarget>, LedgerError> {
    let mut statement = db
        .prepare("SELECT id, tenant, application, platform, hosts FROM target ORDER BY id")
        .map_err(failed("list the targets"))?;
    let rows = statement
        .query_map([], |row| {
            Ok((
                row.get(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
                row.get::<_, String>(4)?,
            ))
        })
        .map_err(failed("list the targets"))?;
    rows.map(|row| {
        let (id, tenant, application, platform, hosts) = row.map_err(failed("list the targets"))?;
        Ok(KnownTarget {
            id,
            target: Target::new(&tenant, &application, &platform)
                .map_err(|_| nonsense(format!("the platform '{platform}'")))?,
            hosts: serde_json::from_str(&hosts).map_err(|_| nonsense("a target without hosts"))?,
        })
    })
    .collect()
}

/// State of a partition's gate.
pub(super) fn gate_of(db: &Connection, id: PartitionId) -> Result<Gate, LedgerError> {
    let word: String = db
        .query_row("SELECT gate FROM partition WHERE id = ?1", [id.0], |row| {
            row.get(0)
        })
        .map_err(failed("look up the date"))?;
    Gate::parse(&word).ok_or_else(|| nonsense(format!("a date in state '{word}'")))
}

/// The date column of a partition: empty when streaming.
pub(super) fn date_text(partition: &Partition) -> String {
    partition
        .date()
        .map(|date| date.to_string())
        .unwrap_or_default()
}

/// The guards column of a partition.
pub(super) fn guards_text(guards: &Guards) -> String {
    serde_json::to_string(guards).unwrap_or_else(|_| "{}".to_owned())
}

/// Counts and positions are never negative in a ledger of ours.
pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
