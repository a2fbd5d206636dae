//! The report as one page for a browser, which stands by itself: no script, nothing from elsewhere.
//!
//! Whatever comes from the data is escaped on its one way into the page, and the page forbids
//! scripts and connections besides, so a row cannot do more than be read.

mod fields;

use super::{Findings, places};
use crate::cli::error::chain;
use crate::cli::figure::{grouped, size, time};
use crate::cli::printer::visible;
use crate::upload::report::Status;
use crate::validation::{BadRow, Group};
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");
/// Groups that are shown, of errors and of warnings each.
const MAX_GROUPS: usize = 200;
/// Inputs that are named.
const MAX_INPUTS: usize = 20;
/// Places that are shown of a group.
const MAX_PLACES: usize = 5;

/// The page.
pub fn page(findings: &Findings) -> String {
    let mut page = Page(String::new());
    page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
    page.raw("<title>byteair-sync validate</title>\n<style>\n");
    page.raw(STYLE);
    page.raw("</style>\n</head>\n<body>\n");
    page.head(findings);
    let report = &findings.report;
    page.failures(findings);
    page.groups("Errors", "error", &report.errors);
    page.groups("Warnings", "warning", &report.warnings);
    page.worst(&report.worst);
    if let Some(profile) = &report.profile {
        fields::fields(&mut page, profile);
    }
    page.raw("</body>\n</html>\n");
    page.0
}

/// A page that grows.
struct Page(String);

impl Page {
    /// Adds what is written here, never what comes from data.
    fn raw(&mut self, html: &str) {
        self.0.push_str(html);
    }

    /// Adds a text from anywhere.
    fn text(&mut self, text: &str) {
        for c in visible(text).chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
    }

    /// Adds a text in an element whose tag is written here.
    fn element(&mut self, open: &str, text: &str, close: &str) {
        self.raw(open);
        self.text(text);
        self.raw(close);
    }

    fn head(&mut self, findings: &Findings) {
        let report = &findings.report;
        self.raw("<h1>Rows before upload</h1>\n");
        let (class, verdict) = match findings.status() {
            Status::Success => ("good", "Every row is fine."),
            Status::RowsRejected => ("bad", "Some rows have errors; an upload would reject them."),
            Status::Nothing => ("warn", "There is no row."),
            _ => ("bad", "Some input could not be read to its end."),
        };
        self.element(&format!("<p class=\"{class}\"><b>"), verdict, "</b></p>\n");
        self.raw("<div class=\"tiles\">\n");
        let fine = report.rows.saturating_sub(report.bad_rows);
        let inputs = report.inputs.len().to_string();
        for (value, name) in [
            (grouped(report.rows), "rows"),
            (grouped(fine), "fine"),
            (grouped(report.bad_rows), "with errors"),
            (inputs, "inputs"),
            (size(report.bytes), "read"),
            (time(findings.elapsed), "taken"),
        ] {
            self.element("<div class=\"tile\"><b>", &value, "</b>");
            self.element("<span class=\"soft\">", name, "</span></div>\n");
        }
        self.raw("</div>\n");
        let named = report.inputs.iter().take(MAX_INPUTS);
        let mut names = named.map(String::as_str).collect::<Vec<_>>().join(", ");
        if report.inputs.len() > MAX_INPUTS {
            names.push_str(", …");
        }
        self.element("<p class=\"soft\">Inputs: ", &names, "</p>\n");
        if let Some(about) = findings.about_key() {
            self.element("<p class=\"soft\">", &about, "</p>\n");
        }
        let made = format!(
            "Made {} by byteair-sync {}",
            findings.made_at,
            env!("CARGO_PKG_VERSION")
        );
        self.element("<p class=\"soft\">", &made, "</p>\n");
    }

    fn failures(&mut self, findings: &Findings) {
        let failures = &findings.report.failures;
        if failures.is_empty() {
            return;
        }
        self.raw("<h2>Not read</h2>\n");
        for failure in failures.iter().take(MAX_GROUPS) {
            self.element("<p class=\"bad\">", &chain(failure), "</p>\n");
        }
    }

    fn groups(&mut self, title: &str, kind: &str, groups: &[Group]) {
        if groups.is_empty() {
            return;
        }
        self.element("<h2>", title, "</h2>\n<div class=\"wide\"><table>\n");
        self.element("<tr><th class=\"n\">rows</th><th>", kind, "</th>");
        self.raw("<th>field</th><th>what is wrong with the first</th><th>first places</th></tr>\n");
        for group in groups.iter().take(MAX_GROUPS) {
            self.element("<tr><td class=\"n\">", &grouped(group.rows), "</td>");
            self.element("<td class=\"kind\"><code>", group.kind, "</code></td>");
            self.element("<td class=\"field\"><b>", &group.field, "</b></td>");
            self.element("<td>", &group.message, "</td>");
            self.element(
                "<td class=\"places\"><code>",
                &places(group, MAX_PLACES),
                "</code></td></tr>\n",
            );
        }
        self.raw("</table></div>\n");
        if let Some(more) = groups
            .len()
            .checked_sub(MAX_GROUPS)
            .filter(|more| *more > 0)
        {
            self.element("<p class=\"soft\">and ", &more.to_string(), " more</p>\n");
        }
    }

    fn worst(&mut self, rows: &[BadRow]) {
        if rows.is_empty() {
            return;
        }
        self.raw("<h2>Rows with the most errors</h2>\n");
        for row in rows {
            self.element(
                "<div class=\"card\"><h3>",
                &row.place.to_string(),
                "</h3>\n",
            );
            for (field, kind, message) in &row.faults {
                self.element("<p><code class=\"bad\">", kind, "</code> ");
                self.element("<b>", field, "</b> ");
                self.text(message);
                self.raw("</p>\n");
            }
            if let Some(more) = row.count.checked_sub(row.faults.len()).filter(|it| *it > 0) {
                self.element("<p class=\"soft\">and ", &more.to_string(), " more</p>\n");
            }
            let goes_on = if row.cut_off { "…" } else { "" };
            self.element("<pre>", &format!("{}{goes_on}", row.raw), "</pre></div>\n");
        }
    }

    /// A bar of parts, each a class and a share of 1,000.
    fn bar(&mut self, parts: &[(&str, u64)], height: u64) {
        let _never_fails = write!(
            self.0,
            "<svg viewBox=\"0 0 1000 {height}\" height=\"{height}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
        );
        let mut from = 0;
        for (class, width) in parts {
            let _never_fails = write!(
                self.0,
                "<rect class=\"{class}\" x=\"{from}\" width=\"{width}\" height=\"{height}\"/>"
            );
            from += width;
        }
        self.raw("</svg>");
    }
}
