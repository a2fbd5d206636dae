//! What others did between the look of a command at the ledger and its registration.

use super::error::LedgerError;
use super::hold::Registrar;
use super::id::{InputId, PartitionId};
use super::inputs;
use super::register::{InputIntent, RegisteredPartition};
use super::rejects::number;
use crate::domain::InputIdentity;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashSet;

/// Dates and sizes of the files that were registered since an input was the newest one.
pub(super) fn registered_since(
    db: &Connection,
    newest_known: i64,
) -> Result<HashSet<(PartitionId, i64)>, LedgerError> {
    let failed = |e| LedgerError::database("register an input", e);
    let mut statement = db
        .prepare_cached(
            "SELECT DISTINCT s.partition, i.size FROM input i JOIN scope s ON s.input = i.id
             WHERE i.id > ?1 AND i.size > 0 AND i.state <> 'dropped'",
        )
        .map_err(failed)?;
    let files = statement
        .query_map([newest_known], |row| {
            Ok((PartitionId(row.get(0)?), row.get(1)?))
        })
        .map_err(failed)?;
    files.map(|file| file.map_err(failed)).collect()
}

impl Registrar<'_> {
    /// Fails when another run read on, and died, before this one got the input.
    pub(super) fn require_as_seen(
        &self,
        id: InputId,
        intent: &InputIntent,
    ) -> Result<(), LedgerError> {
        let Some(seen) = intent.read_up_to else {
            return Ok(());
        };
        let last = inputs::last_chunk_of(self.db, id)?;
        if last.map_or(0, |last| last.end()) == seen {
            return Ok(());
        }
        Err(LedgerError::Outdated {
            input: intent.name.clone(),
        })
    }

    /// Whether somebody registered a file of this size for one of these dates after this command had
    /// looked.
    pub(super) fn may_be_a_copy(
        &self,
        intent: &InputIntent,
        scope: &[&RegisteredPartition],
    ) -> bool {
        let (Some(identity), Some(files)) = (&intent.identity, self.meanwhile) else {
            return false;
        };
        let size = number(identity.size());
        scope.iter().any(|date| files.contains(&(date.id, size)))
    }

    /// The same place, registered by another process after this one had looked.
    pub(super) fn registered_meanwhile(
        &self,
        intent: &InputIntent,
        scope: &[&RegisteredPartition],
    ) -> Result<Option<InputId>, LedgerError> {
        // There may be thousands of files, so each is looked for by its place and not in a list.
        let place = intent.identity.as_ref().and_then(InputIdentity::place);
        let (by, first, second) = match place {
            Some((device, inode)) => (
                "i.device = ?3 AND i.inode = ?4",
                number(device).into(),
                number(inode).into(),
            ),
            None => (
                "i.device IS NULL AND i.inode IS ?4 AND i.name = ?3",
                rusqlite::types::Value::from(intent.name.clone()),
                rusqlite::types::Value::Null,
            ),
        };
        for partition in scope {
            let found = self
                .db
                .prepare_cached(&format!(
                    "SELECT i.id FROM input i WHERE {by} AND i.id > ?2 AND i.state <> 'dropped'
                       AND EXISTS (SELECT 1 FROM scope s
                                   WHERE s.input = i.id AND s.partition = ?1)
                     LIMIT 1"
                ))
                .and_then(|mut statement| {
                    statement
                        .query_row(
                            params![partition.id.0, self.newest_known, first, second],
                            |row| row.get(0).map(InputId),
                        )
                        .optional()
                })
                .map_err(|e| LedgerError::database("register an input", e))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}
