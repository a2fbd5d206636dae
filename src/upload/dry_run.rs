//! `--dry-run`: reads and checks what is left, and says what would be sent. Nothing is registered,
//! recorded or sent.

use super::batcher::Batcher;
use super::cut::{CutKind, Message};
use super::event::{DoneOutcome, Gauges};
use super::explain;
use super::foresee::Outlook;
use super::memory::Budget;
use super::plan::{Action, Plan, PlannedDate, PlannedInput, PlannedPlace};
use super::readings::Reading;
use super::recorded;
use super::report::{Course, PartitionReport, Status, Summary, Totals};
use super::settings::Settings;
use super::work::{InputWork, Place, Work, WorkDates};
use crate::domain::Partition;
use crate::input::InputSettings;
use crate::ledger::{Blocks, InputId, LedgerError, LedgerReader, RowCounts};
use crate::text::{counted, grouped};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// The summary of a plan that could not be made.
pub(super) fn failed(status: Status, error: &dyn std::error::Error) -> Summary {
    let mut summary = empty();
    summary.status = status;
    summary.problems.push(explain::with_causes(error));
    summary
}

/// What the ledger has of a date: its rows, and batches that would be sent again.
#[derive(Default)]
pub(super) struct Recorded {
    rows: RowCounts,
    batches: u64,
    outlook: Option<Outlook>,
}

/// What the ledger has of each date of a plan; nothing when all of it is to be uploaded anew.
pub(super) fn recorded(
    settings: &Settings,
    plan: &Plan,
    ledger: Option<&LedgerReader>,
) -> Result<Vec<Recorded>, LedgerError> {
    let past = ledger.filter(|_| !settings.run.restart);
    let dates = plan.dates.iter();
    dates
        .map(|date| {
            let mut recorded = match past {
                Some(reader) => rows_of(plan, date, reader)?,
                None => Recorded::default(),
            };
            let pending = (recorded.rows.pending, recorded.batches);
            recorded.outlook = Outlook::of(settings, (plan, date), ledger, pending)?;
            Ok(recorded)
        })
        .collect()
}

fn rows_of(
    plan: &Plan,
    date: &PlannedDate,
    reader: &LedgerReader,
) -> Result<Recorded, LedgerError> {
    let mut recorded = Recorded::default();
    let Some(known) = recorded::find(reader, &date.partition)? else {
        return Ok(recorded);
    };
    recorded.rows = reader.rows(&known)?;
    // Rows of inputs that the command does not name stay where they are.
    recorded.rows.pending = 0;
    for input in open_inputs(plan, &date.action) {
        for batch in reader.intended_batches(known.id, input)? {
            recorded.batches = recorded.batches.saturating_add(1);
            let rows = u64::from(batch.rows);
            recorded.rows.pending = recorded.rows.pending.saturating_add(rows);
        }
    }
    Ok(recorded)
}

/// Inputs of a date that the ledger knows and that are not finished.
fn open_inputs(plan: &Plan, action: &Action) -> Vec<InputId> {
    let Action::Upload(own) = action else {
        return Vec::new();
    };
    let shared = plan.shared.iter().flatten().map(|shared| &shared.input);
    let inputs = own.iter().chain(shared).filter(|input| !input.finished);
    inputs.filter_map(|input| input.known).collect()
}

/// Rows and requests that a plan would come to.
pub(super) async fn count(settings: &Settings, plan: Plan, recorded: Vec<Recorded>) -> Summary {
    let begun = Instant::now();
    let mut summary = empty();
    summary.notes = plan.notes;
    for (status, problem) in plan.problems {
        summary.status = summary.status.worst(status);
        summary.problems.push(problem);
    }
    let mut works = Vec::new();
    let mut days = BTreeMap::new();
    let mut outlooks = Vec::new();
    for (date, recorded) in plan.dates.into_iter().zip(recorded) {
        if let Some((status, why)) = date.late {
            summary.status = summary.status.worst(status);
            summary.problems.push(why);
        }
        let (done, why) = match date.action {
            Action::Upload(inputs) => {
                let index = summary.partitions.len();
                days.extend(date.partition.date().map(|day| (day, index)));
                let files = match &plan.shared {
                    Some(shared) => unfinished(shared.iter().map(|shared| &shared.input)),
                    None => unfinished(&inputs),
                };
                if plan.shared.is_none() {
                    works.push(work(&settings.input, WorkDates::One(index), inputs));
                }
                (DoneOutcome::Withheld, why_withheld(files))
            }
            Action::AlreadyDone { .. } => (DoneOutcome::Already, String::new()),
            Action::Fail(status, why) => {
                summary.status = summary.status.worst(status);
                summary.problems.push(why.clone());
                (DoneOutcome::Withheld, why)
            }
        };
        recorded::add_rows(&mut summary.totals, recorded.rows);
        summary.totals.batches = summary.totals.batches.saturating_add(recorded.batches);
        outlooks.push(recorded.outlook);
        summary
            .partitions
            .push(report(date.partition, recorded.rows, (done, why)));
    }
    if let Some(shared) = plan.shared {
        for reading in Reading::of(shared, &settings.input) {
            let dates = WorkDates::ByRow(reading.dates(&days));
            works.push(work(&reading.settings, dates, reading.inputs));
        }
    }
    read_through(settings, works, (&mut summary, &mut outlooks)).await;
    foretell(&outlooks, &mut summary);
    summary.totals.elapsed = begun.elapsed();
    summary.notes.push(in_words(&summary));
    summary
}

