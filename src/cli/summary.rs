//! The end of a run: the whole story for people, and the same numbers as a JSON object.
//!
//! The numbers come from the summary alone, which takes them from the ledger, so the two forms
//! cannot disagree. Nothing is decided here.

mod machine;

pub use machine::{MachineSummary, begin_report, for_machines, write_report};

use super::exit::meaning;
use super::figure::{counted, grouped, per_second, size, time};
use super::printer::visible;
use crate::upload::event::DoneOutcome;
use crate::upload::report::{Course, NextStep, PartitionReport, Status, Summary, Totals};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Most partitions in the table.
const MAX_PARTITIONS: usize = 20;
/// Most reasons for rejected rows.
const MAX_REASONS: usize = 5;
/// Longest reason that is repeated for each partition, in bytes.
const MAX_REPEATED: usize = 80;
/// Most problems and notes, each.
const MAX_REMARKS: usize = 5;
/// Most commands that are named as the next ones.
const MAX_STEPS: usize = 6;

/// The summary of a command that failed before there was anything to count.
pub fn of_failure(status: Status, problem: &str) -> Summary {
    Summary {
        status,
        retryable: status == Status::Temporary,
        totals: Totals::default(),
        partitions: Vec::new(),
        rejects: Vec::new(),
        problems: vec![problem.to_owned()],
        notes: Vec::new(),
        next: Vec::new(),
        run_dir: None,
        course: Course::Ended,
        origin: None,
    }
}

/// The summary of a command that has nothing to count, for the last line of its `--json`.
pub fn of_success() -> Summary {
    Summary {
        problems: Vec::new(),
        ..of_failure(Status::Success, "")
    }
}

/// The story for people, at most about a dozen lines for one date. `rows_this_run` are the rows
/// that this run settled, for the rate; the other row counts are of all runs.
pub fn for_people(story: &Summary, rows_this_run: u64) -> String {
    let mut text = Text(String::new());
    text.heading(story);
    text.rows(story);
    text.requests(story, rows_this_run);
    match story.partitions.as_slice() {
        [] => {}
        [one] => text.entry("done", &done_of(one)),
        many => text.table(many),
    }
    for problem in bounded(&news(story)) {
        text.entry("problem", &problem);
    }
    for note in bounded(&story.notes) {
        text.entry("note", &note);
    }
    if let Some(folder) = &story.run_dir {
        text.entry("log", &folder.display().to_string());
    }
    for (index, step) in bounded_steps(&story.next).iter().enumerate() {
        text.entry(if index == 0 { "next" } else { "" }, step);
    }
    text.0
}

/// The next steps, of many the first ones and the last, which is for all that is left.
fn bounded_steps(steps: &[NextStep]) -> Vec<String> {
    let first = match steps.len() {
        few if few <= MAX_STEPS => few,
        _ => MAX_STEPS.saturating_sub(2),
    };
    let mut told: Vec<String> = steps.iter().take(first).map(ToString::to_string).collect();
    if let [.., last] = steps.get(first..).unwrap_or_default() {
        let more = steps.len().saturating_sub(first).saturating_sub(1);
        told.push(format!(
            "and {} more commands, which 'byteair-sync status' names day by day",
            grouped(as_count(more))
        ));
        told.push(last.to_string());
    }
    told
}

struct Text(String);

impl Text {
    fn heading(&mut self, story: &Summary) {
        let subject = match story.partitions.as_slice() {
            [] => "nothing was uploaded".to_owned(),
            [one] => one.label(),
            many => several(many),
        };
        let status = match story.status {
            Status::Success => String::new(),
            other => format!(" (exit status {})", other.code()),
        };
        let meaning = match (story.status, story.course) {
            (_, Course::DryRun) => "a dry run, nothing was sent",
            (Status::Success, _) if story.partitions.iter().any(is_forced) => "done was forced",
            (Status::Busy, _) if story.totals.requests > 0 => &shared_work(story),
            (status, _) => meaning(status),
        };
        self.line(&format!("{subject}: {meaning}{status}"));
    }

