//! Two jobs of a file that upload the same day of a topic and stage: the one that comes first would send
//! `done` for it, and after that the rows of the other are never taken.

use crate::cli::error::UsageError;
use crate::domain::{DataDate, StageKind, Topic};

/// The days that a job uploads.
pub(super) struct DaysOfJob {
    pub(super) job: String,
    pub(super) topic: Topic,
    pub(super) stage: StageKind,
    /// None where paths or rows say them.
    pub(super) days: Vec<DataDate>,
    /// Whether it leaves `done` to somebody else.
    pub(super) is_held: bool,
}

impl DaysOfJob {
    /// A day that both upload, for people; `None` if there is none.
    fn shared_with(&self, other: &Self) -> Option<String> {
        if (&self.topic, self.stage) != (&other.topic, other.stage) || !self.stage.is_offline() {
            return None;
        }
        if self.days.is_empty() || other.days.is_empty() {
            return Some("the same days".to_owned());
        }
        let shared = self.days.iter().find(|day| other.days.contains(day));
        shared.map(ToString::to_string)
    }
}

/// Refuses them, unless none of them sends `done`.
pub(super) fn refuse(jobs: &[DaysOfJob]) -> Result<(), UsageError> {
    for (index, first) in jobs.iter().enumerate() {
        for second in jobs.iter().skip(index.saturating_add(1)) {
            let Some(day) = first.shared_with(second) else {
                continue;
            };
            if first.is_held && second.is_held {
                continue;
            }
            let (topic, stage) = (&first.topic, first.stage);
            return Err(UsageError::new(format!(
                "jobs '{}' and '{}' both upload {topic} {stage} {day}: the first would send done before \
                 the rows of the other; put the paths of both into one job, or no_done = true into both \
                 and type 'byteair-sync done --topic {topic} --stage {stage} --date DATE' when both are \
                 finished",
                first.job, second.job
            )));
        }
    }
    Ok(())
}
