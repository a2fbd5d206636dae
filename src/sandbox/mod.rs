//! The data API on this machine, over real HTTP, for trying things out and for tests.
//!
//! It verifies signatures, quotas, Request-Ids and the states of dates as the documentation says the
//! platform does, keeps what it accepted so that it can be compared with what was sent, and breaks
//! exchanges on request. It shares the pure protocol code with the client and nothing else. Where
//! the documentation is silent, the module that decides says so. It is no stand-in for load tests
//! of the real service and keeps no secrets: serve it on loopback.

mod admin;
mod answer;
mod body;
mod calls;
mod connection;
mod dates;
mod error;
mod exchange;
mod faults;
mod history;
mod journal;
mod quota;
mod rows;
mod schema;
mod server;
mod service;
mod settings;
mod state;
mod store;
mod tls;
mod traffic;

pub use error::SandboxError;
pub use faults::{FaultKind, FaultOn, FaultRule, InvalidFault};
pub use history::{RequestState, SecondState};
pub use settings::{
    DEFAULT_QPS, DEFAULT_ROWS_PER_SECOND, DEFAULT_SLOW, SandboxCredentials, SandboxSettings,
};
pub use state::{PartitionState, SandboxLimits, State, TrafficState, Windows};

use crate::protocol::sign::{Credentials, DEFAULT_SIGN_REGION};
use schema::RowSchemas;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Store;
use tls::Tls;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::rustls::ServerConfig;
use traffic::Traffic;

/// Bodies inflated and parsed at once; bounds the memory that plain bodies take.
const MAX_PARSING: usize = 16;

/// A local data API. Make one, then [`serve`](Self::serve) it on a listener.
#[derive(Debug)]
pub struct Sandbox {
    settings: SandboxSettings,
    credentials: Vec<Credentials>,
    schemas: RowSchemas,
    tls: Option<Tls>,
    parsing: Semaphore,
    store: Mutex<Store>,
    traffic: Mutex<Traffic>,
}

impl Sandbox {
    /// Builds a sandbox: reads schemas and, with a data directory, what an earlier one accepted.
    ///
    /// Fails when a directory cannot be used, another sandbox holds it, or a file in it is damaged.
    pub fn new(settings: SandboxSettings) -> Result<Arc<Self>, SandboxError> {
        let schemas = match &settings.schema_dir {
            Some(directory) => RowSchemas::load(directory)?,
            None => RowSchemas::default(),
        };
        let tls = if settings.tls {
            Some(Tls::new()?)
        } else {
            None
        };
        let identity = settings.credentials.clone();
        Ok(Arc::new(Self {
            credentials: vec![
                Credentials::AkSk {
                    access_key: identity.ak,
                    secret_key: identity.sk,
                    session_token: None,
                    region: DEFAULT_SIGN_REGION.to_owned(),
                },
                Credentials::Token {
                    token: identity.token,
                },
            ],
            schemas,
            tls,
            parsing: Semaphore::new(MAX_PARSING),
            store: Mutex::new(Store::open(settings.data_dir.as_deref())?),
            traffic: Mutex::new(Traffic::new(&settings)),
            settings,
        }))
    }

    /// Serves connections of the listener until `shutdown` is over, then lets requests in flight
    /// end for two seconds. Leaves no task behind.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), SandboxError> {
        server::serve(self, listener, shutdown).await
    }

    /// What was received so far.
    pub fn state(&self) -> State {
        let store = self.store();
        State::of(&store, &self.traffic())
    }

    /// The certificate that clients have to trust, PEM; `None` without TLS.
    pub fn certificate_pem(&self) -> Option<&str> {
        self.tls.as_ref().map(|tls| tls.certificate_pem.as_str())
    }

    /// Forgets rows, ids, states and counts, on disk too.
    fn reset(&self) -> std::io::Result<()> {
        let mut store = self.store();
        *self.traffic() = Traffic::new(&self.settings);
        store.clear()
    }

    fn tls_config(&self) -> Option<Arc<ServerConfig>> {
        self.tls.as_ref().map(|tls| Arc::clone(&tls.config))
    }

    /// Taken before [`Self::traffic`] by whoever needs both. A poisoned lock means that a request
    /// panicked between two assignments; the counts of a sandbox survive that.
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
