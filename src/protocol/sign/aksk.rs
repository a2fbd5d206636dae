//! The access key signature, `HMAC-SHA256` (Go `volc_auth.go`, Py `auth.py`).
//!
//! Like AWS's version 4, except that nothing stands in front of the secret and that ports 80 and
//! 443 are left out of the signed host whatever the scheme.

use super::canonical::{INSTANT_FORMAT, canonical_headers, canonical_path, canonical_query};
use super::canonical::{hmac_sha256, parse_instant, payload_digest, signed_names};
use super::{ACCESS_KEY_WINDOW, Credentials, RequestToSign, SignatureFault, check_window};
use crate::domain::Secret;
use chrono::{DateTime, Utc};

const ALGORITHM: &str = "HMAC-SHA256";
const SERVICE: &str = "air";
const TERMINATOR: &str = "request";

/// The parts of `Credentials::AkSk`.
pub(super) struct AccessKey<'a> {
    pub(super) id: &'a str,
    pub(super) secret_key: &'a Secret,
    pub(super) session_token: Option<&'a Secret>,
    pub(super) region: &'a str,
}

/// Day, region and service that a signature is bound to.
struct Scope<'a> {
    date: &'a str,
    region: &'a str,
    service: &'a str,
}

impl Scope<'_> {
    fn text(&self) -> String {
        format!(
            "{}/{}/{}/{TERMINATOR}",
            self.date, self.region, self.service
        )
    }

    fn signature(&self, secret_key: &Secret, x_date: &str, canonical: &str) -> String {
        let digest = hex::encode(payload_digest(canonical.as_bytes()));
        let text = format!("{ALGORITHM}\n{x_date}\n{}\n{digest}", self.text());
        hex::encode(hmac_sha256(&self.key(secret_key), text.as_bytes()))
    }

    fn key(&self, secret_key: &Secret) -> [u8; 32] {
        let by_date = hmac_sha256(secret_key.reveal().as_bytes(), self.date.as_bytes());
        let by_region = hmac_sha256(&by_date, self.region.as_bytes());
        let by_service = hmac_sha256(&by_region, self.service.as_bytes());
        hmac_sha256(&by_service, TERMINATOR.as_bytes())
    }
}

pub(super) fn sign(
    key: &AccessKey<'_>,
    request: &RequestToSign<'_>,
    now: DateTime<Utc>,
) -> Vec<(&'static str, String)> {
    let x_date = now.format(INSTANT_FORMAT).to_string();
    let mut added = vec![
        ("X-Date", x_date.clone()),
        ("X-Content-Sha256", hex::encode(request.payload_sha256)),
    ];
    if let Some(token) = key.session_token {
        added.push(("X-Security-Token", token.reveal().to_owned()));
    }
    let host = signed_host(request.authority);
    let mut headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .copied()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
        .collect();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    headers.push(("host", host));
    let names = signed_names(&headers, |name| {
        matches!(name, "content-type" | "content-md5" | "host") || name.starts_with("x-")
    });
    let lines = canonical_headers(&names, &headers).unwrap_or_default();
    let date: String = x_date.chars().take(8).collect();
    let scope = Scope {
        date: &date,
        region: key.region,
        service: SERVICE,
    };
    let canonical = canonical_request(request, &lines, &names);
    let signature = scope.signature(key.secret_key, &x_date, &canonical);
    added.push((
        "Authorization",
        format!(
            "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={signature}",
            key.id,
            scope.text(),
            names.join(";")
        ),
    ));
    added
}

pub(super) fn canonical_request(
    request: &RequestToSign<'_>,
    header_lines: &str,
    names: &[String],
) -> String {
    format!(
        "{}\n{}\n{}\n{header_lines}\n{}\n{}",
        request.method,
        canonical_path(request.path),
        // Stable, so several values of one key keep their order as in Go's `url.Values`.
        canonical_query(request.query, |a, b| a.0.cmp(&b.0)),
        names.join(";"),
        hex::encode(request.payload_sha256)
    )
}

/// The authority without a port that is 80 or 443 (Go `volc_auth.go`).
pub(super) fn signed_host(authority: &str) -> &str {
    authority
        .strip_suffix(":80")
        .or_else(|| authority.strip_suffix(":443"))
        .unwrap_or(authority)
}

/// The parts of an `Authorization` header.
struct Authorization<'a> {
    access_key: &'a str,
    scope: Scope<'a>,
    names: Vec<String>,
    signature: &'a str,
}

fn parse(authorization: &str) -> Option<Authorization<'_>> {
    let mut fields = authorization
        .strip_prefix(ALGORITHM)?
        .split(',')
        .map(str::trim);
    let credential = fields.next()?.strip_prefix("Credential=")?;
    let names = fields.next()?.strip_prefix("SignedHeaders=")?;
    let signature = fields.next()?.strip_prefix("Signature=")?;
    let mut parts = credential.rsplitn(5, '/');
    let (TERMINATOR, service, region, date, access_key) = (
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
    ) else {
        return None;
    };
    Some(Authorization {
        access_key,
        scope: Scope {
            date,
            region,
            service,
        },
        names: names.split(';').map(str::to_ascii_lowercase).collect(),
        signature,
    })
}

pub(super) fn verify(
    request: &RequestToSign<'_>,
    authorization: &str,
    known: &[Credentials],
    now: DateTime<Utc>,
) -> Result<(), SignatureFault> {
    let malformed = || SignatureFault::Malformed("Authorization");
    let claim = parse(authorization).ok_or_else(malformed)?;
    let secret_key = known
        .iter()
        .find_map(|credentials| match credentials {
            Credentials::AkSk {
                access_key,
                secret_key,
                ..
            } if access_key == claim.access_key => Some(secret_key),
            _ => None,
        })
        .ok_or(SignatureFault::UnknownKey)?;
    let x_date = request
        .header("x-date")
        .ok_or(SignatureFault::Malformed("X-Date"))?;
    let signed_at = parse_instant(x_date).ok_or(SignatureFault::Malformed("X-Date"))?;
    if !x_date.starts_with(claim.scope.date) || claim.scope.date.len() != 8 {
        return Err(malformed());
    }
    check_window(signed_at, now, ACCESS_KEY_WINDOW)?;
    if let Some(stated) = request.header("x-content-sha256")
        && !stated.eq_ignore_ascii_case(&hex::encode(request.payload_sha256))
    {
        return Err(SignatureFault::BodyHash);
    }
    let host = signed_host(request.authority);
    let mut headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .copied()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
        .collect();
    headers.push(("host", host));
    let lines = canonical_headers(&claim.names, &headers)
        .ok_or(SignatureFault::Malformed("Authorization"))?;
    let canonical = canonical_request(request, &lines, &claim.names);
    if claim.scope.signature(secret_key, x_date, &canonical) != claim.signature {
        return Err(SignatureFault::Mismatch);
    }
    Ok(())
}
