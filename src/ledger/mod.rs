//! Durable memory: one SQLite file that says what was read, sent, accepted and marked done.
//!
//! The tables are in [`schema`](self) (`schema.rs`), and readable with the `sqlite3` shell. The
//! order around the network is fixed: intent on disk → send → outcome on disk → seal → `done`.
//! [`Ledger`] is the writing side, with one thread that commits in groups; [`LedgerReader`] is the
//! reading side, which never blocks a writer. `accepted` is said to nobody before it is on disk.

mod audit;
mod batches;
mod boot;
mod condense;
mod delivery;
mod departures;
mod drop_input;
mod error;
mod facts;
mod gate;
mod health;
mod held_back;
mod hold;
mod housekeeping;
mod id;
mod identity;
mod inputs;
mod known;
mod lock;
mod meanwhile;
mod newest_run;
mod open_rejects;
mod place;
mod query;
mod read_for;
mod reader;
mod register;
mod rejects;
mod remainder;
mod replay;
mod reserve;
mod schema;
mod seal;
mod settled;
mod soundness;
mod stored;
mod torn_end;
mod trail;
mod waive;
mod writer;

#[cfg(test)]
mod tests;

pub use batches::{Intention, NewBatch, Settlement};
pub use delivery::Delivery;
pub use departures::{Departures, Place};
pub use drop_input::Dropped;
pub use error::LedgerError;
pub use gate::{Gate, GateFacts, RowCounts, Unmet, unmet};
pub use health::{Health, examine};
pub use id::{BatchId, InputId, PartitionId, RunId};
pub use known::{InputKind, IntendedBatch, KnownInput, KnownPartition, KnownTarget, Piece};
pub use lock::{HeldLock, checkpoint_lock, delivery_lock};
pub use open_rejects::{OpenRejects, Replacing, Replayable};
pub use reader::{LedgerReader, RejectRow, RejectSummary, RejectsOf};
pub use register::{
    HeldInput, InputIntent, PartitionIntent, Registered, RegisteredPartition, Registration, RunInfo,
};
pub use rejects::{Blocks, DeadLetter};
pub use replay::{Replay, ReplayIntent};
pub use seal::{DoneSettlement, SealOutcome, SealRequest, SealedPartition};
pub use torn_end::TornEnd;
pub use waive::Waiver;
pub use writer::Pending;

use crate::domain::{Generation, Partition, Target};
use error::in_file;
use newest_run::NewestRun;
use soundness::Soundness;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use writer::Writer;

/// Name of the ledger file in the state directory.
pub const LEDGER_FILE: &str = "ledger.db";

/// The writing side of the ledger. Dropping it waits until all that was handed over is on disk.
pub struct Ledger {
    writer: Writer,
    reserve: reserve::Reserve,
    state_dir: PathBuf,
    name: String,
    info: RunInfo,
    soundness: Arc<Soundness>,
}

/// The random name of the ledger in a state directory; `None` when it has none yet.
pub fn name_of(state_dir: &Path) -> Result<Option<String>, LedgerError> {
    identity::read(state_dir)
}

impl Ledger {
    /// Opens the ledger of a state directory, creating both when they are missing.
    pub fn open(state_dir: &Path, info: RunInfo) -> Result<Self, LedgerError> {
        place::prepare(state_dir)?;
        // Two processes that set up one new file at the same time get in each other's way.
        let _opening = lock::wait_for_lock(state_dir, "opening")?;
        let db = schema::open_for_writing(&state_dir.join(LEDGER_FILE))?;
        let soundness = Soundness::of(state_dir);
        soundness.assure_of_small(&db)?;
        let name = identity::read_or_make(state_dir)?;
        let reserve = reserve::Reserve::keep(state_dir, &db);
        let newest_run = NewestRun::check(state_dir, &db)?;
        let rejects = rejects::RejectFiles::new(state_dir);
        let writer = Writer::start(db, rejects, reserve.clone(), newest_run)
            .map_err(in_file("start the writer of", state_dir))?;
        Ok(Self {
            writer,
            reserve,
            state_dir: state_dir.to_owned(),
            name,
            info,
            soundness: Arc::new(soundness),
        })
    }

