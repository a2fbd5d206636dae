//! What people want to know of a certificate: whose it is, who vouches for it, until when.

use chrono::{DateTime, Utc};
use rustls::pki_types::CertificateDer;
use std::net::IpAddr;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

/// Most names that are shown.
const MAX_NAMES: usize = 4;

/// A certificate as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    /// The hosts that it is for, some of them when there are many.
    pub(super) names: String,
    /// Who vouches for it.
    pub(super) issuer: String,
    /// When it begins.
    pub(super) from: Option<DateTime<Utc>>,
    /// When it ends.
    pub(super) until: Option<DateTime<Utc>>,
}

impl Certificate {
    /// Reads a certificate; `None` when it is none.
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = parse_x509_certificate(der).ok()?;
        let time =
            |time: x509_parser::time::ASN1Time| DateTime::from_timestamp(time.timestamp(), 0);
        let subject = name_of(parsed.subject());
        let alternatives = parsed.subject_alternative_name().ok().flatten();
        let mut names: Vec<String> = alternatives
            .into_iter()
            .flat_map(|extension| &extension.value.general_names)
            .filter_map(host_of)
            .collect();
        let more = names.len().saturating_sub(MAX_NAMES);
        names.truncate(MAX_NAMES);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        Some(Self {
            names: if names.is_empty() {
                subject
            } else {
                names.join(", ")
            },
            issuer: name_of(parsed.issuer()),
            from: time(parsed.validity().not_before),
            until: time(parsed.validity().not_after),
        })
    }
}

fn host_of(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let sixteen = || <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
            four.or_else(|_| sixteen()).ok().map(|it| it.to_string())
        }
        _ => None,
    }
}

fn name_of(name: &x509_parser::x509::X509Name<'_>) -> String {
    let common = name.iter_common_name().next();
    let common = common.and_then(|name| name.as_str().ok());
    common.map_or_else(|| name.to_string(), str::to_owned)
}
