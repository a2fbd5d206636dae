//! A host as it is typed: a name or address, perhaps with a port, and nothing else.

use std::fmt;

/// `host` or `host:port`, lower case, without scheme, path or credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    host: String,
    port: Option<u16>,
}

impl HostName {
    /// The name or address; an IPv6 address keeps its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `host:port` with the port that the scheme implies when none was typed.
    pub fn with_port(&self, default_port: u16) -> String {
        format!("{}:{}", self.host, self.port.unwrap_or(default_port))
    }

    /// Whether the host is this machine, so that nothing sent to it can be overheard.
    pub fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost"
            || bare
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// Reads a host.
pub fn host_name(text: &str) -> Result<HostName, String> {
    if text.contains("://") {
        return Err("write the host alone; the scheme belongs to --scheme".to_owned());
    }
    let wanted = || "write a host as api.example.com or 10.0.0.1:8080".to_owned();
    if text.contains('@') || text.contains('/') {
        return Err(wanted());
    }
    let authority: http::uri::Authority = text.parse().map_err(|_| wanted())?;
    let host = authority.host().to_ascii_lowercase();
    let rest = text.get(host.len()..).unwrap_or_default();
    let port = authority.port_u16();
    if host.is_empty() || (!rest.is_empty() && port.is_none_or(|port| port == 0)) {
        return Err(wanted());
    }
    Ok(HostName { host, port })
}
