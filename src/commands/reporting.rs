//! `--report FILE`: another machine's `done` relies on it, so it never says more than is true.
//!
//! From the first moment of a command until its end the file says that nothing has ended; what an
//! earlier run had written there is gone by then, also when this one is killed.

use super::{Failure, Session};
use crate::cli::args::{Command, LedgerCommand, RejectsCommand};
use crate::cli::atomic_file;
use crate::cli::error::UsageError;
use crate::cli::printer::Level;
use crate::cli::summary::{begin_report, of_failure, write_report};
use crate::upload::report::{Status, Summary};
use std::path::Path;

/// Finds out whether the report can be written and makes it say that the command has not ended.
pub(super) fn begin(session: &Session) -> Result<(), Failure> {
    let Some(report) = wanted(session) else {
        return Ok(());
    };
    atomic_file::check(report)
        .and_then(|()| begin_report(report))
        .map_err(|error| {
            let usage = UsageError::new(format!("cannot write --report {}", report.display()));
            usage.because(error).into()
        })
}

/// Writes the report of a command that has ended. One that is lost is a problem of the command.
pub(super) fn end(session: &Session, summary: &mut Summary) {
    let Some(report) = wanted(session) else {
        return;
    };
    if let Err(error) = write_report(report, summary) {
        let text = format!(
            "the report {} could not be written: {error}; run the same command again for it",
            report.display()
        );
        session.printer.message(Level::Error, &text);
        summary.problems.push(text);
        summary.status = summary.status.worst(Status::Temporary);
        summary.retryable = true;
    }
}

/// The report of a command that could not do what it was asked.
pub(super) fn fail(session: &Session, failure: &Failure) {
    let Some(report) = wanted(session) else {
        return;
    };
    let summary = of_failure(failure.status, &format!("{:#}", failure.error));
    if let Err(error) = write_report(report, &summary) {
        let text = format!(
            "the report {} could not be written: {error}",
            report.display()
        );
        session.printer.message(Level::Error, &text);
    }
}

/// Where to, for a command that writes a report.
fn wanted(session: &Session) -> Option<&Path> {
    let reports = match &session.invocation.cli.command {
        Command::Write(_)
        | Command::Run(_)
        | Command::Done(_)
        | Command::Status(_)
        | Command::Doctor(_) => true,
        Command::Ledger(command) => matches!(command, LedgerCommand::List { .. }),
        Command::Rejects(command) => matches!(
            command,
            RejectsCommand::Replay(_) | RejectsCommand::List { .. }
        ),
        _ => false,
    };
    session.output.report.as_deref().filter(|_| reports)
}
