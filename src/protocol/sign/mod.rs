//! Request signatures: access key with secret (the current one) and tenant token (the old one).
//!
//! Clock, nonce and body hash are handed in, so a signature is a pure function and every published
//! vector can be replayed. The sandbox checks signatures with the same canonical forms. Signed are
//! content type, host and every `x-*` header, as the Go SDK does (`volc_auth.go`).

mod aksk;
mod canonical;
mod token;

pub(super) use canonical::{
    canonical_headers, canonical_path, canonical_query, hmac_sha256, parse_instant, signed_names,
};
pub use canonical::{payload_digest, percent_encode};

use crate::domain::Secret;
use chrono::{DateTime, TimeDelta, Utc};
use std::fmt;

/// Region in the scope of a signature; the SDKs send this word since 2024-07 (Go `context.go`).
pub const DEFAULT_SIGN_REGION: &str = "placeholder";

/// Age at which an access key's signature goes stale. Not published for this service; 900 s is
/// the default of the platform's signatures elsewhere (docs/6568/163743).
pub const ACCESS_KEY_WINDOW: TimeDelta = TimeDelta::seconds(900);

/// Age at which a token's signature goes stale (`BytePlus` token page, SDK comments).
pub const TOKEN_WINDOW: TimeDelta = TimeDelta::seconds(5);

/// Added to the token's window by [`verify`]: the timestamp is cut to whole seconds.
pub const TOKEN_TOLERANCE: TimeDelta = TimeDelta::seconds(1);

/// Who signs.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Access key and secret key, header `Authorization`.
    AkSk {
        /// Public half of the key.
        access_key: String,
        /// Secret half.
        secret_key: Secret,
        /// Token of temporary keys, sent and signed as `X-Security-Token`.
        session_token: Option<Secret>,
        /// Region of the scope, by default [`DEFAULT_SIGN_REGION`].
        region: String,
    },
    /// The tenant's token, header `Tenant-Signature` (D108561 calls it the old way).
    Token {
        /// The token; not the secret of an access key.
        token: Secret,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AkSk {
                access_key, region, ..
            } => f
                .debug_struct("AkSk")
                .field("access_key", &masked(access_key))
                .field("region", region)
                .finish_non_exhaustive(),
            Self::Token { .. } => f.debug_struct("Token").finish_non_exhaustive(),
        }
    }
}

fn masked(access_key: &str) -> String {
    let shown = if access_key.chars().count() < 12 {
        0
    } else {
        4
    };
    let start: String = access_key.chars().take(shown).collect();
    format!("{start}***")
}

/// A request before, or without, its signature.
#[derive(Debug, Clone, Copy)]
pub struct RequestToSign<'a> {
    /// Such as `POST`.
    pub method: &'a str,
    /// `host[:port]` as the Host header carries it.
    pub authority: &'a str,
    /// Path on the wire.
    pub path: &'a str,
    /// Query on the wire without the question mark.
    pub query: &'a str,
    /// Name and value of every header, names in any case.
    pub headers: &'a [(&'a str, &'a str)],
    /// The bytes on the wire, that is after gzip. Only token signatures read them.
    pub body: &'a [u8],
    /// Their SHA-256, see [`payload_digest`].
    pub payload_sha256: &'a [u8; 32],
}

impl<'a> RequestToSign<'a> {
    /// The first value of a header, white space around it removed.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
}

/// What makes one signature differ from the next.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The clock, corrected by what is known about the server's.
    pub now: DateTime<Utc>,
    /// Eight random characters, as in the SDKs; only token signatures carry them.
    pub nonce: &'a str,
}

impl Credentials {
    /// The headers that make the request authentic, to be added to those in it. The token's
    /// signature covers the header `Tenant-Id`, which must be among the request's.
    pub fn sign(
        &self,
        request: &RequestToSign<'_>,
        moment: Moment<'_>,
    ) -> Vec<(&'static str, String)> {
        match self {
            Self::AkSk {
                access_key,
                secret_key,
                session_token,
                region,
            } => {
                let key = aksk::AccessKey {
                    id: access_key,
                    secret_key,
                    session_token: session_token.as_ref(),
                    region,
                };
                aksk::sign(&key, request, moment.now)
            }
            Self::Token { token } => token::sign(token, request, moment),
        }
    }
}

/// Why a received signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// Neither kind of signature is there.
    #[error("the request has neither an Authorization nor a Tenant-Signature header")]
    Missing,
    /// A header that belongs to the signature is missing or malformed.
    #[error("header {0} is missing or malformed")]
    Malformed(&'static str),
    /// Nobody known has this access key, or tokens are not known.
    #[error("the access key or the way of signing is not known")]
    UnknownKey,
    /// The time of signing is too far from the server's.
    #[error("signed {0} s away from the server's clock, more than allowed")]
    Expired(i64),
    /// The body is not the one that was signed.
    #[error("the body's SHA-256 is not the one in the signature's headers")]
    BodyHash,
    /// Wrong secret, or the request was changed on its way.
    #[error("the signature does not match")]
    Mismatch,
}

/// Checks the signature of a received request against those who are known, at a server's `now`.
/// Accepts whatever list of signed headers the client chose, as the platform must (Java SDK).
pub fn verify(
    request: &RequestToSign<'_>,
    known: &[Credentials],
    now: DateTime<Utc>,
) -> Result<(), SignatureFault> {
    if let Some(authorization) = request.header("authorization") {
        return aksk::verify(request, authorization, known, now);
    }
    if let Some(signature) = request.header("tenant-signature") {
        return token::verify(request, signature, known, now);
    }
    Err(SignatureFault::Missing)
}

/// Fails when two instants are further apart than the window.
fn check_window(
    signed: DateTime<Utc>,
    now: DateTime<Utc>,
    window: TimeDelta,
) -> Result<(), SignatureFault> {
    let apart = now.signed_duration_since(signed);
    if apart.abs() > window {
        return Err(SignatureFault::Expired(apart.num_seconds()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
