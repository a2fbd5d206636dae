//! `quota serve`: this machine's quota for uploads on other machines.

use super::{Failure, Outcome, Session};
use crate::cli::args::{QuotaCommand, QuotaServeArgs};
use crate::cli::atomic_file::{self, Existing, Readers};
use crate::cli::settings::{Connection, RateSettings, quota_secret};
use crate::cli::signals::StopSignals;
use crate::limiter::Limiter;
use crate::upload::report::Status;
use anyhow::Context;
use std::io::Read;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// No request is sent, so how long one may take has no meaning.
const NO_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the command.
pub(super) async fn run(session: &Session, command: &QuotaCommand) -> Outcome {
    let QuotaCommand::Serve(args) = command;
    serve(session, args)
        .await
        .map_err(|error| Failure::new(Status::Usage, error))
}

async fn serve(session: &Session, args: &QuotaServeArgs) -> anyhow::Result<Status> {
    let secret = quota_secret(&session.invocation)?;
    let rate = RateSettings::resolve(&args.rate)?;
    let target = Connection::resolve(session.context(), NO_TIMEOUT, None)?
        .settings
        .target;
    let limit = rate
        .limit(&target)?
        .context("--no-rate-limit leaves nothing to share")?;
    let (limiter, dispatcher) = Limiter::new(limit)?;
    let mut signals = StopSignals::listen().context("cannot listen to signals")?;
    let listener = TcpListener::bind(args.listen).await.with_context(|| {
        format!(
            "cannot listen on {}; choose another --listen, port 0 picks a free one",
            args.listen
        )
    })?;
    let address = listener.local_addr().context("cannot learn the port")?;
    session.printer.result(&format!(
        "the quota of {target} is shared at {address} until standard input or a signal ends it"
    ));
    if let Some(file) = &args.port_file {
        let text = format!("{}\n", address.port());
        atomic_file::write(file, text.as_bytes(), Readers::Everybody, Existing::Replace)
            .with_context(|| format!("cannot write --port-file {}", file.display()))?;
    }
    tokio::select! {
        served = crate::limiter::serve(listener, limiter, secret) => {
            served.context("the quota service stopped by itself")?;
        }
        () = dispatcher.run() => anyhow::bail!("the quota file failed"),
        _ = signals.next() => {}
        () = end_of_input() => {}
    }
    Ok(Status::Success)
}

/// Whoever started the service holds the other end of its standard input.
async fn end_of_input() {
    let (tell, told) = oneshot::channel();
    // A thread of its own, as nothing else ends a read that waits when a signal ends the service.
    std::thread::spawn(move || {
        let mut ignored = [0; 64];
        while matches!(std::io::stdin().read(&mut ignored), Ok(1..)) {}
        let _nobody_waits = tell.send(());
    });
    let _dropped_or_told = told.await;
}