/// Of how many inputs something is left to upload.
fn unfinished<'a>(inputs: impl IntoIterator<Item = &'a PlannedInput>) -> usize {
    let inputs = inputs.into_iter();
    inputs.filter(|input| !input.finished).count()
}

const ALL_UPLOADED: &str = "a dry run; all rows are uploaded";

fn why_withheld(files: usize) -> String {
    match files {
        0 => ALL_UPLOADED.to_owned(),
        files => format!("a dry run; {files} input(s) would be uploaded"),
    }
}

/// Says of each date what would keep its `done` back once everything is uploaded.
fn foretell(outlooks: &[Option<Outlook>], summary: &mut Summary) {
    for (report, outlook) in summary.partitions.iter_mut().zip(outlooks) {
        let Some(outlook) = outlook else { continue };
        match outlook.withheld(&report.partition) {
            Some(withheld) => {
                let why = format!("{}; done would be withheld: {}", report.why, withheld.why);
                if withheld.status != Status::Success {
                    summary
                        .problems
                        .push(format!("{}: {why}", report.partition));
                }
                report.why = why;
                summary.status = summary.status.worst(withheld.status);
            }
            None if report.why == ALL_UPLOADED => {
                report.why.push_str(", nothing but done is left");
            }
            None => {}
        }
    }
}

/// What a plan comes to, in a sentence.
pub fn in_words(summary: &Summary) -> String {
    let totals = &summary.totals;
    let seconds = totals
        .rows_pending
        .div_ceil(50_000)
        .max(totals.batches.div_ceil(100));
    format!(
        "dry run: {} in {} would be sent, {} rejected; about {} s at the platform's quota. Nothing was recorded or sent",
        counted(totals.rows_pending, "row", "rows"),
        counted(totals.batches, "request", "requests"),
        grouped(totals.rows_rejected),
        grouped(seconds)
    )
}

/// What is left to read of some inputs.
fn work(settings: &InputSettings, dates: WorkDates, inputs: Vec<PlannedInput>) -> Work {
    let inputs = inputs.into_iter().enumerate();
    let inputs = inputs.map(|(index, input)| InputWork {
        id: InputId(i64::try_from(index).unwrap_or(i64::MAX)),
        name: input.name,
        resume: input.resume,
        read_to_end: input.read_to_end,
        finished: input.finished,
        bytes_before: 0,
        place: match input.place {
            PlannedPlace::Stored(location, _) => Place::Stored(location),
            PlannedPlace::Stdin(stream) => {
                let settings = settings.clone();
                Place::Stream(Box::new(move || stream.open(&settings)))
            }
            PlannedPlace::Spool => Place::Spool,
        },
    });
    Work {
        dates,
        intended: Vec::new(),
        sources: HashMap::new(),
        inputs: inputs.collect(),
        date_field: settings.date_field.clone(),
        followed: None,
    }
}

