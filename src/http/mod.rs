//! The client: one attempt at a call, signed, sent and judged.
//!
//! Floor 2, the only user of reqwest. One call of [`Client::send`] is one attempt on the wire: no
//! redirect is followed and no request repeated behind the caller's back, because every attempt
//! must be in the ledger and in the limiter's log. It never waits between attempts and keeps
//! nothing on disk.

mod body;
mod connect;
mod failure;
mod figures;
mod huawei;
mod post;
mod probe;
mod reporting;
mod settings;
mod signer;

pub use body::Outgoing;
pub use huawei::{HuaweiClient, HuaweiCredentialSource, HuaweiReply, HuaweiSettings};

pub use post::post;
pub use probe::{Found, Probe, Step, StepKind, Trouble};
pub use settings::{ConnectionSettings, CredentialError, CredentialSource, HttpError, Scheme};
pub use signer::{Refresh, SigningGeneration};

use crate::domain::{Judged, Target, Verdict};
use crate::protocol::sign::RequestToSign;
use crate::protocol::{MAX_REPLY_BYTES, Mask, judge, judge_beginning, request_headers};
use body::TimedBody;
use chrono::{DateTime, TimeDelta, Utc};
use connect::Host;

pub use connect::store_client;
use failure::Failure;
use figures::Figures;
use http::header::CONTENT_ENCODING;
use signer::Signer;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Replies up to this size are read beside each other.
const SMALL_REPLY_BYTES: usize = 16 << 10;

/// The same for compressed replies, which may grow a hundredfold and more.
const SMALL_COMPRESSED_REPLY_BYTES: usize = 256;

