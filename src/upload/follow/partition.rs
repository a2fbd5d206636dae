//! One partition of a stream: its records are fetched while those before them are read.
//!
//! One look is under way at a time, and the next one begins when all that came was read, so that memory is
//! bounded by the number of looks. Where nothing came, the next look waits a little longer each time.

use super::Follower;
use super::opening::Opening;
use super::tail::{Course, Growing, Tail};
use crate::domain::RawRange;
use crate::input::{
    Fetched, InputSettings, RecordFeed, RecordStart, RowReader, StreamFault, StreamPlace,
    open_records,
};
use crate::ledger::HeldInput;
use crate::text::grouped;
use crate::upload::batcher::Halt;
use crate::upload::failure::stream_status;
use crate::upload::report::Status;
use crate::upload::settings::{OutOfRange, StreamSource};
use chrono::{DateTime, SecondsFormat};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

/// Bytes of records that a look asks for.
const FETCH_BYTES: usize = 1 << 20;
/// The same after a look that brought nothing: a record larger than what is asked for never comes.
const LARGE_FETCH_BYTES: usize = 6 << 20;
/// Wait after the first look that brought nothing; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest wait between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Looks that brought nothing after which a partition counts as read to its end, when the last record
/// that was listed is read. Such looks alone say nothing (`huawei.md` 2.3).
const EMPTY_AT_END: u32 = 3;
/// The same when it is not known which record is the last one.
const EMPTY_UNSURE: u32 = 8;
/// Looks that brought nothing, about a minute of them, after which records that were listed are not
/// waited for any longer.
const EMPTY_IN_VAIN: u32 = 60;

/// Records on their way, with the place of the first one in the books.
pub(super) struct Feed {
    records: RecordFeed,
    start: RecordStart,
    /// How records of this stream are read.
    settings: Arc<InputSettings>,
}

impl Growing for Feed {
    fn has_news(&self, _name: &str) -> Result<bool, Halt> {
        Ok(self.records.has_news())
    }

    fn open(
        &self,
        name: &str,
        _settings: &InputSettings,
        _last: Option<&RawRange>,
    ) -> Result<Option<Box<dyn RowReader>>, Halt> {
        Ok(Some(open_records(
            &self.records,
            name,
            &self.settings,
            self.start,
        )))
    }

    fn complete(&self) {
        self.records.complete();
    }
}

/// What the partitions of a stream share.
pub(super) struct Fetching<'a> {
    pub(super) source: &'a StreamSource,
    /// One for each look whose records are in memory.
    pub(super) permits: Arc<Semaphore>,
    /// When the partitions were listed last, by the clock of the service.
    pub(super) listed_at: i64,
    /// How records are read, by the options and by what the stream says.
    pub(super) settings: Arc<InputSettings>,
}

/// A partition that is read.
pub(super) struct FollowedPartition<'a> {
    /// As the service names it.
    pub(super) partition: String,
    /// As the ledger does.
    name: String,
    tail: Tail<'a, Feed>,
    place: StreamPlace,
    /// The oldest record as it was when reading was to go on there: it may go as well.
    oldest: Option<u64>,
    /// The last place that was taken instead of records that were gone (`--out-of-range latest`).
    skipped_to: Option<StreamPlace>,
    look: Option<JoinHandle<Result<Fetched, StreamFault>>>,
    /// When it was begun.
    look_since: Instant,
    permit: Option<OwnedSemaphorePermit>,
    /// Numbers of the oldest and the newest record when the partitions were listed last.
    pub(super) range: Option<(u64, u64)>,
    empty_looks: u32,
    not_before: Instant,
    has_ended: bool,
}

impl<'a> FollowedPartition<'a> {
    pub(super) fn new(
        (partition, name): (&str, &str),
        held: HeldInput,
        opening: Opening,
        last: Option<RawRange>,
        settings: &Arc<InputSettings>,
    ) -> Self {
        let feed = Feed {
            records: RecordFeed::default(),
            start: opening.start,
            settings: Arc::clone(settings),
        };
        Self {
            partition: partition.to_owned(),
            name: name.to_owned(),
            tail: Tail::new(name, feed, held, last),
            place: opening.place,
            oldest: None,
            skipped_to: None,
            look: None,
            look_since: Instant::now(),
            permit: None,
            range: None,
            empty_looks: 0,
            not_before: Instant::now(),
            has_ended: false,
        }
    }

