//! How far things went that are sent in order, one after the other, and belong to no date: the events of a
//! metadata file. One row holds all of it, so it does not grow with what was sent.

use super::audit::record_event;
use super::error::LedgerError;
use super::id::PartitionId;
use super::rejects::number;
use super::{Ledger, LedgerReader, Pending};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// How far something went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Records of it that are settled, from the first on.
    pub records: u64,
    /// Digest (XXH3, 128 bits) of these records.
    pub digest: u128,
    /// How many of them were rejected.
    pub rejected: u64,
    /// Whether what follows may have been sent already, with an outcome that nobody knows.
    pub in_doubt: bool,
}

impl Ledger {
    /// How far a thing went; `None` when nothing of it is known.
    pub fn delivery(&self, kind: &'static str, key: String) -> Pending<Option<Delivery>> {
        self.writer
            .submit(move |session| read(session.db, kind, &key))
    }

    /// Records how far a thing went.
    pub fn deliver(&self, kind: &'static str, key: String, delivery: Delivery) -> Pending<()> {
        self.writer
            .submit(move |session| write(session.db, kind, &key, delivery))
    }

    /// Records that things of a date are given up, and says so in its audit trail.
    pub fn give_up(
        &self,
        kind: &'static str,
        things: Vec<(String, Delivery)>,
        date: PartitionId,
    ) -> Pending<()> {
        self.writer.submit(move |session| {
            for (key, delivery) in &things {
                write(session.db, kind, key, *delivery)?;
                record_event(session.db, Some(date), None, "event_dropped", key)?;
            }
            Ok(())
        })
    }
}

impl LedgerReader {
    /// All things of a kind, each with its key.
    pub fn deliveries(&self, kind: &str) -> Result<Vec<(String, Delivery)>, LedgerError> {
        let failed = |error| LedgerError::database("list deliveries", error);
        let query = "SELECT records, digest, rejected, in_doubt, key FROM delivery WHERE kind = ?1";
        let mut statement = self.db.prepare(query).map_err(failed)?;
        let rows = statement.query_map([kind], |row| Ok((row.get(4)?, delivery(row)?)));
        rows.map_err(failed)?
            .collect::<Result<_, _>>()
            .map_err(failed)
    }
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let count = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
    Ok(Delivery {
        records: count(0)?,
        digest: u128::from_be_bytes(row.get(1)?),
        rejected: count(2)?,
        in_doubt: row.get(3)?,
    })
}

fn read(db: &Connection, kind: &str, key: &str) -> Result<Option<Delivery>, LedgerError> {
    let query =
        "SELECT records, digest, rejected, in_doubt FROM delivery WHERE kind = ?1 AND key = ?2";
    db.query_row(query, [kind, key], delivery)
        .optional()
        .map_err(|error| LedgerError::database("look up a delivery", error))
}

fn write(db: &Connection, kind: &str, key: &str, it: Delivery) -> Result<(), LedgerError> {
    let statement = "INSERT INTO delivery (kind, key, records, digest, rejected, in_doubt)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (kind, key) DO UPDATE SET records = ?3, digest = ?4, rejected = ?5, in_doubt = ?6";
    let values = params![
        kind,
        key,
        number(it.records),
        it.digest.to_be_bytes(),
        number(it.rejected),
        it.in_doubt
    ];
    db.execute(statement, values)
        .map(drop)
        .map_err(|error| LedgerError::database("record a delivery", error))
}
