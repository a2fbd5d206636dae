//! One of Huawei's services: asked, and asked again for as long as that can help.

use super::fault::{Cause, Fault};
use crate::http::HuaweiClient;
use crate::protocol::huawei::{HuaweiCall, Refusal, RefusalKind, metadata_success};
use crate::retry::{Backoff, Decision, Tried};
use chrono::{DateTime, Utc};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A service and the patience with it.
#[derive(Debug, Clone)]
pub struct Service {
    client: HuaweiClient,
    backoff: Backoff,
    /// Why it was last asked again; copies have it in common.
    trouble: Arc<Mutex<Option<String>>>,
}

impl Service {
    /// Asks through this client.
    pub fn new(client: HuaweiClient, backoff: Backoff) -> Self {
        Self {
            client,
            backoff,
            trouble: Arc::default(),
        }
    }

    /// Why it was last asked again.
    pub(super) fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `host[:port]` of the service.
    pub fn host(&self) -> &str {
        self.client.host()
    }

    /// One attempt; the body of a success.
    pub async fn ask_once(&mut self, call: &HuaweiCall) -> Result<Vec<u8>, Fault> {
        self.ask_dated(call).await.map(|(body, _)| body)
    }

    /// One attempt; the body of a success, and when that was by the server's clock.
    pub(super) async fn ask_dated(
        &mut self,
        call: &HuaweiCall,
    ) -> Result<(Vec<u8>, Option<DateTime<Utc>>), Fault> {
        let host = self.client.host().to_owned();
        let reply = match self.client.ask(call).await {
            Ok(reply) => reply,
            Err(judged) => return Err(Fault::no_reply(&host, judged)),
        };
        if (200..=299).contains(&reply.status) {
            return Ok((reply.body, reply.server_time));
        }
        let refusal = Refusal::of(reply.status, &reply.body, &reply.mask);
        Err(Fault::of(&host, &reply, Cause::Refused(refusal)))
    }

    /// One attempt to send metadata events. A success that does not say that it is one is none.
    pub async fn send_metadata(&mut self, call: &HuaweiCall) -> Result<(), Fault> {
        let reply = self.ask_once(call).await?;
        match metadata_success(&reply) {
            Some(true) => Ok(()),
            Some(false) => Err(self.unsuccessful()),
            None => Err(self.unreadable("not in a form that says what became of the events")),
        }
    }

    /// A success that does not say what was asked.
    pub(super) fn unreadable(&self, what: impl Into<String>) -> Fault {
        Fault {
            cause: Cause::Unreadable(what.into()),
            host: self.client.host().to_owned(),
            request_id: None,
            retry_after: None,
        }
    }

    /// A reply of 200 that says that nothing was done.
    fn unsuccessful(&self) -> Fault {
        Fault {
            cause: Cause::Refused(Refusal {
                kind: RefusalKind::Unsuccessful,
                http_status: 200,
                code: None,
                message: "success is not true".to_owned(),
            }),
            host: self.client.host().to_owned(),
            request_id: None,
            retry_after: None,
        }
    }

    /// The attempts at one thing, from now on.
    pub fn attempts(&self) -> Attempts {
        Attempts {
            backoff: self.backoff,
            trouble: Arc::clone(&self.trouble),
            begun: None,
            made: 0,
        }
    }
}

/// Attempts at one thing.
#[derive(Debug)]
pub struct Attempts {
    backoff: Backoff,
    trouble: Arc<Mutex<Option<String>>>,
    begun: Option<Instant>,
    made: u32,
}

impl Attempts {
    /// Notes that one begins.
    pub fn begin(&mut self) {
        self.begun.get_or_insert_with(Instant::now);
        self.made = self.made.saturating_add(1);
    }

    /// Waits until the next one; gives the fault back when there is to be none.
    pub async fn wait_after(&self, fault: Fault) -> Result<(), Fault> {
        let decision = self.backoff.decide(&Tried {
            verdict: &fault.verdict(),
            attempts: self.made,
            elapsed: self.begun.map(|begun| begun.elapsed()).unwrap_or_default(),
            random: rand::random(),
            retry_after: fault.retry_after,
        });
        match decision {
            Decision::Stop(_) => Err(fault),
            Decision::Wait(wait) => {
                tracing::info!(%fault, ?wait, "asking again");
                let trouble = self.trouble.lock();
                *trouble.unwrap_or_else(PoisonError::into_inner) = Some(fault.to_string());
                tokio::time::sleep(wait).await;
                Ok(())
            }
        }
    }
}
