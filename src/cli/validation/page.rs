//! The report as one page for a browser, which stands by itself.
//!
//! What comes from the data is escaped by [`Page`], which also forbids scripts, so a row cannot do
//! more than be read.

mod fields;

use super::{Findings, places};
use crate::cli::error::chain;
use crate::cli::figure::{grouped, size, time};
use crate::text::{Page, Scripts};
use crate::upload::report::Status;
use crate::validation::{BadRow, Group};

/// Groups that are shown, of errors and of warnings each.
const MAX_GROUPS: usize = 200;
/// Inputs that are named.
const MAX_INPUTS: usize = 20;
/// Places that are shown of a group.
const MAX_PLACES: usize = 5;

/// The page.
pub fn page(findings: &Findings) -> String {
    let mut page = Page::new("byteair-sync validate", Scripts::None);
    head(&mut page, findings);
    let report = &findings.report;
    failures(&mut page, findings);
    groups(&mut page, "Errors", "error", &report.errors);
    groups(&mut page, "Warnings", "warning", &report.warnings);
    worst(&mut page, &report.worst);
    if let Some(profile) = &report.profile {
        fields::fields(&mut page, profile);
    }
    page.end()
}

fn head(page: &mut Page, findings: &Findings) {
    let report = &findings.report;
    page.raw("<h1>Rows before upload</h1>\n");
    let (class, verdict) = match findings.status() {
        Status::Success => ("good", "Every row is fine."),
        Status::RowsRejected => (
            "bad",
            "Some rows have errors. An upload with this schema would reject them, except rows with a key that another row has: those it sends.",
        ),
        Status::Nothing => ("warn", "There is no row."),
        _ => ("bad", "Some input could not be read to its end."),
    };
    page.element(&format!("<p class=\"{class}\"><b>"), verdict, "</b></p>\n");
    let fine = report.rows.saturating_sub(report.bad_rows);
    page.tiles(&[
        (grouped(report.rows), "rows"),
        (grouped(fine), "fine"),
        (grouped(report.bad_rows), "with errors"),
        (report.inputs.len().to_string(), "inputs"),
        (size(report.bytes), "read"),
        (time(findings.elapsed), "taken"),
    ]);
    let named = report.inputs.iter().take(MAX_INPUTS);
    let mut names = named.map(String::as_str).collect::<Vec<_>>().join(", ");
    if report.inputs.len() > MAX_INPUTS {
        names.push_str(", …");
    }
    page.element("<p class=\"soft\">Inputs: ", &names, "</p>\n");
    if let Some(about) = findings.about_key() {
        page.element("<p class=\"soft\">", &about, "</p>\n");
    }
    let made = format!(
        "Made {} by byteair-sync {}",
        findings.made_at,
        env!("CARGO_PKG_VERSION")
    );
    page.element("<p class=\"soft\">", &made, "</p>\n");
}

fn failures(page: &mut Page, findings: &Findings) {
    let failures = &findings.report.failures;
    if failures.is_empty() {
        return;
    }
    page.raw("<h2>Not read</h2>\n");
    for failure in failures.iter().take(MAX_GROUPS) {
        page.element("<p class=\"bad\">", &chain(failure), "</p>\n");
    }
}

fn groups(page: &mut Page, title: &str, kind: &str, groups: &[Group]) {
    if groups.is_empty() {
        return;
    }
    page.element("<h2>", title, "</h2>\n<div class=\"wide\"><table>\n");
    page.element("<tr><th class=\"n\">rows</th><th>", kind, "</th>");
    page.raw("<th>field</th><th>what is wrong with the first</th><th>first places</th></tr>\n");
    for group in groups.iter().take(MAX_GROUPS) {
        page.element("<tr><td class=\"n\">", &grouped(group.rows), "</td>");
        page.element("<td class=\"kind\"><code>", group.kind, "</code></td>");
        page.element("<td class=\"field\"><b>", &group.field, "</b></td>");
        page.element("<td>", &group.message, "</td>");
        page.element(
            "<td class=\"places\"><code>",
            &places(group, MAX_PLACES),
            "</code></td></tr>\n",
        );
    }
    page.raw("</table></div>\n");
    if let Some(more) = groups
        .len()
        .checked_sub(MAX_GROUPS)
        .filter(|more| *more > 0)
    {
        page.element("<p class=\"soft\">and ", &more.to_string(), " more</p>\n");
    }
}

fn worst(page: &mut Page, rows: &[BadRow]) {
    if rows.is_empty() {
        return;
    }
    page.raw("<h2>Rows with the most errors</h2>\n");
    for row in rows {
        page.element(
            "<div class=\"card\"><h3>",
            &row.place.to_string(),
            "</h3>\n",
        );
        for (field, kind, message) in &row.faults {
            page.element("<p><code class=\"bad\">", kind, "</code> ");
            page.element("<b>", field, "</b> ");
            page.text(message);
            page.raw("</p>\n");
        }
        if let Some(more) = row.count.checked_sub(row.faults.len()).filter(|it| *it > 0) {
            page.element("<p class=\"soft\">and ", &more.to_string(), " more</p>\n");
        }
        let goes_on = if row.cut_off { "…" } else { "" };
        page.element("<pre>", &format!("{}{goes_on}", row.raw), "</pre></div>\n");
    }
}
