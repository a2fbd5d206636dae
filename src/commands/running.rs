//! What `write` and `done` have in common: a ledger, a client, a limiter, progress, signals, and the
//! end of a run.

use super::{Failure, Session, metrics, reporting};
use crate::cli::logging::{self, LogSettings};
use crate::cli::printer::Level;
use crate::cli::progress::{Progress, Timeline};
use crate::cli::run_record;
use crate::cli::settings::{QuotaAddress, RateSettings};
use crate::cli::signals::{StatusRequests, StopSignals};
use crate::domain::Target;
use crate::http::{Client, ConnectionSettings};
use crate::jobs::Book;
use crate::ledger::{Ledger, RunInfo};
use crate::limiter::{Limiter, LimiterError, QuotaService};
use crate::upload::event::Gauges;
use crate::upload::report::{NextStep, Origin, Status, Summary};
use crate::upload::{Services, Stop, StopCause, watch_what_limits};
use anyhow::Context;
use std::fs::File;
use std::future::Future;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Everything that a run needs around the engine.
pub(super) struct Running<'a> {
    session: &'a Session,
    /// For the engine.
    pub(super) services: Services,
    /// What monitoring is told.
    pub(super) book: Arc<Book>,
    progress: Progress,
    gauges: Arc<Gauges>,
    run_dir: PathBuf,
    throw_away: bool,
    command: String,
    origin: Origin,
    signals: StopSignals,
    /// The limiter's dispatcher and the listener for SIGUSR1; ended with the run.
    helpers: JoinSet<()>,
}

/// What a run connects to and how fast.
pub(super) struct Means<'a> {
    pub(super) connection: &'a ConnectionSettings,
    pub(super) rate: &'a RateSettings,
    /// Where places in the quota are asked for, besides this machine's.
    pub(super) quota_service: Option<&'a QuotaAddress>,
    pub(super) state_dir: &'a Path,
    pub(super) command: &'a str,
    /// The state directory goes with the run, so nobody is pointed at files in it.
    pub(super) throw_away: bool,
}

impl<'a> Running<'a> {
    /// Opens everything. Fails before anything is sent.
    pub(super) fn start(
        session: &'a Session,
        means: &Means<'_>,
        resolve_target: impl FnOnce() -> Result<Target, crate::ledger::LedgerError>,
    ) -> Result<Self, Failure> {
        allow_many_files();
        // Before anything that may take its time: until then SIGUSR1 would end the process.
        let mut requests = StatusRequests::listen().context("cannot listen to signals")?;
        let client =
            Client::new(means.connection).map_err(|error| Failure::new(Status::Usage, error))?;
        let info = RunInfo {
            pid: std::process::id(),
            host: host_name(),
            command: means.command.to_owned(),
        };
        let ledger = Ledger::open(means.state_dir, info).map_err(ledger_failure)?;
        ledger.require_room().map_err(ledger_failure)?;
        let target = resolve_target().map_err(ledger_failure)?;
        let mut helpers = JoinSet::new();
        let limiter = limiter(session, means, &target, &mut helpers)
            .map_err(|error| Failure::new(Status::Usage, error))?;
        let gauges = Arc::new(Gauges::default());
        let progress = Progress::start(
            session.printer.clone(),
            session.output.display,
            Arc::clone(&gauges),
        )
        .context("cannot start the progress display")?;
        let observer = progress.observer();
        let run_dir = means.state_dir.join("runs").join(run_name());
        start_log(session, &run_dir)?;
        let signals = StopSignals::listen().context("cannot listen to signals")?;
        helpers.spawn(watch_what_limits(limiter.clone(), Arc::clone(&gauges)));
        let reporter = client.clone();
        helpers.spawn(async move { reporter.go_on_reporting().await });
        let asked = observer.clone();
        helpers.spawn(async move {
            while requests.next().await {
                asked.print_status();
            }
        });
        Ok(Self {
            session,
            origin: Origin {
                ledger: Some(ledger.name().to_owned()),
                target,
            },
            services: Services {
                ledger: Arc::new(ledger),
                client,
                limiter,
                congestion: Arc::default(),
                observer: Arc::new(observer),
                gauges: Arc::clone(&gauges),
                stop: Stop::default(),
            },
            book: Arc::new(Book::new(Arc::clone(&gauges))),
            progress,
            gauges,
            run_dir,
            throw_away: means.throw_away,
            command: means.command.to_owned(),
            signals,
            helpers,
        })
    }

    /// The same run with signals that were listened to before, one of which may have come.
    pub(super) fn heeding(mut self, signals: StopSignals, cause: Option<StopCause>) -> Self {
        self.signals = signals;
        if let Some(cause) = cause {
            self.services.stop.drain(cause);
        }
        self
    }

