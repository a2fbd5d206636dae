//! The way to a host, looked at step by step: proxy, name, connection, certificates.
//!
//! Each step that fails says what was found and what to do about it, and those behind it are left
//! out. It goes the way that requests go: the same proxies, the same authorities, the same bounds. No
//! request is sent; a proxy is asked for a tunnel, because otherwise nothing behind it can be seen.

mod certificate;
mod proxy;
mod tls;

use super::connect::{Host, parse_host};
use super::settings::{ConnectionSettings, Scheme};
use http::Uri;
use proxy::Proxy;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};

/// Most addresses of a host that are tried.
const MAX_ADDRESSES: usize = 8;

/// Where to, and by what means.
#[derive(Debug, Clone, Copy)]
pub struct Probe<'a> {
    /// How hosts are spoken to.
    pub scheme: Scheme,
    /// `host[:port]` of every host that serves the target.
    pub hosts: &'a [String],
    /// `--proxy`; without it those of the environment count.
    pub proxy: Option<&'a str>,
    /// `--ca-cert`.
    pub ca_cert: Option<&'a Path>,
    /// Longest time of one step.
    pub within: Duration,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// Which proxy, and whether it lets us through.
    Proxy,
    /// The addresses of a name.
    Dns,
    /// A connection.
    Tcp,
    /// Encryption and the certificates of the other side.
    Tls,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It works.
    Fine(String),
    /// It works, and something should be done all the same.
    Notice(Trouble),
    /// It was not looked at, for this reason.
    Skipped(String),
    /// It does not work.
    Failed(Trouble),
}

/// What is wrong, and what a person can do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What was found.
    pub what: String,
    /// What to do.
    pub cure: String,
}

impl Trouble {
    pub(super) fn new(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            cure: cure.into(),
        }
    }
}

/// One step of the way to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was looked at.
    pub kind: StepKind,
    /// What was found.
    pub found: Found,
}

/// A place that connections go to.
struct Place<'a> {
    /// For messages.
    what: &'static str,
    name: &'a str,
    port: u16,
}

/// The proxy for a host, which is none for this machine unless one is asked for.
fn proxy_for(asked_for: Option<&str>, uri: &Uri, only_loopback: bool) -> Option<Proxy> {
    match asked_for {
        Some(url) => Proxy::of_option(url, uri),
        None if only_loopback => None,
        None => Proxy::of_environment(uri),
    }
}

/// Notes with hosts by which proxy they are reached.
pub(super) fn with_proxies(mut hosts: Vec<Host>, settings: &ConnectionSettings) -> Vec<Host> {
    let only_loopback = hosts.iter().all(|host| host.loopback);
    for host in &mut hosts {
        if let Ok(uri) = host.origin.parse::<Uri>() {
            let proxy = proxy_for(settings.proxy.as_deref(), &uri, only_loopback);
            host.proxy = proxy.map(|proxy| proxy.shown());
        }
    }
    hosts
}

