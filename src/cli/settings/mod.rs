//! What the arguments mean: checked values for the engine, the connection and the limiter.
//!
//! Whatever can be wrong before anything happens is said here, once, as status 2. Nothing is
//! opened, sent or recorded; only files that are named as settings (lists of paths, secrets) are
//! read.

mod connection;
mod credentials;
mod date_from;
mod dis;
mod done;
mod guards;
mod huawei;
mod output;
mod part;
mod rate;
mod reading;
mod replay;
mod rules;
mod sandbox;
mod selection;
mod streaming;
mod survey;
mod validate;
mod write;

pub use connection::{Connection, SandboxEndpoint, state_dir, zone};
pub use credentials::{SECRET_VARIABLES, describe as describe_credentials};
pub use done::{DoneDates, DoneOptions};
pub use huawei::{HuaweiConnection, HuaweiService};
pub use output::Output;
pub use part::{QuotaAddress, quota_secret};
pub use rate::RateSettings;
pub use reading::input_settings;
pub use rules::rules_arguments;
pub use sandbox::sandbox_settings;
pub use selection::{Selection, one_stage, selection};
pub use survey::{Route, Survey};
pub use validate::ReadingOptions;
pub(super) use write::ABOUT_DATES;
pub use write::WriteOptions;

use super::invocation::Invocation;
use chrono::{DateTime, Utc};

/// What settings are made from.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The arguments with environment and profile.
    pub invocation: &'a Invocation,
    /// The instant that relative days start from.
    pub now: DateTime<Utc>,
}

#[cfg(test)]
mod tests;
