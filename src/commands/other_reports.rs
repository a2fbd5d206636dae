//! `done --require-report`: the other machines that uploaded parts of the same dates have to say
//! that their parts are complete.
//!
//! A report counts only when it is of a run that has ended, for this target, with another ledger
//! than the one at hand; what does not say so is refused.

use crate::domain::{Partition, Target};
use crate::text::grouped;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The part of a report (`--report FILE`) that matters here. Reports of older versions lack some.
#[derive(Debug, Deserialize)]
struct Report {
    r#type: String,
    exit_status: u8,
    finished: Option<bool>,
    #[serde(default)]
    dry_run: bool,
    target: Option<ReportedTarget>,
    ledger: Option<String>,
    dates: Vec<ReportedDate>,
}

impl Report {
    /// What it says of a date.
    fn of(&self, partition: &Partition) -> Option<&ReportedDate> {
        let day = partition.date().map(|date| date.to_string());
        self.dates.iter().find(|reported| {
            reported.topic == partition.topic.as_str()
                && reported.stage == partition.stage.kind().as_str()
                && reported.date == day
        })
    }
}

#[derive(Debug, Deserialize)]
struct ReportedTarget {
    tenant: String,
    application: String,
    platform: String,
}

impl ReportedTarget {
    fn is(&self, target: &Target) -> bool {
        self.tenant == target.tenant()
            && self.application == target.application()
            && self.platform == target.platform()
    }
}

#[derive(Debug, Deserialize)]
struct ReportedDate {
    topic: String,
    stage: String,
    date: Option<String>,
    rows_pending: u64,
    done: Option<String>,
}

impl ReportedDate {
    fn is_done(&self) -> bool {
        matches!(
            self.done.as_deref(),
            Some("sent" | "already" | "unconfirmed")
        )
    }
}

/// What the reports have to be about.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    /// Whose data.
    pub(super) target: &'a Target,
    /// The name of the ledger of this machine, if it has one.
    pub(super) own_ledger: Option<&'a str>,
    /// The dates that are to be marked done.
    pub(super) dates: &'a [Partition],
}

impl Wanted<'_> {
    /// Why the reports do not allow `done`: each by itself, and those that are no other machine's.
    pub(super) fn objections(&self, paths: &[PathBuf]) -> Vec<String> {
        let mut ledgers: Vec<(String, &Path)> = Vec::new();
        let mut objections = Vec::new();
        for path in paths {
            if let Some(objection) = self.objection(path) {
                objections.push(objection);
                continue;
            }
            let Some(ledger) = read(path).and_then(|report| report.ledger) else {
                continue;
            };
            match ledgers.iter().find(|(known, _)| *known == ledger) {
                Some((_, first)) => objections.push(format!(
                    "{} is of the same machine as {}; name one report of each other machine",
                    path.display(),
                    first.display()
                )),
                None => ledgers.push((ledger, path)),
            }
        }
        objections
    }

    /// The dates whose `done` one of the reports has.
    pub(super) fn done_elsewhere(&self, paths: &[PathBuf]) -> Vec<Partition> {
        let reports: Vec<Report> = paths.iter().filter_map(|path| read(path)).collect();
        let is_done = |partition: &&Partition| {
            let mut reported = reports.iter().filter_map(|report| report.of(partition));
            reported.any(ReportedDate::is_done)
        };
        self.dates.iter().filter(is_done).cloned().collect()
    }

    /// Why a report does not allow `done`; `None` when it agrees.
    fn objection(&self, path: &Path) -> Option<String> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) => return Some(format!("{} cannot be read: {error}", path.display())),
        };
        self.objection_in(&text)
            .map(|why| format!("{} {why}", path.display()))
    }

    fn objection_in(&self, text: &[u8]) -> Option<String> {
        let report: Report = match serde_json::from_slice(text) {
            Ok(report) => report,
            Err(error) => return Some(format!("is no report of byteair-sync: {error}")),
        };
        if report.r#type != "summary" {
            return Some("is no report of byteair-sync".to_owned());
        }
        wrong_run(&report)
            .or_else(|| self.wrong_origin(&report))
            .or_else(|| self.wrong_dates(&report))
    }

    fn wrong_origin(&self, report: &Report) -> Option<String> {
        let (Some(true), Some(target), Some(ledger)) =
            (report.finished, &report.target, &report.ledger)
        else {
            return Some(
                "does not say for which target and with which ledger it was made; run the same upload command with --report there once more, with this version, to make it anew"
                    .to_owned(),
            );
        };
        if !target.is(self.target) {
            let ReportedTarget {
                tenant,
                application,
                platform,
            } = target;
            return Some(format!(
                "is about the target {tenant}/{application}@{platform}, not {}",
                self.target
            ));
        }
        (self.own_ledger == Some(ledger.as_str())).then(|| {
            "was made with the ledger of this machine; the reports of the other machines are needed"
                .to_owned()
        })
    }

    fn wrong_dates(&self, report: &Report) -> Option<String> {
        self.dates
            .iter()
            .find_map(|partition| match report.of(partition) {
                None => Some(format!("says nothing of {partition}")),
                Some(date) if date.rows_pending > 0 => Some(format!(
                    "has {} row(s) of {partition} pending",
                    grouped(date.rows_pending)
                )),
                Some(_) => None,
            })
    }
}

