//! `status --html`: gathers what the page shows beside the calendar, and writes it.

use super::running::ledger_failure;
use super::{Failure, Session};
use crate::cli::atomic_file::{self, Existing, Readers};
use crate::cli::calendar::Series;
use crate::cli::run_record::{Runs, newest_runs};
use crate::cli::status_page::{StatusPage, status_page};
use crate::ledger::{KnownPartition, LedgerReader, RejectSummary};
use crate::upload::report::{RejectGroup, Status};
use anyhow::Context;
use std::collections::BTreeMap;
use std::path::Path;

/// Runs that are shown.
const MAX_RUNS: usize = 50;

/// Finds out whether the page can be written, before there is any work.
pub(super) fn check(file: &Path) -> Result<(), Failure> {
    atomic_file::check(file)
        .with_context(|| format!("cannot write --html {}", file.display()))
        .map_err(|error| Failure::new(Status::Usage, error))
}

/// Writes the page.
pub(super) fn write(
    session: &Session,
    file: &Path,
    all: &[Series],
    rejects: &[RejectGroup],
    state_dir: &Path,
) -> Result<(), Failure> {
    let mut runs = newest_runs(state_dir, MAX_RUNS)
        .with_context(|| format!("cannot list the runs in {}", state_dir.display()))
        .map_err(|error| Failure::new(Status::Usage, error))?;
    keep_those_of(&mut runs, all);
    let made_at = session.context().now.format("%Y-%m-%d %H:%M UTC");
    let page = status_page(&StatusPage {
        all,
        rejects,
        runs: &runs,
        made_at: &made_at.to_string(),
    });
    atomic_file::write(file, page.as_bytes(), Readers::Everybody, Existing::Replace)
        .with_context(|| format!("cannot write --html {}", file.display()))
        .map_err(|error| Failure::new(Status::Usage, error))
}

/// Drops runs that were about other topics and stages only.
fn keep_those_of(runs: &mut Runs, all: &[Series]) {
    runs.newest.retain(|run| {
        run.dates.is_empty()
            || run.dates.iter().any(|date| {
                all.iter().any(|series| {
                    series.topic.as_str() == date.topic && series.stage.as_str() == date.stage
                })
            })
    });
}

/// Open rejected rows of these dates by reason, the most frequent first.
pub(super) fn rejects_by_reason(
    reader: Option<&LedgerReader>,
    dates: &[KnownPartition],
) -> Result<Vec<RejectGroup>, Failure> {
    let mut by_reason: BTreeMap<(String, Option<String>), RejectGroup> = BTreeMap::new();
    for (reader, date) in reader
        .iter()
        .flat_map(|it| dates.iter().map(move |date| (it, date)))
    {
        for found in reader.reject_groups(date.id).map_err(ledger_failure)? {
            let RejectSummary {
                code,
                column,
                message,
                count,
                first: (file, line),
            } = found;
            let group = RejectGroup {
                code,
                column,
                message,
                count: 0,
                first: format!("{file}:{line}"),
            };
            let group = by_reason.entry(group.key()).or_insert(group);
            group.count = group.count.saturating_add(count);
        }
    }
    let mut groups: Vec<RejectGroup> = by_reason.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    Ok(groups)
}
