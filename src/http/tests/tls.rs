//! Certificates: an own authority is trusted by option only, and a refusal sends nothing.

use super::server::{Server, Step};
use super::*;
use crate::protocol::messages::{DoneResponse, Status};
use crate::protocol::sign::{payload_digest, verify};
use ::http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::io::Write;
use tokio::net::TcpListener;

const OK: &[u8] = include_bytes!("../../../fixtures/replies/protobuf-ok.http");

/// An authority's certificate and a server on `localhost` that has one of its own.
fn authority_and_acceptor() -> (String, tokio_rustls::TlsAcceptor) {
    let (pem, config) = authority_and_config();
    (pem, Arc::new(config).into())
}

fn authority_and_config() -> (String, rustls::ServerConfig) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = names.signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (authority.pem(), config)
}

fn https_settings(host: &str, ca_pem: &str) -> (ConnectionSettings, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(ca_pem.as_bytes()).unwrap();
    let port = host.rsplit(':').next().unwrap();
    let mut settings = settings(vec![format!("localhost:{port}")]);
    settings.scheme = Scheme::Https;
    settings.ca_cert = Some(file.path().to_owned());
    (settings, file)
}

#[tokio::test]
async fn the_authority_of_the_option_is_trusted() {
    let (pem, acceptor) = authority_and_acceptor();
    let server = Server::start_with(vec![Step::Reply(OK.to_vec())], Some(acceptor)).await;
    let (settings, _file) = https_settings(&server.host, &pem);
    let judged = Client::new(&settings)
        .unwrap()
        .send(&write(), || ())
        .await
        .judged;
    assert_eq!(judged.verdict, Verdict::Accepted, "{judged:?}");
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_before_anything_is_sent() {
    let (_, acceptor) = authority_and_acceptor();
    let (other_pem, _) = authority_and_acceptor();
    let server = Server::start_with(Vec::new(), Some(acceptor)).await;
    let (settings, _file) = https_settings(&server.host, &other_pem);
    let judged = Client::new(&settings)
        .unwrap()
        .send(&write(), || ())
        .await
        .judged;
    assert_eq!(judged.verdict, Verdict::NotSent, "{judged:?}");
    assert!(judged.message.contains("certificate"), "{}", judged.message);
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_server_without_tls_is_sent_nothing_over_https() {
    let server = Server::start(Vec::new()).await;
    let (pem, _) = authority_and_acceptor();
    let (mut settings, _file) = https_settings(&server.host, &pem);
    settings.timeout = Duration::from_millis(500);
    let judged = Client::new(&settings)
        .unwrap()
        .send(&write(), || ())
        .await
        .judged;
    assert_eq!(judged.verdict, Verdict::NotSent, "{judged:?}");
}

#[test]
fn what_a_person_has_to_mend_is_an_error_before_the_first_request() {
    let ask = |change: &dyn Fn(&mut ConnectionSettings)| {
        let mut settings = settings(vec!["127.0.0.1:1".to_owned()]);
        change(&mut settings);
        Client::new(&settings).unwrap_err()
    };
    assert!(matches!(ask(&|s| s.hosts.clear()), HttpError::NoHost));
    let host = ask(&|s| s.hosts = vec!["http://x".to_owned()]);
    assert!(matches!(host, HttpError::Host(_)));
    let missing = ask(&|s| s.ca_cert = Some("/nonexistent/ca.pem".into()));
    assert!(matches!(missing, HttpError::CaCertFile { .. }));
    let file = tempfile::NamedTempFile::new().unwrap();
    let empty = ask(&|s| s.ca_cert = Some(file.path().to_owned()));
    assert!(matches!(empty, HttpError::CaCertForm(_)));
    let proxy = ask(&|s| s.proxy = Some("http://user:pa ss word@[".to_owned()));
    assert!(matches!(proxy, HttpError::Proxy));
    assert!(!format!("{proxy:?} {proxy}").contains("pa ss"));
}

#[tokio::test]
async fn a_server_that_speaks_http_2_gets_a_length_and_a_signature_that_holds() {
    let (pem, mut config) = authority_and_config();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = TokioIo::new(acceptor.accept(stream).await.unwrap());
        let service = service_fn(answer_signed_request);
        http2::Builder::new(TokioExecutor::new())
            .serve_connection(stream, service)
            .await
    });
    let (settings, _file) = https_settings(&host, &pem);
    let client = Client::new(&settings).unwrap();
    let sent = Arc::new(AtomicUsize::new(0));
    for _ in 0..2 {
        let count = Arc::clone(&sent);
        let on_sent = move || {
            count.fetch_add(1, Ordering::SeqCst);
        };
        let judged = client.send(&write(), on_sent).await.judged;
        assert_eq!(judged.verdict, Verdict::Accepted, "{judged:?}");
    }
    assert_eq!(sent.load(Ordering::SeqCst), 2);
    server.abort();
}

/// Accepts with a protobuf status, or says in the message what is wrong.
async fn answer_signed_request(
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let headers: Vec<(&str, &str)> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let received = RequestToSign {
        method: head.method.as_str(),
        authority: head
            .uri
            .authority()
            .map_or("", |authority| authority.as_str()),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &headers,
        body: &body,
        payload_sha256: &payload_digest(&body),
    };
    let signed = verify(&received, &[Fixed.load().unwrap()], Utc::now());
    let length = received.header("content-length").map(str::to_owned);
    let fault = if signed != Ok(()) || length != Some(body.len().to_string()) {
        format!("{signed:?} {length:?}")
    } else {
        String::new()
    };
    let status = Status {
        code: if fault.is_empty() { 0 } else { 401 },
        message: fault,
        success: true,
    };
    let reply = DoneResponse {
        status: Some(status),
    };
    let reply = Full::from(reply.encode_to_vec());
    let reply = Response::builder()
        .header("content-type", "application/x-protobuf")
        .body(reply);
    Ok(reply.unwrap())
}
