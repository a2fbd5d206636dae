//! The one thread that writes the ledger.
//!
//! Work arrives as closures. All that is waiting when the thread looks up is executed in one
//! transaction, each closure in a savepoint of its own, and answered after the commit: whoever got
//! an answer has it on disk. That groups the intents and outcomes of many batches into one fsync.
//! Work that a power cut may undo does not wait for the disk: it is in the log, and what comes after
//! it in the log is never on disk without it.

use super::batches;
use super::error::LedgerError;
use super::id::BatchId;
use super::newest_run::NewestRun;
use super::rejects::RejectFiles;
use super::reserve::Reserve;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::sync::mpsc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Most pieces of work in one transaction, so that a commit stays short.
const MAX_GROUP: usize = 256;

/// Most batches that are settled together when the disk is full: together they take less room, and
/// alone one that does not fit keeps no other back.
const LAST_GROUP: usize = 4;

/// What a closure works with: the transaction of its group, and the files of the dead letters.
pub(super) struct Session<'a> {
    /// Statements run here are committed together with the group.
    pub(super) db: &'a Connection,
    /// Raw rows of dead letters; synchronised before the commit.
    pub(super) rejects: &'a mut RejectFiles,
    /// A piece of work was undone because the disk did not take it. What comes after it builds on it.
    broken: bool,
}

