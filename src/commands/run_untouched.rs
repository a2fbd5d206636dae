//! `run`, the days that it does not touch: those that wait for another, and those that are left when it
//! ends early. What the ledger has of them is told and counted all the same.

use super::run_plan::Work;
use super::run_stand::stand;
use crate::cli::summary::{of_failure, of_success};
use crate::domain::{DataDate, Partition, Stage};
use crate::jobs::{Errand, Waits};
use crate::upload::StopCause;
use crate::upload::event::DoneOutcome;
use crate::upload::report::{PartitionReport, Status, Summary};

/// Most uploads that are named in a sentence.
const MAX_NAMED: usize = 3;

/// Job and day, for people.
pub(super) fn job_and_day(errand: &Errand<Work>) -> String {
    match errand.day {
        Some(day) => format!("{} {day}", errand.job),
        None => errand.job.clone(),
    }
}

/// The story of a day that was not begun because of another, which `ended`, or in a dry run would end,
/// with a status.
pub(super) fn held_back(errand: &Errand<Work>, waits: &Waits, ended: &str) -> Summary {
    let (status, why) = match waits {
        Waits::For(job, status) => (
            *status,
            format!(
                "waits for job '{job}', which {ended} with status {}",
                status.code()
            ),
        ),
        Waits::ForUnknown(job) => (
            Status::Unfinished,
            format!(
                "waits for job '{job}', which is not complete for the same day; run that job first"
            ),
        ),
        Waits::Refused => (
            Status::Refused,
            "not tried: the platform refused this topic and stage for an earlier day of this run"
                .to_owned(),
        ),
    };
    let story = as_recorded(errand, &why);
    let problem = match story.partitions.first() {
        Some(report) => format!("{}: {why}", report.partition),
        None => format!("job '{}': {why}", errand.job),
    };
    Summary {
        status,
        // What it waits for says whether it is worth another try.
        retryable: false,
        problems: vec![problem],
        ..story
    }
}

/// The story of the days that are left when the run is told to stop, and ends with a status. Days that
/// were done before are no part of what was not begun. `shares_its_topic` knows the jobs that have to
/// be named.
pub(super) fn not_begun(
    errands: &[Errand<Work>],
    (cause, ended): (StopCause, Status),
    shares_its_topic: impl Fn(&str) -> bool,
) -> Summary {
    let mut stories = Vec::new();
    let mut left = Vec::new();
    for errand in errands {
        let mut story = as_recorded(errand, "not begun");
        if !is_done(&story) {
            left.push(job_and_day(errand));
        }
        if shares_its_topic(&errand.job) {
            story.name_job(&errand.job);
        }
        stories.push(story);
    }
    let whole = stories.into_iter().fold(of_success(), |mut whole, story| {
        whole.totals.add_recorded(&story.totals);
        whole.partitions.extend(story.partitions);
        whole
    });
    if left.is_empty() {
        return whole;
    }
    let more = match left.len().checked_sub(MAX_NAMED) {
        Some(more) if more > 0 => format!(" and {more} more"),
        _ => String::new(),
    };
    left.truncate(MAX_NAMED);
    let why = format!("not begun: {}{more}", left.join(", "));
    Summary {
        totals: whole.totals,
        partitions: whole.partitions,
        retryable: cause != StopCause::Failure,
        ..of_failure(ended, &why)
    }
}

/// Whether every day of an errand is done already.
pub(super) fn is_done_before(errand: &Errand<Work>) -> bool {
    is_done(&as_recorded(errand, ""))
}

fn is_done(story: &Summary) -> bool {
    let mut outcomes = story.partitions.iter().map(|report| report.done);
    !story.partitions.is_empty() && outcomes.all(|done| done == DoneOutcome::Already)
}

/// What the ledger has of the days of an errand; `why` is said of those that are not done.
fn as_recorded(errand: &Errand<Work>, why: &str) -> Summary {
    let upload = &errand.work.options.upload;
    let days: Vec<Option<DataDate>> = match upload.dates.as_slice() {
        [] => vec![None],
        days => days.iter().copied().map(Some).collect(),
    };
    let mut story = of_success();
    for day in days {
        let Ok(stage) = Stage::new(upload.stage, day) else {
            continue;
        };
        let partition = Partition {
            target: upload.target.clone(),
            topic: upload.topic.clone(),
            stage,
        };
        add(&mut story, errand, partition, why);
    }
    story
}

fn add(story: &mut Summary, errand: &Errand<Work>, partition: Partition, why: &str) {
    let known = stand(&errand.work.options, &partition).unwrap_or_default();
    story.totals.add_recorded(&known.totals);
    let done = match (known.is_done, partition.date()) {
        (true, _) => DoneOutcome::Already,
        (false, None) => DoneOutcome::NotApplicable,
        (false, Some(_)) => DoneOutcome::Withheld,
    };
    let why = if known.is_done { "" } else { why };
    story.partitions.push(PartitionReport {
        job: None,
        partition,
        rows_accepted: known.totals.rows_accepted,
        rows_unconfirmed: known.totals.rows_unconfirmed,
        rows_rejected: known.totals.rows_rejected,
        rows_pending: known.totals.rows_pending,
        done,
        why: why.to_owned(),
    });
}
