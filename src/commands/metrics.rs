//! `--metrics-textfile` and `--metrics-push`: what monitoring is told at the end of a run.
//!
//! What cannot be told is a warning. It changes neither the data nor the exit status: an alert on the
//! last success notices what is missing.

use super::Session;
use crate::cli::atomic_file::{self, Existing, Readers};
use crate::cli::error::{UsageError, chain};
use crate::cli::printer::Level;
use crate::domain::Target;
use crate::http::post;
use crate::jobs::Book;
use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

/// Largest text of earlier runs that is taken over, in bytes.
const MAX_TEXT_BYTES: u64 = 4 << 20;

/// How long another run may take to replace the file.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// How long a Pushgateway may take to answer.
const PUSH_TIMEOUT: Duration = Duration::from_secs(10);

/// Media type of the text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4";

/// Where a Pushgateway takes metrics, up to the name of the job.
const GATEWAY_PATH: &str = "/metrics/job/";

/// Refuses what cannot be the address of a gateway. The value is not repeated: it may hold a password.
pub(super) fn check(session: &Session) -> Result<(), UsageError> {
    let Some(url) = &session.output.metrics_push else {
        return Ok(());
    };
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') => Ok(()),
        _ => Err(UsageError::new(
            "--metrics-push (BYTEAIR_METRICS_PUSH): it is no URL; write http://HOST:9091",
        )),
    }
}

/// Tells whoever is named by the options.
pub(super) async fn publish(session: &Session, target: &Target, book: &Book) {
    if book.names().is_empty() {
        return;
    }
    let ended = Utc::now();
    let warn = |what: String| {
        let text = format!("{what}; the upload is not affected");
        session.printer.message(Level::Warning, &text);
    };
    if let Some(path) = &session.output.metrics_textfile
        && let Err(error) = write(path, book, target, ended)
    {
        let shown = path.display();
        warn(format!(
            "the metrics {shown} could not be written: {error:#}"
        ));
    }
    if let Some(url) = &session.output.metrics_push {
        for name in book.names() {
            let text = book.text_of(&name, target, ended);
            let (topic, stage) = &name;
            if let Err(error) = push(url, &format!("/topic/{topic}/stage/{stage}"), text).await {
                warn(format!(
                    "the metrics of {topic} {stage} could not be pushed: {error}"
                ));
            }
        }
    }
}

/// Replaces the file, with what other runs have written to it.
fn write(path: &Path, book: &Book, target: &Target, ended: DateTime<Utc>) -> Result<()> {
    if atomic_file::is_stream(path) {
        let text = book.text(target, ended, None)?;
        atomic_file::write(path, text.as_bytes(), Readers::Everybody, Existing::Replace)?;
        return Ok(());
    }
    // Two jobs that end together must not lose each other's lines. The folder is locked, not the
    // file, which is another one afterwards.
    let _turn = turn(path)?;
    let earlier = earlier(path)?;
    let text = book.text(target, ended, earlier.as_deref())?;
    atomic_file::write(path, text.as_bytes(), Readers::Everybody, Existing::Replace)?;
    Ok(())
}

fn turn(path: &Path) -> Result<File> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = File::open(folder)?;
    let begun = Instant::now();
    while flock(&folder, FlockOperation::NonBlockingLockExclusive).is_err() {
        if begun.elapsed() > MAX_WAIT {
            bail!("another process holds a lock on its directory");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(folder)
}

fn earlier(path: &Path) -> Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context("it cannot be read"),
    };
    let mut text = String::new();
    file.take(MAX_TEXT_BYTES)
        .read_to_string(&mut text)
        .context("it is not of this program's making")?;
    Ok(Some(text))
}

/// Adds to the group of a topic and stage: what is not told now (the last success) stays there.
async fn push(url: &str, group: &str, text: String) -> Result<(), String> {
    let url = url.trim_end_matches('/');
    let url = if url.contains(GATEWAY_PATH) {
        format!("{url}{group}")
    } else {
        format!("{url}{GATEWAY_PATH}byteair_sync{group}")
    };
    match post(&url, TEXT_FORMAT, text.into_bytes(), PUSH_TIMEOUT).await {
        Ok(200..=299) => Ok(()),
        Ok(other) => Err(format!("the gateway answered HTTP {other}")),
        Err(error) => Err(chain(&error)),
    }
}
