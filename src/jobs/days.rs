//! The days of the jobs: their order, what a day waits for, and how long the rest will take.

use crate::domain::{DataDate, StageKind, Topic};
use crate::upload::report::Status;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One day of one job; what runs it is the caller's.
#[derive(Debug, Clone)]
pub struct Errand<W> {
    /// Name of the job.
    pub job: String,
    /// Jobs that must be complete for the day.
    pub after: Vec<String>,
    /// The day; `None` for a job without days, or with several that cannot be told apart.
    pub day: Option<DataDate>,
    /// What runs it.
    pub work: W,
}

/// Day by day, and within a day in the order of the jobs; what has no day comes last.
pub fn in_order<W>(mut errands: Vec<Errand<W>>) -> Vec<Errand<W>> {
    errands.sort_by_key(|errand| (errand.day.is_none(), errand.day));
    errands
}

/// What became of the days so far.
#[derive(Debug, Default)]
pub struct Outcomes {
    ended: BTreeMap<(String, Option<DataDate>), Status>,
    refused: BTreeSet<(Topic, StageKind)>,
}

/// Why a day is not begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waits {
    /// A job that it comes after ended with this status for the day.
    For(String, Status),
    /// A job that it comes after is not part of this run and not known to be complete.
    ForUnknown(String),
    /// The platform refused the stage or topic itself for an earlier day.
    Refused,
}

impl Outcomes {
    /// Notes how a day ended.
    pub fn note(&mut self, job: &str, day: Option<DataDate>, status: Status) {
        self.ended.insert((job.to_owned(), day), status);
    }

    /// Notes that a topic and stage are refused as such.
    pub fn note_refused(&mut self, topic: &Topic, stage: StageKind) {
        self.refused.insert((topic.clone(), stage));
    }

    /// Why a day has to wait; `None` when it may begin. `is_complete` knows of the days that are
    /// not part of this run.
    pub fn waits<W>(
        &self,
        errand: &Errand<W>,
        (topic, stage): (&Topic, StageKind),
        is_complete: impl Fn(&str, Option<DataDate>) -> bool,
    ) -> Option<Waits> {
        if self.refused.contains(&(topic.clone(), stage)) {
            return Some(Waits::Refused);
        }
        errand
            .after
            .iter()
            .find_map(|job| match self.ended.get(&(job.clone(), errand.day)) {
                Some(Status::Success) => None,
                Some(status) => Some(Waits::For(job.clone(), *status)),
                None if is_complete(job, errand.day) => None,
                None => Some(Waits::ForUnknown(job.clone())),
            })
    }
}

/// How long the rest will take when it goes on as so far; `None` before anything took time.
pub fn time_left(finished: usize, all: usize, elapsed: Duration) -> Option<Duration> {
    let left = all.checked_sub(finished).filter(|left| *left > 0)?;
    let each = elapsed.checked_div(u32::try_from(finished).ok()?)?;
    each.checked_mul(u32::try_from(left).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errand(job: &str, after: &[&str], day: Option<&str>) -> Errand<()> {
        Errand {
            job: job.to_owned(),
            after: after.iter().map(|name| (*name).to_owned()).collect(),
            day: day.map(|day| day.parse().unwrap()),
            work: (),
        }
    }

    #[test]
    fn days_go_one_after_the_other_and_jobs_keep_their_order_within_a_day() {
        let errands = in_order(vec![
            errand("a", &[], None),
            errand("b", &[], Some("2022-01-02")),
            errand("b", &[], Some("2022-01-01")),
            errand("c", &[], Some("2022-01-01")),
        ]);
        let order: Vec<String> = errands
            .iter()
            .map(|it| {
                format!(
                    "{}{}",
                    it.job,
                    it.day.map_or(String::new(), |day| day.to_string())
                )
            })
            .collect();
        assert_eq!(order, ["b2022-01-01", "c2022-01-01", "b2022-01-02", "a"]);
    }

    #[test]
    fn a_day_waits_for_the_same_day_of_the_job_before_it() {
        let mut outcomes = Outcomes::default();
        let topic: Topic = "behavior".parse().unwrap();
        let stage = StageKind::HistorySync;
        let b = errand("b", &["a"], Some("2022-01-01"));
        let nobody = |_: &str, _| false;
        let waits = |outcomes: &Outcomes| outcomes.waits(&b, (&topic, stage), nobody);
        assert_eq!(waits(&outcomes), Some(Waits::ForUnknown("a".to_owned())));
        outcomes.note("a", Some("2022-01-02".parse().unwrap()), Status::Success);
        assert!(waits(&outcomes).is_some());
        assert_eq!(outcomes.waits(&b, (&topic, stage), |_, _| true), None);
        outcomes.note("a", b.day, Status::NotReady);
        assert_eq!(
            waits(&outcomes),
            Some(Waits::For("a".to_owned(), Status::NotReady))
        );
        outcomes.note("a", b.day, Status::Success);
        assert_eq!(waits(&outcomes), None);
        outcomes.note_refused(&topic, stage);
        assert_eq!(waits(&outcomes), Some(Waits::Refused));
    }

    #[test]
    fn the_time_left_is_reckoned_from_the_days_so_far() {
        let minute = Duration::from_secs(60);
        assert_eq!(time_left(2, 6, minute), Some(Duration::from_secs(120)));
        assert_eq!(time_left(0, 6, minute), None);
        assert_eq!(time_left(6, 6, minute), None);
    }
}
