//! One path that is followed, and the files that are and were under it.
//!
//! The newest file is the last one. Those before it are read to their ends first, and let go when
//! nothing was written to them for a while: a writer may go on with a file that was renamed until it
//! is told of it.

use super::rest::{Opened, find_rest, identity_of, open};
use super::tail::{Course, Tail};
use super::{FollowedSource, Follower, unreadable};
use crate::domain::{FileIdentity, InputIdentity, RawRange};
use crate::ledger::{HeldInput, HeldLock, InputId, KnownInput};
use crate::upload::batcher::Halt;
use crate::upload::report::Status;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a file under another name is waited for, since it may still be written to.
const LEAVE_AFTER: Duration = Duration::from_secs(5);

/// A path that is followed.
pub(super) struct FollowedPath<'a> {
    path: PathBuf,
    name: String,
    tails: Vec<Tail<'a, Opened>>,
    /// Device and inode of the file that was truncated last: what is in it since is another input.
    begins_anew: Option<(u64, u64)>,
    /// What lay under the path when this began and is not read to its end.
    expected: Option<KnownInput>,
    /// Somebody was told that there is no file.
    missing_told: bool,
    /// The input that was finished last, and its last stretch: both may still be on their way.
    finished: Option<(HeldInput, Option<RawRange>)>,
    /// No other run follows the path.
    _lock: HeldLock,
}

impl<'a> FollowedPath<'a> {
    /// Takes up what an earlier run has left: batches that were not settled, then files that were not
    /// read to their ends.
    pub(super) fn begin(follower: &mut Follower<'a>, path: &Path) -> Result<Self, Halt> {
        let name = path.display().to_string();
        let following = follower.following;
        let locking = following.ledger.lock_path(following.partition.id, &name);
        let Some(lock) = locking.map_err(|error| super::halted(&error))? else {
            let problem = format!("another run follows {name}");
            return Err(Halt::Partition(Status::Busy, problem));
        };
        let known = follower.known(&name)?;
        follower.send_again(&known)?;
        let mut followed = Self {
            path: path.to_owned(),
            tails: Vec::new(),
            begins_anew: None,
            expected: None,
            missing_told: false,
            finished: None,
            _lock: lock,
            name,
        };
        let current = match followed.under_its_name()? {
            Some(identity) => follower
                .recognise(path, &identity)?
                .map(|(input, _)| input.id),
            None => None,
        };
        for input in known.iter().filter(|input| !input.read_to_end) {
            if Some(input.id) == current {
                followed.expected = Some(input.clone());
            } else {
                followed.take_up_rest(follower, input)?;
            }
        }
        followed.take_up_missed(follower, &known)?;
        followed.look(follower)?;
        Ok(followed)
    }

    /// Takes up the rest of an input that is not under its name any more.
    fn take_up_rest(
        &mut self,
        follower: &mut Follower<'a>,
        input: &KnownInput,
    ) -> Result<(), Halt> {
        let last = follower.last_of(input)?;
        let place = input.identity.as_ref().and_then(InputIdentity::place);
        if let Some(rest) = find_rest(&self.path, place, last)? {
            return self.take_up(follower, Some(input.id), rest, last);
        }
        // Once; should it come back, it is read on.
        follower.warn(lost(&self.name, input.id, last))?;
        follower.end_input(input.id)
    }

    /// Takes up files that came and went between two looks, perhaps of different runs; whether there
    /// were any.
    fn take_up_missed(
        &mut self,
        follower: &mut Follower<'a>,
        known: &[KnownInput],
    ) -> Result<bool, Halt> {
        let missed = follower.missed(&self.path, known, &self.tails)?;
        let any = !missed.is_empty();
        for opened in missed {
            self.take_up(follower, None, opened, None)?;
        }
        Ok(any)
    }

