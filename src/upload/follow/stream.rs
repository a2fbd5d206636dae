//! A stream that is followed, and its partitions as they come and end.
//!
//! Partitions that were split or merged end; those that came of them are begun when all of their parents
//! were read to their ends. The list is asked for again whenever one ends, and now and then.

use super::opening::Opening;
use super::partition::{Fetching, FollowedPartition};
use super::silence::Silence;
use super::tail::Course;
use super::{FollowedSource, Follower, Reads};
use crate::input::{Listing, RecordStream, StreamAnswer, StreamFault, StreamHold, StreamPartition};
use crate::ledger::{InputKind, KnownInput};
use crate::upload::batcher::{Batcher, Halt};
use crate::upload::cut::Message;
use crate::upload::failure::stream_status;
use crate::upload::report::Status;
use crate::upload::settings::{StreamFrom, StreamSource};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// How often it is asked for new partitions.
const LIST_EVERY: Duration = Duration::from_secs(60);
/// How soon it is asked again when a partition has ended and those that came of it were not listed.
const LIST_SOON: Duration = Duration::from_millis(500);
/// How often whoever waits looks up.
const LOOK_UP_EVERY: Duration = Duration::from_secs(1);
/// Looks whose records are in memory at one time.
const MAX_LOOKS: usize = 3;

/// A stream that is followed.
pub(super) struct FollowedStream<'a> {
    fetching: Fetching<'a>,
    partitions: Vec<FollowedPartition<'a>>,
    /// Names of partitions that are read to their ends.
    finished: HashSet<String>,
    list: Option<JoinHandle<Result<Listing, StreamFault>>>,
    list_at: Instant,
    /// Whether partitions wait for their parents, or a list for one that has ended.
    is_behind: bool,
    silence: Silence,
    /// No other run of this machine reads the stream as this consumer.
    _held: StreamHold,
}

impl<'a> FollowedStream<'a> {
    /// Takes up what an earlier run has left: batches that were not settled, then the partitions.
    pub(super) fn begin(
        follower: &mut Follower<'a>,
        source: &'a StreamSource,
    ) -> Result<Self, Halt> {
        let name = source.stream.name();
        let held = source.stream.hold();
        let Some(held) = held.map_err(|fault| unreadable(name, &fault))? else {
            let problem = format!("another run reads {name}");
            return Err(Halt::Partition(Status::Busy, problem));
        };
        let known = partitions_of(follower, name)?;
        follower.send_again(&known)?;
        let listing = asked(
            follower.batcher,
            &*source.stream,
            Arc::clone(&source.stream).partitions(),
        )?;
        let listing = listing.map_err(|fault| unreadable(name, &fault))?;
        let settings = listing.form.apply(&follower.batcher.settings);
        let settings =
            settings.map_err(|why| Halt::Partition(Status::Usage, format!("{name}: {why}")))?;
        let is_finished = |input: &&KnownInput| input.read_to_end && !input.unsettled;
        let finished = known.iter().filter(is_finished);
        let mut followed = Self {
            finished: finished
                .filter_map(|input| input.name.rsplit_once('/'))
                .map(|(_, partition)| partition.to_owned())
                .collect(),
            fetching: Fetching {
                source,
                permits: Arc::new(Semaphore::new(MAX_LOOKS)),
                listed_at: listing.at,
                settings: Arc::new(settings),
            },
            partitions: Vec::new(),
            list: None,
            list_at: Instant::now() + LIST_EVERY,
            is_behind: false,
            silence: Silence::default(),
            _held: held,
        };
        if known.is_empty() {
            for partition in &listing.partitions {
                let name = followed.name_of(&partition.name);
                follower.note_begin(&name, source.from, listing.at)?;
            }
        }
        followed.take_up(follower, &listing)?;
        if source.commits {
            source.is_compared.store(true, Ordering::Release);
        } else {
            follower.warn(format!(
                "{name}: no checkpoint is committed, because the rows go to the built-in server"
            ))?;
        }
        Ok(followed)
    }

    fn name_of(&self, partition: &str) -> String {
        format!("{}/{partition}", self.fetching.source.stream.name())
    }

    /// Begins the partitions of a list that are not read yet and whose parents are.
    fn take_up(&mut self, follower: &mut Follower<'a>, listing: &Listing) -> Result<(), Halt> {
        let listed = |name: &String| listing.partitions.iter().any(|it| it.name == *name);
        self.is_behind = false;
        for partition in &listing.partitions {
            let mut read = self.partitions.iter_mut();
            if let Some(read) = read.find(|it| it.partition == partition.name) {
                read.range = partition.range;
                continue;
            }
            if self.finished.contains(&partition.name) {
                continue;
            }
            let mut parents = partition.parents.iter().filter(|name| listed(name));
            if parents.all(|parent| self.finished.contains(parent)) {
                let mut followed = self.open(follower, partition)?;
                followed.range = partition.range;
                self.partitions.push(followed);
            } else {
                self.is_behind = true;
            }
        }
        Ok(())
    }

