//! The quota of this machine, given out to uploads on other machines.
//!
//! Each client asks for places as a process of this machine would, in one line with all others, so
//! the quota file, the limits and the order of turns are the same for all. A client that falls
//! silent or away gives its places back one second later, as if it had sent just then.

use super::lease::{CLIENT_SILENCE, MAX_HELLO_BYTES, MAX_PLACES, Mark, Said};
use super::{Limiter, LimiterError, Permit};
use std::collections::HashMap;
use std::io;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Serves whoever knows the secret, until the listener fails. Dropping it ends every connection.
pub async fn serve(listener: TcpListener, limiter: Limiter, secret: String) -> io::Result<()> {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                let (limiter, secret) = (limiter.clone(), secret.clone());
                clients.spawn(async move {
                    if let Some(mut client) = Client::welcome(stream, limiter, &secret).await {
                        client.serve().await;
                    }
                });
            }
            Some(_) = clients.join_next() => {}
        }
    }
}

struct Client {
    lines: Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
    limiter: Limiter,
    held: HashMap<u64, Permit>,
    asked: JoinSet<(u64, Result<Permit, LimiterError>)>,
}

impl Client {
    /// Lets in who knows the secret.
    async fn welcome(stream: TcpStream, limiter: Limiter, secret: &str) -> Option<Self> {
        stream.set_nodelay(true).ok()?;
        let (reader, mut writer) = stream.into_split();
        let mut hello = BufReader::new(reader).take(MAX_HELLO_BYTES);
        let mut line = String::new();
        let read = timeout(CLIENT_SILENCE, hello.read_line(&mut line)).await;
        read.ok()?.ok()?;
        if line.strip_prefix("hello ")?.strip_suffix('\n')? != secret {
            return None;
        }
        writer.write_all(b"welcome\n").await.ok()?;
        Some(Self {
            lines: hello.into_inner().lines(),
            writer,
            limiter,
            held: HashMap::new(),
            asked: JoinSet::new(),
        })
    }

    /// Serves until it goes away, falls silent or says what nobody understands.
    async fn serve(&mut self) {
        loop {
            let answer = tokio::select! {
                line = timeout(CLIENT_SILENCE, self.lines.next_line()) => {
                    let Ok(Ok(Some(line))) = line else { return };
                    match Said::parse(&line) {
                        Some(said) => self.hear(said),
                        None => return,
                    }
                }
                Some(granted) = self.asked.join_next() => match granted {
                    Ok((id, Ok(permit))) => {
                        self.held.insert(id, permit);
                        Some(format!("granted {id}\n"))
                    }
                    // The quota file has failed, or the batch fits into no window: the client fails
                    // as a process of this machine would.
                    Ok((_, Err(_))) | Err(_) => return,
                },
            };
            if let Some(answer) = answer
                && self.writer.write_all(answer.as_bytes()).await.is_err()
            {
                return;
            }
        }
    }

    fn hear(&mut self, said: Said) -> Option<String> {
        match said {
            Said::Ping => return Some("pong\n".to_owned()),
            Said::Take(id, rows) => {
                if self.held.len().saturating_add(self.asked.len()) < MAX_PLACES {
                    let limiter = self.limiter.clone();
                    self.asked
                        .spawn(async move { (id, limiter.acquire(rows).await) });
                }
            }
            Said::Marked(id, Mark::Over) => drop(self.held.remove(&id)),
            Said::Marked(id, mark) => {
                if let Some(permit) = self.held.get(&id) {
                    match mark {
                        Mark::Answered => permit.answered(),
                        Mark::Sent | Mark::Over => permit.sent(),
                    }
                }
            }
        }
        None
    }
}
