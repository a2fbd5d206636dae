//! The lines of the text format: made of what was counted, and taken over from earlier runs.

use super::Entry;
use crate::domain::{StageKind, Target, Topic};
use crate::upload::event::DoneOutcome;
use crate::upload::report::{PartitionReport, Status};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Beginning of every name.
pub(super) const PREFIX: &str = "byteair_sync_";

/// Whose data it is; the one family that is of no topic.
const TARGET: &str = "target_info";

/// The family that outlives a failed run.
pub(super) const LAST_SUCCESS: &str = "last_success_timestamp_seconds";

/// Names without the prefix, and what they mean.
const FAMILIES: [(&str, &str); 11] = [
    (TARGET, "Whose data the other metrics are about."),
    (
        LAST_SUCCESS,
        "When a run of this topic and stage last ended with status 0.",
    ),
    (
        "last_run_timestamp_seconds",
        "When the last run of this topic and stage ended.",
    ),
    (
        "last_run_exit_status",
        "Exit status of the last run; 0 is success, 10 and 11 are normal overlap.",
    ),
    ("last_run_duration_seconds", "How long the last run took."),
    (
        "last_run_rows",
        "Rows of the dates that the last run was about, over all runs.",
    ),
    (
        "last_run_dates",
        "Dates that the last run was about, by what became of done.",
    ),
    (
        "last_run_requests",
        "Requests of the last run, repeated ones included.",
    ),
    ("last_run_retries", "Repeated requests of the last run."),
    (
        "last_run_throttled",
        "Requests of the last run that were answered 429.",
    ),
    ("last_run_sent_bytes", "Body bytes that the last run sent."),
];

/// What `done` of a date may have become.
const OUTCOMES: [DoneOutcome; 5] = [
    DoneOutcome::Sent,
    DoneOutcome::Already,
    DoneOutcome::Unconfirmed,
    DoneOutcome::Withheld,
    DoneOutcome::Unknown,
];

/// Why a text of earlier runs cannot be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MetricsError {
    /// It was not written by this program.
    #[error("line {0} is not of this program's making; name another file")]
    Foreign(usize),
    /// It is about other data.
    #[error(
        "it holds the metrics of another tenant, application or platform; name a file for each"
    )]
    OtherTarget,
}

/// The lines of every family, in order.
pub(super) struct Lines {
    target: String,
    /// By family, then by topic and stage, as they are spelt in a line.
    families: BTreeMap<&'static str, BTreeMap<String, Vec<String>>>,
    told: BTreeSet<String>,
}

impl Lines {
    /// Nothing but whose data it is.
    pub(super) fn new(target: &Target) -> Self {
        let info = format!(
            "{PREFIX}{TARGET}{{tenant=\"{}\",application=\"{}\",platform=\"{}\"}} 1",
            escaped(target.tenant()),
            escaped(target.application()),
            escaped(target.platform())
        );
        Self {
            target: info,
            families: BTreeMap::new(),
            told: BTreeSet::new(),
        }
    }

    /// Adds a topic and stage.
    pub(super) fn add(
        &mut self,
        (topic, stage): &(Topic, StageKind),
        entry: &Entry,
        ended: DateTime<Utc>,
    ) {
        let name = format!("topic=\"{topic}\",stage=\"{stage}\"");
        let mut put = |family: &'static str, label: &str, value: String| {
            let line = format!("{PREFIX}{family}{{{name}{label}}} {value}");
            let lines = self.families.entry(family).or_default();
            lines.entry(name.clone()).or_default().push(line);
        };
        let ended = ended.timestamp().to_string();
        if entry.status == Status::Success {
            put(LAST_SUCCESS, "", ended.clone());
        }
        put("last_run_timestamp_seconds", "", ended);
        put("last_run_exit_status", "", entry.status.code().to_string());
        let seconds = entry.elapsed.as_secs_f64();
        put("last_run_duration_seconds", "", format!("{seconds:.3}"));
        let sum = |of: fn(&PartitionReport) -> u64| entry.dates.iter().map(of).sum::<u64>();
        for (outcome, rows) in [
            ("accepted", sum(|date| date.rows_accepted)),
            ("unconfirmed", sum(|date| date.rows_unconfirmed)),
            ("rejected", sum(|date| date.rows_rejected)),
            ("pending", sum(|date| date.rows_pending)),
        ] {
            let label = format!(",outcome=\"{outcome}\"");
            put("last_run_rows", &label, rows.to_string());
        }
        for outcome in OUTCOMES.iter().filter(|_| stage.is_offline()) {
            let dates = entry.dates.iter().filter(|date| date.done == *outcome);
            let label = format!(",done=\"{}\"", outcome.as_str());
            put("last_run_dates", &label, dates.count().to_string());
        }
        for (family, count) in [
            ("last_run_requests", entry.counts.requests),
            ("last_run_retries", entry.counts.retries),
            ("last_run_throttled", entry.counts.throttled),
            ("last_run_sent_bytes", entry.counts.bytes),
        ] {
            put(family, "", count.to_string());
        }
        self.told.insert(name);
    }

    /// Takes over what a text of earlier runs says of other topics and stages, and the last success
    /// of those that have none now.
    pub(super) fn take_over(&mut self, earlier: &str) -> Result<(), MetricsError> {
        for (number, line) in (1..).zip(earlier.lines()) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (family, name) = parts(line).ok_or(MetricsError::Foreign(number))?;
            if family == TARGET {
                if line != self.target {
                    return Err(MetricsError::OtherTarget);
                }
                continue;
            }
            let lines = self.families.entry(family).or_default();
            let is_news = self.told.contains(name)
                && (family != LAST_SUCCESS || lines.get(name).is_some_and(|it| it.len() == 1));
            if !is_news {
                lines
                    .entry(name.to_owned())
                    .or_default()
                    .push(line.to_owned());
            }
        }
        Ok(())
    }

    /// All of it.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (family, help) in FAMILIES {
            let of_topics = self.families.get(family);
            let of_topics = of_topics.into_iter().flat_map(BTreeMap::values).flatten();
            let of_target = (family == TARGET).then_some(&self.target);
            let lines: Vec<&String> = of_target.into_iter().chain(of_topics).collect();
            if lines.is_empty() {
                continue;
            }
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# HELP {PREFIX}{family} {help}");
            let _ = writeln!(text, "# TYPE {PREFIX}{family} gauge");
            for line in lines {
                text.extend([line, "\n"]);
            }
        }
        text
    }
}

/// The family of a line, and its topic and stage as they are spelt there.
fn parts(line: &str) -> Option<(&'static str, &str)> {
    let (name, rest) = line.strip_prefix(PREFIX)?.split_once('{')?;
    let (family, _) = FAMILIES.iter().find(|(family, _)| *family == name)?;
    let (labels, value) = rest.rsplit_once("} ")?;
    value.parse::<f64>().ok()?;
    if *family == TARGET {
        return Some((family, labels));
    }
    let (topic, rest) = labels.strip_prefix("topic=\"")?.split_once("\",stage=\"")?;
    let (stage, _) = rest.split_once('"')?;
    topic.parse::<Topic>().ok()?;
    stage.parse::<StageKind>().ok()?;
    let length = "topic=\"\",stage=\"\"".len() + topic.len() + stage.len();
    Some((family, labels.get(..length)?))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
