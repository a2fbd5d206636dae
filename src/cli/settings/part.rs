//! What makes an upload one part of a larger one.

use crate::cli::args::PartArgs;
use crate::cli::error::UsageError;
use crate::cli::invocation::Invocation;
use crate::domain::Epoch;
use crate::upload::Seed;
use xxhash_rust::xxh3::xxh3_128;

/// Variable that holds the secret of a quota service.
pub(super) const QUOTA_SECRET: &str = "BYTEAIR_QUOTA_TOKEN";
/// Fewest characters of it.
const LEAST_SECRET: usize = 16;

/// A quota service on another machine.
#[derive(Debug, Clone)]
pub struct QuotaAddress {
    /// `host:port`.
    pub address: String,
    /// What it asks for.
    pub secret: String,
}

/// The seed of Request-Ids. What was read is part of them, so it must be standard input: the ledger's
/// numbers of several files could differ.
pub(super) fn seed(args: &PartArgs, paths: &[String]) -> Result<Option<Seed>, UsageError> {
    let from_stdin = paths == ["-"];
    if args.end_mark && !from_stdin {
        return Err(UsageError::new(
            "--end-mark is about standard input; it needs - as PATH",
        ));
    }
    let Some(text) = &args.request_id_seed else {
        return Ok(None);
    };
    if !from_stdin {
        return Err(UsageError::new(
            "--request-id-seed is for standard input; it needs - as PATH",
        ));
    }
    Ok(Some(Seed {
        epoch: Epoch(xxh3_128(format!("byteair-sync seed\0{text}").as_bytes()).to_be_bytes()),
        used_before: args.seed_used,
    }))
}

/// The quota service to ask, if any.
pub(super) fn quota_service(
    invocation: &Invocation,
    args: &PartArgs,
) -> Result<Option<QuotaAddress>, UsageError> {
    let Some(address) = &args.quota_service else {
        return Ok(None);
    };
    Ok(Some(QuotaAddress {
        address: address.clone(),
        secret: quota_secret(invocation)?,
    }))
}

/// The secret that a quota service and its clients share.
pub fn quota_secret(invocation: &Invocation) -> Result<String, UsageError> {
    let secret = invocation
        .environment
        .text(QUOTA_SECRET)
        .unwrap_or_default();
    let printable = |text: &str| text.chars().all(|it| it.is_ascii_graphic());
    if secret.len() < LEAST_SECRET || !printable(secret) {
        return Err(UsageError::new(format!(
            "{QUOTA_SECRET} must hold the secret of the quota service: at least {LEAST_SECRET} letters, digits or signs"
        )));
    }
    Ok(secret.to_owned())
}
