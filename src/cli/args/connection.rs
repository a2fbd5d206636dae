//! Options of every command, accepted before and after the command: connection and output.

use crate::cli::value::{HostName, host_name};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Options that every command takes.
#[derive(Debug, Args)]
pub struct GlobalArgs {
    /// Profile in the config file [default: the profile named `default`, when there is one]
    #[arg(long, value_name = "NAME", global = true, help_heading = "Connection")]
    pub profile: Option<String>,

    /// Config file [default: `$XDG_CONFIG_HOME/byteair-sync/config.toml`]
    #[arg(long, value_name = "FILE", global = true, help_heading = "Connection")]
    pub config: Option<PathBuf>,

    /// Host of the data API; may be given several times, the next one is used when one cannot be reached [default: that of --region]
    #[arg(long, value_name = "HOST[:PORT]", global = true, value_delimiter = ',', value_parser = host_name, help_heading = "Connection")]
    pub host: Vec<HostName>,

    /// Region of the public platform, instead of --host [default: none; this or --host must be given]
    ///
    /// cn is api.byteair.volces.com, oversea1 is api-oversea1.byteair.volces.com.
    #[arg(long, value_enum, global = true, help_heading = "Connection")]
    pub region: Option<RegionName>,

    /// Scheme; http only to this machine unless --allow-plain-http
    #[arg(long, value_enum, default_value_t = SchemeName::Https, global = true, help_heading = "Connection")]
    pub scheme: SchemeName,

    /// Send credentials and rows unencrypted over the network
    #[arg(long, global = true, help_heading = "Connection")]
    pub allow_plain_http: bool,

    /// Application id, from the console [default: none, must be given]
    #[arg(long, value_name = "ID", global = true, help_heading = "Connection")]
    pub application_id: Option<String>,

    /// Tenant (account) id, from the console [default: none, must be given]
    #[arg(long, value_name = "ID", global = true, help_heading = "Connection")]
    pub tenant_id: Option<String>,

    /// How requests are signed [default: aksk when an access key is set, else token]
    #[arg(long, value_enum, global = true, help_heading = "Connection")]
    pub auth: Option<AuthMode>,

    /// Region in the scope of an AK/SK signature
    #[arg(
        long,
        value_name = "REGION",
        default_value = "placeholder",
        global = true,
        help_heading = "Connection"
    )]
    pub sign_region: String,

    /// Zone in which a day ends [default: Asia/Shanghai, UTC for region oversea1]
    #[arg(long, value_name = "ZONE", global = true, help_heading = "Connection")]
    pub timezone: Option<String>,

    /// Use another zone than UTC with region oversea1
    #[arg(long, global = true, help_heading = "Connection")]
    pub allow_zone_mismatch: bool,

    /// PEM file with certificates to trust besides the system's [default: the system's alone]
    #[arg(long, value_name = "FILE", global = true, help_heading = "Connection")]
    pub ca_cert: Option<PathBuf>,

    /// Proxy [default: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`]
    #[arg(long, value_name = "URL", global = true, help_heading = "Connection")]
    pub proxy: Option<String>,

    /// Directory of the ledger, rejects and run logs [default: `$XDG_STATE_HOME/byteair-sync` or `~/.local/state/byteair-sync`]
    #[arg(long, value_name = "DIR", global = true, help_heading = "Output")]
    pub state_dir: Option<PathBuf>,

    /// Print nothing on success, the final summary otherwise
    #[arg(short, long, global = true, help_heading = "Output")]
    pub quiet: bool,

    /// Print the run's log as well
    #[arg(short, long, global = true, help_heading = "Output")]
    pub verbose: bool,

    /// Form of messages and of the run's log
    #[arg(long, value_enum, default_value_t = LogFormat::Text, global = true, help_heading = "Output")]
    pub log_format: LogFormat,

    /// How progress is shown; auto is a bar on a terminal and lines elsewhere
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto, global = true, help_heading = "Output")]
    pub progress: ProgressMode,

    /// Colour of messages; auto is on a terminal without `NO_COLOR`
    #[arg(long, value_enum, default_value_t = When::Auto, global = true, help_heading = "Output")]
    pub color: When,

    /// Write the summary as JSON to a file as well [default: none]
    #[arg(long, value_name = "FILE", global = true, help_heading = "Output")]
    pub report: Option<PathBuf>,

    /// Write metrics of the run for the node exporter of Prometheus (its textfile collector) [default: none]
    ///
    /// One file, whose name must end in .prom there, serves all topics and stages: a run replaces the
    /// lines of its own and keeps those of others, and the last success stays when a run fails. It is
    /// replaced in one step. Of another tenant or application it has to be another file. One that
    /// cannot be written is a warning.
    #[arg(long, value_name = "FILE", global = true, help_heading = "Output")]
    pub metrics_textfile: Option<PathBuf>,

    /// Push the same metrics to a Pushgateway, such as <http://gateway:9091> [default: none]
    ///
    /// Each topic and stage is a group of the job `byteair_sync`; name another job, or more labels, as
    /// `http://gateway:9091/metrics/job/NAME/instance/HOST`. A URL with a password belongs into
    /// `BYTEAIR_METRICS_PUSH`, where no process list shows it. A gateway that does not take them is a
    /// warning and changes nothing else.
    #[arg(long, value_name = "URL", global = true, help_heading = "Output")]
    pub metrics_push: Option<String>,

    /// Report counts and latencies of requests to the platform, as its SDKs can, for its support
    ///
    /// Off by default. What is sent, every 15 seconds and without credentials: URL (host, application,
    /// topic, stage), outcomes and times of requests. No row, no error text.
    #[arg(long, global = true, help_heading = "Connection")]
    pub report_to_platform: bool,

    /// Print a JSON object a line on standard output, the summary last
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
}

/// `--region`: the hosts that the platform documents as current (D1319620).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum RegionName {
    /// China.
    Cn,
    /// Overseas 1.
    Oversea1,
}

/// `--scheme`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SchemeName {
    Https,
    Http,
}

/// `--auth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum AuthMode {
    /// Access key and secret key.
    AkSk,
    /// The older token.
    Token,
}

/// `--log-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogFormat {
    Text,
    Json,
}

/// `--progress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// A bar on a terminal, lines elsewhere.
    Auto,
    /// A few lines that are drawn again and again.
    Bar,
    /// One line a minute and one on each change.
    Lines,
    /// Nothing.
    None,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum When {
    Auto,
    Always,
    Never,
}
