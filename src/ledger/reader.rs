//! The reading side: a connection of its own that never blocks the writer and never changes
//! anything.

use super::error::{LedgerError, in_file};
use super::gate::{Gate, GateFacts, RowCounts};
use super::id::{InputId, PartitionId};
use super::known::{IntendedBatch, KnownInput, KnownPartition, KnownTarget};
use super::query::unsigned;
use super::rejects::CONCERNING;
use super::{LEDGER_FILE, facts, inputs, lock, query, schema, seal, torn_end};
use crate::domain::{Partition, Position, RawRange, Target};
use rusqlite::{Connection, params};
use std::collections::HashMap;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What to do about rows that were rejected and are kept nowhere any more.
const LOST_REJECTS: &str = "; restore it from a backup, or correct the rows where they come from ('rejects list' has file and line) and give these up with 'rejects waive'";

/// The ledger as it was when each question was asked.
pub struct LedgerReader {
    pub(super) db: Connection,
    state_dir: PathBuf,
}

/// A dead letter with its place and reason.
#[derive(Debug, Clone, serde::Serialize)]
pub struct RejectRow {
    /// Its number, for `rejects show`.
    pub id: i64,
    /// File or stream.
    pub file: String,
    /// Line, from 1.
    pub line: u64,
    /// Byte at which the row starts, in the decompressed input.
    pub byte_offset: u64,
    /// Record, from 1.
    pub record: u64,
    /// The column at fault, when one is.
    pub column: Option<String>,
    /// Machine-readable reason.
    pub code: String,
    /// Reason for people.
    pub message: String,
    /// `local` or `server`.
    pub source: String,
    /// The request under which the platform refused it.
    pub request_id: Option<String>,
    /// `open`, `replayed` or `waived`.
    pub state: String,
    /// The file whose rows take its place: all of them are in when it is `replayed`.
    pub replayed_by: Option<String>,
    #[serde(skip)]
    place: (PartitionId, u64, u64),
}

impl RejectRow {
    /// The date that it belongs to.
    pub const fn partition(&self) -> PartitionId {
        self.place.0
    }
}

/// Which dead letters are those of a date. They differ for rows whose own date is not known: such a
/// row lies with one of the dates that it may be of, and counts for all of them.
#[derive(Debug, Clone, Copy)]
pub enum RejectsOf {
    /// Those that lie with it: of several dates together each is one of one.
    LyingWith(PartitionId),
    /// Those that count for it as well.
    CountingFor(PartitionId),
}

impl RejectsOf {
    /// A condition on dead letters `r`, and what its ?1 is.
    const fn condition(self) -> (&'static str, PartitionId) {
        match self {
            Self::LyingWith(date) => ("r.partition = ?1", date),
            Self::CountingFor(date) => (CONCERNING, date),
        }
    }
}

/// Dead letters of a date that share a reason.
#[derive(Debug, Clone)]
pub struct RejectSummary {
    /// Machine-readable reason.
    pub code: String,
    /// The field at fault, where one is.
    pub column: Option<String>,
    /// Reason of the first one.
    pub message: String,
    /// How many.
    pub count: u64,
    /// File and line of the first one.
    pub first: (String, u64),
}

impl LedgerReader {
    /// Opens the ledger of a state directory; `None` when there is none yet.
    pub fn open(state_dir: &Path) -> Result<Option<Self>, LedgerError> {
        let path = state_dir.join(LEDGER_FILE);
        if schema::is_older(&path)? {
            let _opening = lock::wait_for_lock(state_dir, "opening")?;
            drop(schema::open_for_writing(&path)?);
        }
        let db = schema::open_for_reading(&path)?;
        Ok(db.map(|db| Self {
            db,
            state_dir: state_dir.to_owned(),
        }))
    }

    /// How the ledger spells a target that it knows.
    pub fn find_target(
        &self,
        target: &Target,
        hosts: &[String],
        same_target: bool,
    ) -> Result<Option<KnownTarget>, LedgerError> {
        query::find_target(&self.db, target, hosts, same_target)
    }

    /// All targets.
    pub fn targets(&self) -> Result<Vec<KnownTarget>, LedgerError> {
        query::targets(&self.db)
    }

    /// A date, when the ledger knows it.
    pub fn partition(
        &self,
        target: &KnownTarget,
        partition: &Partition,
    ) -> Result<Option<KnownPartition>, LedgerError> {
        query::find_partition(&self.db, target.id, partition)
    }

    /// All dates of a target by topic, stage and date.
    pub fn partitions(&self, target: &KnownTarget) -> Result<Vec<KnownPartition>, LedgerError> {
        query::partitions_of(&self.db, target)
    }

