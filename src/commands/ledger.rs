//! `ledger`: what the ledger knows, and the changes that a person asks for.

use super::last_line::{succeed, succeed_with};
use super::running::{host_name, ledger_failure};
use super::unknown_topic::unknown_topic;
use super::{Failure, Outcome, Session, ledger_drop};
use crate::cli::args::{LedgerCommand, OnePartitionArgs, SelectionArgs};
use crate::cli::error::UsageError;
use crate::cli::figure::grouped;
use crate::cli::json_line::JsonLine;
use crate::cli::printer::{Level, visible};
use crate::cli::settings::{one_stage, selection, state_dir};
use crate::domain::{Partition, Target};
use crate::ledger::{Gate, KnownPartition, Ledger, LedgerReader, RunInfo};
use crate::upload::report::{Status, Totals};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Runs `ledger`.
pub(super) async fn run(session: &Session, command: &LedgerCommand) -> Outcome {
    let place = state_dir(session.context())?;
    match command {
        LedgerCommand::List { selection } => list(session, &place, selection),
        LedgerCommand::Show { selection } => show(session, &place, selection),
        LedgerCommand::Reopen { partition } => {
            let (reader, dates) = one_or_more(session, &place, partition)?;
            let ledger = open(session, &place)?;
            for date in dates {
                let what = date.partition.to_string();
                warn_of_stored_rows(session, &reader, &date)?;
                ledger
                    .reopen(date)
                    .committed()
                    .await
                    .map_err(ledger_failure)?;
                say(
                    session,
                    &format!(
                        "{what}: reopened under a new epoch; run 'write' with all inputs of the date again"
                    ),
                );
            }
            Ok(succeed(session))
        }
        LedgerCommand::Forget {
            partition,
            yes_i_mean,
        } => {
            let (reader, dates) = one_or_more(session, &place, partition)?;
            confirm_second_upload(&dates, yes_i_mean.as_deref())?;
            let ledger = open(session, &place)?;
            for date in dates {
                let what = date.partition.to_string();
                warn_of_stored_rows(session, &reader, &date)?;
                ledger
                    .forget(date)
                    .committed()
                    .await
                    .map_err(ledger_failure)?;
                say(
                    session,
                    &format!("{what}: forgotten; the audit trail keeps that it was there"),
                );
            }
            Ok(succeed(session))
        }
        LedgerCommand::DropInput { file, selection } => {
            ledger_drop::drop_input(session, &place, file, selection).await
        }
        LedgerCommand::DropEvent { partition } => {
            ledger_drop::drop_event(session, &place, partition).await
        }
        LedgerCommand::Prune {
            older_than,
            dry_run,
        } => prune(session, &place, *older_than, *dry_run).await,
    }
}

/// Dates that a selection names, with the targets that they belong to.
pub(super) fn selected(
    session: &Session,
    place: &Path,
    args: &SelectionArgs,
) -> Result<(Option<LedgerReader>, Vec<KnownPartition>), Failure> {
    let wanted = selection(session.context(), args)?;
    let Some(reader) = LedgerReader::open(place).map_err(ledger_failure)? else {
        return Ok((None, Vec::new()));
    };
    let mut dates = Vec::new();
    for target in reader.targets().map_err(ledger_failure)? {
        dates.extend(reader.partitions(&target).map_err(ledger_failure)?);
    }
    let is_wanted = |date: &KnownPartition| wanted.matches(&date.partition);
    if !dates.iter().any(is_wanted)
        && let Some(failure) = unknown_topic(place, &wanted.topics, &dates)
    {
        return Err(failure);
    }
    dates.retain(is_wanted);
    Ok((Some(reader), dates))
}

