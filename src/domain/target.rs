//! The target: whose data this is, so that one ledger can serve several.

use std::fmt;

/// Tenant, application and platform: what every ledger row belongs to (`ledger list` shows it).
/// The platform is a region alias, a profile's name for it, or `host:port`, so that a test against
/// the sandbox can never make production look done.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    tenant: String,
    application: String,
    platform: String,
}

/// Why a target could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} '{value}' must be 1 to 128 letters, digits, '.', '_', ':' or '-'")]
pub struct InvalidTarget {
    what: &'static str,
    value: String,
}

/// Longest part of a target, in bytes.
const MAX_PART_BYTES: usize = 128;

impl Target {
    /// Builds a target. Each part goes into a URL path or a header, so only safe characters are
    /// taken; ids are numeric in the documentation (D108561, D108564) but older projects have names.
    pub fn new(tenant: &str, application: &str, platform: &str) -> Result<Self, InvalidTarget> {
        for (what, value) in [
            ("tenant id", tenant),
            ("application id", application),
            ("platform", platform),
        ] {
            let clean = value
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._:-[]".contains(&b));
            if value.is_empty() || value.len() > MAX_PART_BYTES || !clean {
                return Err(InvalidTarget {
                    what,
                    value: value.to_owned(),
                });
            }
        }
        Ok(Self {
            tenant: tenant.to_owned(),
            application: application.to_owned(),
            platform: platform.to_owned(),
        })
    }

    /// The tenant (account) id, sent as header `Tenant-Id` (D108561).
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The application id, a segment of every path (D108601).
    pub fn application(&self) -> &str {
        &self.application
    }

    /// Region alias, profile's name, or `host:port`.
    pub fn platform(&self) -> &str {
        &self.platform
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.tenant, self.application, self.platform)
    }
}
