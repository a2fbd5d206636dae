//! The calendar of `status`: what became of each day of a topic and stage, as text for a terminal.
//!
//! A line a month and a sign a day, so that a year fits a screen and a hole is seen at once. The
//! model is plain; where it comes from is the command's business.

use super::figure::{counted, grouped};
use super::printer::visible;
use crate::domain::{DataDate, StageKind, Topic};
use crate::ledger::RowCounts;
use crate::upload::report::NextStep;
use chrono::Datelike;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Most months of a calendar; earlier ones are summed up.
const MAX_MONTHS: usize = 24;
/// Most days that are listed with what they wait for.
const MAX_OWED: usize = 20;
/// Most days that are listed with their rows when they are done.
const MAX_DONE: usize = 7;

/// What became of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DayState {
    /// `done` was accepted.
    Done,
    /// Everything is in; `done` was not sent, perhaps because a guard keeps it back.
    Uploaded,
    /// Something is not uploaded.
    Partial,
    /// Rejected rows keep `done` back.
    Rejected,
    /// The platform refuses it.
    Refused,
    /// Nothing is known of it.
    Missing,
}

impl DayState {
    /// All, in the order of the legend.
    pub const ALL: [Self; 6] = [
        Self::Done,
        Self::Uploaded,
        Self::Partial,
        Self::Rejected,
        Self::Refused,
        Self::Missing,
    ];

    /// The word, for people and machines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Uploaded => "uploaded",
            Self::Partial => "partial",
            Self::Rejected => "rejected",
            Self::Refused => "refused",
            Self::Missing => "missing",
        }
    }

    /// The sign of a day.
    pub const fn sign(self) -> char {
        match self {
            Self::Done => '#',
            Self::Uploaded => 'u',
            Self::Partial => 'p',
            Self::Rejected => 'r',
            Self::Refused => 'x',
            Self::Missing => '.',
        }
    }
}

/// One day, or a streaming stage as a whole.
#[derive(Debug, Clone)]
pub struct Day {
    /// What became of it.
    pub state: DayState,
    /// Rows read, accepted, unconfirmed, rejected and pending.
    pub rows: DayRows,
    /// What is missing, or what is remarkable.
    pub why: String,
    /// What can be typed next.
    pub next: Option<NextStep>,
    /// The platform has nothing of it and takes nothing; what it did not take is uploaded when the option or
    /// the console is put right.
    pub owes_nothing: bool,
}

/// Row counts of a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct DayRows {
    #[serde(rename = "rows_read")]
    pub read: u64,
    #[serde(rename = "rows_accepted")]
    pub accepted: u64,
    #[serde(rename = "rows_unconfirmed")]
    pub unconfirmed: u64,
    #[serde(rename = "rows_rejected")]
    pub rejected: u64,
    #[serde(rename = "rows_pending")]
    pub pending: u64,
}

impl From<RowCounts> for DayRows {
    fn from(rows: RowCounts) -> Self {
        Self {
            read: rows.read,
            accepted: rows.accepted,
            unconfirmed: rows.unconfirmed,
            rejected: rows.refused.saturating_add(rows.invalid),
            pending: rows.pending,
        }
    }
}

impl DayRows {
    fn add(&mut self, other: Self) {
        for (sum, count) in [
            (&mut self.read, other.read),
            (&mut self.accepted, other.accepted),
            (&mut self.unconfirmed, other.unconfirmed),
            (&mut self.rejected, other.rejected),
            (&mut self.pending, other.pending),
        ] {
            *sum = sum.saturating_add(count);
        }
    }

    /// What became of those that are not accepted, as far as there are any.
    fn others(self) -> impl Iterator<Item = (u64, &'static str)> {
        let counts = [
            (self.unconfirmed, "unconfirmed"),
            (self.rejected, "rejected"),
            (self.pending, "pending"),
        ];
        counts.into_iter().filter(|(count, _)| *count > 0)
    }

    /// All counts, `None` when there is no row at all.
    fn in_words(self) -> Option<String> {
        let all = [(self.read, "read"), (self.accepted, "accepted")];
        let told = all.into_iter().chain(self.others());
        let words: Vec<String> = told
            .map(|(count, what)| format!("{} {what}", grouped(count)))
            .collect();
        (self != Self::default()).then(|| words.join(", "))
    }
}

