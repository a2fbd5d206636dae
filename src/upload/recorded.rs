//! What the ledger has of the dates of a command when its story is told.
//!
//! All row counts of a summary come from here, so that the terminal, the JSON and the report cannot
//! disagree. Reads only.

use super::done::DoneReport;
use super::event::DoneOutcome;
use super::former::Former;
use super::machines::why_held_for_others;
use super::next_step::OpenInput;
use super::report::{PartitionReport, RejectGroup, Totals};
use crate::domain::Partition;
use crate::ledger::{
    InputId, InputKind, KnownInput, KnownPartition, LedgerError, LedgerReader, RowCounts, Unmet,
};
use crate::text::grouped;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Most reasons that a summary lists.
const MAX_REJECT_GROUPS: usize = 20;

/// Counts, dead letters and unfinished inputs of some dates.
#[derive(Default)]
pub(super) struct Recorded {
    pub(super) totals: Totals,
    pub(super) partitions: Vec<PartitionReport>,
    pub(super) rejects: Vec<RejectGroup>,
    /// The inputs that are left to finish; all of them when none is.
    pub(super) inputs: Vec<OpenInput>,
    pub(super) notes: Vec<String>,
    /// The uploads that were typed before.
    pub(super) former: Former,
    /// Some of the dates wait for other machines.
    pub(super) several_machines: bool,
}

impl Recorded {
    /// Reads all of it. `problems` are what went wrong, for telling which inputs they are about.
    pub(super) fn read(
        state_dir: &Path,
        dates: &[(&Partition, Option<&DoneReport>)],
        problems: &[&str],
    ) -> Result<Self, LedgerError> {
        let mut recorded = Self::default();
        let mut groups = BTreeMap::new();
        let (mut inputs, mut seen) = (Vec::new(), BTreeSet::new());
        let reader = LedgerReader::open(state_dir)?;
        for (partition, report) in dates {
            let mut rows = RowCounts::default();
            if let Some(reader) = &reader
                && let Some(known) = find(reader, partition)?
            {
                rows = reader.rows(&known)?;
                recorded.several_machines |= why_held_for_others(reader, &known)?.is_some();
                let batches = reader.batch_count(known.id)?;
                recorded.totals.batches = recorded.totals.batches.saturating_add(batches);
                group_rejects(reader, &known, &mut groups)?;
                let undecided = reader.undecided_rows(known.id)?;
                recorded.totals.rows_undecided =
                    recorded.totals.rows_undecided.saturating_add(undecided);
                if undecided > 0 {
                    let answer = reader.blocking_answer(known.id)?;
                    let is_news = |answer: &String| !problems.contains(&answer.as_str());
                    recorded.notes.extend(answer.filter(is_news));
                }
                if !problems.is_empty() {
                    // One may have rows of several dates.
                    let is_new = |input: &KnownInput| !seen.contains(&input.id);
                    inputs.extend(reader.inputs(known.id)?.into_iter().filter(is_new));
                    seen.extend(inputs.iter().map(|input| input.id));
                }
            }
            recorded.notes.extend(note_dropped(partition, rows));
            add_rows(&mut recorded.totals, rows);
            recorded
                .partitions
                .push(report_of(partition, rows, *report));
        }
        recorded.rejects = groups.into_values().collect();
        recorded
            .rejects
            .sort_by_key(|group| std::cmp::Reverse(group.count));
        recorded.rejects.truncate(MAX_REJECT_GROUPS);
        let missing = dates
            .iter()
            .filter_map(|(_, report)| *report)
            .flat_map(|report| &report.missing);
        let mut replays = Vec::new();
        let unfinished = |input: &&KnownInput| !input.is_finished();
        for input in inputs.iter().filter(unfinished) {
            if let Some(reader) = &reader
                && reader.replaces_rejects(input.id)?
            {
                replays.push(input.id);
            }
        }
        if let (Some(reader), false) = (&reader, problems.is_empty()) {
            recorded.former = Former::read(reader)?;
        }
        recorded.inputs = left_to_finish(inputs, missing, problems, &replays);
        Ok(recorded)
    }
}

/// The date in the ledger, whatever host it went to.
pub(super) fn find(
    reader: &LedgerReader,
    partition: &Partition,
) -> Result<Option<KnownPartition>, LedgerError> {
    let hosts = [partition.target.platform().to_owned()];
    match reader.find_target(&partition.target, &hosts, true)? {
        Some(target) => reader.partition(&target, partition),
        None => Ok(None),
    }
}

