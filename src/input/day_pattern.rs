//! The day of a file, as a folder or name on its path says it (`--date-from-path`).
//!
//! Hive writes one folder a day, `dt=2022-01-01`, or one a part of it, `year=2022/month=01`. A
//! pattern in letters of chrono is compared with whole names of the path, as many in a row as it has
//! itself. Nothing here looks at the file system.

use crate::domain::DataDate;
use chrono::NaiveDate;
use chrono::format::{ParseErrorKind, Parsed, StrftimeItems};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// How names on a path say a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayPattern {
    text: String,
    names: usize,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' says no day; write the name of a folder with %Y, %m and %d in it, such as dt=%Y-%m-%d or year=%Y/month=%m/day=%d"
)]
pub struct InvalidDayPattern(String);

/// Why a path says no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoDay {
    /// Nothing on it fits.
    #[error("no folder on its path is like")]
    None,
    /// Something nearly fits.
    #[error(
        "'{0}' on its path says a day in another way (numbers without zeros are %-m and %-d) than"
    )]
    Otherwise(String),
    /// Something fits and is no day of the calendar.
    #[error("'{0}' on its path is no day by")]
    Impossible(String),
    /// It says two.
    #[error("its path says {0} and {1} by")]
    Two(DataDate, DataDate),
}

impl DayPattern {
    /// Reads a pattern, which must say year, month and day.
    pub fn parse(text: &str) -> Result<Self, InvalidDayPattern> {
        let invalid = || InvalidDayPattern(text.to_owned());
        let text = text.trim_matches('/');
        let pattern = Self {
            text: text.to_owned(),
            names: text.split('/').count(),
        };
        let says = |day: NaiveDate| {
            let written = written(text, day)?;
            let same_names = written.split('/').count() == pattern.names;
            (same_names && pattern.read(&written) == Ok(DataDate::from_naive(day))).then_some(())
        };
        // Days whose parts cannot be taken for each other.
        [(2022, 1, 9), (1999, 12, 31)]
            .into_iter()
            .all(|(year, month, day)| {
                NaiveDate::from_ymd_opt(year, month, day)
                    .and_then(says)
                    .is_some()
            })
            .then_some(pattern)
            .ok_or_else(invalid)
    }

    /// The day that a path says, and the folder that says it (of a file, the folder it lies in).
    pub fn day_of(&self, file: &Path) -> Result<(DataDate, PathBuf), NoDay> {
        let parts: Vec<_> = file.components().collect();
        let mut found: BTreeMap<DataDate, PathBuf> = BTreeMap::new();
        let mut nearest = NoDay::None;
        for (at, window) in parts.windows(self.names).enumerate() {
            let names: Option<Vec<&str>> = window
                .iter()
                .map(|part| part.as_os_str().to_str())
                .collect();
            let Some(names) = names.map(|names| names.join("/")) else {
                continue;
            };
            match self.read(&names) {
                Ok(day) => {
                    let upto = at
                        .saturating_add(self.names)
                        .min(parts.len().saturating_sub(1));
                    let folder = parts.get(..upto).unwrap_or_default().iter().collect();
                    found.insert(day, folder);
                }
                Err(NoDay::None) => {}
                Err(why) => nearest = why,
            }
        }
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (None, _) => Err(nearest),
            (Some((one, _)), Some((other, _))) => Err(NoDay::Two(one, other)),
            (Some(only), None) => Ok(only),
        }
    }

    /// How a day is written on a path.
    pub fn of_day(&self, day: DataDate) -> String {
        written(&self.text, day.as_naive()).unwrap_or_default()
    }

    fn read(&self, names: &str) -> Result<DataDate, NoDay> {
        let mut parsed = Parsed::new();
        let fits = chrono::format::parse(&mut parsed, names, StrftimeItems::new(&self.text));
        let day = fits.and_then(|()| parsed.to_naive_date());
        let day = day.map_err(|error| match error.kind() {
            ParseErrorKind::OutOfRange | ParseErrorKind::Impossible => {
                NoDay::Impossible(names.to_owned())
            }
            _ => NoDay::None,
        })?;
        // Only what the pattern would write: `dt=2022-1-9` is another folder than `dt=2022-01-09`.
        if written(&self.text, day).as_deref() == Some(names) {
            Ok(DataDate::from_naive(day))
        } else {
            Err(NoDay::Otherwise(names.to_owned()))
        }
    }
}

