//! Metadata events from a file, checked one by one and packed into bodies that the gateway takes.
//!
//! Each event of a batch knows how far the file was read with it, so that a part of a batch can be settled.

use super::fault::Fault;
use crate::domain::{Position, Verdict};
use crate::input::{
    InputError, InputSettings, LocalReject, Location, MAX_REJECT_RAW_BYTES, Next, RejectCode,
    RowReader, Start, open_file,
};
use crate::protocol::huawei::{EventSource, MAX_GATEWAY_BYTES, check_event};
use std::ops::Range;
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// Code of an event that no request has room for.
const TOO_LARGE: &str = "too_large";

/// Code of an event that the service refuses while it takes others.
const REFUSED: &str = "refused";

/// Source of what was found before anything was sent.
const LOCAL: &str = "local";

/// An event that is not sent, or was too large to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadEvent {
    /// Its place.
    pub position: Position,
    /// For programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// Who found it: `local` or `server`.
    pub source: &'static str,
    /// Its first bytes.
    pub raw: Vec<u8>,
}

/// How far a file was read: its records, good and bad, and their digest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) records: u64,
    pub(super) digest: u128,
}

/// An event in a batch.
#[derive(Debug, Clone, Copy)]
struct Packed {
    /// Where its bytes begin and end.
    bytes: (usize, usize),
    position: Position,
    /// The file up to it, itself included.
    progress: Progress,
}

/// Events that are sent together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Each event's own bytes, one behind the other.
    bytes: Vec<u8>,
    events: Vec<Packed>,
    /// Bad events on the way.
    pub(super) bad: Vec<BadEvent>,
    /// Whether the file is read to its end.
    pub(super) is_last: bool,
    /// The file up to the end of the batch.
    pub(super) progress: Progress,
}

impl Batch {
    pub(super) const fn len(&self) -> usize {
        self.events.len()
    }

    /// Lines of the first and the last event of a range.
    pub(super) fn lines(&self, range: &Range<usize>) -> (u64, u64) {
        let line = |number: usize| self.events.get(number).map_or(0, |it| it.position.line);
        (line(range.start), line(range.end.saturating_sub(1)))
    }

    /// The file up to the last event of a range, and how many bad events were on the way.
    pub(super) fn settled_with(&self, range: &Range<usize>) -> (Progress, usize) {
        let last = self.events.get(range.end.saturating_sub(1));
        let progress = last.map_or_else(Progress::default, |it| it.progress);
        let before = |bad: &&BadEvent| bad.position.ordinal <= progress.records;
        (progress, self.bad.iter().filter(before).count())
    }

    /// An event that the service does not take.
    pub(super) fn refused(&self, number: usize, fault: &Fault) -> Option<BadEvent> {
        let event = self.events.get(number)?;
        let is_too_large = fault.verdict() == Verdict::TooLarge;
        Some(BadEvent {
            position: event.position,
            code: if is_too_large { TOO_LARGE } else { REFUSED },
            message: fault.to_string(),
            source: "server",
            raw: beginning(self.event(event)),
        })
    }

    /// The body with the events of a range, by their numbers in the batch.
    pub(super) fn body(&self, source: &EventSource, range: Range<usize>) -> Vec<u8> {
        let (mut body, end) = source.envelope();
        for (number, event) in self
            .events
            .get(range)
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            if number > 0 {
                body.push(b',');
            }
            body.extend_from_slice(self.event(event));
        }
        body.extend_from_slice(end);
        body
    }

    fn event(&self, event: &Packed) -> &[u8] {
        let (from, to) = event.bytes;
        self.bytes.get(from..to).unwrap_or_default()
    }

    fn push(&mut self, event: &[u8], position: Position, progress: Progress) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(event);
        self.events.push(Packed {
            bytes: (from, self.bytes.len()),
            position,
            progress,
        });
    }
}

/// The events of a file, in order.
pub(super) struct EventReader {
    rows: Box<dyn RowReader>,
    source: EventSource,
    hasher: Xxh3,
    records: u64,
    most: usize,
    /// An event that did not fit into the batch before.
    waiting: Option<(Vec<u8>, Position)>,
}

