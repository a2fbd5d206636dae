//! `done --require-report`: the other machines that uploaded parts of the same dates have to say
//! that their parts are complete.

use crate::domain::Partition;
use serde::Deserialize;
use std::path::Path;

/// The part of a report (`--report FILE`) that matters here.
#[derive(Debug, Deserialize)]
struct Report {
    exit_status: u8,
    dates: Vec<ReportedDate>,
}

#[derive(Debug, Deserialize)]
struct ReportedDate {
    topic: String,
    stage: String,
    date: Option<String>,
    rows_pending: u64,
}

/// Why a report does not allow `done` for a date; `None` when it agrees.
pub(super) fn objection(path: &Path, dates: &[Partition]) -> Option<String> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) => return Some(format!("{} cannot be read: {error}", path.display())),
    };
    objection_in(&text, dates).map(|why| format!("{} {why}", path.display()))
}

fn objection_in(text: &[u8], dates: &[Partition]) -> Option<String> {
    let report: Report = match serde_json::from_slice(text) {
        Ok(report) => report,
        Err(error) => return Some(format!("is no report of byteair-sync: {error}")),
    };
    if report.exit_status != 0 {
        return Some(format!(
            "ended with status {}: its upload is not complete",
            report.exit_status
        ));
    }
    dates.iter().find_map(|partition| {
        let day = partition.date().map(|date| date.to_string());
        let reported = report.dates.iter().find(|reported| {
            reported.topic == partition.topic.as_str()
                && reported.stage == partition.stage.kind().as_str()
                && reported.date == day
        });
        match reported {
            None => Some(format!("says nothing of {partition}")),
            Some(date) if date.rows_pending > 0 => Some(format!(
                "has {} row(s) of {partition} pending",
                date.rows_pending
            )),
            Some(_) => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Stage, Target};

    fn item() -> Vec<Partition> {
        vec![Partition {
            target: Target::new("1", "2", "cn").unwrap(),
            topic: "item".parse().unwrap(),
            stage: Stage::HistorySync("2022-01-01".parse().unwrap()),
        }]
    }

    fn report(exit_status: u8, topic: &str, pending: u64) -> String {
        format!(
            r#"{{"v":1,"type":"summary","exit_status":{exit_status},"dates":[{{"topic":"{topic}",
            "stage":"history_sync","date":"2022-01-01","rows_pending":{pending}}}]}}"#
        )
    }

    #[test]
    fn only_a_complete_upload_of_the_same_date_agrees() {
        let agrees = |text: &str| objection_in(text.as_bytes(), &item());
        assert_eq!(agrees(&report(0, "item", 0)), None);
        for bad in [
            report(5, "item", 0),
            report(0, "user", 0),
            report(0, "item", 3),
            "{}".to_owned(),
        ] {
            assert!(agrees(&bad).is_some(), "{bad}");
        }
    }
}
