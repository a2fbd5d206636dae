//! The server: accepts connections, serves HTTP/1.1 and HTTP/2 on them, stops when told.
//!
//! Every task belongs to a `JoinSet` here, also the streams of HTTP/2, so nothing outlives
//! [`serve`]. What a request means is decided in `service`.

use super::connection::{Cut, CuttableStream};
use super::{Sandbox, SandboxError, service};
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Connections served at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 1_024;
/// Streams of one HTTP/2 connection.
const MAX_STREAMS: u32 = 256;
/// Flow-control window of one HTTP/2 stream and, times sixteen, of its connection, in bytes: large,
/// so that the sandbox is never what limits an upload.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// Longest TLS handshake.
const MAX_HANDSHAKE: Duration = Duration::from_secs(10);
/// Longest wait for the headers of the next request, idle time included.
const MAX_IDLE: Duration = Duration::from_secs(600);
/// How long requests in flight may take to end after the stop signal.
const STOP_GRACE: Duration = Duration::from_secs(2);
/// Pause after a failed accept, most often for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown` is over.
pub(super) async fn serve(
    sandbox: Arc<Sandbox>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), SandboxError> {
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connect(Arc::clone(&sandbox), stream, stopped.clone()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(ended) = connections.join_next() => ended.map_err(SandboxError::Task)?,
        }
    }
    drop(listener);
    stop.send_replace(true);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_GRACE, drained).await.is_err() {
        connections.shutdown().await;
    }
    Ok(())
}

async fn connect(sandbox: Arc<Sandbox>, stream: TcpStream, stopped: watch::Receiver<bool>) {
    // Only a matter of speed; a socket that refuses will show by itself.
    let _ = stream.set_nodelay(true);
    let cut = Arc::new(Cut::default());
    let stream = CuttableStream::new(stream, Arc::clone(&cut));
    match sandbox.tls_config() {
        None => exchange(sandbox, stream, cut, stopped).await,
        Some(config) => {
            let handshake = TlsAcceptor::from(config).accept(stream);
            if let Ok(Ok(stream)) = tokio::time::timeout(MAX_HANDSHAKE, handshake).await {
                exchange(sandbox, stream, cut, stopped).await;
            }
        }
    }
}

async fn exchange<S>(
    sandbox: Arc<Sandbox>,
    stream: S,
    cut: Arc<Cut>,
    mut stopped: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Bounded by MAX_STREAMS: hyper starts one task for each stream.
    let (sender, mut started) = mpsc::unbounded_channel();
    let mut builder = auto::Builder::new(Starter(sender));
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(MAX_IDLE);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(STREAM_WINDOW_BYTES.saturating_mul(16));
    let order = Arc::clone(&cut);
    let answer = service_fn(move |request| {
        service::answer(Arc::clone(&sandbox), Arc::clone(&order), request)
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), answer));
    let mut streams = JoinSet::new();
    let mut stopping = false;
    loop {
        tokio::select! {
            // A client that broke off is no event here.
            _ = connection.as_mut() => break,
            () = cut.ordered() => break,
            Some(task) = started.recv() => {
                streams.spawn(task);
            }
            Some(_) = streams.join_next() => {}
            _ = stopped.wait_for(|stop| *stop), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Hands the tasks of HTTP/2 streams to the connection's own `JoinSet`.
#[derive(Debug, Clone)]
struct Starter(mpsc::UnboundedSender<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl<F> Executor<F> for Starter
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        // The receiver ends with the connection, and so does the need for the task.
        let _ = self.0.send(Box::pin(task));
    }
}
