//! What the ledger holds, read back into types. Nothing here writes.

use super::error::LedgerError;
use super::gate::{Gate, RowCounts};
use super::id::{BatchId, InputId, PartitionId, RunId};
use crate::domain::{
    DataDate, Epoch, FileIdentity, Generation, Guards, Partition, RawRange, Stage, StageKind,
    Target,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Where an input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputKind {
    /// A file on this machine.
    File,
    /// Standard input, spooled.
    Stdin,
}

impl InputKind {
    /// The word in the ledger.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Stdin => "stdin",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::File, Self::Stdin]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// A target's row.
#[derive(Debug, Clone)]
pub struct KnownTarget {
    /// Its number.
    pub id: i64,
    /// As the ledger spells it.
    pub target: Target,
    /// Its hosts.
    pub hosts: Vec<String>,
}

/// A partition's row.
#[derive(Debug, Clone)]
pub struct KnownPartition {
    /// Its number.
    pub id: PartitionId,
    /// Which it is.
    pub partition: Partition,
    /// Its epoch.
    pub epoch: Epoch,
    /// State of its gate.
    pub gate: Gate,
    /// Whether `done` is held back.
    pub held_back: bool,
    /// Its guards.
    pub guards: Guards,
    /// Generation of the `done` request.
    pub done_generation: Generation,
    /// Whether an attempt of `done` has an unknown outcome.
    pub done_unknown: bool,
    /// When `done` was acknowledged, seconds since 1970.
    pub done_at: Option<i64>,
    /// Row counts at the time of sealing.
    pub totals: Option<RowCounts>,
}

/// An input's row.
#[derive(Debug, Clone)]
pub struct KnownInput {
    /// Its number.
    pub id: InputId,
    /// Where it comes from.
    pub kind: InputKind,
    /// Path or stream name.
    pub name: String,
    /// What the file system said when it was read.
    pub identity: Option<FileIdentity>,
    /// Digest of the options that change rows.
    pub row_options: u128,
    /// Whether it was read to its end.
    pub read_to_end: bool,
    /// Whether batches of it are not settled.
    pub unsettled: bool,
    /// Whether it was compared with what was recorded.
    pub verified: bool,
}

impl KnownInput {
    /// Whether nothing is left to do for it.
    pub const fn is_finished(&self) -> bool {
        self.read_to_end && !self.unsettled && self.verified
    }
}

/// A batch that was intended and is not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntendedBatch {
    /// Its number.
    pub id: BatchId,
    /// Its generation.
    pub generation: Generation,
    /// Whether an attempt has an unknown outcome.
    pub unknown: bool,
    /// Its rows.
    pub rows: u32,
    /// Digest of its uncompressed body.
    pub digest: u128,
    /// Where its rows come from, in order.
    pub pieces: Vec<Piece>,
}

/// Rows of one input in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The input.
    pub input: InputId,
    /// Ordinal of the first record.
    pub first_record: u64,
    /// Ordinal of the last record.
    pub last_record: u64,
    /// Rows among them that belong to the batch.
    pub rows: u32,
}

const fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> LedgerError {
    move |source| LedgerError::database(doing, source)
}

fn nonsense(what: impl Into<String>) -> LedgerError {
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

/// Inputs of a partition that were not dropped.
pub(super) fn inputs_of(
    db: &Connection,
    partition: PartitionId,
) -> Result<Vec<KnownInput>, LedgerError> {
    let doing = "look up the inputs";
    let mut statement = db
        .prepare_cached(
            "SELECT i.id, i.kind, i.name, i.device, i.inode, i.size, i.mtime_ns, i.ctime_ns,
               i.row_options, i.state, i.verified,
               EXISTS (SELECT 1 FROM batch b WHERE b.first_input = i.id AND b.state = 'intended')
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
    let identity = match row.get::<_, Option<i64>>(3)? {
        None => None,
        Some(device) => Some(FileIdentity {
            device: unsigned(device),
            inode: unsigned(row.get(4)?),
            size: unsigned(row.get(5)?),
            mtime_ns: row.get(6)?,
            ctime_ns: row.get(7)?,
        }),
    };
    Ok(Ok(KnownInput {
        id: InputId(row.get(0)?),
        kind,
        name: row.get(2)?,
        identity,
        row_options: u128::from_be_bytes(row.get(8)?),
        read_to_end: row.get::<_, String>(9)? == "read",
        verified: row.get(10)?,
        unsettled: row.get(11)?,
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
                unknown: row.get(2)?,
                rows,
                digest: u128::from_be_bytes(row.get(4)?),
                pieces: vec![Piece {
                    input,
                    first_record: unsigned(row.get(5)?),
                    last_record: unsigned(row.get(6)?),
                    rows,
                }],
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
        batches.push(batch);
    }
    Ok(batches)
}

fn pieces_of(db: &Connection, batch: BatchId) -> Result<Vec<Piece>, LedgerError> {
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

/// Number of the newest input; 0 when there is none.
pub(super) fn newest_input(db: &Connection) -> Result<i64, LedgerError> {
    db.query_row("SELECT coalesce(max(id), 0) FROM input", [], |row| {
        row.get(0)
    })
    .map_err(failed("look up the inputs"))
}

/// The run that holds an input and has not ended, whether its process lives or not.
pub(super) fn run_of(db: &Connection, input: InputId) -> Result<Option<RunId>, LedgerError> {
    db.query_row(
        "SELECT r.id FROM input i JOIN run r ON r.id = i.run WHERE i.id = ?1 AND r.ended IS NULL",
        [input.0],
        |row| row.get(0).map(RunId),
    )
    .optional()
    .map_err(failed("look up a run"))
}

/// The run that holds an input, for people.
pub(super) fn holder_of(db: &Connection, input: InputId) -> Result<String, LedgerError> {
    let holder = db
        .query_row(
            "SELECT r.pid, r.host, datetime(r.started, 'unixepoch')
             FROM input i JOIN run r ON r.id = i.run WHERE i.id = ?1 AND r.ended IS NULL",
            [input.0],
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
    Ok(holder.unwrap_or_default())
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
