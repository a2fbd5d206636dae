//! The summary as a JSON object (`cli.md` section 10): the last line of `--json`, and `--report`.

use super::of_failure;
use crate::cli::atomic_file::{self, Existing, Readers};
use crate::cli::json_line::JsonLine;
use crate::upload::report::{Course, NextStep, Status, Summary};
use serde::Serialize;
use std::io;
use std::path::Path;

/// The fields of the summary object. Fields may be added, never renamed.
#[derive(Debug, Clone, Serialize)]
pub struct MachineSummary {
    exit_status: u8,
    finished: bool,
    dry_run: bool,
    target: Option<MachineTarget>,
    ledger: Option<String>,
    retryable: bool,
    rows_read: u64,
    rows_accepted: u64,
    rows_unconfirmed: u64,
    rows_rejected: u64,
    rows_pending: u64,
    batches: u64,
    requests: u64,
    retries: u64,
    bytes_read: u64,
    bytes_sent: u64,
    seconds: f64,
    dates: Vec<MachineDate>,
    rejects: Vec<MachineRejects>,
    problems: Vec<String>,
    notes: Vec<String>,
    next_command: Option<String>,
    next: Vec<NextStep>,
}

#[derive(Debug, Clone, Serialize)]
struct MachineTarget {
    tenant: String,
    application: String,
    platform: String,
}

#[derive(Debug, Clone, Serialize)]
struct MachineDate {
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<String>,
    topic: String,
    stage: &'static str,
    date: Option<String>,
    rows_accepted: u64,
    rows_unconfirmed: u64,
    rows_rejected: u64,
    rows_pending: u64,
    done: &'static str,
    why: String,
}

#[derive(Debug, Clone, Serialize)]
struct MachineRejects {
    code: String,
    column: Option<String>,
    message: String,
    rows: u64,
    first: String,
}

/// The summary for machines.
pub fn for_machines(story: &Summary) -> JsonLine<MachineSummary> {
    let totals = &story.totals;
    let fields = MachineSummary {
        exit_status: story.status.code(),
        finished: story.course != Course::UnderWay,
        dry_run: story.course == Course::DryRun,
        target: story.origin.as_ref().map(|origin| MachineTarget {
            tenant: origin.target.tenant().to_owned(),
            application: origin.target.application().to_owned(),
            platform: origin.target.platform().to_owned(),
        }),
        ledger: story
            .origin
            .as_ref()
            .and_then(|origin| origin.ledger.clone()),
        retryable: story.retryable,
        rows_read: totals.rows_read,
        rows_accepted: totals.rows_accepted,
        rows_unconfirmed: totals.rows_unconfirmed,
        rows_rejected: totals.rows_rejected,
        rows_pending: totals.rows_pending,
        batches: totals.batches,
        requests: totals.requests,
        retries: totals.retries,
        bytes_read: totals.bytes_read,
        bytes_sent: totals.bytes_sent,
        seconds: totals.elapsed.as_secs_f64(),
        dates: story
            .partitions
            .iter()
            .map(|report| MachineDate {
                job: report.job.clone(),
                topic: report.partition.topic.to_string(),
                stage: report.partition.stage.kind().as_str(),
                date: report.partition.date().map(|date| date.to_string()),
                rows_accepted: report.rows_accepted,
                rows_unconfirmed: report.rows_unconfirmed,
                rows_rejected: report.rows_rejected,
                rows_pending: report.rows_pending,
                done: report.done.as_str(),
                why: report.why.clone(),
            })
            .collect(),
        rejects: story
            .rejects
            .iter()
            .map(|group| MachineRejects {
                code: group.code.clone(),
                column: group.column.clone(),
                message: group.reason().into_owned(),
                rows: group.count,
                first: group.first.clone(),
            })
            .collect(),
        problems: story.problems.clone(),
        notes: story.notes.clone(),
        next_command: story.next.first().map(|step| step.command.clone()),
        next: story.next.clone(),
    };
    JsonLine::new("summary", fields)
}

/// Puts a report in place that says that its command has not ended, until [`write_report`] replaces
/// it. A device or a pipe is left alone: it takes one report.
pub fn begin_report(path: &Path) -> io::Result<()> {
    if atomic_file::is_stream(path) {
        return Ok(());
    }
    let why = "the command that writes this report has not ended, or was killed";
    let mut story = of_failure(Status::Temporary, why);
    story.course = Course::UnderWay;
    write_report(path, &story)
}

/// Writes the summary object to a file, which appears whole (`--report`).
pub fn write_report(path: &Path, story: &Summary) -> io::Result<()> {
    let mut text = serde_json::to_vec(&for_machines(story))?;
    text.push(b'\n');
    atomic_file::write(path, &text, Readers::Everybody, Existing::Replace)
}
