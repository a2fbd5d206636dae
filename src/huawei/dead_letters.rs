//! Dead letters of metadata events: one file for each thing that is sent, one JSON line for each bad event.
//!
//! A line is on disk before its record counts as settled. Lines of records that do not count yet were left
//! by a run that was killed in between; they are dropped when the next one begins, since it finds them again.

use super::event_reader::BadEvent;
use serde::Deserialize;
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Bad events of one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadGroup {
    /// For programs.
    pub code: String,
    /// For people, of the first one.
    pub message: String,
    /// How many.
    pub count: u64,
    /// `file:line` of the first one.
    pub first: String,
}

/// The file of one thing that is sent.
#[derive(Debug)]
pub(super) struct DeadLetters {
    path: PathBuf,
    /// Name of the file that the events come from.
    input: String,
}

impl DeadLetters {
    /// Those of an input with so many settled records.
    pub(super) fn open(path: PathBuf, input: &Path, settled: u64) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let letters = Self {
            path,
            input: input.display().to_string(),
        };
        if letters.path.exists() {
            letters.drop_after(settled)?;
        }
        Ok(letters)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The reasons of all that are there, the most frequent first.
    pub(super) fn groups(&self) -> io::Result<Vec<BadGroup>> {
        #[derive(Deserialize)]
        struct Letter {
            file: String,
            line: u64,
            code: String,
            message: String,
        }
        let mut groups: Vec<BadGroup> = Vec::new();
        for line in BufReader::new(File::open(&self.path)?).lines() {
            let Ok(letter) = serde_json::from_str::<Letter>(&line?) else {
                continue;
            };
            // There are few codes.
            match groups.iter_mut().find(|group| group.code == letter.code) {
                Some(group) => group.count = group.count.saturating_add(1),
                None => groups.push(BadGroup {
                    code: letter.code,
                    message: letter.message,
                    count: 1,
                    first: format!("{}:{}", letter.file, letter.line),
                }),
            }
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        Ok(groups)
    }

    fn drop_after(&self, settled: u64) -> io::Result<()> {
        #[derive(Deserialize)]
        struct Place {
            record: u64,
        }
        // Nobody else is at work on it, and what a killed run has left is overwritten.
        let beside = self.path.with_extension("new");
        let kept = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        let mut writer = BufWriter::new(&kept);
        for line in BufReader::new(File::open(&self.path)?).lines() {
            let line = line?;
            // A line that was cut short has no place any more.
            let place: Result<Place, _> = serde_json::from_str(&line);
            if place.is_ok_and(|place| place.record <= settled) {
                writeln!(writer, "{line}")?;
            }
        }
        writer.flush()?;
        drop(writer);
        kept.sync_all()?;
        std::fs::rename(&beside, &self.path)
    }

    /// Adds bad events and brings them to the disk.
    pub(super) fn add(&self, bad: &[BadEvent]) -> io::Result<()> {
        if bad.is_empty() {
            return Ok(());
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.path)?;
        let mut writer = BufWriter::new(&file);
        for event in bad {
            let line = json!({
                "file": self.input,
                "line": event.position.line,
                "byte_offset": event.position.offset,
                "record": event.position.ordinal,
                "code": event.code,
                "message": event.message,
                "source": event.source,
                "raw": String::from_utf8_lossy(&event.raw),
            });
            writeln!(writer, "{line}")?;
        }
        writer.flush()?;
        drop(writer);
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Position;

    #[test]
    fn lines_of_records_that_do_not_count_yet_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rejects/metadata.jsonl");
        let open =
            |settled| DeadLetters::open(path.clone(), Path::new("e.jsonl"), settled).unwrap();
        let bad = |ordinal| BadEvent {
            position: Position {
                ordinal,
                line: ordinal,
                offset: 0,
            },
            code: "event_type",
            message: "m".to_owned(),
            source: "local",
            raw: b"{}".to_vec(),
        };
        open(0).add(&[bad(1), bad(3), bad(5)]).unwrap();
        OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{\"torn")
            .unwrap();
        open(3).add(&[bad(4)]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let records: Vec<u64> = text
            .lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).unwrap()["record"]
                    .as_u64()
                    .unwrap()
            })
            .collect();
        assert_eq!(records, [1, 3, 4]);
    }
}
