//! Counts and latencies of requests, reported to the platform as its SDKs do when asked to.
//!
//! The vendor's support looks at these figures when something goes wrong (D141252). Names, tags and
//! endpoints are those of the SDKs; what is kept between two reports is bounded. Whatever becomes of
//! a report, uploads do not notice.

use crate::protocol::messages::{Metric, MetricMessage};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Beginning of every name.
const PREFIX: &str = "volcengine.rec.sdk";

/// Latencies kept of one URL between two reports, as in the SDKs.
const MAX_LATENCIES: usize = 65_536;

/// URLs kept between two reports; a run has one for each topic and call.
const MAX_CALLS: usize = 64;

/// Shares of the latencies that are reported, in thousandths.
const PERCENTILES: [(&str, usize); 5] = [
    ("pct75", 750),
    ("pct90", 900),
    ("pct95", 950),
    ("pct99", 990),
    ("pct999", 999),
];

/// How a request ended, as the SDKs see it: they look at the HTTP status alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    /// HTTP 200.
    Success,
    /// Another HTTP status.
    Status(u16),
    /// No response, and why.
    Without(&'static str),
}

/// The figures since the last report.
#[derive(Debug, Default)]
pub(super) struct Figures(Mutex<BTreeMap<(String, Ending), Calls>>);

#[derive(Debug, Default)]
struct Calls {
    count: u64,
    /// Milliseconds.
    latencies: Vec<u32>,
}

/// What one report says: to the endpoint of counters, and to that of timers.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) counters: MetricMessage,
    pub(super) timers: MetricMessage,
}

impl Figures {
    /// Notes a request.
    pub(super) fn note(&self, url: String, ending: Ending, took: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (url, ending);
        if all.len() >= MAX_CALLS && !all.contains_key(&name) {
            return;
        }
        let calls = all.entry(name).or_default();
        calls.count = calls.count.saturating_add(1);
        if ending == Ending::Success && calls.latencies.len() < MAX_LATENCIES {
            let milliseconds = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
            calls.latencies.push(milliseconds);
        }
    }

    /// Takes what there is to report; `None` when nothing happened.
    pub(super) fn take(&self, now: DateTime<Utc>) -> Option<Report> {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if all.is_empty() {
            return None;
        }
        let timestamp = u64::try_from(now.timestamp()).unwrap_or(0);
        let mut report = Report::default();
        for ((url, ending), calls) in all {
            let tags = tags(&url, ending);
            let metric = |name: String, value: f64| Metric {
                metric: format!("{PREFIX}.{name}"),
                timestamp,
                value,
                tags: tags.clone(),
            };
            let invoke = match ending {
                Ending::Success => "invoke.success",
                _ => "invoke.error",
            };
            let count = u32::try_from(calls.count).unwrap_or(u32::MAX);
            let count = metric(format!("{invoke}.count"), f64::from(count));
            report.counters.metrics.push(count);
            let timers = timers(calls.latencies).into_iter();
            let timers =
                timers.map(|(name, value)| metric(format!("{invoke}.latency.{name}"), value));
            report.timers.metrics.extend(timers);
        }
        Some(report)
    }
}

fn timers(mut latencies: Vec<u32>) -> Vec<(&'static str, f64)> {
    latencies.sort_unstable();
    let (Some(least), Some(most)) = (latencies.first(), latencies.last()) else {
        return Vec::new();
    };
    let sum: f64 = latencies.iter().map(|it| f64::from(*it)).sum();
    let count = u32::try_from(latencies.len()).unwrap_or(u32::MAX);
    let mut timers = vec![
        ("max", f64::from(*most)),
        ("min", f64::from(*least)),
        ("avg", sum / f64::from(count)),
    ];
    timers.extend(PERCENTILES.iter().filter_map(|(name, thousandths)| {
        let rank = latencies.len().saturating_mul(*thousandths).div_ceil(1_000);
        let value = latencies.get(rank.saturating_sub(1))?;
        Some((*name, f64::from(*value)))
    }));
    timers
}

fn tags(url: &str, ending: Ending) -> BTreeMap<String, String> {
    let path = url.split('?').next().unwrap_or_default();
    let mut segments = path.rsplit('/');
    let scene = segments.next().unwrap_or_default();
    let application = segments.next().unwrap_or_default();
    // The names of these values are the SDKs' own.
    let mut tags = vec![
        ("url", url.replace('=', "_is_")),
        ("req_type", "data-api".to_owned()),
        ("tenant", application.to_owned()),
        ("scene", scene.to_owned()),
        ("language", "rust".to_owned()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    match ending {
        Ending::Success => {}
        Ending::Status(status) => {
            tags.push(("code", status.to_string()));
            tags.push(("message", "invoke-fail".to_owned()));
        }
        Ending::Without(why) => tags.push(("message", why.to_owned())),
    }
    let tags = tags.into_iter();
    tags.map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_the_names_and_tags_of_the_sdks_and_is_told_once() {
        let figures = Figures::default();
        let url = "https://h/data/api/2001/item?method=write&stage=pre_sync".to_owned();
        for milliseconds in 1..=1_000 {
            let took = Duration::from_millis(milliseconds);
            figures.note(url.clone(), Ending::Success, took);
        }
        figures.note(url.clone(), Ending::Status(502), Duration::ZERO);
        figures.note(url, Ending::Without("timeout"), Duration::ZERO);
        let report = figures.take(Utc::now()).unwrap();
        let counters: Vec<(&str, f64)> = report
            .counters
            .metrics
            .iter()
            .map(|it| (it.metric.as_str(), it.value))
            .collect();
        let error = ("volcengine.rec.sdk.invoke.error.count", 1.0);
        let success = ("volcengine.rec.sdk.invoke.success.count", 1_000.0);
        assert_eq!(counters, [success, error, error]);
        let tags = &report.counters.metrics[1].tags;
        assert_eq!(
            tags["url"],
            "https://h/data/api/2001/item?method_is_write&stage_is_pre_sync"
        );
        assert_eq!(
            (tags["tenant"].as_str(), tags["scene"].as_str()),
            ("2001", "item")
        );
        assert_eq!(
            (tags["code"].as_str(), tags["message"].as_str()),
            ("502", "invoke-fail")
        );
        let timers: Vec<(&str, f64)> = report
            .timers
            .metrics
            .iter()
            .map(|it| (it.metric.rsplit('.').next().unwrap(), it.value))
            .collect();
        assert_eq!(
            timers,
            [
                ("max", 1_000.0),
                ("min", 1.0),
                ("avg", 500.5),
                ("pct75", 750.0),
                ("pct90", 900.0),
                ("pct95", 950.0),
                ("pct99", 990.0),
                ("pct999", 999.0),
            ]
        );
        assert!(figures.take(Utc::now()).is_none());
    }
}