/// The days of a topic and stage.
#[derive(Debug, Clone)]
pub struct Series {
    /// Whose data it is, for people; empty when there is one target only.
    pub target: String,
    /// Which table.
    pub topic: Topic,
    /// Which stage.
    pub stage: StageKind,
    /// The days, those of which nothing is known among them.
    pub days: BTreeMap<DataDate, Day>,
    /// What is known of a stage without days.
    pub streaming: Option<Day>,
}

impl Series {
    /// All that is known, days or not.
    pub fn all(&self) -> impl Iterator<Item = (Option<DataDate>, &Day)> {
        let days = self.days.iter().map(|(day, what)| (Some(*day), what));
        days.chain(self.streaming.iter().map(|what| (None, what)))
    }

    /// How many days are in this state.
    pub fn count(&self, state: DayState) -> u64 {
        let found = self.days.values().filter(|day| day.state == state).count();
        u64::try_from(found).unwrap_or(u64::MAX)
    }

    /// Topic and stage, and whose they are where that is a question.
    pub fn name(&self) -> String {
        let name = format!("{} {}", self.topic, self.stage);
        if self.target.is_empty() {
            name
        } else {
            format!("{name} on {}", self.target)
        }
    }
}

/// The calendars, the legend, and what is owed.
pub fn text(all: &[Series]) -> String {
    let mut text = String::new();
    for series in all {
        line(&mut text, &heading(series));
        months(&mut text, series);
    }
    if all.iter().any(|series| !series.days.is_empty()) {
        let legend: Vec<String> = DayState::ALL
            .iter()
            .map(|state| format!("{} {}", state.sign(), state.as_str()))
            .collect();
        line(&mut text, &format!("\n{}", legend.join("   ")));
    }
    done(&mut text, all);
    let waiting = waiting(all);
    let owes_nothing = |(_, _, what): &Waiting<'_>| what.owes_nothing;
    let (nothing, owing): (Vec<Waiting<'_>>, Vec<Waiting<'_>>) =
        waiting.into_iter().partition(owes_nothing);
    owed(&mut text, "owed", &owing);
    owed(&mut text, "refused, with nothing of it stored", &nothing);
    text
}

fn heading(series: &Series) -> String {
    let mut rows = DayRows::default();
    series.all().for_each(|(_, day)| rows.add(day.rows));
    let mut counts = format!("{} accepted", counted(rows.accepted, "row", "rows"));
    for (count, what) in rows.others() {
        let _infallible = write!(counts, ", {} {what}", grouped(count));
    }
    if series.stage.is_offline() {
        let days = u64::try_from(series.days.len()).unwrap_or(u64::MAX);
        let states: Vec<String> = DayState::ALL
            .iter()
            .map(|state| (series.count(*state), state))
            .filter(|(count, _)| *count > 0)
            .map(|(count, state)| format!("{} {}", grouped(count), state.as_str()))
            .collect();
        let days = counted(days, "day", "days");
        format!("{}: {days}, {}; {counts}", series.name(), states.join(", "))
    } else {
        format!("{}: {counts}", series.name())
    }
}

/// A line a month.
fn months(text: &mut String, series: &Series) {
    let mut months: BTreeMap<(i32, u32), [char; 31]> = BTreeMap::new();
    for (day, what) in &series.days {
        let day = day.as_naive();
        let signs = months.entry((day.year(), day.month())).or_insert([' '; 31]);
        let index = usize::try_from(day.day0()).unwrap_or(0);
        if let Some(sign) = signs.get_mut(index) {
            *sign = what.state.sign();
        }
    }
    let earlier = months.len().saturating_sub(MAX_MONTHS);
    if earlier > 0 {
        line(text, &format!("  ({earlier} earlier months)"));
    }
    for ((year, month), signs) in months.iter().skip(earlier) {
        let signs: String = signs.iter().collect();
        line(text, &format!("  {year:04}-{month:02}  {signs}"));
    }
}

