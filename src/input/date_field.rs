//! The day of a row, as one of its own fields says it (`--date-from-field`).
//!
//! An instant becomes the day that it falls on in the platform's zone; the machine's zone plays no
//! part. Nothing is guessed: a value that could mean two things, or none, is no usable date.

use crate::domain::{DataDate, Zone};
use crate::schema::{MAX_QUOTED_CHARS, Members, is_layout, text_of};
use chrono::format::{Parsed, StrftimeItems};
use chrono::{DateTime, NaiveDateTime, Utc};
use xxhash_rust::xxh3::Xxh3;

/// Most digits of an integer that is seconds since 1970.
const MAX_SECOND_DIGITS: usize = 11;
/// Digits of an integer that is milliseconds since 1970.
const MILLISECOND_DIGITS: usize = 13;

/// Where a row says its day, and which days are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateField {
    /// The field, as the input names it: looked at before fields are renamed or dropped.
    pub name: String,
    /// How it is written, in letters of chrono. `None`: integers of at most 11 digits are seconds
    /// and of 13 milliseconds since 1970, texts are `2022-01-01` or RFC 3339.
    pub format: Option<String>,
    /// The zone in which an instant becomes a day.
    pub zone: Zone,
    /// The days that were named, in order; rows of others are rejected. `None`: all are wanted.
    pub wanted: Option<Vec<DataDate>>,
}

impl DateField {
    /// Whether a day can be read by a format.
    pub fn is_format(format: &str) -> bool {
        use std::fmt::Write;
        let mut text = String::new();
        let sample = DateTime::parse_from_rfc3339("2022-11-23T10:20:30+08:00");
        let field = Self {
            name: String::new(),
            format: None,
            zone: Zone::SHANGHAI,
            wanted: None,
        };
        is_layout(format)
            && sample.is_ok_and(|sample| write!(text, "{}", sample.format(format)).is_ok())
            && field.by_format(&text, format).is_some()
    }

    /// XXH3 (128 bits) of all this: an input begun with other dates is not the same input.
    pub fn digest(&self) -> u128 {
        let mut hasher = Xxh3::new();
        let mut field = |value: &[u8]| {
            hasher.update(&u64::try_from(value.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(value);
        };
        field(self.name.as_bytes());
        field(self.format.as_deref().unwrap_or_default().as_bytes());
        field(self.zone.to_string().as_bytes());
        match &self.wanted {
            None => field(b"all"),
            Some(days) => days.iter().for_each(|day| field(day.compact().as_bytes())),
        }
        hasher.digest128()
    }

    /// The same with these days named.
    #[must_use]
    pub fn naming(&self, days: impl IntoIterator<Item = DataDate>) -> Self {
        Self {
            wanted: Some(days.into_iter().collect()),
            ..self.clone()
        }
    }

    /// The day of a row, a valid JSON object; or why it has none that can be used.
    pub(super) fn day_of(&self, row: &[u8]) -> Result<DataDate, String> {
        let mut found = Members::of(row).filter(|member| self.is_named(member.key));
        let Some(member) = found.next() else {
            return Err("the row has no such field, so its date is not known".to_owned());
        };
        if found.next().is_some() {
            return Err("the field is there twice, so the row's date is not known".to_owned());
        }
        let text = match member.value.first() {
            Some(b'"') => text_of(member.value),
            Some(b'-' | b'0'..=b'9') => std::str::from_utf8(member.value).ok().map(Into::into),
            _ => None,
        };
        let Some(text) = text else {
            return Err(format!("{} is no date", quoted(member.value)));
        };
        self.read(text.trim())
            .map_err(|why| format!("{} {why}", quoted(text.as_bytes())))
    }

    fn is_named(&self, key: &[u8]) -> bool {
        if !key.contains(&b'\\') {
            return key == self.name.as_bytes();
        }
        let whole = [b"\"", key, b"\""].concat();
        text_of(&whole).is_some_and(|key| key == self.name)
    }

    fn read(&self, text: &str) -> Result<DataDate, &'static str> {
        if let Some(format) = &self.format {
            return self
                .by_format(text, format)
                .ok_or("is not written as --date-format says");
        }
        if let Some(number) = integer(text) {
            return self.of_epoch(text, number);
        }
        if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
            return Ok(self.zone.day_of(instant.with_timezone(&Utc)));
        }
        let dashed = text.contains('-').then(|| text.parse().ok()).flatten();
        let is_local = text.parse::<NaiveDateTime>().is_ok();
        dashed.ok_or(if is_local {
            "is a time without a time zone, so on which day it falls is not known; if it is UTC, as Spark's INT96 timestamps are, export it with its zone (Spark: spark.sql.parquet.outputTimestampType=TIMESTAMP_MICROS); only if it is already local time in --timezone, say --date-format %Y-%m-%dT%H:%M:%S%.f"
        } else {
            "is no date that is known without --date-format"
        })
    }