fn group_rejects(
    reader: &LedgerReader,
    known: &KnownPartition,
    groups: &mut BTreeMap<(String, Option<String>), RejectGroup>,
) -> Result<(), LedgerError> {
    for group in reader.reject_groups(known.id)? {
        let group = RejectGroup {
            code: group.code,
            column: group.column,
            message: group.message,
            count: group.count,
            first: format!("{}:{}", group.first.0, group.first.1),
        };
        groups
            .entry(group.key())
            .and_modify(|known| known.count = known.count.saturating_add(group.count))
            .or_insert(group);
    }
    Ok(())
}

/// What was stored of a dropped input stays on the platform and in the counts, but it is no longer
/// among the rows read.
fn note_dropped(partition: &Partition, rows: RowCounts) -> Option<String> {
    let accounted = rows
        .stored()
        .saturating_add(rows.refused)
        .saturating_add(rows.invalid)
        .saturating_add(rows.pending);
    let dropped = accounted.checked_sub(rows.read).filter(|rows| *rows > 0)?;
    Some(format!(
        "{partition}: {} row(s) of inputs that were dropped (ledger drop-input) stay on the platform; they count as accepted and no longer as read",
        grouped(dropped)
    ))
}

fn left_to_finish<'a>(
    inputs: Vec<KnownInput>,
    missing: impl Iterator<Item = &'a Unmet>,
    problems: &[&str],
    replays: &[InputId],
) -> Vec<OpenInput> {
    let mut lacking: Vec<&str> = Vec::new();
    let mut pending = false;
    for missing in missing {
        match missing {
            Unmet::InputUnfinished { name, .. } | Unmet::InputUnverified(name) => {
                lacking.push(name);
            }
            // A batch begins with rows of an input that the command did not name.
            Unmet::BatchesPending(_) => pending = true,
            _ => {}
        }
    }
    let all_finished = inputs.iter().all(KnownInput::is_finished);
    inputs
        .into_iter()
        .filter_map(|input| {
            let is_there = is_there(&input);
            let is_at_fault = lacking.contains(&input.name.as_str())
                || problems.iter().any(|why| names(why, &input.name))
                || (pending && input.unsettled && !is_there);
            (is_at_fault || all_finished || !input.is_finished()).then_some(OpenInput {
                is_there,
                is_replay: replays.contains(&input.id),
                name: input.name,
                is_at_fault,
            })
        })
        .collect()
}

/// Whether the input can be read once more; whether an object is there only its store could tell.
fn is_there(input: &KnownInput) -> bool {
    match input.kind {
        InputKind::File | InputKind::Followed => Path::new(&input.name).exists(),
        InputKind::Object => true,
        InputKind::Stdin | InputKind::Dis => false,
    }
}

/// Whether a text names a file, and not only one whose name begins in the same way.
pub(super) fn names(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let after = text
            .get(at + name.len()..)
            .and_then(|rest| rest.chars().next());
        after.is_none_or(|next| " ,;:.'".contains(next))
    })
}

pub(super) fn add_rows(totals: &mut Totals, rows: RowCounts) {
    totals.rows_read = totals.rows_read.saturating_add(rows.read);
    totals.rows_accepted = totals.rows_accepted.saturating_add(rows.accepted);
    totals.rows_unconfirmed = totals.rows_unconfirmed.saturating_add(rows.unconfirmed);
    totals.rows_rejected = totals.rows_rejected.saturating_add(rejected(rows));
    totals.rows_pending = totals.rows_pending.saturating_add(rows.pending);
}

pub(super) const fn rejected(rows: RowCounts) -> u64 {
    rows.refused.saturating_add(rows.invalid)
}

fn report_of(
    partition: &Partition,
    rows: RowCounts,
    report: Option<&DoneReport>,
) -> PartitionReport {
    PartitionReport {
        job: None,
        partition: partition.clone(),
        rows_accepted: rows.accepted,
        rows_unconfirmed: rows.unconfirmed,
        rows_rejected: rejected(rows),
        rows_pending: rows.pending,
        done: report.map_or(DoneOutcome::Withheld, |report| report.outcome),
        why: report.map(|report| report.why.clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_only_by_its_whole_name() {
        assert!(names("input /a/b.jsonl vanished", "/a/b.jsonl"));
        assert!(names("/a/b.jsonl", "/a/b.jsonl"));
        assert!(!names("/a/b.jsonl.gz is changed", "/a/b.jsonl.g"));
        assert!(!names("/a/b2 is changed", "/a/b"));
    }
}
