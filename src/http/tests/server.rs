//! A server that follows a script, one step for each request, and keeps what it received.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What to do with a request that was read to its end.
#[derive(Clone)]
pub(super) enum Step {
    /// Answer with these bytes and keep the connection.
    Reply(Vec<u8>),
    /// Answer with these bytes and end the connection.
    ReplyThenClose(Vec<u8>),
    /// Answer with the head, then with zeros for as long as anybody takes them.
    Endless(Vec<u8>),
    /// Reset the connection without an answer.
    Reset,
    /// Keep the connection and say nothing.
    Hang,
}

/// A request as it came off the wire.
pub(super) struct Received {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
    /// Ordinal of the connection, from 0.
    pub(super) connection: usize,
}

impl Received {
    /// All values of a header, whose name is compared without case.
    pub(super) fn header(&self, name: &str) -> Vec<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }
}

#[derive(Clone, Default)]
struct Shared {
    script: Arc<Mutex<VecDeque<Step>>>,
    received: Arc<Mutex<Vec<Received>>>,
}

/// A running server; it ends with the value.
pub(super) struct Server {
    /// `127.0.0.1:port`.
    pub(super) host: String,
    shared: Shared,
    task: JoinHandle<()>,
}

impl Server {
    /// A server without TLS.
    pub(super) async fn start(script: Vec<Step>) -> Self {
        Self::start_with(script, None).await
    }

    /// A server, with TLS when there is an acceptor.
    pub(super) async fn start_with(
        script: Vec<Step>,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let shared = Shared {
            script: Arc::new(Mutex::new(script.into())),
            ..Shared::default()
        };
        let task = tokio::spawn(accept(listener, shared.clone(), tls));
        Self { host, shared, task }
    }

    /// Takes what was received so far.
    pub(super) fn received(&self) -> Vec<Received> {
        std::mem::take(&mut self.shared.received.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Shared, tls: Option<tokio_rustls::TlsAcceptor>) {
    let mut connections = tokio::task::JoinSet::new();
    for connection in 0.. {
        let (stream, _) = listener.accept().await.unwrap();
        let shared = shared.clone();
        match tls.clone() {
            None => connections.spawn(async move {
                let mut stream = stream;
                if converse(&mut stream, &shared, connection).await.is_err() {
                    reset(stream);
                }
            }),
            Some(tls) => connections.spawn(async move {
                if let Ok(mut stream) = tls.accept(stream).await {
                    let _ = converse(&mut stream, &shared, connection).await;
                }
            }),
        };
    }
}

/// Closes with an RST instead of a FIN.
fn reset(stream: TcpStream) {
    let stream = stream.into_std().unwrap();
    rustix::net::sockopt::set_socket_linger(&stream, Some(std::time::Duration::ZERO)).unwrap();
}

/// The script said to reset.
struct ResetNow;

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    shared: &Shared,
    connection: usize,
) -> Result<(), ResetNow> {
    while let Some((head, body)) = read_request(stream).await {
        let received = Received {
            head,
            body,
            connection,
        };
        shared.received.lock().unwrap().push(received);
        let step = shared.script.lock().unwrap().pop_front();
        match step.expect("a request that the script does not have") {
            Step::Reply(bytes) => stream.write_all(&bytes).await.unwrap(),
            Step::ReplyThenClose(bytes) => {
                stream.write_all(&bytes).await.unwrap();
                let _ = stream.shutdown().await;
                return Ok(());
            }
            Step::Endless(head) => {
                stream.write_all(&head).await.unwrap();
                while stream.write_all(&vec![0; 65536]).await.is_ok() {}
                return Ok(());
            }
            Step::Reset => return Err(ResetNow),
            Step::Hang => std::future::pending().await,
        }
    }
    Ok(())
}

/// Reads a head and as many bytes as its Content-Length says; `None` at the end of the connection.
async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        })
        .expect("a request without Content-Length");
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}
