//! One input that is followed, with the batch that is being filled from it: a file, or a partition of a
//! stream. Where its bytes come from is for [`Growing`] to know.

use super::Follower;
use crate::domain::RawRange;
use crate::input::{InputSettings, Next, RowReader, Start};
use crate::ledger::HeldInput;
use crate::upload::batcher::{Gathering as _, Halt, Progress};
use crate::upload::open_batch::OpenBatch;
use std::time::{Duration, Instant};

/// Batches after which what is settled of an input is joined in the ledger.
const CONDENSE_AFTER: u32 = 256;

/// Something that grows while it is read.
pub(super) trait Growing {
    /// Whether there is something that was not read.
    fn has_news(&self, name: &str) -> Result<bool, Halt>;

    /// Its reader, behind the last stretch; nothing as long as it is too early to tell what is in it.
    fn open(
        &self,
        name: &str,
        settings: &InputSettings,
        last: Option<&RawRange>,
    ) -> Result<Option<Box<dyn RowReader>>, Halt>;

    /// Nothing more is going to come.
    fn complete(&self);
}

/// An input as it was opened, whatever becomes of its name.
pub(super) struct Tail<'a, S> {
    /// For people and for the ledger: the path that is followed.
    name: String,
    pub(super) source: S,
    held: HeldInput,
    /// Nothing before the source can be read.
    reader: Option<Box<dyn RowReader>>,
    progress: Progress,
    open: Option<OpenBatch<'a>>,
    /// The last stretch that is recorded.
    last: Option<RawRange>,
    /// Since when there was nothing more; nothing while there may be.
    dry_since: Option<Instant>,
    /// Batches that have left since what is settled was joined.
    sent: u32,
}

/// What going on with a file came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// Nothing was there.
    Idle,
    /// Something was read.
    HasRead,
    /// It is read to its end.
    Ended,
}

impl<'a, S: Growing> Tail<'a, S> {
    pub(super) fn new(name: &str, source: S, held: HeldInput, last: Option<RawRange>) -> Self {
        let start = last.as_ref().map_or(Start::BEGINNING, Start::after);
        Self {
            name: name.to_owned(),
            source,
            held,
            reader: None,
            progress: Progress::new(name.to_owned(), start),
            open: None,
            last,
            dry_since: None,
            sent: 0,
        }
    }

    /// Takes what is there, up to a full batch; sends a batch that has waited for long enough.
    pub(super) fn go_on(&mut self, follower: &Follower<'a>) -> Result<Course, Halt> {
        let mut course = Course::Idle;
        if self.dry_since.is_none() || self.source.has_news(&self.name)? {
            course = self.read(follower)?;
        }
        if self.open.as_ref().is_some_and(OpenBatch::is_due) {
            self.flush()?;
        }
        if self.sent >= CONDENSE_AFTER {
            self.sent = 0;
            follower.condense(self.held.id);
        }
        Ok(course)
    }

    fn read(&mut self, follower: &Follower<'a>) -> Result<Course, Halt> {
        let Some(mut reader) = self.opened(follower)? else {
            self.dry_since.get_or_insert_with(Instant::now);
            return Ok(Course::Idle);
        };
        let mut open = if let Some(open) = self.open.take() {
            open
        } else {
            let mut open = OpenBatch::new(follower.batcher, follower.index)?;
            open.begin_input(self.held.id, true, reader.consumed_bytes());
            open
        };
        let course = self.fill(&mut open, reader.as_mut(), follower)?;
        self.last = open.last().or(self.last);
        self.reader = Some(reader);
        if course == Course::Ended {
            open.finish()?;
        } else if open.is_empty() {
            open.give_back();
        } else {
            self.open = Some(open);
        }
        Ok(course)
    }

    /// Takes rows until there are no more or a batch has left.
    fn fill(
        &mut self,
        open: &mut OpenBatch<'a>,
        reader: &mut dyn RowReader,
        follower: &Follower<'a>,
    ) -> Result<Course, Halt> {
        let mut course = Course::Idle;
        loop {
            match open.next_row(reader)? {
                Next::End => {
                    open.end_input(reader);
                    return Ok(Course::Ended);
                }
                Next::NothingYet => {
                    self.dry_since = Some(Instant::now());
                    return Ok(course);
                }
                next => {
                    let batcher = follower.batcher;
                    batcher.take(next, open, reader, &mut self.progress)?;
                }
            }
            course = Course::HasRead;
            self.dry_since = None;
            if open.is_empty() {
                self.sent = self.sent.saturating_add(1);
                return Ok(course);
            }
        }
    }

    /// Its reader, once there is one.
    fn opened(&mut self, follower: &Follower<'a>) -> Result<Option<Box<dyn RowReader>>, Halt> {
        if let Some(reader) = self.reader.take() {
            return Ok(Some(reader));
        }
        let settings = &follower.batcher.settings;
        self.source.open(&self.name, settings, self.last.as_ref())
    }

    /// Sends what was read so far.
    pub(super) fn flush(&mut self) -> Result<(), Halt> {
        if let (Some(mut open), Some(reader)) = (self.open.take(), self.reader.as_mut()) {
            reader.accept();
            open.cut_input(reader.as_mut());
            self.last = open.last().or(self.last);
            self.sent = self.sent.saturating_add(1);
            open.finish()?;
        }
        Ok(())
    }

    /// Whether a batch is being filled.
    pub(super) const fn has_open_batch(&self) -> bool {
        self.open.is_some()
    }

    /// Whether all that is there was read.
    pub(super) const fn is_dry(&self) -> bool {
        self.dry_since.is_some()
    }

    /// Whether nothing was written to it for so long.
    pub(super) fn is_quiet_for(&self, time: Duration) -> bool {
        self.dry_since.is_some_and(|since| since.elapsed() >= time)
    }

    /// Nothing more is written to it: what is left is read, a last row without its newline as well.
    pub(super) fn complete(&mut self) {
        self.source.complete();
        self.dry_since = None;
    }

    /// The last stretch that is recorded.
    pub(super) const fn last(&self) -> Option<RawRange> {
        self.last
    }

    /// Reads on in a file that has the same rows.
    pub(super) fn move_to(&mut self, source: S) {
        self.source = source;
        self.reader = None;
        self.dry_since = None;
    }

    /// Its input and its last stretch, for whoever lets it go.
    pub(super) fn into_finished(self) -> (HeldInput, Option<RawRange>) {
        (self.held, self.last)
    }
}
