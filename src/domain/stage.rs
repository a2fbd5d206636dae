//! The stage: which phase of the integration the rows belong to, together with its date.

use super::DataDate;
use std::fmt;
use std::str::FromStr;

/// The closed list of stage names (D108564), as typed on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StageKind {
    /// Test data before the real integration.
    PreSync,
    /// Past data, day by day.
    HistorySync,
    /// Each day's new and changed rows.
    IncrementalSyncDaily,
    /// New and changed rows as they happen; no date and no `done`.
    IncrementalSyncStreaming,
}

/// A stage with the date it needs: the three offline stages carry one, the streaming stage cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// `pre_sync` of one day.
    PreSync(DataDate),
    /// `history_sync` of one day.
    HistorySync(DataDate),
    /// `incremental_sync_daily` of one day.
    IncrementalSyncDaily(DataDate),
    /// `incremental_sync_streaming`, which has no day.
    IncrementalSyncStreaming,
}

/// Why a stage could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStage {
    /// The name is not in the platform's list.
    #[error(
        "'{0}' is not a stage; the stages are pre_sync, history_sync, incremental_sync_daily and incremental_sync_streaming"
    )]
    Name(String),
    /// An offline stage was asked for without a date.
    #[error("stage {0} needs a date")]
    NeedsDate(StageKind),
    /// The streaming stage was given a date.
    #[error("stage incremental_sync_streaming has no date")]
    HasNoDate,
}

impl StageKind {
    /// All stages in the order in which a project walks through them (D69172).
    pub const ALL: [Self; 4] = [
        Self::PreSync,
        Self::HistorySync,
        Self::IncrementalSyncDaily,
        Self::IncrementalSyncStreaming,
    ];

    /// The spelling on the wire (D108564).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreSync => "pre_sync",
            Self::HistorySync => "history_sync",
            Self::IncrementalSyncDaily => "incremental_sync_daily",
            Self::IncrementalSyncStreaming => "incremental_sync_streaming",
        }
    }

    /// Whether rows of this stage belong to a day, which is then ended by `done`.
    pub const fn is_offline(self) -> bool {
        !matches!(self, Self::IncrementalSyncStreaming)
    }
}

impl FromStr for StageKind {
    type Err = InvalidStage;

    fn from_str(text: &str) -> Result<Self, InvalidStage> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| InvalidStage::Name(text.to_owned()))
    }
}

impl fmt::Display for StageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Stage {
    /// Puts a stage and its date together.
    ///
    /// Fails when an offline stage has no date or the streaming stage has one.
    pub const fn new(kind: StageKind, date: Option<DataDate>) -> Result<Self, InvalidStage> {
        match (kind, date) {
            (StageKind::PreSync, Some(date)) => Ok(Self::PreSync(date)),
            (StageKind::HistorySync, Some(date)) => Ok(Self::HistorySync(date)),
            (StageKind::IncrementalSyncDaily, Some(date)) => Ok(Self::IncrementalSyncDaily(date)),
            (StageKind::IncrementalSyncStreaming, None) => Ok(Self::IncrementalSyncStreaming),
            (StageKind::IncrementalSyncStreaming, Some(_)) => Err(InvalidStage::HasNoDate),
            (offline, None) => Err(InvalidStage::NeedsDate(offline)),
        }
    }

    /// The name without the date.
    pub const fn kind(self) -> StageKind {
        match self {
            Self::PreSync(_) => StageKind::PreSync,
            Self::HistorySync(_) => StageKind::HistorySync,
            Self::IncrementalSyncDaily(_) => StageKind::IncrementalSyncDaily,
            Self::IncrementalSyncStreaming => StageKind::IncrementalSyncStreaming,
        }
    }

    /// The day that the rows belong to; `None` exactly for the streaming stage.
    pub const fn date(self) -> Option<DataDate> {
        match self {
            Self::PreSync(date) | Self::HistorySync(date) | Self::IncrementalSyncDaily(date) => {
                Some(date)
            }
            Self::IncrementalSyncStreaming => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_a_round_trip_and_others_are_refused() {
        for kind in StageKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        for other in ["trial", "production", "PRE_SYNC", ""] {
            assert!(other.parse::<StageKind>().is_err(), "{other}");
        }
    }

    #[test]
    fn an_offline_stage_without_a_date_cannot_be_built() {
        for kind in StageKind::ALL {
            assert_eq!(Stage::new(kind, None).is_ok(), !kind.is_offline());
        }
        let date = "2022-01-01".parse().unwrap();
        assert_eq!(
            Stage::new(StageKind::IncrementalSyncStreaming, Some(date)),
            Err(InvalidStage::HasNoDate)
        );
    }
}
