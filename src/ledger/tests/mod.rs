//! What the ledger promises, tested at its public face and looked at with a second connection.
//!
//! [`Desk`] is one state directory with a date and an input; each file here tests one subject.

mod ends;
mod file;
mod housekeeping;
mod lifecycle;
mod model;
mod refused;
mod register;
mod rejects;
mod replay;
mod sealing;
mod settled;
mod several_dates;
mod two_ledgers;
mod writer;

use super::*;
use crate::domain::{
    FileIdentity, GuardChanges, InputIdentity, Position, RawRange, RequestId, Stage, StageKind,
    done_request_id,
};
use rusqlite::Connection;
use tempfile::TempDir;

/// A state directory, its ledger, and a run that registered one date with one input.
struct Desk {
    dir: TempDir,
    ledger: Ledger,
    run: RunId,
    row: RegisteredPartition,
    input: HeldInput,
    departures: Departures,
    /// Where reading has come to: record, byte.
    at: (u64, u64),
}

impl Desk {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// A desk whose registration differs from the plain one.
    fn with(change: impl FnOnce(&mut Registration)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(&dir);
        let mut wanted = registration(&["2022-01-01"], &[new_input("a.jsonl", 1)]);
        change(&mut wanted);
        let mut registered = ledger.register(wanted).committed_blocking().unwrap();
        Self {
            dir,
            ledger,
            run: registered.run,
            row: registered.partitions.remove(0),
            input: registered.inputs.remove(0),
            departures: registered.departures,
            at: (1, 0),
        }
    }

    /// An intention of the next rows of the input, as one batch.
    fn next_intention(&mut self, rows: u32) -> Intention {
        let (record, offset) = self.at;
        let range = range_at(record, offset, u64::from(rows));
        self.at = (record + u64::from(rows), range.end());
        Intention {
            partition_id: self.row.id,
            partition: self.row.partition.clone(),
            chunks: vec![(self.input.id, range, 0)],
            batch: Some(batch_of(self.input.id, record, rows)),
            rejects: Vec::new(),
            finished: Vec::new(),
        }
    }

    /// Reads rows and intends a batch of them.
    fn intend(&mut self, rows: u32) -> BatchId {
        let intention = self.next_intention(rows);
        let intended = self.ledger.intend(intention).committed_blocking();
        intended.unwrap().unwrap()
    }

    /// A batch that has an attempt of unknown outcome.
    fn intend_unknown(&mut self, rows: u32) -> BatchId {
        let batch = self.intend(rows);
        let noted = self.ledger.note_unknown(batch).committed_blocking();
        noted.unwrap();
        batch
    }

    /// The end of the input.
    fn finish(&self) {
        let intention = Intention {
            partition_id: self.row.id,
            partition: self.row.partition.clone(),
            chunks: Vec::new(),
            batch: None,
            rejects: Vec::new(),
            finished: vec![self.input.id],
        };
        self.ledger.intend(intention).committed_blocking().unwrap();
    }

    fn settle(&self, batch: BatchId, settlement: Settlement) -> Result<(), LedgerError> {
        self.ledger
            .settle(batch, self.row.id, self.row.partition.clone(), settlement)
            .committed_blocking()
    }

    /// Reads, sends and settles one batch, and reaches the end of the input.
    fn upload_all(&mut self, rows: u32) {
        let batch = self.intend(rows);
        self.settle(batch, Settlement::Accepted).unwrap();
        self.finish();
    }

    fn split(&self, batch: BatchId, first: u64, rows: [u32; 2]) -> [BatchId; 2] {
        self.try_split(batch, first, rows).unwrap()
    }

    fn try_split(
        &self,
        batch: BatchId,
        first: u64,
        rows: [u32; 2],
    ) -> Result<[BatchId; 2], LedgerError> {
        let halves = [
            batch_of(self.input.id, first, rows[0]),
            batch_of(self.input.id, first + u64::from(rows[0]), rows[1]),
        ];
        self.ledger
            .split(batch, self.row.id, halves)
            .committed_blocking()
    }

    fn seal(&self) -> SealOutcome {
        self.seal_as(|_| {})
    }

    fn seal_as(&self, change: impl FnOnce(&mut SealRequest)) -> SealOutcome {
        let mut request = SealRequest {
            partition: self.row.id,
            run: self.run,
            day_over: true,
            release_hold: false,
            force: false,
            compared: true,
        };
        change(&mut request);
        self.ledger
            .seal(target(), request)
            .committed_blocking()
            .unwrap()
    }

    /// The sealed date; fails when something is missing.
    fn sealed(&self) -> SealedPartition {
        match self.seal() {
            SealOutcome::Sealed(sealed) => *sealed,
            other => panic!("not sealed: {other:?}"),
        }
    }

    /// What is missing; fails when the gate opens.
    fn missing(&self) -> Vec<Unmet> {
        match self.seal() {
            SealOutcome::Withheld(missing) => missing,
            other => panic!("not withheld: {other:?}"),
        }
    }

    fn settle_done(
        &self,
        sealed: SealedPartition,
        settlement: DoneSettlement,
    ) -> Result<(), LedgerError> {
        wait(
            self.ledger
                .settle_done(sealed, self.run, settlement, String::new()),
        )
    }

