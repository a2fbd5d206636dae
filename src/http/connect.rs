//! The pool: hosts, proxies, certificates and time limits of connections.
//!
//! Certificates are checked against the system's authorities and those of `--ca-cert` together;
//! there is no switch that turns checking off.

use super::settings::{ConnectionSettings, HttpError, Scheme};
use reqwest::tls::Version;
use reqwest::{Certificate, ClientBuilder, NoProxy, Proxy, Url, redirect, retry};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// Connections that idle longer are closed by us rather than by a gateway in the middle of a
/// request, whose outcome would then be unknown.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Longest time for DNS, TCP and TLS on the way to a store.
const MAX_STORE_CONNECT: Duration = Duration::from_secs(10);

/// A host as URLs, the Host header and signatures spell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// `scheme://host[:port]`.
    pub(super) origin: String,
    /// `host[:port]`, as the Host header carries it.
    pub(super) authority: String,
    /// On this machine.
    pub(super) loopback: bool,
    /// The proxy on the way, without user and password, where one is known of.
    pub(super) proxy: Option<String>,
}

/// The hosts in order; at least one.
pub(super) fn parse_hosts(settings: &ConnectionSettings) -> Result<Vec<Host>, HttpError> {
    let hosts: Vec<Host> = settings
        .hosts
        .iter()
        .map(|host| parse_host(settings.scheme, host).ok_or_else(|| HttpError::Host(host.clone())))
        .collect::<Result<_, _>>()?;
    if hosts.is_empty() {
        return Err(HttpError::NoHost);
    }
    Ok(hosts)
}

/// A host; `None` when the text is none.
pub(super) fn parse_host(scheme: Scheme, text: &str) -> Option<Host> {
    if text.contains(['/', '\\', '?', '#', '@']) || text.contains(char::is_whitespace) {
        return None;
    }
    let url = Url::parse(&format!("{}://{text}", scheme.as_str())).ok()?;
    let name = url.host_str().filter(|name| !name.is_empty())?;
    // The URL leaves out the scheme's own port, and so does the Host header made from it.
    let authority = match url.port() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let loopback = name == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    Some(Host {
        origin: format!("{}://{authority}", scheme.as_str()),
        authority,
        loopback,
        proxy: None,
    })
}

/// How a pool connects.
pub(super) struct Way<'a> {
    pub(super) scheme: Scheme,
    /// Whether every host is this machine.
    pub(super) only_loopback: bool,
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) ca_cert: Option<&'a Path>,
    pub(super) proxy: Option<&'a str>,
}

/// The pool of connections to the platform.
pub(super) fn build_pool(settings: &ConnectionSettings) -> Result<reqwest::Client, HttpError> {
    build_pool_by(&Way {
        scheme: settings.scheme,
        only_loopback: parse_hosts(settings)?.iter().all(|host| host.loopback),
        timeout: settings.timeout,
        connect_timeout: settings.connect_timeout,
        ca_cert: settings.ca_cert.as_deref(),
        proxy: settings.proxy.as_deref(),
    })
}

/// A pool of connections. Every way in which the library would send a request twice is off.
pub(super) fn build_pool_by(way: &Way<'_>) -> Result<reqwest::Client, HttpError> {
    // Fails only when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Shorter than the whole, so that a timeout while connecting is known to be one: not sent.
    let longest_connect = way.timeout.mul_f64(0.8);
    let builder = reqwest::Client::builder()
        .user_agent(concat!("byteair-sync/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .timeout(way.timeout)
        .connect_timeout(way.connect_timeout.min(longest_connect))
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .tcp_nodelay(true)
        .tls_version_min(Version::TLS_1_2);
    let builder = with_proxy(builder, way.proxy, way.only_loopback)?;
    let builder = match way.ca_cert {
        Some(path) => builder.tls_certs_merge(read_certificates(path)?),
        // Nothing will be encrypted: a machine without certificates can still use the sandbox.
        None if way.scheme == Scheme::Http && way.only_loopback && way.proxy.is_none() => {
            builder.tls_certs_only([])
        }
        None => builder,
    };
    builder.build().map_err(HttpError::Tls)
}

/// A client for what is not the platform: object stores and web servers. It trusts the same
/// authorities and follows no redirect either; `timeout` is the longest silence of a server.
pub fn store_client(
    ca_cert: Option<&Path>,
    timeout: Duration,
) -> Result<reqwest::Client, HttpError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .user_agent(concat!("byteair-sync/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .connect_timeout(MAX_STORE_CONNECT.min(timeout))
        .read_timeout(timeout)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .tls_version_min(Version::TLS_1_2);
    let builder = match ca_cert {
        Some(path) => builder.tls_certs_merge(read_certificates(path)?),
        None => builder,
    };
    builder.build().map_err(HttpError::Tls)
}

fn with_proxy(
    builder: ClientBuilder,
    proxy: Option<&str>,
    only_loopback: bool,
) -> Result<ClientBuilder, HttpError> {
    match proxy {
        Some(url) => {
            let proxy = Proxy::all(url).map_err(|_| HttpError::Proxy)?;
            Ok(builder.proxy(proxy.no_proxy(NoProxy::from_env())))
        }
        // A proxy elsewhere cannot reach this machine's loopback.
        None if only_loopback => Ok(builder.no_proxy()),
        None => Ok(builder),
    }
}

fn read_certificates(path: &Path) -> Result<Vec<Certificate>, HttpError> {
    let pem = std::fs::read(path).map_err(|source| HttpError::CaCertFile {
        path: path.to_owned(),
        source,
    })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(HttpError::CaCertForm(path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_spelt_as_the_host_header_will_be() {
        for (scheme, text, authority, loopback) in [
            (Scheme::Https, "API.example.com", "api.example.com", false),
            (
                Scheme::Https,
                "api.example.com:443",
                "api.example.com",
                false,
            ),
            (
                Scheme::Http,
                "api.example.com:443",
                "api.example.com:443",
                false,
            ),
            (Scheme::Http, "127.0.0.1:80", "127.0.0.1", true),
            (Scheme::Http, "localhost:7431", "localhost:7431", true),
            (Scheme::Http, "[::1]:7431", "[::1]:7431", true),
        ] {
            let host = parse_host(scheme, text).unwrap();
            assert_eq!(
                (host.authority.as_str(), host.loopback),
                (authority, loopback)
            );
            assert_eq!(host.origin, format!("{}://{authority}", scheme.as_str()));
        }
    }

    #[test]
    fn what_is_more_than_a_host_is_refused() {
        for text in [
            "",
            "https://api.example.com",
            "api.example.com/path",
            "user@api.example.com",
            "a b",
            "host:port",
            "host:99999",
        ] {
            assert_eq!(parse_host(Scheme::Https, text), None, "{text}");
        }
    }
}
