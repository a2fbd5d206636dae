//! Open dead letters by the input that they came from: what `rejects export` writes out and
//! `rejects replay` replaces. Reads only.

use super::error::LedgerError;
use super::id::{InputId, PartitionId};
use super::query::unsigned;
use super::reader::{LedgerReader, RejectRow};
use super::rejects::CONCERNING;
use rusqlite::{OptionalExtension, params};

/// The open dead letters of one input.
#[derive(Debug, Clone)]
pub struct OpenRejects {
    /// The input.
    pub input: InputId,
    /// Its path, or the name of a stream.
    pub name: String,
    /// Digest of the options that change rows, with which it was read.
    pub row_options: u128,
    /// How many there are.
    pub count: u64,
}

/// What a file of corrected rows would replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayable {
    /// Open dead letters of the date that no file replaces yet.
    pub open: u64,
    /// Of the open ones those whose row says no date although its input has rows of several.
    pub undated: u64,
}

/// Whether nothing of an input `i` was stored and nothing else replaces its rows: all that was read
/// of it are open dead letters.
const ALL_REJECTED: &str = "i.state = 'read'
  AND EXISTS (SELECT 1 FROM chunk c WHERE c.input = i.id AND c.records > 0)
  AND (SELECT count(*) FROM reject o
       WHERE o.input = i.id AND o.state = 'open' AND o.replayed_by IS NULL)
    = (SELECT sum(c.records) FROM chunk c WHERE c.input = i.id)";

/// A file of corrected rows that is not sent to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacing {
    /// Its path.
    pub file: String,
    /// Dead letters of the date that wait for it.
    pub rows: u64,
    /// The day that its rows go to, which need not be the one that the dead letters lie with; none
    /// when streaming.
    pub date: Option<String>,
}

impl LedgerReader {
    /// A file that has begun to replace open dead letters of a date, and how many of them.
    pub fn being_replaced(&self, partition: PartitionId) -> Result<Option<Replacing>, LedgerError> {
        self.db
            .query_row(
                &format!(
                    "SELECT f.name, count(*),
                       (SELECT min(p.date) FROM scope s JOIN partition p ON p.id = s.partition
                        WHERE s.input = f.id)
                     FROM reject r JOIN input f ON f.id = r.replayed_by
                     WHERE {CONCERNING} AND r.state = 'open' AND f.state <> 'dropped'
                     GROUP BY f.id ORDER BY f.id DESC LIMIT 1"
                ),
                [partition.0],
                |row| {
                    Ok(Replacing {
                        file: row.get(0)?,
                        rows: unsigned(row.get(1)?),
                        date: row.get(2)?,
                    })
                },
            )
            .optional()
            .map_err(failed)
    }

    /// The inputs with open dead letters of a date, in order of the inputs.
    pub fn open_rejects(&self, partition: PartitionId) -> Result<Vec<OpenRejects>, LedgerError> {
        let mut statement = self
            .db
            .prepare_cached(&format!(
                "SELECT i.id, i.name, i.row_options, count(*) FROM reject r
                       JOIN input i ON i.id = r.input
                     WHERE {CONCERNING} AND r.state = 'open' AND r.blocks <> 'nothing'
                     GROUP BY i.id ORDER BY i.id"
            ))
            .map_err(failed)?;
        let rows = statement
            .query_map([partition.0], |row| {
                Ok(OpenRejects {
                    input: InputId(row.get(0)?),
                    name: row.get(1)?,
                    row_options: u128::from_be_bytes(row.get(2)?),
                    count: unsigned(row.get(3)?),
                })
            })
            .map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    /// Open dead letters that came from an input, in order of its records, at most `limit` of them
    /// after `after`.
    pub fn open_rejects_of(
        &self,
        partition: PartitionId,
        input: InputId,
        after: Option<&RejectRow>,
        limit: u32,
    ) -> Result<Vec<RejectRow>, LedgerError> {
        let (record, id) = after.map_or((-1, -1), |row| {
            (i64::try_from(row.record).unwrap_or(i64::MAX), row.id)
        });
        self.read_rejects(
            &format!(
                "{CONCERNING} AND r.input = ?2 AND r.state = 'open' AND r.blocks <> 'nothing'
                   AND (r.record, r.id) > (?3, ?4) ORDER BY r.record, r.id LIMIT ?5"
            ),
            params![partition.0, input.0, record, id, limit],
        )
    }

    /// What a file of corrected rows would replace.
    pub fn replayable(&self, partition: PartitionId) -> Result<Replayable, LedgerError> {
        self.db
            .query_row(
                &format!(
                    "SELECT
                       count(*) FILTER (WHERE replayed_by IS NULL),
                       count(*) FILTER (WHERE replayed_by IS NULL AND r.blocks = 'scope'
                         AND (SELECT count(*) FROM scope s WHERE s.input = r.input) > 1)
                     FROM reject r WHERE {CONCERNING} AND state = 'open' AND blocks <> 'nothing'"
                ),
                [partition.0],
                |row| {
                    Ok(Replayable {
                        open: unsigned(row.get(0)?),
                        undated: unsigned(row.get(1)?),
                    })
                },
            )
            .map_err(failed)
    }

    /// Whether a dead letter is an open one that counts for a date.
    pub fn is_open_reject(&self, partition: PartitionId, letter: i64) -> Result<bool, LedgerError> {
        let open = format!(
            "SELECT EXISTS (SELECT 1 FROM reject r
                            WHERE {CONCERNING} AND r.id = ?2 AND r.state = 'open'
                              AND r.blocks <> 'nothing')"
        );
        self.db
            .query_row(&open, params![partition.0, letter], |row| row.get(0))
            .map_err(failed)
    }

    /// Whether an input was read to its end and every row of it is an open dead letter that nothing
    /// replaces yet, so that sending it again stores nothing twice.
    pub fn is_all_rejected(&self, input: InputId) -> Result<bool, LedgerError> {
        self.exists(
            &format!("SELECT 1 FROM input i WHERE i.id = ?1 AND {ALL_REJECTED}"),
            input,
        )
    }

    /// Whether an input was given to replace dead letters.
    pub fn replaces_rejects(&self, input: InputId) -> Result<bool, LedgerError> {
        self.exists("SELECT 1 FROM reject WHERE replayed_by = ?1", input)
    }

    fn exists(&self, select: &str, input: InputId) -> Result<bool, LedgerError> {
        self.db
            .query_row(&format!("SELECT EXISTS ({select})"), [input.0], |row| {
                row.get(0)
            })
            .map_err(failed)
    }
}

fn failed(source: rusqlite::Error) -> LedgerError {
    LedgerError::database("list the open dead letters", source)
}
