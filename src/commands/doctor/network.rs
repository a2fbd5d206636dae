//! What is on the way to the platform, and what it says to the credentials.

use crate::cli::checkup::{Check, Finding, Remedy};
use crate::cli::error::chain;
use crate::cli::figure::{counted, grouped};
use crate::cli::settings::{Connection, RateSettings, Route, Survey};
use crate::domain::{Judged, Verdict, probe_request_id};
use crate::http::{Client, Found, Outgoing, Probe, StepKind, Trouble};
use crate::limiter::{Limiter, LimiterError};
use crate::protocol::{Call, DEFAULT_GZIP_LEVEL, Gzip, list_operations_body};
use crate::upload::report::Status;
use chrono::{TimeDelta, Utc};
use std::sync::Arc;
use tokio::task::JoinSet;
use uuid::Uuid;

/// The Date header has whole seconds, and a reply takes its time.
const NO_OFFSET: TimeDelta = TimeDelta::seconds(5);

/// A run signs by the server's clock up to this offset; more is for a person to mend.
const MAX_OFFSET: TimeDelta = TimeDelta::minutes(15);

/// Looks at every host, one after the other.
pub(super) async fn look(survey: &Survey) -> Vec<Check> {
    let mut helpers = JoinSet::new();
    let (limits, limiter) = limits(survey, &mut helpers);
    let mut checks = Vec::new();
    let Some(route) = &survey.route else {
        let why = Finding::Skipped("there is no host to look at".to_owned());
        checks.push(Check::new("network", why));
        checks.push(limits);
        return checks;
    };
    let mut of_hosts = Vec::with_capacity(route.hosts.len());
    for host in &route.hosts {
        of_hosts.push(look_at(survey, limiter.as_ref(), (route, host)).await);
    }
    spare(&mut of_hosts, &route.hosts);
    checks.extend(of_hosts.into_iter().flatten());
    checks.push(limits);
    checks
}

/// Looks at one host.
async fn look_at(
    survey: &Survey,
    limiter: Option<&Limiter>,
    (route, host): (&Route, &str),
) -> Vec<Check> {
    // With several hosts each check says whose it is.
    let name = |what: &str| {
        if route.hosts.len() > 1 {
            format!("{what} {host}")
        } else {
            what.to_owned()
        }
    };
    let way = way(route, host).await;
    let open = way.iter().all(|(_, it)| !matches!(it, Finding::Failed(..)));
    let answers = match (&survey.connection, limiter) {
        _ if !open => not_tried("the host is not reached"),
        (None, _) => not_tried("the configuration is not complete"),
        (_, None) => not_tried("the quota file cannot be used"),
        (Some(connection), Some(limiter)) => ask(connection, limiter, host).await,
    };
    let all = way.into_iter().chain(answers);
    all.map(|(what, it)| Check::new(name(what), it)).collect()
}

/// A host that is away keeps no upload from working while another one answers: uploads go to that one.
fn spare(of_hosts: &mut [Vec<Check>], hosts: &[String]) {
    let works = |checks: &Vec<Check>| checks.iter().all(|it| it.status() == Status::Success);
    let Some(there) = of_hosts.iter().position(works).and_then(|at| hosts.get(at)) else {
        return;
    };
    for check in of_hosts.iter_mut().flatten() {
        if let Finding::Failed(Status::Temporary, remedy) = &check.finding {
            let until = format!("until then uploads go to {there}");
            let cure = match remedy.cure.as_str() {
                "" => until,
                cure => format!("{cure}; {until}"),
            };
            check.finding = Finding::Notice(Remedy::new(remedy.what.clone(), cure));
        }
    }
}

/// The quota, which the requests of this command keep as well.
fn limits(survey: &Survey, helpers: &mut JoinSet<()>) -> (Check, Option<Limiter>) {
    let (Some(rate), Some(connection)) = (&survey.rate, &survey.connection) else {
        let why = Finding::Skipped("the configuration is not complete".to_owned());
        return (Check::new("limits", why), None);
    };
    let (finding, limiter) = match limiter(rate, connection, helpers) {
        Err(error) => {
            let remedy = Remedy::new(chain(&error), "");
            (Finding::Failed(Status::Usage, remedy), None)
        }
        Ok(limiter) => (quota(rate), Some(limiter)),
    };
    (Check::new("limits", finding), limiter)
}

fn limiter(
    rate: &RateSettings,
    connection: &Connection,
    helpers: &mut JoinSet<()>,
) -> Result<Limiter, LimiterError> {
    let Some(limit) = rate.limit(&connection.settings.target)? else {
        return Ok(Limiter::unlimited());
    };
    let (limiter, dispatcher) = Limiter::new(limit)?;
    helpers.spawn(dispatcher.run());
    Ok(limiter)
}

fn quota(rate: &RateSettings) -> Finding {
    if rate.unlimited {
        return Finding::Notice(Remedy::new(
            "the platform's quota is not kept (--no-rate-limit)",
            "leave it out unless the deployment is your own",
        ));
    }
    let shared = if rate.shared_between_machines.is_some() {
        ", a share; done is held back until `done` is run"
    } else {
        ""
    };
    Finding::Fine(format!(
        "{} and {} in any second, for all uploads of this user on this machine{shared}",
        counted(rate.requests_per_second.get().into(), "request", "requests"),
        counted(rate.rows_per_second.get().into(), "row", "rows"),
    ))
}

