//! The options of `write` for one part of a larger upload, as a task of a cluster is.
//!
//! They are for programs: whoever divides an upload knows what the parts are and when all are in.

use clap::Args;

/// What a part of a larger upload has to know of the whole.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Parts of a larger upload")]
pub struct PartArgs {
    /// Make Request-Ids from this text and the rows alone, so that a repetition with another ledger has the same [default: none]
    ///
    /// For standard input and a new --state-dir. A text must never be used for two different parts: of
    /// two that hold the same rows the platform would take one. Batches are then cut the same whatever the
    /// server says, and a 409 to a first attempt counts as accepted, unconfirmed.
    #[arg(long, value_name = "TEXT")]
    pub request_id_seed: Option<String>,

    /// An upload with the same --request-id-seed was begun before
    #[arg(long, requires = "request_id_seed")]
    pub seed_used: bool,

    /// Standard input ends with a line of the one character EOT (^D); without it, it was cut off
    #[arg(long)]
    pub end_mark: bool,

    /// Take each place in the quota from `byteair-sync quota serve` there; its secret is in `BYTEAIR_QUOTA_TOKEN` [default: this machine's own window]
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "no_rate_limit")]
    pub quota_service: Option<String>,
}
