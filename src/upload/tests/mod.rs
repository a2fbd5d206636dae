//! Reading and planning without a network: what the reading thread hands over is looked at, and the
//! engine's part is played by the tests.

mod batching;
mod resuming;
mod rounds;

use super::batcher::Batcher;
use super::cut::Message;
use super::event::Gauges;
use super::memory::Budget;
use super::work::Work;
use super::{BatchSettings, GateSettings, RetrySettings, RunSettings, Settings, Sources};
use crate::domain::{BatchSize, ErrorBudget, GuardChanges, StageKind, Target, Zone};
use crate::input::{Format, InputSettings};
use crate::protocol::{DEFAULT_GZIP_LEVEL, DoneFormat};
use proptest::prelude::*;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

/// A line of an input.
#[derive(Debug, Clone, PartialEq)]
enum Line {
    /// A row with so many bytes of padding.
    Row(usize),
    Bad,
    Blank,
}

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![
        8 => (0..60_usize).prop_map(Line::Row),
        1 => Just(Line::Bad),
        1 => Just(Line::Blank),
    ]
}

/// The row that stands on a line; no other input or line has the same.
fn row(input: usize, line: usize, padding: usize) -> String {
    format!(
        r#"{{"row":"{input}-{line}","x":"{}"}}"#,
        "x".repeat(padding)
    )
}

/// The lines as they stand in the file, the last one without a line end.
fn text(input: usize, lines: &[Line]) -> String {
    let lines = lines.iter().enumerate().map(|(number, line)| match line {
        Line::Row(padding) => row(input, number, *padding),
        Line::Bad => "no JSON".to_owned(),
        Line::Blank => String::new(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The rows among the lines, with their ordinals.
fn rows(input: usize, lines: &[Line]) -> Vec<(u64, String)> {
    let mut ordinal = 0;
    let mut rows = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        ordinal += u64::from(*line != Line::Blank);
        if let Line::Row(padding) = line {
            rows.push((ordinal, row(input, number, *padding)));
        }
    }
    rows
}

/// The rows of a body.
fn inflated(body: &[u8]) -> Vec<u8> {
    let inflated = crate::protocol::inflate(Some("gzip"), body, 1 << 30);
    inflated.unwrap().into_owned()
}

fn rows_of(body: &[u8]) -> Vec<String> {
    let rows: Vec<&RawValue> = serde_json::from_slice(body).unwrap();
    rows.iter().map(|row| row.get().to_owned()).collect()
}

fn input_settings() -> InputSettings {
    InputSettings {
        format: Format::Jsonl,
        ..InputSettings::default()
    }
}

/// An upload of one date, in which bad rows do not matter.
fn settings(state_dir: &Path, sources: Sources) -> Settings {
    Settings {
        target: Target::new("2100001", "3300002", "cn").unwrap(),
        hosts: vec!["byteair.example.com".to_owned()],
        same_target: false,
        topic: "item".parse().unwrap(),
        stage: StageKind::HistorySync,
        dates: vec!["2022-01-01".parse().unwrap()],
        date_from_path: None,
        zone: Zone::UTC,
        sources,
        input: input_settings(),
        batch: BatchSettings {
            rows: BatchSize::MAX,
            bytes: 8 << 20,
            gzip_level: DEFAULT_GZIP_LEVEL,
            memory_bytes: 64 << 20,
            max_in_flight: None,
            linger: None,
        },
        retry: RetrySettings {
            retry_for: Duration::from_secs(1),
            max_delay: Duration::from_secs(1),
        },
        gate: GateSettings {
            hold: false,
            several_machines: None,
            guards: GuardChanges {
                max_errors: Some(ErrorBudget::Rows(1_000)),
                ..GuardChanges::default()
            },
            stop_after_errors: 1_000,
            done_format: DoneFormat::Protobuf,
        },
        run: RunSettings {
            dry_run: false,
            place: None,
            restart: false,
            verify: false,
            max_duration: None,
            grace: Duration::ZERO,
            confirmed: None,
            state_dir: state_dir.to_owned(),
            command: "byteair-sync write".to_owned(),
            seed: None,
        },
        replay: None,
    }
}

/// The most rows and bytes of a batch.
type Limits = (u32, usize);

/// Lets the reading thread do its work and sees all its messages. The limits are in force one after
/// the other, a batch each; those that were are returned.
fn read(
    work: Vec<Work>,
    limits: &[Limits],
    budget: usize,
    spool_dir: PathBuf,
    see: impl FnMut(Message),
) -> Vec<Limits> {
    read_as((input_settings(), budget), work, limits, spool_dir, see)
}

/// The same with other settings of the inputs.
fn read_as(
    (settings, budget): (InputSettings, usize),
    work: Vec<Work>,
    limits: &[Limits],
    spool_dir: PathBuf,
    mut see: impl FnMut(Message),
) -> Vec<Limits> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (messages, mut incoming) = mpsc::channel(2);
    let given: Arc<Mutex<Vec<Limits>>> = Arc::default();
    let (noted, all) = (Arc::clone(&given), limits.to_vec());
    let batcher = Batcher {
        settings,
        limits: Arc::new(move |_| {
            let mut noted = noted.lock().unwrap();
            let next = all[noted.len() % all.len()];
            noted.push(next);
            next
        }),
        budget: Budget::new(budget),
        runtime: runtime.handle().clone(),
        messages,
        gauges: Arc::new(Gauges::default()),
        is_stopped: Arc::new(|_| false),
        is_ending: Arc::new(|| false),
        rejected: Arc::new(AtomicU64::new(0)),
        stop_after_errors: u64::MAX,
        spool_dir,
        linger: None,
    };
    std::thread::scope(|threads| {
        threads.spawn(move || batcher.run(work));
        while let Some(message) = incoming.blocking_recv() {
            see(message);
        }
    });
    let given = given.lock().unwrap();
    given.clone()
}
