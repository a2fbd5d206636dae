//! A sandbox on a free port and a small signing client for it.

use byteair_sync::domain::Secret;
use byteair_sync::protocol::messages::WriteResponse;
use byteair_sync::protocol::sign::{Credentials, Moment, RequestToSign, payload_digest};
use byteair_sync::protocol::{DoneFormat, Gzip, done_body};
use byteair_sync::sandbox::{Sandbox, SandboxError, SandboxSettings};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use prost::Message;
use serde_json::Value;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running sandbox.
pub(crate) struct Running {
    pub(crate) authority: String,
    pub(crate) sandbox: Arc<Sandbox>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), SandboxError>>,
}

impl Running {
    pub(crate) async fn start(settings: SandboxSettings) -> Self {
        let sandbox = Sandbox::new(settings).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(Arc::clone(&sandbox).serve(listener, async {
            let _ = stopped.await;
        }));
        Self {
            authority,
            sandbox,
            stop,
            served,
        }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        let url = format!("http://{}{path}", self.authority);
        http().get(url).send().await.unwrap().text().await.unwrap()
    }

    pub(crate) async fn state(&self) -> Value {
        serde_json::from_str(&self.get("/sandbox/state").await).unwrap()
    }
}

pub(crate) fn http() -> reqwest::Client {
    http_builder().build().unwrap()
}

pub(crate) fn http_builder() -> reqwest::ClientBuilder {
    // Fails when another test of this process was faster, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .retry(reqwest::retry::never())
}

pub(crate) fn aksk() -> Credentials {
    Credentials::AkSk {
        access_key: "sandbox".into(),
        secret_key: Secret::new("sandbox"),
        session_token: None,
        region: "placeholder".into(),
    }
}

pub(crate) fn token() -> Credentials {
    Credentials::Token {
        token: Secret::new("sandbox"),
    }
}

/// A request that can be bent before it is sent.
pub(crate) struct Ask {
    pub(crate) target: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    pub(crate) credentials: Credentials,
    pub(crate) signed_at: DateTime<Utc>,
    pub(crate) scheme: &'static str,
    pub(crate) http: reqwest::Client,
}

impl Ask {
    pub(crate) fn write(id: &str, rows: &str) -> Self {
        Self::new(
            "/data/api/12/item?method=write&stage=history_sync",
            id,
            rows.as_bytes(),
        )
        .with("Content-Type", "application/json")
        .with("Content-Date", "2022-01-01")
    }

    pub(crate) fn done(id: &str, format: DoneFormat) -> Self {
        let body = done_body("2022-01-01".parse().unwrap(), format);
        Self::new("/data/api/12/done?topic=item&stage=history_sync", id, &body)
            .with("Content-Type", format.content_type())
    }

    pub(crate) fn new(target: &str, id: &str, body: &[u8]) -> Self {
        Self {
            target: target.into(),
            headers: Vec::new(),
            body: Gzip::new(1).compress(body).into(),
            credentials: aksk(),
            signed_at: Utc::now(),
            scheme: "http",
            http: http(),
        }
        .with("Tenant-Id", "7")
        .with("Request-Id", id)
        .with("Content-Encoding", "gzip")
        .with("Accept", "application/x-protobuf")
    }

    /// Sets a header; an empty value removes it.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        if !value.is_empty() {
            self.headers.push((name, value.into()));
        }
        self
    }

    pub(crate) async fn send(&self, authority: &str) -> Result<reqwest::Response, reqwest::Error> {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let mut headers = self.headers.clone();
        let borrowed: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let signature = self.credentials.sign(
            &RequestToSign {
                method: "POST",
                authority,
                path,
                query,
                headers: &borrowed,
                body: &self.body,
                payload_sha256: &payload_digest(&self.body),
            },
            Moment {
                now: self.signed_at,
                nonce: "ab12cd34",
            },
        );
        headers.extend(signature);
        let url = format!("{}://{authority}{}", self.scheme, self.target);
        let mut request = self.http.post(url).body(self.body.clone());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await
    }

    /// HTTP status and decoded protobuf reply.
    pub(crate) async fn reply(&self, running: &Running) -> (u16, WriteResponse) {
        let response = self.send(&running.authority).await.unwrap();
        let status = response.status().as_u16();
        let body = response.bytes().await.unwrap();
        (status, WriteResponse::decode(body).unwrap())
    }

    /// Code and message of the reply.
    pub(crate) async fn outcome(&self, running: &Running) -> (i32, String) {
        let status = self.reply(running).await.1.status.unwrap();
        (status.code, status.message)
    }
}
