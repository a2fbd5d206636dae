//! Where a partition of a stream is read from, so that no record is left out.
//!
//! What this ledger has read goes before everything else, except that a checkpoint which is further was
//! set by somebody who has dealt with the records up to it. Where a partition was begun otherwise is
//! recorded before the first look, so that a run that was killed before it had read anything begins
//! there again. A partition that came later is read from its oldest record.

use super::{Follower, halted};
use crate::domain::RawRange;
use crate::input::{RecordStart, StreamPlace};
use crate::upload::batcher::Halt;
use crate::upload::report::Status;
use crate::upload::settings::StreamFrom;
use crate::upload::stream_notes::Note;

/// Where reading goes on, for the service and for the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opening {
    pub(super) place: StreamPlace,
    pub(super) start: RecordStart,
    /// Numbers that this ledger has not read and that a checkpoint says are dealt with.
    pub(super) passed_over: Option<(u64, u64)>,
}

impl Opening {
    /// From what is known: the last stretch that this ledger has read, the place at which the partition was
    /// begun, the checkpoint.
    pub(super) fn find(
        last: Option<&RawRange>,
        begun: Option<StreamPlace>,
        checkpoint: Option<u64>,
    ) -> Self {
        let Some(last) = last else {
            let place = begun.unwrap_or(checkpoint.map_or(StreamPlace::Oldest, StreamPlace::After));
            let start = RecordStart::BEGINNING;
            return Self {
                start: place.next_number().map_or(start, |next| start.at(next)),
                place,
                passed_over: None,
            };
        };
        let start = RecordStart::after(last);
        let next = start.start.line;
        let further = checkpoint.map(|number| (number, number.saturating_add(1)));
        if let Some((number, behind)) = further.filter(|(_, behind)| *behind > next) {
            return Self {
                place: StreamPlace::After(number),
                start: start.at(behind),
                passed_over: Some((next, number)),
            };
        }
        let place = match next.checked_sub(1) {
            Some(before) if start.taken == 0 => StreamPlace::After(before),
            _ => StreamPlace::At(next),
        };
        Self {
            place,
            start,
            passed_over: None,
        }
    }
}

impl Follower<'_> {
    /// Notes where a partition is begun, unless that is known; `at` is the time of the service.
    pub(super) fn note_begin(&self, name: &str, from: StreamFrom, at: i64) -> Result<(), Halt> {
        let milliseconds = match from {
            StreamFrom::Checkpoint => return Ok(()),
            StreamFrom::Oldest => 0,
            StreamFrom::Latest => at.unsigned_abs(),
            StreamFrom::Time(time) => time.unsigned_abs(),
        };
        if self.begun(name)?.is_some() {
            return Ok(());
        }
        if matches!(from, StreamFrom::Time(time) if time > at) {
            self.warn(format!(
                "{name}: --from lies in the future by the clock of the service: nothing is read that is written before then"
            ))?;
        }
        let (ledger, epoch) = (&self.following.ledger, self.following.partition.epoch);
        let noted = Note::Begun.write(ledger, epoch, name, milliseconds);
        noted.committed_blocking().map_err(|error| halted(&error))
    }

    /// Where a partition was begun, if that was not its checkpoint.
    pub(super) fn begun(&self, name: &str) -> Result<Option<StreamPlace>, Halt> {
        let begun = self.noted(Note::Begun, name)?;
        Ok(begun.map(|begun| match i64::try_from(begun) {
            Ok(time) if time > 0 => StreamPlace::Time(time),
            _ => StreamPlace::Oldest,
        }))
    }

    /// Since when records are read instead of those that are gone, from the number `wanted` on. It is
    /// noted like the place at which a partition is begun: a run that finds the same records gone
    /// before anything was read goes on there, and leaves out no more than the first one; `at` is the
    /// time of the service.
    pub(super) fn note_skip(&self, name: &str, wanted: Option<u64>, at: i64) -> Result<i64, Halt> {
        let of = wanted.map_or_else(|| name.to_owned(), |wanted| format!("{name} {wanted}"));
        let noted = self.noted(Note::Skipped, &of)?;
        if let Some(since) = noted.and_then(|since| i64::try_from(since).ok()) {
            return Ok(since);
        }
        let (ledger, epoch) = (&self.following.ledger, self.following.partition.epoch);
        let noted = Note::Skipped.write(ledger, epoch, &of, at.unsigned_abs());
        noted.committed_blocking().map_err(|error| halted(&error))?;
        Ok(at)
    }

    /// Refuses to go on when somebody has moved the checkpoint back, behind what this ledger has committed:
    /// whether that was meant, only they know.
    pub(super) fn require_not_rewound(
        &self,
        name: &str,
        checkpoint: Option<u64>,
    ) -> Result<(), Halt> {
        let Some(ours) = self.noted(Note::Committed, name)? else {
            return Ok(());
        };
        let there = match checkpoint {
            Some(there) if there >= ours => return Ok(()),
            Some(there) => format!("was moved back from {ours} to {there}"),
            None => format!("was {ours} and is gone"),
        };
        Err(Halt::Partition(
            Status::InputChanged,
            format!(
                "{name}: the checkpoint {there}, not by this ledger, which has uploaded everything up to it. To upload again what lies behind it, say --restart (rows will be stored twice); to go on where this ledger is, put it back with checkpoint commit --sequence {ours}"
            ),
        ))
    }

    fn noted(&self, note: Note, name: &str) -> Result<Option<u64>, Halt> {
        let (ledger, epoch) = (&self.following.ledger, self.following.partition.epoch);
        let noted = note.read(ledger, epoch, name).committed_blocking();
        let noted = noted.map_err(|error| halted(&error))?;
        Ok(noted.map(|noted| noted.records))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(line: u64, lines: u64, taken: u128) -> RawRange {
        RawRange {
            first_record: 11,
            records: 5,
            offset: 100,
            length: 50,
            line,
            lines,
            digest: taken,
        }
    }

    #[test]
    fn without_anything_read_the_place_is_where_it_was_begun_or_the_checkpoint_or_the_oldest() {
        let place = |begun, checkpoint| Opening::find(None, begun, checkpoint).place;
        assert_eq!(place(None, None), StreamPlace::Oldest);
        assert_eq!(place(None, Some(7)), StreamPlace::After(7));
        let time = StreamPlace::Time(9);
        assert_eq!(place(Some(time), Some(7)), time);
    }

    #[test]
    fn what_was_read_goes_before_an_older_checkpoint_and_after_a_further_one() {
        let whole = last(20, 5, 0);
        for checkpoint in [None, Some(3), Some(24)] {
            let opening = Opening::find(Some(&whole), Some(StreamPlace::Oldest), checkpoint);
            assert_eq!(opening.place, StreamPlace::After(24));
            assert_eq!(
                (opening.start.start.record, opening.start.start.line),
                (16, 25)
            );
        }
        let opening = Opening::find(Some(&whole), None, Some(30));
        assert_eq!(opening.place, StreamPlace::After(30));
        assert_eq!(opening.passed_over, Some((25, 30)));
        assert_eq!(
            (opening.start.start.record, opening.start.start.line),
            (16, 31)
        );
    }

    #[test]
    fn a_record_that_was_read_in_part_is_read_again() {
        let opening = Opening::find(Some(&last(20, 5, 2)), None, Some(24));
        assert_eq!(opening.place, StreamPlace::At(25));
        assert_eq!(opening.start.taken, 2);
        let first = Opening::find(Some(&last(0, 0, 2)), None, None);
        assert_eq!(first.place, StreamPlace::At(0));
    }
}
