//! The partition: the unit that is uploaded, sealed and marked done.

use super::{DataDate, Stage, Target, Topic};
use std::fmt;

/// Target, topic, and stage with its date.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition {
    /// Whose data it is.
    pub target: Target,
    /// Which table.
    pub topic: Topic,
    /// Which stage and, offline, which day.
    pub stage: Stage,
}

impl Partition {
    /// The day, `None` when streaming.
    pub const fn date(&self) -> Option<DataDate> {
        self.stage.date()
    }
}

/// How people see it: `item history_sync 2022-01-01`.
impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.topic, self.stage.kind())?;
        match self.date() {
            Some(date) => write!(f, " {date}"),
            None => Ok(()),
        }
    }
}

/// Sixteen random bytes of a partition, committed before its first request and renewed when it is
/// started over, so that a re-upload never meets its own old Request-Ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub [u8; 16]);
