//! The order in which the platform lets a project walk through its stages (D108601, D69172):
//! `pre_sync`, `history_sync`, `incremental_sync_daily`, `incremental_sync_streaming`.
//!
//! Whether a stage is open only the console and the answers of the platform know. What cannot be
//! taken back is refused beforehand; what the platform will refuse by itself is a warning.

use super::settings::Settings;
use crate::domain::StageKind;

/// The word that confirms that a project will never upload daily data.
pub const STREAMING_ONLY: &str = "streaming-only";

/// What is to be said about a stage before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StageAdvice {
    /// It may be meant; the platform decides.
    Warning(String),
    /// It cannot be taken back, so a person has to say that it is meant.
    Refusal(String),
}

/// Compares the stage of a command with those in which the platform has taken rows of the target: an
/// upload of which nothing arrived has connected nothing.
pub(super) fn advice(settings: &Settings, with_rows: &[StageKind]) -> Option<StageAdvice> {
    let used = |kind| with_rows.contains(&kind);
    let daily = used(StageKind::IncrementalSyncDaily);
    let streaming = used(StageKind::IncrementalSyncStreaming);
    let stage = settings.stage;
    match stage {
        // Whoever streams already went through the door.
        StageKind::IncrementalSyncStreaming if daily || streaming => None,
        StageKind::IncrementalSyncStreaming => {
            let confirmed = settings.run.confirmed.as_deref() == Some(STREAMING_ONLY);
            (!confirmed).then(|| StageAdvice::Refusal(format!(
                "this ledger knows of no incremental_sync_daily upload, and once streaming is connected the platform takes no daily data any more. If the project is to be streaming only, or its daily data was connected from elsewhere, say so with --yes-i-mean {STREAMING_ONLY}. Nothing was sent"
            )))
        }
        StageKind::IncrementalSyncDaily if streaming && !daily => Some(StageAdvice::Warning(
            "this ledger knows of streaming uploads and of no daily ones; the platform refuses daily data of streaming-only projects, except for a date that is re-synced after a cut-off".to_owned(),
        )),
        StageKind::PreSync | StageKind::HistorySync => {
            let later = StageKind::ALL.into_iter().rev().find(|kind| *kind > stage && used(*kind))?;
            Some(StageAdvice::Warning(format!(
                "this ledger knows of {later} uploads, and a project walks from pre_sync over history_sync to the incremental stages; the platform refuses {stage} now unless it was opened again in the console"
            )))
        }
        StageKind::IncrementalSyncDaily => None,
    }
}
