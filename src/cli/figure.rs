//! Numbers, sizes and times as people read them. Machines get plain numbers instead.

pub use crate::text::{counted, grouped};

use std::time::Duration;

/// A number of bytes in binary units, to one decimal.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return counted(bytes, "byte", "bytes");
    }
    // Tenths of the unit below, so that no floating point is needed.
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = "KiB";
    for larger in UNITS.into_iter().skip(1) {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = larger;
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A time to the precision that a glance needs: `0.4s`, `12s`, `3m 20s`, `2h 5m`, `3d 4h`.
pub fn time(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{seconds}.{}s", duration.subsec_millis() / 100),
        10..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// How many a second, rounded down; zero when no time has passed.
pub fn per_second(count: u64, duration: Duration) -> u64 {
    let scaled = u128::from(count) * 1_000_000_000;
    scaled
        .checked_div(duration.as_nanos())
        .map_or(0, |rate| u64::try_from(rate).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_decimal_of_the_fitting_unit() {
        for (bytes, text) in [
            (1, "1 byte"),
            (1023, "1,023 bytes"),
            (1536, "1.5 KiB"),
            (8 << 20, "8.0 MiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn times_show_two_units_at_most() {
        for (millis, text) in [
            (0, "0.0s"),
            (9_950, "9.9s"),
            (59_999, "59s"),
            (200_000, "3m 20s"),
            (7_500_000, "2h 5m"),
            (273_600_000, "3d 4h"),
        ] {
            assert_eq!(time(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn a_rate_over_no_time_is_zero() {
        assert_eq!(per_second(10, Duration::ZERO), 0);
        assert_eq!(per_second(10, Duration::from_millis(500)), 20);
    }
}