    /// Runs the engine to its end, or to the second signal, and tells the story.
    pub(super) async fn finish(mut self, engine: impl Future<Output = Summary>) -> Status {
        let stop = self.services.stop.clone();
        let mut engine = std::pin::pin!(engine);
        let mut signalled = stop.is_draining();
        let summary = loop {
            tokio::select! {
                summary = &mut engine => break Some(summary),
                cause = self.signals.next() => {
                    if signalled {
                        break None;
                    }
                    signalled = true;
                    stop.drain(cause);
                }
            }
        };
        self.helpers.shutdown().await;
        self.services.client.report_figures().await;
        let Some(mut summary) = summary else {
            self.progress.leave();
            self.session.printer.message(
                Level::Warning,
                "left at once; what was in flight counts as unknown and is sent again under the same id by the next run",
            );
            return stop.cause().map_or(Status::Interrupted, StopCause::status);
        };
        summary.origin = Some(self.origin.clone());
        let timeline = self.progress.finish();
        let idle = Gauges::get(&self.gauges.requests) == 0
            && Gauges::get(&self.gauges.rows_read) == 0
            && summary.status == Status::Success;
        if idle {
            // A run that did nothing leaves nothing behind.
            let _ = std::fs::remove_dir_all(&self.run_dir);
        } else if !self.throw_away {
            keep(&self.run_dir, &mut summary, timeline.as_ref());
        }
        if self.throw_away {
            summary.next = without_state(&summary.next, &self.command);
        }
        let rows = Gauges::get(&self.gauges.rows_accepted)
            .saturating_add(Gauges::get(&self.gauges.rows_unconfirmed));
        reporting::end(self.session, &mut summary);
        if !self.throw_away {
            metrics::publish(self.session, &self.origin.target, &self.book).await;
        }
        self.session.printer.summary(&summary, rows);
        summary.status
    }
}

/// Keeps the summary beside the log.
fn keep(run_dir: &Path, summary: &mut Summary, timeline: Option<&Timeline>) {
    summary.run_dir = Some(run_dir.to_owned());
    if let Err(error) = run_record::keep(run_dir, summary, timeline) {
        let text = format!(
            "the summary in {} could not be written: {error}",
            run_dir.display()
        );
        summary.notes.push(text);
    }
}

/// The next steps when the ledger goes away with the run: those that need it begin with keeping it.
fn without_state(steps: &[NextStep], command: &str) -> Vec<NextStep> {
    let (lost, mut kept): (Vec<NextStep>, Vec<NextStep>) =
        steps.iter().cloned().partition(|step| {
            ["done ", "ledger ", "rejects "]
                .iter()
                .any(|word| step.command.starts_with(&format!("byteair-sync {word}")))
        });
    if !lost.is_empty() {
        let keeping = format!("{command} --state-dir sandbox-state");
        let step = NextStep::new(keeping, "keeps the ledger and the rejected rows to look at");
        kept.insert(0, step);
    }
    kept
}

fn limiter(
    session: &Session,
    means: &Means<'_>,
    target: &Target,
    helpers: &mut JoinSet<()>,
) -> Result<Limiter, LimiterError> {
    let Some(mut limit) = means.rate.limit(target)? else {
        session.printer.message(
            Level::Warning,
            "--no-rate-limit: the platform's quota of 100 requests and 50,000 rows a second is not kept",
        );
        return Ok(Limiter::unlimited());
    };
    if means.quota_service.is_some() {
        // Its window is the one that others share.
        limit.quota_file = None;
    }
    let (limiter, dispatcher) = Limiter::new(limit)?;
    helpers.spawn(dispatcher.run());
    let Some(QuotaAddress { address, secret }) = means.quota_service.cloned() else {
        return Ok(limiter);
    };
    let (service, connection) = QuotaService::new(address, secret);
    helpers.spawn(connection.run());
    Ok(limiter.leasing(service))
}

fn start_log(session: &Session, run_dir: &Path) -> Result<(), Failure> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(run_dir)
        .with_context(|| format!("cannot create {}", run_dir.display()))
        .map_err(|error| Failure::new(Status::Usage, error))?;
    let path = run_dir.join("run.log");
    let file = File::create(&path)
        .with_context(|| format!("cannot create {}", path.display()))
        .map_err(|error| Failure::new(Status::Usage, error))?;
    logging::install(LogSettings {
        json: session.output.json_log,
        file: Some(file),
        verbose: session.output.verbose.then(|| session.printer.clone()),
    })
    .context("cannot start the log")?;
    Ok(())
}

/// Sorts by time, and two runs of one second differ by their process.
fn run_name() -> String {
    let now = chrono::Utc::now().format("%Y%m%dT%H%M%SZ");
    format!("{now}-{}", std::process::id())
}

/// Each input is locked through an open file, and there may be thousands of part files. What the
/// system does not allow shows when a file cannot be opened.
fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!("the limit of open files stays as it is: {error}");
    }
}

/// The name of this machine.
pub(super) fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// A failure of the ledger with the exit status that it means.
pub(super) fn ledger_failure(error: crate::ledger::LedgerError) -> Failure {
    Failure::new(crate::upload::ledger_status(&error), error)
}