async fn read_through(
    settings: &Settings,
    works: Vec<Work>,
    (summary, outlooks): (&mut Summary, &mut [Option<Outlook>]),
) {
    let (messages, mut incoming) = mpsc::channel(2);
    let limits = (settings.batch.rows.rows(), settings.batch.bytes);
    let gauges = Arc::new(Gauges::default());
    let batcher = Batcher {
        settings: settings.input.clone(),
        limits: Arc::new(move |_| limits),
        budget: Budget::new(settings.batch.memory_bytes),
        runtime: Handle::current(),
        messages,
        gauges: Arc::clone(&gauges),
        is_stopped: Arc::new(|_| false),
        is_ending: Arc::new(|| false),
        rejected: Arc::new(AtomicU64::new(0)),
        stop_after_errors: settings.gate.stop_after_errors,
        spool_dir: settings.run.state_dir.join("spool"),
        linger: None,
    };
    let reading = tokio::task::spawn_blocking(move || batcher.run(works));
    while let Some(message) = incoming.recv().await {
        match message {
            Message::Cut(cut) => {
                let mut counts = (&mut *summary, &mut *outlooks);
                add_rows(&mut counts, cut.partition, cut.rows);
                if let CutKind::Fresh { rejects, .. } = &cut.kind {
                    for letter in rejects {
                        add_reject(&mut counts, cut.partition, letter.blocks);
                    }
                }
            }
            Message::Round(round) => {
                let mut counts = (&mut *summary, &mut *outlooks);
                for part in &round.parts {
                    let rows = u32::try_from(part.rows.len()).unwrap_or(u32::MAX);
                    add_rows(&mut counts, part.partition, rows);
                }
                for (letter, home) in round.intake.rejects.iter().zip(&round.homes) {
                    add_reject(&mut counts, *home, letter.blocks);
                }
            }
            Message::Begun | Message::PartitionRead(_) => {}
            Message::PartitionFailed {
                partition,
                status,
                problem,
            } => {
                summary.status = summary.status.worst(status);
                fail(summary, outlooks, partition, &problem);
                summary.problems.push(problem);
            }
            Message::Warning(text) => summary.notes.push(text),
        }
    }
    if let Err(error) = reading.await {
        summary.status = Status::Unexpected;
        summary
            .problems
            .push(format!("the reading thread ended unexpectedly: {error}"));
    }
    let read = Gauges::get(&gauges.rows_read);
    summary.totals.rows_read = summary.totals.rows_read.saturating_add(read);
    summary.totals.bytes_read = Gauges::get(&gauges.bytes_read);
}

/// The summary, and what is foreseen of its dates.
type Counts<'a> = (&'a mut Summary, &'a mut [Option<Outlook>]);

/// Counts a batch of a date.
fn add_rows((summary, outlooks): &mut Counts<'_>, date: usize, rows: u32) {
    let batches = u64::from(rows > 0);
    let rows = u64::from(rows);
    let totals = &mut summary.totals;
    totals.rows_pending = totals.rows_pending.saturating_add(rows);
    totals.batches = totals.batches.saturating_add(batches);
    if let Some(date) = summary.partitions.get_mut(date) {
        date.rows_pending = date.rows_pending.saturating_add(rows);
    }
    if let Some(Some(outlook)) = outlooks.get_mut(date) {
        outlook.add_rows(rows);
    }
}

/// Counts a rejected row that lies with a date.
fn add_reject((summary, outlooks): &mut Counts<'_>, home: usize, blocks: Blocks) {
    let totals = &mut summary.totals;
    totals.rows_rejected = totals.rows_rejected.saturating_add(1);
    if let Some(date) = summary.partitions.get_mut(home) {
        date.rows_rejected = date.rows_rejected.saturating_add(1);
    }
    for (index, outlook) in outlooks.iter_mut().enumerate() {
        match outlook {
            Some(outlook) if index == home => outlook.add_reject(blocks),
            Some(outlook) if blocks == Blocks::Scope => outlook.block(),
            _ => {}
        }
    }
}

/// Says of a date why its upload would end before its `done`.
fn fail(summary: &mut Summary, outlooks: &mut [Option<Outlook>], failed: usize, problem: &str) {
    if let Some(outlook) = outlooks.get_mut(failed) {
        *outlook = None;
    }
    if let Some(report) = summary.partitions.get_mut(failed) {
        problem.clone_into(&mut report.why);
    }
}

fn report(
    partition: Partition,
    rows: RowCounts,
    (done, why): (DoneOutcome, String),
) -> PartitionReport {
    PartitionReport {
        job: None,
        partition,
        rows_accepted: rows.accepted,
        rows_unconfirmed: rows.unconfirmed,
        rows_rejected: recorded::rejected(rows),
        rows_pending: rows.pending,
        done,
        why,
    }
}

fn empty() -> Summary {
    Summary {
        status: Status::Success,
        retryable: false,
        totals: Totals {
            elapsed: Duration::ZERO,
            ..Totals::default()
        },
        partitions: Vec::new(),
        rejects: Vec::new(),
        problems: Vec::new(),
        notes: Vec::new(),
        next: Vec::new(),
        run_dir: None,
        course: Course::DryRun,
        origin: None,
    }
}
