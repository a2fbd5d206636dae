//! A sandbox in this process, on a free port, with a runtime of its own.
//!
//! Its limits are far above what a test sends: quotas are tested elsewhere, and here they would only
//! hide what a fault does.

use byteair_sync::sandbox::{FaultOn, Sandbox, SandboxSettings, State};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A running sandbox; it ends with this value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    sandbox: Arc<Sandbox>,
    runtime: Option<Runtime>,
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

impl Server {
    pub(crate) fn start(settings: SandboxSettings) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let sandbox = Sandbox::new(settings).unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(Arc::clone(&sandbox).serve(listener, std::future::pending()));
        Self {
            address,
            sandbox,
            runtime: Some(runtime),
        }
    }

    pub(crate) fn state(&self) -> State {
        self.sandbox.state()
    }

    /// The stored rows of each of these days.
    pub(crate) fn rows(&self, days: &[String]) -> BTreeMap<String, Vec<String>> {
        let rows_of = |day: &String| {
            let text = get(self.address, &format!("/sandbox/rows?date={day}"));
            (day.clone(), text.lines().map(str::to_owned).collect())
        };
        days.iter().map(rows_of).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The body behind a path of the sandbox's own. HTTP/1.0, so that it ends with the connection.
fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(" 200 "), "{head}");
    body.to_owned()
}
