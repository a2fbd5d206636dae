//! The sandbox's own endpoints: live page, state, stored rows, reset.
//!
//! They are neither signed nor limited nor faulted, and they read the store like everybody else.
//! Rows are streamed, so a dump of a large partition costs no memory.

use super::Sandbox;
use super::rows::StoredRows;
use super::service::{ReplyBody, respond, stream};
use crate::domain::Partition;
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf, Take};

/// Size of one frame of a dump, in bytes.
const FRAME_BYTES: usize = 64 * 1024;

/// The live page; it reads `/sandbox/state` by itself.
pub(super) fn page() -> Response<ReplyBody> {
    respond(
        StatusCode::OK,
        "text/html; charset=utf-8",
        Bytes::from_static(include_bytes!("page.html")),
    )
}

/// `GET /sandbox/state`.
pub(super) fn state(sandbox: &Sandbox) -> Response<ReplyBody> {
    match serde_json::to_vec(&sandbox.state()) {
        Ok(text) => respond(StatusCode::OK, "application/json", text.into()),
        Err(error) => failed(&error.to_string()),
    }
}

/// `GET /sandbox/rows?topic=&stage=&date=` (also `tenant=`, `application=`): an absent or empty
/// value takes every partition.
pub(super) fn rows(sandbox: &Sandbox, query: Option<&str>) -> Response<ReplyBody> {
    let store = sandbox.store();
    let chosen = store
        .partitions()
        .iter()
        .filter(|(partition, record)| record.rows > 0 && is_chosen(partition, query))
        .map(|(partition, _)| store.rows_of(partition))
        .collect();
    drop(store);
    let dump = Dump {
        waiting: chosen,
        chunks: VecDeque::new(),
        file: None,
    };
    stream(StatusCode::OK, "application/x-ndjson", dump.boxed())
}

/// `POST /sandbox/reset`.
pub(super) fn reset(sandbox: &Sandbox) -> Response<ReplyBody> {
    match sandbox.reset() {
        Ok(()) => respond(
            StatusCode::OK,
            "application/json",
            Bytes::from_static(b"{\"v\":1}\n"),
        ),
        Err(error) => failed(&error.to_string()),
    }
}

fn failed(why: &str) -> Response<ReplyBody> {
    let text = format!("the sandbox could not do that: {why}\n");
    respond(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", text.into())
}

fn is_chosen(partition: &Partition, query: Option<&str>) -> bool {
    let pairs = query
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(_, value)| !value.is_empty())
        .all(|(name, value)| {
            let wanted = percent_decode_str(value).decode_utf8_lossy();
            match name {
                "topic" => partition.topic.as_str() == wanted,
                "stage" => partition.stage.kind().as_str() == wanted,
                "date" => partition
                    .date()
                    .is_some_and(|date| date.to_string() == wanted || date.compact() == wanted),
                "tenant" => partition.target.tenant() == wanted,
                "application" => partition.target.application() == wanted,
                _ => true,
            }
        })
}

/// A body that walks through stored rows.
struct Dump {
    waiting: VecDeque<StoredRows>,
    chunks: VecDeque<Bytes>,
    file: Option<Opening>,
}

/// A file of rows on its way.
enum Opening {
    Opening(Pin<Box<dyn Future<Output = io::Result<Take<File>>> + Send + Sync>>),
    Open(Take<File>),
}

impl http_body::Body for Dump {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if let Some(chunk) = self.chunks.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            match self.file.as_mut() {
                Some(Opening::Opening(opening)) => {
                    let file = ready!(opening.as_mut().poll(context))?;
                    self.file = Some(Opening::Open(file));
                }
                Some(Opening::Open(file)) => {
                    let chunk = ready!(poll_chunk(file, context))?;
                    if chunk.is_empty() {
                        self.file = None;
                    } else {
                        return Poll::Ready(Some(Ok(Frame::data(chunk))));
                    }
                }
                None => match self.waiting.pop_front() {
                    None => return Poll::Ready(None),
                    Some(StoredRows::Chunks(chunks)) => self.chunks = chunks.into(),
                    Some(StoredRows::File(path, end)) => {
                        let opening = async move { Ok(File::open(path).await?.take(end)) };
                        self.file = Some(Opening::Opening(Box::pin(opening)));
                    }
                },
            }
        }
    }
}

fn poll_chunk(file: &mut Take<File>, context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
    let mut buffer = vec![0_u8; FRAME_BYTES];
    let mut filling = ReadBuf::new(&mut buffer);
    ready!(Pin::new(file).poll_read(context, &mut filling))?;
    let filled = filling.filled().len();
    buffer.truncate(filled);
    Poll::Ready(Ok(buffer.into()))
}
