//! The sandbox's certificate: self-signed, made at start, for the loopback names only.
//!
//! Clients trust it through `--ca-cert`; it is never stored, so every start has its own.

use super::SandboxError;
use std::sync::Arc;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// Names in the certificate.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A server's side of TLS.
#[derive(Debug)]
pub(super) struct Tls {
    /// Ready for the acceptor; speaks HTTP/2 and HTTP/1.1.
    pub(super) config: Arc<ServerConfig>,
    /// What a client has to trust.
    pub(super) certificate_pem: String,
}

impl Tls {
    /// Makes key and certificate.
    pub(super) fn new() -> Result<Self, SandboxError> {
        let names: Vec<String> = NAMES.iter().map(ToString::to_string).collect();
        let made = rcgen::generate_simple_self_signed(names)
            .map_err(|error| SandboxError::Certificate(Box::new(error)))?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(vec![made.cert.der().clone()], key.into())
            })
            .map_err(|error| SandboxError::Certificate(Box::new(error)))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            certificate_pem: made.cert.pem(),
        })
    }
}
