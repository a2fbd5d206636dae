//! Where and as whom to connect, resolved and checked by whoever builds it.
//!
//! Secrets are not in here but behind [`CredentialSource`], so that a rotated file can be read
//! again in the middle of a run.

use crate::domain::Target;
use crate::protocol::sign::Credentials;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Everything that [`super::Client::new`] needs.
#[derive(Clone)]
pub struct ConnectionSettings {
    /// How hosts are spoken to.
    pub scheme: Scheme,
    /// `host[:port]` of every host that serves the target; the next is taken when one cannot be
    /// reached.
    pub hosts: Vec<String>,
    /// Whose data it is.
    pub target: Target,
    /// Time for one attempt, from connecting to the reply's last byte.
    pub timeout: Duration,
    /// Time for DNS, TCP and TLS; cut to four fifths of `timeout`.
    pub connect_timeout: Duration,
    /// PEM file of certificate authorities that are trusted besides the system's.
    pub ca_cert: Option<PathBuf>,
    /// Proxy URL; without it those of the environment count. Loopback hosts need an explicit one.
    pub proxy: Option<String>,
    /// Counts and latencies of requests are kept for [`super::Client::report_figures`].
    pub reports_figures: bool,
    /// Where secrets come from.
    pub credentials: Arc<dyn CredentialSource>,
}

impl std::fmt::Debug for ConnectionSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A proxy's URL may hold a password.
        f.debug_struct("ConnectionSettings")
            .field("scheme", &self.scheme)
            .field("hosts", &self.hosts)
            .field("target", &self.target)
            .field("timeout", &self.timeout)
            .field("ca_cert", &self.ca_cert)
            .finish_non_exhaustive()
    }
}

/// How hosts are spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Without encryption: the sandbox and some private deployments.
    Http,
    /// TLS 1.2 or later.
    Https,
}

impl Scheme {
    /// The word before `://`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Where secrets come from: environment and files in the program, constants in tests.
pub trait CredentialSource: Send + Sync {
    /// Reads the credentials as they are now.
    fn load(&self) -> Result<Credentials, CredentialError>;
}

/// Why there are no credentials. The text names variables and files, never a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CredentialError(pub String);

/// Why a client could not be made; each is a person's to mend, and nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// See the source.
    #[error("cannot read the credentials")]
    Credentials(#[source] CredentialError),
    /// The list of hosts is empty.
    #[error("there is no host to connect to; name one with --host or choose a --region")]
    NoHost,
    /// Not `host[:port]`.
    #[error("'{0}' is not a host; write it as name or name:port, without scheme and path")]
    Host(String),
    /// The file of `--ca-cert` cannot be read.
    #[error("cannot read the certificate authority file {path}; check --ca-cert")]
    CaCertFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file of `--ca-cert` holds no certificate.
    #[error("{0} holds no PEM certificate; --ca-cert takes the authority's, not the server's key")]
    CaCertForm(PathBuf),
    /// The proxy's URL is none; it is not repeated because it may hold a password.
    #[error("the proxy is not a URL; write it as http://host:port or socks5://host:port")]
    Proxy,
    /// TLS could not be set up.
    #[error("cannot set up TLS; if the machine has no system certificates, give --ca-cert")]
    Tls(#[source] reqwest::Error),
    /// An address that a person named is no URL; it is not repeated, for it may hold a key.
    #[error("the address is not a URL; write it as https://host/path")]
    Address,
    /// A POST to an address that a person named was not answered.
    #[error("it could not be reached")]
    Post(#[source] reqwest::Error),
}
