//! `rejects replay`: upload a file of corrected rows in place of rejected ones.
//!
//! What can be seen to be wrong before anything is sent is said here; the ledger decides again in
//! the transaction that registers the file. The upload itself is that of `write`.

use super::ledger::nothing;
use super::running::{Means, Running, ledger_failure};
use super::{Failure, Outcome, Session};
use crate::cli::args::{ReplayArgs, ids_of};
use crate::cli::error::UsageError;
use crate::cli::figure::grouped;
use crate::cli::printer::Level;
use crate::cli::settings::WriteOptions;
use crate::domain::{InputIdentity, Partition, Stage};
use crate::input::{FoundFile, Location, count_records};
use crate::ledger::{KnownPartition, LedgerReader, Replacing, ReplayIntent, Replayable};
use crate::upload::report::Status;
use crate::upload::{Settings, carried_options, shell_word, stands_for};
use std::path::Path;
use std::sync::Arc;

/// Runs `rejects replay`.
pub(super) async fn replay(session: &Session, args: &ReplayArgs) -> Outcome {
    let mut options = WriteOptions::of_replay(session.context(), args)?;
    for warning in &options.warnings {
        session.printer.message(Level::Warning, warning);
    }
    let intent = intent(session, &options.upload, args)?;
    options.upload.replay = Some(intent);
    let means = Means {
        connection: &options.connection,
        rate: &options.rate,
        quota_service: None,
        state_dir: &options.upload.run.state_dir,
        command: &options.upload.run.command,
        throw_away: false,
    };
    let running = Running::start(session, &means, || {
        crate::upload::resolve_target(&options.upload)
    })?;
    let engine = Box::pin(crate::upload::run(
        options.upload.clone(),
        running.services.clone(),
        None,
    ));
    let book = Arc::clone(&running.book);
    let engine = book.watch(&options.upload.topic, options.upload.stage, engine);
    Ok(running.finish(engine).await)
}

/// What the file is to replace, checked against what the ledger has now.
fn intent(
    session: &Session,
    settings: &Settings,
    args: &ReplayArgs,
) -> Result<ReplayIntent, Failure> {
    let place = &settings.run.state_dir;
    let Some(reader) = LedgerReader::open(place).map_err(ledger_failure)? else {
        return Err(nothing(place));
    };
    let Some(date) = date_of(&reader, settings)? else {
        return Err(nothing(place));
    };
    // As the ledger names files.
    let path = std::path::absolute(&args.file).unwrap_or_else(|_| args.file.clone());
    let replayable = reader.replayable(date.id).map_err(ledger_failure)?;
    let begun = has_begun(&reader, &date, &path, settings)?;
    if !begun {
        require_open(session, &reader, (&date, replayable))?;
    }
    let rows = rows_of(&path, settings)?;
    let letters = ids_of(&args.id);
    if !begun {
        let replaced = if letters.is_empty() {
            require_one_date(&date, &path, replayable)?;
            require_as_many(&date, &path, rows, replayable)?;
            replayable.open
        } else {
            require_letters(&reader, &date, &letters)?;
            u64::try_from(letters.len()).unwrap_or(u64::MAX)
        };
        session.printer.message(
            Level::Info,
            &format!(
                "{}: {} row(s) of {} take the place of {} rejected row(s)",
                date.partition,
                grouped(rows),
                path.display(),
                grouped(replaced)
            ),
        );
    }
    Ok(ReplayIntent { letters, rows })
}

/// Whether the file is a replay that an earlier command began. Corrected rows of a later export may
/// lie under the name of one that is over.
fn has_begun(
    reader: &LedgerReader,
    date: &KnownPartition,
    path: &Path,
    settings: &Settings,
) -> Result<bool, Failure> {
    let name = path.to_string_lossy();
    let now = Location::of_name(&name).identity(&settings.input.stores);
    let now = now.map_err(|error| {
        let status = crate::upload::input_status(&error, Status::NotReady);
        Failure::new(status, error)
    })?;
    let is_same = |before: &InputIdentity| now.as_ref().is_some_and(|now| now.is_same(before));
    let file = now.clone().map(|identity| FoundFile {
        location: Location::of_name(&name),
        identity,
    });
    for input in reader.inputs(date.id).map_err(ledger_failure)? {
        let is_replay = reader.replaces_rejects(input.id).map_err(ledger_failure)?;
        if !is_replay || reader.is_all_rejected(input.id).map_err(ledger_failure)? {
            continue;
        }
        let is_it = if input.name == name {
            !input.is_finished() || input.identity.as_ref().is_some_and(is_same)
        } else if let Some(file) = file.as_ref().filter(|_| !input.is_finished()) {
            stands_for(reader, &settings.input, file, &input)
                .map_err(|error| Failure::new(Status::NotReady, error))?
        } else {
            false
        };
        if is_it {
            return Ok(true);
        }
    }
    Ok(false)
}

