//! The order in which the platform lets a project walk through its stages (D108601, D69172).

use super::settings::Settings;
use crate::domain::StageKind;
use crate::ledger::KnownPartition;

/// The word that confirms that a project will never upload daily data.
const STREAMING_ONLY: &str = "streaming-only";

/// The one-way door: once streaming is connected, daily cannot be added (D108601).
pub(super) fn warning(settings: &Settings, known: &[KnownPartition]) -> Option<String> {
    let used = |kind| known.iter().any(|date| date.partition.stage.kind() == kind);
    let daily = used(StageKind::IncrementalSyncDaily);
    match settings.stage {
        StageKind::IncrementalSyncStreaming
            if !daily && settings.run.confirmed.as_deref() != Some(STREAMING_ONLY) =>
        {
            Some(format!(
                "this ledger knows of no incremental_sync_daily upload; once streaming is connected the platform takes no daily data any more. If the project is to be streaming only, --yes-i-mean {STREAMING_ONLY} says so"
            ))
        }
        StageKind::IncrementalSyncDaily
            if !daily && used(StageKind::IncrementalSyncStreaming) =>
        {
            Some("this ledger knows of streaming uploads and of no daily ones; the platform refuses daily data of streaming-only projects".to_owned())
        }
        _ => None,
    }
}