    /// State of a date's gate.
    pub fn gate(&self, partition: PartitionId) -> Result<Gate, LedgerError> {
        query::gate_of(&self.db, partition)
    }

    /// Whether a run that is alive holds an input at this moment.
    pub fn is_held(&self, input: InputId) -> Result<bool, LedgerError> {
        Ok(lock::try_lock(&self.state_dir, &lock::of_input(input))?.is_none())
    }

    /// Inputs of a date that were not dropped.
    pub fn inputs(&self, partition: PartitionId) -> Result<Vec<KnownInput>, LedgerError> {
        inputs::inputs_of(&self.db, partition)
    }

    /// The dates that an input may hold rows of.
    pub fn dates_of(&self, input: InputId) -> Result<Vec<PartitionId>, LedgerError> {
        inputs::dates_of(&self.db, input)
    }

    /// Whether a person opened the gate of a date by hand, and nobody reopened it since.
    pub fn was_forced(&self, partition: PartitionId) -> Result<bool, LedgerError> {
        seal::was_forced(&self.db, partition)
    }

    /// Rows of a date in batches of which nobody knows that they are settled, by input.
    pub fn unsettled_rows(
        &self,
        partition: PartitionId,
    ) -> Result<HashMap<InputId, u64>, LedgerError> {
        inputs::unsettled_rows(&self.db, partition)
    }

    /// What was recorded of an input, in order.
    pub fn chunks(&self, input: InputId) -> Result<Vec<RawRange>, LedgerError> {
        inputs::chunks_of(&self.db, input)
    }

    /// The first recorded stretch of an input.
    pub fn first_chunk(&self, input: InputId) -> Result<Option<RawRange>, LedgerError> {
        inputs::first_chunk_of(&self.db, input)
    }

    /// The last recorded stretch of an input.
    pub fn last_chunk(&self, input: InputId) -> Result<Option<RawRange>, LedgerError> {
        inputs::last_chunk_of(&self.db, input)
    }

    /// Where a record begins that was rejected before sending, if it is an open dead letter.
    pub fn unsent_row(&self, input: InputId, record: u64) -> Result<Option<Position>, LedgerError> {
        torn_end::unsent_row(&self.db, input, record)
    }

    /// The unfinished batches of a date that begin in an input.
    pub fn intended_batches(
        &self,
        partition: PartitionId,
        input: InputId,
    ) -> Result<Vec<IntendedBatch>, LedgerError> {
        inputs::intended_batches(&self.db, partition, input)
    }

    /// Number of the newest input; 0 when there is none.
    pub fn newest_input(&self) -> Result<i64, LedgerError> {
        inputs::newest_input(&self.db)
    }

    /// All that the gate of a date looks at.
    pub fn gate_facts(
        &self,
        known: &KnownPartition,
        day_over: bool,
    ) -> Result<GateFacts, LedgerError> {
        facts::count(&self.db, known, day_over, None)
    }

    /// The same without comparing the books: for showing, not for deciding.
    pub fn gate_outline(
        &self,
        known: &KnownPartition,
        day_over: bool,
    ) -> Result<GateFacts, LedgerError> {
        facts::outline(&self.db, known, day_over)
    }

    /// Row counts of a date.
    pub fn rows(&self, known: &KnownPartition) -> Result<RowCounts, LedgerError> {
        match known.totals {
            Some(totals) if known.gate.is_done() => Ok(totals),
            _ => facts::rows(&self.db, known.id),
        }
    }

    /// Batches of a date, split ones not counted.
    pub fn batch_count(&self, partition: PartitionId) -> Result<u64, LedgerError> {
        self.db
            .query_row(
                "SELECT count(*) FROM batch WHERE partition = ?1 AND state <> 'split'",
                [partition.0],
                |row| row.get(0).map(unsigned),
            )
            .map_err(|e| LedgerError::database("count the batches", e))
    }

