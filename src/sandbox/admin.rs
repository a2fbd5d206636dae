//! The sandbox's own endpoints: live page, state, stored rows, reset, limits.
//!
//! They are neither signed nor limited nor faulted, and they read the store like everybody else.
//! Rows are streamed, so a dump of a large partition costs no memory.

use super::Sandbox;
use super::rows::Piece;
use super::service::{ReplyBody, respond, stream};
use super::state::{SandboxLimits, TrafficState};
use crate::domain::Partition;
use crate::text::{Page, Scripts};
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use std::collections::VecDeque;
use std::io;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::task::{JoinHandle, spawn_blocking};

/// Size of one frame of a dump, in bytes.
const FRAME_BYTES: usize = 64 * 1024;

/// The live page; it reads `/sandbox/state` and `/sandbox/traffic` by itself.
pub(super) fn page() -> Response<ReplyBody> {
    let mut page = Page::new("byteair-sync sandbox", Scripts::Own);
    page.raw(include_str!("page.html"));
    respond(
        StatusCode::OK,
        "text/html; charset=utf-8",
        page.end().into(),
    )
}

/// `GET /sandbox/state`.
pub(super) fn state(sandbox: &Sandbox) -> Response<ReplyBody> {
    document(&sandbox.state())
}

/// `GET /sandbox/traffic`.
pub(super) fn traffic(sandbox: &Sandbox) -> Response<ReplyBody> {
    let state = TrafficState::of(&sandbox.traffic());
    document(&state)
}

fn document(state: &impl serde::Serialize) -> Response<ReplyBody> {
    match serde_json::to_vec(state) {
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
        .flat_map(|(partition, _)| store.rows_of(partition))
        .collect();
    drop(store);
    let dump = Dump {
        waiting: chosen,
        reading: None,
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

/// `POST /sandbox/limits?qps=&rows_per_second=`: changes what is named, from now on until the next
/// reset, and answers with the limits in force. Anything that is not understood changes nothing.
pub(super) fn limits(sandbox: &Sandbox, query: Option<&str>) -> Response<ReplyBody> {
    let (mut qps, mut rows) = (None, None);
    for pair in query
        .unwrap_or_default()
        .split('&')
        .filter(|p| !p.is_empty())
    {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let limit = value.parse::<NonZeroU32>().ok();
        match (name, limit) {
            ("qps", Some(limit)) => qps = Some(limit),
            ("rows_per_second", Some(limit)) => rows = Some(limit),
            _ => {
                let text = format!(
                    "'{pair}' is no limit: say qps=N or rows_per_second=N with N of at least 1; nothing was changed\n"
                );
                return respond(StatusCode::BAD_REQUEST, "text/plain", text.into());
            }
        }
    }
    let mut traffic = sandbox.traffic();
    if let Some(qps) = qps {
        traffic.requests.set_limit(qps.get());
    }
    if let Some(rows) = rows {
        traffic.rows.set_limit(rows.get());
    }
    let limits = SandboxLimits::of(&traffic);
    drop(traffic);
    match serde_json::to_string(&limits) {
        Ok(text) => respond(
            StatusCode::OK,
            "application/json",
            format!("{text}\n").into(),
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
    waiting: VecDeque<Piece>,
    reading: Option<JoinHandle<ReadPiece>>,
}

/// The next bytes of a file, and what is left of it.
type ReadPiece = io::Result<(Bytes, Option<Piece>)>;

impl http_body::Body for Dump {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if let Some(reading) = self.reading.as_mut() {
                let read = ready!(Pin::new(reading).poll(context));
                self.reading = None;
                let (bytes, rest) = read.map_err(io::Error::other)??;
                if let Some(rest) = rest {
                    self.waiting.push_front(rest);
                }
                if !bytes.is_empty() {
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
            }
            match self.waiting.pop_front() {
                None => return Poll::Ready(None),
                Some(Piece::Memory(bytes)) => {
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(piece) => {
                    self.reading = Some(spawn_blocking(move || piece.read(FRAME_BYTES)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_dump_gives_every_piece_in_order_and_tells_when_one_cannot_be_read() {
        let mut file = tempfile::tempfile().unwrap();
        let long = "x".repeat(2 * FRAME_BYTES + 7);
        write!(file, "--{long}--").unwrap();
        let file = Arc::new(file);
        let end = u64::try_from(long.len()).unwrap() + 2;
        let stretch = |end| Piece::Stretch {
            file: Arc::clone(&file),
            from: 2,
            end,
        };
        let dump = |pieces: Vec<Piece>| Dump {
            waiting: pieces.into(),
            reading: None,
        };
        let memory = Piece::Memory("a\n".into());
        let pieces = vec![memory.clone(), stretch(end), memory.clone()];
        let text = dump(pieces).collect().await.unwrap().to_bytes();
        assert_eq!(text, format!("a\n{long}a\n"));
        let lost = vec![memory, stretch(end + 100)];
        assert!(dump(lost).collect().await.is_err());
    }
}
