//! `doctor`: what would keep an upload from working, with the cause and the cure of each.
//!
//! It sends no row and no `done`, and leaves nothing behind. What cannot be looked at because
//! something before it failed is said to be skipped, so that the first failure is the one to mend.

mod local;
mod network;

use super::config::{self, Setting};
use super::{Outcome, Session, reporting};
use crate::cli::args::DoctorArgs;
use crate::cli::checkup::{Check, Finding, Remedy, text};
use crate::cli::error::chain;
use crate::cli::printer::Level;
use crate::cli::settings::Survey;
use crate::cli::summary::of_success;
use crate::cli::variables::unread;
use crate::http::Client;
use crate::upload::report::Status;

/// The settings that decide whether an upload works, in the order in which they are shown.
const SHOWN: [&str; 22] = [
    "config",
    "profile",
    "host",
    "region",
    "scheme",
    "tenant_id",
    "application_id",
    "auth",
    "sign_region",
    "access key",
    "secret key",
    "session token",
    "token",
    "ca_cert",
    "proxy",
    "timezone",
    "state_dir",
    "timeout",
    "qps",
    "rows_per_second",
    "rate_share",
    "rate_guard",
];

/// Runs `doctor`.
pub(super) async fn run(session: &Session, args: &DoctorArgs) -> Outcome {
    let mut survey = Survey::of(session.context(), args);
    match shown_settings(session) {
        Ok(settings) if session.printer.style().quiet && !session.printer.style().json => {
            drop(settings);
        }
        Ok(settings) => config::print(session, &settings),
        Err(error) if survey.problems.is_empty() => survey.problems.push(error),
        Err(_) => {}
    }
    let mut checks = vec![configuration(&mut survey)];
    checks.extend(variables(session));
    checks.extend(network::look(&survey).await);
    checks.extend(local::look(&survey).await);
    Ok(tell(session, &checks))
}

fn shown_settings(session: &Session) -> Result<Vec<Setting>, String> {
    let mut settings = config::settings(session, "doctor").map_err(|error| chain(&error))?;
    let place = |setting: &Setting| SHOWN.iter().position(|name| *name == setting.name);
    settings.retain(|setting| place(setting).is_some());
    settings.sort_by_key(place);
    Ok(settings)
}

/// Whether the settings make sense together, up to certificates and keys that fit into headers.
fn configuration(survey: &mut Survey) -> Check {
    if let Some(connection) = &survey.connection
        && let Err(error) = Client::new(&connection.settings)
    {
        survey.problems.push(chain(&error));
        survey.connection = None;
    }
    let finding = if survey.problems.is_empty() {
        Finding::Fine("complete".to_owned())
    } else {
        let what = survey.problems.join("; and ");
        Finding::Failed(Status::Usage, Remedy::new(what, ""))
    };
    Check::new("configuration", finding)
}

/// Variables that are ignored. None of them keeps an upload from working by itself: what is missing
/// because of it fails above.
fn variables(session: &Session) -> Option<Check> {
    let unread = unread(&session.invocation.environment);
    let (whats, cures): (Vec<_>, Vec<_>) = unread.into_iter().unzip();
    let remedy = Remedy::new(whats.join(", "), cures.join(", "));
    (!whats.is_empty()).then(|| Check::new("variables", Finding::Notice(remedy)))
}

fn tell(session: &Session, checks: &[Check]) -> Status {
    let printer = &session.printer;
    let failures = || checks.iter().filter(|it| it.status() != Status::Success);
    let status = failures()
        .map(Check::status)
        .fold(Status::Success, Status::worst);
    for check in checks {
        printer.json_line(&check.json_line());
    }
    let mut summary = of_success();
    summary.status = status;
    summary.retryable = failures().any(|it| it.status() == Status::Temporary);
    summary.problems = failures().map(Check::line).collect();
    reporting::end(session, &mut summary);
    let status = summary.status;
    if printer.style().json {
        printer.summary(&summary, 0);
    } else if !printer.style().quiet {
        printer.result(&text(checks));
        return status;
    }
    for failure in failures() {
        printer.message(Level::Error, &failure.line());
    }
    status
}
