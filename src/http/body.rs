//! A request's body: prepared once, sent as often as needed, in pieces that can be timed.
//!
//! The length is always known, so requests carry Content-Length and are never chunked.

use crate::domain::RequestId;
use crate::protocol::Call;
use crate::protocol::sign::payload_digest;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A request that may be attempted several times. Clones share the body.
#[derive(Debug, Clone)]
pub struct Outgoing {
    call: Call,
    request_id: RequestId,
    body: Bytes,
    payload_sha256: [u8; 32],
}

impl Outgoing {
    /// A request with its gzipped body, which is hashed here, once for all attempts.
    pub fn new(call: Call, request_id: RequestId, gzipped_body: Bytes) -> Self {
        Self {
            call,
            request_id,
            payload_sha256: payload_digest(&gzipped_body),
            body: gzipped_body,
        }
    }

    /// What is asked.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Value of the header `Request-Id`.
    pub fn request_id(&self) -> RequestId {
        self.request_id
    }

    /// The bytes on the wire.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// SHA-256 of the bytes on the wire.
    pub fn payload_sha256(&self) -> &[u8; 32] {
        &self.payload_sha256
    }
}

/// Largest piece handed over at once; the last piece of a large body then leaves close to the
/// moment that is reported.
const MAX_FRAME_BYTES: usize = 64 * 1024;

/// A body that tells when its last piece was taken by the connection.
pub(super) struct TimedBody {
    rest: Bytes,
    on_sent: Option<Box<dyn Fn() + Send + Sync>>,
}

impl TimedBody {
    pub(super) fn new(body: &Bytes, on_sent: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            rest: body.clone(),
            on_sent: Some(Box::new(on_sent)),
        }
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.rest.len().min(MAX_FRAME_BYTES);
        let piece = self.rest.split_to(length);
        if !self.rest.has_remaining()
            && let Some(on_sent) = self.on_sent.take()
        {
            on_sent();
        }
        if piece.is_empty() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.rest.len()).unwrap_or(u64::MAX))
    }
}
