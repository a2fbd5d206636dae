//! The days of the page: what is owed, the calendars, and how many rows each day has.

use crate::cli::calendar::{Day, DayState, Series, waiting};
use crate::cli::figure::grouped;
use crate::domain::DataDate;
use crate::text::{Column, Page};
use chrono::Datelike;
use std::collections::BTreeMap;

/// Most months of a calendar; earlier ones are counted only.
const MAX_MONTHS: usize = 36;
/// Most days of a chart: the last quarter.
const MAX_DAYS: usize = 92;
/// Most days that are listed with what they wait for.
const MAX_OWED: usize = 50;

const fn class(state: DayState) -> &'static str {
    match state {
        DayState::Done => "done",
        DayState::Uploaded => "uploaded",
        DayState::Partial => "partial",
        DayState::Rejected => "rejected",
        DayState::Refused => "refused",
        DayState::Missing => "missing",
    }
}

/// Days of a topic and stage that wait for the same.
struct Owed<'a> {
    series: &'a Series,
    first: Option<DataDate>,
    last: Option<DataDate>,
    what: &'a Day,
}

impl Owed<'_> {
    /// Takes the next day in, when nothing tells it from those before.
    fn takes(&mut self, series: &Series, day: Option<DataDate>, what: &Day) -> bool {
        let same = std::ptr::eq(self.series, series)
            && self.what.state == what.state
            && self.what.why == what.why
            && self.what.next == what.next;
        let follows = day.is_some() && day.and_then(DataDate::previous) == self.last;
        if same && follows {
            self.last = day;
        }
        same && follows
    }

    fn name(&self) -> String {
        let name = self.series.name();
        match (self.first, self.last) {
            (Some(first), Some(last)) if first != last => format!("{name} {first} to {last}"),
            (Some(day), _) => format!("{name} {day}"),
            _ => name,
        }
    }
}

/// The days that are not done, with the commands.
pub(super) fn owed(page: &mut Page, all: &[Series]) {
    let mut owed: Vec<Owed<'_>> = Vec::new();
    for (series, day, what) in waiting(all) {
        if !owed
            .last_mut()
            .is_some_and(|last| last.takes(series, day, what))
        {
            let (first, last) = (day, day);
            owed.push(Owed {
                series,
                first,
                last,
                what,
            });
        }
    }
    if owed.is_empty() {
        page.raw("<p class=\"good\"><b>Nothing is owed.</b></p>\n");
        return;
    }
    page.raw("<h2>Owed</h2>\n");
    for one in owed.iter().take(MAX_OWED) {
        page.element("<p><b>", &one.name(), "</b> is ");
        page.text(one.what.state.as_str());
        if one.what.owes_nothing {
            page.text(", with nothing of it stored");
        }
        page.element(
            if one.what.why.is_empty() { "" } else { ": " },
            &one.what.why,
            "</p>\n",
        );
        if let Some(next) = &one.what.next {
            page.element("<pre>", &next.to_string(), "</pre>\n");
        }
    }
    let more = owed.len().saturating_sub(MAX_OWED);
    if more > 0 {
        page.element("<p class=\"soft\">and ", &more.to_string(), " more</p>\n");
    }
}

/// A calendar for each topic and stage: a line a month, a cell a day.
pub(super) fn calendars(page: &mut Page, all: &[Series]) {
    let dated = all.iter().filter(|series| !series.days.is_empty());
    page.raw("<h2>Calendar</h2>\n<p class=\"key soft\">");
    for state in DayState::ALL {
        page.raw("<span><i class=\"");
        page.raw(class(state));
        page.element("\"></i>", state.as_str(), "</span>");
    }
    page.raw("</p>\n");
    for series in dated {
        page.element("<h3>", &series.name(), "</h3>\n");
        let mut months: BTreeMap<(i32, u32), Vec<(DataDate, &Day)>> = BTreeMap::new();
        for (day, what) in &series.days {
            let month = (day.as_naive().year(), day.as_naive().month());
            months.entry(month).or_default().push((*day, what));
        }
        let earlier = months.len().saturating_sub(MAX_MONTHS);
        if earlier > 0 {
            page.element(
                "<p class=\"soft\">(",
                &earlier.to_string(),
                " earlier months)</p>\n",
            );
        }
        page.raw("<div class=\"calendar\">\n");
        for ((year, month), days) in months.iter().skip(earlier) {
            page.element(
                "<span class=\"month\">",
                &format!("{year:04}-{month:02}"),
                "</span>",
            );
            for (day, what) in days {
                cell(page, *day, what);
            }
            page.raw("\n");
        }
        page.raw("</div>\n");
    }
}

fn cell(page: &mut Page, day: DataDate, what: &Day) {
    // The first column of the grid is the name of the month.
    let column = day.as_naive().day() + 1;
    page.raw(&format!(
        "<span class=\"day {}\" style=\"grid-column:{column}\"",
        class(what.state)
    ));
    page.element(" title=\"", &about(day, what), "\">");
    page.element("", &what.state.sign().to_string(), "</span>");
}

fn about(day: DataDate, what: &Day) -> String {
    let rows = what.rows;
    let mut text = format!("{day} {}", what.state.as_str());
    for (count, name) in [
        (rows.accepted, "accepted"),
        (rows.unconfirmed, "unconfirmed"),
        (rows.rejected, "rejected"),
        (rows.pending, "pending"),
    ] {
        if count > 0 {
            text.extend([", ", &grouped(count), " ", name]);
        }
    }
    if !what.why.is_empty() {
        text.extend([": ", &what.why]);
    }
    text
}

/// A chart of the last days for each topic and stage.
pub(super) fn rows_per_day(page: &mut Page, all: &[Series]) {
    page.raw(
        "<h2>Rows per day</h2>\n<p class=\"key soft\"><span><i class=\"bar\"></i>accepted</span>",
    );
    page.raw("<span><i class=\"none\"></i>unconfirmed or pending</span>");
    page.raw("<span><i class=\"empty\"></i>rejected</span></p>\n");
    for series in all.iter().filter(|series| !series.days.is_empty()) {
        let skipped = series.days.len().saturating_sub(MAX_DAYS);
        let shown: Vec<(&DataDate, &Day)> = series.days.iter().skip(skipped).collect();
        let columns: Vec<Column> = shown
            .iter()
            .map(|(day, what)| Column {
                about: about(**day, what),
                parts: vec![
                    ("bar", what.rows.accepted),
                    (
                        "none",
                        what.rows.unconfirmed.saturating_add(what.rows.pending),
                    ),
                    ("empty", what.rows.rejected),
                ],
            })
            .collect();
        let sum = |column: &Column| column.parts.iter().map(|(_, rows)| rows).sum();
        let most: u64 = columns.iter().map(sum).max().unwrap_or(0);
        page.element("<h3>", &series.name(), "</h3>\n");
        page.element(
            "<p class=\"soft\">most in a day: ",
            &grouped(most),
            "</p>\n",
        );
        page.chart(
            &columns,
            most,
            &format!("rows per day of {}", series.name()),
        );
        let ends = [shown.first(), shown.last()].map(|end| end.map(|(day, _)| day.to_string()));
        if let [Some(first), Some(last)] = ends {
            page.ends(columns.len(), &first, &last);
        }
    }
}
