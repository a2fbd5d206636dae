//! The address of a service as it is typed: a scheme and a host, and nothing else.

use super::host::{HostName, host_name};
use std::fmt;

/// `https://host[:port]` or `http://host[:port]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether it is spoken to without encryption.
    pub is_plain: bool,
    /// The host.
    pub host: HostName,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_plain { "http" } else { "https" };
        write!(f, "{scheme}://{}", self.host)
    }
}

/// Reads an endpoint. What it refuses is not repeated, because a URL may hold a password.
pub fn endpoint(text: &str) -> Result<Endpoint, String> {
    let wanted =
        || "write it as https://dis.cn-north-4.myhuaweicloud.com, without a path".to_owned();
    let (is_plain, rest) = match text.split_once("://") {
        Some(("https", rest)) => (false, rest),
        Some(("http", rest)) => (true, rest),
        _ => return Err(wanted()),
    };
    let host = host_name(rest.strip_suffix('/').unwrap_or(rest)).map_err(|_| wanted())?;
    Ok(Endpoint { is_plain, host })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_scheme_and_a_host() {
        for (text, shown) in [
            (
                "https://dis.cn-north-4.myhuaweicloud.com/",
                "https://dis.cn-north-4.myhuaweicloud.com",
            ),
            ("http://127.0.0.1:7431", "http://127.0.0.1:7431"),
        ] {
            assert_eq!(endpoint(text).unwrap().to_string(), shown);
        }
        for bad in [
            "dis.example.com",
            "ftp://a",
            "https://",
            "https://a/v2",
            "https://u:p@a",
            "https://a?x=1",
        ] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
    }
}
