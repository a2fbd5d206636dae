//! Whose data, where it goes, and the zone of its days.

use super::Context;
use super::credentials::CredentialPlaces;
use crate::cli::args::{GlobalArgs, RegionName, SchemeName};
use crate::cli::error::UsageError;
use crate::cli::invocation::Origin;
use crate::cli::value::{HostName, host_name};
use crate::domain::{Target, Zone};
use crate::http::{self, ConnectionSettings, Scheme};
use crate::input::Stores;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Longest time for DNS, TCP and TLS of one attempt.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Tenant, application and credentials of a run against the built-in server.
const SANDBOX_IDENTITY: &str = "sandbox";

/// The built-in server that `write --sandbox` has started.
#[derive(Debug, Clone)]
pub struct SandboxEndpoint {
    /// Where it listens.
    pub address: SocketAddr,
    /// State directory to throw away afterwards; used unless `--state-dir` is typed.
    pub state_dir: PathBuf,
}

/// A resolved connection.
#[derive(Debug, Clone)]
pub struct Connection {
    /// For the client.
    pub settings: ConnectionSettings,
    /// The zone in which days end.
    pub zone: Zone,
    /// Directory of the ledger.
    pub state_dir: PathBuf,
    /// By which inputs in remote stores are read.
    pub stores: Stores,
}

impl Connection {
    /// Resolves the connection. With a sandbox nothing of the user's own target, credentials or
    /// ledger is used, so adding `--sandbox` to any command is safe.
    pub fn resolve(
        context: Context<'_>,
        timeout: Duration,
        sandbox: Option<&SandboxEndpoint>,
    ) -> Result<Self, UsageError> {
        let global = &context.invocation.cli.global;
        let zone = zone(context)?;
        let (place, target, credentials) = match sandbox {
            Some(endpoint) => Self::of_sandbox(endpoint)?,
            None => Self::of_user(context)?,
        };
        let state_dir = match sandbox {
            // The environment and the profile name the user's own ledger; only typing means this.
            Some(endpoint) if context.invocation.origin("state_dir") != Origin::Flag => {
                endpoint.state_dir.clone()
            }
            _ => state_dir(context)?,
        };
        Ok(Self {
            settings: ConnectionSettings {
                scheme: place.scheme,
                hosts: place.hosts.iter().map(ToString::to_string).collect(),
                target,
                timeout,
                connect_timeout: CONNECT_TIMEOUT.min(timeout),
                ca_cert: global.ca_cert.clone().filter(|_| sandbox.is_none()),
                proxy: global.proxy.clone().filter(|_| sandbox.is_none()),
                reports_figures: global.report_to_platform,
                credentials: Arc::new(credentials),
            },
            zone,
            state_dir,
            stores: stores(global, timeout),
        })
    }

    fn of_sandbox(
        endpoint: &SandboxEndpoint,
    ) -> Result<(Place, Target, CredentialPlaces), UsageError> {
        let place = Place::of_sandbox(endpoint)?;
        let target = target(SANDBOX_IDENTITY, SANDBOX_IDENTITY, &place.platform)?;
        Ok((place, target, CredentialPlaces::of_sandbox()))
    }

    fn of_user(context: Context<'_>) -> Result<(Place, Target, CredentialPlaces), UsageError> {
        let global = &context.invocation.cli.global;
        let place = Place::resolve(context)?;
        let tenant = required(
            global.tenant_id.as_deref(),
            "tenant-id",
            "tenant (account) id",
        )?;
        let application = required(
            global.application_id.as_deref(),
            "application-id",
            "application id",
        )?;
        let target = target(tenant, application, &place.platform)?;
        let credentials = CredentialPlaces::resolve(context.invocation)?;
        Ok((place, target, credentials))
    }
}

/// Nothing is set up before an input is in a remote store. Proxies are those of the environment:
/// `--proxy` is the way to the platform.
pub(super) fn stores(global: &GlobalArgs, timeout: Duration) -> Stores {
    let ca_cert = global.ca_cert.clone();
    let open_client = move || Ok(http::store_client(ca_cert.as_deref(), timeout)?);
    Stores::new(Arc::new(open_client), global.allow_plain_http)
}

/// A value that there must be.
pub(super) fn required<'a>(
    value: Option<&'a str>,
    flag: &str,
    what: &str,
) -> Result<&'a str, UsageError> {
    value.ok_or_else(|| {
        let variable = flag.to_ascii_uppercase().replace('-', "_");
        UsageError::new(format!(
            "the {what} is missing; give --{flag}, set BYTEAIR_{variable}, or put it into a profile"
        ))
    })
}

fn target(tenant: &str, application: &str, platform: &str) -> Result<Target, UsageError> {
    Target::new(tenant, application, platform).map_err(|error| UsageError::new(error.to_string()))
}

/// Hosts, how they are spoken to, and their name in the ledger.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) scheme: Scheme,
    pub(super) hosts: Vec<HostName>,
    platform: String,
}

impl Place {
    fn of_sandbox(endpoint: &SandboxEndpoint) -> Result<Self, UsageError> {
        let host = host_name(&endpoint.address.to_string()).map_err(UsageError::new)?;
        Ok(Self {
            scheme: Scheme::Http,
            platform: host.to_string(),
            hosts: vec![host],
        })
    }

