//! Days, times and instants as text, with as many digits as they have.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Timelike};
use std::io::Write;

/// Days from 0001-01-01, which is day 1 of the calendar, to 1970-01-01.
const DAYS_BEFORE_EPOCH: i32 = 719_163;
/// Julian day of 1970-01-01, for INT96.
const JULIAN_DAY_OF_EPOCH: i64 = 2_440_588;
const NANOS: i64 = 1_000_000_000;
const SECONDS_A_DAY: i64 = 86_400;

/// An instant, or a time of the calendar without a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instant {
    pub(super) seconds: i64,
    /// 0 to 999,999,999.
    pub(super) nanos: u32,
}

impl Instant {
    /// From a number of units of which a second has so many.
    pub(super) fn of_units(number: i64, per_second: i64) -> Self {
        let nanos = number
            .rem_euclid(per_second)
            .saturating_mul(NANOS / per_second);
        Self {
            seconds: number.div_euclid(per_second),
            nanos: u32::try_from(nanos).unwrap_or_default(),
        }
    }

    /// From the three words of an INT96: nanoseconds of the day, then the Julian day.
    pub(super) fn of_int96(words: &[u32]) -> Option<Self> {
        let [low, high, day] = words else {
            return None;
        };
        let of_day = i64::try_from((u64::from(*high) << 32) | u64::from(*low)).ok()?;
        let day = i64::from(day.cast_signed()).checked_sub(JULIAN_DAY_OF_EPOCH)?;
        let of_day = Self::of_units(of_day, NANOS);
        Some(Self {
            seconds: day
                .checked_mul(SECONDS_A_DAY)?
                .checked_add(of_day.seconds)?,
            ..of_day
        })
    }

    /// Appends it as RFC 3339 has it; false outside the years 0 to 9999.
    pub(super) fn push(self, out: &mut Vec<u8>, suffix: &str) -> bool {
        let Some(at) = DateTime::from_timestamp(self.seconds, self.nanos) else {
            return false;
        };
        if !push_date(out, at.date_naive()) {
            return false;
        }
        out.push(b'T');
        push_clock(out, at.time());
        out.extend_from_slice(suffix.as_bytes());
        true
    }
}

/// Appends a day that is so many days behind 1970-01-01; false outside the years 0 to 9999.
pub(super) fn push_day(out: &mut Vec<u8>, days: i32) -> bool {
    let date = days
        .checked_add(DAYS_BEFORE_EPOCH)
        .and_then(NaiveDate::from_num_days_from_ce_opt);
    date.is_some_and(|date| push_date(out, date))
}

/// Appends a time of the day; false when it is none.
pub(super) fn push_time(out: &mut Vec<u8>, number: i64, per_second: i64) -> bool {
    let Instant { seconds, nanos } = Instant::of_units(number, per_second);
    let time = u32::try_from(seconds)
        .ok()
        .and_then(|seconds| NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos));
    time.map(|time| push_clock(out, time)).is_some()
}

fn push_date(out: &mut Vec<u8>, date: NaiveDate) -> bool {
    let year = date.year();
    let fits = (0..=9999).contains(&year);
    if fits {
        let (month, day) = (date.month(), date.day());
        // Writing to memory does not fail.
        let _ = write!(out, "{year:04}-{month:02}-{day:02}");
    }
    fits
}

fn push_clock(out: &mut Vec<u8>, time: NaiveTime) {
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    let _ = write!(out, "{hour:02}:{minute:02}:{second:02}");
    let nanos = time.nanosecond();
    if nanos > 0 {
        let _ = write!(out, ".{nanos:09}");
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}