    /// Open dead letters of a date grouped by reason and field, most frequent first. Names of fields come
    /// from rows and can be endless; the rarest are left out then.
    pub fn reject_groups(&self, partition: PartitionId) -> Result<Vec<RejectSummary>, LedgerError> {
        let failed = |e| LedgerError::database("list the dead letters", e);
        let mut statement = self
            .db
            .prepare_cached(
                "SELECT r.code, r.column_name, r.message, g.n, i.name, r.line FROM
                   (SELECT min(id) AS first, count(*) AS n FROM reject
                    WHERE partition = ?1 AND state = 'open' GROUP BY code, column_name) g
                 JOIN reject r ON r.id = g.first JOIN input i ON i.id = r.input
                 ORDER BY g.n DESC, r.code, r.column_name LIMIT 1000",
            )
            .map_err(failed)?;
        let rows = statement
            .query_map([partition.0], |row| {
                Ok(RejectSummary {
                    code: row.get(0)?,
                    column: row.get(1)?,
                    message: row.get(2)?,
                    count: unsigned(row.get(3)?),
                    first: (row.get(4)?, unsigned(row.get(5)?)),
                })
            })
            .map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    /// How many dead letters a date has, in any state.
    pub fn reject_count(&self, of: RejectsOf) -> Result<u64, LedgerError> {
        let (condition, date) = of.condition();
        self.db
            .query_row(
                &format!("SELECT count(*) FROM reject r WHERE {condition}"),
                [date.0],
                |row| row.get(0).map(unsigned),
            )
            .map_err(|e| LedgerError::database("count the dead letters", e))
    }

    /// The audit trail of a date, oldest first, in words.
    pub fn events(&self, partition: PartitionId) -> Result<Vec<String>, LedgerError> {
        let failed = |e| LedgerError::database("read the audit trail", e);
        let mut statement = self
            .db
            .prepare_cached(
                "SELECT datetime(at, 'unixepoch'), what, why FROM event
                 WHERE partition = ?1 ORDER BY id",
            )
            .map_err(failed)?;
        let rows = statement
            .query_map([partition.0], |row| {
                Ok(format!(
                    "{} UTC {} {}",
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, String>(2)?
                )
                .trim_end()
                .to_owned())
            })
            .map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    /// Dead letters of a date in the order in which they were recorded, at most `limit` of them after
    /// the one with number `after`.
    pub fn rejects(
        &self,
        of: RejectsOf,
        after: i64,
        limit: u32,
    ) -> Result<Vec<RejectRow>, LedgerError> {
        let (condition, date) = of.condition();
        self.read_rejects(
            &format!("{condition} AND r.id > ?2 ORDER BY r.id LIMIT ?3"),
            params![date.0, after, limit],
        )
    }

    /// One dead letter by its number.
    pub fn reject(&self, id: i64) -> Result<Option<RejectRow>, LedgerError> {
        let found = self.read_rejects("r.id = ?1", params![id])?;
        Ok(found.into_iter().next())
    }

    /// The dead letters that a condition selects, with the order in it.
    pub(super) fn read_rejects(
        &self,
        condition: &str,
        parameters: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<RejectRow>, LedgerError> {
        let failed = |e| LedgerError::database("list the dead letters", e);
        let mut statement = self
            .db
            .prepare_cached(&format!(
                "SELECT r.id, i.name, r.line, r.byte_offset, r.record, r.column_name, r.code,
                   r.message, r.source, r.request_id, r.state, r.partition, r.file_offset,
                   r.file_length, f.name
                 FROM reject r JOIN input i ON i.id = r.input
                   LEFT JOIN input f ON f.id = r.replayed_by
                 WHERE {condition}"
            ))
            .map_err(failed)?;
        let rows = statement
            .query_map(parameters, |row| {
                Ok(RejectRow {
                    id: row.get(0)?,
                    file: row.get(1)?,
                    line: unsigned(row.get(2)?),
                    byte_offset: unsigned(row.get(3)?),
                    record: unsigned(row.get(4)?),
                    column: row.get(5)?,
                    code: row.get(6)?,
                    message: row.get(7)?,
                    source: row.get(8)?,
                    request_id: row.get(9)?,
                    state: row.get(10)?,
                    replayed_by: row.get(14)?,
                    place: (
                        PartitionId(row.get(11)?),
                        unsigned(row.get(12)?),
                        unsigned(row.get(13)?),
                    ),
                })
            })
            .map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    /// The line of a dead letter in its file: a JSON object with the raw row.
    pub fn raw_line(&self, reject: &RejectRow) -> Result<Vec<u8>, LedgerError> {
        let (partition, offset, length) = reject.place;
        let file = format!("{}.jsonl", partition.0);
        let path = self.state_dir.join("rejects").join(file);
        let failed = in_file("read the dead letters in", &path);
        let doing = |error: std::io::Error| {
            let is_lost = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof);
            let mut failure = failed(error);
            if let (true, LedgerError::Io { advice, .. }) = (is_lost, &mut failure) {
                *advice = LOST_REJECTS;
            }
            failure
        };
        let file = File::open(&path).map_err(doing)?;
        let mut line = vec![0; usize::try_from(length).unwrap_or(0)];
        file.read_exact_at(&mut line, offset).map_err(doing)?;
        Ok(line)
    }
}