    fn of_epoch(&self, text: &str, number: i64) -> Result<DataDate, &'static str> {
        let instant = match text.trim_start_matches('-').len() {
            8 if text.parse::<DataDate>().is_ok_and(is_recent) => {
                return Err(
                    "may be a day or seconds since 1970; say --date-format %Y%m%d or --date-format %s",
                );
            }
            digits if digits <= MAX_SECOND_DIGITS => DateTime::from_timestamp(number, 0),
            MILLISECOND_DIGITS => DateTime::from_timestamp_millis(number),
            _ => None,
        };
        let day = instant.map(|instant| self.zone.day_of(instant));
        day.ok_or("has neither at most 11 digits (seconds since 1970) nor 13 (milliseconds)")
    }

    fn by_format(&self, text: &str, format: &str) -> Option<DataDate> {
        let mut parsed = Parsed::new();
        chrono::format::parse(&mut parsed, text, StrftimeItems::new(format)).ok()?;
        if parsed.timestamp().is_some() && parsed.offset().is_none() {
            let instant = parsed.to_datetime_with_timezone(&Utc).ok()?;
            return Some(self.zone.day_of(instant));
        }
        if parsed.offset().is_some()
            && let Ok(instant) = parsed.to_datetime()
        {
            return Some(self.zone.day_of(instant.with_timezone(&Utc)));
        }
        // Without an offset it is the time of the platform's zone already.
        parsed.to_naive_date().ok().map(DataDate::from_naive)
    }
}

/// Whether a day is one that rows may well be of.
fn is_recent(day: DataDate) -> bool {
    (1970..2100).contains(&day.year_month_day().0)
}

/// Whether a day is one that a wrong unit or format makes, and hardly one of data.
pub(super) fn is_far(day: DataDate) -> bool {
    !(2000..2100).contains(&day.year_month_day().0)
}

fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // What is too long for a number has too many digits in any case.
    all.then(|| text.parse().unwrap_or(i64::MAX))
}

