//! Asking a store and waiting for it, with patience.
//!
//! What may be over in a moment is tried again for several seconds; a range that broke off goes on
//! where it broke. Every attempt is bound to the version of the object that was found. The waiting
//! ends as soon as the run is told to stop.

use super::explain::{explain, is_worth_another_try};
use super::{Entry, ObjectUrl, StoreFault, StoreTrouble, Stores};
use crate::domain::ObjectIdentity;
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::TryStreamExt;
use opendal::{ErrorKind, Metadata, Operator};
use std::time::Duration;

/// Attempts without any progress.
const MAX_TRIES: u32 = 6;
/// Wait before the second attempt; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(250);

impl Stores {
    /// What is under a name.
    pub(super) fn entry(&self, url: &ObjectUrl) -> Result<Option<Entry>, StoreFault> {
        let operator = self.operator(url)?;
        let path = url.path();
        let told = self.wait(async {
            match persist(async || operator.stat(&path).await).await {
                Ok(metadata) => Ok(Some(metadata)),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(explain(url, &error)),
            }
        })?;
        Ok(told.map(|metadata| {
            if metadata.is_dir() {
                Entry::Folder(url.join("/"))
            } else {
                Entry::Object(url.clone(), identity_of(&metadata))
            }
        }))
    }

    /// What is in a folder, or deep below it; nothing when there is no such folder.
    pub(super) fn list(&self, folder: &ObjectUrl, deep: bool) -> Result<Vec<Entry>, StoreFault> {
        let operator = self.operator(folder)?;
        let path = match folder.key() {
            "" => "/".to_owned(),
            key => key.to_owned(),
        };
        self.wait(async {
            let listing = async || operator.list_with(&path).recursive(deep).await;
            let listed = match persist(listing).await {
                Ok(listed) => listed,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(explain(folder, &error)),
            };
            let mut entries = Vec::with_capacity(listed.len());
            for entry in listed {
                entries.extend(complete(&operator, folder, entry).await?);
            }
            Ok(entries)
        })
    }

    /// Some bytes of an object that has to be the one that was found.
    pub(super) fn read_at(
        &self,
        url: &ObjectUrl,
        identity: &ObjectIdentity,
        offset: u64,
        length: u64,
    ) -> Result<Bytes, StoreFault> {
        let operator = self.operator(url)?;
        let range = Range {
            operator: &operator,
            path: url.path(),
            etag: identity.etag.as_deref().filter(|etag| is_strong(etag)),
            offset,
            length: usize::try_from(length).unwrap_or(usize::MAX),
        };
        self.wait(async {
            let bytes = range.fetch(url).await?;
            if range.etag.is_none() {
                // Nothing bound the bytes to a version, so the version is asked for behind them.
                let now = persist(async || operator.stat(&range.path).await).await;
                let now = now.map_err(|error| explain(url, &error))?;
                if !identity_of(&now).is_same(identity) {
                    return Err(replaced());
                }
            }
            Ok(bytes)
        })
    }

    /// Waits for an answer, or for the stop of the run.
    fn wait<T>(
        &self,
        answer: impl Future<Output = Result<T, StoreFault>>,
    ) -> Result<T, StoreFault> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| {
            let problem =
                "it was asked for outside of the runtime; this is a bug, please report it";
            StoreFault::new(StoreTrouble::Other, problem)
        })?;
        let stopped = self.stop.as_ref().map(|signal| signal());
        let stopped = async {
            match stopped {
                Some(stopped) => stopped.await,
                None => std::future::pending().await,
            }
        };
        let answer = async {
            tokio::select! {
                biased;
                () = stopped => Err(StoreFault::new(
                    StoreTrouble::Stopped,
                    "the run was stopped while the store was asked; run the same command again",
                )),
                answer = answer => answer,
            }
        };
        // Some callers are on a thread of the runtime itself.
        tokio::task::block_in_place(|| runtime.block_on(answer))
    }
}

fn replaced() -> StoreFault {
    StoreFault::new(
        StoreTrouble::Replaced,
        "the object was replaced or changed while it was read; nothing of the new one was mixed in",
    )
}