/// The steps to a host.
async fn way(route: &Route, host: &str) -> Vec<(&'static str, Finding)> {
    let probe = Probe {
        scheme: route.scheme,
        hosts: &route.hosts,
        proxy: route.proxy.as_deref(),
        ca_cert: route.ca_cert.as_deref(),
        within: route.within,
    };
    let remedy = |trouble: Trouble| Remedy::new(trouble.what, trouble.cure);
    let steps = probe.look(host).await.into_iter().map(|step| {
        let name = match step.kind {
            StepKind::Proxy => "proxy",
            StepKind::Dns => "dns",
            StepKind::Tcp => "tcp",
            StepKind::Tls => "tls",
        };
        let finding = match step.found {
            Found::Fine(what) => Finding::Fine(what),
            Found::Skipped(why) => Finding::Skipped(why),
            Found::Notice(trouble) => Finding::Notice(remedy(trouble)),
            Found::Failed(trouble) => Finding::Failed(Status::Temporary, remedy(trouble)),
        };
        (name, finding)
    });
    steps.collect()
}

fn not_tried(why: &str) -> [(&'static str, Finding); 2] {
    [("clock", why), ("credentials", why)]
        .map(|(name, why)| (name, Finding::Skipped(why.to_owned())))
}

/// Asks for the list of operations, which stores nothing, as a run would ask: once more after a
/// refusal, when the server's clock or changed credentials may help.
async fn ask(
    connection: &Connection,
    limiter: &Limiter,
    host: &str,
) -> [(&'static str, Finding); 2] {
    let mut settings = connection.settings.clone();
    settings.hosts = vec![host.to_owned()];
    let client = match Client::new(&settings) {
        Ok(client) => client,
        Err(error) => return not_tried(&chain(&error)),
    };
    let signed_with = client.signing_generation();
    let (mut judged, offset) = attempt(&client, limiter).await;
    if judged.verdict == Verdict::Unauthorized {
        let refresh = client.refresh_after_unauthorized(signed_with, judged.server_time);
        if refresh.try_again {
            judged = attempt(&client, limiter).await.0;
        }
    }
    let whom = format!(
        "tenant {}, application {}",
        settings.target.tenant(),
        settings.target.application()
    );
    [
        ("clock", clock(offset)),
        ("credentials", credentials(&judged, offset, host, &whom)),
    ]
}

/// One attempt, and how far the server's clock is ahead of this machine's.
async fn attempt(client: &Client, limiter: &Limiter) -> (Judged, Option<TimeDelta>) {
    let body = Gzip::new(DEFAULT_GZIP_LEVEL).compress(&list_operations_body(1));
    let id = probe_request_id(Uuid::new_v4().into_bytes());
    let outgoing = Outgoing::new(Call::ListOperations, id, body.into());
    let permit = match limiter.acquire(0).await {
        Ok(permit) => Arc::new(permit),
        Err(error) => {
            return (
                Judged::without_response(Verdict::NotSent, chain(&error)),
                None,
            );
        }
    };
    let sent = Arc::clone(&permit);
    let judged = client.send(&outgoing, move || sent.sent()).await.judged;
    let offset = judged.server_time.map(|time| time - Utc::now());
    (judged, offset)
}

fn clock(offset: Option<TimeDelta>) -> Finding {
    let Some(offset) = offset else {
        return Finding::Skipped("the server does not tell the time".to_owned());
    };
    if offset.abs() <= NO_OFFSET {
        return Finding::Fine("agrees with the server's".to_owned());
    }
    let seconds = offset.num_seconds().unsigned_abs();
    let side = if offset > TimeDelta::zero() {
        "behind"
    } else {
        "ahead of"
    };
    let what = format!(
        "the clock of this machine is {} s {side} the server's",
        grouped(seconds)
    );
    if offset.abs() > MAX_OFFSET {
        let cure =
            "set it by NTP (timedatectl set-ntp true); signatures of another time are rejected";
        return Finding::Failed(Status::Unauthorized, Remedy::new(what, cure));
    }
    let cure =
        "set it by NTP (timedatectl set-ntp true); until then a run signs by the server's clock";
    Finding::Notice(Remedy::new(what, cure))
}

fn credentials(judged: &Judged, offset: Option<TimeDelta>, host: &str, whom: &str) -> Finding {
    let said = match judged.http_status {
        Some(status) if !judged.message.starts_with("HTTP ") => {
            format!("HTTP {status}, {}", judged.message)
        }
        _ => judged.message.clone(),
    };
    match &judged.verdict {
        Verdict::Accepted => Finding::Fine(format!("{host} accepts them for {whom}")),
        Verdict::Unauthorized if offset.is_some_and(|it| it.abs() > MAX_OFFSET) => {
            Finding::Skipped(format!(
                "{host} rejects them, which the clock explains; mend that first"
            ))
        }
        Verdict::Unauthorized => Finding::Failed(
            Status::Unauthorized,
            Remedy::new(
                format!("{host} rejects them for {whom} ({said})"),
                "check the keys (where they come from is shown above), the tenant, and in the console that the key is active and may upload",
            ),
        ),
        _ if judged.http_status.is_none() && said.contains("--scheme") => {
            let (what, cure) = said.split_once("; ").unwrap_or((&said, &said));
            Finding::Failed(Status::Temporary, Remedy::new(what.to_owned(), cure))
        }
        _ if judged.http_status.is_none() => Finding::Failed(
            Status::Temporary,
            Remedy::new(
                said,
                "run the same command again; if it stays, ask who runs the network or the host",
            ),
        ),
        _ => Finding::NotVerified(Remedy::new(
            format!("{host} neither accepts nor rejects them ({said})"),
            "not every deployment has the list of operations that was asked for; the first upload tells",
        )),
    }
}