fn quoted(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let text = text.trim_matches('"');
    let mut kept: String = text.chars().take(MAX_QUOTED_CHARS).collect();
    if kept.len() < text.len() {
        kept.push('…');
    }
    format!("'{kept}'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;
    use proptest::prelude::*;

    fn field(format: Option<&str>, zone: Zone) -> DateField {
        DateField {
            name: "ts".to_owned(),
            format: format.map(str::to_owned),
            zone,
            wanted: None,
        }
    }

    fn day(value: &str, format: Option<&str>, zone: Zone) -> Result<String, String> {
        let row = format!("{{\"id\":\"1\",\"ts\":{value}}}");
        let day = field(format, zone).day_of(row.as_bytes())?;
        Ok(day.to_string())
    }

    #[test]
    fn instants_become_days_in_the_zone_of_the_platform() {
        let (shanghai, utc) = (Zone::SHANGHAI, Zone::UTC);
        for (value, format, zone, expected) in [
            ("1640966399", None, shanghai, "2021-12-31"),
            ("1640966400", None, shanghai, "2022-01-01"),
            ("1640966400", None, utc, "2021-12-31"),
            ("\"1640966400\"", None, shanghai, "2022-01-01"),
            ("1640966399999", None, shanghai, "2021-12-31"),
            ("\"1640966400000\"", None, shanghai, "2022-01-01"),
            ("0", None, shanghai, "1970-01-01"),
            ("-1", None, utc, "1969-12-31"),
            ("\"2022-01-01\"", None, utc, "2022-01-01"),
            ("\"2021-12-31T16:00:00Z\"", None, shanghai, "2022-01-01"),
            ("\"2022-01-01T00:00:00+08:00\"", None, utc, "2021-12-31"),
            ("\"20220101\"", Some("%Y%m%d"), utc, "2022-01-01"),
            ("20220101", Some("%Y%m%d"), utc, "2022-01-01"),
            ("1640966400", Some("%s"), shanghai, "2022-01-01"),
            (
                "\"2022-01-01 23:59:59\"",
                Some("%Y-%m-%d %H:%M:%S"),
                utc,
                "2022-01-01",
            ),
            (
                "\"2022/01/01 00:30 +0800\"",
                Some("%Y/%m/%d %H:%M %z"),
                utc,
                "2021-12-31",
            ),
        ] {
            assert_eq!(day(value, format, zone).as_deref(), Ok(expected), "{value}");
        }
    }

    #[test]
    fn what_may_mean_two_things_or_none_is_no_date() {
        for (value, format) in [
            ("20220101", None),
            ("\"20220101\"", None),
            ("164096640012", None),
            ("1640966400000000", None),
            ("99999999999999999999999", None),
            ("1640966400.5", None),
            ("1.64e9", None),
            ("null", None),
            ("\"\"", None),
            ("true", None),
            ("{}", None),
            ("\"01/02/2022\"", None),
            ("\"2022-02-30\"", None),
            ("\"2022-01-01 10:00:00\"", None),
            ("1640966400", Some("%Y-%m-%d")),
            ("\"2022-13-01\"", Some("%Y-%m-%d")),
            ("\"2022-01-01x\"", Some("%Y-%m-%d")),
        ] {
            assert!(day(value, format, Zone::UTC).is_err(), "{value} {format:?}");
        }
        assert!(
            day("20220101", None, Zone::UTC)
                .unwrap_err()
                .contains("--date-format %Y%m%d")
        );
    }

    #[test]
    fn the_field_is_found_by_its_name_and_only_once() {
        let field = field(None, Zone::UTC);
        let of = |row: &str| field.day_of(row.as_bytes()).is_ok();
        assert!(of(r#"{ "x" : {"ts":1} , "\u0074s" : 1640966400 }"#));
        assert!(!of(r#"{"x":{"ts":1640966400}}"#));
        assert!(!of(r#"{"ts":1640966400,"ts":1640966400}"#));
        assert!(!of("{}"));
    }

    #[test]
    fn a_format_has_to_say_a_day() {
        for good in [
            "%Y%m%d",
            "%F %T",
            "%s",
            "%d/%b/%Y:%H:%M:%S %z",
            "%Y-%m-%dT%H:%M:%S%.f",
            "%+",
        ] {
            assert!(DateField::is_format(good), "{good}");
        }
        for bad in ["", "%H:%M", "%Y-%m", "yyyy-MM-dd", "%Q", "%"] {
            assert!(!DateField::is_format(bad), "{bad}");
        }
    }

    #[test]
    fn every_part_of_the_question_is_in_the_digest() {
        let base = field(None, Zone::UTC);
        let day = |text: &str| text.parse().unwrap();
        let others = [
            DateField {
                name: "t".to_owned(),
                ..base.clone()
            },
            DateField {
                format: Some("%s".to_owned()),
                ..base.clone()
            },
            DateField {
                zone: Zone::SHANGHAI,
                ..base.clone()
            },
            DateField {
                wanted: Some(vec![day("2022-01-01")]),
                ..base.clone()
            },
            DateField {
                wanted: Some(vec![day("2022-01-01"), day("2022-01-02")]),
                ..base.clone()
            },
            base.clone(),
        ];
        let mut digests: Vec<u128> = others.iter().map(DateField::digest).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), others.len());
    }

    proptest! {
        #[test]
        fn any_second_is_of_the_day_that_a_calendar_says(seconds in 1_000_000_000_i64..99_999_999_999) {
            let there = chrono_tz::Asia::Shanghai.timestamp_opt(seconds, 0).unwrap().date_naive();
            prop_assert_eq!(day(&seconds.to_string(), None, Zone::SHANGHAI), Ok(there.to_string()));
        }

        #[test]
        fn any_value_is_read_without_panic(value: String, format in "[%a-zA-Z:/ ]{0,8}") {
            let row = serde_json::json!({ "ts": value }).to_string();
            let _ = field(None, Zone::UTC).day_of(row.as_bytes());
            if DateField::is_format(&format) {
                let _ = field(Some(&format), Zone::UTC).day_of(row.as_bytes());
            }
        }
    }
}
