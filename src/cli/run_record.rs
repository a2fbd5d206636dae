//! What is kept of a run in `runs/<time>-<process>/`: its summary, and how it went over time.
//!
//! Written once at the end of a run that did something, and read by `status --html`. Nothing depends
//! on it: the ledger has the facts, and a record that is missing or damaged is only not shown.

use super::progress::Timeline;
use super::summary::for_machines;
use crate::upload::report::Summary;
use serde::Deserialize;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The file in the directory of a run.
const FILE: &str = "summary.json";
/// Largest record that is read, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A run as it was recorded. What an older version did not record is empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RunRecord {
    /// When it began, as the name of its directory says it.
    #[serde(skip)]
    pub started: String,
    /// Its exit status.
    pub exit_status: u8,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Requests that it sent.
    pub requests: u64,
    /// Of these, repeated ones.
    pub retries: u64,
    /// Body bytes that it sent.
    pub bytes_sent: u64,
    /// What it was about.
    pub dates: Vec<RecordedDate>,
    /// What went wrong.
    pub problems: Vec<String>,
    /// How it went.
    pub timeline: Option<Timeline>,
}

/// A date that a run was about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RecordedDate {
    /// Which table.
    pub topic: String,
    /// Which stage.
    pub stage: String,
    /// Which day; none when streaming.
    pub date: Option<String>,
}

/// The newest runs, and what could not be told of them.
#[derive(Debug, Default)]
pub struct Runs {
    /// The newest first.
    pub newest: Vec<RunRecord>,
    /// Runs before them.
    pub older: usize,
    /// Runs among the newest whose record is missing or damaged, as those that were killed.
    pub unreadable: usize,
}

/// Keeps the summary of a run with how it went.
pub fn keep(run_dir: &Path, story: &Summary, timeline: Option<&Timeline>) -> io::Result<()> {
    let mut record = serde_json::to_value(for_machines(story))?;
    if let (Some(fields), Some(timeline)) = (record.as_object_mut(), timeline) {
        fields.insert("timeline".to_owned(), serde_json::to_value(timeline)?);
    }
    // In a directory of this run alone: nobody waits for it, and the ledger has the same facts.
    std::fs::write(run_dir.join(FILE), serde_json::to_vec_pretty(&record)?)
}

/// Reads the records of the newest runs of a state directory.
pub fn newest_runs(state_dir: &Path, most: usize) -> io::Result<Runs> {
    let runs = state_dir.join("runs");
    let entries = match std::fs::read_dir(&runs) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Runs::default()),
        entries => entries?,
    };
    let mut names = entries
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable_by(|a, b| b.cmp(a));
    let mut found = Runs {
        older: names.len().saturating_sub(most),
        ..Runs::default()
    };
    for name in names.iter().take(most) {
        match read(&runs.join(name).join(FILE)) {
            Some(record) => found.newest.push(RunRecord {
                started: started(name),
                ..record
            }),
            None => found.unreadable += 1,
        }
    }
    Ok(found)
}

fn read(path: &Path) -> Option<RunRecord> {
    let mut text = Vec::new();
    let file = File::open(path).ok()?;
    file.take(MAX_BYTES).read_to_end(&mut text).ok()?;
    // Fields of a wrong kind would be another program's file.
    let value: Value = serde_json::from_slice(&text).ok()?;
    serde_json::from_value(value).ok()
}

/// `20220102T030405Z-67` as `2022-01-02 03:04:05 UTC`; another name stays as it is.
fn started(name: &OsStr) -> String {
    let name = name.to_string_lossy();
    let instant = name.split('-').next().unwrap_or_default();
    chrono::NaiveDateTime::parse_from_str(instant, "%Y%m%dT%H%M%SZ").map_or_else(
        |_| name.clone().into_owned(),
        |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_come_first_and_a_damaged_record_is_counted() {
        let state = tempfile::tempdir().unwrap();
        assert!(newest_runs(state.path(), 3).unwrap().newest.is_empty());
        for (name, text) in [
            ("20220101T000000Z-1", "{}"),
            ("20220102T030405Z-67", "{\"exit_status\":5,\"new\":[]}"),
            ("20220103T000000Z-2", "{\"exit_st"),
            ("20220104T000000Z-2", "{\"retries\":2}"),
        ] {
            let folder = state.path().join("runs").join(name);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(FILE), text).unwrap();
        }
        let runs = newest_runs(state.path(), 3).unwrap();
        assert_eq!((runs.older, runs.unreadable), (1, 1));
        let told: Vec<(&str, u8, u64)> = runs
            .newest
            .iter()
            .map(|run| (run.started.as_str(), run.exit_status, run.retries))
            .collect();
        let wanted = [
            ("2022-01-04 00:00:00 UTC", 0, 2),
            ("2022-01-02 03:04:05 UTC", 5, 0),
        ];
        assert_eq!(told, wanted);
    }
}
