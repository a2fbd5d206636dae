//! The client for Huawei's services: one request at a time, signed, sent and read.
//!
//! One call of [`HuaweiClient::ask`] is one attempt, but for a refused signature: secrets are read again
//! then, the server's clock is believed when it is a little off ours, and one more attempt follows. What
//! a reply means is decided elsewhere.

use super::connect::{Host, Way, build_pool_by, parse_host};
use super::failure::Failure;
use super::settings::{CredentialError, HttpError, Scheme};
use crate::domain::Judged;
use crate::protocol::huawei::{
    HUAWEI_CONTENT_TYPE, HuaweiCall, HuaweiCredentials, HuaweiRequest, ProjectId,
};
use crate::protocol::{MAX_REPLY_BYTES, Mask, parse_http_date, parse_retry_after};
use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, DATE, HeaderName, RETRY_AFTER};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Smaller offsets of the clock are no reason for a refusal; larger ones are for a person to mend.
const ADOPTED_OFFSETS: std::ops::RangeInclusive<TimeDelta> =
    TimeDelta::seconds(5)..=TimeDelta::minutes(15);

/// Statuses of a refused signature; 441 is that of the older DIS interface.
const UNAUTHORIZED: [u16; 3] = [401, 403, 441];

/// Where Huawei's secrets come from.
pub trait HuaweiCredentialSource: Send + Sync {
    /// Reads the credentials as they are now.
    fn load(&self) -> Result<HuaweiCredentials, CredentialError>;
}

/// Everything that [`HuaweiClient::new`] needs.
#[derive(Clone)]
pub struct HuaweiSettings {
    /// How the host is spoken to.
    pub scheme: Scheme,
    /// `host[:port]` of the service.
    pub host: String,
    /// Sent and signed as `X-Project-Id`.
    pub project: ProjectId,
    /// Time for one attempt, from connecting to the reply's last byte.
    pub timeout: Duration,
    /// PEM file of certificate authorities that are trusted besides the system's.
    pub ca_cert: Option<PathBuf>,
    /// Proxy URL; without it those of the environment count.
    pub proxy: Option<String>,
    /// Where secrets come from.
    pub credentials: Arc<dyn HuaweiCredentialSource>,
}

/// A response, read to its end.
#[derive(Debug)]
pub struct HuaweiReply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// What the server asked for.
    pub retry_after: Option<Duration>,
    /// `X-Request-Id`, by which Huawei's support finds the request.
    pub request_id: Option<String>,
    /// What no message may quote of the request.
    pub mask: Mask,
    /// The server's clock.
    pub server_time: Option<DateTime<Utc>>,
}

/// A connection to one of Huawei's services; a clone uses the same sockets.
#[derive(Debug, Clone)]
pub struct HuaweiClient {
    pool: reqwest::Client,
    host: Host,
    project: ProjectId,
    credentials: HuaweiCredentials,
    clock_offset: TimeDelta,
    source: Source,
}

#[derive(Clone)]
struct Source(Arc<dyn HuaweiCredentialSource>);

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

impl HuaweiClient {
    /// Reads credentials and certificates. Connects to nobody yet.
    pub fn new(settings: &HuaweiSettings) -> Result<Self, HttpError> {
        let host = parse_host(settings.scheme, &settings.host)
            .ok_or_else(|| HttpError::Host(settings.host.clone()))?;
        let pool = build_pool_by(&Way {
            scheme: settings.scheme,
            only_loopback: host.loopback,
            timeout: settings.timeout,
            connect_timeout: settings.timeout.min(Duration::from_secs(10)),
            ca_cert: settings.ca_cert.as_deref(),
            proxy: settings.proxy.as_deref(),
        })?;
        Ok(Self {
            pool,
            host,
            project: settings.project.clone(),
            credentials: settings
                .credentials
                .load()
                .map_err(HttpError::Credentials)?,
            clock_offset: TimeDelta::zero(),
            source: Source(Arc::clone(&settings.credentials)),
        })
    }

    /// `host[:port]`, for messages.
    pub fn host(&self) -> &str {
        &self.host.authority
    }

    /// One attempt. Fails when there is no whole response: the verdict says whether anything may
    /// have reached the service.
    pub async fn ask(&mut self, call: &HuaweiCall) -> Result<HuaweiReply, Judged> {
        let reply = self.attempt(call).await?;
        if UNAUTHORIZED.contains(&reply.status) && self.has_better_credentials(reply.server_time) {
            return self.attempt(call).await;
        }
        Ok(reply)
    }

    async fn attempt(&self, call: &HuaweiCall) -> Result<HuaweiReply, Judged> {
        let failed = |failure: Failure| failure.into_judged();
        let (request, mask) = self.request(call);
        let response = request
            .send()
            .await
            .map_err(|error| failed(Failure::of_request(&self.host, &error)))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = self.read(response, status).await.map_err(failed)?;
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let server_time = text(DATE).and_then(parse_http_date);
        let now = server_time.unwrap_or_else(Utc::now);
        Ok(HuaweiReply {
            status,
            body,
            retry_after: text(RETRY_AFTER).and_then(|value| parse_retry_after(value, now)),
            request_id: request_id(&headers),
            mask,
            server_time,
        })
    }

    fn request(&self, call: &HuaweiCall) -> (reqwest::RequestBuilder, Mask) {
        let headers = [
            (CONTENT_TYPE.as_str(), HUAWEI_CONTENT_TYPE),
            ("x-project-id", self.project.as_str()),
        ];
        let now = Utc::now() + self.clock_offset;
        let described = HuaweiRequest {
            method: call.method.as_str(),
            host: &self.host.authority,
            path: &call.path,
            query: &call.query,
            headers: &headers,
            body: &call.body,
        };
        let (signature, mask) = self.credentials.sign(&described, now);
        let mut url = format!("{}{}", self.host.origin, call.path);
        if !call.query.is_empty() {
            url = format!("{url}?{}", call.query);
        }
        let mut request = self.pool.request(call.method.clone(), url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in signature {
            request = request.header(name, value);
        }
        if !call.body.is_empty() {
            request = request.body(call.body.clone());
        }
        (request, mask)
    }

    async fn read(&self, mut response: reqwest::Response, status: u16) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(None) => return Ok(body),
                Ok(Some(chunk)) if body.len().saturating_add(chunk.len()) <= MAX_REPLY_BYTES => {
                    body.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => return Err(Failure::reply_too_large(&self.host, status)),
                Err(error) => return Err(Failure::of_reply(&self.host, status, &error)),
            }
        }
    }

    /// Reads the credentials again and looks at the server's clock; whether anything has changed.
    fn has_better_credentials(&mut self, server_time: Option<DateTime<Utc>>) -> bool {
        let mut changed = false;
        // When they cannot be read any more the old ones stay, and the refusal is told.
        if let Ok(loaded) = self.source.0.load() {
            changed = loaded != self.credentials;
            self.credentials = loaded;
        }
        if let Some(time) = server_time {
            let offset = time.signed_duration_since(Utc::now());
            let beside = (offset - self.clock_offset).abs();
            if ADOPTED_OFFSETS.contains(&beside) {
                self.clock_offset = offset;
                changed = true;
            }
        }
        changed
    }
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    Some(id.chars().take(100).collect())
}
