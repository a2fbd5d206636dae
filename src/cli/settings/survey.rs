//! What the options mean for `doctor`, which goes on with what is right when something is wrong.

use super::connection::{CONNECT_TIMEOUT, Place, required};
use super::credentials::CredentialPlaces;
use super::rate::RateSettings;
use super::{Connection, Context, state_dir, zone};
use crate::cli::args::DoctorArgs;
use crate::cli::error::{UsageError, chain};
use crate::http::Scheme;
use std::path::PathBuf;
use std::time::Duration;

/// The way to the hosts, which takes neither identity nor credentials.
#[derive(Debug, Clone)]
pub struct Route {
    /// How hosts are spoken to.
    pub scheme: Scheme,
    /// `host[:port]`.
    pub hosts: Vec<String>,
    /// `--proxy`.
    pub proxy: Option<String>,
    /// `--ca-cert`.
    pub ca_cert: Option<PathBuf>,
    /// Longest time of one step.
    pub within: Duration,
}

/// As much of the settings as can be used, and what is wrong with the rest.
#[derive(Debug)]
pub struct Survey {
    /// Everything that a run needs, when nothing is wrong.
    pub connection: Option<Connection>,
    /// The way to the hosts.
    pub route: Option<Route>,
    /// The quota.
    pub rate: Option<RateSettings>,
    /// Directory of the ledger.
    pub state_dir: Option<PathBuf>,
    /// What has to be mended, each with how.
    pub problems: Vec<String>,
}

impl Survey {
    /// Resolves what can be resolved.
    pub fn of(context: Context<'_>, args: &DoctorArgs) -> Self {
        let global = &context.invocation.cli.global;
        let mut problems = Problems::default();
        let place = problems.keep(Place::resolve(context));
        problems.keep(zone(context));
        problems.keep(required(
            global.tenant_id.as_deref(),
            "tenant-id",
            "tenant (account) id",
        ));
        problems.keep(required(
            global.application_id.as_deref(),
            "application-id",
            "application id",
        ));
        problems.keep(CredentialPlaces::resolve(context.invocation));
        let state_dir = problems.keep(state_dir(context));
        let rate = problems.keep(RateSettings::resolve(&args.rate));
        let connection = if problems.0.is_empty() {
            problems.keep(Connection::resolve(context, args.timeout, None))
        } else {
            None
        };
        Self {
            connection,
            route: place.map(|place| Route {
                scheme: place.scheme,
                hosts: place.hosts.iter().map(ToString::to_string).collect(),
                proxy: global.proxy.clone(),
                ca_cert: global.ca_cert.clone(),
                within: args.timeout.min(CONNECT_TIMEOUT),
            }),
            rate,
            state_dir,
            problems: problems.0,
        }
    }
}

/// What is wrong, each thing once.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn keep<T>(&mut self, resolved: Result<T, UsageError>) -> Option<T> {
        let error = match resolved {
            Ok(value) => return Some(value),
            Err(error) => chain(&error),
        };
        if !self.0.contains(&error) {
            self.0.push(error);
        }
        None
    }
}
