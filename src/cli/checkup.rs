//! What `doctor` found, for people and for programs.
//!
//! A check that fails takes two lines: what was found, and what to do about it.

use super::json_line::JsonLine;
use super::printer::visible;
use crate::upload::report::Status;
use serde_json::{Value, json};
use std::fmt::Write;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// A word or two.
    pub name: String,
    /// What was found.
    pub finding: Finding,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// All is well.
    Fine(String),
    /// It works, and something should be done all the same.
    Notice(Remedy),
    /// Neither a yes nor a no.
    NotVerified(Remedy),
    /// It was not looked at, for this reason.
    Skipped(String),
    /// No upload would work; the exit status that it would have.
    Failed(Status, Remedy),
}

/// What was found, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// What was found.
    pub what: String,
    /// What to do; empty when the first says it already.
    pub cure: String,
}

impl Remedy {
    /// A cause and its cure.
    pub fn new(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            cure: cure.into(),
        }
    }
}

impl Check {
    /// A check with what was found.
    pub fn new(name: impl Into<String>, finding: Finding) -> Self {
        Self {
            name: name.into(),
            finding,
        }
    }

    /// The exit status that it means.
    pub const fn status(&self) -> Status {
        match self.finding {
            Finding::Failed(status, _) => status,
            _ => Status::Success,
        }
    }

    /// What was found in one line: cause and cure.
    pub fn line(&self) -> String {
        let (_, what, cure) = self.parts();
        let name = &self.name;
        if cure.is_empty() {
            format!("{name}: {what}")
        } else {
            format!("{name}: {what}; {cure}")
        }
    }

    /// The line of `--json`.
    pub fn json_line(&self) -> JsonLine<Value> {
        let (label, what, cure) = self.parts();
        let state = label.to_ascii_lowercase().replace(' ', "_");
        let cure = (!cure.is_empty()).then_some(cure);
        let status = self.status().code();
        let fields = json!({
            "name": self.name, "state": state, "what": what, "cure": cure, "exit_status": status,
        });
        JsonLine::new("check", fields)
    }

    fn parts(&self) -> (&'static str, &str, &str) {
        match &self.finding {
            Finding::Fine(what) => ("ok", what, ""),
            Finding::Notice(remedy) => ("notice", &remedy.what, &remedy.cure),
            Finding::NotVerified(remedy) => ("not verified", &remedy.what, &remedy.cure),
            Finding::Skipped(why) => ("skipped", why, ""),
            Finding::Failed(_, remedy) => ("FAILED", &remedy.what, &remedy.cure),
        }
    }
}

/// The checks for people.
pub fn text(checks: &[Check]) -> String {
    let width = |of: fn(&Check) -> usize| checks.iter().map(of).max().unwrap_or(0);
    let names = width(|check| check.name.chars().count());
    let labels = width(|check| check.parts().0.len());
    let mut text = String::new();
    for check in checks {
        let (label, what, cure) = check.parts();
        let (name, what) = (&check.name, visible(what));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{label:labels$}  {name:names$}  {what}");
        if !cure.is_empty() {
            let nothing = "";
            let cure = visible(cure);
            let _ = writeln!(text, "{nothing:labels$}  {nothing:names$}  -> {cure}");
        }
    }
    let failed: Vec<&str> = checks
        .iter()
        .filter(|check| check.status() != Status::Success)
        .map(|check| check.name.as_str())
        .collect();
    let verdict = match failed.as_slice() {
        [] => "nothing would keep an upload from working".to_owned(),
        failed => format!(
            "{} of {} checks failed: {}",
            failed.len(),
            checks.len(),
            failed.join(", ")
        ),
    };
    text.push_str(&verdict);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_two_lines_with_cause_and_cure() {
        let checks = [
            Check::new("dns", Finding::Fine("a is b".to_owned())),
            Check::new(
                "clock",
                Finding::Failed(Status::Unauthorized, Remedy::new("it is wrong", "set it")),
            ),
        ];
        assert_eq!(
            text(&checks),
            "ok      dns    a is b\n\
             FAILED  clock  it is wrong\n               -> set it\n\
             1 of 2 checks failed: clock"
        );
        assert_eq!(checks[1].line(), "clock: it is wrong; set it");
        let line = serde_json::to_value(checks[1].json_line()).unwrap();
        assert_eq!(
            (line["state"].as_str(), line["exit_status"].as_u64()),
            (Some("failed"), Some(12))
        );
    }
}