    /// Looks at what is under the path by now.
    fn look(&mut self, follower: &mut Follower<'a>) -> Result<(), Halt> {
        self.leave_truncated(follower)?;
        let Some(identity) = self.under_its_name()? else {
            if self.tails.is_empty() && !self.missing_told {
                self.missing_told = true;
                let name = &self.name;
                follower.warn(format!("there is no {name} yet; waiting for it"))?;
            }
            return Ok(());
        };
        let place = (identity.device, identity.inode);
        let is_it = |tail: &Tail<'_, Opened>| {
            tail.source.place() == place && !tail.source.file.is_replaced()
        };
        if let Some(at) = self.tails.iter().position(is_it) {
            // Usually the newest already.
            let tail = self.tails.remove(at);
            self.tails.push(tail);
            return Ok(());
        }
        if !self.tails.iter().all(Tail::is_dry) {
            return Ok(());
        }
        let opened = open(&self.path).map_err(unreadable(&self.name))?;
        let Some(opened) = opened else {
            return Ok(());
        };
        let all_known = follower.known(&self.name)?;
        if self.take_up_missed(follower, &all_known)? {
            return Ok(());
        }
        if self.begins_anew == Some(opened.place()) {
            self.begins_anew = None;
            return self.take_up(follower, None, opened, None);
        }
        let known = follower.recognise(&self.path, &opened.identity)?;
        if let Some(expected) = self.expected.take()
            && known
                .as_ref()
                .is_none_or(|(input, _)| input.id != expected.id)
        {
            // It was renamed, or copied and truncated, since this began.
            self.take_up_rest(follower, &expected)?;
        }
        let (known, last) = known.map_or((None, None), |(input, last)| (Some(input.id), last));
        self.take_up(follower, known, opened, last)
    }

    fn take_up(
        &mut self,
        follower: &mut Follower<'a>,
        known: Option<InputId>,
        opened: Opened,
        last: Option<RawRange>,
    ) -> Result<(), Halt> {
        let finished = self.finished.take_if(|(held, _)| Some(held.id) == known);
        let (held, last) = match finished {
            // It was taken for finished and is back under its name.
            Some(finished) => finished,
            None => (
                follower.hold_file(known, &self.name, opened.identity)?,
                last,
            ),
        };
        self.tails.push(Tail::new(&self.name, opened, held, last));
        Ok(())
    }

    /// Of a file that was truncated, the rest is read from the copy that was made of it before. Without
    /// one, what is left in memory is all that there is.
    fn leave_truncated(&mut self, follower: &Follower<'a>) -> Result<(), Halt> {
        let is_truncated = |tail: &&mut Tail<'_, Opened>| {
            tail.source.file.is_replaced() && !tail.source.file.is_complete()
        };
        let Some(tail) = self.tails.iter_mut().find(is_truncated) else {
            return Ok(());
        };
        tail.flush()?;
        self.begins_anew = Some(tail.source.place());
        let copy = match tail.last() {
            Some(last) => find_rest(&self.path, None, Some(last))?,
            None => None,
        };
        if let Some(copy) = copy {
            tail.move_to(copy);
            return Ok(());
        }
        tail.complete();
        follower.warn(format!(
            "{} was truncated, and there is no copy of it beside it: rows that were written right before that may not have been read",
            self.name
        ))
    }

    /// What is under the path.
    fn under_its_name(&self) -> Result<Option<FileIdentity>, Halt> {
        identity_of(&self.path).map_err(unreadable(&self.name))
    }
}

impl<'a> FollowedSource<'a> for FollowedPath<'a> {
    fn go_on(&mut self, follower: &mut Follower<'a>) -> Result<Course, Halt> {
        self.look(follower)?;
        let newest = self.tails.len().saturating_sub(1);
        let mut course = Course::Idle;
        let mut ended = Vec::new();
        for (at, tail) in self.tails.iter_mut().enumerate() {
            match tail.go_on(follower)? {
                Course::Idle => {}
                Course::HasRead => course = Course::HasRead,
                Course::Ended => ended.push(at),
            }
            let is_left = at < newest || tail.source.file.is_replaced();
            if is_left && tail.is_quiet_for(LEAVE_AFTER) {
                tail.complete();
            }
        }
        for at in ended.into_iter().rev() {
            let finished = self.tails.remove(at).into_finished();
            // All batches of the one before are long settled.
            if let Some((before, _)) = self.finished.replace(finished) {
                follower.condense(before.id);
            }
        }
        Ok(course)
    }

    fn open_batches(&self) -> usize {
        self.tails.iter().filter(|it| it.has_open_batch()).count()
    }

    fn flush(&mut self) -> Result<(), Halt> {
        self.tails.iter_mut().try_for_each(Tail::flush)
    }
}

/// What is said of an input whose rest is nowhere.
fn lost(name: &str, input: InputId, last: Option<RawRange>) -> String {
    let lines = last.map_or(0, |last| {
        last.line.saturating_add(last.lines).saturating_sub(1)
    });
    format!(
        "a file that was {name} has vanished before it was read to its end: rows behind its line {lines}, if there were any, were not uploaded (input {} of the ledger); if it lies elsewhere, upload those rows without --follow",
        input.0
    )
}
