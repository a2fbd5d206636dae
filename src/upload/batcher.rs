//! From inputs to batches, on one blocking thread.
//!
//! Decides what is read in which order and when reading ends early. How rows gather into a batch is
//! [`OpenBatch`]; compressing and sending happen elsewhere, while this thread reads on.

use super::cut::Message;
use super::event::Gauges;
use super::memory::Budget;
use super::open_batch::OpenBatch;
use super::opened::Opened;
use super::report::Status;
use super::round::OpenRound;
use super::unused_options::{Named, UnusedOptions};
use super::work::{InputWork, Place, Work, WorkDates};
use crate::input::{
    InputSettings, LocalReject, Location, Next, RejectCode, RowReader, Start, open_file,
};
use crate::ledger::InputId;
use crate::text::grouped;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// An input whose first so many rows are all bad is not what it claims to be.
const ALL_BAD_ROWS: u64 = 1_000;

/// Looking whether the run ends takes about as long as reading a short row.
const LOOK_EVERY_ROWS: u64 = 64;

/// What the reading thread works with.
pub(super) struct Batcher {
    pub(super) settings: InputSettings,
    /// Most rows and bytes of a batch at this moment, when so many rows are as many bytes as it may have
    /// (if that is known); both shrink when the platform asks for less.
    pub(super) limits: Arc<dyn Fn(Option<u32>) -> (u32, usize) + Send + Sync>,
    pub(super) budget: Budget,
    pub(super) runtime: Handle,
    pub(super) messages: mpsc::Sender<Message>,
    pub(super) gauges: Arc<Gauges>,
    /// Whether a date was stopped, so that reading on is useless.
    pub(super) is_stopped: Arc<dyn Fn(usize) -> bool + Send + Sync>,
    /// Whether the run ends, and what a pipe has given is to be handed over before it does.
    pub(super) is_ending: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Rejected rows of the run, and how many end it.
    pub(super) rejected: Arc<AtomicU64>,
    pub(super) stop_after_errors: u64,
    pub(super) spool_dir: PathBuf,
    /// How long a row waits for others of its batch, where rows come as they are made.
    pub(super) linger: Option<Duration>,
}

/// Where rows gather while an input is read: one batch, or one of each date.
pub(super) trait Gathering {
    /// The next rows are those of this input, of which so many bytes as stored were taken before.
    fn begin_input(&mut self, input: InputId, spooled: bool, consumed: u64);
    /// Reads the next record; a row is taken, and what is full is sent off.
    fn next_row(&mut self, reader: &mut dyn RowReader) -> Result<Next, Halt>;
    /// Takes a bad row, of an input that has shown enough to be judged or has not.
    fn add_reject(
        &mut self,
        reader: &mut dyn RowReader,
        reject: LocalReject,
        judged: bool,
    ) -> Result<(), Halt>;
    /// Sends off what was read so far, if it has waited for long enough.
    fn flush_if_due(&mut self, reader: &mut dyn RowReader) -> Result<(), Halt>;

    /// Sends off what was read so far.
    fn flush(&mut self, reader: &mut dyn RowReader) -> Result<(), Halt>;
    /// Whether no row waits in it.
    fn is_empty(&self) -> bool;
    /// Whether nothing of it could be sent any more.
    fn is_stopped(&self) -> bool;
    /// The input is read to its end.
    fn end_input(&mut self, reader: &mut dyn RowReader);
}

/// Why reading ended early.
pub(super) enum Halt {
    /// Nobody takes batches any more.
    Closed,
    /// This date cannot be read to its end; the others can.
    Partition(Status, String),
    /// The date was stopped by an answer; who stopped it says why.
    Stopped,
    /// Too many bad rows; nothing more is read.
    TooManyErrors(String),
}

impl Batcher {
    /// Reads all work in order. Ends early when the receiver is gone.
    pub(super) fn run(mut self, work: Vec<Work>) {
        Gauges::set(&self.gauges.reading_waits, 0);
        let mut unused = UnusedOptions::default();
        let mut work = work.into_iter();
        while let Some(item) = work.next() {
            let dates = item.dates.indices();
            self.settings.date_field.clone_from(&item.date_field);
            let outcome = self.read_work(item, &mut unused);
            let (failed, ends) = match outcome {
                Ok(()) => (None, false),
                Err(Halt::Closed) => return,
                Err(Halt::Stopped) => continue,
                Err(Halt::Partition(status, problem)) => (Some((status, problem)), false),
                Err(Halt::TooManyErrors(problem)) => (Some((Status::RowsRejected, problem)), true),
            };
            for partition in dates {
                let message = match failed.clone() {
                    None if work.as_slice().iter().any(|it| it.is_for(partition)) => continue,
                    None => Message::PartitionRead(partition),
                    Some((status, problem)) => Message::PartitionFailed {
                        partition,
                        status,
                        problem,
                    },
                };
                if self.messages.blocking_send(message).is_err() {
                    return;
                }
            }
            if ends {
                return;
            }
        }
        if let Some(warning) = unused.warning()
            && self.tell(Message::Warning(warning)).is_err()
        {
            return;
        }
        Gauges::add(&self.gauges.reading_waits, 1);
    }