    /// The place that the options name.
    pub(super) fn resolve(context: Context<'_>) -> Result<Self, UsageError> {
        let global = &context.invocation.cli.global;
        let named = context
            .invocation
            .profile
            .as_ref()
            .and_then(|profile| profile.extra("platform"));
        if let Some(region) = region(context)? {
            if named.is_some() && context.invocation.origin("region").rank() == 1 {
                return Err(UsageError::new(
                    "a profile has either 'region' or 'platform': the region is the platform's name",
                ));
            }
            return Self::checked(
                context,
                vec![region_host(region)?],
                alias(region).to_owned(),
            );
        }
        let Some(first) = global.host.first() else {
            return Err(UsageError::new(
                "there is no host to upload to; give --region cn, --region oversea1 or --host, or \
                 try --sandbox",
            ));
        };
        // A name from the profile belongs to the hosts of the profile: with others, a test must
        // not be taken for production.
        let named = named.filter(|_| context.invocation.origin("host").rank() == 1);
        let default_port = match global.scheme {
            SchemeName::Https => 443,
            SchemeName::Http => 80,
        };
        let platform = match (known_region(first), named) {
            (Some(region), _) => alias(region).to_owned(),
            (None, Some(name)) if name == "cn" || name == "oversea1" => {
                return Err(UsageError::new(format!(
                    "the profile's platform '{name}' is the name of a region; choose another one"
                )));
            }
            (None, Some(name)) => name.to_owned(),
            (None, None) => first.with_port(default_port),
        };
        Self::checked(context, global.host.clone(), platform)
    }

    fn checked(
        context: Context<'_>,
        hosts: Vec<HostName>,
        platform: String,
    ) -> Result<Self, UsageError> {
        let global = &context.invocation.cli.global;
        let scheme = match global.scheme {
            SchemeName::Https => Scheme::Https,
            SchemeName::Http => Scheme::Http,
        };
        let far = hosts.iter().find(|host| !host.is_loopback());
        if let Some(host) = far.filter(|_| scheme == Scheme::Http && !global.allow_plain_http) {
            return Err(UsageError::new(format!(
                "plain http to {host} would show rows and credentials to the network; use \
                 --scheme https, or --allow-plain-http if that is meant"
            )));
        }
        Ok(Self {
            scheme,
            hosts,
            platform,
        })
    }
}

/// The region in force: of `--host` and `--region` the one of the stronger origin counts.
fn region(context: Context<'_>) -> Result<Option<RegionName>, UsageError> {
    let global = &context.invocation.cli.global;
    let Some(region) = global.region else {
        return Ok(None);
    };
    let (of_region, of_host) = (
        context.invocation.origin("region"),
        context.invocation.origin("host"),
    );
    if global.host.is_empty() || of_region.rank() > of_host.rank() {
        return Ok(Some(region));
    }
    if of_region.rank() == of_host.rank() {
        return Err(UsageError::new(format!(
            "--host and --region contradict each other ({of_host}, {of_region}); give one of them"
        )));
    }
    Ok(None)
}

const fn alias(region: RegionName) -> &'static str {
    match region {
        RegionName::Cn => "cn",
        RegionName::Oversea1 => "oversea1",
    }
}

/// The hosts that the platform documents as current (D1319620, D1319621).
const fn host_of(region: RegionName) -> &'static str {
    match region {
        RegionName::Cn => "api.byteair.volces.com",
        RegionName::Oversea1 => "api-oversea1.byteair.volces.com",
    }
}

fn region_host(region: RegionName) -> Result<HostName, UsageError> {
    host_name(host_of(region)).map_err(UsageError::new)
}

/// The region whose host this is, so that naming either is the same target.
fn known_region(host: &HostName) -> Option<RegionName> {
    [RegionName::Cn, RegionName::Oversea1]
        .into_iter()
        .find(|region| host.host() == host_of(*region))
}

/// The zone in which days end: the platform's unless another one is asked for (D108601 aligns
/// overseas regions to UTC). The machine's own zone plays no part.
pub fn zone(context: Context<'_>) -> Result<Zone, UsageError> {
    let global = &context.invocation.cli.global;
    let region = match region(context)? {
        Some(region) => Some(region),
        None => global.host.first().and_then(known_region),
    };
    let overseas = region == Some(RegionName::Oversea1);
    let usual = if overseas { Zone::UTC } else { Zone::SHANGHAI };
    let Some(name) = &global.timezone else {
        return Ok(usual);
    };
    let zone: Zone = name
        .parse()
        .map_err(|error: crate::domain::InvalidZone| UsageError::new(error.to_string()))?;
    let is_utc = zone == Zone::UTC || ["Etc/UTC", "Etc/GMT", "GMT"].contains(&name.as_str());
    if overseas && !is_utc && !global.allow_zone_mismatch {
        return Err(UsageError::new(format!(
            "region oversea1 reckons days in UTC, not in {name}; leave --timezone out, or give \
             --allow-zone-mismatch if that is meant"
        )));
    }
    Ok(zone)
}

/// The directory of the ledger: `--state-dir`, else the XDG state directory.
pub fn state_dir(context: Context<'_>) -> Result<PathBuf, UsageError> {
    if let Some(directory) = &context.invocation.cli.global.state_dir {
        return Ok(directory.clone());
    }
    context
        .invocation
        .environment
        .base_directory("XDG_STATE_HOME", ".local/state")
        .map(|base| base.join("byteair-sync"))
        .ok_or_else(|| {
            UsageError::new(
                "there is no place for the ledger, because neither XDG_STATE_HOME nor HOME is set; \
                 give --state-dir",
            )
        })
}
