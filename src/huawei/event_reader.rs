//! Metadata events from a file, checked one by one and packed into bodies that the gateway takes.

use crate::domain::Position;
use crate::input::{InputError, InputSettings, Location, Next, RowReader, Start, open_file};
use crate::protocol::huawei::{EventSource, MAX_GATEWAY_BYTES, check_event};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// An event that is not sent, or was too large to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadEvent {
    /// Its place.
    pub position: Position,
    /// For programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// Its first bytes.
    pub raw: Vec<u8>,
}

/// Events that are sent together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Each event's own bytes, one behind the other.
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
    /// Bad events on the way.
    pub(super) bad: Vec<BadEvent>,
    /// Line of the first event, and of the last.
    pub(super) lines: Option<(u64, u64)>,
    /// Whether the file is read to its end.
    pub(super) is_last: bool,
    /// Records of the file so far, and their digest.
    pub(super) records: u64,
    pub(super) digest: u128,
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The body with the events of a range, by their numbers in the batch.
    pub(super) fn body(&self, source: &EventSource, events: std::ops::Range<usize>) -> Vec<u8> {
        let (mut body, end) = source.envelope();
        for number in events.clone() {
            if number > events.start {
                body.push(b',');
            }
            let from = number
                .checked_sub(1)
                .and_then(|before| self.ends.get(before))
                .map_or(0, |end| *end);
            let to = self.ends.get(number).map_or(from, |end| *end);
            body.extend_from_slice(self.bytes.get(from..to).unwrap_or_default());
        }
        body.extend_from_slice(end);
        body
    }
}

/// The events of a file, in order.
pub(super) struct EventReader {
    rows: Box<dyn RowReader>,
    source: EventSource,
    hasher: Xxh3,
    records: u64,
    most: usize,
    /// An event that did not fit into the batch before, with its line.
    waiting: Option<(Vec<u8>, u64)>,
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
            Next::End => return false,
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
        if let Some((event, line)) = self.waiting.take() {
            batch.push(&event, line);
        }
        batch.records = self.records;
        batch.digest = self.hasher.digest128();
        let mut row = Vec::new();
        while batch.len() < self.most && batch.bad.len() < self.most {
            row.clear();
            let next = self.rows.next(&mut row)?;
            if !self.note(&next, &row) {
                batch.is_last = true;
                break;
            }
            match next {
                Next::Row { position, .. } => {
                    let bad = bad_event(position, &row, room);
                    let commas = batch.len();
                    if bad.is_none() && batch.bytes.len() + commas + row.len() > room {
                        // It belongs to the next batch, and so does its place in the file.
                        self.waiting = Some((row, position.line));
                        return Ok(batch);
                    }
                    match bad {
                        Some(bad) => batch.bad.push(bad),
                        None => batch.push(&row, position.line),
                    }
                }
                Next::Rejected(reject) => batch.bad.push(BadEvent {
                    position: reject.position,
                    code: reject.code.as_str(),
                    message: reject.message,
                    raw: reject.raw,
                }),
                Next::End => {}
            }
            batch.records = self.records;
            batch.digest = self.hasher.digest128();
        }
        Ok(batch)
    }
}

impl Batch {
    fn push(&mut self, event: &[u8], line: u64) {
        self.bytes.extend_from_slice(event);
        self.ends.push(self.bytes.len());
        let first = self.lines.map_or(line, |(first, _)| first);
        self.lines = Some((first, line));
    }
}

fn bad_event(position: Position, row: &[u8], room: usize) -> Option<BadEvent> {
    let (code, message) = if row.len() > room {
        let text = format!("{} bytes; the gateway takes 12 MB at once", row.len());
        ("too_large", text)
    } else {
        let invalid = check_event(&String::from_utf8_lossy(row))?;
        (invalid.code(), invalid.to_string())
    };
    Some(BadEvent {
        position,
        code,
        message,
        raw: row
            .get(..crate::input::MAX_REJECT_RAW_BYTES)
            .unwrap_or(row)
            .to_vec(),
    })
}