impl fmt::Display for DayPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// `None` for what no day can be written with, such as an hour.
fn written(format: &str, day: NaiveDate) -> Option<String> {
    use fmt::Write;
    let mut text = String::new();
    write!(text, "{}", day.format(format)).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day_of(pattern: &str, path: &str) -> Result<(String, String), NoDay> {
        let (day, folder) = DayPattern::parse(pattern)
            .unwrap()
            .day_of(Path::new(path))?;
        Ok((day.to_string(), folder.display().to_string()))
    }

    #[test]
    fn a_day_is_read_off_folders_and_names() {
        for (pattern, path, day, folder) in [
            (
                "dt=%Y-%m-%d",
                "/e/dt=2022-01-09/a.csv",
                "2022-01-09",
                "/e/dt=2022-01-09",
            ),
            (
                "dt=%Y%m%d",
                "e/dt=20220109/hour=3/a",
                "2022-01-09",
                "e/dt=20220109",
            ),
            (
                "year=%Y/month=%m/day=%d",
                "x/year=2022/month=01/day=09/a",
                "2022-01-09",
                "x/year=2022/month=01/day=09",
            ),
            ("%Y-%m-%d.jsonl", "/e/2022-01-09.jsonl", "2022-01-09", "/e"),
            (
                "dt=%Y-%m-%d",
                "/dt=2022-01-09/b/dt=2022-01-09/a",
                "2022-01-09",
                "/dt=2022-01-09/b/dt=2022-01-09",
            ),
        ] {
            let found = day_of(pattern, path).unwrap();
            assert_eq!(
                (found.0.as_str(), found.1.as_str()),
                (day, folder),
                "{path}"
            );
        }
    }

    #[test]
    fn what_says_no_day_or_two_is_told_apart() {
        let otherwise = |text: &str| NoDay::Otherwise(text.to_owned());
        let impossible = |text: &str| NoDay::Impossible(text.to_owned());
        for (path, why) in [
            ("/e/a.csv", NoDay::None),
            ("/e/dt=2022-1-9/a", otherwise("dt=2022-1-9")),
            ("/e/dt=2022-02-30/a", impossible("dt=2022-02-30")),
            ("/e/dt=2022-13-01/a", impossible("dt=2022-13-01")),
            ("/e/xdt=2022-01-09/a", NoDay::None),
            ("/e/dt=2022-01-09x/a", NoDay::None),
            ("/e/dt=+2022-01-09/a", otherwise("dt=+2022-01-09")),
        ] {
            assert_eq!(day_of("dt=%Y-%m-%d", path), Err(why), "{path}");
        }
        let two = day_of("dt=%Y-%m-%d", "/dt=2022-01-09/dt=2022-01-10/a");
        assert!(matches!(two, Err(NoDay::Two(..))));
    }

    #[test]
    fn a_pattern_has_to_say_year_month_and_day() {
        for bad in [
            "",
            "dt=",
            "dt=%Y-%m",
            "%m-%d",
            "dt=%Y-%m-%d %H",
            "%Q",
            "%D/%Y",
            "{date}",
        ] {
            assert!(DayPattern::parse(bad).is_err(), "{bad}");
        }
        for good in ["dt=%F", "%Y/%m/%d", "/dt=%Y%m%d/", "p%Y_%j"] {
            assert!(DayPattern::parse(good).is_ok(), "{good}");
        }
    }

    proptest! {
        #[test]
        fn what_a_pattern_writes_it_reads_and_nothing_makes_it_panic(
            days in 0..200_000_u64, pattern: String, path: String
        ) {
            let day = NaiveDate::from_ymd_opt(1500, 1, 1).unwrap() + chrono::Days::new(days);
            let dt = DayPattern::parse("dt=%Y-%m-%d").unwrap();
            let folder = dt.of_day(DataDate::from_naive(day));
            let found = dt.day_of(&Path::new("/x").join(folder).join("a")).map(|found| found.0);
            prop_assert_eq!(found, Ok(DataDate::from_naive(day)));
            if let Ok(pattern) = DayPattern::parse(&pattern) {
                let _ = pattern.day_of(Path::new(&path));
            }
        }
    }
}