fn date_of(reader: &LedgerReader, settings: &Settings) -> Result<Option<KnownPartition>, Failure> {
    let target = reader
        .find_target(&settings.target, &settings.hosts, settings.same_target)
        .map_err(ledger_failure)?;
    let stage = Stage::new(settings.stage, settings.dates.first().copied());
    let (Some(target), Ok(stage)) = (target, stage) else {
        return Ok(None);
    };
    let partition = Partition {
        target: target.target.clone(),
        topic: settings.topic.clone(),
        stage,
    };
    reader
        .partition(&target, &partition)
        .map_err(ledger_failure)
}

fn require_open(
    session: &Session,
    reader: &LedgerReader,
    (date, replayable): (&KnownPartition, Replayable),
) -> Result<(), Failure> {
    let carried = carried_options(&session.invocation.command_line);
    let arguments = format!("{}{carried}", arguments_of(&date.partition));
    if date.gate.is_done() {
        return Err(Failure::new(
            Status::Refused,
            anyhow::anyhow!(
                "{} is already done, so corrected rows come too late (late_input); re-sync the date in the platform's console, then 'byteair-sync ledger reopen {arguments}', then upload everything again",
                date.partition
            ),
        ));
    }
    if replayable.open > 0 {
        return Ok(());
    }
    if let Some(replay) = reader.being_replaced(date.id).map_err(ledger_failure)? {
        let file = &replay.file;
        let goes_on = goes_on(&date.partition, &replay, &carried);
        return Err(Failure::new(
            Status::Unfinished,
            anyhow::anyhow!(
                "{}: {} open rejected row(s) are being replaced by {file}, which is not sent to its end; '{goes_on}' goes on with it, 'byteair-sync ledger drop-input{carried} {}' gives it up",
                date.partition,
                grouped(replay.rows),
                shell_word(file),
            ),
        ));
    }
    Err(Failure::new(
        Status::Nothing,
        anyhow::anyhow!(
            "{}: there is no open rejected row to replace; nothing was sent",
            date.partition
        ),
    ))
}

fn rows_of(path: &Path, settings: &Settings) -> Result<u64, Failure> {
    let rows = count_records(path, &settings.input).map_err(|error| {
        let status = crate::upload::input_status(&error, Status::NotReady);
        Failure::new(status, error)
    })?;
    if rows > 0 {
        return Ok(rows);
    }
    Err(Failure::new(
        Status::Nothing,
        anyhow::anyhow!("{} has no row; nothing was sent", path.display()),
    ))
}

/// All rows of the file are stored under one date, so it has to be clear that they are of it.
fn require_one_date(
    date: &KnownPartition,
    path: &Path,
    replayable: Replayable,
) -> Result<(), Failure> {
    if replayable.undated == 0 {
        return Ok(());
    }
    Err(Failure::from(UsageError::new(format!(
        "{} of the open rejected row(s) say no date and come from inputs with rows of several dates, and every row of {} would be stored as one of {}; nothing was sent. Put the rows of each date into a file of their own, and replay each with --id for every row that it replaces ('byteair-sync rejects list {}')",
        grouped(replayable.undated),
        path.display(),
        date.partition,
        arguments_of(&date.partition),
    ))))
}

fn require_as_many(
    date: &KnownPartition,
    path: &Path,
    rows: u64,
    replayable: Replayable,
) -> Result<(), Failure> {
    if rows == replayable.open {
        return Ok(());
    }
    Err(Failure::from(UsageError::new(format!(
        "{} has {} row(s), but {} rejected row(s) of {} are open; nothing was sent. Name those that it replaces with --id ('byteair-sync rejects list {}'), and waive what cannot be corrected",
        path.display(),
        grouped(rows),
        grouped(replayable.open),
        date.partition,
        arguments_of(&date.partition),
    ))))
}

fn require_letters(
    reader: &LedgerReader,
    date: &KnownPartition,
    letters: &[i64],
) -> Result<(), Failure> {
    for id in letters {
        if !reader
            .is_open_reject(date.id, *id)
            .map_err(ledger_failure)?
        {
            return Err(Failure::from(UsageError::new(format!(
                "--id {id} is not an open rejected row of {}; nothing was sent; 'byteair-sync rejects list {}' shows them",
                date.partition,
                arguments_of(&date.partition),
            ))));
        }
    }
    Ok(())
}

/// The command that sends the rest of a file of corrected rows, for the day that these go to.
pub(super) fn goes_on(partition: &Partition, replay: &Replacing, carried: &str) -> String {
    let day = replay.date.as_ref();
    let day = day.map(|day| format!(" -d {day}")).unwrap_or_default();
    format!(
        "byteair-sync rejects replay {} -t {} -s {}{day}{carried}",
        shell_word(&replay.file),
        partition.topic,
        partition.stage.kind()
    )
}

/// The options that name a date.
pub(super) fn arguments_of(partition: &Partition) -> String {
    let date = partition
        .date()
        .map(|date| format!(" -d {date}"))
        .unwrap_or_default();
    format!("-t {} -s {}{date}", partition.topic, partition.stage.kind())
}