impl EventReader {
    pub(super) fn open(
        path: &Path,
        settings: &InputSettings,
        source: EventSource,
        most: usize,
    ) -> Result<Self, InputError> {
        let location = Location::File(path.to_owned());
        Ok(Self {
            rows: open_file(location, settings, Start::BEGINNING)?,
            source,
            hasher: Xxh3::new(),
            records: 0,
            most,
            waiting: None,
        })
    }

    /// Reads past records that were settled before; the digest of them, or `None` when there are fewer.
    pub(super) fn skip(&mut self, records: u64) -> Result<Option<u128>, InputError> {
        let mut row = Vec::new();
        while self.records < records {
            row.clear();
            let next = self.rows.next(&mut row)?;
            if !self.note(&next, &row) {
                return Ok(None);
            }
        }
        Ok(Some(self.hasher.digest128()))
    }

    /// Takes a record into the digest; false at the end of the file.
    fn note(&mut self, next: &Next, row: &[u8]) -> bool {
        let bytes = match next {
            Next::Row { .. } => row,
            Next::Rejected(reject) => &reject.raw,
            // Only a file that is followed has nothing yet.
            Next::NothingYet | Next::End => return false,
        };
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.hasher.update(&length.to_le_bytes());
        self.hasher.update(bytes);
        self.records = self.records.saturating_add(1);
        true
    }

    /// The next events: as many as are wanted, or as the gateway takes.
    pub(super) fn batch(&mut self) -> Result<Batch, InputError> {
        let (beginning, end) = self.source.envelope();
        let room = MAX_GATEWAY_BYTES.saturating_sub(beginning.len().saturating_add(end.len()));
        let mut batch = Batch::default();
        if let Some((event, position)) = self.waiting.take() {
            batch.push(&event, position, self.progress());
        }
        batch.progress = self.progress();
        let mut row = Vec::new();
        while batch.len() < self.most && batch.bad.len() < self.most {
            row.clear();
            let next = self.rows.next(&mut row)?;
            if !self.note(&next, &row) {
                batch.is_last = true;
                break;
            }
            match next {
                Next::Row { position, .. } => match bad_event(position, &row, room) {
                    Some(bad) => batch.bad.push(bad),
                    // Behind every event of the batch goes a comma.
                    None if batch.bytes.len() + batch.len() + row.len() > room => {
                        // It belongs to the next batch, and so does its place in the file.
                        self.waiting = Some((row, position));
                        return Ok(batch);
                    }
                    None => batch.push(&row, position, self.progress()),
                },
                Next::Rejected(reject) => batch.bad.push(unreadable(*reject)),
                Next::NothingYet | Next::End => {}
            }
            batch.progress = self.progress();
        }
        Ok(batch)
    }

    fn progress(&self) -> Progress {
        Progress {
            records: self.records,
            digest: self.hasher.digest128(),
        }
    }
}

fn too_large(length: impl std::fmt::Display) -> String {
    format!("{length} bytes; the gateway takes 12 MB at once")
}

/// A record that is no event.
fn unreadable(reject: LocalReject) -> BadEvent {
    let message = match reject.code {
        // Here it is no option that sets the limit.
        RejectCode::TooLong => too_large(reject.length),
        _ => reject.message,
    };
    BadEvent {
        position: reject.position,
        code: reject.code.as_str(),
        message,
        source: LOCAL,
        raw: reject.raw,
    }
}

fn bad_event(position: Position, row: &[u8], room: usize) -> Option<BadEvent> {
    let (code, message) = if row.len() > room {
        (TOO_LARGE, too_large(row.len()))
    } else {
        let invalid = check_event(&String::from_utf8_lossy(row))?;
        (invalid.code(), invalid.to_string())
    };
    Some(BadEvent {
        position,
        code,
        message,
        source: LOCAL,
        raw: beginning(row),
    })
}

fn beginning(event: &[u8]) -> Vec<u8> {
    event.get(..MAX_REJECT_RAW_BYTES).unwrap_or(event).to_vec()
}
