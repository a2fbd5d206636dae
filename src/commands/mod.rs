//! The commands, one file each, named as they are typed.
//!
//! A command is thin: it resolves its settings, calls lower floors, and says how it ended. Failures
//! carry the exit status that they mean; everything else is a bug and status 1.

mod asked_to_stop;
mod checkpoint;
mod completions;
mod config;
mod doctor;
mod done;
mod done_hints;
mod huawei_status;
mod last_line;
mod ledger;
mod ledger_drop;
mod man;
mod metadata;
mod metrics;
mod open_files;
mod other_reports;
mod quota;
mod rejects;
mod rejects_export;
mod rejects_replay;
mod rejects_rows;
mod rejects_waive;
mod reporting;
mod run;
mod run_announce;
mod run_days;
mod run_next;
mod run_plan;
mod run_same_day;
mod run_stand;
mod run_untouched;
mod running;
mod sandbox;
mod schema;
mod status;
mod status_day;
mod status_html;
mod unknown_topic;
mod validate;
mod write;

pub use open_files::assure_open_files;

use crate::cli::args::{Command, ConfigCommand};
use crate::cli::error::{UsageError, chain};
use crate::cli::invocation::{Invocation, ParseError, in_words};
use crate::cli::printer::{Level, PrintStyle, Printer};
use crate::cli::settings::{Context, Output};
use crate::cli::variables;
use crate::upload::report::Status;
use chrono::Utc;
use std::ffi::OsString;

/// What every command works with.
pub struct Session {
    /// The arguments with environment and profile.
    pub invocation: Invocation,
    /// Resolved output options.
    pub output: Output,
    /// The way to the terminal.
    pub printer: Printer,
}

impl Session {
    /// A session that prints to the process's own outputs.
    pub fn new(invocation: Invocation) -> Self {
        let output = Output::resolve(&invocation);
        Self {
            printer: Printer::of_process(output.style),
            invocation,
            output,
        }
    }

    /// What settings are made from, now.
    pub fn context(&self) -> Context<'_> {
        Context {
            invocation: &self.invocation,
            now: Utc::now(),
        }
    }
}

/// A command that could not do what it was asked, before there was anything to sum up.
#[derive(Debug)]
pub struct Failure {
    /// The exit status.
    pub status: Status,
    /// What went wrong, with its causes.
    pub error: anyhow::Error,
}

impl Failure {
    /// A failure that means this status.
    pub fn new(status: Status, error: impl Into<anyhow::Error>) -> Self {
        Self {
            status,
            error: error.into(),
        }
    }
}

impl From<UsageError> for Failure {
    fn from(error: UsageError) -> Self {
        Self::new(Status::Usage, error)
    }
}

/// What nobody gave a status is a bug.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Status::Unexpected, error)
    }
}

/// How a command ended. Whoever returns a status other than success has told why.
pub type Outcome = Result<Status, Failure>;

/// Tells why the arguments cannot be taken; help and version are told as results.
pub fn refuse(error: &ParseError, arguments: &[OsString]) -> Status {
    // The arguments mean nothing as a whole, but a script that reads JSON has to get some.
    let printer = Printer::of_process(PrintStyle {
        json: arguments.iter().any(|argument| argument == "--json"),
        ..PrintStyle::default()
    });
    match error {
        ParseError::Arguments(help) if !help.use_stderr() => {
            printer.result(&help.render().to_string());
            return printer.end(Status::Success);
        }
        ParseError::Arguments(error) => {
            let text = in_words(error, arguments);
            printer.refusal(Status::Usage, text.trim_end());
        }
        ParseError::Setting(error) => printer.failure(Status::Usage, &chain(error)),
    }
    Status::Usage
}

/// Runs the command that was typed, and tells of its failure.
pub async fn run(session: &Session) -> Status {
    if heeds_settings(&session.invocation.cli.command) {
        for (what, cure) in variables::unread(&session.invocation.environment) {
            let text = format!("{what}; {cure}");
            session.printer.message(Level::Warning, &text);
        }
    }
    let begun = metrics::check(session).map_err(Failure::from);
    let outcome = match begun.and_then(|()| reporting::begin(session)) {
        Ok(()) => {
            let outcome = command(session).await;
            if let Err(failure) = &outcome {
                reporting::fail(session, failure);
            }
            outcome
        }
        Err(failure) => Err(failure),
    };
    let status = outcome.unwrap_or_else(|failure| {
        session
            .printer
            .failure(failure.status, &format!("{:#}", failure.error));
        failure.status
    });
    session.printer.end(status)
}

/// Whether a variable that is not read is worth a word; `doctor` has one of its own for it.
const fn heeds_settings(command: &Command) -> bool {
    !matches!(
        command,
        Command::Doctor(_)
            | Command::Completions { .. }
            | Command::Man { .. }
            | Command::Schema(_)
            | Command::Config(ConfigCommand::Init | ConfigCommand::Schema)
    )
}

async fn command(session: &Session) -> Outcome {
    match &session.invocation.cli.command {
        Command::Checkpoint(command) => checkpoint::run(session, command).await,
        Command::Metadata(command) => Box::pin(metadata::run(session, command)).await,
        Command::Quota(command) => quota::run(session, command).await,
        Command::Sandbox(args) => sandbox::run(session, args).await,
        Command::Config(command) => config::run(session, command),
        Command::Completions { shell } => Ok(completions::run(session, *shell)),
        Command::Man { dir } => man::run(session, dir),
        Command::Write(args) => Box::pin(write::run(session, args)).await,
        Command::Validate(args) => validate::run(session, args).await,
        Command::Schema(command) => schema::run(session, command).await,
        Command::Run(args) => Box::pin(run::run(session, args)).await,
        Command::Done(args) => Box::pin(done::run(session, args)).await,
        Command::Doctor(args) => Box::pin(doctor::run(session, args)).await,
        Command::Status(args) => status::run(session, args),
        Command::Rejects(command) => rejects::run(session, command).await,
        Command::Ledger(command) => ledger::run(session, command).await,
    }
}