    /// The random name of this ledger, the same in all runs with it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The state directory.
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// Begins a run and registers all that it is going to read, in one transaction. When all of it is
    /// new, no request can leave before the intent of a batch or of `done`, which brings the
    /// registration to the disk with it. A batch of an earlier run has its intent on disk already.
    pub fn register(&self, wanted: Registration) -> Pending<Registered> {
        let (state_dir, info) = (self.state_dir.clone(), self.info.clone());
        let all_new = wanted.inputs.iter().all(|input| input.known.is_none())
            && !wanted.partitions.iter().any(|date| date.restart)
            && wanted.replay.is_none();
        let work = move |session: &mut writer::Session<'_>| {
            register::register(session, &state_dir, &info, &wanted)
        };
        if all_new {
            self.writer.submit_without_waiting_for_the_disk(work)
        } else {
            self.writer.submit(work)
        }
    }

    /// Takes one more input for a run that is under way; the scope of the intent is this date. The
    /// caller holds the lock of its path.
    pub fn hold(
        &self,
        run: RunId,
        partition: RegisteredPartition,
        intent: InputIntent,
    ) -> Pending<HeldInput> {
        let state_dir = self.state_dir.clone();
        self.writer
            .submit(move |session| hold::hold_one(session.db, &state_dir, run, &partition, &intent))
    }

    /// Takes the lock of a path that is followed for a date; `None` when another run has it.
    pub fn lock_path(
        &self,
        partition: PartitionId,
        path: &str,
    ) -> Result<Option<HeldLock>, LedgerError> {
        lock::try_lock(&self.state_dir, &lock::of_path(partition, path))
    }

    /// Joins what is settled of an input without end, so that the ledger does not grow with it.
    pub fn condense(&self, partition: PartitionId, input: InputId) -> Pending<()> {
        self.writer
            .submit_without_waiting_for_the_disk(move |session| {
                condense::condense(session.db, partition, input)
            })
    }

    /// Begins a run that reads nothing.
    pub fn begin_run(&self) -> Pending<RunId> {
        let info = self.info.clone();
        self.writer
            .submit(move |session| register::begin_run(session.db, &info))
    }

    /// Ends a run cleanly: the state of its unfinished batches is exact, nothing is in doubt. The
    /// last thing that a process writes; should a power cut undo it, the next run takes what was
    /// under way for unknown, which is always safe.
    pub fn end_run(&self, run: RunId, exit_status: u8) -> Pending<()> {
        let state_dir = self.state_dir.clone();
        self.writer
            .submit_without_waiting_for_the_disk(move |session| {
                register::end_run(session.db, run, exit_status)?;
                departures::end(&state_dir, run);
                Ok(())
            })
    }

    /// Notes that the `done` of a sealed date may leave now.
    pub fn note_done_departs(&self, sealed: &SealedPartition) -> Result<(), LedgerError> {
        departures::note_done(&self.state_dir, sealed.id(), sealed.generation())
    }

    /// Records what was read and intends the batch made of it. Handed over in the order of reading.
    pub fn intend(&self, intention: Intention) -> Pending<Option<BatchId>> {
        self.writer
            .submit(move |session| batches::intend(session, &intention))
    }

    /// The same for stretches with rows of several dates: all of it is recorded together, or nothing.
    pub fn intend_together(&self, intentions: Vec<Intention>) -> Pending<Vec<Option<BatchId>>> {
        self.writer.submit(move |session| {
            intentions
                .iter()
                .map(|intention| batches::intend(session, intention))
                .collect()
        })
    }

    /// Notes that an attempt of a batch has an unknown outcome.
    pub fn note_unknown(&self, batch: BatchId) -> Pending<()> {
        self.writer
            .submit(move |session| batches::note_unknown(session.db, batch))
    }

    /// Moves a definitely refused batch to its next generation. Fails when an attempt of it has an
    /// unknown outcome, since it keeps its id then.
    pub fn renew(&self, batch: BatchId) -> Pending<Generation> {
        self.writer
            .submit(move |session| batches::renew(session.db, batch))
    }

    /// Splits a batch into two halves.
    pub fn split(
        &self,
        batch: BatchId,
        partition: PartitionId,
        halves: [NewBatch; 2],
    ) -> Pending<[BatchId; 2]> {
        self.writer
            .submit(move |session| batches::split(session.db, batch, partition, &halves))
    }

    /// Settles a batch.
    pub fn settle(
        &self,
        batch: BatchId,
        partition_id: PartitionId,
        partition: Partition,
        settlement: impl Into<Arc<Settlement>>,
    ) -> Pending<()> {
        let settlement = settlement.into();
        self.writer.submit(move |session| {
            batches::settle(session, batch, partition_id, &partition, &settlement)
        })
    }

    /// Records that an input was compared with what the ledger holds of it.
    pub fn mark_verified(&self, input: InputId) -> Pending<()> {
        self.writer.submit(move |session| {
            session
                .db
                .execute("UPDATE input SET verified = 1 WHERE id = ?1", [input.0])
                .map(drop)
                .map_err(|e| LedgerError::database("record a comparison", e))
        })
    }

    /// Opens the gate of a date if nothing is missing.
    pub fn seal(&self, target: Target, request: SealRequest) -> Pending<SealOutcome> {
        let (state_dir, soundness) = (self.state_dir.clone(), self.soundness.clone());
        self.writer.submit(move |session| {
            let outcome = seal::seal(session.db, &state_dir, &target, request)?;
            if matches!(outcome, SealOutcome::Sealed(_)) {
                soundness.assure(session.db)?;
            }
            Ok(outcome)
        })
    }

    /// Holds the `done` of a date back until a person names it; recorded with the reason.
    pub fn hold_back(&self, date: PartitionId, run: RunId, why: String) -> Pending<()> {
        self.writer
            .submit(move |session| held_back::hold(session.db, date, run, &why))
    }

    /// Lifts the hold of a date, whether or not it can be sealed now; recorded.
    pub fn release_hold(&self, date: PartitionId, run: RunId) -> Pending<()> {
        self.writer
            .submit(move |session| held_back::release(session.db, date, run))
    }

    /// Notes that an attempt of `done` has an unknown outcome; it keeps its id from now on.
    pub async fn note_done_unknown(&self, sealed: &mut SealedPartition) -> Result<(), LedgerError> {
        let id = sealed.id();
        self.writer
            .submit(move |session| seal::note_done_unknown(session.db, id))
            .committed()
            .await?;
        sealed.set_unknown();
        Ok(())
    }

    /// Moves a definitely refused `done` to its next generation.
    pub async fn renew_done(&self, sealed: &mut SealedPartition) -> Result<(), LedgerError> {
        let id = sealed.id();
        let generation = self
            .writer
            .submit(move |session| seal::renew_done(session.db, id))
            .committed()
            .await?;
        sealed.set_generation(generation);
        Ok(())
    }

    /// Records how `done` ended and lets go of the date.
    pub async fn settle_done(
        &self,
        sealed: SealedPartition,
        run: RunId,
        settlement: DoneSettlement,
        why: String,
    ) -> Result<(), LedgerError> {
        let id = sealed.id();
        self.writer
            .submit(move |session| seal::settle_done(session.db, id, run, settlement, &why))
            .committed()
            .await
    }

    /// Records that the platform refuses a whole date, unless rows of it were stored.
    pub fn mark_refused(&self, partition: PartitionId, run: RunId, why: String) -> Pending<()> {
        self.writer
            .submit(move |session| seal::mark_refused(session.db, partition, run, &why))
    }

    /// Notes in the audit trail that the platform takes no more rows of a date.
    pub fn note_stopped(&self, partition: PartitionId, run: RunId, why: String) -> Pending<()> {
        self.writer
            .submit(move |session| seal::note_stopped(session.db, partition, run, &why))
    }

    /// Notes in the audit trail what was answered to a batch that blocks the `done` of its date.
    pub fn note_blocked(&self, partition: PartitionId, run: RunId, why: String) -> Pending<()> {
        self.writer
            .submit(move |session| audit::note_blocked(session.db, partition, run, &why))
    }

    /// Takes a done date back after a re-sync in the platform's console.
    pub fn reopen(&self, known: KnownPartition) -> Pending<()> {
        let state_dir = self.state_dir.clone();
        self.writer
            .submit(move |session| housekeeping::reopen(session.db, &state_dir, &known))
    }

    /// Removes a date from the ledger.
    pub fn forget(&self, known: KnownPartition) -> Pending<()> {
        let state_dir = self.state_dir.clone();
        self.writer
            .submit(move |session| housekeeping::forget(session.db, &state_dir, &known))
    }

    /// Removes the details of a done date.
    pub fn prune(&self, known: KnownPartition) -> Pending<()> {
        self.writer
            .submit(move |session| housekeeping::prune(session.db, &known))
    }

    /// Accepts the loss of open dead letters of a date (`--accept-rejects`, `rejects waive`); tells
    /// how many there were.
    pub fn waive_rejects(&self, waiver: Waiver) -> Pending<u64> {
        self.writer
            .submit(move |session| waive::waive(session.db, &waiver))
    }

    /// Marks the dead letters as replayed that an input of corrected rows replaces, when all of it
    /// is settled; tells how many there were.
    pub fn settle_replay(&self, run: RunId, replay: Replay) -> Pending<u64> {
        self.writer
            .submit(move |session| replay::settle(session.db, run, replay))
    }

    /// The same for every replay of a date that an earlier run began; tells how many dead letters
    /// there were.
    pub fn settle_begun_replays(&self, run: RunId, partition: PartitionId) -> Pending<u64> {
        self.writer
            .submit(move |session| replay::settle_all(session.db, run, partition))
    }
}