impl Probe<'_> {
    /// Goes the way to one of the hosts. The steps are in order; one that fails is the last.
    pub async fn look(&self, host: &str) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Err(trouble) = self.go(host, &mut steps).await {
            let (kind, trouble) = trouble;
            let found = Found::Failed(trouble);
            steps.push(Step { kind, found });
        }
        steps
    }

    async fn go(&self, host: &str, steps: &mut Vec<Step>) -> Result<(), (StepKind, Trouble)> {
        let failed = |kind| move |trouble| (kind, trouble);
        let mut fine = |kind, text: String| {
            let found = Found::Fine(text);
            steps.push(Step { kind, found });
        };
        let (host, uri, name, port) = self.parse(host).map_err(failed(StepKind::Dns))?;
        let proxy = self.proxy(&uri);
        let place = match &proxy {
            Some(proxy) => proxy.place().map_err(failed(StepKind::Proxy))?,
            None => Place {
                what: "the host",
                name: &name,
                port,
            },
        };
        let addresses = self.resolve(&place).await.map_err(failed(StepKind::Dns))?;
        fine(StepKind::Dns, list_of(place.name, &addresses));
        let (stream, address) = self
            .connect(&place, &addresses)
            .await
            .map_err(failed(StepKind::Tcp))?;
        fine(
            StepKind::Tcp,
            format!("{} answers at {address}", place.what),
        );
        let stream = match &proxy {
            None => {
                fine(StepKind::Proxy, "none on this way".to_owned());
                stream
            }
            Some(proxy) if self.scheme == Scheme::Http || !proxy.can_be_asked() => {
                let text = format!("by {}", proxy.shown());
                fine(StepKind::Proxy, text);
                let why = "what is behind the proxy shows when the credentials are tried";
                steps.push(Step {
                    kind: StepKind::Tls,
                    found: Found::Skipped(why.to_owned()),
                });
                return Ok(());
            }
            Some(proxy) => {
                let tunnel = tokio::time::timeout(self.within, proxy.tunnel(stream, &name, port));
                let stream = tunnel
                    .await
                    .unwrap_or_else(|_| Err(proxy.silent(self.within)))
                    .map_err(failed(StepKind::Proxy))?;
                let text = format!("{} lets through to {}", proxy.shown(), host.authority);
                fine(StepKind::Proxy, text);
                stream
            }
        };
        let found = match self.scheme {
            Scheme::Http => Found::Skipped("plain http".to_owned()),
            Scheme::Https => tls::look(stream, &name, self.ca_cert, self.within)
                .await
                .map_err(failed(StepKind::Tls))?,
        };
        let kind = StepKind::Tls;
        steps.push(Step { kind, found });
        Ok(())
    }

    fn parse(&self, host: &str) -> Result<(Host, Uri, String, u16), Trouble> {
        let parsed = parse_host(self.scheme, host).and_then(|host| {
            let uri: Uri = host.origin.parse().ok()?;
            let name = uri.host()?.trim_matches(['[', ']']).to_owned();
            let port = uri.port_u16().unwrap_or(match self.scheme {
                Scheme::Http => 80,
                Scheme::Https => 443,
            });
            Some((host, uri, name, port))
        });
        parsed.ok_or_else(|| {
            Trouble::new(
                format!("'{host}' is not a host"),
                "write --host as name or name:port, without scheme and path",
            )
        })
    }

    /// The proxy that requests go by: none to this machine, unless one is asked for.
    fn proxy(&self, uri: &Uri) -> Option<Proxy> {
        let loopback =
            |host: &String| parse_host(self.scheme, host).is_some_and(|host| host.loopback);
        proxy_for(self.proxy, uri, self.hosts.iter().all(loopback))
    }

    async fn resolve(&self, place: &Place<'_>) -> Result<Vec<SocketAddr>, Trouble> {
        let what = format!("{} {} has no address", place.what, place.name);
        let cure =
            "check its spelling (--host, --region, --proxy), and the DNS servers of this machine";
        let asked = tokio::time::timeout(self.within, lookup_host((place.name, place.port))).await;
        let addresses: Vec<SocketAddr> = match asked {
            Err(_) => {
                let what = format!("{what}: DNS gave no answer within {:?}", self.within);
                return Err(Trouble::new(what, cure));
            }
            Ok(Err(error)) => return Err(Trouble::new(format!("{what}: {error}"), cure)),
            Ok(Ok(addresses)) => addresses.take(MAX_ADDRESSES).collect(),
        };
        if addresses.is_empty() {
            return Err(Trouble::new(what, cure));
        }
        Ok(addresses)
    }

    async fn connect(
        &self,
        place: &Place<'_>,
        addresses: &[SocketAddr],
    ) -> Result<(TcpStream, SocketAddr), Trouble> {
        let mut last = None;
        for address in addresses {
            match tokio::time::timeout(self.within, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok((stream, *address)),
                Ok(Err(error)) => last = Some((*address, error)),
                Err(_) => last = Some((*address, io::ErrorKind::TimedOut.into())),
            }
        }
        let (address, error) = last.map_or_else(
            || (String::new(), io::ErrorKind::NotFound.into()),
            |(address, error): (SocketAddr, io::Error)| (address.to_string(), error),
        );
        let what = format!("cannot connect to {} at {address}: {error}", place.what);
        let cure = match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                "nothing listens there, or a firewall turns it away; check the host and its port"
            }
            _ => {
                "a firewall may drop it, or a proxy may be needed (--proxy); ask who runs the network"
            }
        };
        Err(Trouble::new(what, cure))
    }
}

fn list_of(name: &str, addresses: &[SocketAddr]) -> String {
    let mut shown: Vec<String> = addresses.iter().map(|it| it.ip().to_string()).collect();
    shown.dedup();
    if shown == [name] {
        return format!("{name} is an address");
    }
    format!("{name} is {}", shown.join(", "))
}
