//! The client: one attempt at a call, signed, sent and judged.
//!
//! Floor 2, the only user of reqwest. One call of [`Client::send`] is one attempt on the wire: no
//! redirect is followed and no request repeated behind the caller's back, because every attempt
//! must be in the ledger and in the limiter's log. It never waits between attempts and keeps
//! nothing on disk.

mod body;
mod connect;
mod failure;
mod settings;
mod signer;

pub use body::Outgoing;
pub use settings::{ConnectionSettings, CredentialError, CredentialSource, HttpError, Scheme};
pub use signer::{Refresh, SigningGeneration};

use crate::domain::{Judged, Target, Verdict};
use crate::protocol::sign::RequestToSign;
use crate::protocol::{MAX_REPLY_BYTES, judge, request_headers};
use body::TimedBody;
use chrono::{DateTime, Utc};
use connect::Host;
use failure::Failure;
use signer::Signer;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// Replies up to this size are read beside each other.
const SMALL_REPLY_BYTES: usize = 256 << 10;

/// A connection pool to the hosts of one target, cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pool: reqwest::Client,
    hosts: Vec<Host>,
    /// Counts failures to connect; modulo the number of hosts it is the one in use.
    turn: AtomicUsize,
    target: Target,
    signer: Signer,
    /// The turn to read a large reply.
    large_reply: Semaphore,
}

impl Client {
    /// Reads credentials and certificates and prepares the pool. Connects to nobody yet.
    ///
    /// Fails on what a person has to mend: credentials, a host that is none, the file of the
    /// certificate authority, the proxy's URL.
    pub fn new(settings: &ConnectionSettings) -> Result<Self, HttpError> {
        Ok(Self {
            inner: Arc::new(Inner {
                pool: connect::build_pool(settings)?,
                hosts: connect::parse_hosts(settings)?,
                turn: AtomicUsize::new(0),
                target: settings.target.clone(),
                signer: Signer::new(Arc::clone(&settings.credentials))?,
                large_reply: Semaphore::new(1),
            }),
        })
    }

    /// One attempt, signed now. `on_sent` is called at most once, when the last byte of the body
    /// has been handed to the connection; never, when the attempt failed or was answered before.
    pub async fn send(
        &self,
        outgoing: &Outgoing,
        on_sent: impl Fn() + Send + Sync + 'static,
    ) -> Judged {
        let turn = self.inner.turn.load(Ordering::Relaxed);
        let Some(host) = self.inner.host(turn) else {
            return Judged::without_response(Verdict::NotSent, "there is no host to send to");
        };
        let body = TimedBody::new(outgoing.body(), on_sent);
        match self.inner.exchange(host, outgoing, body).await {
            Ok(judged) => judged,
            Err(failure) => {
                if failure.verdict == Verdict::NotSent {
                    self.inner.pass_turn(turn);
                }
                failure.into_judged()
            }
        }
    }

    /// Names the credentials and clock that the next attempt will be signed with; to be taken
    /// before [`Client::send`] and handed to [`Client::refresh_after_unauthorized`].
    pub fn signing_generation(&self) -> SigningGeneration {
        self.inner.signer.generation()
    }

    /// After a 401 or 403: reads the credentials again and, when the server's clock is a little
    /// off ours, signs with the server's from now on. Says whether another attempt makes sense.
    pub fn refresh_after_unauthorized(
        &self,
        signed_with: SigningGeneration,
        server_time: Option<DateTime<Utc>>,
    ) -> Refresh {
        self.inner
            .signer
            .refresh(signed_with, server_time, Utc::now())
    }

    /// `host[:port]` of the host that the next attempt goes to.
    pub fn current_host(&self) -> &str {
        let turn = self.inner.turn.load(Ordering::Relaxed);
        self.inner
            .host(turn)
            .map_or("", |host| host.authority.as_str())
    }
}

impl Inner {
    fn host(&self, turn: usize) -> Option<&Host> {
        self.hosts.get(turn.checked_rem(self.hosts.len())?)
    }

    /// Moves everybody to the next host, once for all attempts that failed on the same one.
    fn pass_turn(&self, failed: usize) {
        let next = failed.wrapping_add(1);
        let _ = self
            .turn
            .compare_exchange(failed, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    async fn exchange(
        &self,
        host: &Host,
        outgoing: &Outgoing,
        body: TimedBody,
    ) -> Result<Judged, Failure> {
        let response = self
            .request(host, outgoing)
            .body(reqwest::Body::wrap(body))
            .send()
            .await
            .map_err(|error| Failure::of_request(host, &error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let reply = self.read_reply(host, response).await?;
        Ok(judge(status, &headers, &reply, Utc::now()))
    }

    fn request(&self, host: &Host, outgoing: &Outgoing) -> reqwest::RequestBuilder {
        let call = outgoing.call();
        let path = call.path(self.target.application());
        let query = call.query();
        let described = request_headers(call, self.target.tenant(), outgoing.request_id());
        let headers: Vec<(&str, &str)> = described
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let signature = self.signer.sign(&RequestToSign {
            method: "POST",
            authority: &host.authority,
            path: &path,
            query: &query,
            headers: &headers,
            body: outgoing.body(),
            payload_sha256: outgoing.payload_sha256(),
        });
        let request = self.pool.post(format!("{}{path}?{query}", host.origin));
        described
            .into_iter()
            .chain(signature)
            .fold(request, |request, (name, value)| {
                request.header(name, value)
            })
    }

    /// Reads a reply to its end, but no more than the bound, and only one large one at a time:
    /// replies are no part of the budget of memory.
    async fn read_reply(
        &self,
        host: &Host,
        mut response: reqwest::Response,
    ) -> Result<Vec<u8>, Failure> {
        let status = response.status().as_u16();
        let mut reply = Vec::new();
        let mut turn = None;
        loop {
            match response.chunk().await {
                Ok(None) => return Ok(reply),
                Ok(Some(chunk)) if reply.len().saturating_add(chunk.len()) <= MAX_REPLY_BYTES => {
                    if turn.is_none() && reply.len().saturating_add(chunk.len()) > SMALL_REPLY_BYTES
                    {
                        turn = self.large_reply.acquire().await.ok();
                    }
                    reply.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => return Err(Failure::reply_too_large(host, status)),
                Err(error) => return Err(Failure::of_reply(host, status, &error)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
