//! `status --html`: the ledger and the last runs as one page for a browser.
//!
//! Shows what `status`, `rejects list` and the records of runs say, and decides nothing. Names and
//! messages come from outside; they enter the page as text only, by [`Page`].

mod days;
mod runs;

use super::calendar::{DayState, Series};
use super::figure::grouped;
use super::run_record::Runs;
use crate::text::{Page, Scripts, per_mille};
use crate::upload::report::RejectGroup;

/// Reasons for rejected rows that are shown.
const MAX_REASONS: usize = 50;

/// What the page shows.
#[derive(Debug)]
pub struct StatusPage<'a> {
    /// Days by topic and stage.
    pub all: &'a [Series],
    /// Open rejected rows by reason.
    pub rejects: &'a [RejectGroup],
    /// The newest runs.
    pub runs: &'a Runs,
    /// The instant of the page, for people.
    pub made_at: &'a str,
}

/// The page.
pub fn status_page(what: &StatusPage<'_>) -> String {
    let mut page = Page::new("byteair-sync status", Scripts::None);
    head(&mut page, what);
    days::calendars(&mut page, what.all);
    days::owed(&mut page, what.all);
    days::rows_per_day(&mut page, what.all);
    rejects(&mut page, what.rejects);
    runs::timelines(&mut page, what.runs);
    runs::table(&mut page, what.runs);
    page.end()
}

fn head(page: &mut Page, what: &StatusPage<'_>) {
    page.raw("<h1>What is uploaded</h1>\n");
    let days = |state: DayState| -> u64 { what.all.iter().map(|series| series.count(state)).sum() };
    let all: u64 = DayState::ALL.iter().map(|state| days(*state)).sum();
    let open = all - days(DayState::Done).min(all);
    let rows = |of: fn(&super::calendar::DayRows) -> u64| -> u64 {
        let days = what.all.iter().flat_map(Series::all);
        days.map(|(_, day)| of(&day.rows)).sum()
    };
    page.tiles(&[
        (grouped(days(DayState::Done)), "days done"),
        (grouped(open), "days not done"),
        (grouped(rows(|rows| rows.accepted)), "rows accepted"),
        (grouped(rows(|rows| rows.unconfirmed)), "unconfirmed"),
        (grouped(rows(|rows| rows.rejected)), "rejected"),
        (grouped(rows(|rows| rows.pending)), "pending"),
    ]);
    let made = format!(
        "Made {} by byteair-sync {}",
        what.made_at,
        env!("CARGO_PKG_VERSION")
    );
    page.element("<p class=\"soft\">", &made, "</p>\n");
}

fn rejects(page: &mut Page, groups: &[RejectGroup]) {
    if groups.is_empty() {
        return;
    }
    page.raw("<h2>Rejected rows by reason</h2>\n<p class=\"soft\">Neither replayed nor waived yet.</p>\n");
    page.raw("<div class=\"wide\"><table>\n<tr><th class=\"n\">rows</th><th></th><th>reason</th>");
    page.raw("<th>what is wrong with the first</th><th>first place</th></tr>\n");
    let most = groups.iter().map(|group| group.count).max().unwrap_or(1);
    for group in groups.iter().take(MAX_REASONS) {
        page.element(
            "<tr><td class=\"n\">",
            &grouped(group.count),
            "</td><td class=\"drawn\">",
        );
        page.bar(&[("empty", per_mille(group.count, most))], 12);
        page.element(
            "</td><td class=\"kind\"><code>",
            &group.code,
            "</code></td>",
        );
        page.element("<td>", &group.reason(), "</td>");
        page.element(
            "<td class=\"places\"><code>",
            &group.first,
            "</code></td></tr>\n",
        );
    }
    page.raw("</table></div>\n");
    let more = groups.len().saturating_sub(MAX_REASONS);
    if more > 0 {
        page.element("<p class=\"soft\">and ", &more.to_string(), " more</p>\n");
    }
}
