//! The options of `doctor`.

use super::write::RateArgs;
use crate::cli::value::duration;
use clap::Args;
use std::time::Duration;

const ABOUT: &str = "\
Look for what would keep an upload from working, without sending any row

It shows the settings and where each comes from, goes the way to every host (proxy, name, \
connection, certificates), compares the clocks, tries the credentials with a request that stores \
nothing, reads the whole ledger without changing it, and looks at the disk and the limits. A check \
that fails says why and what to do about it; the exit status is that of the most serious one.

`not verified` means that the platform answered neither yes nor no to the credentials, which is no \
failure: not every deployment has the request that they are tried with.";

const EXAMPLES: &str = "\
Examples:
  Before the first upload, and whenever something does not work:
    byteair-sync doctor
  In a health check, which says nothing while all is well:
    byteair-sync doctor -q";

/// Options of `doctor`.
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub struct DoctorArgs {
    /// Longest time for one step
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub timeout: Duration,

    /// Quota.
    #[command(flatten)]
    pub rate: RateArgs,
}
