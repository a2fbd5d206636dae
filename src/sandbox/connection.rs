//! A connection that can be cut: dropped in the middle so that the client sees a TCP reset.
//!
//! Closing with a linger time of zero makes the kernel send RST and throw away what was not yet
//! delivered, which is what a crashed server or an angry middlebox looks like.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// The order to cut one connection, shared by its requests and its owner.
#[derive(Debug, Default)]
pub(super) struct Cut {
    ordered: AtomicBool,
    order: Notify,
}

impl Cut {
    /// Orders the cut; the caller's own task ends with the connection.
    pub(super) fn order(&self) {
        self.ordered.store(true, Ordering::Release);
        self.order.notify_one();
    }

    /// Waits for the order. Only the connection's owner waits.
    pub(super) async fn ordered(&self) {
        self.order.notified().await;
    }
}

/// A TCP stream that resets instead of closing once its cut was ordered.
#[derive(Debug)]
pub(super) struct CuttableStream {
    stream: TcpStream,
    cut: Arc<Cut>,
}

impl CuttableStream {
    pub(super) const fn new(stream: TcpStream, cut: Arc<Cut>) -> Self {
        Self { stream, cut }
    }
}

impl Drop for CuttableStream {
    fn drop(&mut self) {
        if self.cut.ordered.load(Ordering::Acquire) {
            // A socket that is already gone needs no reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
