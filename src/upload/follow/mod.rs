//! Inputs without end: files as they grow, through rotation and truncation, and the partitions of a
//! stream, until the run ends.
//!
//! A path is followed, not a file: each file that is found under it becomes an input of its own, known
//! by device, inode and the bytes that were read, and is registered when it is met. So is each partition
//! of a stream. All batches are spooled before they are sent, so a resume needs the source only for what
//! was not read. The thread that reads waits for memory like any other, and the sources wait for it.

mod opening;
mod partition;
mod path;
mod rest;
mod silence;
mod stream;
mod tail;

use super::batcher::{Batcher, Halt};
use super::context::InputNames;
use super::cut::Message;
use super::report::Status;
use super::settings::StreamSource;
use super::work::{Source, Work, WorkDates};
use super::{explain, failure, spool};
use crate::domain::{FileIdentity, InputIdentity, RawRange};
use crate::ledger::{
    HeldInput, InputId, InputIntent, InputKind, KnownInput, Ledger, LedgerError, LedgerReader,
    RegisteredPartition, RunId,
};
use path::FollowedPath;
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use stream::FollowedStream;
use tail::Course;

/// How often it is looked whether there is more: a small part of what a row may be late.
const TICK: Duration = Duration::from_millis(20);

/// What following needs besides a reading thread.
pub(super) struct Following {
    pub(super) what: Followed,
    pub(super) ledger: Arc<Ledger>,
    pub(super) run: RunId,
    pub(super) partition: RegisteredPartition,
    pub(super) names: InputNames,
}

/// What is followed.
pub(super) enum Followed {
    /// Absolute paths.
    Paths(Vec<PathBuf>),
    Stream(StreamSource),
}

/// Whether an input that was read to its end is read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// There may be more.
    More,
    /// Only batches of it are sent again.
    NoMore,
}

/// What all that is followed shares.
struct Follower<'a> {
    batcher: &'a Batcher,
    following: &'a Following,
    /// Index of the partition in the run.
    index: usize,
    reader: LedgerReader,
    /// Inputs that were taken for batches of an earlier run, before their sources are read on.
    held: HashMap<InputId, HeldInput>,
}

/// One path, or one stream, with the inputs under it.
trait FollowedSource<'a> {
    /// Reads what is there.
    fn go_on(&mut self, follower: &mut Follower<'a>) -> Result<Course, Halt>;

    /// Batches that are being filled.
    fn open_batches(&self) -> usize;

    /// Sends what was read so far.
    fn flush(&mut self) -> Result<(), Halt>;
}

impl Followed {
    /// Paths, or the one stream.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Paths(paths) => paths.len(),
            Self::Stream(_) => 1,
        }
    }
}

impl Following {
    /// Follows until nobody takes batches any more, or nothing more can come.
    pub(super) fn follow(&self, batcher: &Batcher, index: usize) -> Result<(), Halt> {
        let reader = LedgerReader::open(self.ledger.state_dir()).map_err(|error| halted(&error))?;
        let mut follower = Follower {
            batcher,
            following: self,
            index,
            reader: reader.ok_or(Halt::Closed)?,
            held: HashMap::new(),
        };
        let mut sources = self.begin(&mut follower)?;
        batcher.tell(Message::Begun)?;
        loop {
            let (mut has_read, mut going_on) = (false, false);
            for at in 0..sources.len() {
                if batcher.messages.is_closed() {
                    return Err(Halt::Closed);
                }
                if (batcher.is_stopped)(index) {
                    return Err(Halt::Stopped);
                }
                follower.make_room(&mut sources)?;
                if let Some(source) = sources.get_mut(at) {
                    let course = source.go_on(&mut follower)?;
                    has_read |= course == Course::HasRead;
                    going_on |= course != Course::Ended;
                }
            }
            if !going_on {
                return sources.iter_mut().try_for_each(|source| source.flush());
            }
            if !has_read {
                std::thread::sleep(TICK);
            }
        }
    }

    fn begin<'a>(
        &'a self,
        follower: &mut Follower<'a>,
    ) -> Result<Vec<Box<dyn FollowedSource<'a> + 'a>>, Halt> {
        let mut sources: Vec<Box<dyn FollowedSource<'a> + 'a>> = Vec::new();
        match &self.what {
            Followed::Paths(paths) => {
                for path in paths {
                    sources.push(Box::new(FollowedPath::begin(follower, path)?));
                }
            }
            Followed::Stream(source) => {
                sources.push(Box::new(FollowedStream::begin(follower, source)?));
            }
        }
        Ok(sources)
    }
}

impl<'a> Follower<'a> {
    /// Batches that are being filled hold memory which nothing but sending them gives back: before
    /// one could wait for it in vain, all are sent.
    fn make_room(&self, sources: &mut [Box<dyn FollowedSource<'a> + 'a>]) -> Result<(), Halt> {
        let open: usize = sources.iter().map(|source| source.open_batches()).sum();
        if open < 2 || self.has_room() {
            return Ok(());
        }
        sources.iter_mut().try_for_each(|source| source.flush())
    }

