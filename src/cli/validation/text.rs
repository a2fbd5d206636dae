//! The report for people: the count, a table of errors and one of warnings, at most 80 columns wide.

use super::{Findings, places};
use crate::cli::error::chain;
use crate::cli::figure::grouped;
use crate::cli::printer::visible;
use crate::schema::{FieldType, Schema};
use crate::validation::Group;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, presets};

/// Columns of a screen.
const WIDTH: u16 = 80;
/// Groups that a table shows.
const MAX_GROUPS: usize = 40;
/// Places that a table shows of each.
const MAX_PLACES: usize = 3;
/// Inputs that could not be read that are named.
const MAX_FAILURES: usize = 20;

/// The whole report as text.
pub fn text(findings: &Findings) -> String {
    let report = &findings.report;
    let mut parts = vec![visible(&findings.headline()).into_owned()];
    if !report.errors.is_empty() {
        parts.push(table("rows", "error", &report.errors));
    }
    if !report.warnings.is_empty() {
        parts.push(table("rows", "warning", &report.warnings));
    }
    let failures = report.failures.iter().take(MAX_FAILURES);
    let mut remarks: Vec<String> = failures
        .map(|failure| format!("not read: {}", visible(&chain(failure))))
        .collect();
    remarks.extend(more(report.failures.len(), MAX_FAILURES, "inputs not read"));
    remarks.extend(findings.about_key().map(|text| visible(&text).into_owned()));
    if !remarks.is_empty() {
        parts.push(remarks.join("\n"));
    }
    parts.join("\n\n")
}

/// What the fields of a schema have to be, a line for each rule.
pub fn schema_rules(schema: &Schema) -> String {
    let mut table = new_table(["field", "type", "level", "values are"]);
    for field in &schema.fields {
        table.add_row([
            visible(&field.name).into_owned(),
            field.field_type.map_or("", FieldType::as_str).to_owned(),
            field.level.as_str().to_owned(),
            visible(&field.rules_in_words().join("; ")).into_owned(),
        ]);
    }
    let others = if schema.complete {
        "every field of the topic is here"
    } else {
        "there may be other fields"
    };
    let key = match schema.key.as_slice() {
        [] => "no key".to_owned(),
        key => format!("key {}", key.join(", ")),
    };
    format!("{}\n{}; {others}", table.trim_fmt(), visible(&key))
}

fn new_table(header: [&str; 4]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING.header_separator(LineStyle::new('─', '─', '─', '─')))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(header);
    table
}

fn table(rows: &str, kind: &str, groups: &[Group]) -> String {
    let mut table = new_table([
        rows,
        kind,
        "field",
        "what is wrong with the first, first places",
    ]);
    for group in groups.iter().take(MAX_GROUPS) {
        let (message, places) = (visible(&group.message), places(group, MAX_PLACES));
        table.add_row([
            grouped(group.rows),
            group.kind.to_owned(),
            visible(&group.field).into_owned(),
            format!("{message}\n{}", visible(&places)),
        ]);
    }
    if let Some(rows) = table.column_mut(0) {
        rows.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = table.trim_fmt();
    if let Some(more) = more(groups.len(), MAX_GROUPS, "groups; --json lists all") {
        text.push('\n');
        text.push_str(&more);
    }
    text
}

fn more(all: usize, shown: usize, what: &str) -> Option<String> {
    let left = all.checked_sub(shown).filter(|left| *left > 0)?;
    let left = u64::try_from(left).unwrap_or(u64::MAX);
    Some(format!("and {} more {what}", grouped(left)))
}
