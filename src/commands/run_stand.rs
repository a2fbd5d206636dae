//! `run`, what the ledger knows of days before they are begun, or that are not touched at all.

use super::Failure;
use super::running::ledger_failure;
use crate::cli::settings::WriteOptions;
use crate::domain::{DataDate, Partition, Stage, StageKind, Topic};
use crate::ledger::LedgerReader;
use crate::upload::Settings;
use crate::upload::report::Totals;
use std::collections::BTreeMap;

/// The days of a topic and stage that the ledger knows, and whether they are done.
pub(super) fn known_days(options: &Settings) -> Result<BTreeMap<DataDate, bool>, Failure> {
    let Some(reader) = LedgerReader::open(&options.run.state_dir).map_err(ledger_failure)? else {
        return Ok(BTreeMap::new());
    };
    let known = reader
        .find_target(&options.target, &options.hosts, options.same_target)
        .map_err(ledger_failure)?;
    let Some(known) = known else {
        return Ok(BTreeMap::new());
    };
    let dates = reader.partitions(&known).map_err(ledger_failure)?;
    let mine = |partition: &Partition| {
        partition.topic == options.topic && partition.stage.kind() == options.stage
    };
    Ok(dates
        .iter()
        .filter(|date| mine(&date.partition))
        .filter_map(|date| Some((date.partition.date()?, date.gate.is_done())))
        .collect())
}

/// Whether the ledger knows a day of a topic and stage as done.
pub(super) fn is_done(
    options: &WriteOptions,
    topic: &Topic,
    stage: StageKind,
    day: Option<DataDate>,
) -> bool {
    let stage = Stage::new(stage, day).ok();
    let partition = stage.map(|stage| Partition {
        target: options.upload.target.clone(),
        topic: topic.clone(),
        stage,
    });
    partition
        .and_then(|partition| stand(options, &partition))
        .is_some_and(|stand| stand.is_done)
}

/// What the ledger knows of a partition that a run does not touch.
#[derive(Default)]
pub(super) struct Stand {
    /// Its rows and batches.
    pub(super) totals: Totals,
    pub(super) is_done: bool,
}

/// What the ledger knows of a partition; `None` when that is nothing or cannot be read, which the
/// upload itself says better.
pub(super) fn stand(options: &WriteOptions, partition: &Partition) -> Option<Stand> {
    let upload = &options.upload;
    let reader = LedgerReader::open(&upload.run.state_dir).ok()??;
    let known = reader
        .find_target(&upload.target, &upload.hosts, upload.same_target)
        .ok()??;
    let partition = Partition {
        target: known.target.clone(),
        ..partition.clone()
    };
    let known = reader.partition(&known, &partition).ok()??;
    let rows = reader.rows(&known).ok()?;
    Some(Stand {
        totals: Totals {
            rows_read: rows.read,
            rows_accepted: rows.accepted,
            rows_unconfirmed: rows.unconfirmed,
            rows_rejected: rows.refused.saturating_add(rows.invalid),
            rows_pending: rows.pending,
            batches: reader.batch_count(known.id).ok()?,
            ..Totals::default()
        },
        is_done: known.gate.is_done(),
    })
}