    /// Reads what came, and looks for more.
    pub(super) fn go_on(
        &mut self,
        follower: &Follower<'a>,
        fetching: &Fetching<'_>,
    ) -> Result<Course, Halt> {
        if self.look.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(look) = self.look.take()
        {
            let fetched = follower.batcher.runtime.block_on(look).map_err(|error| {
                let problem = format!("a look into {} ended unexpectedly: {error}", self.name);
                Halt::Partition(Status::Unexpected, problem)
            })?;
            self.take(fetched, follower, fetching)?;
        }
        let course = self.tail.go_on(follower)?;
        self.look_for_more(follower, fetching);
        Ok(course)
    }

    fn look_for_more(&mut self, follower: &Follower<'_>, fetching: &Fetching<'_>) {
        if self.look.is_some() || self.has_ended || !self.tail.source.records.is_empty() {
            return;
        }
        // Whoever gives its permit back lets others have a turn.
        if self.permit.take().is_some() || Instant::now() < self.not_before {
            return;
        }
        let Ok(permit) = Arc::clone(&fetching.permits).try_acquire_owned() else {
            return;
        };
        self.permit = Some(permit);
        let bytes = if self.empty_looks == 0 {
            FETCH_BYTES
        } else {
            LARGE_FETCH_BYTES
        };
        let stream = Arc::clone(&fetching.source.stream);
        let look = stream.fetch(self.partition.clone(), self.place, bytes);
        self.look = Some(follower.batcher.runtime.spawn(look));
        self.look_since = Instant::now();
    }

