//! What the audit trail and the list of runs say of what has to come next. Reads only.

use super::error::LedgerError;
use super::id::PartitionId;
use super::reader::LedgerReader;
use rusqlite::OptionalExtension;

impl LedgerReader {
    /// The command of the run that last held an unfinished input of a date.
    pub fn last_command(&self, partition: PartitionId) -> Result<Option<String>, LedgerError> {
        self.db
            .query_row(
                "SELECT r.command FROM scope s JOIN input i ON i.id = s.input
                   JOIN run r ON r.id = i.run
                 WHERE s.partition = ?1 AND i.state <> 'dropped' ORDER BY r.id DESC LIMIT 1",
                [partition.0],
                |row| row.get(0),
            )
            .optional()
            .map_err(|e| LedgerError::database("look up the last run", e))
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
}
