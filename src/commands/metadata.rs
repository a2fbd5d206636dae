//! `metadata sync`: metadata events from files to `DataArts` Studio, in order and resumable.

use super::huawei_status::{service, status_of};
use super::ledger::open;
use super::running::ledger_failure;
use super::{Outcome, Session};
use crate::cli::args::{MetadataCommand, SyncArgs};
use crate::cli::error::UsageError;
use crate::cli::figure::counted;
use crate::cli::json_line::JsonLine;
use crate::cli::printer::{Level, visible};
use crate::cli::settings::{HuaweiConnection, HuaweiService, state_dir};
use crate::cli::signals::StopSignals;
use crate::cli::summary::{for_machines, of_success};
use crate::huawei::{BadGroup, Halting, MetadataSync, SyncFault, Synced};
use crate::input::InputSettings;
use crate::protocol::huawei::{EventSource, MAX_GATEWAY_BYTES};
use crate::upload::StopCause;
use crate::upload::report::{RejectGroup, Status, Summary};
use anyhow::Context;
use serde_json::json;
use std::path::Path;
use std::time::Instant;
use tokio::sync::watch;

/// Runs the command.
pub(super) async fn run(session: &Session, command: &MetadataCommand) -> Outcome {
    let MetadataCommand::Sync(args) = command;
    let connection = HuaweiConnection::resolve(
        session.context(),
        args.huawei.parts(),
        HuaweiService::DataArts,
    )?;
    let source = EventSource::new(
        args.engine,
        args.engine_version.clone(),
        args.instance_id.clone(),
        connection.project().clone(),
    )
    .map_err(|error| UsageError::new(error.to_string()))?;
    let ledger = open(session, &state_dir(session.context())?)?;
    let run = ledger
        .begin_run()
        .committed()
        .await
        .map_err(ledger_failure)?;
    let (stop, stopped) = watch::channel(Halting::AtTheEnd);
    let mut sync = MetadataSync {
        service: service(&connection)?,
        project: connection.project().clone(),
        source,
        batch_events: args.batch_events.get(),
        input: InputSettings {
            max_row_bytes: MAX_GATEWAY_BYTES,
            ..InputSettings::default()
        },
        ledger: &ledger,
        restart: args.restart,
        stop: stopped,
    };
    let mut story = Story::new(session, args);
    let mut signals = StopSignals::listen().context("cannot listen to signals")?;
    let cause = {
        let mut sending = std::pin::pin!(story.send(&mut sync));
        tokio::select! {
            () = &mut sending => None,
            cause = signals.next() => {
                stop.send_replace(Halting::AtNextBatch);
                let has_ended = tokio::select! {
                    () = &mut sending => true,
                    _ = signals.next() => false,
                    () = tokio::time::sleep(args.grace) => false,
                };
                if !has_ended {
                    stop.send_replace(Halting::AtOnce);
                    sending.await;
                }
                Some(cause)
            }
        }
    };
    let status = story.end(cause);
    ledger
        .end_run(run, status.code())
        .committed()
        .await
        .map_err(ledger_failure)?;
    Ok(status)
}

/// What is told of a run.
struct Story<'a> {
    session: &'a Session,
    args: &'a SyncArgs,
    begun: Instant,
    summary: Summary,
}

impl<'a> Story<'a> {
    fn new(session: &'a Session, args: &'a SyncArgs) -> Self {
        Self {
            session,
            args,
            begun: Instant::now(),
            summary: of_success(),
        }
    }

    /// Sends one file after the other; the order of events is that of the files.
    async fn send(&mut self, sync: &mut MetadataSync<'_>) {
        for path in &self.args.paths {
            let mut synced = Synced::default();
            let sent = sync.file(path, &mut synced).await;
            if sent.is_ok() || synced.stopped {
                self.tell(path, &synced);
            }
            let is_whole = sent.is_ok() && !synced.stopped;
            if let Err(fault) = sent {
                self.fail(path, fault);
            }
            if !is_whole {
                // Events of a later file may build on those of this one.
                return;
            }
        }
    }

