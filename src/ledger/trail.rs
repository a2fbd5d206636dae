//! What the audit trail and the list of runs say of what has to come next. Reads only.

use super::error::LedgerError;
use super::id::PartitionId;
use super::query::unsigned;
use super::reader::LedgerReader;
use rusqlite::{OptionalExtension, params};

impl LedgerReader {
    /// The commands of the newest runs that hold a word, newest first and each once.
    pub fn newest_commands(&self, word: &str, limit: u32) -> Result<Vec<String>, LedgerError> {
        let failed = |e| LedgerError::database("look up the last runs", e);
        let mut statement = self
            .db
            .prepare(
                "SELECT command FROM (SELECT id, command FROM run ORDER BY id DESC LIMIT ?2)
                 WHERE instr(command, ' ' || ?1 || ' ') > 0
                 GROUP BY command ORDER BY max(id) DESC",
            )
            .map_err(failed)?;
        let commands = statement
            .query_map(params![word, limit], |row| row.get(0))
            .map_err(failed)?;
        commands.collect::<Result<_, _>>().map_err(failed)
    }

    /// The command of the last run of a job file.
    pub fn last_job_run(&self) -> Result<Option<String>, LedgerError> {
        self.db
            .query_row(
                "SELECT command FROM run WHERE command LIKE 'byteair-sync run %'
                 ORDER BY id DESC LIMIT 1",
                [],
                |row| row.get(0),
            )
            .optional()
            .map_err(|e| LedgerError::database("look up the last run", e))
    }

    /// Why the platform takes no rows of a date, if that is the last that happened to it.
    pub fn refusal(&self, partition: PartitionId) -> Result<Option<String>, LedgerError> {
        let last = self
            .db
            .query_row(
                "SELECT what, why FROM event WHERE partition = ?1 ORDER BY id DESC LIMIT 1",
                [partition.0],
                |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
            )
            .optional()
            .map_err(|e| LedgerError::database("read the audit trail", e))?;
        Ok(last
            .filter(|(what, _)| what == "stopped" || what == "refused")
            .map(|(_, why)| why))
    }

    /// What was answered to a batch that blocks the `done` of a date; the newest such answer.
    pub fn blocking_answer(&self, partition: PartitionId) -> Result<Option<String>, LedgerError> {
        self.db
            .query_row(
                "SELECT why FROM event WHERE partition = ?1 AND what = 'blocked'
                 ORDER BY id DESC LIMIT 1",
                [partition.0],
                |row| row.get(0),
            )
            .optional()
            .map_err(|e| LedgerError::database("read the audit trail", e))
    }

    /// Rows of a date in batches whose answer does not say what is stored of them.
    pub fn undecided_rows(&self, partition: PartitionId) -> Result<u64, LedgerError> {
        self.db
            .query_row(
                "SELECT coalesce(sum(rows), 0) FROM batch
                 WHERE partition = ?1 AND state IN ('foreign', 'undetermined')",
                [partition.0],
                |row| row.get(0).map(unsigned),
            )
            .map_err(|e| LedgerError::database("count the rows of a date", e))
    }
}
