//! The end of a run: the whole story for people, and the same numbers as a JSON object.
//!
//! The numbers come from the summary alone, which takes them from the ledger, so the two forms
//! cannot disagree. Nothing is decided here.

mod machine;

pub use machine::{MachineSummary, for_machines, write_report};

use super::exit::meaning;
use super::figure::{counted, grouped, per_second, size, time};
use crate::upload::event::DoneOutcome;
use crate::upload::report::{PartitionReport, Status, Summary, Totals};
use std::fmt::Write;

/// Most partitions in the table.
const MAX_PARTITIONS: usize = 20;
/// Most reasons for rejected rows.
const MAX_REASONS: usize = 5;
/// Most problems and notes, each.
const MAX_REMARKS: usize = 5;

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
        next_command: None,
        run_dir: None,
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
    for problem in bounded(&story.problems) {
        text.entry("problem", &problem);
    }
    for note in bounded(&story.notes) {
        text.entry("note", &note);
    }
    if let Some(folder) = &story.run_dir {
        text.entry("log", &folder.display().to_string());
    }
    if let Some(command) = &story.next_command {
        text.entry("next", command);
    }
    text.0
}

struct Text(String);

impl Text {
    fn heading(&mut self, story: &Summary) {
        let subject = match story.partitions.as_slice() {
            [] => "nothing was uploaded".to_owned(),
            [one] => one.partition.to_string(),
            many => counted(as_count(many.len()), "date", "dates"),
        };
        let status = match story.status {
            Status::Success => String::new(),
            other => format!(" (exit status {})", other.code()),
        };
        self.line(&format!("{subject}: {}{status}", meaning(story.status)));
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
                    group.message,
                    group.first
                ),
            );
        }
        if let Some(more) = story.rejects.len().checked_sub(MAX_REASONS + 1) {
            self.entry("", &format!("and {} more", grouped(as_count(more + 1))));
        }
        if totals.rows_pending > 0 {
            let rows = grouped(totals.rows_pending);
            self.entry("pending", &format!("{rows} (kept for the next run)"));
        }
    }

    fn requests(&mut self, story: &Summary, rows_this_run: u64) {
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
        let mut rows: Vec<&PartitionReport> = partitions.iter().collect();
        rows.sort_by_key(|row| is_fine(row.done));
        rows.truncate(MAX_PARTITIONS);
        rows.sort_by_key(|row| &row.partition);
        let width = rows
            .iter()
            .map(|row| row.partition.to_string().len())
            .max()
            .unwrap_or(0);
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
            let label = row.partition.to_string();
            self.line(&format!(
                "  {label:width$}  {counts}; done {}",
                done_of(row)
            ));
        }
        if let Some(more) = partitions.len().checked_sub(rows.len()).filter(|n| *n > 0) {
            self.line(&format!("  and {} more", grouped(as_count(more))));
        }
    }

    fn entry(&mut self, label: &str, value: &str) {
        self.line(&format!("  {label:<11}  {value}"));
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }
}

const fn is_fine(done: DoneOutcome) -> bool {
    matches!(
        done,
        DoneOutcome::Sent | DoneOutcome::Already | DoneOutcome::NotApplicable
    )
}

fn done_of(report: &PartitionReport) -> String {
    let outcome = match report.done {
        DoneOutcome::Sent => "sent (the platform has the rows, it has not yet ingested them)",
        DoneOutcome::Already => "was sent before",
        DoneOutcome::Unconfirmed => "was received by the platform at an earlier try",
        DoneOutcome::Withheld => "withheld",
        DoneOutcome::Unknown => "sent, but nobody knows whether it got through",
        DoneOutcome::NotApplicable => "does not exist for the streaming stage",
    };
    if report.why.is_empty() {
        outcome.to_owned()
    } else {
        format!("{outcome}: {}", report.why)
    }
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