    fn rows(&mut self, story: &Summary) {
        let totals = &story.totals;
        if story.partitions.is_empty() && totals.rows_read == 0 {
            return;
        }
        self.entry("read", &counted(totals.rows_read, "row", "rows"));
        self.entry("accepted", &grouped(totals.rows_accepted));
        if totals.rows_unconfirmed > 0 {
            let rows = grouped(totals.rows_unconfirmed);
            self.entry(
                "unconfirmed",
                &format!("{rows} (stored as far as can be known)"),
            );
        }
        self.entry("rejected", &grouped(totals.rows_rejected));
        for group in story.rejects.iter().take(MAX_REASONS) {
            self.entry(
                "",
                &format!(
                    "{} {}: {}; first {}",
                    grouped(group.count),
                    group.code,
                    group.reason(),
                    group.first
                ),
            );
        }
        if let Some(more) = story.rejects.len().checked_sub(MAX_REASONS + 1) {
            self.entry("", &format!("and {} more", grouped(as_count(more + 1))));
        }
        if totals.rows_pending > 0 {
            let rows = grouped(totals.rows_pending);
            let fate = match story.course {
                Course::DryRun => "would be sent".to_owned(),
                _ if story.partitions.iter().all(is_forced) => {
                    "not known to be on the platform".to_owned()
                }
                _ => fate_of_pending(totals),
            };
            self.entry("pending", &format!("{rows} ({fate})"));
        }
    }

    fn requests(&mut self, story: &Summary, rows_this_run: u64) {
        if story.course == Course::DryRun {
            return;
        }
        let totals = &story.totals;
        let elapsed = time(totals.elapsed);
        if totals.requests == 0 {
            self.entry(
                "sent",
                &format!("nothing in this run, which took {elapsed}"),
            );
            return;
        }
        self.entry(
            "sent",
            &format!(
                "{} ({}), {} in {elapsed}, {} rows/s",
                counted(totals.requests, "request", "requests"),
                counted(totals.retries, "retry", "retries"),
                size(totals.bytes_sent),
                grouped(per_second(rows_this_run, totals.elapsed)),
            ),
        );
    }

    /// One line a partition; trouble first, so that the bound never hides it.
    fn table(&mut self, partitions: &[PartitionReport]) {
        let rows = shown(partitions);
        let width = rows
            .iter()
            .map(|row| row.label().chars().count())
            .max()
            .unwrap_or(0);
        let mut reason = "";
        for row in &rows {
            let mut counts = format!("{} accepted", grouped(row.rows_accepted));
            for (count, what) in [
                (row.rows_unconfirmed, "unconfirmed"),
                (row.rows_rejected, "rejected"),
                (row.rows_pending, "pending"),
            ] {
                if count > 0 {
                    let _infallible = write!(counts, ", {} {what}", grouped(count));
                }
            }
            let label = row.label();
            // What many dates share is told once.
            let state = if tells_why(row) && row.why == reason && reason.len() > MAX_REPEATED {
                format!("{}, as above", outcome_of(row))
            } else {
                in_brief(row)
            };
            reason = &row.why;
            self.line(&format!("  {label:width$}  {counts}; done {state}"));
        }
        if let Some(more) = partitions.len().checked_sub(rows.len()).filter(|n| *n > 0) {
            self.line(&format!("  and {} more", grouped(as_count(more))));
        }
        if partitions.iter().any(|row| row.done == DoneOutcome::Sent) {
            self.entry("done", &format!("sent means: {SENT}"));
        }
    }

    fn entry(&mut self, label: &str, value: &str) {
        self.line(&format!("  {label:<11}  {value}"));
    }

    /// Names and messages come from outside and must not break a line.
    fn line(&mut self, line: &str) {
        self.0.push_str(&visible(line.trim_end()));
        self.0.push('\n');
    }
}

/// What a run did that found others at work on the rest.
fn shared_work(story: &Summary) -> String {
    let is_new =
        |row: &&PartitionReport| matches!(row.done, DoneOutcome::Sent | DoneOutcome::Unconfirmed);
    match story.partitions.iter().filter(is_new).count() {
        0 => "its part is done, another run is uploading the rest".to_owned(),
        new => format!(
            "{} done by this run, another run is uploading others",
            counted(as_count(new), "upload", "uploads")
        ),
    }
}

/// What becomes of rows in batches that are not settled.
fn fate_of_pending(totals: &Totals) -> String {
    const UNDECIDED: &str = "no answer says whether they are stored, and no run sends them again";
    let undecided = totals.rows_undecided;
    match totals.rows_pending.saturating_sub(undecided) {
        _ if undecided == 0 => "kept for the next run".to_owned(),
        0 => UNDECIDED.to_owned(),
        kept => format!(
            "{} kept for the next run; of {} {UNDECIDED}",
            grouped(kept),
            grouped(undecided)
        ),
    }
}

