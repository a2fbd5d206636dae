//! The runs of the page: how long they took and how fast they were, and how the last ones went.

use crate::cli::figure::{counted, grouped, per_second, size, time};
use crate::cli::progress::{Moment, Timeline};
use crate::cli::run_record::{RunRecord, Runs};
use crate::text::{Column, Page, per_mille};
use std::time::Duration;

/// Runs whose course is drawn.
const MAX_DRAWN: usize = 8;

/// How the last runs went, the newest opened.
pub(super) fn timelines(page: &mut Page, runs: &Runs) {
    let drawn = runs.newest.iter().filter_map(|run| {
        let timeline = run.timeline.as_ref()?;
        (timeline.rows() > 0 || run.requests > 0).then_some((run, timeline))
    });
    for (index, (run, timeline)) in drawn.take(MAX_DRAWN).enumerate() {
        if index == 0 {
            page.raw("<h2>How the last runs went</h2>\n");
        }
        page.raw(if index == 0 {
            "<details open>"
        } else {
            "<details>"
        });
        page.element(
            "<summary>",
            &format!("{}: {}", run.started, about(run)),
            "</summary>\n",
        );
        timeline_of(page, timeline);
        page.raw("</details>\n");
    }
}

fn timeline_of(page: &mut Page, timeline: &Timeline) {
    let moments: Vec<(Moment, Duration)> = timeline
        .points
        .iter()
        .enumerate()
        .map(|(index, point)| (*point, timeline.length_of(index)))
        .collect();
    let rates = moments
        .iter()
        .map(|(point, length)| per_second(point.rows, *length));
    let rates: Vec<u64> = rates.collect();
    strip(page, timeline, &rates, ("rows/s", "", "bar"));
    let of = |get: fn(&Moment) -> u64| {
        moments
            .iter()
            .map(|(point, _)| get(point))
            .collect::<Vec<_>>()
    };
    strip(
        page,
        timeline,
        &of(|point| point.requests),
        ("requests", " in a column", "bar"),
    );
    strip(
        page,
        timeline,
        &of(|point| point.throttled),
        ("times throttled (429)", " in a column", "null"),
    );
    strip(
        page,
        timeline,
        &of(|point| point.retries),
        ("retries", " in a column", "empty"),
    );
    let all = time(Duration::try_from_secs_f64(timeline.seconds).unwrap_or_default());
    let each = counted(timeline.seconds_each, "second", "seconds");
    let end = format!("after {all}, a column for {each}");
    page.ends(moments.len(), "start", &end);
}

/// One measure over the time of a run; nothing when it never happened.
fn strip(
    page: &mut Page,
    timeline: &Timeline,
    amounts: &[u64],
    (name, of_what, class): (&str, &str, &'static str),
) {
    let most = amounts.iter().copied().max().unwrap_or(0);
    if most == 0 {
        page.element("<p class=\"soft\">no ", name, "</p>\n");
        return;
    }
    page.element("<p><b>", name, "</b> ");
    page.element(
        "<span class=\"soft\">",
        &format!("at most {}{of_what}", grouped(most)),
        "</span></p>\n",
    );
    let columns: Vec<Column> = amounts
        .iter()
        .zip(0_u64..)
        .map(|(amount, index)| {
            let from = Duration::from_secs(index.saturating_mul(timeline.seconds_each));
            Column {
                about: format!("after {}: {} {name}", time(from), grouped(*amount)),
                parts: vec![(class, *amount)],
            }
        })
        .collect();
    page.chart(&columns, most, &format!("{name} over the time of the run"));
}

/// Duration and rate of each run.
pub(super) fn table(page: &mut Page, runs: &Runs) {
    if runs.newest.is_empty() && runs.unreadable == 0 {
        return;
    }
    page.raw("<h2>Runs</h2>\n<div class=\"wide\"><table>\n<tr><th>began</th><th>what</th>");
    page.raw(
        "<th class=\"n\">status</th><th class=\"n\">took</th><th></th><th class=\"n\">rows</th>",
    );
    page.raw("<th class=\"n\">rows/s</th><th></th><th class=\"n\">requests</th>");
    page.raw(
        "<th class=\"n\">retries</th><th class=\"n\">429</th><th class=\"n\">sent</th></tr>\n",
    );
    let longest = runs.newest.iter().map(milliseconds).max().unwrap_or(1);
    let fastest = runs.newest.iter().map(rate).max().unwrap_or(1);
    for run in &runs.newest {
        row(page, run, (longest, fastest));
    }
    page.raw("</table></div>\n");
    for (count, what) in [
        (runs.older, "earlier runs are not shown"),
        (
            runs.unreadable,
            "runs left no readable summary: they go on, were killed, or did nothing but fail",
        ),
    ] {
        if count > 0 {
            page.element("<p class=\"soft\">", &format!("{count} {what}"), "</p>\n");
        }
    }
}

fn row(page: &mut Page, run: &RunRecord, (longest, fastest): (u64, u64)) {
    page.element("<tr><td class=\"kind\">", &run.started, "</td>");
    page.element(
        "<td class=\"what\" title=\"",
        &run.problems.join("; "),
        "\">",
    );
    page.element("", &about(run), "</td>");
    let class = if run.exit_status == 0 {
        "n good"
    } else {
        "n bad"
    };
    page.element(
        &format!("<td class=\"{class}\">"),
        &run.exit_status.to_string(),
        "</td>",
    );
    page.element(
        "<td class=\"n\">",
        &time(elapsed(run)),
        "</td><td class=\"drawn\">",
    );
    page.bar(&[("none", per_mille(milliseconds(run), longest))], 12);
    let timeline = run.timeline.as_ref();
    let rows = timeline.map_or_else(|| "?".to_owned(), |timeline| grouped(timeline.rows()));
    let throttled = timeline.map_or_else(
        || "?".to_owned(),
        |timeline| grouped(timeline.points.iter().map(|point| point.throttled).sum()),
    );
    page.element("</td><td class=\"n\">", &rows, "</td>");
    page.element(
        "<td class=\"n\">",
        &grouped(rate(run)),
        "</td><td class=\"drawn\">",
    );
    page.bar(&[("bar", per_mille(rate(run), fastest))], 12);
    page.raw("</td>");
    for cell in [
        grouped(run.requests),
        grouped(run.retries),
        throttled,
        size(run.bytes_sent),
    ] {
        page.element("<td class=\"n\">", &cell, "</td>");
    }
    page.raw("</tr>\n");
}

fn about(run: &RunRecord) -> String {
    let Some(first) = run.dates.first() else {
        return "nothing was uploaded".to_owned();
    };
    let date = first.date.as_deref().unwrap_or_default();
    let name = format!("{} {} {date}", first.topic, first.stage);
    match run.dates.len() - 1 {
        0 => name,
        more => format!("{name} and {more} more"),
    }
}

fn elapsed(run: &RunRecord) -> Duration {
    Duration::try_from_secs_f64(run.seconds).unwrap_or_default()
}

fn milliseconds(run: &RunRecord) -> u64 {
    u64::try_from(elapsed(run).as_millis()).unwrap_or(u64::MAX)
}

fn rate(run: &RunRecord) -> u64 {
    let rows = run.timeline.as_ref().map_or(0, Timeline::rows);
    per_second(rows, elapsed(run))
}
