//! The tenant token's signature (D108561; Go `calSignature`).
//!
//! Not an HMAC: SHA-256 over token, body, tenant, timestamp and nonce, one after the other. It goes
//! stale within seconds, so it is made right before sending.

use super::{
    Credentials, Moment, RequestToSign, SignatureFault, TOKEN_TOLERANCE, TOKEN_WINDOW, check_window,
};
use crate::domain::Secret;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

pub(super) fn sign(
    token: &Secret,
    request: &RequestToSign<'_>,
    moment: Moment<'_>,
) -> Vec<(&'static str, String)> {
    let timestamp = moment.now.timestamp().to_string();
    let tenant = request.header("tenant-id").unwrap_or_default();
    let signature = signature(token, request.body, tenant, &timestamp, moment.nonce);
    vec![
        ("Tenant-Ts", timestamp),
        ("Tenant-Nonce", moment.nonce.to_owned()),
        ("Tenant-Signature", signature),
    ]
}

fn signature(token: &Secret, body: &[u8], tenant: &str, timestamp: &str, nonce: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(token.reveal());
    hash.update(body);
    hash.update(tenant);
    hash.update(timestamp);
    hash.update(nonce);
    hex::encode(hash.finalize())
}

pub(super) fn verify(
    request: &RequestToSign<'_>,
    claimed: &str,
    known: &[Credentials],
    now: DateTime<Utc>,
) -> Result<(), SignatureFault> {
    let required = |shown: &'static str| {
        request
            .header(shown)
            .filter(|value| !value.is_empty())
            .ok_or(SignatureFault::Malformed(shown))
    };
    let tenant = required("Tenant-Id")?;
    let timestamp = required("Tenant-Ts")?;
    let nonce = required("Tenant-Nonce")?;
    let signed_at = timestamp
        .parse()
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .ok_or(SignatureFault::Malformed("Tenant-Ts"))?;
    check_window(signed_at, now, TOKEN_WINDOW + TOKEN_TOLERANCE)?;
    let mut tokens = known
        .iter()
        .filter_map(|credentials| match credentials {
            Credentials::Token { token } => Some(token),
            Credentials::AkSk { .. } => None,
        })
        .peekable();
    if tokens.peek().is_none() {
        return Err(SignatureFault::UnknownKey);
    }
    let holds = tokens.any(|token| {
        signature(token, request.body, tenant, timestamp, nonce).eq_ignore_ascii_case(claimed)
    });
    if holds {
        Ok(())
    } else {
        Err(SignatureFault::Mismatch)
    }
}
