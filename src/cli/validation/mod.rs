//! What a validation found, as a table for people, as lines for programs, and as a page.
//!
//! All three show the same report and decide nothing but the exit status, which follows from it.

mod machine;
mod page;
mod text;

pub use machine::{fault_lines, field_line, summary_of};
pub use page::page;
pub use text::{schema_rules, text};

use crate::upload::report::Status;
use crate::validation::{Failure, Group, Report};
use std::time::Duration;

/// A report, and what is said around it.
#[derive(Debug)]
pub struct Findings {
    /// What was found.
    pub report: Report,
    /// How long that took.
    pub elapsed: Duration,
    /// The instant of the report, for people.
    pub made_at: String,
}

impl Findings {
    /// The exit status: 4 (or 2) for an input that cannot be read, 3 for bad rows, 8 for no row.
    pub fn status(&self) -> Status {
        let report = &self.report;
        let of_failure = |failure: &Failure| {
            if failure.is_usage() {
                Status::Usage
            } else {
                Status::BadInput
            }
        };
        let mut status = match (report.rows, report.bad_rows) {
            (_, 1..) => Status::RowsRejected,
            (0, 0) => Status::Nothing,
            _ => Status::Success,
        };
        for failure in &report.failures {
            status = status.worst(of_failure(failure));
        }
        status
    }

    /// The account in one sentence.
    fn headline(&self) -> String {
        use super::figure::{counted, grouped, size, time};
        let report = &self.report;
        let inputs = u64::try_from(report.inputs.len()).unwrap_or(u64::MAX);
        let fine = report.rows.saturating_sub(report.bad_rows);
        let verdict = match (report.rows, report.bad_rows) {
            (0, _) => "there is none".to_owned(),
            (_, 0) if !report.failures.is_empty() => {
                "no error in these, but not every input could be read".to_owned()
            }
            (_, 0) => "all are fine".to_owned(),
            (_, bad) => format!("{} fine, {} with errors", grouped(fine), grouped(bad)),
        };
        format!(
            "{} of {} ({}) read in {}: {verdict}",
            counted(report.rows, "row", "rows"),
            counted(inputs, "input", "inputs"),
            size(report.bytes),
            time(self.elapsed)
        )
    }

    /// What is said about duplicates, if they were looked for.
    fn about_key(&self) -> Option<String> {
        use super::figure::counted;
        let key = &self.report.key;
        if key.fields.is_empty() {
            return None;
        }
        let mut text = format!(
            "key {}: {} compared with one another",
            key.fields.join(", "),
            counted(key.rows, "row", "rows")
        );
        if key.too_long > 0 {
            let rows = counted(key.too_long, "row", "rows");
            text.extend(["; ", &rows, " not, since the key is longer than 4 KiB"]);
        }
        Some(text)
    }
}

/// The first places of a group, and that there are more.
fn places(group: &Group, shown: usize) -> String {
    let places: Vec<String> = group
        .places
        .iter()
        .take(shown)
        .map(ToString::to_string)
        .collect();
    let told = u64::try_from(places.len()).unwrap_or(u64::MAX);
    let more = if group.rows > told { ", …" } else { "" };
    format!("{}{more}", places.join(", "))
}
