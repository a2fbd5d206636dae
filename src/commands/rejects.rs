//! `rejects`: the dead letters, where they came from and why.

use super::last_line::{succeed, succeed_with};
use super::ledger::{aligned, nothing, selected};
use super::running::ledger_failure;
use super::{Failure, Outcome, Session, rejects_export, rejects_replay, rejects_waive};
use crate::cli::args::{RejectsCommand, SelectionArgs};
use crate::cli::json_line::JsonLine;
use crate::cli::printer::visible;
use crate::cli::settings::state_dir;
use crate::ledger::{LedgerReader, RejectRow, RejectsOf};
use crate::upload::report::{Status, Totals};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// Runs `rejects`.
pub(super) async fn run(session: &Session, command: &RejectsCommand) -> Outcome {
    let place = state_dir(session.context())?;
    match command {
        RejectsCommand::List { selection, limit } => list(session, &place, selection, *limit),
        RejectsCommand::Show { ids } => show(session, &place, ids),
        RejectsCommand::Export(args) => rejects_export::export(session, &place, args),
        RejectsCommand::Replay(args) => rejects_replay::replay(session, args).await,
        RejectsCommand::Waive(args) => rejects_waive::waive(session, &place, args).await,
    }
}

fn list(session: &Session, place: &Path, args: &SelectionArgs, limit: NonZeroUsize) -> Outcome {
    let (reader, dates) = selected(session, place, args)?;
    let Some(reader) = reader else {
        return Err(nothing(place));
    };
    let mut left = u32::try_from(limit.get()).unwrap_or(u32::MAX);
    let (mut total, mut shown) = (0_u64, 0_u64);
    let mut table = vec![["id", "state", "where", "code", "field", "reason"].map(str::to_owned)];
    let is_alone = dates.len() == 1;
    for date in dates {
        let mut after = 0;
        let of_date = if is_alone {
            RejectsOf::CountingFor(date.id)
        } else {
            RejectsOf::LyingWith(date.id)
        };
        total = total.saturating_add(reader.reject_count(of_date).map_err(ledger_failure)?);
        while left > 0 {
            let page = reader
                .rejects(of_date, after, left.min(1_000))
                .map_err(ledger_failure)?;
            let Some(last) = page.last() else { break };
            after = last.id;
            left = left.saturating_sub(u32::try_from(page.len()).unwrap_or(u32::MAX));
            shown = shown.saturating_add(u64::try_from(page.len()).unwrap_or(u64::MAX));
            for reject in &page {
                session.printer.json_line(&JsonLine::new("reject", reject));
                table.push([
                    reject.id.to_string(),
                    visible(&state_of(reject)).into_owned(),
                    visible(&format!("{}:{}", reject.file, reject.line)).into_owned(),
                    visible(&reject.code).into_owned(),
                    visible(reject.column.as_deref().unwrap_or("-")).into_owned(),
                    visible(&reject.message).into_owned(),
                ]);
            }
        }
    }
    if !session.printer.style().json {
        if total == 0 {
            session.printer.result("no rejected rows");
        } else {
            session.printer.result(&aligned(&table));
        }
        for file in files_of_events(place) {
            let text = format!("rejected metadata events are in {}", file.display());
            session.printer.result(&visible(&text));
        }
        if total > shown {
            session.printer.result(&format!(
                "{} more; --limit {total} lists all",
                total.saturating_sub(shown)
            ));
        }
    }
    let totals = Totals {
        rows_rejected: total,
        ..Totals::default()
    };
    Ok(succeed_with(session, totals))
}

/// The files of dead letters of `metadata sync`, which belong to no date.
fn files_of_events(place: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(place.join("rejects"));
    let paths = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy());
            name.is_some_and(|name| name.starts_with("metadata-") && name.ends_with(".jsonl"))
        })
        .filter(|path| path.metadata().is_ok_and(|it| it.len() > 0))
        .collect();
    files.sort_unstable();
    files
}

/// The state, with the file that takes the row's place: it has not done so while the row is open.
fn state_of(reject: &RejectRow) -> String {
    match (&reject.replayed_by, reject.state.as_str()) {
        (Some(file), "open") => format!("open, {file} has begun to replace it"),
        (Some(file), state) => format!("{state} by {file}"),
        (None, state) => state.to_owned(),
    }
}

fn show(session: &Session, place: &Path, ids: &[i64]) -> Outcome {
    let Some(reader) = LedgerReader::open(place).map_err(ledger_failure)? else {
        return Err(nothing(place));
    };
    for id in ids {
        let Some(reject) = reader.reject(*id).map_err(ledger_failure)? else {
            return Err(Failure::new(
                Status::Nothing,
                anyhow::anyhow!(
                    "there is no rejected row {id}; 'byteair-sync rejects list' shows them"
                ),
            ));
        };
        let raw = reader.raw_line(&reject).map_err(ledger_failure)?;
        let fields: serde_json::Value = serde_json::from_slice(&raw).map_err(|error| {
            Failure::new(
                Status::Unexpected,
                anyhow::anyhow!("the dead letter {id} cannot be read back: {error}"),
            )
        })?;
        if session.printer.style().json {
            session.printer.json_line(&JsonLine::new("reject", &fields));
            continue;
        }
        let mut lines = vec![format!("rejected row {id}, {}", state_of(&reject))];
        for (name, value) in fields.as_object().into_iter().flatten() {
            if !value.is_null() {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                lines.push(visible(&format!("  {name}: {text}")).into_owned());
            }
        }
        session.printer.result(&lines.join("\n"));
    }
    Ok(succeed(session))
}