/// What came of an attempt. A large reply keeps its turn for as long as this lives, so that what was
/// made of it is gone before the next one is read.
#[derive(Debug)]
pub struct Answer {
    /// What it means.
    pub judged: Judged,
    /// Its place in the reading of large replies.
    pub turn: Option<OwnedSemaphorePermit>,
    /// Whether the time ran out before there was an answer, though the request may have arrived.
    pub timed_out: bool,
}

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
    figures: Option<Arc<Figures>>,
    /// The turn to read a large reply.
    large_reply: Arc<Semaphore>,
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
                hosts: probe::with_proxies(connect::parse_hosts(settings)?, settings),
                turn: AtomicUsize::new(0),
                target: settings.target.clone(),
                signer: Signer::new(Arc::clone(&settings.credentials))?,
                figures: settings.reports_figures.then(Arc::default),
                large_reply: Arc::new(Semaphore::new(1)),
            }),
        })
    }

    /// One attempt, signed now. `on_sent` is called at most once, when the last byte of the body
    /// has been handed to the connection; never, when the attempt failed or was answered before.
    pub async fn send(
        &self,
        outgoing: &Outgoing,
        on_sent: impl Fn() + Send + Sync + 'static,
    ) -> Answer {
        let turn = self.inner.turn.load(Ordering::Relaxed);
        let Some(host) = self.inner.host(turn) else {
            let judged = Judged::without_response(Verdict::NotSent, "there is no host to send to");
            return judged.into();
        };
        let left_whole = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&left_whole);
        let body = TimedBody::new(outgoing.body(), move || {
            noted.store(true, Ordering::Release);
            on_sent();
        });
        let begun = Instant::now();
        let outcome = self.inner.exchange(host, outgoing, body).await;
        self.note(host, outgoing, &outcome, begun.elapsed());
        match outcome {
            Ok(answer) if !left_whole.load(Ordering::Acquire) => answer.before_the_request(host),
            Ok(answer) => answer,
            Err(failure) => {
                if failure.verdict == Verdict::NotSent {
                    self.inner.pass_turn(turn);
                }
                failure.into()
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

    /// The server's clock minus this machine's, when requests are signed with the server's.
    pub fn clock_offset(&self) -> Option<TimeDelta> {
        self.inner.signer.clock_offset()
    }

    /// `host[:port]` of the host that the next attempt goes to.
    pub fn current_host(&self) -> &str {
        let turn = self.inner.turn.load(Ordering::Relaxed);
        self.inner
            .host(turn)
            .map_or("", |host| host.authority.as_str())
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        let timed_out = failure.ran_out_of_time();
        Self {
            timed_out,
            ..failure.into_judged().into()
        }
    }
}

impl From<Judged> for Answer {
    fn from(judged: Judged) -> Self {
        Self {
            judged,
            turn: None,
            timed_out: false,
        }
    }
}

impl Answer {
    /// Nobody can have stored rows that had not left this machine: such an answer belongs to another
    /// request, or means nothing. A refusal needs no more than the headers.
    fn before_the_request(mut self, host: &Host) -> Self {
        if matches!(
            self.judged.verdict,
            Verdict::Accepted | Verdict::PartRefused(_) | Verdict::RefusalUnread
        ) {
            self.judged.verdict = Verdict::Unknown;
            self.judged.code = None;
            self.judged.message = format!(
                "{} answered before it had the whole request",
                host.authority
            );
        }
        self
    }
}

/// The body of a response, as far as it was read.
enum Reply {
    /// To its end.
    Whole(Vec<u8>),
    /// There is more than any reply of the platform has.
    TooLarge(Vec<u8>),
    /// The connection was lost.
    BrokeOff(Vec<u8>, reqwest::Error),
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
    ) -> Result<Answer, Failure> {
        let (request, mask) = self.request(host, outgoing);
        let response = request
            .body(reqwest::Body::wrap(body))
            .send()
            .await
            .map_err(|error| Failure::of_request(host, &error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let (reply, turn) = self.read_reply(response).await;
        let judged = match reply {
            Reply::Whole(reply) => judge(status, &headers, &reply, Utc::now(), &mask),
            Reply::TooLarge(beginning) => {
                let verdict = judge_beginning(status, &headers, &beginning, true);
                Failure::reply_too_large(host, status)
                    .with_verdict(verdict)
                    .into_judged()
            }
            Reply::BrokeOff(beginning, error) => {
                let verdict = judge_beginning(status, &headers, &beginning, false);
                Failure::of_reply(host, status, &error)
                    .with_verdict(verdict)
                    .into_judged()
            }
        };
        Ok(Answer {
            turn,
            ..judged.into()
        })
    }

    /// The request without its body, and what no message may quote of it.
    fn request(&self, host: &Host, outgoing: &Outgoing) -> (reqwest::RequestBuilder, Mask) {
        let call = outgoing.call();
        let path = call.path(self.target.application());
        let query = call.query();
        let described = request_headers(call, self.target.tenant(), outgoing.request_id());
        let headers: Vec<(&str, &str)> = described
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let (signature, mask) = self.signer.sign(&RequestToSign {
            method: "POST",
            authority: &host.authority,
            path: &path,
            query: &query,
            headers: &headers,
            body: outgoing.body(),
            payload_sha256: outgoing.payload_sha256(),
        });
        let request = self.pool.post(format!("{}{path}?{query}", host.origin));
        let request = described
            .into_iter()
            .chain(signature)
            .fold(request, |request, (name, value)| {
                request.header(name, value)
            });
        (request, mask)
    }

    /// Reads a reply to its end, but no more than the bound, and only one large one at a time:
    /// replies are no part of the budget of memory.
    async fn read_reply(
        &self,
        mut response: reqwest::Response,
    ) -> (Reply, Option<OwnedSemaphorePermit>) {
        let small = if response.headers().contains_key(CONTENT_ENCODING) {
            SMALL_COMPRESSED_REPLY_BYTES
        } else {
            SMALL_REPLY_BYTES
        };
        let mut reply = Vec::new();
        let mut turn = None;
        loop {
            match response.chunk().await {
                Ok(None) => return (Reply::Whole(reply), turn),
                Ok(Some(chunk)) if reply.len().saturating_add(chunk.len()) <= MAX_REPLY_BYTES => {
                    if turn.is_none() && reply.len().saturating_add(chunk.len()) > small {
                        let turns = Arc::clone(&self.large_reply);
                        turn = turns.acquire_owned().await.ok();
                    }
                    reply.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => return (Reply::TooLarge(reply), turn),
                Err(error) => return (Reply::BrokeOff(reply, error), turn),
            }
        }
    }
}

#[cfg(test)]
mod tests;
