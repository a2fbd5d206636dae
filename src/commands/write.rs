//! `write`: read, validate, batch, upload; then `done` for each date whose gate opens.

use super::asked_to_stop::{Asked, interrupted};
use super::running::{Means, Running};
use super::{Failure, Outcome, Session};
use crate::cli::args::WriteArgs;
use crate::cli::printer::Level;
use crate::cli::settings::{SandboxEndpoint, WriteOptions};
use crate::input::EndMarked;
use crate::sandbox::{Sandbox, SandboxSettings};
use crate::text::counted;
use crate::upload::report::Status;
use crate::upload::{Sources, StdinInput};
use anyhow::Context;
use std::io::Read;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Runs `write`, against the built-in server when it is asked to.
pub(super) async fn run(session: &Session, args: &WriteArgs) -> Outcome {
    if !args.run.sandbox {
        return upload(session, args, None).await;
    }
    let builtin = BuiltIn::start().await?;
    let status = upload(session, args, Some(&builtin.endpoint)).await;
    builtin.stop(session).await?;
    status
}

async fn upload(session: &Session, args: &WriteArgs, sandbox: Option<&SandboxEndpoint>) -> Outcome {
    let options = WriteOptions::resolve(session.context(), args, sandbox)?;
    for warning in &options.warnings {
        session.printer.message(Level::Warning, warning);
    }
    // What is taken from a pipe is gone from it, so from then on no signal may end the process.
    let mut asked = Asked::from_now()?;
    let stdin = match &options.upload.sources {
        Sources::Stdin { input_id } => {
            let opening = open_stdin(input_id.clone(), &options);
            Some(unless_stopped(opening, &mut asked).await?)
        }
        Sources::Paths(_) | Sources::Followed(_) | Sources::Stream(_) => None,
    };
    if options.upload.run.dry_run {
        // It has no state to save.
        let mut summary = tokio::select! {
            summary = crate::upload::plan_only(options.upload, stdin) => summary,
            cause = asked.stop() => return Err(interrupted(cause)),
        };
        super::reporting::end(session, &mut summary);
        session.printer.summary(&summary, 0);
        return Ok(summary.status);
    }
    let means = Means {
        connection: &options.connection,
        rate: &options.rate,
        quota_service: options.quota_service.as_ref(),
        state_dir: &options.upload.run.state_dir,
        command: &options.upload.run.command,
        throw_away: sandbox.is_some_and(|it| it.state_dir == options.upload.run.state_dir),
    };
    let running = Running::start(session, &means, || {
        crate::upload::resolve_target(&options.upload)
    })?;
    let (signals, cause) = asked.into_parts();
    let running = running.heeding(signals, cause);
    let engine = Box::pin(crate::upload::run(
        options.upload.clone(),
        running.services.clone(),
        stdin,
    ));
    let book = Arc::clone(&running.book);
    let engine = book.watch(&options.upload.topic, options.upload.stage, engine);
    Ok(running.finish(engine).await)
}

/// How long the first read of a pipe may take after a signal. What it has read by then is kept by the run,
/// and what nobody has written is not waited for.
const AFTER_SIGNAL: Duration = Duration::from_secs(2);

/// What is opened, also if a signal comes meanwhile, which the run then heeds.
async fn unless_stopped(
    opening: impl Future<Output = Result<StdinInput, Failure>>,
    asked: &mut Asked,
) -> Result<StdinInput, Failure> {
    let mut opening = pin!(opening);
    let cause = tokio::select! {
        opened = &mut opening => return opened,
        cause = asked.stop_once() => cause,
    };
    let opened = tokio::time::timeout(AFTER_SIGNAL, opening).await;
    opened.unwrap_or_else(|_| Err(interrupted(cause)))
}

/// The first read may wait for whoever writes the pipe.
async fn open_stdin(
    input_id: Option<String>,
    options: &WriteOptions,
) -> Result<StdinInput, Failure> {
    let (end_mark, linger) = (options.end_mark, options.upload.batch.linger);
    let opening = tokio::task::spawn_blocking(move || {
        let stream: Box<dyn Read + Send> = if end_mark {
            Box::new(EndMarked::new(std::io::stdin()))
        } else {
            Box::new(std::io::stdin())
        };
        match linger {
            Some(linger) => StdinInput::live(stream, input_id.as_deref(), linger),
            None => StdinInput::new(stream, input_id.as_deref()),
        }
    });
    opening
        .await
        .context("reading standard input ended unexpectedly")?
        .map_err(|error| Failure::new(Status::BadInput, error))
}

/// The built-in server of this run, with a state directory to throw away.
struct BuiltIn {
    sandbox: Arc<Sandbox>,
    endpoint: SandboxEndpoint,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), crate::sandbox::SandboxError>>,
    /// Removed when the run has ended.
    _state: tempfile::TempDir,
}

impl BuiltIn {
    async fn start() -> Result<Self, Failure> {
        let state = tempfile::Builder::new()
            .prefix("byteair-sync-sandbox-")
            .tempdir()
            .context("cannot create a throw-away state directory")
            .map_err(|error| Failure::new(Status::Usage, error))?;
        let sandbox =
            Sandbox::new(SandboxSettings::default()).context("cannot start the built-in server")?;
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("cannot listen on a free port of 127.0.0.1")?;
        let endpoint = SandboxEndpoint {
            address: listener.local_addr().context("cannot learn the port")?,
            state_dir: state.path().to_owned(),
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = Arc::clone(&sandbox).serve(listener, async {
            let _told_or_dropped = stopped.await;
        });
        Ok(Self {
            sandbox,
            endpoint,
            stop,
            served: tokio::spawn(serving),
            _state: state,
        })
    }

    /// Ends the server and prints what it received.
    async fn stop(self, session: &Session) -> Result<(), Failure> {
        // A server that is already gone needs no telling.
        let _gone = self.stop.send(());
        self.served
            .await
            .context("the built-in server ended unexpectedly")?
            .context("the built-in server stopped by itself")?;
        if session.printer.style().json {
            return Ok(());
        }
        for partition in self.sandbox.state().partitions {
            session.printer.message(
                Level::Info,
                &format!(
                    "the sandbox received {} in {} for {} {} {}: {}",
                    counted(partition.rows, "row", "rows"),
                    counted(partition.requests, "request", "requests"),
                    partition.topic,
                    partition.stage,
                    partition.date.as_deref().unwrap_or("(streaming)"),
                    partition.state,
                ),
            );
        }
        Ok(())
    }
}