fn read(path: &Path) -> Option<Report> {
    let text = std::fs::read(path).ok()?;
    serde_json::from_slice(&text).ok()
}

fn wrong_run(report: &Report) -> Option<String> {
    if report.finished == Some(false) {
        return Some(
            "is of a run that has not ended, or was killed; run its command to its end there"
                .to_owned(),
        );
    }
    if report.dry_run {
        return Some("is of a dry run, which uploads nothing".to_owned());
    }
    (report.exit_status != 0).then(|| {
        format!(
            "ended with status {}: its upload is not complete",
            report.exit_status
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Stage;
    use serde_json::{Value, json};

    fn objection(report: &Value) -> Option<String> {
        let target = Target::new("1", "2", "cn").unwrap();
        let dates = [Partition {
            target: target.clone(),
            topic: "item".parse().unwrap(),
            stage: Stage::HistorySync("2022-01-01".parse().unwrap()),
        }];
        let wanted = Wanted {
            target: &target,
            own_ledger: Some("own"),
            dates: &dates,
        };
        wanted.objection_in(report.to_string().as_bytes())
    }

    fn report() -> Value {
        json!({
            "v": 1, "type": "summary", "exit_status": 0, "finished": true, "dry_run": false,
            "target": {"tenant": "1", "application": "2", "platform": "cn"}, "ledger": "other",
            "dates": [{"topic": "item", "stage": "history_sync", "date": "2022-01-01",
                       "rows_pending": 0}],
        })
    }

    #[test]
    fn only_a_complete_upload_of_the_same_date_agrees() {
        assert_eq!(objection(&report()), None);
        for (pointer, bad) in [
            ("/exit_status", json!(5)),
            ("/type", json!("progress")),
            ("/finished", json!(false)),
            ("/finished", json!(null)),
            ("/dry_run", json!(true)),
            ("/target/tenant", json!("2")),
            ("/target/application", json!("1")),
            ("/target/platform", json!("sandbox")),
            ("/target", json!(null)),
            ("/ledger", json!("own")),
            ("/ledger", json!(null)),
            ("/dates/0/topic", json!("user")),
            ("/dates/0/stage", json!("incremental_sync_daily")),
            ("/dates/0/date", json!("2022-01-02")),
            ("/dates/0/rows_pending", json!(3)),
            ("/dates", json!([])),
        ] {
            let mut report = report();
            *report.pointer_mut(pointer).unwrap() = bad;
            assert!(objection(&report).is_some(), "{report}");
        }
        assert!(objection(&json!({})).is_some());
    }
}