fn list(session: &Session, place: &Path, args: &SelectionArgs) -> Outcome {
    let (reader, dates) = selected(session, place, args)?;
    let Some(reader) = reader.filter(|_| !dates.is_empty()) else {
        return Err(nothing(place));
    };
    let mut table = vec![
        [
            "target",
            "topic",
            "stage",
            "date",
            "gate",
            "accepted",
            "unconfirmed",
            "rejected",
            "pending",
        ]
        .map(str::to_owned),
    ];
    let mut totals = Totals::default();
    for date in dates {
        let rows = reader.rows(&date).map_err(ledger_failure)?;
        let held = if date.held_back { " (held)" } else { "" };
        let rejected = rows.refused.saturating_add(rows.invalid);
        totals.rows_accepted += rows.accepted;
        totals.rows_unconfirmed += rows.unconfirmed;
        totals.rows_rejected += rejected;
        totals.rows_pending += rows.pending;
        session.printer.json_line(&JsonLine::new(
            "date",
            serde_json::json!({
                "target": date.partition.target.to_string(),
                "topic": date.partition.topic.as_str(),
                "stage": date.partition.stage.kind().as_str(),
                "date": date.partition.date().map(|day| day.to_string()),
                "gate": date.gate.as_str(),
                "held_back": date.held_back,
                "rows_accepted": rows.accepted,
                "rows_unconfirmed": rows.unconfirmed,
                "rows_rejected": rejected,
                "rows_pending": rows.pending,
            }),
        ));
        table.push([
            date.partition.target.to_string(),
            date.partition.topic.to_string(),
            date.partition.stage.kind().to_string(),
            day_text(&date.partition),
            format!("{}{held}", date.gate.as_str()),
            grouped(rows.accepted),
            grouped(rows.unconfirmed),
            grouped(rejected),
            grouped(rows.pending),
        ]);
    }
    if !session.printer.style().json {
        session.printer.result(&aligned(&table));
    }
    Ok(succeed_with(session, totals))
}

fn show(session: &Session, place: &Path, args: &SelectionArgs) -> Outcome {
    let (reader, dates) = selected(session, place, args)?;
    let Some(reader) = reader.filter(|_| !dates.is_empty()) else {
        return Err(nothing(place));
    };
    for date in dates {
        let inputs = reader.inputs(date.id).map_err(ledger_failure)?;
        let rows = reader.rows(&date).map_err(ledger_failure)?;
        let mut lines = vec![
            format!("{} on {}", date.partition, date.partition.target),
            format!(
                "  gate {}, {} accepted, {} unconfirmed, {} rejected, {} pending, held back: {}",
                date.gate.as_str(),
                grouped(rows.accepted),
                grouped(rows.unconfirmed),
                grouped(rows.refused.saturating_add(rows.invalid)),
                grouped(rows.pending),
                if date.held_back { "yes" } else { "no" },
            ),
        ];
        for input in &inputs {
            let state = if input.is_finished() {
                "finished"
            } else if input.read_to_end {
                "read, not settled"
            } else {
                "not read to its end"
            };
            lines.push(format!("  input {}: {state}", visible(&input.name)));
        }
        let events = reader.events(date.id).map_err(ledger_failure)?;
        for event in &events {
            lines.push(format!("  {}", visible(event)));
        }
        session.printer.json_line(&JsonLine::new(
            "date",
            serde_json::json!({
                "target": date.partition.target.to_string(),
                "topic": date.partition.topic.as_str(),
                "stage": date.partition.stage.kind().as_str(),
                "date": date.partition.date().map(|day| day.to_string()),
                "gate": date.gate.as_str(),
                "inputs": inputs.iter().map(|input| serde_json::json!({
                    "name": input.name, "finished": input.is_finished()
                })).collect::<Vec<_>>(),
                "events": events,
            }),
        ));
        if !session.printer.style().json {
            session.printer.result(&lines.join("\n"));
        }
    }
    Ok(succeed(session))
}

async fn prune(session: &Session, place: &Path, older_than: Duration, dry_run: bool) -> Outcome {
    let everything = SelectionArgs {
        topic: Vec::new(),
        stage: Vec::new(),
        date: Vec::new(),
        target: None,
    };
    let (_, dates) = selected(session, place, &everything)?;
    let age = i64::try_from(older_than.as_secs()).unwrap_or(i64::MAX);
    let before = chrono::Utc::now().timestamp().saturating_sub(age);
    let old: Vec<KnownPartition> = dates
        .into_iter()
        .filter(|date| date.gate.is_done() && date.done_at.is_some_and(|at| at < before))
        .collect();
    let count = old.len();
    if dry_run {
        say(session, &format!("{count} done date(s) would be pruned"));
        return Ok(succeed(session));
    }
    if count > 0 {
        let ledger = open(session, place)?;
        for date in old {
            ledger
                .prune(date)
                .committed()
                .await
                .map_err(ledger_failure)?;
        }
    }
    say(
        session,
        &format!("{count} done date(s) pruned; they stay known as done"),
    );
    Ok(succeed(session))
}