    /// Since when an answer is waited for, if one is.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        self.look.as_ref().map(|_| self.look_since)
    }

    fn take(
        &mut self,
        fetched: Result<Fetched, StreamFault>,
        follower: &Follower<'_>,
        fetching: &Fetching<'_>,
    ) -> Result<(), Halt> {
        let mut fetched = match fetched {
            Ok(fetched) => fetched,
            Err(StreamFault::OutOfRange { oldest }) => {
                self.miss(oldest, follower, fetching)?;
                return Ok(());
            }
            Err(StreamFault::Gone) => {
                follower.warn(format!(
                    "{} is not kept any more; what was not read of it, if there was anything, is lost",
                    self.name
                ))?;
                Fetched {
                    records: Vec::new(),
                    ended: true,
                }
            }
            Err(fault @ StreamFault::Other(..)) => {
                let problem = format!("{} cannot be read: {fault}", self.name);
                return Err(Halt::Partition(stream_status(&fault), problem));
            }
        };
        if let Some(wanted) = self.place.next_number() {
            // What was read before came once more.
            fetched.records.retain(|record| record.number >= wanted);
        }
        let first = fetched.records.first().map(|record| record.number);
        if let (Some(wanted), Some(first)) = (self.place.next_number(), first)
            && first > wanted
            && !self.miss(Some(first), follower, fetching)?
        {
            return Ok(());
        }
        if let (Some(oldest), Some(first)) = (self.oldest, first) {
            self.oldest = None;
            if first > oldest {
                follower.warn(missing(&self.name, StreamPlace::At(oldest), Some(first)))?;
            }
        }
        if let Some(last) = fetched.records.last() {
            self.place = StreamPlace::After(last.number);
            self.empty_looks = 0;
        } else {
            let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.empty_looks));
            self.not_before = Instant::now() + pause.min(LONGEST_PAUSE);
            self.empty_looks = self.empty_looks.saturating_add(1);
        }
        self.tail.source.records.push(fetched.records);
        if fetched.ended {
            self.has_ended = true;
            self.tail.complete();
        }
        Ok(())
    }

    /// Records that were to be read next are gone. Whether those that are there are read now.
    fn miss(
        &mut self,
        oldest: Option<u64>,
        follower: &Follower<'_>,
        fetching: &Fetching<'_>,
    ) -> Result<bool, Halt> {
        let what = missing(&self.name, self.place, oldest);
        let is_another_stream = matches!((self.place.next_number(), oldest), (Some(wanted), Some(oldest)) if oldest <= wanted);
        match fetching.source.out_of_range {
            // The place that is to be read next would be as wrong after every start.
            _ if is_another_stream => Err(Halt::Partition(Status::InputChanged, what)),
            OutOfRange::Fail => Err(Halt::Partition(
                Status::InputChanged,
                format!(
                    "{what}. Nothing was skipped; to go on without them, say --out-of-range oldest or --out-of-range latest"
                ),
            )),
            OutOfRange::Oldest => {
                follower.warn(format!(
                    "{what}; going on with the oldest record that is kept"
                ))?;
                self.go_to_the_oldest(oldest);
                Ok(true)
            }
            // All that is kept was written after the place that was taken instead.
            OutOfRange::Latest if self.skipped_to == Some(self.place) => {
                follower.warn(format!(
                    "{what}; going on with the oldest record that is kept"
                ))?;
                self.go_to_the_oldest(oldest);
                Ok(true)
            }
            OutOfRange::Latest => {
                let wanted = self.place.next_number();
                let since = follower.note_skip(&self.name, wanted, fetching.listed_at)?;
                follower.warn(format!(
                    "{what}; going on with what was written since {}, and what was written before is neither read nor counted",
                    time_text(since)
                ))?;
                self.place = StreamPlace::Time(since);
                self.skipped_to = Some(self.place);
                Ok(false)
            }
        }
    }

    fn go_to_the_oldest(&mut self, oldest: Option<u64>) {
        self.place = StreamPlace::Oldest;
        self.oldest = oldest;
    }

    /// Whether nothing more is there, going by the last looks and by the list. Fails when there must be
    /// more and it does not come.
    pub(super) fn is_at_its_end(&self) -> Result<bool, Halt> {
        let next = match (self.place, self.range) {
            (StreamPlace::Oldest, Some((oldest, _))) => Some(oldest),
            (place, _) => place.next_number(),
        };
        let newest = self.range.map(|(_, newest)| newest);
        let enough = match (next, newest) {
            (Some(next), Some(newest)) if next > newest => EMPTY_AT_END,
            (Some(next), Some(newest)) if next < newest => {
                if self.empty_looks >= EMPTY_IN_VAIN {
                    let problem = format!(
                        "{}: the service lists records up to {newest} and gives none from {next} on; they are still to be read",
                        self.name
                    );
                    return Err(Halt::Partition(Status::Temporary, problem));
                }
                return Ok(false);
            }
            _ => EMPTY_UNSURE,
        };
        Ok(self.empty_looks >= enough && self.tail.is_dry())
    }

    pub(super) const fn has_open_batch(&self) -> bool {
        self.tail.has_open_batch()
    }

    /// Sends what was read so far.
    pub(super) fn flush(&mut self) -> Result<(), Halt> {
        self.tail.flush()
    }
}

/// A time in milliseconds since 1970, for people.
fn time_text(milliseconds: i64) -> String {
    let time = DateTime::from_timestamp_millis(milliseconds);
    time.map_or_else(
        || milliseconds.to_string(),
        |time| time.to_rfc3339_opts(SecondsFormat::Secs, true),
    )
}

/// What is said of records that are gone.
fn missing(name: &str, place: StreamPlace, oldest: Option<u64>) -> String {
    match (place.next_number(), oldest) {
        (Some(wanted), Some(oldest)) if oldest > wanted => {
            let lost = oldest.saturating_sub(wanted);
            format!(
                "{name}: {} record(s) are lost: sequence numbers {wanted} to {} were deleted by the service before they were read",
                grouped(lost),
                oldest.saturating_sub(1)
            )
        }
        (Some(wanted), Some(_)) => format!(
            "{name}: record {wanted} is to be read next, and all records that are there have smaller numbers: was the stream deleted and made anew? If so, remove its checkpoint with checkpoint delete, and say --restart"
        ),
        (Some(wanted), None) => format!(
            "{name}: record {wanted} is to be read next, and the service keeps no record there: how many are lost cannot be told"
        ),
        (None, _) => {
            let time = match place {
                StreamPlace::Time(time) => time_text(time),
                _ => "the oldest one that it had".to_owned(),
            };
            format!(
                "{name}: the service does not keep records as old as {time} any more, from where on they were to be read: how many are lost cannot be told"
            )
        }
    }
}
