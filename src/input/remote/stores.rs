//! The handle by which the rest of the program reaches remote stores.
//!
//! Cheap to make and to clone: no client is built and no store looked for before one is asked for
//! something. Asking blocks the calling thread; the answer of a run that was told to stop comes at
//! once.

use super::{Entry, ObjectUrl, StoreFault, StoreTrouble};
use crate::domain::ObjectIdentity;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// Builds the HTTP client of all stores when the first of them is asked for something.
pub type OpenClient = Arc<
    dyn Fn() -> Result<reqwest::Client, Box<dyn std::error::Error + Send + Sync>> + Send + Sync,
>;

type StopSignal = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Remote stores, as far as they are used.
#[derive(Clone, Default)]
pub struct Stores {
    pub(super) open_client: Option<OpenClient>,
    pub(super) allow_plain_http: bool,
    pub(super) stop: Option<StopSignal>,
    #[cfg(feature = "remote")]
    pub(super) opened: super::services::Opened,
}

impl Stores {
    /// Stores that are reached by this client; without encryption only when that is allowed, or on
    /// this machine.
    pub fn new(open_client: OpenClient, allow_plain_http: bool) -> Self {
        Self {
            open_client: Some(open_client),
            allow_plain_http,
            ..Self::default()
        }
    }

    /// The same stores, given up on when the signal comes.
    #[must_use]
    pub fn until<F>(mut self, signal: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.stop = Some(Arc::new(move || Box::pin(signal())));
        self
    }

    /// What a store says of an object; `None` when there is none of that name.
    pub fn stat(&self, url: &ObjectUrl) -> Result<Option<ObjectIdentity>, StoreFault> {
        Ok(match self.entry(url)? {
            Some(Entry::Object(_, identity)) => Some(identity),
            Some(Entry::Folder(_)) | None => None,
        })
    }

    /// Whether a URL, or the endpoint of its store, may be spoken to without encryption.
    pub(super) fn check_plain(&self, is_plain_and_far: bool, what: &str) -> Result<(), StoreFault> {
        if is_plain_and_far && !self.allow_plain_http {
            return Err(StoreFault::new(
                StoreTrouble::Usage,
                format!(
                    "plain http to {what} would show the rows to the network; use https, or \
                     --allow-plain-http if that is meant"
                ),
            ));
        }
        Ok(())
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores")
            .field("allow_plain_http", &self.allow_plain_http)
            .finish_non_exhaustive()
    }
}
