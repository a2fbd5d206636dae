//! The client of a quota service: each place is asked for there before anything is sent.
//!
//! One connection for the process. When it breaks, or the service falls silent, nothing more is let
//! through and every waiting request fails: who was told of no place must not send.

use super::LimiterError;
use super::lease::{Lease, Mark, PING, SERVICE_SILENCE};
use std::collections::HashMap;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// How long a service may take to come up.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between two tries to connect.
const RETRY: Duration = Duration::from_millis(250);

/// Asks for places; clones share the connection.
#[derive(Debug, Clone)]
pub struct QuotaService {
    address: String,
    asks: mpsc::UnboundedSender<(u32, oneshot::Sender<Lease>)>,
}

/// The connection of a [`QuotaService`]. Run it in a task.
#[derive(Debug)]
pub struct QuotaConnection {
    address: String,
    secret: String,
    asks: mpsc::UnboundedReceiver<(u32, oneshot::Sender<Lease>)>,
}

impl QuotaService {
    /// A client of the service at `host:port`, and its connection, which has to run.
    pub fn new(address: String, secret: String) -> (Self, QuotaConnection) {
        let (asks, asked) = mpsc::unbounded_channel();
        let connection = QuotaConnection {
            address: address.clone(),
            secret,
            asks: asked,
        };
        (Self { address, asks }, connection)
    }

    /// Waits for a place. May be dropped at any time. Fails when the service cannot be reached.
    pub(super) async fn take(&self, rows: u32) -> Result<Lease, LimiterError> {
        let (give, given) = oneshot::channel();
        // A connection that has ended answers nobody: what it does not take must not wait either.
        drop(self.asks.send((rows, give)));
        given.await.map_err(|_| LimiterError::QuotaService {
            address: self.address.clone(),
        })
    }
}

impl QuotaConnection {
    /// Serves until the service is gone or nobody asks any more.
    pub async fn run(mut self) {
        if let Err(error) = self.talk().await {
            tracing::warn!("quota service {}: {error}", self.address);
        }
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let started = Instant::now();
        loop {
            match TcpStream::connect(&self.address).await {
                Err(_) if started.elapsed() < PATIENCE => sleep(RETRY).await,
                connected => return connected,
            }
        }
    }

    async fn talk(&mut self) -> io::Result<()> {
        let stream = self.connect().await?;
        stream.set_nodelay(true)?;
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        let hello = format!("hello {}\n", self.secret);
        writer.write_all(hello.as_bytes()).await?;
        let gone = || io::Error::new(io::ErrorKind::TimedOut, "no sign of life");
        let (marks, mut marked) = mpsc::unbounded_channel::<(u64, Mark)>();
        let mut waiting = HashMap::new();
        let mut last_id: u64 = 0;
        let mut heard = Instant::now();
        let mut pings = interval(PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let said = tokio::select! {
                ask = self.asks.recv() => {
                    let Some((rows, give)) = ask else { return Ok(()) };
                    last_id = last_id.wrapping_add(1);
                    waiting.insert(last_id, give);
                    format!("take {last_id} {rows}\n")
                }
                Some((id, mark)) = marked.recv() => format!("{} {id}\n", mark.word()),
                _ = pings.tick() => {
                    if heard.elapsed() > SERVICE_SILENCE {
                        return Err(gone());
                    }
                    "ping\n".to_owned()
                }
                line = lines.next_line() => {
                    let line = line?.ok_or_else(gone)?;
                    heard = Instant::now();
                    let granted = line.strip_prefix("granted ").and_then(|id| id.parse().ok());
                    if let Some(id) = granted
                        && let Some(give) = waiting.remove(&id)
                    {
                        // Whoever has stopped waiting drops it, which gives it back.
                        let _unwanted = give.send(Lease::new(id, marks.clone()));
                    }
                    continue;
                }
            };
            writer.write_all(said.as_bytes()).await?;
        }
    }
}
