//! What a sandbox can be told: limits, faults, latency, where to keep rows, whom to trust.
//!
//! Every value has the default that the command-line contract names, so `SandboxSettings::default()`
//! is the sandbox of the first line of the README. Nothing here reads the environment.

use super::faults::{FaultOn, FaultRule};
use crate::domain::{Secret, Topic};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// Requests that any one-second window may hold (D108601).
pub const DEFAULT_QPS: u32 = 100;
/// Rows that any one-second window may hold (D108601).
pub const DEFAULT_ROWS_PER_SECOND: u32 = 50_000;
/// How long the fault `slow` lets a client wait.
pub const DEFAULT_SLOW: RangeInclusive<Duration> =
    RangeInclusive::new(Duration::from_secs(3), Duration::from_secs(8));

/// Text that stands for each credential when none is configured.
const DEFAULT_CREDENTIAL: &str = "sandbox";

/// The only topics of the platform (D108564).
const PLATFORM_TOPICS: [&str; 3] = ["item", "user", "behavior"];

/// Everything that changes how a sandbox behaves.
#[derive(Debug, Clone)]
pub struct SandboxSettings {
    /// Most requests in any one-second window.
    pub qps: u32,
    /// Most rows in any one-second window.
    pub rows_per_second: u32,
    /// Added to every answer of write and `done`, drawn uniformly; none when absent.
    pub latency: Option<RangeInclusive<Duration>>,
    /// Faults in the order in which they are tried; the first that hits wins.
    pub faults: Vec<FaultRule>,
    /// The only calls that faults may hit; all when absent.
    pub fault_on: Option<FaultOn>,
    /// How long the fault `slow` waits, drawn uniformly.
    pub slow: RangeInclusive<Duration>,
    /// Start of the random sequence of faults and latencies: the same seed and the same order of
    /// requests meet the same faults.
    pub seed: u64,
    /// Whether to serve HTTPS with a certificate made on the spot.
    pub tls: bool,
    /// Where rows, ids and states are kept across restarts. When absent they end with the sandbox:
    /// they are in memory, and rows beyond 256 MiB in a nameless file of the temporary directory.
    pub data_dir: Option<PathBuf>,
    /// Directory of row schemas (`*.json`); rows are not checked when absent.
    pub schema_dir: Option<PathBuf>,
    /// Topics that exist besides those with a schema; every other one is an unknown scene. An empty
    /// list lets every well-formed name through.
    pub topics: Vec<Topic>,
    /// Whether a request that was definitely refused occupies its id all the same. Together with
    /// faults whose outcome a client cannot know and that store nothing (`reset-after`, `hang`) no
    /// client can win: it keeps its id, as it must, and meets 409 for rows that were never stored.
    pub remember_refused: bool,
    /// Whose signatures are believed.
    pub credentials: SandboxCredentials,
}

/// The identities that signatures and tokens are verified against.
#[derive(Debug, Clone)]
pub struct SandboxCredentials {
    /// Access key of the AK/SK mode.
    pub ak: String,
    /// Secret key of the AK/SK mode.
    pub sk: Secret,
    /// Token of the token mode.
    pub token: Secret,
    /// Access key of Huawei's services.
    pub huawei_ak: String,
    /// Its secret.
    pub huawei_sk: Secret,
    /// IAM token of Huawei's services.
    pub huawei_token: Secret,
}

impl Default for SandboxCredentials {
    fn default() -> Self {
        Self {
            ak: DEFAULT_CREDENTIAL.to_owned(),
            sk: Secret::new(DEFAULT_CREDENTIAL),
            token: Secret::new(DEFAULT_CREDENTIAL),
            huawei_ak: DEFAULT_CREDENTIAL.to_owned(),
            huawei_sk: Secret::new(DEFAULT_CREDENTIAL),
            huawei_token: Secret::new(DEFAULT_CREDENTIAL),
        }
    }
}

impl Default for SandboxSettings {
    fn default() -> Self {
        Self {
            qps: DEFAULT_QPS,
            rows_per_second: DEFAULT_ROWS_PER_SECOND,
            latency: None,
            faults: Vec::new(),
            fault_on: None,
            slow: DEFAULT_SLOW,
            seed: 0,
            tls: false,
            data_dir: None,
            schema_dir: None,
            topics: PLATFORM_TOPICS
                .iter()
                .filter_map(|name| name.parse().ok())
                .collect(),
            remember_refused: false,
            credentials: SandboxCredentials::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_knows_the_topics_of_the_platform() {
        let topics = SandboxSettings::default().topics;
        let names: Vec<&str> = topics.iter().map(Topic::as_str).collect();
        assert_eq!(names, PLATFORM_TOPICS);
    }

    #[test]
    fn debug_output_of_credentials_shows_no_secret() {
        let credentials = SandboxCredentials {
            ak: "AK".into(),
            sk: Secret::new("hidden-1"),
            token: Secret::new("hidden-2"),
            huawei_sk: Secret::new("hidden-3"),
            huawei_token: Secret::new("hidden-4"),
            ..SandboxCredentials::default()
        };
        assert!(!format!("{credentials:?}").contains("hidden"));
    }
}