    /// Does something that may have to wait until answers make room.
    pub(super) fn waiting<T>(&self, work: impl FnOnce() -> T) -> T {
        Gauges::add(&self.gauges.reading_waits, 1);
        let done = work();
        Gauges::sub(&self.gauges.reading_waits, 1);
        done
    }

    fn read_work(&self, work: Work, unused: &mut UnusedOptions) -> Result<(), Halt> {
        let mut opened = super::redo::resend_intended(self, &work)?;
        if let (Some(following), WorkDates::One(partition)) = (&work.followed, &work.dates) {
            return following.follow(self, *partition);
        }
        match &work.dates {
            WorkDates::One(partition) => {
                let mut open = OpenBatch::new(self, *partition)?;
                for input in work.inputs {
                    unused.note(self.read_input(input, &mut opened, &mut open)?);
                }
                open.finish()
            }
            WorkDates::ByRow(days) => {
                let mut open = OpenRound::new(self, days)?;
                for input in work.inputs {
                    unused.note(self.read_input(input, &mut opened, &mut open)?);
                }
                open.finish()
            }
        }
    }

    /// Returns the fields that options name and no row had, if all rows were seen.
    fn read_input(
        &self,
        input: InputWork,
        opened: &mut Option<Opened>,
        open: &mut impl Gathering,
    ) -> Result<Option<Vec<Named>>, Halt> {
        if input.read_to_end {
            return Ok(None);
        }
        let Place::Stored(location) = &input.place else {
            return self.read_from(input, opened, open);
        };
        let (location, stores) = (location.clone(), &self.settings.stores);
        let before = location.identity(stores).ok().flatten();
        self.read_from(input, opened, open)
            .map_err(|halt| match halt {
                Halt::Partition(Status::BadInput, why) => {
                    let now = location.identity(stores).ok().flatten();
                    match before.zip(now) {
                        Some((before, now)) if now.size() > before.size() => {
                            still_growing(&location, (before.size(), now.size()), &why)
                        }
                        _ => Halt::Partition(Status::BadInput, why),
                    }
                }
                halt => halt,
            })
    }

    fn read_from(
        &self,
        input: InputWork,
        opened: &mut Option<Opened>,
        open: &mut impl Gathering,
    ) -> Result<Option<Vec<Named>>, Halt> {
        let (id, name) = (input.id, input.name.clone());
        let (mut reader, spooled) = match input.place {
            Place::Stored(location) => {
                let there = opened.take_if(|it| it.input == id);
                let there = there.and_then(|it| it.go_on(input.resume));
                let reader = there.map_or_else(|| self.open(&location, input.resume), Ok)?;
                (reader, false)
            }
            Place::Stream(open_stream) => (open_stream().map_err(|e| halt(&e))?, true),
            Place::Spool => return Ok(None),
        };
        let consumed = self.skipped(reader.as_ref(), input.resume, input.bytes_before);
        open.begin_input(id, spooled, consumed);
        let mut progress = Progress::new(name, input.resume);
        let is_live = spooled && self.linger.is_some();
        loop {
            let next = open.next_row(reader.as_mut())?;
            let is_dry = matches!(next, Next::NothingYet);
            if is_live && matches!(next, Next::Row { .. }) {
                Gauges::add(&self.gauges.rows_piped, 1);
            }
            match next {
                Next::End => break,
                // Nobody waits any more for what is still to come.
                Next::NothingYet if self.messages.is_closed() => return Err(Halt::Closed),
                Next::NothingYet if open.is_stopped() => return Err(Halt::Stopped),
                next => self.take(next, open, reader.as_mut(), &mut progress)?,
            }
            open.flush_if_due(reader.as_mut())?;
            // A pipe is emptied, unless it fills as fast: then one batch more is taken of it.
            let may_end = is_dry
                || open.is_empty()
                || !spooled && progress.rows().is_multiple_of(LOOK_EVERY_ROWS);
            if may_end && (self.is_ending)() {
                open.flush(reader.as_mut())?;
                return Err(Halt::Closed);
            }
        }
        open.end_input(reader.as_mut());
        let is_whole = progress.from_beginning && progress.good > 0;
        Ok(is_whole.then(|| reader.unused()))
    }

