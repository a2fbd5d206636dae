//! The options of `quota`.

use super::write::RateArgs;
use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Commands about the quota.
#[derive(Debug, Subcommand)]
pub enum QuotaCommand {
    /// Serve this machine's quota until standard input or a signal ends it
    Serve(QuotaServeArgs),
}

const SERVE_HELP: &str = "\
Uploads on other machines take part with `write --quota-service HOST:PORT`. Both
sides need the same secret of at least 16 characters in BYTEAIR_QUOTA_TOKEN, and
the same tenant and application. What is sent from this machine shares the quota
too.

Example:
  With this machine's address:
    byteair-sync quota serve --listen 192.0.2.10:7440";

/// Options of `quota serve`.
#[derive(Debug, Args)]
#[command(after_long_help = SERVE_HELP)]
pub struct QuotaServeArgs {
    /// Address to listen on, one that the other machines reach; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// File that receives the port once the service answers [default: none]
    #[arg(long, value_name = "FILE")]
    pub port_file: Option<PathBuf>,

    /// How fast.
    #[command(flatten)]
    pub rate: RateArgs,
}
