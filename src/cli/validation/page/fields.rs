//! What the fields hold, a card for each: how often it is there, its types, numbers and values.

use crate::cli::figure::grouped;
use crate::text::{Column, Page, per_mille};
use crate::validation::{FieldProfile, MAX_FIELDS, MAX_VALUES, Numbers, Profile};

/// Values that are shown of a field.
const MAX_SHOWN: usize = 8;
/// Bars of a distribution.
const BINS: usize = 24;
/// Adds the cards of all fields.
pub(super) fn fields(page: &mut Page, profile: &Profile) {
    page.raw("<h2>Fields</h2>\n<p class=\"soft\">Each bar is all rows: ");
    page.raw("with a value, <span class=\"warn\">null</span>, <span class=\"bad\">empty</span>, absent. ");
    let rows = grouped(profile.rows);
    page.element(
        "Counted over ",
        &rows,
        " rows, as they would be sent.</p>\n",
    );
    page.raw("<div class=\"cards\">\n");
    for field in &profile.fields {
        card(page, field, profile.rows);
    }
    page.raw("</div>\n");
    if profile.untold > 0 {
        let text = format!(
            "Only the first {MAX_FIELDS} fields are told of; others were there {} times.",
            grouped(profile.untold)
        );
        page.element("<p class=\"soft\">", &text, "</p>\n");
    }
}

fn card(page: &mut Page, field: &FieldProfile, rows: u64) {
    page.element("<div class=\"card\"><h3>", &field.name, "</h3>\n");
    let filled = field
        .present
        .saturating_sub(field.nulls)
        .saturating_sub(field.empty);
    let share = |count: u64| per_mille(count, rows);
    page.bar(
        &[
            ("bar", share(filled)),
            ("null", share(field.nulls)),
            ("empty", share(field.empty)),
            ("none", share(rows.saturating_sub(field.present))),
        ],
        8,
    );
    let absent = rows.saturating_sub(field.present);
    let counts: Vec<String> = [
        (filled, "with a value"),
        (field.nulls, "null"),
        (field.empty, "empty"),
        (absent, "absent"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{} {what}", grouped(count)))
    .collect();
    page.element("<p class=\"soft\">", &counts.join(" · "), "</p>\n");
    let kinds = field.kinds();
    let kinds: Vec<String> = kinds
        .iter()
        .map(|(kind, count)| format!("{} {}", kind.as_str(), grouped(*count)))
        .collect();
    if !kinds.is_empty() {
        page.element("<p>", &kinds.join(" · "), "</p>\n");
    }
    if let Some((least, most)) = field.lengths {
        page.element(
            "<p class=\"soft\">",
            &format!("{least} to {most} characters"),
            "</p>\n",
        );
    }
    if let Some(numbers) = &field.numbers {
        distribution(page, numbers);
    }
    values(page, field);
    page.raw("</div>\n");
}

/// Of all numbers, or of evenly chosen ones, between the least and the greatest.
fn distribution(page: &mut Page, numbers: &Numbers) {
    let text = format!("from {} to {}", numbers.least.1, numbers.greatest.1);
    page.element("<p class=\"soft\">", &text, "</p>\n");
    let (least, greatest) = (numbers.least.0, numbers.greatest.0);
    if least >= greatest {
        return;
    }
    let mut bins = [0_u64; BINS];
    let steps: Vec<f64> = (1..BINS)
        .map(|bin| {
            let part = f64::from(u32::try_from(bin).unwrap_or(0))
                / f64::from(u32::try_from(BINS).unwrap_or(1));
            // In this order, numbers at both ends of the range do not overflow.
            least * (1.0 - part) + greatest * part
        })
        .collect();
    for number in &numbers.sample {
        let bin = steps.partition_point(|step| step <= number);
        if let Some(count) = bins.get_mut(bin) {
            *count += 1;
        }
    }
    let columns: Vec<Column> = bins
        .iter()
        .map(|count| Column {
            about: grouped(*count),
            parts: vec![("bar", *count)],
        })
        .collect();
    let highest = bins.iter().copied().max().unwrap_or(1);
    page.chart(&columns, highest, "distribution");
    let sampled = u64::try_from(numbers.sample.len()).unwrap_or(0);
    if sampled < numbers.count() {
        let text = format!("drawn from {} of them, evenly chosen", grouped(sampled));
        page.element("<p class=\"soft\">", &text, "</p>\n");
    }
}

fn values(page: &mut Page, field: &FieldProfile) {
    let (different, exact) = field.values.different();
    if different == 0 {
        return;
    }
    let about = if exact { "" } else { "about " };
    let text = format!("{about}{} different values", grouped(different));
    page.element("<p class=\"soft\">", &text, "</p>\n<table>\n");
    let most = field.values.most_frequent(MAX_SHOWN);
    let highest = most.first().map_or(1, |(_, count)| *count);
    for (value, count) in &most {
        page.element("<tr><td><code>", value, "</code></td>");
        page.element(
            "<td class=\"n\">",
            &grouped(*count),
            "</td><td class=\"drawn\">",
        );
        page.bar(&[("bar", per_mille(*count, highest))], 8);
        page.raw("</td></tr>\n");
    }
    page.raw("</table>\n");
    if field.values.others() > 0 {
        let text = format!(
            "The first {MAX_VALUES} different values are counted one by one; {} values are others.",
            grouped(field.values.others())
        );
        page.element("<p class=\"soft\">", &text, "</p>\n");
    }
}