fn identity_of(metadata: &Metadata) -> ObjectIdentity {
    ObjectIdentity {
        etag: metadata.etag().map(str::to_owned),
        size: metadata.content_length(),
        mtime_ns: metadata
            .last_modified()
            .and_then(|at| i64::try_from(at.into_inner().as_nanosecond()).ok()),
    }
}

/// Whether a tag stands for the bytes and not only for their meaning (RFC 9110, 8.8.1).
fn is_strong(etag: &str) -> bool {
    etag.starts_with('"')
}

/// An entry of a listing; some stores list names only.
async fn complete(
    operator: &Operator,
    folder: &ObjectUrl,
    entry: opendal::Entry,
) -> Result<Option<Entry>, StoreFault> {
    let (path, mut metadata) = entry.into_parts();
    let url = folder.with_key(path.trim_start_matches('/'));
    if metadata.is_dir() {
        return Ok(Some(Entry::Folder(url)));
    }
    if metadata.last_modified().is_none() {
        match persist(async || operator.stat(&path).await).await {
            Ok(told) => metadata = told,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(explain(&url, &error)),
        }
    }
    Ok(Some(Entry::Object(url, identity_of(&metadata))))
}

/// Bytes of an object.
struct Range<'a> {
    operator: &'a Operator,
    path: String,
    /// The version that they have to be of.
    etag: Option<&'a str>,
    offset: u64,
    length: usize,
}

impl Range<'_> {
    /// Fetches all bytes, in as many attempts as it takes.
    async fn fetch(&self, url: &ObjectUrl) -> Result<Bytes, StoreFault> {
        let mut bytes = BytesMut::with_capacity(self.length);
        let mut tries = 0;
        loop {
            let before = bytes.len();
            let outcome = self.fetch_some(&mut bytes).await;
            if bytes.len() > self.length {
                return Err(StoreFault::new(
                    StoreTrouble::Other,
                    "the server sends more than the part that was asked for, so reading cannot go \
                     on in the middle; pipe it in: curl URL | byteair-sync write … -",
                ));
            }
            if bytes.len() == self.length {
                return Ok(bytes.freeze());
            }
            if bytes.len() > before {
                tries = 0;
            }
            tries += 1;
            let fault = match outcome {
                Err(error) if error.kind() == ErrorKind::ConditionNotMatch => {
                    return Err(replaced());
                }
                Err(error) if !is_worth_another_try(&error) => return Err(explain(url, &error)),
                Err(error) => explain(url, &error),
                Ok(()) => StoreFault::new(
                    StoreTrouble::Temporary,
                    "the store ended its answer too early",
                ),
            };
            if tries >= MAX_TRIES {
                return Err(fault);
            }
            pause(tries).await;
        }
    }

    /// Fetches what is missing, or as much of it as comes.
    async fn fetch_some(&self, bytes: &mut BytesMut) -> opendal::Result<()> {
        let at_hand = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let end = u64::try_from(self.length).unwrap_or(u64::MAX);
        let range = self.offset.saturating_add(at_hand)..self.offset.saturating_add(end);
        let mut reader = self.operator.reader_with(&self.path);
        if let Some(etag) = self.etag {
            reader = reader.if_match(etag);
        }
        let mut stream = reader.await?.into_stream(range).await?;
        while let Some(piece) = stream.try_next().await? {
            bytes.put(piece);
            if bytes.len() > self.length {
                break;
            }
        }
        Ok(())
    }
}

/// Tries again what may be over in a moment.
async fn persist<T>(mut attempt: impl AsyncFnMut() -> opendal::Result<T>) -> opendal::Result<T> {
    let mut tries = 0;
    loop {
        tries += 1;
        match attempt().await {
            Err(error) if tries < MAX_TRIES && is_worth_another_try(&error) => pause(tries).await,
            outcome => return outcome,
        }
    }
}

async fn pause(tries: u32) {
    let wait = FIRST_WAIT.saturating_mul(1 << tries.saturating_sub(1).min(8));
    tokio::time::sleep(wait.mul_f64(rand::random_range(0.75..1.25))).await;
}