    /// Whether another batch can be begun without others being sent first.
    fn has_room(&self) -> bool {
        let (_, batch_bytes) = (self.batcher.limits)(None);
        let largest = batch_bytes.max(self.batcher.settings.max_row_bytes);
        self.batcher.budget.free_bytes() >= largest.saturating_mul(2)
    }

    /// Inputs that were followed under a path, the oldest first.
    fn known(&self, name: &str) -> Result<Vec<KnownInput>, Halt> {
        let mut known = self.all_known()?;
        known.retain(|input| input.kind == InputKind::Followed && input.name == name);
        Ok(known)
    }

    fn all_known(&self) -> Result<Vec<KnownInput>, Halt> {
        let inputs = self.reader.inputs(self.following.partition.id);
        inputs.map_err(|error| halted(&error))
    }

    /// What was recorded last of an input.
    fn last_of(&self, input: &KnownInput) -> Result<Option<RawRange>, Halt> {
        let last = self.reader.last_chunk(input.id);
        last.map_err(|error| halted(&error))
    }

    /// Takes a file, known or new.
    fn hold_file(
        &mut self,
        known: Option<InputId>,
        name: &str,
        identity: FileIdentity,
    ) -> Result<HeldInput, Halt> {
        let identity = Some(InputIdentity::File(identity));
        self.hold(known, (InputKind::Followed, name), identity, Reads::More)
    }

    /// Takes an input, known or new.
    fn hold(
        &mut self,
        known: Option<InputId>,
        (kind, name): (InputKind, &str),
        identity: Option<InputIdentity>,
        reads: Reads,
    ) -> Result<HeldInput, Halt> {
        if let Some(held) = known.and_then(|id| self.held.remove(&id)) {
            return Ok(held);
        }
        let settings = &self.batcher.settings;
        let intent = InputIntent {
            known,
            kind,
            name: name.to_owned(),
            identity,
            row_options: settings.row_options_digest(),
            date_options: None,
            read_options: settings.read_options(),
            scope: Vec::new(),
            verified: true,
            unfinished: true,
            torn_end: None,
            read_up_to: None,
            stays_read: reads == Reads::NoMore,
        };
        let Following {
            ledger,
            run,
            partition,
            names,
            ..
        } = self.following;
        let held = ledger.hold(*run, partition.clone(), intent);
        let held = held.committed_blocking().map_err(|error| halted(&error))?;
        names.add(held.id, name.to_owned());
        Ok(held)
    }

    /// Sends batches again that an earlier run intended.
    fn send_again(&mut self, known: &[KnownInput]) -> Result<(), Halt> {
        let mut work = Work {
            dates: WorkDates::One(self.index),
            intended: Vec::new(),
            sources: HashMap::new(),
            inputs: Vec::new(),
            date_field: None,
            followed: None,
        };
        let spool_dir = &self.batcher.spool_dir;
        for input in known.iter().filter(|input| !input.unsettled) {
            spool::sweep(spool_dir, input.id, &[]);
        }
        for input in known.iter().filter(|input| input.unsettled) {
            let kind = (input.kind, input.name.as_str());
            let held = self.hold(Some(input.id), kind, input.identity.clone(), Reads::NoMore)?;
            self.held.insert(input.id, held);
            let partition = self.following.partition.id;
            let batches = self.reader.intended_batches(partition, input.id);
            let batches = batches.map_err(|error| halted(&error))?;
            spool::sweep(spool_dir, input.id, &batches);
            let batches = batches.into_iter().map(|batch| (self.index, batch));
            work.intended.extend(batches);
            let source = Source {
                name: input.name.clone(),
                location: None,
                chunks: Vec::new(),
            };
            work.sources.insert(input.id, source);
        }
        super::redo::resend_intended(self.batcher, &work).map(drop)
    }

    /// Lets the ledger join what is settled of an input. Should that fail, the ledger is closed, and
    /// whoever intends the next batch hears why.
    fn condense(&self, input: InputId) {
        let following = self.following;
        let _nobody_waits = following.ledger.condense(following.partition.id, input);
    }

    /// Notes that nothing more of an input is looked for.
    fn end_input(&self, input: InputId) -> Result<(), Halt> {
        let ended = self.following.ledger.end_input(input);
        ended.committed_blocking().map_err(|error| halted(&error))
    }

    fn warn(&self, text: String) -> Result<(), Halt> {
        self.batcher.tell(Message::Warning(text))
    }
}

/// What a failure of the ledger means for following.
fn halted(error: &LedgerError) -> Halt {
    Halt::Partition(failure::ledger_status(error), explain::with_causes(error))
}

/// What a failure of the file system means for following a path.
fn unreadable(name: &str) -> impl Fn(io::Error) -> Halt {
    move |error| {
        Halt::Partition(
            Status::BadInput,
            format!(
                "{name} cannot be followed: {error}; see to it that it can be read, then run the same command again: it goes on where this one stopped"
            ),
        )
    }
}