pub(super) fn one_or_more(
    session: &Session,
    place: &Path,
    args: &OnePartitionArgs,
) -> Result<(LedgerReader, Vec<KnownPartition>), Failure> {
    let (topic, stages) = one_stage(session.context(), args)?;
    let everything = SelectionArgs {
        topic: vec![topic.clone()],
        stage: Vec::new(),
        date: Vec::new(),
        target: args.target.clone(),
    };
    let (reader, dates) = selected(session, place, &everything)?;
    let dates: Vec<KnownPartition> = dates
        .into_iter()
        .filter(|date| stages.contains(&date.partition.stage))
        .collect();
    let targets: BTreeSet<&Target> = dates.iter().map(|date| &date.partition.target).collect();
    if targets.len() > 1 {
        let names: Vec<String> = targets.iter().map(ToString::to_string).collect();
        return Err(Failure::new(
            Status::Usage,
            anyhow::anyhow!(
                "the ledger knows this date for several targets ({}); name one of them with --target",
                names.join(", ")
            ),
        ));
    }
    let reader = reader.filter(|_| !dates.is_empty());
    reader.map_or_else(|| Err(nothing(place)), |reader| Ok((reader, dates)))
}

/// Tells of a date that is not done what becomes of its rows once it is begun anew.
fn warn_of_stored_rows(
    session: &Session,
    reader: &LedgerReader,
    date: &KnownPartition,
) -> Result<(), Failure> {
    if date.gate.is_done() || date.gate == Gate::Sealed {
        return Ok(());
    }
    let rows = reader.rows(date).map_err(ledger_failure)?;
    let (stored, pending) = (rows.stored(), rows.pending);
    let text = if stored > 0 || (pending > 0 && date.gate != Gate::Refused) {
        format!(
            "{}: it is not done; {} row(s) of it are stored and {} on their way, and the next 'write' sends them again: without a re-sync in the console they are stored twice",
            date.partition,
            grouped(stored),
            grouped(pending)
        )
    } else {
        format!(
            "{}: it is not done and nothing of it is stored, so the next 'write' does the same as without this",
            date.partition
        )
    };
    session.printer.message(Level::Warning, &visible(&text));
    Ok(())
}

/// A date that is done and forgotten could be uploaded a second time without a word.
fn confirm_second_upload(dates: &[KnownPartition], confirmed: Option<&str>) -> Result<(), Failure> {
    let done: Vec<String> = dates
        .iter()
        .filter(|date| date.gate.is_done() || date.gate == Gate::Sealed)
        .map(|date| day_text(&date.partition))
        .collect();
    let word = done.join(",");
    if done.is_empty() || confirmed == Some(word.as_str()) {
        return Ok(());
    }
    Err(UsageError::new(format!(
        "done was sent for {word}; once forgotten, the same rows could be uploaded a second time. \
         Use 'byteair-sync ledger reopen' after a re-sync in the console; to forget it all the \
         same, name it again with --yes-i-mean {word}"
    ))
    .into())
}

/// Opens the ledger for a change.
pub(super) fn open(session: &Session, place: &Path) -> Result<Ledger, Failure> {
    let info = RunInfo {
        pid: std::process::id(),
        host: host_name(),
        command: session.invocation.command_line.clone(),
    };
    Ledger::open(place, info).map_err(ledger_failure)
}

/// Status 8: the ledger has nothing of what was asked for.
pub(super) fn nothing(place: &Path) -> Failure {
    let place: PathBuf = place.to_owned();
    Failure::new(
        Status::Nothing,
        anyhow::anyhow!(
            "the ledger in {} knows nothing of that; 'byteair-sync ledger list' shows what it knows",
            place.display()
        ),
    )
}

pub(super) fn say(session: &Session, text: &str) {
    session.printer.message(Level::Info, &visible(text));
}

pub(super) fn day_text(partition: &Partition) -> String {
    partition
        .date()
        .map_or_else(|| "(streaming)".to_owned(), |day| day.to_string())
}

/// A table with columns as wide as their widest cell; numbers are short enough to align left.
pub(super) fn aligned<const COLUMNS: usize>(table: &[[String; COLUMNS]]) -> String {
    let mut widths = [0_usize; COLUMNS];
    for row in table {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let lines: Vec<String> = table
        .iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}
