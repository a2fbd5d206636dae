//! Looks into the ledger beside the thread that writes it, few at a time.

use std::sync::Arc;
use tokio::sync::Semaphore;

/// Few dates at a time are looked at, as each look takes memory; their `done` may be under way together.
#[derive(Clone)]
pub(super) struct Looks(Arc<Semaphore>);

impl Looks {
    /// Most looks at one time.
    const MOST: usize = 3;

    /// Does what may block, in its turn; `None` when the program ends.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        looking: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _turn = self.0.acquire().await.ok()?;
        tokio::task::spawn_blocking(looking).await.ok()
    }
}

impl Default for Looks {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(Self::MOST)))
    }
}
