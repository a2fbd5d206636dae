//! Days as people type them: single days, ranges, `today` and `yesterday`.
//!
//! What was typed is kept until the zone and the present instant are known; only then do relative
//! days become absolute. The machine's own zone plays no part.

use super::figure::grouped;
use crate::domain::{DataDate, DateRange, Zone};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// One item of a list of days, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateSpec {
    /// One day.
    One(DayName),
    /// All days from the first to the last, both included.
    Range(DayName, DayName),
}

impl DateSpec {
    /// Whether it means other days tomorrow.
    pub const fn is_relative(self) -> bool {
        let (first, last) = match self {
            Self::One(day) => (day, day),
            Self::Range(first, last) => (first, last),
        };
        !matches!((first, last), (DayName::Day(_), DayName::Day(_)))
    }
}

/// A day, absolute or relative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayName {
    /// A calendar day.
    Day(DataDate),
    /// The day it is now, in the zone in force.
    Today,
    /// The day before.
    Yesterday,
}

/// Most days of one command: ten years. More is a typing error.
pub const MAX_DAYS: usize = 3_653;

/// Why typed days are no list of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidDates {
    /// A range runs backwards.
    Backwards(DataDate, DataDate),
    /// Too many days.
    TooMany,
    /// The calendar has no such day.
    OutOfCalendar,
}

impl InvalidDates {
    /// The same for people, about the option or key that names the days.
    pub fn of(&self, option: &str) -> String {
        match self {
            Self::Backwards(first, last) => {
                format!("{option} {first}..{last} runs backwards; write the earlier day first")
            }
            Self::TooMany => format!(
                "{option} names more than {} days; split the command",
                grouped(u64::try_from(MAX_DAYS).unwrap_or(u64::MAX))
            ),
            Self::OutOfCalendar => {
                format!("{option} yesterday lies before the calendar begins; name the day")
            }
        }
    }
}

/// Reads one item: `2022-01-01`, `20220101`, `today`, `yesterday`, or two of them with `..` between.
pub fn date_spec(text: &str) -> Result<DateSpec, String> {
    let text = text.trim();
    match text.split_once("..") {
        Some((first, last)) => Ok(DateSpec::Range(day_name(first)?, day_name(last)?)),
        None => Ok(DateSpec::One(day_name(text)?)),
    }
}

fn day_name(text: &str) -> Result<DayName, String> {
    match text {
        "today" => Ok(DayName::Today),
        "yesterday" => Ok(DayName::Yesterday),
        day => day
            .parse()
            .map(DayName::Day)
            .map_err(|error| format!("{error}, or A..B, today, yesterday")),
    }
}

/// The days that were meant, in order and without repeats.
pub fn resolve_dates(
    specs: &[DateSpec],
    zone: Zone,
    now: DateTime<Utc>,
) -> Result<Vec<DataDate>, InvalidDates> {
    let today = zone.day_of(now);
    let absolute = |name: DayName| match name {
        DayName::Day(day) => Ok(day),
        DayName::Today => Ok(today),
        DayName::Yesterday => today.previous().ok_or(InvalidDates::OutOfCalendar),
    };
    let mut days = Vec::new();
    for spec in specs {
        match *spec {
            DateSpec::One(name) => days.push(absolute(name)?),
            DateSpec::Range(first, last) => {
                let (first, last) = (absolute(first)?, absolute(last)?);
                let range =
                    DateRange::new(first, last).ok_or(InvalidDates::Backwards(first, last))?;
                days.extend(range.days().take(MAX_DAYS + 1));
            }
        }
        if days.len() > MAX_DAYS {
            return Err(InvalidDates::TooMany);
        }
    }
    days.sort_unstable();
    days.dedup();
    Ok(days)
}

/// The stretches of days that follow one another.
pub fn in_a_row(days: &BTreeSet<DataDate>) -> Vec<Vec<DataDate>> {
    let mut stretches: Vec<Vec<DataDate>> = Vec::new();
    for day in days {
        match stretches.last_mut() {
            Some(stretch) if stretch.last().copied() == day.previous() => stretch.push(*day),
            _ => stretches.push(vec![*day]),
        }
    }
    stretches
}

/// Days as one types them: `2022-01-01..2022-01-31,2022-03-01`.
pub fn ranges(days: &BTreeSet<DataDate>) -> String {
    let stretches = in_a_row(days);
    let texts = stretches
        .iter()
        .filter_map(|stretch| match stretch.as_slice() {
            [] => None,
            [day] => Some(day.to_string()),
            [first, .., last] => Some(format!("{first}..{last}")),
        });
    texts.collect::<Vec<String>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn days(texts: &[&str], zone: Zone) -> Result<Vec<String>, InvalidDates> {
        let specs: Vec<DateSpec> = texts.iter().map(|text| date_spec(text).unwrap()).collect();
        let now = Utc.with_ymd_and_hms(2022, 3, 1, 17, 0, 0).unwrap();
        Ok(resolve_dates(&specs, zone, now)?
            .iter()
            .map(ToString::to_string)
            .collect())
    }

    #[test]
    fn lists_and_ranges_are_merged_in_order_without_repeats() {
        assert_eq!(
            days(&["20220103", "2022-01-01..2022-01-03"], Zone::UTC).unwrap(),
            ["2022-01-01", "2022-01-02", "2022-01-03"]
        );
    }

    #[test]
    fn relative_days_go_by_the_zone_in_force() {
        assert_eq!(days(&["today"], Zone::UTC).unwrap(), ["2022-03-01"]);
        assert_eq!(days(&["today"], Zone::SHANGHAI).unwrap(), ["2022-03-02"]);
        assert_eq!(days(&["yesterday"], Zone::UTC).unwrap(), ["2022-02-28"]);
        assert_eq!(
            days(&["2022-02-28..today"], Zone::UTC).unwrap(),
            ["2022-02-28", "2022-03-01"]
        );
    }

    #[test]
    fn backward_and_boundless_ranges_are_refused() {
        assert!(matches!(
            days(&["2022-01-02..2022-01-01"], Zone::UTC),
            Err(InvalidDates::Backwards(..))
        ));
        assert_eq!(
            days(&["0001-01-01..9999-12-31"], Zone::UTC),
            Err(InvalidDates::TooMany)
        );
    }

    #[test]
    fn what_is_not_a_day_says_how_to_write_one() {
        for bad in ["2022-1-1", "tomorrow", "2022-01-01..", "..", ""] {
            let message = date_spec(bad).unwrap_err();
            assert!(message.contains("write it as 2022-01-01"), "{message}");
        }
    }

    #[test]
    fn days_in_a_row_are_a_range() {
        let days = ["2022-01-31", "2022-02-01", "2022-02-02", "2022-02-04"];
        let days: BTreeSet<DataDate> = days.iter().map(|day| day.parse().unwrap()).collect();
        assert_eq!(ranges(&days), "2022-01-31..2022-02-02,2022-02-04");
        assert_eq!(ranges(&BTreeSet::new()), "");
    }
}