/// A day that is not done, with its topic and stage; no day when streaming.
type Waiting<'a> = (&'a Series, Option<DataDate>, &'a Day);

/// The days that are not done, and those that are with something left to type.
pub fn waiting(all: &[Series]) -> Vec<Waiting<'_>> {
    let days = all
        .iter()
        .flat_map(|series| series.all().map(move |(day, what)| (series, day, what)));
    let is_fine = |day: Option<DataDate>, what: &Day| match day {
        Some(_) => what.state == DayState::Done && what.next.is_none(),
        None => !matches!(what.state, DayState::Partial | DayState::Rejected),
    };
    days.filter(|(_, day, what)| !is_fine(*day, what)).collect()
}

/// The rows of the days that are done, as long as these are few.
fn done(text: &mut String, all: &[Series]) {
    let days: Vec<(&Series, Option<DataDate>, &Day)> = all
        .iter()
        .flat_map(|series| series.all().map(move |(day, what)| (series, day, what)))
        .filter(|(_, _, what)| what.state == DayState::Done)
        .collect();
    if days.is_empty() || days.len() > MAX_DONE {
        return;
    }
    line(text, "\ndone");
    for (series, day, what) in days {
        let day = day.map_or_else(String::new, |day| format!(" {day}"));
        let rows = what.rows.in_words();
        let rows = rows.unwrap_or_else(|| "no row".to_owned());
        let why = if what.why.is_empty() {
            String::new()
        } else {
            format!("; {}", what.why)
        };
        line(text, &format!("  {}{day}: {rows}{why}", series.name()));
    }
}

/// What days that are not done wait for, with the commands.
fn owed(text: &mut String, heading: &str, waiting: &[Waiting<'_>]) {
    if waiting.is_empty() {
        return;
    }
    line(text, &format!("\n{heading}"));
    let waiting = stretches(waiting);
    let mut told = None;
    for (series, days, what) in waiting.iter().take(MAX_OWED) {
        let day = match days {
            (Some(first), Some(last)) if first != last => format!(" {first}..{last}"),
            (Some(day), _) => format!(" {day}"),
            (None, _) => String::new(),
        };
        let why = if what.why.is_empty() {
            String::new()
        } else {
            format!(": {}", what.why)
        };
        line(
            text,
            &format!("  {}{day} {}{why}", series.name(), what.state.as_str()),
        );
        if let Some(rows) = what.rows.in_words() {
            line(text, &format!("    {rows}"));
        }
        // One `run` serves several topics.
        if let Some(next) = what.next.as_ref().filter(|next| told != Some(*next)) {
            line(text, &format!("    {next}"));
            told = Some(next);
        }
    }
    if let Some(more) = waiting.len().checked_sub(MAX_OWED).filter(|more| *more > 0) {
        line(
            text,
            &format!("  and {more} more; name them with --topic, --stage and --date"),
        );
    }
}

/// The first and the last day of a stretch, with what is known of each day of it.
type Stretch<'a> = (&'a Series, (Option<DataDate>, Option<DataDate>), &'a Day);

/// Missing days that follow one another are one entry: a fortnight is no fourteen lines.
fn stretches<'a>(waiting: &[Waiting<'a>]) -> Vec<Stretch<'a>> {
    let mut stretches: Vec<Stretch<'a>> = Vec::new();
    for (series, day, what) in waiting {
        let goes_on = |(of, (_, last), before): &&mut Stretch<'a>| {
            std::ptr::eq(*of, *series)
                && (what.state, before.state) == (DayState::Missing, DayState::Missing)
                && day.is_some_and(|day| day.previous() == *last)
        };
        match stretches.last_mut().filter(goes_on) {
            Some((_, (_, last), _)) => *last = *day,
            None => stretches.push((series, (*day, *day), what)),
        }
    }
    stretches
}

/// Names and reasons come from outside and must not break a line.
fn line(text: &mut String, line: &str) {
    let (breaks, line) = match line.strip_prefix('\n') {
        Some(rest) => ("\n", rest),
        None => ("", line),
    };
    let _infallible = writeln!(text, "{breaks}{}", visible(line.trim_end()));
}

#[cfg(test)]
mod tests;
