//! Huawei's access key signature, `SDK-HMAC-SHA256` (huaweicloudsdkcore `signer/signer.py`).
//!
//! No scope and no derived key: the secret signs the canonical request directly. The older DIS SDKs
//! use another scheme under the same name, which is not here.

use crate::domain::Secret;
use crate::protocol::sign::{
    SignatureFault, canonical_headers, canonical_path, canonical_query, hmac_sha256, parse_instant,
    payload_digest, signed_names,
};
use chrono::{DateTime, TimeDelta, Utc};

const ALGORITHM: &str = "SDK-HMAC-SHA256";
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Furthest that the time of signing may lie from the server's, by Huawei's general guidance.
pub const CLOCK_WINDOW: TimeDelta = TimeDelta::minutes(15);

/// An access key, permanent or temporary.
#[derive(Debug, Clone, Copy)]
pub struct HuaweiKey<'a> {
    /// Public half.
    pub access_key: &'a str,
    /// Secret half.
    pub secret_key: &'a Secret,
    /// Sent and signed as `X-Security-Token` with temporary keys.
    pub security_token: Option<&'a Secret>,
}

/// A request before, or without, its signature.
#[derive(Debug, Clone, Copy)]
pub struct HuaweiRequest<'a> {
    /// Such as `POST`.
    pub method: &'a str,
    /// `host[:port]` as the Host header carries it.
    pub host: &'a str,
    /// Path on the wire.
    pub path: &'a str,
    /// Query on the wire without the question mark.
    pub query: &'a str,
    /// To sign: the headers to be signed besides the host, at least `Content-Type` and
    /// `X-Project-Id`; none that a proxy may change. To verify: all headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// The bytes on the wire.
    pub body: &'a [u8],
}

impl<'a> HuaweiRequest<'a> {
    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    fn with_host(&self) -> Vec<(&'a str, &'a str)> {
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .copied()
            .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
            .collect();
        headers.push(("host", self.host));
        headers
    }
}

/// The headers that make the request authentic, to be added to those in it.
pub fn sign(
    request: &HuaweiRequest<'_>,
    key: &HuaweiKey<'_>,
    now: DateTime<Utc>,
) -> Vec<(&'static str, String)> {
    let date = now.format("%Y%m%dT%H%M%SZ").to_string();
    let mut added = vec![("X-Sdk-Date", date.clone())];
    if let Some(token) = key.security_token {
        added.push(("X-Security-Token", token.reveal().to_owned()));
    }
    let content_type = request.header("content-type").unwrap_or_default();
    if !content_type.starts_with("application/json")
        && !content_type.starts_with("application/bson")
    {
        added.push(("X-Sdk-Content-Sha256", UNSIGNED_PAYLOAD.to_owned()));
    }
    let mut headers = request.with_host();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    let names = signed_names(&headers, |name| !name.contains('_'));
    let lines = canonical_headers(&names, &headers).unwrap_or_default();
    let stated = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("x-sdk-content-sha256"))
        .map(|(_, value)| *value);
    let canonical = canonical_request(request, &lines, &names, stated);
    let signature = signature(key.secret_key, &date, &canonical);
    added.push((
        "Authorization",
        format!(
            "{ALGORITHM} Access={}, SignedHeaders={}, Signature={signature}",
            key.access_key,
            names.join(";")
        ),
    ));
    added
}

fn canonical_request(
    request: &HuaweiRequest<'_>,
    header_lines: &str,
    names: &[String],
    stated_digest: Option<&str>,
) -> String {
    let mut path = canonical_path(request.path);
    if !path.ends_with('/') {
        path.push('/');
    }
    let digest = match stated_digest {
        Some(stated) if !request.body.is_empty() => stated.to_owned(),
        _ => hex::encode(payload_digest(request.body)),
    };
    format!(
        "{}\n{path}\n{}\n{header_lines}\n{}\n{digest}",
        request.method,
        canonical_query(request.query, Ord::cmp),
        names.join(";")
    )
}

fn signature(secret_key: &Secret, date: &str, canonical: &str) -> String {
    let digest = hex::encode(payload_digest(canonical.as_bytes()));
    let text = format!("{ALGORITHM}\n{date}\n{digest}");
    hex::encode(hmac_sha256(secret_key.reveal().as_bytes(), text.as_bytes()))
}

/// Checks the signature of a received request, at a server's `now`. Takes whatever list of signed
/// headers the client chose.
pub fn verify(
    request: &HuaweiRequest<'_>,
    key: &HuaweiKey<'_>,
    now: DateTime<Utc>,
) -> Result<(), SignatureFault> {
    let authorization = request
        .header("authorization")
        .ok_or(SignatureFault::Missing)?;
    let (access_key, names, claimed) =
        parse(authorization).ok_or(SignatureFault::Malformed("Authorization"))?;
    if access_key != key.access_key {
        return Err(SignatureFault::UnknownKey);
    }
    let date = request
        .header("x-sdk-date")
        .ok_or(SignatureFault::Malformed("X-Sdk-Date"))?;
    let signed_at = parse_instant(date).ok_or(SignatureFault::Malformed("X-Sdk-Date"))?;
    let apart = now.signed_duration_since(signed_at);
    if apart.abs() > CLOCK_WINDOW {
        return Err(SignatureFault::Expired(apart.num_seconds()));
    }
    let stated = request.header("x-sdk-content-sha256");
    if let Some(stated) = stated.filter(|stated| *stated != UNSIGNED_PAYLOAD)
        && stated != hex::encode(payload_digest(request.body))
    {
        return Err(SignatureFault::BodyHash);
    }
    let lines = canonical_headers(&names, &request.with_host())
        .ok_or(SignatureFault::Malformed("Authorization"))?;
    let canonical = canonical_request(request, &lines, &names, stated);
    if signature(key.secret_key, date, &canonical) != claimed {
        return Err(SignatureFault::Mismatch);
    }
    Ok(())
}

fn parse(authorization: &str) -> Option<(&str, Vec<String>, &str)> {
    let mut fields = authorization
        .strip_prefix(ALGORITHM)?
        .split(',')
        .map(str::trim);
    let access_key = fields.next()?.strip_prefix("Access=")?;
    let names = fields.next()?.strip_prefix("SignedHeaders=")?;
    let signature = fields.next()?.strip_prefix("Signature=")?;
    let names = names.split(';').map(str::to_ascii_lowercase).collect();
    Some((access_key, names, signature))
}

#[cfg(test)]
#[path = "sign_tests.rs"]
mod tests;
