//! The report for programs: one line for each group of errors and of warnings, one for each input that
//! was not read and for each field, and the summary that every command ends with.

use super::Findings;
use crate::cli::error::chain;
use crate::cli::json_line::JsonLine;
use crate::upload::report::{Course, RejectGroup, Status, Summary, Totals};
use crate::validation::{FieldProfile, Group};
use serde_json::{Value, json};

/// Frequent values that are told of a field.
const MAX_VALUES: usize = 20;

/// The lines before the summary.
pub fn fault_lines(findings: &Findings) -> Vec<JsonLine<Value>> {
    let report = &findings.report;
    let group = |kind: &'static str, group: &Group| {
        let places: Vec<Value> = group
            .places
            .iter()
            .map(|place| json!({"file": place.input, "line": place.line}))
            .collect();
        let fields = json!({"code": group.kind, "field": field_of(group), "rows": group.rows,
            "message": group.message, "first": places});
        JsonLine::new(kind, fields)
    };
    let mut lines: Vec<JsonLine<Value>> =
        report.errors.iter().map(|it| group("fault", it)).collect();
    lines.extend(report.warnings.iter().map(|it| group("warning", it)));
    for failure in &report.failures {
        let status = if failure.is_usage() {
            Status::Usage
        } else {
            Status::BadInput
        };
        let fields = json!({"message": chain(failure), "exit_status": status.code()});
        lines.push(JsonLine::new("error", fields));
    }
    let profile = report.profile.as_ref();
    for field in profile.into_iter().flat_map(|profile| &profile.fields) {
        lines.push(field_line(field, profile.map_or(0, |it| it.rows)));
    }
    lines
}

fn field_of(group: &Group) -> Value {
    if group.field.is_empty() {
        Value::Null
    } else {
        group.field.as_str().into()
    }
}

/// What a field holds, in so many rows.
pub fn field_line(field: &FieldProfile, rows: u64) -> JsonLine<Value> {
    let kinds: serde_json::Map<String, Value> = field
        .kinds()
        .into_iter()
        .map(|(kind, count)| (kind.as_str().to_owned(), count.into()))
        .collect();
    let values: Vec<Value> = field
        .values
        .most_frequent(MAX_VALUES)
        .into_iter()
        .map(|(value, rows)| json!({"value": value, "rows": rows}))
        .collect();
    let (different, exact) = field.values.different();
    let numbers = field.numbers.as_ref();
    let fields = json!({
        "name": field.name,
        "rows": rows,
        "present": field.present,
        "null": field.nulls,
        "empty": field.empty,
        "kinds": kinds,
        "different": different,
        "different_exact": exact,
        "values": values,
        "values_not_told": field.values.others(),
        "min": numbers.map(|it| it.least.1.as_str()),
        "max": numbers.map(|it| it.greatest.1.as_str()),
        "min_chars": field.lengths.map(|it| it.0),
        "max_chars": field.lengths.map(|it| it.1),
    });
    JsonLine::new("field", fields)
}

/// The summary, in the form that all commands share: `rows_rejected` are the rows with an error.
pub fn summary_of(findings: &Findings) -> Summary {
    let report = &findings.report;
    let reject = |group: &Group| RejectGroup {
        code: group.kind.to_owned(),
        column: (!group.field.is_empty()).then(|| group.field.clone()),
        message: group.message.clone(),
        count: group.rows,
        first: group
            .places
            .first()
            .map(ToString::to_string)
            .unwrap_or_default(),
    };
    Summary {
        status: findings.status(),
        retryable: false,
        totals: Totals {
            rows_read: report.rows,
            rows_rejected: report.bad_rows,
            bytes_read: report.bytes,
            elapsed: findings.elapsed,
            ..Totals::default()
        },
        partitions: Vec::new(),
        rejects: report.errors.iter().map(reject).collect(),
        problems: report.failures.iter().map(|it| chain(it)).collect(),
        notes: findings.about_key().into_iter().collect(),
        next: Vec::new(),
        run_dir: None,
        course: Course::Ended,
        origin: None,
    }
}
