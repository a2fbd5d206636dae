//! Which partitions a command is about, when it is not uploading.

use super::{Context, zone};
use crate::cli::args::{OnePartitionArgs, SelectionArgs};
use crate::cli::dates::resolve_dates;
use crate::cli::error::UsageError;
use crate::domain::{DataDate, Partition, Stage, StageKind, Topic};

/// A filter; an empty list lets everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Topics.
    pub topics: Vec<Topic>,
    /// Stages.
    pub stages: Vec<StageKind>,
    /// Days.
    pub dates: Vec<DataDate>,
    /// A target, as the ledger spells it.
    pub target: Option<String>,
}

impl Selection {
    /// Whether a partition is meant. A streaming stage has no day, so a list of days excludes it.
    pub fn matches(&self, partition: &Partition) -> bool {
        let is_of_target = |wanted: &String| *wanted == partition.target.to_string();
        (self.topics.is_empty() || self.topics.contains(&partition.topic))
            && (self.stages.is_empty() || self.stages.contains(&partition.stage.kind()))
            && (self.dates.is_empty()
                || partition
                    .date()
                    .is_some_and(|date| self.dates.contains(&date)))
            && self.target.as_ref().is_none_or(is_of_target)
    }
}

/// Resolves a filter.
pub fn selection(context: Context<'_>, args: &SelectionArgs) -> Result<Selection, UsageError> {
    Ok(Selection {
        topics: args.topic.clone(),
        stages: args.stage.clone(),
        dates: resolve_dates(&args.date, zone(context)?, context.now)
            .map_err(|error| UsageError::new(error.of("--date")))?,
        target: args.target.clone(),
    })
}

/// Resolves the topic and the stages with their days that a command is to change. Everything must
/// be named: such a command guesses nothing.
pub fn one_stage(
    context: Context<'_>,
    args: &OnePartitionArgs,
) -> Result<(Topic, Vec<Stage>), UsageError> {
    let missing = |flag: &str| UsageError::new(format!("give --{flag}: nothing is implied here"));
    let topic = args.topic.clone().ok_or_else(|| missing("topic"))?;
    let kind = args.stage.ok_or_else(|| missing("stage"))?;
    let dates = resolve_dates(&args.date, zone(context)?, context.now)
        .map_err(|error| UsageError::new(error.of("--date")))?;
    if dates.is_empty() && kind.is_offline() {
        return Err(missing("date"));
    }
    let stages = if dates.is_empty() {
        Stage::new(kind, None).map(|stage| vec![stage])
    } else {
        dates
            .into_iter()
            .map(|date| Stage::new(kind, Some(date)))
            .collect()
    };
    Ok((
        topic,
        stages.map_err(|error| UsageError::new(error.to_string()))?,
    ))
}