    /// Seals the date and has its `done` acknowledged.
    fn mark_done(&self) {
        let sealed = self.sealed();
        self.settle_done(sealed, DoneSettlement::Confirmed).unwrap();
    }

    fn reader(&self) -> LedgerReader {
        LedgerReader::open(self.dir.path()).unwrap().unwrap()
    }

    /// The date as the ledger knows it.
    fn known(&self) -> KnownPartition {
        let reader = self.reader();
        let target = reader.targets().unwrap().remove(0);
        let found = reader.partition(&target, &self.row.partition).unwrap();
        found.unwrap()
    }

    /// The only value of a query.
    fn value<T: rusqlite::types::FromSql>(&self, query: &str) -> T {
        let db = Connection::open(self.dir.path().join(LEDGER_FILE)).unwrap();
        db.query_row(query, [], |row| row.get(0)).unwrap()
    }

    /// State, generation, unknown, and rows accepted, unconfirmed and refused of a batch.
    fn batch(&self, batch: BatchId) -> (String, u32, bool, [u32; 3]) {
        let db = Connection::open(self.dir.path().join(LEDGER_FILE)).unwrap();
        db.query_row(
            "SELECT state, generation, unknown, accepted, unconfirmed, refused
             FROM batch WHERE id = ?1",
            [batch.0],
            |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get::<_, u8>(2)? > 0,
                    [row.get(3)?, row.get(4)?, row.get(5)?],
                ))
            },
        )
        .unwrap()
    }

    /// What the audit trail says, oldest first.
    fn events(&self) -> Vec<String> {
        let db = Connection::open(self.dir.path().join(LEDGER_FILE)).unwrap();
        let mut events = db.prepare("SELECT what FROM event ORDER BY id").unwrap();
        let rows = events.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

fn open(dir: &TempDir) -> Ledger {
    Ledger::open(dir.path(), info("byteair-sync write")).unwrap()
}

fn info(command: &str) -> RunInfo {
    RunInfo {
        pid: 4242,
        host: "loader-1".to_owned(),
        command: command.to_owned(),
    }
}

fn target() -> Target {
    Target::new("2100001", "3300002", "cn").unwrap()
}

fn partition(day: &str) -> Partition {
    Partition {
        target: target(),
        topic: "item".parse().unwrap(),
        stage: Stage::new(StageKind::HistorySync, Some(day.parse().unwrap())).unwrap(),
    }
}

fn partition_intent(day: &str) -> PartitionIntent {
    PartitionIntent {
        partition: partition(day),
        guards: GuardChanges::default(),
        hold: false,
        seed: None,
        restart: false,
    }
}

/// Dates, and inputs that all belong to the first of them.
fn registration(days: &[&str], inputs: &[InputIntent]) -> Registration {
    Registration {
        target: target(),
        hosts: vec!["byteair.example.com".to_owned()],
        same_target: false,
        partitions: days.iter().map(|day| partition_intent(day)).collect(),
        inputs: inputs.to_vec(),
        newest_known: 0,
        replay: None,
    }
}

fn new_input(name: &str, inode: u64) -> InputIntent {
    InputIntent {
        known: None,
        kind: InputKind::File,
        name: name.to_owned(),
        identity: Some(InputIdentity::File(FileIdentity {
            device: 7,
            inode,
            size: 1000 + inode,
            mtime_ns: 1,
            ctime_ns: 1,
        })),
        row_options: 9,
        date_options: None,
        read_options: "{}".to_owned(),
        scope: vec![0],
        verified: true,
        unfinished: true,
        stays_read: true,
        torn_end: None,
        read_up_to: None,
    }
}

fn known_input(name: &str, inode: u64, id: InputId) -> InputIntent {
    InputIntent {
        known: Some(id),
        ..new_input(name, inode)
    }
}

/// Records of ten bytes and one line each.
fn range_at(first_record: u64, offset: u64, records: u64) -> RawRange {
    RawRange {
        first_record,
        records,
        offset,
        length: records * 10,
        line: first_record,
        lines: records,
        digest: u128::from(first_record),
    }
}

fn batch_of(input: InputId, first_record: u64, rows: u32) -> NewBatch {
    NewBatch {
        pieces: vec![Piece {
            input,
            first_record,
            last_record: first_record + u64::from(rows) - 1,
            rows,
        }],
        rows,
        digest: u128::from(first_record) << 64,
    }
}

/// A row refused under some reason.
fn letter(input: InputId, record: u64) -> DeadLetter {
    DeadLetter {
        input,
        position: Position {
            ordinal: record,
            line: record,
            offset: (record - 1) * 10,
        },
        column: Some("price".to_owned()),
        code: "bad_number".to_owned(),
        message: "not a number".to_owned(),
        raw: format!("{{\"row\":{record}}}").into_bytes(),
        blocks: Blocks::Date,
    }
}

fn some_request_id() -> RequestId {
    let epoch = crate::domain::Epoch([1; 16]);
    done_request_id(epoch, &partition("2022-01-01"), Generation(0))
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}
