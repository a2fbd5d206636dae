//! A sandbox in this process, on a free port, with a runtime of its own.
//!
//! Its limits are far above what a test sends: quotas are tested elsewhere, and here they would only
//! hide what a fault does.

use crate::place::{LIMIT, until};
use crate::upload::Upload;
use byteair_sync::domain::Secret;
use byteair_sync::sandbox::{FaultOn, Sandbox, SandboxSettings, State};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A running sandbox; it ends with this value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    sandbox: Option<Arc<Sandbox>>,
    runtime: Option<Runtime>,
    settings: SandboxSettings,
    /// Where it keeps what it has, when it may be restarted.
    kept: Option<TempDir>,
}

/// Settings without limits that a test would meet.
pub(crate) fn unlimited(seed: u64) -> SandboxSettings {
    SandboxSettings {
        qps: 1_000_000,
        rows_per_second: 1_000_000_000,
        slow: Duration::from_millis(20)..=Duration::from_millis(60),
        seed,
        ..SandboxSettings::default()
    }
}

/// The same with these faults.
pub(crate) fn faulty(seed: u64, faults: &[&str], on: Option<FaultOn>) -> SandboxSettings {
    SandboxSettings {
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        fault_on: on,
        ..unlimited(seed)
    }
}

/// No other server has this secret: a client that outlived its campaign and finds another server on
/// its port is refused there.
fn with_own_secret(mut settings: SandboxSettings) -> SandboxSettings {
    settings.credentials.sk = Secret::new(format!("{:032x}", rand::random::<u128>()));
    settings
}

impl Server {
    pub(crate) fn start(settings: SandboxSettings) -> Self {
        let settings = with_own_secret(settings);
        Self::listen(settings, SocketAddr::from(([127, 0, 0, 1], 0)), None)
    }

    /// The same, ready to be restarted.
    pub(crate) fn start_kept(settings: SandboxSettings) -> Self {
        let kept = tempfile::tempdir().unwrap();
        let settings = SandboxSettings {
            data_dir: Some(kept.path().to_owned()),
            ..with_own_secret(settings)
        };
        Self::listen(settings, SocketAddr::from(([127, 0, 0, 1], 0)), Some(kept))
    }

    /// Ends it and brings it back on its port, with what it has and other settings.
    pub(crate) fn restarted(mut self, change: impl FnOnce(&mut SandboxSettings)) -> Self {
        let (mut settings, address) = (self.settings.clone(), self.address);
        change(&mut settings);
        let kept = self.kept.take();
        assert!(kept.is_some(), "this server keeps nothing");
        self.sandbox = None;
        self.runtime.take().unwrap().shutdown_timeout(LIMIT);
        drop(self);
        Self::listen(settings, address, kept)
    }

    fn listen(settings: SandboxSettings, address: SocketAddr, kept: Option<TempDir>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        // A process that another test is just starting may hold the journal's lock until its exec.
        let mut refused = String::new();
        let new = || match Sandbox::new(settings.clone()) {
            Ok(sandbox) => Some(sandbox),
            Err(error) => {
                refused = error.to_string();
                None
            }
        };
        let Some(sandbox) = until(new) else {
            panic!("{refused}");
        };
        // Its own port of the past may still be held for a moment.
        let listener = until(|| runtime.block_on(TcpListener::bind(address)).ok()).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(Arc::clone(&sandbox).serve(listener, std::future::pending()));
        Self {
            address,
            sandbox: Some(sandbox),
            runtime: Some(runtime),
            settings,
            kept,
        }
    }

    pub(crate) fn state(&self) -> State {
        self.sandbox().state()
    }

    /// What its clients have to trust, PEM, when it speaks TLS.
    pub(crate) fn certificate(&self) -> Option<&str> {
        self.sandbox().certificate_pem()
    }

    /// The secret key of its clients.
    pub(crate) fn secret(&self) -> &str {
        self.settings.credentials.sk.reveal()
    }

    fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().unwrap()
    }

    /// The stored rows of an upload by its days.
    pub(crate) fn rows(&self, upload: &Upload) -> BTreeMap<String, Vec<String>> {
        let rows_of = |day: &String| {
            let date = if upload.streaming { "" } else { day };
            (day.clone(), self.rows_of_day(date))
        };
        upload.days.iter().map(rows_of).collect()
    }

    /// The stored rows of a day, or of everything when it is empty.
    pub(crate) fn rows_of_day(&self, date: &str) -> Vec<String> {
        let text = self.get(&format!("/sandbox/rows?date={date}"));
        text.lines().map(str::to_owned).collect()
    }

    /// What it answers to a POST of its own endpoints; it does not speak TLS.
    pub(crate) fn post(&self, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let length = body.len();
        let head = format!("POST {path} HTTP/1.0\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let (head, answer) = reply.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{reply}");
        answer.to_owned()
    }

    /// The body behind a path of the sandbox's own. HTTP/1.0, so that it ends with the connection.
    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let reply = match self.certificate() {
            None => exchange(&mut stream, self.address, path),
            Some(certificate) => {
                let client = tls_client(self.address, certificate);
                exchange(&mut StreamOwned::new(client, stream), self.address, path)
            }
        };
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{head}");
        body.to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn exchange(stream: &mut (impl Read + Write), address: SocketAddr, path: &str) -> String {
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

fn tls_client(address: SocketAddr, certificate: &str) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    ClientConnection::new(Arc::new(config), ServerName::from(address.ip())).unwrap()
}
