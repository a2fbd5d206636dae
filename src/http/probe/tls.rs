//! A TLS handshake that is checked as every other is, and tells what the server showed.

use super::certificate::Certificate;
use super::{Found, Trouble};
use chrono::{DateTime, TimeDelta, Utc};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A certificate that ends sooner is worth a word.
const SOON: TimeDelta = TimeDelta::days(14);

/// Shakes hands. The certificates are checked against the authorities of the system and of `--ca-cert`.
pub(super) async fn look(
    stream: TcpStream,
    host: &str,
    ca_cert: Option<&Path>,
    within: Duration,
) -> Result<Found, Trouble> {
    let witness = Arc::new(Witness::new(ca_cert)?);
    let shown = Arc::clone(&witness);
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| no_tls(&error))?
        .dangerous()
        .with_custom_certificate_verifier(witness)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| no_tls(&error))?;
    let connector = TlsConnector::from(Arc::new(config));
    let shaking = tokio::time::timeout(within, connector.connect(name, stream)).await;
    let now = Utc::now();
    match shaking {
        Err(_) => Err(Trouble::new(
            format!(
                "{host} accepts the connection and does not answer a TLS greeting within {within:?}"
            ),
            "check that it is the platform's host and port, and what stands between",
        )),
        Ok(Err(error)) => Err(refused(host, &error, &shown.chain(), now)),
        Ok(Ok(stream)) => {
            let version = stream.get_ref().1.protocol_version();
            let version = match version.and_then(|it| it.as_str()) {
                Some("TLSv1_2") => "TLS 1.2",
                _ => "TLS 1.3",
            };
            Ok(accepted(version, &shown.chain(), now))
        }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn no_tls(error: &dyn std::error::Error) -> Trouble {
    Trouble::new(
        format!("TLS cannot be set up: {error}"),
        "if this machine has no system certificates (package ca-certificates), give --ca-cert",
    )
}

fn accepted(version: &str, chain: &[Certificate], now: DateTime<Utc>) -> Found {
    let Some(first) = chain.first() else {
        return Found::Fine(version.to_owned());
    };
    let until = first.until.map_or_else(String::new, |until| {
        format!(", until {}", until.format("%Y-%m-%d"))
    });
    let issuers: Vec<&str> = chain.iter().map(|it| it.issuer.as_str()).collect();
    let what = format!(
        "{version}, certificate for {} by {}{until}",
        first.names,
        issuers.join(" by ")
    );
    match first.until.map(|until| until - now) {
        Some(left) if left < SOON => Found::Notice(Trouble::new(
            format!("{what}, {} days from now", left.num_days()),
            "tell who runs the host: uploads stop when it ends",
        )),
        _ => Found::Fine(what),
    }
}

fn refused(host: &str, error: &io::Error, chain: &[Certificate], now: DateTime<Utc>) -> Trouble {
    let cause = error.get_ref().and_then(|it| it.downcast_ref::<Error>());
    let first = chain.first();
    let day = |time: Option<DateTime<Utc>>| {
        time.map_or_else(
            || "?".to_owned(),
            |time| time.format("%Y-%m-%d").to_string(),
        )
    };
    let issuer = chain.last().map_or("nobody", |it| it.issuer.as_str());
    let clock = format!("the clock of this machine says {}", now.format("%Y-%m-%d"));
    match cause {
        Some(Error::InvalidCertificate(problem)) => match problem {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Trouble::new(
                format!(
                    "the certificate of {host} ended on {}",
                    day(first.and_then(|it| it.until))
                ),
                format!("tell who runs the host to renew it; {clock}"),
            ),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Trouble::new(
                    format!(
                        "the certificate of {host} begins on {}",
                        day(first.and_then(|it| it.from))
                    ),
                    format!("set the clock by NTP if it is wrong: {clock}"),
                )
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                let names = first.map_or("somebody else", |it| it.names.as_str());
                Trouble::new(
                    format!("the certificate is for {names} and not for {host}"),
                    "check --host; if it is right, something stands between and answers in its place",
                )
            }
            // The signature is bad when another authority of the same name is trusted.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Trouble::new(
                format!(
                    "the certificate of {host} is vouched for by {issuer}, whom this machine does not trust"
                ),
                "give that authority's certificate with --ca-cert if it is your company's or your deployment's",
            ),
            other => Trouble::new(
                format!("the certificate of {host}, by {issuer}, is not valid: {other}"),
                "give the authority's certificate with --ca-cert, or tell who runs the host",
            ),
        },
        Some(Error::InvalidMessage(_)) => Trouble::new(
            format!("{host} does not answer in TLS"),
            "it seems to speak plain http: use --scheme http, or check the port",
        ),
        _ => Trouble::new(
            format!("{host} ends the TLS handshake: {error}"),
            "check that it is the platform's host and port, and what stands between",
        ),
    }
}

/// Checks as the platform's verifier does, and keeps what was shown.
#[derive(Debug)]
struct Witness {
    verifier: Verifier,
    shown: Mutex<Vec<Certificate>>,
}

impl Witness {
    fn new(ca_cert: Option<&Path>) -> Result<Self, Trouble> {
        let unreadable = |why: String| {
            Trouble::new(
                why,
                "check --ca-cert: it takes PEM certificates of authorities",
            )
        };
        let extra: Vec<CertificateDer<'static>> = match ca_cert {
            None => Vec::new(),
            Some(path) => CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect)
                .map_err(|error| unreadable(format!("{}: {error}", path.display())))?,
        };
        let verifier = Verifier::new_with_extra_roots(extra, provider());
        Ok(Self {
            verifier: verifier.map_err(|error| no_tls(&error))?,
            shown: Mutex::default(),
        })
    }

    fn chain(&self) -> Vec<Certificate> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.clone()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) =
            chain.filter_map(Certificate::read).collect();
        self.verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