/// Whether a date got its `done` although something of it was missing.
fn is_forced(report: &PartitionReport) -> bool {
    report.done == DoneOutcome::Sent && !report.why.is_empty()
}

const fn is_fine(done: DoneOutcome) -> bool {
    matches!(
        done,
        DoneOutcome::Sent | DoneOutcome::Already | DoneOutcome::NotApplicable
    )
}

/// The partitions that get a line.
fn shown(partitions: &[PartitionReport]) -> Vec<&PartitionReport> {
    let mut rows: Vec<&PartitionReport> = partitions.iter().collect();
    rows.sort_by_key(|row| is_fine(row.done));
    rows.truncate(MAX_PARTITIONS);
    rows.sort_by_key(|row| &row.partition);
    rows
}

/// Several partitions in few words: `3 dates`, `2 topics of 2022-01-01`, `3 dates of 2 topics`.
fn several(partitions: &[PartitionReport]) -> String {
    let topics: BTreeSet<_> = partitions.iter().map(|row| &row.partition.topic).collect();
    let days: BTreeSet<_> = partitions.iter().map(|row| row.partition.date()).collect();
    let topics = (topics.len() > 1).then(|| counted(as_count(topics.len()), "topic", "topics"));
    let day = match days.first() {
        Some(Some(day)) if days.len() == 1 => Some(day),
        _ => None,
    };
    let dates = counted(as_count(days.len()), "date", "dates");
    match (topics, day) {
        (Some(topics), Some(day)) => format!("{topics} of {day}"),
        (Some(topics), None) => format!("{dates} of {topics}"),
        (None, Some(day)) => format!("{} stages of {day}", partitions.len()),
        (None, None) => dates,
    }
}

/// The problems that the line of their date does not tell already.
fn news(story: &Summary) -> Vec<String> {
    let told: Vec<&PartitionReport> = match story.partitions.as_slice() {
        [one] => vec![one],
        many => shown(many),
    };
    let is_told = |problem: &String| {
        let mut told = told.iter().filter(|row| tells_why(row));
        told.any(|row| bare(row, problem) == bare(row, &row.why))
    };
    let fresh = story.problems.iter().filter(|problem| !is_told(problem));
    fresh.cloned().collect()
}

/// A text about a partition without the partition's name before it.
fn bare<'a>(row: &PartitionReport, text: &'a str) -> &'a str {
    text.strip_prefix(&row.label())
        .or_else(|| text.strip_prefix(&row.partition.to_string()))
        .and_then(|rest| rest.strip_prefix(": "))
        .unwrap_or(text)
}

/// What a `done` that was sent means.
const SENT: &str = "the platform has the rows, it has not yet ingested them";

fn done_of(report: &PartitionReport) -> String {
    match report.done {
        DoneOutcome::Sent if !is_forced(report) => format!("{} ({SENT})", in_brief(report)),
        _ => in_brief(report),
    }
}

const fn outcome_of(report: &PartitionReport) -> &'static str {
    match report.done {
        DoneOutcome::Sent => "sent",
        DoneOutcome::Already => "was sent before",
        DoneOutcome::Unconfirmed => "was received by the platform at an earlier try",
        DoneOutcome::Withheld => "withheld",
        DoneOutcome::Unknown => "sent, but nobody knows whether it got through",
        DoneOutcome::NotApplicable => "does not exist for the streaming stage",
    }
}

/// The state of `done` for a table of many.
fn in_brief(report: &PartitionReport) -> String {
    let outcome = outcome_of(report);
    if tells_why(report) {
        format!("{outcome}: {}", bare(report, &report.why))
    } else {
        outcome.to_owned()
    }
}

/// Whether the state of `done` has a reason; where there is no `done`, it is another problem.
fn tells_why(report: &PartitionReport) -> bool {
    !report.why.is_empty() && report.done != DoneOutcome::NotApplicable
}

/// The first remarks, and how many are left out.
fn bounded(remarks: &[String]) -> impl Iterator<Item = String> {
    let rest = remarks.len().saturating_sub(MAX_REMARKS);
    let more = (rest > 0).then(|| format!("and {} more", grouped(as_count(rest))));
    remarks.iter().take(MAX_REMARKS).cloned().chain(more)
}

fn as_count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