    fn tell(&mut self, path: &Path, synced: &Synced) {
        let totals = &mut self.summary.totals;
        totals.rows_read = totals.rows_read.saturating_add(synced.read);
        totals.rows_accepted = totals.rows_accepted.saturating_add(synced.accepted());
        totals.rows_rejected = totals.rows_rejected.saturating_add(synced.rejected);
        totals.requests = totals.requests.saturating_add(synced.requests);
        let shown = path.display().to_string();
        let printer = &self.session.printer;
        printer.json_line(&JsonLine::new(
            "metadata",
            json!({
                "file": shown, "events_read": synced.read, "events_accepted": synced.accepted(),
                "events_rejected": synced.rejected, "events_earlier": synced.earlier,
                "requests": synced.requests, "repeated_batches": synced.repeated,
                "complete": !synced.stopped,
            }),
        ));
        let name = visible(&shown);
        if !printer.style().json && !printer.style().quiet {
            printer.result(&format!(
                "{name}: {} read, {} accepted, {} rejected, {} settled before, {} sent",
                counted(synced.read, "event", "events"),
                synced.accepted(),
                synced.rejected,
                synced.earlier,
                counted(synced.requests, "request", "requests"),
            ));
        }
        for group in &synced.reasons {
            self.tell_reason(group);
        }
        if synced.repeated > 0 {
            let text = format!(
                "{name}: {} may have been applied twice: the outcome of an earlier attempt was unknown, and the \
                 service has no way to recognise a repetition",
                counted(synced.repeated, "batch", "batches")
            );
            printer.message(Level::Warning, &text);
            self.summary.notes.push(text);
        }
        let budget = self.args.max_errors;
        if synced.rejected > 0 && !synced.stopped && !budget.allows(synced.rejected, synced.read) {
            self.problem(
                Status::RowsRejected,
                format!(
                    "{name}: {} rejected; see {}, correct them, and send them as a file of their own. \
                     --max-errors accepts their loss",
                    counted(synced.rejected, "event was", "events were"),
                    synced.dead_letters.display()
                ),
            );
        }
        if synced.read == 0 && !synced.stopped {
            self.problem(Status::Nothing, format!("{name}: there is no event in it"));
        }
    }

    /// Why events of a file were rejected.
    fn tell_reason(&mut self, group: &BadGroup) {
        let printer = &self.session.printer;
        if !printer.style().json && !printer.style().quiet {
            printer.result(&visible(&format!(
                "  {} {}, first {}: {}",
                counted(group.count, "event", "events"),
                group.code,
                group.first,
                group.message
            )));
        }
        self.summary.rejects.push(RejectGroup {
            code: group.code.clone(),
            column: None,
            message: group.message.clone(),
            count: group.count,
            first: group.first.clone(),
        });
    }

    fn fail(&mut self, path: &Path, fault: SyncFault) {
        let status = match &fault {
            SyncFault::Service { fault, .. } => status_of(fault),
            SyncFault::Changed(_) => Status::InputChanged,
            SyncFault::Busy => Status::Busy,
            SyncFault::DeadLetters { .. } | SyncFault::GivenUp { .. } => Status::Temporary,
            SyncFault::Input(error) if error.is_missing() => Status::NotReady,
            SyncFault::Input(error) if error.is_usage() => Status::Usage,
            SyncFault::Input(_) => Status::BadInput,
            SyncFault::Ledger(error) => crate::upload::ledger_status(error),
            SyncFault::Reading(_) => Status::Unexpected,
        };
        let text = format!("{:#}", anyhow::Error::new(fault));
        self.problem(
            status,
            format!("{}: {text}", visible(&path.display().to_string())),
        );
    }

    fn problem(&mut self, status: Status, text: String) {
        self.session.printer.message(Level::Error, &text);
        self.summary.status = self.summary.status.worst(status);
        self.summary.retryable |= status == Status::Temporary;
        self.summary.problems.push(text);
    }

    fn end(&mut self, cause: Option<StopCause>) -> Status {
        if let Some(cause) = cause {
            self.problem(
                match cause {
                    StopCause::Interrupt => Status::Interrupted,
                    // A signal is one of these two.
                    _ => Status::Terminated,
                },
                "interrupted; what was sent is recorded, and the same command goes on there"
                    .to_owned(),
            );
        }
        self.summary.totals.elapsed = self.begun.elapsed();
        self.session.printer.json_line(&for_machines(&self.summary));
        self.summary.status
    }
}