    /// Takes what came next of an input: a row is in its batch already, a bad one is counted.
    pub(super) fn take(
        &self,
        next: Next,
        open: &mut impl Gathering,
        reader: &mut dyn RowReader,
        progress: &mut Progress,
    ) -> Result<(), Halt> {
        if let Next::Rejected(reject) = next {
            let elsewhere = reject.code == RejectCode::DateOutside;
            if elsewhere {
                // A row of another date is a good one, only not here.
                progress.good = progress.good.saturating_add(1);
            } else {
                progress.bad = progress.bad.saturating_add(1);
                if progress.is_all_bad() {
                    let problem = all_bad(&progress.name, &reject);
                    return Err(Halt::Partition(Status::BadInput, problem));
                }
            }
            open.add_reject(reader, *reject, progress.good > 0)?;
            if let Err(too_many) = self.count_reject(&progress.name) {
                // What was read is recorded, so that the rejects can be looked at.
                open.flush(reader)?;
                return Err(too_many);
            }
        } else if matches!(next, Next::Row { .. }) {
            progress.good = progress.good.saturating_add(1);
        }
        for warning in reader.warnings() {
            self.tell(Message::Warning(format!(
                "{}:{}: {} in {} row(s), sent as they are",
                progress.name,
                warning.first.line,
                warning.kind.as_str(),
                grouped(warning.count)
            )))?;
        }
        Ok(())
    }

    /// Bytes of an input as stored before the place where a reader goes on. What was reckoned of them
    /// when the run was planned is corrected.
    fn skipped(&self, reader: &dyn RowReader, resume: Start, reckoned: u64) -> u64 {
        if resume == Start::BEGINNING {
            return 0;
        }
        let consumed = reader.consumed_bytes();
        for gauge in [&self.gauges.bytes_before, &self.gauges.bytes_settled] {
            Gauges::add(gauge, consumed.saturating_sub(reckoned));
            Gauges::sub(gauge, reckoned.saturating_sub(consumed));
        }
        consumed
    }

    pub(super) fn open(
        &self,
        location: &Location,
        start: Start,
    ) -> Result<Box<dyn RowReader>, Halt> {
        open_file(location, &self.settings, start).map_err(|error| halt(&error))
    }

    fn count_reject(&self, name: &str) -> Result<(), Halt> {
        let rejected = self
            .rejected
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        if rejected > self.stop_after_errors {
            return Err(Halt::TooManyErrors(format!(
                "{name}: more than {} rejected rows (--stop-after-errors); reading stopped",
                self.stop_after_errors
            )));
        }
        Ok(())
    }

    pub(super) fn tell(&self, message: Message) -> Result<(), Halt> {
        self.waiting(|| self.messages.blocking_send(message))
            .map_err(|_| Halt::Closed)
    }
}

/// Rows of one input seen so far.
pub(super) struct Progress {
    name: String,
    /// Whether these are its first rows.
    from_beginning: bool,
    good: u64,
    bad: u64,
}

impl Progress {
    pub(super) fn new(name: String, start: Start) -> Self {
        Self {
            name,
            from_beginning: start.record == 1,
            good: 0,
            bad: 0,
        }
    }

    const fn rows(&self) -> u64 {
        self.good.saturating_add(self.bad)
    }

    const fn is_all_bad(&self) -> bool {
        self.from_beginning && self.good == 0 && self.bad == ALL_BAD_ROWS
    }
}

/// Turns the failure of an input into the failure of its date.
pub(super) fn halt(error: &crate::input::InputError) -> Halt {
    let status = super::failure::input_status(error, Status::Unfinished);
    Halt::Partition(status, super::explain::with_causes(error))
}

/// What ends in the middle because somebody still writes it.
fn still_growing(location: &Location, (before, now): (u64, u64), why: &str) -> Halt {
    let why = format!(
        "{location} is still growing ({} bytes when it was begun, {} now): {why}. When it is complete, run the same command again: the rest is sent",
        grouped(before),
        grouped(now)
    );
    Halt::Partition(Status::NotReady, why)
}

fn all_bad(name: &str, last: &LocalReject) -> String {
    let is_rule = matches!(last.code, RejectCode::Rule(_));
    let guess = match last.code.as_str() {
        _ if is_rule => {
            "they break the rules that were asked for; check --schema, --industry, --types, --map and --topic"
        }
        "not_json" => {
            "it does not look like JSON lines; if rows go over several lines, say --format json; if it is CSV, say --format csv"
        }
        "not_object" => "its lines are JSON, but not objects",
        "not_utf8" => {
            "its text is not UTF-8; if it is Chinese and comes from Excel, say --encoding gbk"
        }
        "date_missing" => {
            "the field says no date that can be used; check --date-from-field and --date-format"
        }
        "not_decodable" => "its text is in another encoding; check --encoding",
        "ragged" => {
            "its rows have another number of cells than its header; check --delimiter and --columns"
        }
        "too_long" => "it may have no line breaks; check the format and --max-row-bytes",
        _ => "check the format of the file",
    };
    format!(
        "{name}: the first {ALL_BAD_ROWS} rows are all bad ({}): {guess}. Nothing of this input was recorded",
        last.message
    )
}