    fn open(
        &self,
        follower: &mut Follower<'a>,
        partition: &StreamPartition,
    ) -> Result<FollowedPartition<'a>, Halt> {
        let name = self.name_of(&partition.name);
        let source = self.fetching.source;
        let asking = Arc::clone(&source.stream).checkpoint(partition.name.clone());
        let checkpoint = asked(follower.batcher, &*source.stream, asking)?
            .map_err(|fault| unreadable(&name, &fault))?;
        let all_known = partitions_of(follower, source.stream.name())?;
        let known = all_known.into_iter().rfind(|input| input.name == name);
        let last = match &known {
            Some(known) => follower.last_of(known)?,
            None => None,
        };
        if last.is_some() {
            follower.require_not_rewound(&name, checkpoint)?;
        }
        let begun = follower.begun(&name)?;
        let opening = Opening::find(last.as_ref(), begun, checkpoint);
        if let Some((from, to)) = opening.passed_over {
            follower.warn(format!(
                "{name}: the checkpoint is at {to}, further than this ledger has read; records {from} to {to} count as dealt with"
            ))?;
        }
        if let (None, true, Some(number)) = (&last, begun.is_some(), checkpoint) {
            let from = if source.from == StreamFrom::Latest {
                "records behind it that are older than this run are not read"
            } else {
                "it stays until it is passed"
            };
            follower.warn(format!(
                "{name}: reading begins where --from says, although there is a checkpoint at {number}; {from}"
            ))?;
        }
        let held = follower.hold(
            known.map(|it| it.id),
            (InputKind::Dis, &name),
            None,
            Reads::More,
        )?;
        Ok(FollowedPartition::new(
            (&partition.name, &name),
            held,
            opening,
            last,
            &self.fetching.settings,
        ))
    }

    /// Whether everything was read, where that is wanted.
    fn is_over(&self) -> Result<bool, Halt> {
        if !self.fetching.source.until_end {
            return Ok(false);
        }
        let mut all = true;
        for partition in &self.partitions {
            all &= partition.is_at_its_end()?;
        }
        Ok(all && !self.is_behind && self.list.is_none())
    }

    /// Asks for the list when it is time, and takes it when it is there.
    fn keep_the_list(&mut self, follower: &mut Follower<'a>) -> Result<(), Halt> {
        let runtime = &follower.batcher.runtime;
        if self.list.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(list) = self.list.take()
        {
            let name = self.fetching.source.stream.name();
            let listing = runtime.block_on(list).map_err(|error| {
                let problem = format!("listing {name} ended unexpectedly: {error}");
                Halt::Partition(Status::Unexpected, problem)
            })?;
            let listing = listing.map_err(|fault| unreadable(name, &fault))?;
            self.fetching.listed_at = listing.at;
            self.take_up(follower, &listing)?;
            let next = if self.is_behind {
                LIST_SOON
            } else {
                LIST_EVERY
            };
            self.list_at = Instant::now() + next;
        } else if self.list.is_none() && Instant::now() >= self.list_at {
            let stream = Arc::clone(&self.fetching.source.stream);
            self.list = Some(runtime.spawn(stream.partitions()));
        }
        Ok(())
    }
}

impl<'a> FollowedSource<'a> for FollowedStream<'a> {
    fn go_on(&mut self, follower: &mut Follower<'a>) -> Result<Course, Halt> {
        self.keep_the_list(follower)?;
        let waits = self.partitions.iter();
        let since = waits.filter_map(FollowedPartition::waits_since).min();
        if let Some(text) = self.silence.of(&*self.fetching.source.stream, since) {
            follower.warn(text)?;
        }
        let mut course = Course::Idle;
        let mut ended = Vec::new();
        for at in 0..self.partitions.len() {
            if self.open_batches() >= 2 && !follower.has_room() {
                self.flush()?;
            }
            let Some(partition) = self.partitions.get_mut(at) else {
                break;
            };
            match partition.go_on(follower, &self.fetching)? {
                Course::Idle => {}
                Course::HasRead => course = Course::HasRead,
                Course::Ended => ended.push(at),
            }
        }
        for at in ended.into_iter().rev() {
            let partition = self.partitions.remove(at);
            self.finished.insert(partition.partition);
            // Those that came of it are in the next list.
            self.is_behind = true;
            self.list_at = Instant::now();
        }
        Ok(if self.is_over()? {
            Course::Ended
        } else {
            course
        })
    }

    fn open_batches(&self) -> usize {
        let partitions = self.partitions.iter();
        partitions.filter(|it| it.has_open_batch()).count()
    }

    fn flush(&mut self) -> Result<(), Halt> {
        let mut partitions = self.partitions.iter_mut();
        partitions.try_for_each(FollowedPartition::flush)
    }
}

/// The inputs that are partitions of a stream.
fn partitions_of(follower: &Follower<'_>, stream: &str) -> Result<Vec<KnownInput>, Halt> {
    let mut known = follower.all_known()?;
    known.retain(|input| {
        let of = input.name.rsplit_once('/');
        input.kind == InputKind::Dis && of.is_some_and(|(of, _)| of == stream)
    });
    Ok(known)
}

/// Waits for an answer for as long as somebody takes batches.
fn asked<T>(
    batcher: &Batcher,
    stream: &dyn RecordStream,
    mut answer: StreamAnswer<T>,
) -> Result<Result<T, StreamFault>, Halt> {
    let (since, mut silence) = (Instant::now(), Silence::default());
    batcher.waiting(|| {
        batcher.runtime.block_on(async {
            loop {
                tokio::select! {
                    () = batcher.messages.closed() => return Err(Halt::Closed),
                    answered = &mut answer => return Ok(answered),
                    () = tokio::time::sleep(LOOK_UP_EVERY) => {}
                }
                if let Some(text) = silence.of(stream, Some(since)) {
                    let told = batcher.messages.send(Message::Warning(text)).await;
                    told.map_err(|_| Halt::Closed)?;
                }
            }
        })
    })
}

fn unreadable(name: &str, fault: &StreamFault) -> Halt {
    let problem = format!("{name} cannot be read: {fault}");
    Halt::Partition(stream_status(fault), problem)
}
