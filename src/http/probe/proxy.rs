//! The proxy on the way to a host, if there is one, and a tunnel through it.
//!
//! Which one it is comes from the same rules that the client's library goes by.

use super::{Place, Trouble};
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest head of a proxy's answer, in bytes.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// A proxy for one host.
pub(super) struct Proxy(Intercept);

impl Proxy {
    /// The proxy of `--proxy`, unless `NO_PROXY` names the host.
    pub(super) fn of_option(url: &str, host: &Uri) -> Option<Self> {
        let mut names = ["NO_PROXY", "no_proxy"].into_iter();
        let excepted = names.find_map(|name| std::env::var(name).ok());
        let matcher = Matcher::builder()
            .all(url.to_owned())
            .no(excepted.unwrap_or_default())
            .build();
        matcher.intercept(host).map(Self)
    }

    /// The proxy that the environment names.
    pub(super) fn of_environment(host: &Uri) -> Option<Self> {
        Matcher::from_system().intercept(host).map(Self)
    }

    /// Where it is, without user and password.
    pub(super) fn shown(&self) -> String {
        let uri = self.0.uri();
        let scheme = uri.scheme_str().unwrap_or("http");
        let port = uri
            .port_u16()
            .map_or_else(String::new, |port| format!(":{port}"));
        format!("{scheme}://{}{port}", uri.host().unwrap_or_default())
    }

    /// Where connections to it go.
    pub(super) fn place(&self) -> Result<Place<'_>, Trouble> {
        let uri = self.0.uri();
        let usual = match uri.scheme_str() {
            Some("https") => 443,
            Some("http") | None => 80,
            Some(_) => 1080,
        };
        let name = uri.host().map(|name| name.trim_matches(['[', ']']));
        match name.filter(|name| !name.is_empty()) {
            Some(name) => Ok(Place {
                what: "the proxy",
                name,
                port: uri.port_u16().unwrap_or(usual),
            }),
            None => Err(Trouble::new(
                "the proxy is not a URL",
                "write it as http://host:port or socks5://host:port",
            )),
        }
    }

    /// Whether it takes CONNECT on a plain connection.
    pub(super) fn can_be_asked(&self) -> bool {
        self.0.uri().scheme_str() == Some("http")
    }

    /// It does not answer.
    pub(super) fn silent(&self, within: Duration) -> Trouble {
        Trouble::new(
            format!("{} does not answer within {within:?}", self.shown()),
            "check that it is a proxy for HTTP, and its port",
        )
    }

    /// A connection to the host through the proxy.
    pub(super) async fn tunnel(
        &self,
        mut stream: TcpStream,
        name: &str,
        port: u16,
    ) -> Result<TcpStream, Trouble> {
        let name = if name.contains(':') {
            format!("[{name}]")
        } else {
            name.to_owned()
        };
        let host = format!("{name}:{port}");
        let lost = |error: std::io::Error| {
            Trouble::new(
                format!("{} ends the connection: {error}", self.shown()),
                "check that it is a proxy for HTTP, and its port",
            )
        };
        let mut request = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n").into_bytes();
        if let Some(secret) = self.0.basic_auth().map(HeaderValue::as_bytes) {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(secret);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        stream.write_all(&request).await.map_err(lost)?;
        let head = read_head(&mut stream).await.map_err(lost)?;
        let first = head.lines().next().unwrap_or_default();
        let status = first.split_whitespace().nth(1);
        match status.and_then(|status| status.parse::<u16>().ok()) {
            Some(200..=299) => Ok(stream),
            Some(407) => Err(Trouble::new(
                format!("{} wants to know who asks (HTTP 407)", self.shown()),
                "set BYTEAIR_PROXY to its URL with user and password: http://user:password@host:port",
            )),
            Some(status) => Err(Trouble::new(
                format!(
                    "{} refuses to connect to {host} (HTTP {status})",
                    self.shown()
                ),
                "ask who runs the proxy to allow it, or name the host in NO_PROXY if it is reached without",
            )),
            None => Err(Trouble::new(
                format!("{} does not answer as a proxy does", self.shown()),
                "check that it is a proxy for HTTP, and its port",
            )),
        }
    }
}

/// The head of an answer. Byte by byte: whatever follows belongs to the tunnel.
async fn read_head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD_BYTES {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