/// Tells the caller how the commit went.
type Answer = Box<dyn FnOnce(Result<(), LedgerError>) + Send>;
/// Work of a caller; gets the reason instead of a session when no transaction could be begun.
type Work = Box<dyn FnOnce(Result<&mut Session<'_>, LedgerError>) -> Answer + Send>;
/// What is tried once more when the disk is full.
type LastTry = Box<dyn FnOnce(&mut Session<'_>) -> Result<(), LedgerError> + Send>;

/// What goes through the queue.
enum Order {
    Work(Job),
    /// A batch whose rows were refused could not be settled. Written also when nothing else is any
    /// more: it makes the ledger more careful, whatever else is missing.
    LastWord(LastWord),
}

/// What is written of a batch whatever else is not.
struct LastWord {
    batch: BatchId,
    last_try: LastTry,
    answer: oneshot::Sender<Result<(), LedgerError>>,
}

/// A piece of work.
struct Job {
    work: Work,
    /// Whether the answer has to wait for the disk.
    durable: bool,
}

/// Handle of the writer thread.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

/// A result that arrives once the ledger has it on disk.
pub struct Pending<T>(oneshot::Receiver<Result<T, LedgerError>>);

impl<T> Pending<T> {
    /// Waits for the commit.
    pub async fn committed(self) -> Result<T, LedgerError> {
        self.0.await.unwrap_or(Err(LedgerError::Closed))
    }

    /// Waits for the commit on a thread that may block.
    pub fn committed_blocking(self) -> Result<T, LedgerError> {
        self.0.blocking_recv().unwrap_or(Err(LedgerError::Closed))
    }
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(
        db: Connection,
        rejects: RejectFiles,
        reserve: Reserve,
        newest_run: NewestRun,
    ) -> Result<Self, std::io::Error> {
        let (jobs, queue) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || write_groups(db, rejects, (&reserve, newest_run), &queue))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Hands over a piece of work. Callers hold a place in flight or wait for the answer, which
    /// bounds the queue.
    pub(super) fn submit<T, F>(&self, work: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Session<'_>) -> Result<T, LedgerError> + Send + 'static,
    {
        self.hand_over(true, work)
    }

    /// Hands over what a power cut may undo, because nothing but later work of this writer builds on
    /// it. It is on disk with the next piece that [`Self::submit`] takes.
    pub(super) fn submit_without_waiting_for_the_disk<T, F>(&self, work: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Session<'_>) -> Result<T, LedgerError> + Send + 'static,
    {
        self.hand_over(false, work)
    }

    fn hand_over<T, F>(&self, durable: bool, work: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Session<'_>) -> Result<T, LedgerError> + Send + 'static,
    {
        let (answer, pending) = oneshot::channel();
        let work: Work = Box::new(move |session| {
            let result = session.and_then(|session| in_savepoint(session, work));
            Box::new(move |committed: Result<(), LedgerError>| {
                // Nobody listening means that the caller was cancelled; the work stands.
                let _ = answer.send(committed.and(result));
            })
        });
        if let Some(jobs) = &self.jobs {
            // A closed queue drops the job and with it the answer: the caller gets `Closed`.
            let _ = jobs.send(Order::Work(Job { work, durable }));
        }
        Pending(pending)
    }

    /// Notes that rows of a batch were refused, after settling it has failed, and then tries to settle
    /// it all the same.
    pub(super) fn last_word<F>(&self, batch: BatchId, last_try: F) -> Pending<()>
    where
        F: FnOnce(&mut Session<'_>) -> Result<(), LedgerError> + Send + 'static,
    {
        let (answer, pending) = oneshot::channel();
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(Order::LastWord(LastWord {
                batch,
                last_try: Box::new(last_try),
                answer,
            }));
        }
        Pending(pending)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// After a transaction failed, or a piece of work for want of disk, nothing more is written: whoever
/// was answered with an error knows that the state on disk is older than it thought, and what others
/// go on with would not fit to it.
fn write_groups(
    mut db: Connection,
    mut rejects: RejectFiles,
    (reserve, mut newest_run): (&Reserve, NewestRun),
    queue: &mpsc::Receiver<Order>,
) {
    let mut intact = true;
    while let Ok(first) = queue.recv() {
        let (mut group, mut last_words) = (Vec::new(), Vec::new());
        let mut next = Some(first);
        while let Some(order) = next {
            match order {
                Order::Work(job) => group.push(job),
                Order::LastWord(word) => last_words.push(word),
            }
            let has_room = group.len() + last_words.len() < MAX_GROUP;
            next = has_room.then(|| queue.try_recv().ok()).flatten();
        }
        if !intact {
            for job in group {
                (job.work)(Err(LedgerError::Closed))(Ok(()));
            }
        } else if !group.is_empty() {
            let durable = group.iter().any(|job| job.durable);
            intact = write_group(&mut db, &mut rejects, group, durable);
            if intact && durable {
                newest_run.note(&db);
            }
        }
        write_last_words(&mut db, &mut rejects, reserve, last_words);
    }
}

/// A full disk still has room for them: the reserve goes first. That something was refused is written
/// before what it was, which takes more room.
fn write_last_words(
    db: &mut Connection,
    rejects: &mut RejectFiles,
    reserve: &Reserve,
    words: Vec<LastWord>,
) {
    if words.is_empty() {
        return;
    }
    let batches: Vec<BatchId> = words.iter().map(|word| word.batch).collect();
    let noted = note_refusals_seen(db, &batches).or_else(|_| {
        reserve.release();
        note_refusals_seen(db, &batches)
    });
    let mut noted = noted.unwrap_or_else(|error| vec![Err(error)]).into_iter();
    let mut tries = Vec::with_capacity(words.len());
    for word in words {
        // Of a failure the first to ask has the reason.
        let told = noted.next().unwrap_or(Err(LedgerError::Closed));
        tries.push((told.is_ok().then_some(word.last_try), word.answer, told));
    }
    if !reserve.leaves_room() {
        reserve.release();
    }
    while !tries.is_empty() {
        let group: Vec<_> = tries.drain(..tries.len().min(LAST_GROUP)).collect();
        let mut answers = Vec::with_capacity(group.len());
        let mut last_tries = Vec::with_capacity(group.len());
        for (last_try, answer, told) in group {
            last_tries.extend(last_try);
            answers.push((answer, told));
        }
        // What is refused later has to be noted as well.
        if reserve.leaves_room()
            && let Err(error) = try_at_last(db, rejects, last_tries)
        {
            tracing::debug!("refused rows cannot be recorded: {error}");
        }
        for (answer, told) in answers {
            let _nobody_listens = answer.send(told);
        }
    }
}

/// Settles what it can of these; one that cannot be settled does not touch the others.
fn try_at_last(
    db: &mut Connection,
    rejects: &mut RejectFiles,
    last_tries: Vec<LastTry>,
) -> Result<(), LedgerError> {
    let transaction = begin(db, true)?;
    let mut session = Session {
        db: &transaction,
        rejects,
        broken: false,
    };
    for last_try in last_tries {
        let _stays_noted = in_savepoint(&mut session, last_try);
    }
    let written = rejects.synchronise().and_then(|()| {
        transaction
            .commit()
            .map_err(|source| LedgerError::database("write to the ledger", source))
    });
    if written.is_err() {
        rejects.forget_uncommitted();
    }
    written
}

/// All in one transaction, so that they take the least room. Fails when the disk does not take them;
/// what is wrong with a single batch is told of it alone.
fn note_refusals_seen(
    db: &mut Connection,
    batches: &[BatchId],
) -> Result<Vec<Result<(), LedgerError>>, LedgerError> {
    let transaction = begin(db, true)?;
    let mut noted = Vec::with_capacity(batches.len());
    for batch in batches {
        match batches::note_refusal_seen(&transaction, *batch) {
            Err(error) if error.is_of_disk() => return Err(error),
            told => noted.push(told),
        }
    }
    transaction
        .commit()
        .map_err(|source| LedgerError::database("write to the ledger", source))?;
    Ok(noted)
}

/// Begins the transaction of a group, whose commit waits for the disk or does not.
fn begin(db: &mut Connection, durable: bool) -> Result<Transaction<'_>, LedgerError> {
    let synchronous = if durable { "FULL" } else { "NORMAL" };
    db.pragma_update(None, "synchronous", synchronous)
        .and_then(|()| db.transaction_with_behavior(TransactionBehavior::Immediate))
        .map_err(|source| LedgerError::database("write to the ledger", source))
}

/// Tells whether the group was committed, all of it.
fn write_group(
    db: &mut Connection,
    rejects: &mut RejectFiles,
    group: Vec<Job>,
    durable: bool,
) -> bool {
    let transaction = match begin(db, durable) {
        Ok(transaction) => transaction,
        Err(error) => {
            let mut reason = Some(error);
            for job in group {
                (job.work)(Err(reason.take().unwrap_or(LedgerError::Closed)))(Ok(()));
            }
            return false;
        }
    };
    let mut answers = Vec::with_capacity(group.len());
    let mut session = Session {
        db: &transaction,
        rejects,
        broken: false,
    };
    for job in group {
        // After some failures (a full disk) SQLite rolls the whole transaction back by itself. What
        // ran on from there would be committed on its own and answered with an error.
        if session.broken || transaction.is_autocommit() {
            answers.push((job.work)(Err(LedgerError::Closed)));
            continue;
        }
        answers.push((job.work)(Ok(&mut session)));
    }
    let broken = session.broken;
    let outcome = rejects.synchronise().and_then(|()| {
        transaction
            .commit()
            .map_err(|source| LedgerError::database("write to the ledger", source))
    });
    match outcome {
        Ok(()) => {
            for answer in answers {
                answer(Ok(()));
            }
            !broken
        }
        Err(error) => {
            rejects.forget_uncommitted();
            let mut error = Some(error);
            for answer in answers {
                answer(Err(error.take().unwrap_or(LedgerError::Closed)));
            }
            false
        }
    }
}

/// Runs one piece of work so that its failure leaves nothing behind and does not touch the others.
fn in_savepoint<T>(
    session: &mut Session<'_>,
    work: impl FnOnce(&mut Session<'_>) -> Result<T, LedgerError>,
) -> Result<T, LedgerError> {
    let db = session.db;
    let control = |statement: &'static str| {
        db.execute_batch(statement)
            .map_err(|source| LedgerError::database("write to the ledger", source))
    };
    control("SAVEPOINT job")?;
    let result = work(session);
    match result {
        Ok(value) => control("RELEASE job").map(|()| value),
        Err(error) => {
            session.broken |= error.is_of_disk();
            control("ROLLBACK TO job; RELEASE job")?;
            Err(error)
        }
    }
}
